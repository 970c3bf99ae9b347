//! Errors and their messages: names of variables of all kinds, positions in statements
//! of several lines, levels, errors through library functions, coroutines and chains of
//! metamethods; chunks compiled at run time, well-formed and not; environments.
//!
//! Called by `program`.

use super::Writer;
use crate::tree::Node;

/// Expressions that mostly fail. `l` is a local, `u` an upvalue, `G` a global, `t` a
/// table; `V` stands for a value of a wrong kind.
const FAILING: [&str; 62] = [
    "l()",
    "u()",
    "undefined_function()",
    "t.field()",
    "t.a.b()",
    "t:method()",
    "t[1]()",
    "t[l]()",
    "('x')()",
    "(l or u)()",
    "l.x",
    "u.x",
    "undefined_table.x",
    "t.field.x",
    "t[1].x",
    "t[l].x",
    "l[u]",
    "l.x.y",
    "(l).x",
    "('x').y.z",
    "l + 1",
    "1 + l",
    "u + 1",
    "u .. 'x'",
    "'x' .. l",
    "t.field + 1",
    "1 + t.field",
    "t .. 'x'",
    "'x' .. t.field .. 'y'",
    "t + t",
    "-l",
    "-t.field",
    "#l",
    "#u",
    "#t.field",
    "#undefined_length",
    "l < 1",
    "1 < l",
    "l < t",
    "t < t",
    "'x' < 1",
    "l <= {}",
    "{} <= {}",
    "l < l",
    "t.field < 1",
    "l % 2",
    "2 ^ u",
    "l .. u",
    "('x').rep()",
    "('x'):rep({})",
    "('x'):bad()",
    "t.f.g.h",
    "l:x()",
    "u:x(1)",
    "undefined_object:x()",
    "t.field:x()",
    "(1)()",
    "(nil)[1]",
    "t[nil].x",
    "l()()",
    "t.t.field()",
    "#5",
];

const STATEMENTS: [&str; 20] = [
    "l.x = 1",
    "u.x = 1",
    "undefined_table.x = 1",
    "t.field.x = 1",
    "t[nil] = 1",
    "t[nan] = 1",
    "l[1] = 2",
    "t.a.b.c = 1",
    "for i = 1, l do end",
    "for i = l, 2 do end",
    "for i = 1, 2, l do end",
    "for k in l do end",
    "for k in t.field do end",
    "for k in pairs(l) do end",
    "for k, v in ipairs() do end",
    "local a = l.b",
    "l = l.b.c",
    "t.x, l.x = 1, 2",
    "error(l)",
    "error({l}, 2)",
];

const LIBRARY: [&str; 44] = [
    "string.rep(V)",
    "string.rep('x', V)",
    "('x'):rep(V)",
    "string.sub(V)",
    "string.sub('x', V)",
    "string.byte(V)",
    "string.char(V)",
    "string.char('x', 1)",
    "string.upper(V)",
    "string.len(V)",
    "string.format(V)",
    "string.format('%d', V)",
    "string.format('%s %d', 1)",
    "string.find(V, 'x')",
    "string.find('x', V)",
    "string.gsub('x', 'x', V)",
    "string.gsub('x', V, 'x')",
    "string.gmatch(V, 'x')",
    "table.concat(V)",
    "table.concat({V})",
    "table.concat({1, 2}, V)",
    "table.insert(V, 1)",
    "table.insert({}, V, 1)",
    "table.insert({})",
    "table.remove(V)",
    "table.remove({}, V)",
    "table.sort(V)",
    "table.sort({3, 2, 1}, V)",
    "table.sort({1, V, 3})",
    "table.maxn(V)",
    "math.floor(V)",
    "math.max(1, V)",
    "math.max()",
    "tonumber(V, 10)",
    "tonumber('1', V)",
    "setmetatable(V, {})",
    "setmetatable({}, V)",
    "ipairs(V)",
    "pairs(V)",
    "next(V)",
    "next({}, V)",
    "select(V)",
    "unpack(V)",
    "rawset(V, 1, 1)",
];

