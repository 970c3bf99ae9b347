-- Errors in coroutines, errors as values, pcall within, dead coroutines.
local co = coroutine.create(function() error("text") end)
print(coroutine.resume(co))
print(coroutine.status(co), coroutine.resume(co))
co = coroutine.create(function() error({ code = 3 }) end)
local ok, e = coroutine.resume(co)
print(ok, type(e), e.code)
co = coroutine.create(function() local x = nil; return x.field end)
print(coroutine.resume(co))
co = coroutine.create(function()
  coroutine.yield(1)
  error("after a yield", 0)
end)
print(coroutine.resume(co))
print(coroutine.resume(co))
print(coroutine.resume(co))
co = coroutine.create(function() error() end)
print(coroutine.resume(co))

-- wrap passes errors on.
local w = coroutine.wrap(function() error("wrapped", 0) end)
print(pcall(w))
print(pcall(w))
w = coroutine.wrap(function() coroutine.yield(1) error({}) end)
print(w())
print(type(select(2, pcall(w))))

-- pcall inside (no yield across it).
co = coroutine.wrap(function()
  local results = {}
  for i = 1, 3 do
    local ok, e = pcall(function()
      if i == 2 then error("two", 0) end
      return i
    end)
    results[#results + 1] = tostring(ok) .. ":" .. tostring(e)
    coroutine.yield(table.concat(results, " "))
  end
  error("last", 0)
end)
print(co()) print(co()) print(co())
print(pcall(co))

-- A coroutine in a pcall in a coroutine.
local function run(level)
  if level == 0 then error("deepest", 0) end
  local c = coroutine.create(run)
  local ok, e = coroutine.resume(c, level - 1)
  error(tostring(e) .. level, 0)
end
print(pcall(run, 5))
print(coroutine.resume(coroutine.create(function()
  local ok, e = pcall(function()
    local w = coroutine.wrap(function() error("inner", 0) end)
    w()
  end)
  return ok, e, "went on"
end)))

-- The main program cannot yield.
print((pcall(coroutine.yield, 1)))

-- Resume with errors in between keeps the others whole.
local workers = {}
for i = 1, 6 do
  workers[i] = coroutine.create(function()
    for step = 1, 3 do
      if i % 3 == 0 and step == 2 then error("worker " .. i, 0) end
      coroutine.yield(i * 10 + step)
    end
    return "end " .. i
  end)
end
for round = 1, 4 do
  local line = {}
  for i, c in ipairs(workers) do
    local ok, v = coroutine.resume(c)
    line[i] = (ok and "" or "!") .. tostring(v)
  end
  print(table.concat(line, ", "))
end

-- Upvalues of a coroutine that failed stay valid.
local get
co = coroutine.create(function()
  local v = "alive"
  get = function() return v end
  v = "still alive"
  error("x")
end)
coroutine.resume(co)
print(get())
-- And of one that is suspended and then dropped.
local function dropped()
  local getter
  local c = coroutine.wrap(function()
    local v = { "kept" }
    getter = function() return v[1] end
    coroutine.yield()
    v = nil
  end)
  c()
  return getter
end
local g = dropped()
for i = 1, 100 do local garbage = { i } end
print(g())

-- Error positions and levels inside.
co = coroutine.create(function()
  local function f() error("level two", 2) end
  f()
end)
print(coroutine.resume(co))
