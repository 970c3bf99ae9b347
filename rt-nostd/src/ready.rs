//! Stencils made ready: what emission needs of a bundle, in its smallest form.
//!
//! A bundle says of each hole what it is; the emitter asks that millions of times a second.
//! So the holes are translated once, into records of eight bytes that one short loop without
//! a branch in it can follow (`Pieces::stamp`). The tables lie in memory of the caller's.
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
//! | `Rel32` | addend - `at` + 2^31 | targets | 0 | as `Abs32S` |
//!
//! The values are in one table: targets as seen from the hot part, the same from the cold
//! part, operands.
//!
//! A hole of one byte is stored with the three bytes of code behind it. Records ascend by
//! place, so that a hole among those three comes later and lands on top.
//!
//! Must never make a record that isn't in its part, or a slot that isn't in its table: the
//! loop trusts both. Called by `link`; read by `emit` and `view`.

use crate::error::ReadyError;
use stencil_format::{Bundle, Hole, HoleKind, OperandForm, Part, RelTarget, Template, Templates};

/// Targets in the table of values: what is fixed, as the distance of address 0, the stencil's
/// own parts, continuations, and one that is never read.
pub(crate) const TARGETS: usize = 16;
/// Target 0: the record's word says the rest.
pub(crate) const FIXED: usize = 0;
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
/// Where targets as seen from the cold part begin.
pub(crate) const FROM_COLD: usize = TARGETS;
/// Where operands begin.
const OPERANDS: usize = 2 * TARGETS;
/// Operands that stencils may have to be emitted fast: those with ordinals below.
pub const OPERANDS_MAX: usize = 32;

/// The table of values.
#[repr(C)]
pub(crate) struct Values {
    /// As seen from the hot part, and from the cold one.
    pub(crate) targets: [i64; 2 * TARGETS],
    pub(crate) operands: [i64; OPERANDS_MAX],
}
const _: () = assert!(size_of::<Values>() == 8 * (OPERANDS + OPERANDS_MAX));

impl Values {
    pub(crate) const ZERO: Values = Values {
        targets: [0; 2 * TARGETS],
        operands: [0; OPERANDS_MAX],
    };
}

/// A bit of the continuations that are wanted, of one that is never given: the stencil is
/// emitted by the book.
const BY_THE_BOOK: u16 = 1 << 15;
const _: () = assert!(CONTINUATIONS_MAX < 15);

/// The forms of records, in the order of the numbers.
#[derive(Clone, Copy)]
enum Form {
    Abs32,
    Abs32S,
    Abs8S,
    Rel32,
}

/// Number of forms, each for both parts: hot, cold.
const ROWS: usize = 8;

/// What the holes of a form and a part have in common.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(crate) struct Row {
    /// What is added.
    pub(crate) bias: i64,
    /// Bits of the sum that must be those of the word.
    pub(crate) kept: u64,
    /// What is flipped in the sum.
    pub(crate) flipped: u64,
    /// The part: 0 or 1.
    pub(crate) part: usize,
}

/// A row is found by its number times this.
pub(crate) const ROW_STEP: usize = 32;
const _: () = assert!(size_of::<Row>() == ROW_STEP && ROWS * ROW_STEP <= 256);

/// The rows: of each form that of the hot and that of the cold part.
pub(crate) static FORMS: [Row; ROWS] = {
    const fn row(bias: i64, kept: u64, flipped: u64, part: usize) -> Row {
        Row {
            bias,
            kept,
            flipped,
            part,
        }
    }
    const fn abs32(part: usize) -> Row {
        row(-(1 << 31), !0 << 32, 0, part)
    }
    const fn signed(part: usize) -> Row {
        row(0, !0 << 32, 1 << 31, part)
    }
    const fn abs8s(part: usize) -> Row {
        row(0, !0 << 8, 1 << 7, part)
    }
    [
        abs32(0),
        abs32(1),
        signed(0),
        signed(1),
        abs8s(0),
        abs8s(1),
        signed(0),
        signed(1),
    ]
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
        operands: 0,
        wants: BY_THE_BOOK,
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

    /// Operands that must be given, at least.
    #[inline(always)]
    pub(crate) fn operands(&self) -> usize {
        self.operands.into()
    }
}

