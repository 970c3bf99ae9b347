-- Hooks: which events come in which order, in both kinds of functions, coroutines,
-- metamethods and tail calls.
local log = {}
local function hook(e, l) log[#log+1] = e .. (l and (":" .. l) or "") end
local function f(x)
  local y = x + 1
  return y
end
debug.sethook(hook, "crl")
f(1)
local t = {}
for i = 1, 3 do
  t[i] = f(i)
end
pcall(f, 3)
pcall(error, "x")
local co = coroutine.wrap(function() coroutine.yield(1) f(2) end)
co() co()
string.rep("x", 3)
local function g(...) return f(...) end
g(1)
debug.sethook()
print(table.concat(log, " "))
-- natives that call back, with errors through them
do
  local log = {}
  local function hook(e) log[#log+1] = e end
  local function va(...) return ... end
  debug.sethook(hook, "cr")
  pcall(va, 1, 2)
  pcall(table.sort, {3, 2, 1}, function(a, b) error("cmp") end)
  pcall(string.gsub, "ab", ".", function(c) return nil + 1 end)
  table.sort({2, 1}, function(a, b) return a < b end)
  xpcall(function() error("x") end, function(m) return m end)
  pcall(pcall, error, "x")
  pcall(coroutine.wrap(function() error("in") end))
  debug.sethook()
  print(table.concat(log, " "))
end
-- errors in hooks
print(pcall(function()
  local x = 1
  return x
end))
print(pcall(function() debug.sethook(function() debug.sethook() error("in hook2") end, "l")
  local x = 1
  return x
end))
print(debug.gethook())
-- count
local n = 0
debug.sethook(function() n = n + 1 end, "", 1)
for i = 1, 1000 do end
debug.sethook()
print(n > 1000 and n < 1012)
-- open lists
local k = 0
debug.sethook(function() k = k + 1; string.rep("a", 10) end, "crl", 1)
local function va(...) return ... end
local r = {va(1, 2, va(3, 4, 5))}
print(unpack(r))
print(select('#', va(va(1, nil, nil))))
local s = table.concat({va("a", "b", "c")}, ",")
debug.sethook()
print(s)
-- yield in a hook
local co2 = coroutine.create(function()
  debug.sethook(function() coroutine.yield() end, "l")
  local a = 1
end)
print(coroutine.resume(co2))
-- metamethods
log = {}
local mt = setmetatable({}, {__index = function(t, k) return k end, __lt = function() return true end, __concat = function() return "cc" end,
  __newindex = function(t, k, v) rawset(t, k, v) end, __call = function() end})
debug.sethook(hook, "crl")
local v = mt.foo
v = mt < mt
v = mt .. "x"
v = tostring(mt < mt and 1
   or 2)
mt.x = 5
mt(1,2)
debug.sethook()
print(table.concat(log, " "))
-- native hook
debug.sethook(print, "l")
local z = 1
debug.sethook()
-- hook seen by getinfo
debug.sethook(function(e, l)
  local i = debug.getinfo(2, "lS")
  print(e, l, i.currentline, i.what)
end, "crl")
math.sin(1)
debug.sethook()
do
local log = {}
local function hook(e, l) log[#log+1] = e end
local co = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
local function f() return pcall(math.sin, 1) end
local function g() return string.len("x") end
debug.sethook(hook, "cr")
co() co()
pcall(function() return 1 end)
pcall(pcall, error)
f() g()
for x in string.gmatch("abc", ".") do end
for x in co do break end
string.sub("abc", 1, 1)
debug.sethook()
print(table.concat(log, " "))
end
