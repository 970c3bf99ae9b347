-- fannkuch: over all permutations of 1..n, the most prefix reversals until 1
-- comes first, and a checksum.
-- Stresses small integer arrays: indexed loads, stores and swaps.
-- Argument: n.

local n = tonumber((...)) or 10

local function fannkuch(n)
  local perm, work, count = {}, {}, {}
  local sign, max_flips, checksum = 1, 0, 0
  for i = 1, n do
    perm[i], work[i], count[i] = i, i, i
  end
  while true do
    -- Flip a copy of the permutation.
    local first = perm[1]
    if first ~= 1 then
      for i = 2, n do work[i] = perm[i] end
      local flips = 1
      while true do
        local next_first = work[first]
        if next_first == 1 then
          if flips > max_flips then max_flips = flips end
          checksum = checksum + sign * flips
          break
        end
        work[first] = first
        if first >= 4 then
          local i, j = 2, first - 1
          repeat
            work[i], work[j] = work[j], work[i]
            i = i + 1
            j = j - 1
          until i >= j
        end
        first = next_first
        flips = flips + 1
      end
    end
    -- The next permutation: alternately swap and rotate.
    if sign == 1 then
      perm[1], perm[2] = perm[2], perm[1]
      sign = -1
    else
      perm[2], perm[3] = perm[3], perm[2]
      sign = 1
      for i = 3, n do
        local c = count[i]
        if c ~= 1 then
          count[i] = c - 1
          break
        end
        if i == n then return checksum, max_flips end
        count[i] = i
        local t = perm[1]
        for j = 1, i do perm[j] = perm[j + 1] end
        perm[i + 1] = t
      end
    end
  end
end

local checksum, flips = fannkuch(n)
print(checksum)
print("Pfannkuchen(" .. n .. ") = " .. flips)
