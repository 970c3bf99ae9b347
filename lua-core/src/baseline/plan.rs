//! The plan of a function's code: which stencils, one after the other, and what each of them
//! is told. Written once by one walk over the bytecode, which also measures the code; read by
//! the emitter, by the account of what was compiled, and by observers.
//!
//! A step is a stencil. Everything that is to be decided is decided here: the form of an
//! operation that fits where its operands are (`registers.rs`), its short variant, the library
//! function that a call has in it (`callees.rs`), the moves around it. What follows is to copy
//! and to fill in.
//!
//! Must not know what any operation means, and must not allocate for each step: the list is
//! scratch memory that is used again. Called by `compile.rs`.

use super::callees::{Callees, Evidence};
use super::compile::{Refusal, has_resume_word, has_site, words_of};
use super::registers::{Loop, Mark};
use super::{OpStencil, Stencils, Variants, leads};
use crate::heap::{Buffer, NoMemory, Rt};
use crate::isa::{CALL_BYTES, Insn, OPS, Op};
use crate::proto::Proto;
use rt_nostd::{CodeSize, EmitError, JUMP_LEN, LinkedBundle, Outline, Stamper};

/// A stencil of a function's code.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// Where it goes: offsets in the hot and in the cold code.
    pub(super) place: [u32; 2],
    /// First word of the instruction that it belongs to.
    pub(super) at: u32,
    /// The stencil.
    pub(super) index: u16,
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

/// Where the code of each word begins in a function, and behind that where its outer entry
/// does: offsets in the hot code, or [`NO_LABEL`].
pub(super) type Labels = [u32];
pub(super) const NO_LABEL: u32 = u32::MAX;

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
    pub(super) marks: &'p [Mark],
    pub(super) loops: &'p [Loop],
    /// Caches go into the main code.
    pub(super) bake: bool,
    /// Calls that are expected to call certain functions get the stencils for that.
    pub(super) direct: bool,
    pub(super) evidence: Evidence,
    pub(super) steps: &'p mut Buffer<Step>,
    pub(super) linked: &'p LinkedBundle<'static>,
    /// Two for each word.
    pub(super) labels: &'p mut Labels,
    /// Where the next stencil goes.
    pub(super) place: [u32; 2],
    /// The label that the stencil before falls through to: without a jump, if it is what comes
    /// next.
    pub(super) falls_to: Option<u32>,
}

