-- while, repeat, if chains, break and return in all nestings.
local n, out = 0, {}
while n < 5 do
  n = n + 1
  if n == 2 then
    out[#out + 1] = "two"
  elseif n == 3 then
    out[#out + 1] = "three"
  elseif n > 3 then
    out[#out + 1] = "more"
  else
    out[#out + 1] = "one"
  end
end
print(table.concat(out, " "), n)

repeat n = n - 1 until n <= 0
print(n)
repeat
  local inner = n
  n = n + 1
  if n == 3 then break end
until inner > 10
print(n)

while true do
  n = n + 1
  if n > 10 then break end
  if n % 2 == 0 then
    while true do
      n = n + 2
      if n % 3 == 0 then break end
    end
  end
end
print(n)

-- Breaks leave only the innermost loop; closures of left blocks stay valid.
local saved = {}
for i = 1, 3 do
  for j = 1, 3 do
    local v = i * 10 + j
    saved[#saved + 1] = function() return v end
    if j == 2 then break end
  end
  repeat
    local w = -i
    saved[#saved + 1] = function() return w end
    if i == 2 then break end
  until w < 0
end
out = {}
for i, f in ipairs(saved) do out[i] = f() end
print(table.concat(out, " "))

local function classify(v)
  if v == nil then return "nil"
  elseif type(v) == "number" then
    if v < 0 then return "negative" elseif v == 0 then return "zero" end
    while v >= 10 do v = v / 10 end
    if v == 1 then return "power of ten" end
    return "positive"
  elseif type(v) == "string" then
    for i = 1, #v do
      if v:byte(i) == 32 then return "has a blank" end
    end
    return "word"
  end
  do return "other" end
end
print(classify(nil), classify(-1), classify(0), classify(1000), classify(7), classify("a b"), classify("ab"), classify({}))

-- Empty bodies and conditions with side effects.
local k = 0
local function step() k = k + 1 return k end
while step() < 5 do end
repeat until step() > 8
if step() then end
for _ = step(), 12 do end
do end
do local unused end
print(k)

-- Conditions that are constants.
if true then print("true") else print("no") end
if false then print("no") elseif nil then print("no") else print("else") end
if 0 then print("0 is true") end
if "" then print("the empty string is true") end
if not nil then print("not nil") end
while false do print("never") end
while nil do print("never") end
repeat until true
repeat local x = 1 until x
local c = 0
while 1 do c = c + 1 if c > 3 then break end end
print(c)

-- Return of several values out of loops.
local function search(grid, v)
  for y, row in ipairs(grid) do
    for x, cell in ipairs(row) do
      if cell == v then return x, y, "found" end
    end
  end
  return nil
end
print(search({ { 1, 2 }, { 3, 4 } }, 3))
print(search({ { 1, 2 }, { 3, 4 } }, 5))
local function first_even(...)
  local i = 1
  while true do
    local v = select(i, ...)
    if v == nil then return end
    if v % 2 == 0 then return v, i end
    i = i + 1
  end
end
print(first_even(1, 3, 4, 6))
print(first_even(1, 3))
