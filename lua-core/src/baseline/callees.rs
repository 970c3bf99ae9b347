//! What a call will most likely call: a library function, of which the compiler puts the
//! shortcut at the place of the call.
//!
//! This is a guess: what the instruction that brings the function into its register would
//! find now. Compiled code looks at the function's shortcut number before it does anything
//! (`ops::call::direct`), so a wrong guess costs time only, and nothing has to be undone when
//! the function that was seen here dies.
//!
//! Called by `plan.rs` and `registers.rs` for each instruction in turn. Must not change anything.

use crate::heap::{Kind, Rt, StrRef, TableRef};
use crate::isa::{Insn, OPS, Op};
use crate::ops::access::cache;
use crate::proto::CLOSURE_UPVALUES;
use crate::shortcuts::{DIRECT, Passes, Shortcut};
use crate::value::{Value, tag};

/// A row of [`DIRECT`].
type Row = (Op, Shortcut, [&'static str; 2], u8, Passes);

/// Registers below this number are looked at.
const MANY: usize = 64;
/// The register of which nothing is ever known, and one that is never asked for.
const NONE: usize = MANY;
const NOBODY: usize = MANY + 1;

/// Does an operation bring what is called into its register?
static BRINGS: [bool; 256] = {
    let mut out = [false; 256];
    let mut i = 0;
    while i < OPS.len() {
        out[i] = matches!(
            OPS[i].base,
            Op::Move | Op::GetUp | Op::GetUpCell | Op::GetGlobal | Op::GetField | Op::Method
        );
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
    #[inline]
    pub(super) fn note(&mut self, insn: Insn, pc: u32) {
        // Without a branch: which instructions do is hard to foretell.
        let (a, b) = (insn.a as usize, insn.b as usize);
        let brings = BRINGS[insn.op as usize] & (a < MANY);
        let to = if brings { a } else { NOBODY };
        self.object[to] = self.last[b.min(NONE)];
        self.last[to] = pc;
    }

    /// The index in [`DIRECT`] of the function that a `Call` or `TailCall` will most likely
    /// call.
    pub(super) fn expected(&self, call: Insn) -> Option<usize> {
        let fits = |row: &Row| {
            let wanted = if row.0 == Op::Call { 2 } else { 0 };
            row.0 as u8 == call.op && row.3 + 1 == call.b && wanted == call.c
        };
        if !DIRECT.iter().any(fits) {
            return None;
        }
        let a = (call.a as usize).min(NONE);
        let f = self.brought(self.last[a], self.object[a])?;
        let shortcut = self.shortcut(f)?;
        DIRECT
            .iter()
            .position(|row| fits(row) && row.1 as u32 == shortcut)
    }

    /// Takes note of an instruction; says what passes through the processor's registers if it
    /// is a `Call` of what is expected.
    #[inline]
    pub(super) fn passes(&mut self, insn: Insn, pc: u32) -> Passes {
        self.note(insn, pc);
        if insn.op != Op::Call as u8 {
            return Passes::Nothing;
        }
        let expected = self.expected(insn).and_then(|i| DIRECT.get(i));
        expected.map_or(Passes::Nothing, |row| row.4)
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
