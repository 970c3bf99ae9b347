//! Tables with keys of all kinds: inserted, removed, inserted again, grown from the
//! array's end and from below it, traversed while they are emptied, sorted, packed.
//!
//! Must never take the length of a table that may have holes. Called by `program`.

use super::Writer;
use crate::tree::Node;

const KEYS: [&str; 22] = [
    "1", "2", "3", "4", "5", "8", "16", "17", "0", "-1", "1.5", "2^31", "2^53", "1e300", "'a'",
    "'b'", "'1'", "''", "true", "false", "k", "k % 7",
];

/// Writes one section.
pub(super) fn section(w: &mut Writer, out: &mut Vec<Node>) {
    let constructor = w.random.pick(&[
        "{}",
        "{1, 2, 3}",
        "{[1] = 'x', [2] = 'y'}",
        "{a = 1, 'first', b = 2, 'second'}",
        "{nil, 2}",
        "{1, nil, 3}",
        "{[3] = 3, [2] = 2, [1] = 1}",
        "{n = 1, 1, 2, 3, 4, 5, 6, 7, 8}",
        "{('x'):byte(1, -1)}",
        "{1, 2, unpack({3, 4, 5})}",
        "{unpack({1, 2}), 9}",
    ]);
    out.push(Node::line(format!("local t, s = {constructor}, {{}}")));
    out.push(Node::line("local function get(k) return t[k] end"));
    out.push(Node::line(
        "local function set(k, v) t[k] = v return t[k] end",
    ));
    let turns = w.random.between(4, 40);
    let mut body = Vec::new();
    for _ in 0..w.random.between(3, 10) {
        let key = w.random.pick(&KEYS);
        let other = w.random.pick(&KEYS);
        let n = w.random.between(1, 20);
        body.push(Node::line(match w.random.below(24) {
            0 | 1 => format!("t[{key}] = k"),
            2 => format!("t[{key}] = nil"),
            3 => format!("h = mix(h, set({key}, k * {n}))"),
            4 => format!("h = mix(h, get({key}), get({other}))"),
            5 => format!("t[{key}], t[{other}] = t[{other}], t[{key}]"),
            6 => format!("rawset(t, {key}, {n}) h = mix(h, rawget(t, {other}))"),
            7 => "h = mix(h, count(t), next(t) == nil)".to_string(),
            8 => format!("if k % {n} == 0 then for x in pairs(t) do t[x] = nil end end"),
            9 => format!("if k % {n} == 0 then for x, y in next, t do t[x] = (tonumber(y) or 0) + 1 end end"),
            10 => "h = mix(h, table.maxn(t))".to_string(),
            11 => format!("for i = {n}, 1, -1 do t[i] = i end"),
            12 => format!("for i = 1, {n} do t[i] = i * k end"),
            13 => format!("for i = 1, {n} do t['f' .. i] = i end"),
            14 => format!("for i = 1, {n} do t['f' .. i] = nil end"),
            15 => "s[#s + 1] = k h = mix(h, #s)".to_string(),
            16 => format!("table.insert(s, (k * {n}) % 11) h = mix(h, #s, s[#s])"),
            17 => "h = mix(h, table.remove(s), #s)".to_string(),
            18 => format!("table.insert(s, math.min(#s + 1, {n}), k) h = mix(h, s[1])"),
            19 => format!("h = mix(h, table.remove(s, math.min(#s, {n})))"),
            20 => "table.sort(s) h = mix(h, s[1], s[#s])".to_string(),
            21 => "table.sort(s, function(a, b) return a > b end) h = mix(h, unpack(s, 1, math.min(#s, 5)))".to_string(),
            22 => format!("h = mix(h, table.concat(s, {}, 1, math.min(#s, {n})))", w.random.pick(&["','", "''", "nil", "1"])),
            _ => format!("h = mix(h, pcall(function() t[{}] = 1 end))", w.random.pick(&["nil", "nan", "t[nil]"])),
        }));
    }
    out.push(Node::block(format!("for k = 1, {turns} do"), body, "end"));
    out.push(Node::line("p(h, count(t), #s)"));
    out.push(Node::line("p(t, s)"));
    for _ in 0..w.random.below(4) {
        let text = w.random.pick(&[
            "table.concat({1, {}, 3})",
            "table.concat({1, 2, 3}, ', ', 2, 4)",
            "table.insert({}, 1, 2, 3)",
            "table.sort({3, 'x', 1})",
            "next({}, 'missing')",
            "unpack({1, 2, 3}, 2)",
            "unpack({}, 1, 3)",
            "table.remove({})",
            "table.remove({1, 2, 3}, 7)",
            "ipairs()",
            "table.insert(nil, 1)",
            "setmetatable({}, 1)",
            "table.getn and 1",
            "rawset({}, nil, 1)",
            "select(0)",
            "select(-1, 1, 2, 3)",
            "select(-5, 1)",
            "('x'):rep(-1)",
            "('x'):bad()",
            "string.char(256)",
            "string.char(-1)",
            "string.format('%d', 'x')",
            "string.format('%y', 1)",
            "string.format('%s')",
            "tonumber('zz', 36)",
            "tonumber('8', 8)",
            "tonumber('', 10)",
            "tonumber('1e', 16)",
            "math.floor('3.7')",
            "math.floor({})",
            "('abc'):byte(0, 10)",
            "string.rep('ab', 3, 'ignored')",
            "tostring()",
            "type()",
            "assert(false)",
            "assert(nil, 'm')",
            "assert(1, 2, 3)",
            "error()",
            "error(nil)",
            "pcall()",
            "rawequal(1)",
            "rawlen and 1",
        ]);
        out.push(Node::line(format!(
            "p(pcall(function() return {text} end))"
        )));
    }
}
