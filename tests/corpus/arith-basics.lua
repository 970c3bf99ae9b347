-- Arithmetic operators: results, signs, and the rules of % and ^.
local function show(...)
  local out = {}
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    if v ~= v then out[i] = "nan"
    elseif v == 0 and 1 / v < 0 then out[i] = "-0"
    else out[i] = tostring(v)
    end
  end
  print(table.concat(out, " "))
end

show(1 + 2, 1 - 2, 3 * 4, 7 / 2, 7 % 3, 2 ^ 10, -3)
show(0.1 + 0.2, 1 / 3, 2 / 3, 1e15 + 0.5)

-- The result of % has the sign of the divisor.
for _, a in ipairs { 7, -7, 7.5, -7.5, 0 } do
  for _, b in ipairs { 3, -3, 2.5, -2.5 } do
    show(a, b, a % b)
  end
end
show(5 % math.huge, -5 % math.huge, 5 % -math.huge)
show(5 % 0, 0 % 0, 0 / 0, 1 / 0, -1 / 0)
show(3.7 % 1, -3.7 % 1, 1e15 % 7, 2 ^ 53 % 3)

-- Powers.
show(2 ^ 0.5, 2 ^ -1, (-2) ^ 3, (-2) ^ 2, -2 ^ 2, 0 ^ 0, 4 ^ 0.5, (-8) ^ (1 / 3))
show(2 ^ 3 ^ 2, (2 ^ 3) ^ 2, 10 ^ 2, 10 ^ -2, 2 ^ 1023, 2 ^ 1024, 2 ^ -1074, 2 ^ -1075)

-- Negative zero.
local zero = 0
show(-zero, zero * -1, -zero + 0, -zero - 0, 0 - zero, zero / -3)
print(-zero == zero, 1 / -zero, 1 / zero)

-- Infinities.
local inf = math.huge
show(inf, -inf, inf + 1, inf - inf, inf * 0, inf * -1, inf / inf, 1 / inf, -1 / inf)
print(inf == inf, inf > 1e308, -inf < -1e308, inf == 1e309)

-- Integers are exact up to 2^53.
local big = 2 ^ 53
print(big == big + 1, big - 1 == big, big + 2 > big)
print(string.format("%.0f %.0f %.0f", big, big + 1, big + 2))

-- Variables and constants on both sides.
local a, b = 6, 4
print(a + 1, 1 + a, a - 1, 1 - a, a * 2, 2 * a, a / 2, 2 / a, a % 4, 4 % a, a ^ 2, 2 ^ a)
print(a + b, a - b, a * b, a / b, a % b, a ^ b, -a, -(-a))
a, b = a + b, a - b
print(a, b)
