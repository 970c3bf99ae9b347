-- next and pairs: every entry once, in any order (sorted here); clearing
-- fields on the way; next by hand.
local function sorted(t)
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b)
    local ta, tb = type(a), type(b)
    if ta ~= tb then return ta < tb end
    if ta == "boolean" then return a and not b end
    return a < b
  end)
  local out = {}
  for i, k in ipairs(keys) do out[i] = tostring(k) .. "=" .. tostring(t[k]) end
  return table.concat(out, " ")
end

print(sorted {}, "|")
print(sorted { 1, 2, 3 })
print(sorted { a = 1, b = 2, 10, 20, [true] = "t", [false] = "f", [-1] = "n", [2.5] = "h" })

local t = {}
for i = 1, 10 do t[i] = i end
for i = 1, 10 do t["k" .. i] = i end
for i = 1, 10, 3 do t[i] = nil end
t.k5 = nil
print(sorted(t))

-- Clearing while walking is allowed, and so is changing.
for k, v in pairs(t) do
  if type(k) == "string" then t[k] = nil else t[k] = v * 2 end
end
print(sorted(t))
for k in pairs(t) do t[k] = nil end
print(sorted(t), next(t), next(t, nil))

-- Array entries come in order when there is only an array.
local list = { "a", "b", "c" }
local k, v = next(list)
print(k, v)
k, v = next(list, k)
print(k, v)
k, v = next(list, 3)
print(k, v)
print(rawequal(next, next), pcall(next, {}, "no such key"))

local iterator, state, first = pairs(list)
print(iterator == next, state == list, first)
iterator, state, first = ipairs(list)
print(type(iterator), state == list, first)
print(iterator(list, 0))
print(iterator(list, 3))

-- Counting entries of many shapes.
local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end
local big = {}
for i = 1, 500 do big[i * 3] = i big["s" .. i] = i big[-i] = i big[i + 0.5] = i end
print(count(big))
local removed = 0
for k in pairs(big) do
  if type(k) == "string" or k < 0 then
    big[k] = nil
    removed = removed + 1
  end
end
print(removed, count(big))
local sum = 0
for _, v in pairs(big) do sum = sum + v end
print(sum)

-- Walking with break, in nested loops, and over one table twice.
local pairs_seen = 0
for a in pairs { 1, 2, 3 } do
  for b in pairs { x = 1, y = 2 } do
    pairs_seen = pairs_seen + 1
    if b == "never" then break end
  end
end
print(pairs_seen)
local t2 = { 1, 2, 3 }
local products = 0
for _, a in pairs(t2) do
  for _, b in pairs(t2) do products = products + a * b end
end
print(products)

-- Own iterators.
local function range(n, i)
  i = i + 1
  if i <= n then return i, i * i end
end
for i, square in range, 4, 0 do io.write(i, ":", square, " ") end
print()
local function letters(s)
  local i = 0
  return function()
    i = i + 1
    if i <= #s then return s:sub(i, i), i end
  end
end
for c, i in letters "abc" do io.write(c, i, " ") end
print()
for a, b, c, d in function(s, c) if not c then return 1, 2, 3 end end do print(a, b, c, d) end
-- A callable table as iterator.
local it = setmetatable({ left = 3 }, { __call = function(self)
  self.left = self.left - 1
  if self.left >= 0 then return self.left end
end })
for v in it do io.write(v, " ") end
print()
print(pcall(function() for _ in nil do end end))
print(pcall(function() for _ in pairs(nil) do end end))
