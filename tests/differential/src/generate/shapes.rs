//! Objects whose shapes and metatables change while the functions that read and write
//! them stay the same, so that every inline cache sees what it did not expect.
//!
//! Objects `O[1..]`, metatables `M[1..]`, accessors `A[1..]`; rounds that call every
//! accessor on every object, and between the rounds random changes. Called by
//! `program`.

use super::Writer;
use crate::tree::Node;

const KEYS: [&str; 8] = ["a", "b", "c", "m", "x", "y", "n", "value"];

/// What an accessor does with object `o` and number `v`.
const ACCESSORS: [&str; 24] = [
    "return o.a",
    "return o.b, o.c",
    "o.a = v return o.a",
    "o.b = v o.c = o.b return o.c",
    "o.x = (o.x or 0) + 1 return o.x",
    "return o:m(v)",
    "return o.m(o, v, 2)",
    "local m = o.m return m and m(o, v)",
    "return (o.a or 0) + (o.b or 0)",
    "return o[K]",
    "o[K] = v return o[K]",
    "return o[v % 4], o[1]",
    "o[v % 3 + 1] = v return o[1], o[2]",
    "return rawget(o, 'a'), rawget(o, K)",
    "o.y = nil return o.y",
    "o.value = o.value and nil or v return o.value",
    "local t = {a = o.a, b = v, o.b} return t.a, t.b, t[1]",
    "return o.n.a",
    "o.n = o.n or {a = v} o.n.a = o.n.a + 1 return o.n.a",
    "return G1, G2 and G2(v)",
    "G1 = (G1 or 0) + v return G1",
    "return o == O[1], o ~= O[2], O[1] == O[2]",
    "for i = 1, 3 do o.a = i o.c = o.a end return o.a, o.c",
    "return select('#', o:m(v)), (o:m(v))",
];

/// How an object comes into being, its number being `N`.
const CONSTRUCTORS: [&str; 12] = [
    "{}",
    "{a = 1, b = 2}",
    "{b = 2, a = 1}",
    "{a = N, b = N, c = N}",
    "{c = 1, x = 2, a = 3, y = 4}",
    "{10, 20, 30}",
    "{10, a = 5, 20, b = 6}",
    "{a = nil, b = 1}",
    "{m = function(self, v) return v, self.a end}",
    "{n = {a = 1}, value = 'text'}",
    "{x = 1, x = 2}",
    "{['a'] = 'A', [1] = 'one', [2.5] = 'half', [true] = 'yes'}",
];

/// Writes one section.
pub(super) fn section(w: &mut Writer, out: &mut Vec<Node>) {
    let objects = w.random.between(2, 5);
    let metas = w.random.between(1, 4);
    let s = Section { objects, metas };
    out.push(Node::line("local O, M, A, K, log = {}, {}, {}, 'a', {}"));
    out.push(Node::line(format!("for i = 1, {metas} do M[i] = {{}} end")));
    for i in 1..=objects {
        let c = s.object(w, i);
        out.push(Node::line(format!("O[{i}] = {c}")));
    }
    let accessors = w.random.between(2, 6);
    for i in 1..=accessors {
        let body = w.random.pick(&ACCESSORS);
        out.push(Node::line(format!("A[{i}] = function(o, v) {body} end")));
    }
    if w.random.chance(30) {
        out.push(Node::line("local function make(i) local o = {} o.a = i if i % 2 == 0 then o.b = i end o.c = i return o end"));
        out.push(Node::line(format!(
            "for i = 1, {objects} do O[i] = make(i) end"
        )));
    }
    for _ in 0..w.random.below(4) {
        s.change(w, out);
    }
    let turns = w.random.between(1, 4);
    out.push(Node::block(
        "local function all(tag)",
        vec![
            Node::block(
                format!("for v = 1, {turns} do"),
                vec![Node::block(
                    format!("for i = 1, {objects} do"),
                    vec![Node::line(format!(
                        "for j = 1, {accessors} do h = mix(h, pcall(A[j], O[i], v)) end"
                    ))],
                    "end",
                )],
                "end",
            ),
            Node::line("p(tag, h)"),
        ],
        "end",
    ));
    let rounds = w.random.between(2, 7);
    for tag in 1..=rounds {
        out.push(Node::line(format!("all({tag})")));
        for _ in 0..w.random.between(1, 3) {
            s.change(w, out);
        }
        if w.random.chance(30) {
            let i = w.random.between(1, objects);
            let j = w.random.between(1, accessors);
            out.push(Node::line(format!("p(pcall(A[{j}], O[{i}], {tag}))")));
        }
    }
    out.push(Node::line("all('last')"));
    out.push(Node::line(format!("for i = 1, {objects} do p(O[i]) end")));
}

