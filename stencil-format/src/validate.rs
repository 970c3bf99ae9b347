//! The door: everything that makes bytes a bundle, checked once, in this order.
//!
//!  1. The magic, the version, the length, the checksum: is it one, can it be read, is it
//!     whole.
//!  2. The header's own fields: architecture, CPU features, alignments.
//!  3. The section table: sections end to end, of whole records, padded with zeros, to
//!     the last byte.
//!  4. The names: UTF-8; every name of sections 1, 2, 3, 4 and 7 in the order of the
//!     records, end to end to the pool's last byte, each on character boundaries, not
//!     empty, greater than the one before.
//!  5. AOT functions lie in the code; the image fits; relocations lie in the code, are
//!     ascending and apart and name imports.
//!  6. Stencils: code, holes and register holes end to end to the last of each; every
//!     hole in its part, ascending, apart, of a known kind with a valid ordinal and
//!     addend; register holes likewise, and not inside holes.
//!
//! One pass over each section, no allocation. What comes later relies on what came
//! before. The accessors in `bundle` and `stencil` rely on all of it and nothing else.
//! Must never index by a number that has not been compared. Called by `Bundle::parse`.

use crate::Bundle;
use crate::error::{BundleError, Expected, Field};
use crate::kinds::{Arch, CpuFeatures, HoleKind, Part, RegisterClass, RelTarget};
use crate::layout::{
    self, HEADER_LEN, MAGIC, MAX_ALIGN, MAX_LEN, NO_FALLTHROUGH, SECTION_ALIGN, SECTION_COUNT,
    SECTION_TABLE, Section, VERSION,
};
use crate::wire::{array_at, u32_at, u64_at};

/// Sections of raw bytes and tables, in the order of [`Section::ALL`].
type Sections<'a> = [&'a [u8]; SECTION_COUNT];

/// See [`Bundle::parse`].
pub(crate) fn parse(bytes: &[u8]) -> Result<Bundle<'_>, BundleError> {
    check_identity(bytes)?;
    check_header(bytes)?;
    let sections = split_sections(bytes)?;
    let names = check_names(bytes, &sections)?;
    check_aot(bytes, &sections)?;
    check_stencils(&sections)?;
    Ok(Bundle::from_validated(bytes, names, sections))
}

/// CRC-32 over all bytes but the checksum's own. `bytes` has a header.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..layout::AT_CHECKSUM]);
    hasher.update(&bytes[layout::AT_CHECKSUM + 4..]);
    hasher.finalize()
}

/// Step 1. The version comes before the length: another version's header may be shorter.
fn check_identity(bytes: &[u8]) -> Result<(), BundleError> {
    let found = bytes.len();
    if found < layout::AT_LENGTH {
        return Err(BundleError::TooShort {
            expected: layout::AT_LENGTH,
            found,
        });
    }
    let magic = array_at(bytes, 0);
    if magic != MAGIC {
        return Err(BundleError::Magic { found: magic });
    }
    let version = u32_at(bytes, layout::AT_VERSION);
    if version != VERSION {
        return Err(BundleError::Version {
            expected: VERSION,
            found: version,
        });
    }
    if found < HEADER_LEN {
        return Err(BundleError::TooShort {
            expected: HEADER_LEN,
            found,
        });
    }
    let length = u64::from(u32_at(bytes, layout::AT_LENGTH));
    if length != found as u64 || length > MAX_LEN as u64 {
        return Err(BundleError::Length {
            expected: length,
            found: found as u64,
        });
    }
    let expected = u32_at(bytes, layout::AT_CHECKSUM);
    let found = checksum(bytes);
    if expected != found {
        return Err(BundleError::Checksum { expected, found });
    }
    Ok(())
}

/// Step 2.
fn check_header(bytes: &[u8]) -> Result<(), BundleError> {
    let refuse = |field, expected, found| {
        Err(BundleError::Header {
            field,
            expected,
            found,
        })
    };
    let arch = u32_at(bytes, layout::AT_ARCH);
    if Arch::from_code(arch).is_none() {
        return refuse(
            Field::Arch,
            Expected::Exactly(Arch::X86_64 as u64),
            arch.into(),
        );
    }
    let features = u64_at(bytes, layout::AT_CPU_FEATURES);
    if CpuFeatures::from_bits(features).is_none() {
        return refuse(
            Field::CpuFeatures,
            Expected::Bits(CpuFeatures::ALL.bits()),
            features,
        );
    }
    for (field, at) in [
        (Field::CodeAlign, layout::AT_CODE_ALIGN),
        (Field::RodataAlign, layout::AT_RODATA_ALIGN),
    ] {
        let align = u32_at(bytes, at);
        if !is_align(align) {
            return refuse(
                field,
                Expected::PowerOfTwoUpTo(MAX_ALIGN.into()),
                align.into(),
            );
        }
    }
    Ok(())
}

fn is_align(align: u32) -> bool {
    align.is_power_of_two() && align <= MAX_ALIGN
}

