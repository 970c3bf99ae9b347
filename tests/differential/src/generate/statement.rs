//! Random statements of the general writer: declarations, assignments, control
//! structures, functions that capture and reassign, protected calls.
//!
//! Must never write a loop whose number of turns isn't bounded by its head. Called by
//! `program`.

use super::{Kind, Writer};
use crate::tree::Node;

impl Writer {
    /// Some declarations, then functions and statements that run them many times.
    pub(super) fn general_section(&mut self, out: &mut Vec<Node>) {
        for _ in 0..self.random.between(2, 5) {
            self.declaration(out);
        }
        for _ in 0..self.random.between(1, 3) {
            self.function(out);
        }
        for _ in 0..self.random.between(3, 9) {
            self.statement(2, out);
        }
        let turns = self.random.between(5, 40);
        self.turns = turns as u64;
        let visible = self.scope.len();
        let i = self.fresh("i");
        self.declare(&i, Kind::Number, 0);
        let mut body = Vec::new();
        for _ in 0..self.random.between(1, 4) {
            let mut inside = Vec::new();
            let seen = self.scope.len();
            let outer = std::mem::replace(&mut self.variadic, false);
            for _ in 0..self.random.between(1, 3) {
                self.statement(1, &mut inside);
            }
            self.variadic = outer;
            self.scope.truncate(seen);
            body.push(Node::block("h = mix(h, pcall(function()", inside, "end))"));
        }
        self.scope.truncate(visible);
        self.turns = 1;
        out.push(Node::block(format!("for {i} = 1, {turns} do"), body, "end"));
    }

    fn declaration(&mut self, out: &mut Vec<Node>) {
        match self.random.below(8) {
            0..=2 => {
                let value = self.number(2);
                let name = self.fresh("n");
                out.push(Node::line(format!("local {name} = {value}")));
                self.declare(&name, Kind::Number, 0);
            }
            3 => {
                let value = self.string(2);
                let name = self.fresh("s");
                out.push(Node::line(format!("local {name} = {value}")));
                self.declare(&name, Kind::Text, 0);
            }
            4 | 5 => {
                let items: Vec<String> = (0..self.random.between(0, 6))
                    .map(|_| format!("clean({})", self.number(1)))
                    .collect();
                let name = self.fresh("t");
                out.push(Node::line(format!(
                    "local {name} = {{{}}}",
                    items.join(", ")
                )));
                self.declare(&name, Kind::Sequence, 0);
            }
            6 => {
                let mut items = Vec::new();
                for _ in 0..self.random.between(0, 5) {
                    items.push(format!("{} = {}", self.field(), self.number(1)));
                }
                let name = self.fresh("r");
                out.push(Node::line(format!(
                    "local {name} = {{{}}}",
                    items.join(", ")
                )));
                self.declare(&name, Kind::Record, 0);
            }
            _ => {
                let (a, b) = (self.number(1), self.number(1));
                let (x, y) = (self.fresh("n"), self.fresh("n"));
                out.push(Node::line(format!("local {x}, {y} = {a}, {b}")));
                self.declare(&x, Kind::Number, 0);
                self.declare(&y, Kind::Number, 0);
            }
        }
    }

    fn function(&mut self, out: &mut Vec<Node>) {
        let name = self.fresh("f");
        let visible = self.scope.len();
        let outer = (self.turns, self.cost, self.variadic);
        (self.turns, self.cost) = (1, 1);
        let mut parameters = Vec::new();
        for _ in 0..self.random.between(0, 3) {
            let parameter = self.fresh("a");
            self.declare(&parameter, Kind::Number, 0);
            parameters.push(parameter);
        }
        self.variadic = self.random.chance(30);
        if self.variadic {
            parameters.push("...".to_string());
        }
        let mut body = Vec::new();
        for _ in 0..self.random.between(1, 4) {
            self.statement(1, &mut body);
        }
        body.push(if self.random.chance(20) {
            match self.call(1) {
                Some(call) => Node::line(format!("return {call}")),
                None => Node::line(format!("return {}", self.number(2))),
            }
        } else {
            Node::line(format!("return {}", self.number(2)))
        });
        let cost = self.cost;
        (self.turns, self.cost, self.variadic) = outer;
        self.scope.truncate(visible);
        let list = parameters.join(", ");
        // A missing argument would end most bodies at once.
        if let Some(first) = parameters.first().filter(|p| *p != "...") {
            let value = self.random.between(1, 9);
            body.insert(0, Node::line(format!("{first} = {first} or {value}")));
        }
        out.push(Node::block(
            format!("local function {name}({list})"),
            body,
            "end",
        ));
        self.declare(&name, Kind::Function, cost);
    }

