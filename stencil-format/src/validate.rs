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
//!     addend; register holes likewise, and not inside holes; a short variant is there,
//!     has none and falls through to the same.
//!
//! One pass over each section, no allocation. What comes later relies on what came
//! before. The accessors in `bundle` and `stencil` rely on all of it and nothing else.
//! Must never index by a number that has not been compared. Called by `Bundle::parse`; by
//! `Bundle::parse_again` for what doesn't look at each record.

use crate::Bundle;
use crate::error::{BundleError, Expected, Field};
use crate::kinds::{Arch, CpuFeatures};
use crate::layout::{
    self, HEADER_LEN, MAGIC, MAX_ALIGN, MAX_LEN, OLDEST_VERSION, SECTION_ALIGN, SECTION_COUNT,
    SECTION_TABLE, Section, VERSION,
};
use crate::wire::{array_at, u32_at, u64_at};

mod aot;
mod holes;
mod names;
mod stencils;

/// Sections of raw bytes and tables, in the order of [`Section::ALL`].
type Sections<'a> = [&'a [u8]; SECTION_COUNT];

/// See [`Bundle::parse`].
pub(crate) fn parse(bytes: &[u8]) -> Result<Bundle<'_>, BundleError> {
    check_identity(bytes)?;
    check_sum(bytes)?;
    check_header(bytes)?;
    let sections = split_sections(bytes)?;
    let names = names::check_names(bytes, &sections)?;
    aot::check_aot(bytes, &sections)?;
    stencils::check_stencils(&sections, u32_at(bytes, layout::AT_VERSION))?;
    Ok(Bundle::from_validated(bytes, names, sections))
}

/// See [`Bundle::parse_again`]: the steps that take no time, and those that give the parts.
pub(crate) fn parse_again(bytes: &[u8]) -> Result<Bundle<'_>, BundleError> {
    check_identity(bytes)?;
    check_header(bytes)?;
    let sections = split_sections(bytes)?;
    let names = names::pool(&sections)?;
    Ok(Bundle::from_validated(bytes, names, sections))
}

/// CRC-32 over all bytes but the checksum's own. `bytes` has a header.
pub(crate) fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..layout::AT_CHECKSUM]);
    hasher.update(&bytes[layout::AT_CHECKSUM + 4..]);
    hasher.finalize()
}

/// Step 1 but for the checksum. The version comes before the length: another version's header may be shorter.
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
    if !(OLDEST_VERSION..=VERSION).contains(&version) {
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
    Ok(())
}

/// The last part of step 1.
fn check_sum(bytes: &[u8]) -> Result<(), BundleError> {
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

/// A field of `width` bytes at `offset`, in code of `len` bytes, not before `end`.
fn check_field_range(offset: u32, width: u32, len: u32, end: u32) -> Result<(), BadField> {
    expect(Field::Offset, Expected::AtLeast(end.into()), offset.into())?;
    // The last place where it fits; for code too short for any, no offset is below 0.
    let places = (len + 1).saturating_sub(width);
    expect(Field::Offset, Expected::Below(places.into()), offset.into())
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
