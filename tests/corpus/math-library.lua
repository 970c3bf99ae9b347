-- The math library: exact results as they are, others to 12 digits.
local function near(...)
  local out = {}
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    out[i] = v ~= v and "nan" or string.format("%.12g", v)
  end
  print(table.concat(out, " "))
end
print(math.floor(3.7), math.floor(-3.7), math.floor(5), math.floor(-0.5), math.floor(1e300), math.floor(2 ^ 53))
print(math.ceil(3.2), math.ceil(-3.2), math.ceil(5), math.ceil(0.5), math.ceil(-1e300))
print(math.abs(-5), math.abs(5), math.abs(0), math.abs(-math.huge), math.abs(-0.5))
print(math.max(1, 5, 3), math.max(-1), math.max(2, 2.5), math.min(1, 5, 3), math.min(-1, -math.huge), math.max(-math.huge, math.huge))
print(math.sqrt(16), math.sqrt(2) ^ 2 > 1.99, math.sqrt(0), math.sqrt(1e100), math.sqrt(-1) ~= math.sqrt(-1))
print(math.fmod(7, 3), math.fmod(-7, 3), math.fmod(7, -3), math.fmod(-7, -3), math.fmod(5.5, 2), math.fmod(1e15, 7), math.fmod(3, math.huge))
print(math.modf(3.7)) print(math.modf(-3.7)) print(math.modf(5)) print(math.modf(math.huge)) print(math.modf(-math.huge))
print(math.pow(2, 10), math.pow(4, 0.5), math.pow(2, -1), math.pow(0, 0), math.pow(-2, 3))
print(math.frexp(8)) print(math.frexp(0.3)) print(math.frexp(0)) print(math.frexp(-6.5)) print(math.frexp(5e-324))
print(math.ldexp(0.5, 4), math.ldexp(1, -1), math.ldexp(0.75, 10), math.ldexp(1, 1024), math.ldexp(1, -1074), math.ldexp(0, 5))
near(math.sin(0), math.sin(1), math.sin(-1), math.sin(math.pi / 2), math.sin(100), math.sin(1e6))
near(math.cos(0), math.cos(1), math.cos(-1), math.cos(math.pi), math.cos(100), math.cos(1e6))
near(math.tan(0), math.tan(1), math.tan(-1), math.tan(math.pi / 4), math.tan(100))
near(math.asin(0), math.asin(1), math.asin(-0.5), math.acos(1), math.acos(0), math.acos(-0.5))
near(math.atan(0), math.atan(1), math.atan(-1), math.atan(math.huge), math.atan(0.5))
near(math.atan2(1, 1), math.atan2(-1, 1), math.atan2(1, -1), math.atan2(-1, -1), math.atan2(0, 1), math.atan2(0, -1), math.atan2(1, 0))
near(math.sinh(1), math.cosh(1), math.tanh(1), math.sinh(-2), math.cosh(0), math.tanh(20))
near(math.exp(0), math.exp(1), math.exp(-1), math.exp(10), math.exp(700), math.exp(-1000))
near(math.log(1), math.log(2), math.log(10), math.log(1e300), math.log(0), math.log(math.exp(1)))
near(math.log10(1), math.log10(100), math.log10(2), math.log10(1e-5))
near(math.deg(math.pi), math.deg(1), math.rad(180), math.rad(1), math.pi)
print(math.huge, -math.huge, math.huge == 1 / 0, math.pi > 3.14159265358979 and math.pi < 3.1415926535898)
near(math.sin(math.huge), math.asin(2), math.log(-1), math.fmod(1, 0), math.sqrt(-1), math.acos(2))

-- Random numbers: ranges and repeatability only, for the sequence is not laid down.
math.randomseed(42)
local first = {}
for i = 1, 20 do first[i] = math.random(1000) end
math.randomseed(42)
local same, inside = true, true
for i = 1, 20 do same = same and first[i] == math.random(1000) end
for _ = 1, 1000 do
  local a, b, c = math.random(), math.random(6), math.random(-3, 3)
  inside = inside and a >= 0 and a < 1 and b >= 1 and b <= 6 and b == math.floor(b) and c >= -3 and c <= 3 and c == math.floor(c)
end
print(same, inside, math.random(1), math.random(5, 5))
local seen = {}
for _ = 1, 500 do seen[math.random(4)] = true end
print(seen[1], seen[2], seen[3], seen[4], seen[0], seen[5])

-- Identities.
local ok = true
for i = -50, 50 do
  local x = i / 7
  ok = ok and math.abs(math.sin(x) ^ 2 + math.cos(x) ^ 2 - 1) < 1e-12
  ok = ok and math.floor(x) <= x and x < math.floor(x) + 1 and math.ceil(x) == -math.floor(-x)
  local whole, part = math.modf(x)
  ok = ok and whole + part == x
  local m, e = math.frexp(x)
  ok = ok and math.ldexp(m, e) == x
  ok = ok and math.abs(math.log(math.exp(x)) - x) < 1e-9
end
print(ok)
