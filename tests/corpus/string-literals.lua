-- String literals: escapes, long brackets of all levels, line ends; comments.
print("a\tb", 'single "double" inside', "double 'single' inside", "\"quoted\"", '\'quoted\'')
print("back\\slash", "new\
line", "bell" .. #"\a", #"\b\f\n\r\t\v\\\"\'", #"\0", #"\0001")
print("\65\066\67", "\1234", "\9x", "\100\101", #"\255\254", ("\0a\0"):byte(1, -1))
print("\z" == "z", "\q", "\/", "\%d")
print(("\n\r\t\v\a\b\f\\"):byte(1, -1))
print([[long]], [==[with ]] and ]=] inside]==], [[
first line end is skipped]], #[[

]], [[a
b]])
print([=[[[nested]]]=], [[ [ ] ]], #[[\n]], [==[]==] == "", #[[]])
print("end" --[[ a comment inside ]] .. "!", --[==[ another
over lines ]] ]=] ]==] "after")
-- A line comment --[[ not a long one
--[[ long
comment ]]
--[=[ with level ]] ]=]
---[[ a line comment, for the first is a dash
print("this line is live")
--]]
print(#"a\
b\
c")
local s = "x" -- comment at the end of a line
; print(s)
print(0xA, 0Xff, .5, 3., 1e2, 1E+2, 1e-2)
print(1 --[[a]] + --[[b]] 2, 10--[[c]]-5)
local t = {
  "a", --[[ in a constructor ]] "b"; -- separators
  'c',
  [ [[key]] ] = "long key", ["k" .. "2"] = 2,
}
print(#t, t.key, t.k2)
local _under, CamelCase, x1, _ = 1, 2, 3, 4
print(_under, CamelCase, x1, _)
if--[[]]true--[[]]then--[[]]print"tight"--[[]]end
print(#"\195\169", ("\195\169"):byte(1, 2))
print("a" .. [[b]] .. 'c' == "abc", "\104\105" == "hi", '\x' == "x")
print(("embedded\0zero"):len(), "embedded\0zero" == "embedded" .. "\0" .. "zero", ("a\0b"):rep(2) == "a\0ba\0b")
print(not nil, not--[[]]nil, - -1, -(-1), a == nil, a--[[global]] == nil)
