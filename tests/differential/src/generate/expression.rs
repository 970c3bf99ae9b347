//! Random expressions: numbers with their corner cases and conversions, strings,
//! conditions.
//!
//! Must never let a literal fold to zero in a product or a negation (`-0` and `0` share
//! a constant in the reference). Called by the statement writer and the themes.

use super::{Kind, Writer};

/// Literals other than zero.
const NUMBERS: [&str; 26] = [
    "1",
    "2",
    "3",
    "5",
    "7",
    "10",
    "16",
    "100",
    "255",
    "0.5",
    "0.25",
    "1.5",
    "3.75",
    "0.1",
    "1e15",
    "1e16",
    "123456789012345",
    "2147483647",
    "2147483648",
    "4294967296",
    "9007199254740992",
    "1e300",
    "5e-324",
    "1e-7",
    "0x10",
    "1e100",
];

/// Variables and library constants that never fold.
const SPECIAL: [&str; 4] = ["zero", "nan", "math.huge", "round"];

/// Strings that are numbers, nearly numbers, and neither.
const TEXTS: [&str; 22] = [
    "\"\"",
    "\"a\"",
    "\"abc\"",
    "\"10\"",
    "\" 0x1F \"",
    "\"1e2\"",
    "\"-7\"",
    "\"0.5\"",
    "\" 3 \"",
    "\"1e\"",
    "\"x\\0y\"",
    "\"x\"",
    "\"value\"",
    "\"B\"",
    "\"ab\\nc\"",
    "\"0x\"",
    "\"- 1\"",
    "\"inf\"",
    "\"Zz\"",
    "\"a much longer string that is not a short one at all\"",
    "\"\\255\"",
    "\"1 2\"",
];

impl Writer {
    fn literal(&mut self) -> String {
        if self.random.chance(50) {
            return self.random.between(1, 9).to_string();
        }
        self.random.pick(&NUMBERS).to_string()
    }

    /// Something that is a number and not a constant.
    pub(super) fn number_variable(&mut self) -> String {
        if self.random.chance(6) {
            return self.random.pick(&SPECIAL).to_string();
        }
        match self.variable(Kind::Number) {
            Some(v) => v.name,
            None => "zero".to_string(),
        }
    }

    /// An expression for a number, `depth` operators deep at most.
    pub(super) fn number(&mut self, depth: usize) -> String {
        if depth > 0 {
            return self.composite(depth);
        }
        match self.random.below(10) {
            0..=2 => self.literal(),
            3 => "0".to_string(),
            _ => self.number_variable(),
        }
    }

    /// An operand that the reference never folds.
    fn operand(&mut self, depth: usize) -> String {
        if depth == 0 {
            self.number_variable()
        } else {
            self.composite(depth)
        }
    }

    fn right_operand(&mut self, depth: usize) -> String {
        if self.random.chance(40) {
            self.literal()
        } else {
            self.operand(depth)
        }
    }

