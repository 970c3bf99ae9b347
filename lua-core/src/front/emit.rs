//! Emission of instructions: registers, code words, lines, and lists of jumps.
//!
//! A jump whose target isn't known yet is a member of a *list*: its `d` holds
//! the position of the next member. Positions (`pc`) are word indices from the
//! start of the function. Nothing here knows the grammar; called by
//! expression.rs, operator.rs and the grammar files.

use super::CompileError;
use super::compiler::{Compiler, NO_JUMP};
use crate::isa::{Insn, Op};

/// Most registers of a function, call areas included.
const MAX_REGISTERS: u32 = 250;
/// "No register": the destination of a copying jump whose value isn't wanted.
pub(super) const NO_REG: u8 = 255;

/// The operation that jumps exactly when `op` doesn't.
fn inverse(op: Op) -> Op {
    match op {
        Op::JumpIf => Op::JumpIfNot,
        Op::JumpIfNot => Op::JumpIf,
        Op::CopyJumpIf => Op::CopyJumpIfNot,
        Op::CopyJumpIfNot => Op::CopyJumpIf,
        Op::JumpEq => Op::JumpNe,
        Op::JumpNe => Op::JumpEq,
        Op::JumpEqN => Op::JumpNeN,
        Op::JumpNeN => Op::JumpEqN,
        Op::JumpEqC => Op::JumpNeC,
        Op::JumpNeC => Op::JumpEqC,
        Op::JumpLt => Op::JumpNotLt,
        Op::JumpNotLt => Op::JumpLt,
        Op::JumpLe => Op::JumpNotLe,
        Op::JumpNotLe => Op::JumpLe,
        Op::JumpLtVK => Op::JumpNotLtVK,
        Op::JumpNotLtVK => Op::JumpLtVK,
        Op::JumpLeVK => Op::JumpNotLeVK,
        Op::JumpNotLeVK => Op::JumpLeVK,
        Op::JumpLtKV => Op::JumpNotLtKV,
        Op::JumpNotLtKV => Op::JumpLtKV,
        Op::JumpLeKV => Op::JumpNotLeKV,
        Op::JumpNotLeKV => Op::JumpLeKV,
        other => other,
    }
}

