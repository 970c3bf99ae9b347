//! Stencils made ready: what emission needs of a bundle, in its smallest form.
//!
//! A bundle says of each hole what it is; the emitter asks that millions of times a second.
//! So the holes are translated once, into records of eight bytes that one short loop without
//! a branch in it can follow (`View::stamp`). The tables lie in memory of the caller's.
//! What doesn't fit a record (an eight-byte hole, an import, a part of 64 KiB) is left out,
//! and such a stencil is emitted by the book: hole by hole, as `emit` reads it in the bundle.
//! So is one where anything is wrong: the book has the errors.
//!
//! # A record
//! The four bytes at `at` of the part become `values[slot] + word + bias`, with the form's
//! sign bit flipped. The words are biased: in range is what has no bits above the field, so
//! that one mask tells, and all holes of a stencil are asked together.
//!
//! | form | word | values | bias | in range |
//! |---|---|---|---|---|
//! | `Abs32` | addend + 2^31 | operands | -2^31 | below 2^32 |
//! | `Abs32S` | addend + 2^31 | operands | 0 | below 2^32, then the sign bit is flipped |
//! | `Abs8S` | addend + 2^7, and three bytes of code | operands | 0 | no carry into those |
//! | `Rel32` | addend - `at` + 2^31 | targets | -part | as `Abs32S` |
//!
//! A hole of one byte is stored with the three bytes of code behind it. Records ascend by
//! place, so that a hole among those three comes later and lands on top.
//!
//! Must never make a record that isn't in its part, or a slot that isn't in its table: the
//! loop trusts both. Called by `link`; read by `emit` and `view`.

use crate::error::ReadyError;
use stencil_format::{Bundle, Hole, HoleKind, OperandForm, Part, RelTarget, Template, Templates};

/// Slots of the table of targets: one that stays 0, for what is fixed, those of the stencil's
/// own parts and of continuations, and one that is never read.
pub(crate) const TARGETS: usize = 16;
/// Target 0: the record's word says all.
const FIXED: u8 = 0;
/// The stencil's own hot part.
pub(crate) const OWN_HOT: usize = 1;
/// Its own cold part.
pub(crate) const OWN_COLD: usize = 2;
/// The continuation with ordinal 0; the others follow.
pub(crate) const CONTINUATIONS: usize = 3;
/// Nobody's.
const UNUSED: usize = TARGETS - 1;
/// Continuations that have a slot: those with ordinals below.
pub(crate) const CONTINUATIONS_MAX: u32 = (UNUSED - CONTINUATIONS) as u32;

/// No stencil has this many operands: it is emitted by the book.
const BY_THE_BOOK: u8 = u8::MAX;

/// The forms of records, in the order of the numbers.
#[derive(Clone, Copy)]
enum Form {
    Abs32,
    Abs32S,
    Abs8S,
    Rel32,
}

/// Number of forms, each for both parts: hot, cold.
pub(crate) const ROWS: usize = 8;
/// The first row of `Rel32`; those before take operands.
pub(crate) const REL32: usize = 2 * Form::Rel32 as usize;

/// What the holes of a form and a part have in common.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
pub(crate) struct Row {
    /// Operands or targets.
    pub(crate) values: *const i64,
    /// What is added.
    pub(crate) bias: i64,
    /// Bits of the sum that must be those of the word.
    pub(crate) kept: u64,
    /// What is flipped in the sum.
    pub(crate) flipped: u64,
    /// The part.
    pub(crate) to: *mut u8,
}

/// A row is found by its number times this.
pub(crate) const ROW_STEP: usize = 8;
const _: () = assert!(size_of::<Row>() == 8 * ROW_STEP && ROWS * ROW_STEP <= 256);

/// The rows, with what is always the same.
pub(crate) const FORMS: [Row; ROWS] = {
    const fn row(bias: i64, kept: u64, flipped: u64) -> Row {
        Row {
            values: core::ptr::null(),
            bias,
            kept,
            flipped,
            to: core::ptr::null_mut(),
        }
    }
    let abs32 = row(-(1 << 31), !0 << 32, 0);
    let signed = row(0, !0 << 32, 1 << 31);
    let abs8s = row(0, !0 << 8, 1 << 7);
    [abs32, abs32, signed, signed, abs8s, abs8s, signed, signed]
};

