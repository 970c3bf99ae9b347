-- heat: heat spreading over a square plate with fixed edges (Jacobi's method).
-- Stresses float arithmetic on two-dimensional arrays.
-- Argument: number of sweeps.

local sweeps = tonumber((...)) or 1500
local SIZE = 100

local function new_plate()
  local plate = {}
  for y = 0, SIZE + 1 do
    local row = {}
    for x = 0, SIZE + 1 do row[x] = 0 end
    plate[y] = row
  end
  for i = 0, SIZE + 1 do
    plate[0][i] = 99.7
    plate[SIZE + 1][i] = i * 0.3
    plate[i][0] = 74.9
  end
  return plate
end

local function sweep(from, to)
  local change = 0
  for y = 1, SIZE do
    local above, here, below, out = from[y - 1], from[y], from[y + 1], to[y]
    for x = 1, SIZE do
      local old = here[x]
      local new = 0.25 * (above[x] + below[x] + here[x - 1] + here[x + 1])
      out[x] = new
      local d = new - old
      if d < 0 then d = -d end
      if d > change then change = d end
    end
  end
  return change
end

local a, b = new_plate(), new_plate()
local change
for i = 1, sweeps do
  change = sweep(a, b)
  a, b = b, a
end
local sum = 0
for y = 1, SIZE do
  for x = 1, SIZE do sum = sum + a[y][x] end
end
print(string.format("%.9g %.9g %.9g %.9g", change, sum, a[1][1], a[SIZE][SIZE]))
print(string.format("%.9g", a[SIZE / 2][SIZE / 2]))
