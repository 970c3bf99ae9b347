//! The first walk over the code: what must be known before an instruction is reached. Where
//! jumps lead, how many inline caches there are, which loops have registers that are worth
//! being kept in the processor's and which of those are sure to hold numbers (`registers.rs`
//! says what that means), and which loop variables nothing assigns.
//!
//! Most instructions are none of this, and cost a look at their facts.
//!
//! Must not know what any operation means: it looks at [`facts`] and, of the few that write
//! several registers, at the op table. Called by `compile.rs`.

use super::facts::{self, Facts};
use super::registers::Mark;
use super::whole::Around;
use crate::heap::{Buffer, NoMemory, Rt};
use crate::isa::{Insn, OPS, Op, Operand};
use crate::proto::Proto;
use crate::value::Value;

/// Most registers of a frame that are kept at a time.
pub(super) const KEPT: usize = 6;

/// Longest loop, in words, of which registers are kept.
const LONGEST: u32 = 256;

/// Registers below this number may be kept: a bit of a word for each.
const MANY: u8 = 64;

/// A loop of which registers are kept.
#[derive(Clone, Copy)]
pub(super) struct Loop {
    /// Its first word, and its last instruction.
    pub(super) start: u32,
    pub(super) end: u32,
    /// How many registers are kept, and which.
    pub(super) count: usize,
    pub(super) kept: [u8; KEPT],
    /// Those of them that are sure to be numbers, as bits.
    pub(super) sure: u8,
}

impl Loop {
    /// Where a register is kept.
    pub(super) fn place_of(&self, register: u8) -> Option<u32> {
        let kept = self.kept.get(..self.count)?;
        kept.iter().position(|&r| r == register).map(|i| i as u32)
    }

    /// Is what is kept there sure to be a number?
    pub(super) fn is_sure(&self, place: u32) -> bool {
        self.sure >> place & 1 != 0
    }

    /// Keeps a register, if there is room.
    fn keep(&mut self, register: u8, sure: bool) {
        if let Some(place) = self.kept.get_mut(self.count) {
            *place = register;
            self.sure |= (sure as u8) << self.count;
            self.count += 1;
        }
    }
}

/// What is found out about a function before it is compiled.
pub(super) struct Analysis<'w> {
    pub(super) rt: Rt,
    pub(super) proto: &'w Proto,
    pub(super) facts: &'w facts::Table,
    /// The quickened forms of instructions are compiled.
    pub(super) bake: bool,
    /// What is to be found out.
    pub(super) registers: bool,
    pub(super) types: bool,
    /// Some numbers are sure to be some (`registers.rs`).
    pub(super) sure: bool,
    /// One for each word.
    pub(super) marks: &'w mut [Mark],
    pub(super) loops: &'w mut Buffer<Loop>,
}

/// What the walk finds, besides marks and loops.
#[derive(Clone, Copy)]
pub(super) struct Found {
    /// There are numeric loops whose variables may be known to be whole.
    pub(super) counts: bool,
    /// Some numbers are sure to be some.
    pub(super) sure: bool,
    /// Number of inline caches.
    pub(super) sites: u32,
    /// The words from the beginning of the first loop of which registers are kept to the end of
    /// the last one.
    pub(super) inside: (u32, u32),
}

