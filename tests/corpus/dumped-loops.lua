-- Functions with all kinds of loops and conditions, dumped and loaded again.
local sources = {
  "local n = 0 while n < 10 do n = n + 1 end return n",
  "local n = 10 while not (n <= 0) do n = n - 1 end return n",
  "local n, m = 0, 10 while n < m do n = n + 1 end return n",
  "local n, m = 0, 10 while n ~= m do n = n + 1 end return n",
  "local n, m = 10, 0 repeat n = n - 1 until n <= m return n",
  "local n = 0 repeat n = n + 1 until n == 7 return n",
  "local n = 0 repeat n = n + 1 until 7 <= n return n",
  "local n = 0 repeat n = n + 1 until not (7 > n) return n",
  "local s = 'a' while s ~= 'aaaa' do s = s .. 'a' end return s",
  "local s = 'a' repeat s = s .. 'b' until s == 'abbb' return s",
  "local t, n = {1, 2, 3}, 0 while t do n = n + 1 t = n < 3 and t end return n, t",
  "local t, n = nil, 0 repeat n = n + 1 t = n > 3 until t return n, t",
  "local t, n = nil, 0 while t == nil do n = n + 1 if n > 3 then t = n end end return n, t",
  "local n = 0 for i = 10, 1, -3 do n = n + i end for i = 1, ... do n = n + i end return n",
  "local n = 0 for k, v in pairs({1, 2, x = 3}) do n = n + v end for i, v in ipairs({4, 5}) do n = n * v end return n",
  "local fs = {} for i = 1, 3 do fs[i] = function() i = i + 1 return i end end return fs[1](), fs[1](), fs[3]()",
  "local n = 0 while true do n = n + 1 if n > 5 then break end end return n, ...",
}
for _, source in ipairs(sources) do
  local f = assert(loadstring(source))
  local g = assert(loadstring(string.dump(f)))
  print(g(4))
  print(f(4))
  -- Again, after both ran.
  print(assert(loadstring(string.dump(g)))(4))
end