const VALUES: [&str; 8] = ["nil", "true", "{}", "'x'", "print", "1.5", "-1", ""];

const SOURCES: [&str; 34] = [
    "return 1, ...",
    "x =",
    "x = = 1",
    "for",
    "for i = 1 do end",
    "if x then",
    "if x then else elseif",
    "return return",
    "local function f() return f end return f() == f",
    "x = 'unfinished",
    "x = [[unfinished",
    "x = [==[ ]=]",
    "-- only a comment",
    "",
    "goto x",
    "break",
    "a.b:c = 1",
    "f() = 1",
    "local x <const> = 1",
    "x = 1e",
    "x = 0x",
    "x = 3x",
    "x = '\\400'",
    "x = }",
    "return {1, 2",
    "function f(a, ..., b) end",
    "function f(a,) end",
    "local a, b, = 1",
    "return ...",
    "x = ~1",
    "x = 1 .. 2 return x",
    "return (f)\n(1)",
    "for k, v in pairs{} do local k end return 5",
    "local t = {} t.x.y = 1",
];

impl Writer {
    fn failing(&mut self) -> String {
        match self.random.below(10) {
            0..=5 => self.random.pick(&FAILING).to_string(),
            6 => {
                // On several lines: which one does the message name?
                let (a, b) = (self.random.pick(&FAILING), self.random.pick(&FAILING));
                let operator = self.random.pick(&["+", "..", "==", "and", "or", "<"]);
                match self.random.below(4) {
                    0 => format!("({a}\n{operator}\n{b})"),
                    1 => format!("id(\n{a},\n{b}\n)"),
                    2 => format!("{{\n{a},\nx = {b}\n}}"),
                    _ => format!("({a})\n.x\n.y"),
                }
            }
            _ => {
                let value = self.random.pick(&VALUES);
                let call = self.random.pick(&LIBRARY);
                // No argument at all, where nothing comes before or after it.
                let none = value.is_empty() && !call.contains("(V)");
                call.replace('V', if none { "nil" } else { value })
            }
        }
    }

    /// A function value that fails.
    fn failing_function(&mut self) -> String {
        match self.random.below(8) {
            0..=2 => format!("function() return {} end", self.failing()),
            3 => format!("function() local x = {} return x end", self.failing()),
            4 => format!("function() {} end", self.random.pick(&STATEMENTS)),
            5 => {
                let level = self.random.pick(&["", ", 0", ", 1", ", 2", ", 3"]);
                let value = self.random.pick(&["'message'", "nil", "{}", "42", "l"]);
                format!("function() error({value}{level}) end")
            }
            6 => format!("function() t.wrong = {} end", self.failing()),
            _ => format!(
                "function()\nlocal a = 1\nlocal b = a +\n{}\nreturn b\nend",
                self.failing()
            ),
        }
    }

    fn caught(&mut self) -> String {
        let f = self.failing_function();
        match self.random.below(12) {
            0..=4 => format!("p(pcall({f}))"),
            5 => format!(
                "p(xpcall({f}, function(m) return type(m) == 'string' and 'handled ' .. m or m end))"
            ),
            6 => format!("p(pcall(coroutine.wrap({f})))"),
            7 => format!("p(coroutine.resume(coroutine.create({f})))"),
            8 => format!("p(pcall(table.sort, {{3, 1, 2}}, {f}))"),
            9 => format!("p(pcall(string.gsub, 'abc', '%w', {f}))"),
            10 => format!(
                "p(pcall(function() local ok = pcall({f}) return ok, id({}) end))",
                self.failing()
            ),
            _ => format!(
                "p(pcall(setmetatable({{}}, {{__index = {f}}}).x))\np(pcall(function() return setmetatable({{}}, {{__index = {f}}}).x end))"
            ),
        }
    }