/// A stencil of a [`LinkedBundle`](crate::LinkedBundle) made ready: a slot of the caller's
/// table.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct StencilSlot {
    /// Where its hot part begins in the bundle's stencil code; the cold part follows.
    code: u32,
    hot: u32,
    cold: u32,
    fallthrough: u32,
    /// Its first record, and how many there are.
    first: u32,
    count: u8,
    /// Operands that must be given, at least.
    operands: u8,
    /// Continuations that must be given, a bit each: not the one that it falls through to.
    wants: u16,
    /// Bytes that may be written for the sake of speed, from the start of each part.
    spans: [u16; 2],
    /// The target of the one that it falls through to.
    falls: u8,
    align: u8,
    /// Bytes that are written behind each part in any case.
    overhangs: [u8; 2],
}

const _: () = assert!(size_of::<StencilSlot>() == 32);

impl StencilSlot {
    /// An empty slot.
    pub const EMPTY: StencilSlot = StencilSlot {
        code: 0,
        hot: 0,
        cold: 0,
        fallthrough: NOWHERE,
        first: 0,
        count: 0,
        operands: BY_THE_BOOK,
        wants: 0,
        spans: [0; 2],
        falls: UNUSED as u8,
        align: 0,
        overhangs: [0; 2],
    };

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

    /// It may start anywhere.
    #[inline(always)]
    pub(crate) fn is_unaligned(&self) -> bool {
        self.align == 0
    }

    /// Ordinal of the continuation that it falls through to, or [`NOWHERE`].
    #[inline(always)]
    pub(crate) fn fallthrough(&self) -> u32 {
        self.fallthrough
    }

    /// The target of that one, or one that isn't used.
    #[inline(always)]
    pub(crate) fn falls(&self) -> usize {
        usize::from(self.falls) % TARGETS
    }

    /// Continuations with ordinals below [`CONTINUATIONS_MAX`] that must be given, a bit each.
    #[inline(always)]
    pub(crate) fn wants(&self) -> u32 {
        self.wants.into()
    }
}

/// A hole of a stencil made ready: a slot of the caller's table.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(8))]
pub struct PatchSlot {
    /// First byte in its part.
    pub(crate) at: u16,
    /// Among the operands or the targets.
    pub(crate) slot: u8,
    /// Form, and the part in the lowest bit: a row, times [`ROW_STEP`].
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

/// What a stencil takes in the code, and how it ends.
#[derive(Clone, Copy)]
pub(crate) struct Outline {
    pub(crate) hot: u32,
    pub(crate) cold: u32,
    pub(crate) align: u32,
    /// Ordinal of the continuation that it falls through to, or [`NOWHERE`].
    pub(crate) fallthrough: u32,
}

/// It falls through to no continuation. Not the ordinal of any.
pub(crate) const NOWHERE: u32 = u32::MAX;

impl Outline {
    #[inline]
    pub(crate) fn of(template: Template<'_>) -> Outline {
        Outline {
            hot: template.hot().len,
            cold: template.cold().len,
            align: template.align(),
            fallthrough: template.fallthrough().unwrap_or(NOWHERE),
        }
    }
}

/// Bytes that are read and may be written for a part of `len` bytes and what is written
/// behind it, in whole blocks. 0 for none at all.
const fn span(len: u32, least: usize) -> u32 {
    if len == 0 {
        return 0;
    }
    let bytes = (len + 3).next_multiple_of(BLOCK as u32);
    if bytes < least as u32 {
        least as u32
    } else {
        bytes
    }
}

/// Bytes copied at a time.
pub(crate) const BLOCK: usize = 32;
/// Bytes copied at least, of hot and of cold parts: most are not longer.
pub(crate) const LEAST: [usize; 2] = [64, 32];

/// A stencil that may be stamped, with its operands. Made by [`Table::ready`] only: what the
/// head of this file says holds for its patches.
#[derive(Clone, Copy)]
pub(crate) struct Ready<'t> {
    slot: &'t StencilSlot,
    code: &'t [u8],
    patches: &'t [PatchSlot],
    operands: &'t [i64],
}

