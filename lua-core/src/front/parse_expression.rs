//! Grammar of expressions, by recursive descent straight to code.
//!
//! `expression` is the entry; each of its levels is counted and checks the
//! native stack. Table constructors are in parse_table.rs, function bodies in
//! parse_function.rs.

use super::CompileError;
use super::compiler::Compiler;
use super::expression::{Expr, Kind, Place};
use super::operator::{Binary, Unary};
use super::token::Token;
use crate::frame::link_for_call;
use crate::heap::StrRef;
use crate::isa::Op;

/// Largest integer key that is part of an instruction.
const MAX_INDEX: f64 = 16777216.0;

impl Compiler<'_> {
    /// The current token; values of tokens are those of the lexer.
    #[inline]
    pub(super) fn token(&self) -> Token {
        self.lexer.token
    }

    /// Reads the next token.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<(), CompileError> {
        self.lexer.advance()
    }

    /// Skips the token if it is `token`; tells whether it was.
    pub(super) fn accept(&mut self, token: Token) -> Result<bool, CompileError> {
        let found = self.token() == token;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// Skips `token`, which must come now.
    pub(super) fn expect(&mut self, token: Token) -> Result<(), CompileError> {
        if self.accept(token)? {
            Ok(())
        } else {
            Err(self.lexer.expected(token))
        }
    }

    /// Skips `token`, which must come now to close `opened_by` of that line.
    pub(super) fn expect_close(
        &mut self,
        token: Token,
        opened_by: Token,
        line: u32,
    ) -> Result<(), CompileError> {
        if self.accept(token)? {
            Ok(())
        } else {
            Err(self.lexer.expected_to_close(token, opened_by, line))
        }
    }

    /// Reads a name.
    pub(super) fn name(&mut self) -> Result<StrRef, CompileError> {
        let Token::Name(name) = self.token() else {
            return Err(self.lexer.syntax_error(b"'<name>' expected"));
        };
        self.advance()?;
        Ok(name)
    }

    /// expression list: all but the last value are placed in new registers.
    /// Returns the last one and how many there are.
    pub(super) fn expression_list(&mut self) -> Result<(Expr, u32), CompileError> {
        let mut count = 1;
        let mut e = self.expression()?;
        while self.accept(Token::Byte(b','))? {
            self.place_next(&mut e)?;
            e = self.expression()?;
            count += 1;
        }
        Ok((e, count))
    }

    /// A whole expression.
    pub(super) fn expression(&mut self) -> Result<Expr, CompileError> {
        let mut e = Expr::VOID;
        self.sub_expression(&mut e, 0)?;
        Ok(e)
    }

    /// An expression of operators that bind tighter than `limit`. Returns the
    /// first operator that doesn't.
    fn sub_expression(
        &mut self,
        e: &mut Expr,
        limit: u8,
    ) -> Result<Option<(Binary, u8, u8)>, CompileError> {
        self.enter_level()?;
        if let Some(op) = Unary::of(self.token()) {
            self.advance()?;
            self.sub_expression(e, Unary::PRIORITY)?;
            self.prefix(op, e)?;
        } else {
            self.simple_expression(e)?;
        }
        let mut next = Binary::of(self.token());
        while let Some((op, left_priority, right_priority)) = next {
            if left_priority <= limit {
                break;
            }
            self.advance()?;
            self.infix(op, e)?;
            let mut right = Expr::VOID;
            next = self.sub_expression(&mut right, right_priority)?;
            self.postfix(op, e, &mut right)?;
        }
        self.leave_level();
        Ok(next)
    }

    fn simple_expression(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        let kind = match self.token() {
            Token::Number(x) => Kind::Number(x),
            Token::Str(s) => Kind::Str(s),
            Token::Nil => Kind::Nil,
            Token::True => Kind::True,
            Token::False => Kind::False,
            Token::Dots => self.dots()?,
            Token::Byte(b'{') => return self.table_constructor(e),
            Token::Function => {
                self.advance()?;
                let line = self.lexer.line;
                return self.function_body(e, false, line, None);
            }
            _ => return self.primary_expression(e),
        };
        *e = Expr::new(kind);
        self.advance()
    }

    #[inline(never)]
    fn dots(&mut self) -> Result<Kind, CompileError> {
        if !self.fun.is_vararg {
            return Err(self
                .lexer
                .syntax_error(b"cannot use '...' outside a vararg function"));
        }
        self.drop_arg_table();
        Ok(Kind::VarArg(self.emit(Op::VarArg, 0, 2, 0, 0)?))
    }

    /// A name or a parenthesized expression.
    fn prefix_expression(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        match self.token() {
            Token::Byte(b'(') => {
                let line = self.lexer.line;
                self.advance()?;
                self.sub_expression(e, 0)?;
                self.expect_close(Token::Byte(b')'), Token::Byte(b'('), line)?;
                match e.kind {
                    // A local variable in parentheses still is read late.
                    Kind::Cell(cell) | Kind::CellValue(cell) if !e.has_jumps() => {
                        e.kind = Kind::CellValue(cell);
                        Ok(())
                    }
                    _ => self.load_variable(e),
                }
            }
            Token::Name(name) => {
                self.advance()?;
                *e = Expr::new(self.resolve(name)?);
                Ok(())
            }
            _ => Err(self.lexer.syntax_error(b"unexpected symbol")),
        }
    }

    /// A prefix expression with its fields, indices, calls and method calls.
    pub(super) fn primary_expression(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        self.prefix_expression(e)?;
        loop {
            match self.token() {
                Token::Byte(b'.') => self.field(e)?,
                Token::Byte(b'[') => {
                    let table = self.place_late(e)?;
                    let mut key = self.bracketed_key()?;
                    self.index(e, table, &mut key)?;
                }
                Token::Byte(b':') => {
                    self.advance()?;
                    let name = self.name()?;
                    let object = self.place_any(e)?;
                    self.free_expr(e);
                    let base = self.reserve(3)?;
                    self.keep_string(name)?;
                    self.emit(Op::Method, base, object, 0, name.0)?;
                    self.call(e, base)?;
                }
                Token::Byte(b'(' | b'{') | Token::Str(_) => {
                    let base = self.place_next(e)?;
                    self.reserve(1)?;
                    self.call(e, base)?;
                }
                _ => return Ok(()),
            }
        }
    }

    /// `.name` or the `:name` of a function statement.
    pub(super) fn field(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        let table = self.place_late(e)?;
        self.advance()?;
        let name = self.name()?;
        *e = Expr::new(Kind::Field { table, name });
        Ok(())
    }

    /// `[key]`
    pub(super) fn bracketed_key(&mut self) -> Result<Expr, CompileError> {
        self.advance()?;
        let mut key = Expr::VOID;
        self.sub_expression(&mut key, 0)?;
        if !matches!(key.kind, Kind::Cell(_) | Kind::CellValue(_)) || key.has_jumps() {
            self.settle_value(&mut key)?;
        }
        self.expect(Token::Byte(b']'))?;
        Ok(key)
    }

    /// Makes `e` the element `key` of a table.
    fn index(&mut self, e: &mut Expr, table: Place, key: &mut Expr) -> Result<(), CompileError> {
        let kind = match (key.kind, integer_key(key)) {
            (Kind::Str(name), _) if !key.has_jumps() => Kind::Field { table, name },
            (_, Some(index)) => Kind::IndexK { table, index },
            _ => Kind::Index {
                table,
                key: self.place_late(key)?,
            },
        };
        *e = Expr::new(kind);
        Ok(())
    }

    /// Arguments and call of the function in register `base`.
    fn call(&mut self, e: &mut Expr, base: u8) -> Result<(), CompileError> {
        let line = self.lexer.line;
        match self.token() {
            Token::Byte(b'(') => {
                if line != self.lexer.last_line {
                    return Err(self
                        .lexer
                        .syntax_error(b"ambiguous syntax (function call x new statement)"));
                }
                self.advance()?;
                if self.token() == Token::Byte(b')') {
                    *e = Expr::VOID;
                } else {
                    *e = self.expression_list()?.0;
                    self.set_open(e)?;
                }
                self.expect_close(Token::Byte(b')'), Token::Byte(b'('), line)?;
            }
            Token::Byte(b'{') => self.table_constructor(e)?,
            Token::Str(s) => {
                *e = Expr::new(Kind::Str(s));
                self.advance()?;
            }
            _ => return Err(self.lexer.syntax_error(b"function arguments expected")),
        }
        let b = if e.is_open() {
            0
        } else {
            if !matches!(e.kind, Kind::Void) {
                self.place_next(e)?;
            }
            (self.fun.free_reg - (base as u32 + 2) + 1) as u8
        };
        let pc = self.emit(Op::Call, base, b, 2, link_for_call(base, 2))?;
        self.set_line(pc, line);
        self.fun.free_reg = base as u32 + 1;
        *e = Expr::new(Kind::Call(pc));
        Ok(())
    }
}

/// The key as a small positive integer, if it is such a constant.
pub(super) fn integer_key(key: &Expr) -> Option<u32> {
    let x = key.as_number()?;
    let index = x as u32;
    if (1.0..=MAX_INDEX).contains(&x) && index as f64 == x {
        Some(index)
    } else {
        None
    }
}
