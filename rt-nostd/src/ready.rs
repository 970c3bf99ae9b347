//! Stencils made ready: what emission needs of a bundle, in its smallest form.
//!
//! A bundle says of each hole what it is; the emitter asks that millions of times a second.
//! So the holes are translated once, into records of eight bytes that one short loop without
//! a branch in it can follow (`Pieces::stamp`). The tables lie in memory of the caller's, or in
//! the program, which had them filled when it was built.
//! What doesn't fit a record (an eight-byte hole, an import, a part of 64 KiB) is left out,
//! and such a stencil is emitted by the book: hole by hole, as `emit` reads it in the bundle.
//! So is one where anything is wrong: the book has the errors.
//!
//! # A record
//! The four bytes at `at` of the part become `values[slot] + word`, with the row's bit
//! flipped. Values and words are biased so that in range is, for all forms, what has no bits
//! above the lowest 32: the holes of a stencil are asked together.
//!
//! | form | value | word | flipped |
//! |---|---|---|---|
//! | `Abs32` | operand | addend, if it isn't negative | nothing |
//! | `Abs32S` | operand | addend + 2^31 | 2^31 |
//! | `Abs8S` | operand * 2^24 | three bytes of code, and addend + 2^7 as the highest one | 2^31 |
//! | `Rel32` | target - part + [`BIAS`] | addend - `at` + 2^16 | 2^31 |
//!
//! The values are in one table: targets as seen from the hot part, the same from the cold
//! part, operands, and some of those times 2^24.
//!
//! A hole of one byte is stored with the three bytes of code before it: so records of this
//! form come first, in descending order of place, and all that lies among those three lands
//! on top.
//!
//! `fill` makes the records. None may be in use that isn't in its part, or has a slot that isn't
//! in its table: the loop trusts both. Called by `link`; read by `stamp` and `view`.

use crate::error::ReadyError;
use crate::view::prefetch;
use stencil_format::{Bundle, Template};

/// Targets in the table of values: the bundle's image, the stencil's own parts, continuations,
/// and one that is never read.
pub(crate) const TARGETS: usize = 16;
/// Target 0: the bundle's image.
pub(crate) const IMAGE: usize = 0;
/// The stencil's own hot part.
pub(crate) const OWN_HOT: usize = 1;
/// Its own cold part.
pub(crate) const OWN_COLD: usize = 2;
/// The continuation with ordinal 0; the others follow.
pub(crate) const CONTINUATIONS: usize = 3;
/// Nobody's.
pub(crate) const UNUSED: usize = TARGETS - 1;
/// Continuations that have a slot: those with ordinals below.
pub const CONTINUATIONS_MAX: u32 = (UNUSED - CONTINUATIONS) as u32;
/// Where targets as seen from the cold part begin.
pub(crate) const FROM_COLD: usize = TARGETS;
/// Where operands begin.
pub(crate) const OPERANDS: usize = 2 * TARGETS;
/// Operands that stencils may have to be emitted fast: those with ordinals below.
pub const OPERANDS_MAX: usize = 32;
/// Where the operands for holes of one byte begin, and how many there are: the first ones.
pub(crate) const NEAR: usize = OPERANDS + OPERANDS_MAX;
pub(crate) const NEAR_MAX: usize = 3;

/// What is added to distances lest they be negative.
pub(crate) const BIAS: u64 = (1 << 31) - WORD_BIAS as u64;
/// The rest of it, in the words.
pub(crate) const WORD_BIAS: i64 = 1 << 16;

/// The table of values.
#[repr(C)]
pub(crate) struct Values {
    /// As seen from the hot part, and from the cold one.
    pub(crate) targets: [u64; 2 * TARGETS],
    operands: [u64; OPERANDS_MAX],
    near: [u64; NEAR_MAX],
}
const _: () = assert!(size_of::<Values>() == 8 * (NEAR + NEAR_MAX));

impl Values {
    /// The parts' distances from themselves are there.
    pub(crate) const EMPTY: Values = {
        let mut targets = [0; 2 * TARGETS];
        targets[OWN_HOT] = BIAS;
        targets[FROM_COLD + OWN_COLD] = BIAS;
        Values {
            targets,
            operands: [0; OPERANDS_MAX],
            near: [0; NEAR_MAX],
        }
    };

