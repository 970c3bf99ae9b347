-- Generic for with iterators of all kinds: stateless, closures, coroutines,
-- objects; nesting, break, changes of the control variables, many values.
local function values(t)
  local i = 0
  return function() i = i + 1 return t[i] end
end
for v in values { "a", "b", "c" } do io.write(v, " ") end print()

local function zip(a, b)
  local i = 0
  return function()
    i = i + 1
    if a[i] ~= nil and b[i] ~= nil then return i, a[i], b[i] end
  end
end
for i, x, y in zip({ 1, 2, 3 }, { "x", "y" }) do io.write(i, x, y, " ") end print()

local function map(f, iterate, state, first)
  return function(s, c)
    local r = { iterate(s, c) }
    if r[1] == nil then return nil end
    return r[1], f(unpack(r))
  end, state, first
end
for i, v in map(function(i, v) return i * v end, ipairs { 5, 6, 7 }) do io.write(i, "=", v, " ") end print()

local function chain(...)
  local lists, at, i = { ... }, 1, 0
  return function()
    while lists[at] do
      i = i + 1
      local v = lists[at][i]
      if v ~= nil then return v, at end
      at, i = at + 1, 0
    end
  end
end
for v, from in chain({ 1, 2 }, {}, { 3 }, { 4, 5 }) do io.write(v, "@", from, " ") end print()

-- Stateless: the control variable is all the state; the body's changes do not matter.
local function halves(_, n) if n > 1 then return math.floor(n / 2) end end
for n in halves, nil, 100 do
  io.write(n, " ")
  n = 1000
end
print()
local function countdown(state, n)
  if n > state.stop then return n - state.step end
end
for n in countdown, { stop = 0, step = 3 }, 10 do io.write(n, " ") end print()

-- false is a value that goes on; nil ends; more variables than values are nil.
local answers = { false, 0, "", nil, "never" }
local at = 0
for v in function() at = at + 1 return answers[at] end do io.write(tostring(v), " ") end print()
for a, b, c in function(_, k) if not k then return 1 end end do print(a, b, c) end

-- The three values are evaluated once and adjusted.
local calls = 0
local function make(n) calls = calls + 1 return ipairs { n, n + 1 } end
for _ = 1, 2 do
  for i, v in make(5) do io.write(i, ":", v, " ") end
end
print(calls)
for i in (ipairs {}) , { 9, 8 }, 0 do io.write(i, " ") end print()
for i, v in next, { "only" } do print(i, v) end
for k, v in next, { 1, 2, 3 }, 2 do print(k, v) end

-- Objects and coroutines.
local Range = {}
Range.__index = Range
Range.__call = function(self)
  if self.at >= self.stop then return nil end
  self.at = self.at + 1
  return self.at
end
for v in setmetatable({ at = 2, stop = 5 }, Range) do io.write(v, " ") end print()
local Set = {}
Set.__index = Set
function Set:each()
  local sorted = {}
  for k in pairs(self.items) do sorted[#sorted + 1] = k end
  table.sort(sorted)
  return values(sorted)
end
for v in setmetatable({ items = { z = true, y = true, x = true } }, Set):each() do io.write(v, " ") end print()
local function tree(n)
  return coroutine.wrap(function()
    local function visit(k, depth)
      if k > n then return end
      visit(2 * k, depth + 1)
      coroutine.yield(k, depth)
      visit(2 * k + 1, depth + 1)
    end
    visit(1, 0)
  end)
end
for k, depth in tree(10) do io.write(k, "/", depth, " ") end print()

-- break in nested loops leaves the iterators usable.
local it = values { 1, 2, 3, 4, 5, 6 }
for v in it do
  io.write(v, " ")
  if v == 2 then break end
end
for v in it do
  io.write(v, " ")
  if v == 4 then break end
end
print(it(), it(), it())
local found
for i = 1, 3 do
  for j, v in ipairs { 10, 20, 30 } do
    for k in values { "p", "q" } do
      if i == 2 and v == 20 and k == "q" then
        found = i .. j .. k
        break
      end
    end
    if found then break end
  end
  if found then break end
end
print(found)

-- Errors of what is not an iterator.
print(pcall(function() for _ in 5 do end end))
print(pcall(function() for _ in {} do end end))
print(pcall(function() for _ in ipairs() do end end))
print(pcall(function() for _ in function() error("from the iterator", 0) end do end end))

-- Closures over loop variables.
local fs = {}
for i, v in ipairs { "a", "b", "c" } do fs[i] = function(n) v = n or v return i .. v end end
fs[2]("changed")
print(fs[1](), fs[2](), fs[3]())
