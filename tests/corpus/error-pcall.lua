-- pcall and xpcall: results, nesting, handlers, errors in handlers, use in
-- loops and recursion, and state after an error.
print(pcall(function() end))
print(pcall(function(...) return ... end, 1, nil, 3))
print(pcall(pcall, error, "x", 0))
print(pcall(pcall))
print(pcall(error, "a", 0))
print(select("#", pcall(function() return nil, nil end)))

-- Nesting.
print(pcall(function()
  local ok, e = pcall(function()
    local ok, e = pcall(error, "innermost", 0)
    error(e .. " passed on", 0)
  end)
  return ok, e, "outer returns"
end))
local function nest(n)
  if n == 0 then error("bottom", 0) end
  local ok, e = pcall(nest, n - 1)
  error(e .. n, 0)
end
print(pcall(nest, 9))
local depth = 0
local function down(n)
  depth = n
  if n < 150 then return pcall(down, n + 1) end
  return "reached"
end
print((down(1)), depth, select("#", down(1)))

-- xpcall: the handler sees the value, its result is the result.
print(xpcall(function() return 1, 2, 3 end, print))
print(xpcall(function() error("text", 0) end, function(e) return "handled " .. e end))
print(xpcall(function() error({ code = 5 }) end, function(e) return e.code end))
print(xpcall(function() local x = nil; return x.y end, function(e) return "<" .. e .. ">" end))
print(xpcall(function() error() end, function(e) return e == nil, "cut" end))
print(xpcall(function() error("x", 0) end, function(e) end))
local seen = {}
print(xpcall(function()
  local ok = pcall(error, "inner")
  seen[#seen + 1] = tostring(ok)
  error("outer", 0)
end, function(e) seen[#seen + 1] = e return #seen end))
print(table.concat(seen, " "))
-- A handler that fails gives some error, and no crash.
print((xpcall(function() error("x") end, function(e) error("y") end)))
print((xpcall(function() error("x") end, nil)))
-- Handlers in nesting: the innermost counts.
print(xpcall(function()
  return xpcall(function() error("deep", 0) end, function(e) return "inner handler: " .. e end)
end, function(e) return "outer handler" end))
print(xpcall(function()
  xpcall(function() return 1 end, function() return "unused" end)
  error("after", 0)
end, function(e) return "outer handler: " .. e end))

-- Locals, upvalues and loops after errors.
local total, caught = 0, 0
for i = 1, 100 do
  local v = i
  local ok = pcall(function()
    v = v + 1
    if i % 3 == 0 then error("skip") end
    v = v + 1
  end)
  if not ok then caught = caught + 1 end
  total = total + v
end
print(total, caught)

-- pcall as iterator body, as method argument, in expressions.
local results = {}
for _, f in ipairs { function() return "fine" end, function() error("bad", 0) end, function() return nil .. "x" end } do
  results[#results + 1] = tostring(select(2, pcall(f)))
end
print(table.concat(results, " | "))
print(pcall(string.rep, "ab", 3), (pcall(string.rep)))
print(pcall(setmetatable({}, { __call = function(_, a) return "called", a end }), 5))
print((pcall(function() return pcall(error, "t", 0) end)))

-- Clean-up by hand.
local function with(resource, body)
  resource.open = true
  local ok, e = pcall(body, resource)
  resource.open = false
  if not ok then error(e, 0) end
  return e
end
local r = {}
print(with(r, function(x) return x.open end), r.open)
print(pcall(with, r, function() error("while open", 0) end), r.open)

-- Errors in metamethods and iterators come through.
local m = setmetatable({}, {
  __index = function(_, k) error("no field " .. k, 0) end,
  __newindex = function() error("no writing", 0) end,
  __add = function() error("no sums", 0) end,
  __lt = function() error("no order", 0) end,
  __call = function() error("no calls", 0) end,
  __concat = function() error("no text", 0) end,
})
print(pcall(function() return m.x end))
print(pcall(function() m.x = 1 end))
print(pcall(function() return m + 1 end))
print(pcall(function() return m < m end))
print(pcall(function() return m() end))
print(pcall(function() return m .. "" end))
print(pcall(function() for _ in function() error("no loop", 0) end do end end))
