//! Grammar of blocks and statements.
//!
//! Conditions jump forward only. The one way back is the jump at the end of a
//! loop (`JumpBack`, `ForLoop`, `IterLoop`), where fuel is charged.

use super::CompileError;
use super::compiler::{Compiler, NO_JUMP};
use super::expression::{Expr, Kind};
use super::token::Token;
use crate::isa::{Insn, Op};

/// Registers that a generic `for` needs above its three hidden variables for
/// the call of the iterator: the function, the frame link and two arguments.
const ITERATOR_CALL: u32 = 4;

impl Compiler<'_> {
    /// Statements up to the end of the block.
    pub(super) fn chunk(&mut self) -> Result<(), CompileError> {
        self.enter_level()?;
        let mut is_last = false;
        while !is_last && !self.token().ends_block() {
            is_last = self.statement()?;
            self.accept(Token::Byte(b';'))?;
            self.fun.free_reg = self.fun.active;
        }
        self.leave_level();
        Ok(())
    }

    /// Statements with a scope of their own.
    fn block(&mut self) -> Result<(), CompileError> {
        self.enter_block(false)?;
        self.chunk()?;
        self.leave_block();
        Ok(())
    }

    /// A statement; true if it must be the last of its block.
    fn statement(&mut self) -> Result<bool, CompileError> {
        let line = self.lexer.line;
        match self.token() {
            Token::If => self.if_statement(line)?,
            Token::While => self.while_statement(line)?,
            Token::Do => {
                self.advance()?;
                self.block()?;
                self.expect_close(Token::End, Token::Do, line)?;
            }
            Token::For => self.for_statement(line)?,
            Token::Repeat => self.repeat_statement(line)?,
            Token::Function => self.function_statement(line)?,
            Token::Local => {
                self.advance()?;
                if self.accept(Token::Function)? {
                    self.local_function()?;
                } else {
                    self.local_statement()?;
                }
            }
            Token::Return => {
                self.return_statement()?;
                return Ok(true);
            }
            Token::Break => {
                self.advance()?;
                self.break_loop()?;
                return Ok(true);
            }
            _ => self.expression_statement()?,
        }
        Ok(false)
    }

    /// A condition; returns the jumps taken when it is false.
    fn condition(&mut self) -> Result<u32, CompileError> {
        let mut e = self.expression()?;
        if matches!(e.kind, Kind::Nil) {
            e.kind = Kind::False;
        }
        self.go_if_true(&mut e)?;
        Ok(e.if_false)
    }

    fn if_statement(&mut self, line: u32) -> Result<(), CompileError> {
        let mut escapes = NO_JUMP;
        let mut otherwise = self.then_block()?;
        while self.token() == Token::ElseIf {
            escapes = self.escape(escapes)?;
            self.land(otherwise);
            otherwise = self.then_block()?;
        }
        if self.token() == Token::Else {
            escapes = self.escape(escapes)?;
            self.land(otherwise);
            self.advance()?;
            self.block()?;
        } else {
            escapes = self.join(otherwise, escapes);
        }
        self.land(escapes);
        self.expect_close(Token::End, Token::If, line)
    }

    /// Adds a jump to the list. The new jump comes first: so a chain of any
    /// length is built in linear time.
    fn escape(&mut self, list: u32) -> Result<u32, CompileError> {
        let jump = self.jump()?;
        Ok(self.join(jump, list))
    }

    /// `if|elseif condition then block`
    fn then_block(&mut self) -> Result<u32, CompileError> {
        self.advance()?;
        let otherwise = self.condition()?;
        self.expect(Token::Then)?;
        self.block()?;
        Ok(otherwise)
    }

    fn while_statement(&mut self, line: u32) -> Result<(), CompileError> {
        self.advance()?;
        let start = self.label();
        let exit = self.condition()?;
        let body = self.label();
        self.enter_block(true)?;
        self.expect(Token::Do)?;
        self.block()?;
        let exit = self.close_while(start, body, exit)?;
        self.expect_close(Token::End, Token::While, line)?;
        self.leave_block();
        self.land(exit);
        Ok(())
    }

    fn repeat_statement(&mut self, line: u32) -> Result<(), CompileError> {
        self.advance()?;
        let start = self.label();
        self.enter_block(true)?;
        // The condition sees the block's variables.
        self.enter_block(false)?;
        self.chunk()?;
        self.expect_close(Token::Until, Token::Repeat, line)?;
        let mut e = self.expression()?;
        let always_true = matches!(e.kind, Kind::True | Kind::Str(_) | Kind::Number(_));
        if always_true && !e.has_jumps() {
            self.leave_block();
        } else {
            self.go_if_false(&mut e)?;
            self.leave_block();
            self.close_repeat(start, &mut e)?;
        }
        self.leave_block();
        self.land(e.if_true);
        Ok(())
    }

    fn for_statement(&mut self, line: u32) -> Result<(), CompileError> {
        self.enter_block(true)?;
        self.advance()?;
        let name = self.name()?;
        match self.token() {
            Token::Byte(b'=') => self.numeric_for(name, line)?,
            Token::Byte(b',') | Token::In => self.generic_for(name)?,
            _ => return Err(self.lexer.syntax_error(b"'=' or 'in' expected")),
        }
        self.expect_close(Token::End, Token::For, line)?;
        self.leave_block();
        Ok(())
    }

    fn declare_hidden(&mut self, names: [&[u8]; 3]) -> Result<(), CompileError> {
        for name in names {
            let name = self.rt.intern(name)?;
            self.declare(name)?;
        }
        Ok(())
    }

    fn numeric_for(&mut self, name: crate::heap::StrRef, line: u32) -> Result<(), CompileError> {
        let base = self.next_reg();
        self.declare_hidden([b"(for index)", b"(for limit)", b"(for step)"])?;
        self.declare(name)?;
        self.expect(Token::Byte(b'='))?;
        self.place_expression()?;
        self.expect(Token::Byte(b','))?;
        self.place_expression()?;
        let mut step = if self.accept(Token::Byte(b','))? {
            self.expression()?
        } else {
            Expr::new(Kind::Number(1.0))
        };
        let goes_up = step.as_number().is_some_and(|x| x > 0.0);
        self.place_next(&mut step)?;
        self.activate(3)?;
        self.expect(Token::Do)?;
        let prep = self.emit(Op::ForPrep, base, 0, 0, NO_JUMP)?;
        let body = self.label();
        self.loop_body(1)?;
        let op = if goes_up { Op::ForLoopUp } else { Op::ForLoop };
        let pc = self.emit(op, base, 0, 0, 0)?;
        self.set_target(pc, body);
        self.set_line(pc, line);
        let end = self.label();
        self.set_target(prep, end);
        Ok(())
    }

    fn generic_for(&mut self, first: crate::heap::StrRef) -> Result<(), CompileError> {
        let base = self.next_reg();
        self.declare_hidden([b"(for generator)", b"(for state)", b"(for control)"])?;
        self.declare(first)?;
        let mut count = 1;
        while self.accept(Token::Byte(b','))? {
            let name = self.name()?;
            self.declare(name)?;
            count += 1;
        }
        self.expect(Token::In)?;
        let line = self.lexer.line;
        let (mut last, given) = self.expression_list()?;
        self.adjust(3, given, &mut last)?;
        self.check_registers(ITERATOR_CALL)?;
        self.activate(3)?;
        self.expect(Token::Do)?;
        let enter = self.jump()?;
        let body = self.label();
        self.loop_body(count)?;
        self.land(enter);
        let call = self.emit(Op::IterCall, base, count as u8, 0, 0)?;
        let pc = self.emit(Op::IterLoop, base, 0, 0, 0)?;
        self.set_target(pc, body);
        self.set_line(call, line);
        self.label();
        Ok(())
    }

    /// The block of a `for` with its `n` visible variables.
    fn loop_body(&mut self, n: u32) -> Result<(), CompileError> {
        self.enter_block(false)?;
        self.reserve(n)?;
        self.activate(n)?;
        self.block()?;
        self.leave_block();
        Ok(())
    }

    /// An expression, into the next register.
    fn place_expression(&mut self) -> Result<(), CompileError> {
        let mut e = self.expression()?;
        self.place_next(&mut e)?;
        Ok(())
    }

    /// Fits `given` values, the last of them still `last`, to `wanted` ones in
    /// consecutive registers.
    fn adjust(&mut self, wanted: u32, given: u32, last: &mut Expr) -> Result<(), CompileError> {
        if last.is_open() {
            let results = (wanted + 1).saturating_sub(given);
            self.set_results(last, results)?;
            if results > 1 {
                self.reserve(results - 1)?;
            }
            return Ok(());
        }
        if !matches!(last.kind, Kind::Void) {
            self.place_next(last)?;
        }
        if wanted > given {
            let missing = wanted - given;
            let first = self.reserve(missing)?;
            self.emit_nil(first, missing)?;
        }
        Ok(())
    }

    fn local_statement(&mut self) -> Result<(), CompileError> {
        let mut count = 0;
        loop {
            let name = self.name()?;
            self.declare(name)?;
            count += 1;
            if !self.accept(Token::Byte(b','))? {
                break;
            }
        }
        let (mut last, given) = if self.accept(Token::Byte(b'='))? {
            self.expression_list()?
        } else {
            (Expr::VOID, 0)
        };
        self.adjust(count, given, &mut last)?;
        self.activate(count)
    }

    fn local_function(&mut self) -> Result<(), CompileError> {
        let name = self.name()?;
        let line = self.lexer.line;
        let number = self.declare(name)?;
        let register = self.reserve(1)?;
        let is_cell = self.vars[(self.fun.var_base + self.fun.active) as usize].is_cell;
        if is_cell {
            // The cell must not take over what the register held before.
            let nil = self.emit(Op::LoadNil, register, 0, 0, 0)?;
            self.set_line(nil, 0);
        }
        self.activate(1)?;
        let mut function = Expr::VOID;
        self.function_body(&mut function, false, line, Some(number))?;
        if is_cell {
            let value = self.place_any(&mut function)?;
            self.emit(Op::SetCell, register, value, 0, 0)?;
            self.free_expr(&function);
        } else {
            self.place_in(&mut function, register)?;
        }
        // Debuggers see the variable from here on.
        let desc = self.vars[(self.fun.var_base + self.fun.active - 1) as usize].desc;
        let pc = self.pc();
        self.locals[(self.fun.local_base + desc) as usize].start_pc = pc;
        Ok(())
    }

    fn function_statement(&mut self, line: u32) -> Result<(), CompileError> {
        self.advance()?;
        let name = self.name()?;
        let mut target = Expr::new(self.resolve(name)?);
        while self.token() == Token::Byte(b'.') {
            self.field(&mut target)?;
        }
        let is_method = self.token() == Token::Byte(b':');
        if is_method {
            self.field(&mut target)?;
        }
        let mut function = Expr::VOID;
        self.function_body(&mut function, is_method, line, None)?;
        self.store(&target, &mut function)?;
        let last = self.fun.last_pc;
        self.set_line(last, line);
        Ok(())
    }

    fn return_statement(&mut self) -> Result<(), CompileError> {
        self.advance()?;
        if self.token().ends_block() || self.token() == Token::Byte(b';') {
            self.emit(Op::Return0, 0, 0, 0, 0)?;
            return Ok(());
        }
        let first = self.fun.active as u8;
        let (mut e, count) = self.expression_list()?;
        if e.is_open() {
            if let (Kind::Call(pc), 1) = (e.kind, count) {
                let call = self.insn(pc);
                self.set_insn(pc, Insn::new(Op::TailCall, call.a, call.b, 0, 0));
                // A native function is called without giving the frame up, and returns here.
                self.emit(Op::Return, call.a, 0, 0, 0)?;
            } else {
                self.set_open(&e)?;
                self.emit(Op::Return, first, 0, 0, 0)?;
            }
        } else if count == 1 {
            let reg = self.place_any(&mut e)?;
            self.emit(Op::Return1, reg, 0, 0, 0)?;
        } else {
            self.place_next(&mut e)?;
            self.emit(Op::Return, first, (count + 1) as u8, 0, 0)?;
        }
        Ok(())
    }

    /// A call or an assignment.
    fn expression_statement(&mut self) -> Result<(), CompileError> {
        let mut e = Expr::VOID;
        self.primary_expression(&mut e)?;
        if let Kind::Call(_) = e.kind {
            self.set_results(&e, 0)
        } else {
            self.assignment(e)
        }
    }

    #[inline(never)]
    fn assignment(&mut self, first: Expr) -> Result<(), CompileError> {
        let base = self.targets.len();
        self.add_target(first)?;
        while self.accept(Token::Byte(b','))? {
            let mut next = Expr::VOID;
            self.primary_expression(&mut next)?;
            match next.kind {
                Kind::Local(register) => self.avoid_conflict(base, register, false)?,
                Kind::Cell(register) => self.avoid_conflict(base, register, true)?,
                _ => {}
            }
            let count = (self.targets.len() - base) as u32;
            if count > self.levels_left() {
                let (fun, max) = (self.fun, self.levels_left());
                return Err(self.limit_error(&fun, max, b"variables in assignment"));
            }
            self.add_target(next)?;
        }
        self.expect(Token::Byte(b'='))?;
        let count = (self.targets.len() - base) as u32;
        let (mut value, given) = self.expression_list()?;
        if given == count {
            self.set_one_result(&mut value);
            self.store_target(&mut value)?;
        } else {
            self.adjust(count, given, &mut value)?;
            if given > count {
                self.fun.free_reg -= given - count;
            }
        }
        while self.targets.len() > base {
            let last = (self.fun.free_reg - 1) as u8;
            self.store_target(&mut Expr::new(Kind::Register(last)))?;
        }
        Ok(())
    }

    fn add_target(&mut self, target: Expr) -> Result<(), CompileError> {
        let is_variable = matches!(
            target.kind,
            Kind::Local(_)
                | Kind::Cell(_)
                | Kind::Upvalue(_)
                | Kind::Global(_)
                | Kind::Field { .. }
                | Kind::IndexK { .. }
                | Kind::Index { .. }
        );
        if !is_variable {
            return Err(self.lexer.syntax_error(b"syntax error"));
        }
        self.targets.push(self.rt, target)?;
        Ok(())
    }

    /// Assigns to the last target left.
    fn store_target(&mut self, value: &mut Expr) -> Result<(), CompileError> {
        match self.targets.pop() {
            Some(target) => self.store(&target, value),
            None => Ok(()),
        }
    }

    /// The local variable in `register`, or the cell in it, is a target; targets before
    /// it that use the variable as a table or key get a copy of its old value.
    fn avoid_conflict(
        &mut self,
        base: usize,
        register: u8,
        is_cell: bool,
    ) -> Result<(), CompileError> {
        let copy = self.next_reg();
        let mut conflict = false;
        for at in base..self.targets.len() {
            let mut target = self.targets[at];
            let (first, second) = match &mut target.kind {
                Kind::Field { table, .. } | Kind::IndexK { table, .. } => (Some(table), None),
                Kind::Index { table, key } => (Some(table), Some(key)),
                _ => (None, None),
            };
            for place in [first, second].into_iter().flatten() {
                if is_cell && place.cell == Some(register) {
                    // It has a register of its own already.
                    self.fetch(*place)?;
                    place.cell = None;
                } else if !is_cell && place.register == register {
                    place.register = copy;
                    conflict = true;
                }
            }
            self.targets[at] = target;
        }
        if conflict {
            self.emit(Op::Move, copy, register, 0, 0)?;
            self.reserve(1)?;
        }
        Ok(())
    }
}