    /// A statement with at most `depth` levels of blocks inside.
    fn statement(&mut self, depth: usize, out: &mut Vec<Node>) {
        if depth > 0 && self.random.chance(45) {
            return self.compound(depth - 1, out);
        }
        match self.random.below(22) {
            0 | 1 => self.declaration(out),
            2..=5 => {
                let value = if self.random.chance(3) {
                    self.wild()
                } else {
                    self.number(2)
                };
                let name = self.assignable(Kind::Number);
                out.push(Node::line(format!("{name} = {value}")));
            }
            6 | 7 => {
                if let Some(v) = self.variable(Kind::Text) {
                    let value = self.string(2);
                    out.push(Node::line(format!("{} = ({value}):sub(1, 40)", v.name)));
                }
            }
            8 | 9 => {
                if let Some(v) = self.variable(Kind::Record) {
                    let value = if self.random.chance(15) {
                        "nil".into()
                    } else {
                        self.number(2)
                    };
                    out.push(Node::line(format!("{}.{} = {value}", v.name, self.field())));
                }
            }
            10 | 11 => self.sequence_statement(out),
            12 => {
                let (a, b) = (self.assignable(Kind::Number), self.assignable(Kind::Number));
                let (x, y) = (self.number(1), self.number(1));
                out.push(Node::line(format!("{a}, {b} = {x}, {y}")));
            }
            13 => {
                let n = self.random.between(1, 3);
                let value = self.number(1);
                out.push(Node::line(match self.random.below(4) {
                    0 => format!("G{n} = {value}"),
                    1 => format!("G{n} = (G{n} or 1) + {value}"),
                    2 => format!("_G['G{n}'] = {value}"),
                    _ => format!("G{n} = nil"),
                }));
            }
            14 => out.push(Node::line(format!(
                "p({}, {})",
                self.number(2),
                self.value()
            ))),
            15 | 16 => {
                if let Some(call) = self.call(1) {
                    out.push(Node::line(format!("h = mix(h, {call})")));
                }
            }
            _ => {
                let (a, b) = (self.number(2), self.value());
                out.push(Node::line(format!("h = mix(h, {a}, {b})")));
            }
        }
    }

    fn assignable(&mut self, kind: Kind) -> String {
        match self.variable(kind) {
            Some(v) if v.name != "zero" => v.name,
            _ => "G1".to_string(),
        }
    }

    fn sequence_statement(&mut self, out: &mut Vec<Node>) {
        let Some(v) = self.variable(Kind::Sequence) else {
            return;
        };
        let t = v.name;
        // Evaluated before the length is taken: a call in it may change the table.
        let value = format!("local q = clean({})", self.number(1));
        out.push(Node::line(match self.random.below(8) {
            0 | 1 => format!("do {value} {t}[#{t} + 1] = q end"),
            2 => format!("do {value} table.insert({t}, q) end"),
            3 => format!("do {value} table.insert({t}, 1, q) end"),
            4 => format!("h = mix(h, table.remove({t}))"),
            5 => format!("h = mix(h, table.remove({t}, 1))"),
            6 => format!("table.sort({t})"),
            _ => format!("do {value} if #{t} > 0 then {t}[1 + #{t} % 2 * (#{t} - 1)] = q end end"),
        }));
    }

    fn body(&mut self, depth: usize, turns: u64) -> Vec<Node> {
        let visible = self.scope.len();
        let outer = self.turns;
        self.turns = self.turns.saturating_mul(turns);
        self.cost += self.turns;
        let mut body = Vec::new();
        for _ in 0..self.random.between(1, 3) {
            self.statement(depth, &mut body);
        }
        self.turns = outer;
        self.scope.truncate(visible);
        body
    }

