-- error with values of all types, positions, levels; assert.
local function show(...)
  local n = select("#", ...)
  local out = {}
  for i = 1, n do
    local v = select(i, ...)
    out[i] = type(v) == "table" and "table" or tostring(v)
  end
  print(table.concat(out, " "))
end
show(pcall(error))
show(pcall(error, nil))
show(pcall(error, "text"))
show(pcall(error, "text", 0))
show(pcall(error, 42))
show(pcall(error, true))
show(pcall(error, { code = 1 }))
show(pcall(error, "text", 1))

local t = { code = 7 }
local ok, e = pcall(error, t)
print(ok, e == t, e.code)
ok, e = pcall(function() error(t) end)
print(ok, e == t)
ok, e = pcall(function() error(print) end)
print(ok, e == print)
ok, e = pcall(function() error(setmetatable({}, { __tostring = function() return "as text" end })) end)
print(ok, tostring(e))

-- Positions: level 1 is the caller of error, 2 the caller of that function.
local function level1() error("one") end
local function level1b() error("one", 1) end
local function level2() error("two", 2) end
local function level0() error("zero", 0) end
show(pcall(level1))
show(pcall(level1b))
show(pcall(level0))
show(pcall(function()
  level2()
end))
show(pcall(function()
  local x = 1
  level1()
end))
local function level3() error("three", 3) end
local function calls3() level3() return 1 end
show(pcall(function()
  calls3()
  return 1
end))
-- Only strings get a position.
show(pcall(function() error(42) end))
show(pcall(function() error(42, 2) end))
show(pcall(function() error("") end))
show(pcall(function() error(nil) end))
show(pcall(function() error() end))

-- assert.
print(assert(1, "unused"), assert("v"))
print(select("#", assert(1, 2, 3)), assert(0), assert(""))
show(pcall(assert, false))
show(pcall(assert, nil))
show(pcall(assert, false, "message"))
show(pcall(assert, nil, "message", "more"))
show(pcall(assert, false, t))
show(pcall(assert, false, 42))
show(pcall(assert))
show(pcall(function() assert(1 == 2) end))
show(pcall(function() assert(1 == 2, "no position") end))
show(pcall(function() assert(tonumber("x"), "not a number") end))

-- Errors thrown again keep their text.
ok, e = pcall(function()
  local ok, e = pcall(function() error("inner") end)
  error(e, 0)
end)
print(ok, e)
ok, e = pcall(function()
  local ok, e = pcall(function() error("inner") end)
  error(e)
end)
print(ok, e)

-- Nothing after the error runs; what ran before is kept.
local log = {}
ok = pcall(function()
  log[1] = "before"
  local x = nil + 1
  log[2] = "after"
end)
print(ok, #log, log[1])