impl<'t> Ready<'t> {
    /// Its hot part, its cold part and what follows: as long as both spans.
    #[inline(always)]
    pub(crate) fn code(&self) -> &'t [u8] {
        self.code
    }

    /// Lengths of the parts.
    #[inline(always)]
    pub(crate) fn lens(&self) -> [u32; 2] {
        self.slot.lens()
    }

    /// Bytes that may be written from the start of each part, best of all; multiples of
    /// [`BLOCK`], and at least [`LEAST`] or none.
    #[inline(always)]
    pub(crate) fn spans(&self) -> [u32; 2] {
        self.slot.spans.map(u32::from)
    }

    /// Bytes behind each part that its patches write. Less than the span has.
    #[inline(always)]
    pub(crate) fn overhangs(&self) -> [u32; 2] {
        self.slot.overhangs.map(u32::from)
    }

    /// In order of place.
    #[inline(always)]
    pub(crate) fn patches(&self) -> &'t [PatchSlot] {
        self.patches
    }

    /// As many as the patches refer to, at least.
    #[inline(always)]
    pub(crate) fn operands(&self) -> &'t [i64] {
        self.operands
    }
}

/// The tables: empty if nothing was made ready.
#[derive(Clone, Copy, Default)]
pub(crate) struct Table<'a> {
    stencils: &'a [StencilSlot],
    patches: &'a [PatchSlot],
    code: &'a [u8],
}

impl<'a> Table<'a> {
    /// The stencil with this index.
    #[inline(always)]
    pub(crate) fn get(&self, index: u32) -> Option<&'a StencilSlot> {
        self.stencils.get(index as usize)
    }

    /// A stencil of this table to be stamped, if that is possible with these operands.
    #[inline(always)]
    pub(crate) fn ready<'t>(&self, slot: &'t StencilSlot, operands: &'t [i64]) -> Option<Ready<'t>>
    where
        'a: 't,
    {
        let operand_count = operands.len().min(usize::from(BY_THE_BOOK) - 1);
        if usize::from(slot.operands) > operand_count {
            return None;
        }
        let first = slot.first as usize;
        Some(Ready {
            slot,
            code: self.code.get(slot.code as usize..)?,
            patches: self.patches.get(first..first + usize::from(slot.count))?,
            operands,
        })
    }

    /// Fills the tables. `image` is where the bundle's AOT code is in the region.
    pub(crate) fn fill(
        bundle: &Bundle<'a>,
        image: u32,
        stencils: &'a mut [StencilSlot],
        patches: &'a mut [PatchSlot],
    ) -> Result<Table<'a>, ReadyError> {
        let templates = bundle.templates();
        let too_few = ReadyError::TooFewSlots {
            stencils: bundle.stencil_count() as usize,
            patches: templates.hole_count(),
        };
        let stencils = stencils.get_mut(..bundle.stencil_count() as usize);
        let patches = patches.get_mut(..templates.hole_count());
        let (Some(stencils), Some(patches)) = (stencils, patches) else {
            return Err(too_few);
        };
        let mut first = 0;
        for (index, slot) in (0..).zip(stencils.iter_mut()) {
            // There are as many as the bundle has, and as many holes.
            let Some(template) = templates.get(index) else {
                continue;
            };
            let count = templates.holes(template).len();
            let Some(room) = patches.get_mut(first..first + count) else {
                return Err(too_few);
            };
            let filler = Filler {
                templates,
                template,
                rodata: i64::from(image) + i64::from(bundle.rodata_offset()),
                image: image.into(),
                slot: StencilSlot {
                    code: template.hot().start,
                    hot: template.hot().len,
                    cold: template.cold().len,
                    fallthrough: template.fallthrough().unwrap_or(NOWHERE),
                    first: first as u32,
                    align: template.align().trailing_zeros() as u8,
                    ..StencilSlot::EMPTY
                },
            };
            *slot = filler.fill(room);
            first += count;
        }
        Ok(Table {
            stencils,
            patches,
            code: templates.code(),
        })
    }
}

/// Makes the records of one stencil.
struct Filler<'a> {
    templates: Templates<'a>,
    template: Template<'a>,
    image: i64,
    rodata: i64,
    slot: StencilSlot,
}

