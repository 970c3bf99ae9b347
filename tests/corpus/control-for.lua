-- Numeric for: steps of either sign, fractions, limits, changes of the
-- variable, huge ranges, errors of the three values.
local function run(a, b, c)
  local out = {}
  for i = a, b, c or 1 do
    out[#out + 1] = i
    if #out > 12 then
      out[#out + 1] = "..."
      break
    end
  end
  print(tostring(a) .. ".." .. tostring(b) .. " by " .. tostring(c) .. ":", table.concat(out, " "))
end
run(1, 5) run(5, 1) run(1, 1) run(1, 0) run(-2, 2)
run(5, 1, -1) run(1, 5, -1) run(10, 0, -3) run(1, 10, 4)
run(0, 1, 0.25) run(1, 0, -0.25) run(0.5, 3.5) run(1, 2, 0.3) run(1, 3.9) run(1.5, 1.5)
run(1, math.huge, 100) run(-1, -math.huge, -1000) run(math.huge, 1) run(1, -math.huge)
run(2 ^ 53 - 2, 2 ^ 53 - 1) run(1e15, 1e15 + 3) run(2147483645, 2147483649) run(-2147483649, -2147483646)
run("1", "3") run("3", "1", "-1") run(1, "2.5", "0.5")
run(0, 0) run(3, 1, 1)

local n = 0
for i = 0, 1, 0.1 do n = n + 1 end
print(n)
n = 0
for i = 1, 3 do
  for j = i, 3 do
    for k = j, 3 do n = n + i * 100 + j * 10 + k end
  end
end
print(n)

-- The limits are evaluated once, before the loop; the variable is a copy.
local limit, log = 3, {}
local function value(name, v) log[#log + 1] = name return v end
for i = value("start", 1), value("limit", limit), value("step", 1) do
  limit = 10
  log[#log + 1] = i
  i = i * 10
  log[#log + 1] = i
end
print(table.concat(log, " "))
local i = "outer"
for i = 1, 2 do end
print(i)

-- A step of 0 counts as not positive: it loops while start >= limit, for ever.
n = 0
for i = 1, 0, 0 do n = n + 1 if n > 5 then break end end
print(n)
for i = 0, 1, 0 do n = n + 1 end
print(n)

-- Errors.
local function try(a, b, c)
  print(pcall(function() for i = a, b, c do return i end end))
end
try("x", 1, 1) try(1, "x", 1) try(1, 1, "x") try(nil, 1, 1) try(1, nil, 1) try(1, 2, nil) try({}, 1, 1) try(1, true, 1)

-- Sums over long loops.
local s = 0
for i = 1, 100000 do s = s + i end
print(s)
s = 0
for i = 100000, 1, -1 do s = s - i end
print(s)
s = 0
for i = 1, 1000 do
  if i % 2 == 0 then s = s + 1 end
  if i == 500 then break end
end
print(s)
local function find(list, v)
  for i = 1, #list do
    if list[i] == v then return i end
  end
  return nil, "absent"
end
print(find({ 5, 6, 7 }, 6), find({ 5, 6, 7 }, 8))

-- The first index is what is left after the step was subtracted and added again.
for i = 1e-20, 1, 1 do print(i) end
for i = 0.1, 1, 0.3 do print(i) end
for i = 2 ^ 53, 2 ^ 53 + 3 do print(i) if i >= 2 ^ 53 then break end end
for i = 1, 3, 1 / 0 do print(i) end
for i = 1, -1, -1 / 0 do print(i) end
for i = 1 / 0, 1, -1 do print(i) break end
n = 0
for i = 1, 3, 1e17 do n = n + 1 end
for i = -1, -3, -1e17 do n = n + 1 end
for i = 5, 1e17, 1e17 do n = n + 1 end
for i = "1e-20", "1", "1" do n = n + i end
print(n)
