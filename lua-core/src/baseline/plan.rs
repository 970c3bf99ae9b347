//! The plan of a function's code: which stencils, one after the other, and what each of them
//! is told. Written once by the second walk over the bytecode, which also measures the code; read
//! by the emitter, by the account of what was compiled, and by observers.
//!
//! A step is a stencil. Everything that is to be decided is decided here: the form of an
//! operation that fits where its operands are (`registers.rs`), its short variant, the library
//! function that a call has in it (`callees.rs`), the moves around it. What follows is to copy
//! and to fill in.
//!
//! The steps of an instruction are made when the next one has been looked at: that says
//! whether it must leave its number, and whether control from outside enters there elsewhere.
//!
//! Must not know what any operation means, and must not allocate for each step: the list is
//! scratch memory that is used again. Called by `compile.rs`.

use super::callees::{Callees, Evidence};
use super::compile::Refusal;
use super::facts::{self, Facts, words_of};
use super::loops::KEPT;
use super::loops::Loop;
use super::registers::{Handed, Mark, Places};
use super::stencils::{Moves, OpStencil, Short, Stencils, leads};
use crate::heap::{Buffer, NoMemory, Rt};
use crate::isa::{CALL_BYTES, Insn, Op};
use crate::proto::Proto;
use crate::shortcuts::{DIRECT, Passes};
use rt_nostd::{CodeSize, EmitError, JUMP_LEN, LinkedBundle, Outline, Snippet, Stamper};

/// A stencil of a function's code.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// Where it goes: offsets in the hot and in the cold code.
    pub(super) place: [u32; 2],
    /// First word of the instruction that it belongs to.
    pub(super) at: u32,
    /// The stencil.
    pub(super) index: u16,
    /// The moves right before and behind it, which have their place with it: fields of
    /// [`moves`].
    pub(super) moves: u16,
    /// What comes before it and belongs to it: bits of [`what`].
    pub(super) what: u8,
    /// Where it leads: bits of [`leads`].
    pub(super) leads: u8,
}

impl Step {
    /// Not a stencil, but a jump to the label in `at`.
    pub(super) const JUMP: u16 = u16::MAX;

    /// The label that is bound before it, in a function of so many words. Those of outer
    /// entries follow those of the instructions.
    #[inline(always)]
    fn label(self, words: u32) -> Option<u32> {
        match self.what & (what::BEGINS | what::OUTER | what::BACK) {
            0 => None,
            what::BEGINS => Some(self.at),
            what::BACK => Some(self.at + 1),
            _ => Some(words + self.at),
        }
    }
}

/// Where the code of each word begins in a function, behind that where its outer entry does,
/// and behind that an entry of each loop: offsets in the hot code below [`INSIDE`], or
/// [`NO_LABEL`]. With [`INSIDE`], where
/// control from outside comes that is on the way to that word: only with the instruction at
/// hand (`inside` in `stencils/`), so no code may lead there.
pub(super) type Labels = [u32];
pub(super) const NO_LABEL: u32 = u32::MAX;
pub(super) const INSIDE: u32 = 1 << 31;

/// A label to be set when the code's end is reached: see [`INSIDE`].
const SHARED: u32 = NO_LABEL - 1;

/// Fields of [`Step::moves`]: each one more than what is kept, or 0.
pub(super) mod moves {
    /// Becomes the other operand.
    pub(in super::super) const OTHER: u32 = 0;
    /// Becomes the number.
    pub(in super::super) const TAKE: u32 = 3;
    /// The number is kept there, behind the stencil.
    pub(in super::super) const KEEP: u32 = 6;
}

impl Moves {
    fn of(table: &[Short; KEPT], field: u32, moves: u16) -> Option<&Short> {
        let kept = usize::from(moves >> field & 7);
        table.get(kept.checked_sub(1)?)
    }

    /// The stencils of these [`moves`]: of the two before a step, and of the one behind it.
    pub(super) fn stencils(&self, moves: u16) -> ([Option<u16>; 2], Option<u16>) {
        let of = |table, field| Moves::of(table, field, moves).map(|short| short.index);
        let before = [of(&self.other, moves::OTHER), of(&self.take, moves::TAKE)];
        (before, of(&self.keep, moves::KEEP))
    }

