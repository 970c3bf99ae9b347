-- require, module, package, dofile, loadfile; without a system only package.preload.
package.preload.abc = function(...) print("loading", ...) return {n = 1} end
print(require("abc").n, require "abc" == package.loaded.abc)
package.preload.quiet = function() end
print(require "quiet", package.loaded.quiet, package.loaded.string == string, package.loaded._G == _G)
print(package.config, type(package.path), type(package.loaders))
package.preload.own = function(name) package.loaded[name] = "entered" end
print(require "own")
package.preload.falsy = function() return false end
print(require "falsy", require "falsy")
print(pcall(require)) print(pcall(require, {})) print(pcall(package.seeall)) print(pcall(module))
local M = {}
package.loaded.own = M
local function f() module("own", function(t) print(t == M, _G ~= t) end) inside = _NAME end
f()
print(M.inside, M._NAME, M._PACKAGE, M._M == M)
local function g() module("a.b.c", package.seeall) x = print ~= nil end
g()
print(a.b.c.x, a.b.c._PACKAGE, package.loaded["a.b.c"] == a.b.c)
print(pcall(module, "print.x")) print(pcall(module, "some.name"))

local folder = os.tmpname()
os.remove(folder) os.execute("mkdir " .. folder .. " " .. folder .. "/sub")
local function hide(...)
  local t = {...}
  for i = 1, select("#", ...) do t[i] = tostring(t[i]):gsub(folder:gsub("%p", "%%%0"), "FOLDER") end
  print(unpack(t, 1, select("#", ...)))
end
local function write(name, text)
  local f = assert(io.open(folder .. "/" .. name, "w")) f:write(text) f:close()
end
package.path, package.cpath = folder .. "/?.lua;;" .. folder .. "/?/init.lua", folder .. "/?.so"
hide(pcall(require, "no.such"))
write("m.lua", "module(..., package.seeall) function f() return 'f in ' .. _NAME end print(_PACKAGE == '', ...)")
print(require "m" == m, m.f(), package.loaded.m == m)
write("sub/m.lua", "module(..., package.seeall) y = 1 print(_PACKAGE, _NAME, ...)")
print(require "sub.m" == sub.m, sub.m.y)
write("sub/init.lua", "return 'from init'") print(require "sub")
write("bad.lua", "x = = 1") hide(pcall(require, "bad")) hide(pcall(require, "bad"))
write("err.lua", "error 'oops'") hide(pcall(require, "err")) hide(pcall(require, "err"))
write("loop.lua", "print(pcall(require, 'loop'))") print(require "loop")
hide(loadfile(folder .. "/bad.lua")) print(loadfile("/nonexistent")) print(pcall(dofile, "/nonexistent"))
write("d.lua", "#!shell\nreturn 1, nil, 'x', nil, ...") print(dofile(folder .. "/d.lua")) print(loadfile(folder .. "/d.lua")(7, nil))
write("e.lua", "\n\nerror('in a file')") hide(pcall(dofile, folder .. "/e.lua"))
print(pcall(coroutine.wrap(function() return dofile(folder .. "/d.lua") end)))
package.preload = 1 print(pcall(require, "zz")) package.preload = {}
package.path = nil print(pcall(require, "zz")) package.path = ""
package.cpath = {} print(pcall(require, "zz")) package.cpath = ""
print(pcall(require, "zz"))
package.loaders[2] = function(name) return function(...) return name .. " by a loader", ... end end print(require "zz")
package.loaders = nil print(pcall(require, "yy"))
os.execute("rm -r " .. folder)
