-- primes: counts primes by trial division, perfect numbers by sums of divisors,
-- Collatz chains, and greatest common divisors.
-- Stresses %, floor and while loops over local numbers.
-- Argument: the limit.

local limit = tonumber((...)) or 600000

local function is_prime(v)
  if v < 4 then return v > 1 end
  if v % 2 == 0 or v % 3 == 0 then return false end
  local d = 5
  while d * d <= v do
    if v % d == 0 or v % (d + 2) == 0 then return false end
    d = d + 6
  end
  return true
end

local function divisor_sum(v)
  local sum, d = 1, 2
  while d * d < v do
    if v % d == 0 then sum = sum + d + v / d end
    d = d + 1
  end
  if d * d == v then sum = sum + d end
  return sum
end

local function collatz(v)
  local steps = 0
  while v ~= 1 do
    if v % 2 == 0 then v = v / 2 else v = 3 * v + 1 end
    steps = steps + 1
  end
  return steps
end

local function gcd(a, b)
  while b ~= 0 do a, b = b, a % b end
  return a
end

local function power_mod(base, exponent, modulus)
  local result = 1
  base = base % modulus
  while exponent > 0 do
    if exponent % 2 == 1 then result = result * base % modulus end
    base = base * base % modulus
    exponent = math.floor(exponent / 2)
  end
  return result
end

local count, last, twins = 0, 0, 0
for v = 2, limit do
  if is_prime(v) then
    count = count + 1
    if v - last == 2 then twins = twins + 1 end
    last = v
  end
end
print("primes", count, "twins", twins, "last", last)

local perfect = {}
for v = 2, math.floor(limit / 6) do
  if divisor_sum(v) == v then perfect[#perfect + 1] = v end
end
print("perfect", table.concat(perfect, " "))

local longest, start = 0, 1
for v = 1, math.floor(limit / 6) do
  local steps = collatz(v)
  if steps > longest then longest, start = steps, v end
end
print("collatz", start, longest)

local coprime = 0
local side = math.floor(math.sqrt(limit))
for a = 1, side do
  for b = 1, side do
    if gcd(a, b) == 1 then coprime = coprime + 1 end
  end
end
print("coprime pairs", coprime, "of", side * side)

local fermat = 0
for v = 3, math.floor(limit / 4), 2 do
  if power_mod(2, v - 1, v) == 1 and not is_prime(v) then fermat = fermat + 1 end
end
print("pseudoprimes to base 2", fermat)