    fn compiled(&mut self) -> String {
        let source = self
            .random
            .pick(&SOURCES)
            .replace('\\', "\\\\")
            .replace('\'', "\\'")
            .replace('\n', "\\n");
        match self.random.below(6) {
            0 | 1 => format!("p(loadstring('{source}'))"),
            2 => {
                let name =
                    self.random
                        .pick(&["'=name'", "'@file.lua'", "'text'", "''", "'two\\nlines'"]);
                format!(
                    "do local c, m = loadstring('{source}', {name}) if c then p(pcall(c, 1, 2)) else p(m) end end"
                )
            }
            3 => format!(
                "do local c = loadstring('{source}') if c then setfenv(c, {{x = 5}}) p(pcall(c, 3)) p(getfenv(c).x) end end"
            ),
            4 => {
                // Piece by piece.
                format!(
                    "do local s, i = '{source}', 0 p(pcall(function() local c, m = load(function() i = i + 1 local x = s:sub(i * 3 - 2, i * 3) return x ~= '' and x or nil end, '=pieces') if c then return pcall(c, 7) end return c, m end)) end"
                )
            }
            _ => format!(
                "p(pcall(load, function() {} end))",
                self.random
                    .pick(&["return true", "error('reader')", "return {}", "return nil"])
            ),
        }
    }

    fn environment(&mut self) -> String {
        self.random
            .pick(&[
                "do local f = setfenv(function() return y end, {y = l}) p(f(), getfenv(f).y) end",
                "do local env = setmetatable({}, {__index = _G}) setfenv(1, env) newglobal = 5 p(rawget(_G, 'newglobal'), env.newglobal, newglobal) setfenv(1, _G) end",
                "p(pcall(setfenv, 50, {})) p(pcall(setfenv, print, {})) p(pcall(getfenv, 100)) p(pcall(setfenv, 1))",
                "p(pcall(function() setfenv(1, {}) return undefined_global, tostring end))",
                "do local f = function() G2 = (G2 or 0) + 1 return G2 end local e = {} p(f()) setfenv(f, e) p(f(), f(), e.G2, G2) end",
                "do local e = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, show(v) .. '!') end, __index = function(t, k) return k end}) p(setfenv(function() a = 1 b = a return a, b, c end, e)()) end",
                "p(getfenv(0) == _G, getfenv(1) == _G, getfenv(print) == _G, pcall(getfenv, -1))",
                "do local co = coroutine.create(function() setfenv(0, {z = 3}) return getfenv(0).z, loadstring('return z')() end) p(coroutine.resume(co)) end",
            ])
            .to_string()
    }

