-- Control that comes from outside to every instruction of loops whose numbers compiled code
-- keeps in registers of the processor: from metamethods, from calls, from slow paths. What
-- was kept must be there again.

local calls = 0
local meta = {}
for name, give in pairs {
  __add = 7, __sub = 5, __mul = 3, __div = 2, __mod = 11, __pow = 13, __unm = 17,
} do
  meta[name] = function() calls = calls + 1 return give end
end
meta.__index = function(_, key) calls = calls + 1 return key * 2 end
meta.__newindex = function() calls = calls + 1 end
meta.__lt = function() calls = calls + 1 return calls % 2 == 0 end
meta.__le = function() calls = calls + 1 return calls % 3 == 0 end
meta.__eq = function() calls = calls + 1 return calls % 2 == 1 end
meta.__concat = function() calls = calls + 1 return "c" end
meta.__call = function(_, x) calls = calls + 1 return x + 1 end
local odd, other = setmetatable({}, meta), setmetatable({}, meta)

-- Each instruction of the loop follows one that the runtime may carry out.
local function arithmetic(n, o)
  local s, t, u = 0, 1, 2
  for i = 1, n do
    s = s + i
    t = t + (o + i)
    s = s - t * 0.5
    u = u + (o - i) * s
    t = t - u % 7
    s = s + (i * o)
    u = u * 0.25 + (o / t)
    t = t + (s % 5)
    s = s + (o % i) - (o ^ 2) + (-o)
    u = u + s - t
    if s > 1e9 or s < -1e9 then s = s % 1000 end
    if u > 1e9 or u < -1e9 then u = u % 1000 end
    if t > 1e9 or t < -1e9 then t = t % 1000 end
  end
  return s, t, u
end
print(arithmetic(50, odd))
print(arithmetic(50, "3"))
print(arithmetic(50, 4))
print(calls)

local function tables(n, o)
  local s, t = 0, 0
  for i = 1, n do
    s = s + o[i]
    t = t + s * 2
    o[i] = t
    s = s - t / 4
    if o < other then s = s + 1 else t = t - 1 end
    if o <= other then t = t + s % 3 end
    if o == other then s = s + 2 end
    s = s + #(o .. "x")
    t = t + o(s)
    s, t = t % 100, s % 100
  end
  return s, t
end
print(tables(60, odd))
print(calls)

-- Calls, which leave nothing behind, among numbers that are kept.
local function double(x) return x * 2 end
local function several(x) return x, x + 1, x + 2 end
local function called(n)
  local s, t, k = 0, 1, 0
  for i = 1, n do
    s = s + double(i)
    t = t * 0.5 + s
    double(t)
    s = s - t / 3
    local a, b, c = several(s)
    t = t + a - b + c
    s = s + math.floor(t) - math.abs(-s) + select("#", several(i))
    k = k + s - t
    t = t + string.len(tostring(i))
    k = k % 1009
  end
  return s, t, k
end
print(called(40))

-- The same in loops that aren't numeric ones, with ways around and out.
local function ways(n, o)
  local s, t, i = 0, 1, 0
  while true do
    i = i + 1
    s = s + i
    if i % 3 == 0 then
      t = t + (o + s)
    elseif i % 5 == 0 then
      t = t - double(s)
    else
      s = s * 0.5
    end
    t = t + s
    if i >= n then break end
    s = s + 1
  end
  repeat
    i = i - 1
    t = t - i
    s = s + (i - o)
    t = t * 0.5
  until i <= 0 or s > 1e8
  return s, t, i
end
print(ways(70, odd))
print(ways(70, "2"))
print(ways(70, 2))

-- Fields and globals, whose caches learn while the loop runs.
G = 1
local function fields(n)
  local p = {x = 1, y = 2}
  local s, t = 0, 0
  for i = 1, n do
    s = s + p.x
    t = t + s * G
    p.x = t % 10
    s = s - t / 8
    if i == n / 2 then
      p = setmetatable({y = 3}, {__index = {x = 4}})
      t = t + 1
    end
    G = i % 4
    t = t - p.y
    s = s + p.y * t
    s, t = s % 1e6, t % 1e6
  end
  return s, t, p.x, G
end
print(fields(60))

-- Coroutines that go on in the middle of a turn.
local function turn(n)
  local s, t = 0, 1
  for i = 1, n do
    s = s + i * t
    t = t + coroutine.yield(s)
    s = s - t
  end
  return s, t
end
local co = coroutine.wrap(turn)
local got = co(20)
local sum = got
for i = 1, 19 do
  got = co(i % 3)
  sum = sum + got % 1000
end
print(sum, co(2))

-- Errors in the middle of a turn.
local function failing(n)
  local s, t = 0, 0
  for i = 1, n do
    s = s + i
    local ok, message = pcall(function() return s + meta end)
    t = t + s * 0.5
    if ok then t = -1 end
    s = s + #message:match("attempt.*")
  end
  return s, t
end
print(failing(30))
