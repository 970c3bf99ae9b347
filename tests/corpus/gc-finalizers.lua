-- Finalizers of userdata: when, in which order, what they may do.
local function proxy(name, log)
  local p = newproxy(true)
  local meta = getmetatable(p)
  meta.name = name
  meta.__gc = function(u) log[#log + 1] = getmetatable(u).name end
  return p
end

-- Reverse order of creation, all of them, and only the dead.
do
  local log = {}
  local kept = proxy("kept", log)
  for i = 1, 5 do proxy("p" .. i, log) end
  collectgarbage()
  print(#log, table.concat(log, " "))
  kept = nil
  collectgarbage()
  print(#log, log[#log])
  collectgarbage()
  print(#log)
end

-- A __gc that is set, or taken away, after creation counts when the userdata dies.
do
  local log = {}
  local p = newproxy(true)
  getmetatable(p).__gc = function() log[#log + 1] = "late" end
  local q = proxy("never", log)
  getmetatable(q).__gc = nil
  p, q = nil, nil
  collectgarbage()
  print(table.concat(log, " "))
end

-- Shared metatables.
do
  local log = 0
  local first = newproxy(true)
  getmetatable(first).__gc = function() log = log + 1 end
  for _ = 1, 10 do newproxy(first) end
  collectgarbage()
  print(log)
  first = nil
  collectgarbage()
  print(log)
end

-- Resurrection: finalized once, whatever it reaches stays usable.
do
  local saved, count = nil, 0
  do
    local p = newproxy(true)
    local meta = getmetatable(p)
    meta.payload = { "still", "here" }
    meta.__gc = function(u)
      saved, count = u, count + 1
    end
  end
  collectgarbage()
  print(count, type(saved), table.concat(getmetatable(saved).payload, " "))
  saved = nil
  collectgarbage()
  collectgarbage()
  print(count)
end

-- Finalizers make userdata with finalizers.
do
  local made, ended = 0, 0
  local function make(n)
    local p = newproxy(true)
    made = made + 1
    getmetatable(p).__gc = function()
      ended = ended + 1
      if n > 0 then make(n - 1) end
    end
  end
  make(3)
  for _ = 1, 5 do collectgarbage() end
  print(made, ended)
end

-- Errors in finalizers are errors of whoever collects; the others run later.
do
  local log = {}
  proxy("a", log)
  local p = proxy("x", log)
  getmetatable(p).__gc = function() error("in finalizer", 0) end
  p = nil
  proxy("b", log)
  print(pcall(collectgarbage))
  collectgarbage()
  print(table.concat(log, " "))
  local q = newproxy(true)
  getmetatable(q).__gc = 42
  q = nil
  print((pcall(collectgarbage)))
end

-- Without asking: at some point while garbage is made, also inside other calls.
do
  local seen = 0
  for i = 1, 20 do
    local p = newproxy(true)
    getmetatable(p).__gc = function(u)
      assert(type(u) == "userdata")
      seen = seen + 1
    end
  end
  local function work(n)
    local t = {}
    for i = 1, n do t[i % 10 + 1] = { i, tostring(i) } end
    return #t
  end
  local rounds = 0
  while seen < 20 and rounds < 100000 do
    rounds = rounds + 1
    work(100)
  end
  print(seen, rounds < 100000)
end

-- Inside coroutines; a finalizer may run coroutines of its own, but not yield.
do
  local log = {}
  local co = coroutine.wrap(function()
    local p = newproxy(true)
    getmetatable(p).__gc = function()
      local inner = coroutine.wrap(function() coroutine.yield(1); return 2 end)
      log[#log + 1] = inner() + inner()
      log[#log + 1] = tostring(pcall(coroutine.yield))
    end
    p = nil
    collectgarbage()
    coroutine.yield("outer")
    return "end"
  end)
  print(co(), co(), log[1], log[2])
end

-- At the end of the program, in reverse order; errors there are ignored.
local last = {}
for i = 1, 3 do
  local p = newproxy(true)
  last[i] = p
  getmetatable(p).__gc = function()
    print("end", i)
    if i == 2 then error("ignored") end
  end
end
