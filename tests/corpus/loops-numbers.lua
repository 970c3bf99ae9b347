-- Innermost loops over a few numbers, made at random: what computes them, in which order,
-- and what they are at the beginning. Results and errors, as checksums.
local state = 42
local function random(n)
  state = (state * 16807) % 2147483647
  return state % n + 1
end
local function pick(list) return list[random(#list)] end

local names = {"a", "b", "c", "d", "e", "f"}
local ops = {"+", "-", "*", "/", "%"}
local comparisons = {"<", "<=", ">", ">="}
local function operand()
  local r = random(8)
  if r <= 5 then return pick(names) end
  if r == 6 then return pick {"1", "0.5", "3", "-2", "i", "i"} end
  return "(" .. pick(names) .. " " .. pick(ops) .. " " .. pick(names) .. ")"
end
local function value()
  local r = random(12)
  if r <= 8 then return operand() .. " " .. pick(ops) .. " " .. operand() end
  if r == 9 then
    local x = pick(names)
    return x .. " " .. pick(ops) .. " " .. x
  end
  if r == 10 then return pick {"t[i]", "t[1]", "up", "cell", "-" .. pick(names), "#t", "7"} end
  return "(" .. operand() .. " " .. pick(ops) .. " " .. operand() .. ") " .. pick(ops) .. " " .. operand()
end
local function condition()
  local c = operand() .. " " .. pick(comparisons) .. " " .. operand()
  return random(2) == 1 and c or "not (" .. c .. ")"
end
local function statement()
  local r = random(10)
  if r <= 7 then return pick(names) .. " = " .. value() end
  if r == 8 then return "if " .. condition() .. " then " .. pick(names) .. " = " .. value() .. " end" end
  if r == 9 then return "t[i % 4 + 1] = " .. pick(names) end
  return pick {"cell = ", "s = s + "} .. pick(names)
end

local heads = {"for i = 1, 12 do\n", "for i = 1, 12 do\n", "for i = 12, 1, -1 do\n", "for i = a, 12, e do\n"}
local function loop(far)
  local text = {"local t, up, cell = ...\nlocal function note(x) cell = x return cell end\n"}
  -- In a function of its own, `cell` is one that it has captured.
  local inner = random(2) == 1
  if inner then text[#text + 1] = "local function run()\n" end
  if far then text[#text + 1] = "local " .. ("_, "):rep(20) .. "_\n" end
  text[#text + 1] = "local s, a, b, c, d, e, f = 0, up, cell, 2, 1.5, 0.25, -3\n"
  local kind = random(3)
  local last = kind == 3 and "until i > 12 or " .. condition() or "end"
  text[#text + 1] = "local i = 0\n"
  text[#text + 1] = kind == 1 and pick(heads) or kind == 2 and "while i < 12 do i = i + 1\n" or "repeat i = i + 1\n"
  for _ = 1, random(9) do text[#text + 1] = statement() .. "\n" end
  -- All six come from elsewhere once in a while.
  if random(far and 2 or 6) == 1 then
    for _, name in ipairs(names) do text[#text + 1] = name .. " = t[i % 3 + 1] " .. name .. " = " .. name .. " * 2\n" end
  end
  if random(8) == 1 then text[#text + 1] = "note(" .. pick(names) .. ")\n" end
  text[#text + 1] = last .. "\nreturn s, a, b, c, d, e, f, cell, t[1], t[2], t[3], t[4]"
  if inner then text[#text + 1] = "\nend\nreturn run()" end
  return table.concat(text)
end

local seen
local function note(v)
  local s
  if v ~= v then s = "nan"
  elseif type(v) == "number" then s = v == 0 and 1 / v < 0 and "-0" or string.format("%.10g", v)
  elseif type(v) == "table" then s = "table"
  else s = tostring(v) end
  for i = 1, #s do seen = (seen * 31 + s:byte(i)) % 4294967296 end
end
local function results(...)
  for i = 1, select("#", ...) do note((select(i, ...))) end
end

local object = setmetatable({}, {
  __add = function() return 5 end, __sub = function(x) return x end, __mul = function() return "6" end,
  __lt = function() return true end, __le = function() return false end,
})
local inputs = {
  {3, 4}, {0.1, 1e300}, {-7, 0}, {0 / 0, 1}, {"10", 2}, {1, object}, {object, "0x10"}, {1e15, -1e15}, {2, nil},
}
for number = 1, 800 do
  seen = 0
  local text = loop(number % 3 == 0)
  local f = assert(loadstring(text, "=loop"))
  for _ = 1, 2 do
    for _, input in ipairs(inputs) do
      results(pcall(f, {input[1], 2, 3.5, 4}, input[1], input[2]))
    end
  end
  if arg and arg[1] == tostring(number) then print(text) end
  print(number, seen)
end
