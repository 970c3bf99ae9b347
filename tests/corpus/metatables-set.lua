-- setmetatable and getmetatable, often from one place: tables of many shapes, and what the
-- shapes with a metatable know of it.
local A, B = { __index = { name = "A" } }, { __index = { name = "B" } }
local protected = { __metatable = "locked" }
local function with(t, m) return setmetatable(t, m) end
local function of(t) return getmetatable(t) end

local seen = {}
for i = 1, 300 do
  local m = i % 2 == 0 and A or B
  local t = with({ x = i }, m)
  local u = with({}, m)
  local w = with({ i, i, k = 1, l = 2, m = 3, n = 4, o = 5, p = 6 }, m)
  assert(of(t) == m and of(u) == m and of(w) == m)
  assert(t.name == (m == A and "A" or "B") and u.name == t.name and w.name == t.name)
  assert(t.x == i and w[2] == i and w.p == 6)
  u.x = i
  assert(u.x == i and rawget(u, "name") == nil)
  -- Another metatable, and none.
  assert(with(t, A) == t and of(t) == A and t.name == "A")
  assert(with(t, B) == t and of(t) == B and t.name == "B")
  assert(with(t, nil) == t and of(t) == nil and t.name == nil and t.x == i)
  seen[#seen + 1] = t
end
print(#seen, seen[300].x)

-- Protected metatables.
for i = 1, 100 do
  local t = with({ i }, protected)
  assert(of(t) == "locked")
  local ok, message = pcall(with, t, A)
  if i == 100 then print(ok, message) end
end
-- It becomes protected later, and stops being it.
local late = {}
local object = with({}, late)
for i = 1, 100 do
  if i == 50 then late.__metatable = false end
  if i == 60 then late.__metatable = nil end
  local got = of(object)
  if i == 49 or i == 50 or i == 60 then print(got == late, got == false) end
end

-- A table that others look through gets a metatable.
local parent, child = {}, nil
child = with({}, { __index = parent })
local function look() return child.inherited end
for i = 1, 200 do
  if i == 100 then with(parent, { __index = { inherited = "by the parent" } }) end
  local v = look()
  if i == 99 or i == 100 then print(v) end
end
-- The same, with tables that are made alike before.
for i = 1, 100 do with({}, A) end
local chain = {}
local below = with({}, { __index = chain })
assert(below.name == nil)
with(chain, A)
print(below.name)

-- As many results as are wanted.
local t = {}
print(setmetatable(t, A) == t, (select("#", setmetatable(t, A))))
local x, y = setmetatable({}, A)
print(of(x) == A, y)
local x, y, z = getmetatable(x)
print(x == A, y, z)
print(select("#", getmetatable(t)), select("#", (getmetatable({}))))

-- Metatables that are garbage soon.
local n = 0
for i = 1, 20000 do
  local m = { __index = { i = i } }
  n = n + setmetatable({}, m).i
end
print(n)

-- Errors.
print(pcall(setmetatable, 1, {}))
print(pcall(setmetatable, {}))
print(pcall(setmetatable, {}, 1))
print(pcall(getmetatable))
print(getmetatable(t) == A, getmetatable("").__index == string, getmetatable(1), getmetatable(nil))
