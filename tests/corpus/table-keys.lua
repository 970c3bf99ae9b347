-- Keys: normalization of numbers, all types, nil, nested, negative, huge.
local t = {}
local function zero() return 0 end
t[1] = "one"
t[1.0] = "one point zero"
t[2 / 2] = t[2 / 2] .. "!"
print(t[1], #t)
t[0] = "zero"
local minus_zero = -zero()
print(t[minus_zero], t[0])
t[minus_zero] = "minus zero"
print(t[0])
t["1"] = "string one"
print(t[1], t["1"], t[tonumber("1")], t["1" + 0])
t[2 ^ 53] = "2^53"
print(t[9007199254740992], t[2 ^ 53 + 1], t[2 ^ 53 - 1])
t[1e300] = "1e300"
t[-1e300] = "-1e300"
t[math.huge] = "inf"
t[-math.huge] = "-inf"
print(t[1e300], t[-1e300], t[math.huge], t[-math.huge], t[1e301])
t[0.1] = "0.1"
t[-0.5] = "-0.5"
t[1.5] = "1.5"
print(t[0.1], t[0.1 + 0], t[-0.5], t[1.5], t[0.2 - 0.1], t[1.25])
t[2147483647], t[2147483648], t[-2147483648], t[4294967296] = "a", "b", "c", "d"
print(t[2147483647], t[2147483648], t[-2147483648], t[4294967296], t[2147483646], t[4294967295])

-- Booleans, tables, functions as keys.
local k1, k2, f = {}, {}, function() end
t[true], t[false], t[k1], t[k2], t[f], t[print] = 1, 2, 3, 4, 5, 6
print(t[true], t[false], t[k1], t[k2], t[f], t[print], t[{}])
print(t["true"], t[tostring(true)])

-- nil.
print(t[nil])
print(pcall(function() t[nil] = 1 end))
print(pcall(function() return { [nil] = 1 } end))
print(rawget(t, nil), pcall(rawset, t, nil, 1))

-- Removing and putting back.
t.x = 1
t.x = nil
print(t.x, rawget(t, "x"))
t.x = 2
print(t.x)
t.never = nil
print(t.never)

-- Strings that look alike.
local s = { a = 1, A = 2, ["a "] = 3, ["a\0"] = 4, ["a\0b"] = 5, [""] = 6, ["\n"] = 7 }
print(s.a, s.A, s["a "], s["a\0"], s["a\0b"], s[""], s["\n"], s["\0"])
local built = ""
for i = 1, 3 do built = built .. "k" end
s[built] = "built"
print(s.kkk, s["k" .. "kk"], s[("k"):rep(3)])
local long = ("long"):rep(50)
s[long] = "long key"
print(s[("longlong"):rep(25)], s[long .. "x"])

-- Field names that are not names, and names that are keywords elsewhere.
s["end"], s["1x"], s._, s.__index, s.self = 1, 2, 3, 4, 5
print(s["end"], s["1x"], s._, s.__index, s.self)

-- A chain of tables.
local chain = {}
local at = chain
for i = 1, 50 do
  at.next = { depth = i }
  at = at.next
end
print(chain.next.next.next.depth, at.depth)
