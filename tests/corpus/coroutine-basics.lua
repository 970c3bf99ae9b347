-- create, resume, yield, status, wrap, running: values in both directions.
local co = coroutine.create(function(a, b)
  print("started with", a, b)
  local c = coroutine.yield(a + b)
  print("got", c)
  local d, e = coroutine.yield(c * 2, "second")
  print("got", d, e)
  return "returned", d, e
end)
print(type(co), coroutine.status(co))
print(coroutine.resume(co, 1, 2))
print(coroutine.status(co))
print(coroutine.resume(co, 10))
print(coroutine.resume(co, "x", "y"))
print(coroutine.status(co))
print(coroutine.resume(co))
print(coroutine.resume(co, 1, 2, 3))

-- No values, nils, many values.
co = coroutine.create(function(...)
  print(select("#", ...), ...)
  print(select("#", coroutine.yield()))
  print(select("#", coroutine.yield(nil)))
  print(select("#", coroutine.yield(nil, nil)))
end)
print(coroutine.resume(co, nil, nil))
print(coroutine.resume(co))
print(coroutine.resume(co, nil))
print(coroutine.resume(co, 1, nil, 3))
local many = {}
for i = 1, 200 do many[i] = i end
co = coroutine.wrap(function(...)
  local n = select("#", ...)
  local r = { coroutine.yield(...) }
  return n + #r
end)
print(select("#", co(unpack(many))), co(unpack(many, 1, 50)))

-- wrap.
local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
print(gen(), gen(), gen(), gen())
print(pcall(gen))
local function range(n)
  return coroutine.wrap(function() for i = 1, n do coroutine.yield(i, i * i) end end)
end
for i, square in range(4) do io.write(i, ":", square, " ") end
print()

-- Status from inside and outside; running.
local outer
outer = coroutine.create(function()
  print(coroutine.status(outer), coroutine.running() == outer)
  local inner
  inner = coroutine.create(function()
    print(coroutine.status(outer), coroutine.status(inner), coroutine.running() == inner)
    coroutine.yield()
  end)
  print(coroutine.status(inner))
  coroutine.resume(inner)
  print(coroutine.status(inner))
  coroutine.resume(inner)
  print(coroutine.status(inner))
end)
print(coroutine.running(), coroutine.status(outer))
coroutine.resume(outer)
print(coroutine.status(outer))

-- Resuming what cannot be resumed.
print(coroutine.resume(outer))
local self
self = coroutine.create(function() return coroutine.resume(self) end)
print(coroutine.resume(self))
local a
a = coroutine.create(function()
  local b = coroutine.create(function() return coroutine.resume(a) end)
  return coroutine.resume(b)
end)
print(coroutine.resume(a))
print(pcall(coroutine.wrap(function() return "ok" end)))

-- Yield from nested calls, loops, as an expression, in arguments and constructors.
local function leaf(v) return coroutine.yield(v) end
local function branch(v) return (leaf(v)) + (leaf(v + 1)) end
co = coroutine.wrap(function()
  local s = branch(1) * branch(10)
  local t = { coroutine.yield("t1"), coroutine.yield("t2"), n = coroutine.yield("t3") }
  return s, t[1], t[2], t.n
end)
print(co()) print(co(2)) print(co(3)) print(co(4))
print(co(5))
print(co("a")) print(co("b"))
print(co("c"))

-- Tail yield, and a coroutine that is never finished.
co = coroutine.wrap(function() return coroutine.yield("tail") end)
print(co(), co("result"))
for i = 1, 50 do
  local c = coroutine.wrap(function() coroutine.yield(i) error("never") end)
  assert(c() == i)
end

-- Upvalues shared between coroutines.
local shared = 0
local function adder(n)
  return coroutine.wrap(function()
    for _ = 1, 3 do
      shared = shared + n
      coroutine.yield(shared)
    end
  end)
end
local one, ten = adder(1), adder(10)
print(one(), ten(), one(), ten(), one(), ten(), shared)
