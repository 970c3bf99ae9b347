-- report: an order report with totals per customer and per month.
-- Stresses string.format in all its forms, tostring, tonumber and
-- tables keyed by strings.
-- Argument: number of orders.

local n = tonumber((...)) or 400000

local NAMES = { "Ada", "Bela", "Chandra", "Dmitri", "Emmy", "Fatima", "Grace" }
local ITEMS = { { "bolt", 0.05 }, { "gear", 12.5 }, { "lamp", 7.25 }, { "motor", 149.99 }, { "wheel", 31 } }

local seed = 99
local function random(limit)
  seed = (seed * 16807) % 2147483647
  return seed % limit + 1
end

local customers, months = {}, {}
local hash, bytes, printed = 0, 0, 0

local function emit(line)
  bytes = bytes + #line + 1
  for i = 1, #line, 7 do hash = (hash * 31 + line:byte(i)) % 4294967296 end
  if printed < 12 then
    printed = printed + 1
    print(line)
  end
end

for i = 1, n do
  local name = NAMES[random(#NAMES)] .. " " .. string.char(64 + random(26)) .. "."
  local item = ITEMS[random(#ITEMS)]
  local count = random(500)
  local total = count * item[2]
  local month = random(12)
  local key = string.format("%04d-%02d", 2000 + i % 3, month)
  customers[name] = (customers[name] or 0) + total
  months[key] = (months[key] or 0) + total
  emit(string.format("%06d %-14s %5s x%-4d @%8.2f = %12.2f %5.2f%%  0x%04X %s",
    i, name, item[1], count, item[2], total, total % 100, random(65535), key))
  if i % 10 == 0 then
    emit(string.format("%q %s %5.3s|%g|%e|%o|%c", name, tostring(total), name, item[2], total, count, 65 + i % 26))
  end
  -- Read a number back out of its text.
  local text = string.format("%.2f", total)
  local difference = tonumber(text) - total
  assert(difference < 0.0051 and difference > -0.0051)
end

local function ranking(sums)
  local keys = {}
  for key in pairs(sums) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if sums[a] ~= sums[b] then return sums[a] > sums[b] end
    return a < b
  end)
  return keys
end

print(bytes, hash)
for place, key in ipairs(ranking(customers)) do
  if place > 5 then break end
  print(string.format("%2d. %-12s %14.2f", place, key, customers[key]))
end
for place, key in ipairs(ranking(months)) do
  if place > 5 then break end
  print(string.format("%2d. %s %+.6e", place, key, months[key]))
end
