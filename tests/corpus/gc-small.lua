-- A little of everything that allocates, for runs with a collection at every
-- allocation: each value is used after later allocations.
local t = { "a" .. 1, { "b" .. 2, { "c" .. 3 } }, k = { v = "d" .. 4 } }
local s = "x"
for i = 1, 10 do s = s .. i .. "," end
print(t[1], t[2][1], t[2][2][1], t.k.v, s)

local function f(...)
  local a = { ... }
  local n = select("#", ...)
  return function(b) a[#a + 1] = b .. n return table.concat(a, "-") end
end
local g = f("p" .. 1, "q" .. 2, "r" .. 3)
print(g("s" .. 4), g("t" .. 5))

local mt = { __add = function(a, b) return setmetatable({ v = a.v .. b.v }, getmetatable(a)) end,
  __index = function(_, k) return k .. "!" end,
  __concat = function(a, b) return (a.v or a) .. "&" .. (type(b) == "table" and b.v or b) end,
  __tostring = function(a) return "<" .. a.v .. ">" end }
local x, y = setmetatable({ v = "x" .. 1 }, mt), setmetatable({ v = "y" .. 2 }, mt)
print(tostring(x + y), (x + y + x).v, x.missing, x .. y, tostring(x + y) .. x.more)

local co = coroutine.wrap(function(a, b)
  local c = { a .. b }
  local d = { coroutine.yield(c[1] .. "?") }
  local e = coroutine.yield(d[1] .. c[1], { d[2] })
  return e .. d[2] .. c[1]
end)
print(co("one" .. 1, "two" .. 2))
local r1, r2 = co("three" .. 3, "four" .. 4)
print(r1, r2[1], co("five" .. 5))

local list = {}
for i = 1, 12 do table.insert(list, 1, "i" .. i) end
table.sort(list, function(a, b) return a .. "" < b .. "" end)
print(table.concat(list, " "), table.remove(list, 3), #list)
print(unpack(list, 1, 4))
print(string.format("%s %q %5.2f %s", "f" .. 1, "q\"" .. 2, 3.14159, tostring(12.5)), ("ab"):rep(3):upper():reverse():sub(2, 5))

local ok, e = pcall(function() error({ "e" .. 1 }) end)
print(ok, e[1])
ok, e = pcall(function() local n; return n.x end)
print(ok, e)
print(xpcall(function() error("h" .. 1, 0) end, function(m) return { m .. "handled" } end) == false)

local fs = {}
for i = 1, 5 do
  local v = "v" .. i
  fs[i] = { get = function() return v end, set = function(w) v = w .. v end }
end
for i = 1, 5 do fs[i].set("w" .. i) end
for i = 1, 5 do io.write(fs[i].get(), " ") end
print()

local h = {}
for i = 1, 40 do h["key" .. i] = { "value" .. i } end
for i = 1, 40, 2 do h["key" .. i] = nil end
for i = 41, 60 do h["key" .. i] = { "value" .. i } end
local keys = {}
for k, v in pairs(h) do
  assert("key" .. v[1]:sub(6) == k)
  keys[#keys + 1] = k
end
table.sort(keys)
print(#keys, keys[1], keys[#keys])
local tree
local function insert(node, k)
  if not node then return { k = k } end
  if k < node.k then node.l = insert(node.l, k) else node.r = insert(node.r, k) end
  return node
end
for _, k in ipairs { 5, 2, 8, 1, 9, 3 } do tree = insert(tree, "n" .. k) end
local function walk(node) if not node then return "" end return walk(node.l) .. node.k .. walk(node.r) end
print(walk(tree))
