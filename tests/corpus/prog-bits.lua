-- Bit operations by arithmetic: and, or, xor, shifts; CRC-32, SHA-1 and base64
-- built on them, checked with the well-known vectors.
local floor = math.floor
local WORD = 4294967296

-- Four bits at a time, by table.
local AND, XOR = {}, {}
for a = 0, 15 do
  AND[a], XOR[a] = {}, {}
  for b = 0, 15 do
    local x, y, bit, conj, excl = a, b, 1, 0, 0
    for _ = 1, 4 do
      local p, q = x % 2, y % 2
      if p == 1 and q == 1 then conj = conj + bit end
      if p ~= q then excl = excl + bit end
      x, y, bit = (x - p) / 2, (y - q) / 2, bit * 2
    end
    AND[a][b], XOR[a][b] = conj, excl
  end
end

local function by_table(t)
  return function(a, b)
    local r, place = 0, 1
    while a > 0 or b > 0 do
      local p, q = a % 16, b % 16
      r = r + t[p][q] * place
      a, b, place = (a - p) / 16, (b - q) / 16, place * 16
    end
    return r
  end
end
local band, bxor = by_table(AND), by_table(XOR)
local function bor(a, b) return a + b - band(a, b) end
local function bnot(a) return WORD - 1 - a end
local function left(a, n) return (a * 2 ^ n) % WORD end
local function right(a, n) return floor(a / 2 ^ n) end
local function rotate(a, n) return left(a, n) + right(a, 32 - n) end

print(band(12, 10), bor(12, 10), bxor(12, 10), bnot(0), left(1, 31), right(2 ^ 31, 31), rotate(2 ^ 31, 1))
print(string.format("%x %x %x", band(0xdeadbeef, 0xffff0000), bxor(0xdeadbeef, 0xffffffff), rotate(0xdeadbeef, 8)))

-- CRC-32.
local crc_table = {}
for i = 0, 255 do
  local c = i
  for _ = 1, 8 do
    if c % 2 == 1 then c = bxor((c - 1) / 2, 0xedb88320) else c = c / 2 end
  end
  crc_table[i] = c
end
local function crc32(s)
  local c = WORD - 1
  for i = 1, #s do
    c = bxor(crc_table[bxor(c % 256, s:byte(i))], floor(c / 256))
  end
  return bnot(c)
end
for _, s in ipairs { "", "a", "123456789", "The quick brown fox jumps over the lazy dog" } do
  print(string.format("%08x", crc32(s)), s)
end

-- SHA-1.
local function sha1(message)
  local length = #message
  local padded = message .. "\128" .. ("\0"):rep((55 - length) % 64)
  local tail = {}
  local bits = length * 8
  for i = 8, 1, -1 do
    tail[i] = string.char(bits % 256)
    bits = floor(bits / 256)
  end
  padded = padded .. table.concat(tail)
  local h0, h1, h2, h3, h4 = 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0
  for chunk = 1, #padded, 64 do
    local w = {}
    for i = 0, 15 do
      local a, b, c, d = padded:byte(chunk + i * 4, chunk + i * 4 + 3)
      w[i] = ((a * 256 + b) * 256 + c) * 256 + d
    end
    for i = 16, 79 do w[i] = rotate(bxor(bxor(w[i - 3], w[i - 8]), bxor(w[i - 14], w[i - 16])), 1) end
    local a, b, c, d, e = h0, h1, h2, h3, h4
    for i = 0, 79 do
      local f, k
      if i < 20 then f, k = bor(band(b, c), band(bnot(b), d)), 0x5a827999
      elseif i < 40 then f, k = bxor(bxor(b, c), d), 0x6ed9eba1
      elseif i < 60 then f, k = bor(bor(band(b, c), band(b, d)), band(c, d)), 0x8f1bbcdc
      else f, k = bxor(bxor(b, c), d), 0xca62c1d6
      end
      local t = (rotate(a, 5) + f + e + k + w[i]) % WORD
      a, b, c, d, e = t, a, rotate(b, 30), c, d
    end
    h0, h1, h2, h3, h4 = (h0 + a) % WORD, (h1 + b) % WORD, (h2 + c) % WORD, (h3 + d) % WORD, (h4 + e) % WORD
  end
  local function hex(v) return string.format("%04x%04x", floor(v / 65536), v % 65536) end
  return hex(h0) .. hex(h1) .. hex(h2) .. hex(h3) .. hex(h4)
end
print(sha1(""))
print(sha1("abc"))
print(sha1("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))

-- Base64.
local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local value = {}
for i = 1, 64 do value[ALPHABET:byte(i)] = i - 1 end
local function encode(s)
  local out = {}
  for i = 1, #s, 3 do
    local a, b, c = s:byte(i, i + 2)
    local v = (a * 256 + (b or 0)) * 256 + (c or 0)
    local group = {}
    for k = 4, 1, -1 do
      local digit = v % 64
      group[k] = ALPHABET:sub(digit + 1, digit + 1)
      v = (v - digit) / 64
    end
    if not b then group[3] = "=" end
    if not c then group[4] = "=" end
    out[#out + 1] = table.concat(group)
  end
  return table.concat(out)
end
local function decode(s)
  local out = {}
  for i = 1, #s, 4 do
    local v, pad = 0, 0
    for k = 0, 3 do
      local d = value[s:byte(i + k)]
      if not d then pad = pad + 1 end
      v = v * 64 + (d or 0)
    end
    local bytes = string.char(floor(v / 65536), floor(v / 256) % 256, v % 256)
    out[#out + 1] = bytes:sub(1, 3 - pad)
  end
  return table.concat(out)
end
for _, s in ipairs { "", "f", "fo", "foo", "foob", "fooba", "foobar", "\0\255\128" } do
  local e = encode(s)
  assert(decode(e) == s)
  io.write(e, " ")
end
print()

-- Grey codes, popcount, bit reversal.
local function popcount(v) local n = 0 while v > 0 do n = n + v % 2 v = floor(v / 2) end return n end
local codes = {}
for i = 0, 15 do codes[#codes + 1] = bxor(i, floor(i / 2)) end
print(table.concat(codes, " "), popcount(0xdeadbeef), popcount(2 ^ 40 - 1))
