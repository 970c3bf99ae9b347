-- sort: table.sort with and without a comparison function, on numbers, strings
-- and records, and a merge sort written in Lua.
-- Stresses calls from the library back into Lua, and comparisons.
-- Argument: number of elements.

local n = tonumber((...)) or 150000

local seed = 1
local function random(limit)
  seed = (seed * 16807) % 2147483647
  return seed % limit
end

local function checksum(a, key)
  local sum = 0
  for i = 1, #a do
    local v = a[i]
    if key then v = v[key] end
    if type(v) == "string" then v = #v * 256 + v:byte(#v) end
    sum = (sum * 31 + v * i) % 1000003
  end
  return sum
end

local numbers = {}
for i = 1, n do numbers[i] = random(1000000) end

local copy = {}
for i = 1, n do copy[i] = numbers[i] end
table.sort(copy)
print("numbers", checksum(copy))

for i = 1, n do copy[i] = numbers[i] end
table.sort(copy, function(a, b) return a > b end)
print("numbers, descending", checksum(copy))

local strings = {}
for i = 1, n do strings[i] = "k" .. random(500000) end
table.sort(strings)
print("strings", checksum(strings))

local records = {}
for i = 1, n do records[i] = { group = random(100), id = i } end
table.sort(records, function(a, b)
  if a.group ~= b.group then return a.group < b.group end
  return a.id < b.id
end)
print("records", checksum(records, "group"), checksum(records, "id"))

-- Already sorted, and reversed: the usual bad cases.
table.sort(copy)
print("reversed", checksum(copy))
table.sort(copy)
print("sorted", checksum(copy))

-- A stable merge sort in Lua.
local function merge_sort(a, less)
  local from, to = a, {}
  local width, count = 1, #a
  while width < count do
    local start = 1
    while start <= count do
      local i, j = start, start + width
      local i_end = math.min(j - 1, count)
      local j_end = math.min(start + 2 * width - 1, count)
      for k = start, j_end do
        if i <= i_end and (j > j_end or not less(from[j], from[i])) then
          to[k] = from[i]
          i = i + 1
        else
          to[k] = from[j]
          j = j + 1
        end
      end
      start = start + 2 * width
    end
    from, to = to, from
    width = width * 2
  end
  return from
end

local merged = merge_sort(records, function(a, b) return a.id % 1000 < b.id % 1000 end)
print("merged", checksum(merged, "group"), checksum(merged, "id"))
