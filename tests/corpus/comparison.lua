-- Equality and order of all types, and the errors of mixed comparison.
print(1 == 1, 1 == 2, "a" == "a", "a" == "b", true == true, true == false, nil == nil, nil == false)
print(1 ~= 1, 1 ~= 2, "a" ~= "a", nil ~= false, {} == {}, print == print)
print(1 < 2, 2 < 1, 1 <= 1, 1 >= 2, 2 > 1, 1 > 1)
print("a" < "b", "a" < "B", "a" < "aa", "" < "a", "Z" < "a", "10" < "9", "a" <= "a", "b" >= "a")
print("a\0b" < "a\0c", "a\0b" == "a\0b", "a\0" > "a", "a\0b" == "a", #"a\0b")
print("\200" > "a", "\255" > "\254")

local t, f = {}, function() end
print(t == t, t ~= {}, f == f, f == function() end, t == f)

local values = { 1, "x", true, nil, {}, print }
local names = { "number", "string", "boolean", "nil", "table", "function" }
for i = 1, 6 do
  for j = 1, 6 do
    local a, b = values[i], values[j]
    local ok1, e1 = pcall(function() return a < b end)
    local ok2, e2 = pcall(function() return a >= b end)
    print(names[i], names[j], a == b, ok1, e1, ok2, e2)
  end
end

-- Comparisons as values and as conditions, with constants on either side.
local x, y = 3, 4
local r = x < y
print(r, not r, x < y and "yes" or "no", (x > y) == false)
print(x < 4, 4 < x, x <= 3, 3 <= x, x == 3, 3 == x, x ~= 3, 3 ~= x)
if x < y and not (x == y) then print("and") end
if x > y or x == 3 then print("or") end
local s = "abc"
print(s == "abc", "abc" == s, s ~= "abd", s == 3, s == nil, nil == s, s == true)
local u
print(u == nil, u ~= nil, u == false, not u == true)
local k = 5
while k > 0 do k = k - 2 end
print(k)

-- Strings of all lengths that differ at each place, or in length only; as conditions of loops.
do
  local less, equal, wrong = 0, 0, 0
  for n = 0, 20 do
    for at = 0, n do
      local a = ("k"):rep(n)
      local b = a:sub(1, at) .. string.char(at * 12) .. ("z"):rep(20 - at)
      if a < b then less = less + 1 end
      if a <= b and b <= a then equal = equal + 1 end
      if (a < b) ~= not (b <= a) or (a <= b) == (b < a) or (a > b) ~= (b < a) then wrong = wrong + 1 end
    end
  end
  print(less, equal, wrong)
  local s, turns = "", 0
  while s < "mmmmmmmmmm" do s = s .. "m" turns = turns + 1 end
  repeat s = s:sub(2) turns = turns + 1 until s <= "mmm"
  while not (s >= "mmmmmmmmm\0") do s = s .. "m" turns = turns + 1 end
  print(#s, turns, "mmmmmmmm" < "mmmmmmmm\0", "mmmmmmmm\0" <= "mmmmmmmm", "\128234567" < "\1272345678")
end
