-- ackermann: Ackermann's, Takeuchi's and Hofstadter's recursive functions.
-- Stresses deep recursion (thousands of frames) and calls with several arguments.
-- Argument: m of Ackermann(3, m); the others follow from it.

local m = tonumber((...)) or 9

local function ackermann(i, j)
  if i == 0 then return j + 1 end
  if j == 0 then return ackermann(i - 1, 1) end
  return ackermann(i - 1, ackermann(i, j - 1))
end

local function tak(x, y, z)
  if y >= x then return z end
  return tak(tak(x - 1, y, z), tak(y - 1, z, x), tak(z - 1, x, y))
end

local female

local function male(n)
  if n == 0 then return 0 end
  return n - female(male(n - 1))
end

function female(n)
  if n == 0 then return 1 end
  return n - male(female(n - 1))
end

local function depth(n)
  if n == 0 then return 0 end
  return 1 + depth(n - 1)
end

print("ackermann", ackermann(3, m))
print("tak", tak(m * 2 + 2, m + 2, 2))
print("male and female", male(m * 10), female(m * 10))
local sum = 0
for i = 1, m * 60 do sum = sum + depth(i * 20) end
print("depth", sum)
