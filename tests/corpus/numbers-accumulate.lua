-- Accumulations in loops: exact integers, rounding, series, fixed points.
local s = 0
for i = 1, 1000 do s = s + 0.1 end
print(string.format("%.10f", s), s == 100)
s = 0
for i = 1, 10 do s = s + 0.1 end
print(s, s == 1, string.format("%.17g", s))

local function pi(n)
  local sum, sign = 0, 1
  for i = 0, n do
    sum = sum + sign / (2 * i + 1)
    sign = -sign
  end
  return 4 * sum
end
print(string.format("%.6f %.6f", pi(10), pi(20000)))

local e, term = 1, 1
for i = 1, 20 do
  term = term / i
  e = e + term
end
print(string.format("%.12f", e))

-- Newton's method, bisection, a fixed point.
local function root(a)
  local x, steps = a, 0
  while math.abs(x * x - a) > 1e-12 * a do
    x = (x + a / x) / 2
    steps = steps + 1
  end
  return x, steps
end
print(string.format("%.9f %d", root(2)), string.format("%.6f", (root(1e10))))
local low, high = 0, 2
for _ = 1, 60 do
  local middle = (low + high) / 2
  if middle ^ 3 - middle - 1 > 0 then high = middle else low = middle end
end
print(string.format("%.9f", low))
local c = 1
for _ = 1, 100 do c = math.cos(c) end
print(string.format("%.9f", c))

-- Integers: products, factorials, powers, checks of exactness.
local f = 1
for i = 1, 18 do f = f * i end
print(string.format("%.0f", f), f % 19, f / 17 / 16)
local p = 1
for i = 1, 53 do p = p * 2 end
print(string.format("%.0f %.0f", p, p - 1), p + 1 == p, p - 1 + 1 == p)
local h = 0
for i = 1, 1000 do h = (h * 31 + i * 17) % 4294967296 end
print(h)
local lcg = 12345
for _ = 1, 1000 do lcg = (lcg * 1103515245 + 12345) % 2147483648 end
print(lcg)
local a, b = 0, 1
for _ = 1, 78 do a, b = b, a + b end
print(string.format("%.0f", a), a % 10)

-- Alternating types of one variable: integer, fraction, string of a number.
local v = 1
for i = 1, 12 do
  if i % 3 == 0 then v = v .. "" elseif i % 3 == 1 then v = v + 0.5 else v = v * 2 end
end
print(v, type(v), v + 0)

-- Vectors, matrices, statistics.
local data, sum, squares = {}, 0, 0
for i = 1, 100 do
  data[i] = (i * 37) % 101 / 4
  sum = sum + data[i]
  squares = squares + data[i] ^ 2
end
local mean = sum / 100
print(mean, string.format("%.6f", math.sqrt(squares / 100 - mean ^ 2)), math.max(unpack(data)), math.min(unpack(data)))
local function determinant(m)
  local n, d = #m, 1
  for i = 1, n do
    local pivot = i
    for r = i + 1, n do
      if math.abs(m[r][i]) > math.abs(m[pivot][i]) then pivot = r end
    end
    if m[pivot][i] == 0 then return 0 end
    if pivot ~= i then
      m[i], m[pivot] = m[pivot], m[i]
      d = -d
    end
    d = d * m[i][i]
    for r = i + 1, n do
      local k = m[r][i] / m[i][i]
      for q = i, n do m[r][q] = m[r][q] - k * m[i][q] end
    end
  end
  return d
end
print(string.format("%.6f %.6f", determinant { { 2, 0, 1 }, { 1, 3, 2 }, { 1, 1, 4 } }, determinant { { 1, 2 }, { 2, 4 } }))

-- Conversions of base, digits, rounding to n places.
local function to_base(n, base)
  local digits = "0123456789abcdefghijklmnopqrstuvwxyz"
  local out = ""
  repeat
    local d = n % base
    out = digits:sub(d + 1, d + 1) .. out
    n = (n - d) / base
  until n == 0
  return out
end
print(to_base(255, 2), to_base(255, 16), to_base(123456789, 36), tonumber(to_base(98765, 7), 7))
local function round(x, places) local k = 10 ^ (places or 0) return math.floor(x * k + 0.5) / k end
print(round(2.5), round(-2.5), round(3.14159, 2), round(1234.5678, -2))
