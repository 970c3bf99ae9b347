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
  print(n <= 50, next(t))
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
