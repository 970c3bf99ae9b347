-- __eq, __lt, __le: when they are called, and with what result.
local calls = 0
local function same(a, b) calls = calls + 1 return a.v == b.v end
local mt = { __eq = same }
local a, b, c = setmetatable({ v = 1 }, mt), setmetatable({ v = 1 }, mt), setmetatable({ v = 2 }, mt)
print(a == b, a == c, a ~= b, a ~= c, calls)
print(a == a, calls)
print(a == 1, a == "x", a == nil, 1 == a, a ~= nil, calls)

-- Both operands must have the same metamethod.
local other = setmetatable({ v = 1 }, { __eq = function() return true end })
local shared = setmetatable({ v = 1 }, { __eq = same })
local none = { v = 1 }
print(a == other, other == a, a == shared, a == none, none == a)

-- Results become booleans.
local odd = { __eq = function() return "yes" end, __lt = function() return nil end, __le = function() return 0 end }
local p, q = setmetatable({}, odd), setmetatable({}, odd)
print(p == q, p ~= q, p < q, p > q, p <= q, p >= q)
if p == q then print("equal") end
if p < q then print("less") else print("not less") end

-- __lt and __le; > and >= swap the operands.
local log = {}
local function order(symbol, f)
  return function(x, y)
    log[#log + 1] = x.n .. symbol .. y.n
    return f(x.n, y.n)
  end
end
local full = {
  __lt = order("<", function(x, y) return x < y end),
  __le = order("<=", function(x, y) return x <= y end),
}
local function num(n) return setmetatable({ n = n }, full) end
print(num(1) < num(2), num(2) < num(1), num(1) <= num(1), num(1) > num(2), num(2) >= num(1))
print(table.concat(log, " "))

-- Without __le: not (b < a).
log = {}
full.__le = nil
print(num(1) <= num(2), num(2) <= num(1), num(1) <= num(1), num(1) >= num(2), num(2) >= num(2))
print(table.concat(log, " "))

-- Different metatables with one function.
local lt = function(x, y) return x.k < y.k end
local u, v = setmetatable({ k = 1 }, { __lt = lt }), setmetatable({ k = 2 }, { __lt = lt })
print(u < v, v < u, u <= v, u > v)
local w = setmetatable({ k = 3 }, { __lt = function(x, y) return x.k < y.k end })
print(pcall(function() return u < w end))

-- Errors.
local t = {}
print(pcall(function() return t < t end))
print(pcall(function() return t < 1 end))
print(pcall(function() return u < 1 end))
print(pcall(function() return 1 <= u end))
print(pcall(function() return t <= {} end))
print(pcall(function() return u < "x" end))
print(pcall(function() return num(1) < num(nil) end))

-- Sets: by inclusion.
local Set = {}
Set.__index = Set
local function set(...)
  local s = setmetatable({ items = {} }, Set)
  for i = 1, select("#", ...) do s.items[select(i, ...)] = true end
  return s
end
function Set.__le(x, y)
  for k in pairs(x.items) do
    if not y.items[k] then return false end
  end
  return true
end
function Set.__lt(x, y) return x <= y and not (y <= x) end
function Set.__eq(x, y) return x <= y and y <= x end
print(set(1, 2) <= set(1, 2, 3), set(1, 4) <= set(1, 2, 3), set(1, 2) < set(1, 2), set(2, 1) == set(1, 2), set(1) ~= set(2))

-- In loops and sorts.
local list = { num(3), num(1), num(2) }
table.sort(list)
print(list[1].n, list[2].n, list[3].n)
local i, limit = num(1), num(4)
local count = 0
while i < limit do
  i = num(i.n + 1)
  count = count + 1
end
print(count, rawequal(i, limit))
