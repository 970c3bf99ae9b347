-- Code that knows shapes outlives them: functions read and extend objects of shapes that are
-- garbage afterwards, in several functions at once, some of which are compiled anew.
local function reader(key)
  return assert(loadstring("local o = ... return o." .. key))
end
local function reader_and_adder(key, new)
  return assert(loadstring("local o, p = ... local r = o." .. key .. " p." .. new .. " = r return p"))
end

local kept = {}
for round = 1, 40 do
  local key, new = "k" .. round, "n" .. round
  local readers, adders = {}, {}
  for i = 1, 3 do
    readers[i] = reader(key)
    adders[i] = reader_and_adder(key, new)
  end
  local sum = 0
  for _ = 1, 400 do
    for i = 1, 3 do
      sum = sum + readers[i]({[key] = 1}) + adders[i]({[key] = 2}, {})[new]
    end
  end
  kept[round] = {readers, adders, sum}
  -- Other shapes take the memory of those that died, while the collector is still at work.
  local fresh = {}
  for i = 1, 60 do
    collectgarbage("step", 1)
    local o = {}
    o["f" .. round .. "_" .. i] = i
    o["g" .. i] = -i
    fresh[i] = o
  end
  for i = 1, 60 do
    local o = fresh[i]
    assert(o["f" .. round .. "_" .. i] == i and o["g" .. i] == -i and o[key] == nil)
    local n = 0
    for k, v in pairs(o) do n = n + v end
    assert(n == 0)
  end
  for i = 1, 3 do
    assert(readers[i](fresh[round]) == nil)
    assert(adders[i]({[key] = 5}, {})[new] == 5)
  end
end
collectgarbage()
local sum = 0
for round = 1, 40 do
  sum = sum + kept[round][3] + kept[round][1][2]({["k" .. round] = round})
end
print(sum)
