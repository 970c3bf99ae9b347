-- Long __index chains, metamethods that call metamethods, errors and pcalls
-- within, deep recursion through metamethods written in Lua.
local function chain(n)
  local base = { bottom = "found", shared = 0 }
  local t = base
  for i = 1, n do t = setmetatable({ ["level" .. i] = i }, { __index = t }) end
  return t, base
end
local top, base = chain(50)
print(top.bottom, top.level1, top.level50, top.level25, top.level51, top.none)
base.late = "late"
print(top.late)
top.bottom = "shadow"
print(top.bottom, base.bottom)

-- __index functions that use the table themselves.
local depth = 0
local recursive = setmetatable({}, { __index = function(t, k)
  depth = depth + 1
  if k == 0 then return "zero" end
  return t[k - 1]
end })
print(recursive[50], depth)

-- pcall and error inside metamethods.
local safe = setmetatable({}, { __index = function(_, k)
  local ok, e = pcall(error, "inner " .. tostring(k), 0)
  return e
end })
print(safe.x, safe[1], safe[true])
local strict = setmetatable({}, { __index = function(_, k) error("undeclared " .. k, 2) end,
  __newindex = function(_, k) error("assignment to undeclared " .. k, 2) end })
print(pcall(function() return strict.name end))
print(pcall(function() strict.name = 1 end))

-- Arithmetic inside arithmetic: polynomials.
local Poly = {}
Poly.__index = Poly
local function poly(...) return setmetatable({ ... }, Poly) end
function Poly.__add(a, b)
  if type(a) == "number" then a = poly(a) elseif type(b) == "number" then b = poly(b) end
  local r = poly()
  for i = 1, math.max(#a, #b) do r[i] = (a[i] or 0) + (b[i] or 0) end
  return r
end
function Poly.__mul(a, b)
  if type(a) == "number" then a = poly(a) elseif type(b) == "number" then b = poly(b) end
  local r = poly()
  for i = 1, #a + #b - 1 do r[i] = 0 end
  for i = 1, #a do
    for j = 1, #b do r[i + j - 1] = r[i + j - 1] + a[i] * b[j] end
  end
  return r
end
function Poly.__pow(a, n)
  local r = poly(1)
  for _ = 1, n do r = r * a end
  return r
end
function Poly.__unm(a) return a * -1 end
function Poly.__sub(a, b) return a + -b end
function Poly.__eq(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do if a[i] ~= b[i] then return false end end
  return true
end
function Poly.__call(a, x)
  local v = 0
  for i = #a, 1, -1 do v = v * x + a[i] end
  return v
end
function Poly.__tostring(a)
  local out = {}
  for i = #a, 1, -1 do
    if a[i] ~= 0 then out[#out + 1] = i == 1 and tostring(a[i]) or a[i] .. "x^" .. i - 1 end
  end
  return table.concat(out, " + ")
end
local x = poly(0, 1)
local p = (x + 1) ^ 3 - 2 * x + 5
print(tostring(p), p(0), p(1), p(2), p(-1))
print(tostring((x + 1) * (x + -1)), (x + 1) * (x + 2) == x ^ 2 + 3 * x + 2, x == x + 0, -x == x)

-- Nested containers: a polynomial over polynomials, in a table of tables.
local table_of = setmetatable({}, { __index = function(t, n)
  local v = n == 0 and poly(1) or t[n - 1] * (x + n)
  rawset(t, n, v)
  return v
end })
print(tostring(table_of[4]), table_of[6](0), rawget(table_of, 3) ~= nil)

-- Comparison metamethods in library functions; concat of mixed chains.
local Card = {}
Card.__index = Card
Card.__lt = function(a, b) return a.rank < b.rank end
Card.__concat = function(a, b) return tostring(a) .. tostring(b) end
Card.__tostring = function(c) return "[" .. c.rank .. "]" end
local function card(r) return setmetatable({ rank = r }, Card) end
local hand = { card(9), card(2), card(13), card(5) }
table.sort(hand)
print(hand[1] .. hand[2] .. "-" .. hand[3] .. 1 .. hand[4])
table.sort(hand, function(a, b) return b < a end)
print(tostring(hand[1]), tostring(hand[4]), hand[1] > hand[4])

-- Metamethods that return varied counts, are varargs, or are tail calls.
local odd = setmetatable({}, {
  __index = function(...) return select("#", ...), "cut" end,
  __call = function(...) return select("#", ...), ... end,
  __add = function(...) return (select("#", ...)) end,
  __unm = function(...) return select("#", ...) end,
  __concat = function(...) return select("#", ...) end,
  __lt = function(...) return select("#", ...) == 2 end,
  __eq = function(...) return select("#", ...) == 2 end,
})
print(odd.x, select("#", odd()), select("#", odd(nil, nil)), odd + 1, -odd, odd .. "", odd < odd)
local proxy = setmetatable({}, { __index = function(_, k) return tostring(k):upper() end })
print(proxy.abc, proxy[12], proxy[true])

-- A metatable that is its own object, and one shared by many.
local own = {}
own.__index = own
own.value = "own"
setmetatable(own, own)
print(own.value, pcall(function() return own.missing end))
