-- What `__index` and `__newindex` lead to may be no table: the error is about that
-- value, which has no name, and not about the object that the lookup began with.
local function get(o) return o.x end
local function put(o) o.x = 1 end
local function at(o, k) return o[k] end
local function method(o) return o:run() end
local handlers = { 48, true, "text", setmetatable({}, { __index = false, __newindex = 5 }) }
for round = 1, 3 do
  for i, handler in ipairs(handlers) do
    local o = setmetatable({}, { __index = handler, __newindex = handler })
    print(i, pcall(get, o))
    print(i, pcall(put, o))
    print(i, pcall(at, o, 1))
    print(i, pcall(at, o, "y"))
    print(i, pcall(method, o))
  end
  print(pcall(get, round))
  print(pcall(put, nil))
end
-- The environment too.
setmetatable(_G, { __index = 7, __newindex = 8 })
print(pcall(function() return undefined end))
print(pcall(function() undefined = 1 end))
setmetatable(_G, nil)
print(undefined)
