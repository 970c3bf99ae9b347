-- Functions that wait in a native function while that calls them again: their code may be
-- compiled, thrown away and compiled anew meanwhile.
local calls = 0

local function ordered(depth)
  calls = calls + 1
  local t = {}
  for i = 1, 6 do t[i] = (i * 7 + depth) % 11 end
  table.sort(t, function(a, b)
    if depth > 0 and (a + b) % 3 == 0 then ordered(depth - 1) end
    return a < b
  end)
  local sum = 0
  for i = 1, #t do sum = sum + t[i] * i end
  return sum
end
print(ordered(4), calls)

local function replaced(depth, text)
  local s = string.gsub(text, "%a", function(c)
    if depth > 0 then return replaced(depth - 1, c .. "b") end
    return c:upper()
  end)
  return s .. depth
end
print(replaced(3, "ab"))
print(#replaced(4, "abc"))

-- The caller is another function each time, and has fields of other shapes.
local Shape = { f = function(self, n) return self[1] + n end }
Shape.__index = Shape
local function walk(n, object)
  object["k" .. n % 5] = n
  local ok, r = pcall(function()
    if n == 0 then return object:f(0) end
    return walk(n - 1, setmetatable({ n, x = n }, Shape)) + object:f(n)
  end)
  return ok and r or tostring(r)
end
for i = 1, 30 do print(i, walk(i, setmetatable({ i }, Shape))) end

local seen = {}
local function keyed(n)
  local t = setmetatable({}, { __tostring = function() return n > 0 and keyed(n - 1) or "end" end })
  local s = tostring(t)
  seen[#seen + 1] = n
  return s .. n
end
print(keyed(4), #seen)
