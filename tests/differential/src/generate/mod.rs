//! Makes a random Lua program that is valid, that ends, and whose output the manual
//! determines: no addresses, no order of hash parts, no border of a table with holes,
//! no invalid comparison functions.
//!
//! A program is a list of sections. Most are written by a *theme*, a small state
//! machine around one part of the language (`shapes`, `metatables`, `coroutines`,
//! `calls`, `tables`, `strings`, `order`, `messages`); the others by the general statement writer (`statement`,
//! `expression`), which knows the kinds of its variables well enough that most
//! operations succeed, and forgets them now and then.
//!
//! Left out because the two implementations may differ: literals that fold to `-0`,
//! powers and functions whose last bit depends on the C library, the sign of a NaN
//! that two others make, arguments beyond the C library's integers.
//!
//! Called by `main`, with a generator of random numbers per program.

mod calls;
mod coroutines;
mod expression;
mod messages;
mod metatables;
mod order;
mod shapes;
mod statement;
mod strings;
mod tables;

use crate::random::Random;
use crate::tree::Node;

/// What the general writer believes of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A number.
    Number,
    /// A short string.
    Text,
    /// A table without holes, of numbers.
    Sequence,
    /// A table with some of the fields in `FIELDS`.
    Record,
    /// A function of numbers that returns a number.
    Function,
}

/// A variable in scope.
#[derive(Clone, Debug)]
struct Variable {
    name: String,
    kind: Kind,
    /// For functions: how many loop turns a call takes.
    cost: u64,
}

/// Names of fields, few, so that they meet.
const FIELDS: [&str; 6] = ["a", "b", "c", "x", "y", "value"];

/// Loop turns that one program may take in all.
const BUDGET: u64 = 1500;

/// The state of the writer inside one program.
struct Writer {
    random: Random,
    /// Variables in scope, the innermost last.
    scope: Vec<Variable>,
    names: usize,
    /// How often the statement being written runs.
    turns: u64,
    /// Loop turns of the function being written.
    cost: u64,
    /// Whether `...` may be used.
    variadic: bool,
}

impl Writer {
    fn fresh(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn declare(&mut self, name: &str, kind: Kind, cost: u64) {
        self.scope.push(Variable {
            name: name.to_string(),
            kind,
            cost,
        });
    }

    fn variable(&mut self, kind: Kind) -> Option<Variable> {
        let turns = self.turns;
        let fitting: Vec<&Variable> = self
            .scope
            .iter()
            .filter(|v| v.kind == kind && v.cost.saturating_mul(turns) < BUDGET)
            .collect();
        if fitting.is_empty() {
            return None;
        }
        let at = self.random.below(fitting.len());
        fitting.get(at).map(|v| (*v).clone())
    }

    fn field(&mut self) -> &'static str {
        self.random.pick(&FIELDS)
    }
}

/// A program. The same sequence of random numbers gives the same program.
pub fn program(random: Random) -> Vec<Node> {
    let mut w = Writer {
        random,
        scope: Vec::new(),
        names: 0,
        turns: 1,
        cost: 0,
        variadic: true,
    };
    let mut out = vec![
        Node::line("local round = ..."),
        Node::line("local h = round"),
    ];
    out.push(Node::line("local zero, nan = 0, 0 / 0"));
    w.declare("zero", Kind::Number, 0);
    for _ in 0..w.random.between(1, 2) {
        w.turns = 1;
        let visible = w.scope.len();
        match w.random.below(20) {
            0..=2 => shapes::section(&mut w, &mut out),
            3 | 4 => metatables::section(&mut w, &mut out),
            5 => coroutines::section(&mut w, &mut out),
            6 => calls::section(&mut w, &mut out),
            7 => tables::section(&mut w, &mut out),
            8..=10 => strings::section(&mut w, &mut out),
            11 | 12 => order::section(&mut w, &mut out),
            13..=15 => messages::section(&mut w, &mut out),
            _ => {
                w.general_section(&mut out);
                continue;
            }
        }
        w.scope.truncate(visible);
    }
    out.push(Node::line("p(\"sum\", h)"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree;

    #[test]
    fn a_seed_names_a_program() {
        let written = |seed, index| {
            let nodes = program(Random::of_program(seed, index));
            tree::text(&nodes, &[])
        };
        let mut distinct = std::collections::BTreeSet::new();
        for index in 0..200 {
            assert_eq!(written(1, index), written(1, index));
            distinct.insert(written(1, index));
            distinct.insert(written(2, index));
        }
        assert_eq!(distinct.len(), 400);
    }
}
