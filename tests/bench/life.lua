-- life: Conway's game on a torus, from an acorn and some gliders.
-- Stresses two-dimensional arrays of small integers.
-- Argument: number of generations.

local generations = tonumber((...)) or 1500
local WIDTH, HEIGHT = 96, 64

local function new_grid()
  local grid = {}
  for y = 1, HEIGHT do
    local row = {}
    for x = 1, WIDTH do row[x] = 0 end
    grid[y] = row
  end
  return grid
end

local function stamp(grid, y, x, rows)
  for dy, row in ipairs(rows) do
    for dx = 1, #row do
      if row:byte(dx) == 35 then grid[y + dy - 1][x + dx - 1] = 1 end -- '#'
    end
  end
end

local function step(from, to)
  local alive = 0
  for y = 1, HEIGHT do
    local above = from[y == 1 and HEIGHT or y - 1]
    local here = from[y]
    local below = from[y == HEIGHT and 1 or y + 1]
    local out = to[y]
    local left = WIDTH
    for x = 1, WIDTH do
      local right = x == WIDTH and 1 or x + 1
      local sum = above[left] + above[x] + above[right]
        + here[left] + here[right]
        + below[left] + below[x] + below[right]
      local cell = (sum == 3 or (sum == 2 and here[x] == 1)) and 1 or 0
      out[x] = cell
      alive = alive + cell
      left = x
    end
  end
  return alive
end

local function hash(grid)
  local h = 17
  for y = 1, HEIGHT do
    for x = 1, WIDTH do h = (h * 3 + grid[y][x]) % 1000000007 end
  end
  return h
end

local now, later = new_grid(), new_grid()
stamp(now, 30, 40, { ".#.....", "...#...", "##..###" })
stamp(now, 3, 3, { ".#.", "..#", "###" })
stamp(now, 50, 80, { "##.", "#.#", "#.." })

local alive
for generation = 1, generations do
  alive = step(now, later)
  now, later = later, now
  if generation % 50 == 0 then
    print(string.format("generation %4d: %4d alive", generation, alive))
  end
end
print(alive, hash(now))
