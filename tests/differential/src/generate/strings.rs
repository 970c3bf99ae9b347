//! The string library: patterns of all kinds of items, malformed ones among them, in
//! `find`, `match`, `gmatch` and `gsub`, with replacements of all kinds; `format` with
//! random directives; conversions between strings and numbers.
//!
//! Called by `program`.

use super::Writer;
use crate::tree::Node;

/// What matches one character.
const SINGLES: [&str; 34] = [
    "a", "b", "c", "1", " ", ".", "x", "%a", "%d", "%s", "%w", "%p", "%x", "%l", "%u", "%c", "%A",
    "%D", "%S", "%W", "[ab]", "[^a]", "[a-c]", "[%d_]", "[]]", "[^]]", "[a-]", "[%a-z]", "[^%s]",
    "[+-]", "%%", "%.", "[%]]", "%z",
];

/// What makes a pattern malformed, or is one only in some places.
const ODD: [&str; 16] = [
    "%", "(", ")", "[a", "[", "%2", "%0", "^", "$", "]", "%b", "%f", "*", "[^", "[%", "%ba",
];

const SUBJECTS: [&str; 16] = [
    "''",
    "'a'",
    "'abc'",
    "'aabbcc'",
    "'a1 b2 c3'",
    "'  x  '",
    "'(a(b)c)d)'",
    "'abcabcabc'",
    "'hello world from Lua'",
    "'x=1, y = 2,z=3'",
    "'a.b.c%d'",
    "'THE (quick) fox'",
    "'line\\nline2\\n'",
    "'a\\0b\\0c'",
    "'1e5 0x1F -3.5'",
    "('ab'):rep(60)",
];

const REPLACEMENTS: [&str; 20] = [
    "''",
    "'x'",
    "'<%0>'",
    "'%1%1'",
    "'%2'",
    "'%%'",
    "'%'",
    "'[%1]'",
    "7",
    "{a = 1, b = 'two', c = false}",
    "setmetatable({}, {__index = function(_, k) return '<' .. k .. '>' end})",
    "function(c) return c and #c or nil end",
    "function(...) return select('#', ...) end",
    "function(c) if c == 'b' then return false end return c .. c end",
    "function() return {} end",
    "function(c) error('in replacement ' .. text(c)) end",
    "string.upper",
    "{}",
    "'%9'",
    "nil",
];

const FLAGS: [&str; 9] = ["", "", "", "-", "+", " ", "#", "0", "-0"];
const WIDTHS: [&str; 8] = ["", "", "", "1", "5", "12", "99", "100"];
const PRECISIONS: [&str; 8] = ["", "", "", ".0", ".1", ".3", ".20", "."];
const CONVERSIONS: [&str; 18] = [
    "d", "i", "u", "c", "x", "X", "o", "e", "E", "f", "g", "G", "s", "q", "s", "d", "y", "",
];
const ARGUMENTS: [&str; 24] = [
    "0",
    "1",
    "-1",
    "3.7",
    "-3.7",
    "65",
    "255",
    "1e15",
    "2^31",
    "-2^31",
    "2^53",
    "0.1",
    "1/3",
    "1e300",
    "1e-300",
    "zero/zero == 1",
    "'text'",
    "'12'",
    "'a\"b\\\\c\\nd\\0e\\r'",
    "'0x1F'",
    "nil",
    "{}",
    "math.huge",
    "-math.huge",
];

impl Writer {
    fn pattern_item(&mut self, depth: usize) -> String {
        match self.random.below(20) {
            0..=11 => {
                let single = self.random.pick(&SINGLES);
                let repeat = self.random.pick(&["", "", "", "*", "+", "-", "?"]);
                format!("{single}{repeat}")
            }
            12..=14 if depth > 0 => format!("({})", self.pattern_items(depth - 1)),
            15 => "()".to_string(),
            16 => self
                .random
                .pick(&["%b()", "%bab", "%f[%a]", "%f[%d]", "%f[%z]"])
                .to_string(),
            17 => self.random.pick(&["%1", "%1", "%2"]).to_string(),
            18 => self.random.pick(&ODD).to_string(),
            _ => "a".to_string(),
        }
    }

    fn pattern_items(&mut self, depth: usize) -> String {
        (0..self.random.between(1, 3))
            .map(|_| self.pattern_item(depth))
            .collect()
    }

