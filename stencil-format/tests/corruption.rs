//! Each field of a bundle, damaged on its own: the error names the section, the record,
//! the field, what was expected and what was found.

mod sample;

use std::sync::LazyLock;
use stencil_format::testing::repair;
use stencil_format::{Bundle, BundleError, Expected, Field, HEADER_LEN, MAGIC, Section};

/// Offset of the section table.
const TABLE: usize = HEADER_LEN - 12 * 8;

/// The sample, written once: Miri takes its time for that.
static VALID: LazyLock<Vec<u8>> =
    LazyLock::new(|| sample::model().write().expect("the sample is valid"));

fn bytes() -> Vec<u8> {
    VALID.clone()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// Offset in the bundle of byte `at` of a record.
fn place(bytes: &[u8], section: Section, index: usize, at: usize) -> usize {
    u32_at(bytes, TABLE + section as usize * 8) as usize + index * section.record_size() + at
}

/// The error after replacing bytes at `at`, with the checksum repaired.
fn with(at: usize, new: &[u8]) -> BundleError {
    let mut bytes = bytes();
    assert_ne!(&bytes[at..at + new.len()], new, "no damage done");
    bytes[at..at + new.len()].copy_from_slice(new);
    stencil_format::repair_checksum(&mut bytes);
    Bundle::parse(&bytes).expect_err("damaged")
}

/// The error after replacing a field of a record.
fn record(section: Section, index: u32, at: usize, new: &[u8]) -> BundleError {
    with(place(&bytes(), section, index as usize, at), new)
}

/// A field of a record set to a `u32` is refused with this field and expectation.
#[track_caller]
fn check(section: Section, index: u32, at: usize, new: u32, field: Field, expected: Expected) {
    assert_eq!(
        record(section, index, at, &new.to_le_bytes()),
        BundleError::Record {
            section,
            index,
            field,
            expected,
            found: new.into()
        }
    );
}

/// The same for a field of one byte.
#[track_caller]
fn check_byte(section: Section, index: u32, at: usize, new: u8, field: Field, expected: Expected) {
    assert_eq!(
        record(section, index, at, &[new]),
        BundleError::Record {
            section,
            index,
            field,
            expected,
            found: new.into()
        }
    );
}

#[test]
fn identity() {
    let valid = bytes();
    assert_eq!(
        Bundle::parse(&[]).expect_err("empty"),
        BundleError::TooShort {
            expected: 12,
            found: 0
        }
    );
    let short = Bundle::parse(&valid[..100]).expect_err("short");
    assert_eq!(
        short,
        BundleError::TooShort {
            expected: HEADER_LEN,
            found: 100
        }
    );
    let mut magic = MAGIC;
    magic[7] = b'\r';
    assert_eq!(with(0, &magic), BundleError::Magic { found: magic });
    assert_eq!(
        with(8, &[3, 0, 0, 0]),
        BundleError::Version {
            expected: 2,
            found: 3
        }
    );
    let len = valid.len() as u64;
    let longer = (valid.len() as u32 + 4).to_le_bytes();
    assert_eq!(
        with(12, &longer),
        BundleError::Length {
            expected: len + 4,
            found: len
        }
    );
    let mut damaged = valid.clone();
    *damaged.last_mut().expect("not empty") ^= 1;
    let error = Bundle::parse(&damaged).expect_err("checksum");
    assert!(
        matches!(error, BundleError::Checksum { expected, found } if expected == u32_at(&valid, 16) && found != expected)
    );
}

#[test]
fn an_older_or_newer_version_is_refused_as_that() {
    // Even when the rest makes no sense to this version.
    let mut other = b"\x89STNCL\r\n\x03\0\0\0".to_vec();
    assert_eq!(
        Bundle::parse(&other).expect_err("newer"),
        BundleError::Version {
            expected: 2,
            found: 3
        }
    );
    other[8] = 0;
    assert_eq!(
        Bundle::parse(&other).expect_err("older"),
        BundleError::Version {
            expected: 2,
            found: 0
        }
    );
}

#[test]
fn header_fields() {
    let header = |field, expected, found| BundleError::Header {
        field,
        expected,
        found,
    };
    assert_eq!(with(20, &[2]), header(Field::Arch, Expected::Exactly(1), 2));
    let found = u64::from_le_bytes(bytes()[24..32].try_into().expect("eight")) | 1 << 63;
    let bits = Expected::Bits(stencil_format::CpuFeatures::ALL.bits());
    assert_eq!(
        with(24, &found.to_le_bytes()),
        header(Field::CpuFeatures, bits, found)
    );
    assert_eq!(
        with(96, &[1]),
        header(Field::CompilerOffset, Expected::Exactly(0), 1)
    );
    let pool = u32_at(&bytes(), TABLE + 4).into();
    assert_eq!(
        with(100, &[0xff; 4]),
        header(Field::CompilerLength, Expected::AtMost(pool), 0xffff_ffff)
    );
    for (at, field) in [(104, Field::CodeAlign), (108, Field::RodataAlign)] {
        let expected = Expected::PowerOfTwoUpTo(4096);
        assert_eq!(with(at, &[0; 4]), header(field, expected, 0));
        assert_eq!(with(at, &[3]), header(field, expected, 3));
        assert_eq!(with(at, &[0, 0x20]), header(field, expected, 8192));
    }
}

#[test]
fn section_table() {
    for section in Section::ALL {
        let entry = TABLE + section as usize * 8;
        let offset = u32_at(&bytes(), entry);
        let length = u32_at(&bytes(), entry + 4);
        let error = |field, expected, found: u32| BundleError::Section {
            section,
            field,
            expected,
            found: found.into(),
        };
        for other in [offset + 4, offset - 4, 0, u32::MAX] {
            let expected = Expected::Exactly(offset.into());
            assert_eq!(
                with(entry, &other.to_le_bytes()),
                error(Field::Offset, expected, other)
            );
        }
        let rest = bytes().len() as u64 - u64::from(offset);
        let expected = Expected::AtMost(rest);
        assert_eq!(
            with(entry + 4, &[0xff; 4]),
            error(Field::Length, expected, u32::MAX)
        );
        if section.record_size() > 1 {
            let expected = Expected::MultipleOf(section.record_size() as u64);
            let odd = length + 1;
            assert_eq!(
                with(entry + 4, &odd.to_le_bytes()),
                error(Field::Length, expected, odd)
            );
        }
    }
}

#[test]
fn padding_and_what_follows_the_sections() {
    // The pool of names is not a multiple of four long in the sample.
    let valid = bytes();
    let names_end = HEADER_LEN + u32_at(&valid, TABLE + 4) as usize;
    assert!(!names_end.is_multiple_of(4));
    assert_eq!(
        with(names_end, &[9]),
        BundleError::Padding {
            section: Section::Names,
            offset: names_end,
            found: 9
        }
    );
    let mut longer = valid.clone();
    longer.extend_from_slice(&[0; 4]);
    repair(&mut longer);
    let (expected, found) = (valid.len() as u64, longer.len() as u64);
    assert_eq!(
        Bundle::parse(&longer).expect_err("longer"),
        BundleError::Length { expected, found }
    );
}

#[test]
fn names() {
    assert_eq!(
        with(HEADER_LEN + 3, &[0xff]),
        BundleError::Utf8 { offset: 3 }
    );
    let section = Section::Operands;
    let start = u32_at(&bytes(), place(&bytes(), section, 0, 0));
    check(
        section,
        0,
        0,
        start + 1,
        Field::NameOffset,
        Expected::Exactly(start.into()),
    );
    let pool = u32_at(&bytes(), TABLE + 4);
    check(
        section,
        0,
        4,
        pool,
        Field::NameLength,
        Expected::AtMost((pool - start).into()),
    );
    // HOLE_A becomes HOLE_Z, behind HOLE_K; then HOLE_K, a second time.
    for letter in [b'Z', b'K'] {
        let at = HEADER_LEN + start as usize + 5;
        assert_eq!(
            with(at, &[letter]),
            BundleError::Unsorted { section, index: 1 }
        );
    }
    // The empty name.
    assert_eq!(
        record(section, 0, 4, &[0]),
        BundleError::Unsorted { section, index: 0 }
    );
}

#[test]
fn a_name_that_splits_a_character() {
    let mut model = sample::model();
    model.compiler = "é".to_owned();
    let mut bytes = model.write().expect("valid");
    bytes[100] = 1;
    repair(&mut bytes);
    assert_eq!(
        Bundle::parse(&bytes).expect_err("split"),
        BundleError::Header {
            field: Field::CompilerLength,
            expected: Expected::CharBoundary,
            found: 1
        }
    );
}

#[test]
fn functions_and_relocations() {
    // Sorted: entry at 0 (6 bytes), helper at 8 (8 bytes); 16 bytes of code.
    check(
        Section::Functions,
        0,
        8,
        17,
        Field::Offset,
        Expected::AtMost(16),
    );
    check(
        Section::Functions,
        1,
        12,
        9,
        Field::Size,
        Expected::AtMost(8),
    );
    check(
        Section::Functions,
        1,
        12,
        u32::MAX,
        Field::Size,
        Expected::AtMost(8),
    );
    check(
        Section::Relocations,
        0,
        0,
        13,
        Field::Offset,
        Expected::Below(13),
    );
    check(
        Section::Relocations,
        0,
        0,
        u32::MAX,
        Field::Offset,
        Expected::Below(13),
    );
    check(
        Section::Relocations,
        0,
        4,
        1,
        Field::Import,
        Expected::Below(1),
    );
}

#[test]
fn relocations_that_overlap() {
    let mut model = sample::model();
    let mut second = model.relocations[0].clone();
    second.offset += 3;
    model.relocations.push(second);
    let error = BundleError::Record {
        section: Section::Relocations,
        index: 1,
        field: Field::Offset,
        expected: Expected::AtLeast(5),
        found: 4,
    };
    assert_eq!(
        model.write().expect_err("overlap"),
        stencil_format::WriteError::Invalid(error)
    );
}

#[test]
fn stencils() {
    // Stencil 1 is `constant`: hot 28 bytes behind `add`'s 13 + 15; 4 holes behind 5.
    let section = Section::Stencils;
    let left = 28 + 5;
    check(section, 1, 8, 29, Field::HotOffset, Expected::Exactly(28));
    check(
        section,
        1,
        12,
        left + 1,
        Field::HotLength,
        Expected::AtMost(left.into()),
    );
    check(section, 1, 16, 57, Field::ColdOffset, Expected::Exactly(56));
    check(section, 1, 20, 6, Field::ColdLength, Expected::AtMost(5));
    check(section, 1, 24, 4, Field::FirstHole, Expected::Exactly(5));
    check(section, 1, 28, 6, Field::HoleCount, Expected::AtMost(5));
    check(
        section,
        1,
        32,
        0,
        Field::FirstRegisterHole,
        Expected::Exactly(2),
    );
    check(
        section,
        1,
        36,
        2,
        Field::RegisterHoleCount,
        Expected::AtMost(1),
    );
    check(
        section,
        1,
        40,
        24,
        Field::Align,
        Expected::PowerOfTwoUpTo(4096),
    );
    check(section, 1, 44, 3, Field::Fallthrough, Expected::Below(3));
    // The last stencil leaves something over.
    let used = |section, expected, found| BundleError::Section {
        section,
        field: Field::Length,
        expected: Expected::Exactly(expected),
        found,
    };
    assert_eq!(record(section, 2, 28, &[0]), used(Section::Holes, 180, 200));
    let mut bytes = bytes();
    for (index, at, new) in [(1, 36, 0), (2, 32, 2)] {
        let at = place(&bytes, section, index, at);
        bytes[at] = new;
    }
    stencil_format::repair_checksum(&mut bytes);
    let error = Bundle::parse(&bytes).expect_err("a register hole of no stencil");
    assert_eq!(error, used(Section::RegisterHoles, 24, 36));
}

#[test]
fn holes() {
    // Holes 0 and 1 are in the hot part of `add` (13 bytes), 2 to 4 in the cold (15).
    let section = Section::Holes;
    check_byte(section, 0, 0, 2, Field::Part, Expected::Between(0, 1));
    check_byte(section, 3, 0, 0, Field::Part, Expected::Between(1, 1));
    check_byte(section, 0, 1, 10, Field::Kind, Expected::AtMost(9));
    check_byte(section, 0, 1, 255, Field::Kind, Expected::AtMost(9));
    check_byte(section, 0, 2, 1, Field::Reserved, Expected::Exactly(0));
    check(section, 1, 4, 6, Field::Offset, Expected::AtLeast(7));
    check(section, 1, 4, 10, Field::Offset, Expected::Below(10));
    check(section, 1, 4, u32::MAX, Field::Offset, Expected::Below(10));
    check(section, 4, 4, 12, Field::Offset, Expected::Below(12));
    // Ordinals: 2 operands, 3 continuations, 1 import, 2 functions.
    check(section, 0, 8, 2, Field::Index, Expected::Below(2));
    check(section, 4, 8, 3, Field::Index, Expected::Below(3));
    check(section, 2, 8, 1, Field::Index, Expected::Below(1));
    check(section, 8, 8, 2, Field::Index, Expected::Below(2));
    // Own parts and rodata have none.
    for hole in [1, 3, 7] {
        check(section, hole, 8, 1, Field::Index, Expected::Below(1));
    }
    // A hole of eight bytes where there is room for four.
    assert_eq!(
        record(section, 1, 1, &[2]),
        BundleError::Record {
            section,
            index: 1,
            field: Field::Offset,
            expected: Expected::Below(6),
            found: 9
        }
    );
}

#[test]
fn addends() {
    let section = Section::Holes;
    let addend = |index, new: i64, low, high| {
        assert_eq!(
            record(section, index, 12, &new.to_le_bytes()),
            BundleError::Record {
                section,
                index,
                field: Field::Addend,
                expected: Expected::Between(low, high),
                found: new.cast_unsigned()
            }
        );
    };
    let (min, max) = (i64::from(i32::MIN), i64::from(i32::MAX));
    for index in [2, 4, 8] {
        addend(index, max + 1, min, max);
        addend(index, min - 1, min, max);
    }
    // Own cold part (15 bytes), own hot part (13), rodata (8).
    for (index, len) in [(1, 15), (3, 13), (7, 8)] {
        addend(index, -9, -8, len - 4);
        addend(index, len - 3, -8, len - 4);
        addend(index, i64::MAX, -8, len - 4);
    }
}

#[test]
fn register_holes() {
    // 0 and 1 in the hot part of `add`: byte 0 bit 2, byte 2 bits 3 to 5; a hole at 3..7.
    let section = Section::RegisterHoles;
    check_byte(section, 0, 0, 2, Field::Part, Expected::Between(0, 1));
    check_byte(section, 0, 1, 2, Field::Class, Expected::AtMost(1));
    check_byte(section, 0, 2, 8, Field::Bit, Expected::Below(8));
    check_byte(section, 0, 3, 0, Field::Width, Expected::AtLeast(1));
    check_byte(section, 0, 3, 5, Field::Width, Expected::AtMost(4));
    check_byte(section, 2, 3, 6, Field::Width, Expected::AtMost(4));
    check_byte(section, 0, 8, 12, Field::Argument, Expected::Below(12));
    check_byte(section, 2, 8, 8, Field::Argument, Expected::Below(8));
    check_byte(section, 0, 9, 1, Field::Reserved, Expected::Exactly(0));
    check(section, 1, 4, 13, Field::Offset, Expected::Below(13));
    check(section, 1, 4, 3, Field::Offset, Expected::AtLeast(7));
    check(section, 1, 4, 6, Field::Offset, Expected::AtLeast(7));
    // In one byte: bits must ascend. Width 3 from bit 6 on is too wide.
    let both = record(section, 1, 2, &[1, 3, 0, 0, 0, 0]);
    let error = |field, expected, found| BundleError::Record {
        section,
        index: 1,
        field,
        expected,
        found,
    };
    assert_eq!(both, error(Field::Bit, Expected::AtLeast(3), 1));
    assert_eq!(
        record(section, 1, 2, &[6, 3]),
        error(Field::Width, Expected::AtMost(2), 3)
    );
    // Descending offsets.
    let mut bytes = bytes();
    let at = place(&bytes, section, 0, 4);
    bytes[at] = 7;
    stencil_format::repair_checksum(&mut bytes);
    assert_eq!(
        Bundle::parse(&bytes).expect_err("descending"),
        error(Field::Offset, Expected::AtLeast(7), 2)
    );
}

#[test]
fn messages_say_what_expected_found() {
    let message = record(Section::Holes, 1, 12, &(-9_i64).to_le_bytes()).to_string();
    assert_eq!(
        message,
        "section holes, record 1, addend: expected -8 to 11, found -9"
    );
    let message = with(8, &[7]).to_string();
    assert_eq!(message, "bundle format version: expected 2, found 7");
}

#[test]
fn parsed_again_without_records_and_checksum() {
    let valid = bytes();
    assert!(Bundle::parse_again(&valid).is_ok());
    for len in [0, 8, HEADER_LEN - 1, HEADER_LEN, valid.len() - 1] {
        let expected = Bundle::parse(&valid[..len]).expect_err("cut off");
        assert_eq!(Bundle::parse_again(&valid[..len]).err(), Some(expected));
    }
    let after = |at: usize| {
        let mut bytes = bytes();
        bytes[at] ^= 0x80;
        (
            Bundle::parse_again(&bytes).err(),
            Bundle::parse(&bytes).err(),
        )
    };
    // A section's offset, a letter of a name; a record, which only the checksum covers.
    assert!(matches!(
        after(TABLE),
        (Some(BundleError::Section { .. }), Some(_))
    ));
    let name = place(&valid, Section::Names, 0, 0);
    assert!(matches!(
        after(name),
        (Some(BundleError::Utf8 { .. }), Some(_))
    ));
    let hole = place(&valid, Section::Holes, 0, 0);
    assert!(matches!(
        after(hole),
        (None, Some(BundleError::Checksum { .. }))
    ));
}
