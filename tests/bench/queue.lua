-- queue: table.insert and table.remove as stack, queue and list; a binary heap
-- as priority queue with Dijkstra's shortest paths; a ring buffer.
-- Stresses the table library, # and growing and shrinking arrays.
-- Argument: number of operations.

local n = tonumber((...)) or 1000000

local insert, remove = table.insert, table.remove

local seed = 17
local function random(limit)
  seed = (seed * 16807) % 2147483647
  return seed % limit + 1
end

-- A stack.
local stack, sum = {}, 0
for i = 1, n do
  insert(stack, i)
  if i % 3 == 0 then sum = sum + remove(stack) end
end
print("stack", #stack, sum)
while #stack > 0 do sum = (sum * 3 + remove(stack)) % 1000003 end
print("stack", #stack, sum)

-- A short queue: insert at the end, remove from the front.
local queue = {}
sum = 0
for i = 1, n do
  insert(queue, i)
  if #queue > 20 then sum = (sum * 3 + remove(queue, 1)) % 1000003 end
end
print("queue", #queue, sum)

-- A sorted list by insertion in the middle.
local sorted = {}
for _ = 1, math.floor(n / 60) do
  local v = random(100000)
  local low, high = 1, #sorted + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if sorted[middle] < v then low = middle + 1 else high = middle end
  end
  insert(sorted, low, v)
end
for i = 2, #sorted do assert(sorted[i - 1] <= sorted[i]) end
print("sorted", #sorted, sorted[1], sorted[#sorted])

-- A ring buffer.
local ring, first, count, capacity = {}, 1, 0, 64
sum = 0
for i = 1, n do
  if count == capacity then
    sum = (sum * 3 + ring[first]) % 1000003
    first = first % capacity + 1
    count = count - 1
  end
  ring[(first + count - 1) % capacity + 1] = i
  count = count + 1
end
print("ring", count, sum)

-- Shortest paths over a grid of random costs.
local function heap_push(heap, priority, item)
  local at = #heap + 1
  while at > 1 do
    local parent = math.floor(at / 2)
    if heap[parent][1] <= priority then break end
    heap[at] = heap[parent]
    at = parent
  end
  heap[at] = { priority, item }
end

local function heap_pop(heap)
  local top, last = heap[1], remove(heap)
  local size = #heap
  if size == 0 then return top end
  local at = 1
  while true do
    local child = at * 2
    if child > size then break end
    if child < size and heap[child + 1][1] < heap[child][1] then child = child + 1 end
    if heap[child][1] >= last[1] then break end
    heap[at] = heap[child]
    at = child
  end
  heap[at] = last
  return top
end

local side = math.floor(math.sqrt(n / 5))
local costs = {}
for i = 0, side * side - 1 do costs[i] = random(9) end

local function shortest(from, to)
  local distance = { [from] = 0 }
  local done, heap = {}, {}
  heap_push(heap, 0, from)
  while #heap > 0 do
    local top = heap_pop(heap)
    local d, at = top[1], top[2]
    if at == to then return d end
    if not done[at] then
      done[at] = true
      local x = at % side
      local y = (at - x) / side
      local function visit(other)
        local through = d + costs[other]
        if not distance[other] or through < distance[other] then
          distance[other] = through
          heap_push(heap, through, other)
        end
      end
      if x > 0 then visit(at - 1) end
      if x < side - 1 then visit(at + 1) end
      if y > 0 then visit(at - side) end
      if y < side - 1 then visit(at + side) end
    end
  end
end

print("shortest", side, shortest(0, side * side - 1))
