-- Every form of operation on every pair of edge values: results and errors, as checksums.
local zero = 0
local function object(name)
  local mt = {}
  for _, event in ipairs {"add", "sub", "mul", "div", "mod", "pow", "unm", "concat", "call"} do
    mt["__" .. event] = function(x, y) return name .. event .. type(x) .. type(y) end
  end
  mt.__eq = function() return true end
  mt.__lt = function(x, y) return type(x) == "table" and x.rank == 1 end
  mt.__le = function() return 0 end
  mt.__index = {x = name, m = function(self, b) return name, type(b) end, [1] = name .. 1}
  mt.__newindex = function(t, k, v) rawset(t, k == "x" and "y" or k, v) end
  mt.__len = function() return 77 end
  return mt
end
local shared = object("o")
local handler = {__index = function(t, k) return type(k) end, __newindex = function() end}

-- Made anew for each call, for operations may change them.
local values = {
  {"nil", function() return nil end},
  {"false", function() return false end},
  {"true", function() return true end},
  {"0", function() return 0 end},
  {"-0", function() return -zero end},
  {"1", function() return 1 end},
  {"-1", function() return -1 end},
  {"0.5", function() return 0.5 end},
  {"3.7", function() return 3.7 end},
  {"2^31", function() return 2 ^ 31 end},
  {"-2^31", function() return -2 ^ 31 end},
  {"2^53", function() return 2 ^ 53 end},
  {"inf", function() return 1 / zero end},
  {"-inf", function() return -1 / zero end},
  {"nan", function() return zero / zero end},
  {"'10'", function() return "10" end},
  {"' 0x10 '", function() return " 0x10 " end},
  {"'abc'", function() return "abc" end},
  {"''", function() return "" end},
  {"table", function() return {1, 2, 3, x = 4, m = type} end},
  {"hash", function() return {[2] = 1, [0.5] = 2, ["10"] = 3, abc = 4} end},
  {"object", function() return setmetatable({rank = 1}, shared) end},
  {"handler", function() return setmetatable({}, handler) end},
  {"function", function() return function(...) return select("#", ...), ... end end},
  {"native", function() return math.abs end},
}

