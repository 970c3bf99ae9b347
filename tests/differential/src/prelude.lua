-- What generated programs call to show values: never an address, never an order that
-- the manual leaves open. Kept in globals, so that programs have all their locals.
local format, byte, type, tostring, concat = string.format, string.byte, type, tostring, table.concat
local pairs, select, pcall, sort, print, next = pairs, select, pcall, table.sort, print, next
local rawget, rawset, setmetatable, getmetatable = rawget, rawset, setmetatable, getmetatable
local globals = _G

function show(v, depth)
  local t = type(v)
  if t == "number" then
    if v ~= v then return "nan" end
    local short, exact = tostring(v), format("%.17g", v)
    return short == exact and short or short .. "|" .. exact
  elseif t == "string" then
    return format("%q", v)
  elseif t == "table" then
    depth = depth or 0
    if depth > 2 then return "{..}" end
    local items = {}
    for k, x in pairs(v) do
      items[#items + 1] = show(k, 3) .. "=" .. show(x, depth + 1)
    end
    sort(items)
    return "{" .. concat(items, ",") .. "}"
  elseif t == "nil" or t == "boolean" then
    return tostring(v)
  end
  return t
end

function p(...)
  local items = {}
  for i = 1, select("#", ...) do items[i] = show((select(i, ...))) end
  print(concat(items, " "))
end

local sums = {}
local function sum(s)
  local h = #s
  for i = 1, #s < 200 and #s or 200 do h = (h * 31 + byte(s, i)) % 2147483647 end
  sums[s] = h
  return h
end

-- A checksum that goes on from `h` over any values.
function mix(h, ...)
  for i = 1, select("#", ...) do
    local v = (select(i, ...))
    local t = type(v)
    if t == "number" and v % 1 == 0 and v > 0 and v < 1000000 then
      h = (h * 31 + v) % 2147483647
    elseif t == "string" then
      h = (h * 33 + 1 + (sums[v] or sum(v))) % 2147483647
    else
      local s = show(v)
      h = (h * 35 + 2 + (sums[s] or sum(s))) % 2147483647
    end
  end
  return h
end

-- Calls, and shows only what went wrong.
function try(f, ...)
  local ok, e = pcall(f, ...)
  if not ok then p("failed", e) end
end

function clean(x)
  if type(x) ~= "number" or x ~= x then return 0 end
  return x + 0
end

-- An integer from 0 to 19.
function small(x)
  if type(x) ~= "number" or not (x > 0 and x < 20) then return 7 end
  return x - x % 1
end

function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end

-- tostring, where that shows no address.
function text(v)
  if type(v) == "number" and v ~= v then return "nan" end
  local mt = type(v) == "table" and getmetatable(v)
  if type(v) ~= "table" and type(v) ~= "function" and type(v) ~= "thread" then return tostring(v) end
  if type(mt) == "table" and rawget(mt, "__tostring") then return tostring(v) end
  return type(v)
end

local names = {}
for k in pairs(globals) do names[k] = true end

-- Runs a program twice: the second time with the caches that the first left.
function case(number, f)
  print("case " .. number)
  for round = 1, 2 do
    local ok, e = pcall(f, round)
    print("end " .. round, ok, ok or show(e))
    setmetatable(globals, nil)
    local k = next(globals)
    while k ~= nil do
      local following = next(globals, k)
      if not names[k] and k ~= "case" then globals[k] = nil end
      k = following
    end
  end
end
names.case = true
