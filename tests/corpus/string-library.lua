-- string.sub, byte, char, rep, len, lower, upper, reverse at their edges.
local s = "abcdef"
print(s:sub(1), s:sub(2), s:sub(0), s:sub(-1), s:sub(-3), s:sub(7) == "", s:sub(100) == "", s:sub(-100))
print(s:sub(2, 4), s:sub(2, -2), s:sub(-4, -2), s:sub(0, 2), s:sub(-100, 2), s:sub(5, 100), s:sub(3, 3))
print(s:sub(4, 2) == "", s:sub(-2, -4) == "", s:sub(1, 0) == "", s:sub(0, 0) == "", s:sub(7, 7) == "", ("" ):sub(1, 1) == "")
print(s:sub(2.7), s:sub("3"), s:sub(1, 3.9), s:sub(-1.5), s:sub(1, -1))
print(s:sub(-2147483648, 2147483647), s:sub(2147483647) == "", #s:sub(1, 1e9))

print(s:byte(), s:byte(1), s:byte(-1), s:byte(6), s:byte(7), s:byte(0))
print(s:byte(1, 3)) print(s:byte(-2, -1)) print(s:byte(3, 2)) print(s:byte(0, 2)) print(s:byte(5, 100))
print(select("#", s:byte(10)), select("#", s:byte(1, -1)), select("#", (""):byte(1, -1)))
print(("\0\127\128\255"):byte(1, 4))

print(string.char(), string.char(72, 105), #string.char(0, 0, 0), string.char(255):byte(), string.char(65.9))
local all = {}
for i = 0, 255 do all[i + 1] = string.char(i) end
local text = table.concat(all)
print(#text, text:byte(1), text:byte(128), text:byte(256), text:sub(66, 91))

print(("ab"):rep(3), ("ab"):rep(1), ("ab"):rep(0) == "", ("ab"):rep(-1) == "", (""):rep(100) == "", #("x"):rep(10000))
print(("ab"):rep(2.9), ("\0"):rep(3) == "\0\0\0")

print(s:len(), #s, (""):len(), ("a\0b"):len(), string.len("x"), string.len(123))
print(("Hello World 123!"):lower(), ("Hello World 123!"):upper(), (""):upper() == "")
print(("\192\228"):upper() == "\192\228", ("[`{@AZaz"):lower(), ("[`{@AZaz"):upper())
print(s:reverse(), (""):reverse() == "", ("a"):reverse(), ("a\0b"):reverse() == "b\0a", text:reverse():byte(1))

-- By way of the library table, by method, with numbers.
print(string.sub("hello", 2, 3), ("hello").sub("hello", 2, 3), string.upper(12), string.rep(1, 3), string.reverse(123))
print(#string.format("%s", text) > 0, string.len(text .. text))

-- A caesar cipher and back, a palindrome test, splitting by hand.
local function shift(s, by)
  local out = {}
  for i = 1, #s do
    local b = s:byte(i)
    if b >= 97 and b <= 122 then b = (b - 97 + by) % 26 + 97 end
    out[i] = string.char(b)
  end
  return table.concat(out)
end
print(shift("attack at dawn", 3), shift(shift("attack at dawn", 3), -3))
local function palindrome(s) return s == s:reverse() end
print(palindrome("level"), palindrome("levels"), palindrome(""), palindrome("a"))
local function split(s, sep)
  local out, start = {}, 1
  for i = 1, #s + 1 do
    if i > #s or s:sub(i, i) == sep then
      out[#out + 1] = "[" .. s:sub(start, i - 1) .. "]"
      start = i + 1
    end
  end
  return table.concat(out)
end
print(split("a,b,,c", ","), split("", ","), split(",", ","), split("abc", ","))

-- Equal strings made in different ways are one key.
local t = { hello = 1 }
print(t["hel" .. "lo"], t[("olleh"):reverse()], t[("HELLO"):lower()], t[string.char(104, 101, 108, 108, 111)], t[("xhellox"):sub(2, -2)])
