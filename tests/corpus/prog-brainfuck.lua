-- A Brainfuck interpreter: parse to a tree, compile to closures, and run by a
-- loop over instructions; all three must agree.
local HELLO = "++++++++[>++++[>++>+++>+++>+<<<<-]>+>+>->>+[<]<-]>>.>---.+++++++..+++.>>.<-.<.+++.------.--------.>>+.>++."
local ALPHABET = ("+"):rep(26) .. ">" .. ("+"):rep(65) .. "<[>.+<-]"
-- Cells: rows left, '*', line end, length of the row, a copy of it.
local TRIANGLE = ("+"):rep(6) .. ">" .. ("+"):rep(42) .. ">" .. ("+"):rep(10) .. "<<[>>>+[<<.>>>+<-]>[<+>-]<<.<<-]"

local function by_loop(code)
  local out, tape, at, ip = {}, {}, 0, 1
  local jump, stack = {}, {}
  for i = 1, #code do
    local c = code:sub(i, i)
    if c == "[" then
      stack[#stack + 1] = i
    elseif c == "]" then
      local open = table.remove(stack) or error("unbalanced", 0)
      jump[open], jump[i] = i, open
    end
  end
  if #stack > 0 then error("unbalanced", 0) end
  local steps = 0
  while ip <= #code do
    local c = code:byte(ip)
    steps = steps + 1
    if c == 43 then tape[at] = ((tape[at] or 0) + 1) % 256
    elseif c == 45 then tape[at] = ((tape[at] or 0) - 1) % 256
    elseif c == 62 then at = at + 1
    elseif c == 60 then at = at - 1
    elseif c == 46 then out[#out + 1] = string.char(tape[at] or 0)
    elseif c == 91 then if (tape[at] or 0) == 0 then ip = jump[ip] end
    elseif c == 93 then if (tape[at] or 0) ~= 0 then ip = jump[ip] end
    end
    ip = ip + 1
  end
  return table.concat(out), steps
end

-- The tree: runs of + and < become one node.
local function parse(code)
  local at = 1
  local function block(top)
    local nodes = {}
    while at <= #code do
      local c = code:sub(at, at)
      at = at + 1
      local last = nodes[#nodes]
      if c == "+" or c == "-" then
        local by = c == "+" and 1 or -1
        if last and last.op == "add" then last.by = last.by + by else nodes[#nodes + 1] = { op = "add", by = by } end
      elseif c == ">" or c == "<" then
        local by = c == ">" and 1 or -1
        if last and last.op == "move" then last.by = last.by + by else nodes[#nodes + 1] = { op = "move", by = by } end
      elseif c == "." then
        nodes[#nodes + 1] = { op = "put" }
      elseif c == "[" then
        nodes[#nodes + 1] = { op = "loop", body = block(false) }
      elseif c == "]" then
        if top then error("unbalanced", 0) end
        return nodes
      end
    end
    if not top then error("unbalanced", 0) end
    return nodes
  end
  return block(true)
end

local run = {}
local function execute(nodes, m)
  for i = 1, #nodes do
    local n = nodes[i]
    run[n.op](n, m)
  end
end
function run.add(n, m) m[m.at] = ((m[m.at] or 0) + n.by) % 256 end
function run.move(n, m) m.at = m.at + n.by end
function run.put(n, m) m.out[#m.out + 1] = string.char(m[m.at] or 0) end
function run.loop(n, m) while (m[m.at] or 0) ~= 0 do execute(n.body, m) end end

local function by_tree(code)
  local m = { at = 0, out = {} }
  execute(parse(code), m)
  return table.concat(m.out)
end

local function by_closures(code)
  local tape, at, out = setmetatable({}, { __index = function() return 0 end }), 0, {}
  local function compile(nodes, i, after)
    local n = nodes[i]
    if not n then return after end
    local rest = compile(nodes, i + 1, after)
    local by = n.by
    if n.op == "add" then return function() tape[at] = (tape[at] + by) % 256 return rest() end end
    if n.op == "move" then return function() at = at + by return rest() end end
    if n.op == "put" then return function() out[#out + 1] = string.char(tape[at]) return rest() end end
    local body
    local function test()
      if tape[at] == 0 then return rest() end
      return body()
    end
    body = compile(n.body, 1, test)
    return test
  end
  compile(parse(code), 1, function() end)()
  return table.concat(out)
end

for _, code in ipairs { HELLO, ALPHABET, TRIANGLE, "+++[->++<]>[-<+>]<" .. ("+"):rep(60) .. "." } do
  local out, steps = by_loop(code)
  assert(out == by_tree(code) and out == by_closures(code))
  print(steps, #out)
  io.write(out, "\n")
end
for _, bad in ipairs { "[", "]", "+[[-]", "[]]" } do
  print(bad, pcall(by_loop, bad))
  print(bad, pcall(by_tree, bad))
end