    fn composite(&mut self, depth: usize) -> String {
        let d = depth - 1;
        match self.random.below(30) {
            0..=8 => {
                let operator = self.random.pick(&["+", "-", "*", "/", "%", "+", "-", "*"]);
                let left = self.operand(d);
                let right = self.right_operand(d);
                if self.random.chance(25) {
                    format!("{left} {operator} {right}")
                } else {
                    format!("({left} {operator} {right})")
                }
            }
            9 => {
                // A literal on the left.
                let operator = self.random.pick(&["+", "-", "*", "/", "%"]);
                let (left, right) = (self.literal(), self.operand(d));
                format!("({left} {operator} {right})")
            }
            10 => {
                // Folded by both compilers; never to zero.
                let operator = self.random.pick(&["+", "*", "/"]);
                let (left, right) = (self.literal(), self.literal());
                format!("({left} {operator} {right} + {})", self.number_variable())
            }
            11 => {
                // Exact in any C library.
                let exponent = self.random.pick(&["2", "3", "0", "1"]);
                format!("((small({})) ^ {exponent})", self.operand(d))
            }
            12 | 13 => format!("(- {})", self.operand(d)),
            14 => format!("#{}", self.text_variable()),
            15 | 16 => match self.variable(Kind::Sequence) {
                Some(t) if self.random.chance(50) => format!("#{}", t.name),
                Some(t) => {
                    let index = self.right_operand(0);
                    format!("({}[{index}] or {})", t.name, self.number_variable())
                }
                None => self.number_variable(),
            },
            17..=19 => match self.variable(Kind::Record) {
                Some(t) => {
                    let field = self.field();
                    if self.random.chance(10) {
                        format!("{}.{field}", t.name)
                    } else {
                        format!("({}.{field} or {})", t.name, self.number(0))
                    }
                }
                None => self.number_variable(),
            },
            20..=22 => self.call(d).unwrap_or_else(|| self.number_variable()),
            23 => {
                let c = self.condition(d.min(1));
                let (a, b) = (self.number(d), self.number(d));
                format!("({c} and {a} or {b})")
            }
            24 => {
                let f = self
                    .random
                    .pick(&["math.floor", "math.abs", "math.ceil", "clean"]);
                format!("{f}({})", self.number(d))
            }
            25 => {
                let f = self.random.pick(&["math.max", "math.min"]);
                let (a, b) = (self.number(d), self.number(d));
                format!("{f}(clean({a}), clean({b}))")
            }
            26 => format!("(tonumber({}) or {})", self.string(d), self.number(0)),
            27 => {
                // A string where a number is due.
                let operator = self.random.pick(&["+", "-", "*", "/", "%"]);
                let text = self
                    .random
                    .pick(&["\"10\"", "\"0x10\"", "\" 2 \"", "\"-3.5\"", "\"1e1\""]);
                if self.random.chance(50) {
                    format!("({text} {operator} {})", self.operand(d))
                } else {
                    format!("({} {operator} {text})", self.operand(d))
                }
            }
            28 if self.variadic => {
                let f =
                    self.random
                        .pick(&["select('#', ...)", "(select('#', ...))", "clean((...))"]);
                f.to_string()
            }
            _ => {
                if self.random.chance(6) {
                    self.wild()
                } else {
                    format!("({}):len()", self.string(d))
                }
            }
        }
    }

    /// A call of a function in scope.
    pub(super) fn call(&mut self, depth: usize) -> Option<String> {
        let f = self.variable(Kind::Function)?;
        self.cost += f.cost * self.turns;
        let arguments: Vec<String> = (0..self.random.between(0, 3))
            .map(|_| self.number(depth.min(1)))
            .collect();
        Some(format!("{}({})", f.name, arguments.join(", ")))
    }

    /// Anything, often of a wrong kind.
    pub(super) fn wild(&mut self) -> String {
        match self.random.below(9) {
            0 => "nil".to_string(),
            1 => "true".to_string(),
            2 => "{}".to_string(),
            3 => "show".to_string(),
            4 => self.random.pick(&TEXTS).to_string(),
            5 => match self.variable(Kind::Record) {
                Some(t) => format!("{}.{}", t.name, self.field()),
                None => "undefined_global".to_string(),
            },
            6 => match self.variable(Kind::Sequence) {
                Some(t) => t.name,
                None => "undefined_global".to_string(),
            },
            7 => "undefined_global".to_string(),
            _ => "G1".to_string(),
        }
    }

    fn text_variable(&mut self) -> String {
        match self.variable(Kind::Text) {
            Some(v) => v.name,
            None => format!("({})", self.random.pick(&TEXTS)),
        }
    }

