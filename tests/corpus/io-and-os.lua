-- io.write, print and the few os functions there are (types and order only:
-- times differ), and the program's arguments.
io.write("a", 1, " ", 2.5, " ", -0.25, "\n")
io.write()
io.write("", "", "\n")
for i = 1, 5 do io.write(i, i < 5 and "," or "\n") end
print() print("") print(nil, false, true) print(1, "two", 3.5)
print((nil)) print(print == print)
io.write("bytes: ", #"\0\1\2", " ", "\65\66", "\n")
io.write(("x"):rep(100), "\n", ("line\n"):rep(3))
local lines = {}
for i = 1, 20 do lines[i] = i .. "\n" end
io.write(table.concat(lines))
print(pcall(io.write, {}))
print(pcall(io.write, "shown before the error ", nil))

local t0 = os.clock()
local x = 0
for i = 1, 10000 do x = x + i end
local t1 = os.clock()
print(type(t0), t1 >= t0, t0 >= 0, x)
print(type(os.time()), os.time() > 1e9, os.time() == math.floor(os.time()))
print(os.getenv("A_VARIABLE_THAT_NO_ONE_SETS"), type(os.getenv("PATH")))

print(type(arg), arg[0], #arg, arg[1], select("#", ...), ...)
print(type(arg[-1]))

-- print uses the global tostring.
local old = tostring
tostring = function(v) return "<" .. old(v) .. ">" end
print(1, nil, "x")
tostring = old
print(1, nil, "x")
print(pcall(print, setmetatable({}, { __tostring = function() error("no text", 0) end })))
print(type(io.write("w ")))
os.exit(0)
print("never")
