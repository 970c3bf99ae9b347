//! Variables and blocks: coming into scope, going out of it, and what a name
//! means at a point of the source.
//!
//! A captured variable that is never assigned after its initialisation is
//! captured by value; any other captured variable lives in a cell, made when it
//! comes into scope. So there are no open upvalues and nothing to close when a
//! block ends. Called by the grammar files.

use super::CompileError;
use super::compiler::{Block, Compiler, Function, NO_JUMP, fact};
use super::expression::Kind;
use crate::heap::StrRef;
use crate::isa::{Insn, Op};
use crate::proto::{LocalDesc, UpvalueDesc, UpvalueFrom};

/// Most upvalues of a function.
const MAX_UPVALUES: u32 = 60;

impl Compiler<'_> {
    /// Brings the first `n` declared variables into scope. Their registers hold
    /// the initial values already; variables that need a cell get it here.
    pub(super) fn activate(&mut self, n: u32) -> Result<(), CompileError> {
        for _ in 0..n {
            let register = self.fun.active as u8;
            let at = (self.fun.var_base + self.fun.active) as usize;
            self.fun.active += 1;
            if self.vars[at].is_cell {
                // No line: the reference has no such instruction.
                let cell = self.emit(Op::NewCell, register, 0, 0, 0)?;
                self.set_line(cell, 0);
            }
            let start_pc = self.pc();
            self.vars[at].desc = self.locals.len() as u32 - self.fun.local_base;
            let name = self.vars[at].name;
            let desc = LocalDesc {
                name,
                start_pc,
                end_pc: start_pc,
                register,
            };
            self.locals.push(self.rt, desc)?;
        }
        Ok(())
    }

    /// Takes all variables but the first `active` out of scope.
    pub(super) fn deactivate(&mut self, active: u32) {
        let end_pc = self.pc();
        for i in active..self.fun.active {
            let var = self.vars[(self.fun.var_base + i) as usize];
            self.locals[(self.fun.local_base + var.desc) as usize].end_pc = end_pc;
        }
        self.fun.active = active;
        self.vars.truncate((self.fun.var_base + active) as usize);
    }

    /// Begins a block.
    pub(super) fn enter_block(&mut self, is_loop: bool) -> Result<(), CompileError> {
        let block = Block {
            breaks: NO_JUMP,
            active: self.fun.active,
            is_loop,
        };
        self.blocks.push(self.rt, block)?;
        Ok(())
    }

    /// Ends the innermost block; its `break`s come here.
    pub(super) fn leave_block(&mut self) {
        if let Some(block) = self.blocks.pop() {
            self.deactivate(block.active);
            self.fun.free_reg = self.fun.active;
            self.land(block.breaks);
        }
    }

    /// Adds a jump to the `break`s of the innermost loop.
    pub(super) fn break_loop(&mut self) -> Result<(), CompileError> {
        let base = self.fun.block_base as usize;
        let mut i = self.blocks.len();
        while i > base {
            i -= 1;
            if self.blocks[i].is_loop {
                let jump = self.jump()?;
                let before = self.blocks[i].breaks;
                let breaks = self.join(jump, before);
                self.blocks[i].breaks = breaks;
                return Ok(());
            }
        }
        Err(self.lexer.syntax_error(b"no loop to break"))
    }

    /// An upvalue of the current function.
    pub(super) fn upvalue(&self, n: u8) -> UpvalueDesc {
        self.upvalues[self.fun.upvalue_base as usize + n as usize]
    }

    /// What `name` means here.
    pub(super) fn resolve(&mut self, name: StrRef) -> Result<Kind, CompileError> {
        if let Some(register) = self.find_local(&self.fun, name) {
            let var = self.vars[self.fun.var_base as usize + register as usize];
            return Ok(if var.is_cell {
                Kind::Cell(register)
            } else {
                Kind::Local(register)
            });
        }
        for level in (1..self.outer.len()).rev() {
            if let Some(register) = self.find_local(&self.outer[level], name) {
                return self.capture(level, register);
            }
        }
        Ok(Kind::Global(name))
    }

    /// The register of the innermost variable of `fun` with this name.
    fn find_local(&self, fun: &Function, name: StrRef) -> Option<u8> {
        let base = fun.var_base as usize;
        let vars = self.vars.get(base..base + fun.active as usize)?;
        vars.iter()
            .rposition(|var| var.name == name)
            .map(|i| i as u8)
    }

    /// Makes the variable in `register` of the enclosing function `level` an
    /// upvalue of the current function and of all functions between.
    #[inline(never)]
    fn capture(&mut self, level: usize, register: u8) -> Result<Kind, CompileError> {
        let var = self.vars[self.outer[level].var_base as usize + register as usize];
        self.note(var.number, fact::CAPTURED);
        let depth = self.outer.len();
        let mut desc = UpvalueDesc {
            name: var.name,
            from: UpvalueFrom::Local,
            index: register,
            is_cell: var.is_cell,
        };
        for inner in level + 1..=depth {
            if inner == level + 1 && !var.is_cell && self.function(inner).itself == Some(var.number)
            {
                desc.from = UpvalueFrom::Itself;
                desc.index = 0;
            }
            desc.index = self.add_upvalue(inner, var.number, desc)?;
            desc.from = UpvalueFrom::Up;
        }
        Ok(Kind::Upvalue(desc.index))
    }

    /// The function at a nesting depth; the current one is at `outer.len()`.
    fn function(&mut self, level: usize) -> &mut Function {
        match self.outer.get_mut(level) {
            Some(fun) => fun,
            None => &mut self.fun,
        }
    }

    /// Finds or adds an upvalue of the function at `level`; returns its index.
    fn add_upvalue(
        &mut self,
        level: usize,
        variable: u32,
        desc: UpvalueDesc,
    ) -> Result<u8, CompileError> {
        let fun = *self.function(level);
        let first = fun.upvalue_base as usize;
        let end = first + fun.upvalue_count as usize;
        if let Some(i) = self.upvalue_vars[first..end]
            .iter()
            .position(|&v| v == variable)
        {
            return Ok(i as u8);
        }
        if fun.upvalue_count >= MAX_UPVALUES {
            return Err(self.limit_error(&fun, MAX_UPVALUES, b"upvalues"));
        }
        // The lists of the functions inside lie above and move up by one.
        self.upvalues.push(self.rt, desc)?;
        self.upvalue_vars.push(self.rt, variable)?;
        self.upvalues[end..].rotate_right(1);
        self.upvalue_vars[end..].rotate_right(1);
        self.function(level).upvalue_count += 1;
        for inner in level + 1..=self.outer.len() {
            self.function(inner).upvalue_base += 1;
        }
        Ok(fun.upvalue_count as u8)
    }

    /// The implicit local `arg` that a variadic function of Lua 5.1 has after
    /// its parameters: a table of the extra arguments and their number, but nil
    /// if the function uses `...`; see [`Compiler::drop_arg_table`].
    pub(super) fn declare_arg(&mut self) -> Result<(), CompileError> {
        let name = self.rt.intern(b"arg")?;
        self.declare(name)?;
        let register = self.reserve(1)?;
        let pc = self.emit(Op::ArgTable, register, 0, 0, 0)?;
        self.set_line(pc, 0);
        self.fun.arg_table = Some(pc);
        self.activate(1)
    }

    /// The function uses `...`: its variable `arg` is nil.
    pub(super) fn drop_arg_table(&mut self) {
        if let Some(pc) = self.fun.arg_table.take() {
            let register = self.insn(pc).a;
            self.set_insn(pc, Insn::new(Op::LoadNil, register, 0, 0, 0));
        }
    }
}
