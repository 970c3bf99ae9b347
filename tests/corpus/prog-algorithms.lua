-- Classical algorithms, each small: sorting, searching, dynamic programming,
-- graphs, union-find, combinatorics, numbers.
local function insertion(a)
  for i = 2, #a do
    local v, j = a[i], i - 1
    while j >= 1 and a[j] > v do
      a[j + 1] = a[j]
      j = j - 1
    end
    a[j + 1] = v
  end
  return a
end
local function quick(a, low, high)
  low, high = low or 1, high or #a
  if low < high then
    local pivot, i, j = a[math.floor((low + high) / 2)], low, high
    while i <= j do
      while a[i] < pivot do i = i + 1 end
      while a[j] > pivot do j = j - 1 end
      if i <= j then
        a[i], a[j] = a[j], a[i]
        i, j = i + 1, j - 1
      end
    end
    quick(a, low, j)
    quick(a, i, high)
  end
  return a
end
local function shell(a)
  local gap = math.floor(#a / 2)
  while gap > 0 do
    for i = gap + 1, #a do
      local v, j = a[i], i
      while j > gap and a[j - gap] > v do
        a[j] = a[j - gap]
        j = j - gap
      end
      a[j] = v
    end
    gap = math.floor(gap / 2)
  end
  return a
end
local function counting(a)
  local counts, low, high = {}, math.huge, -math.huge
  for _, v in ipairs(a) do
    counts[v] = (counts[v] or 0) + 1
    low, high = math.min(low, v), math.max(high, v)
  end
  local out = {}
  for v = low, high do
    for _ = 1, counts[v] or 0 do out[#out + 1] = v end
  end
  return out
end
local function data() return { 31, -4, 15, 92, 6, -53, 58, 97, 9, 32, 38, 46, 26, 43, 3, 0, 15 } end
local expected = data()
table.sort(expected)
expected = table.concat(expected, " ")
for name, sort in pairs { insertion = insertion, quick = quick, shell = shell, counting = counting } do
  assert(table.concat(sort(data()), " ") == expected, name)
end
print(expected)

local function binary_search(a, v)
  local low, high = 1, #a
  while low <= high do
    local middle = math.floor((low + high) / 2)
    if a[middle] == v then return middle elseif a[middle] < v then low = middle + 1 else high = middle - 1 end
  end
end
local sorted = quick(data())
print(binary_search(sorted, 46), binary_search(sorted, -53), binary_search(sorted, 97), binary_search(sorted, 7))

local function edit_distance(a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
    end
  end
  return row[#b]
end
print(edit_distance("kitten", "sitting"), edit_distance("", "abc"), edit_distance("same", "same"), edit_distance("stencil", "patch"))

local function longest_common(a, b)
  local best = {}
  for i = 0, #a do best[i] = { [0] = "" } end
  for j = 0, #b do best[0][j] = "" end
  for i = 1, #a do
    for j = 1, #b do
      if a:byte(i) == b:byte(j) then
        best[i][j] = best[i - 1][j - 1] .. a:sub(i, i)
      else
        local x, y = best[i - 1][j], best[i][j - 1]
        best[i][j] = #x >= #y and x or y
      end
    end
  end
  return best[#a][#b]
end
print(longest_common("nematode knowledge", "empty bottle"))

local function knapsack(items, capacity)
  local best = {}
  for w = 0, capacity do best[w] = 0 end
  for _, item in ipairs(items) do
    for w = capacity, item.weight, -1 do
      best[w] = math.max(best[w], best[w - item.weight] + item.value)
    end
  end
  return best[capacity]
end
print(knapsack({ { weight = 12, value = 4 }, { weight = 2, value = 2 }, { weight = 1, value = 1 }, { weight = 4, value = 10 }, { weight = 1, value = 2 } }, 15))

-- Graphs.
local graph = {
  a = { b = 7, c = 9, f = 14 }, b = { a = 7, c = 10, d = 15 }, c = { a = 9, b = 10, d = 11, f = 2 },
  d = { b = 15, c = 11, e = 6 }, e = { d = 6, f = 9 }, f = { a = 14, c = 2, e = 9 },
}
local function dijkstra(from)
  local distance, done = { [from] = 0 }, {}
  while true do
    local at
    for node, d in pairs(distance) do
      if not done[node] and (not at or d < distance[at] or d == distance[at] and node < at) then at = node end
    end
    if not at then return distance end
    done[at] = true
    for other, cost in pairs(graph[at]) do
      local d = distance[at] + cost
      if not distance[other] or d < distance[other] then distance[other] = d end
    end
  end
end
local d = dijkstra("a")
print(d.a, d.b, d.c, d.d, d.e, d.f)

local parent = {}
local function find(x)
  if parent[x] == x then return x end
  parent[x] = find(parent[x])
  return parent[x]
end
local edges = {}
for a, others in pairs(graph) do
  parent[a] = a
  for b, cost in pairs(others) do
    if a < b then edges[#edges + 1] = { a, b, cost } end
  end
end
table.sort(edges, function(x, y) if x[3] ~= y[3] then return x[3] < y[3] end return x[1] .. x[2] < y[1] .. y[2] end)
local tree, weight = {}, 0
for _, e in ipairs(edges) do
  local x, y = find(e[1]), find(e[2])
  if x ~= y then
    parent[x] = y
    tree[#tree + 1] = e[1] .. e[2]
    weight = weight + e[3]
  end
end
print(table.concat(tree, " "), weight)

local needs = { shirt = {}, tie = { "shirt" }, jacket = { "tie", "belt" }, belt = { "trousers" }, trousers = {}, shoes = { "trousers", "socks" }, socks = {} }
local order, state = {}, {}
local function visit(name)
  if state[name] == "done" then return end
  assert(state[name] ~= "open", "a cycle")
  state[name] = "open"
  for _, other in ipairs(needs[name]) do visit(other) end
  state[name] = "done"
  order[#order + 1] = name
end
local names = {}
for name in pairs(needs) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do visit(name) end
print(table.concat(order, " "))
needs.shirt = { "jacket" }
state = {}
print((pcall(visit, "shirt")))

-- Hanoi, Pascal, partitions, powers, roman numerals, look and say.
local moves = 0
local function hanoi(n, a, b, c)
  if n == 0 then return end
  hanoi(n - 1, a, c, b)
  moves = moves + 1
  hanoi(n - 1, c, b, a)
end
hanoi(8, "l", "m", "r")
print(moves)
local row = { 1 }
for _ = 1, 8 do
  local following = { 1 }
  for i = 1, #row - 1 do following[i + 1] = row[i] + row[i + 1] end
  following[#row + 1] = 1
  row = following
end
print(table.concat(row, " "))
local function partitions(n, max) if n == 0 then return 1 end local s = 0 for k = math.min(n, max), 1, -1 do s = s + partitions(n - k, k) end return s end
print(partitions(5, 5), partitions(15, 15), partitions(20, 20))
local function roman(n)
  local out = {}
  for _, r in ipairs { { 1000, "M" }, { 900, "CM" }, { 500, "D" }, { 400, "CD" }, { 100, "C" }, { 90, "XC" }, { 50, "L" }, { 40, "XL" }, { 10, "X" }, { 9, "IX" }, { 5, "V" }, { 4, "IV" }, { 1, "I" } } do
    while n >= r[1] do
      out[#out + 1] = r[2]
      n = n - r[1]
    end
  end
  return table.concat(out)
end
print(roman(1), roman(4), roman(1999), roman(2026), roman(3888))
local s = "1"
for _ = 1, 8 do
  local out, i = {}, 1
  while i <= #s do
    local j = i
    while j < #s and s:byte(j + 1) == s:byte(i) do j = j + 1 end
    out[#out + 1] = (j - i + 1) .. s:sub(i, i)
    i = j + 1
  end
  s = table.concat(out)
end
print(s)
local function weekday(y, m, day)
  if m < 3 then y, m = y - 1, m + 12 end
  return (day + math.floor(13 * (m + 1) / 5) + y + math.floor(y / 4) - math.floor(y / 100) + math.floor(y / 400)) % 7
end
print(weekday(2000, 1, 1), weekday(2026, 11, 22), weekday(1900, 2, 28), weekday(2024, 2, 29))
