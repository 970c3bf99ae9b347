-- Every way in which operands come in registers of the processor: generated loops, with few
-- and with many locals below, whose results are printed.

local many = {}
for i = 1, 18 do many[i] = "q" .. i end
many = "local " .. table.concat(many, ", ") .. "\n"

local count, sum = 0, 0
local function run(body, loop)
  for _, before in ipairs { "", many } do
    local code = before .. [[
      local a, b, c, d, e, f, z = 1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 0
      local t = {}
      for i = 1, 60 do t[i] = i end
      ]] .. loop:gsub("BODY", function() return body end) .. [[
      return a + b + c + d + e + f + z]]
    local f = assert(loadstring(code, "=generated"))
    local x = f()
    for n = 1, 3 do assert(f() == x or x ~= x) end
    count = count + 1
    if x == x and x < 1e15 and x > -1e15 then sum = sum + x end
  end
end

-- All are computed in the loop and wanted in its next turn: kept in this order.
local steps = { "a = a * 0.5 + 1", "b = b * 0.25 + 2", "c = c * 0.5 + 3", "d = d * 0.5 + 4", "e = e * 0.5 + 5", "f = f * 0.5 + 6" }
local all = table.concat(steps, "\n")
local loops = {
  "for i = 1, 40 do BODY end",
  "for i = 40, 1, -1 do BODY end",
  "local n = 0 while n < 40 do n = n + 1 BODY end",
  "local n = 0 repeat n = n + 1 BODY until n >= 40",
}
for _, op in ipairs { "+", "-", "*", "/", "%" } do
  for _, pair in ipairs { { "a", "b" }, { "b", "a" }, { "a", "a" }, { "c", "d" }, { "d", "e" }, { "e", "c" }, { "b", "f" }, { "f", "f" } } do
    local x, y = pair[1], pair[2]
    for _, loop in ipairs { loops[1], loops[3] } do
      run(all .. " z = " .. x .. op .. y .. " z = z * 0.5 + z", loop)
      run("a = a * 0.5 + 1 b = b * 0.5 + 1 z = a " .. op .. " b z = b " .. op .. " a", loop)
    end
  end
end
-- As many as there are, and the loop's index behind them.
for n = 1, 6 do
  local some = table.concat(steps, "\n", 1, n)
  for _, loop in ipairs(loops) do
    run(some, loop)
    for k = 1, n do
      local x = ("abcdef"):sub(k, k)
      run(some .. " if z == 7 then " .. x .. " = i end " .. " z = " .. x .. " + 1", loop)
      run(some .. " if z == 1 then " .. x .. " = 2 end z = t[2 + " .. x .. " % 1] or 3", loop)
      run(some .. " if " .. x .. " > 50 then " .. x .. " = 1 end", loop)
    end
  end
  run(some, "local step = tonumber('-1') for i = 30, 1, step do BODY end")
end
-- Comparisons, as jumps and as the ends of loops.
for _, op in ipairs { "<", "<=", ">", ">=", "==", "~=" } do
  for _, pair in ipairs { { "a", "b" }, { "b", "a" }, { "a", "c" }, { "c", "a" }, { "a", "3" }, { "3", "a" }, { "b", "9" }, { "9", "b" } } do
    local condition = pair[1] .. op .. pair[2]
    for _, last in ipairs { "", "c = c * 0.5 + 3" } do
      for _, test in ipairs { "if C then z = z + 1 end", "if not (C) then z = z + 2 end", "if C or z == 5 then z = z + 3 end", "local x = C if x then z = z + 1 end" } do
        run("a = a * 0.5 + 1 b = b * 0.5 + 2 " .. last .. " " .. test:gsub("C", condition), loops[1])
      end
      local turn = "z = z + 1 a = a * 0.9 + 1 b = b * 0.8 + 2 " .. last
      run(turn, "while z < 50 and " .. condition .. " do BODY end")
      run(turn, "while " .. condition .. " do BODY if z > 50 then break end a = a + 0 b = b + 0 end")
      run("if z > 50 then break end " .. turn, "while " .. condition .. " do BODY end")
      run("if z > 50 then break end " .. turn, "repeat BODY until " .. condition)
      run("if z > 50 then break end " .. turn .. " c = c + 1", "repeat BODY until " .. condition)
      run("if z > 50 then break end " .. turn .. " c = c + 1", "while " .. condition .. " do BODY end")
    end
  end
end
-- Indices.
for _, loop in ipairs { loops[1], loops[2] } do
  run("z = z + t[i] t[i] = i t[i + 1] = i + 1 z = z + t[i + 1] * t[i] z = z - t[i + 0]", loop)
  run("a = a % 7 + 1 local k = a - a % 1 z = t[k] + z t[k] = k z = t[k - 1 + 1] + z t[k + 1] = k + 1", loop)
  run("a = i * 1 local x = t[a] + 1 local y = t[i * 1] z = z + x + y c = t[i] c = c + c d = t[a + 1] d = d + c", loop)
end
run(all .. " z = z * 0.5 + z z = b * f - z", loops[1])
-- A captured variable that is assigned.
many = many .. "local u = 1 local function get() " .. many .. " local x = 0 for i = 1, 3 do x = u + x end return x end\n"
run("u = u + 1 z = z + get()", "local u = 0 local function get() return u + 1 end for i = 1, 40 do BODY end")
run("u = u + 1 z = z + get()", "local u = 0 local function get() " .. many:match("^[^\n]*") .. " return u + 1 end for i = 1, 40 do BODY end")
print(count, string.format("%.10g", sum))
