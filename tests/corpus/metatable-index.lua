-- __index and __newindex: functions, tables, chains, rawget and rawset.
local log = {}
local t = setmetatable({ own = 1 }, { __index = function(t, k) log[#log + 1] = tostring(k) return k .. "?" end })
print(t.own, t.missing, t["other key"], rawget(t, "missing"))
print(table.concat(log, ","))
t = setmetatable({}, { __index = function(_, k) return k end })
print(t[1], t[true], t[2.5], t.x)
print((setmetatable({}, { __index = function() return 1, 2, 3 end })).x)

-- A chain of tables, ending in a function.
local base = setmetatable({ a = "base a", b = "base b" }, { __index = function(_, k) return "from function " .. k end })
local middle = setmetatable({ b = "middle b" }, { __index = base })
local top = setmetatable({ c = "top c" }, { __index = middle })
print(top.c, top.b, top.a, top.d)
middle.a = "middle a"
print(top.a)
middle.a = nil
print(top.a)
top.a = "top a"
print(top.a, middle.a, base.a)
top.a = nil
print(top.a)
base.d = "base d"
print(top.d)

-- false is a value, nil is absent.
local d = setmetatable({ f = false }, { __index = { f = true, g = false } })
print(d.f, d.g, d.h)

-- __newindex: only for absent keys.
local store = {}
local p = setmetatable({ present = 0 }, { __newindex = store })
p.present = 1
p.absent = 2
print(rawget(p, "present"), rawget(p, "absent"), store.absent, p.absent)
p = setmetatable({}, { __newindex = function(t, k, v) rawset(t, k, v * 2) end })
p.x = 10
p.x = 7
print(p.x)
p.x = nil
p.x = 8
print(p.x)
-- A chain of __newindex.
local sink = {}
local second = setmetatable({}, { __newindex = function(_, k, v) sink[#sink + 1] = k .. "=" .. tostring(v) end })
local first = setmetatable({}, { __newindex = second })
first.a = 1
first.b = nil
first[1] = "one"
print(table.concat(sink, " "), rawget(first, "a"), rawget(second, "a"))

-- Read-only, defaults, proxies.
local function readonly(t)
  return setmetatable({}, { __index = t, __newindex = function(_, k) error("read-only: " .. k, 2) end })
end
local ro = readonly { x = 1 }
print(ro.x, pcall(function() ro.x = 2 end))
print(ro.x, pcall(rawset, ro, "x", 5) and ro.x)

-- Arrays through __index.
local squares = setmetatable({}, { __index = function(t, i)
  local v = i * i
  t[i] = v
  return v
end })
local sum = 0
for i = 1, 10 do sum = sum + squares[i] + squares[i] end
print(sum, rawget(squares, 5), rawget(squares, 11))

-- Changing the metatable and its fields later.
local mt = {}
local o = setmetatable({}, mt)
print(o.x)
mt.__index = { x = "now" }
print(o.x)
mt.__index.x = "changed"
print(o.x)
mt.__index = nil
print(o.x)
mt.__index = function() return "function" end
print(o.x)
setmetatable(o, nil)
print(o.x, getmetatable(o))
setmetatable(o, { __index = { x = "other" } })
print(o.x)

-- A loop in __index is found.
local l1, l2 = {}, {}
setmetatable(l1, { __index = l2 })
setmetatable(l2, { __index = l1 })
print(pcall(function() return l1.x end))

-- Globals have no special place.
local G = setmetatable({}, { __index = function(_, k) return "g:" .. k end })
print(G.name, G.print)

-- rawequal, rawget, rawset ignore metatables.
local eq = { __eq = function() return true end }
local e1, e2 = setmetatable({}, eq), setmetatable({}, eq)
print(e1 == e2, rawequal(e1, e2), rawequal(e1, e1))
