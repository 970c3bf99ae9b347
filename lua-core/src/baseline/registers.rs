//! Which numbers compiled code holds in the processor's registers, and where.
//!
//! Every number lies in the frame as well: what is said here only saves loads, and the
//! time that a number needs on its way through memory. Two kinds:
//! - the *number* (xmm0) that an instruction has just computed goes to the next one;
//! - in an innermost loop, a few registers of the frame that hold numbers computed there are
//!   *kept* (xmm2 and following) from its beginning to its end. An instruction that takes one
//!   copies it to where its stencil looks for operands, and one that computes one copies the
//!   result; the processor does that by renaming.
//!
//! What is there is what the frame holds, whatever that is: what isn't a number reads as a
//! NaN, there as here, and takes the way that the operation has for it. But some are *sure* to
//! be numbers: what an instruction has computed and goes on with itself, and what is kept in a
//! loop where nothing but that is written to it. Operations on those only have stencils that
//! look at nothing.
//!
//! Control that comes by the map or from outside the loop goes to an instruction's *outer*
//! entry, which loads what is to be there (`entries.rs`), and looks at what is to be sure: if
//! that isn't a number, the function is compiled again without it (`Rt::forget_numbers`).
//!
//! Which registers are kept in which loop is known before (`loops.rs`); where the operands of
//! an instruction come from is decided when it is reached. Only that it must leave its number
//! for the next one is known when that one is.
//!
//! Must not know what any operation means: it looks at [`facts`]. Called by `plan.rs` for each
//! instruction in turn.

use super::facts::{self, Facts};
use super::loops::Loop;
use super::stencils::FORMS;
use super::whole::Whole;
use crate::heap::Rt;
use crate::isa::{Insn, OPS};
use crate::shortcuts::Passes;

/// Ways in which operands come from the processor's registers: index among [`FORMS`] stencils
/// of an operation.
mod form {
    /// The number is operand a; b and c follow.
    pub(super) const A: u32 = 0;
    pub(super) const B: u32 = 1;
    pub(super) const C: u32 = 2;
    /// The number is the first of the two operands that can be numbers, the other register
    /// has the second one.
    pub(super) const BOTH: u32 = 3;
    /// The other way round.
    pub(super) const SWAPPED: u32 = 4;
    /// The number is both.
    pub(super) const SAME: u32 = 5;
    /// The result becomes the number, with all operands in the frame, and with operand c,
    /// or b of a `Move`, the number.
    pub(super) const LEAVES: u32 = 6;
    pub(super) const LEAVES_C: u32 = 7;
    /// The index is whole, in the frame and as the number; then both, leaving the result.
    pub(super) const WHOLE: u32 = 8;
    /// As the first six, with operands that are sure to be numbers.
    pub(super) const SURE: u32 = 12;
}
const _: () = assert!(form::WHOLE + 4 == form::SURE && form::SURE as usize + 6 == FORMS);
const _: () = assert!(form::A + 1 == form::B && form::B + 1 == form::C);

/// What it says of an operation that it has a form.
pub(super) const FORM_FACTS: [(usize, u32); 7] = [
    (form::A as usize, facts::TAKES_ABC[0]),
    (form::B as usize, facts::TAKES_ABC[1]),
    (form::C as usize, facts::TAKES_ABC[2]),
    (form::BOTH as usize, facts::TAKES_BOTH),
    (form::SAME as usize, facts::TAKES_SAME),
    (form::LEAVES as usize, facts::MAY_LEAVE),
    (form::WHOLE as usize, facts::INDEXES),
];

/// What is known of a word of code that others ask who come to it by a jump: whether one leads
/// there, and what control from outside finds.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark(u16);

impl Mark {
    /// Nothing: no jump leads here.
    pub(super) const PLAIN: Mark = Mark(0);
    /// A jump leads here.
    const TARGET: u16 = 1;
    /// The end of a numeric `for` leads here, and nothing else.
    const LOOP: u16 = 2;
    /// It is a `ForPrep` whose variable isn't assigned.
    const STEADY: u16 = 4;
    /// An operand comes from the instruction before; the field says which.
    const NUMBER: u16 = 8;
    const PLACE: u32 = 4;
    /// It is a call's argument.
    const ARGUMENT: u32 = 3;
    /// That operand is sure to be a number.
    const SURE: u16 = 1 << 6;
    /// It lies in a loop of which registers are kept: its number plus one.
    const LOOP_NUMBER: u32 = 7;

    /// Most loops of a function of which registers are kept: what the field holds.
    pub(super) const LOOPS: usize = (1 << (16 - Mark::LOOP_NUMBER)) - 1;

