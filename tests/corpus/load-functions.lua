-- loadstring, load, string.dump, newproxy.
print(loadstring("return 1 + 1")())
print(loadstring("return ...")(1, 2, nil))
print(select("#", loadstring("")()))
print(loadstring("x ="))
print(loadstring("x = = 1", "=name"))
print(loadstring("x = 1 1", "@file.lua"))
print(loadstring("for", "first line\nsecond line"))
print(loadstring("a\0b", "n\0m"))
print(loadstring("return 'a\0b'")() == "a\0b")
print(pcall(loadstring))
print(pcall(loadstring, {}))
print(pcall(loadstring, "x", {}))
print(loadstring(12))
print(pcall(loadstring("error('in chunk')", "=chunk")))
print(pcall(loadstring("local a = nil; a.b = 1", "=chunk")))
print(pcall(loadstring("\n\nerror('third line')", "@some.lua")))
global = "seen"
print(loadstring("local a = global; global = 'changed'; return a")(), global)

local function pieces(...)
  local list, i = {...}, 0
  return function() i = i + 1; return list[i] end
end
print(load(pieces("return ", "1", " + ", "41"))())
print(load(pieces("return ", 7))())
print(load(pieces("return 1", "", " + nothing"))())
print(load(pieces())())
print(load(pieces("x = "), "=pieces"))
print(load(pieces("x = ")))
print(pcall(load, pieces("return 1", {})))
print(pcall(load, pieces("return 1", true)))
print(pcall(load, function() error("from the reader") end))
print(select(2, pcall(load, function() error({}) end)) == nil)
print(pcall(load, function() error() end))
print(pcall(load))
print(pcall(load, 1))
print(pcall(load, "return 1"))
print(pcall(load, print, {}))
-- A reader that makes garbage, calls back and loads itself.
local n = 0
local f = load(function()
  n = n + 1
  if n > 200 then return nil end
  local t = {}
  for i = 1, 20 do t[i] = ("x"):rep(i) end
  return loadstring("return 'local v" .. n .. " = " .. #table.concat(t) .. "; v = v" .. n .. ";'")() .. (n % 50 == 0 and " do end " or "\n")
end)
print(f ~= nil and pcall(f))
print(v)
-- Closures made by chunks, and chunks within chunks.
local counters = loadstring([[
  local n = ...
  return function() n = n + 1; return n end, function() return n end]])
local up, get = counters(10)
print(up(), up(), get())
print(loadstring("return loadstring('return loadstring([[return 5]])()')()")())
for i = 1, 300 do assert(loadstring("return " .. i)() == i) end
print(coroutine.wrap(function() return load(pieces("return 3"))() end)())
print(coroutine.resume(coroutine.create(function()
  return load(function() coroutine.yield("no") end)
end)))
local deep = ("("):rep(20) .. "1" .. (")"):rep(20) -- fits a native stack of 64 KiB
print(loadstring("return " .. deep)())
print((loadstring("return " .. ("("):rep(100000))))
-- dump is refused; proxies.
print(pcall(string.dump, print))
print(pcall(string.dump))
local p = newproxy(true)
getmetatable(p).__index = function(_, k) return k .. "!" end
getmetatable(p).__len = function() return 42 end
getmetatable(p).__call = function(self, a) return self == p, a end
getmetatable(p).__tostring = function() return "proxy" end
getmetatable(p).__add = function(a, b) return type(a) .. type(b) end
getmetatable(p).__eq = function() return true end
getmetatable(p).__lt = function() return true end
print(type(p), p.field, #p, p(7))
print(tostring(p), p + 1, 1 + p)
local q = newproxy(p)
print(getmetatable(q) == getmetatable(p), p == q, p < q, rawequal(p, q))
print(getmetatable(newproxy()), getmetatable(newproxy(false)), type(newproxy()))
print(newproxy() == newproxy())
print(pcall(newproxy, 1))
print(pcall(newproxy, {}))
print(pcall(newproxy, newproxy()))
print(pcall(function() return newproxy().x end))
local t = {[p] = "key"}
collectgarbage()
print(t[p], t[q])
