-- sieve: the sieve of Eratosthenes, several times over, and a wheel with
-- odd numbers only.
-- Stresses boolean arrays and loops with a step.
-- Argument: the limit.

local limit = tonumber((...)) or 3000000

local function sieve(limit)
  local composite = {}
  for i = 1, limit do composite[i] = false end
  local count = 0
  for i = 2, limit do
    if not composite[i] then
      count = count + 1
      for k = i * i, limit, i do composite[k] = true end
    end
  end
  return count
end

-- Index i stands for 2i + 1.
local function sieve_odd(limit)
  local half = math.floor((limit - 1) / 2)
  local prime = {}
  for i = 1, half do prime[i] = true end
  for i = 1, math.floor((math.sqrt(limit) - 1) / 2) do
    if prime[i] then
      for k = 2 * i * (i + 1), half, 2 * i + 1 do prime[k] = false end
    end
  end
  local count, sum = 1, 2
  for i = 1, half do
    if prime[i] then
      count = count + 1
      sum = sum + 2 * i + 1
    end
  end
  return count, sum
end

for round = 1, 5 do
  local n = math.floor(limit * round / 5)
  print(n, sieve(n), sieve_odd(n))
end