    /// A pattern as a string literal.
    fn pattern(&mut self) -> String {
        let start = self.random.pick(&["", "", "", "", "^"]);
        let end = self.random.pick(&["", "", "", "", "$"]);
        format!("'{start}{}{end}'", self.pattern_items(2))
    }

    fn directive(&mut self) -> String {
        format!(
            "%{}{}{}{}",
            self.random.pick(&FLAGS),
            self.random.pick(&WIDTHS),
            self.random.pick(&PRECISIONS),
            self.random.pick(&CONVERSIONS)
        )
    }

    fn format_call(&mut self) -> String {
        let directives = self.random.between(1, 3);
        let mut text = String::new();
        let mut arguments = String::new();
        for _ in 0..directives {
            text.push_str(&self.directive());
            text.push_str(self.random.pick(&["", "|", " %% ", "x"]));
            arguments.push_str(", ");
            arguments.push_str(self.random.pick(&ARGUMENTS));
        }
        format!("string.format('{text}'{arguments})")
    }

    fn string_call(&mut self) -> String {
        let s = match self.random.below(4) {
            0 => "s".to_string(),
            _ => self.random.pick(&SUBJECTS).to_string(),
        };
        let p = self.pattern();
        match self.random.below(14) {
            0 | 1 => {
                let init = self
                    .random
                    .pick(&["", "", ", 1", ", 3", ", -2", ", 100", ", -100"]);
                format!("string.find({s}, {p}{init})")
            }
            2 => {
                let plain = self
                    .random
                    .pick(&["'a'", "'.'", "''", "'bc'", "'%'", "'c%d'"]);
                let init = self.random.pick(&["1", "2", "nil", "-1", "9"]);
                format!("string.find({s}, {plain}, {init}, true)")
            }
            3 | 4 => {
                let init = self.random.pick(&["", "", ", 2", ", -3", ", 50"]);
                format!("string.match({s}, {p}{init})")
            }
            5 | 6 => format!("all({s}, {p})"),
            7..=9 => {
                let replacement = self.random.pick(&REPLACEMENTS);
                let limit = self.random.pick(&["", "", "", ", 1", ", 2", ", 0", ", -1"]);
                format!("string.gsub({s}, {p}, {replacement}{limit})")
            }
            10..=12 => self.format_call(),
            _ => {
                let text = self.random.pick(&[
                    "'10'",
                    "' 0x1f '",
                    "'1e1'",
                    "'1e'",
                    "'0x'",
                    "'- 1'",
                    "'1 1'",
                    "'.5'",
                    "'5.'",
                    "'.'",
                    "'1_0'",
                    "'0x1p4'",
                    "'infinity'",
                    "'nano'",
                    "'\\0'",
                    "'1\\0'",
                    "'1e+5'",
                    "'+1'",
                    "'--1'",
                    "'0b1'",
                    "'99999999999999999999'",
                    "'1e309'",
                    "'-1e309'",
                    "'1e-400'",
                ]);
                match self.random.below(3) {
                    0 => format!("tonumber({text})"),
                    1 => format!(
                        "tonumber({text}, {})",
                        self.random.pick(&["10", "16", "36", "2", "8"])
                    ),
                    _ => format!("{text} + 1"),
                }
            }
        }
    }
}

/// Writes one section.
pub(super) fn section(w: &mut Writer, out: &mut Vec<Node>) {
    out.push(Node::line(
        "local function all(s, p) local r = {} for a, b in string.gmatch(s, p) do r[#r + 1] = text(a) r[#r + 1] = text(b) if #r > 20 then break end end return unpack(r) end",
    ));
    out.push(Node::line(format!(
        "local s = {}",
        w.random.pick(&SUBJECTS)
    )));
    for _ in 0..w.random.between(2, 10) {
        let call = w.string_call();
        out.push(Node::line(format!(
            "p(pcall(function() return {call} end))"
        )));
        if w.random.chance(15) {
            let call = w.string_call();
            out.push(Node::line(format!(
                "do local ok, r = pcall(function() return {call} end) if ok and type(r) == 'string' then s = r:sub(1, 60) end end"
            )));
        }
    }
    let mut body = Vec::new();
    for _ in 0..w.random.between(1, 3) {
        let call = w.string_call();
        body.push(Node::line(format!(
            "h = mix(h, pcall(function() return {call} end))"
        )));
    }
    out.push(Node::block("for i = 1, 3 do", body, "end"));
}
