-- Arithmetic metamethods: which one, in which order of operands; errors.
local log = {}
local function name(v)
  if type(v) == "table" then return v.name end
  return tostring(v)
end
local function op(symbol)
  return function(a, b) return name(a) .. symbol .. name(b) end
end
local mt = {
  __add = op "+", __sub = op "-", __mul = op "*", __div = op "/", __mod = op "%", __pow = op "^",
  __concat = op "..", __unm = function(a, b) return "-" .. name(a) .. (rawequal(a, b) and " same" or " other") end,
}
local x, y = setmetatable({ name = "x" }, mt), setmetatable({ name = "y" }, mt)
print(x + y, x - y, x * y, x / y, x % y, x ^ y, x .. y)
print(x + 1, 1 + x, x - 2.5, 2.5 - x, x * "s", "s" * x, x / 0, 0 / x, 7 % x, x % 7, 2 ^ x, x ^ 2)
print(x .. "s", "s" .. x, x .. 1, 1 .. x, -x)
print(x + nil, nil + x, x + true, true / x)

-- The left operand's metamethod wins.
local left = setmetatable({ name = "l" }, { __add = function() return "left" end })
local right = setmetatable({ name = "r" }, { __add = function() return "right" end })
local plain = { name = "p" }
print(left + right, right + left, plain + right, left + plain, 1 + right, right + 1)

-- Only the first result counts; any type may be returned.
local multi = setmetatable({}, { __add = function() return 1, 2, 3 end, __sub = function() end, __mul = function() return nil end })
print(multi + 1, multi - 1, multi * 1)
print((multi + 1) + 1, multi - 1 == nil)
local t = { multi + 1, multi + 1 }
print(#t)

-- Inherited through the metatable itself? No: raw access.
local parent = { __add = function() return "inherited" end }
local child = setmetatable({}, { __index = parent })
local object = setmetatable({}, child)
print(pcall(function() return object + 1 end))

-- A callable table as metamethod.
local callable = setmetatable({}, { __call = function(_, a, b) return "called with " .. tostring(b) end })
print(setmetatable({}, { __add = callable }) + 5)

-- Vectors.
local V = {}
V.__index = V
local function vec(...) return setmetatable({ ... }, V) end
function V.__add(a, b)
  local r = vec()
  for i = 1, #a do r[i] = a[i] + b[i] end
  return r
end
function V.__mul(a, b)
  if type(a) == "number" then a, b = b, a end
  local r = vec()
  if type(b) == "number" then
    for i = 1, #a do r[i] = a[i] * b end
    return r
  end
  local s = 0
  for i = 1, #a do s = s + a[i] * b[i] end
  return s
end
function V.__unm(a) return a * -1 end
function V.__tostring(a) return "(" .. table.concat(a, ", ") .. ")" end
function V:sum() return self * vec(1, 1, 1) end
print(tostring(vec(1, 2, 3) + vec(4, 5, 6)), vec(1, 2, 3) * vec(4, 5, 6), tostring(2 * vec(1, 2)), tostring(vec(1, 2) * 2), tostring(-vec(1, -2)))
print((vec(1, 2, 3) + vec(1, 1, 1)):sum(), tostring(vec(1) + vec(2) + vec(3)))

-- Errors.
print(pcall(function() return plain + 1 end))
print(pcall(function() return 1 + plain end))
print(pcall(function() return -plain end))
print(pcall(function() return plain ^ plain end))
print(pcall(function() return setmetatable({}, { __add = 5 }) + 1 end))
print(pcall(function() return setmetatable({}, { __add = function() error("inside", 0) end }) + 1 end))
print(pcall(function() return #5 end))
-- __len is not used for tables in 5.1.
print(#setmetatable({ 1, 2 }, { __len = function() return 100 end }))

-- `__unm` gets its operand twice, `__len` once and nil.
do
  local u = newproxy(true)
  local mt = getmetatable(u)
  mt.__unm = function(...) return select("#", ...), rawequal(..., u), rawequal(select(2, ...), u) end
  mt.__len = function(...) return tostring(select("#", ...)) .. tostring((select(2, ...))) end
  print(-u, #u)
end
