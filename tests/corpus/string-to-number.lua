-- Coercion of strings to numbers in arithmetic, and of numbers to strings.
print("10" + 1, "10" - 1, "3" * "4", "7" / 2, "7" % "4", "2" ^ "3", -"2", -"-2")
print("0x10" + 0, " 10 " + 0, "1e1" + 0, ".5" + 0, "5." + 0, "\t7\n" + 0, "-0x10" + 0)
print(10 .. "", 1.5 .. "|" .. -2, 1 .. 2, "a" .. 1 + 2 .. "b")

local function try(f, ...)
  local ok, e = pcall(f, ...)
  print(ok, e)
end
try(function() return "abc" + 1 end)
try(function() return "" + 1 end)
try(function() return " " * 1 end)
try(function() return "1 2" + 1 end)
try(function() return "1e" + 1 end)
try(function() return "0x" + 1 end)
try(function() return 1 + "2x" end)
try(function() return -"x" end)
try(function() return {} + "1" end)

-- No coercion in comparisons or as keys.
print("10" == 10, 10 == "10", "1" ~= 1)
local t = { [1] = "number", ["1"] = "string" }
print(t[1], t["1"], t["1" + 0], t[1 .. ""])
try(function() return 1 < "2" end)
try(function() return "1" <= 2 end)

-- tonumber.
print(tonumber("10"), tonumber("  12  "), tonumber("1e3"), tonumber("0x1F"), tonumber(""), tonumber(" "))
print(tonumber("abc"), tonumber("12a"), tonumber("1 2"), tonumber("--1"), tonumber("- 1"), tonumber("+5"))
print(tonumber("1."), tonumber(".1"), tonumber("."), tonumber("e1"), tonumber("1e+2"), tonumber("1e-2"))
print(tonumber(nil), tonumber(true), tonumber({}), tonumber(12), tonumber(1.5))
print(tonumber("ff", 16), tonumber("FF", 16), tonumber("zz", 36), tonumber("777", 8), tonumber("1010", 2))
print(tonumber("8", 8), tonumber("12", 2), tonumber("g", 16), tonumber("", 16), tonumber(" 11 ", 2))
print(tonumber("10", 10), tonumber("1e1", 10), tonumber("7fffffff", 16), tonumber(101, 2))
print(tonumber("0x"), tonumber("1e1000") == math.huge)

-- Numbers where strings are wanted.
print(string.rep(7, 3), string.len(1234), string.rep(12.5, 2), string.sub(98765, 2, 3))
print(table.concat({ 1, 2.5, "x", -3 }, 0))

-- Strings where numbers are wanted.
print(string.rep("x", "3"), string.sub("hello", "2", "4"), math.floor("3.7"), math.max("10", 9))
print(select("2", "a", "b"), string.char("65", 66))
for i = 1, 3 do io.write(i, " ", i / 2, " ") end
io.write("\n")
