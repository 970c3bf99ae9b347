-- Forms of operations that other programs don't use.

-- Loops that go on until something is true.
local a, n = false, 0
while not a do
  n = n + 1
  if n > 30 then a = true end
end
print(n)

-- Properties beyond the inline ones, of a table with a metatable.
local object = setmetatable({}, {__index = {absent = 1}})
for i = 1, 12 do object["p" .. i] = i end
local function count()
  object.p12 = object.p12 + object.absent
  object.p11 = object.p11 + 1
  return object.p12
end
for _ = 1, 50 do count() end
print(object.p11, object.p12)

-- More captured variables than short instructions reach.
local v1, v2, v3, v4, v5, v6, v7, v8, v9 = 1, 2, 3, 4, 5, 6, 7, 8, 9
local w1, w2, w3, w4, w5, w6, w7, w8, w9 = 1, 2, 3, 4, 5, 6, 7, 8, 9
local function all()
  v1, v2, v3, v4, v5, v6, v7, v8, v9 = v2, v3, v4, v5, v6, v7, v8, v9, v1
  w1, w2, w3, w4, w5, w6, w7, w8, w9 = w9, w1, w2, w3, w4, w5, w6, w7, w8
  return v1 + w9
end
local sum = 0
for i = 1, 50 do sum = sum + i * all() end
print(sum, v1, v9, w1, w9)

-- The same with more registers than short instructions reach.
local function far(stop)
  local r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12, r13, r14, r15, r16 = nil
  local done, n = false, 0
  while not done do
    n = n + 1
    if n > stop then done = true end
  end
  local o = object
  o.p12 = o.p12 + n
  local x, y = n + 1, n + 2
  v1, w9 = y, x
  return o.p12
end
for i = 1, 50 do far(i) end
print(far(1), v1, w9)
