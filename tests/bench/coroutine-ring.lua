-- coroutine-ring: passes a token round a ring of coroutines, then runs a
-- pipeline of generators.
-- Stresses resume, yield and the creation of coroutines.
-- Argument: number of times that the token is passed on.

local n = tonumber((...)) or 6000000
local RING = 503

local function member(id)
  return coroutine.create(function(token)
    while true do
      if token == 0 then return "done", id end
      token = coroutine.yield("pass", token - 1)
    end
  end)
end

local ring = {}
for id = 1, RING do ring[id] = member(id) end

local id, token = 1, n
while true do
  local ok, what, value = coroutine.resume(ring[id], token)
  assert(ok, what)
  if what == "done" then
    print("token ends at " .. value)
    break
  end
  token = value
  id = id % RING + 1
end

local suspended, dead = 0, 0
for i = 1, RING do
  if coroutine.status(ring[i]) == "dead" then dead = dead + 1 else suspended = suspended + 1 end
end
print(suspended, dead)

-- A pipeline: numbers, those not divisible by 3, their running sums.
local function numbers(limit)
  return coroutine.wrap(function()
    for i = 1, limit do coroutine.yield(i) end
  end)
end

local function filter(source)
  return coroutine.wrap(function()
    for v in source do
      if v % 3 ~= 0 then coroutine.yield(v) end
    end
  end)
end

local function sums(source)
  return coroutine.wrap(function()
    local sum = 0
    for v in source do
      sum = sum + v
      coroutine.yield(sum, v)
    end
  end)
end

local count, last = 0, 0
for sum in sums(filter(numbers(math.floor(n / 4)))) do
  count = count + 1
  last = sum
end
print(count, last)

-- Many short-lived coroutines.
local total = 0
for i = 1, math.floor(n / 20) do
  local next_value = coroutine.wrap(function(a)
    local b = coroutine.yield(a + 1)
    return a * b
  end)
  total = (total + next_value(i) + next_value(2)) % 1000003
end
print(total)
