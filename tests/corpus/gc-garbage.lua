-- Garbage of all kinds in long loops: the results must be whole, and a bounded
-- heap must suffice.
local function work(rounds)
  local sum = 0
  for i = 1, rounds do
    local t = { i, { i + 1 }, name = "n" .. i }
    local f = function() return t[1] + t[2][1] end
    local s = ("x"):rep(i % 50) .. i
    sum = sum + f() + #s + #t.name
  end
  return sum
end
print(work(20000))

-- Long strings that die at once.
local total = 0
for i = 1, 300 do
  local s = ("0123456789"):rep(1000) .. i
  total = total + #s
end
print(total)

-- Cycles.
local function ring(n)
  local first = { n = 1 }
  local at = first
  for i = 2, n do
    at.next = { n = i, back = at }
    at = at.next
  end
  at.next = first
  first.back = at
  first.self = first
  return first
end
local kept = ring(50)
for _ = 1, 300 do ring(50) end
local at, sum = kept, 0
for _ = 1, 100 do
  sum = sum + at.n + at.back.n
  at = at.next
end
print(sum, kept.self == kept)

-- A window of live objects over a stream of dead ones.
local window = {}
for i = 1, 20000 do
  window[i % 100 + 1] = { value = i, text = "v" .. i }
end
sum = 0
for i = 1, 100 do
  local w = window[i]
  assert(w.text == "v" .. w.value)
  sum = sum + w.value
end
print(sum)

-- Closures, coroutines and metatables as garbage.
local alive = {}
for i = 1, 3000 do
  local v = { i }
  local mt = { __index = function(_, k) return v[1] .. k end }
  local o = setmetatable({}, mt)
  local co = coroutine.wrap(function(a)
    local b = coroutine.yield(o[a])
    return b .. v[1]
  end)
  local first = co("k")
  assert(first == i .. "k")
  if i % 500 == 0 then alive[#alive + 1] = co end
end
for _, co in ipairs(alive) do io.write(co("end"), " ") end
print()

-- Big tables that come and go, arrays and hashes.
for round = 1, 10 do
  local a, h = {}, {}
  for i = 1, 2000 do
    a[i] = i
    h["h" .. i] = a
  end
  assert(#a == 2000 and h.h2000 == a)
end
-- Objects only reachable through upvalues, varargs, the stack of a deep call.
local function deep(n, ...)
  if n == 0 then
    for i = 1, 200 do local garbage = { {}, "g" .. i } end
    return select("#", ...), (select(1, ...))[1]
  end
  local held = { n }
  local a, b = deep(n - 1, held, ...)
  assert(held[1] == n)
  return a, b
end
print(deep(60, { "first" }))
local function counter()
  local state = { 0 }
  return function()
    state = { state[1] + 1 }
    return state[1]
  end
end
local c = counter()
for _ = 1, 5000 do c() end
print(c())

-- Concatenation chains and error values.
local line = ""
for i = 1, 2000 do
  line = line .. string.char(97 + i % 26)
  if #line > 60 then line = line:sub(31) end
end
print(#line, line)
local errors = 0
for i = 1, 1000 do
  local ok, e = pcall(error, { code = i, text = "error " .. i })
  if not ok and e.code == i and e.text == "error " .. i then errors = errors + 1 end
end
print(errors)
