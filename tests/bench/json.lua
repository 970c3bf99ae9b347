-- json: encodes a generated document as JSON text, decodes it again, and
-- checks that a second encoding is the same.
-- Stresses string.sub/byte, table.concat, string keys and recursion.
-- Argument: number of records in the document.

local n = tonumber((...)) or 12000

local byte, sub, char, format = string.byte, string.sub, string.char, string.format
local concat, floor = table.concat, math.floor

-- Encoder ---------------------------------------------------------------------

local ESCAPES = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r" }

local function encode_string(s)
  local out, start = { '"' }, 1
  for i = 1, #s do
    local b = byte(s, i)
    if b < 32 or b == 34 or b == 92 then
      local c = char(b)
      out[#out + 1] = sub(s, start, i - 1)
      out[#out + 1] = ESCAPES[c] or format("\\u%04x", b)
      start = i + 1
    end
  end
  out[#out + 1] = sub(s, start)
  out[#out + 1] = '"'
  return concat(out)
end

local encode_value

local function encode_array(value, out)
  out[#out + 1] = "["
  for i = 1, #value do
    if i > 1 then out[#out + 1] = "," end
    encode_value(value[i], out)
  end
  out[#out + 1] = "]"
end

local function encode_object(value, out)
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  out[#out + 1] = "{"
  for i, key in ipairs(keys) do
    if i > 1 then out[#out + 1] = "," end
    out[#out + 1] = encode_string(key)
    out[#out + 1] = ":"
    encode_value(value[key], out)
  end
  out[#out + 1] = "}"
end

function encode_value(value, out)
  local kind = type(value)
  if kind == "string" then
    out[#out + 1] = encode_string(value)
  elseif kind == "number" then
    out[#out + 1] = format("%.14g", value)
  elseif kind == "boolean" then
    out[#out + 1] = tostring(value)
  elseif kind == "nil" then
    out[#out + 1] = "null"
  elseif value[1] ~= nil or next(value) == nil then
    encode_array(value, out)
  else
    encode_object(value, out)
  end
end

local function encode(value)
  local out = {}
  encode_value(value, out)
  return concat(out)
end

-- Decoder ---------------------------------------------------------------------

local QUOTE, BACKSLASH, COMMA, COLON = 34, 92, 44, 58
local OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY = 123, 125, 91, 93
local UNESCAPES = { n = "\n", t = "\t", r = "\r", b = "\b", f = "\f", ["/"] = "/", ["\\"] = "\\", ['"'] = '"' }

local function fail(text, at, what)
  error(format("json: %s at byte %d of %d", what, at, #text), 0)
end

local function skip_blanks(text, at)
  local b = byte(text, at)
  while b == 32 or b == 10 or b == 9 or b == 13 do
    at = at + 1
    b = byte(text, at)
  end
  return at, b
end

local function decode_string(text, at)
  local start = at + 1
  local i, parts = start, nil
  while true do
    local b = byte(text, i)
    if not b then fail(text, at, "unfinished string") end
    if b == QUOTE then
      local tail = sub(text, start, i - 1)
      if not parts then return tail, i + 1 end
      parts[#parts + 1] = tail
      return concat(parts), i + 1
    elseif b == BACKSLASH then
      parts = parts or {}
      parts[#parts + 1] = sub(text, start, i - 1)
      local c = sub(text, i + 1, i + 1)
      if c == "u" then
        parts[#parts + 1] = char(tonumber(sub(text, i + 2, i + 5), 16) % 256)
        i = i + 6
      else
        parts[#parts + 1] = UNESCAPES[c] or fail(text, i, "bad escape")
        i = i + 2
      end
      start = i
    else
      i = i + 1
    end
  end
end

local function decode_number(text, at)
  local i = at
  local b = byte(text, i)
  -- digits, '+', '-', '.', 'e', 'E'
  while b and ((b >= 48 and b <= 57) or b == 43 or b == 45 or b == 46 or b == 101 or b == 69) do
    i = i + 1
    b = byte(text, i)
  end
  local value = tonumber(sub(text, at, i - 1))
  if not value then fail(text, at, "bad number") end
  return value, i
end

local function decode_value(text, at)
  local b
  at, b = skip_blanks(text, at)
  if b == QUOTE then
    return decode_string(text, at)
  elseif b == OPEN_OBJECT then
    local object = {}
    at, b = skip_blanks(text, at + 1)
    if b == CLOSE_OBJECT then return object, at + 1 end
    while true do
      local key, value
      if b ~= QUOTE then fail(text, at, "key expected") end
      key, at = decode_string(text, at)
      at, b = skip_blanks(text, at)
      if b ~= COLON then fail(text, at, "':' expected") end
      value, at = decode_value(text, at + 1)
      object[key] = value
      at, b = skip_blanks(text, at)
      if b == CLOSE_OBJECT then return object, at + 1 end
      if b ~= COMMA then fail(text, at, "',' expected") end
      at, b = skip_blanks(text, at + 1)
    end
  elseif b == OPEN_ARRAY then
    local array, count = {}, 0
    at, b = skip_blanks(text, at + 1)
    if b == CLOSE_ARRAY then return array, at + 1 end
    while true do
      local value
      value, at = decode_value(text, at)
      count = count + 1
      array[count] = value
      at, b = skip_blanks(text, at)
      if b == CLOSE_ARRAY then return array, at + 1 end
      if b ~= COMMA then fail(text, at, "',' expected") end
      at = at + 1
    end
  elseif sub(text, at, at + 3) == "true" then
    return true, at + 4
  elseif sub(text, at, at + 4) == "false" then
    return false, at + 5
  elseif sub(text, at, at + 3) == "null" then
    return nil, at + 4
  end
  return decode_number(text, at)
end

-- The program -----------------------------------------------------------------

local seed = 7
local function random(limit)
  seed = (seed * 16807) % 2147483647
  return seed % limit
end

local function make_document(n)
  local records = {}
  for i = 1, n do
    local tags = {}
    for k = 1, random(6) do tags[k] = "tag-" .. random(100) end
    records[i] = {
      id = i,
      name = "record \"" .. i .. "\"\n",
      ratio = random(1000000) / 64,
      size = -random(100000) * 1e10,
      active = random(2) == 1,
      tags = tags,
      nested = { path = "a\\b\\" .. random(50), control = "\1\2" .. random(9), deep = { { {} } } },
    }
  end
  return { version = 1.5, records = records, empty = {} }
end

local text = encode(make_document(n))
local document = decode_value(text, 1)
local again = encode(document)
assert(again == text, "the second encoding differs")

local sum, tags = 0, 0
for _, record in ipairs(document.records) do
  sum = sum + record.ratio
  tags = tags + #record.tags
end
print(#text, #document.records, tags, sum)

for _, bad in ipairs { "[1,2", '{"a" 1}', '"\\q"', "[1,,2]", '{"a":1,}' } do
  print(select(2, pcall(decode_value, bad, 1)))
end
