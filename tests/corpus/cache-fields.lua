-- Field access at one place in the program with objects of many layouts, and
-- layouts that change under the access's feet. (Inline caches must not show.)
local function get_x(o) return o.x end
local function set_x(o, v) o.x = v end
local function call_m(o, v) return o:m(v) end

-- One layout, then a second, then many.
local first = { x = 1 }
for _ = 1, 10 do assert(get_x(first) == 1) end
print(get_x(first), get_x { y = 0, x = 2 }, get_x(first), get_x {}, get_x { x = false })
local objects = {}
for i = 1, 20 do
  local o = {}
  for k = 1, i do o["f" .. k] = k end
  o.x = i
  objects[i] = o
end
local sum = 0
for _ = 1, 5 do
  for i = 1, 20 do sum = sum + get_x(objects[i]) end
end
print(sum)
for i = 1, 20 do set_x(objects[i], i * 2) end
sum = 0
for i = 20, 1, -1 do sum = sum + get_x(objects[i]) end
print(sum)

-- A field that comes and goes.
local o = { a = 1 }
print(get_x(o)) o.x = "new" print(get_x(o)) o.x = nil print(get_x(o)) o.x = "again" print(get_x(o))
for i = 1, 5 do
  set_x(o, nil)
  assert(get_x(o) == nil and next(o) == "a")
  set_x(o, i)
  assert(get_x(o) == i)
end
print(get_x(o))

-- The same layout, other metatable.
local mt1, mt2 = { __index = { x = "from mt1" } }, { __index = function(_, k) return "computed " .. k end }
local p, q, r = setmetatable({ a = 1 }, mt1), setmetatable({ a = 1 }, mt2), { a = 1 }
for _ = 1, 3 do print(get_x(p), get_x(q), get_x(r)) end
mt1.__index.x = "changed"
print(get_x(p))
mt1.__index = { x = "other table" }
print(get_x(p))
mt1.__index = nil
print(get_x(p))
setmetatable(p, mt2)
print(get_x(p))
p.x = "own"
print(get_x(p))
p.x = nil
print(get_x(p))

-- Methods: overridden in the class, in the object, taken away again.
local A = {} A.__index = A
function A:m(v) return "A" .. v end
local B = setmetatable({}, A) B.__index = B
local a, b = setmetatable({}, A), setmetatable({}, B)
print(call_m(a, 1), call_m(b, 1))
function B:m(v) return "B" .. v end
print(call_m(a, 2), call_m(b, 2))
function b:m(v) return "own" .. v end
print(call_m(a, 3), call_m(b, 3))
b.m = nil
print(call_m(b, 4))
B.m = nil
print(call_m(b, 5))
function A:m(v) return "A new" .. v end
print(call_m(a, 6), call_m(b, 6))
A.m = nil
print(pcall(call_m, b, 7))
A.m = setmetatable({}, { __call = function(_, self, v) return self == b, v end })
print(call_m(b, 8))
setmetatable(b, nil)
print(pcall(call_m, b, 9))
b.m = function(_, v) return "plain" .. v end
print(call_m(b, 10))

-- __newindex appears and goes.
local log = {}
local watched = setmetatable({}, {})
set_x(watched, 1)
watched.x = nil
getmetatable(watched).__newindex = function(_, k, v) log[#log + 1] = k .. "=" .. tostring(v) end
set_x(watched, 2)
print(rawget(watched, "x"), log[1])
getmetatable(watched).__newindex = nil
set_x(watched, 3)
print(rawget(watched, "x"), #log)
getmetatable(watched).__newindex = function() log[#log + 1] = "never: the field is there" end
set_x(watched, 4)
print(watched.x, #log)

-- Strings, numbers and others at a place used for tables.
print(get_x("text") == nil, pcall(get_x, 1), pcall(get_x))
print(pcall(set_x, "text", 1))
print(get_x { x = get_x }(first))

-- Globals: absent, set, changed, removed, read and written in a loop.
local function read_g() return g_value end
print(read_g())
for i = 1, 3 do g_value = i * 10 io.write(read_g(), " ") end
g_value = nil
print(read_g())
function g_function() return "first" end
local function call_g() return g_function() end
print(call_g())
function g_function() return "second" end
print(call_g())
local old = tostring
tostring = function() return "replaced" end
print(tostring(1))
tostring = old
print(tostring(1))
for i = 1, 100 do g_sum = (g_sum or 0) + i end
print(g_sum)
