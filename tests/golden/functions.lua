-- One function for each file of this folder: what the baseline compiler makes of it.
local function add(a, b) return a + b end
local function compare(a, b) if a < b then return a end return b end
local function equal(a) if a == "x" then return true end return not a end
local function loop(n) local s = 0 for i = 1, n do s = s + i end return s end
local function countdown(n) while n > 0 do n = n - 1 end end
local function minus(a) return -a, a - 1 end
local function fields(t) t.x = t.y + 1 return t end
local function elements(t, i) t[i + 1] = t[i] return t[1] end
local function call(f, x) return (f(x, 1)) end
local function globals() count = count + 1 end
local function counter() local n = 0 return function() n = n + 1 return n end end
local function captured() return add, loop end
