-- New keys of all kinds in tables of all kinds: the hash part's first node, its growth, keys
-- that had a value before, items for the array part, metatables, property arrays.
local function size(t)
  local n, sum = 0, 0
  for k, v in pairs(t) do
    n = n + 1
    if type(k) == "number" then sum = sum + k end
  end
  return n, sum
end

-- First nodes by kinds of keys; in a loop, so that all engines get to it.
local object, f = {}, function() end
for round = 1, 200 do
  local t = {}
  t[object] = round
  t[f] = round + 1
  t[true] = round + 2
  t[-round] = round + 3
  t[0.5] = round + 4
  assert(t[object] == round and t[f] == round + 1 and t[true] == round + 2)
  assert(t[-round] == round + 3 and t[0.5] == round + 4)
  assert(size(t) == 5 and t[false] == nil and t[round] == nil)
  t[object], t[f] = nil, nil
  assert(size(t) == 3)
  t[object] = "again"
  assert(t[object] == "again" and size(t) == 4)
end

-- Zeros of both signs are one key; what is no number is none.
for round = 1, 100 do
  local t = {}
  local zero = 0
  t[-zero] = "minus"
  assert(t[0] == "minus")
  t[0] = "plus"
  assert(t[-zero] == "plus" and size(t) == 1)
  local ok, message = pcall(function() t[0 / zero] = 1 end)
  assert(not ok)
  if round == 100 then print(message) end
  ok, message = pcall(function() t[nil] = 1 end)
  assert(not ok)
  if round == 100 then print(message) end
end

-- Lists filled from either end, and with holes.
for _, order in ipairs { "up", "down", "odd" } do
  for round = 1, 30 do
    local t = {}
    for i = 1, 40 do
      local k = order == "up" and i or order == "down" and 41 - i or (i * 7) % 41
      t[k] = k * 2
    end
    assert(#t == 40)
    local n, sum = size(t)
    assert(n == 40 and sum == 820)
    for i = 1, 40 do assert(t[i] == i * 2) end
  end
end

-- A key that is the next item of an array part of another size.
for round = 1, 60 do
  local t = { 1, 2, 3 }
  t[5] = 5
  t[4] = 4
  t[6] = 6
  t[7.5] = 0
  assert(#t == 6 and size(t) == 7)
end

-- Metatables are asked for new keys, and for nil ones.
local asked = 0
local guarded = setmetatable({}, { __newindex = function(t, k, v)
  asked = asked + 1
  rawset(t, k, v)
end })
for round = 1, 50 do
  guarded[object] = round
  guarded[round * 3 + 0.5] = round
end
guarded[object] = nil
guarded[object] = 1
print(asked, size(guarded))

-- Keys that the collector must find through the table only.
local kept = {}
for i = 1, 3000 do
  kept[{ i }] = { i }
  if i % 500 == 0 then collectgarbage("step", 1) end
end
collectgarbage()
local n = 0
for k, v in pairs(kept) do
  assert(k[1] == v[1])
  n = n + k[1]
end
print(n)

-- The same of weak tables.
local weak = setmetatable({}, { __mode = "k" })
for i = 1, 500 do weak[{ i }] = i end
collectgarbage()
print(next(weak))

-- More properties than the object itself has room for.
local function point(i)
  local p = {}
  p.a = i
  p.b = i
  p.c = i
  p.d = i
  p.e = i
  p.f = { i }
  p.g = i
  p.h = i
  p.i = i
  p.j = { i }
  return p
end
local points = {}
for i = 1, 2000 do points[i] = point(i) end
collectgarbage()
local sum = 0
for i = 1, 2000 do
  local p = points[i]
  sum = sum + p.a + p.e + p.f[1] + p.i + p.j[1]
end
print(sum)
