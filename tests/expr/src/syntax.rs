//! Step 1: from text to a tree. Nothing here is about machine code.
//!
//! ```text
//! choice = binary ["?" choice ":" choice]
//! binary = unary {operator unary}         operators as in `OPERATORS`, from the left
//! unary  = "-" unary | number | name | "(" choice ")"
//! ```

use crate::Error;

/// Numbers, names, signs and parentheses that a text may have at most: bounds
/// the recursion over the text and over the tree.
const MAX_UNARY: usize = 500;

/// Sign, stencil, how tightly it binds, whether the sides change places.
/// A sign that another one starts with comes later.
const OPERATORS: [(&str, &str, u8, bool); 10] = [
    ("<=", "le", 0, false),
    ("<", "lt", 0, false),
    (">=", "le", 0, true),
    (">", "lt", 0, true),
    ("==", "eq", 0, false),
    ("!=", "ne", 0, false),
    ("+", "add", 1, false),
    ("-", "sub", 1, false),
    ("*", "mul", 2, false),
    ("/", "div", 2, false),
];

/// An expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A constant.
    Number(f64),
    /// A variable, by its place in the list of names.
    Variable(usize),
    /// An operation, by the name of its stencil.
    Binary(&'static str, Box<[Expr; 2]>),
    /// The second if the first isn't zero, else the third.
    Choice(Box<[Expr; 3]>),
}

/// Parses `text`; the expression and the names of its variables.
///
/// # Errors
/// [`Error::Syntax`] or [`Error::TooLong`].
pub fn parse(text: &str) -> Result<(Expr, Vec<String>), Error> {
    let mut parser = Parser {
        rest: text.trim_start(),
        len: text.len(),
        names: vec![],
        unary: 0,
    };
    let expr = parser.choice()?;
    match parser.rest {
        "" => Ok((expr, parser.names)),
        _ => parser.expected("an operator or the end"),
    }
}

struct Parser<'t> {
    rest: &'t str,
    len: usize,
    names: Vec<String>,
    unary: usize,
}

impl<'t> Parser<'t> {
    fn choice(&mut self) -> Result<Expr, Error> {
        let condition = self.binary(0)?;
        if !self.eat("?") {
            return Ok(condition);
        }
        let yes = self.choice()?;
        if !self.eat(":") {
            return self.expected("`:`");
        }
        Ok(Expr::Choice(Box::new([condition, yes, self.choice()?])))
    }

    fn binary(&mut self, level: u8) -> Result<Expr, Error> {
        if level > 2 {
            return self.unary();
        }
        let mut left = self.binary(level + 1)?;
        while let Some((_, stencil, _, swapped)) = OPERATORS
            .iter()
            .find(|(sign, _, binds, _)| *binds == level && self.eat(sign))
        {
            let right = self.binary(level + 1)?;
            let sides = if *swapped {
                [right, left]
            } else {
                [left, right]
            };
            left = Expr::Binary(stencil, Box::new(sides));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Expr, Error> {
        self.unary += 1;
        if self.unary > MAX_UNARY {
            return Err(Error::TooLong);
        }
        if self.eat("-") {
            return Ok(Expr::Binary(
                "mul",
                Box::new([Expr::Number(-1.0), self.unary()?]),
            ));
        }
        if self.eat("(") {
            let inner = self.choice()?;
            return if self.eat(")") {
                Ok(inner)
            } else {
                self.expected("`)`")
            };
        }
        let mut last = ' ';
        let number = self.word(|c| {
            let signed_exponent = matches!((last, c), ('e' | 'E', '+' | '-'));
            last = c;
            c.is_ascii_alphanumeric() || c == '.' || signed_exponent
        });
        if number.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            let Ok(value) = number.parse() else {
                return self.expected("a number");
            };
            self.skip(number.len());
            return Ok(Expr::Number(value));
        }
        let name = self.word(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.is_empty() {
            return self.expected("a number, a name, `-` or `(`");
        }
        self.skip(name.len());
        let known = self.names.iter().position(|known| known == name);
        Ok(Expr::Variable(known.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        })))
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.rest.starts_with(sign);
        self.skip(if found { sign.len() } else { 0 });
        found
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest[bytes..].trim_start();
    }

    /// The longest start of the rest whose characters all `belong`.
    fn word(&self, mut belong: impl FnMut(char) -> bool) -> &'t str {
        &self.rest[..self.rest.find(|c| !belong(c)).unwrap_or(self.rest.len())]
    }

    fn expected<T>(&self, expected: &'static str) -> Result<T, Error> {
        Err(Error::Syntax {
            at: self.len - self.rest.len(),
            expected,
        })
    }
}
