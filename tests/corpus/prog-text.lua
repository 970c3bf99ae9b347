-- Text without patterns: splitting, wrapping, tables, CSV, templates, a diff,
-- Morse code, Huffman codes, word statistics.
local function split(s, separator)
  local out, start, at = {}, 1, 1
  local n = #separator
  while at <= #s do
    if s:sub(at, at + n - 1) == separator then
      out[#out + 1] = s:sub(start, at - 1)
      at = at + n
      start = at
    else
      at = at + 1
    end
  end
  out[#out + 1] = s:sub(start)
  return out
end
local function trim(s)
  local i, j = 1, #s
  while i <= j and s:byte(i) <= 32 do i = i + 1 end
  while j >= i and s:byte(j) <= 32 do j = j - 1 end
  return s:sub(i, j)
end
print(table.concat(split("a--b----c", "--"), "|"), #split("", ","), "[" .. trim("  x y \n") .. "]", "[" .. trim("   ") .. "]")

local TEXT = "A stencil is a small piece of machine code with holes for what is only known later; "
  .. "to compile is to copy such pieces one after another and to patch their holes with constants and addresses."

local function wrap(text, width, justify)
  local lines, line, length = {}, {}, 0
  local function flush(last)
    local s
    if justify and not last and #line > 1 then
      local gaps, spare = #line - 1, width - length + (#line - 1)
      local parts = {}
      for i = 1, #line do
        parts[#parts + 1] = line[i]
        if i <= gaps then
          local blanks = math.floor(spare * i / gaps) - math.floor(spare * (i - 1) / gaps)
          parts[#parts + 1] = (" "):rep(blanks)
        end
      end
      s = table.concat(parts)
    else
      s = table.concat(line, " ")
    end
    lines[#lines + 1] = s
    line, length = {}, 0
  end
  for _, word in ipairs(split(text, " ")) do
    local extra = #line > 0 and 1 or 0
    if length + extra + #word > width then
      flush(false)
      extra = 0
    end
    line[#line + 1] = word
    length = length + extra + #word
  end
  flush(true)
  return lines
end
for _, line in ipairs(wrap(TEXT, 34)) do print(line) end
for _, line in ipairs(wrap(TEXT, 40, true)) do print("|" .. line .. (" "):rep(40 - #line) .. "|") end

local function parse_csv(text)
  local rows, row, field, quoted, at = {}, {}, {}, false, 1
  local function end_field() row[#row + 1] = table.concat(field) field = {} end
  while at <= #text do
    local c = text:sub(at, at)
    if quoted then
      if c == '"' then
        if text:sub(at + 1, at + 1) == '"' then field[#field + 1] = '"' at = at + 1 else quoted = false end
      else
        field[#field + 1] = c
      end
    elseif c == '"' then quoted = true
    elseif c == "," then end_field()
    elseif c == "\n" then end_field() rows[#rows + 1] = row row = {}
    else field[#field + 1] = c
    end
    at = at + 1
  end
  return rows
end
local rows = parse_csv('name,price,note\nbolt,0.05,"small, ""round"""\ngear,12.5,\n"big\nlamp",7,bright\n')
for _, r in ipairs(rows) do
  for i, f in ipairs(r) do r[i] = string.format("%q", f) end
  print(#r, table.concat(r, " "))
end

local function fill(template, values)
  local out, at = {}, 1
  while at <= #template do
    if template:sub(at, at + 1) == "${" then
      local stop = at + 2
      while template:sub(stop, stop) ~= "}" do stop = stop + 1 end
      out[#out + 1] = tostring(values[template:sub(at + 2, stop - 1)])
      at = stop + 1
    else
      out[#out + 1] = template:sub(at, at)
      at = at + 1
    end
  end
  return table.concat(out)
end
print(fill("Dear ${name}, you owe ${sum} (${missing}).", { name = "Ada", sum = 12.5 }))

-- Huffman.
local function huffman(text)
  local counts, nodes = {}, {}
  for i = 1, #text do
    local c = text:sub(i, i)
    counts[c] = (counts[c] or 0) + 1
  end
  for c, n in pairs(counts) do nodes[#nodes + 1] = { n = n, least = c, char = c } end
  while #nodes > 1 do
    table.sort(nodes, function(a, b) if a.n ~= b.n then return a.n > b.n end return a.least > b.least end)
    local a, b = table.remove(nodes), table.remove(nodes)
    nodes[#nodes + 1] = { n = a.n + b.n, least = math.min(a.least:byte(), b.least:byte()) == a.least:byte() and a.least or b.least, left = a, right = b }
  end
  local codes = {}
  local function assign(node, code)
    if node.char then codes[node.char] = code return end
    assign(node.left, code .. "0")
    assign(node.right, code .. "1")
  end
  assign(nodes[1], "")
  return codes, nodes[1]
end
local codes, tree = huffman(TEXT)
local bits = {}
for i = 1, #TEXT do bits[i] = codes[TEXT:sub(i, i)] end
bits = table.concat(bits)
local out, at = {}, tree
for i = 1, #bits do
  at = bits:byte(i) == 48 and at.left or at.right
  if at.char then
    out[#out + 1] = at.char
    at = tree
  end
end
print(#TEXT * 8, #bits, table.concat(out) == TEXT, #codes[" "] < #codes["A"])

-- Word lengths as a bar chart; letters by frequency.
local lengths, longest = {}, 0
for _, w in ipairs(split(TEXT, " ")) do
  lengths[#w] = (lengths[#w] or 0) + 1
  longest = math.max(longest, #w)
end
for n = 1, longest do print(string.format("%2d %-12s %d", n, ("#"):rep(lengths[n] or 0), lengths[n] or 0)) end
local letters, names = {}, {}
for i = 1, #TEXT do
  local c = TEXT:sub(i, i):lower()
  if c >= "a" and c <= "z" then
    if not letters[c] then names[#names + 1] = c end
    letters[c] = (letters[c] or 0) + 1
  end
end
table.sort(names, function(a, b) if letters[a] ~= letters[b] then return letters[a] > letters[b] end return a < b end)
for i = 1, 8 do io.write(names[i], letters[names[i]], " ") end
print()

local MORSE = { s = "...", o = "---", e = ".", t = "-" }
local function morse(word)
  local out = {}
  for i = 1, #word do out[i] = MORSE[word:sub(i, i)] or "?" end
  return table.concat(out, " ")
end
print(morse("sos"), morse("toes"), morse("x"))
