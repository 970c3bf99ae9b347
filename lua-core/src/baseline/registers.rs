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
//! What is kept is what the frame holds, whatever that is: what isn't a number reads as a
//! NaN, there as here, and takes the way that the operation has for it. So nothing is assumed
//! of types.
//!
//! Control that comes by the map or from outside the loop goes to an instruction's *outer*
//! entry, which loads what is to be there: of a loop's first instruction that lies right
//! before it, of others behind the function's code.
//!
//! Must not know what any operation means: it looks at the op table, and at which stencils
//! there are. Called by `compile.rs`.

use super::callees::{Callees, Evidence};
use super::compile::{has_site, jumps, leaves_number, words_of};
use super::whole::{Around, Whole};
use super::{FORMS, Forwarded, gist};
use crate::heap::{Buffer, NoMemory, Rt};
use crate::isa::{Control, Insn, OP_COUNT, OPS, Op, Operand};
use crate::proto::Proto;
use crate::shortcuts::Passes;

/// Most registers of a frame that are kept at a time.
pub(super) const KEPT: usize = 6;

/// Longest loop, in words, of which registers are kept.
const LONGEST: u32 = 256;

/// Ways in which operands come from the processor's registers: index among [`FORMS`] stencils
/// of an operation.
mod form {
    /// The number is operand a; b and c follow.
    pub(super) const A: u32 = 0;
    pub(super) const B: u32 = 1;
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
}
const _: () = assert!(form::WHOLE as usize + 4 == FORMS);

/// The form in which the result becomes the number.
pub(super) const LEAVES: usize = form::LEAVES as usize;

/// What is known of a word of code, before it is compiled.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark(u32);

impl Mark {
    /// Nothing: no jump leads here.
    pub(super) const PLAIN: Mark = Mark(0);
    /// A jump leads here.
    const TARGET: u32 = 1;
    /// The end of a numeric `for` leads here, and nothing else.
    const LOOP: u32 = 2;
    /// An operand comes from the instruction before; the way it comes follows.
    const NUMBER: u32 = 4;
    // Fields: one more than a number, or 0.
    const FORM: u32 = 3;
    const TAKE: u32 = 6;
    const OTHER: u32 = 9;
    const KEEP: u32 = 12;
    const RELOAD: u32 = 15;
    /// Which operand comes from the instruction before.
    const PLACE: u32 = 18;
    /// It is a call's argument.
    const ARGUMENT: u32 = 3;
    /// Its result becomes the number, other than by itself.
    const LEAVES: u32 = 1 << 20;
    /// Its index is whole; of a `ForPrep`, at first, that its variable isn't assigned.
    const WHOLE: u32 = 1 << 21;
    /// It lies in a loop of which registers are kept: its number plus one.
    const LOOP_NUMBER: u32 = 22;

    fn set(&mut self, field: u32, value: u32) {
        self.0 |= (value + 1) << field;
    }

    fn field(self, field: u32) -> Option<usize> {
        ((self.0 >> field & 7) as usize).checked_sub(1)
    }

