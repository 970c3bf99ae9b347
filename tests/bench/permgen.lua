-- permgen: all permutations, combinations and subsets by coroutines that yield
-- from within recursion.
-- Stresses yield out of nested calls, generic for, array swaps.
-- Argument: length of the permuted array.

local n = tonumber((...)) or 10

local function permute(a, k)
  if k <= 1 then
    coroutine.yield(a)
    return
  end
  for i = 1, k do
    a[k], a[i] = a[i], a[k]
    permute(a, k - 1)
    a[k], a[i] = a[i], a[k]
  end
end

local function permutations(a)
  return coroutine.wrap(function() permute(a, #a) end)
end

-- The k-element combinations of 1..n; each inner level is a coroutine too.
local function combinations(n, k)
  return coroutine.wrap(function()
    if k == 0 then
      coroutine.yield {}
      return
    end
    for first = n, k, -1 do
      for rest in combinations(first - 1, k - 1) do
        rest[#rest + 1] = first
        coroutine.yield(rest)
      end
    end
  end)
end

local a = {}
for i = 1, n do a[i] = i end
local count, hash, fixed = 0, 0, 0
for p in permutations(a) do
  count = count + 1
  local all_moved = true
  for i = 1, n do
    if p[i] == i then
      all_moved = false
      break
    end
  end
  if all_moved then fixed = fixed + 1 end
  hash = (hash * 7 + p[1] * p[n]) % 1000003
end
print("permutations", count, "without fixed points", fixed, hash)

for k = 1, 4 do
  local count, sum = 0, 0
  for c in combinations(n + 4, k) do
    count = count + 1
    sum = sum + c[1] * c[#c]
  end
  print("combinations", n + 4, k, count, sum)
end