    fn chain(&mut self) -> String {
        self.random
            .pick(&[
                "do local a = {} for i = 1, 5 do a = setmetatable({['k' .. i] = i}, {__index = a, __newindex = a}) end a.k3 = 7 a.new = 8 p(a.k1, a.k3, a.k5, a.new, rawget(a, 'new')) end",
                "do local a = setmetatable({}, {__call = setmetatable({}, {__call = function() return 1 end})}) p(pcall(a, 1)) p(pcall(function() return a(1) end)) end",
                "do local m = {__lt = function(x, y) return type(x) .. type(y) end} local a, b = setmetatable({}, m), setmetatable({}, m) p(a < b, a <= b, a > b, pcall(function() return a < 1 end)) end",
                "do local m = {__eq = function() return 1 end} local a, b = setmetatable({}, m), setmetatable({}, m) p(a == b, a ~= b, a == 1, rawequal(a, b)) p(setmetatable({}, {__eq = m.__eq}) == a, setmetatable({}, {__eq = function() end}) == a) end",
                "do local m m = {__concat = function(x, y) return (type(x) == 'table' and 'T' or x) .. (type(y) == 'table' and 'T' or y) end} local a = setmetatable({}, m) p(1 .. a, a .. 1 .. 2, a .. a .. 'x', 1 .. 2 .. a) end",
                "do local log = {} local a = setmetatable({}, {__newindex = function(t, k, v) log[#log + 1] = k rawset(t, k, v) end}) a.x = 1 a.x = 2 a.y, a.x = 3, 4 p(log, a) end",
                "do local a = setmetatable({}, {}) getmetatable(a).__index = a p(pcall(function() return a.x end)) end",
                "do local a = setmetatable({}, {}) getmetatable(a).__newindex = a p(pcall(function() a.x = 1 end)) end",
                "do local function deep(n) return setmetatable({}, {__index = function(_, k) if n == 0 then error(k) end return deep(n - 1)[k] end}) end p(pcall(function() return deep(4).key end)) end",
                "do local a = setmetatable({}, {__tostring = function() return 5 end}) p(pcall(tostring, a)) p(pcall(print, a)) end",
                "do local a = setmetatable({}, {__metatable = 'locked'}) p(getmetatable(a), pcall(setmetatable, a, {})) end",
                "do local a = setmetatable({}, {__unm = function(x, y) return rawequal(x, y) end, __len = function() return 9 end}) p(-a, #a) end",
                "do local n = newproxy(true) getmetatable(n).__index = function(_, k) return k end getmetatable(n).__add = function(x, y) return type(x) .. type(y) end p(n.k, n + 1, 1 + n, pcall(function() n.x = 1 end)) end",
            ])
            .to_string()
    }

    /// Yields where none is possible; those across metamethods, iterators and `pcall`
    /// are errors in the reference only.
    fn boundary(&mut self) -> String {
        self.random
            .pick(&[
                "p(coroutine.resume(coroutine.create(function() table.sort({3, 2, 1}, function(a, b) coroutine.yield() return a < b end) end)))",
                "p(coroutine.resume(coroutine.create(function() return ('x'):gsub('x', coroutine.yield) end)))",
                "p(pcall(coroutine.yield, 1))",
                "p(pcall(coroutine.wrap(function() local c = coroutine.running() return coroutine.resume(c) end)))",
                "do local c c = coroutine.wrap(function() return pcall(c) end) p(pcall(c)) p(pcall(c)) end",
                "do local c = coroutine.create(error) p(coroutine.resume(c, 'e')) p(coroutine.resume(c), coroutine.status(c)) end",
                "p(pcall(coroutine.resume, nil)) p(pcall(coroutine.create, 1)) p(pcall(coroutine.wrap, nil)) p(pcall(coroutine.status))",
                "do local c = coroutine.wrap(function(...) local x = ... while true do x = x + coroutine.yield(x) end end) p(c(1), c(2), pcall(c, 'x'), pcall(c, {}), pcall(c, 1)) end",
            ])
            .to_string()
    }
}

/// Writes one section.
pub(super) fn section(w: &mut Writer, out: &mut Vec<Node>) {
    let l = w.random.pick(&["nil", "1", "'s'", "true", "{}", "print"]);
    let u = w.random.pick(&["nil", "2", "'u'", "false", "{}"]);
    out.push(Node::line(format!("local l, u = {l}, {u}")));
    out.push(Node::line("local t = {a = {}, f = {}, 5, t = {}}"));
    out.push(Node::line("local function id(...) return ... end"));
    for _ in 0..w.random.between(3, 12) {
        let text = match w.random.below(14) {
            0..=6 => w.caught(),
            7 | 8 => w.compiled(),
            9 => w.environment(),
            10 | 11 => w.chain(),
            12 => w.boundary(),
            _ => format!("h = mix(h, pcall({}))", w.failing_function()),
        };
        out.push(Node::line(text));
    }
    // The same site again, warm.
    let f = w.failing_function();
    out.push(Node::line(format!("local warm = {f}")));
    let body = vec![
        Node::line("h = mix(h, pcall(warm))"),
        Node::line("t.field = i"),
    ];
    out.push(Node::block("for i = 1, 4 do", body, "end"));
}
