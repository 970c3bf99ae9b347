-- find, match, gmatch: items, repetitions, captures, anchors, errors.
local function try(f, ...) print(pcall(f, ...)) end
-- Plain text, and what looks like it.
print(("hello world"):find("wor"), ("hello world"):find("o", 6), ("hello"):find(""), ("hello"):find("", 10))
print(("a.b"):find(".", 1, true), ("a.b"):find("."), ("a.b"):find("%."), ("a+b"):find("+", 1, true))
print(("hello"):find("l", -2), ("hello"):find("h", -100), ("hello"):find("o", 100), ("x"):find("x", "1"))
print((("ab"):rep(40) .. "abc"):find("abc"), (("ab"):rep(40)):find("abc"), ("a\0b\0c"):find("\0c"))
-- Classes, all of them, over all bytes.
for _, class in ipairs{"%a", "%c", "%d", "%l", "%p", "%s", "%u", "%w", "%x", "%z", "%A", "%C", "%D", "%L", "%P", "%S", "%U", "%W", "%X", "%Z", ".", "[%a_]", "[^%s]", "[a-f%d]", "[]]", "[^]]", "[%]]", "[a-]", "[-a]", "[a%-z]", "[%w-]", "[^%W]", "[z-a]", "[%a-z]", "[!-%%]", "%-", "%y", "\200", "[\200-\255]"} do
  local n, sum = 0, 0
  for b = 0, 255 do
    if string.char(b):find("^" .. class .. "$") then n = n + 1; sum = sum + b end
  end
  print(class:gsub("[\128-\255]", "?"), n, sum)
end
-- Repetitions give back, or don't.
print(("aaab"):match("a*ab"), ("aaab"):match("a+b"), ("aaa"):match("a-$"), ("aaa"):match("a-"), ("ab"):match("a?ab"), ("b"):match("a?b"))
print(("[[x]] [[y]]"):match("%[%[(.-)%]%]"), ("[[x]] [[y]]"):match("%[%[(.*)%]%]"))
print(("key = value"):match("^(%w+)%s*=%s*(%w+)$"), ("  trim  "):match("^%s*(.-)%s*$") .. "|")
print(("2024-05-17"):match("(%d+)-(%d+)-(%d+)"), ("x"):match("(x)(y?)"), ("abc"):match("()b()"))
print(("aXb"):match("%u"), ("abcabc"):match("(a)(b)(c)%1%2%3"), ("abab"):match("(ab)%1"), ("abac"):match("(a.)%1"))
print(("((a)b)c"):match("%b()"), ("a(b"):match("%b()"), ("''x''"):match("%b''"), ("if then end"):match("%bie"))
print(("THE (quick) fox"):find("%((%a+)%)"), ("the fox"):find("%f[%a]%a+%f[%A]", 2), ("fox"):match("%f[%z]()"), ("a.b"):match("%f[%w]%w%f[%W]"))
print(("^a"):match("^^a"), ("a^"):match("a^"), ("$a"):match("$a"), ("a$b"):match("a$b"), ("a$"):match("a%$$"), ("*a"):match("*a"), ("a"):match("^"))
print(("abc"):match("b", 2), ("abc"):match("^b", 2), ("abc"):match("^b"), ("abc"):find("^", 4), ("abc"):match("()$"))
print(("a\0b"):match("a%zb") == "a\0b", ("a\0b"):match("a.b") == "a\0b", ("ab"):match("a\0x"), ("a\0"):find("\0"))
-- Many captures, and a pattern much longer than any stack.
print(("x"):rep(32):match(("(x)"):rep(32)))
print(#("a"):rep(3000):match(("a?"):rep(3000)) , ("a"):rep(300):match(("(a)"):rep(20) .. ("a-"):rep(100) .. "$") ~= nil)
print(#("a"):rep(2000):match(".-b?$"), (("a"):rep(2000) .. "b"):find(".-b"), (("x"):rep(900)):match("(x*)y"))
print(("ab"):rep(60):find(("a.-"):rep(3) .. "c"))
-- gmatch.
for k, v in ("a=1, b=2,c = 3"):gmatch("(%w+)%s*=%s*(%w+)") do io.write(k, ":", v, " ") end print()
for w in ("one two  three"):gmatch("%a*") do io.write("<", w, ">") end print()
for p in ("abc"):gmatch("()") do io.write(p, " ") end print()
for a in ("^a^a"):gmatch("^a") do io.write(a, " ") end print()
for a, b in string.gmatch("xyz", "(.)()") do io.write(a, b, " ") end print()
local it = ("ab"):gmatch(".")
print(it(), it(), it(), it(), string.gfind == string.gmatch)
local outer = {}
for w in ("ab cd"):gmatch("%a+") do for c in w:gmatch(".") do outer[#outer + 1] = c; collectgarbage() end end
print(table.concat(outer, ","))
print(coroutine.wrap(function() for c in ("xy"):gmatch(".") do coroutine.yield(c) end end)())
-- Numbers are strings.
print(string.find(1234, 23), string.match(3.5, "%d+"), string.gsub(121, 1, 7))
-- Errors, and malformed patterns that matching never gets to.
try(string.find, "a", "%"); try(string.find, "a", "[a"); try(string.find, "a", "[]"); try(string.find, "a", "[^]"); try(string.find, "a", "[a%")
try(string.find, "a", "(a"); try(string.find, "a", "a)"); try(string.find, "a", "(()"); try(string.find, "a", "%1"); try(string.find, "a", "(a%1)")
try(string.find, "a", "%f"); try(string.find, "a", "%fa"); try(string.find, "a", "%f[a"); try(string.find, "a", "%b"); try(string.find, "a", "%ba"); try(string.find, "a", "%0")
try(string.find, "a", ("(a)"):rep(33)); try(string.find, ("a"):rep(40), ("(a)"):rep(33)); try(string.find, "a", "(a)%2"); try(string.find, "", "()%1")
try(string.find, "a", "b["); try(string.find, "a", "b%"); try(string.find, "a", "a[", 1, true); try(string.find, "b", "a*["); try(string.match, "x", "(x)("); try(string.gsub, "x", "(", "")
try(string.find); try(string.find, "a"); try(string.find, {}, "a"); try(string.find, "a", nil); try(string.find, "a", "a", {}); try(string.gmatch, "a"); try(string.match, "a", print)
print(select(2, pcall(function() return ("x"):find("[a") end)))
print(select(2, pcall(function() for _ in ("x"):gmatch("%") do end end)))
print(select(2, pcall(function() return ("x"):find() end)))
