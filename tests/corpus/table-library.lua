-- table.insert, remove, concat, sort, maxn; unpack.
local function show(t) return "{" .. table.concat(t, ",") .. "}" .. #t end
local t = {}
table.insert(t, "b")
table.insert(t, "c")
table.insert(t, 1, "a")
table.insert(t, 4, "d")
table.insert(t, #t, "c2")
print(show(t))
print(table.remove(t), show(t))
print(table.remove(t, 1), show(t))
print(table.remove(t, 2), show(t))
print(table.remove(t), table.remove(t), table.remove(t), show(t))
print(table.remove({}), table.remove({}, 1), select("#", table.remove({})))
t = { 1, 2, 3, 4, 5 }
for i = #t, 1, -1 do
  if t[i] % 2 == 0 then table.remove(t, i) end
end
print(show(t))
for i = 1, 5 do table.insert(t, 2, i * 10) end
print(show(t))
print(pcall(table.insert, t, 1, 2, 3))
print(pcall(table.insert, t))
print(pcall(table.insert, nil, 1))

-- concat.
print(table.concat({}), table.concat({}, ","), table.concat({ "x" }, ","), table.concat({ 1, 2, 3 }))
print(table.concat({ 1, 2, 3 }, ", "), table.concat({ 1, 2, 3 }, "-", 2), table.concat({ 1, 2, 3 }, "-", 2, 2))
print(table.concat({ 1, 2, 3 }, "-", 3, 2) == "", table.concat({ 1.5, "a", -2 }, "|"), table.concat({ "a", "b" }, "\0") == "a\0b")
print(pcall(table.concat, { 1, {}, 3 }))
print(pcall(table.concat, { 1, 2, 3 }, ",", 1, 4))
print(pcall(table.concat, { true }))

-- sort.
t = { 5, 2, 8, 1, 9, 3 }
table.sort(t)
print(show(t))
table.sort(t, function(a, b) return a > b end)
print(show(t))
t = { "pear", "Apple", "fig", "apple", "", "fi" }
table.sort(t)
print(show(t))
table.sort(t, function(a, b) if #a ~= #b then return #a < #b end return a < b end)
print(show(t))
t = {}
table.sort(t)
print(#t)
t = { 1 }
table.sort(t)
print(show(t))
t = { 3, 3, 3, 1, 1, 2, 2 }
table.sort(t)
print(show(t))
t = { -1, 1e300, 0, -1e300, 0.5, math.huge, -math.huge }
table.sort(t)
print(show(t))
local seed = 42
t = {}
for i = 1, 500 do
  seed = (seed * 16807) % 2147483647
  t[i] = seed % 1000
end
table.sort(t)
local ok = true
for i = 2, #t do ok = ok and t[i - 1] <= t[i] end
print(ok, t[1], t[250], t[500])
table.sort(t, function(a, b) return a % 100 < b % 100 or (a % 100 == b % 100 and a > b) end)
ok = true
for i = 2, #t do ok = ok and t[i - 1] % 100 <= t[i] % 100 end
print(ok, t[1] % 100, t[500] % 100)
print((pcall(table.sort, { 1, "x", 2 })))
print(pcall(table.sort, { {}, {} }))
print(pcall(table.sort, { 3, 1, 2 }, function() error("in the comparison", 0) end))
local objects = {}
local mt = { __lt = function(a, b) return a.v < b.v end }
for i, v in ipairs { 3, 1, 2 } do objects[i] = setmetatable({ v = v }, mt) end
table.sort(objects)
print(objects[1].v, objects[2].v, objects[3].v)

-- maxn.
print(table.maxn {}, table.maxn { 1, 2, 3 }, table.maxn { [10] = 1, [2.5] = 2 }, table.maxn { [100.5] = 1, x = 1 }, table.maxn { [-5] = 1 })

-- unpack.
print(unpack { 1, 2, 3 })
print(unpack({ 1, 2, 3 }, 2))
print(unpack({ 1, 2, 3 }, 2, 3))
print(unpack({ 1, 2, 3 }, 0, 4))
print(unpack({ 1, 2, 3 }, 3, 2))
print(unpack({ 1, 2, 3 }, -1, 1))
print(unpack({}, 1, 3))
print((unpack { 1, 2, 3 }), unpack { nil, 2 })
print(pcall(unpack))
