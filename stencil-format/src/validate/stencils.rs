//! Step 6 of validation: stencils, and where their code and holes lie in the tables.

use super::holes::{HolePlace, RegisterPlace, check_hole, check_register_hole, hole_range};
use super::{BadField, Sections, count, expect, is_align, records};
use crate::error::{BundleError, Expected, Field};
use crate::kinds::Part;
use crate::layout::{MAX_ALIGN, NO_FALLTHROUGH, Section};
use crate::wire::u32_at;

/// How far the tables that stencils take their ranges from have been used up.
#[derive(Default)]
struct Used {
    code: u32,
    holes: u32,
    register_holes: u32,
}

/// Step 6.
pub(super) fn check_stencils(sections: &Sections<'_>, version: u32) -> Result<(), BundleError> {
    let mut used = Used::default();
    for (index, record) in records(sections, Section::Stencils) {
        check_stencil(sections, record, index, version, &mut used)?;
    }
    for (section, used) in [
        (Section::StencilCode, used.code),
        (Section::Holes, used.holes),
        (Section::RegisterHoles, used.register_holes),
    ] {
        let found = count(sections, section);
        if used != found {
            let size = section.record_size() as u64;
            return Err(BundleError::Section {
                section,
                field: Field::Length,
                expected: Expected::Exactly(u64::from(used) * size),
                found: u64::from(found) * size,
            });
        }
    }
    Ok(())
}

fn check_stencil(
    sections: &Sections<'_>,
    record: &[u8],
    index: u32,
    version: u32,
    used: &mut Used,
) -> Result<(), BundleError> {
    let at = |bad: BadField| bad.at(Section::Stencils, index);
    let take =
        |fields, at, section, used: &mut u32| take(sections, record, fields, at, section, used);
    let code = Section::StencilCode;
    let hot = take(
        (Field::HotOffset, Field::HotLength),
        8,
        code,
        &mut used.code,
    )
    .map_err(at)?;
    let cold = take(
        (Field::ColdOffset, Field::ColdLength),
        16,
        code,
        &mut used.code,
    )
    .map_err(at)?;
    let first_hole = used.holes;
    let holes = take(
        (Field::FirstHole, Field::HoleCount),
        24,
        Section::Holes,
        &mut used.holes,
    )
    .map_err(at)?;
    let first_register_hole = used.register_holes;
    let register_holes = take(
        (Field::FirstRegisterHole, Field::RegisterHoleCount),
        32,
        Section::RegisterHoles,
        &mut used.register_holes,
    )
    .map_err(at)?;
    let (align, short) = align_and_short(record);
    if !is_align(align) {
        let expected = Expected::PowerOfTwoUpTo(MAX_ALIGN.into());
        return Err(at(BadField {
            field: Field::Align,
            expected,
            found: align.into(),
        }));
    }
    let fallthrough = u32_at(record, 44);
    if fallthrough != NO_FALLTHROUGH {
        let continuations = Expected::Below(count(sections, Section::Continuations).into());
        expect(Field::Fallthrough, continuations, fallthrough.into()).map_err(at)?;
    }
    check_short(sections, version, index, short, fallthrough).map_err(at)?;

    let lens = PartLens {
        hot: hot.len() as u32,
        cold: cold.len() as u32,
    };
    let hole_records = || holes.chunks_exact(Section::Holes.record_size());
    let mut place = HolePlace {
        part: Part::Hot,
        end: 0,
    };
    for (record, index) in hole_records().zip(first_hole..) {
        check_hole(sections, version, record, lens, &mut place)
            .map_err(|bad| bad.at(Section::Holes, index))?;
    }
    // The holes' byte ranges, to walk along with the register holes: both are sorted.
    let mut ranges = hole_records().map(hole_range).peekable();
    let mut last = RegisterPlace {
        part: Part::Hot,
        offset: 0,
        bit: 0,
    };
    let size = Section::RegisterHoles.record_size();
    for (record, index) in register_holes.chunks_exact(size).zip(first_register_hole..) {
        let refuse = |bad: BadField| bad.at(Section::RegisterHoles, index);
        check_register_hole(record, lens, &mut last).map_err(refuse)?;
        let byte = (last.part, last.offset);
        while ranges
            .next_if(|&(part, _, end)| (part, end) <= byte)
            .is_some()
        {}
        if let Some(&(part, start, end)) = ranges.peek()
            && part == last.part
            && start <= last.offset
        {
            // Inside a hole: the first byte behind it would do.
            return Err(refuse(BadField {
                field: Field::Offset,
                expected: Expected::AtLeast(end.into()),
                found: last.offset.into(),
            }));
        }
    }
    Ok(())
}

/// Two fields of two bytes.
fn align_and_short(record: &[u8]) -> (u32, u32) {
    let both = u32_at(record, 40);
    (both & 0xffff, both >> 16)
}

/// The short variant of the stencil `index`, `short` records behind it.
fn check_short(
    sections: &Sections<'_>,
    version: u32,
    index: u32,
    short: u32,
    fallthrough: u32,
) -> Result<(), BadField> {
    if short == 0 {
        return Ok(());
    }
    // `index` is a record's.
    let behind = count(sections, Section::Stencils) - 1 - index;
    let most = if version < 2 { 0 } else { behind };
    expect(Field::Short, Expected::AtMost(most.into()), short.into())?;
    let size = Section::Stencils.record_size();
    let at = (index + short) as usize * size;
    let record = &sections[Section::Stencils as usize][at..at + size];
    let (_, its_short) = align_and_short(record);
    expect(Field::Short, Expected::Exactly(0), its_short.into())?;
    let its = u32_at(record, 44);
    expect(
        Field::Fallthrough,
        Expected::Exactly(fallthrough.into()),
        its.into(),
    )
}

/// Takes the range (start, count) stored at `at` from `section`: it must start where what
/// has been used ends. Gives its bytes.
fn take<'a>(
    sections: &Sections<'a>,
    record: &[u8],
    (start_field, count_field): (Field, Field),
    at: usize,
    section: Section,
    used: &mut u32,
) -> Result<&'a [u8], BadField> {
    let start = u32_at(record, at);
    let len = u32_at(record, at + 4);
    expect(start_field, Expected::Exactly((*used).into()), start.into())?;
    let rest = count(sections, section) - start;
    expect(count_field, Expected::AtMost(rest.into()), len.into())?;
    *used += len;
    let size = section.record_size();
    Ok(&sections[section as usize][start as usize * size..*used as usize * size])
}

/// Lengths of a stencil's parts in bytes.
#[derive(Clone, Copy)]
pub(super) struct PartLens {
    pub(super) hot: u32,
    pub(super) cold: u32,
}

impl PartLens {
    pub(super) fn of(self, part: Part) -> u32 {
        match part {
            Part::Hot => self.hot,
            Part::Cold => self.cold,
        }
    }
}