/// Step 3.
fn split_sections(bytes: &[u8]) -> Result<Sections<'_>, BundleError> {
    let mut sections: Sections<'_> = [&[]; SECTION_COUNT];
    let mut at = HEADER_LEN;
    for (section, content) in Section::ALL.into_iter().zip(&mut sections) {
        let refuse = |field, expected, found: usize| {
            Err(BundleError::Section {
                section,
                field,
                expected,
                found: found as u64,
            })
        };
        let entry = SECTION_TABLE + section as usize * 8;
        let offset = u32_at(bytes, entry) as usize;
        let length = u32_at(bytes, entry + 4) as usize;
        if offset != at {
            return refuse(Field::Offset, Expected::Exactly(at as u64), offset);
        }
        // `at <= bytes.len()`: true for the header, and kept by the comparisons below.
        let rest = bytes.len() - at;
        if length > rest {
            return refuse(Field::Length, Expected::AtMost(rest as u64), length);
        }
        let record_size = section.record_size();
        if !length.is_multiple_of(record_size) {
            return refuse(
                Field::Length,
                Expected::MultipleOf(record_size as u64),
                length,
            );
        }
        let end = at + length;
        let padded = end.next_multiple_of(SECTION_ALIGN);
        let Some(padding) = bytes.get(end..padded) else {
            return refuse(
                Field::Length,
                Expected::AtMost((rest & !(SECTION_ALIGN - 1)) as u64),
                length,
            );
        };
        if let Some(i) = padding.iter().position(|&byte| byte != 0) {
            return Err(BundleError::Padding {
                section,
                offset: end + i,
                found: padding[i],
            });
        }
        *content = &bytes[at..end];
        at = padded;
    }
    if at != bytes.len() {
        // Bytes after the last section: the header's length is wrong, consistently.
        return Err(BundleError::Length {
            expected: at as u64,
            found: bytes.len() as u64,
        });
    }
    Ok(sections)
}

/// Step 4. Gives the pool as text.
fn check_names<'a>(bytes: &'a [u8], sections: &Sections<'a>) -> Result<&'a str, BundleError> {
    let pool = core::str::from_utf8(sections[Section::Names as usize]).map_err(|error| {
        BundleError::Utf8 {
            offset: error.valid_up_to(),
        }
    })?;
    // Where the names seen so far end.
    let mut end = 0;
    next_name(pool, &mut end, bytes, layout::AT_COMPILER).map_err(|bad| BundleError::Header {
        field: if bad.field == Field::NameOffset {
            Field::CompilerOffset
        } else {
            Field::CompilerLength
        },
        expected: bad.expected,
        found: bad.found,
    })?;
    for section in [
        Section::Operands,
        Section::Continuations,
        Section::Imports,
        Section::Functions,
        Section::Stencils,
    ] {
        let mut before = "";
        for (index, record) in records(sections, section) {
            let name =
                next_name(pool, &mut end, record, 0).map_err(|bad| bad.at(section, index))?;
            // Also refuses the empty name, as nothing is less than it.
            if name <= before {
                return Err(BundleError::Unsorted { section, index });
            }
            before = name;
        }
    }
    if end != pool.len() {
        return Err(BundleError::Section {
            section: Section::Names,
            field: Field::Length,
            expected: Expected::Exactly(end as u64),
            found: pool.len() as u64,
        });
    }
    Ok(pool)
}

/// The name referred to at `at` in `record`, which must start at `end`; moves `end` on.
fn next_name<'a>(
    pool: &'a str,
    end: &mut usize,
    record: &[u8],
    at: usize,
) -> Result<&'a str, BadField> {
    let start = u32_at(record, at);
    let len = u32_at(record, at + 4);
    expect(
        Field::NameOffset,
        Expected::Exactly(*end as u64),
        start.into(),
    )?;
    let rest = &pool[*end..];
    expect(
        Field::NameLength,
        Expected::AtMost(rest.len() as u64),
        len.into(),
    )?;
    let name = rest.get(..len as usize).ok_or(BadField {
        field: Field::NameLength,
        expected: Expected::CharBoundary,
        found: len.into(),
    })?;
    *end += name.len();
    Ok(name)
}

/// Step 5.
fn check_aot(bytes: &[u8], sections: &Sections<'_>) -> Result<(), BundleError> {
    let code_len = count(sections, Section::Code);
    for (index, record) in records(sections, Section::Functions) {
        check_function(record, code_len).map_err(|bad| bad.at(Section::Functions, index))?;
    }
    // With the padding before the rodata the image could outgrow the file's bound.
    let rodata_align = u64::from(u32_at(bytes, layout::AT_RODATA_ALIGN));
    let rodata_len = u64::from(count(sections, Section::Rodata));
    let room = (MAX_LEN as u64).saturating_sub(u64::from(code_len).next_multiple_of(rodata_align));
    if rodata_len > room {
        return Err(BundleError::Section {
            section: Section::Rodata,
            field: Field::Length,
            expected: Expected::AtMost(room),
            found: rodata_len,
        });
    }
    let imports = count(sections, Section::Imports);
    let mut end = 0;
    for (index, record) in records(sections, Section::Relocations) {
        check_relocation(record, code_len, imports, &mut end)
            .map_err(|bad| bad.at(Section::Relocations, index))?;
    }
    Ok(())
}