    /// Their code, before a step and behind it.
    #[inline(always)]
    pub(super) fn code(&self, moves: u16) -> [Snippet; 2] {
        let of =
            |table, field| Moves::of(table, field, moves).map_or(Snippet::default(), |s| s.code);
        let before = of(&self.other, moves::OTHER).then(of(&self.take, moves::TAKE));
        // Each is half as long at most (`Short::new`).
        let before = before.unwrap_or_default();
        [before, of(&self.keep, moves::KEEP)]
    }
}

/// Bits of [`Step::what`].
pub(super) mod what {
    /// The instruction's label is bound before it.
    pub(in super::super) const BEGINS: u8 = 1;
    /// The label of the instruction's outer entry is bound before it.
    pub(in super::super) const OUTER: u8 = 2;
    /// It takes the instruction's operands; steps of the instruction behind it do as well.
    pub(in super::super) const OPERANDS: u8 = 4;
    /// It takes what is kept in the instruction's loop.
    pub(in super::super) const KEPT: u8 = 8;
    /// It is the one with the instruction's inline cache.
    pub(in super::super) const SITE: u8 = 16;
    /// Control comes back to it, by the instruction's resume word. It has the label of that
    /// word, where no instruction begins.
    pub(in super::super) const BACK: u8 = 32;
    /// That step of it comes behind the function's code.
    pub(in super::super) const WAITS: u8 = 64;
}

// It is taken over from what is known of the operation.
const _: () = assert!(what::SITE as u32 == facts::CACHES);

/// Why there is no plan.
pub(super) enum Unplanned {
    NoMemory,
    Emission(EmitError<'static>),
}

impl From<NoMemory> for Unplanned {
    fn from(_: NoMemory) -> Unplanned {
        Unplanned::NoMemory
    }
}

impl From<EmitError<'static>> for Unplanned {
    fn from(error: EmitError<'static>) -> Unplanned {
        Unplanned::Emission(error)
    }
}

impl From<Unplanned> for Refusal {
    fn from(why: Unplanned) -> Refusal {
        match why {
            Unplanned::NoMemory => Refusal::NoMemory,
            Unplanned::Emission(error) => error.into(),
        }
    }
}

/// The label where control from outside enters the instruction at `next`; `None` for that of
/// the instruction.
#[inline]
pub(super) fn entry_of(marks: &[Mark], next: u32) -> Option<u32> {
    let mark = marks.get(next as usize)?;
    mark.has_outer().then_some(marks.len() as u32 + next)
}

/// Makes the plan of a function.
pub(super) struct Planner<'p> {
    pub(super) rt: Rt,
    pub(super) proto: &'p Proto,
    pub(super) stencils: &'p Stencils,
    /// One for each word.
    pub(super) marks: &'p mut [Mark],
    pub(super) loops: &'p [Loop],
    /// Caches go into the main code.
    pub(super) bake: bool,
    /// Calls that are expected to call certain functions get the stencils for that.
    pub(super) direct: bool,
    /// Numbers are handed on in the processor's registers.
    pub(super) registers: bool,
    /// Variables of loops may be known to be whole.
    pub(super) counts: bool,
    pub(super) evidence: Evidence,
    pub(super) steps: &'p mut Buffer<Step>,
    pub(super) outers: &'p mut Buffer<u32>,
    pub(super) backs: &'p mut Buffer<u32>,
    pub(super) linked: &'p LinkedBundle<'static>,
    /// Two for each word, and one for each loop.
    pub(super) labels: &'p mut Labels,
    /// Where the next stencil goes.
    pub(super) place: [u32; 2],
    /// The label that the stencil before falls through to: without a jump, if it is what comes
    /// next.
    pub(super) falls_to: Option<u32>,
}

/// An instruction whose steps are to be made.
#[derive(Clone, Copy)]
struct Pending<'p> {
    /// The word: to take it apart and put it together again takes longer than the rest.
    word: u64,
    /// The stencil with all operands in the frame.
    stencil: &'p OpStencil,
    /// First word of the instruction.
    at: u32,
    /// Of its operation, or the one that this is a quickened form of.
    facts: Facts,
    handed: Handed,
    /// The stencil is that of a library function: its index in [`DIRECT`].
    direct: Option<u16>,
    /// Its outer entry lies right before it.
    entered: bool,
}

