-- Object-oriented styles: classes with inheritance and super calls, mixins,
-- closures as objects, properties, observers, a linked stack and queue.
local function class(name, parent)
  local c = { name = name, parent = parent }
  c.__index = c
  c.__tostring = function(o) return name .. "(" .. o:text() .. ")" end
  return setmetatable(c, {
    __index = parent,
    __call = function(_, ...)
      local o = setmetatable({}, c)
      if c.init then c.init(o, ...) end
      return o
    end,
  })
end
local function is_a(o, c)
  local k = getmetatable(o)
  while k do
    if k == c then return true end
    k = k.parent
  end
  return false
end

local Animal = class "Animal"
function Animal:init(name, sound) self.name, self.sound = name, sound end
function Animal:text() return self.name end
function Animal:speak() return self.name .. " says " .. self.sound end
function Animal:clone() return getmetatable(self)(self.name, self.sound) end

local Dog = class("Dog", Animal)
function Dog:init(name) Animal.init(self, name, "woof") self.tricks = {} end
function Dog:learn(trick) self.tricks[#self.tricks + 1] = trick return self end
function Dog:text() return Animal.text(self) .. "+" .. #self.tricks end

local Puppy = class("Puppy", Dog)
function Puppy:init(name) Dog.init(self, "little " .. name) self.sound = "wif" end
function Puppy:speak() return Dog.speak(self):upper() end

local cat, dog, puppy = Animal("Tom", "meow"), Dog("Rex"):learn("sit"):learn("roll"), Puppy("Max"):learn("fall")
for _, a in ipairs { cat, dog, puppy } do
  print(tostring(a), a:speak(), is_a(a, Animal), is_a(a, Dog), is_a(a, Puppy))
end
print(tostring(cat:clone()), cat:clone() ~= cat, Puppy.name, Puppy.parent.name, Dog.learn == Puppy.learn)

-- A mixin.
local function comparable(c)
  c.__lt = function(a, b) return a:key() < b:key() end
  c.__le = function(a, b) return a:key() <= b:key() end
  c.__eq = function(a, b) return a:key() == b:key() end
end
local Version = class "Version"
comparable(Version)
function Version:init(...) self.parts = { ... } end
function Version:key()
  local k = 0
  for i = 1, 3 do k = k * 1000 + (self.parts[i] or 0) end
  return k
end
function Version:text() return table.concat(self.parts, ".") end
local list = { Version(1, 10), Version(1, 2, 3), Version(0, 9), Version(1, 2) }
table.sort(list)
for i, v in ipairs(list) do list[i] = tostring(v) end
print(table.concat(list, " "), Version(1, 2) == Version(1, 2, 0), Version(2) <= Version(1, 999), Version(1) > Version(0, 999))

-- Closures as objects.
local function account(balance)
  local history = {}
  local self = {}
  function self.deposit(v) balance = balance + v history[#history + 1] = "+" .. v return self end
  function self.withdraw(v)
    if v > balance then return nil, "insufficient funds" end
    balance = balance - v
    history[#history + 1] = "-" .. v
    return self
  end
  function self.balance() return balance end
  function self.history() return table.concat(history, " ") end
  return self
end
local a, b = account(100), account(0)
a.deposit(50).deposit(25)
print(a.withdraw(500))
a.withdraw(70)
b.deposit(1)
print(a.balance(), b.balance(), a.history(), b.history())

-- Properties with getters and setters.
local function with_properties(getters, setters)
  return { __index = function(o, k)
    local g = getters[k]
    if g then return g(o) end
  end, __newindex = function(o, k, v)
    local s = setters[k]
    if s then s(o, v) else error("no property " .. k, 2) end
  end }
end
local temperature = setmetatable({}, with_properties({
  celsius = function(o) return rawget(o, "_c") or 0 end,
  fahrenheit = function(o) return o.celsius * 9 / 5 + 32 end,
}, {
  celsius = function(o, v) rawset(o, "_c", v) end,
  fahrenheit = function(o, v) o.celsius = (v - 32) * 5 / 9 end,
}))
print(temperature.celsius, temperature.fahrenheit)
temperature.fahrenheit = 212
print(temperature.celsius, temperature.fahrenheit, temperature.kelvin)
print(pcall(function() temperature.kelvin = 1 end))

-- Observers and events.
local Emitter = class "Emitter"
function Emitter:init() self.handlers = {} end
function Emitter:on(event, f)
  self.handlers[event] = self.handlers[event] or {}
  table.insert(self.handlers[event], f)
  return function()
    for i, g in ipairs(self.handlers[event]) do
      if g == f then table.remove(self.handlers[event], i) return true end
    end
    return false
  end
end
function Emitter:emit(event, ...)
  local n = 0
  for _, f in ipairs(self.handlers[event] or {}) do
    f(...)
    n = n + 1
  end
  return n
end
local e, seen = Emitter(), {}
local off = e:on("x", function(v) seen[#seen + 1] = "first " .. v end)
e:on("x", function(v, w) seen[#seen + 1] = "second " .. tostring(w) end)
print(e:emit("x", 1, 2), e:emit("y"), off(), off(), e:emit("x", 3))
print(table.concat(seen, ", "))

-- Memoize and default tables.
local function memoize(f)
  return setmetatable({}, { __index = function(t, k)
    local v = f(t, k)
    t[k] = v
    return v
  end, __call = function(t, k) return t[k] end })
end
local calls = 0
local fib = memoize(function(self, n)
  calls = calls + 1
  return n < 2 and n or self[n - 1] + self[n - 2]
end)
print(fib(50), calls, fib[49], calls)
local matrix = memoize(function() return memoize(function() return 0 end) end)
matrix[1][2] = 5
matrix[3][3] = matrix[3][3] + matrix[1][2] + matrix[9][9]
print(matrix[1][2], matrix[3][3], matrix[2][2])
