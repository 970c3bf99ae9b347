-- fasta: writes random DNA sequences of given letter frequencies.
-- Stresses the random number arithmetic, small searches and string output.
-- Argument: the base length n (2n + 3n + 5n letters are written).

local n = tonumber((...)) or 1000000
local WIDTH = 60

local IM, IA, IC = 139968, 3877, 29573
local seed = 42

local function random(max)
  seed = (seed * IA + IC) % IM
  return max * seed / IM
end

local function write_repeated(id, description, text, count)
  io.write(">", id, " ", description, "\n")
  local length = #text
  local doubled = text .. text
  local at = 0
  while count > 0 do
    local width = math.min(WIDTH, count)
    io.write(doubled:sub(at + 1, at + width), "\n")
    at = (at + width) % length
    count = count - width
  end
end

local function write_random(id, description, letters, count)
  io.write(">", id, " ", description, "\n")
  local kinds = #letters
  local chars, cumulative = {}, {}
  local sum = 0
  for i = 1, kinds do
    sum = sum + letters[i][2]
    chars[i], cumulative[i] = letters[i][1], sum
  end
  cumulative[kinds] = 1
  local line = {}
  while count > 0 do
    local width = math.min(WIDTH, count)
    for i = 1, width do
      local r = random(1)
      local k = 1
      while cumulative[k] <= r do k = k + 1 end
      line[i] = chars[k]
    end
    io.write(table.concat(line, "", 1, width), "\n")
    count = count - width
  end
end

local ALU = "GGCCGGGCGCGGTGGCTCACGCCTGTAATCCCAGCACTTTGG"
  .. "GAGGCCGAGGCGGGCGGATCACCTGAGGTCAGGAGTTCGAGA"
  .. "CCAGCCTGGCCAACATGGTGAAACCCCGTCTCTACTAAAAAT"
  .. "ACAAAAATTAGCCGGGCGTGGTGGCGCGCGCCTGTAATCCCA"
  .. "GCTACTCGGGAGGCTGAGGCAGGAGAATCGCTTGAACCCGGG"
  .. "AGGCGGAGGTTGCAGTGAGCCGAGATCGCGCCACTGCACTCC"
  .. "AGCCTGGGCGACAGAGCGAGACTCCGTCTCAAAAA"

local IUB = {
  { "a", 0.27 }, { "c", 0.12 }, { "g", 0.12 }, { "t", 0.27 },
  { "B", 0.02 }, { "D", 0.02 }, { "H", 0.02 }, { "K", 0.02 },
  { "M", 0.02 }, { "N", 0.02 }, { "R", 0.02 }, { "S", 0.02 },
  { "V", 0.02 }, { "W", 0.02 }, { "Y", 0.02 },
}

local HUMAN = {
  { "a", 0.3029549426680 }, { "c", 0.1979883004921 },
  { "g", 0.1975473066391 }, { "t", 0.3015094502008 },
}

write_repeated("ONE", "Homo sapiens alu", ALU, 2 * n)
write_random("TWO", "IUB ambiguity codes", IUB, 3 * n)
write_random("THREE", "Homo sapiens frequency", HUMAN, 5 * n)
