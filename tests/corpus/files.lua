-- io and os with real files; without a system, only what comes first is there.
io.write("files\n")
local n = os.tmpname()
local f = assert(io.open(n, "w"))
print(io.type(f), io.type(1), io.type(io.stdout), pcall(io.type))
print(f:write("hello\n", 12, " ", 3.5, "\n", "0x10 -7e2 abc\n\255last"))
print(f:seek(), f:seek("set", 2), f:seek("end"), f:seek("cur", -1))
print(f:flush(), f:setvbuf("full", 100), f:setvbuf("no"), f:setvbuf("line"))
print(f:close(), tostring(f), io.type(f))
print(pcall(f.read, f), pcall(f.lines, f), pcall(f.write, f, "x"))
print(tostring(io.stdin):match("^file %("), getmetatable(f).__index == getmetatable(f))
for l in io.lines(n) do print(#l, (l:gsub("%c", "?"))) end

-- formats
f = io.open(n)
print(f:read()) print(f:read("*n", "*n")) print(f:read("*n", "*n")) print(f:read("*n"))
print(f:read("*l")) print(#f:read(2), f:read(0)) print(f:read("*a")) print(f:read("*a"))
print(f:read(0)) print(f:read("*l")) print(f:read("*a", 0, "*l", "*n"))
print(pcall(f.read, f, "x")) print(pcall(f.read, f, "*x")) print(f:seek("set")) print(f:read(3, "*l", 100))
print(f:write("x")) print(f:close())
f = io.open(n, "r+b") f:seek("set", 6) f:write("ab") f:seek("set", 4) print(f:read(6)) f:seek("end") f:write("!") f:close()
f = io.open(n, "a+") f:write("appended") f:seek("set") print(#f:read("*a")) f:close()
f = io.open(n, "w+") f:write("one\ntwo") f:seek("set") print(f:read("*l", "*l", "*l")) f:close()

-- numbers as they stand in files
local function numbers(text)
  local f = io.open(n, "w") f:write(text) f:close()
  f = io.open(n)
  local t = {}
  while true do local x = f:read("*n") if not x then break end t[#t + 1] = x end
  print(table.concat(t, " "), f:read("*a")) f:close()
end
numbers("1 2.5\n-3 +4 .5 5. 1e3 0x1F\t7") numbers("12abc") numbers("1 2,3") numbers("") numbers("  -")

-- long lines, many lines
f = io.open(n, "w")
for i = 1, 3000 do f:write(i, "\n") end
f:write(("x"):rep(100000), "\n", ("y"):rep(70000)) f:close()
local count, sum, last = 0, 0, nil
for l in io.lines(n) do count = count + 1 sum = sum + #l last = l end
print(count, sum, #last)
f = io.open(n) print(#f:read(50000), #f:read(1000000), f:read(1)) f:close()
for l in io.open(n):lines() do print(l) if l == "2" then break end end

-- defaults
print(io.output(n) ~= io.stdout, io.output():write("abc") == true, io.close())
print(pcall(io.write, "x")) print(pcall(io.close))
io.output(io.stdout)
print(io.input(n) == io.input(), io.read(1), io.read("*a"), io.close(io.input())) print(pcall(io.read))
io.input(n) for l in io.lines() do print(l) end io.close(io.input()) io.input(io.stdin)
local it = io.lines(n) print(it(), it()) print(pcall(it))
f = io.open(n) it = f:lines() f:close() print(pcall(it))
print(io.stdout:close()) print(pcall(io.close, 1)) print(pcall(io.stdout.setvbuf, io.stdout, "bad"))
print(pcall(io.stdout.seek, io.stdout, "x")) print(pcall(f.seek, newproxy())) print(pcall(io.input, f))

-- failures
print(io.open("/nonexistent/x", "w")) print(io.open("/nonexistent/x")) print(select("#", io.open(n, "z")), select(3, io.open(n, "z")))
print(pcall(io.lines, "/nonexistent")) print(pcall(io.input, "/nonexistent")) print(pcall(io.open))
print(os.rename("/nonexistent", n)) print(os.remove("/nonexistent")) print(os.remove(n)) print(os.remove(n) == nil)
local t = io.tmpfile() t:write("abc") t:seek("set") print(t:read("*a")) t:close()

-- processes
print(os.execute("exit 3"), os.execute("true"), os.execute() ~= 0)
local p = io.popen("echo out; echo more") print(p:read("*a")) print(p:close())
p = io.popen("cat > " .. n, "w") p:write("through a pipe\n") print(p:close()) print(io.open(n):read("*a")) os.remove(n)

-- time and names
print(os.date("!%Y-%m-%d %H:%M:%S %j %a %b %p %y %%", 86400 * 365)) print(os.date("!%c|%x|%X", 1e9)) print(os.date("!x%", 0))
local d = os.date("!*t", 1e9)
print(d.year, d.month, d.day, d.hour, d.min, d.sec, d.wday, d.yday, d.isdst)
print(os.time(os.date("*t", 123456789)), os.time{year = 2000, month = 14, day = -3} == os.time{year = 2001, month = 1, day = 28})
print(pcall(os.time, {year = 2000})) print(pcall(os.date, {})) print(pcall(os.date, "*t", "x"))
print(os.setlocale(), os.setlocale("C"), os.setlocale("xx"), os.setlocale(nil, "all"), pcall(os.setlocale, "C", "zz"))
print(os.difftime(10, 4), pcall(os.difftime), type(os.getenv("PATH")), pcall(os.getenv))
