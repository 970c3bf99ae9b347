-- collectgarbage and gcinfo: options, results, errors.
print(collectgarbage(), collectgarbage("collect"))
print(type(collectgarbage("count")), type(gcinfo()), (function(n) return n == math.floor(n) end)(gcinfo()))
print(math.abs(collectgarbage("count") - gcinfo()) < 64)
print(collectgarbage("setpause", 150), collectgarbage("setpause", 200), collectgarbage("setpause", 200))
print(collectgarbage("setstepmul", 400), collectgarbage("setstepmul", 200), collectgarbage("setstepmul", 200))
print(collectgarbage("stop"), collectgarbage("restart"))
print(pcall(collectgarbage, "nonsense"))
print(pcall(collectgarbage, {}))
print(pcall(collectgarbage, "step", "x"))
print(collectgarbage("step", 1000000))
print(collectgarbage("step", "1000000"))

-- Stopped, nothing is collected; afterwards it is.
do
  collectgarbage()
  collectgarbage("stop")
  local seen = false
  do
    local p = newproxy(true)
    getmetatable(p).__gc = function() seen = true end
  end
  local before = gcinfo()
  repeat local a = { {} } until gcinfo() > 3 * before + 1000
  print(seen)
  collectgarbage("restart")
  repeat local a = {} until seen
  print(seen, gcinfo() <= 3 * before + 1000)
end

-- Garbage doesn't pile up.
do
  collectgarbage()
  local before = collectgarbage("count")
  local most = 0
  for i = 1, 300000 do
    local t = { i, { i } }
    if i % 1000 == 0 then most = math.max(most, collectgarbage("count")) end
  end
  print(most < before + 16 * 1024)
  collectgarbage()
  print(collectgarbage("count") < before + 100)
end

-- Steps: small ones need more calls than large ones, and all of them end.
local function steps(size)
  collectgarbage()
  collectgarbage("stop")
  local a = {}
  for i = 1, 100 do
    a[i] = { {} }
    local b = {}
  end
  local x = gcinfo()
  local i = 0
  repeat i = i + 1 until collectgarbage("step", size)
  print(gcinfo() <= x, #a)
  return i
end
print(steps(0) > 10)
print(steps(6) < steps(2))
print(steps(10000))

-- Data survive steps at any point.
do
  local list
  for i = 1, 2000 do
    list = { i, next = list, name = "n" .. i, f = function() return i end }
    if i % 10 == 0 then collectgarbage("step", i % 3) end
    if i % 100 == 0 and list.next then list.next.extra = { list.name } end
  end
  local n, sum = 0, 0
  while list do
    n, sum = n + 1, sum + list[1] + list.f() + (list.extra and #list.extra[1] or 0)
    assert(list.name == "n" .. list[1])
    list = list.next
  end
  print(n, sum)
end
