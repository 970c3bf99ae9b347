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
use super::entries::entry_of;
use super::facts::{self, Facts, words_of};
use super::loops::Loop;
use super::registers::{Handed, Mark, Places};
use super::stencils::{OpStencil, Stencils, leads};
use super::steps::{Labels, NO_LABEL, Step, moves, what};
use crate::heap::{Buffer, NoMemory, Rt};
use crate::isa::{Insn, Op};
use crate::proto::Proto;
use crate::shortcuts::{DIRECT, Passes};
use rt_nostd::{CodeSize, EmitError, JUMP_LEN, LinkedBundle, Outline, Stamper};

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
    /// Some numbers are sure to be some (`registers.rs`).
    pub(super) sure: bool,
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
pub(super) struct Pending<'p> {
    /// The word: to take it apart and put it together again takes longer than the rest.
    pub(super) word: u64,
    /// The stencil with all operands in the frame.
    pub(super) stencil: &'p OpStencil,
    /// First word of the instruction.
    pub(super) at: u32,
    /// Of its operation, or the one that this is a quickened form of.
    pub(super) facts: Facts,
    pub(super) handed: Handed,
    /// The stencil is that of a library function: its index in [`DIRECT`].
    pub(super) direct: Option<u16>,
    /// Its outer entry lies right before it.
    pub(super) entered: bool,
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
    pub(super) fn told(&self) -> (u8, u8, bool) {
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
        let mut places = Places::new(
            rt,
            entry,
            self.loops,
            self.registers,
            self.counts,
            self.sure,
        );
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
        debug_assert!(!it.entered);
        let (does, to, back) = it.told();
        // If it falls through to anything, that comes next.
        let index = it.stencil.variants.of(Insn::from_word(it.word));
        self.add(it.at, index, does | what::BEGINS, to, 0)?;
        if back {
            self.back(it.at, it.word, true)?;
        }
        Ok(())
    }

    /// Adds a step.
    pub(super) fn step(&mut self, at: u32, index: u16, does: u8, to: u8) -> Result<(), Unplanned> {
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
    pub(super) fn add(
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
    pub(super) fn loop_of(&self, at: u32) -> Option<&Loop> {
        let mark = self.marks[at as usize];
        mark.of_loop().and_then(|i| self.loops.get(i))
    }

    /// Is it the first instruction of such a loop?
    pub(super) fn starts(&self, at: u32) -> bool {
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
        let mut begins = what::BEGINS;
        let mut around = 0;
        if table.are_snippets {
            around = field(moves::OTHER, handed.other()) | field(moves::TAKE, handed.take());
        } else {
            let other = handed.other().map(|k| table.other[k]);
            let take = handed.take().map(|k| table.take[k]);
            for short in [other, take].into_iter().flatten() {
                self.step(at, short.index, begins, leads::NEXT)?;
                begins = 0;
            }
        }
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
        let does = does | begins;
        let keep = handed.keep().filter(|_| turn.is_none());
        // What falls through to the entry doesn't come by there.
        let (with, behind) = match to & leads::FALLS_TO_ENTRY {
            0 if table.are_snippets => (keep, None),
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
}
