-- string-buffer: builds long strings in four ways: a table of pieces, plain
-- concatenation, a rope by doubling, and a stack of strings of falling length.
-- Stresses concatenation, table.concat, number formatting and the collector.
-- Argument: number of pieces.

local n = tonumber((...)) or 250000

local function checksum(s)
  local sum = 0
  for i = 1, #s, math.max(1, math.floor(#s / 2000)) do sum = (sum * 31 + s:byte(i)) % 1000003 end
  return sum
end

-- 1. Pieces in a table, joined once.
local pieces = {}
for i = 1, n do
  pieces[#pieces + 1] = "item " .. i .. " of " .. n
end
local joined = table.concat(pieces, ", ")
print(#joined, checksum(joined))

-- 2. Short lines by concatenation with several operands.
local length, sum = 0, 0
for i = 1, n do
  local line = "<" .. i % 100 .. ":" .. (i * 7) % 1000 .. "|" .. i / 4 .. ">"
  length = length + #line
  sum = (sum + line:byte(2) * #line) % 1000003
end
print(length, sum)

-- 3. One string that grows: quadratic, so fewer rounds.
local grown = ""
for i = 1, math.floor(n / 40) do
  grown = grown .. "x" .. i
end
print(#grown, checksum(grown))

-- 4. A stack where equal neighbours are merged, as in a binary counter.
local stack = {}
local function push(s)
  stack[#stack + 1] = s
  for i = #stack - 1, 1, -1 do
    if #stack[i] > #stack[i + 1] then break end
    stack[i] = stack[i] .. table.remove(stack)
  end
end
for i = 1, n do push(i % 10 .. "") end
local merged = table.concat(stack)
print(#merged, #stack, checksum(merged))

-- 5. Whole-string operations.
local text = joined:sub(1, 2000)
local total = 0
for i = 1, math.floor(n / 100) do
  local up = text:upper()
  local back = up:lower():reverse()
  total = (total + back:byte(i % #back + 1) + #(text:rep(3))) % 1000003
end
print(total)