    /// Sets an operand with an ordinal below [`OPERANDS_MAX`].
    #[inline(always)]
    pub(crate) fn set(&mut self, ordinal: usize, value: u32) {
        let value = u64::from(value);
        if let Some(operand) = self.operands.get_mut(ordinal) {
            *operand = value;
        }
        if let Some(near) = self.near.get_mut(ordinal) {
            *near = value << 24;
        }
    }

    /// The operands, by ordinal.
    pub(crate) fn operands(&self) -> [i64; OPERANDS_MAX] {
        self.operands.map(|value| value as i64)
    }
}

/// A bit of the continuations that are wanted, of one that is never given: the stencil is
/// emitted by the book.
pub(crate) const BY_THE_BOOK: u16 = 1 << 15;
const _: () = assert!(CONTINUATIONS_MAX < 15);

/// Rows: what the records of a form and a part have in common. The lowest bit is the part.
const ROWS: usize = 4;
/// Of those that nothing is flipped of.
pub(crate) const PLAIN: u8 = 2;

/// The bit to be flipped, by row.
pub(crate) static FLIPPED: [u32; ROWS] = [1 << 31, 1 << 31, 0, 0];

/// Binary logarithm of the largest alignment of a stencil.
const ALIGN_MOST: u8 = stencil_format::MAX_ALIGN.trailing_zeros() as u8;

/// A stencil of a [`LinkedBundle`](crate::LinkedBundle) made ready: a slot of the caller's
/// table.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct StencilSlot {
    /// Where its hot part begins in the bundle's stencil code; the cold part follows.
    pub(crate) code: u32,
    pub(crate) hot: u32,
    pub(crate) cold: u32,
    pub(crate) fallthrough: u32,
    /// Its first record, and how many there are.
    pub(crate) first: u32,
    pub(crate) count: u8,
    /// Continuations that must be given, a bit each: not the one that it falls through to.
    pub(crate) wants: u16,
    /// Bytes that may be written for the sake of speed, from the start of each part, or
    /// [`EXACTLY`].
    pub(crate) spans: [u16; 2],
    /// The target of the one that it falls through to.
    pub(crate) falls: u8,
    pub(crate) align: u8,
}

const _: () = assert!(size_of::<StencilSlot>() == 32);

impl StencilSlot {
    /// An empty slot.
    pub const EMPTY: StencilSlot = StencilSlot {
        code: 0,
        hot: 0,
        cold: 0,
        fallthrough: Outline::NOWHERE,
        first: 0,
        count: 0,
        wants: BY_THE_BOOK,
        spans: [0; 2],
        falls: UNUSED as u8,
        align: 0,
    };

    /// The slot with these words, as [`StencilSlot::to_words`] gave them: for tables that are
    /// made when a program is built.
    pub const fn from_words(words: [u32; 8]) -> StencilSlot {
        let [code, hot, cold, fallthrough, first, spans, rest, wants] = words;
        let [count, falls, align, _] = rest.to_le_bytes();
        StencilSlot {
            code,
            hot,
            cold,
            fallthrough,
            first,
            count,
            falls,
            wants: wants as u16,
            spans: [spans as u16, (spans >> 16) as u16],
            align,
        }
    }

    /// Its words.
    pub fn to_words(&self) -> [u32; 8] {
        let spans = self.spans.map(u32::from);
        [
            self.code,
            self.hot,
            self.cold,
            self.fallthrough,
            self.first,
            spans[0] | spans[1] << 16,
            u32::from_le_bytes([self.count, self.falls, self.align, 0]),
            self.wants.into(),
        ]
    }

    /// Its outline.
    #[inline]
    pub(crate) fn outline(&self) -> Outline {
        Outline {
            hot: self.hot,
            cold: self.cold,
            align: 1 << self.align,
            fallthrough: self.fallthrough,
        }
    }

    /// Lengths of the parts.
    #[inline(always)]
    pub(crate) fn lens(&self) -> [u32; 2] {
        [self.hot, self.cold]
    }