impl Pending<'_> {
    /// Of a call: does it go on behind it by itself, too?
    #[inline(always)]
    fn goes_on(&self) -> bool {
        self.stencil.next || self.stencil.leads & leads::FALLS_TO_ENTRY != 0
    }

    /// What is told to its own step, but for labels, where that leads, and whether the step
    /// that control comes back to lies right behind it.
    #[inline(always)]
    fn told(&self) -> (u8, u8, bool) {
        let does = what::OPERANDS | self.facts.only(facts::CACHES) as u8;
        let to = self.stencil.leads;
        if !self.facts.has(facts::RESUMES) {
            return (does, to, false);
        }
        if self.goes_on() {
            return (does | what::WAITS, to, false);
        }
        match to & leads::ENTRY {
            0 => (does, to, true),
            _ => (does, to ^ (leads::ENTRY | leads::BEYOND), true),
        }
    }
}

impl<'p> Planner<'p> {
    /// Makes it. Gives the size of the code, and the number of instructions.
    pub(super) fn run(&mut self) -> Result<(CodeSize, u32), Unplanned> {
        self.steps.truncate(0);
        // Enough for most functions.
        self.steps
            .reserve(self.rt, self.proto.code_words as usize)?;
        self.outers.truncate(0);
        self.backs.truncate(0);
        self.labels.fill(NO_LABEL);
        let stencils = self.stencils;
        let (rt, entry, words) = (self.rt, self.proto.entry, self.proto.code_words);
        let mut callees = Callees::new(rt, self.evidence);
        let mut places = Places::new(rt, entry, self.loops, self.registers, self.counts);
        let mut before = Pending {
            word: 0,
            stencil: &stencils.plain[0],
            at: 0,
            facts: Facts::default(),
            handed: Handed::PLAIN,
            direct: None,
            entered: false,
        };
        let mut at = 0;
        let mut count = 0;
        let mut backs_wait = false;
        while at < words {
            let pc = entry + at * 8;
            let word: u64 = rt.get(pc);
            let insn = Insn::from_word(word);
            let mut op = insn.op;
            let mut facts = stencils.facts[op as usize];
            if !self.bake {
                op = facts.base();
                facts = stencils.facts[op as usize];
            }
            callees.note(insn, facts, pc);
            let mut it = Pending {
                word,
                stencil: &stencils.plain[op as usize],
                at,
                facts,
                handed: Handed::PLAIN,
                direct: None,
                entered: false,
            };
            let mut passes = Passes::Nothing;
            if facts.has(facts::RESUMES) {
                if facts.has(facts::CALLS) {
                    passes = self.callee(&mut it, &callees);
                }
                backs_wait |= it.goes_on();
            }
            let Some(mark) = self.marks.get_mut(at as usize) else {
                break;
            };
            it.handed = places.pass(at, word, facts, passes, mark);
            if it.handed.asks() {
                before.handed.leave();
            }
            if at > 0 {
                let mark = *mark;
                let outer = mark.has_outer();
                self.make(&before, outer)?;
                it.entered = outer && self.note_outer(at, mark, &before)?;
            } else {
                it.entered = mark.has_outer();
            }
            before = it;
            at += facts.words();
            count += 1;
        }
        if count > 0 {
            self.make(&before, false)?;
        }
        self.outers()?;
        if backs_wait {
            self.waiting_backs()?;
        }
        Ok((self.finish()?, count))
    }

    /// Finds the stencil of a call by what it will most likely call. Says what passes through
    /// the processor's registers.
    fn callee(&self, it: &mut Pending<'p>, callees: &Callees) -> Passes {
        let insn = Insn::from_word(it.word);
        let tail = insn.op == Op::TailCall as u8;
        if insn.b == 0 {
            it.stencil = &self.stencils.open[tail as usize];
            return Passes::Nothing;
        }
        if !self.direct {
            return Passes::Nothing;
        }
        let Some(expected) = callees.expected(insn) else {
            return Passes::Nothing;
        };
        let (Some(stencil), Some(row)) = (self.stencils.direct.get(expected), DIRECT.get(expected))
        else {
            return Passes::Nothing;
        };
        it.stencil = stencil;
        it.direct = Some(expected as u16);
        match self.registers && !tail {
            true => row.4,
            false => Passes::Nothing,
        }
    }

