-- %: every form of it, with numbers around the multiples of the divisor, negative ones, large
-- ones, fractions, zeros with a sign, and what isn't a number.

local nan = 0 / 0
huge = math.huge

local function show(r)
  if r ~= r then return "nan" end
  if r == 0 then return 1 / r < 0 and "-0" or "0" end
  return string.format("%.17g", r)
end

local zero = 0
local values = { zero, -zero, 1, -1, 0.5, -0.5, 1e-300, -1e-300, 5e-324, -5e-324, 2, 3, 7, -7, 9.75,
  -9.75, 2^31, 2^32 - 1, 2^32, -2^31, 2^46, 2^50 + 1, 2^51 - 1, 2^51, 2^51 + 1, -2^51, 2^52,
  2^53 - 1, 2^53, 2^53 + 2, -2^53, 2^60, 2^63, 1e17 + 16, 1e300, -1e300, huge, -huge, nan }
local divisors = { "1", "2", "3", "10", "-3", "0.5", "1.5", "-0.75", "1000003", "65536",
  "2147483647", "4294967296", "2251799813685248", "2251799813685249", "4503599627370497",
  "9007199254740992", "1e300", "-1e300", "5e-324", "1/0", "-1/0", "0", "-0", "0/0" }

-- A constant divisor, a constant dividend, both variable; results and operands in loops
-- come and go otherwise than single ones.
local forms = [[
  local values, show = ...
  local y = %s
  local out = {}
  for i = 1, #values do
    local x = values[i]
    local a, b = x %% (%s), x %% y
    if show(a) ~= show(b) then print("differ", x, y, a, b) end
    out[i] = show(a)
  end
  local sums, n = 0, 0
  for i = 1, #values do
    local z = values[i] * 1
    local a = (z + 0) %% (%s)
    local b = (z + 0) %% (y + 0)
    local c = z %% (y * 1)
    if show(a) ~= out[i] or show(b) ~= out[i] or show(c) ~= out[i] then print("differ", i, y) end
    local d = (%s) %% z
    local e = y %% z
    if show(d) ~= show(e) then print("differ", i, y, d, e) end
    if d == d and d ~= huge and d ~= -huge then n = n + 1 end
    out[#values + i] = show(d)
  end
  return table.concat(out, " ") .. " " .. n
]]

for _, y in ipairs(divisors) do
  print(y .. ":", assert(loadstring((string.gsub(forms, "%%([s%%])", { s = y, ["%"] = "%" }))))(values, show))
end

-- Whole numbers around the multiples of a whole divisor, all of which are known.
for _, y in ipairs { 1, 2, 3, 10, 64, 1000, 139968, 2147483647, 4294967296 } do
  local with = loadstring("local x = ... return x % " .. y)
  local wrong = 0
  for n = 0, 2000 do
    local multiple = n * n * y
    for r = -2, 2 do
      local expected = r < 0 and (y + r) or r
      if y > 2 and multiple < 2^50 and (with(multiple + r) ~= expected or (multiple + r) % y ~= expected) then
        wrong = wrong + 1
      end
    end
    if with(multiple) ~= 0 or 1 / with(multiple) < 0 then wrong = wrong + 1 end
  end
  print(y, wrong)
end

-- Chains of results.
local seed, hash, at = 42, 7, 0
for i = 1, 3000 do
  seed = (seed * 16807) % 2147483647
  hash = (hash * 31 + seed) % 4294967296
  at = (at + seed % 60) % 287
  if i % 500 == 0 then print(i, seed, hash, at) end
end
local a, b, steps = 12586269025, 7778742049, 0
while b ~= 0 do a, b, steps = b, a % b, steps + 1 end
print(a, steps)
local fraction, turn = 0.1, 0
for i = 1, 200 do
  fraction = (fraction * 1.7) % 1
  turn = (turn + fraction) % 6.25
end
print(show(fraction), show(turn))

-- What isn't a number.
print("10" % 3, 10 % "3", "-7" % "3", " 0x10 " % 7)
local meta = { __mod = function(x, y)
  return (type(x) == "table" and "t" or x) .. "%" .. (type(y) == "table" and "t" or y)
end }
local t = setmetatable({}, meta)
for _ = 1, 3 do
  print(t % 3, t % 0.5, 3 % t, t % t, t % -1)
end
for _, v in ipairs { {}, "x", true, print } do
  print(pcall(function() return v % 2 end) == false, pcall(function() return v % 2.5 end) == false,
    pcall(function() return 2 % v end) == false, pcall(function() return v % v end) == false)
end
print(select(2, pcall(function() local v; return v % 3 end)))
print(select(2, pcall(function() local v; return 3 % v end)))
print(select(2, pcall(function() local v = {}; return v.x % 0.25 end)))