    /// A jump leads here: the end of a numeric `for`, or another.
    pub(super) fn lead_to(&mut self, from_for: bool) {
        self.0 = match from_for && *self == Mark::PLAIN {
            true => Mark::LOOP,
            false => self.0 & Mark::STEADY | Mark::TARGET,
        };
    }

    /// It is a `ForPrep` whose variable isn't assigned.
    pub(super) fn make_steady(&mut self) {
        self.0 |= Mark::STEADY;
    }

    /// Does a jump lead here?
    #[inline]
    pub(super) fn is_target(self) -> bool {
        self.0 & (Mark::TARGET | Mark::LOOP) != 0
    }

    /// Which operand comes from the instruction before.
    #[inline]
    pub(super) fn number(self) -> Option<usize> {
        (self.0 & Self::NUMBER != 0).then_some((self.0 >> Self::PLACE & 3) as usize)
    }

    /// Must that operand be a number?
    #[inline]
    pub(super) fn is_sure(self) -> bool {
        self.0 & Self::SURE != 0
    }

    /// The loop it lies in, if registers are kept in it.
    #[inline]
    pub(super) fn of_loop(self) -> Option<usize> {
        ((self.0 >> Self::LOOP_NUMBER) as usize).checked_sub(1)
    }

    /// Is there an entry for control from outside?
    #[inline]
    pub(super) fn has_outer(self) -> bool {
        self.0 & Self::NUMBER != 0 || self.0 >> Self::LOOP_NUMBER != 0
    }
}

/// How an instruction gets its operands, and what becomes of its result.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Handed(u32);

impl Handed {
    /// All operands and the result in the frame: one stencil, and nothing around it.
    pub(super) const PLAIN: Handed = Handed(0);
    // Fields: one more than a number, or 0.
    const FORM: u32 = 0;
    const TAKE: u32 = 3;
    const OTHER: u32 = 6;
    const KEEP: u32 = 9;
    const RELOAD: u32 = 12;
    /// Its result becomes the number, other than by itself.
    const LEAVES: u32 = 1 << 15;
    /// Its index is whole.
    const WHOLE: u32 = 1 << 16;
    /// It lies in a loop of which registers are kept.
    const INSIDE: u32 = 1 << 17;
    /// The instruction before must leave its number for it.
    const ASKS: u32 = 1 << 18;
    /// Its operands are in the processor's registers, and sure to be numbers.
    const SURE: u32 = 1 << 19;

    fn set(&mut self, field: u32, value: u32) {
        self.0 |= (value + 1) << field;
    }

    fn field(self, field: u32) -> Option<usize> {
        ((self.0 >> field & 7) as usize).checked_sub(1)
    }

    /// The next instruction gets its result as the number.
    #[inline]
    pub(super) fn leave(&mut self) {
        self.0 |= Self::LEAVES;
    }

    /// Must the instruction before leave its number for it?
    #[inline]
    pub(super) fn asks(self) -> bool {
        self.0 & Self::ASKS != 0
    }

    /// Which stencil it gets, if not that with all operands in the frame.
    #[inline]
    pub(super) fn form(self) -> Option<usize> {
        let form = self.field(Self::FORM);
        if self.0 & Self::SURE != 0 {
            return form.map(|form| form::SURE as usize + form);
        }
        if self.0 & Self::WHOLE != 0 {
            let leaves = self.0 & Self::LEAVES != 0;
            return Some(form::WHOLE as usize + form.is_some() as usize + leaves as usize * 2);
        }
        if self.0 & Self::LEAVES == 0 {
            return form;
        }
        // Of these operations, only one operand comes in a register.
        Some(match form {
            None => form::LEAVES as usize,
            Some(_) => form::LEAVES_C as usize,
        })
    }

    /// What is kept, and comes as the number.
    #[inline]
    pub(super) fn take(self) -> Option<usize> {
        self.field(Self::TAKE)
    }

    /// What is kept, and comes as the other operand.
    #[inline]
    pub(super) fn other(self) -> Option<usize> {
        self.field(Self::OTHER)
    }

    /// Where its result is to be kept.
    #[inline]
    pub(super) fn keep(self) -> Option<usize> {
        self.field(Self::KEEP)
    }

    /// Where register a is to be kept, which it has written in the frame only.
    #[inline]
    pub(super) fn reload(self) -> Option<usize> {
        self.field(Self::RELOAD)
    }
}

