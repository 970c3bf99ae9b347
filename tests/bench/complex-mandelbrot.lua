-- complex-mandelbrot: escape times over a grid with complex numbers as objects
-- whose operators are metamethods.
-- Stresses __add, __mul, __sub, __eq, __lt and short-lived objects.
-- Argument: the grid's width and height.

local n = tonumber((...)) or 340
local LIMIT = 40

local Complex = {}
Complex.__index = Complex

local function complex(re, im)
  return setmetatable({ re = re, im = im }, Complex)
end

function Complex.__add(a, b) return complex(a.re + b.re, a.im + b.im) end
function Complex.__sub(a, b) return complex(a.re - b.re, a.im - b.im) end
function Complex.__mul(a, b)
  return complex(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)
end
function Complex.__unm(a) return complex(-a.re, -a.im) end
function Complex.__eq(a, b) return a.re == b.re and a.im == b.im end
-- By modulus.
function Complex.__lt(a, b) return a:norm() < b:norm() end
function Complex:norm() return self.re * self.re + self.im * self.im end
function Complex.__tostring(a) return string.format("%.6f%+.6fi", a.re, a.im) end

local TWO = complex(2, 0)

local total, inside, hash = 0, 0, 0
local origin, step_x, step_y = complex(-1.5, -1), complex(2 / n, 0), complex(0, 2 / n)
local row = origin
for y = 1, n do
  local c = row
  for x = 1, n do
    local z = c
    local count = 0
    while count < LIMIT and z < TWO do
      z = z * z + c
      count = count + 1
    end
    if count == LIMIT then inside = inside + 1 end
    total = total + count
    hash = (hash * 41 + count) % 1000000007
    c = c + step_x
  end
  row = row + step_y
end
print(total, inside, hash)
print(tostring(complex(3, 4) * complex(3, -4)), tostring(-complex(0.5, 0.25) - complex(1, 1)))
print(complex(1, 2) == complex(1, 2), complex(1, 2) == complex(2, 1))