    /// An expression for a string.
    pub(super) fn string(&mut self, depth: usize) -> String {
        if depth == 0 {
            return if self.random.chance(60) {
                self.text_variable()
            } else {
                self.random.pick(&TEXTS).to_string()
            };
        }
        let d = depth - 1;
        match self.random.below(14) {
            0..=2 => {
                let (a, b) = (self.string(d), self.string(d));
                format!("({a} .. {b})")
            }
            3 => {
                let (a, b, c) = (self.string(d), self.number_variable(), self.string(d));
                format!("({a} .. ({b} == {b} and {b} or 1) .. {c})")
            }
            4 => {
                let (a, b) = (self.number_variable(), self.literal());
                format!("(({a} == {a} and {a} or 1) .. {b})")
            }
            5 | 6 => {
                let from = self
                    .random
                    .pick(&["1", "2", "-2", "0", "-100", "1.7", "\"2\"", "zero"]);
                let to = self
                    .random
                    .pick(&["", ", 3", ", -1", ", 0", ", 100", ", -2", ", 2.9"]);
                format!("({}):sub({from}{to})", self.string(d))
            }
            7 => format!(
                "({}):sub(1, 9):rep({})",
                self.string(d),
                self.random.below(4)
            ),
            8 => {
                let f = self.random.pick(&["upper", "lower", "reverse"]);
                format!("({}):{f}()", self.string(d))
            }
            9 => {
                let f = self
                    .random
                    .pick(&["%d", "%5d", "%x", "%X", "%o", "%-6d|", "%+d", "%05d", "%c"]);
                format!("string.format('{f}', small({}))", self.number(d))
            }
            10 => {
                let f = self
                    .random
                    .pick(&["%g", "%.3f", "%e", "%10.2f", "%.14g", "%.17g", "%-12.1f|"]);
                format!("string.format('{f}', clean({}))", self.number(d))
            }
            11 => {
                let f = self.random.pick(&["%s", "%q", "%5s", "%-5s|", "%.2s"]);
                format!("string.format('{f}', {})", self.string(d))
            }
            12 => format!("text({})", self.number(d)),
            _ => match self.variable(Kind::Sequence) {
                Some(t) => format!("table.concat({}, ',', 1, math.min(#{}, 4))", t.name, t.name),
                None => format!("string.char(65 + small({}))", self.number(d)),
            },
        }
    }

    /// A condition.
    pub(super) fn condition(&mut self, depth: usize) -> String {
        let d = depth.saturating_sub(1);
        match self.random.below(14) {
            0..=4 => {
                let operator = self.random.pick(&["<", "<=", ">", ">=", "==", "~="]);
                let left = self.operand(d);
                let right = self.right_operand(d);
                format!("{left} {operator} {right}")
            }
            5 => {
                let operator = self.random.pick(&["<", "<=", ">", ">=", "==", "~="]);
                let (left, right) = (self.string(d), self.string(d));
                format!("{left} {operator} {right}")
            }
            6 if depth > 0 => format!("not ({})", self.condition(d)),
            7 if depth > 0 => {
                let operator = self.random.pick(&["and", "or"]);
                let (left, right) = (self.condition(d), self.condition(d));
                format!("({left} {operator} {right})")
            }
            8 => {
                let operator = self.random.pick(&["==", "~="]);
                let (left, right) = (self.number(d), self.wild());
                format!("{left} {operator} {right}")
            }
            9 => {
                let kind = self.random.pick(&["number", "string", "nil", "table"]);
                format!("type({}) == '{kind}'", self.wild())
            }
            10 => match self.variable(Kind::Record) {
                Some(t) => format!("{}.{}", t.name, self.field()),
                None => "round == 1".to_string(),
            },
            11 => self.random.pick(&["true", "false", "nil", "1"]).to_string(),
            12 => {
                let (a, b) = (self.number(d), self.number(d));
                format!("rawequal({a}, {b})")
            }
            _ => {
                let operator = self.random.pick(&["<", "<=", ">"]);
                let (left, right) = (self.literal(), self.operand(d));
                format!("{left} {operator} {right}")
            }
        }
    }

    /// A value of any of the simple kinds.
    pub(super) fn value(&mut self) -> String {
        match self.random.below(10) {
            0..=5 => self.number(1),
            6 | 7 => self.string(1),
            8 => self.random.pick(&["true", "false"]).to_string(),
            _ => "nil".to_string(),
        }
    }
}