    /// Makes the steps of an instruction, with what comes before it and behind it. The next one
    /// has an outer entry or not.
    #[inline(always)]
    fn make(&mut self, it: &Pending<'p>, next_outer: bool) -> Result<(), Unplanned> {
        if (it.handed != Handed::PLAIN) | next_outer {
            return self.with_moves(it);
        }
        let (does, to, back) = it.told();
        // If it falls through to anything, that comes next.
        let index = it.stencil.variants.of(Insn::from_word(it.word));
        self.add(it.at, index, does | what::BEGINS, to, 0)?;
        if back {
            self.back(it.at, it.word, true)?;
        }
        Ok(())
    }

    /// Where control comes back to from what the call at `at` calls; `next` if the instruction
    /// behind it is what is emitted next.
    #[inline(never)]
    fn back(&mut self, at: u32, word: u64, next: bool) -> Result<(), Unplanned> {
        self.backs.push(self.rt, at)?;
        let insn = Insn::from_word(word);
        let back = &self.stencils.moves.back[(insn.op == Op::IterCall as u8) as usize];
        let behind = self.marks.get((at + CALL_BYTES / 8) as usize);
        let to = if next && !behind.is_some_and(|mark| mark.has_outer()) {
            back.leads
        } else {
            leads::BEYOND
        };
        // Right behind the call, its operands are still there.
        let does = if next {
            what::BACK
        } else {
            what::BACK | what::OPERANDS
        };
        self.step(at, back.variants.of(insn), does, to)
    }

    /// The same of all calls behind which something else lies: behind the function's code.
    fn waiting_backs(&mut self) -> Result<(), Unplanned> {
        let mut i = 0;
        while let Some(&step) = self.steps.get(i) {
            if step.what & what::WAITS != 0 {
                let word = self.rt.get(self.proto.entry + step.at * 8);
                self.back(step.at, word, false)?;
            }
            i += 1;
        }
        Ok(())
    }

    /// Adds a step.
    fn step(&mut self, at: u32, index: u16, does: u8, to: u8) -> Result<(), Unplanned> {
        self.step_with(at, index, does, to, 0)
    }

    /// Adds a step with moves around it.
    fn step_with(
        &mut self,
        at: u32,
        index: u16,
        does: u8,
        to: u8,
        moves: u16,
    ) -> Result<(), Unplanned> {
        let (step, outline) = self.add(at, index, does, to, moves)?;
        if to & (leads::FALLS_TO_ENTRY | leads::ON_AT | leads::BEYOND) != 0 {
            self.falls_to = self.falls_to(step, to, outline);
        }
        Ok(())
    }

    /// Adds a step that falls through to what comes next, if it does.
    #[inline(always)]
    fn add(
        &mut self,
        at: u32,
        index: u16,
        does: u8,
        to: u8,
        moves: u16,
    ) -> Result<(Step, Outline), Unplanned> {
        let outline = self.linked.outline(index.into());
        let outline = outline.ok_or(EmitError::UnknownStencil {
            index: index.into(),
        })?;
        // What it falls through to needn't be said.
        let falls = to == leads::NEXT && outline.fallthrough == self.stencils.targets.next;
        let mut step = Step {
            place: self.place,
            at,
            index,
            moves,
            what: does,
            leads: if falls {
                0
            } else {
                to & !leads::FALLS_TO_ENTRY
            },
        };
        let label = step.label(self.proto.code_words);
        if self.falls_to.is_some() {
            self.jump_unless(label)?;
            step.place = self.place;
        }
        if let Some(label) = label
            && let Some(place) = self.labels.get_mut(label as usize)
        {
            *place = step.place[0];
        }
        self.steps.push(self.rt, step)?;
        // No overflow: neither is 2^31 yet, and a bundle is shorter.
        self.place[0] += outline.hot;
        if moves != 0 {
            let [before, behind] = self.stencils.moves.code(moves);
            self.place[0] += before.len() + behind.len();
        }
        self.place[1] += outline.cold;
        if (self.place[0] | self.place[1]) >> 31 != 0 {
            return Err(EmitError::TooLarge.into());
        }
        Ok((step, outline))
    }

    /// Where a stencil falls through to that is told so.
    fn falls_to(&self, step: Step, to: u8, outline: Outline) -> Option<u32> {
        let targets = &self.stencils.targets;
        if to & leads::ON_AT != 0 {
            return (outline.fallthrough == targets.next).then_some(step.at);
        }
        let insn: u64 = self.rt.get(self.proto.entry + step.at * 8);
        let next = step.at + words_of(Insn::from_word(insn));
        let entry = entry_of(self.marks, next);
        if step.what & what::BACK != 0 {
            return (outline.fallthrough == targets.next).then_some(entry.unwrap_or(next));
        }
        let falls = to & leads::FALLS_TO_ENTRY != 0 && outline.fallthrough == targets.entry;
        entry.filter(|_| falls)
    }

