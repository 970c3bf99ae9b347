-- NaN: comparisons, tables, conditions.
local nan = 0 / 0
print(nan == nan, nan ~= nan, nan < nan, nan <= nan, nan > nan, nan >= nan)
print(nan == 1, nan ~= 1, nan < 1, nan <= 1, nan > 1, nan >= 1)
print(1 < nan, 1 <= nan, 1 > nan, 1 >= nan)
print(not (nan < 1), not (nan >= 1), not not (nan <= nan))
if nan < 1 then print("less") else print("not less") end
if not (nan < 1) then print("not less") else print("less") end
if nan >= 1 then print("more") else print("not more") end
if nan then print("true in a condition") end

local function kinds(v)
  return v ~= v, v == v, type(v), rawequal(v, v)
end
print(kinds(nan))
print(kinds(-nan))
print(kinds(nan + 1))
print(kinds(math.huge - math.huge))
print(kinds(tonumber("1") * nan))

-- Not a key.
local t = {}
print(pcall(function() t[nan] = 1 end))
print(t[nan], rawget(t, nan), next(t))
print(pcall(rawset, t, -nan, 1))

-- A value all the same.
t[1] = nan
t.x = nan
print(t[1] ~= t[1], t.x ~= t.x, #t)
print(t[1] == t.x, rawequal(t, t))

-- In loops and in library functions.
local count = 0
for i = 1, nan do count = count + 1 end
for i = nan, 10 do count = count + 1 end
print(count)
print(math.max(1, 2) == 2, math.floor(nan) ~= math.floor(nan))
print((nan < 1) == (nan >= 1))
local function pick(a, b) if a <= b then return "a" end return "b" end
print(pick(nan, 1), pick(1, nan), pick(1, 1))
while nan > 0 do print("never") end
repeat count = count + 1 until not (nan == nan)
print(count)
