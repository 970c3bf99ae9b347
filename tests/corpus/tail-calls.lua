-- Tail calls use no stack: a million deep, mutual, with varargs, of methods,
-- through and and or (those are not tail calls), out of all blocks.
local function loop(n, acc)
  if n == 0 then return acc end
  return loop(n - 1, acc + 1)
end
print(loop(1000000, 0))

local even, odd
function even(n) if n == 0 then return "even" end return odd(n - 1) end
function odd(n) if n == 0 then return "odd" end return even(n - 1) end
print(even(200000), odd(200000))

local function varargs(n, ...)
  if n == 0 then return select("#", ...), ... end
  return varargs(n - 1, ...)
end
print(varargs(100000, 1, nil, 3))
local function grow(n, ...)
  if n == 0 then return select("#", ...) end
  return grow(n - 1, n, ...)
end
print(grow(200))

local object = { n = 0 }
function object:count(limit)
  self.n = self.n + 1
  if self.n >= limit then return self.n, self == object end
  return self:count(limit)
end
print(object:count(100000))

local function states(text)
  local at = 0
  local start, middle, final
  function start()
    at = at + 1
    local c = text:sub(at, at)
    if c == "a" then return middle() elseif c == "b" then return start() end
    return final("start")
  end
  function middle()
    at = at + 1
    local c = text:sub(at, at)
    do
      if c == "b" then return start() end
      while true do
        if c == "a" then return middle() else return final("middle") end
      end
    end
  end
  function final(from) return from, at end
  return start()
end
print(states(("ab"):rep(500) .. "aa."))
print(states("bbb"))

-- Tail calls of library functions, and results passed through.
local function lib(t) return unpack(t) end
print(lib { 1, 2, 3 })
local function guarded(f, ...) return pcall(f, ...) end
print(guarded(error, "message", 0))
print(guarded(function(...) return ... end, 1, 2))
local function sel(...) return select(2, ...) end
print(sel("a", "b", "c"))

-- Not tail calls: results are adjusted or used.
local function three() return 1, 2, 3 end
local function cut() return (three()) end
local function sum() return three() + 1 end
local function both() return three(), three() end
local function either() return nil or three() end
print(cut(), sum()) print(both()) print(either())

-- Closures made in frames that a tail call leaves stay whole.
local fs = {}
local function make(n)
  local v = n * n
  fs[#fs + 1] = function() v = v + 1 return v end
  if n == 0 then return #fs end
  return make(n - 1)
end
print(make(5), fs[1](), fs[1](), fs[2](), fs[6]())

-- With more and fewer arguments than the function before.
local function a1(x) if x == 0 then return "done" end local f = (x % 2 == 0) and even2 or odd2 return f(x, x, x, x) end
function even2(x, y) return a1(x - 1) end
function odd2(x, y, z, w, v, u) if v ~= nil or u ~= nil then return "leftovers" end return a1(x - 1) end
print(a1(1001))

-- A million by way of a coroutine too.
print(coroutine.wrap(function() return loop(100000, 5) end)())
