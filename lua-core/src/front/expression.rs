//! Expressions that are compiled but not yet placed: where a value is, and the
//! ways to bring it into a register, a condition or a variable.
//!
//! The technique (descriptors discharged as late as possible, lists of the
//! jumps that leave an expression when it is true or false) is that of the
//! reference implementation. Called by operator.rs and the grammar files.

use super::CompileError;
use super::compiler::{Compiler, NO_JUMP, fact};
use super::emit::NO_REG;
use crate::frame::link_for_call;
use crate::heap::StrRef;
use crate::isa::{Insn, Op};

/// A table or key: the register it is in when it's used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub register: u8,
    /// The cell of a local variable whose value goes there just before the use: as in
    /// the reference, `t[f()]` and `t[i] = f()` see what `f` did to the locals.
    pub cell: Option<u8>,
}

/// Where the value of an expression is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// There is none (an empty list).
    Void,
    Nil,
    True,
    False,
    Number(f64),
    Str(StrRef),
    /// Local variable in its register.
    Local(u8),
    /// Local variable in the cell that this register holds.
    Cell(u8),
    /// The same in parentheses: no place to assign to.
    CellValue(u8),
    Upvalue(u8),
    Global(StrRef),
    Field {
        table: Place,
        name: StrRef,
    },
    IndexK {
        table: Place,
        index: u32,
    },
    Index {
        table: Place,
        key: Place,
    },
    /// The comparing jump at this position, taken if the value is true.
    Jump(u32),
    /// The instruction at this position, whose destination `a` is open.
    Relocatable(u32),
    /// A fixed register.
    Register(u8),
    /// The call at this position.
    Call(u32),
    /// The `VarArg` at this position.
    VarArg(u32),
}

/// An expression and the jumps that leave it early.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expr {
    pub kind: Kind,
    /// Jumps taken when it is true.
    pub if_true: u32,
    /// Jumps taken when it is false.
    pub if_false: u32,
}

impl Expr {
    pub(super) const fn new(kind: Kind) -> Expr {
        Expr {
            kind,
            if_true: NO_JUMP,
            if_false: NO_JUMP,
        }
    }

    pub(super) const VOID: Expr = Expr::new(Kind::Void);

    pub(super) fn has_jumps(&self) -> bool {
        self.if_true != NO_JUMP || self.if_false != NO_JUMP
    }

    /// The number, if it is a constant one.
    pub(super) fn as_number(&self) -> Option<f64> {
        match self.kind {
            Kind::Number(x) if !self.has_jumps() => Some(x),
            _ => None,
        }
    }

    /// May it have any number of values?
    pub(super) fn is_open(&self) -> bool {
        matches!(self.kind, Kind::Call(_) | Kind::VarArg(_))
    }
}

