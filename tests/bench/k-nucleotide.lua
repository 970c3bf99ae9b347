-- k-nucleotide: counts the substrings of length k of a DNA sequence, which the
-- program makes itself with fasta's generator.
-- Stresses string.sub, string interning and tables keyed by strings.
-- Argument: length of the sequence.

local n = tonumber((...)) or 800000

local function make_sequence(n)
  local seed = 42
  local out = {}
  for i = 1, n do
    seed = (seed * 3877 + 29573) % 139968
    local r = seed / 139968
    if r < 0.3029549426680 then out[i] = "A"
    elseif r < 0.5009432431601 then out[i] = "C"
    elseif r < 0.6984905497992 then out[i] = "G"
    else out[i] = "T"
    end
  end
  return table.concat(out)
end

local function count(sequence, k)
  local counts = {}
  local sub = string.sub
  for i = 1, #sequence - k + 1 do
    local key = sub(sequence, i, i + k - 1)
    counts[key] = (counts[key] or 0) + 1
  end
  return counts
end

local function print_frequencies(sequence, k)
  local counts = count(sequence, k)
  local keys, total = {}, 0
  for key, c in pairs(counts) do
    keys[#keys + 1] = key
    total = total + c
  end
  table.sort(keys, function(a, b)
    local ca, cb = counts[a], counts[b]
    if ca == cb then return a < b end
    return ca > cb
  end)
  for _, key in ipairs(keys) do
    print(string.format("%s %0.3f", key, counts[key] * 100 / total))
  end
  print("")
end

local sequence = make_sequence(n)
print_frequencies(sequence, 1)
print_frequencies(sequence, 2)
for _, word in ipairs { "GGT", "GGTA", "GGTATT", "GGTATTTTAATT", "GGTATTTTAATTTATAGT" } do
  print((count(sequence, #word)[word] or 0) .. "\t" .. word)
end
