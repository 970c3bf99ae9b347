-- gsub with strings, tables and functions.
local function try(f, ...) print(pcall(f, ...)) end
print(("hello world"):gsub("o", "0"))
print(("hello world"):gsub("o", "0", 1))
print(("hello"):gsub("", "-"), ("hello"):gsub("", "-", 2), (""):gsub("", "x"), (""):gsub("a", "x"))
print(("abc"):gsub("%w", "%0%0"), ("abc def"):gsub("(%w+) (%w+)", "%2 %1"), ("abc"):gsub("b", "%%"), ("abc"):gsub("b", "%x"))
print(("a b"):gsub("%w", "%1"), (("abc"):gsub("()", "%1")), (("abc"):gsub("b", "[%"):byte(1, -1)))
print(("abc"):gsub("x*", "-"), ("abc"):gsub("b*", "-"), ("aaa"):gsub("a*", "x"), ("  a  "):gsub("^%s+", ""), ("aXa"):gsub("^a", "b"), ("aa"):gsub("^a", "b"))
print(("x = 1"):gsub("%s", {}), ("$name is $age, $other"):gsub("%$(%w+)", {name = "Bob", age = 42, other = false}))
print(("abc"):gsub("%w", {a = "1", b = true and "2"}), ("abc"):gsub("(a)(b)", {a = "k"}), ("a1"):gsub("()", {"one", "two", [3] = 3}))
print(("abc"):gsub("%w", function(c) return c:upper() .. "." end))
print(("abc"):gsub("%w", function(c) if c == "b" then return nil elseif c == "c" then return false end end))
print(("a,b"):gsub("(%w),(%w)", function(...) return select("#", ...) .. ... end), ("abc"):gsub("()b()", function(i, j) return i * 10 + j end))
print(("abc"):gsub("%w", string.byte), ("hello"):gsub("l+", string.len), (("a b c"):gsub(" ", print)))
print(("abc"):gsub("b", "x", 0), ("abc"):gsub("b", "x", -1), ("abcabc"):gsub("b", 5, 1), ("abc"):gsub("b", "x", "1"))
-- Metamethods of the table; the key is the first capture.
local t = setmetatable({}, {__index = function(_, k) return "<" .. tostring(k) .. ">" end})
print(("a b"):gsub("%w", t), ("ab"):gsub("(.)(.)", t), ("ab"):gsub("()", t))
print(("ab"):gsub(".", setmetatable({}, {__index = {a = "A"}})), ("ab"):gsub(".", setmetatable({}, {__index = t})))
print(("x"):gsub(".", setmetatable({}, {__index = "str"})))
-- Replacements that make garbage, call gsub themselves, yield or raise.
local function deep(s, n)
  if n == 0 then return s end
  return (s:gsub("%w", function(c) local junk = {} for i = 1, 5 do junk[i] = c:rep(i) .. n end return deep(c .. junk[2], n - 1):sub(1, 9) end))
end
print(deep("ab", 3))
local count = 0
print(#(("word "):rep(300):gsub("%a+", function(w) count = count + 1; if count % 100 == 0 then collectgarbage() end return w .. count end)), count)
for i = 1, 40 do local p = "(" .. ("."):rep(i % 20 + 1) .. ")"; assert(#(("abcdefghijklmnopqrstuvwxyz"):gsub(p, function(s) return (s:gsub("[aeiou" .. i .. "]", "*")) end)) == 26) end
print(coroutine.resume(coroutine.create(function() return ("a"):gsub(".", coroutine.yield) end)))
try(string.gsub, "abc", "b", function() error("inside") end)
try(string.gsub, "abc", "b", function() return {} end)
try(string.gsub, "abc", "b", function() return print end)
try(string.gsub, "abc", "b", {b = true})
try(string.gsub, "abc", "(b)", "%2"); try(string.gsub, "abc", "b", "%1"); try(string.gsub, "abc", "b", "%9")
try(string.gsub, "abc", "(b", "x"); try(string.gsub, "abc", "(b", "%1"); try(string.gsub, "abc", "(b", {}); try(string.gsub, "abc", "(b", print)
try(string.gsub); try(string.gsub, "a"); try(string.gsub, "a", "b"); try(string.gsub, "a", "b", true); try(string.gsub, "a", "b", nil); try(string.gsub, "a", "b", "c", {}); try(string.gsub, "a", "b", true, {})
print(select(2, pcall(function() return ("x"):gsub("x", {x = {}}) end)))
-- Programs' usual uses.
local function escape(s) return (s:gsub("[%c\"\\]", function(c) return ("\\%03d"):format(c:byte()) end)) end
print(escape('tab\tquote"back\\slash\n'))
local function trim(s) return (s:gsub("^%s*(.-)%s*$", "%1")) end
print("[" .. trim("  a b  ") .. "]", "[" .. trim("   ") .. "]", "[" .. trim("") .. "]")
print((("%d+%d"):gsub("%%", "%%%%")), (("a&b<c>"):gsub("[&<>]", {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;"})))
print((("%41%42c+d"):gsub("+", " "):gsub("%%(%x%x)", function(h) return string.char(tonumber(h, 16)) end)))
print((("camelCaseName"):gsub("%u", function(c) return "_" .. c:lower() end)), (("snake_case_name"):gsub("_(%l)", string.upper)))
print((("f(g(x), h(y))"):gsub("%b()", function(s) return "[" .. s:sub(2, -2) .. "]" end)), (("THE (quick) fox"):gsub("%f[%a]%a+%f[%A]", string.lower)))
print(#(("ab"):rep(5000):gsub("a", "xyz")), (("ab"):rep(300):gsub("(a)(b)", "%2%1")):sub(-6))
