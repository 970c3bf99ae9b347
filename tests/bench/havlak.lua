-- havlak: builds a large control-flow graph and finds its loops by Havlak's
-- algorithm (depth-first numbering, union-find, loop nesting forest).
-- Stresses many small objects, array growth, sets as tables and recursion.
-- Argument: number of times that the loops are searched.

local rounds = tonumber((...)) or 30

-- Control-flow graph ----------------------------------------------------------

local Block = {}
Block.__index = Block

local function new_graph()
  return { blocks = {}, count = 0 }
end

local function block(graph, id)
  local b = graph.blocks[id]
  if not b then
    b = setmetatable({ id = id, ins = {}, outs = {} }, Block)
    graph.blocks[id] = b
    graph.count = graph.count + 1
  end
  return b
end

local function edge(graph, from, to)
  local f, t = block(graph, from), block(graph, to)
  f.outs[#f.outs + 1] = t
  t.ins[#t.ins + 1] = f
end

-- Builders of shapes: each starts at a block and gives the last block.
local function diamond(graph, start)
  edge(graph, start, start + 1)
  edge(graph, start, start + 2)
  edge(graph, start + 1, start + 3)
  edge(graph, start + 2, start + 3)
  return start + 3
end

local function straight(graph, start, n)
  for i = 0, n - 1 do edge(graph, start + i, start + i + 1) end
  return start + n
end

local function base_loop(graph, from)
  local header = straight(graph, from, 1)
  local diamond1 = straight(graph, header, 1)
  local d1 = diamond(graph, diamond1)
  local diamond2 = straight(graph, d1, 1)
  local d2 = diamond(graph, diamond2)
  local footer = straight(graph, d2, 1)
  edge(graph, diamond2, d1)
  edge(graph, diamond1, header)
  edge(graph, footer, from)
  return straight(graph, footer, 1)
end

-- Union-find over depth-first numbers -------------------------------------------

local Node = {}
Node.__index = Node

local function new_node(b, number)
  local node = setmetatable({ block = b, number = number, loop = nil, parent = nil }, Node)
  node.parent = node
  return node
end

function Node:find()
  local path, node = {}, self
  while node ~= node.parent do
    if node.parent ~= node.parent.parent then path[#path + 1] = node end
    node = node.parent
  end
  for i = 1, #path do path[i].parent = node end
  return node
end

-- Loops -----------------------------------------------------------------------

local Loop = {}
Loop.__index = Loop

local function new_loop(forest, header, reducible)
  local loop = setmetatable({
    header = header, reducible = reducible, parent = nil,
    blocks = {}, children = {}, level = 0, id = #forest + 1,
  }, Loop)
  forest[#forest + 1] = loop
  return loop
end

function Loop:adopt(child)
  child.parent = self
  self.children[#self.children + 1] = child
end

function Loop:nesting()
  local deepest = 0
  for _, child in ipairs(self.children) do
    child.level = self.level + 1
    local depth = child:nesting()
    if depth > deepest then deepest = depth end
  end
  return deepest + 1
end

local function number_depth_first(b, nodes, numbers, last, current)
  current = current + 1
  nodes[current] = new_node(b, current)
  numbers[b] = current
  local final = current
  for _, target in ipairs(b.outs) do
    if not numbers[target] then
      final = number_depth_first(target, nodes, numbers, last, final)
    end
  end
  last[current] = final
  return final
end

local function find_loops(graph, start)
  local forest = {}
  local nodes, numbers, last = {}, {}, {}
  local size = number_depth_first(start, nodes, numbers, last, 0)

  local function is_ancestor(w, v) return w <= v and v <= last[w] end

  local back, other, kind = {}, {}, {}
  for w = 1, size do
    local backs, others = {}, {}
    for _, p in ipairs(nodes[w].block.ins) do
      local v = numbers[p]
      if v then
        if is_ancestor(w, v) then backs[#backs + 1] = v else others[v] = true end
      end
    end
    back[w], other[w], kind[w] = backs, others, "plain"
  end

  for w = size, 1, -1 do
    local body, seen = {}, {}
    for _, v in ipairs(back[w]) do
      if v ~= w then
        local root = nodes[v]:find()
        if not seen[root] then
          seen[root] = true
          body[#body + 1] = root
        end
      else
        kind[w] = "self"
      end
    end
    if #body > 0 then kind[w] = "reducible" end

    -- `body` doubles as the work list: it grows while it is walked.
    local at = 1
    while at <= #body do
      local x = body[at]
      at = at + 1
      local fresh = {}
      for y in pairs(other[x.number]) do
        local root = nodes[y]:find()
        if not is_ancestor(w, root.number) then
          kind[w] = "irreducible"
          other[w][root.number] = true
        elseif root.number ~= w and not seen[root] then
          seen[root] = true
          fresh[#fresh + 1] = root
        end
      end
      -- The order of `pairs` must not show.
      table.sort(fresh, function(p, q) return p.number < q.number end)
      for _, root in ipairs(fresh) do body[#body + 1] = root end
    end

    if #body > 0 or kind[w] == "self" then
      local loop = new_loop(forest, nodes[w].block, kind[w] ~= "irreducible")
      nodes[w].loop = loop
      for _, node in ipairs(body) do
        node.parent = nodes[w]
        if node.loop then
          loop:adopt(node.loop)
        else
          loop.blocks[#loop.blocks + 1] = node.block
        end
      end
    end
  end
  return forest
end

-- The program -----------------------------------------------------------------

local graph = new_graph()
block(graph, 0)
base_loop(graph, 0)
block(graph, 1)
edge(graph, 0, 2)

local n = 2
for _ = 1, 6 do
  edge(graph, 2, n + 1)
  n = n + 1
  for _ = 1, 20 do
    local top = n
    n = straight(graph, n, 1)
    for _ = 1, 5 do n = base_loop(graph, n) end
    local bottom = straight(graph, n, 1)
    edge(graph, n, top)
    n = bottom
  end
  edge(graph, n, 1)
end

local forest
for _ = 1, rounds do
  forest = find_loops(graph, graph.blocks[0])
end

local depth, reducible, blocks, roots, ids = 0, 0, 0, 0, 0
for _, loop in ipairs(forest) do
  if not loop.parent then
    roots = roots + 1
    local d = loop:nesting()
    if d > depth then depth = d end
  end
  if loop.reducible then reducible = reducible + 1 end
  blocks = blocks + #loop.blocks
  ids = (ids * 31 + loop.header.id) % 1000003
end
print("blocks " .. graph.count)
print("loops " .. #forest .. ", reducible " .. reducible .. ", outermost " .. roots)
print("deepest nesting " .. depth .. ", blocks in loops " .. blocks .. ", headers " .. ids)