impl Compiler<'_> {
    /// Position of the next instruction.
    #[inline]
    pub(super) fn pc(&self) -> u32 {
        self.code.len() as u32 - self.fun.code_base
    }

    /// The first word of the instruction at `pc`.
    #[inline]
    pub(super) fn insn(&self, pc: u32) -> Insn {
        Insn::from_word(self.code[(self.fun.code_base + pc) as usize])
    }

    /// Replaces the first word of the instruction at `pc`.
    #[inline]
    pub(super) fn set_insn(&mut self, pc: u32, insn: Insn) {
        self.code[(self.fun.code_base + pc) as usize] = insn.to_word();
    }

    /// The operation at `pc`.
    #[inline]
    pub(super) fn op_at(&self, pc: u32) -> Op {
        Op::from_u8(self.insn(pc).op).unwrap_or(Op::Jump)
    }

    /// Emits an instruction with `extra` in the word behind it, if it has one
    /// (a second word of cache is 0), and returns its position.
    pub(super) fn emit_k(&mut self, insn: Insn, extra: u64) -> Result<u32, CompileError> {
        self.settle_pending();
        let pc = self.pc();
        let line = self.lexer.last_line;
        let words = Op::from_u8(insn.op).map_or(1, Op::words);
        self.code.push(self.rt, insn.to_word())?;
        self.lines.push(self.rt, line)?;
        for i in 1..words {
            self.code.push(self.rt, if i == 1 { extra } else { 0 })?;
            self.lines.push(self.rt, line)?;
        }
        self.fun.last_pc = pc;
        Ok(pc)
    }

    /// Emits an instruction whose further words, if any, are empty caches.
    #[inline]
    pub(super) fn emit(
        &mut self,
        op: Op,
        a: u8,
        b: u8,
        c: u8,
        d: u32,
    ) -> Result<u32, CompileError> {
        self.emit_k(Insn::new(op, a, b, c, d), 0)
    }

    /// Takes back the last instruction, which must start at `pc`.
    pub(super) fn unemit(&mut self, pc: u32) {
        let len = (self.fun.code_base + pc) as usize;
        self.code.truncate(len);
        self.lines.truncate(len);
        self.fun.last_pc = NO_JUMP;
    }

    /// Gives the instruction at `pc` and all after it this line.
    pub(super) fn set_line(&mut self, pc: u32, line: u32) {
        let first = (self.fun.code_base + pc) as usize;
        for word_line in &mut self.lines[first..] {
            *word_line = line;
        }
    }

    /// Makes sure that the frame has `n` registers above the ones in use.
    pub(super) fn check_registers(&mut self, n: u32) -> Result<(), CompileError> {
        let size = self.fun.free_reg + n;
        if size > self.fun.frame_size {
            if size >= MAX_REGISTERS {
                // Calls inside one another take two registers each: deep nesting gets here
                // before it reaches the limit on levels.
                if self.is_deeply_nested() {
                    return Err(self.too_many_levels());
                }
                return Err(self
                    .lexer
                    .syntax_error(b"function or expression too complex"));
            }
            self.fun.frame_size = size;
        }
        Ok(())
    }

    /// Takes `n` registers and returns the first.
    pub(super) fn reserve(&mut self, n: u32) -> Result<u8, CompileError> {
        self.check_registers(n)?;
        let first = self.fun.free_reg;
        self.fun.free_reg += n;
        Ok(first as u8)
    }

    /// The next free register; it isn't taken by this.
    #[inline]
    pub(super) fn next_reg(&self) -> u8 {
        self.fun.free_reg as u8
    }

    /// Gives a temporary register back; must be the last one taken.
    pub(super) fn free_reg(&mut self, reg: u8) {
        if reg as u32 >= self.fun.active {
            self.fun.free_reg -= 1;
            debug_assert_eq!(reg as u32, self.fun.free_reg);
        }
    }

    /// Emits `R[from .. from+n] = nil`, joined with such an instruction before.
    pub(super) fn emit_nil(&mut self, from: u8, n: u32) -> Result<(), CompileError> {
        let last = self.fun.last_pc;
        // A jump to here must not skip part of the work.
        if last != NO_JUMP && self.fun.pending == NO_JUMP && self.fun.label != self.pc() {
            let before = self.insn(last);
            let end = before.a as u32 + before.b as u32 + 1;
            if before.op == Op::LoadNil as u8 && end == from as u32 {
                let b = (before.b as u32 + n) as u8;
                self.set_insn(last, Insn { b, ..before });
                return Ok(());
            }
        }
        let pc = self.pc();
        let lines = &self.lines[self.fun.code_base as usize..];
        let is_first = from as u32 >= self.fun.active && lines.iter().all(|&line| line == 0);
        self.emit(Op::LoadNil, from, (n - 1) as u8, 0, 0)?;
        if is_first {
            // In the reference the registers of a function are nil at its start.
            self.set_line(pc, 0);
        }
        Ok(())
    }

    /// Marks the next instruction as a jump target.
    pub(super) fn label(&mut self) -> u32 {
        self.fun.label = self.pc();
        self.fun.label
    }

    /// Emits a jump to be patched, and returns the list of it and of the jumps
    /// that would have come here.
    pub(super) fn jump(&mut self) -> Result<u32, CompileError> {
        let pending = core::mem::replace(&mut self.fun.pending, NO_JUMP);
        let pc = self.emit(Op::Jump, 0, 0, 0, NO_JUMP)?;
        Ok(self.join(pc, pending))
    }

    /// Emits a jump back to `target` (with its tick).
    pub(super) fn jump_back(&mut self, target: u32) -> Result<u32, CompileError> {
        let pc = self.emit(Op::JumpBack, 0, 0, 0, 0)?;
        self.set_target(pc, target);
        Ok(pc)
    }

    /// Sets the distance of a jump.
    pub(super) fn set_target(&mut self, pc: u32, target: u32) {
        let insn = self.insn(pc);
        self.set_insn(
            pc,
            Insn {
                d: target.wrapping_sub(pc),
                ..insn
            },
        );
    }

    /// The list of `first` followed by `rest`. Costs the length of `first`.
    pub(super) fn join(&mut self, first: u32, rest: u32) -> u32 {
        if first == NO_JUMP {
            return rest;
        }
        if rest != NO_JUMP {
            let mut last = first;
            loop {
                let next = self.insn(last).d;
                if next == NO_JUMP {
                    break;
                }
                last = next;
            }
            let insn = self.insn(last);
            self.set_insn(last, Insn { d: rest, ..insn });
        }
        first
    }

    /// Lets the jumps of a list go to the next instruction.
    pub(super) fn land(&mut self, list: u32) {
        self.label();
        let pending = self.fun.pending;
        self.fun.pending = self.join(list, pending);
    }

    pub(super) fn settle_pending(&mut self) {
        if self.fun.pending != NO_JUMP {
            let list = core::mem::replace(&mut self.fun.pending, NO_JUMP);
            let here = self.pc();
            self.patch(list, here, NO_REG, here);
        }
    }

    /// Sends the jumps of a list that carry a value to `with_value`, with the
    /// value in `reg`, and the others to `without`.
    pub(super) fn patch(&mut self, mut list: u32, with_value: u32, reg: u8, without: u32) {
        while list != NO_JUMP {
            let next = self.insn(list).d;
            let target = if self.set_copy_target(list, reg) {
                with_value
            } else {
                without
            };
            self.set_target(list, target);
            list = next;
        }
    }

    /// Tells a copying jump where its value goes; one whose value isn't wanted
    /// (or is in place) becomes a plain test. False for other jumps.
    fn set_copy_target(&mut self, pc: u32, reg: u8) -> bool {
        let insn = self.insn(pc);
        let plain = match self.op_at(pc) {
            Op::CopyJumpIf => Op::JumpIf,
            Op::CopyJumpIfNot => Op::JumpIfNot,
            _ => return false,
        };
        let new = if reg != NO_REG && reg != insn.b {
            Insn { a: reg, ..insn }
        } else {
            Insn::new(plain, insn.b, 0, 0, insn.d)
        };
        self.set_insn(pc, new);
        true
    }

    /// Does some jump of the list come without a value?
    pub(super) fn needs_value(&self, mut list: u32) -> bool {
        while list != NO_JUMP {
            if !matches!(self.op_at(list), Op::CopyJumpIf | Op::CopyJumpIfNot) {
                return true;
            }
            list = self.insn(list).d;
        }
        false
    }

    /// Turns the copying jumps of a list into plain ones.
    pub(super) fn drop_values(&mut self, mut list: u32) {
        while list != NO_JUMP {
            self.set_copy_target(list, NO_REG);
            list = self.insn(list).d;
        }
    }

    /// Inverts the condition of the jump at `pc`.
    pub(super) fn invert(&mut self, pc: u32) {
        let insn = self.insn(pc);
        let op = inverse(self.op_at(pc)) as u8;
        self.set_insn(pc, Insn { op, ..insn });
    }
}
