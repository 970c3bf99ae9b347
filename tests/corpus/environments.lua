-- setfenv and getfenv: closures, levels, natives, threads; globals through any table.
local function show(...) print(...) end
local real = getfenv(1)
print(real == _G, getfenv() == _G, getfenv(print) == _G, getfenv(0) == _G)

-- A function in another environment; inherited by the functions it makes.
local function f() x = 1; return x, y, function() return x end end
local env = {y = 5}
print(setfenv(f, env) == f, getfenv(f) == env)
local a, b, g = f()
print(a, b, g(), env.x, x, getfenv(g) == env)

-- The same code over many environments: tables from constructors, empty ones with
-- fields added later, with metatables, with many fields, with array parts.
local function get() return value end
local function set(v) value = v end
local function both(e, what)
  setfenv(get, e); setfenv(set, e)
  local r = {}
  for i = 1, 3 do r[#r + 1] = tostring(get()); set(i) end
  r[#r + 1] = tostring(get())
  print(what, table.concat(r, " "), rawget(e, "value"))
end
both({}, "empty")
both({value = "v"}, "field")
both({1, 2, 3, value = "array"}, "array")
both({a = 1, b = 2, c = 3, d = 4, value = 9, e = 5}, "inline")
local many = {}
for i = 1, 300 do many["k" .. i] = i end
both(many, "dictionary")
local late = {}
late.value = "late"
both(late, "late")
both(setmetatable({}, {__index = {value = "inherited"}}), "index table")
both(setmetatable({}, {__index = function(_, k) return "made " .. k end}), "index function")
local log = {}
both(setmetatable({}, {__newindex = function(_, k, v) log[#log + 1] = k .. v end}), "newindex")
print(table.concat(log, " "))
both({value = "again"}, "field")
late.value = nil
both(late, "removed")
local e = {value = "first"}
setfenv(get, e)
print(get())
setmetatable(e, {__index = function() return "meta" end})
print(get())
e.value = nil
print(get())
e.value = "back"
print(get())

-- Hot loops over environments that change under way.
local sum = 0
for i = 1, 200 do
  setfenv(get, i % 3 == 0 and {value = i} or i % 3 == 1 and {other = 1, value = 2 * i} or env)
  env.value = -i
  sum = sum + get()
end
print(sum)

-- Levels.
local function level1() local get = getfenv; setfenv(1, {print = print}); print(x, tostring == nil); return get(1) end
local function level2()
  local function inner() setfenv(2, {mark = "mark", show = show}) end
  inner()
  show(mark)
end
print(level1() ~= _G)
level2()
print(select(2, pcall(setfenv, 100, {})))
print(select(2, pcall(getfenv, 100)))
print(select(2, pcall(setfenv, -1, {})))
print(select(2, pcall(setfenv, print, {})))
print(select(2, pcall(setfenv, "x", {})))
print(select(2, pcall(setfenv, function() end, 1)))
print(select(2, pcall(getfenv, {})))

-- Errors name what can't be indexed or called.
setfenv(get, {})
local function undefined() return nothing.field end
setfenv(undefined, {})
print(pcall(undefined))
local function absent() missing() end
setfenv(absent, setmetatable({}, {__index = {}}))
print(pcall(absent))

-- The environment of a coroutine's thread is what loadstring gives.
local co = coroutine.create(function()
  setfenv(0, {v = "thread"})
  coroutine.yield(loadstring("return v")())
  return loadstring("return v")()
end)
print(coroutine.resume(co))
print(coroutine.resume(co))
print(loadstring("return v")())

-- Modules by environment, and sandboxes.
local function module(name)
  local m = setmetatable({}, {__index = _G})
  _G[name] = m
  setfenv(2, m)
end
local function make() module("mod"); function hello() return "hello from " .. type(mod) end; counter = 0; function up() counter = counter + 1; return counter end end
make()
print(mod.hello(), mod.up(), mod.up(), counter, mod.counter)
local box = setfenv(assert(loadstring("a = 1; b = a + 1; return a, b, print")), {})
print(box())
