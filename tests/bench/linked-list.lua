-- linked-list: singly and doubly linked lists: building, reversing, filtering,
-- merge sort, and a least-recently-used cache.
-- Stresses field loads and stores of small records, and pointer chasing.
-- Argument: number of elements.

local n = tonumber((...)) or 200000

local seed = 3
local function random(limit)
  seed = (seed * 16807) % 2147483647
  return seed % limit
end

local function build(n)
  local head
  for _ = 1, n do head = { value = random(100000), next = head } end
  return head
end

local function length(list)
  local count = 0
  while list do
    count = count + 1
    list = list.next
  end
  return count
end

local function sum(list)
  local total, at = 0, 1
  while list do
    total = (total + list.value * at) % 1000003
    at = at + 1
    list = list.next
  end
  return total
end

local function reverse(list)
  local out
  while list do
    local rest = list.next
    list.next = out
    out, list = list, rest
  end
  return out
end

local function filter(list, keep)
  local head = { next = nil }
  local tail = head
  while list do
    if keep(list.value) then
      local cell = { value = list.value, next = nil }
      tail.next = cell
      tail = cell
    end
    list = list.next
  end
  return head.next
end

local function merge(a, b)
  local head = { next = nil }
  local tail = head
  while a and b do
    if b.value < a.value then
      tail.next, tail, b = b, b, b.next
    else
      tail.next, tail, a = a, a, a.next
    end
  end
  tail.next = a or b
  return head.next
end

local function sort(list)
  if not list or not list.next then return list end
  local slow, fast = list, list.next
  while fast and fast.next do
    slow, fast = slow.next, fast.next.next
  end
  local second = slow.next
  slow.next = nil
  return merge(sort(list), sort(second))
end

-- A cache that drops what was not used for longest: a ring of doubly linked
-- entries and a table from key to entry.
local Cache = {}
Cache.__index = Cache

function Cache.new(capacity)
  local ring = {}
  ring.before, ring.after = ring, ring
  return setmetatable({ ring = ring, entries = {}, size = 0, capacity = capacity, hits = 0, misses = 0 }, Cache)
end

local function unlink(entry)
  entry.before.after = entry.after
  entry.after.before = entry.before
end

function Cache:front(entry)
  local ring = self.ring
  entry.before, entry.after = ring, ring.after
  ring.after.before = entry
  ring.after = entry
end

function Cache:get(key, compute)
  local entry = self.entries[key]
  if entry then
    self.hits = self.hits + 1
    unlink(entry)
  else
    self.misses = self.misses + 1
    if self.size == self.capacity then
      local oldest = self.ring.before
      unlink(oldest)
      self.entries[oldest.key] = nil
    else
      self.size = self.size + 1
    end
    entry = { key = key, value = compute(key) }
    self.entries[key] = entry
  end
  self:front(entry)
  return entry.value
end

local list = build(n)
print(length(list), sum(list))
list = reverse(list)
print(length(list), sum(list))
local even = filter(list, function(v) return v % 2 == 0 end)
print(length(even), sum(even))
list = sort(list)
print(length(list), sum(list))
local at = list
while at.next do
  assert(at.value <= at.next.value, "not sorted")
  at = at.next
end
local both = merge(list, sort(even))
print(length(both), sum(both))

local cache = Cache.new(100)
local total = 0
for _ = 1, n * 2 do
  -- Small keys are more frequent.
  local key = math.min(random(300), random(300))
  total = (total + cache:get(key, function(k) return k * k end)) % 1000003
end
print(cache.hits, cache.misses, total)
