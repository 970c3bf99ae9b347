-- Levels: getinfo, locals, tracebacks, environments, with tail calls counted; metatables
-- of every type.
local function dump(t) local k = {} for n, v in pairs(t) do if type(v) ~= "function" then k[#k+1] = n .. "=" .. tostring(v) end end table.sort(k) return table.concat(k, " ") end
print(dump(debug.getinfo(1)))
print(dump(debug.getinfo(print)))
print(dump(debug.getinfo(-1)))
print(debug.getinfo(100))
local function f(...) return debug.getinfo(1), debug.getinfo(2), (debug.getinfo(3)) end
local function g() return f() end
local a, b, c = g()
print(dump(a)) print(dump(b)) print(dump(c))
print(pcall(debug.getinfo, 1, "x"))
print(pcall(debug.getinfo, "a"))
print(pcall(debug.getinfo))
-- error levels
local function lev(n) local function h() error("msg", n) end local function k() h() end local function t() return k() end
 local ok, m = pcall(t) return m end
for i = 0, 6 do print(lev(i)) end
local function tl(n) local function h() error("msg", n) end local function k() return h() end local function t() return k() end
 local ok, m = pcall(t) return m end
for i = 0, 6 do print(tl(i)) end
-- locals
local function show(level, thread)
  local i = 1
  while true do
    local n, v
    if thread then n, v = debug.getlocal(thread, level, i) else n, v = debug.getlocal(level + 1, i) end
    if not n then break end
    print(i, n, type(v) == "table" and "table" or type(v) == "function" and "function" or v)
    i = i + 1
    if i > 20 then break end
  end
end
local function loc(a, b, ...)
  local x = 1
  do local y = 2 end
  local z = function() return x, z end
  x = 5
  for i = 1, 1 do
    for k, v in ipairs{10} do
      local w = k
      show(1)
    end
  end
  return z
end
loc(1, 2, 3)
local function loc2(a, ...) local q = ... show(1) end
loc2(5, 6)
local co = coroutine.create(function(a, b) local c = a + b; coroutine.yield(c); local d = 1; error("oops") end)
coroutine.resume(co, 1, 2)
show(1, co)
print(debug.traceback(co))
print(debug.traceback(co, "msg"))
print(debug.traceback(co, "msg", 1))
print(debug.traceback(co, nil))
coroutine.resume(co)
print(debug.traceback(co))
print(pcall(debug.getlocal, co, 5, 1))
print(debug.setlocal(co, 1, 1, "new"), debug.getlocal(co, 1, 1))
local co3 = coroutine.create(function() return 1 end)
print(debug.traceback(co3)) coroutine.resume(co3) print(debug.traceback(co3))
print(debug.traceback("x", 0)) print(debug.traceback("x", 1)) print(debug.traceback("x", 2)) print(debug.traceback(12)) print(debug.traceback({} ) ~= nil, debug.traceback(nil))
print(pcall(debug.traceback, "hi", nil))
print(debug.traceback("x", "1"))
print(debug.traceback("x", -2))
local function deep(n) if n == 0 then return debug.traceback("deep") end local r = deep(n - 1) return r end
for _, n in ipairs{5, 18, 19, 20, 21, 22, 23, 30} do print(deep(n)) end
local function deept(n) if n == 0 then return (debug.traceback("deep", 13)) end local r = deept(n - 1) return r end
for _, n in ipairs{5, 22, 23, 24, 25, 30} do print(deept(n)) end
local function tail(n) if n == 0 then return debug.traceback("t") end return tail(n - 1) end
print(tail(3)) print(tail(50)) print(#tail(1000))
local function tc(n) if n == 0 then local k = 0 while debug.getinfo(k, "S") do k = k + 1 end return k end return tc(n - 1) end
for _, n in ipairs{1, 126, 127, 128, 129, 254, 255, 256, 1000, 12345} do print(tc(n)) end
local function va(n, ...) if n == 0 then local k = 0 while debug.getinfo(k, "S") do k = k + 1 end return k end return va(n - 1, ...) end
for _, n in ipairs{1, 126, 127, 128, 129, 1000} do print(va(n, 1, 2, 3)) end
-- upvalues
local u1, u2 = 1, 2
local function uf() u1 = u1 + 1 return u1, u2 end
print(debug.getupvalue(uf, 1)) print(debug.getupvalue(uf, 2)) print(debug.getupvalue(uf, 3))
print(debug.setupvalue(uf, 1, 10), u1) print(uf())
print(pcall(debug.getupvalue, 1, 1)) print(pcall(debug.setupvalue, uf, 1))
print(debug.getupvalue(string.gmatch("a", "b"), 1))
-- metatables
for _, v in ipairs{1, true, print, coroutine.create(function() end)} do
  debug.setmetatable(v, {__index = function(t, k) return type(t) .. k end, __call = function(self, ...) return "called", ... end, __add = function(a, b) return "add" end, __lt = function() return true end, __le = function() return false end, __concat = function() return "cat" end, __len = function() return 42 end, __unm = function() return "neg" end, __tostring = function() return "str" end, __newindex = function() end})
  print(v.foo, type(v) ~= "function" and v(1, 2), v + {}, tostring(v), pcall(function() return v < v, v <= v end))
  print(pcall(function() return -v end), pcall(function() return #v end), pcall(function() return v .. {} end), pcall(function() v.x = 1 end))
  debug.setmetatable(v, nil)
end
debug.setmetatable(nil, {__index = function(t, k) return k end})
print((nil).x, undefinedvar.y)
local nn; print(nn.foo, nn[1])
debug.setmetatable(nil, nil)
print(pcall(function() return nn.foo end))
debug.setmetatable("", {__index = function(s, k) return "S" .. k end}) print(("x").foo, ("x").len) debug.setmetatable("", {__index = string})
print(pcall(debug.setmetatable, 1, 1)) print(pcall(debug.setmetatable, {})) print(debug.setmetatable({}, nil))
-- env
print(debug.getfenv(print) == _G, debug.getfenv(coroutine.create(show)) == _G, debug.getfenv(1), debug.getfenv("x"))
local e = {} print(debug.setfenv(show, e) == show, debug.getfenv(show) == e) debug.setfenv(show, _G)
print(pcall(debug.setfenv, 1, {})) print(pcall(debug.setfenv, show, 1))
print(pcall(getfenv, 100)) print(pcall(getfenv, -1)) print(pcall(setfenv, print, {}))
local function gt() return getfenv(2) end local function gt2() return gt() end
print(pcall(gt2))
print(type(debug.getregistry()))
