//! Which registers of a frame hold whole numbers: then an index needs no check.
//!
//! Known of constants, of variables of numeric `for` loops that begin with one, have one as
//! their step and are assigned nothing, and of sums, differences and products of those. What
//! is known here follows from the bytecode alone, on every way that control can come: so it
//! holds wherever compiled code is entered. Only the debugger can break it
//! (`Rt::forget_types`).
//!
//! *Whole* means: a number that has no fraction, or is infinite or a NaN. Bytecode that no
//! front end made may jump into loops. Then an index is a number truncated, or what isn't a
//! number as an index out of range: nothing worse, since ranges are always checked.
//!
//! Must not change what is compiled other than by this knowledge. Called by `registers.rs`.

use crate::heap::Rt;
use crate::isa::{Control, Insn, OPS, Op, Operand};

/// A set of registers.
#[derive(Clone, Copy, Default)]
struct Registers([u64; 4]);

impl Registers {
    #[inline]
    fn has(&self, register: u8) -> bool {
        self.0[register as usize / 64] >> (register % 64) & 1 != 0
    }

    #[inline]
    fn put(&mut self, register: u8, there: bool) {
        let word = &mut self.0[register as usize / 64];
        *word = *word & !(1 << (register % 64)) | (there as u64) << (register % 64);
    }

    /// Takes all from this one on away.
    fn cut(&mut self, from: u8) {
        for (i, word) in self.0.iter_mut().enumerate() {
            let first = (from as usize).saturating_sub(i * 64).min(64);
            *word &= 1u64.checked_shl(first as u32).map_or(u64::MAX, |x| x - 1);
        }
    }
}

/// Most numeric loops in one another that are looked at.
const DEEPEST: usize = 8;

/// Numeric loops around an instruction, while the code is read for the first time.
#[derive(Default)]
pub(super) struct Around {
    /// Variable and `ForPrep` of each; a loop whose variable is assigned has no `ForPrep`.
    loops: [(u8, Option<u32>); DEEPEST],
    depth: usize,
}

impl Around {
    /// Reads the next instruction. Gives the `ForPrep` of a loop that ends here whose variable
    /// isn't assigned.
    #[inline]
    pub(super) fn read(&mut self, at: u32, insn: Insn) -> Option<u32> {
        if self.depth == 0 && insn.op != Op::ForPrep as u8 {
            return None;
        }
        self.look(at, insn)
    }

    fn look(&mut self, at: u32, insn: Insn) -> Option<u32> {
        let op = OPS[insn.op as usize].op;
        let a = insn.a;
        match op {
            Op::ForPrep => {
                if let Some(place) = self.loops.get_mut(self.depth) {
                    *place = (a.wrapping_add(3), Some(at));
                    self.depth += 1;
                } else {
                    // Too deep: nothing is known of those around, either.
                    self.depth = 0;
                }
            }
            Op::ForLoop | Op::ForLoopUp => {
                self.depth = self.depth.checked_sub(1)?;
                let (variable, prepared) = self.loops[self.depth];
                if variable == a.wrapping_add(3) {
                    return prepared;
                }
                // Not as the front end has it.
                self.depth = 0;
            }
            _ => {
                let (last, several) = match OPS[op as usize].operands[0] {
                    Operand::Dst => (a.saturating_add(insn.b), op == Op::LoadNil),
                    Operand::Run => (u8::MAX, true),
                    _ => return None,
                };
                let last = if several { last } else { a };
                for (variable, prepared) in self.loops.iter_mut().take(self.depth) {
                    if a <= *variable && *variable <= last {
                        *prepared = None;
                    }
                }
            }
        }
        None
    }
}

/// What is known at an instruction, when the code is read for the second time.
#[derive(Default)]
pub(super) struct Whole {
    /// Variables of loops around it.
    variables: Registers,
    /// Other registers, since the last instruction that a jump leads to.
    others: Registers,
}

impl Whole {
    /// Does a register hold a whole number?
    #[inline]
    pub(super) fn has(&self, register: u8) -> bool {
        self.variables.has(register) || self.others.has(register)
    }

    /// A jump leads to the next instruction.
    pub(super) fn meet(&mut self) {
        self.others = Registers::default();
    }

    /// Goes over the instruction at the offset `pc`; `steady`: it is a `ForPrep` whose
    /// variable isn't assigned.
    #[inline]
    pub(super) fn pass(&mut self, rt: Rt, pc: u32, insn: Insn, steady: bool) {
        let info = &OPS[insn.op as usize];
        let constant = || is_whole(f64::from_bits(rt.get(pc + 8)));
        let whole = match info.op {
            Op::LoadK => constant(),
            Op::Move => self.has(insn.b),
            Op::AddVK | Op::SubVK | Op::MulVK => self.has(insn.b) && constant(),
            Op::AddKV | Op::SubKV | Op::MulKV => self.has(insn.c) && constant(),
            Op::Add | Op::Sub | Op::Mul => self.has(insn.b) && self.has(insn.c),
            Op::ForPrep => {
                let known = steady && self.has(insn.a) && self.has(insn.a.wrapping_add(2));
                self.others.cut(insn.a);
                self.variables.put(insn.a.wrapping_add(3), known);
                return;
            }
            Op::ForLoop | Op::ForLoopUp => {
                self.others.cut(insn.a);
                self.variables.put(insn.a.wrapping_add(3), false);
                return;
            }
            Op::LoadNil => return self.others.cut(insn.a),
            _ => false,
        };
        match info.operands[0] {
            Operand::Dst if info.control == Control::Next => self.others.put(insn.a, whole),
            Operand::Dst | Operand::Run => self.others.cut(insn.a),
            _ => {}
        }
    }
}

/// Has a number no fraction? Those beyond 2^52 never have.
fn is_whole(x: f64) -> bool {
    crate::ops::arith::floor(x) == x
}
