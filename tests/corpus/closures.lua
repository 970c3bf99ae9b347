-- Closures: own and shared upvalues, fresh locals in every iteration, upvalues
-- that outlive and that are still on the stack.
local function counter(start)
  local n = start
  return function() n = n + 1 return n end, function() return n end, function(v) n = v end
end
local up, get, set = counter(10)
print(up(), up(), get())
set(100)
print(up(), get())
local up2, get2 = counter(0)
print(up2(), get2(), get())

-- Every iteration has its own variable.
local fs = {}
for i = 1, 5 do fs[i] = function() i = i + 1 return i end end
print(fs[1](), fs[1](), fs[2](), fs[5]())
fs = {}
for _, name in ipairs { "a", "b", "c" } do fs[name] = function() return name end end
print(fs.a(), fs.b(), fs.c())
fs = {}
local k = 0
while k < 3 do
  k = k + 1
  local j = k * 10
  fs[k] = { get = function() return j end, set = function(v) j = v end }
end
fs[2].set("changed")
print(fs[1].get(), fs[2].get(), fs[3].get(), k)
fs = {}
k = 0
repeat
  local v = k
  fs[#fs + 1] = function() return v end
  k = k + 1
until v == 2
print(#fs, fs[1](), fs[2](), fs[3]())

-- Shared between siblings, and with the function that is still running.
local x = 1
local function inc() x = x + 1 end
inc() inc()
print(x)
x = 50
inc()
print(x)

-- Several levels.
local function outer(a)
  local b = a * 2
  local function middle(c)
    local d = c + b
    local function inner(e)
      a = a + 1
      b = b + 1
      d = d + 1
      return a, b, c, d, e
    end
    return inner
  end
  return middle, function() return a, b end
end
local m, state = outer(1)
local i1, i2 = m(10), m(20)
print(i1("x"))
print(i2("y"))
print(i1("z"))
print(state())

-- Closed by break, return and error.
local function closed_by_break()
  for i = 1, 10 do
    local v = i * i
    local f = function() return v end
    if v > 20 then return f, function() v = v + 1 end end
  end
end
local f, g = closed_by_break()
g() g()
print(f())
local h
for i = 1, 10 do
  local v = "it" .. i
  h = function() return v end
  if i == 3 then break end
end
print(h())
local kept
pcall(function()
  local v = "before the error"
  kept = function() return v end
  v = "at the error"
  error("x")
end)
print(kept())

-- Parameters and varargs captured.
local function keep(p, ...)
  local rest = { ... }
  return function() return p, rest[1], #rest end
end
print(keep("p", "q", "r")())

-- A recursive local function, and one that sees itself by a prior local.
local function fact(n) return n <= 1 and 1 or n * fact(n - 1) end
local even, odd
function even(n) if n == 0 then return true end return odd(n - 1) end
function odd(n) if n == 0 then return false end return even(n - 1) end
print(fact(10), even(10), odd(7), even(7))
local self = "outer"
local self = function() return self end
print(self())
