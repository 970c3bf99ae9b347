//! Entries: where control comes into a function's code other than from the instruction before
//! or by a jump in the same loop. Part of the plan (`plan.rs`).
//!
//! - *Back*: behind each call a step leads from the frame that the call made to the caller's; the
//!   call's resume word has its address.
//! - *Outer*: to an instruction that finds numbers in the processor's registers control from
//!   outside comes by a step that loads them. It lies right before the instruction where
//!   nothing else comes from above: at a loop's beginning, and behind a call. Otherwise it lies
//!   behind the function's code, if code leads there (a stub, a jump into the loop). All others
//!   of a loop are one: who comes by the map, or by `jump_ahead!` in `stencils/`, has the
//!   instruction at hand, and by that the entry goes on (`inside` in `stencils/`).
//!
//! Outer entries also look whether what is sure to be a number is one (*guards*).
//!
//! Must not make an entry shared that code leads to without the instruction.

use super::facts;
use super::loops::{KEPT, Loop};
use super::plan::{Pending, Planner, Unplanned};
use super::registers::Mark;
use super::stencils::leads;
use super::steps::{INSIDE, SHARED, what};
use crate::isa::{CALL_BYTES, Insn, Op};

/// The label where control from outside enters the instruction at `next`; `None` for that of
/// the instruction.
#[inline]
pub(super) fn entry_of(marks: &[Mark], next: u32) -> Option<u32> {
    let mark = marks.get(next as usize)?;
    mark.has_outer().then_some(marks.len() as u32 + next)
}

impl<'p> Planner<'p> {
    /// Where control comes back to from what the call at `at` calls; `next` if the instruction
    /// behind it is what is emitted next.
    #[inline(never)]
    pub(super) fn back(&mut self, at: u32, word: u64, next: bool) -> Result<(), Unplanned> {
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
    pub(super) fn waiting_backs(&mut self) -> Result<(), Unplanned> {
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

    /// Decides where the outer entry of the instruction at `at` goes; `before` is the one before
    /// it. True: right before it.
    #[inline(never)]
    pub(super) fn note_outer(
        &mut self,
        at: u32,
        mark: Mark,
        before: &Pending<'p>,
    ) -> Result<bool, Unplanned> {
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
    pub(super) fn outers(&mut self) -> Result<(), Unplanned> {
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
        for place in 0..kept.count {
            if kept.is_sure(place as u32) {
                self.add(kept.start, moves.guards[1][place], 0, leads::NEXT, 0)?;
            }
        }
        self.add(kept.start, inside, 0, 0, 0)?;
        if let Some(label) = self.labels.get_mut(label as usize) {
            *label = step.place[0];
        }
        Ok(step.place[0])
    }

    /// Loads the number for the instruction at `at` before it goes there. Gives its place.
    fn number_entry(&mut self, at: u32, operand: usize, shared: u32) -> Result<u32, Unplanned> {
        let insn = Insn::from_word(self.rt.get(self.proto.entry + at * 8));
        let moves = &self.stencils.moves;
        let load = moves.load(operand, self.marks[at as usize].is_sure().then_some(1));
        let (step, _) = self.add(at, load.of(insn), what::OPERANDS, leads::NEXT, 0)?;
        // A jump behind it, one way or another.
        self.falls_to = Some(shared);
        Ok(step.place[0])
    }

    /// The outer entry of the instruction at `at`: loads what is to be there, and leads on as
    /// `to` says.
    pub(super) fn outer(&mut self, at: u32, to: u8) -> Result<(), Unplanned> {
        let moves = &self.stencils.moves;
        let mark = self.marks[at as usize];
        let mut steps = [(0, 0); KEPT + 2];
        let mut places = steps.iter_mut();
        let mut count = 0;
        let mut then = |index, does| {
            if let Some(place) = places.next() {
                *place = (index, does);
                count += 1;
            }
        };
        if let Some(operand) = mark.number() {
            let insn = Insn::from_word(self.rt.get(self.proto.entry + at * 8));
            let load = moves.load(operand, mark.is_sure().then_some(0));
            then(load.of(insn), what::OPERANDS);
        }
        if let Some(kept) = self.loop_of(at) {
            then(moves.loads[kept.count - 1], what::KEPT);
            for place in 0..kept.count {
                if kept.is_sure(place as u32) {
                    then(moves.guards[0][place], what::OPERANDS);
                }
            }
        }
        let mut begins = what::OUTER;
        for (i, &(index, does)) in steps[..count].iter().enumerate() {
            let to = if i + 1 < count { leads::NEXT } else { to };
            self.step(at, index, begins | does, to)?;
            begins = 0;
        }
        Ok(())
    }
}
