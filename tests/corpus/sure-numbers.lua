-- Numbers that compiled code is sure of: results of arithmetic handed from one instruction to
-- the next, and what loops keep. Then something else comes where numbers were: tables with
-- metamethods, strings, nil, values that metamethods, calls and coroutines bring in.

local mt = {}
local function box(x) return setmetatable({x = x}, mt) end
local function value(x) return type(x) == "table" and x.x or x end
mt.__add = function(a, b) return box(value(a) + value(b)) end
mt.__sub = function(a, b) return box(value(a) - value(b)) end
mt.__mul = function(a, b) return box(value(a) * value(b)) end
mt.__div = function(a, b) return box(value(a) / value(b)) end
mt.__unm = function(a) return box(-value(a)) end
mt.__lt = function(a, b) return value(a) < value(b) end
mt.__le = function(a, b) return value(a) <= value(b) end
local function show(...)
  local out = {}
  for i = 1, select("#", ...) do
    local x = select(i, ...)
    out[i] = type(x) == "table" and "<" .. tostring(x.x) .. ">" or tostring(x)
  end
  print(table.concat(out, " "))
end

-- Chains, the odd one at each place.
local function chain(a, b, c, d)
  return (a * b - c) * 2 + d / 4 - (a - b) * (c + d) * 3
end
for _ = 1, 3 do
  show(chain(3, 5, 7, 9))
  show(chain(box(3), 5, 7, 9), chain(3, box(5), 7, 9), chain(3, 5, box(7), 9), chain(3, 5, 7, box(9)))
  show(chain("3", 5, 7, 9), chain(3, "5", 7, 9), chain(3, 5, "0x7", 9), chain(3, 5, 7, " 9 "))
  show(pcall(chain, nil, 5, 7, 9))
  show(select(2, pcall(chain, 3, {}, 7, 9)), select(2, pcall(chain, 3, 5, "x", 9)))
  show(chain(0 / 0, 5, 7, 9) ~= chain(3, 0 / 0, 7, 9), chain(1 / 0, 5, 7, 9), chain(3, 5, -1 / 0, 9))
end

-- The metamethod of one operation, in the middle of a chain, gives something else each time.
local gives
local odd = setmetatable({}, {__add = function() return gives end})
local function middle(x) return ((x + 1) * 2 - 3) * ((x + 1) + 5) end
for _, g in ipairs {1, box(4), "6", 0 / 0, 2, {}, false} do
  gives = g
  local ok, r = pcall(middle, odd)
  show(ok, ok and (r == r and r or "nan") or r)
end
show(middle(7))

-- A loop that keeps numbers; what it is given changes type from call to call, and on the way.
local function turns(n, x, y, change, into)
  local i, s = 0, 0
  while i < n do
    x = x * 0.5 + y
    y = y - x * x * 0.125
    s = s + x * y
    if i == change then x = into + x end
    i = i + 1
  end
  return x, y, s, i
end
local function round(...)
  local out = {...}
  for i, x in ipairs(out) do
    local v = value(x)
    v = type(v) == "number" and string.format("%.9g", v) or v
    out[i] = type(x) == "table" and "<" .. v .. ">" or v
  end
  print(unpack(out))
end
round(turns(40, 1, 2))
round(turns(40, 1, 2, 20, 0))
round(turns(40, 1, 2, 20, box(0)))
round(turns(40, 1, 2))
round(turns(40, box(1), 2))
round(turns(40, "1", 2))
round(turns(40, 1, "2", 3, "4"))
print(pcall(turns, 40, 1, 2, 20, nil))
print(pcall(turns, 40, nil, 2))
round(turns(40, 1, 2))

-- The same in fresh closures of one function: it is compiled anew once.
local function make()
  return function(n, x)
    local s = 0
    for i = 1, n do
      s = s + x * i
      x = x * 0.75 + s * 0.01
    end
    return s, x
  end
end
for k = 1, 6 do
  round(make()(30, k % 2 == 0 and box(k) or k))
end

-- Coroutines that are given other types in the middle of such a loop.
local function co(x)
  local s, n = 0, 0
  while n < 12 do
    s = s * 2 + x
    if n % 3 == 0 then x = coroutine.yield(s) end
    s = s - x * 0.5
    n = n + 1
  end
  return s, "end"
end
for _, inputs in ipairs {{1, 2, 3, 4, 5}, {1, 2, box(3), 4, 5}, {"1", 2, 3, "4", 5}, {1, 2, 3, 4, 5}} do
  local c = coroutine.wrap(co)
  for i = 1, 5 do round(c(inputs[i])) end
end

-- Calls in the loop, which reach what it keeps by nothing but their results.
local function half(x) return x * 0.5 end
local function strange(x) return box(value(x) * 0.5) end
local function calls(f, n)
  local s, t = 0, 1
  for i = 1, n do
    t = t * 0.5 + i
    s = s + f(t) * t
    t = t + s * 0.001
  end
  return s, t
end
round(calls(half, 25))
round(calls(strange, 25))
round(calls(half, 25))
