-- Objects with the same fields in many different orders, objects with very
-- many fields, fields removed and added in turn.
local names = { "alpha", "beta", "gamma", "delta", "epsilon", "zeta" }
local seed = 9
local function random(limit)
  seed = (seed * 16807) % 2147483647
  return seed % limit + 1
end
local function shuffled()
  local s = {}
  for i = 1, #names do s[i] = names[i] end
  for i = #s, 2, -1 do
    local j = random(i)
    s[i], s[j] = s[j], s[i]
  end
  return s
end

local objects = {}
for i = 1, 300 do
  local o = {}
  for _, name in ipairs(shuffled()) do o[name] = #name * i end
  objects[i] = o
end
local sum = 0
for _, o in ipairs(objects) do sum = sum + o.alpha - o.beta + o.gamma - o.delta + o.epsilon - o.zeta end
print(sum)
local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end
local all = 0
for _, o in ipairs(objects) do all = all + count(o) end
print(all)

-- Removal in all orders.
for i, o in ipairs(objects) do
  for k, name in ipairs(shuffled()) do
    if k <= i % 7 then o[name] = nil end
  end
end
all, sum = 0, 0
for _, o in ipairs(objects) do
  for _, name in ipairs(names) do
    local v = o[name]
    if v then
      all = all + 1
      sum = sum + v
    end
  end
  assert(count(o) <= 6)
end
print(all, sum)
for _, o in ipairs(objects) do
  for _, name in ipairs(shuffled()) do o[name] = o[name] or 1 end
  assert(count(o) == 6)
end

-- An object with a thousand fields, then small again.
local big = {}
for i = 1, 1000 do big["field" .. i] = i end
print(count(big), big.field1, big.field500, big.field1000, big.field1001)
for i = 1, 1000 do
  if i % 100 ~= 0 then big["field" .. i] = nil end
end
print(count(big), big.field100, big.field101)
big.extra = "extra"
print(count(big), big.extra)

-- Two ways to one layout, and branches of it.
local function make(kind, v)
  local o = { kind = kind }
  o.a = v
  if kind == 1 then o.b = v + 1 elseif kind == 2 then o.c = v + 2 o.b = v + 3 else o.d = v + 4 end
  o.last = kind
  return o
end
local function read(o) return o.kind, o.a, o.b, o.c, o.d, o.last end
for kind = 1, 3 do print(read(make(kind, kind * 100))) end
sum = 0
for i = 1, 300 do
  local kind, a, b, c, d, last = read(make(i % 3 + 1, i))
  sum = sum + kind * a + (b or 0) - (c or 0) + (d or 0) * last
end
print(sum)

-- Fields overwritten by values of other types.
local o = { v = 1 }
for _, v in ipairs { 2.5, "text", true, false, {}, print } do
  o.v = v
  assert(o.v == v)
end
o.v = nil
print(o.v, count(o))

-- Class-like tables that get methods late.
local C = {}
C.__index = C
local c = setmetatable({ n = 1 }, C)
for i = 1, 30 do
  C["method" .. i] = function(self) self.n = self.n + i return self end
  c["method" .. i](c)
end
print(c.n, c:method1():method30().n)

-- Fields in one loop over objects that share none.
local unlike = {}
for i = 1, 50 do unlike[i] = { ["only" .. i] = i, common = i } end
sum = 0
for i, u in ipairs(unlike) do sum = sum + u.common + u["only" .. i] + (u["only" .. i + 1] or 0) end
print(sum)
