-- Lines that line hooks see, and active lines, of statements of every kind.
local progs = {
"if\nmath.sin(1)\nthen\n  a=1\nelse\n  a=2\nend\n",
"--\nif nil then\n  a=1\nelse\n  a=2\nend\n",
"a=1\nrepeat\n  a=a+1\nuntil a==3\n",
" do\n  return\nend\n",
"local a\na=1\nwhile a<=3 do\n  a=a+1\nend\n",
"while math.sin(1) do\n  if math.sin(1)\n  then\n    break\n  end\nend\na=1",
"for i=1,3 do\n  a=i\nend\n",
"for i,v in pairs{'a','b'} do\n  a=i..v\nend\n",
"for i=1,4 do a=1 end",
"for i=1,0 do a=1 end\na=2",
"for i=1,3 do end\na=2",
"for i,v in ipairs{1,2,3} do a=1 end",
"for i,v in ipairs{1,2,3} do\n end",
"for i\n,v in\n ipairs\n{1,2}\n do\n a=1 end",
"local x,y,z\nlocal f = function()\n return x\nend\nx = 1\nf()\nlocal a = {\n1,\n2,\n3;\nx = 1,\ny = f(),\nf()\n}\n",
"local function f(a,\nb)\n local g = function() a = 1\n return b end\n b = 2\n g()\n return a\nend\nf(1,\n2)\nf(\n)",
"local function f(...)\n local x = ...\n return x\nend\nf(1)",
"local function f(...)\n local x = arg\n return x.n\nend\nf(1)",
"local t = {}\nfor i = 1, 3 do\n t[i] = function()\n i = i + 1\n return i end\nend\nt[1]()",
"local t = {}\nfor i = 1, 3 do local k = i t[i] = function() k = k + 1 return i end end\nt[1]()",
"local function fact(n)\n if n == 0 then\n return 1\n else\n return n * fact(n-1)\n end\nend\nfact(3)",
"local s = 'a' ..\n'b' ..\n tostring(1)\nlocal t = s\n.. s\nlocal n = 1 +\n 2 *\n #s\n",
"repeat local x = 1 until x == 1\nrepeat\n local x = 2\n local f = function() return x end\n x = 3\nuntil x == 3\n",
"goto_ = 1\nwhile true do\n if goto_ > 3 then break end\n goto_ = goto_ + 1\nend\n",
"local o = {}\nfunction o:m(a)\n return self,\n a\nend\nfunction o.f() end\no:m(1)\no.f()\no\n:m\n{\n2}\n",
"local a, b = 1\nlocal c = a\n, b\n",
"while nil do\n a=1\nend\nwhile 1 do\n break\nend\nlocal i = 0\nwhile i < 2\ndo\n i = i + 1\nend\nrepeat\n i = i - 1\nuntil\n i == 0\n",
"local t = setmetatable({}, {__index = function(t, k)\n return k\nend, __lt = function()\n return true\nend})\nlocal x = t.a\nif t < t then\n x = 1\nend\nlocal y = t < t\nwhile t < t do break end\n",
"local co = coroutine.wrap(function()\n coroutine.yield(1)\n return 2\nend)\nco()\nco()\n",
"return\n math.sin(\n1)",
"local x\nx = 1; x = 2\nif x then x = 3 end\nif x == 4 then x = 3 else x = 5 end\nlocal y = x == 3\nlocal z = not (x == y) or nil\n",
}
for i, s in ipairs(progs) do
  local log = {}
  local f = assert(loadstring(s))
  local function hook(e, l) log[#log + 1] = l end
  debug.sethook(hook, "l"); f() debug.sethook()
  print(i, table.concat(log, " "))
  local al = {}
  for l in pairs(debug.getinfo(f, "L").activelines) do al[#al + 1] = l end
  table.sort(al) print("  active", table.concat(al, " "))
end
