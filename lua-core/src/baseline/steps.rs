//! What a plan is made of: steps, each a stencil with the moves around it, and the labels that
//! they lead to. Made by `plan.rs` and `entries.rs`; read by `compile.rs` and `observe.rs`.

use super::facts;
use super::loops::KEPT;
use super::stencils::{Moves, Short};
use rt_nostd::Snippet;

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
    pub(super) fn label(self, words: u32) -> Option<u32> {
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
/// [`NO_LABEL`]. With [`INSIDE`], where control from outside comes that is on the way to that
/// word: only with the instruction at hand (`inside` in `stencils/`), so no other code may
/// lead there.
pub(super) type Labels = [u32];
pub(super) const NO_LABEL: u32 = u32::MAX;
pub(super) const INSIDE: u32 = 1 << 31;

/// A label to be set when the code's end is reached: see [`INSIDE`]. No place is as high, nor
/// any that has that bit: behind each comes a stencil.
pub(super) const SHARED: u32 = NO_LABEL - 1;

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
        // Each is half as long at most, or there are none of these (`Moves::are_snippets`).
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
