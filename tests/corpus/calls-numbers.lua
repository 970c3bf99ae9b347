-- Calls of library functions between arithmetic: arguments just computed or moved, results
-- used at once, in loops and in straight lines, and functions that are others meanwhile.
local floor, ceil, abs, sqrt, max, min = math.floor, math.ceil, math.abs, math.sqrt, math.max, math.min
local byte, len = string.byte, string.len

local function show(r)
  if type(r) ~= "number" then return tostring(r) end
  if r ~= r then return "nan" end
  if r == 0 then return 1 / r < 0 and "-0" or "0" end
  return string.format("%.17g", r)
end

local zero = 0
local values = { zero, -zero, 0.5, -0.5, 1, -1, 2.5, -2.5, 7, 1e15 + 0.5, -1e15 - 0.5, 2^52, 2^53, -2^53,
  2^53 + 2, 1e300, -1e300, 1e-300, -1e-300, 5e-324, 1 / 0, -1 / 0, 0 / 0, "16", "-2.5", " 0x10 " }

-- The argument is what was just computed, or what was moved.
local function computed(f, x, k)
  local a = f(x * k) + 1
  local b = 2 * f(x + k)
  local c = f(-x)
  local d = f(x) / 2
  return a, b, c, d
end
local function each(x, k)
  local a = floor(x / k) * k
  local b = k - ceil(x / k)
  local c = abs(x - k) % 3
  local d = sqrt(x * x) + sqrt(x * k)
  local e = max(x, k) - min(x, k)
  local y = x + 0
  local g = floor(y)
  local h = ceil(g)
  local i = abs(h)
  return a, b, c, d, e, g, h, i
end
for round = 1, 2 do
  for _, x in ipairs(values) do
    local out = {}
    for _, f in ipairs { floor, ceil, abs, sqrt } do
      for _, r in ipairs { computed(f, x, 3) } do out[#out + 1] = show(r) end
    end
    if type(x) == "number" then
      for _, r in ipairs { each(x, 0.75) } do out[#out + 1] = show(r) end
    end
    if round == 2 then print(x == x and show(x) or "nan", table.concat(out, " ")) end
  end
end

-- In loops: carried from turn to turn.
local function digits(n, base)
  local sum, count = 0, 0
  while n > 0 do
    sum = sum + n % base
    n = floor(n / base)
    count = count + 1
  end
  return sum, count
end
print(digits(1234567890123, 10))
print(digits(2^52 - 1, 7))
local function spigot(n)
  local a, carry = {}, 0
  for i = 1, n do a[i] = i * 7919 % 1000 end
  for _ = 1, 5 do
    for i = n, 1, -1 do
      local x = 10 * a[i] + carry * i
      local d = 2 * i - 1
      a[i] = x % d
      carry = floor(x / d)
    end
  end
  return carry, a[1], a[2], a[n]
end
print(spigot(50))
local function roots(n)
  local sum, last, lowest, highest = 0, 0, 1e9, -1e9
  for i = 1, n do
    local x = i * 0.37 - 20
    last = sqrt(abs(x))
    sum = sum + last * ceil(x) - floor(-x)
    lowest = min(lowest, last)
    highest = max(last, highest)
    if abs(last - 3) < 0.05 then sum = sum + abs(sum) end
  end
  return sum, last, lowest, highest
end
print(roots(300))
local function newton(x)
  local guess, turns = x, 0
  repeat
    local before = guess
    guess = (before + x / before) / 2
    turns = turns + 1
  until abs(guess - before) < 1e-9 or turns > 100
  return guess, turns
end
print(newton(2), newton(12345.678))
local function hash(s)
  local h = 5381
  for i = 1, len(s) do
    h = (h * 33 + byte(s, i)) % 4294967296
    local b = byte(s, i)
    local c = b - 32
    h = h + c
  end
  return h, len(s) * 2 + 1
end
print(hash("The quick brown fox jumps over the lazy dog"))

-- Moves of numbers, and of other things on the same way.
local function moves(n, other)
  local a, b, c = 0, 1, nil
  for i = 1, n do
    c = a
    a = b
    b = c + b
    local d = b
    local e = d
    if e ~= b then print("differ") end
    if i == n then a = other end
  end
  return a, b, c
end
print(moves(30, "text"))
print(moves(70, nil))
print(moves(10, false))
local function turn(list, n)
  local x = list[1]
  for i = 1, n do
    local y = list[i]
    x = y
    if type(x) == "number" then x = x + 1 end
    list[i] = x
  end
  return x
end
print(turn({ 1, "2", true, 4, false }, 5), turn({ 1, 2, 3 }, 3))
local function gcd(a, b)
  while b ~= 0 do a, b = b, a % b end
  return a
end
print(gcd(1071, 462), gcd(2^40, 6^12))

-- The functions become others, while code is compiled for what they were.
local held = floor
local function through(f, n)
  local sum = 0
  for i = 1, n do
    sum = sum + held(i / 2) * 2
    local r = f(sum / 3)
    sum = r
  end
  return sum
end
print(through(floor, 40))
print(through(ceil, 40))
held = function(x) return x + 0.25 end
print(through(function(x) return x * 2.5 end, 10))
held = abs
print(through(sqrt, 40))
held = setmetatable({}, { __call = function(_, x) return x - 1 end })
print(through(floor, 40))
print(pcall(through, "x", 1))

-- What isn't a number, and what isn't there.
print(pcall(function() local x = {}; return floor(x) end))
print(pcall(function() local x; return sqrt(x) + 1 end))
print(pcall(function() return abs("x" .. 1) end))
print(pcall(function() local f; local x = 1; return f(x + 1) end))
print(floor("7.9") + 1, sqrt("16") * 2, abs("-3") - 1, ceil("0.1") + 1)
local calls = 0
local number = setmetatable({}, { __add = function(a, b) calls = calls + 1; return 41.5 end,
  __div = function() return "12.5" end })
for _ = 1, 3 do
  local r = floor(number + 1)
  local q = floor(number / 2) + r
  print(r, q, calls)
end
