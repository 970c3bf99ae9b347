-- How long the steps of the collector take, at a live heap of some size in MiB (argument,
-- default 512): objects of many kinds are kept, and replaced at random; among them some
-- large ones. Prints what is alive; `moonpatch --stats` tells the times.
local megabytes = tonumber(arg and arg[1]) or 512
local rounds = tonumber(arg and arg[2]) or 3000000
local seed = 42
local function random(n)
  seed = (seed * 16807) % 2147483647
  return seed % n + 1
end

local Point = {}
Point.__index = Point
function Point:norm() return self.x * self.x + self.y * self.y end

local makers = {
  function(i) return setmetatable({ x = i, y = -i, tag = "point" }, Point) end,
  function(i) return { i, i + 1, i + 2, { i } } end,
  function(i) return "a string of its own number " .. i end,
  function(i) local n = 0 return function() n = n + i return n end end,
  function(i) return { name = "n" .. i % 1000, list = { i }, ["key" .. i % 100] = i } end,
  function(i) local t = {} for j = 1, 20 do t[j] = j * i end return t end,
  function(i) local t = {} for j = 1, 8 do t[j * 1000 + 0.5] = { j } end return t end,
  function(i)
    if i % 100 ~= 0 then return { i } end
    local co = coroutine.create(function(a) local b = { a } coroutine.yield(b) return b end)
    coroutine.resume(co, i)
    return co
  end,
}

-- A big array of small things, a big table of strings to things, a large array of numbers.
local array, names, numbers = {}, {}, {}
for i = 1, 1000000 do numbers[i] = i end
local n = 0
while collectgarbage("count") < megabytes * 1024 do
  for _ = 1, 1000 do
    n = n + 1
    array[n] = makers[n % #makers + 1](n)
    if n % 16 == 0 then names["name" .. n] = array[n] end
  end
end
local cache = setmetatable({}, { __mode = "v" })
for i = 1, rounds do
  local at = random(n)
  local new = makers[i % #makers + 1](i)
  array[at] = new
  cache[i % 1000] = new
  if i % 64 == 0 then names["name" .. at] = { new, array[random(n)] } end
end
print(n, #array, #numbers, collectgarbage("count") > megabytes * 512)