    /// Lets control go where the stencil before falls through to, unless that is this label,
    /// which comes next.
    fn jump_unless(&mut self, label: Option<u32>) -> Result<(), Unplanned> {
        let Some(target) = self.falls_to.take().filter(|&target| label != Some(target)) else {
            return Ok(());
        };
        self.steps.push(
            self.rt,
            Step {
                place: self.place,
                at: target,
                index: Step::JUMP,
                moves: 0,
                what: 0,
                leads: 0,
            },
        )?;
        self.place[0] += JUMP_LEN;
        Ok(())
    }

    /// The end of the code. Gives its size.
    fn finish(&mut self) -> Result<CodeSize, Unplanned> {
        self.jump_unless(None)?;
        let open = match self.steps.last() {
            Some(last) if last.index != Step::JUMP => {
                let outline = self.linked.outline(last.index.into());
                outline.is_none_or(|outline| outline.fallthrough != Outline::NOWHERE)
                    || last.leads & (leads::NEXT | leads::AFTER) != 0
            }
            last => last.is_none(),
        };
        if open {
            return Err(EmitError::FallsOffEnd.into());
        }
        let [hot, cold] = self.place;
        Ok(CodeSize {
            hot,
            cold: cold + Stamper::ROOM,
            align: 1,
        })
    }

    /// The loop that an instruction lies in, if registers are kept in it.
    fn loop_of(&self, at: u32) -> Option<&Loop> {
        let mark = self.marks[at as usize];
        mark.of_loop().and_then(|i| self.loops.get(i))
    }

    /// Is it the first instruction of such a loop?
    fn starts(&self, at: u32) -> bool {
        self.loop_of(at).is_some_and(|kept| kept.start == at)
    }

    /// The steps of an instruction that may not be plain: with what comes before it and behind
    /// it.
    #[inline(never)]
    fn with_moves(&mut self, it: &Pending<'p>) -> Result<(), Unplanned> {
        let Pending {
            word,
            stencil,
            at,
            facts,
            handed,
            direct,
            entered,
        } = *it;
        let insn = Insn::from_word(word);
        let stencils = self.stencils;
        let table = &stencils.moves;
        if entered {
            self.outer(at, leads::NEXT)?;
        }
        let field = |field, place: Option<usize>| place.map_or(0, |k| (k as u16 + 1) << field);
        let mut around = field(moves::OTHER, handed.other()) | field(moves::TAKE, handed.take());
        let turn = match facts.has(facts::COUNTS) {
            true => handed.keep(),
            false => None,
        };
        let variants = match handed.form() {
            _ if let Some(k) = turn => table.turns[(insn.op == Op::ForLoopUp as u8) as usize][k],
            Some(form) if !facts.has(facts::RESUMES) => {
                let op = if self.bake { insn.op } else { facts.base() };
                stencils.forwarded[op as usize][form]
            }
            // Of calls only some have a form: that with the argument as the number.
            Some(_) => match direct.and_then(|i| stencils.passed.get(i as usize)) {
                Some(passed) if !passed.is_none() => *passed,
                _ => stencil.variants,
            },
            None => stencil.variants,
        };
        let (does, to, back) = it.told();
        let does = does | what::BEGINS;
        let keep = handed.keep().filter(|_| turn.is_none());
        // What falls through to the entry doesn't come by there.
        let (with, behind) = match to & leads::FALLS_TO_ENTRY {
            0 => (keep, None),
            _ => (None, keep),
        };
        around |= field(moves::KEEP, with);
        self.step_with(at, variants.of(insn), does, to, around)?;
        if let Some(k) = behind {
            self.step(at, table.keep[k].index, 0, leads::NEXT)?;
        }
        if direct.is_some()
            && handed.keep().is_none()
            && let Some(k) = self.loop_of(at).and_then(|kept| kept.place_of(insn.a))
        {
            // It goes on behind it with what is kept; the result is in the frame only.
            let reload = table.reload[k as usize].of(insn);
            self.step(at, reload, 0, leads::NEXT)?;
        }
        if let Some(k) = handed.reload() {
            self.step(at, table.reload[k].of(insn), 0, leads::NEXT)?;
        }
        if back {
            self.back(at, word, true)?;
        }
        Ok(())
    }

