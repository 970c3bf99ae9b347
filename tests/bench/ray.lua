-- ray: a ray tracer of spheres over a chequered floor, with shadows and
-- reflection; vectors are objects with overloaded operators.
-- Stresses metamethods on arithmetic, short-lived objects, floats, closures.
-- Argument: the picture's width and height.

local size = tonumber((...)) or 300

-- Vectors ---------------------------------------------------------------------

local Vector = {}
Vector.__index = Vector

local function vec(x, y, z)
  return setmetatable({ x = x, y = y, z = z }, Vector)
end

function Vector.__add(a, b) return vec(a.x + b.x, a.y + b.y, a.z + b.z) end
function Vector.__sub(a, b) return vec(a.x - b.x, a.y - b.y, a.z - b.z) end
function Vector.__unm(a) return vec(-a.x, -a.y, -a.z) end

-- Vector times number, or vector times vector by component.
function Vector.__mul(a, b)
  if type(b) == "number" then return vec(a.x * b, a.y * b, a.z * b) end
  return vec(a.x * b.x, a.y * b.y, a.z * b.z)
end

function Vector:dot(b) return self.x * b.x + self.y * b.y + self.z * b.z end
function Vector:length() return math.sqrt(self:dot(self)) end
function Vector:unit() return self * (1 / self:length()) end
function Vector:reflect(normal) return self - normal * (2 * self:dot(normal)) end

-- Things: `hit(origin, direction)` gives the distance or nil; `normal(point)`;
-- `colour(point)`; `shine` is the reflected share ------------------------------

local EPSILON = 1e-4

local function sphere(center, radius, colour, shine)
  local thing = { shine = shine }
  function thing.hit(origin, direction)
    local to = center - origin
    local b = to:dot(direction)
    local d = b * b - to:dot(to) + radius * radius
    if d < 0 then return nil end
    d = math.sqrt(d)
    if b - d > EPSILON then return b - d end
    if b + d > EPSILON then return b + d end
    return nil
  end
  function thing.normal(point) return (point - center) * (1 / radius) end
  function thing.colour() return colour end
  return thing
end

local function floor(height, one, other)
  local thing = { shine = 0.15 }
  local up = vec(0, 1, 0)
  function thing.hit(origin, direction)
    if direction.y > -EPSILON then return nil end
    local t = (height - origin.y) / direction.y
    if t > EPSILON then return t end
    return nil
  end
  function thing.normal() return up end
  function thing.colour(point)
    if (math.floor(point.x) + math.floor(point.z)) % 2 == 0 then return one end
    return other
  end
  return thing
end

local scene = {
  floor(-1, vec(0.9, 0.9, 0.9), vec(0.1, 0.1, 0.1)),
  sphere(vec(0, 0, 5), 1, vec(1, 0.2, 0.2), 0.3),
  sphere(vec(1.8, -0.3, 4), 0.7, vec(0.2, 1, 0.3), 0.2),
  sphere(vec(-1.9, 0.2, 4.5), 0.9, vec(0.3, 0.4, 1), 0.5),
  sphere(vec(0.3, -0.7, 3), 0.3, vec(1, 1, 0.2), 0.1),
}
local light = vec(-4, 6, -2)
local sky = vec(0.4, 0.6, 0.9)

local rays = 0

local function nearest(origin, direction)
  rays = rays + 1
  local best, thing
  for _, candidate in ipairs(scene) do
    local t = candidate.hit(origin, direction)
    if t and (not best or t < best) then best, thing = t, candidate end
  end
  return best, thing
end

local function trace(origin, direction, depth)
  local t, thing = nearest(origin, direction)
  if not t then return sky * (0.5 + 0.5 * math.max(0, direction.y)) end
  local point = origin + direction * t
  local normal = thing.normal(point)
  local to_light = light - point
  local distance = to_light:length()
  to_light = to_light * (1 / distance)
  local brightness = 0.1
  local lambert = normal:dot(to_light)
  if lambert > 0 then
    local blocked = nearest(point + normal * EPSILON, to_light)
    if not blocked or blocked > distance then brightness = brightness + 0.9 * lambert end
  end
  local colour = thing.colour(point) * brightness
  if depth > 0 and thing.shine > 0 then
    local mirrored = trace(point, direction:reflect(normal), depth - 1)
    colour = colour * (1 - thing.shine) + mirrored * thing.shine
  end
  return colour
end

local function level(v)
  return math.floor(math.min(1, math.max(0, v)) * 63 + 0.5)
end

local eye = vec(0, 0.3, -1)
local hash, bright = 0, 0
local picture = {}
for y = 1, size do
  local row = {}
  for x = 1, size do
    local direction = vec((x - 0.5) / size * 2 - 1, 1 - (y - 0.5) / size * 2, 1.5):unit()
    local colour = trace(eye, direction, 3)
    local grey = level(0.3 * colour.x + 0.59 * colour.y + 0.11 * colour.z)
    bright = bright + grey
    hash = (hash * 31 + level(colour.x) + 64 * level(colour.y) + 4096 * level(colour.z)) % 1000000007
    row[x] = grey
  end
  picture[y] = row
end

-- A small view of the picture, at most 24 by 24.
local step = math.max(1, math.floor(size / 24))
local SHADES = " .:-=+*#%@"
for y = 1, size, step do
  local line = {}
  for x = 1, size, step do
    local shade = math.floor(picture[y][x] * 9 / 63) + 1
    line[#line + 1] = SHADES:sub(shade, shade)
  end
  print(table.concat(line))
end
print(rays, bright, hash)
