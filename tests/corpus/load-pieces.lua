-- `load` stops calling its reader once an error is certain.
local function pieces(s, size)
  local i = 0
  local f, message = load(function()
    i = i + 1
    local piece = s:sub((i - 1) * size + 1, i * size)
    return piece ~= "" and piece or nil
  end, "=pieces")
  return f and f(7), message, i
end
print(pieces("*a = 123", 1))
print(pieces("return 5 + ...", 1))
print(pieces("return 'abc' .. [[\ndef]]", 3))
print(pieces("return forty_two", 2), forty_two)
-- What looks like an error only as long as more may come.
for _, s in ipairs { "return 1e1", "return 0x1F", "return 'a\\\nb'", "return a~=b", "return ...", "--[==[ x ]==] return 1",
  "for i = 1, 2 do end return i", "local function f() return 5 end return f()", "return {1, 2, 3}[1]", "return 3 .. ''" } do
  for size = 1, 4 do print(size, (select(2, pieces(s, size)))) end
end
