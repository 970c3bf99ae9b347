-- The table `arg` of variadic functions, as Lua 5.0 had it and 5.1 keeps it.
local function f(...) return arg.n, arg[1], #arg, type(arg) end
print(f())
print(f(1, nil, nil))
print(f(nil))
print(f(1, 2, 3))
print(f(unpack({}, 1, 240)))

-- A function that uses `...` has no table, but still the variable.
local function g(...) local a = ... return arg, a end
print(g(1, 2))
local function late(...)
  local before = arg
  return before, select("#", ...)
end
print(late(1, 2, nil))

-- Assigned, captured, with parameters before it.
local function h(a, b, ...)
  local t = arg
  arg = 5
  return function() arg = arg + 1 return arg, t.n, t[1], t[2] end
end
local k = h(1, 2, 3, 4)
print(k())
print(k())
k = h(1)
print(k())

-- A parameter of that name is hidden; a local one hides it; inner functions see it.
print((function(arg, ...) return type(arg), arg.n end)("x", 1, 2))
print((function(...) local arg = 7 return arg end)(1))
print((function(...) return (function() return arg.n, arg[2] end)() end)(1, "two"))
print((function(...) return (function(...) return arg.n end)(1, 2, 3), arg.n end)(1))

-- Methods, fields and changes.
local o = {}
function o:m(...) arg.n = arg.n + 1 arg[arg.n] = self == o return unpack(arg, 1, arg.n) end
print(o:m("a", nil))
print(o:m())
for n = 0, 260, 20 do
  local t = {}
  for i = 1, n do t[i] = i end
  local got = (function(...) return arg end)(unpack(t, 1, n))
  assert(got.n == n and #got == n and (n == 0 or got[n] == n))
end
-- The chunk's own arguments aren't there by this name.
print(loadstring("return arg == nil or arg.n == nil")(), ...)