    /// Which stencil it gets, if not that with all operands in the frame.
    #[inline]
    pub(super) fn form(self) -> Option<usize> {
        let form = self.field(Self::FORM);
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

    /// Is there nothing to emit but one stencil, with all operands in the frame?
    #[inline]
    pub(super) fn is_plain(self) -> bool {
        self.0 >> Self::FORM == 0
    }

    /// Which operand comes from the instruction before.
    #[inline]
    pub(super) fn number(self) -> Option<usize> {
        (self.0 & Self::NUMBER != 0).then_some((self.0 >> Self::PLACE & 3) as usize)
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

/// Most loops of a function of which registers are kept: what the field of a mark holds.
const LOOPS: usize = (1 << (32 - Mark::LOOP_NUMBER)) - 1;

/// A loop of which registers are kept.
#[derive(Clone, Copy)]
pub(super) struct Loop {
    /// Its first word, and its last instruction.
    pub(super) start: u32,
    end: u32,
    /// How many registers are kept, and which.
    pub(super) count: usize,
    pub(super) kept: [u8; KEPT],
}

impl Loop {
    /// Where a register is kept.
    pub(super) fn place_of(&self, register: u8) -> Option<u32> {
        let kept = self.kept.get(..self.count)?;
        kept.iter().position(|&r| r == register).map(|i| i as u32)
    }
}

/// The operands that are numbers and may come in the processor's registers, as places of a
/// register in an instruction.
fn places(forwarded: &Forwarded) -> [bool; 3] {
    [0, 1, 2].map(|i| !forwarded[i].is_none())
}

/// What is found out about a function before it is compiled.
pub(super) struct Analysis<'w> {
    pub(super) rt: Rt,
    pub(super) proto: &'w Proto,
    pub(super) forwarded: &'w [Forwarded; OP_COUNT],
    /// Which of those there are: bits of [`gist`].
    pub(super) gists: &'w [u8; 256],
    /// The quickened forms of instructions are compiled.
    pub(super) bake: bool,
    /// What is to be found out.
    pub(super) registers: bool,
    pub(super) types: bool,
    /// Calls of library functions take part.
    pub(super) direct: bool,
    pub(super) evidence: Evidence,
    pub(super) marks: &'w mut [Mark],
    pub(super) loops: &'w mut Buffer<Loop>,
}

/// What the first reading of the code finds.
struct Found {
    /// There are numeric loops whose variables may be known to be whole.
    counts: bool,
    /// Number of inline caches.
    sites: u32,
}

impl Analysis<'_> {
    fn instruction(&self, at: u32) -> Insn {
        Insn::from_word(self.rt.get(self.proto.entry + at * 8))
    }

    /// Can the operation leave its result as the number, if asked to?
    fn may_leave(&self, op: Op) -> bool {
        self.gists[op as usize] & gist::MAY_LEAVE != 0
    }

    /// The operation that an instruction is compiled as.
    fn op(&self, insn: Insn) -> Op {
        let info = &OPS[insn.op as usize];
        if self.bake { info.op } else { info.base }
    }

    /// Fills the marks and the list of loops. Gives the number of inline caches.
    pub(super) fn run(&mut self) -> Result<u32, NoMemory> {
        self.marks.fill(Mark::PLAIN);
        self.loops.truncate(0);
        let found = self.find_targets()?;
        if self.registers || self.types {
            self.choose_places(found.counts);
        }
        Ok(found.sites)
    }

    /// Finds out where jumps lead, and which loops have registers to keep.
    fn find_targets(&mut self) -> Result<Found, NoMemory> {
        let mut counts = false;
        let mut sites = 0;
        let mut at = 0;
        // The end of the last loop: one that contains it isn't innermost.
        let mut last_end = 0;
        let mut around = Around::default();
        while at < self.proto.code_words {
            let insn = self.instruction(at);
            if self.types
                && let Some(prepared) = around.read(at, insn)
            {
                self.marks[prepared as usize].0 |= Mark::WHOLE;
                counts = true;
            }
            sites += has_site(insn.op) as u32;
            if !jumps(insn) {
                at += words_of(insn);
                continue;
            }
            let info = &OPS[insn.op as usize];
            let to = at.wrapping_add(insn.d);
            if matches!(
                info.control,
                Control::Branch | Control::Jump | Control::Loop
            ) && let Some(mark) = self.marks.get_mut(to as usize)
            {
                let of_loop = matches!(info.op, Op::ForLoop | Op::ForLoopUp);
                mark.0 = if of_loop && *mark == Mark::PLAIN {
                    Mark::LOOP
                } else {
                    mark.0 & Mark::WHOLE | Mark::TARGET
                };
                if info.control == Control::Loop && to <= at {
                    let innermost = last_end <= to;
                    last_end = at + 1;
                    if innermost && self.registers && at - to <= LONGEST && self.loops.len() < LOOPS
                    {
                        self.consider(to, at)?;
                    }
                }
            }
            at += words_of(insn);
        }
        Ok(Found { counts, sites })
    }

    /// Notes an innermost loop if it has registers worth keeping: those that get numbers in
    /// it, which are operands there, but not of the next instruction only.
    fn consider(&mut self, start: u32, end: u32) -> Result<(), NoMemory> {
        /// Registers below this number may be kept.
        const MANY: usize = 64;
        #[derive(Clone, Copy, Default)]
        struct Uses {
            /// Times it is an operand that the instruction before didn't leave.
            far: u8,
            /// Times it gets a number, and anything else.
            numbers: u8,
            others: u8,
            /// It is an operand before it gets a number: that comes from the turn before.
            carried: bool,
        }
        let mut uses = [Uses::default(); MANY];
        let mut number = None;
        let mut at = start;
        while at <= end {
            let insn = self.instruction(at);
            let info = &OPS[insn.op as usize];
            if self.marks[at as usize].0 & (Mark::TARGET | Mark::LOOP) != 0 {
                number = None;
            }
            let registers = [insn.a, insn.b, insn.c];
            for (place, &register) in places(&self.forwarded[info.op as usize])
                .iter()
                .zip(&registers)
            {
                if *place
                    && number != Some(register)
                    && let Some(uses) = uses.get_mut(register as usize)
                {
                    uses.far = uses.far.saturating_add(1);
                    uses.carried |= uses.numbers == 0;
                }
            }
            let leaves = info.op.leaves_number() || self.may_leave(self.op(insn));
            number = leaves.then_some(insn.a);
            match info.operands[0] {
                Operand::Dst if info.control == Control::Next && info.op != Op::LoadNil => {
                    if let Some(uses) = uses.get_mut(insn.a as usize) {
                        let n = match number {
                            Some(_) => &mut uses.numbers,
                            None => &mut uses.others,
                        };
                        *n = n.saturating_add(1);
                    }
                }
                Operand::Dst => {
                    // Several registers, or only on one way.
                    let last = match info.op {
                        Op::LoadNil => insn.a.saturating_add(insn.b),
                        _ => insn.a,
                    };
                    for uses in uses
                        .iter_mut()
                        .take(last as usize + 1)
                        .skip(insn.a as usize)
                    {
                        uses.others = u8::MAX;
                    }
                }
                // After a call, control comes from outside.
                Operand::Run if !matches!(info.op, Op::Call | Op::TailCall) => {
                    // How many registers from a on.
                    let count = match info.base {
                        Op::ForPrep | Op::ForLoop | Op::ForLoopUp | Op::IterLoop => 4,
                        Op::Method => 3,
                        Op::IterCall => 4 + insn.b as usize,
                        _ => MANY,
                    };
                    for uses in uses.iter_mut().skip(insn.a as usize).take(count) {
                        uses.others = u8::MAX;
                    }
                }
                _ => {}
            }
            at += words_of(insn);
        }
        let mut found = Loop {
            start,
            end,
            count: 0,
            kept: [0; KEPT],
        };
        for carried in [true, false] {
            for (register, uses) in uses.iter().enumerate() {
                let worth = uses.numbers > 0
                    && uses.far > 0
                    && uses.others < 3
                    && uses.carried == carried
                    && (carried || uses.far >= uses.numbers);
                if worth && let Some(place) = found.kept.get_mut(found.count) {
                    *place = register as u8;
                    found.count += 1;
                }
            }
        }
        let last = self.instruction(end);
        if matches!(OPS[last.op as usize].op, Op::ForLoop | Op::ForLoopUp)
            && let Some(place) = found.kept.get_mut(found.count)
        {
            *place = last.a;
            found.count += 1;
        }
        if found.count > 0 {
            self.loops.push(self.rt, found)?;
        }
        Ok(())
    }

    /// Finds out what each instruction gets and leaves in the processor's registers.
    /// Of whole numbers only if it `counts`.
    fn choose_places(&mut self, counts: bool) {
        let mut at = 0;
        // The register whose number the instruction before has left.
        let mut number = None;
        // Where it must be asked to leave it.
        let mut asked = None;
        // It was a `ForPrep`: the only way to a loop's beginning besides the loop's end.
        let mut begun = false;
        let mut index = 0;
        let mut whole = Whole::default();
        let mut callees = Callees::new(self.rt, self.evidence);
        let loops: &[Loop] = self.loops;
        // Where the next loop begins, or this one.
        let mut looping = loops.first().map_or(u32::MAX, |l| l.start);
        while at < self.proto.code_words {
            let insn = self.instruction(at);
            let passes = match self.direct {
                true => callees.passes(insn, self.proto.entry + at * 8),
                false => Passes::Nothing,
            };
            let takes = self.gists[insn.op as usize] & gist::TAKES != 0;
            let called = passes != Passes::Nothing;
            if !(number.is_some() && takes || at >= looping || counts || called) {
                // The usual case of what follows, in few steps.
                let may_leave = self.may_leave(self.op(insn));
                begun = insn.op == Op::ForPrep as u8;
                number = match begun {
                    true => Some(insn.a.wrapping_add(3)),
                    false => (may_leave || leaves_number(insn)).then_some(insn.a),
                };
                asked = may_leave.then_some(at);
                at += words_of(insn);
                continue;
            }
            let info = &OPS[insn.op as usize];
            let forwarded = &self.forwarded[info.op as usize];
            if loops.get(index).is_some_and(|l| at > l.end) {
                index += 1;
                looping = loops.get(index).map_or(u32::MAX, |l| l.start);
            }
            let inside = loops.get(index).filter(|l| l.start <= at);
            let mark = &mut self.marks[at as usize];
            let steady = info.op == Op::ForPrep && mark.0 & Mark::WHOLE != 0;
            mark.0 &= !Mark::WHOLE;
            let comes = mark.0 == 0 || (mark.0 == Mark::LOOP && begun);
            if counts {
                if mark.0 != 0 {
                    whole.meet();
                }
                if !forwarded[form::WHOLE as usize].is_none() {
                    // Of these operations, the key only comes in a register.
                    let key = match forwarded[form::B as usize].is_none() {
                        true => insn.c,
                        false => insn.b,
                    };
                    if whole.has(key) {
                        mark.0 |= Mark::WHOLE;
                    }
                }
                whole.pass(self.rt, self.proto.entry + at * 8, insn, steady);
            }
            let number_here = number.filter(|_| comes && self.registers);
            if number_here.is_some() || inside.is_some() {
                place_operands(mark, insn, forwarded, number_here, inside);
            }
            if passes == Passes::Both && number_here == Some(insn.a.wrapping_add(2)) {
                mark.0 |= Mark::NUMBER | Mark::ARGUMENT << Mark::PLACE;
                mark.set(Mark::FORM, form::A);
            }
            if mark.number().is_some()
                && let Some(before) = asked
            {
                self.marks[before as usize].0 |= Mark::LEAVES;
            }
            let leaves = info.op.leaves_number() || called;
            let may_leave = self.registers && self.may_leave(self.op(insn));
            let mark = &mut self.marks[at as usize];
            if let Some(kept) = inside {
                mark.0 |= (index as u32 + 1) << Mark::LOOP_NUMBER;
                if (called || info.operands[0] == Operand::Dst && info.control == Control::Next)
                    && let Some(place) = kept.place_of(insn.a)
                {
                    let field = match leaves || may_leave {
                        true => Mark::KEEP,
                        false => Mark::RELOAD,
                    };
                    mark.set(field, place);
                    if may_leave {
                        mark.0 |= Mark::LEAVES;
                    }
                }
            }
            if let Some(kept) = inside
                && matches!(info.op, Op::ForLoop | Op::ForLoopUp)
                && let Some(place) = kept.place_of(insn.a)
            {
                mark.set(Mark::KEEP, place);
            }
            begun = info.op == Op::ForPrep;
            number = match info.op {
                Op::ForPrep => Some(insn.a.wrapping_add(3)),
                _ => (leaves || may_leave).then_some(insn.a),
            };
            asked = may_leave.then_some(at);
            at += words_of(insn);
        }
    }
}

/// Says where an instruction's operands come from: `number` is the register that the one
/// before left, `kept` the loop it is in.
fn place_operands(
    mark: &mut Mark,
    insn: Insn,
    forwarded: &Forwarded,
    number: Option<u8>,
    kept: Option<&Loop>,
) {
    let registers = [insn.a, insn.b, insn.c];
    let places = places(forwarded);
    let place_of = |register| kept.and_then(|l| l.place_of(register));
    let mut is_number = [false; 3];
    let mut kept_at = [None; 3];
    for i in 0..3 {
        if places[i] {
            is_number[i] = number == Some(registers[i]);
            if !is_number[i] {
                kept_at[i] = place_of(registers[i]);
            }
        }
    }
    let from_before = is_number.iter().position(|&x| x);
    if let Some(place) = from_before {
        mark.0 |= Mark::NUMBER | (place as u32) << Mark::PLACE;
    }
    // Of two operands, the first one.
    let first = if places[0] { 0 } else { 1 };
    let has = |form: u32| !forwarded[form as usize].is_none();
    if places[first] && places[first + 1] && has(form::BOTH) {
        let (x, y) = (first, first + 1);
        match (is_number[x], is_number[y], kept_at[x], kept_at[y]) {
            (true, true, _, _) if has(form::SAME) => return mark.set(Mark::FORM, form::SAME),
            (true, false, _, Some(k)) => {
                mark.set(Mark::OTHER, k);
                return mark.set(Mark::FORM, form::BOTH);
            }
            (false, true, Some(k), _) => {
                mark.set(Mark::OTHER, k);
                return mark.set(Mark::FORM, form::SWAPPED);
            }
            (false, false, Some(k), Some(l)) if k == l && has(form::SAME) => {
                mark.set(Mark::TAKE, k);
                return mark.set(Mark::FORM, form::SAME);
            }
            (false, false, Some(k), Some(l)) if k != l => {
                mark.set(Mark::TAKE, k);
                mark.set(Mark::OTHER, l);
                return mark.set(Mark::FORM, form::BOTH);
            }
            _ => {}
        }
    }
    if let Some(place) = from_before {
        return mark.set(Mark::FORM, form::A + place as u32);
    }
    if let Some((place, k)) = (0..3).find_map(|i| Some((i, kept_at[i]?))) {
        mark.set(Mark::TAKE, k);
        mark.set(Mark::FORM, form::A + place as u32);
    }
}

const _: () = assert!(form::A + 1 == form::B);
