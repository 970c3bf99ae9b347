-- spectral-norm: the largest singular value of an infinite matrix, cut at n,
-- by the power method.
-- Stresses calls of a small float function in an inner loop over arrays.
-- Argument: n.

local n = tonumber((...)) or 700

local function a(i, j)
  local ij = i + j - 1
  return 1.0 / (ij * (ij - 1) * 0.5 + i)
end

-- out = A x
local function multiply(x, out)
  for i = 1, n do
    local sum = 0
    for j = 1, n do sum = sum + x[j] * a(i, j) end
    out[i] = sum
  end
end

-- out = A^T x
local function multiply_transposed(x, out)
  for i = 1, n do
    local sum = 0
    for j = 1, n do sum = sum + x[j] * a(j, i) end
    out[i] = sum
  end
end

local u, v, t = {}, {}, {}
for i = 1, n do u[i] = 1 end
for _ = 1, 10 do
  multiply(u, t)
  multiply_transposed(t, v)
  multiply(v, t)
  multiply_transposed(t, u)
end

local vBv, vv = 0, 0
for i = 1, n do
  vBv = vBv + u[i] * v[i]
  vv = vv + v[i] * v[i]
end
print(string.format("%.9f", math.sqrt(vBv / vv)))
