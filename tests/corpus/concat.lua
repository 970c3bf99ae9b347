-- The .. operator: many operands, numbers, empty strings, errors, metamethods.
local a, b, c = "one", "two", "three"
print(a .. b .. c, a .. "" .. b, "" .. "", ("" .. a) == a)
print(a .. 1 .. b .. 2.5 .. c, 1 .. "", -1 .. "x", 0.1 .. "", 1e100 .. "")
print(1 .. 2, (1 .. 2) + 1, 10 .. 20 == "1020")

local long = ""
for i = 1, 300 do long = long .. string.char(65 + i % 26) end
print(#long, long:sub(1, 30), long:sub(-5))
print(#(long .. long .. long .. long), (long .. "x" .. long):sub(299, 303))

-- Right associative: what is already joined stays joined.
local log = {}
local mt = {}
mt.__concat = function(x, y)
  local function name(v) return type(v) == "table" and v.name or tostring(v) end
  log[#log + 1] = name(x) .. "+" .. name(y)
  return setmetatable({ name = "(" .. name(x) .. name(y) .. ")" }, mt)
end
local o, p = setmetatable({ name = "o" }, mt), setmetatable({ name = "p" }, mt)
print((o .. p).name, ("a" .. o).name, (o .. "b").name, (1 .. o).name)
print(("a" .. "b" .. o).name, (o .. "a" .. "b").name, ("a" .. o .. "b").name, (o .. p .. o).name)
print(table.concat(log, " "))
mt.__concat = function() return "done" end
print("x" .. "y" .. o .. "z", o .. 1)

local function try(f)
  print(pcall(f))
end
try(function() return "a" .. nil end)
try(function() return "a" .. {} end)
try(function() return 1 .. true end)
try(function() local x; return "a" .. x .. "b" end)
try(function() return "a" .. missing .. "b" end)
try(function() local t = {}; return "a" .. t.name end)
try(function() return print .. "a" end)
try(function() return setmetatable({}, { __concat = "no" }) .. "a" end)

-- Embedded zeros and bytes above 127.
local z = "a\0b" .. "\0" .. "\255"
print(#z, z:byte(1, -1))
local parts = {}
for i = 1, 20 do parts[i] = i .. ":" .. i * i end
print(table.concat(parts, " "))
local x = "v"
x = x .. x
x = x .. x .. x
print(x, #x)
