-- Weak tables.
local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end
local function weak(mode) return setmetatable({}, { __mode = mode }) end

-- Values.
do
  local t = weak("v")
  local kept = {}
  for i = 1, 10 do t[i] = {} end
  for i = 11, 20 do t[i] = kept end
  t.a, t.b, t.c = {}, kept, "string"
  t[1.5], t[true] = {}, 12
  t[kept] = function() end
  collectgarbage()
  print(count(t), t[1], t[10], t[11] == kept, t.a, t.b == kept, t.c, t[1.5], t[true], t[kept])
end

-- Keys.
do
  local t = weak("k")
  local kept = {}
  for i = 1, 10 do t[{}] = i end
  t[kept] = {}
  t["s" .. "t"] = {}
  t[1] = {}
  t[print] = {}
  collectgarbage()
  print(count(t), type(t[kept]), type(t.st), type(t[1]), type(t[print]))
end

-- Both; strings and numbers are values, never removed.
do
  local t = weak("kv")
  local kept = {}
  t[kept], t[1], t.x = kept, "one", "ex"
  t["long" .. string.rep("y", 100)] = "string" .. #t
  t[{}] = kept
  t[2] = {}
  t.y = {}
  collectgarbage()
  print(count(t), t[kept] == kept, t[1], t.x, t["long" .. string.rep("y", 100)], t[2], t.y)
end

-- A value that leads back to its key keeps it: no ephemerons in 5.1.
do
  local t = weak("k")
  do
    local key = {}
    t[key] = { key }
  end
  collectgarbage()
  print(count(t))
end

-- Weakness that comes or goes.
do
  local meta = {}
  local t = setmetatable({}, meta)
  t[1] = {}
  collectgarbage()
  print(t[1] ~= nil)
  meta.__mode = "v"
  collectgarbage()
  print(t[1])
  t[1] = {}
  meta.__mode = nil
  collectgarbage()
  print(t[1] ~= nil)
  meta.__mode = "nothing special"
  collectgarbage()
  print(t[1] ~= nil)
  meta.__mode = 3
  collectgarbage()
  print(t[1] ~= nil)
  meta.__mode = "xkyv"
  collectgarbage()
  print(t[1])
end

-- Caches, through garbage made in between.
do
  local cache = weak("v")
  local hits, misses = 0, 0
  local function get(n)
    local v = cache[n]
    if v then
      hits = hits + 1
    else
      misses = misses + 1
      v = { n }
      cache[n] = v
    end
    return v
  end
  local held = get(7)
  local sum = 0
  for i = 1, 200000 do sum = sum + get(i % 50)[1] end
  print(hits + misses, sum, get(7) == held, cache[7] == held)
end

-- While a table is traversed.
do
  local t = weak("k")
  for i = 1, 50 do t[{}] = i end
  local n = 0
  for k in pairs(t) do
    n = n + 1
    if n == 5 then collectgarbage() end
    t[k] = nil
  end
  print(n >= 5, next(t))
end

-- Threads, functions and userdata.
do
  local t = weak("v")
  t[1] = coroutine.create(function() end)
  t[2] = function() return t end
  t[3] = newproxy()
  t[4] = print
  collectgarbage()
  print(t[1], t[2], t[3], t[4] == print)
end

-- Userdata to be finalized are gone as values before their finalizers run, and as keys
-- only afterwards.
do
  local values, keys = weak("v"), weak("k")
  local report
  do
    local p = newproxy(true)
    values[1], keys[p] = p, "data"
    getmetatable(p).__gc = function(u)
      report = { values[1], keys[u] }
    end
  end
  collectgarbage()
  print(report[1], report[2], count(keys))
  collectgarbage()
  print(count(keys))
end

-- Large ones.
do
  local t, kept = weak("v"), {}
  for i = 1, 30000 do
    local v = { i }
    t[i] = v
    if i % 100 == 0 then kept[#kept + 1] = v end
  end
  local k = weak("k")
  for i = 1, 30000 do k[i % 100 == 0 and kept[i / 100] or {}] = i end
  collectgarbage()
  print(count(t), count(k), t[100][1], k[kept[300]])
end
