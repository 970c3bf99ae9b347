-- A long mixed run: objects of all sizes come and go in waves, so that what is free is
-- scattered. Prints the memory in use, in MiB, at the end of each wave, live data being the
-- same at all these points: what grows from wave to wave is lost to fragmentation. With
-- `moonpatch --stats` compare `bytes_in_use` (blocks and large objects of the region).
local waves = tonumber(arg and arg[1]) or 12
local seed = 7
local function random(n)
  seed = (seed * 16807) % 2147483647
  return seed % n + 1
end

local kinds = {
  function(n) return string.rep("x", n) end,
  function(n) local t = {} for i = 1, n / 8 do t[i] = i end return t end,
  function(n) local t = {} for i = 1, n / 64 do t["k" .. i] = n end return t end,
  function(n) local list for i = 1, n / 64 do list = { next = list, i } end return list end,
}
local keep = {}
for wave = 1, waves do
  -- Sizes from 16 bytes to 256 KiB, small ones more often; a different mix in each wave.
  for i = 1, 60000 do
    local size = 2 ^ (random(8 + (wave * 5) % 7) + 3)
    if i % 400 == 0 then size = size * 32 end
    keep[random(4000)] = kinds[(i + wave) % #kinds + 1](size)
  end
  for i = 1, 4000 do keep[i] = { i, "kept" .. i } end
  collectgarbage()
  print(wave, string.format("%.2f", collectgarbage("count") / 1024))
end
