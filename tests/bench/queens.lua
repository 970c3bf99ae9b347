-- queens: counts the solutions of the n-queens problem by backtracking, once
-- by recursion and once with an explicit stack.
-- Stresses recursion, while loops and tables of booleans and numbers.
-- Argument: n.

local n = tonumber((...)) or 12

local tried = 0

local function by_recursion(n)
  local column, up, down = {}, {}, {}
  for i = 1, 2 * n do
    column[i], up[i], down[i] = false, false, false
  end
  local function place(row)
    if row > n then return 1 end
    local found = 0
    for c = 1, n do
      tried = tried + 1
      local u, d = row + c - 1, row - c + n
      if not (column[c] or up[u] or down[d]) then
        column[c], up[u], down[d] = true, true, true
        found = found + place(row + 1)
        column[c], up[u], down[d] = false, false, false
      end
    end
    return found
  end
  return place(1)
end

-- `queen[row]` is the column of the queen in that row, 0 if there is none yet.
local function by_stack(n)
  local queen, column, up, down = {}, {}, {}, {}
  for i = 1, n do queen[i], column[i] = 0, false end
  for i = 1, 2 * n do up[i], down[i] = false, false end
  local found, row = 0, 1
  while row > 0 do
    local c = queen[row]
    if c > 0 then
      column[c], up[row + c - 1], down[row - c + n] = false, false, false
    end
    c = c + 1
    while c <= n and (column[c] or up[row + c - 1] or down[row - c + n]) do c = c + 1 end
    if c > n then
      queen[row] = 0
      row = row - 1
    elseif row == n then
      found = found + 1
      queen[row] = 0
      row = row - 1
    else
      queen[row] = c
      column[c], up[row + c - 1], down[row - c + n] = true, true, true
      row = row + 1
    end
  end
  return found
end

local found = by_recursion(n)
print(n .. " queens: " .. found .. " solutions, " .. tried .. " squares tried")
assert(by_stack(n) == found, "the two searches differ")