impl Analysis<'_> {
    #[inline(always)]
    fn instruction(&self, at: u32) -> Insn {
        Insn::from_word(self.rt.get(self.proto.entry + at * 8))
    }

    /// What is known of the operation that an instruction is compiled as.
    #[inline(always)]
    fn facts(&self, insn: Insn) -> Facts {
        let facts = self.facts[insn.op as usize];
        match self.bake {
            true => facts,
            false => self.facts[facts.base() as usize],
        }
    }

    /// Fills the marks and the list of loops.
    pub(super) fn run(&mut self) -> Result<Found, NoMemory> {
        self.marks.fill(Mark::PLAIN);
        self.loops.truncate(0);
        let mut found = Found {
            counts: false,
            sure: self.sure,
            sites: 0,
            inside: (0, 0),
        };
        let mut at = 0;
        // The end of the last loop: one that contains it isn't innermost.
        let mut last_end = 0;
        let mut around = Around::default();
        while at < self.proto.code_words {
            let insn = self.instruction(at);
            let facts = self.facts[insn.op as usize];
            let words = facts.words();
            found.sites += facts.has(facts::CACHES) as u32;
            if !facts.has(facts::JUMPS) & !around.concerns(insn, facts) {
                at += words;
                continue;
            }
            if self.types
                && let Some(prepared) = around.read(at, insn, facts)
                && let Some(mark) = self.marks.get_mut(prepared as usize)
            {
                mark.make_steady();
                found.counts = true;
            }
            let to = at.wrapping_add(insn.d);
            // Right before the loop is its own `ForPrep`, or else control comes by that of another
            // one, with another variable: no front end does that.
            let of_for = facts.has(facts::COUNTS)
                && (1..=self.proto.code_words).contains(&to)
                && self.instruction(to - 1).a == insn.a;
            if facts.has(facts::JUMPS)
                && let Some(mark) = self.marks.get_mut(to as usize)
            {
                mark.lead_to(of_for);
                if facts.has(facts::LOOPS) && to <= at {
                    let innermost = last_end <= to;
                    last_end = at + 1;
                    if innermost
                        && self.registers
                        && at - to <= LONGEST
                        && self.loops.len() < Mark::LOOPS
                    {
                        self.consider(to, at)?;
                    }
                }
            }
            at += words;
        }
        if let (Some(first), Some(last)) = (self.loops.first(), self.loops.last()) {
            found.inside = (first.start, last.end + 1);
        }
        Ok(found)
    }

    /// Does an instruction load a number?
    fn loads_number(&self, at: u32, insn: Insn) -> bool {
        let constant = || Value(self.rt.get(self.proto.entry + (at + 1) * 8));
        OPS[insn.op as usize].op == Op::LoadK && constant().is_number()
    }

    /// Notes an innermost loop if it has registers worth keeping: those that get numbers in
    /// it, which are operands there, but not of the next instruction only.
    fn consider(&mut self, start: u32, end: u32) -> Result<(), NoMemory> {
        // Registers as bits. Those that are an operand which the instruction before didn't
        // leave; that get a number; that are such an operand before they get one: it comes
        // from the turn before.
        let (mut far, mut numbers, mut carried) = (0u64, 0u64, 0u64);
        // Those that get anything else: once or more, twice or more, more often.
        let mut others = [0u64; 3];
        // Those that may get what isn't a number; those that operations take for which that
        // matters; and such as they take together, for which it matters if both are kept.
        let mut unsure = if self.sure { 0 } else { u64::MAX };
        let mut asked = 0u64;
        let (mut pairs, mut paired) = ([u64::MAX; 8], 0);
        // How many such operations there are, and places where control comes in.
        let (mut uses, mut entries) = (0, 0);
        // How much oftener they are such an operand than they get a number.
        let mut surplus = [0i16; MANY as usize];
        let bit = |register: u8| ((register < MANY) as u64) << (register % MANY);
        let mut number = None;
        let mut at = start;
        while at <= end {
            let insn = self.instruction(at);
            let facts = self.facts(insn);
            if self.marks.get(at as usize).is_some_and(|m| m.is_target()) {
                number = None;
            }
            if facts.has(facts::TAKES) {
                for (fact, register) in facts::TAKES_ABC.into_iter().zip([insn.a, insn.b, insn.c]) {
                    if facts.has(fact) && number != Some(register) && register < MANY {
                        far |= bit(register);
                        carried |= bit(register) & !numbers;
                        surplus[register as usize] += 1;
                    }
                }
            }
            if facts.has(facts::LEAVES) && OPS[insn.op as usize].op.has_sure_forms() {
                let of = |i: usize, register| match facts.has(facts::TAKES_ABC[i]) {
                    true if number != Some(register) => bit(register),
                    _ => 0,
                };
                let (b, c) = (of(1, insn.b), of(2, insn.c));
                uses += (b | c != 0) as u32;
                match pairs.get_mut(paired) {
                    Some(pair) if b != 0 && c != 0 => {
                        *pair = b | c;
                        paired += 1;
                    }
                    _ => asked |= b | c,
                }
            }
            entries += facts.has(facts::RESUMES | facts::CACHES) as u32;
            let leaves = facts.has(facts::LEAVES | facts::MAY_LEAVE);
            number = leaves.then_some(insn.a);
            if facts.has(facts::SPREADS) {
                // Several registers, or only on one way.
                let spread = spread(insn);
                others = others.map(|registers| registers | spread);
                let counts = facts.has(facts::COUNTS);
                unsure |= if counts { 0 } else { spread };
            } else if facts.has(facts::RESUMES) {
                // A call's results, whatever becomes of it.
                unsure |= u64::MAX.checked_shl(insn.a.into()).unwrap_or(0);
            } else if facts.has(facts::HAS_RESULT) && insn.a < MANY {
                if !facts.has(facts::LEAVES) && !self.loads_number(at, insn) {
                    unsure |= bit(insn.a);
                }
                if leaves {
                    numbers |= bit(insn.a);
                    surplus[insn.a as usize] -= 1;
                } else {
                    others[2] |= others[1] & bit(insn.a);
                    others[1] |= others[0] & bit(insn.a);
                    others[0] |= bit(insn.a);
                }
            }
            at += facts.words();
        }
        let mut found = Loop {
            start,
            end,
            count: 0,
            kept: [0; KEPT],
            sure: 0,
        };
        // What gets its number in each turn before it is an operand has had anything before.
        let worth = far & numbers & !others[2];
        // Each entry has a guard for each.
        let sure = match entries > uses {
            true => 0,
            false => worth & carried & !unsure,
        };
        let together = pairs.iter().filter(|&pair| pair & !sure == 0);
        let asked = together.fold(asked, |asked, pair| asked | pair);
        let is_sure = |register: u8| asked & sure & bit(register) != 0;
        let mut each = |mut registers: u64, all: bool| {
            while registers != 0 {
                let register = registers.trailing_zeros() as usize;
                registers &= registers - 1;
                if all || surplus.get(register).is_some_and(|&n| n >= 0) {
                    found.keep(register as u8, is_sure(register as u8));
                }
            }
        };
        each(worth & carried, true);
        each(worth & !carried, false);
        let last = self.instruction(end);
        if self.facts(last).has(facts::COUNTS) {
            found.keep(last.a, is_sure(last.a));
        }
        if found.count > 0 {
            self.loops.push(self.rt, found)?;
        }
        Ok(())
    }
}

