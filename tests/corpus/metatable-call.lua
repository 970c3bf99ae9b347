-- __call, __tostring, __metatable, and getmetatable/setmetatable themselves.
local mt = {}
mt.__call = function(self, ...)
  return self.name, select("#", ...), ...
end
local f = setmetatable({ name = "f" }, mt)
print(f())
print(f(1))
print(f(1, nil, 3))
print((f(1, 2)))
print(f "text")
print(pcall(f, "p"))
print(select(2, f("a", "b")))
local object = { method = f }
print(object.method("x"))
print(object:method("x") == "f", select(3, object:method("x")) == object)

-- Tail calls of callables, and callables of callables.
local function tail(...) return f(...) end
print(tail(1, 2))
local twice = setmetatable({}, { __call = f })
print(pcall(twice, "z"))
local n = 0
local loop = setmetatable({}, {})
getmetatable(loop).__call = function(self, k)
  n = n + 1
  if k == 0 then return "end" end
  return self(k - 1)
end
print(loop(1000), n)

-- A class whose constructor is a call.
local Point = setmetatable({}, { __call = function(class, x, y) return setmetatable({ x = x, y = y }, class) end })
Point.__index = Point
Point.__tostring = function(p) return "<" .. p.x .. ";" .. p.y .. ">" end
function Point:norm1() return math.abs(self.x) + math.abs(self.y) end
local p = Point(3, -4)
print(tostring(p), p:norm1(), p.z)
print(p)

-- __tostring.
local t = setmetatable({}, { __tostring = function() return "custom" end })
print(t, tostring(t), #tostring(t))
print(pcall(tostring, setmetatable({}, { __tostring = function() error("in tostring", 0) end })))

-- __metatable.
local protected = setmetatable({}, { __metatable = "locked", __index = { a = 1 } })
print(getmetatable(protected), protected.a)
print(pcall(setmetatable, protected, {}))
local f2 = setmetatable({}, { __metatable = false })
print(getmetatable(f2))

-- getmetatable and setmetatable.
print(getmetatable({}), getmetatable(1), getmetatable(print), getmetatable(nil))
print(getmetatable("x").__index == string, getmetatable("x") == getmetatable("y"))
local m = {}
local o = {}
print(setmetatable(o, m) == o, getmetatable(o) == m, setmetatable(o, nil) == o, getmetatable(o))
print(pcall(setmetatable, 1, {}))
print(pcall(setmetatable, {}, 1))
print(pcall(setmetatable, {}))

-- Not callable.
print(pcall({}))
print(pcall(setmetatable({}, { __call = 1 })))
print(pcall(function() return ({})() end))
print(pcall(nil))
