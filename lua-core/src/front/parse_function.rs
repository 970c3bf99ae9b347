//! Grammar of function bodies: parameters, block, and the closure made of it.

use super::CompileError;
use super::compiler::Compiler;
use super::expression::{Expr, Kind};
use super::token::Token;
use crate::heap::ProtoRef;
use crate::isa::Op;

impl Compiler<'_> {
    /// The whole chunk, as the body of the main function.
    pub(super) fn main_function(&mut self) -> Result<ProtoRef, CompileError> {
        self.open_function(0)?;
        self.fun.is_vararg = true;
        self.advance()?;
        self.chunk()?;
        if self.token() != Token::Eof {
            return Err(self.lexer.expected(Token::Eof));
        }
        self.end_function(0)
    }

    /// `(parameters) block end`, after `function` (on `line`) and the name.
    /// `itself` is the number of the variable that a `local function`
    /// initialises.
    #[inline(never)]
    pub(super) fn function_body(
        &mut self,
        e: &mut Expr,
        is_method: bool,
        line: u32,
        itself: Option<u32>,
    ) -> Result<(), CompileError> {
        self.open_function(line)?;
        self.fun.itself = itself;
        self.expect(Token::Byte(b'('))?;
        self.parameters(is_method)?;
        self.expect(Token::Byte(b')'))?;
        self.chunk()?;
        let last_line = self.lexer.line;
        self.expect_close(Token::End, Token::Function, line)?;
        let proto = self.end_function(last_line)?;
        self.protos.push(self.rt, proto)?;
        *e = Expr::new(Kind::Relocatable(self.emit(
            Op::Closure,
            0,
            0,
            0,
            proto.0,
        )?));
        Ok(())
    }

    fn end_function(&mut self, last_line: u32) -> Result<ProtoRef, CompileError> {
        self.emit(Op::Return0, 0, 0, 0, 0)?;
        self.deactivate(0);
        self.close_function(last_line)
    }

    #[inline(never)]
    fn parameters(&mut self, is_method: bool) -> Result<(), CompileError> {
        let mut count = 0;
        if is_method {
            let name = self.rt.intern(b"self")?;
            self.declare(name)?;
            count = 1;
        }
        if self.token() != Token::Byte(b')') {
            loop {
                match self.token() {
                    Token::Name(name) => {
                        self.advance()?;
                        self.declare(name)?;
                        count += 1;
                    }
                    Token::Dots => {
                        self.advance()?;
                        self.fun.is_vararg = true;
                        break;
                    }
                    _ => return Err(self.lexer.syntax_error(b"<name> or '...' expected")),
                }
                if !self.accept(Token::Byte(b','))? {
                    break;
                }
            }
        }
        self.fun.params = count as u8;
        self.reserve(count)?;
        self.activate(count)?;
        if self.fun.is_vararg {
            self.declare_arg()?;
        }
        Ok(())
    }
}
