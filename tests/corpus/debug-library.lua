-- debug: getinfo, variables, metatables.
local function fields(t, ...)
  local r = {}
  for _, k in ipairs({...}) do r[#r + 1] = k .. "=" .. tostring(t[k]) end
  print(table.concat(r, " "))
end
local all = {"source", "short_src", "what", "linedefined", "lastlinedefined", "currentline", "nups", "name", "namewhat"}
local up1, up2 = 1, 2
local function inner()
  up2 = up2 + up1
  fields(debug.getinfo(1), unpack(all))
  fields(debug.getinfo(2), unpack(all))
  print(debug.getinfo(1, "f").func == inner, debug.getinfo(3, "l") ~= nil)
  return 1
end
function globalFunction()
  local r = inner()
  return r
end
globalFunction()
local object = {}
function object:method() fields(debug.getinfo(1, "nl"), "name", "namewhat", "currentline", "what", "func") end
object:method()
object.method()
fields(debug.getinfo(print), unpack(all))
fields(debug.getinfo(fields), unpack(all))
fields(debug.getinfo(1), unpack(all))
fields(debug.getinfo(loadstring("\nlocal a\nreturn function() end", "=(chunk)")), unpack(all))
fields(debug.getinfo(loadstring("return 1 -- a long line of source text that is the name of this chunk, and too long\n")), unpack(all))
print(debug.getinfo(100))
print(pcall(debug.getinfo))
print(pcall(debug.getinfo, {}))
print(pcall(debug.getinfo, 1, "X"))
local lines = {}
for line in pairs(debug.getinfo(globalFunction, "L").activelines) do lines[#lines + 1] = line end
table.sort(lines)
print(table.concat(lines, " "))
local co = coroutine.create(function(a) local b = 2; coroutine.yield(a) return b end)
print(debug.getinfo(co, 1))
coroutine.resume(co, "arg")
fields(debug.getinfo(co, 0, "S"), "what")
fields(debug.getinfo(co, 1, "Sl"), "what", "currentline", "linedefined")
print(debug.getlocal(co, 1, 1))
print(debug.getlocal(co, 1, 2))
print(debug.getlocal(co, 1, 3))

-- Locals, also those that closures share.
local function locals(p)
  local shared = p * 2
  local function change() shared = shared + 1 end
  change()
  do local gone = 1 end
  local text = "text"
  local r = {}
  for i = 1, 10 do
    local name, value = debug.getlocal(1, i)
    if not name then break end
    if name:sub(1, 1) ~= "(" and type(value) ~= "function" and type(value) ~= "table" then
      r[#r + 1] = name .. "=" .. tostring(value)
    end
  end
  print(table.concat(r, " "))
end
locals(4)
print(pcall(debug.getlocal, 100, 1))

-- Upvalues.
local fixed, assigned = "fixed", "assigned"
local function reader() return fixed, assigned end
local function writer(v) assigned = v end
writer("new")
print(debug.getupvalue(reader, 1))
print(debug.getupvalue(reader, 2))
print(debug.getupvalue(reader, 3))
print(debug.getupvalue(reader, 0))
print(debug.setupvalue(reader, 2, "set"), assigned)
print(debug.setupvalue(reader, 9, "set"))
print(reader())
print(pcall(debug.setupvalue, reader, 1))

-- Metatables, protected ones too.
local t = setmetatable({}, {__metatable = "locked"})
print(getmetatable(t), type(debug.getmetatable(t)), pcall(setmetatable, t, {}))
print(debug.setmetatable(t, {__index = function() return "free" end}), t.x)
print(debug.setmetatable(t, nil), getmetatable(t), debug.getmetatable(1))
local strings = debug.getmetatable("")
print(("x"):upper())
debug.setmetatable("", {__index = function(s, k) return k .. " of " .. s end})
print(("x").upper)
debug.setmetatable("", strings)
print(("x"):upper(), type(debug.getregistry()))
