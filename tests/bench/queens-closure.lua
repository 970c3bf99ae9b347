-- queens-closure: the n-queens problem in a functional style: boards are
-- immutable lists, tests and continuations are closures.
-- Stresses closures in inner loops, folds and short-lived cells.
-- Argument: n.

local n = tonumber((...)) or 11

local function cons(head, tail) return { head = head, tail = tail } end

local function fold(list, value, f)
  while list do
    value = f(value, list.head)
    list = list.tail
  end
  return value
end

local function all(list, predicate)
  while list do
    if not predicate(list.head) then return false end
    list = list.tail
  end
  return true
end

local function range(from, to)
  local list
  for i = to, from, -1 do list = cons(i, list) end
  return list
end

-- A function that tells whether a queen is safe from one at (row, column).
local function safe_from(row, column)
  return function(queen)
    local r, c = queen.row, queen.column
    return c ~= column and r - c ~= row - column and r + c ~= row + column
  end
end

local tests = 0

local function solve(n, on_solution)
  local columns = range(1, n)
  local function place(row, board)
    if row > n then return on_solution(board) end
    return fold(columns, 0, function(sum, column)
      tests = tests + 1
      if all(board, safe_from(row, column)) then
        return sum + place(row + 1, cons({ row = row, column = column }, board))
      end
      return sum
    end)
  end
  return place(1, nil)
end

local first
local count = solve(n, function(board)
  first = first or board
  return 1
end)
print(n .. " queens: " .. count .. " solutions, " .. tests .. " tests")
if first then
  print("first: " .. fold(first, "", function(text, queen)
    return queen.column .. (text == "" and "" or " ") .. text
  end))
end
