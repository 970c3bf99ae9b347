-- Varargs: counts, nils, truncation, passing on, tables, select.
local function count(...) return select("#", ...) end
print(count(), count(nil), count(nil, nil), count(1, nil, 3), count((nil)))
local function pass(...) return ... end
print(count(pass()), count(pass(1, 2, 3)), count(pass(), pass()), count(pass(1, 2), pass(3, 4)), count((pass(1, 2))))

local function first(...) local a = ... return a end
local function two(...) local a, b = ... return a, b end
print(first(), first(1), first(nil, 2), first(1, 2, 3))
print(two()) print(two(1)) print(two(1, 2, 3))

-- In constructors: at the end all, in the middle one.
local function list(...) return { ... } end
print(#list(), #list(1, 2, 3), list(1, nil, 3)[3])
local function middle(...) return { ..., "end" } end
print(#middle(1, 2, 3), middle(1, 2, 3)[1], middle(1, 2, 3)[2])
local function mixed(...) return { "a", x = 1, ... } end
local t = mixed("b", "c", "d")
print(#t, t[1], t[4], t.x)
local function parens(...) return { (...) } end
print(#parens(1, 2, 3), parens(7, 8)[1])

-- select.
print(select(1, "a", "b", "c"))
print(select(2, "a", "b", "c"))
print(select(3, "a", "b", "c"))
print(select(4, "a", "b", "c"))
print(select(-1, "a", "b", "c"))
print(select(-3, "a", "b", "c"))
print(select("#"), select("#", nil, nil))
print(pcall(select, 0, "a"))
print(pcall(select, -4, "a", "b", "c"))

-- Named parameters before, missing ones are nil.
local function named(a, b, ...) return a, b, select("#", ...), ... end
print(named()) print(named(1)) print(named(1, 2)) print(named(1, 2, 3, nil))

-- Recursion over varargs.
local function sum(n, ...)
  if not n then return 0 end
  return n + sum(...)
end
print(sum(), sum(1), sum(1, 2, 3, 4, 5))
local function reverse(n, ...)
  if n == nil then return end
  if select("#", ...) == 0 then return n end
  local r = { reverse(...) }
  r[#r + 1] = n
  return unpack(r)
end
print(reverse(1, 2, 3, 4, 5))

-- In loops, conditions and calls of methods.
local function max(...)
  local m
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    if not m or v > m then m = v end
  end
  return m
end
print(max(3, 9, 2), max(-1))
local object = { tag = "o" }
function object:join(...) return self.tag .. table.concat({ ... }, "-") end
print(object:join(), object:join(1), object:join(1, 2, 3))
local function any(...)
  if ... then return "yes" else return "no" end
end
print(any(), any(nil, 1), any(false), any(0), any(1, nil))
local function add(...) return ... + 1 end
print(add(1, 100), pcall(add, 41))

-- Each call has its own.
local function nest(n, ...)
  if n == 0 then return ... end
  local a, b = nest(n - 1, n, ...)
  return a, b, ...
end
print(nest(4))
print(count(unpack({}, 1, 200)), (select("#", unpack({ 1, 2, nil, 4 }, 1, 4))))
local big = {}
for i = 1, 250 do big[i] = i end
print(count(unpack(big)), select(250, unpack(big)), max(unpack(big)))
print(#{ unpack(big) }, sum(unpack(big)))
