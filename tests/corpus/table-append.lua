-- Lists that grow at their end, in all ways: lengths, borders and contents.
local function fill(n)
  local t = {}
  for i = 1, n do
    t[#t + 1] = i * 2
    if #t ~= i then return "wrong length", i, #t end
  end
  for i = 1, n do if t[i] ~= i * 2 then return "wrong item", i, t[i] end end
  return n, #t, t[n], t[n + 1]
end
for _, n in ipairs { 0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 31, 33, 64, 65, 128, 129, 130, 300 } do
  print(fill(n))
  fill(n)
end

-- By index, by table.insert, from a constructor.
for round = 1, 50 do
  local a, b, c = {}, {}, { 1 }
  for i = 1, 70 do
    a[i] = i
    table.insert(b, i)
    if i > 1 then c[#c + 1] = i end
    assert(#a == i and #b == i and #c == i)
  end
  assert(table.concat(a, ",") == table.concat(b, ",") and table.concat(a) == table.concat(c))
end

-- Up and down.
local stack, sum = {}, 0
for i = 1, 3000 do
  stack[#stack + 1] = i
  if i % 3 == 0 then sum = sum + table.remove(stack) end
  if i % 7 == 0 then sum = sum + stack[#stack] stack[#stack] = nil end
end
print(#stack, sum)

-- What lies behind already, in the hash part, joins.
for i = 1, 40 do
  local t = { [i + 1] = "behind" }
  for j = 1, i do t[j] = j end
  assert(t[i + 1] == "behind" and t[i] == i)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  assert(n == i + 1)
end

-- Nil adds nothing; keys that are no indices.
for i = 1, 40 do
  local t = {}
  t[1] = nil
  assert(#t == 0 and next(t) == nil)
  t[0] = "zero" t[-1] = "minus" t[1.5] = "half" t[1] = "one" t[2] = "two"
  assert(#t == 2 and t[0] == "zero" and t[1.5] == "half" and t[-1] == "minus")
end

-- With a metatable.
local log = {}
local meta = { __newindex = function(t, k, v) log[#log + 1] = k rawset(t, k, v) end }
local t = setmetatable({}, meta)
for i = 1, 20 do t[#t + 1] = i end
print(#t, #log, log[20])
local function add(t, i, v) t[i] = v end
for i = 1, 100 do add({}, 1, i) end
add(t, 21, "x") print(#log, t[21])

-- Lists of lists, most of them garbage.
local keep = {}
for i = 1, 5000 do
  local t = {}
  for j = 1, i % 37 do t[#t + 1] = { j } end
  if i % 500 == 0 then keep[#keep + 1] = t end
end
local n = 0
for _, t in ipairs(keep) do for i = 1, #t do n = n + t[i][1] end end
print(#keep, n)
