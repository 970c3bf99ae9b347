//! What a call will most likely call: a library function, of which the compiler puts the
//! shortcut at the place of the call.
//!
//! This is a guess: what the instruction that brings the function into its register would
//! find now. Compiled code looks at the function's shortcut number before it does anything
//! (`ops::call::direct`), so a wrong guess costs time only, and nothing has to be undone when
//! the function that was seen here dies.
//!
//! Called by `plan.rs` for each instruction in turn. Must not change anything.

use super::facts::{self, Facts};
use crate::heap::{Kind, Rt, StrRef, TableRef};
use crate::isa::{Insn, OPS, Op};
use crate::ops::access::cache;
use crate::proto::CLOSURE_UPVALUES;
use crate::shortcuts::DIRECT;
use crate::value::{Value, tag};

/// Registers below this number are looked at.
const MANY: usize = 64;
/// The register of which nothing is ever known, and one that is never asked for.
const NONE: usize = MANY;
const NOBODY: usize = MANY + 1;

/// Most arguments that a row of [`DIRECT`] has.
const ARGUMENTS: usize = 3;

/// The rows of [`DIRECT`] that a call fits: bits by number of arguments, of a `Call` with one
/// result and of a `TailCall`.
static ROWS: [[u16; ARGUMENTS + 1]; 2] = {
    let mut out = [[0; ARGUMENTS + 1]; 2];
    let mut i = 0;
    while i < DIRECT.len() {
        let tail = !matches!(DIRECT[i].0, Op::Call);
        out[tail as usize][DIRECT[i].3 as usize] |= 1 << i;
        i += 1;
    }
    out
};

/// Where values may be seen that code is compiled for.
#[derive(Clone, Copy, Default)]
pub(super) struct Evidence {
    /// A closure of the prototype, or 0.
    pub(super) closure: u32,
    /// Offset of the base of a running frame of it, or 0.
    pub(super) frame: u32,
}

/// The instructions that brought something into registers, so far.
pub(super) struct Callees {
    rt: Rt,
    evidence: Evidence,
    /// Offset of the last one for each register, or 0.
    last: [u32; MANY + 2],
    /// Of a `GetField`: that of the one that brought its object.
    object: [u32; MANY + 2],
}

impl Callees {
    pub(super) fn new(rt: Rt, evidence: Evidence) -> Callees {
        Callees {
            rt,
            evidence,
            last: [0; MANY + 2],
            object: [0; MANY + 2],
        }
    }

    /// Takes note of an instruction, in the order of the code.
    #[inline(always)]
    pub(super) fn note(&mut self, insn: Insn, facts: Facts, pc: u32) {
        // Without a branch: which instructions do is hard to foretell.
        let (a, b) = (insn.a as usize, insn.b as usize);
        let brings = facts.has(facts::BRINGS) & (a < MANY);
        let to = if brings { a } else { NOBODY };
        self.object[to] = self.last[b.min(NONE)];
        self.last[to] = pc;
    }

    /// The index in [`DIRECT`] of the function that a `Call` or `TailCall` will most likely
    /// call.
    pub(super) fn expected(&self, call: Insn) -> Option<usize> {
        let tail = call.op != Op::Call as u8;
        let results = if tail { 0 } else { 2 };
        let arguments = (call.b as usize).checked_sub(1)?;
        let mut rows = *ROWS[tail as usize].get(arguments)?;
        if rows == 0 || call.c != results {
            return None;
        }
        let a = (call.a as usize).min(NONE);
        let f = self.brought(self.last[a], self.object[a])?;
        let shortcut = self.shortcut(f)?;
        while rows != 0 {
            let i = rows.trailing_zeros() as usize;
            if DIRECT.get(i)?.1 as u32 == shortcut {
                return Some(i);
            }
            rows &= rows - 1;
        }
        None
    }

    /// Number of a value's shortcut. The value may be an old one, of which the object is gone.
    fn shortcut(&self, f: Value) -> Option<u32> {
        if !f.has_tag(tag::NATIVE) {
            return None;
        }
        let header = self.rt.header(f.payload());
        (header.kind == Kind::Native as u8).then_some(header.aux)
    }

    /// What the instruction at `pc` would bring; `object` is the one that brings its object.
    fn brought(&self, pc: u32, object: u32) -> Option<Value> {
        if pc == 0 {
            return None;
        }
        let rt = self.rt;
        let insn = Insn::from_word(rt.get(pc));
        // SAFETY: plain fields.
        let (globals, epoch) = unsafe { ((*rt.vm()).globals, (*rt.vm()).epoch) };
        match OPS[insn.op as usize].base {
            Op::GetGlobal => Some(rt.raw_get_str(TableRef(globals), StrRef(insn.d))),
            Op::GetField => {
                let table = TableRef::from_value(self.brought(object, 0)?)?;
                (self.rt.header(table.0).kind == Kind::Table as u8)
                    .then(|| rt.raw_get_str(table, StrRef(insn.d)))
            }
            Op::Method if insn.op == Op::MethodS as u8 => {
                let number = |i: usize| rt.get::<u32>(pc + 8 + i as u32 * 4);
                (number(cache::EPOCH) == epoch).then(|| rt.get(number(cache::SLOT)))
            }
            Op::GetUp => self.upvalue(insn.b),
            Op::GetUpCell => {
                let cell = self.upvalue(insn.b)?;
                cell.has_tag(tag::CELL).then(|| rt.get(cell.payload() + 8))
            }
            Op::Move if self.evidence.frame != 0 => {
                Some(rt.get(self.evidence.frame + insn.b as u32 * 8))
            }
            _ => None,
        }
    }

    fn upvalue(&self, n: u8) -> Option<Value> {
        let closure = self.evidence.closure;
        (closure != 0).then(|| self.rt.get(closure + CLOSURE_UPVALUES + n as u32 * 8))
    }
}
