-- Makes and drops functions, shapes and coroutines for some seconds of processor time: all of
-- them are compiled, entered and forgotten, so that what is in use must not grow.
local seconds = tonumber((...)) or 5

local function functions(n)
  -- Functions that nobody has seen before, with inline caches and direct calls in them.
  local sum = 0
  for i = 1, n do
    local f = loadstring(([[
      local t = { name%d = 1, count = 0 }
      function t:add(x) self.count = self.count + x + t.name%d return self.count end
      local s = 0
      for i = 1, 40 do s = s + t:add(i) + math.floor(i / %d) end
      return s
    ]]):format(i, i, i % 7 + 1))
    sum = sum + f()
  end
  return sum
end

local function shapes(round)
  -- Objects with properties in new orders, all of them read at one place.
  local sum = 0
  local function read(o) return o.x + o.y end
  for i = 1, 60 do
    local o = {}
    o["p" .. round % 1000 .. "_" .. i] = i
    if i % 2 == 0 then o.x, o.y = 1, 2 else o.y, o.x = 2, 1 end
    setmetatable(o, { __index = function(_, k) return #k end })
    sum = sum + read(o) + o.absent
  end
  return sum
end

local function coroutines(n)
  local sum = 0
  for i = 1, n do
    local co = coroutine.wrap(function(a)
      for j = 1, 5 do a = a + coroutine.yield(a + j) end
      return a
    end)
    for j = 1, i % 7 do sum = sum + co(j) end -- Some end, most are dropped where they are.
  end
  return sum
end

local started, rounds, first = os.clock(), 0
repeat
  rounds = rounds + 1
  local sums = functions(30) .. " " .. shapes(1) .. " " .. coroutines(50)
  assert(sums == (first or sums), "a round differs")
  first = sums
  shapes(rounds)
until os.clock() - started > seconds
collectgarbage()
collectgarbage()
print(rounds > 3 and "the same in each round" or "too few rounds")
