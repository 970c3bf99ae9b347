-- string.format: every conversion, with flags, width and precision.
local f = string.format
print(f("%d %i %u", 42, -42, 42), f("%5d|%-5d|%05d|%+d|% d", 42, 42, 42, 42, 42))
print(f("%.3d|%8.3d|%-8.3d|%+.3d", 5, 5, 5, 5), f("%d", 3.99), f("%d", -3.99), f("%d", "10"))
print(f("%d %d", 2147483647, -2147483648), f("%d", 2 ^ 31), f("%d", 2 ^ 52), f("%d", -2 ^ 52))
print(f("%x %X %#x %o %#o", 255, 255, 255, 8, 8), f("%08x|%-8x|%4x", 48879, 48879, 48879), f("%x", 2 ^ 32))
print(f("%c%c%c", 76, 117, 97), #f("%c", 0), f("%5c|%-5c|", 65, 66))

print(f("%f %f %f", 1, 1.5, -2.25), f("%.0f %.1f %.3f %.10f", 2.75, 2.25, 1 / 3, 0.1))
print(f("%8.2f|%-8.2f|%08.2f|%+.2f|% .2f", 3.14159, 3.14159, 3.14159, 3.14159, 3.14159))
print(f("%.0f %.0f %.0f %.0f", 0.5, 1.5, 2.5, 3.5), f("%#.0f", 1))
print(f("%e %E %.2e %.0e", 12345.678, 0.00012, 12345.678, 5), f("%12.3e|%-12.3e|", 1, 1), f("%e", 0))
print(f("%g %g %g %g %g", 100000, 1000000, 0.0001, 0.00001, 1e100), f("%G", 1e-10), f("%.3g %.10g", 1234.5678, 1234.5678))
print(f("%#g %g %g", 1, 1.0, 1.50), f("%10g|%-10g|", 1.5, 1.5), f("%.14g", 0.1), f("%.17g", 0.1), f("%.20f", 0.1))
print(f("%.99f", 1 / 3) == f("%.99f", 1 / 3), #f("%.99f", 1 / 3), f("%.40g", 2 ^ 100))
print(f("%f", 1e15), f("%.0f", 1e22), f("%.3f", 2 ^ 70), #f("%f", 1e308))
print(f("%g %g %f %d", math.huge, -math.huge, math.huge, 0), f("%5.1f|%-8g|", math.huge, -math.huge))
print(f("%g %.14g", 0, 5e-324), f("%g", 123456), f("%g", 1234567), f("%g", 12345e-9))

print(f("%s %s %s %s", "text", 12, 1.5, -0.1), f("%10s|%-10s|%.2s|%10.3s|", "right", "left", "cut", "cutter"))
print(f("%s", "with\0zero") == "with\0zero", #f("%s", ("x"):rep(500)), f("%s|", ""), f("%5s|%-5s|", "", ""))
print(f("%%"), f("100%%"), f(""), f("no directives"), f("%s%%%s", "a", "b"))

print(f("%q", "plain"), f("%q", 'with "quotes"'), f("%q", "back\\slash"), f("%q", "new\nline"))
print(f("%q", "tab\t"), f("%q", "zero\0end"), f("%q", "cr\r"), f("%q", ""), f("%q", 12))

print(f("%d of %d: %s is %5.1f%% (%x)", 1, 2, "name", 99.5, 255))
print(f("%2d|%2d|%2d", 1, 10, 100), f("%-3d|%-3d|", 1, 1000), f("%3s|%3s|", "ab", "abcd"))
print(f("%s %s", 1e15, 123456789012345), f("%s", 0.1), f("%d", 0), f("%d", -0))
print(f("%1.1f %20.10f|", 1.25, math.pi), f("%-20.10f|", math.pi), f("%+5d|%+5d|", 3, -3))
for _, v in ipairs { 0, 1, -1, 0.5, 1e10, 1e-10, 123456.789 } do
  print(f("%d|%5.2f|%e|%g|%s", v, v, v, v, v))
end
print(f("%s %s %s", 1, 2, 3, 4, 5))
print(f("%.3s|%.0s|%.10s|", "abcdef", "abcdef", "abc"))
print(f("%i|%3i|%-3i|%03i", 7, 7, 7, 7))
