-- A tokenizer and a Pratt parser for arithmetic with variables and functions;
-- evaluation by walking the tree and by closures.
local byte, sub = string.byte, string.sub
local function is_digit(b) return b and b >= 48 and b <= 57 end
local function is_letter(b) return b and (b >= 97 and b <= 122 or b >= 65 and b <= 90 or b == 95) end

local function tokens(text)
  local list, at = {}, 1
  while at <= #text do
    local b = byte(text, at)
    local start = at
    if b == 32 then
      at = at + 1
    elseif is_digit(b) then
      while is_digit(byte(text, at)) or byte(text, at) == 46 do at = at + 1 end
      list[#list + 1] = { kind = "number", value = tonumber(sub(text, start, at - 1)), at = start }
    elseif is_letter(b) then
      while is_letter(byte(text, at)) or is_digit(byte(text, at)) do at = at + 1 end
      list[#list + 1] = { kind = "name", value = sub(text, start, at - 1), at = start }
    else
      at = at + 1
      list[#list + 1] = { kind = sub(text, start, start), at = start }
    end
  end
  list[#list + 1] = { kind = "end", at = #text + 1 }
  return list
end

local POWER = { ["+"] = 10, ["-"] = 10, ["*"] = 20, ["/"] = 20, ["%"] = 20, ["^"] = 40 }
local RIGHT = { ["^"] = true }

local function parse(text)
  local list, at = tokens(text), 1
  local expression
  local function peek() return list[at].kind end
  local function take(kind)
    local t = list[at]
    if kind and t.kind ~= kind then
      error(string.format("column %d: '%s' expected, found '%s'", t.at, kind, t.kind), 0)
    end
    at = at + 1
    return t
  end
  local function primary()
    local t = take()
    if t.kind == "number" then return { op = "number", value = t.value } end
    if t.kind == "-" then return { op = "negate", expression(30) } end
    if t.kind == "(" then
      local e = expression(0)
      take ")"
      return e
    end
    if t.kind == "name" then
      if peek() ~= "(" then return { op = "name", value = t.value } end
      take "("
      local call = { op = "call", value = t.value }
      if peek() ~= ")" then
        call[1] = expression(0)
        while peek() == "," do
          take ","
          call[#call + 1] = expression(0)
        end
      end
      take ")"
      return call
    end
    error(string.format("column %d: unexpected '%s'", t.at, t.kind), 0)
  end
  function expression(limit)
    local left = primary()
    while true do
      local op = peek()
      local power = POWER[op]
      if not power or power <= limit then return left end
      take()
      left = { op = op, left, expression(RIGHT[op] and power - 1 or power) }
    end
  end
  local tree = expression(0)
  take "end"
  return tree
end

local function show(tree)
  if tree.op == "number" or tree.op == "name" then return tostring(tree.value) end
  local parts = { tree.op == "call" and tree.value or tree.op }
  for i, child in ipairs(tree) do parts[i + 1] = show(child) end
  return "(" .. table.concat(parts, " ") .. ")"
end

local BINARY = {
  ["+"] = function(a, b) return a + b end, ["-"] = function(a, b) return a - b end,
  ["*"] = function(a, b) return a * b end, ["/"] = function(a, b) return a / b end,
  ["%"] = function(a, b) return a % b end, ["^"] = function(a, b) return a ^ b end,
}

local function evaluate(tree, env)
  local op = tree.op
  if op == "number" then return tree.value end
  if op == "name" then return env[tree.value] or error("no variable " .. tree.value, 0) end
  if op == "negate" then return -evaluate(tree[1], env) end
  if op == "call" then
    local args = {}
    for i, child in ipairs(tree) do args[i] = evaluate(child, env) end
    local f = env[tree.value] or error("no function " .. tree.value, 0)
    return f(unpack(args))
  end
  return BINARY[op](evaluate(tree[1], env), evaluate(tree[2], env))
end

local function compile(tree)
  local op = tree.op
  if op == "number" then local v = tree.value return function() return v end end
  if op == "name" then
    local name = tree.value
    return function(env) return env[name] or error("no variable " .. name, 0) end
  end
  local compiled = {}
  for i, child in ipairs(tree) do compiled[i] = compile(child) end
  local a, b = compiled[1], compiled[2]
  if op == "negate" then return function(env) return -a(env) end end
  if op == "call" then
    local name = tree.value
    return function(env)
      local args = {}
      for i = 1, #compiled do args[i] = compiled[i](env) end
      return (env[name] or error("no function " .. name, 0))(unpack(args))
    end
  end
  local f = BINARY[op]
  return function(env) return f(a(env), b(env)) end
end

local env = { x = 3, y = 4, pi = 3.25, max = math.max, sqrt = math.sqrt, sum = function(...)
  local s = 0
  for i = 1, select("#", ...) do s = s + select(i, ...) end
  return s
end }
for _, text in ipairs {
  "1 + 2 * 3", "(1 + 2) * 3", "2 ^ 3 ^ 2", "-2 ^ 2", "10 - 4 - 3", "x * x + y * y", "sqrt(x * x + y * y)",
  "max(1, x, y, 2)", "sum()", "sum(1, 2, sum(3, 4))", "7 % 4 / 2", "1.5 * pi", "-(x - y) * -1",
  "1 +", "(1", "1 2", "f(1)", "z", "max(", "$",
} do
  local ok, tree = pcall(parse, text)
  if not ok then
    print(text, tree)
  else
    local ok1, a = pcall(evaluate, tree, env)
    local ok2, b = pcall(compile(tree), env)
    assert(ok1 == ok2 and a == b)
    print(text, show(tree), a)
  end
end
local f = compile(parse("x ^ 2 + 3 * x - sum(x, 1)"))
local total = 0
for i = 1, 300 do
  env.x = i
  total = total + f(env)
end
print(total)