    /// Is there all that is read of it in so many bytes of code?
    pub(crate) fn has_code(&self, len: usize) -> bool {
        let [hot, cold, code] = [self.hot, self.cold, self.code].map(u64::from);
        let spans = match self.spans {
            [EXACTLY, _] => [hot, cold],
            spans => spans.map(u64::from),
        };
        let least = |part: usize| self.spans[0] == EXACTLY || spans[part] >= LEAST[part] as u64;
        let whole = |part: usize| spans[part].is_multiple_of(BLOCK as u64);
        hot <= spans[0]
            && cold <= spans[1]
            && least(0)
            && least(1)
            && (self.spans[0] == EXACTLY || whole(0) && whole(1))
            && code + spans[0] <= len as u64
            && code + hot + spans[1] <= len as u64
    }

    /// It may start anywhere.
    #[inline(always)]
    pub(crate) fn is_unaligned(&self) -> bool {
        self.align == 0
    }

    /// The target of the continuation that it falls through to, or one that isn't used.
    #[inline(always)]
    pub(crate) fn falls(&self) -> usize {
        usize::from(self.falls) % TARGETS
    }
}

/// A hole of a stencil made ready: a slot of the caller's table.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(8))]
pub struct PatchSlot {
    /// First byte in its part.
    pub(crate) at: u16,
    /// Among the values.
    pub(crate) slot: u8,
    /// Below [`ROWS`].
    pub(crate) row: u8,
    pub(crate) word: u32,
}

impl PatchSlot {
    /// An empty slot.
    pub const EMPTY: PatchSlot = PatchSlot {
        at: 0,
        slot: 0,
        row: 0,
        word: 0,
    };
}

impl PatchSlot {
    /// The slot with this word, as [`PatchSlot::to_word`] gave it.
    pub const fn from_word(word: u64) -> PatchSlot {
        let [a, b, slot, row, c, d, e, f] = word.to_le_bytes();
        PatchSlot {
            at: u16::from_le_bytes([a, b]),
            slot,
            row,
            word: u32::from_le_bytes([c, d, e, f]),
        }
    }

    /// Its word.
    pub fn to_word(&self) -> u64 {
        u64::from(self.at)
            | u64::from(self.slot) << 16
            | u64::from(self.row) << 24
            | u64::from(self.word) << 32
    }

    /// Does it stay in parts of these lengths, and in the tables?
    pub(crate) fn is_sound(&self, lens: [u32; 2]) -> bool {
        let row = usize::from(self.row);
        row < ROWS
            && usize::from(self.slot) < NEAR + NEAR_MAX
            && u32::from(self.at) + 4 <= lens[row & 1]
    }
}

/// What a stencil takes in the code, and how it ends.
#[derive(Clone, Copy, Debug)]
pub struct Outline {
    /// Bytes of hot code.
    pub hot: u32,
    /// Bytes of cold code.
    pub cold: u32,
    /// Alignment of the hot code.
    pub align: u32,
    /// Ordinal of the continuation that it falls through to, or [`Outline::NOWHERE`].
    pub fallthrough: u32,
}

impl Outline {
    /// It falls through to no continuation. Not the ordinal of any.
    pub const NOWHERE: u32 = u32::MAX;

    #[inline]
    pub(crate) fn of(template: Template<'_>) -> Outline {
        Outline {
            hot: template.hot().len,
            cold: template.cold().len,
            align: template.align(),
            fallthrough: template.fallthrough().unwrap_or(Outline::NOWHERE),
        }
    }
}

/// Bytes that are read and may be written for a part of `len` bytes, in whole blocks.
pub(crate) const fn span(len: u32, least: usize) -> u32 {
    let bytes = len.next_multiple_of(BLOCK as u32);
    if bytes < least as u32 {
        least as u32
    } else {
        bytes
    }
}

/// The span of a hot part that must be copied exactly, as must the cold one: too little code
/// comes behind it.
pub(crate) const EXACTLY: u16 = u16::MAX;

/// Bytes copied at a time.
pub(crate) const BLOCK: usize = 32;
/// Bytes copied at least, of hot and of cold parts: most are not longer, and to ask which are
/// takes longer.
pub(crate) const LEAST: [usize; 2] = [96, 64];