impl Compiler<'_> {
    /// Asks a call or `...` for exactly `n` values.
    pub(super) fn set_results(&mut self, e: &Expr, n: u32) -> Result<(), CompileError> {
        self.set_count(e, (n + 1) as u8)
    }

    /// Asks a call or `...` for all its values.
    pub(super) fn set_open(&mut self, e: &Expr) -> Result<(), CompileError> {
        self.set_count(e, 0)
    }

    fn set_count(&mut self, e: &Expr, count: u8) -> Result<(), CompileError> {
        match e.kind {
            Kind::Call(pc) => {
                let insn = self.insn(pc);
                let d = link_for_call(insn.a, count);
                self.set_insn(
                    pc,
                    Insn {
                        c: count,
                        d,
                        ..insn
                    },
                );
            }
            Kind::VarArg(pc) => {
                let a = self.reserve(1)?;
                let insn = self.insn(pc);
                self.set_insn(
                    pc,
                    Insn {
                        a,
                        b: count,
                        ..insn
                    },
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// Reduces a call or `...` to its first value.
    pub(super) fn set_one_result(&mut self, e: &mut Expr) {
        match e.kind {
            Kind::Call(pc) => e.kind = Kind::Register(self.insn(pc).a),
            Kind::VarArg(pc) => {
                let insn = self.insn(pc);
                self.set_insn(pc, Insn { b: 2, ..insn });
                e.kind = Kind::Relocatable(pc);
            }
            _ => {}
        }
    }

    /// Turns a variable into its value.
    pub(super) fn load_variable(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        e.kind = match e.kind {
            Kind::Local(reg) => Kind::Register(reg),
            Kind::Cell(reg) | Kind::CellValue(reg) => {
                Kind::Relocatable(self.emit(Op::GetCell, 0, reg, 0, 0)?)
            }
            Kind::Upvalue(n) => {
                let op = if self.upvalue(n).is_cell {
                    Op::GetUpCell
                } else {
                    Op::GetUp
                };
                Kind::Relocatable(self.emit(op, 0, n, 0, 0)?)
            }
            Kind::Global(name) => {
                self.keep_string(name)?;
                Kind::Relocatable(self.emit(Op::GetGlobal, 0, 0, 0, name.0)?)
            }
            Kind::Field { table, name } => {
                self.keep_string(name)?;
                let table = self.fetch(table)?;
                self.free_reg(table);
                Kind::Relocatable(self.emit(Op::GetField, 0, table, 0, name.0)?)
            }
            Kind::IndexK { table, index } => {
                let table = self.fetch(table)?;
                self.free_reg(table);
                Kind::Relocatable(self.emit(Op::GetIndexK, 0, table, 0, index)?)
            }
            Kind::Index { table, key } => {
                let (table, key) = (self.fetch(table)?, self.fetch(key)?);
                self.free_reg(key);
                self.free_reg(table);
                Kind::Relocatable(self.emit(Op::GetIndex, 0, table, key, 0)?)
            }
            Kind::Call(_) | Kind::VarArg(_) => {
                self.set_one_result(e);
                return Ok(());
            }
            _ => return Ok(()),
        };
        Ok(())
    }

    /// Puts the value into `reg`; the jumps stay open.
    fn load_into(&mut self, e: &mut Expr, reg: u8) -> Result<(), CompileError> {
        self.load_variable(e)?;
        match e.kind {
            Kind::Nil => self.emit_nil(reg, 1)?,
            Kind::True => {
                self.emit(Op::LoadBool, reg, 1, 0, 0)?;
            }
            Kind::False => {
                self.emit(Op::LoadBool, reg, 0, 0, 0)?;
            }
            Kind::Number(x) => {
                self.emit_k(Insn::new(Op::LoadK, reg, 0, 0, 0), number_bits(x))?;
            }
            Kind::Str(s) => {
                self.keep_string(s)?;
                self.emit(Op::LoadStr, reg, 0, 0, s.0)?;
            }
            Kind::Relocatable(pc) => {
                let insn = self.insn(pc);
                self.set_insn(pc, Insn { a: reg, ..insn });
            }
            Kind::Register(from) => {
                if from != reg {
                    self.emit(Op::Move, reg, from, 0, 0)?;
                }
            }
            // A jump's value is made where its lists are resolved.
            _ => return Ok(()),
        }
        e.kind = Kind::Register(reg);
        Ok(())
    }

    /// Gives back the register of a temporary value.
    pub(super) fn free_expr(&mut self, e: &Expr) {
        if let Kind::Register(reg) = e.kind {
            self.free_reg(reg);
        }
    }

    /// Puts the value into `reg`, with all its jumps resolved.
    pub(super) fn place_in(&mut self, e: &mut Expr, reg: u8) -> Result<(), CompileError> {
        self.load_into(e, reg)?;
        if let Kind::Jump(pc) = e.kind {
            e.if_true = self.join(pc, e.if_true);
        }
        if e.has_jumps() {
            self.resolve_jumps(e, reg)?;
        }
        *e = Expr::new(Kind::Register(reg));
        Ok(())
    }

    #[inline(never)]
    fn resolve_jumps(&mut self, e: &Expr, reg: u8) -> Result<(), CompileError> {
        let (mut load_false, mut load_true) = (NO_JUMP, NO_JUMP);
        if self.needs_value(e.if_true) || self.needs_value(e.if_false) {
            let skip = match e.kind {
                Kind::Jump(_) => NO_JUMP,
                _ => self.jump()?,
            };
            load_false = self.label();
            self.emit(Op::LoadBool, reg, 0, 0, 0)?;
            let over = self.jump()?;
            load_true = self.label();
            self.emit(Op::LoadBool, reg, 1, 0, 0)?;
            self.land(skip);
            self.land(over);
        }
        let end = self.label();
        self.patch(e.if_false, end, reg, load_false);
        self.patch(e.if_true, end, reg, load_true);
        Ok(())
    }

    /// Puts the value into the next free register.
    pub(super) fn place_next(&mut self, e: &mut Expr) -> Result<u8, CompileError> {
        self.load_variable(e)?;
        self.free_expr(e);
        let reg = self.reserve(1)?;
        self.place_in(e, reg)?;
        Ok(reg)
    }

    /// Puts the value into some register; a local variable stays in its own.
    pub(super) fn place_any(&mut self, e: &mut Expr) -> Result<u8, CompileError> {
        self.load_variable(e)?;
        if let Kind::Register(reg) = e.kind {
            if !e.has_jumps() {
                return Ok(reg);
            }
            if reg as u32 >= self.fun.active {
                self.place_in(e, reg)?;
                return Ok(reg);
            }
        }
        self.place_next(e)
    }

    /// Chooses a register for a table or key; that of a local variable is read
    /// where [`Compiler::fetch`] says so.
    pub(super) fn place_late(&mut self, e: &mut Expr) -> Result<Place, CompileError> {
        let cell = match e.kind {
            Kind::Cell(cell) | Kind::CellValue(cell) if !e.has_jumps() => Some(cell),
            _ => None,
        };
        let register = match cell {
            Some(_) => self.reserve(1)?,
            None => self.place_any(e)?,
        };
        *e = Expr::new(Kind::Register(register));
        Ok(Place { register, cell })
    }

    /// Brings a table or key into its register, for use by the next instruction.
    pub(super) fn fetch(&mut self, place: Place) -> Result<u8, CompileError> {
        if let Some(cell) = place.cell {
            self.emit(Op::GetCell, place.register, cell, 0, 0)?;
        }
        Ok(place.register)
    }

    /// Makes it a value without open jumps, still unplaced where possible.
    pub(super) fn settle_value(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        if e.has_jumps() {
            self.place_any(e)?;
            Ok(())
        } else {
            self.load_variable(e)
        }
    }

    /// Assigns the value to a variable.
    pub(super) fn store(&mut self, var: &Expr, e: &mut Expr) -> Result<(), CompileError> {
        match var.kind {
            Kind::Local(reg) => {
                self.note_assigned_local(reg);
                self.free_expr(e);
                return self.place_in(e, reg);
            }
            Kind::Cell(cell) => {
                self.note_assigned_local(cell);
                let value = self.place_any(e)?;
                self.emit(Op::SetCell, cell, value, 0, 0)?;
            }
            Kind::Upvalue(n) => {
                let at = self.fun.upvalue_base as usize + n as usize;
                let number = self.upvalue_vars[at];
                self.note(number, fact::ASSIGNED);
                let value = self.place_any(e)?;
                self.emit(Op::SetUpCell, value, n, 0, 0)?;
            }
            Kind::Global(name) => {
                let value = self.place_any(e)?;
                self.keep_string(name)?;
                self.emit(Op::SetGlobal, value, 0, 0, name.0)?;
            }
            Kind::Field { table, name } => {
                let value = self.place_any(e)?;
                self.keep_string(name)?;
                let table = self.fetch(table)?;
                self.emit(Op::SetField, table, value, 0, name.0)?;
            }
            Kind::IndexK { table, index } => {
                let value = self.place_any(e)?;
                let table = self.fetch(table)?;
                self.emit(Op::SetIndexK, table, value, 0, index)?;
            }
            Kind::Index { table, key } => {
                let value = self.place_any(e)?;
                let (table, key) = (self.fetch(table)?, self.fetch(key)?);
                self.emit(Op::SetIndex, table, key, value, 0)?;
            }
            // The grammar assigns to variables only.
            _ => {}
        }
        self.free_expr(e);
        Ok(())
    }

    fn note_assigned_local(&mut self, reg: u8) {
        let number = self.vars[self.fun.var_base as usize + reg as usize].number;
        self.note(number, fact::ASSIGNED);
    }

    /// Emits a test of `e` that jumps if its truth is `cond`; returns the jump.
    fn jump_on(&mut self, e: &mut Expr, cond: bool) -> Result<u32, CompileError> {
        if let Kind::Relocatable(pc) = e.kind {
            let insn = self.insn(pc);
            if self.op_at(pc) == Op::Not {
                self.unemit(pc);
                let op = if cond { Op::JumpIfNot } else { Op::JumpIf };
                return self.emit(op, insn.b, 0, 0, NO_JUMP);
            }
        }
        let reg = match e.kind {
            Kind::Register(reg) => reg,
            _ => {
                let reg = self.reserve(1)?;
                self.load_into(e, reg)?;
                reg
            }
        };
        self.free_expr(e);
        let op = if cond {
            Op::CopyJumpIf
        } else {
            Op::CopyJumpIfNot
        };
        self.emit(op, NO_REG, reg, 0, NO_JUMP)
    }

    /// Continues if `e` is true; otherwise leaves through `if_false`.
    pub(super) fn go_if_true(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        self.load_variable(e)?;
        let jump = match e.kind {
            Kind::Str(_) | Kind::Number(_) | Kind::True => NO_JUMP,
            Kind::Jump(pc) => {
                self.invert(pc);
                pc
            }
            _ => self.jump_on(e, false)?,
        };
        e.if_false = self.join(jump, e.if_false);
        self.land(e.if_true);
        e.if_true = NO_JUMP;
        Ok(())
    }

    /// Continues if `e` is false; otherwise leaves through `if_true`.
    pub(super) fn go_if_false(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        self.load_variable(e)?;
        let jump = match e.kind {
            Kind::Nil | Kind::False => NO_JUMP,
            Kind::Jump(pc) => pc,
            _ => self.jump_on(e, true)?,
        };
        e.if_true = self.join(jump, e.if_true);
        self.land(e.if_false);
        e.if_false = NO_JUMP;
        Ok(())
    }
}

/// The bits of a number constant as a value.
pub(super) fn number_bits(x: f64) -> u64 {
    crate::value::Value::number(x).0
}