struct Section {
    objects: usize,
    metas: usize,
}

impl Section {
    fn object(&self, w: &mut Writer, number: usize) -> String {
        let c = w.random.pick(&CONSTRUCTORS);
        let c = c.replace('N', &number.to_string());
        if w.random.chance(35) {
            format!("setmetatable({c}, M[{}])", w.random.between(1, self.metas))
        } else {
            c
        }
    }

    fn change(&self, w: &mut Writer, out: &mut Vec<Node>) {
        let i = w.random.between(1, self.objects);
        let j = w.random.between(1, self.metas);
        let k = w.random.between(1, self.metas);
        let key = w.random.pick(&KEYS);
        let number = w.random.below(100);
        let text = match w.random.below(42) {
            0 | 1 => format!("O[{i}].{key} = {number}"),
            2 => format!("O[{i}].{key} = nil"),
            3 => format!("rawset(O[{i}], '{key}', {number})"),
            4 => format!("rawset(O[{i}], '{key}', nil)"),
            5..=7 => format!("setmetatable(O[{i}], M[{j}])"),
            8 => format!("setmetatable(O[{i}], nil)"),
            9..=11 => {
                // Mostly without a cycle.
                let target = if j < self.metas { j + 1 } else { k };
                format!("M[{j}].__index = M[{target}]")
            }
            12 | 13 => format!("M[{j}].__index = function(t, k) return k, {number} end"),
            14 => format!("M[{j}].__index = nil"),
            15 => format!("M[{j}].__index = {{{key} = {number}}}"),
            16 => format!("M[{j}].__index = O[{i}]"),
            17 => format!(
                "M[{j}].__newindex = function(t, k, v) rawset(t, k, v) log[#log + 1] = k end"
            ),
            18 => format!("M[{j}].__newindex = M[{k}]"),
            19 => format!("M[{j}].__newindex = nil"),
            20 => format!("M[{j}].__newindex = function(t, k, v) rawset(M[{k}], k, v) end"),
            21..=23 => format!("M[{j}].m = function(self, v, w) return v + {number}, w end"),
            24 => format!("O[{i}].m = function(self, v) return self == O[{i}], v end"),
            25 => format!(
                "O[{i}].m = setmetatable({{}}, {{__call = function(f, self, v) return v end}})"
            ),
            26 | 27 => format!("M[{j}].{key} = {number}"),
            28 => format!("M[{j}].{key} = nil"),
            29 => {
                let c = self.object(w, i);
                format!("O[{i}] = {c}")
            }
            30 => format!(
                "K = {}",
                w.random
                    .pick(&["'a'", "'b'", "'x'", "1", "2", "1.5", "true", "'m'"])
            ),
            31 => {
                let many = w.random.pick(&["9", "20", "70", "140"]);
                format!("for q = 1, {many} do O[{i}]['k' .. q] = q end")
            }
            32 => format!("for q = 1, 140 do O[{i}]['k' .. q] = nil end"),
            33 => format!("G1 = {}", w.random.pick(&["1", "nil", "2.5", "'3'", "{}"])),
            34 => format!("G2 = function(v) return v + {number} end"),
            35 => "G2 = nil".to_string(),
            36 => format!(
                "setmetatable(_G, {{__index = function(t, k) return k == 'G1' and {number} or nil end}})"
            ),
            37 => "setmetatable(_G, nil)".to_string(),
            38 => format!(
                "M[{j}].__eq = function(x, y) return {} end",
                w.random.pick(&["true", "1", "nil", "x.a == y.a"])
            ),
            39 => format!("setmetatable(M[{j}], M[{k}])"),
            40 => format!("for k in pairs(O[{i}]) do O[{i}][k] = nil end"),
            _ => format!(
                "M[{j}].{} = {number}",
                w.random
                    .pick(&["__index", "__newindex", "__metatable", "__eq"])
            ),
        };
        // Most changes at once, some where an error is due.
        out.push(Node::line(format!("try(function() {text} end)")));
    }
}