    fn compound(&mut self, depth: usize, out: &mut Vec<Node>) {
        match self.random.below(12) {
            0..=2 => {
                let condition = self.condition(2);
                let mut parts = vec![(format!("if {condition} then"), self.body(depth, 1))];
                if self.random.chance(30) {
                    let condition = self.condition(1);
                    parts.push((format!("elseif {condition} then"), self.body(depth, 1)));
                }
                if self.random.chance(50) {
                    parts.push(("else".to_string(), self.body(depth, 1)));
                }
                out.push(Node::Block {
                    parts,
                    end: "end".into(),
                });
            }
            3..=5 => {
                let (bounds, turns) = match self.random.below(7) {
                    0 => ("1, 10".to_string(), 10),
                    1 => ("10, 1, -3".to_string(), 4),
                    2 => ("0, 1, 0.25".to_string(), 5),
                    3 => ("5, 4".to_string(), 0),
                    4 => (format!("1, math.min(9, clean({} % 9))", self.number(1)), 9),
                    5 => ("\"1\", 3".to_string(), 3),
                    _ => (format!("small({}), 6, 2", self.number_variable()), 4),
                };
                let visible = self.scope.len();
                let i = self.fresh("i");
                self.declare(&i, Kind::Number, 0);
                let mut body = self.body(depth, turns);
                if self.random.chance(20) {
                    let condition = self.condition(1);
                    body.push(Node::block(
                        format!("if {condition} then"),
                        vec![Node::line("break")],
                        "end",
                    ));
                }
                self.scope.truncate(visible);
                out.push(Node::block(format!("for {i} = {bounds} do"), body, "end"));
            }
            6 => {
                let k = self.fresh("k");
                let turns = self.random.between(1, 8);
                let condition = self.condition(1);
                let mut body = vec![Node::line(format!("if not ({condition}) then break end"))];
                body.extend(self.body(depth, turns as u64));
                out.push(Node::line(format!("local {k} = 0")));
                let head = format!("while {k} < {turns} do {k} = {k} + 1");
                out.push(Node::block(head, body, "end"));
            }
            7 => {
                let k = self.fresh("k");
                let turns = self.random.between(1, 6);
                let body = self.body(depth, turns as u64);
                let condition = self.condition(1);
                out.push(Node::line(format!("local {k} = 0")));
                let end = format!("until {k} >= {turns} or {condition}");
                out.push(Node::block(format!("repeat {k} = {k} + 1"), body, &end));
            }
            8 => {
                let Some(t) = self.variable(Kind::Sequence) else {
                    return;
                };
                let visible = self.scope.len();
                let (i, v) = (self.fresh("i"), self.fresh("v"));
                self.declare(&i, Kind::Number, 0);
                self.declare(&v, Kind::Number, 0);
                // The body may let the table grow: bounded by the break.
                let mut body = vec![Node::line(format!("if {i} > 12 then break end"))];
                body.extend(self.body(depth, 12));
                self.scope.truncate(visible);
                out.push(Node::block(
                    format!("for {i}, {v} in ipairs({}) do", t.name),
                    body,
                    "end",
                ));
            }
            9 => {
                let mut body = self.body(depth, 1);
                if self.random.chance(60) {
                    let value = self.value();
                    let level = self.random.pick(&["", ", 0", ", 1", ", 2"]);
                    let condition = self.condition(1);
                    body.push(Node::line(format!(
                        "if {condition} then error({value}{level}) end"
                    )));
                }
                body.push(Node::line(format!("return {}", self.number(1))));
                // `...` of the outer function can't be seen inside.
                let text = crate::tree::text(&body, &[]);
                if !text.contains("...") {
                    out.push(Node::block("h = mix(h, pcall(function()", body, "end))"));
                }
            }
            10 => {
                let f = self.fresh("f");
                let body = self.body(depth, 1);
                let text = crate::tree::text(&body, &[]);
                if !text.contains("...") {
                    let mut body = body;
                    let target = self.assignable(Kind::Number);
                    body.push(Node::line(format!("{target} = {target} + 1")));
                    body.push(Node::line(format!("return {target}")));
                    out.push(Node::block(format!("local function {f}()"), body, "end"));
                    out.push(Node::line(format!("h = mix(h, pcall({f}))")));
                    let (a, b) = (self.assignable(Kind::Number), self.number_variable());
                    out.push(Node::line(format!("{a} = {b} + {f}()")));
                }
            }
            _ => out.push(Node::block("do", self.body(depth, 1), "end")),
        }
    }
}
