//! Step 6 of validation, continued: one hole, one register hole.

use super::stencils::PartLens;
use super::{BadField, Sections, check_field_range, count, expect};
use crate::error::{Expected, Field};
use crate::kinds::{HoleKind, Part, RegisterClass, RelTarget};
use crate::layout::Section;
use crate::wire::{u32_at, u64_at};

/// Where the hole before ends.
pub(super) struct HolePlace {
    pub(super) part: Part,
    pub(super) end: u32,
}

fn check_part(code: u8, last: Part) -> Result<Part, BadField> {
    let low = last as i64;
    let expected = Expected::Between(low, Part::Cold as i64);
    let refused = BadField {
        field: Field::Part,
        expected,
        found: code.into(),
    };
    Part::from_code(code)
        .filter(|&part| part >= last)
        .ok_or(refused)
}

pub(super) fn check_hole(
    sections: &Sections<'_>,
    version: u32,
    record: &[u8],
    lens: PartLens,
    place: &mut HolePlace,
) -> Result<(), BadField> {
    let index = u32_at(record, 8);
    let part = check_part(record[0], place.part)?;
    let last_kind = if version < 2 { 8 } else { 9 };
    let kind = HoleKind::from_code(record[1], index)
        .filter(|_| record[1] <= last_kind)
        .ok_or(BadField {
            field: Field::Kind,
            expected: Expected::AtMost(last_kind.into()),
            found: record[1].into(),
        })?;
    let reserved = u16::from_le_bytes([record[2], record[3]]);
    expect(Field::Reserved, Expected::Exactly(0), reserved.into())?;

    if part != place.part {
        *place = HolePlace { part, end: 0 };
    }
    let offset = u32_at(record, 4);
    check_field_range(offset, kind.width(), lens.of(part), place.end)?;
    place.end = offset + kind.width();

    let ordinals = match kind {
        HoleKind::Operand { .. } => count(sections, Section::Operands),
        HoleKind::Rel32(RelTarget::Continuation(_)) => count(sections, Section::Continuations),
        HoleKind::Rel32(RelTarget::Import(_)) => count(sections, Section::Imports),
        HoleKind::Rel32(RelTarget::Function(_)) => count(sections, Section::Functions),
        HoleKind::Rel32(RelTarget::Rodata | RelTarget::OwnHot | RelTarget::OwnCold) => 1,
    };
    expect(Field::Index, Expected::Below(ordinals.into()), index.into())?;

    let addend = u64_at(record, 12).cast_signed();
    let (low, high) = match kind {
        // Added to the operand's value with overflow checked, by the loader.
        HoleKind::Operand { .. } => (i64::MIN, i64::MAX),
        HoleKind::Rel32(
            RelTarget::Continuation(_) | RelTarget::Import(_) | RelTarget::Function(_),
        ) => (i32::MIN.into(), i32::MAX.into()),
        HoleKind::Rel32(RelTarget::Rodata) => addend_range(count(sections, Section::Rodata)),
        HoleKind::Rel32(RelTarget::OwnHot) => addend_range(lens.hot),
        HoleKind::Rel32(RelTarget::OwnCold) => addend_range(lens.cold),
    };
    if !(low..=high).contains(&addend) {
        let expected = Expected::Between(low, high);
        return Err(BadField {
            field: Field::Addend,
            expected,
            found: addend.cast_unsigned(),
        });
    }
    Ok(())
}

/// Addends that can mean a place in something of `len` bytes. The instruction ends 4 to 8
/// bytes behind the hole's start (an immediate may follow), and the addend makes up for it.
fn addend_range(len: u32) -> (i64, i64) {
    (-8, i64::from(len) - 4)
}

/// A checked hole's bytes: part, first, end.
pub(super) fn hole_range(record: &[u8]) -> (Part, u32, u32) {
    let part = if record[0] == Part::Hot as u8 {
        Part::Hot
    } else {
        Part::Cold
    };
    let offset = u32_at(record, 4);
    let width = HoleKind::from_code(record[1], 0).map_or(0, HoleKind::width);
    (part, offset, offset + width)
}

/// Where the register hole before is, and its first bit behind.
pub(super) struct RegisterPlace {
    pub(super) part: Part,
    pub(super) offset: u32,
    pub(super) bit: u8,
}

pub(super) fn check_register_hole(
    record: &[u8],
    lens: PartLens,
    last: &mut RegisterPlace,
) -> Result<(), BadField> {
    let part = check_part(record[0], last.part)?;
    let class = RegisterClass::from_code(record[1]).ok_or(BadField {
        field: Field::Class,
        expected: Expected::AtMost(1),
        found: record[1].into(),
    })?;
    if part != last.part {
        *last = RegisterPlace {
            part,
            offset: 0,
            bit: 0,
        };
    }
    let offset = u32_at(record, 4);
    check_field_range(offset, 1, lens.of(part), last.offset)?;
    if offset != last.offset {
        *last = RegisterPlace {
            part,
            offset,
            bit: 0,
        };
    }
    let (bit, width) = (record[2], record[3]);
    expect(Field::Bit, Expected::AtLeast(last.bit.into()), bit.into())?;
    expect(Field::Bit, Expected::Below(8), bit.into())?;
    expect(Field::Width, Expected::AtLeast(1), width.into())?;
    expect(
        Field::Width,
        Expected::AtMost((8 - bit).min(4).into()),
        width.into(),
    )?;
    last.bit = bit + width;
    expect(
        Field::Argument,
        Expected::Below(class.argument_count().into()),
        record[8].into(),
    )?;
    let reserved = u32_at(record, 8) >> 8;
    expect(Field::Reserved, Expected::Exactly(0), reserved.into())
}
