-- lz: LZW and LZ77-like compression and expansion of a generated text.
-- Stresses tables with string keys, growing arrays, string.sub and byte.
-- Argument: length of the text in bytes, about.

local n = tonumber((...)) or 2000000

local byte, char, sub = string.byte, string.char, string.sub

local seed = 11
local function random(limit)
  seed = (seed * 16807) % 2147483647
  return seed % limit + 1
end

local function make_text(n)
  local pool = {}
  for i = 1, 40 do
    local letters = {}
    for k = 1, 2 + random(7) do letters[k] = char(96 + random(26)) end
    pool[i] = table.concat(letters)
  end
  local parts, length = {}, 0
  while length < n do
    -- Low numbers are more frequent.
    local word = pool[math.min(random(40), random(40))]
    parts[#parts + 1] = word
    length = length + #word + 1
  end
  return table.concat(parts, " ")
end

-- LZW -------------------------------------------------------------------------

local function lzw_compress(text)
  local codes, size = {}, 256
  for i = 0, 255 do codes[char(i)] = i end
  local out, prefix = {}, ""
  for i = 1, #text do
    local c = sub(text, i, i)
    local longer = prefix .. c
    if codes[longer] then
      prefix = longer
    else
      out[#out + 1] = codes[prefix]
      codes[longer] = size
      size = size + 1
      prefix = c
    end
  end
  if prefix ~= "" then out[#out + 1] = codes[prefix] end
  return out
end

local function lzw_expand(list)
  local strings, size = {}, 256
  for i = 0, 255 do strings[i] = char(i) end
  local previous = strings[list[1]]
  local out = { previous }
  for i = 2, #list do
    local code = list[i]
    local entry = strings[code]
    if not entry then
      assert(code == size, "bad code")
      entry = previous .. sub(previous, 1, 1)
    end
    out[#out + 1] = entry
    strings[size] = previous .. sub(entry, 1, 1)
    size = size + 1
    previous = entry
  end
  return table.concat(out)
end

-- LZ77 with a table of the last place of each three bytes ------------------------

local MIN, MAX, WINDOW = 3, 258, 32768

local function lz_compress(text)
  local last = {}
  local out = {}
  local at, size = 1, #text
  while at <= size do
    local key = sub(text, at, at + MIN - 1)
    local candidate = last[key]
    local length = 0
    if candidate and at - candidate <= WINDOW and #key == MIN then
      length = MIN
      while length < MAX and at + length <= size
        and byte(text, candidate + length) == byte(text, at + length) do
        length = length + 1
      end
    end
    if length > 0 then
      out[#out + 1] = { at - candidate, length }
      for i = at, at + length - 1, 2 do last[sub(text, i, i + MIN - 1)] = i end
      at = at + length
    else
      out[#out + 1] = byte(text, at)
      last[key] = at
      at = at + 1
    end
  end
  return out
end

local function lz_expand(list)
  local bytes, size = {}, 0
  for _, item in ipairs(list) do
    if type(item) == "number" then
      size = size + 1
      bytes[size] = item
    else
      local distance, length = item[1], item[2]
      for _ = 1, length do
        size = size + 1
        bytes[size] = bytes[size - distance]
      end
    end
  end
  local parts = {}
  for i = 1, size, 50 do
    parts[#parts + 1] = char(unpack(bytes, i, math.min(i + 49, size)))
  end
  return table.concat(parts)
end

local text = make_text(n)
local codes = lzw_compress(text)
assert(lzw_expand(codes) == text, "LZW: the text differs")
local sum = 0
for i, code in ipairs(codes) do sum = (sum + code * i) % 1000003 end
print("LZW", #text, #codes, sum)

local items = lz_compress(text)
assert(lz_expand(items) == text, "LZ77: the text differs")
local matches, longest = 0, 0
for _, item in ipairs(items) do
  if type(item) == "table" then
    matches = matches + 1
    if item[2] > longest then longest = item[2] end
  end
end
print("LZ77", #items, matches, longest)
print(sub(text, 1, 60))
