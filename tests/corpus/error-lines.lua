-- Positions of errors in expressions and calls over several lines, and chunk names.
local P = {
"local t = {}\nlocal x = t\n.a\n.b\n.c",
"local x = 1 +\n2 +\n{}\n+ 3",
"local x = {} +\n2\n+\n3",
"local a\nlocal x = 'a' ..\n'b' ..\na ..\n'c'",
"local f\nf(\n1,\n2\n)",
"local t = {}\nt\n.x\n(1,\n2)",
"local t = {}\nt:\nx(\n)",
"local t = {\n1,\n2,\nx = nil + 1,\n3\n}",
"local t = {\n[nil] =\n1\n}",
"local t = {\nf = gg(),\n2}",
"return\nerror(\n'x'\n)",
"print(\n(nil)\n.x)",
"local x = (\n1 < {}\n)",
"if 1 <\n{} then\nend",
"while\n1 <\n{} do\nend",
"repeat\nlocal x = 1\nuntil\nx < {}\n",
"for i = 1,\n'x'\ndo\nend",
"for i =\n{},\n1,\n2\ndo\nend",
"for k in\ngg\ndo\nend",
"for k,\nv in\npairs(nil)\ndo\nend",
"for k, v in pairs({1}) do\nlocal x = k .. nil\nend",
"local x, y =\n1,\nnil + 1",
"local x, y\nx, y =\n1,\ngg.x",
"local t = {}\nt.x.y,\nt.z =\n1,\n2",
"gg.x =\n1",
"gg\n.x\n=\n1",
"local function f()\nerror('in f', 2)\nend\nf(\n\n)",
"local function f()\nerror('in f', 1)\nend\nlocal x =\nf(\n\n)",
"local function f()\nerror('in f', 2)\nend\nlocal x = {\nf(\n\n)\n}",
"local function f() error('tail', 2) end\nlocal function g()\n return f()\nend\ng()",
"local function f() error('tail', 3) end\nlocal function g()\n return f()\nend\ng()",
"local t = setmetatable({}, {__index = function(t, k)\nerror('idx', 2)\nend})\nlocal x = t\n.foo",
"local t = setmetatable({}, {__index = function(t, k)\nerror('idx', 1)\nend})\nlocal x = t\n.foo",
"local t = setmetatable({}, {__add = function(t, k)\nerror('add', 2)\nend})\nlocal x = 1\n+\nt",
"local t = setmetatable({}, {__concat = function(t, k)\nerror('cat', 2)\nend})\nlocal x = 1\n..\nt",
"local t = setmetatable({}, {__lt = function(t, k)\nerror('lt', 2)\nend})\nlocal x = t\n<\nt",
"local t = setmetatable({}, {__call = function(t, k)\nerror('call', 2)\nend})\nlocal x = t(\n1\n)",
"local t = setmetatable({}, {__newindex = function(t, k)\nerror('ni', 2)\nend})\nt.x =\n5",
"string.rep(\n)",
"local x =\nstring.rep(\n'x',\n{}\n)",
"return string.rep(\n'x',\n{}\n)",
"local s = 'x'\nreturn s\n:rep({}\n)",
"assert(\nfalse,\n'm'\n)",
"table.sort({3, 2, 1}, function(a, b)\nreturn a < b.x\nend)",
"table.foreach({1}, function(a, b)\nerror('fe')\nend)",
"string.gsub('abc', '.', function(c)\nerror('gs' .. c, 2)\nend)",
"pcall(error)\nerror('x')",
"local ok, m = pcall(function()\nlocal x = nil + 1\nend)\nerror(m, 0)",
"local co = coroutine.create(function()\nlocal x = nil .. 'x'\nend)\nlocal ok, m = coroutine.resume(co)\nerror(m, 0)",
"local f = coroutine.wrap(function()\nerror('in wrap')\nend)\nf(\n)",


"string.rep('x', -1)()",
"loadstring(string.rep('a = ', 10) .. '=')()",
"assert(loadstring('x = = 1', '@file.lua'))", "assert(loadstring('x = = 1', '=stdin'))", "assert(loadstring('x = = 1', 'x = = 1\\n\\nfoo'))", "assert(loadstring('x = = 1', string.rep('long', 50)))", "assert(loadstring('x = = 1', '@' .. string.rep('long/', 50)))", "assert(loadstring('x = = 1', '=' .. string.rep('long/', 50)))",
"assert(loadstring('error(1)', '@file.lua'))()", "assert(loadstring('error(\"m\")', '@file.lua'))()", "assert(loadstring('error(\"m\")', '=stdin'))()", "assert(loadstring('error(\"m\")', 'x = = 1\\n\\nfoo'))()", "assert(loadstring('error(\"m\")', string.rep('long', 50)))()", "assert(loadstring('error(\"m\")', '@' .. string.rep('long/', 50)))()", "assert(loadstring('error(\"m\")', '=' .. string.rep('long/', 50)))()", "assert(loadstring('error(\"m\")', ''))()", "assert(loadstring('error(\"m\")', '='))()", "assert(loadstring('error(\"m\")', '@'))()",
"local a = {} for i = 1, 300 do a[i] = 'x' .. i end local f = assert(loadstring('local ' .. table.concat(a, ',')))",
"unpack(setmetatable({}, {__index = function() error('u') end}), 1, 3) error('z')",
"('x'):rep(100):gsub('.', {x = true})", "('x'):gsub('.', {x = {}})",
"string.format('%s', setmetatable({}, {__tostring = function() return 1 end}))", "tostring(setmetatable({}, {__tostring = function() return {} end})) error'q'", "print(setmetatable({}, {__tostring = function() return {} end}))",
"local t = setmetatable({}, {__eq = function() error('eq', 2) end}) local u = setmetatable({}, getmetatable(t))\nlocal x = t\n== u",
"local t = setmetatable({}, {__len = function() error('len', 2) end})\nlocal x = #t error('lenok')",
"local t = setmetatable({}, {__unm = function() error('unm', 2) end})\nlocal x = -\nt",
"local t = setmetatable({}, {__le = function() error('le', 2) end})\nlocal x = t <=\nt",
"local t = {}\nlocal u = t.a.b.c\n", "local t = {}; local x = t.a\n.b", "local t = {a={}}\nt.a\n.b\n.c = 1", "local a = {}\na\n[1]\n[2]\n= 3",
"local a\na\n=\nnil\n..\n'x'", "local a = function()\n  return 1 + nil\nend\na()", "local function f(a,\n b,\n c)\n return a.x end f(\n)\n", "do\nlocal x = 1\nx()\nend", "local x = {f = function(self)\n self.g()\nend}\nx:f()", "return (function()\n return gg.x\nend)()",
"return gg\n.x\n.y", "return gg(\n)", "return\n\ngg", "return\n\ngg()", "gg\n()", 
}
local function short(m) if type(m) == "string" and #m > 300 then return #m .. m:sub(1, 200) end return m end
for i, s in ipairs(P) do
  local f, m = loadstring(s)
  io.stdout:flush()
  if not f then print(i, s, "SYNTAX", m) else
    local r = {pcall(f)}
    print(i, short(s), short(r[1]), short(r[2]))
    local r = {pcall(function() f() end)}
    print("", short(r[1]), short(r[2]))
  end
end
