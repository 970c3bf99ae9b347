-- When operands are read: local variables as late as possible, as in the reference.
local x = 1
local function inc() x = x + 1 return x end
print(x + inc(), (x) + inc(), x .. inc(), (x) .. inc(), ((x)) * inc())
print((x) == inc(), x == inc(), (x) < inc(), x >= inc(), -(x) + inc(), (x) * (x) + inc())
print(inc() + x, inc() - (x), x % inc(), (x) ^ inc())
local t = { x, inc(), x, (inc()), x, a = x, [inc()] = x }
print(t[1], t[2], t[3], t[4], t[5], t.a, t[8], t[20], next(t, 5))
print(x, inc(), x, (x), inc())
local function three(...) return ... end
print(three(x, inc(), (x), inc()))

-- In conditions and assignments.
print((x) and inc(), x or inc(), (x and inc()) + x, not (x) == inc())
local a, b, c = x, inc(), x
print(a, b, c)
a, b, c = inc(), x, inc()
print(a, b, c)
x, a = inc(), x
print(x, a)
local i, list = 1, {}
local function step() i = i + 1 return i end
list[i], list[step()], i = step(), i, step()
for k = 1, 5 do io.write(tostring(list[k]), " ") end print(i)
list[i], i = i, step()
print(list[4], list[5], i)

-- An upvalue is read at once.
local function inner() return x + inc(), (x) + inc(), x .. inc() end
print(inner())
-- So are globals and fields.
g = 1
local function up() g = g + 1 return g end
print(g + up(), (g) + up(), g .. up())
local r = { v = 1 }
function r.up() r.v = r.v + 1 return r.v end
print(r.v + r.up(), (r.v) .. r.up(), r.up() - r.v)

-- A parameter, a loop variable, a later local; each captured and assigned.
local function p(n) local function s() n = n * 2 return n end return (n) + s(), n - s(), (n) end
print(p(3))
for n = 1, 3 do
  local function s() n = n + 10 return n end
  io.write(tostring((n) + s()), " ", tostring(n + s()), " ")
end
print()
-- Parentheses make no variable.
print(loadstring("local x = 1; local f = function() x = 2 end; (x) = 3"))
print(loadstring("(x).y = 1; (x)[1] = 2; (x)() ; (x):m()") ~= nil)
-- Operators that call.
local mt = {}
local function object(n) return setmetatable({ n = n }, mt) end
for _, event in ipairs { "__add", "__concat", "__lt", "__le", "__eq", "__sub", "__unm", "__call" } do
  mt[event] = function(l, r)
    io.write(event, " ", tostring(type(l) == "table" and l.n or l), " ", tostring(type(r) == "table" and r.n or r), "; ")
    return object(event)
  end
end
local u, v = object("u"), object("v")
local function swap() u, v = v, u return u end
local _ = u + swap() .. v - (u) .. swap()
_ = u < swap(), (u) <= swap(), u == swap(), (v) > swap(), -(u) + swap(), u(swap()), (u) ~= swap()
print(_ == nil)