/// All but the highest bit of three bytes.
const LOW: u32 = 0x7f7f7f;
const _: () = assert!(LOW & facts::TAKES == 0 && LOW | facts::TAKES == 0xff_ffff);

/// What is in the processor's registers, as the code is walked over.
pub(super) struct Places<'p> {
    rt: Rt,
    /// Offset of the code.
    entry: u32,
    /// Numbers are handed on.
    registers: bool,
    /// Whole numbers may be known.
    counts: bool,
    /// Some numbers are sure to be some.
    sure: bool,
    loops: &'p [Loop],
    /// The next one of them, or the one that the walk is in, and where it begins.
    index: usize,
    looping: u32,
    /// The register whose number the instruction before has left, in each of three bytes; and
    /// [`facts::TAKES`] if it has left one.
    number: u32,
    left: u32,
    /// Of the instruction before; and whether it is a call of what is expected.
    called: bool,
    before: Facts,
    whole: Whole,
}

impl<'p> Places<'p> {
    /// Before the first instruction of the code that begins at the offset `entry`.
    pub(super) fn new(
        rt: Rt,
        entry: u32,
        loops: &'p [Loop],
        registers: bool,
        counts: bool,
        sure: bool,
    ) -> Places<'p> {
        Places {
            rt,
            entry,
            registers,
            counts,
            sure,
            loops,
            index: 0,
            looping: loops.first().map_or(u32::MAX, |kept| kept.start),
            number: 0,
            left: 0,
            called: false,
            before: Facts::default(),
            whole: Whole::default(),
        }
    }

    /// Goes over the next instruction; if it is a call of what is expected, something
    /// `passes`. Says how it gets its operands, and notes that in the mark of its word.
    #[inline(always)]
    pub(super) fn pass(
        &mut self,
        at: u32,
        word: u64,
        facts: Facts,
        passes: Passes,
        mark: &mut Mark,
    ) -> Handed {
        let insn = Insn::from_word(word);
        let called = passes != Passes::Nothing;
        let comes = self.comes(word, facts) != 0;
        let indexed = self.counts && {
            let pc = self.entry + at * 8;
            let marked = (mark.is_target(), mark.0 & Mark::STEADY != 0);
            self.whole.pass(self.rt, pc, insn, facts, marked)
        };
        let mut handed = match comes | called | (at >= self.looping) {
            true => self.look(at, word, facts, passes, mark),
            false => Handed::PLAIN,
        };
        if indexed {
            handed.0 |= Handed::WHOLE;
        }
        let prepares = facts.has(facts::PREPARES);
        let register = insn.a.wrapping_add(if prepares { 3 } else { 0 });
        self.number = register as u32 * 0x10101;
        let leaves = facts.has(facts::LEAVES | facts::MAY_LEAVE | facts::PREPARES);
        self.left = if called | leaves { facts::TAKES } else { 0 };
        self.called = called;
        self.before = facts;
        handed
    }

    /// Which operands the instruction before has left, among [`facts::TAKES`]. If control can
    /// come from elsewhere, that doesn't count.
    #[inline(always)]
    fn comes(&self, word: u64, facts: Facts) -> u32 {
        // The bytes that are zero are theirs.
        let differ = (word >> 8) as u32 ^ self.number;
        let zero = !(((differ & LOW) + LOW) | differ);
        zero & facts.only(facts::TAKES) & self.left
    }

    /// The unusual case: the instruction may get something.
    #[inline(never)]
    fn look(
        &mut self,
        at: u32,
        word: u64,
        facts: Facts,
        passes: Passes,
        mark: &mut Mark,
    ) -> Handed {
        let insn = Insn::from_word(word);
        let called = passes != Passes::Nothing;
        let mut handed = Handed::PLAIN;
        if at >= self.looping && self.loops.get(self.index).is_some_and(|l| at > l.end) {
            self.index += 1;
            let next = self.loops.get(self.index);
            self.looping = next.map_or(u32::MAX, |kept| kept.start);
        }
        let inside = match at >= self.looping {
            true => self.loops.get(self.index),
            false => None,
        };
        // A `ForPrep` is the only way to a loop's beginning besides the loop's end.
        let begun = self.before.has(facts::PREPARES) && mark.0 & Mark::TARGET == 0;
        let alone = self.registers && (begun || !mark.is_target());
        let comes = match alone {
            true => self.comes(word, facts),
            false => 0,
        };
        if comes != 0 {
            mark.0 |= Mark::NUMBER | (first_of(comes) as u16) << Mark::PLACE;
        }
        if comes != 0 || inside.is_some() && facts.has(facts::TAKES) {
            let computed = !self.called && self.before.has(facts::LEAVES | facts::PREPARES);
            let sure = place_operands(&mut handed, insn, facts, (comes, computed), inside);
            if sure && self.sure && OPS[insn.op as usize].op.has_sure_forms() {
                handed.0 |= Handed::SURE;
                mark.0 |= if comes != 0 { Mark::SURE } else { 0 };
            }
        }
        let argument = insn.a.wrapping_add(2) as u32 * 0x10101;
        if passes == Passes::Both && alone && self.left != 0 && self.number == argument {
            mark.0 |= Mark::NUMBER | (Mark::ARGUMENT as u16) << Mark::PLACE;
            handed.set(Handed::FORM, form::A);
        }
        if mark.0 & Mark::NUMBER != 0 && self.before.has(facts::MAY_LEAVE) {
            handed.0 |= Handed::ASKS;
        }
        if let Some(kept) = inside {
            mark.0 |= (self.index as u16 + 1) << Mark::LOOP_NUMBER;
            handed.0 |= Handed::INSIDE;
            let may_leave = facts.has(facts::MAY_LEAVE);
            if (called || facts.has(facts::HAS_RESULT | facts::COUNTS))
                && let Some(place) = kept.place_of(insn.a)
            {
                let leaves = called || facts.has(facts::LEAVES | facts::COUNTS);
                let field = match leaves || may_leave {
                    true => Handed::KEEP,
                    false => Handed::RELOAD,
                };
                handed.set(field, place);
                if may_leave {
                    handed.leave();
                }
            }
        }
        handed
    }
}