impl Planner<'_> {
    /// Makes it. Gives the size of the code, and the number of instructions.
    pub(super) fn run(&mut self) -> Result<(CodeSize, u32), Unplanned> {
        self.steps.truncate(0);
        self.labels.fill(NO_LABEL);
        let mut callees = Callees::new(self.rt, self.evidence);
        let mut at = 0;
        let mut count = 0;
        let mut all_plain = true;
        let mut backs_wait = false;
        while at < self.proto.code_words {
            let pc = self.proto.entry + at * 8;
            let insn = Insn::from_word(self.rt.get(pc));
            let mark = self.marks[at as usize];
            callees.note(insn, pc);
            let mut op = insn.op as usize;
            let mut does = what::BEGINS | what::OPERANDS;
            if has_site(insn.op) {
                does |= what::SITE;
                if !self.bake {
                    op = OPS[op].base as usize;
                }
            }
            let stencils = self.stencils;
            let mut stencil = &stencils.plain[op];
            let mut direct = None;
            if op == Op::Call as usize || op == Op::TailCall as usize {
                if insn.b == 0 {
                    stencil = &stencils.open[(op == Op::TailCall as usize) as usize];
                } else if self.direct
                    && let Some(expected) = callees.expected(insn)
                    && let Some(other) = stencils.direct.get(expected)
                {
                    stencil = other;
                    direct = Some(stencils.passed.get(expected).copied().unwrap_or_default());
                }
            }
            let mut to = stencil.leads;
            let mut back = false;
            if has_resume_word(insn) {
                // Where control comes back to lies right behind it, unless it goes on there.
                back = !stencil.next && to & leads::FALLS_TO_ENTRY == 0;
                if !back {
                    does |= what::WAITS;
                    backs_wait = true;
                } else if to & leads::ENTRY != 0 {
                    to ^= leads::ENTRY | leads::BEYOND;
                }
            }
            if mark.is_plain() {
                let index = stencil.variants.of(insn);
                self.step(at, index, does, to)?;
            } else {
                all_plain = false;
                let kind = Kind {
                    insn,
                    op,
                    stencil,
                    to,
                    direct,
                };
                self.with_moves(at, kind, does)?;
            }
            if back {
                self.back(at, insn, true)?;
            }
            at += words_of(insn);
            count += 1;
        }
        if !all_plain {
            for at in 0..self.proto.code_words {
                if self.marks[at as usize].has_outer() && !self.starts(at) {
                    self.outer(at, leads::ON_AT)?;
                }
            }
        }
        if backs_wait {
            self.waiting_backs()?;
        }
        Ok((self.finish()?, count))
    }

    /// Where control comes back to from what the call at `at` calls; `next` if the instruction
    /// behind it is what is emitted next.
    fn back(&mut self, at: u32, insn: Insn, next: bool) -> Result<(), Unplanned> {
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
                let insn = Insn::from_word(self.rt.get(self.proto.entry + step.at * 8));
                self.back(step.at, insn, false)?;
            }
            i += 1;
        }
        Ok(())
    }

    /// Adds a step.
    #[inline(always)]
    fn step(&mut self, at: u32, index: u16, does: u8, to: u8) -> Result<(), Unplanned> {
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
        self.place[1] += outline.cold;
        if (self.place[0] | self.place[1]) >> 31 != 0 {
            return Err(EmitError::TooLarge.into());
        }
        if to & (leads::FALLS_TO_ENTRY | leads::ON_AT | leads::BEYOND) != 0 {
            self.falls_to = self.falls_to(step, to, outline);
        }
        Ok(())
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
        let [hot, mut cold] = self.place;
        if cold != 0 {
            cold += Stamper::ROOM;
        }
        Ok(CodeSize {
            hot,
            cold,
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

    /// The steps of an instruction that isn't plain: with what comes before it and behind it.
    fn with_moves(&mut self, at: u32, kind: Kind<'_>, does: u8) -> Result<(), Unplanned> {
        let Kind {
            insn,
            op,
            stencil,
            to,
            direct,
        } = kind;
        let stencils = self.stencils;
        let moves = &stencils.moves;
        let mark = self.marks[at as usize];
        if self.starts(at) {
            // What comes from before the loop.
            self.outer(at, leads::NEXT)?;
        }
        let mut begins = what::BEGINS;
        let other = mark.other().map(|k| moves.other[k]);
        let take = mark.take().map(|k| moves.take[k]);
        for index in [other, take].into_iter().flatten() {
            self.step(at, index, begins, leads::NEXT)?;
            begins = 0;
        }
        let turn = match () {
            () if op == Op::ForLoop as usize => mark.keep().map(|k| (0, k)),
            () if op == Op::ForLoopUp as usize => mark.keep().map(|k| (1, k)),
            () => None,
        };
        let variants = match mark.form() {
            _ if let Some((which, k)) = turn => moves.turns[which][k],
            Some(form) if !has_resume_word(insn) => stencils.forwarded[op][form],
            // Of calls only some have a form: that with the argument as the number.
            Some(_) => match direct {
                Some(passed) if !passed.is_none() => passed,
                _ => stencil.variants,
            },
            None => stencil.variants,
        };
        let does = does & !what::BEGINS | begins;
        self.step(at, variants.of(insn), does, to)?;
        if direct.is_some()
            && mark.keep().is_none()
            && let Some(k) = self.loop_of(at).and_then(|kept| kept.place_of(insn.a))
        {
            // It goes on behind it with what is kept; the result is in the frame only.
            let reload = moves.reload[k as usize].of(insn);
            self.step(at, reload, 0, leads::NEXT)?;
        }
        if let Some(k) = mark.keep()
            && turn.is_none()
        {
            self.step(at, moves.keep[k], 0, leads::NEXT)?;
        }
        if let Some(k) = mark.reload() {
            self.step(at, moves.reload[k].of(insn), 0, leads::NEXT)?;
        }
        Ok(())
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

/// What an instruction is compiled as.
struct Kind<'k> {
    insn: Insn,
    /// Its operation, or the one that this is a quickened form of.
    op: usize,
    /// The stencil with all operands in the frame.
    stencil: &'k OpStencil,
    /// Where it leads.
    to: u8,
    /// It is that of a library function; the one that gets its argument as the number, if
    /// there is one.
    direct: Option<Variants>,
}
