-- Scope of locals: shadowing, blocks, initializers, loops, repeat-until.
local x = 1
do
  local x = x + 1
  print(x)
  do
    local x = x * 10
    print(x)
  end
  print(x)
end
print(x)
local x = "second"
print(x)
local x, x = 3, 4
print(x)

for x = 1, 2 do
  local x = x * 100
  io.write(x, " ")
end
print(x)
for i = 1, 3 do
  local i = i + 1
  i = i * 2
  io.write(i, " ")
end
print()
for k, v in pairs { only = 1 } do
  local k, v = v, k
  print(k, v)
end

-- The condition of repeat sees the body's locals.
local n = 0
repeat
  local done = n >= 3
  n = n + 1
until done
print(n)

-- if branches.
local y = 5
if y > 3 then
  local y = "inner"
  print(y)
elseif y then
  local y = "never"
end
print(y)

-- Functions: parameters shadow, the name of a local function is in scope in it.
local function f(x, y)
  local x = x or "none"
  y = y or x
  return x, y
end
print(f(), x)
print(f(1))
local g = 1
local function g(n) if n == 0 then return "g" end return g(n - 1) end
print(g(3))
local h = function() return h end
print(h() == nil)

-- Globals and locals of one name.
name = "global"
local function reads() return name end
local name = "local"
print(name, reads())
name = "local changed"
print(name, reads())
do
  local print = function(...) io.write("shadowed: ", ..., "\n") end
  print("text")
end
print(undefined_global)
local undefined_local
print(undefined_local)

-- Locals in a chain of blocks reuse places but not values.
do local a = 1 local b = a end
do local c print(c) end
for _ = 1, 2 do
  local fresh
  io.write(tostring(fresh), " ")
  fresh = 1
end
print()
while true do
  local a = 10
  do local a = 20 end
  print(a)
  break
end
