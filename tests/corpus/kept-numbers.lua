-- Numbers that loops carry from turn to turn, which compiled code keeps in registers of the
-- processor: they must be what the frame holds however control comes and goes.

-- Sums, with the operands in every order.
local function orders(n)
  local a, b, c, d = 1, 2, 3, 4
  for i = 1, n do
    a = a + b
    b = b - a
    c = a * 0.5 - c
    d = c + d * d % 7
    a = a % 1000 + a % 3
    b = b / (d * d + 1)
    c = c - b - (b - c) * 0.25
    if a < b then a = b elseif b < a then b = a % 5 end
    if c <= d then c = d * 0.5 end
    d = -d
  end
  return a, b, c, d
end
for n = 0, 300, 60 do print(orders(n)) end

-- Values that stop being numbers on the way, and become numbers again.
local Vector = {}
Vector.__index = Vector
local function vector(x) return setmetatable({ x = x }, Vector) end
local function x_of(v) return type(v) == "table" and v.x or v end
Vector.__add = function(a, b) return vector(x_of(a) + x_of(b)) end
Vector.__sub = function(a, b) return x_of(a) - x_of(b) end
Vector.__mul = function(a, b) return vector(x_of(a) * x_of(b)) end
Vector.__lt = function(a, b) return x_of(a) < x_of(b) end
Vector.__le = function(a, b) return x_of(a) <= x_of(b) end

local function changing(n, one, two)
  local sum, product, small = 0, 1, 0
  local log = {}
  for i = 1, n do
    local step = i
    if i % 50 == 0 then step = one elseif i % 70 == 0 then step = two end
    sum = sum + step
    product = product * 0.5 + sum
    if i % 50 == 1 then sum = x_of(sum) end
    if i % 90 == 0 then product = x_of(product) end
    if type(sum) == type(product) and sum < product then small = small + 1 end
    log[#log + 1] = type(sum)
  end
  return x_of(sum), x_of(product), small, table.concat(log, " "):len()
end
print(changing(400, 1, 2))
print(changing(400, "10", "0x10"))
print(changing(400, vector(3), 2))
print(changing(400, vector(3), "7"))
print(pcall(changing, 400, {}, 2))
print(pcall(changing, 400, 5, false))
print(pcall(changing, 400, nil, 2))

-- Calls between: of Lua, of the library, failing ones, and others that yield.
local function twice(x) return x + x end
local function calls(n)
  local a, b = 0, 1
  for i = 1, n do
    a = a + i
    b = b + twice(a) - math.floor(a)
    if i % 40 == 0 then
      local ok, message = pcall(function() return a + {} end)
      b = b + (ok and 1 or #message)
    end
    a = a * 0.5 + b * 0.25
  end
  return a, b
end
print(calls(300))

local function yielding(n)
  local a, b = 1, 1
  while n > 0 do
    a, b = b, a + b
    if a > 1e6 then a = a / 1e6; b = b / 1e6 end
    if n % 25 == 0 then a = a + coroutine.yield(a, b) end
    n = n - 1
  end
  return a, b
end
local one, two = coroutine.wrap(yielding), coroutine.wrap(yielding)
print(one(100))
print(two(90))
for i = 1, 3 do
  print(one(i))
  print(two(i * 10))
end

-- Several ways to a loop's beginning, and out of it; loops in one another.
local function ways(n)
  local count, total, last = 0, 0, 0
  local i = 0
  while i < n and total < 1e9 do
    i = i + 1
    if i % 3 == 0 then
      total = total + i
    else
      local j = 0
      repeat
        j = j + 1
        last = last * 0.5 + j
        if j == 5 then break end
      until last > 8
      total = total + last - j
    end
    count = count + 1
    if count > 250 then return "many", count, total, last end
  end
  return "all", count, total, last
end
print(ways(0))
print(ways(100))
print(ways(1000))

-- Numbers out of tables: present, absent, of other types.
local function from_table(t, n)
  local sum, most = 0, -1 / 0
  for i = 1, n do
    local x = t[i]
    if x then
      sum = sum + t[i]
      sum = sum - t[i] * 0.5
      if t[i] > most then most = t[i] end
    end
  end
  return sum, most
end
local t = {}
for i = 1, 200 do t[i] = (i * 37) % 101 end
print(from_table(t, 200))
t[60] = nil
t[61] = false
print(from_table(t, 200))
t[62] = 0 / 0
local sum, most = from_table(t, 200)
print(sum ~= sum, most)
t[62] = 62
t[150] = "3"
print(pcall(from_table, t, 149))
print(pcall(from_table, t, 200))

-- The debugger changes what a loop carries.
local function changed(n, when)
  local a, b = 0, 0
  for i = 1, n do
    a = a + 1
    b = b + a
    if i == when then
      for index = 1, 20 do
        local name = debug.getlocal(1, index)
        if name == "a" then debug.setlocal(1, index, 1000) end
      end
    end
  end
  return a, b
end
print(changed(300, 0))
print(changed(300, 200))
