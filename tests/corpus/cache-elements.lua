-- Indexed access at one place with arrays, hashes, strings keys, holes,
-- metatables: the kind of key and of table changes from call to call.
local function get(t, k) return t[k] end
local function set(t, k, v) t[k] = v end
local function describe(v) return v == nil and "nil" or tostring(v) end

local array = { 10, 20, 30 }
local hash = { a = 1, b = 2, [1] = "one", [2.5] = "half" }
local proxy = setmetatable({}, { __index = function(_, k) return "<" .. tostring(k) .. ">" end })
local out = {}
for _, case in ipairs {
  { array, 1 }, { array, 3 }, { array, 4 }, { array, 0 }, { array, -1 }, { array, 1.5 }, { array, "1" }, { array, "x" },
  { hash, "a" }, { hash, 1 }, { hash, 2.5 }, { hash, 2 }, { hash, true }, { hash, "c" },
  { proxy, 1 }, { proxy, "k" }, { proxy, 2.5 }, { proxy, true },
} do
  out[#out + 1] = describe(get(case[1], case[2]))
end
print(table.concat(out, " "))

-- An array that becomes sparse, gets a hash part, and is filled again.
local t = {}
for i = 1, 8 do set(t, i, i) end
set(t, 100, "far") set(t, -5, "negative") set(t, "name", "n") set(t, 0, "zero")
print(#t, get(t, 100), get(t, -5), get(t, "name"), get(t, 0), get(t, 9))
for i = 9, 99 do set(t, i, i) end
print(#t, get(t, 50), get(t, 99), get(t, 100))
for i = 100, 1, -1 do set(t, i, nil) end
print(#t, get(t, -5), get(t, "name"), get(t, 1))

-- Growth in the loop that reads.
local fib = { 1, 1 }
for i = 3, 60 do fib[i] = fib[i - 1] + fib[i - 2] end
print(#fib, fib[60])
local backwards = {}
for i = 100, 1, -1 do backwards[i] = i end
local sum = 0
for i = 1, 100 do sum = sum + backwards[i] end
print(sum, #backwards)

-- Floats that are integers, integers beyond the array, huge.
for i = 1, 10 do set(t, i * 0.5, i) end
print(get(t, 1), get(t, 2), get(t, 5), get(t, 0.5), get(t, 4.5), get(t, 6))
set(t, 2 ^ 31, "2^31") set(t, 2 ^ 40, "2^40") set(t, -2 ^ 31, "-2^31") set(t, 1e308, "1e308")
print(get(t, 2147483648), get(t, 1099511627776), get(t, -2147483648), get(t, 1e308), get(t, 2 ^ 32))

-- Matrices, transposed on the fly; arrays of strings, booleans, tables, functions.
local m = {}
for y = 1, 5 do
  m[y] = {}
  for x = 1, 5 do m[y][x] = y * 10 + x end
end
for y = 1, 5 do
  for x = y + 1, 5 do m[y][x], m[x][y] = m[x][y], m[y][x] end
end
print(table.concat(m[1], " "), table.concat(m[5], " "))
local mixed = { "s", 1.5, true, { 7 }, function() return "called" end, nil, 7 }
print(mixed[1], mixed[2], mixed[3], mixed[4][1], mixed[5](), mixed[6], mixed[7])
for i = 1, 3 do mixed[i] = { mixed[i] } end
print(mixed[1][1], mixed[2][1], mixed[3][1])

-- __index and __newindex with integer keys, on arrays.
local zeros = setmetatable({ 5 }, { __index = function() return 0 end })
sum = 0
for i = -2, 5 do sum = sum + zeros[i] end
print(sum, rawget(zeros, 2))
local log = {}
local guarded = setmetatable({ 1, 2 }, { __newindex = function(t, k, v) log[#log + 1] = k rawset(t, k, v) end })
for i = 1, 5 do set(guarded, i, i * i) end
print(table.concat(log, ","), #guarded, guarded[5])

-- Errors.
print(pcall(get, nil, 1))
print(pcall(get, 5, "x"))
print(pcall(set, nil, 1, 1))
print(pcall(set, {}, nil, 1))
print(pcall(set, true, 1, 1))
print(get("string", "len") == string.len, get("string", 1))

-- Swapping, rotating, reversing in place.
local list = {}
for i = 1, 9 do list[i] = i end
for i = 1, 4 do list[i], list[10 - i] = list[10 - i], list[i] end
print(table.concat(list, " "))
local firstv = list[1]
for i = 1, 8 do list[i] = list[i + 1] end
list[9] = firstv
print(table.concat(list, " "))
