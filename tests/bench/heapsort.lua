-- heapsort: sorts random numbers in place with a binary heap.
-- Stresses array access with computed indices and float comparisons.
-- Argument: number of elements.

local n = tonumber((...)) or 700000

local seed = 42
local function random()
  seed = (seed * 3877 + 29573) % 139968
  return seed / 139968
end

local function sift(a, root, last)
  local value = a[root]
  local child = 2 * root
  while child <= last do
    if child < last and a[child] < a[child + 1] then child = child + 1 end
    if value >= a[child] then break end
    a[root] = a[child]
    root = child
    child = 2 * root
  end
  a[root] = value
end

local function heapsort(a, n)
  for i = math.floor(n / 2), 1, -1 do sift(a, i, n) end
  for i = n, 2, -1 do
    a[1], a[i] = a[i], a[1]
    sift(a, 1, i - 1)
  end
end

local a = {}
for i = 1, n do a[i] = random() end
heapsort(a, n)
for i = 1, n - 1 do assert(a[i] <= a[i + 1], "not sorted") end
print(string.format("%d: %.9f %.9f %.9f", n, a[1], a[math.floor(n / 2)], a[n]))
