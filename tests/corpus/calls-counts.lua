-- Calls with more and fewer arguments than there are parameters, their number known or open.

local function none() local a, b return a, b end
local function one(x) local a return x, a end
local function two(x, y) local a, b, c return x, y, a, b, c end
local function any(...) return select("#", ...), ... end
local function rest(x, ...) return x, select("#", ...), ... end
local function many()
  -- More registers than fit in a small frame.
  local a, b, c, d, e, f, g, h, i, j, k, l = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
  local m, n, o, p, q, r, s, t, u, v, w, x = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
  local y, z, aa, ab, ac, ad, ae, af, ag, ah, ai, aj
  return a + b + c + d + e + f + g + h + i + j + k + l, m + n + o + p + q + r + s + t + u + v + w + x,
    y, z, aa, ab, ac, ad, ae, af, ag, ah, ai, aj
end
local functions = { none, one, two, any, rest, many }

local function show(...)
  local t = { n = select("#", ...), ... }
  for i = 1, t.n do t[i] = tostring(t[i]) end
  return t.n .. ": " .. table.concat(t, " ")
end

-- Counts that the instruction has.
local function fixed(f)
  local a = show(f())
  local b = show(f(1))
  local c = show(f(1, 2))
  local d = show(f(1, 2, 3))
  local e = show(f(1, 2, 3, 4, 5, 6, 7, 8))
  return a, b, c, d, e
end

-- Counts that are known at run time only.
local values = {}
for i = 1, 300 do values[i] = i end
local function open(f, n)
  return show(f(unpack(values, 1, n)))
end

-- The same as tail calls.
local function tail(f, n)
  local function call(g, ...) return g(...) end
  return show(call(f, unpack(values, 1, n)))
end
local function tail_fixed(f)
  local function call() return f(1, 2, 3, 4) end
  return show(call())
end

-- Far from the frame's base.
local function far(f)
  local a, b, c, d, e, g, h, i, j, k, l, m, n, o, p, q, r, s = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18
  local t = show(f(unpack(values, a, c)))
  if t == "" then return a, b, c, d, e, g, h, i, j, k, l, m, n, o, p, q, r, s end
  return f(t, unpack(values, s, s + 3))
end

-- Arguments that a call gives.
local function pair(x) return x, x + 1 end
local function nested(f) return show(f(pair(7))), show(f(1, pair(7))), show(f(one(f(pair(1))))) end

local out = {}
for round = 1, 60 do
  for i, f in ipairs(functions) do
    out[#out + 1] = table.concat({ fixed(f) }, "; ")
    for n = 0, 12, 3 do
      out[#out + 1] = open(f, n)
      out[#out + 1] = tail(f, n)
    end
    -- More than a byte holds.
    local large = open(f, 250 + i) .. tail(f, 262 - i)
    out[#out + 1] = #large .. " " .. large:sub(-20)
    out[#out + 1] = tail_fixed(f)
    out[#out + 1] = show(far(f))
    out[#out + 1] = table.concat({ nested(f) }, "; ")
  end
  if round == 1 or round == 60 then print(table.concat(out, "\n")) end
  if round > 1 then assert(table.concat(out, "\n") == first, "round " .. round) end
  first, out = table.concat(out, "\n"), {}
end

-- Deep: open calls where the stack has to grow, and until it can't.
local function count(n, ...)
  if n == 0 then return select("#", ...), ... end
  return (count(n - 1, ...)), 1
end
print(count(3000, 1, 2, 3))
local function forever(x) return x + forever(one(x)) end
print((pcall(forever, 1)))
local function swap(n, a, b)
  if n == 0 then return a, b end
  return swap(n - 1, b, a)
end
print(swap(100001, "a", "b"))
local function drop(n, a) if n == 0 then return a end return drop(n - 1, pair(a)) end
print(drop(1000, 5))
