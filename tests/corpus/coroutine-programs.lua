-- Programs with coroutines: tree walk, scheduler, producer and consumer,
-- backtracking, lazy lists, symmetric transfer by a dispatcher.
local function insert(tree, v)
  if not tree then return { value = v } end
  if v < tree.value then tree.left = insert(tree.left, v) else tree.right = insert(tree.right, v) end
  return tree
end
local function walk(tree)
  if tree then
    walk(tree.left)
    coroutine.yield(tree.value)
    walk(tree.right)
  end
end
local function fringe(list)
  local tree
  for _, v in ipairs(list) do tree = insert(tree, v) end
  return coroutine.wrap(function() walk(tree) end)
end
local out = {}
for v in fringe { 5, 2, 8, 1, 9, 3, 7 } do out[#out + 1] = v end
print(table.concat(out, " "))
local a, b = fringe { 3, 1, 2 }, fringe { 1, 2, 3 }
local same = true
for _ = 1, 4 do same = same and a() == b() end
print(same)

-- Round robin.
local tasks, log = {}, {}
local function spawn(name, n)
  tasks[#tasks + 1] = coroutine.create(function()
    for i = 1, n do
      log[#log + 1] = name .. i
      coroutine.yield()
    end
  end)
end
spawn("a", 3) spawn("b", 1) spawn("c", 4)
while #tasks > 0 do
  for i = #tasks, 1, -1 do
    coroutine.resume(tasks[i])
    if coroutine.status(tasks[i]) == "dead" then table.remove(tasks, i) end
  end
end
print(table.concat(log, " "))

-- Producer, filter, consumer.
local function producer(items)
  return coroutine.create(function()
    for _, v in ipairs(items) do coroutine.yield(v) end
    return nil
  end)
end
local function filter(source)
  return coroutine.create(function()
    local line = 1
    while true do
      local _, v = coroutine.resume(source)
      if not v then return nil end
      coroutine.yield(string.format("%d:%s", line, v))
      line = line + 1
    end
  end)
end
local sink = filter(filter(producer { "x", "y", "z" }))
while true do
  local ok, v = coroutine.resume(sink)
  if not v then break end
  io.write(v, " ")
end
print(coroutine.status(sink))

-- Lazy prime sieve: a chain of filters.
local function integers(from)
  return coroutine.wrap(function()
    while true do
      coroutine.yield(from)
      from = from + 1
    end
  end)
end
local function without(p, source)
  return coroutine.wrap(function()
    while true do
      local n = source()
      if n % p ~= 0 then coroutine.yield(n) end
    end
  end)
end
local source = integers(2)
out = {}
for i = 1, 15 do
  local p = source()
  out[i] = p
  source = without(p, source)
end
print(table.concat(out, " "))

-- Backtracking: all ways to pay an amount.
local function pay(amount, coins, k, chosen)
  if amount == 0 then
    coroutine.yield(table.concat(chosen, "+"))
  elseif k <= #coins and amount > 0 then
    chosen[#chosen + 1] = coins[k]
    pay(amount - coins[k], coins, k, chosen)
    chosen[#chosen] = nil
    pay(amount, coins, k + 1, chosen)
  end
end
for way in coroutine.wrap(function() pay(8, { 5, 2, 1 }, 1, {}) end) do io.write(way, " ") end
print()

-- Transfer of control between named coroutines by a dispatcher.
local routines = {}
local function transfer(name, value) return coroutine.yield(name, value) end
routines.ping = coroutine.create(function(v)
  for _ = 1, 3 do v = transfer("pong", v .. "-ping") end
  return nil, v
end)
routines.pong = coroutine.create(function(v)
  while true do v = transfer("ping", v .. "-pong") end
end)
local name, value = "ping", "start"
while name do
  local ok, n, v = coroutine.resume(routines[name], value)
  assert(ok, n)
  name, value = n, v
end
print(value)

-- Permutations.
local function permute(list, n)
  if n == 0 then coroutine.yield(table.concat(list)) return end
  for i = 1, n do
    list[n], list[i] = list[i], list[n]
    permute(list, n - 1)
    list[n], list[i] = list[i], list[n]
  end
end
for p in coroutine.wrap(function() permute({ "a", "b", "c" }, 3) end) do io.write(p, " ") end
print()

-- Deep recursion inside a coroutine, and many coroutines alive at once.
local function count(n) if n == 0 then coroutine.yield("bottom") return 0 end return 1 + count(n - 1) end
local deep = coroutine.wrap(count)
print(deep(500), deep())
local alive, sum = {}, 0
for i = 1, 200 do
  alive[i] = coroutine.wrap(function(x)
    while true do x = coroutine.yield(x + i) end
  end)
end
for round = 1, 3 do
  for i = 1, 200 do sum = sum + alive[i](round) end
end
print(sum)
