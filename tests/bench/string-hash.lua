-- string-hash: loops over the bytes of strings: two checksums, a Caesar cipher,
-- run-length coding, word counting and palindromes.
-- Stresses string.byte, string.char, string.sub and string keys.
-- Argument: number of lines of text.

local n = tonumber((...)) or 40000

local byte, char, sub = string.byte, string.char, string.sub
local floor = math.floor

local WORDS = { "lorem", "level", "stencil", "patch", "hole", "rotor", "bundle", "moon", "noon", "aab", "region" }
local seed = 5
local function random(limit)
  seed = (seed * 16807) % 2147483647
  return seed % limit + 1
end

local function make_line()
  local words = {}
  for i = 1, 5 + random(5) do words[i] = WORDS[random(#WORDS)] end
  return table.concat(words, " ")
end

local function adler(s)
  local a, b = 1, 0
  for i = 1, #s do
    a = (a + byte(s, i)) % 65521
    b = (b + a) % 65521
  end
  return b * 65536 + a
end

local function polynomial(s)
  local h = 0
  for i = 1, #s do h = (h * 31 + byte(s, i)) % 4294967296 end
  return h
end

local function rotate(s, by)
  local out = {}
  for i = 1, #s do
    local b = byte(s, i)
    if b >= 97 and b <= 122 then b = (b - 97 + by) % 26 + 97 end
    out[i] = char(b)
  end
  return table.concat(out)
end

local function run_length(s)
  local out, i = {}, 1
  while i <= #s do
    local c, j = sub(s, i, i), i + 1
    while sub(s, j, j) == c do j = j + 1 end
    if j - i > 1 then out[#out + 1] = j - i end
    out[#out + 1] = c
    i = j
  end
  return table.concat(out)
end

local function is_palindrome(s)
  local i, j = 1, #s
  while i < j do
    if byte(s, i) ~= byte(s, j) then return false end
    i, j = i + 1, j - 1
  end
  return true
end

local counts = {}
local function count_words(s)
  local start = 1
  for i = 1, #s + 1 do
    local b = byte(s, i)
    if b == 32 or not b then
      local word = sub(s, start, i - 1)
      counts[word] = (counts[word] or 0) + 1
      start = i + 1
    end
  end
end

local bytes, a, p, packed = 0, 0, 0, 0
for _ = 1, n do
  local line = make_line()
  bytes = bytes + #line
  a = (a + adler(line)) % 4294967296
  p = (p + polynomial(line)) % 4294967296
  local secret = rotate(line, 13)
  assert(secret ~= line and rotate(secret, 13) == line)
  packed = packed + #run_length(line)
  count_words(line)
end
print(bytes, a, p, packed)

local words = {}
for word in pairs(counts) do words[#words + 1] = word end
table.sort(words)
for _, word in ipairs(words) do
  print(string.format("%-10s %6d %s", word, counts[word], is_palindrome(word) and "palindrome" or ""))
end
print(rotate("stencil", 3), run_length("aaabccdddd"), polynomial("moonpatch"), adler("moonpatch"))