local forms = {}
local function form(text) forms[#forms + 1] = text end
local constants = {"0", "1", "-1", "2", "0.5", "1e300", "'10'", "'abc'"}
for _, op in ipairs {"+", "-", "*", "/", "%", "^", ".."} do
  form("return a " .. op .. " b")
  form("local r = b " .. op .. " a a = r return a, r")
  for _, k in ipairs(constants) do
    form("return a " .. op .. " " .. k .. ", " .. k .. " " .. op .. " b")
  end
end
for _, op in ipairs {"==", "~=", "<", "<=", ">", ">="} do
  local sides = {{"a", "b"}}
  for _, k in ipairs(constants) do
    sides[#sides + 1] = {"a", k}
    sides[#sides + 1] = {k, "b"}
  end
  if op == "==" or op == "~=" then
    for _, k in ipairs {"nil", "true", "false"} do sides[#sides + 1] = {"a", k} end
  end
  for _, s in ipairs(sides) do
    local c = s[1] .. " " .. op .. " " .. s[2]
    form("local r if " .. c .. " then r = 1 else r = 2 end if not (" .. c .. ") then r = r + 4 end return r, " ..
      c .. ", not (" .. c .. ")")
    form("local n = 0 while " .. c .. " do n = n + 1 if n == 3 then break end end return n")
    form("local n = 0 repeat n = n + 1 if n == 3 then break end until " .. c .. " return n")
  end
end
for _, text in ipairs {
  "return -a, not b", "return #a", "return a and b, a or b, not a and b, (a or b) and a",
  "local n = 0 while a do n = n + 1 if n == 2 then a = b end if n > 4 then break end end return n",
  "local n = 0 repeat n = n + 1 if n > 3 then break end until a return n",
  "local n = 0 repeat n = n + 1 if n > 3 then break end until not b return n",
  "local c = a or b if c then return 1 end return 2", "local c c = a and b return c",
  "return a[b]", "return a.x, a.absent", "return a[1], a[2]", "return a[3]",
  "a[b] = 1 return a[b]", "a.x = b return a.x", "a.new = b return a.new, a.x", "a[1] = b return a[1]",
  "a[4] = b return a[4], a[3]", "a[b] = nil return a.x",
  "return a:m(b)", "return a.x:m(b)", "local r = a:m(b) return r",
  "return a(b)", "local r, s = a(b) return r, s", "return (a(b))", "return 1, a(b, b)",
  "local n = 0 for i = a, b do n = n + i if i ~= i or n > 1e9 or n < -1e9 then break end if i > a + 3 then break end end return n",
  "local n = 0 for i = 1, a, b do n = n + 1 if n == 4 then break end end return n",
  "local n = 0 for i = b, 1, -1 do n = n + 1 if n == 4 then break end end return n",
  "local n = 0 for k, v in a, b do n = n + 1 if n == 3 then break end end return n",
  "local n = 0 for k, v in pairs(a) do n = n + 1 end return n",
  "local n = 0 for i, v in ipairs(a) do n = n + i if n > 9 then break end end return n",
  "return {a, b, x = a}, #{a, b, 1}, ({a, b})[1], ({x = b}).x",
  "local function f() return a, b end return f()",
  "local function f() a = b b = 1 return a end return f(), a, b",
  "local function f(...) return select('#', ...), ... end return f(a, b, nil)",
  "local function f(...) local t = {...} return #t > 0 and t[1] end return f(a), f(b), f()",
  "local function f(...) local x, y, z = ... return z, y, x end return f(a, b)",
  "global = a local r = global global = nil return r, absent",
  "return a .. b .. a", "return 'x' .. a .. 1 .. b",
  "local x, y = a, b x, y = y, x return x, y", "local t = {} t.a, t.b = a, b return t.a, t.b",
  "return rawequal(a, b), type(a), tonumber(a), tostring(b) == tostring(b)",
  "return select('#', math.floor(a)), math.max(a, b)", "return string.len(a), string.sub(a, b)",
} do form(text) end

-- One operand is a number that was computed just before.
for _, op in ipairs {"+", "-", "*", "/", "%", "^"} do
  form("return (a - 0) " .. op .. " b, a " .. op .. " (b - 0)")
  form("return (a - 0) " .. op .. " 2, 2 " .. op .. " (b - 0), 0.5 " .. op .. " (a - 0), (b - 0) " .. op .. " -1")
end
for _, op in ipairs {"==", "~=", "<", "<=", ">", ">="} do
  for _, c in ipairs {"(a - 0) " .. op .. " b", "a " .. op .. " (b - 0)", "(a - 0) " .. op .. " 1", "1 " .. op .. " (b - 0)"} do
    form("local r if " .. c .. " then r = 1 else r = 2 end if not (" .. c .. ") then r = r + 4 end return r")
    form("local n = 0 repeat n = n + 1 if n == 3 then break end until " .. c .. " return n")
    form("local n = 0 repeat n = n + 1 if n == 3 then break end until not (" .. c .. ") return n")
  end
end
for _, text in ipairs {
  "local n = 0 repeat n = n + 1 if n > 3 then break end local c = not a until c return n",
  "local n = 0 repeat n = n + 1 if n > 3 then break end until not a return n",
  "local function f() a = a b = a return b end return f()",
  "return -(a - 0), #tostring(-(b - 0))", "return a[b - 0], b[a - 0]", "a[b - 0] = b return a[b - 0]",
  "local n = 0 for i = a - 0, b - 0 do n = n + 1 if n == 3 then break end end return n",
} do form(text) end

local function show(v)
  if v ~= v then return "nan" end
  if v == 0 and 1 / v < 0 then return "-0" end
  if type(v) == "number" then return string.format("%.14g", v) end
  if type(v) == "string" or type(v) == "boolean" or v == nil then return type(v) .. tostring(v) end
  return type(v)
end
local seen
local function note(text)
  for i = 1, #text do seen = (seen * 31 + text:byte(i)) % 4294967296 end
end
local function results(ok, ...)
  note(tostring(ok))
  for i = 1, select("#", ...) do note("|" .. show((select(i, ...)))) end
end

local only = arg and arg[1]
local function checksum(number, f, stride)
  seen = 0
  for i, left in ipairs(values) do
    for j = 1 + i % stride, #values, stride do
      local right = values[j]
      results(pcall(f, left[2](), right[2]()))
      if only == tostring(number) then print(left[1], right[1], seen, pcall(f, left[2](), right[2]())) end
    end
  end
  return seen
end
-- Registers with large numbers have other machine code.
local before = "local " .. ("_, "):rep(30) .. "_ "
for number, text in ipairs(forms) do
  local sum = checksum(number, assert(loadstring("local a, b = ... " .. text, "=f")), 1)
  local far = checksum(number, assert(loadstring(before .. "local a, b = ... " .. text, "=f")), 4)
  print(number, sum, far, text)
end