    /// Decides where the outer entry of the instruction at `at` goes; `before` is the one before
    /// it. True: right before it.
    #[inline(never)]
    fn note_outer(&mut self, at: u32, mark: Mark, before: &Pending<'p>) -> Result<bool, Unplanned> {
        // At the beginning of a loop comes by what is before it, and behind a call what comes
        // back from there.
        let back = before.told().2 && mark.number().is_none();
        if back || self.starts(at) {
            return Ok(true);
        }
        // Others come with the instruction at hand: the runtime, and second parts and shortcuts
        // of the instruction before (`jump_ahead!` in `stencils/`).
        let code = before.facts.has(facts::RESUMES | facts::CACHES) || mark.is_target();
        let label = (self.proto.code_words + at) as usize;
        match self.labels.get_mut(label) {
            Some(label) if !code && mark.of_loop().is_some() => *label = SHARED,
            _ => self.outers.push(self.rt, at)?,
        }
        Ok(false)
    }

    /// The outer entries that don't lie right before their instructions: those that code
    /// leads to, and for each loop one for all others.
    fn outers(&mut self) -> Result<(), Unplanned> {
        let mut i = 0;
        while let Some(&at) = self.outers.get(i) {
            self.outer(at, leads::ON_AT)?;
            i += 1;
        }
        let words = self.proto.code_words;
        let loops = self.loops;
        for (kept, i) in loops.iter().zip(0..) {
            // The label of this one.
            let shared = words * 2 + i;
            let mut there = None;
            for at in kept.start..=kept.end {
                let label = (words + at) as usize;
                if self.labels.get(label) != Some(&SHARED) {
                    continue;
                }
                let place = match there {
                    Some(place) => place,
                    None => self.shared_entry(kept, shared)?,
                };
                there = Some(place);
                let place = match self.marks[at as usize].number() {
                    Some(operand) => self.number_entry(at, operand, shared)?,
                    None => place,
                };
                if let Some(label) = self.labels.get_mut(label) {
                    *label = INSIDE | place;
                }
            }
        }
        Ok(())
    }

    /// Loads what is kept in a loop, and goes on to the instruction at hand. Gives its place.
    fn shared_entry(&mut self, kept: &Loop, label: u32) -> Result<u32, Unplanned> {
        let moves = &self.stencils.moves;
        let (loads, inside) = (moves.loads[kept.count - 1], moves.inside);
        let (step, _) = self.add(kept.start, loads, what::KEPT, leads::NEXT, 0)?;
        self.add(kept.start, inside, 0, 0, 0)?;
        if let Some(label) = self.labels.get_mut(label as usize) {
            *label = step.place[0];
        }
        Ok(step.place[0])
    }

    /// Loads the number for the instruction at `at` before it goes there. Gives its place.
    fn number_entry(&mut self, at: u32, operand: usize, shared: u32) -> Result<u32, Unplanned> {
        let insn = Insn::from_word(self.rt.get(self.proto.entry + at * 8));
        let load = self.stencils.moves.number[operand].of(insn);
        let (step, outline) = self.add(at, load, what::OPERANDS, leads::NEXT, 0)?;
        if outline.fallthrough != self.stencils.targets.next {
            return Err(EmitError::FallsOffEnd.into());
        }
        self.falls_to = Some(shared);
        Ok(step.place[0])
    }

    /// The outer entry of the instruction at `at`: loads what is to be there, and leads on as
    /// `to` says.
    fn outer(&mut self, at: u32, to: u8) -> Result<(), Unplanned> {
        let moves = &self.stencils.moves;
        let loads = self.loop_of(at).map(|kept| moves.loads[kept.count - 1]);
        let mut begins = what::OUTER;
        if let Some(place) = self.marks[at as usize].number() {
            let insn = Insn::from_word(self.rt.get(self.proto.entry + at * 8));
            let load = moves.number[place].of(insn);
            let to = if loads.is_some() { leads::NEXT } else { to };
            self.step(at, load, begins | what::OPERANDS, to)?;
            begins = 0;
        }
        if let Some(loads) = loads {
            self.step(at, loads, begins | what::KEPT, to)?;
        }
        Ok(())
    }
}
