-- # and ipairs on sequences that grow and shrink, and with other keys beside.
local t = {}
print(#t)
for i = 1, 20 do
  t[i] = i
  assert(#t == i)
end
print(#t)
for i = 20, 11, -1 do
  t[i] = nil
  assert(#t == i - 1)
end
print(#t)
t[#t + 1] = "last"
t[#t + 1] = "very last"
print(#t, t[#t])

t.name, t[0], t[-1], t[1.5] = "n", "zero", "minus", "half"
print(#t)

-- Filled from the end: a sequence once it is complete.
local r = {}
for i = 30, 1, -1 do r[i] = i * i end
print(#r, r[1], r[30])
-- Filled in odd and even order.
local e = {}
for i = 1, 31, 2 do e[i] = i end
for i = 2, 30, 2 do e[i] = i end
print(#e)
local sum = 0
for i, v in ipairs(e) do sum = sum + i * v end
print(sum)

-- ipairs stops at the first nil, whatever comes after.
local h = { 1, 2, nil, 4 }
local n = 0
for _ in ipairs(h) do n = n + 1 end
print(n)
for i, v in ipairs { "a", "b", false, "c" } do io.write(i, "=", tostring(v), " ") end
print()
for i in ipairs {} do print("never", i) end
-- The list may change while it is walked.
local grow = { 1 }
for i, v in ipairs(grow) do
  if i < 5 then grow[i + 1] = v * 2 end
end
print(#grow, grow[5])

-- Strings: bytes.
print(#"", #"abc", #"a\0b", #("x"):rep(1000))

-- Emptied and filled again, as array and as hash.
for round = 1, 3 do
  for i = 1, 100 do t[i] = round end
  assert(#t == 100)
  for i = 100, 1, -1 do t[i] = nil end
  assert(#t == 0)
end
print(#t, t.name, t[0])
for i = 1, 10 do t["k" .. i] = i end
for i = 1, 10 do t[i] = i end
print(#t, t.k10)

-- Stack discipline in a large table.
local stack, top = {}, 0
for i = 1, 1000 do
  top = top + 1
  stack[top] = i
  if i % 3 == 0 then
    stack[top] = nil
    top = top - 1
  end
end
print(top, #stack, stack[#stack])
