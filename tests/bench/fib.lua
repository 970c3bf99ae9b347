-- fib: Fibonacci numbers by plain recursion.
-- Stresses calls and returns.
-- Argument: n.

local n = tonumber((...)) or 36

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end

print(fib(n))
