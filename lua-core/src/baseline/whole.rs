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
//! Must not change what is compiled other than by this knowledge. Called by
//! `loops.rs` and `registers.rs`.

use super::facts::{self, Facts};
use crate::heap::Rt;
use crate::isa::{Insn, OPS, Op};

/// A set of registers.
#[derive(Clone, Copy, Default)]
struct Registers([u64; 4]);

impl Registers {
    #[inline(always)]
    fn has(&self, register: u8) -> bool {
        self.0[register as usize / 64] >> (register % 64) & 1 != 0
    }

    /// Puts one in, or takes it away.
    #[inline(always)]
    fn put(&mut self, register: u8, there: bool) {
        let word = &mut self.0[register as usize / 64];
        *word = *word & !(1 << (register % 64)) | (there as u64) << (register % 64);
    }

    /// Takes all from this one on away.
    #[inline]
    fn cut(&mut self, from: u8) {
        let (first, rest) = self.0.split_at_mut(from as usize / 64 + 1);
        rest.fill(0);
        if let Some(word) = first.last_mut() {
            *word &= (1 << (from % 64)) - 1;
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
    /// Bit n % 64 is set if register n is one of the variables.
    watched: u64,
    /// All instructions that may write several registers concern them: if there are any.
    many: u32,
}

impl Around {
    /// Must [`Around::read`] be told of an instruction that doesn't jump? Without a branch:
    /// what most of the first walk's look at an instruction is.
    #[inline(always)]
    pub(super) fn concerns(&self, insn: Insn, facts: Facts) -> bool {
        let written = self.watched >> (insn.a % 64) & 1 != 0;
        facts.has(facts::WRITES_ONE) & written | facts.has(self.many)
    }

    /// Reads the next instruction. Gives the `ForPrep` of a loop that ends here whose variable
    /// isn't assigned.
    pub(super) fn read(&mut self, at: u32, insn: Insn, facts: Facts) -> Option<u32> {
        let a = insn.a;
        if facts.has(facts::PREPARES) {
            if let Some(place) = self.loops.get_mut(self.depth) {
                *place = (a.wrapping_add(3), Some(at));
                self.depth += 1;
            } else {
                // Too deep: nothing is known of those around, either.
                self.depth = 0;
            }
            self.watch();
        } else if facts.has(facts::COUNTS) {
            self.depth = self.depth.checked_sub(1)?;
            let (variable, prepared) = self.loops[self.depth];
            if variable != a.wrapping_add(3) {
                // Not as the front end has it.
                self.depth = 0;
            }
            self.watch();
            return prepared.filter(|_| variable == a.wrapping_add(3));
        } else if facts.has(facts::WRITES_ONE | facts::WRITES_MANY) {
            let last = match OPS[insn.op as usize].op {
                Op::LoadNil => a.saturating_add(insn.b),
                _ if facts.has(facts::WRITES_ONE) => a,
                _ => u8::MAX,
            };
            for (variable, prepared) in self.loops.iter_mut().take(self.depth) {
                if a <= *variable && *variable <= last {
                    *prepared = None;
                }
            }
        }
        None
    }

    /// Notes which the variables are.
    fn watch(&mut self) {
        let variables = self.loops.iter().take(self.depth);
        self.watched = variables.fold(0, |bits, (variable, _)| bits | 1 << (variable % 64));
        self.many = match self.depth {
            0 => 0,
            _ => facts::WRITES_MANY,
        };
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
    #[inline(always)]
    fn has(&self, register: u8) -> bool {
        self.variables.has(register) | self.others.has(register)
    }

    /// Goes over the instruction at the offset `pc`; `met`: a jump leads to it; `steady`: it
    /// is a `ForPrep` whose variable isn't assigned. Has it an index that is whole?
    #[inline(always)]
    pub(super) fn pass(
        &mut self,
        rt: Rt,
        pc: u32,
        insn: Insn,
        facts: Facts,
        (met, steady): (bool, bool),
    ) -> bool {
        if met {
            self.others = Registers::default();
        }
        // Of these operations, the key only comes in a register.
        let key = match facts.has(facts::TAKES_ABC[1]) {
            true => insn.b,
            false => insn.c,
        };
        let indexed = facts.has(facts::INDEXES) & self.has(key);
        if facts.has(facts::MAKES_WHOLE) {
            self.reckon(rt, pc, insn.to_word(), steady);
        } else if facts.has(facts::CUTS) {
            self.others.cut(insn.a);
        } else if facts.has(facts::WRITES_ONE) {
            self.others.put(insn.a, false);
        }
        indexed
    }

    #[inline(never)]
    fn reckon(&mut self, rt: Rt, pc: u32, word: u64, steady: bool) {
        let insn = Insn::from_word(word);
        let constant = || is_whole(f64::from_bits(rt.get(pc + 8)));
        let whole = match OPS[insn.op as usize].op {
            Op::LoadK => constant(),
            Op::Move => self.has(insn.b),
            Op::AddVK | Op::SubVK | Op::MulVK => self.has(insn.b) && constant(),
            Op::AddKV | Op::SubKV | Op::MulKV => self.has(insn.c) && constant(),
            Op::Add | Op::Sub | Op::Mul => self.has(insn.b) && self.has(insn.c),
            // The beginning or the end of a loop.
            _ => {
                let known = steady && self.has(insn.a) && self.has(insn.a.wrapping_add(2));
                self.others.cut(insn.a);
                return self.variables.put(insn.a.wrapping_add(3), known);
            }
        };
        self.others.put(insn.a, whole);
    }
}

/// Has a number no fraction? Those beyond 2^52 never have.
fn is_whole(x: f64) -> bool {
    crate::ops::arith::floor(x) == x
}
