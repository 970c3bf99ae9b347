-- Operator precedence and associativity.
print(1 + 2 * 3, (1 + 2) * 3, 2 * 3 + 1, 10 - 4 - 3, 10 - (4 - 3), 100 / 10 / 2, 2 ^ 2 ^ 3)
print(-2 ^ 2, (-2) ^ 2, 2 ^ -1, -2 * -3, - - 2, 2 - -2, 2 * -3 ^ 2)
print(5 % 3 * 2, 5 * 3 % 4, 7 % 4 % 2, -5 % 3, -(5 % 3), -5 ^ 2 % 7)
print(1 .. 2 .. 3, "a" .. "b" == "ab", 1 + 1 .. 2 + 2, "x" .. 2 * 3)
print(not 1 == 2, not (1 == 2), not nil == true, -1 < 0, not true and false, not (true and false))
print(1 < 2 == true, "a" < "b" == not false, 1 + 1 == 2 and 2 + 2 == 4 or false)
print(#"abc" + 1, -#"abc", #"ab" .. "c", not #"" == 0, 2 ^ #"abc")
print(1 or 2 and 3, (1 or 2) and 3, nil and 1 or 2, false or nil and 1, 1 and 2 or nil and 3)
print(3 > 2 and 2 > 1, 3 > 2 ~= (1 > 2), 1 + 2 < 4 and 4 - 1 >= 3)
print(2 * 3 == 6, 2 .. 3 == "23", -3 ^ 2 == -9, 2 ^ 3 * 2 == 16)
local t = { f = function() return { g = function() return { 7, 8 } end } end, n = 4 }
print(t.f().g()[2] + 1, -t.n ^ 2, #t.f().g(), (t.n), ((t)).n)
local function two() return 1, 2 end
print((two()), two(), two())
print(two() + 10, -two(), two() .. "x", not two())
local s = "abc"
print(s:upper() .. s:len() + 1, #s:rep(3), -s:len(), ("x"):rep(3) .. "y", ("%d"):format(3))
print(#{ 1, 2, 3 } * 2, #{ n = 1 }, #{ two() }, #{ two(), two() }, #{ (two()) })