/// Registers that an instruction writes which may write several, as bits.
fn spread(insn: Insn) -> u64 {
    let info = &OPS[insn.op as usize];
    // How many from a on.
    let count = match info.base {
        Op::LoadNil => 1 + insn.b as u32,
        Op::ForPrep | Op::ForLoop | Op::ForLoopUp | Op::IterLoop => 4,
        Op::Method => 3,
        Op::IterCall => 4 + insn.b as u32,
        _ if info.operands[0] == Operand::Dst => 1,
        _ => MANY.into(),
    };
    let below = |n: u32| 1u64.checked_shl(n).map_or(u64::MAX, |bit| bit - 1);
    below(insn.a as u32 + count) & !below(insn.a.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_is_a_run_of_bits() {
        let of = |op, a, b| spread(Insn::new(op, a, b, 0, 0));
        assert_eq!(of(Op::LoadNil, 3, 1), 0b11000);
        assert_eq!(of(Op::IterLoop, 0, 0), 0b1111);
        assert_eq!(of(Op::CopyJumpIf, 63, 9), 1 << 63);
        assert_eq!(of(Op::LoadNil, 62, 255), 3 << 62);
        assert_eq!(of(Op::VarArg, 1, 0), u64::MAX - 1);
        assert_eq!(of(Op::Method, 64, 0), 0);
        assert_eq!(of(Op::ForLoop, 255, 0), 0);
    }
}
