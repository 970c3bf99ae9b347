-- The value stack grows while upvalues are open, varargs are live, and calls
-- are under way: nothing may be left pointing at the old place.
local function grow(n, ...)
  if n == 0 then return select("#", ...) end
  local a, b, c, d, e, f, g, h = n, n, n, n, n, n, n, n
  local r = grow(n - 1, ...)
  return r + a + b + c + d - e - f - g - h
end

local x = 1
local function inc() x = x + 1 return x end
print(inc(), grow(2000, 1, 2, 3), inc(), x)

local function with_open()
  local v, w = "v", "w"
  local function get() return v .. w end
  local function set(p, q) v, w = p, q end
  grow(500)
  set("v2", "w2")
  local before = get()
  grow(4000)
  v = "v3"
  return before, get(), v, w
end
print(with_open())

-- Open upvalues at many levels of a deep recursion, read and written at the bottom.
local function levels(n, getters)
  local v = n
  getters[#getters + 1] = function(add)
    if add then v = v + add end
    return v
  end
  if n == 0 then
    grow(1000)
    local s = 0
    for i = 1, #getters do s = s + getters[i](1) end
    return s
  end
  local s = levels(n - 1, getters)
  return s + v
end
local getters = {}
print(levels(300, getters), getters[1](), getters[301](), getters[150](100), getters[150]())

-- Varargs below a growing stack.
local function keep(...)
  local before = select("#", ...)
  grow(3000)
  local a, b = ...
  return before, select("#", ...), a, b, (select(-1, ...))
end
print(keep("a", "b", nil, "d"))
local many = {}
for i = 1, 240 do many[i] = i end
local function spread(depth, ...)
  if depth == 0 then return select("#", ...), (select(240, ...)) end
  return spread(depth - 1, ...)
end
print(spread(50, unpack(many)))
local function spread_deep(depth, ...)
  if depth == 0 then return select("#", ...) end
  local n = spread_deep(depth - 1, ...)
  return n + select("#", ...)
end
print(spread_deep(60, unpack(many)))

-- In constructors, concatenations, arguments and assignments half done.
local t = { 1, 2, grow(1500), 4, n = grow(100), [grow(10, 1)] = "key" }
print(t[1], t[2], t[3], t[4], t.n)
print("a" .. grow(2500, 1) .. "b" .. grow(10) .. "c")
print(grow(1), grow(3500, 1, 2), grow(2))
local p, q, r = grow(10, 1), grow(4000, 1, 2), grow(3)
print(p, q, r)
for i = grow(1000, 1), grow(2000, 1, 2, 3) do io.write(i, " ") end
print()
for i, v in ipairs { "x", "y" } do
  grow(3000)
  io.write(i, v, " ")
end
print()

-- Through metamethods, pcall, sort, coroutines.
local o = setmetatable({}, { __index = function(_, k) return grow(1000, k) end, __add = function(_, n) return grow(n, 1, 2) end,
  __call = function(_, ...) return grow(1200, ...) end })
print(o.anything, o + 3000, o(1, 2, 3), pcall(grow, 2500, "x"))
local list = { 3, 1, 2 }
table.sort(list, function(a, b) grow(800) return a < b end)
print(table.concat(list, " "))
local co = coroutine.wrap(function(a)
  local v = a
  local function up() v = v + 1 return v end
  while true do
    grow(1500)
    up()
    a = coroutine.yield(v, a)
  end
end)
print(co(10), co(20), co(30))
local cos = {}
for i = 1, 10 do
  cos[i] = coroutine.wrap(function()
    local v = i
    local get = function() return v end
    for k = 1, 3 do
      v = v + grow(k * 300, 1)
      coroutine.yield(get())
    end
  end)
end
local sum = 0
for _ = 1, 3 do
  for i = 1, 10 do sum = sum + cos[i]() end
end
print(sum)

-- An error unwinds a large stack and closes what is open.
local kept = {}
local function fail(n)
  local v = n
  kept[#kept + 1] = function() v = v + 1 return v end
  if n == 0 then error("bottom", 0) end
  fail(n - 1)
  return v
end
print(pcall(fail, 200))
print(#kept, kept[1](), kept[1](), kept[201](), kept[100]())
