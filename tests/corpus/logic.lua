-- and, or, not: values, short circuits, and their use in assignments and calls.
print(nil and 1, false and 1, 0 and 1, "" and 1, nil or 1, false or 1, 0 or 1, "" or 1)
print(not nil, not false, not 0, not "", not {}, not not nil, not not 1)
print(1 and 2 and 3, 1 and nil and 3, nil or false or 3, nil or false, false or nil)
print(1 and 2 or 3, nil and 2 or 3, 1 and nil or 3, false == (1 and false))
print((nil or {}) ~= nil, 1 == 1 and 2 == 2, 1 == 2 or 3 == 3, not (1 == 2) and "ok")

local log = {}
local function f(name, value)
  log[#log + 1] = name
  return value
end
local function flush()
  print(table.concat(log, " "))
  log = {}
end
local r = f("a", true) and f("b", false) and f("c", true)
print(r) flush()
r = f("a", nil) or f("b", false) or f("c", 3) or f("d", 4)
print(r) flush()
r = (f("a", 1) or f("b", 2)) and (f("c", nil) or f("d", 4))
print(r) flush()
r = f("a", false) and f("b", 1) or f("c", false) and f("d", 1) or f("e", "end")
print(r) flush()
if f("a", nil) and f("b", 1) or not f("c", nil) then print("yes") else print("no") end flush()
while f("w", false) or f("v", false) do end flush()

-- As arguments, results, table items and conditions at once.
local function default(v) return v == nil and "default" or v end
print(default(nil), default(1), default(false))
local function both(a, b) return a and b, a or b end
print(both(1, 2)) print(both(nil, 2)) print(both(false, nil))
local t = { nil or 1, false or 2, x = 1 and "x", [1 and 3 or 4] = "three" }
print(t[1], t[2], t.x, t[3])
local a, b = nil, 5
a = a or b
b = b and a + 1
print(a, b)
local n = 0
local c = (n == 0 or 10 / n > 1) and n ~= 1
print(c)
print(1 < 2 and 2 < 3, 1 < 2 and 3 < 2, 1 > 2 or 2 > 3, (1 < 2) == (2 < 3))
local x = 7
local kind = x < 5 and "small" or x < 10 and "middle" or "large"
print(kind)
local e = not (x == 7 and kind == "small") and not nil
print(e)
x = x > 5 and x or 5
x = x < 6 and x or 6
print(x)
