-- tostring of numbers ("%.14g") and numerals in source text.
print(0, 1, -1, 100, 1e3, 123456789, 1234567890123)
print(1e14, 1e15, 1e16, 1e100, -1e15, 123456789012345, 1234567890123456)
print(99999999999999, 999999999999999, 2 ^ 31, 2 ^ 32, 2 ^ 53, 2 ^ 63, 2 ^ 64)
print(0.1, 0.5, 1.5, -2.25, 3.14159265358979, 1 / 3, 2 / 3, 10 / 3, 100 / 3)
print(0.001, 0.0001, 0.00001, 0.000012345, 1e-5, 1e-10, 1e-300, 5e-324)
print(1.7976931348623157e308, 2.2250738585072014e-308, math.huge, -math.huge)
print(math.pi, -math.pi, math.pi * 1e10, math.pi * 1e-10)
print(0.1 + 0.2, 1 - 0.9, 1e15 + 0.3, 123456.789e3)
print(100000000000000, 1e14 + 0.5, 12345678901234.5)

-- Numerals.
print(3, 3.0, 3.1416, 314.16e-2, 0.31416E1, 0xff, 0x56, 0XA, 0xdeadBEEF)
print(.5, 5., 5.e1, .5e1, 1e+2, 1E-2, 00012, 0e12)

-- The same in tostring, .. and tables' keys.
print(tostring(1e15), tostring(-0.5), tostring(12), 1e15 .. "", 0.5 .. "x", 12 .. 13)
local t = { [0.1] = "a", [1e15] = "b", [3.0] = "c" }
print(t[0.1], t[1e15], t[3])
for _, v in ipairs { 1, 10, 100, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13 } do
  print(v, v + 0.5, -v, 1 / v)
end
