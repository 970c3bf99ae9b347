//! The order in which operands are read and stored: local variables that inner functions
//! assign to, next to calls of these functions, in every kind of expression, assignment
//! and constructor; operators with handlers that tell when they run; signs of zeros and
//! NaNs; loops whose control values round.
//!
//! Called by `program`.

use super::Writer;
use crate::tree::Node;

/// Operands; `l` is a local that `f` changes, `u` an upvalue, `g` a global, `t` a table
/// that is replaced by `r`, `i` an index that `n` moves.
const OPERANDS: [&str; 26] = [
    "l",
    "(l)",
    "((l))",
    "f()",
    "(f())",
    "u()",
    "G1",
    "up()",
    "t.v",
    "(t).v",
    "t[i]",
    "t[(i)]",
    "r().v",
    "t.f()",
    "t:m(i)",
    "t[n()]",
    "(t)[n()]",
    "i",
    "n()",
    "2",
    "'3'",
    "-l",
    "#'ab'",
    "t[i + n() - i]",
    "c()",
    "k.v",
];

const OPERATORS: [&str; 20] = [
    "+", "-", "*", "/", "..", "==", "~=", "<", "<=", ">", ">=", "and", "or", "+", "-", "..", "%",
    "and", "or", "*",
];

impl Writer {
    fn ordered(&mut self, depth: usize) -> String {
        if depth == 0 || self.random.chance(15) {
            return self.random.pick(&OPERANDS).to_string();
        }
        match self.random.below(12) {
            0..=6 => {
                let operator = self.random.pick(&OPERATORS);
                let (a, b) = (self.ordered(depth - 1), self.ordered(depth - 1));
                if self.random.chance(50) {
                    format!("({a} {operator} {b})")
                } else {
                    format!("{a} {operator} {b}")
                }
            }
            7 => format!("not {}", self.ordered(depth - 1)),
            8 => format!("-({})", self.ordered(depth - 1)),
            9 => format!(
                "(select('#', {}, {}))",
                self.ordered(depth - 1),
                self.ordered(0)
            ),
            10 => format!("id({})", self.ordered(depth - 1)),
            _ => {
                let (a, b, c) = (self.ordered(depth - 1), self.ordered(0), self.ordered(0));
                let key = self.random.pick(&["l", "i", "n()", "(i)"]);
                format!("count({{{a}, {b}, [{key}] = {c}, x = l}})")
            }
        }
    }

    fn place(&mut self) -> String {
        self.random
            .pick(&[
                "l", "i", "G1", "t.v", "t[i]", "t[n()]", "t[(i)]", "(t)[i]", "r().v", "r()[i]",
                "t[l]", "t.w", "k.v", "k[i]", "t", "t.x",
            ])
            .to_string()
    }

    fn ordered_statement(&mut self) -> String {
        match self.random.below(10) {
            0..=4 => format!("p(pcall(function() return {} end))", {
                let values: Vec<String> = (0..self.random.between(1, 3))
                    .map(|_| self.ordered(2))
                    .collect();
                // Reads outside of a function see the variables themselves.
                values.join(", ")
            }),
            5..=7 => {
                let n = self.random.between(1, 3);
                let places: Vec<String> = (0..n).map(|_| self.place()).collect();
                let m = self.random.between(1, 3);
                let values: Vec<String> = (0..m).map(|_| self.safe(1)).collect();
                format!("{} = {}", places.join(", "), values.join(", "))
            }
            _ => {
                let (a, b) = (self.safe(1), self.safe(1));
                format!("p({a}, {b})")
            }
        }
    }

    /// An expression that raises no error outside of a protected call, whatever the
    /// variables hold.
    fn safe(&mut self, depth: usize) -> String {
        let simple = [
            "l", "(l)", "f()", "i", "n()", "up()", "u()", "t", "r()", "k", "7", "(i)", "(t)",
        ];
        if depth == 0 || self.random.chance(40) {
            return self.random.pick(&simple).to_string();
        }
        let (a, b) = (self.safe(0), self.safe(0));
        let operator = self.random.pick(&["and", "or", "==", "~="]);
        match self.random.below(3) {
            0 => format!("{{{a}, {b}}}"),
            1 => format!("({a} {operator} {b})"),
            _ => format!("id({a}, {b})"),
        }
    }
}

