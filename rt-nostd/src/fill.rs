//! Fills the tables of stencils made ready (`ready`): a slot for each stencil, a record for each
//! hole, the same wherever the bundle is linked.
//!
//! Must never make a record that isn't in its part. Called by `link`.

use crate::error::ReadyError;
use crate::ready::{
    CONTINUATIONS, CONTINUATIONS_MAX, EXACTLY, FROM_COLD, IMAGE, LEAST, NEAR, NEAR_MAX, OPERANDS,
    OPERANDS_MAX, OWN_COLD, OWN_HOT, Outline, PLAIN, PatchSlot, StencilSlot, Table, WORD_BIAS,
    span,
};
use stencil_format::{Bundle, Hole, HoleKind, OperandForm, Part, RelTarget, Template, Templates};

impl<'a> Table<'a> {
    /// Fills the tables.
    pub(crate) fn fill(
        bundle: &Bundle<'a>,
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
                rodata: bundle.rodata_offset(),
                slot: StencilSlot {
                    code: template.hot().start,
                    hot: template.hot().len,
                    cold: template.cold().len,
                    fallthrough: template.fallthrough().unwrap_or(Outline::NOWHERE),
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
    /// Offset of the rodata in the image.
    rodata: u32,
    slot: StencilSlot,
}

impl Filler<'_> {
    fn fill(mut self, room: &mut [PatchSlot]) -> StencilSlot {
        let by_the_book = self.slot;
        self.slot.wants = 0;
        match self.try_to_fill(room) {
            // Aligned ones need padding. The others are what the stamper relies on, even if the
            // bundle wasn't checked.
            Some(())
                if self.slot.is_unaligned()
                    && self.slot.has_code(self.templates.code().len())
                    && room.iter().all(|patch| patch.is_sound(self.slot.lens())) =>
            {
                self.slot
            }
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
        if cold.start != hot.start + hot.len || (hot.len + cold.len) as usize > code.len() {
            return None;
        }
        let ends = [spans[0], hot.len + spans[1]];
        if ends.iter().any(|&end| end as usize > code.len()) {
            self.slot.spans[0] = EXACTLY;
        }
        if let Some(ordinal) = self.template.fallthrough() {
            self.slot.falls = continuation(ordinal)?;
        }
        // Those of one byte first, the last one before the others.
        let is_near = |hole: &Hole| {
            let HoleKind::Operand { form, .. } = hole.kind else {
                return false;
            };
            form == OperandForm::Abs8S
        };
        let holes = || self.templates.holes(self.template);
        let near = holes().filter(is_near).count();
        let (near_room, room) = room.split_at_mut(near);
        let mut room = room.iter_mut();
        let mut near_room = near_room.iter_mut().rev();
        for hole in holes() {
            let place = match is_near(&hole) {
                true => near_room.next(),
                false => room.next(),
            };
            *place? = self.record(hole)?;
        }
        Some(())
    }

    fn record(&mut self, hole: Hole) -> Option<PatchSlot> {
        // The bundle was validated: the hole lies in its part.
        let at = u16::try_from(hole.offset).ok()?;
        let part = u8::from(hole.part == Part::Cold);
        let (row, at, slot, word) = match hole.kind {
            HoleKind::Operand { form, ordinal } => {
                let ordinal = usize::try_from(ordinal)
                    .ok()
                    .filter(|&n| n < OPERANDS_MAX)?;
                let slot = OPERANDS + ordinal;
                match form {
                    OperandForm::Abs32 => (PLAIN, at, slot, u32::try_from(hole.addend).ok()?),
                    OperandForm::Abs32S => (0, at, slot, signed(hole.addend)?),
                    OperandForm::Abs8S if ordinal < NEAR_MAX => {
                        (0, at.checked_sub(3)?, NEAR + ordinal, self.one_byte(hole)?)
                    }
                    OperandForm::Abs8S | OperandForm::Abs64 => return None,
                }
            }
            HoleKind::Rel32(target) => {
                let (target, fixed) = match target {
                    RelTarget::OwnHot => (OWN_HOT, 0),
                    RelTarget::OwnCold => (OWN_COLD, 0),
                    RelTarget::Rodata => (IMAGE, self.rodata),
                    RelTarget::Function(index) => (IMAGE, self.templates.function_offset(index)),
                    RelTarget::Continuation(ordinal) => {
                        let slot = continuation(ordinal)?;
                        if ordinal != self.slot.fallthrough {
                            self.slot.wants |= 1 << ordinal;
                        }
                        (slot.into(), 0)
                    }
                    // Which way leads there depends on the place.
                    RelTarget::Import(_) => return None,
                };
                // Not negative, and neither is the value. What is too large is seen in the sum.
                let word = i64::from(fixed) + hole.addend - i64::from(at) + WORD_BIAS;
                let from = usize::from(part) * FROM_COLD;
                (0, at, from + target, u32::try_from(word).ok()?)
            }
        };
        Some(PatchSlot {
            at,
            slot: slot as u8,
            row: row + part,
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
        // The caller has seen that there are three in the part.
        let before = self.templates.code().get(place.checked_sub(3)?..place)?;
        let high = addend.cast_unsigned() ^ 0x80;
        Some(u32::from_le_bytes([before[0], before[1], before[2], high]))
    }
}

/// The slot of a continuation, if there is one.
fn continuation(ordinal: u32) -> Option<u8> {
    (ordinal < CONTINUATIONS_MAX).then_some((CONTINUATIONS as u32 + ordinal) as u8)
}

/// An addend in the range of `i32`, plus 2^31.
fn signed(addend: i64) -> Option<u32> {
    let addend = i32::try_from(addend).ok()?;
    Some(addend.cast_unsigned() ^ 1 << 31)
}
