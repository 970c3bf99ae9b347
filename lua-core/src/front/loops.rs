//! The ends of `while` and `repeat` loops: the condition goes there, as one
//! instruction that also jumps back, instead of a jump back to a condition.
//!
//! The condition of a `while` is met when its code has been emitted already; it
//! is short as a rule, and copied. Called by parse_statement.rs.

use super::CompileError;
use super::compiler::{Compiler, NO_JUMP};
use super::expression::Expr;
use crate::isa::{Control, Insn, Op};

/// Longest condition in words that is copied.
const MOST_WORDS: u32 = 32;

impl Compiler<'_> {
    /// Ends a `while` loop: its condition lies from `start` to `body`, and leaves
    /// through the list `exit`. Gives the list of all jumps that leave.
    pub(super) fn close_while(
        &mut self,
        start: u32,
        body: u32,
        exit: u32,
    ) -> Result<u32, CompileError> {
        // With an empty body, jumps in the condition may still wait for their target.
        self.settle_pending();
        if !self.can_copy(start, body, exit) {
            self.jump_back(start)?;
            return Ok(exit);
        }
        let mut exit = exit;
        let mut pc = start;
        while pc < body {
            let at = (self.fun.code_base + pc) as usize;
            let insn = self.insn(pc);
            let words = Op::from_u8(insn.op).map_or(1, Op::words) as u32;
            let extra = if words > 1 { self.code[at + 1] } else { 0 };
            let line = self.lines[at];
            let leaves = self.is_member(exit, pc);
            let copy = self.emit_k(insn, extra)?;
            self.set_line(copy, line);
            if leaves && pc + words == body {
                self.turn_back(copy, body);
            } else if leaves {
                self.set_insn(copy, Insn { d: NO_JUMP, ..insn });
                exit = self.join(copy, exit);
            }
            pc += words;
        }
        Ok(exit)
    }

    /// Ends a `repeat` loop that started at `start` and goes on unless one of the jumps
    /// `e.if_true` is taken.
    pub(super) fn close_repeat(&mut self, start: u32, e: &mut Expr) -> Result<(), CompileError> {
        let last = e.if_true;
        let only_way = last != NO_JUMP
            && last == self.fun.last_pc
            && self.fun.pending == NO_JUMP
            && self.op_at(last).with_loop().is_some();
        if !only_way {
            self.jump_back(start)?;
            return Ok(());
        }
        e.if_true = self.insn(last).d;
        self.turn_back(last, start);
        Ok(())
    }

    /// Makes the forward jump at `pc`, which leaves a loop, one that stays in it.
    fn turn_back(&mut self, pc: u32, target: u32) {
        self.invert(pc);
        let insn = self.insn(pc);
        if let Some(op) = self.op_at(pc).with_loop() {
            self.set_insn(
                pc,
                Insn {
                    op: op as u8,
                    ..insn
                },
            );
        }
        self.set_target(pc, target);
    }

    /// Is the condition's code short, its last instruction a jump of `exit`, and does no
    /// other jump lead to `body`?
    fn can_copy(&self, start: u32, body: u32, exit: u32) -> bool {
        if body - start > MOST_WORDS || exit == NO_JUMP {
            return false;
        }
        let mut pc = start;
        let mut ends_in_exit = false;
        while pc < body {
            let insn = self.insn(pc);
            let Some(op) = Op::from_u8(insn.op) else {
                return false;
            };
            let next = pc + op.words() as u32;
            let leaves = self.is_member(exit, pc);
            let jumps = op.info().control != Control::Next && op.info().control != Control::Call;
            if jumps && !leaves && pc.wrapping_add(insn.d) >= body {
                return false;
            }
            ends_in_exit = leaves && next == body && op.with_loop().is_some();
            pc = next;
        }
        ends_in_exit
    }

    fn is_member(&self, mut list: u32, pc: u32) -> bool {
        while list != NO_JUMP {
            if list == pc {
                return true;
            }
            // Lists of conditions go from the last jump to the first.
            list = self.insn(list).d;
        }
        false
    }
}
