-- Deep recursion that ends, and endless recursion that is caught.
local function depth(n)
  if n == 0 then return 0 end
  return 1 + depth(n - 1)
end
print(depth(10), depth(1000), depth(10000))

local function endless(n) return 1 + endless(n + 1) end
print((pcall(endless, 1)))
print(type(select(2, pcall(endless, 1))))
-- Again and again: nothing may be lost.
for _ = 1, 3 do assert(not pcall(endless, 1)) end
print(depth(10000))

-- Mutual recursion, recursion by methods and by metamethods.
local a, b
function a(n) return (b(n + 1)) end
function b(n) return (a(n + 1)) end
print((pcall(a, 1)))
local o = {}
function o:m(n) local r = self:m(n + 1) return r end
print((pcall(o.m, o, 1)))

-- Frames with many locals fill the stack sooner.
local function wide(n)
  local a, b, c, d, e, f, g, h, i, j = n, n, n, n, n, n, n, n, n, n
  if n == 0 then return 0 end
  return a - j + 1 + wide(n - 1)
end
print(wide(5000))
print((pcall(wide, -1)))

-- Caught deep inside; the rest of the recursion goes on.
local function safe(n)
  if n == 0 then return pcall(endless, 1) end
  local ok, r = safe(n - 1)
  return ok, r
end
print((safe(50)))

-- In a coroutine the stack is its own.
local co = coroutine.create(function() return depth(5000) end)
print(coroutine.resume(co))
co = coroutine.create(function() return endless(1) end)
print((coroutine.resume(co)), coroutine.status(co))
print(depth(5000))

-- A deep structure is built and walked.
local list
for i = 1, 5000 do list = { next = list, value = i } end
local function sum(l) if not l then return 0 end return l.value + sum(l.next) end
print(sum(list))
local nested = {}
local at = nested
for _ = 1, 3000 do
  at[1] = {}
  at = at[1]
end
local function levels(t) if t[1] then return 1 + levels(t[1]) end return 1 end
print(levels(nested))
