-- closure-fib: Fibonacci numbers in a language of closures: every node of the
-- program is a closure over other closures.
-- Stresses creation of closures, upvalues and indirect calls.
-- Argument: n.

local n = tonumber((...)) or 31

local calls = 0

local function constant(k) return function() return k end end
local function argument() return function(x) return x end end

local function less(a, b)
  return function(x) return a(x) < b(x) end
end

local function plus(a, b)
  return function(x) return a(x) + b(x) end
end

local function minus(a, b)
  return function(x) return a(x) - b(x) end
end

local function choose(test, yes, no)
  return function(x)
    if test(x) then return yes(x) end
    return no(x)
  end
end

-- A recursive function: `make` gets a node that calls the function itself.
local function recursive(make)
  local body
  local function call(a)
    return function(x)
      calls = calls + 1
      return body(a(x))
    end
  end
  body = make(call)
  return body
end

local x = argument()
local fib = recursive(function(self)
  return choose(less(x, constant(2)), x,
    plus(self(minus(x, constant(1))), self(minus(x, constant(2)))))
end)

print(fib(n), calls)

-- The same sum in continuation-passing style: two new closures a call.
local made = 0
local function fib_cps(n, k)
  if n < 2 then return k(n) end
  made = made + 2
  return fib_cps(n - 1, function(a)
    return fib_cps(n - 2, function(b) return k(a + b) end)
  end)
end

print(fib_cps(n, function(v) return v end), made)

-- Counters that share an upvalue.
local function counter()
  local count = 0
  return function() count = count + 1 return count end, function() return count end
end

local total = 0
for i = 1, n * 1000 do
  local up, value = counter()
  up() up()
  total = total + value() * i % 7
end
print(total)
