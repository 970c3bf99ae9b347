//! A stencil of a validated bundle, its holes and its register holes.
//!
//! Reads records that `validate` has checked: nothing here can fail. Called by the
//! loader's emitter for every stencil it copies, so the accessors only add and slice.

use crate::bundle::Bundle;
use crate::kinds::{HoleKind, Part, RegisterClass, RelTarget};
use crate::layout::{NO_FALLTHROUGH, Section};
use crate::wire;

/// A stencil: a template of machine code with holes.
#[derive(Clone, Copy)]
pub struct Stencil<'a> {
    bundle: Bundle<'a>,
    record: &'a [u8],
    index: u32,
}

/// A place in a stencil's code that is filled in when the stencil is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// Which part it is in.
    pub part: Part,
    /// Its first byte, in bytes from the start of the part.
    pub offset: u32,
    /// What goes into it; says the width too.
    pub kind: HoleKind,
    /// Addend as in ELF, see the crate's documentation.
    pub addend: i64,
}

/// Bits of an instruction that select the register of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegisterHole {
    /// Which part it is in.
    pub part: Part,
    /// Register file that it selects from.
    pub class: RegisterClass,
    /// The byte, from the start of the part.
    pub offset: u32,
    /// The lowest bit, 0 to 7.
    pub bit: u8,
    /// Number of bits, 1 to 4; `bit + width <= 8`.
    pub width: u8,
    /// Which argument of its class the register holds.
    pub argument: u8,
}

impl Hole {
    /// From its record, which has the size of one.
    #[inline]
    pub(crate) fn of(record: &[u8]) -> Hole {
        Hole {
            // The codes are validated; the defaults are never taken.
            part: Part::from_code(record[0]).unwrap_or(Part::Hot),
            offset: wire::u32_at(record, 4),
            kind: HoleKind::from_code(record[1], wire::u32_at(record, 8))
                .unwrap_or(HoleKind::Rel32(RelTarget::OwnHot)),
            addend: wire::u64_at(record, 12).cast_signed(),
        }
    }
}

impl<'a> Stencil<'a> {
    pub(crate) fn of(bundle: Bundle<'a>, record: &'a [u8], index: u32) -> Stencil<'a> {
        Stencil {
            bundle,
            record,
            index,
        }
    }

    /// Its index in the bundle.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Its name.
    pub fn name(&self) -> &'a str {
        self.bundle.name_at(self.record, 0)
    }

    /// The hot part: without the final jump if the stencil falls through.
    pub fn hot(&self) -> &'a [u8] {
        self.code(8)
    }

    /// The cold part; may be empty.
    pub fn cold(&self) -> &'a [u8] {
        self.code(16)
    }

    /// One of the two parts.
    pub fn part(&self, part: Part) -> &'a [u8] {
        match part {
            Part::Hot => self.hot(),
            Part::Cold => self.cold(),
        }
    }

    fn code(&self, at: usize) -> &'a [u8] {
        let start = wire::u32_at(self.record, at) as usize;
        let len = wire::u32_at(self.record, at + 4) as usize;
        &self.bundle.section(Section::StencilCode)[start..start + len]
    }

    /// Alignment of the hot part's start, a power of two. The cold part has none.
    pub fn align(&self) -> u32 {
        wire::u32_at(self.record, 40) & 0xffff
    }

    /// The index of its short variant, which does the same and holds some operands in one
    /// byte: where their values fit ([`Stencil::fits`]), it may be emitted instead.
    pub fn short(&self) -> Option<u32> {
        let distance = wire::u32_at(self.record, 40) >> 16;
        (distance != 0).then_some(self.index + distance)
    }

    /// Whether every hole of the operand with this ordinal holds `value`.
    pub fn fits(&self, ordinal: u32, value: i64) -> bool {
        self.holes().all(|hole| match hole.kind {
            HoleKind::Operand { form, ordinal: of } if of == ordinal => {
                form.holds(value, hole.addend)
            }
            _ => true,
        })
    }

    /// The continuation that control reaches by running off the end of the hot part.
    /// `None` if it never does.
    pub fn fallthrough(&self) -> Option<u32> {
        let ordinal = wire::u32_at(self.record, 44);
        (ordinal != NO_FALLTHROUGH).then_some(ordinal)
    }

    /// Its holes, hot before cold, by ascending offset.
    pub fn holes(&self) -> impl ExactSizeIterator<Item = Hole> + use<'a> {
        self.records(Section::Holes, 24).map(Hole::of)
    }

    /// Its register holes, hot before cold, by ascending offset and bit.
    pub fn register_holes(&self) -> impl ExactSizeIterator<Item = RegisterHole> + use<'a> {
        self.records(Section::RegisterHoles, 32)
            .map(|record| RegisterHole {
                // The codes are validated; the defaults are never taken.
                part: Part::from_code(record[0]).unwrap_or(Part::Hot),
                class: RegisterClass::from_code(record[1]).unwrap_or(RegisterClass::General),
                bit: record[2],
                width: record[3],
                offset: wire::u32_at(record, 4),
                argument: record[8],
            })
    }

    /// The records of `section` in the range (first, count) stored at `at`.
    fn records(&self, section: Section, at: usize) -> core::slice::ChunksExact<'a, u8> {
        let size = section.record_size();
        let first = wire::u32_at(self.record, at) as usize;
        let count = wire::u32_at(self.record, at + 4) as usize;
        self.bundle.section(section)[first * size..(first + count) * size].chunks_exact(size)
    }
}

impl core::fmt::Debug for Stencil<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Stencil")
            .field("name", &self.name())
            .field("hot", &self.hot().len())
            .field("cold", &self.cold().len())
            .finish_non_exhaustive()
    }
}