/// The first of the operands among these of [`facts::TAKES`].
fn first_of(operands: u32) -> u32 {
    operands.trailing_zeros() / 8
}

/// Says where an instruction's operands come from: `comes` are those that the one before left,
/// as what is sure to be a number or not; `kept` is the loop it is in. True: none of them comes
/// from the frame, and all are sure to be numbers.
fn place_operands(
    handed: &mut Handed,
    insn: Insn,
    facts: Facts,
    (comes, comes_sure): (u32, bool),
    kept: Option<&Loop>,
) -> bool {
    let is_sure = |place| kept.is_some_and(|kept| kept.is_sure(place));
    let is_number = |i: usize| comes & facts::TAKES_ABC[i] != 0;
    let mut kept_at = [None; 3];
    if let Some(kept) = kept {
        let registers = [insn.a, insn.b, insn.c];
        for (i, (place, register)) in kept_at.iter_mut().zip(registers).enumerate() {
            if facts.has(facts::TAKES_ABC[i]) && !is_number(i) {
                *place = kept.place_of(register);
            }
        }
    }
    // Of two operands, the first one.
    let first = !facts.has(facts::TAKES_ABC[0]) as usize;
    if facts.has(facts::TAKES_BOTH) {
        let [a, b, c] = kept_at;
        let kept_at = if first == 0 { (a, b) } else { (b, c) };
        let same = facts.has(facts::TAKES_SAME);
        match (is_number(first), is_number(first + 1), kept_at) {
            (true, true, _) if same => {
                handed.set(Handed::FORM, form::SAME);
                return comes_sure;
            }
            (true, false, (_, Some(k))) => {
                handed.set(Handed::OTHER, k);
                handed.set(Handed::FORM, form::BOTH);
                return comes_sure && is_sure(k);
            }
            (false, true, (Some(k), _)) => {
                handed.set(Handed::OTHER, k);
                handed.set(Handed::FORM, form::SWAPPED);
                return comes_sure && is_sure(k);
            }
            (false, false, (Some(k), Some(l))) if k == l && same => {
                handed.set(Handed::TAKE, k);
                handed.set(Handed::FORM, form::SAME);
                return is_sure(k);
            }
            (false, false, (Some(k), Some(l))) if k != l => {
                handed.set(Handed::TAKE, k);
                handed.set(Handed::OTHER, l);
                handed.set(Handed::FORM, form::BOTH);
                return is_sure(k) && is_sure(l);
            }
            _ => {}
        }
    }
    // Of two operands, the other one lies in the frame.
    let alone = !facts.has(facts::TAKES_BOTH);
    if comes != 0 {
        handed.set(Handed::FORM, form::A + first_of(comes));
        return alone && comes_sure;
    }
    if let Some((place, k)) = (0..).zip(kept_at).find_map(|(i, k)| Some((i, k?))) {
        handed.set(Handed::TAKE, k);
        handed.set(Handed::FORM, form::A + place);
        return alone && is_sure(k);
    }
    false
}
