//! Coroutines: values in and out, yields in loops and in called functions, errors
//! inside, dead ones, ones inside others, captured variables that live on.
//!
//! Must never yield across a metamethod, an iterator or `pcall` (an error in the
//! reference). Called by `program`.

use super::Writer;
use crate::tree::Node;

/// Bodies, of parameters `a` and `...`, with `depth` for one that nests.
const BODIES: [&str; 14] = [
    "for i = 1, 5 do a = coroutine.yield(i, a) end return 'end', a",
    "local function walk(n, ...) if n > 0 then walk(n - 1) coroutine.yield(n, ...) walk(n - 2, n) end end walk(4, ...)",
    "local x = coroutine.yield(...) error(x)",
    "local x = coroutine.yield(a) return x.field",
    "error({code = a})",
    "local t = {coroutine.yield(1, 2, 3)} coroutine.yield(count(t), unpack(t, 1, 3)) return ...",
    "while true do local x, y = coroutine.yield(a) a = (tonumber(x) or 0) + 1 if a > 6 then return a, y end end",
    "local inner = coroutine.wrap(function(b) for i = 1, 3 do b = coroutine.yield(i + (tonumber(b) or 0)) end end) for i = 1, 3 do a = coroutine.yield(inner(a)) end return inner(1), inner(2)",
    "keep[#keep + 1] = function(d) a = clean(a) + d return a end coroutine.yield(a) a = 100 coroutine.yield(a)",
    "return coroutine.yield(coroutine.yield(coroutine.yield(a)))",
    "local s = '' for i = 1, 4 do s = s .. i .. text((coroutine.yield(s))) end return s:sub(1, 30)",
    "local ok, e = pcall(function() error('inside ' .. tostring(type(a))) end) coroutine.yield(ok, e) error(e, 0)",
    "local co = coroutine.running() coroutine.yield(coroutine.status(co), type(co)) coroutine.yield(coroutine.resume(co))",
    "for k, v in ipairs({5, 6, 7}) do coroutine.yield(k, v) end return (coroutine.yield())",
];

/// Writes one section.
pub(super) fn section(w: &mut Writer, out: &mut Vec<Node>) {
    out.push(Node::line("local B, C, keep = {}, {}, {}"));
    let bodies = w.random.between(1, 4);
    for i in 1..=bodies {
        let body = w.random.pick(&BODIES);
        out.push(Node::line(format!("B[{i}] = function(a, ...) {body} end")));
    }
    let threads = w.random.between(1, 4);
    for i in 1..=threads {
        let b = w.random.between(1, bodies);
        let maker = w.random.pick(&["create", "create", "wrap"]);
        out.push(Node::line(format!("C[{i}] = coroutine.{maker}(B[{b}])")));
    }
    out.push(Node::line(
        "local function step(c, ...) if type(c) == 'thread' then local r = coroutine.status(c) return r, coroutine.resume(c, ...) end return pcall(c, ...) end",
    ));
    for _ in 0..w.random.between(3, 12) {
        let c = w.random.between(1, threads);
        let b = w.random.between(1, bodies);
        let arguments = w.random.pick(&[
            "",
            ", 1",
            ", 2, 3",
            ", nil",
            ", 'x'",
            ", {field = 4}",
            ", 1, 2, 3, 4",
        ]);
        let text = match w.random.below(12) {
            0..=5 => format!("p(step(C[{c}]{arguments}))"),
            6 => format!("C[{c}] = coroutine.create(B[{b}])"),
            7 => format!("for i = 1, 8 do h = mix(h, step(C[{c}]{arguments})) end"),
            8 => format!("h = mix(h, pcall(function() local n = 0 for x, y in coroutine.wrap(B[{b}]) do n = n + 1 h = mix(h, x, y) if n > 9 then break end end end))"),
            9 => "for i, f in ipairs(keep) do h = mix(h, pcall(f, i)) end".to_string(),
            10 => format!("for i = 1, 30 do local c = coroutine.create(B[{b}]) h = mix(h, step(c{arguments})) h = mix(h, step(c, i)) end"),
            _ => format!("local c = coroutine.wrap(function(...) return step(C[{c}], ...) end) p(pcall(c{arguments}))").replace("local c", "do local c") + " end",
        };
        out.push(Node::line(text));
    }
}