/// Writes one section.
pub(super) fn section(w: &mut Writer, out: &mut Vec<Node>) {
    out.push(Node::line("local l, i, calls = 1, 1, 0"));
    out.push(Node::line(
        "local t, k = {1, 2, 3, v = 5, w = 1}, {v = 2, 4}",
    ));
    out.push(Node::line("local function id(...) return ... end"));
    out.push(Node::line(
        "local function f() l = (tonumber(l) or 0) + 1 return l end",
    ));
    out.push(Node::line(
        "local function n() i = (tonumber(i) or 0) % 5 + 1 return i end",
    ));
    out.push(Node::line("local function u() return l end"));
    out.push(Node::line(
        "local function r() t = {i, l, v = 10, f = f, m = function(self, x) return x end} return t end",
    ));
    out.push(Node::line(
        "t.f, t.m = f, function(self, x) l = x return x end",
    ));
    out.push(Node::line("local function c() calls = calls + 1 if calls > 5 then k = {v = calls} end return calls end"));
    out.push(Node::line("G1 = 1"));
    out.push(Node::line(
        "local function up() G1 = (tonumber(G1) or 0) + 1 return G1 end",
    ));
    for _ in 0..w.random.between(3, 12) {
        let text = w.ordered_statement();
        // Not all assignments can be carried out: `t` may have become anything.
        let protect = w.random.chance(30);
        if protect || !text.starts_with("p(") {
            out.push(Node::line(format!("try(function() {text} end)")));
        } else {
            out.push(Node::line(text));
        }
        if w.random.chance(30) {
            out.push(Node::line("if type(t) ~= 'table' then t = {v = 1} end"));
            out.push(Node::line("if type(k) ~= 'table' then k = {v = 1} end"));
        }
    }
    out.push(Node::line("p(l, i, G1, t, k)"));
    if w.random.chance(40) {
        signs(w, out);
    }
    if w.random.chance(40) {
        loops(w, out);
    }
    if w.random.chance(30) {
        arguments(w, out);
    }
}

/// Operations on one NaN or zero at most, whose sign shows.
fn signs(w: &mut Writer, out: &mut Vec<Node>) {
    for _ in 0..w.random.between(1, 5) {
        let a = w.random.pick(&[
            "zero/zero",
            "-(zero/zero)",
            "zero",
            "-zero",
            "math.huge",
            "-math.huge",
            "zero*math.huge",
        ]);
        let operator = w.random.pick(&["+", "-", "*", "/", "%", "^"]);
        let b = w.random.pick(&["1", "2", "-1", "0.5", "-3"]);
        let f = w.random.pick(&[
            "",
            "math.floor",
            "math.ceil",
            "math.abs",
            "math.sqrt",
            "-",
            "tostring",
            "math.max",
            "math.min",
        ]);
        let (x, y) = if w.random.chance(50) { (a, b) } else { (b, a) };
        out.push(Node::line(format!("print(pcall(function() local x, y = {x}, {y} return {f}(x {operator} y), 1 / ({f}(x {operator} y)) end))")));
    }
}

fn loops(w: &mut Writer, out: &mut Vec<Node>) {
    let values = [
        "0.1", "1", "3", "-1", "1e15", "1e16", "0.3", "2^53", "2^53 + 4", "1/3", "-0.7", "1e-20",
        "10", "1e17", "'2'", "zero",
    ];
    let (a, b, c) = (
        w.random.pick(&values),
        w.random.pick(&values),
        w.random.pick(&values),
    );
    let body = vec![
        Node::line("turns = turns + 1"),
        Node::line("if turns > 9 then break end"),
        Node::line("h = mix(h, x, turns)"),
    ];
    out.push(Node::line("local turns = 0"));
    out.push(Node::block(
        format!("for x = {a}, {b}, {c} do"),
        body,
        "end",
    ));
    out.push(Node::line("p(turns, h)"));
}

/// The table `arg` of variadic functions.
fn arguments(w: &mut Writer, out: &mut Vec<Node>) {
    let parameters = w.random.pick(&["", "a, ", "a, b, "]);
    let body = w.random.pick(&[
        "return arg",
        "return arg.n, arg[1], arg[2]",
        "arg.n = arg.n + 1 return unpack(arg, 1, arg.n)",
        "local inner = function() arg = arg.n return arg end return inner(), arg",
        "return arg, ...",
        "return (function(...) return arg end)(1, arg and arg.n)",
        "for i, v in ipairs(arg) do l = v end return #arg, l",
    ]);
    let given = w.random.pick(&[
        "",
        "1",
        "1, 2",
        "nil, nil",
        "1, nil, 3, nil",
        "'x', {}, 'y'",
    ]);
    out.push(Node::line(format!(
        "p(pcall(function({parameters}...) {body} end{}{given}))",
        if given.is_empty() { "" } else { ", " }
    )));
}
