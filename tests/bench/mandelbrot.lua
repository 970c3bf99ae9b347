-- mandelbrot: escape times over an n by n grid; prints how many points stay,
-- a sum of the escape times and a hash of the bitmap's bytes.
-- Stresses pure float arithmetic in local variables.
-- Argument: n.

local n = tonumber((...)) or 1100
local LIMIT = 50

local inside, total, hash = 0, 0, 5381
for y = 0, n - 1 do
  local ci = 2 * y / n - 1
  local byte, bits = 0, 0
  for x = 0, n - 1 do
    local cr = 2 * x / n - 1.5
    local zr, zi, zr2, zi2 = 0, 0, 0, 0
    local count = 0
    while count < LIMIT and zr2 + zi2 <= 4 do
      zi = 2 * zr * zi + ci
      zr = zr2 - zi2 + cr
      zr2 = zr * zr
      zi2 = zi * zi
      count = count + 1
    end
    total = total + count
    byte = byte * 2
    if count == LIMIT then
      inside = inside + 1
      byte = byte + 1
    end
    bits = bits + 1
    if bits == 8 or x == n - 1 then
      hash = (hash * 33 + byte) % 4294967296
      byte, bits = 0, 0
    end
  end
end
print(inside, total, hash)
