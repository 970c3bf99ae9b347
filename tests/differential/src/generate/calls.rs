//! Calls and closures: variadic functions, adjusted results, tail calls, methods
//! through inheritance, loop variables and parameters captured and reassigned,
//! errors with levels and values, protected calls in protected calls.
//!
//! Called by `program`.

use super::Writer;
use crate::tree::Node;

/// Functions of any arguments.
const FUNCTIONS: [&str; 27] = [
    "function(...) return ... end",
    "function(...) return (...) end",
    "function(...) return select('#', ...), ... end",
    "function(a, b, ...) return b, a, ... end",
    "function(a, ...) local t = {...} return count(t), t[1], a end",
    "function(a, ...) local x, y, z = ... return z, y, x, a end",
    "function(...) return select(2, 0, ...) end",
    "function(...) return pcall(error, (...)) end",
    "function(a, b) if a == nil then return b end return tostring(type(a)), b end",
    "function(...) return unpack({...}, 1, 3) end",
    "function(n) local function loop(n, s) if n <= 0 then return s end return loop(n - 1, s + n) end return loop(clean(n) % 50, 0) end",
    "function(n) local function odd(n) if n <= 0 then return 'odd' end return F[1] and odd(n - 1) end return odd(clean(n) % 7) end",
    "function(a, b) a, b = b, a return a, b end",
    "function(a, ...) a = clean(a) + 1 local f = function() a = a + 1 return a end return f() + f(), a end",
    "function(...) local fs = {} for i = 1, 3 do fs[i] = function(d) i = i + d return i end end return fs[1](1), fs[2](1), fs[1](5), fs[3](0) end",
    "function(a) local fs = {} local k = 0 while k < 3 do k = k + 1 local j = k fs[k] = function() j = j + k return j end end return fs[1](), fs[2](), fs[1](), k end",
    "function(a) local fs = {} local k = 0 repeat local j = k fs[#fs + 1] = function() j = j * 2 + 1 return j end k = k + 1 until j >= 3 return fs[1](), fs[2](), fs[2](), #fs end",
    "function(a, b) local ok, e = pcall(function() error(a, 2) end) return ok, e end",
    "function(a, b) error(a, clean(b) % 2) end",
    "function(a) local function f() error(a, 2) end local x = f() return x end",
    "function(a) return a.x.y end",
    "function(a) return a:method(1) end",
    "function(a, b) return a + b end",
    "function(a, b) return a < b, a == b end",
    "function(a, b) return #a, a .. b end",
    "function(...) return xpcall(function() error('inner') end, function(m) return 'handled ' .. tostring(m) end) end",
    "function(...) local a <const_free> = ... return a end",
];

const ARGUMENTS: [&str; 16] = [
    "",
    "1",
    "1, 2",
    "nil",
    "nil, 1",
    "1, nil, 3, nil",
    "'a'",
    "'a', 'b'",
    "{x = {y = 3}}",
    "{method = function(self, v) return v, self.x end}",
    "'10', 5",
    "true, false",
    "2.5, -1",
    "F[1], F[2]",
    "nan, zero",
    "1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
];

/// Writes one section.
pub(super) fn section(w: &mut Writer, out: &mut Vec<Node>) {
    out.push(Node::line("local F, T = {}, {}"));
    let functions = w.random.between(2, 6);
    for i in 1..=functions {
        let text = w.random.pick(&FUNCTIONS).replace(" <const_free>", "");
        out.push(Node::line(format!("F[{i}] = {text}")));
    }
    if w.random.chance(50) {
        classes(w, out);
    }
    let turns = w.random.between(3, 30);
    let mut body = Vec::new();
    for _ in 0..w.random.between(2, 8) {
        let f = w.random.between(1, functions);
        let g = w.random.between(1, functions);
        let a = w.random.pick(&ARGUMENTS);
        let b = w.random.pick(&ARGUMENTS);
        let text = match w.random.below(12) {
            0..=2 => format!("h = mix(h, pcall(F[{f}], {a}))").replace(", )", ")"),
            3 => format!("h = mix(h, pcall(function() return F[{f}](F[{g}]({a})) end))"),
            4 => format!("h = mix(h, pcall(function() return F[{f}]({a}), F[{g}]({b}) end))"),
            5 => format!(
                "h = mix(h, pcall(function() local x, y, z = F[{f}]({a}) return z, y, x end))"
            ),
            6 => format!(
                "h = mix(h, pcall(function() T = {{F[{f}]({a}), F[{g}]({b})}} return count(T), T[1] end))"
            ),
            7 => format!("h = mix(h, pcall(pcall, F[{f}], {a}))").replace(", )", ")"),
            8 => format!("h = mix(h, pcall(function(...) return F[{f}](...) end, {a}))")
                .replace(", )", ")"),
            9 => format!("F[{f}], F[{g}] = F[{g}], F[{f}]"),
            10 => format!(
                "h = mix(h, pcall(function() local x = F[{f}]({a}) x = x or F[{g}]({b}) return x, not x end))"
            ),
            _ => format!("h = mix(h, select('#', pcall(F[{f}], {a})))").replace(", )", ")"),
        };
        body.push(Node::line(text));
    }
    out.push(Node::block(format!("for i = 1, {turns} do"), body, "end"));
    for _ in 0..w.random.between(1, 4) {
        let f = w.random.between(1, functions);
        let a = w.random.pick(&ARGUMENTS);
        out.push(Node::line(
            format!("p(pcall(F[{f}], {a}))").replace(", )", ")"),
        ));
    }
}

fn classes(w: &mut Writer, out: &mut Vec<Node>) {
    let levels = w.random.between(1, 4);
    out.push(Node::line("local Class = {{}}"));
    out.push(Node::line("Class[1].__index = Class[1]"));
    for i in 1..=levels {
        let next = i + 1;
        out.push(Node::line(format!(
            "Class[{next}] = setmetatable({{}}, Class[{i}]) Class[{next}].__index = Class[{next}]"
        )));
    }
    let class = |w: &mut Writer| w.random.between(1, levels + 1);
    for _ in 0..w.random.between(1, 4) {
        let (c, n) = (class(w), w.random.below(20));
        let method = w.random.pick(&["get", "set", "run"]);
        out.push(Node::line(format!(
            "Class[{c}].{method} = function(self, v) self.v = (self.v or {n}) + v return self.v, {n} end"
        )));
    }
    out.push(Node::line(
        "local function use(o, v) local r = o:run(v) return o:get(r) + o:set(1) end",
    ));
    out.push(Node::line(format!(
        "local all = {{}} for i = 1, {} do all[i] = setmetatable({{v = i}}, Class[i]) end",
        levels + 1
    )));
    for _ in 0..w.random.between(1, 4) {
        let turns = w.random.between(2, 20);
        out.push(Node::line(format!(
            "for i = 1, {turns} do for j, o in ipairs(all) do h = mix(h, pcall(use, o, i)) end end p(h)"
        )));
        let (c, n) = (class(w), w.random.below(20));
        let method = w.random.pick(&["get", "set", "run"]);
        out.push(Node::line(match w.random.below(4) {
            0 => format!("Class[{c}].{method} = nil"),
            1 => format!("all[{c}].{method} = function(self, v) return {n} end"),
            2 => format!("setmetatable(all[{c}], Class[{}])", class(w)),
            _ => format!("Class[{c}].{method} = function(self, v) return v + {n} end"),
        }));
    }
}
