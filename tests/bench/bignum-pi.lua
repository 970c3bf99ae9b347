-- bignum-pi: natural numbers of any length in base 10^6: factorials, powers of
-- two, and digits of pi by the spigot algorithm of Rabinowitz and Wagon.
-- Stresses carries: integer division and remainder in float arithmetic.
-- Argument: number of digits of pi.

local digits = tonumber((...)) or 2500

local BASE, WIDTH = 1000000, 6
local floor = math.floor

-- Numbers are arrays of limbs, the least first.
local function from_number(v)
  local out = {}
  repeat
    out[#out + 1] = v % BASE
    v = floor(v / BASE)
  until v == 0
  return out
end

local function add(a, b)
  local out, carry = {}, 0
  for i = 1, math.max(#a, #b) do
    local v = (a[i] or 0) + (b[i] or 0) + carry
    if v >= BASE then v, carry = v - BASE, 1 else carry = 0 end
    out[i] = v
  end
  if carry > 0 then out[#out + 1] = carry end
  return out
end

local function scale(a, k)
  local out, carry = {}, 0
  for i = 1, #a do
    local v = a[i] * k + carry
    carry = floor(v / BASE)
    out[i] = v - carry * BASE
  end
  while carry > 0 do
    out[#out + 1] = carry % BASE
    carry = floor(carry / BASE)
  end
  return out
end

local function multiply(a, b)
  local out = {}
  for i = 1, #a + #b do out[i] = 0 end
  for i = 1, #a do
    local carry, x = 0, a[i]
    for j = 1, #b do
      local v = out[i + j - 1] + x * b[j] + carry
      carry = floor(v / BASE)
      out[i + j - 1] = v - carry * BASE
    end
    out[i + #b] = carry
  end
  while #out > 1 and out[#out] == 0 do out[#out] = nil end
  return out
end

local function power(a, n)
  local result = from_number(1)
  while n > 0 do
    if n % 2 == 1 then result = multiply(result, a) end
    n = floor(n / 2)
    if n > 0 then a = multiply(a, a) end
  end
  return result
end

local function to_text(a)
  local parts = { tostring(a[#a]) }
  for i = #a - 1, 1, -1 do parts[#parts + 1] = string.format("%06d", a[i]) end
  return table.concat(parts)
end

local function digit_sum(a)
  local sum = 0
  for _, limb in ipairs(a) do
    while limb > 0 do
      sum = sum + limb % 10
      limb = floor(limb / 10)
    end
  end
  return sum
end

local function factorial(n)
  local f = from_number(1)
  for i = 2, n do f = scale(f, i) end
  return f
end

print("25! = " .. to_text(factorial(25)))
local f = factorial(digits)
print("digits of " .. digits .. "!: " .. #to_text(f) .. ", their sum: " .. digit_sum(f))
local p = power(from_number(2), digits * 4)
print("digits of 2^" .. digits * 4 .. ": " .. #to_text(p) .. ", their sum: " .. digit_sum(p))
print("2^200 = " .. to_text(power(from_number(2), 200)))

local fa, fb = from_number(0), from_number(1)
for _ = 1, digits do fa, fb = fb, add(fa, fb) end
print("digits of fibonacci " .. digits .. ": " .. #to_text(fa) .. ", their sum: " .. digit_sum(fa))

local function pi_digits(n)
  local length = floor(10 * n / 3) + 1
  local a = {}
  for i = 1, length do a[i] = 2 end
  local out, nines, held = {}, 0, nil
  for _ = 1, n do
    local q = 0
    for i = length, 1, -1 do
      local x = 10 * a[i] + q * i
      local d = 2 * i - 1
      a[i] = x % d
      q = floor(x / d)
    end
    a[1] = q % 10
    q = floor(q / 10)
    if q == 9 then
      nines = nines + 1
    elseif q == 10 then
      if held then out[#out + 1] = held + 1 end
      for _ = 1, nines do out[#out + 1] = 0 end
      held, nines = 0, 0
    else
      if held then out[#out + 1] = held end
      for _ = 1, nines do out[#out + 1] = 9 end
      held, nines = q, 0
    end
  end
  if held then out[#out + 1] = held end
  return table.concat(out)
end

local text = pi_digits(digits)
for i = 1, #text, 60 do print(text:sub(i, i + 59)) end
