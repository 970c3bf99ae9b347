-- Indices that compiled code knows to have no fraction, and others that look like them.

local t = {}
for i = 1, 40 do t[i] = i * 10 end
t[1.5] = "one and a half"
t[2.5] = "two and a half"
t[0] = "zero"
t[-1] = "minus one"
t[2 ^ 31] = "large"
t[2 ^ 31 + 1] = "larger"
t[1 / 0] = "infinite"

local function join(from, to, step)
  local out = {}
  for i = from, to, step do out[#out + 1] = tostring(t[i]) end
  return table.concat(out, " ")
end
local function run()
  local out = {}
  local function add(x) out[#out + 1] = tostring(x) end
  -- Whole and not, by constants.
  for i = 1, 5 do add(t[i]) end
  for i = 5, 1, -1 do add(t[i]) end
  for i = 1, 3, 0.5 do add(t[i]) end
  for i = 0.5, 3 do add(t[i]) end
  for i = -2, 2 do add(t[i]) end
  for i = 2147483646, 2147483650 do add(t[i]) end
  for i = 9007199254740989, 9007199254740991 do add(t[i]) end
  for i = "1", 3 do add(t[i]) end
  for i = 1, "3", "1" do add(t[i]) end
  -- Sums and products of them.
  for i = 1, 4 do
    add(t[i + 1]); add(t[i - 3]); add(t[i * 2]); add(t[3 - i]); add(t[i + 0.5]); add(t[i * 0.5])
    for j = i, 3 do add(t[i + j]); add(t[i * j]); add(t[j - i]); add(t[j / i]) end
    for j = i / 2, 3 do add(t[j]) end
  end
  -- Variables that are assigned.
  for i = 1, 4 do
    add(t[i])
    i = i + 0.5
    add(t[i])
  end
  for i = 1, 3 do
    if i == 2 then i = "2" end
    add(t[i])
    if i == 3 then i = 1.5 end
    add(t[i])
  end
  for i = 1, 3 do
    local function change() i = i + 0.5 end
    add(t[i])
    change()
    add(t[i])
  end
  -- Joins of ways.
  for n = 1, 4 do
    local k = 1
    if n % 2 == 0 then k = 1.5 end
    add(t[k])
    k = k + 1
    add(t[k])
    while k < 4 do
      k = k + 0.5
      add(t[k])
    end
  end
  -- Values beyond all indices.
  local k = 1
  for i = 1, 1100 do k = k * 2; if i > 30 and i < 33 or i > 1098 then add(t[k]) end end
  -- Stores.
  local s = {}
  for i = 1, 4 do s[i] = i; s[i + 0.5] = -i; s[i * 2] = i * 2; s[0 - i] = i end
  for i = 1, 8 do add(s[i]); add(s[i + 0.5]); add(s[-i]) end
  -- Loops in one another, more than anybody writes.
  local sum = 0
  for a = 1, 2 do for b = a, 2 do for c = b, 2 do for d = c, 2 do for e = d, 2 do
  for f = e, 2 do for g = f, 2 do for h = g, 2 do for i = h, 2 do for j = i, 2.5 do
    sum = sum + t[a] + t[b] * 2 + t[c] + t[d] + t[e] + t[f] + t[g] + t[h] + t[i] + t[j]
    j = j + 0.5
    add(t[j])
  end end end end end end end end end end
  add(sum)
  return table.concat(out, " ")
end
local first = run()
print(first)
for n = 1, 60 do assert(run() == first) end
print(join(1, 5, 1), join(1, 3, 0.5), join(3, 1, -1))

-- What isn't a table, or has no such item.
local P = setmetatable({}, { __index = function(_, k) return "at " .. k end })
local function others(x)
  local out = {}
  for i = 1, 3 do out[i] = tostring(x[i]) end
  return table.concat(out, " ")
end
for n = 1, 100 do others(t) end
print(others(t), others(P), others("text"))
print(pcall(others, nil))
print(pcall(others, 5))

-- The debugger makes an index one with a fraction.
local function changed(n, when)
  local out = {}
  for i = 1, n do
    if i == when then
      for index = 1, 20 do
        if debug.getlocal(1, index) == "i" then debug.setlocal(1, index, 1.5) end
      end
    end
    out[#out + 1] = tostring(t[i])
  end
  return table.concat(out, " ")
end
for n = 1, 100 do changed(3, 0) end
print(changed(4, 2))
print(changed(4, 3))
