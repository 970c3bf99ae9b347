-- Tables as dictionaries: thousands of dynamic keys, deletions, re-insertions,
-- checked against a second representation.
local seed = 77
local function random(limit)
  seed = (seed * 16807) % 2147483647
  return seed % limit + 1
end

local t = {}
for i = 1, 3000 do t["key" .. i] = i end
local n, sum = 0, 0
for k, v in pairs(t) do
  n = n + 1
  sum = sum + v
  assert(k == "key" .. v)
end
print(n, sum)
for i = 1, 3000, 2 do t["key" .. i] = nil end
n, sum = 0, 0
for _, v in pairs(t) do n = n + 1 sum = sum + v end
print(n, sum)
for i = 1, 3000, 3 do t["key" .. i] = -i end
n, sum = 0, 0
for _, v in pairs(t) do n = n + 1 sum = sum + v end
print(n, sum, t.key1, t.key2, t.key5, t.key3000)

-- Random operations against two parallel arrays.
local keys, values, live = {}, {}, 0
local where, dict = {}, {}
for _ = 1, 4000 do
  local k = random(400)
  local key = k % 3 == 0 and "s" .. k or k % 3 == 1 and k * 1000 or -k / 4
  local action = random(3)
  if action == 1 and where[key] then
    local at = where[key]
    keys[at], values[at] = keys[live], values[live]
    where[keys[at]] = at
    keys[live], values[live] = nil, nil
    where[key] = nil
    live = live - 1
    dict[key] = nil
  else
    local v = random(1000)
    dict[key] = v
    local at = where[key]
    if not at then
      live = live + 1
      at = live
      keys[at] = key
      where[key] = at
    end
    values[at] = v
  end
end
for i = 1, live do assert(dict[keys[i]] == values[i]) end
n, sum = 0, 0
for k, v in pairs(dict) do
  n = n + 1
  sum = sum + v
  assert(values[where[k]] == v)
end
print(n == live, n, sum)

-- A counter of words, an inverted index, a set.
local text = "the moon patch the hole the stencil moon a patch the end"
local words, word = {}, ""
for i = 1, #text + 1 do
  local c = text:sub(i, i)
  if c == " " or c == "" then words[#words + 1] = word word = "" else word = word .. c end
end
local counts, index = {}, {}
for i, w in ipairs(words) do
  counts[w] = (counts[w] or 0) + 1
  index[w] = index[w] or {}
  table.insert(index[w], i)
end
local sorted = {}
for w in pairs(counts) do sorted[#sorted + 1] = w end
table.sort(sorted, function(a, b) return counts[a] > counts[b] or counts[a] == counts[b] and a < b end)
for _, w in ipairs(sorted) do io.write(w, "=", counts[w], "(", table.concat(index[w], ","), ") ") end
print()

-- Tables and functions as keys; keys that die and are made anew.
local by_object, objects = {}, {}
for i = 1, 200 do
  local o = { i }
  objects[i] = o
  by_object[o] = i
end
for i = 1, 200, 2 do by_object[objects[i]] = nil objects[i] = nil end
n = 0
for o, i in pairs(by_object) do
  assert(o[1] == i and i % 2 == 0)
  n = n + 1
end
print(n)

-- A queue in a table: keys move upwards for ever.
local queue, head, tail = {}, 1, 0
for i = 1, 2000 do
  tail = tail + 1
  queue[tail] = i
  if tail - head >= 10 then
    queue[head] = nil
    head = head + 1
  end
end
n = 0
for _ in pairs(queue) do n = n + 1 end
print(n, head, tail, queue[head], queue[tail], queue[1])

-- Two-dimensional keys by concatenation, and sparse arrays.
local grid = {}
for y = 1, 20 do
  for x = 1, 20 do
    if (x * y) % 7 == 1 then grid[x .. "," .. y] = x * y end
  end
end
n = 0
for y = 1, 20 do
  for x = 1, 20 do n = n + (grid[x .. "," .. y] or 0) end
end
print(n)
local sparse = {}
for i = 0, 20 do sparse[2 ^ i] = i end
sum = 0
for k, v in pairs(sparse) do sum = sum + v assert(k == 2 ^ v) end
print(sum, sparse[1024], sparse[1023])

-- A method of a dictionary, called where tables with few keys were before.
do
  local big = {m = function(self, v) return v, self.a end}
  for i = 1, 140 do big["k" .. i] = i end
  local function call(o, v) return o:m(v) end
  print(pcall(call, {a = 5, m = 96}, 1))
  print(call({a = 6, m = big.m}, 2))
  print(call(big, 3))
  big.a = 7
  print(call(big, 4))
  big.m = nil
  print(pcall(call, big, 5))
end
