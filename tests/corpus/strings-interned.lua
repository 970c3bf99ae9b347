-- Very many strings: made in all ways, compared, used as keys, dropped.
local made = {}
for i = 1, 5000 do made[i] = "s" .. i end
for i = 1, 5000 do assert(made[i] == "s" .. i and made[i] ~= "s" .. i + 1) end
local index = {}
for i, s in ipairs(made) do index[s] = i end
local hits = 0
for i = 1, 6000 do
  if index["s" .. i] == i then hits = hits + 1 end
end
print(hits)

-- Strings that differ in one byte at any place, short and long.
local function variants(n)
  local base = ("a"):rep(n)
  local set, count = {}, 0
  for i = 1, n do
    local v = base:sub(1, i - 1) .. "b" .. base:sub(i + 1)
    assert(#v == n and v ~= base)
    if not set[v] then
      set[v] = i
      count = count + 1
    end
  end
  for i = 1, n do assert(set[base:sub(1, i - 1) .. "b" .. base:sub(i + 1)] == i) end
  return count
end
print(variants(1), variants(8), variants(31), variants(32), variants(33), variants(64), variants(200))

-- Prefixes and suffixes of one string.
local text = ""
for i = 1, 100 do text = text .. string.char(33 + i % 90) end
local seen, n = {}, 0
for i = 1, #text do
  for _, s in ipairs { text:sub(1, i), text:sub(-i), text:sub(i, i) } do
    if not seen[s] then
      seen[s] = true
      n = n + 1
    end
  end
end
print(n)
for i = 1, #text do assert(seen[text:sub(1, i)] and seen[text:sub(-i)]) end

-- The same content by different ways is the same key.
local t = {}
t["abc" .. 1] = 1
t[("abc1"):upper():lower()] = 2
t[table.concat { "a", "b", "c", 1 }] = 3
t[string.format("%s%d", "abc", 1)] = 4
t[("1cba"):reverse()] = 5
t[string.char(97, 98, 99, 49)] = 6
t[("xxabc1xx"):sub(3, 6)] = 7
n = 0
for _ in pairs(t) do n = n + 1 end
print(n, t.abc1)

-- Long strings as keys and in comparisons.
local l1, l2 = ("0123456789"):rep(100), ("01234"):rep(200)
print(l1 == l2, #l1 == #l2, l1 < l2, l1 == ("0123456789"):rep(50) .. ("0123456789"):rep(50))
local long = { [l1] = "l1" }
print(long[("0123456789"):rep(100)], long[l1:sub(1, -2)], long[l1:sub(1, -2) .. "9"])

-- Order.
local list = {}
for i = 1, 200 do list[i] = string.format("%x", i * 7919 % 1000) end
table.sort(list)
for i = 2, 200 do assert(list[i - 1] <= list[i]) end
print(list[1], list[100], list[200])
print(("a"):rep(50) < ("a"):rep(51), ("a"):rep(50) .. "\0" > ("a"):rep(50), "\0" < "\1", "" < "\0")

-- Many short-lived ones.
local sum = 0
for i = 1, 30000 do
  local s = "tmp" .. i % 977
  sum = sum + #s
end
print(sum)
local numbers = 0
for i = 1, 3000 do
  local s = tostring(i / 8)
  numbers = numbers + tonumber(s)
end
print(numbers)
