-- Calls of library functions that engines carry out themselves, with every number
-- of arguments and results, as tail calls, through pcall, and with what is left
-- to the functions proper.
local function show(...)
  local t = { n = select("#", ...), ... }
  for i = 1, t.n do t[i] = tostring(t[i]) end
  print(t.n, table.concat(t, " "))
end
local function tail(f, ...) return f(...) end
local function both(f, ...)
  show(f(...))
  local a, b, c = f(...)
  show(a, b, c)
  show((f(...)))
  f(...)
  show(tail(f, ...))
  show(pcall(f, ...))
end

local floor, ceil, abs, sqrt, max, min = math.floor, math.ceil, math.abs, math.sqrt, math.max, math.min
for _, x in ipairs { 0, 0.5, -0.5, 1.5, -1.5, 2, -2, 2 ^ 31, -2 ^ 31 - 0.5, 2 ^ 52 - 0.5, -2 ^ 52 + 0.5,
  2 ^ 52 + 1, 1e300, -1e300, 1 / 0, -1 / 0, 0.49999999999999994, -0.49999999999999994, 4503599627370495.5 } do
  show(x, floor(x), ceil(x), abs(x), 1 / floor(x), 1 / ceil(x))
  show(x % 3, x % -3, x % 0.75)
end
both(floor, 3.7); both(floor, "3.7"); both(ceil, -3.7); both(abs, "-2"); both(sqrt, 16)
both(max, 1, 2); both(max, 2, 1); both(max, 1); both(max, 1, 2, 3); both(max, "10", 9)
both(min, 1, 2); both(min, 2, 1); both(min, 1, 2, -3)
for _, f in ipairs { floor, ceil, abs, sqrt, max, min, math.random } do
  print(select("#", pcall(f)), pcall(f, {}))
  print(pcall(f, nil))
end
print(pcall(floor, "x"), pcall(max, 1, "x"), pcall(min, 1, {}))
local n = 0 / 0
print(max(1, n) == 1, max(n, 1) ~= max(n, 1), floor(n) ~= floor(n))

for i = 1, 1000 do
  local x = math.random()
  assert(x >= 0 and x < 1)
  local k = math.random(6)
  assert(k >= 1 and k <= 6 and k == floor(k))
  k = math.random(-3, 3)
  assert(k >= -3 and k <= 3 and k == floor(k))
  assert(math.random(5, 5) == 5)
end
print(pcall(math.random, 0), pcall(math.random, 2, 1), pcall(math.random, 1, 2, 3))
math.randomseed(7)
local first = { math.random(100), math.random(100), math.random() }
math.randomseed(7)
print(first[1] == math.random(100), first[2] == math.random(100), first[3] == math.random())

local s = "hello-world"
for i = -13, 13 do
  show(s:byte(i))
  show(s:sub(i), s:sub(i, i), s:sub(i, 3), s:sub(3, i))
end
both(string.byte, "A"); both(string.byte, "ABC", 2); both(string.byte, "ABC", 1, 3); both(string.byte, "", 1)
both(string.byte, 12, 1); both(string.byte, "ABC", "2"); both(string.byte, "ABC", 1.9); both(string.byte, "ABC", 1e10)
both(string.sub, "ABC", 2); both(string.sub, "ABC", 1.9, 2.9); both(string.sub, 123, 2, 2); both(string.sub, "ABC", "2", "2")
both(string.sub, "ABC", -1e10, 1e10); both(string.sub, "ABC", -2 ^ 31, 2 ^ 31); both(string.sub, "ABC", 1, -2 ^ 31)
both(string.char, 65); both(string.char); both(string.char, 65, 66); both(string.char, "65"); both(string.char, 65.9)
both(string.len, "abc"); both(string.len, 12); both(string.len, "")
for _, f in ipairs { string.byte, string.sub, string.char, string.len } do
  print(pcall(f, {}))
  print(pcall(f, "x", {}))
end
print(pcall(string.char, 256), pcall(string.char, -1), pcall(string.sub), pcall(string.sub, "x"), pcall(string.len))

both(assert, 1); both(assert, 1, 2, 3); both(assert, "x", nil)
print(pcall(assert), pcall(assert, nil), pcall(assert, false, "no"), pcall(assert, nil, {}))
local object = setmetatable({}, { __metatable = "closed" })
both(getmetatable, {}); both(getmetatable, object); both(getmetatable, 1)
print(getmetatable("").__index == string, pcall(getmetatable))
both(rawequal, 1, 1); both(rawequal, 1, 2); both(rawequal, "a", "a"); both(rawequal, n, n); both(rawequal, {}, {})
print(pcall(rawequal, 1))
local list = { 10, 20, 30 }
both(rawget, list, 2); both(rawget, list, 4); both(rawget, list, "x"); both(rawget, list, 1.5); both(rawget, list, "2")
print(pcall(rawget, list), pcall(rawget, 1, 1))
both(tonumber, 5); both(tonumber, "0x10"); both(tonumber, "z", 36); both(tonumber, nil); both(tonumber, 10, 16)
both(tostring, "x"); both(tostring, 12); both(tostring, nil); both(tostring, true)
print(pcall(tonumber), pcall(tostring), pcall(type))
both(type, nil); both(type, 1); both(type, "x"); both(type, {}); both(type, print); both(type, both)
both(type, true); both(type, false); both(type, coroutine.create(both)); both(type, n)

