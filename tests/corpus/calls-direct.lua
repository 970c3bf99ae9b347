-- Calls of library functions that compiled code expects, and what else the same places call.
local floor, sqrt, max, byte, sub, char = math.floor, math.sqrt, math.max, string.byte, string.sub, string.char

-- Through upvalues, globals, methods, locals, in loops with numbers that go on.
local function sum(n)
  local a, b, c = 0, 0, 0
  for i = 1, n do
    local x = i / 3
    a = a + floor(x)
    b = b + math.sqrt(x * x)
    x = floor(x) + x
    c = c + max(x, 50) - math.min(x, 50) + math.abs(-x) + math.ceil(x)
  end
  return a, string.format("%.6f %.6f", b, c)
end
print(sum(1000))

local function bytes(s)
  local n = 0
  for i = 1, #s do
    n = (n * 31 + s:byte(i) + byte(s, -i) + #s:sub(i, i) + s:len()) % 1000003
    if sub(s, i, i) == char(97) then n = n + 1 end
    if type(s) ~= "string" or type(n) ~= "number" or type(nil) ~= "nil" then n = -1 end
  end
  return n
end
print(bytes(string.rep("abcdefg", 200)))

do
  local here, f = 0, math.floor
  for i = 1, 2000 do here = here + f(i / 7) end
  print(here)
end

-- Special numbers.
local function each(f, ...)
  local out = {}
  for i = 1, select("#", ...) do out[i] = tostring(f((select(i, ...)))) end
  return table.concat(out, " ")
end
local function down(x) return (floor(x)) end
local function root(x) return (sqrt(x)) end
local function size(x) return (math.abs(x)) end
for _ = 1, 200 do down(1.5) root(2) size(-1) end
print(each(down, 0.5, -0.5, 1e300, -1e300, 1 / 0, -1 / 0, 2 ^ 31, -2 ^ 31 - 0.5, 2 ^ 53 + 1))
print(1 / down(0), 1 / down(-1 / math.huge), root(16), root(1 / 0), size(-1 / 0), down(0 / 0) ~= down(0 / 0))

-- What isn't a number, and what is one as a string.
local function try(f, ...) return select(2, pcall(f, ...)) end
print(down("3.7"), root("16"), size(" -2 "), try(down, "x"), try(down, {}), try(down))
print(try(root, nil), try(size, true))

-- One place, many functions.
local function apply(f, x) local r = f(x) return r end
local function through(x) return math.floor(x) end
local object = setmetatable({}, { __call = function(_, x) return "called with " .. tostring(x) end })
for round = 1, 3 do
  for i = 1, 300 do apply(floor, i) end
  print(apply(floor, 2.5), apply(sqrt, 4), apply(tostring, 5), apply(object, 6))
  print(apply(function(x, y) return x, y end, 7), apply(function(...) return select("#", ...) end, 8))
  print(try(apply, nil, 1), try(apply, 5, 1), try(apply, "s", 1))
end
for i = 1, 300 do through(i) end
local kept = math.floor
math.floor = function(x) return "mine " .. x end
print(through(1.5))
math.floor = math.ceil
print(through(1.5))
math.floor = print
print(through("printed"))
math.floor = nil
print(pcall(through, 1.5))
math.floor = kept
print(through(1.5))

-- More results wanted, and fewer.
local function counts(x)
  local a, b = floor(x)
  floor(x)
  local t = { floor(x), floor(x) }
  return a, b, #t, select("#", floor(x)), (floor(x))
end
for i = 1, 300 do counts(i) end
print(counts(9.9))

-- More arguments, fewer, any number.
local function args(s, ...)
  return byte(s), byte(s, 2), byte(s, 1, 2), sub(s, 2), sub(s, 2, 3), char(...), max(1), max(3, 2, 4), floor(1.5, "no")
end
for i = 1, 300 do args("abc", 65, 66) end
print(args("abc", 65, 66))
print(try(args, 5), try(args, "abc", -1), try(byte), try(sub, "x"))

-- Where a string ends.
local function at(s, i) local b = byte(s, i) return b end
local function part(s, i, j) local p = s:sub(i, j) return p end
for i = 1, 300 do at("abc", 1) part("abc", 1, 2) end
print(at("abc", 3), at("abc", 4), at("abc", 0), at("abc", -3), at("", 1), at(12, 2), at("abc", "2"))
print(part("hello", 2, 4), part("hello", -3, -2), part("hello", 4, 2), part("hello", 0, 99), part("hello", 3, 3) == "l")
print(try(at, nil, 1), try(part, nil, 1, 2), try(part, {}, 1, 2))
string.sub = function(s, i, j) return "other" end
print(part("hello", 1, 2))
string.sub = sub
print(part("hello", 1, 2))

-- In registers with high numbers.
local function high(x, y)
  local a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
  local s = "abc"
  local t1, t2, t3 = math.floor(x), math.ceil(x), math.abs(x)
  local t4, t5, t6 = math.max(x, y), math.min(x, y), math.sqrt(y)
  local t7, t8, t9 = s:byte(2), char(t1 + 70), s:len()
  local u1, u2 = s:sub(2, 3), type(s)
  return a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p, t1, t2, t3, t4, t5, t6, t7, t8, t9, u1, u2
end
for i = 1, 300 do high(i / 100, 9) end
print(high(-1.5, 16))

-- In place of a return.
local class = { __index = { kind = "object" } }
local function object(t) return setmetatable(t, class) end
local function rest(...) return setmetatable({ ... }, class) end
for i = 1, 300 do object({}) rest(i) end
print(object({}).kind, rest(1, 2, 3)[3], select("#", object({})), pcall(object, 5))
local a, b = object({ 1 })
print(a[1], b, (object({ 2 }))[1], #{ object({}), object({}) })
local real = setmetatable
local function otherwise(f)
  setmetatable = f
  local results = { pcall(object, { kind = "own" }) }
  setmetatable = real
  return unpack(results)
end
print(otherwise(function(t, m) return t.kind, m == class end))
print(otherwise(rawequal)) print(otherwise(nil)) print(otherwise(type))
print(otherwise(function(...) return select("#", ...) end))
local sum = real({}, { __add = function(x, y) return object({ x, y }) end })
local total = 0
for i = 1, 300 do total = total + (sum + i)[2] end
print(total, (sum + 1).kind)
local co = coroutine.wrap(function() return object({ "from a coroutine" }) end)
print(co()[1])
local function late()
  local a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
  return setmetatable({ a + b + c + d + e + f + g + h + i + j + k + l + m + n + o + p }, class)
end
for i = 1, 300 do late() end
print(late()[1], late().kind)
