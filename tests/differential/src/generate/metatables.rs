//! Operators on tables with metamethods: which handler is taken, in what order the
//! operands come, how results are adjusted, what an error in a handler leaves behind,
//! and handlers that come and go while the operation's site is warm.
//!
//! Called by `program`.

use super::Writer;
use crate::tree::Node;

const EVENTS: [&str; 17] = [
    "__add",
    "__sub",
    "__mul",
    "__div",
    "__mod",
    "__pow",
    "__unm",
    "__concat",
    "__eq",
    "__lt",
    "__le",
    "__index",
    "__newindex",
    "__call",
    "__tostring",
    "__metatable",
    "__len",
];

/// What a handler does with its arguments.
const HANDLERS: [&str; 14] = [
    "return show(x) .. N",
    "return N",
    "return rawequal(x, P), N",
    "return nil",
    "return",
    "return true",
    "return false",
    "error('handler N')",
    "error({N})",
    "error('no position', 0)",
    "calls = calls + 1 return calls",
    "return type(x), type(y)",
    "return rawget(type(x) == 'table' and x or y, 'a')",
    "return ... and select('#', ...) or N",
];

/// An operation on `a`, `b` (tables mostly) and number `v`.
const OPERATIONS: [&str; 34] = [
    "return a + b",
    "return a - v",
    "return v * b",
    "return a / 2",
    "return 7 % b",
    "return a ^ b",
    "return -a",
    "return a .. b",
    "return a .. 'x'",
    "return 'x' .. b .. v",
    "return 1 .. a",
    "return a == b",
    "return a ~= b",
    "return a < b",
    "return a <= b",
    "return a > v",
    "return v >= b",
    "return a(b, v)",
    "return a()",
    "local r, s = a(v, v, v) return s, r",
    "return a.field",
    "return a[v]",
    "a.field = v return rawget(a, 'field')",
    "a[v] = b",
    "return not (a < b)",
    "if a < b then return 'less' else return 'not less' end",
    "if a == b then return 'same' end return 'other'",
    "return text(a)",
    "return getmetatable(a) == M[1]",
    "return #a",
    "return a + 1, 1 + a",
    "local t = {a(v)} return count(t)",
    "return (a(v))",
    "return a .. b .. a",
];

/// Writes one section.
pub(super) fn section(w: &mut Writer, out: &mut Vec<Node>) {
    out.push(Node::line(
        "local P, Q, M, F, calls = {a = 1}, {a = 2}, {{}, {}, {}}, {}, 0",
    ));
    out.push(Node::line("local V = {P, Q, {}, 5, '6', 'word', true}"));
    for _ in 0..w.random.between(2, 6) {
        change(w, out);
    }
    let functions = w.random.between(2, 6);
    for i in 1..=functions {
        let body = w.random.pick(&OPERATIONS);
        out.push(Node::line(format!("F[{i}] = function(a, b, v) {body} end")));
    }
    let turns = w.random.between(1, 2);
    let values = w.random.between(2, 6);
    out.push(Node::block(
        "local function all(tag)",
        vec![
            Node::line(format!(
                "for v = 1, {turns} do for i = 1, {functions} do for j = 1, {values} do for k = 1, 2 do h = mix(h, pcall(F[i], V[k], V[j], v)) h = mix(h, pcall(F[i], V[j], V[k], v)) end end end end"
            )),
            Node::line("p(tag, h, calls)"),
        ],
        "end",
    ));
    for tag in 1..=w.random.between(1, 4) {
        out.push(Node::line(format!("all({tag})")));
        for _ in 0..w.random.between(1, 3) {
            change(w, out);
        }
        let f = w.random.between(1, functions);
        let (j, k) = (w.random.between(1, 7), w.random.between(1, 7));
        out.push(Node::line(format!("p(pcall(F[{f}], V[{j}], V[{k}], 3))")));
    }
    out.push(Node::line("all('last')"));
}

fn change(w: &mut Writer, out: &mut Vec<Node>) {
    let m = w.random.between(1, 3);
    let text = match w.random.below(12) {
        0..=5 => {
            let event = w.random.pick(&EVENTS);
            let number = w.random.below(50).to_string();
            let body = w.random.pick(&HANDLERS).replace('N', &number);
            format!("M[{m}].{event} = function(x, y, ...) {body} end")
        }
        6 => format!("M[{m}].{} = nil", w.random.pick(&EVENTS)),
        7 => {
            let event = w.random.pick(&EVENTS);
            format!("M[{m}].{event} = M[{}].{event}", w.random.between(1, 3))
        }
        8 => format!("setmetatable(V[{}], nil)", w.random.between(1, 3)),
        9 => format!(
            "M[{m}].{} = {}",
            w.random.pick(&EVENTS),
            w.random.pick(&["P", "Q", "5", "'s'", "rawequal", "p"])
        ),
        _ => format!("setmetatable(V[{}], M[{m}])", w.random.between(1, 3)),
    };
    out.push(Node::line(format!("try(function() {text} end)")));
}
