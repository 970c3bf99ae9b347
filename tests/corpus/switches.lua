-- Coroutines and pcall with every number of arguments and results, in loops, as
-- tail calls, with open lists, across one another, and on small and large stacks.
local yield, resume, wrap, create, status = coroutine.yield, coroutine.resume, coroutine.wrap,
  coroutine.create, coroutine.status
local function show(...)
  local t = { n = select("#", ...), ... }
  for i = 1, t.n do t[i] = tostring(t[i]) end
  print(t.n, table.concat(t, " "))
end
local function list(n)
  local t = {}
  for i = 1, n do t[i] = i end
  return unpack(t, 1, n)
end

local echo = create(function(...)
  show("first", ...)
  while true do show("got", yield(...)) end
end)
for n = 0, 5 do
  show(resume(echo, list(n)))
  local a = resume(echo, list(n))
  local b, c, d = resume(echo)
  print(a, b, c, d)
  resume(echo, n)
  print((resume(echo, n)), status(echo))
end
local function tail_resume(...) return resume(...) end
local function tail_yield(...) return yield(...) end
local co = create(function(...)
  for i = 1, 6 do
    local a, b = tail_yield(i, i + 1)
    show(a, b, tail_yield())
    show((tail_yield("one")))
    tail_yield("none")
  end
  return "end", "of", "it"
end)
for i = 1, 28 do show(tail_resume(co, i, -i)) end
print(status(co))

-- Wrapped, as iterators with up to four variables.
local function iterate(n)
  return wrap(function(state, control)
    show("started", state, control)
    for i = 1, n do show("control", yield(i, i * i, i * i * i)) end
  end)
end
for a in iterate(2) do show(a) end
for a, b in iterate(2) do show(a, b) end
for a, b, c, d in iterate(2) do show(a, b, c, d) end
for a, b in iterate(3), "state", "control" do
  show(a, b)
  if a == 2 then break end
end
local function count(n, i) if i < n then return i + 1, "x" end end
for i in count, 3, 0 do show(i) end
for i, x, nothing in count, 3, 0 do show(i, x, nothing) end
local function variadic(...) show(...) end
for i in variadic, 1, 2 do show(i) end
print(pcall(function() for i in wrap(function() error("inside", 0) end) do show(i) end end))
print(pcall(function() for i in wrap(function() end) do show(i) end end))
print(pcall(function() local f = wrap(function() end) f() for i in f do show(i) end end))
print(pcall(function() for i in 5 do show(i) end end))