both(select, "#"); both(select, "#", 1, nil, nil); both(select, 2, "a", "b", "c"); both(select, -1, "a", "b", "c")
both(select, 4, "a", "b", "c"); both(select, "2", "a", "b", "c"); both(select, 1.9, "a", "b")
print(pcall(select), pcall(select, 0), pcall(select, -2, 1), pcall(select, {}))

both(unpack, {}); both(unpack, { 1 }); both(unpack, list); both(unpack, { 1, nil, 3 }); both(unpack, list, 2); both(unpack, list, 2, 3)
both(unpack, { nil, nil, 3 }); both(unpack, list, 2, 5)
local long = {}
for i = 1, 300 do long[i] = i end
print(select("#", unpack(long)), (select(300, unpack(long))))
for k = 38, 46 do
  for i = 1, 60 do long[i] = i <= k and i or nil end
  local t = { unpack(long, 1, k) }
  print(#t, select("#", unpack(t)), max(unpack(t)), (select(k, unpack(t))))
end
print(pcall(unpack), pcall(unpack, 1))

for k, v in ipairs(list) do show(k, v) end
for k, v in pairs(list) do show(k, v) end
show(select(3, ipairs(list)))
show(select(3, pairs(list)))
local f, state, control = ipairs(list)
show(f(state, control))
f, state, control = pairs(list)
show(f(state, control))
print(select("#", ipairs(list)), select("#", pairs(list)), pcall(ipairs), pcall(pairs, 1))

-- Functions stay what they are under other names and in other tables.
local t = { f = math.floor }
print(t.f(1.5), (function(...) return ... end)(math.floor(2.5)), math.max(math.floor(3.5), math.ceil(3.5)))
-- The length of lists with holes, as the reference has it.
print(#{ 1, nil, 2 }, #{ 1, 2, nil, 4 }, #{ nil, nil, 3 }, #{ nil }, #{ n = 1 }, #{})
-- Lists that grow and shrink at their end.
local insert, remove = table.insert, table.remove
local t = {}
print(remove(t), #t, select("#", remove(t)))
for i = 1, 100 do insert(t, i * 2) assert(#t == i) end
print((insert(t, "last")), #t, t[101])
for i = 101, 1, -1 do
  local v = remove(t)
  assert(v == (i == 101 and "last" or i * 2) and #t == i - 1)
end
print(#t, next(t), remove(t), select("#", remove(t)))
insert(t, nil)
print(#t)
insert(t, "a") insert(t, "b") insert(t, 1, "c") insert(t, 2, "d")
print(table.concat(t, " "), remove(t, 1), remove(t), remove(t, 1), table.concat(t, " "))
t = { 1, 2, 3 }
print(remove(t), remove(t), #t, remove(t), remove(t), #t)
t = setmetatable({ 1 }, { __newindex = error, __index = error })
insert(t, 2)
print(#t, t[2], (remove(t)), #t)
t = {}
for i = 1, 9 do t[i] = i end
t[5] = nil
print(#t, remove(t), #t)
print(pcall(insert, nil, 1), pcall(insert, {}), pcall(insert, {}, 1, 2, 3), pcall(remove), pcall(remove, 1))
print(string.format("%d|%d|%s|%s|%d", -5, 3.99, "x", 12, "7"), pcall(string.format, "%d", "x"), pcall(string.format, "%d"))
print(string.format("%d %d %d", 0, -2 ^ 53, 2 ^ 53), #string.format("%s", ("a\0b"):rep(50)), #string.format("%s", "a\0b"))
print(string.format("%x %X %o %u", 255, 48879, 8, 12), pcall(string.format, "%s%s", "a", true))
print(table.concat({ 1, 2.5, "x" }, ", "), table.concat({ "a", "b", "c" }, "", 2), table.concat({ "a", "b", "c" }, "-", 3, 2))
print(pcall(table.concat, { 1, {}, 3 }, ","), pcall(table.concat, { 1, 2 }, ",", 1, 3))
-- Powers.
for _, x in ipairs { 0, 1, -1, 2, -3, 0.5, 1.1, -1.1, 9.87654321, 1e10, 1e200, 1e-200, 1 / 0, -1 / 0 } do
  local line = {}
  for _, y in ipairs { 0, 1, 2, 3, 4, 7, -1, -2, -3, 16, 32, 33, 0.5, -0.5, 1.5 } do
    local r = x ^ y
    line[#line + 1] = r ~= r and "nan" or string.format("%.15g", r)
    assert(r ~= r or math.pow(x, y) == r)
  end
  print(table.concat(line, " "))
end
for _, x in ipairs { 2.75, -2.75, 0, 3, -3, 1e300, 1 / 0, -1 / 0, 2 ^ 52 + 0.5 } do show(math.modf(x)) show((math.modf(x))) show(math.frexp(x)) end