impl Filler<'_> {
    fn fill(mut self, room: &mut [PatchSlot]) -> StencilSlot {
        let by_the_book = self.slot;
        self.slot.operands = 0;
        match self.try_to_fill(room) {
            Some(()) => self.slot,
            None => by_the_book,
        }
    }

    /// `None` if it must be emitted by the book.
    fn try_to_fill(&mut self, room: &mut [PatchSlot]) -> Option<()> {
        let (hot, cold) = (self.template.hot(), self.template.cold());
        self.slot.count = u8::try_from(room.len()).ok()?;
        // Shorter than 2^16, and so are the spans.
        u16::try_from(hot.len.max(cold.len).checked_add(64)?).ok()?;
        let spans = [span(hot.len, LEAST[0]), span(cold.len, LEAST[1])];
        self.slot.spans = spans.map(|span| span as u16);
        // Both are read from here.
        let code = self.templates.code().get(hot.start as usize..)?;
        let ends = [spans[0], hot.len + spans[1]];
        if cold.start != hot.start + hot.len || ends.iter().any(|&end| end as usize > code.len()) {
            return None;
        }
        if let Some(ordinal) = self.template.fallthrough() {
            self.slot.falls = continuation(ordinal)?;
        }
        for (slot, hole) in room.iter_mut().zip(self.templates.holes(self.template)) {
            *slot = self.record(hole)?;
            let part = usize::from(hole.part == Part::Cold);
            let behind = (hole.offset + 4).saturating_sub([hot.len, cold.len][part]);
            self.slot.overhangs[part] = self.slot.overhangs[part].max(behind as u8);
        }
        Some(())
    }

    fn record(&mut self, hole: Hole) -> Option<PatchSlot> {
        // The bundle was validated: the hole lies in its part.
        let at = u16::try_from(hole.offset).ok()?;
        let (form, slot, word) = match hole.kind {
            HoleKind::Operand { form, ordinal } => {
                let slot = u8::try_from(ordinal)
                    .ok()
                    .filter(|&n| n < BY_THE_BOOK - 1)?;
                self.slot.operands = self.slot.operands.max(slot + 1);
                let (form, word) = match form {
                    OperandForm::Abs32 => (Form::Abs32, biased(hole.addend)?),
                    OperandForm::Abs32S => (Form::Abs32S, biased(hole.addend)?),
                    OperandForm::Abs8S => (Form::Abs8S, self.one_byte(hole)?),
                    OperandForm::Abs64 => return None,
                };
                (form, slot, word)
            }
            HoleKind::Rel32(target) => {
                let (slot, fixed) = match target {
                    RelTarget::OwnHot => (OWN_HOT as u8, 0),
                    RelTarget::OwnCold => (OWN_COLD as u8, 0),
                    RelTarget::Rodata => (FIXED, self.rodata),
                    RelTarget::Function(index) => {
                        let offset = self.templates.function_offset(index);
                        (FIXED, self.image + i64::from(offset))
                    }
                    RelTarget::Continuation(ordinal) => {
                        let slot = continuation(ordinal)?;
                        if ordinal != self.slot.fallthrough {
                            self.slot.wants |= 1 << ordinal;
                        }
                        (slot, 0)
                    }
                    // Which way leads there depends on the place.
                    RelTarget::Import(_) => return None,
                };
                let word = biased(fixed + hole.addend - i64::from(at))?;
                (Form::Rel32, slot, word)
            }
        };
        Some(PatchSlot {
            at,
            slot,
            row: (2 * form as u8 + u8::from(hole.part == Part::Cold)) * ROW_STEP as u8,
            word,
        })
    }

    /// The word of a hole of one byte.
    fn one_byte(&self, hole: Hole) -> Option<u32> {
        let addend = i8::try_from(hole.addend).ok()?;
        let part = match hole.part {
            Part::Hot => self.template.hot(),
            Part::Cold => self.template.cold(),
        };
        let place = part.start as usize + hole.offset as usize;
        // Behind a part comes more code, enough for its span.
        let behind = self.templates.code().get(place + 1..place + 4)?;
        let low = addend.cast_unsigned() ^ 0x80;
        Some(u32::from_le_bytes([low, behind[0], behind[1], behind[2]]))
    }
}

/// The slot of a continuation, if there is one.
fn continuation(ordinal: u32) -> Option<u8> {
    (ordinal < CONTINUATIONS_MAX).then_some((CONTINUATIONS as u32 + ordinal) as u8)
}

/// An addend in the range of `i32`, plus 2^31.
fn biased(addend: i64) -> Option<u32> {
    let addend = i32::try_from(addend).ok()?;
    Some(addend.cast_unsigned() ^ 1 << 31)
}
