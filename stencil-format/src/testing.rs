//! Damage for tests and fuzzers (feature `testing`): mutations of a bundle, and a walk
//! over every accessor of one that parses. Never part of a loader.
//!
//! Called by `tests/mutation.rs`, `examples/mutate.rs` and the fuzz target.

use crate::layout::{AT_LENGTH, HEADER_LEN, MAGIC, SECTION_TABLE, Section, VERSION};
use crate::{Bundle, BundleError, Part, repair_checksum, wire};
use alloc::vec::Vec;
use core::hash::Hasher;

/// A small generator of pseudo-random numbers: xorshift64*, the same on every machine.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The sequence number `seed`.
    pub fn new(seed: u64) -> Random {
        // Zero is the one state that the generator never leaves.
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`, which is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        (bits as usize) % limit
    }
}

/// Damages `bytes` (a valid bundle before the first mutation) in one of several ways, and
/// repairs magic, version, length and checksum, so that the checks behind them are reached.
pub fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    // Mostly one change; more of them reach states that one can't.
    let changes = 1 + random.below(8).saturating_sub(4);
    for _ in 0..changes {
        if bytes.is_empty() {
            return;
        }
        let at = random.below(bytes.len());
        match random.below(12) {
            // A byte of anything.
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            // A field of four bytes of the header or of a table: an edge, or near the old value.
            2..=5 => mutate_field(bytes, random),
            // Two records of a table change places.
            6 => swap_records(bytes, random),
            // A record or a few bytes come or go, and the section's length with them.
            7 | 8 => resize_section(bytes, random),
            // The end is cut off, or something is appended.
            9 => bytes.truncate(at),
            10 => bytes.extend((0..random.below(40)).map(|i| i as u8)),
            // Another place's bytes.
            _ => {
                let len = 1 + random.below(24).min(bytes.len() - at - 1);
                let from = random.below(bytes.len() - len + 1);
                bytes.copy_within(from..from + len, at);
            }
        }
    }
    repair(bytes);
}

/// Puts magic, version, length and checksum right, if there are as many bytes.
pub fn repair(bytes: &mut [u8]) {
    if bytes.len() >= HEADER_LEN {
        let len = bytes.len() as u32;
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[AT_LENGTH..AT_LENGTH + 4].copy_from_slice(&len.to_le_bytes());
        repair_checksum(bytes);
    }
}

/// The range that the section table gives, cut to what there is.
fn section_range(bytes: &[u8], section: Section) -> core::ops::Range<usize> {
    let entry = SECTION_TABLE + section as usize * 8;
    if bytes.len() < HEADER_LEN {
        return 0..0;
    }
    let start = (wire::u32_at(bytes, entry) as usize).min(bytes.len());
    let len = wire::u32_at(bytes, entry + 4) as usize;
    start..start.saturating_add(len).min(bytes.len())
}

fn any_section(random: &mut Random) -> Section {
    Section::ALL[random.below(Section::ALL.len())]
}

fn mutate_field(bytes: &mut [u8], random: &mut Random) {
    let range = match random.below(4) {
        0 => 16..HEADER_LEN.min(bytes.len()),
        _ => section_range(bytes, any_section(random)),
    };
    if range.len() < 4 {
        return;
    }
    let at = range.start + random.below(range.len() / 4) * 4;
    let old = wire::u32_at(bytes, at);
    let delta = 1 + random.below(8) as u32;
    let new = match random.below(6) {
        0 => old.wrapping_add(delta),
        1 => old.wrapping_sub(delta),
        2 => u32::MAX - delta + 1,
        3 => (i32::MAX as u32).wrapping_sub(delta).wrapping_add(4),
        4 => bytes.len() as u32 + delta - 4,
        _ => delta - 1,
    };
    bytes[at..at + 4].copy_from_slice(&new.to_le_bytes());
}

fn swap_records(bytes: &mut [u8], random: &mut Random) {
    let section = any_section(random);
    let range = section_range(bytes, section);
    let size = section.record_size();
    let count = range.len() / size;
    if count < 2 {
        return;
    }
    let (a, b) = (random.below(count), random.below(count));
    for i in 0..size {
        bytes.swap(range.start + a * size + i, range.start + b * size + i);
    }
}

/// Inserts or removes a record's bytes in a section, with everything behind it moved and
/// the section table changed to match: so that only the content is wrong.
fn resize_section(bytes: &mut Vec<u8>, random: &mut Random) {
    let section = any_section(random);
    let range = section_range(bytes, section);
    // Four bytes keep what is behind aligned, and pass for whole records of raw bytes.
    let size = section.record_size().next_multiple_of(4);
    if range.is_empty() || bytes.len() < HEADER_LEN {
        return;
    }
    let grow = random.below(2) == 0;
    let count = range.len() / size;
    let at = range.start + random.below(count + 1) * size;
    if grow {
        let record: Vec<u8> = match range.len() >= size {
            true => bytes[range.start..range.start + size].to_vec(),
            false => (0..size).map(|i| i as u8).collect(),
        };
        bytes.splice(at..at, record);
    } else if at + size <= range.end {
        bytes.drain(at..at + size);
    } else {
        return;
    }
    if bytes.len() < HEADER_LEN {
        // A damaged table put the section inside the header.
        return;
    }
    for (i, later) in Section::ALL.into_iter().enumerate().skip(section as usize) {
        // The section's length, and the offsets of those behind it.
        let field = SECTION_TABLE + i * 8 + if later == section { 4 } else { 0 };
        let old = wire::u32_at(bytes, field);
        let size = size as u32;
        let new = if grow {
            old.wrapping_add(size)
        } else {
            old.wrapping_sub(size)
        };
        bytes[field..field + 4].copy_from_slice(&new.to_le_bytes());
    }
}

/// Parses, and on success calls every accessor and checks that what they give hangs
/// together. Gives a digest of it all, so that nothing can be optimized away.
///
/// # Errors
/// Those of [`Bundle::parse`].
///
/// # Panics
/// When an accessor gives something that validation should have refused.
pub fn exercise(bytes: &[u8]) -> Result<u32, BundleError> {
    let bundle = Bundle::parse(bytes)?;
    let mut digest = crc32fast::Hasher::new();
    digest.write_u32(bundle.version() ^ bundle.checksum() ^ bundle.arch() as u32);
    digest.write_u64(bundle.cpu_features().bits());
    digest.update(&bundle.abi_fingerprint());
    digest.update(&bundle.source_digest());
    digest.update(bundle.compiler().as_bytes());
    digest.write_u32(bundle.image_align() ^ bundle.image_len());
    assert!(bundle.rodata_offset().is_multiple_of(bundle.rodata_align()));
    assert_eq!(Bundle::declared_len(bytes), Some(bundle.bytes().len()));
    for section in Section::ALL {
        let records = bundle.record_count(section) as usize;
        assert_eq!(
            records * section.record_size(),
            bundle.section(section).len()
        );
    }

    let again = Bundle::parse_again(bytes).expect("accepted just now");
    for section in Section::ALL {
        assert_eq!(again.section(section), bundle.section(section));
    }
    assert_eq!(again.compiler(), bundle.compiler());

    for i in 0..bundle.operand_count() {
        let name = bundle.operand(i).expect("below the count");
        assert_eq!(bundle.operand_by_name(name), Some(i));
    }
    for i in 0..bundle.continuation_count() {
        let name = bundle.continuation(i).expect("below the count");
        assert_eq!(bundle.continuation_by_name(name), Some(i));
    }
    for (i, name) in (0..).zip(bundle.imports()) {
        assert_eq!(bundle.import(i), Some(name));
        assert_eq!(bundle.import_by_name(name), Some(i));
    }
    assert_eq!(bundle.operand(bundle.operand_count()), None);
    assert_eq!(bundle.continuation(bundle.continuation_count()), None);
    assert_eq!(bundle.import(u32::MAX), None);

    for function in bundle.functions() {
        assert_eq!(bundle.function_by_name(function.name), Some(function));
        assert_eq!(
            bundle.function_code(&function).len(),
            function.size as usize
        );
    }
    for relocation in bundle.relocations() {
        let at = relocation.offset as usize;
        digest.update(&bundle.code()[at..at + 4]);
        assert!(bundle.import(relocation.import).is_some());
        digest.write_i32(relocation.addend);
    }
    digest.update(bundle.rodata());
    for stencil in bundle.stencils() {
        exercise_stencil(&bundle, &stencil, &mut digest);
    }
    assert!(bundle.stencil(bundle.stencil_count()).is_none());
    Ok(digest.finalize())
}

fn exercise_stencil(
    bundle: &Bundle<'_>,
    stencil: &crate::Stencil<'_>,
    digest: &mut crc32fast::Hasher,
) {
    assert_eq!(bundle.stencil_index(stencil.name()), Some(stencil.index()));
    assert_eq!(
        bundle.first_stencil_from(stencil.name()),
        stencil.index(),
        "the order"
    );
    let found = bundle.stencil_by_name(stencil.name()).expect("just found");
    assert_eq!(found.hot(), stencil.hot());
    assert!(stencil.align().is_power_of_two());
    if let Some(ordinal) = stencil.fallthrough() {
        assert!(bundle.continuation(ordinal).is_some());
    }
    if let Some(index) = stencil.short() {
        let short = bundle.stencil(index).expect("validated");
        assert_eq!(short.fallthrough(), stencil.fallthrough());
        assert_eq!(short.short(), None);
    }
    digest.update(stencil.part(Part::Cold));
    let mut last = (Part::Hot, 0);
    for hole in stencil.holes() {
        let (start, end) = (hole.offset, hole.offset + hole.kind.width());
        assert!((hole.part, start) >= last, "holes overlap");
        last = (hole.part, end);
        digest.update(&stencil.part(hole.part)[start as usize..end as usize]);
        digest.write_i64(hole.addend);
        let known = match hole.kind {
            crate::HoleKind::Operand { ordinal, .. } => bundle.operand(ordinal).is_some(),
            crate::HoleKind::Rel32(target) => match target {
                crate::RelTarget::Continuation(i) => bundle.continuation(i).is_some(),
                crate::RelTarget::Import(i) => bundle.import(i).is_some(),
                crate::RelTarget::Function(i) => bundle.function(i).is_some(),
                crate::RelTarget::Rodata | crate::RelTarget::OwnHot | crate::RelTarget::OwnCold => {
                    true
                }
            },
        };
        assert!(known, "an ordinal out of range");
    }
    for hole in stencil.register_holes() {
        let byte = stencil.part(hole.part)[hole.offset as usize];
        assert!(hole.bit + hole.width <= 8 && hole.argument < hole.class.argument_count());
        assert!(stencil.holes().all(|other| other.part != hole.part
            || hole.offset < other.offset
            || hole.offset >= other.offset + other.kind.width()));
        digest.write_u8(byte);
    }
}
