-- Calls: methods, call syntax with strings and tables, results in all places.
local object = { value = 10 }
function object:get() return self.value end
function object:set(v) self.value = v return self end
function object.static(a, b) return a, b end
function object:varargs(...) return self == object, select("#", ...), ... end
print(object:get(), object.get(object), object:set(5):get(), object:set(1):set(2):set(3).value)
print(object.static(1, 2))
print(object:varargs(1, nil, 3))
print(object["get"](object), object.static("x"))

-- Sugar.
local function show(v) return type(v) == "table" and #v or v end
print(show "text", show [[long]], show { 1, 2, 3 }, show {}, (show "x"))
local t = { f = show }
print(t.f "a", t.f { 1 }, t["f"] "b")
function t:m(v) return show(v) end
print(t:m "a", t:m { 1, 2 }, t:m [[b]])

-- Nested tables as namespaces.
local a = { b = { c = {} } }
function a.b.c.f(x) return "f" .. x end
function a.b.c:g(x) return self == a.b.c, x end
print(a.b.c.f(1), a.b.c:g(2))

-- Results: adjusted, spread, cut by parentheses.
local function none() end
local function one() return 1 end
local function many() return 1, 2, 3 end
print(none()) print((none())) print(one(), many()) print(many(), one()) print((many()))
print(#{ none() }, #{ many() }, #{ many(), many() }, #{ many(), none() }, #{ (many()) })
local x, y, z = many()
print(x, y, z)
x, y = none(), "y"
print(x, y)
if none() then print("true") else print("nil is false") end
print(none() == nil, many() == 1, many() + many(), -many())
print(pcall(tostring))
print(tostring((none())))

-- Missing and extra arguments.
local function args(p, q, r) return p, q, r end
print(args()) print(args(1)) print(args(1, 2, 3, 4)) print(args(many())) print(args(0, many()))

-- The receiver is evaluated once.
local count = 0
local function receiver() count = count + 1 return object end
receiver():set(7):get()
print(count, object.value)
receiver().value = 8
print(count, object.value)

-- Functions as values.
local ops = { add = function(p, q) return p + q end, ["if"] = function(p) return p end }
print(ops.add(1, 2), ops["if"]("keyword"), (function(...) return ... end)(1, 2))
print((function() return "called at once" end)())
local function curry(f, p) return function(...) return f(p, ...) end end
print(curry(curry(args, 1), 2)(3))
local function compose(f, g) return function(...) return f(g(...)) end end
print(compose(string.upper, string.reverse)("abc"))

-- A call at the start of a line continues the line before when it has a semicolon between them.
local s = "sep";
(function() s = s .. "!" end)()
print(s)

-- Methods of strings.
print(("x"):rep(3), ("Hello"):upper():lower():len(), #("ab"):rep(4), ("a,b"):byte(2))
local str = "method"
print(str:sub(2, 3), str:upper(), str.len(str), str["reverse"](str), ("%s=%d"):format(str, 5))
print(pcall(function() return str:nothing() end))
print(str.nothing, str.len == string.len, (1 .. ""):len())
