-- Table constructors: order, long lists, mixtures, nesting, trailing calls.
local t = { 1, 2, 3; 4, 5, }
print(#t, t[1], t[5])
t = { [1] = "a", "b" }
print(t[1], #t)
t = { x = 1, y = 2, ["z w"] = 3, [4] = 4, [-1] = 5, [1.5] = 6, [true] = 7 }
print(t.x, t.y, t["z w"], t[4], t[-1], t[1.5], t[true], t[false])
t = { "a", x = "b", "c", [10] = "d", "e", y = "f" }
print(#t, t[1], t[2], t[3], t[10], t.x, t.y)
t = { x = 1, x = 2, [1] = "no", "yes" }
print(t.x, t[1])
t = { nil, 2, nil, 4 }
print(t[1], t[2], t[3], t[4], t[5])
t = { x = nil, y = 1 }
print(t.x, t.y, next(t))

-- More than one batch of items.
t = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
  21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
  41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60,
  61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79, 80,
  81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100,
  101, 102, 103, 104, 105, 106, 107, 108, 109, 110, name = "long", 111, 112, 113 }
local sum = 0
for i, v in ipairs(t) do
  assert(i == v)
  sum = sum + v
end
print(#t, sum, t.name)

-- Calls and varargs at the end, after exactly a full batch, and in the middle.
local function many(n)
  local r = {}
  for i = 1, n do r[i] = i end
  return unpack(r)
end
t = { many(200) }
print(#t, t[200])
t = { many(3), many(3) }
print(#t, t[1], t[2], t[4])
t = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, many(60) }
print(#t, t[50], t[51], t[110])
t = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25,
  26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, many(0) }
print(#t, t[50], t[51])
t = { many(0) }
print(#t, next(t))
t = { many(2), x = "x", many(2) }
print(#t, t[1], t[2], t[3], t.x)
t = { (many(5)) }
print(#t)
t = { x = many(5) }
print(t.x, #t)
t = { [many(5)] = many(4) }
print(t[1], #t)

-- Nesting.
t = { { 1, { 2, { 3, { 4 } } } }, a = { b = { c = { d = "deep" } } }, f = function() return { 5 } end }
print(t[1][2][2][2][1], t.a.b.c.d, t.f()[1], #t[1])
t = { { { {} } }, {}, { {} } }
print(#t, #t[1], #t[1][1], #t[2], #t[3])

-- Each evaluation makes a new table.
local made = {}
for i = 1, 3 do made[i] = { n = i, list = { i, i * 2 } } end
print(made[1] ~= made[2], made[1].n, made[3].n, made[2].list[2], made[3].list[1])
made[1].extra = true
print(made[2].extra, made[1].extra)

-- Keys by expressions; a constructor that uses the old value of its variable.
local k = "key"
t = { [k] = 1, [k .. 2] = 2, [#k] = 3, [1 + 1] = 4, [k == "key"] = 5 }
print(t.key, t.key2, t[3], t[2], t[true])
t = { t.key, t.key2, old = t }
print(t[1], t[2], t.old[3], t.old.old)
