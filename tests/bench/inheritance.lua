-- inheritance: shapes in a hierarchy four classes deep, with overridden and
-- inherited methods, calls of the parent's method, and properties by __index
-- and __newindex functions.
-- Stresses method lookup along __index chains and calls through them.
-- Argument: number of rounds.

local rounds = tonumber((...)) or 500000

local function class(parent)
  local c = { parent = parent }
  c.__index = c
  c.new = function(...)
    local object = setmetatable({}, c)
    object:init(...)
    return object
  end
  if parent then setmetatable(c, { __index = parent }) end
  return c
end

local Shape = class()
function Shape:init(name)
  self.name = name
  self.moves = 0
  self.x, self.y = 0, 0
end
function Shape:move(dx, dy)
  self.x = self.x + dx
  self.y = self.y + dy
  self.moves = self.moves + 1
  return self
end
function Shape:area() return 0 end
function Shape:describe() return self.name .. " of area " .. string.format("%.3f", self:area()) end
function Shape:total_moves() return self.moves end

local Polygon = class(Shape)
function Polygon:init(name, sides)
  Shape.init(self, name)
  self.sides = sides
end
function Polygon:corners() return self.sides end

local Rectangle = class(Polygon)
function Rectangle:init(w, h)
  Polygon.init(self, "rectangle", 4)
  self.w, self.h = w, h
end
function Rectangle:area() return self.w * self.h end
function Rectangle:grow(by)
  self.w = self.w + by
  self.h = self.h + by
  return self
end

local Square = class(Rectangle)
function Square:init(side)
  Rectangle.init(self, side, side)
  self.name = "square"
end
function Square:move(dx, dy)
  -- Squares snap to a grid of 100.
  Rectangle.move(self, dx, dy)
  self.x, self.y = self.x % 100, self.y % 100
  return self
end

local Triangle = class(Polygon)
function Triangle:init(base, height)
  Polygon.init(self, "triangle", 3)
  self.base, self.height = base, height
end
function Triangle:area() return self.base * self.height / 2 end

local Circle = class(Shape)
function Circle:init(radius)
  Shape.init(self, "circle")
  self.radius = radius
end
function Circle:area() return 3.141592653589793 * self.radius * self.radius end
function Circle:corners() return 0 end

-- A proxy that counts the accesses to the object behind it.
local reads, writes = 0, 0
local function watched(object)
  return setmetatable({}, {
    __index = function(_, key)
      reads = reads + 1
      return object[key]
    end,
    __newindex = function(_, key, value)
      writes = writes + 1
      object[key] = value
    end,
  })
end

local shapes = {
  Rectangle.new(3, 4), Square.new(5), Triangle.new(6, 7), Circle.new(1.5),
  Square.new(2), Rectangle.new(1, 9), Circle.new(0.5), watched(Square.new(3)),
}

local area, corners = 0, 0
for round = 1, rounds do
  for i = 1, #shapes do
    local s = shapes[i]
    s:move(i, round % 3)
    area = area + s:area()
    corners = corners + s:corners()
  end
  if round % 10 == 0 then
    shapes[1]:grow(0.25)
    shapes[6] = Rectangle.new(round % 7, 2)
  end
end

print(string.format("%.6g", area), corners, reads, writes)
for _, s in ipairs(shapes) do
  print(s:describe(), s.x, s.y, s:total_moves())
end