-- Lists that need a larger stack on either side.
local sum = wrap(function(...)
  local t = { ... }
  while true do
    t = { yield(#t, select("#", unpack(t))) }
  end
end)
for _, n in ipairs { 1, 50, 200, 1000, 3000 } do show(sum(list(n))) end
local large = wrap(function(n) while true do n = yield(list(n)) end end)
for _, n in ipairs { 1, 50, 200, 1000, 3000 } do print(select("#", large(n))) end
local function deep(n, f, ...) if n == 0 then return f(...) end return (select("#", deep(n - 1, f, ...))) end
local inner = create(function(...) while true do yield(deep(200, yield, 1, 2, 3)) end end)
for i = 1, 6 do show(deep(100, resume, inner, i)) end

-- pcall.
local function add(a, b) return a + b end
show(pcall(add, 1, 2)); show(pcall(add, 1, 2, 3)); show((pcall(add, 1, 2)))
print(pcall(add, 1)); print(pcall(add)); print(pcall(nil)); print(pcall(pcall)); show(pcall(pcall, add, 3, 4))
show(pcall(list, 4)); show(pcall(function(...) return select("#", ...) end, list(40)))
local ok, a, b = pcall(list, 1)
print(ok, a, b)
pcall(add, 1, 2)
local function tail_pcall(...) return pcall(...) end
show(tail_pcall(list, 3)); show(tail_pcall(error, "x", 0)); show(pcall(list, 300) and "many")
print(select("#", pcall(list, 3000)), select("#", tail_pcall(list, 250)))
local function nest(n) if n == 0 then return "bottom" end return pcall(nest, n - 1) end
show(nest(5))
local function nest_error(n) if n == 0 then error("bottom", 0) end return pcall(nest_error, n - 1) end
show(nest_error(5))
show(xpcall(function() return 1, 2, 3 end, print)); show(xpcall(function() error("y", 0) end, function(e) return e .. "!" end))
-- Across one another.
print(pcall(yield, 1))
local self = nil
self = create(function() return resume(self) end)
show(resume(self)); show(resume(self))
local outer
outer = wrap(function() local f = wrap(function() show(pcall(outer)) yield(1) end) f() yield(2) end)
show(outer()); show(outer())
-- A yield may not pass what calls back.
print(resume(create(function() table.sort({ 3, 2, 1 }, function(a, b) yield() return a < b end) end)))
print(resume(create(function() return ("x"):gsub("x", function() yield() end) end)))
-- Depth.
local function chain(n) if n == 0 then return "deepest" end return select(2, resume(create(chain), n - 1)) end
print(chain(100))
local function generations(n) return wrap(function() if n > 0 then for v in generations(n - 1) do yield(v + 1) end else yield(0) yield(1) end end) end
for v in generations(60) do print(v) end
-- Loops over natives, and over tables in every form, with changes on the way.
for w in ("one two three"):gmatch("%a+") do show(w) end
for k, v, w in ("a=1, b=2"):gmatch("(%w)=(%w)") do show(k, v, w) end
for a in ("^x^y"):gmatch("^%a") do show(a) end
print(pcall(function() for a in string.rep, "x" do show(a) end end))
local n = 0
for x in math.floor, 3.5 do print(x) break end
for a, b in select, "#", 1 do print(a, b) break end
for a, b, c in unpack, { 1, 2 } do print(a, b, c) break end
local function visit(t)
  local keys = {}
  for k, v in pairs(t) do keys[#keys + 1] = tostring(k) .. "=" .. tostring(v) end
  table.sort(keys)
  print(#keys, table.concat(keys, " "))
  local again = {}
  for k in next, t do again[#again + 1] = tostring(k) end
  for k, v, nothing in pairs(t) do assert(nothing == nil) end
  local k, count = nil, 0
  repeat k = next(t, k) count = count + 1 until k == nil
  print(#again, count - 1)
end
visit({}); visit({ 1, 2, 3 }); visit({ 1, nil, 3, nil }); visit({ x = 1, y = 2 }); visit({ 1, 2, x = 1, y = 2, [0.5] = 3, [-1] = 4, [true] = 5 })
local big = {}
for i = 1, 40 do big["k" .. i] = i end
visit(big)
for k in pairs(big) do if #k == 2 then big[k] = nil end end
visit(big)
for i = 1, 20 do big[i * 1000] = i end
visit(big)
for i = 30, 1, -1 do big[i] = i end
visit(big)
for k, v in pairs(big) do big[k] = nil end
visit(big)
local record = { a = 1, b = 2, c = 3 }
for k in pairs(record) do record[k] = nil end
visit(record)
local gaps = { 1, 2, nil, 4 }
for i, v in ipairs(gaps) do show(i, v) end
gaps = {}
for i = 10, 1, -1 do gaps[i] = i end
n = 0
for i, v in ipairs(gaps) do n = n + v end
print(n)
for i, v, w in ipairs { "x" } do show(i, v, w) end
for i in ipairs { "x", "y" } do show(i) end
-- Keys outside of the array part.
local sparse = setmetatable({}, { __index = function(t, k) return "no " .. tostring(k) end })
local keys = { -1, 0, 1.5, 2 ^ 31, 2 ^ 40, 1 / 0, true, false, "s", print, sparse, {} }
for i, k in ipairs(keys) do rawset(sparse, k, i) end
for i, k in ipairs(keys) do assert(sparse[k] == i) end
assert(sparse[-0] == 2 and sparse[keys[5] - 2 ^ 40] == 2)
local zero = 0
print(sparse[-zero], sparse[0 / zero] == "no nan" or sparse[0 / zero] == "no -nan", sparse[nil], sparse[2], sparse.t)
setmetatable(sparse, nil)
print(sparse[-zero], sparse[0 / zero], sparse[nil], sparse[2], sparse.t, sparse.s, sparse[2 ^ 31])