/// A hole of a stencil made ready: a slot of the caller's table.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(8))]
pub struct PatchSlot {
    /// First byte in its part.
    pub(crate) at: u16,
    /// Among the values.
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
/// behind it, in whole blocks.
const fn span(len: u32, least: usize) -> u32 {
    let bytes = (len + 3).next_multiple_of(BLOCK as u32);
    if bytes < least as u32 {
        least as u32
    } else {
        bytes
    }
}

/// Bytes copied at a time.
pub(crate) const BLOCK: usize = 32;
/// Bytes copied at least, of hot and of cold parts: most are not longer, and to ask which are
/// takes longer.
pub(crate) const LEAST: [usize; 2] = [96, 64];

/// A stencil that may be stamped. Made by [`Table::ready`] only: its slot was filled by
/// [`Filler`], which says what holds for its code and its patches.
#[derive(Clone, Copy)]
pub(crate) struct Ready<'t> {
    slot: &'t StencilSlot,
    table: Table<'t>,
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
    /// [`BLOCK`], and at least [`LEAST`].
    #[inline(always)]
    pub(crate) fn spans(&self) -> [u32; 2] {
        self.slot.spans.map(u32::from)
    }

    /// Bytes behind each part that its patches write. Less than the span has.
    #[inline(always)]
    pub(crate) fn overhangs(&self) -> [u32; 2] {
        self.slot.overhangs.map(u32::from)
    }

    /// The place of its patches in [`Ready::all_patches`], and how many there are; in order of
    /// place.
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

    /// A stencil of this table to be stamped, if that is possible with these continuations,
    /// a bit each.
    #[inline(always)]
    pub(crate) fn ready<'t>(&'t self, slot: &'t StencilSlot, given: u16) -> Option<Ready<'t>> {
        // Whatever is by the book wants more than can be given.
        (slot.wants & !(given & !BY_THE_BOOK) == 0).then_some(Ready { slot, table: *self })
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
        self.slot.wants = 0;
        match self.try_to_fill(room) {
            // Aligned ones need padding.
            Some(()) if self.slot.is_unaligned() => self.slot,
            _ => by_the_book,
        }
    }

    /// `None` if it must be emitted by the book.
    fn try_to_fill(&mut self, room: &mut [PatchSlot]) -> Option<()> {
        let (hot, cold) = (self.template.hot(), self.template.cold());
        self.slot.count = u8::try_from(room.len()).ok()?;
        // Shorter than 2^16, and so are the spans.
        u16::try_from(hot.len.max(cold.len).checked_add(128)?).ok()?;
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
                let ordinal = usize::try_from(ordinal)
                    .ok()
                    .filter(|&n| n < OPERANDS_MAX)?;
                self.slot.operands = self.slot.operands.max(ordinal as u8 + 1);
                let slot = (OPERANDS + ordinal) as u8;
                let (form, word) = match form {
                    OperandForm::Abs32 => (Form::Abs32, biased(hole.addend)?),
                    OperandForm::Abs32S => (Form::Abs32S, biased(hole.addend)?),
                    OperandForm::Abs8S => (Form::Abs8S, self.one_byte(hole)?),
                    OperandForm::Abs64 => return None,
                };
                (form, slot, word)
            }
            HoleKind::Rel32(target) => {
                let (target, fixed) = match target {
                    RelTarget::OwnHot => (OWN_HOT as u8, 0),
                    RelTarget::OwnCold => (OWN_COLD as u8, 0),
                    RelTarget::Rodata => (FIXED as u8, self.rodata),
                    RelTarget::Function(index) => {
                        let offset = self.templates.function_offset(index);
                        (FIXED as u8, self.image + i64::from(offset))
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
                let from = match hole.part {
                    Part::Hot => 0,
                    Part::Cold => FROM_COLD as u8,
                };
                (Form::Rel32, from + target, word)
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
