-- Weak tables of many entries, and through much garbage.
local function count(t)
  local n = 0
  for _ in pairs(t) do n = n + 1 end
  return n
end
local function weak(mode) return setmetatable({}, { __mode = mode }) end

-- Caches, through garbage made in between.
do
  local cache = weak("v")
  local hits, misses = 0, 0
  local function get(n)
    local v = cache[n]
    if v then
      hits = hits + 1
    else
      misses = misses + 1
      v = { n }
      cache[n] = v
    end
    return v
  end
  local held = get(7)
  local sum = 0
  for i = 1, 200000 do sum = sum + get(i % 50)[1] end
  print(hits + misses, sum, get(7) == held, cache[7] == held)
end

-- Large ones.
do
  local t, kept = weak("v"), {}
  for i = 1, 30000 do
    local v = { i }
    t[i] = v
    if i % 100 == 0 then kept[#kept + 1] = v end
  end
  local k = weak("k")
  for i = 1, 30000 do k[i % 100 == 0 and kept[i / 100] or {}] = i end
  collectgarbage()
  print(count(t), count(k), t[100][1], k[kept[300]])
end
