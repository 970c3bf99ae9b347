-- The messages of run-time errors, with the names and kinds of variables.
local function try(f, ...)
  local ok, e = pcall(f, ...)
  print(e)
end
local up
local upt = {}
local t = { s = "str" }

-- Indexing.
try(function() local x; return x.y end)
try(function() local x; return x[1] end)
try(function() local x; x.y = 1 end)
try(function() local x = 5; x.y = 1 end)
try(function() return missing.y end)
try(function() missing.y = 1 end)
try(function() return up.y end)
try(function() up.y = 1 end)
try(function() return t.a.b end)
try(function() return t.a.b.c end)
try(function() t.a.b = 1 end)
try(function() return upt.x.y.z end)
try(function() return t[1].b end)
try(function() local k = "key"; return t[k].b end)
try(function() local x = true; return x.y end)
try(function() return (nil).x end)
try(function() return (1 + 1).x end)
try(function() return print.x end)
try(function() return ("x").y.z end)
try(function() local a = { b = {} }; return a.b.c.d end)

-- Calls.
try(function() missing() end)
try(function() missing(1, 2) end)
try(function() local x; x() end)
try(function() local x = {}; x() end)
try(function() up() end)
try(function() t.a() end)
try(function() t.s() end)
try(function() t:nomethod() end)
try(function() t:s() end)
try(function() t.a.b() end)
try(function() return missing() end)
try(function() local x = 5; return x(1) end)
try(function() return t.a() end)
try(function() ("x")() end)
try(function() (1)() end)
try(function() t[1]() end)
try(function() ("x"):nomethod() end)
try(function() local s = "x"; s:nomethod() end)
try(function() return (function() end)()() end)

-- Arithmetic.
try(function() local x; return x + 1 end)
try(function() local x = {}; return 1 + x end)
try(function() return missing + 1 end)
try(function() return 1 - missing end)
try(function() return up * 2 end)
try(function() return t.a / 2 end)
try(function() return 2 ^ t.a end)
try(function() return t.s + 1 end)
try(function() return -missing end)
try(function() local x = "abc"; return -x end)
try(function() local x, y; return x + y end)
try(function() local x, y = 1; return x + y end)
try(function() local x, y = "a", {}; return x + y end)
try(function() return 1 % {} end)
try(function() return nil + 1 end)
try(function() return true * 1 end)
try(function() return t[1] + 1 end)
try(function() return missing.x + 1 end)
try(function() return (t.a or nil) + 1 end)

-- Concatenation and length.
try(function() local x; return "a" .. x end)
try(function() local x; return x .. "a" end)
try(function() return "a" .. missing end)
try(function() return up .. "a" end)
try(function() return "a" .. t.a end)
try(function() return "a" .. {} end)
try(function() return 1 .. true end)
try(function() return "a" .. "b" .. nil end)
try(function() local x; return #x end)
try(function() return #missing end)
try(function() return #t.a end)
try(function() return #up end)
try(function() return #5 end)

-- Comparison.
try(function() return 1 < "x" end)
try(function() return {} < {} end)
try(function() return nil <= 1 end)
try(function() local x; return x > 1 end)
try(function() return t >= 1 end)

-- Names that shadow, and positions on other lines.
local missing = nil
try(function() return missing.y end)
try(function(x) return x.y end)
try(function(x) return x() end, 5)
try(function(...) local a, b = ...; return a.x, b.x end, {}, nil)
try(function()
  local a = {}
  a.b = 1
  return a.b.c.d
end)
try(function()

  local v = 1

  v = v + nil
end)
for i = 1, 1 do
  try(function() return i.x.y end)
end
