-- matmul: multiplies two n by n matrices, with the second one transposed.
-- Stresses float arithmetic on arrays of arrays.
-- Argument: n.

local n = tonumber((...)) or 360

local function make(n, scale)
  local m = {}
  for i = 1, n do
    local row = {}
    for j = 1, n do row[j] = scale * (i - j) * (i + j - 2) end
    m[i] = row
  end
  return m
end

local function transpose(m)
  local t = {}
  for j = 1, #m[1] do
    local row = {}
    for i = 1, #m do row[i] = m[i][j] end
    t[j] = row
  end
  return t
end

local function multiply(a, b)
  local columns = transpose(b)
  local product = {}
  for i = 1, #a do
    local row, out = a[i], {}
    for j = 1, #columns do
      local column = columns[j]
      local sum = 0
      for k = 1, #column do sum = sum + row[k] * column[k] end
      out[j] = sum
    end
    product[i] = out
  end
  return product
end

local scale = 1 / n / n
local p = multiply(make(n, scale), make(n, scale))
local middle = math.floor(n / 2) + 1
local trace = 0
for i = 1, n do trace = trace + p[i][i] end
print(string.format("%.9g %.9g %.9g", p[middle][middle], p[1][n], trace))
