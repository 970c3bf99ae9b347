-- Metamethods of operators where a type has a metatable of its own, and NaNs among the operands.
debug.setmetatable(nil, {__add=function(a,b) return "nil+" end, __lt=function() return true end})
local t=setmetatable({}, {__add=function(a,b) return "t+" end, __lt=function(a,b) return false end, __le=function() return true end})
for i=1,3 do print(nil+t, t+nil, 1+t, t+1, t+t, t<t, t<=t, "x"==t) end
debug.setmetatable(0, {__add=function(a,b) return "num+" end})
for i=1,3 do print(1+t, t+1, nil+t, pcall(function() return "a"+t end)) end
for i=1,3 do print(pcall(function() return 1 < t end)) print(pcall(function() return t - 1 end)) end
debug.setmetatable(0, nil)
for i=1,3 do print(1+t, t+1) end
local p = newproxy(true); getmetatable(p).__sub=function(a,b) return "psub" end
for i=1,3 do print(p-1, 1-p, p-p, pcall(function() return p+1 end)) end
debug.setmetatable(0, {__add=function(a,b) return "num+" end, __lt=function() return "x" end})
local n, inf = 0/0, 1/0
for i=1,3 do print(n+1 ~= n+1, (inf + -inf) ~= 0, n < 1, n < n, 1 + t) end
debug.setmetatable(0, nil)
