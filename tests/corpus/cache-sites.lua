-- Accesses by name at one place with objects of few, several and many shapes, which change
-- while they are being used: what inline caches and their chains must get right.

local function get(o) return o.x end
local function set(o, v) o.x = v end
local function call(o, n) return o:f(n) end
local function global() return shared end

local function object(i)
  local o = {}
  for j = 1, i do o["p" .. j] = j end
  o.x = i
  o.f = function(self, n) return self.x + n end
  return o
end

-- One shape, then 2, 5, 9 of them, over and over.
for _, kinds in ipairs { 1, 2, 5, 9 } do
  local objects, sum = {}, 0
  for i = 1, kinds do objects[i] = object(i) end
  for round = 1, 300 do
    local o = objects[round % kinds + 1]
    set(o, get(o) + 1)
    sum = sum + get(o) + call(o, round)
  end
  print(kinds, sum)
end

-- Methods by chains, and classes that change.
local Base = {} Base.__index = Base
function Base:f(n) return "base" .. n end
local classes = {}
for i = 1, 7 do
  local c = setmetatable({}, Base)
  c.__index = c
  classes[i] = c
end
local log = {}
for round = 1, 200 do
  local c = classes[round % 7 + 1]
  local o = setmetatable({ x = round }, c)
  if round == 60 then classes[3].f = function(_, n) return "own" .. n end end
  if round == 120 then Base.f = function(_, n) return "new" .. n end end
  if round == 160 then classes[3].f = nil end
  log[#log + 1] = call(o, round)
end
print(table.concat(log, " ", 50, 70))
print(table.concat(log, " ", 110, 130))
print(table.concat(log, " ", 155, 170))

-- Own properties that are nil, before and behind changes of the metatable.
local Class = { x = "class" } Class.__index = Class
local o = setmetatable({ x = 1 }, Class)
local seen = {}
for round = 1, 120 do
  o.x = round % 2 == 0 and round or nil
  if round == 31 then Class.x = nil end
  if round == 51 then Class.x = "again" end
  if round == 71 then Class.__index = nil end
  if round == 91 then Class.__index = function(_, k) return k .. round end end
  seen[round] = tostring(get(o))
end
print(table.concat(seen, " ", 25, 56))
print(table.concat(seen, " ", 65, 100))

-- A property that is added, by objects of several kinds.
local function name(o, v) o.name = v return o end
for round = 1, 100 do
  local o = name(object(round % 8), round)
  assert(o.name == round and name(o, -round).name == -round)
end
local stores = 0
local watched = setmetatable({}, { __newindex = function(_, k, v) stores = stores + v end })
for round = 1, 40 do name(watched, round) name({}, round) end
print(stores, rawget(watched, "name"))

-- Globals come and go; the table of them changes its shape all the time.
shared = 0
for round = 1, 300 do
  if round % 3 == 0 then _G["extra" .. round] = round end
  shared = shared + 1
  assert(global() == round)
end
for round = 3, 300, 3 do _G["extra" .. round] = nil end
local environment = setmetatable({ shared = "mine" }, { __index = _G })
local own = loadstring("return shared")
for round = 1, 60 do
  setfenv(own, round % 2 == 0 and environment or _G)
  assert(own() == (round % 2 == 0 and "mine" or 300))
end

-- Strings, tables and what has no properties at the same place.
local results = {}
for round = 1, 50 do
  local things = { "text", { f = function() return "table" end, x = 1 }, 5, nil }
  local ok, what = pcall(call, things[round % 4 + 1], 1)
  results[round] = ok and what or what:gsub("^.-:%d+: ", "")
end
print(table.concat(results, "; ", 40, 50))
string.f = function(s, n) return s .. n end
print(call("text", 1), select(2, pcall(call, 5, 1)))
string.f = nil
print((select(2, pcall(call, "text", 1)):gsub("^.-:%d+: ", "")))

-- Equality of tables with metatables, with and without `__eq`.
local function same(a, b) if a == b then return "same" end return "other" end
local function differ(a, b) if a ~= b then return true end return false end
local Point, Other = {}, {}
local p, q, r = setmetatable({ 1 }, Point), setmetatable({ 1 }, Point), setmetatable({ 1 }, Other)
local answers = {}
for round = 1, 80 do
  if round == 20 then Point.__eq = function(a, b) return a[1] == b[1] end end
  if round == 40 then Other.__eq = Point.__eq end
  if round == 60 then Point.__eq = nil end
  answers[round] = same(p, q) .. "," .. same(p, r) .. "," .. tostring(differ(q, p))
  repeat until p ~= q or p == q
end
print(answers[1], answers[19], answers[20], answers[39], answers[40], answers[59], answers[60])

-- Shapes that nothing has any more, in code that goes on.
local kept = object(3)
for round = 1, 400 do
  local o = object(round % 12)
  o["only" .. round] = round
  set(o, round)
  assert(get(o) == round and get(kept) == 3)
  if round % 50 == 0 then collectgarbage() end
end
print(call(kept, 4), get(kept))
