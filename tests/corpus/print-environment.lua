-- `print` takes `tostring` from the globals of the running thread, with their metamethods.
local p = print
local g = getfenv(0)
for _, env in ipairs{ {}, {tostring=function(x) return "T"..type(x) end}, {tostring=function(x) return 1 end}, {tostring=function(x) return {} end}, setmetatable({}, {__index=g}), setmetatable({}, {__index=function(t,k) return function(...) return k, ... end end}), setmetatable({}, {__index=function(t,k) g.error("x"..k) end}), {tostring=5} } do
  setfenv(0, env)
  local r = {g.pcall(p, 1,2,nil)}
  setfenv(0, g)
  p(unpack(r))
end
