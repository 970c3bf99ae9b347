-- A sudoku solver by constraint propagation and search, on three puzzles.
local PUZZLES = {
  "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79",
  "..3.2.6..9..3.5..1..18.64....81.29..7.......8..67.82....26.95..8..2.3..9..5.1.3..",
  "4.....8.5.3..........7......2.....6.....8.4......1.......6.3.7.5..2.....1.4......",
}

-- For every cell the cells that share a row, column or box with it.
local peers = {}
for c = 0, 80 do
  local row, column = math.floor(c / 9), c % 9
  local box = math.floor(row / 3) * 3 + math.floor(column / 3)
  local list = {}
  for d = 0, 80 do
    local r, k = math.floor(d / 9), d % 9
    if d ~= c and (r == row or k == column or math.floor(r / 3) * 3 + math.floor(k / 3) == box) then
      list[#list + 1] = d
    end
  end
  peers[c] = list
end

local steps

local assign

-- Removes a candidate; false if that leaves a cell with none.
local function eliminate(cells, c, digit)
  local candidates = cells[c]
  if not candidates[digit] then return true end
  candidates[digit] = nil
  candidates.count = candidates.count - 1
  if candidates.count == 0 then return false end
  if candidates.count == 1 then
    for d = 1, 9 do
      if candidates[d] then
        for _, p in ipairs(peers[c]) do
          if not eliminate(cells, p, d) then return false end
        end
      end
    end
  end
  return true
end

function assign(cells, c, digit)
  for d = 1, 9 do
    if d ~= digit and not eliminate(cells, c, d) then return false end
  end
  return cells[c][digit] ~= nil
end

local function copy(cells)
  local out = {}
  for c = 0, 80 do
    local from, to = cells[c], { count = cells[c].count }
    for d = 1, 9 do to[d] = from[d] end
    out[c] = to
  end
  return out
end

local function search(cells)
  steps = steps + 1
  local best, least = nil, 10
  for c = 0, 80 do
    local count = cells[c].count
    if count > 1 and count < least then best, least = c, count end
  end
  if not best then return cells end
  for d = 1, 9 do
    if cells[best][d] then
      local try = copy(cells)
      if assign(try, best, d) then
        local solved = search(try)
        if solved then return solved end
      end
    end
  end
  return nil
end

local function solve(text)
  local cells = {}
  for c = 0, 80 do
    cells[c] = { count = 9 }
    for d = 1, 9 do cells[c][d] = true end
  end
  steps = 0
  for c = 0, 80 do
    local digit = tonumber(text:sub(c + 1, c + 1))
    if digit and not assign(cells, c, digit) then return nil end
  end
  return search(cells)
end

local function show(cells)
  for row = 0, 8 do
    local line = {}
    for column = 0, 8 do
      for d = 1, 9 do
        if cells[row * 9 + column][d] then line[#line + 1] = d end
      end
    end
    print(table.concat(line))
  end
end

for i, puzzle in ipairs(PUZZLES) do
  local cells = solve(puzzle)
  print("puzzle " .. i, cells and "solved" or "impossible", "searched " .. steps)
  if cells then show(cells) end
end
print(solve("11" .. ("."):rep(79)))
