-- binary-trees: builds and walks perfect binary trees of many depths.
-- Stresses allocation, the collector and recursive calls.
-- Argument: the greatest depth.

local max_depth = math.max(6, tonumber((...)) or 15)
local MIN_DEPTH = 4

local function bottom_up(depth)
  if depth > 0 then
    depth = depth - 1
    local left, right = bottom_up(depth), bottom_up(depth)
    return { left, right }
  end
  return {}
end

local function check(tree)
  if tree[1] then
    return 1 + check(tree[1]) + check(tree[2])
  end
  return 1
end

do
  local stretch = max_depth + 1
  print(string.format("stretch tree of depth %d\t check: %d", stretch, check(bottom_up(stretch))))
end

local long_lived = bottom_up(max_depth)

for depth = MIN_DEPTH, max_depth, 2 do
  local iterations = 2 ^ (max_depth - depth + MIN_DEPTH)
  local sum = 0
  for _ = 1, iterations do
    sum = sum + check(bottom_up(depth))
  end
  print(string.format("%d\t trees of depth %d\t check: %d", iterations, depth, sum))
end

print(string.format("long lived tree of depth %d\t check: %d", max_depth, check(long_lived)))