fn check_function(record: &[u8], code_len: u32) -> Result<(), BadField> {
    let offset = u32_at(record, 8);
    let size = u32_at(record, 12);
    expect(
        Field::Offset,
        Expected::AtMost(code_len.into()),
        offset.into(),
    )?;
    expect(
        Field::Size,
        Expected::AtMost((code_len - offset).into()),
        size.into(),
    )
}

/// `end` is where the relocation before ends.
fn check_relocation(
    record: &[u8],
    code_len: u32,
    imports: u32,
    end: &mut u32,
) -> Result<(), BadField> {
    let offset = u32_at(record, 0);
    let import = u32_at(record, 4);
    check_field_range(offset, 4, code_len, *end)?;
    *end = offset + 4;
    expect(
        Field::Import,
        Expected::Below(imports.into()),
        import.into(),
    )
    // Any addend is representable; the loader checks the distance.
}

/// A field of `width` bytes at `offset`, in code of `len` bytes, not before `end`.
fn check_field_range(offset: u32, width: u32, len: u32, end: u32) -> Result<(), BadField> {
    expect(Field::Offset, Expected::AtLeast(end.into()), offset.into())?;
    // The last place where it fits; for code too short for any, no offset is below 0.
    let places = (len + 1).saturating_sub(width);
    expect(Field::Offset, Expected::Below(places.into()), offset.into())
}

/// How far the tables that stencils take their ranges from have been used up.
#[derive(Default)]
struct Used {
    code: u32,
    holes: u32,
    register_holes: u32,
}

/// Step 6.
fn check_stencils(sections: &Sections<'_>) -> Result<(), BundleError> {
    let mut used = Used::default();
    for (index, record) in records(sections, Section::Stencils) {
        check_stencil(sections, record, index, &mut used)?;
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
    let align = u32_at(record, 40);
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

    let lens = PartLens {
        hot: hot.len() as u32,
        cold: cold.len() as u32,
    };
    let hole_records = || holes.chunks_exact(Section::Holes.record_size());
    let mut place = Place {
        part: Part::Hot,
        end: 0,
    };
    for (record, index) in hole_records().zip(first_hole..) {
        check_hole(sections, record, lens, &mut place)
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
struct PartLens {
    hot: u32,
    cold: u32,
}

impl PartLens {
    fn of(self, part: Part) -> u32 {
        match part {
            Part::Hot => self.hot,
            Part::Cold => self.cold,
        }
    }
}

/// Where the hole before ends.
struct Place {
    part: Part,
    end: u32,
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

fn check_hole(
    sections: &Sections<'_>,
    record: &[u8],
    lens: PartLens,
    place: &mut Place,
) -> Result<(), BadField> {
    let index = u32_at(record, 8);
    let part = check_part(record[0], place.part)?;
    let kind = HoleKind::from_code(record[1], index).ok_or(BadField {
        field: Field::Kind,
        expected: Expected::AtMost(8),
        found: record[1].into(),
    })?;
    let reserved = u16::from_le_bytes([record[2], record[3]]);
    expect(Field::Reserved, Expected::Exactly(0), reserved.into())?;

    if part != place.part {
        *place = Place { part, end: 0 };
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
fn hole_range(record: &[u8]) -> (Part, u32, u32) {
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
struct RegisterPlace {
    part: Part,
    offset: u32,
    bit: u8,
}

fn check_register_hole(
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

/// A wrong field, before it is known of which record.
struct BadField {
    field: Field,
    expected: Expected,
    found: u64,
}

impl BadField {
    fn at(self, section: Section, index: u32) -> BundleError {
        let BadField {
            field,
            expected,
            found,
        } = self;
        BundleError::Record {
            section,
            index,
            field,
            expected,
            found,
        }
    }
}

/// Compares an unsigned field. The kinds of expectation that need more than the value are
/// compared where they arise.
fn expect(field: Field, expected: Expected, found: u64) -> Result<(), BadField> {
    let met = match expected {
        Expected::Exactly(value) => found == value,
        Expected::AtMost(value) => found <= value,
        Expected::AtLeast(value) => found >= value,
        Expected::Below(value) => found < value,
        Expected::MultipleOf(value) => found.is_multiple_of(value),
        Expected::PowerOfTwoUpTo(value) => found.is_power_of_two() && found <= value,
        Expected::Bits(bits) => found & !bits == 0,
        Expected::Between(low, high) => (low..=high).contains(&found.cast_signed()),
        Expected::CharBoundary => false,
    };
    if met {
        Ok(())
    } else {
        Err(BadField {
            field,
            expected,
            found,
        })
    }
}

/// Number of records (bytes) in a section. At most `MAX_LEN`, so it fits.
fn count(sections: &Sections<'_>, section: Section) -> u32 {
    (sections[section as usize].len() / section.record_size()) as u32
}

fn records<'a>(
    sections: &Sections<'a>,
    section: Section,
) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
    (0..).zip(sections[section as usize].chunks_exact(section.record_size()))
}
