-- Multiple assignment: values are all taken before any is stored; adjustment.
local a, b, c = 1, 2, 3
a, b, c = c, a, b
print(a, b, c)
a, b = b, a
print(a, b)
local x, y, z = 1
print(x, y, z)
x, y, z = 1, 2, 3, 4, 5
print(x, y, z)

local function three() return "p", "q", "r" end
local function none() end
x, y, z = three()
print(x, y, z)
x, y, z = three(), 10
print(x, y, z)
x, y, z = 0, three()
print(x, y, z)
x, y, z = (three())
print(x, y, z)
x, y, z = none(), none()
print(x, y, z)
x, y = none()
print(x, y)

-- Tables: the table and key of the left side are those from before.
local t = { 1, 2, 3 }
local i = 1
i, t[i] = i + 1, 20
print(i, t[1], t[2], t[3])
t = { 1, 2, 3 }
t[1], t[2], t[3] = t[3], t[1], t[2]
print(t[1], t[2], t[3])
do
  local a = { name = "first" }
  local old = a
  a, a.name = { name = "second" }, "changed"
  print(a.name, old.name)
end
do
  local a, b = {}, {}
  a.x, b.x, a.y = 1, 2, 3
  print(a.x, b.x, a.y)
  a.next, b.next, a, b = b, a, b, a
  print(a.x, b.x, a.next == b, b.next == a)
end

-- Globals and upvalues.
g1, g2 = "g1", "g2"
g1, g2 = g2, g1
print(g1, g2)
local u1, u2 = 1, 2
local function swap() u1, u2 = u2, u1 end
swap()
print(u1, u2)
local function locals_and_more()
  local p, q = 1, 2
  p, g1, t.f, u1, q = q, p, g1, u2, t
  return p, g1, t.f, u1, q == t
end
print(locals_and_more())

-- The order of the effects in the right sides.
local log = {}
local function f(v) log[#log + 1] = v return v end
x, y, z = f(1), f(2), f(3)
local made = { f(4), f(5), k = f(6), f(7) }
print(table.concat(log, " "))
local order = {}
local m = setmetatable({}, { __newindex = function(_, k, v) order[#order + 1] = k .. "=" .. v end })
m.a = 1
m.b = 2
print(table.concat(order, " "))

-- Fibonacci and gcd by parallel assignment.
local p, q = 0, 1
for _ = 1, 30 do p, q = q, p + q end
print(p)
p, q = 1071, 462
while q ~= 0 do p, q = q, p % q end
print(p)