/// A stencil that may be stamped. Made by [`Table::ready`] only: its slot was filled
/// or checked, which says what holds for its code and its patches.
#[derive(Clone, Copy)]
pub(crate) struct Ready<'t> {
    slot: &'t StencilSlot,
    table: &'t Table<'t>,
}

impl<'t> Ready<'t> {
    /// Where its hot part begins in [`Ready::all_code`]; the cold part follows.
    #[inline(always)]
    pub(crate) fn code(&self) -> usize {
        self.slot.code as usize
    }

    /// The code of all stencils: from the stencil's on, as long as both spans.
    #[inline(always)]
    pub(crate) fn all_code(&self) -> &'t [u8] {
        self.table.code
    }

    /// Lengths of the parts.
    #[inline(always)]
    pub(crate) fn lens(&self) -> [u32; 2] {
        self.slot.lens()
    }

    /// Bytes that may be written from the start of each part, best of all; multiples of
    /// [`BLOCK`], and at least [`LEAST`]. If the first is [`EXACTLY`], just the parts.
    #[inline(always)]
    pub(crate) fn spans(&self) -> [u32; 2] {
        self.slot.spans.map(u32::from)
    }

    /// The place of its patches in [`Ready::all_patches`], and how many there are.
    #[inline(always)]
    pub(crate) fn patches(&self) -> (usize, usize) {
        (self.slot.first as usize, self.slot.count.into())
    }

    /// The patches of all stencils.
    #[inline(always)]
    pub(crate) fn all_patches(&self) -> &'t [PatchSlot] {
        self.table.patches
    }
}

/// The tables: empty if nothing was made ready.
#[derive(Clone, Copy, Default)]
pub(crate) struct Table<'a> {
    pub(crate) stencils: &'a [StencilSlot],
    pub(crate) patches: &'a [PatchSlot],
    pub(crate) code: &'a [u8],
}

impl<'a> Table<'a> {
    /// The stencil with this index.
    #[inline(always)]
    pub(crate) fn get(&self, index: u32) -> Option<&'a StencilSlot> {
        self.stencils.get(index as usize)
    }

    /// This stencil will be stamped soon: has the processor fetch what that takes, as it does by
    /// itself only once it is waited for.
    #[inline(always)]
    pub(crate) fn expect(&self, slot: &StencilSlot) {
        let patches = self.patches.as_ptr().wrapping_add(slot.first as usize);
        prefetch(patches.cast());
        let code = self.code.as_ptr().wrapping_add(slot.code as usize);
        prefetch(code);
        prefetch(code.wrapping_add(64));
    }

    /// A stencil of this table to be stamped, if that is possible with these continuations,
    /// a bit each.
    #[inline(always)]
    pub(crate) fn ready<'t>(&'t self, slot: &'t StencilSlot, given: u16) -> Option<Ready<'t>> {
        // By the book if either side says so.
        let missing = (slot.wants & !given) | ((slot.wants | given) & BY_THE_BOOK);
        (missing == 0).then_some(Ready { slot, table: self })
    }

    /// Tables that were filled before. Checked is what emission relies on lest it write to
    /// other places than it should.
    pub(crate) fn check(
        bundle: &Bundle<'a>,
        stencils: &'a [StencilSlot],
        patches: &'a [PatchSlot],
    ) -> Result<Table<'a>, ReadyError> {
        let templates = bundle.templates();
        let unsound = |index: usize| ReadyError::Unsound {
            stencil: index as u32,
        };
        if stencils.len() != bundle.stencil_count() as usize {
            return Err(unsound(stencils.len()));
        }
        for (index, slot) in stencils.iter().enumerate() {
            let falls = usize::from(slot.falls);
            if slot.align > ALIGN_MOST || !(CONTINUATIONS..TARGETS).contains(&falls) {
                return Err(unsound(index));
            }
            if slot.wants & BY_THE_BOOK != 0 {
                continue;
            }
            let first = slot.first as usize;
            let patches = patches.get(first..first + usize::from(slot.count));
            let sound = slot.has_code(templates.code().len())
                && patches.is_some_and(|all| all.iter().all(|patch| patch.is_sound(slot.lens())));
            if !sound {
                return Err(unsound(index));
            }
        }
        Ok(Table {
            stencils,
            patches,
            code: templates.code(),
        })
    }
}
