-- Times library functions and operators one by one: prints a line "name nanoseconds"
-- per case, the shortest of several rounds, without the time of an empty loop.
-- Arguments: a pattern that the names must match; milliseconds per round.

local filter, round = arg and arg[1] or "", (tonumber(arg and arg[2]) or 25) / 1000

-- {name, code that runs before the loop, code of one turn; `i` is the loop's variable}
local cases = {
  -- base
  { "type", "local x = {}", "local _ = type(x)" },
  { "tostring/int", "", "local _ = tostring(i % 1000)" },
  { "tostring/float", "", "local _ = tostring(i + 0.25)" },
  { "tostring/string", "", "local _ = tostring('abc')" },
  { "tostring/bool", "", "local _ = tostring(true)" },
  { "tonumber/int", "", "local _ = tonumber('1234')" },
  { "tonumber/float", "", "local _ = tonumber('12.5e3')" },
  { "tonumber/hex", "", "local _ = tonumber('ff', 16)" },
  { "tonumber/number", "", "local _ = tonumber(i)" },
  { "assert", "", "assert(i)" },
  { "select/#", "local function f(...) return select('#', ...) end", "local _ = f(1, 2, 3)" },
  { "select/n", "local function f(...) return select(2, ...) end", "local _ = f(1, 2, 3)" },
  { "unpack", "local t = {1, 2, 3}", "local a, b, c = unpack(t)" },
  { "unpack/20", "local t = {} for i = 1, 20 do t[i] = i end local function f(...) end", "f(unpack(t))" },
  { "rawget", "local t = {x = 1}", "local _ = rawget(t, 'x')" },
  { "rawset", "local t = {x = 1}", "rawset(t, 'x', i)" },
  { "rawequal", "local t = {x = 1}", "local _ = rawequal(t, i)" },
  { "next", "local t = {x = 1}", "local _ = next(t)" },
  { "next/loop", "local t = {a = 1, b = 2, c = 3, d = 4}", "local k, v = next(t) while k do k, v = next(t, k) end" },
  { "pairs/record", "local t = {a = 1, b = 2, c = 3, d = 4}", "for k, v in pairs(t) do end" },
  { "pairs/array", "local t = {1, 2, 3, 4, 5, 6, 7, 8}", "for k, v in pairs(t) do end" },
  { "pairs/hash", "local t = {} for i = 1, 20 do t[i * 1000] = i end", "for k, v in pairs(t) do end" },
  { "pairs/dictionary", "local t = {} for i = 1, 200 do t['k' .. i] = i end", "for k, v in pairs(t) do end" },
  { "pairs/next", "local t = {a = 1, b = 2, c = 3, d = 4}", "for k, v in next, t do end" },
  { "ipairs", "local t = {1, 2, 3, 4, 5, 6, 7, 8}", "for k, v in ipairs(t) do end" },
  { "ipairs/empty", "local t = {}", "for k, v in ipairs(t) do end" },
  { "for/closure", "local function step(n, i) if i < n then return i + 1 end end", "for k in step, 8, 0 do end" },
  { "setmetatable", "local m = {__index = {}}", "local _ = setmetatable({}, m)" },
  { "getmetatable", "local t = setmetatable({}, {})", "local _ = getmetatable(t)" },
  { "pcall", "local function f() end", "pcall(f)" },
  { "pcall/native", "", "pcall(type, 1)" },
  { "pcall/error", "local function f() error('x', 0) end", "pcall(f)" },
  { "pcall/error at", "local function f() error('x') end", "pcall(f)" },
  { "xpcall", "local function f() end local function h() end", "xpcall(f, h)" },
  { "loadstring", "", "local _ = loadstring('return 1')" },
  { "__index/function", "local t = setmetatable({}, {__index = function(t, k) return k end})", "local _ = t.x" },
  { "__newindex/function", "local t = setmetatable({}, {__newindex = function(t, k, v) end})", "t.x = i" },
  { "__add", "local t = setmetatable({}, {__add = function(a, b) return b end})", "local _ = t + i" },
  { "__eq", "local m = {__eq = function(a, b) return true end} local a, b = setmetatable({}, m), setmetatable({}, m)", "local _ = a == b" },
  { "__lt", "local m = {__lt = function(a, b) return true end} local a, b = setmetatable({}, m), setmetatable({}, m)", "local _ = a < b" },
  { "__call", "local t = setmetatable({}, {__call = function(self, a) return a end})", "local _ = t(i)" },
  { "__concat", "local t = setmetatable({}, {__concat = function(a, b) return a end})", "local _ = t .. 'x'" },
  { "__tostring", "local t = setmetatable({}, {__tostring = function() return 'x' end})", "local _ = tostring(t)" },
  -- coroutine
  { "coroutine.create", "local f = function() end local create = coroutine.create", "local _ = create(f)" },
  { "coroutine.wrap/run", "local f = function() end local wrap = coroutine.wrap", "wrap(f)()" },
  { "coroutine.resume", "local yield = coroutine.yield local co = coroutine.create(function() while true do yield() end end) local resume = coroutine.resume", "resume(co)" },
  { "coroutine.resume/3", "local yield = coroutine.yield local co = coroutine.create(function() while true do yield(1, 2, 3) end end) local resume = coroutine.resume", "local _, a, b, c = resume(co, 1, 2, 3)" },
  { "coroutine.wrap", "local yield = coroutine.yield local f = coroutine.wrap(function() while true do yield(1) end end)", "local _ = f()" },
  { "coroutine/for", "local yield = coroutine.yield local function g() for i = 1, 8 do yield(i) end end", "for x in coroutine.wrap(g) do end" },
  { "coroutine.status", "local co = coroutine.create(function() end) local status = coroutine.status", "local _ = status(co)" },
  { "coroutine.running", "local running = coroutine.running", "local _ = running()" },
  -- math
  { "math.abs", "local f = math.abs", "local _ = f(-i)" },
  { "math.ceil", "local f = math.ceil", "local _ = f(i + 0.5)" },
  { "math.floor", "local f = math.floor", "local _ = f(i + 0.5)" },
  { "math.floor/global", "", "local _ = math.floor(i + 0.5)" },
  { "math.sqrt", "local f = math.sqrt", "local _ = f(i)" },
  { "math.sin", "local f = math.sin", "local _ = f(i * 0.001)" },
  { "math.cos", "local f = math.cos", "local _ = f(i * 0.001)" },
  { "math.tan", "local f = math.tan", "local _ = f(i * 0.001)" },
  { "math.asin", "local f = math.asin", "local _ = f(0.3)" },
  { "math.acos", "local f = math.acos", "local _ = f(0.3)" },
  { "math.atan", "local f = math.atan", "local _ = f(i * 0.001)" },
  { "math.atan2", "local f = math.atan2", "local _ = f(i, 3)" },
  { "math.sinh", "local f = math.sinh", "local _ = f(0.7)" },
  { "math.cosh", "local f = math.cosh", "local _ = f(0.7)" },
  { "math.tanh", "local f = math.tanh", "local _ = f(0.7)" },
  { "math.exp", "local f = math.exp", "local _ = f(i % 10)" },
  { "math.log", "local f = math.log", "local _ = f(i)" },
  { "math.log10", "local f = math.log10", "local _ = f(i)" },
  { "math.pow", "local f = math.pow", "local _ = f(i, 0.3)" },
  { "math.pow/2", "local f = math.pow", "local _ = f(i, 2)" },
  { "^/0.5", "", "local _ = i ^ 0.5" },
  { "^/2", "", "local _ = i ^ 2" },
  { "^/3", "", "local _ = i ^ 3" },
  { "^/variable", "local e = 1.7", "local _ = i ^ e" },
  { "math.fmod", "local f = math.fmod", "local _ = f(i, 7)" },
  { "math.fmod/float", "local f = math.fmod", "local _ = f(i + 0.5, 7.25)" },
  { "%", "local m = 7", "local _ = i % m" },
  { "%/float", "local m = 7.25", "local _ = (i + 0.5) % m" },
  { "math.modf", "local f = math.modf", "local _ = f(i + 0.25)" },
  { "math.frexp", "local f = math.frexp", "local _ = f(i)" },
  { "math.ldexp", "local f = math.ldexp", "local _ = f(0.7, 5)" },
  { "math.min", "local f = math.min", "local _ = f(i, 100)" },
  { "math.max", "local f = math.max", "local _ = f(i, 100)" },
  { "math.max/4", "local f = math.max", "local _ = f(i, 100, 3, 5)" },
  { "math.random", "local f = math.random", "local _ = f()" },
  { "math.random/n", "local f = math.random", "local _ = f(100)" },
  { "math.random/m,n", "local f = math.random", "local _ = f(10, 100)" },
  { "math.deg", "local f = math.deg", "local _ = f(i)" },
  -- string
  { "string.byte", "local s, f = 'abcdef', string.byte", "local _ = f(s, 3)" },
  { "s:byte", "local s = 'abcdef'", "local _ = s:byte(3)" },
  { "string.byte/3", "local s, f = 'abcdef', string.byte", "local a, b, c = f(s, 1, 3)" },
  { "string.char", "local f = string.char", "local _ = f(65 + i % 26)" },
  { "string.char/3", "local f = string.char", "local _ = f(65, 66, 67)" },
  { "string.len", "local f = string.len", "local _ = f('abc')" },
  { "s:len", "local s = 'abc'", "local _ = s:len()" },
  { "#s", "local s = 'abc'", "local _ = #s" },
  { "string.sub/1", "local s, f = 'abcdefghij', string.sub", "local j = i % 10 + 1 local _ = f(s, j, j)" },
  { "string.sub/5", "local s, f = 'abcdefghij', string.sub", "local _ = f(s, 3, 7)" },
  { "s:sub/tail", "local s = 'abcdefghij'", "local _ = s:sub(2)" },
  { "string.sub/new", "local s, f = ('abcdefghij'):rep(1000), string.sub", "local j = i % 9000 local _ = f(s, j, j + 40)" },
  { "string.rep", "local f = string.rep", "local _ = f('ab', 10)" },
  { "string.rep/1000", "local f = string.rep", "local _ = f('x', 1000)" },
  { "string.lower", "local f = string.lower", "local _ = f('Hello World')" },
  { "string.upper", "local f = string.upper", "local _ = f('Hello World')" },
  { "string.reverse", "local f = string.reverse", "local _ = f('Hello World')" },
  { "string.format/%d", "local f = string.format", "local _ = f('%d', i)" },
  { "string.format/%5d", "local f = string.format", "local _ = f('%5d', i % 100)" },
  { "string.format/%x", "local f = string.format", "local _ = f('%x', i)" },
  { "string.format/%s", "local f = string.format", "local _ = f('<%s>', 'abc')" },
  { "string.format/%-10s", "local f = string.format", "local _ = f('%-10s|', 'abc')" },
  { "string.format/%.2f", "local f = string.format", "local _ = f('%.2f', i * 0.37)" },
  { "string.format/%g", "local f = string.format", "local _ = f('%g', i * 0.37)" },
  { "string.format/%.14g", "local f = string.format", "local _ = f('%.14g', i * 0.37)" },
  { "string.format/%e", "local f = string.format", "local _ = f('%e', i * 0.37)" },
  { "string.format/%q", "local f = string.format", "local _ = f('%q', 'a \"quoted\" text')" },
  { "string.format/%c", "local f = string.format", "local _ = f('%c%c', 65, 66)" },
  { "string.format/many", "local f = string.format", "local _ = f('%s: %d of %d (%5.1f%%)', 'name', i, 1000, 12.5)" },
  { "string.find/plain", "local s, f = ('x'):rep(50) .. 'needle', string.find", "local _ = f(s, 'needle', 1, true)" },
  { "string.find/char", "local s, f = 'key=value', string.find", "local _ = f(s, '=')" },
  { "string.find/class", "local s, f = 'hello 123 world', string.find", "local _ = f(s, '%d+')" },
  { "string.find/anchor", "local s, f = 'hello 123 world', string.find", "local _ = f(s, '^%a+', 1)" },
  { "string.find/none", "local s, f = ('abc '):rep(50), string.find", "local _ = f(s, '%d')" },
  { "string.match", "local s, f = 'key = value', string.match", "local k, v = f(s, '^(%w+)%s*=%s*(%w+)$')" },
  { "s:match", "local s = 'key = value'", "local k = s:match('%w+')" },
  { "string.match/date", "local s, f = '2026-11-22', string.match", "local y, m, d = f(s, '(%d+)-(%d+)-(%d+)')" },
  { "string.gmatch", "local s, f = 'the quick brown fox jumps', string.gmatch", "for w in f(s, '%a+') do end" },
  { "string.gsub/char", "local s, f = 'the quick brown fox jumps', string.gsub", "local _ = f(s, ' ', '_')" },
  { "string.gsub/class", "local s, f = 'the quick brown fox jumps', string.gsub", "local _ = f(s, '%s+', '')" },
  { "string.gsub/capture", "local s, f = 'the quick brown fox jumps', string.gsub", "local _ = f(s, '(%w+)', '<%1>')" },
  { "string.gsub/function", "local s, f = 'the quick brown fox jumps', string.gsub local function g(w) return w end", "local _ = f(s, '%w+', g)" },
  { "string.gsub/native", "local s, f = 'the quick brown fox jumps', string.gsub local g = string.upper", "local _ = f(s, '%w+', g)" },
  { "string.gsub/table", "local s, f = 'the quick brown fox jumps', string.gsub local g = {quick = 'slow'}", "local _ = f(s, '%w+', g)" },
  { "string.gsub/none", "local s, f = 'the quick brown fox jumps', string.gsub", "local _ = f(s, '%d', '')" },
  { "string.gsub/trim", "local s, f = '   some text  ', string.gsub", "local _ = f(s, '^%s*(.-)%s*$', '%1')" },
  { "..", "local a, b = 'abc', 'def'", "local _ = a .. b" },
  { "../new", "local a = 'abc'", "local _ = a .. i" },
  { "../5", "local a, b = 'abc', 'def'", "local _ = a .. ':' .. b .. ',' .. i % 100" },
  { "../grow", "local s = ''", "s = s .. 'x' if #s > 200 then s = '' end" },
  { "../float", "local a = 'abc'", "local _ = a .. i + 0.5" },
  { "s < s", "local a, b = 'abcdef', 'abcxyz'", "local _ = a < b" },
  { "s == s", "local a, b = 'abcdef', 'abcxyz'", "local _ = a == b" },
  { "s + 1", "local a = '10'", "local _ = a + 1" },
  -- table
  { "table.insert", "local t, f = {}, table.insert", "f(t, i) if #t == 1000 then t = {} end" },
  { "t[#t+1]", "local t = {}", "t[#t + 1] = i if #t == 1000 then t = {} end" },
  { "table.insert/front", "local t, f = {}, table.insert", "f(t, 1, i) if #t == 50 then t = {} end" },
  { "table.insert/remove", "local t, f, g = {1, 2, 3}, table.insert, table.remove", "f(t, i) g(t)" },
  { "table.remove/front", "local t, f, g = {1, 2, 3, 4, 5, 6, 7, 8}, table.insert, table.remove", "f(t, i) g(t, 1)" },
  { "table.concat", "local t, f = {}, table.concat for i = 1, 20 do t[i] = 'item' .. i end", "local _ = f(t, ', ')" },
  { "table.concat/numbers", "local t, f = {}, table.concat for i = 1, 20 do t[i] = i end", "local _ = f(t, ',')" },
  { "table.concat/3", "local t, f = {'a', 'b', 'c'}, table.concat", "local _ = f(t)" },
  { "table.sort/20", "local src, t, f = {}, {}, table.sort for i = 1, 20 do src[i] = i * 7919 % 101 end", "for j = 1, 20 do t[j] = src[j] end f(t)" },
  { "table.sort/20,less", "local src, t, f = {}, {}, table.sort for i = 1, 20 do src[i] = i * 7919 % 101 end local function less(a, b) return a < b end", "for j = 1, 20 do t[j] = src[j] end f(t, less)" },
  { "table.sort/200,less", "local src, t, f = {}, {}, table.sort for i = 1, 200 do src[i] = i * 7919 % 1009 end local function less(a, b) return a > b end", "for j = 1, 200 do t[j] = src[j] end f(t, less)" },
  { "table.sort/strings", "local src, t, f = {}, {}, table.sort for i = 1, 20 do src[i] = 'k' .. i * 7919 % 101 end", "for j = 1, 20 do t[j] = src[j] end f(t)" },
  { "table.maxn", "local t, f = {1, 2, 3, x = 1}, table.maxn", "local _ = f(t)" },
  { "table.getn", "local t, f = {1, 2, 3}, table.getn", "local _ = f(t)" },
  { "#t", "local t = {1, 2, 3}", "local _ = #t" },
  { "table.foreach", "local t, f = {a = 1, b = 2, c = 3}, table.foreach local function g(k, v) end", "f(t, g)" },
  { "table.foreachi", "local t, f = {1, 2, 3, 4}, table.foreachi local function g(k, v) end", "f(t, g)" },
  { "{}", "", "local _ = {}" },
  { "{1,2,3}", "", "local _ = {i, 2, 3}" },
  { "{x=,y=}", "", "local _ = {x = i, y = 2}" },
  { "{...}", "local function f(...) return {...} end", "local _ = f(1, 2, 3)" },
  { "closure", "", "local _ = function() return i end" },
  -- os and io
  { "os.time", "local f = os.time", "local _ = f()" },
  { "os.clock", "local f = os.clock", "local _ = f()" },
  { "os.date", "local f = os.date", "local _ = f('%Y-%m-%d', 86400)" },
  { "io.write", "local f = assert(io.open('/dev/null', 'w'))", "f:write('abc', i, '\\n')" },
}

local clock = os.clock

local function make(setup, code)
  return assert(loadstring(setup .. "\nreturn function(n) for i = 1, n do " .. code .. " end end"))()
end

local function measure(run)
  local n, took = 16, 0
  while true do
    local start = clock()
    run(n)
    took = clock() - start
    if took > round / 4 then break end
    n = n * 2
  end
  n = math.max(1, math.floor(n * round / took))
  local best = math.huge
  for _ = 1, 3 do
    local start = clock()
    run(n)
    best = math.min(best, (clock() - start) / n)
  end
  return best * 1e9
end

local empty = measure(make("", ""))
for _, case in ipairs(cases) do
  local name, setup, code = case[1], case[2], case[3]
  if name:find(filter) then
    -- What an engine lacks is left out.
    local ok, f = pcall(make, setup, code)
    if ok and pcall(f, 1) then
      io.write(("%s\t%.2f\n"):format(name, math.max(measure(f) - empty, 0.1)))
    end
  end
end
