-- How coroutines begin and end: arguments and results of all counts, by resume and by
-- functions that wrap makes, with yields in between and without.
local create, resume, wrap = coroutine.create, coroutine.resume, coroutine.wrap
local status, yield = coroutine.status, coroutine.yield

local function show(...)
  local n = select("#", ...)
  local out = {}
  for i = 1, n do out[i] = tostring((select(i, ...))) end
  return n .. ":" .. table.concat(out, ",")
end

local function none() end
local function one(a) return a end
local function two(a, b) return b, a end
local function any(...) return ... end
local function count(...) return select("#", ...) end
local function many(a) return a, a, a, a, a, a, a, a end
local function asks(a, b)
  local c, d = yield(b, a)
  return c, d, a
end
local function tail(a, b) return two(a, b) end

local last
for round = 1, 60 do
  local lines = {}
  for i, f in ipairs { none, one, two, any, count, many, asks, tail } do
    local co = create(f)
    lines[#lines + 1] = i .. " " .. show(resume(co, round, "x")) .. " " .. status(co)
    if f == asks then
      lines[#lines + 1] = show(resume(co, "y")) .. " " .. status(co)
    end
    lines[#lines + 1] = show(resume(co))
    co = create(f)
    local ok, first = resume(co)
    lines[#lines + 1] = tostring(ok) .. tostring(first)
    lines[#lines + 1] = show(wrap(f)(1, 2, 3))
    local w = wrap(f)
    w(round)
    if f == asks then w() end
    lines[#lines + 1] = show(pcall(w))
  end
  last = table.concat(lines, "\n"):gsub("0x%x+", "?")
end
print(last)

-- Statements, and calls that want one result.
local total = 0
for i = 1, 200 do
  local w = wrap(function(a)
    total = total + a
    yield(a)
    total = total + 1
  end)
  w(i)
  w()
  local x = resume(create(many), i)
  assert(x == true)
end
print(total)

-- Coroutines inside coroutines, which end in each other's arms.
local function nest(depth)
  if depth == 0 then return "bottom", depth end
  local a, b = wrap(nest)(depth - 1)
  return a, b + depth
end
for i = 1, 40 do assert(nest(i % 20) == "bottom") end
print(nest(20))

-- Errors at the beginning, and at the end.
for i = 1, 30 do
  local co = create(function(a) error("at once " .. a, 0) end)
  local ok, message = resume(co, i)
  assert(not ok and message == "at once " .. i and status(co) == "dead")
  co = create(function() yield() error({ i }) end)
  assert(resume(co))
  ok, message = resume(co)
  assert(not ok and message[1] == i and status(co) == "dead")
end

-- What a dead one held can be collected; frames larger than the first stack.
local gone = setmetatable({}, { __mode = "k" })
for i = 1, 50 do
  local t = {}
  gone[t] = true
  local co = create(function(x) yield() return x end)
  resume(co, t)
  resume(co)
end
collectgarbage()
collectgarbage()
local left = 0
for _ in pairs(gone) do left = left + 1 end
print(left < 3)
local function wide(a)
  local b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, b16 = a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a
  local c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12, c13, c14, c15, c16 = b1, b2, b3, b4, b5, b6, b7, b8, b9, b10, b11, b12, b13, b14, b15, b16
  local d = yield(c1 + c16)
  return b1 + c2 + d
end
for i = 1, 40 do
  local w = wrap(wide)
  assert(w(i) == 2 * i and w(1) == 2 * i + 1)
end

-- Metamethods and iterators in coroutines.
local object = setmetatable({}, { __index = function(_, k) return k .. "!" end, __call = function(_, x) return x end })
for i = 1, 30 do
  assert(wrap(function() return object.a end)() == "a!")
  assert(wrap(function(x) return object(x) end)(i) == i)
  local sum = 0
  for v in wrap(function() for k = 1, 5 do yield(k) end end) do sum = sum + v end
  assert(sum == 15)
end
print("done")

-- What is left of a coroutine that ended, and those that end in other ways.
local co
for _ = 1, 200 do
  co = coroutine.create(function(a, b) return b, a end)
  coroutine.resume(co, 1, {})
end
print(debug.traceback(co), debug.getinfo(co, 0), coroutine.status(co))
print(coroutine.resume(co))
co = coroutine.create(function(a) return a end)
local events = {}
debug.sethook(co, function(event) events[#events + 1] = event end, "cr")
print(coroutine.resume(co, 5))
print(coroutine.status(co), table.concat(events, " "))
for _ = 1, 200 do
  co = coroutine.wrap(function(t) return setmetatable(t, { __index = t }) end)
  co({})
end
print(pcall(co))
for _ = 1, 200 do co = coroutine.wrap(function(...) return ... end) end
print(pcall(co, 1, nil, 2))
print(pcall(co))
