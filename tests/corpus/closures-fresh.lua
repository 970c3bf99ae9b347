-- Closures and cells, many of them: each is new, shares what it must and nothing else.
local function kinds(a, b)
  local c = a
  local function itself(n) if n == 0 then return a + b + c end return itself(n - 1) end
  c = c + 1
  local function up() c = c + 1 return function() c = c + b return c end end
  return itself, up, function() return a, b, c end
end
local sum = 0
for i = 1, 2000 do
  local itself, up, all = kinds(i, 2)
  local deeper = up()
  deeper()
  local a, b, c = all()
  assert(a == i and b == 2 and c == i + 4, c)
  sum = sum + itself(3) + c
end
print(sum)

-- Every turn of a loop has variables of its own.
local made = {}
for i = 1, 1000 do
  local j = i
  made[i] = { function() j = j + 1 return j end, function() return i, j end }
end
for i = 1, 1000 do made[i][1]() end
local i, j = made[1000][2]()
print(i, j, made[1][2]())
print(made[1][1] == made[2][1], made[1][1] == made[1][1])

-- Many variables.
local source = {}
for i = 1, 59 do source[#source + 1] = "local v" .. i .. " = " .. i end
source[#source + 1] = "local function make() return function() return v1"
for i = 2, 59 do source[#source + 1] = " + v" .. i end
source[#source + 1] = " end end v1 = v1 + 0 return make"
local make = assert(loadstring(table.concat(source, "\n")))()
local total = 0
for i = 1, 500 do total = total + make()() end
print(total)

-- The environment is that of the function around.
local function outer() return function() return x end end
setfenv(outer, { x = "mine" })
local got = {}
for i = 1, 300 do got[i] = outer() end
print(got[1](), got[300](), x)

-- Garbage on the way.
local keep = {}
for i = 1, 30000 do
  local cell = { i }
  local f = function() cell[1] = cell[1] + 1 return cell[1] end
  if i % 1000 == 0 then keep[#keep + 1] = f end
end
total = 0
for _, f in ipairs(keep) do total = total + f() end
print(total)

-- Tail calls: with as many arguments as parameters, with fewer, more, and any number.
local function two(a, b) return a, b end
local function none() return end
local function any(...) return select("#", ...), ... end
local function one(a) return two(a) end
local function three(a, b, c) return two(c, b, a) end
local function open(...) return two(...) end
local function vararg(...) return any(...) end
local function swap(a, b, n) if n == 0 then return two(a, b) end return swap(b, a, n - 1) end
local function spread(a) return two(none(a), any(a)) end
for i = 1, 300 do
  one(i) three(i, 2, 3) open(i, 2, 3) vararg(i, nil) swap(i, 2, 7) spread(i)
end
print(one(1)) print(three(1, 2, 3)) print(open(1, 2, 3)) print(vararg(1, nil, nil))
print(swap(1, 2, 1001)) print(spread(4))
-- Open results of a call are those of the function called last.
local t = { two(1, 2), swap(3, 4, 300) }
print(#t, t[1], t[2], t[3], (swap(5, 6, 1)))
print(any(one(1), one(2), (one(3))))
