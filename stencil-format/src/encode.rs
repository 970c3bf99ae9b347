//! The writer: a model becomes the one sequence of bytes that says it.
//!
//! Deterministic: equal contents give equal bytes. Never writes an invalid bundle: what
//! it made goes through `Bundle::parse` before it is handed out, so that the rules are
//! stated once, in `validate`. Used by the stencil compiler and by tests.

use crate::kinds::HoleKind;
use crate::layout::{self, HEADER_LEN, MAX_LEN, NO_FALLTHROUGH, SECTION_TABLE, Section};
use crate::model::{BundleModel, HoleModel, HoleValueModel, RelTargetModel, StencilModel};
use crate::{Bundle, BundleError, RelTarget, validate};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// Why a model can't be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A hole refers to a function that the model does not have.
    UnknownFunction {
        /// The stencil with the hole.
        stencil: String,
        /// The function's name.
        function: String,
    },
    /// A stencil's short variant is none of the 65535 stencils behind it.
    ShortVariant {
        /// The stencil.
        stencil: String,
        /// The short variant's name.
        short: String,
    },
    /// The bundle would be longer than [`MAX_LEN`].
    TooLarge {
        /// Its length in bytes.
        found: u64,
    },
    /// The model breaks a rule of the format, such as a name that is there twice or holes
    /// that overlap. Record indices count in the order of the file (sorted).
    Invalid(BundleError),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::UnknownFunction { stencil, function } => {
                write!(
                    f,
                    "stencil {stencil}: a hole refers to the function {function}, which the bundle does not have"
                )
            }
            WriteError::ShortVariant { stencil, short } => {
                write!(
                    f,
                    "stencil {stencil}: its short variant {short} is not among the stencils behind it"
                )
            }
            WriteError::TooLarge { found } => {
                write!(
                    f,
                    "bundle length: expected at most {MAX_LEN} bytes, found {found}"
                )
            }
            WriteError::Invalid(error) => write!(f, "the bundle would be invalid: {error}"),
        }
    }
}

impl core::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            WriteError::Invalid(error) => Some(error),
            WriteError::UnknownFunction { .. }
            | WriteError::ShortVariant { .. }
            | WriteError::TooLarge { .. } => None,
        }
    }
}

impl BundleModel {
    /// The bundle's bytes.
    ///
    /// # Errors
    /// [`WriteError`]: a dangling function name, too much of it, or a broken rule.
    pub fn write(&self) -> Result<Vec<u8>, WriteError> {
        let mut model = self.clone();
        model.normalize();
        let bytes = encode(&model)?;
        Bundle::parse(&bytes).map_err(WriteError::Invalid)?;
        Ok(bytes)
    }
}

/// Puts the right checksum into the header of `bytes`, which need not be a valid bundle:
/// for tests that damage one. Too short for a header: nothing is done.
pub fn repair_checksum(bytes: &mut [u8]) {
    if bytes.len() >= HEADER_LEN {
        let sum = validate::checksum(bytes);
        bytes[layout::AT_CHECKSUM..layout::AT_CHECKSUM + 4].copy_from_slice(&sum.to_le_bytes());
    }
}

/// The sections while they grow; the pool of names grows with them.
struct Sections {
    content: [Vec<u8>; layout::SECTION_COUNT],
}

impl Sections {
    fn at(&mut self, section: Section) -> &mut Vec<u8> {
        &mut self.content[section as usize]
    }

    fn u32(&mut self, section: Section, value: u32) {
        self.at(section).extend_from_slice(&value.to_le_bytes());
    }

    /// Adds a name to the pool and gives the reference to it.
    fn intern(&mut self, name: &str) -> [u8; 8] {
        let names = self.at(Section::Names);
        // `encode` has checked that the sum of all lengths fits.
        let reference = names.len() as u64 | (name.len() as u64) << 32;
        names.extend_from_slice(name.as_bytes());
        reference.to_le_bytes()
    }

    fn name(&mut self, section: Section, name: &str) {
        let reference = self.intern(name);
        self.at(section).extend_from_slice(&reference);
    }
}

/// Encodes a normalized model, with its checksum, without asking whether it is valid.
fn encode(model: &BundleModel) -> Result<Vec<u8>, WriteError> {
    let found = upper_bound(model);
    if found > MAX_LEN as u64 {
        return Err(WriteError::TooLarge { found });
    }
    let mut sections = Sections {
        content: [const { Vec::new() }; layout::SECTION_COUNT],
    };
    let compiler = sections.intern(&model.compiler);
    for (section, names) in [
        (Section::Operands, &model.operands),
        (Section::Continuations, &model.continuations),
        (Section::Imports, &model.imports),
    ] {
        for name in names {
            sections.name(section, name);
        }
    }
    for function in &model.functions {
        sections.name(Section::Functions, &function.name);
        sections.u32(Section::Functions, function.offset);
        sections.u32(Section::Functions, function.size);
    }
    sections.at(Section::Code).extend_from_slice(&model.code);
    for reloc in &model.relocations {
        sections.u32(Section::Relocations, reloc.offset);
        sections.u32(Section::Relocations, ordinal(&model.imports, &reloc.import));
        sections.u32(Section::Relocations, reloc.addend.cast_unsigned());
    }
    for stencil in &model.stencils {
        encode_stencil(&mut sections, model, stencil)?;
    }
    sections
        .at(Section::Rodata)
        .extend_from_slice(&model.rodata);

    let mut out = Vec::new();
    out.extend_from_slice(&layout::MAGIC);
    out.extend_from_slice(&layout::VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 8]); // length and checksum: below
    out.extend_from_slice(&(model.arch as u32).to_le_bytes());
    out.extend_from_slice(&model.cpu_features.bits().to_le_bytes());
    out.extend_from_slice(&model.abi_fingerprint);
    out.extend_from_slice(&model.source_digest);
    out.extend_from_slice(&compiler);
    out.extend_from_slice(&model.code_align.to_le_bytes());
    out.extend_from_slice(&model.rodata_align.to_le_bytes());
    debug_assert_eq!(out.len(), SECTION_TABLE);
    let mut offset = HEADER_LEN;
    for content in &sections.content {
        out.extend_from_slice(&(offset as u32).to_le_bytes());
        out.extend_from_slice(&(content.len() as u32).to_le_bytes());
        offset = (offset + content.len()).next_multiple_of(layout::SECTION_ALIGN);
    }
    for content in &sections.content {
        out.extend_from_slice(content);
        out.resize(out.len().next_multiple_of(layout::SECTION_ALIGN), 0);
    }
    let len = out.len() as u32;
    out[layout::AT_LENGTH..layout::AT_LENGTH + 4].copy_from_slice(&len.to_le_bytes());
    repair_checksum(&mut out);
    Ok(out)
}

fn encode_stencil(
    sections: &mut Sections,
    model: &BundleModel,
    stencil: &StencilModel,
) -> Result<(), WriteError> {
    let to = Section::Stencils;
    sections.name(to, &stencil.name);
    for code in [&stencil.hot, &stencil.cold] {
        let offset = sections.at(Section::StencilCode).len() as u32;
        sections.u32(to, offset);
        sections.u32(to, code.len() as u32);
        sections.at(Section::StencilCode).extend_from_slice(code);
    }
    for (section, count) in [
        (Section::Holes, stencil.holes.len()),
        (Section::RegisterHoles, stencil.register_holes.len()),
    ] {
        let first = sections.at(section).len() / section.record_size();
        sections.u32(to, first as u32);
        sections.u32(to, count as u32);
    }
    let short = short_distance(model, stencil)?;
    // What two bytes don't hold is no alignment either, and refused as such.
    let align = stencil.align.min(u16::MAX.into());
    sections.u32(to, align | u32::from(short) << 16);
    let fallthrough = stencil.fallthrough.as_ref();
    sections.u32(
        to,
        fallthrough.map_or(NO_FALLTHROUGH, |name| ordinal(&model.continuations, name)),
    );

    for hole in &stencil.holes {
        let (kind, index) = hole_kind(model, stencil, hole)?.code();
        sections
            .at(Section::Holes)
            .extend_from_slice(&[hole.part as u8, kind, 0, 0]);
        sections.u32(Section::Holes, hole.offset);
        sections.u32(Section::Holes, index);
        sections
            .at(Section::Holes)
            .extend_from_slice(&hole.addend.to_le_bytes());
    }
    for hole in &stencil.register_holes {
        let to = Section::RegisterHoles;
        let head = [hole.part as u8, hole.class as u8, hole.bit, hole.width];
        sections.at(to).extend_from_slice(&head);
        sections.u32(to, hole.offset);
        sections.at(to).extend_from_slice(&[hole.argument, 0, 0, 0]);
    }
    Ok(())
}

/// How many records behind a stencil its short variant is; 0 if it has none.
fn short_distance(model: &BundleModel, stencil: &StencilModel) -> Result<u16, WriteError> {
    let Some(short) = &stencil.short else {
        return Ok(0);
    };
    let place = |name: &str| {
        let found = model
            .stencils
            .binary_search_by(|stencil| stencil.name.as_str().cmp(name));
        found.ok()
    };
    let distance = || place(short)?.checked_sub(place(&stencil.name)?);
    distance()
        .and_then(|distance| u16::try_from(distance).ok())
        .filter(|&distance| distance != 0)
        .ok_or_else(|| WriteError::ShortVariant {
            stencil: stencil.name.clone(),
            short: short.clone(),
        })
}

fn hole_kind(
    model: &BundleModel,
    stencil: &StencilModel,
    hole: &HoleModel,
) -> Result<HoleKind, WriteError> {
    let target = match &hole.value {
        HoleValueModel::Operand { form, name } => {
            let ordinal = ordinal(&model.operands, name);
            return Ok(HoleKind::Operand {
                form: *form,
                ordinal,
            });
        }
        HoleValueModel::Rel32(target) => target,
    };
    Ok(HoleKind::Rel32(match target {
        RelTargetModel::Continuation(name) => {
            RelTarget::Continuation(ordinal(&model.continuations, name))
        }
        RelTargetModel::Import(name) => RelTarget::Import(ordinal(&model.imports, name)),
        RelTargetModel::Function(name) => {
            let found = model
                .functions
                .binary_search_by(|function| function.name.cmp(name));
            RelTarget::Function(found.map_err(|_| WriteError::UnknownFunction {
                stencil: stencil.name.clone(),
                function: name.clone(),
            })? as u32)
        }
        RelTargetModel::Rodata => RelTarget::Rodata,
        RelTargetModel::OwnHot => RelTarget::OwnHot,
        RelTargetModel::OwnCold => RelTarget::OwnCold,
    }))
}

/// Index of a name in a table that `normalize` has sorted and completed.
fn ordinal(names: &[String], name: &str) -> u32 {
    // Not found can't be after `normalize`; parsing would refuse the ordinal.
    names
        .binary_search_by(|known| known.as_str().cmp(name))
        .map_or(u32::MAX, |index| index as u32)
}

/// At least the length of the encoded model: so that no offset overflows meanwhile.
fn upper_bound(model: &BundleModel) -> u64 {
    let names = |names: &[String]| names.iter().map(|name| name.len() as u64 + 8).sum::<u64>();
    let record = |section: Section| section.record_size() as u64;
    let functions = &model.functions;
    HEADER_LEN as u64
        + (layout::SECTION_ALIGN * layout::SECTION_COUNT) as u64
        + model.compiler.len() as u64
        + names(&model.operands)
        + names(&model.continuations)
        + names(&model.imports)
        + functions
            .iter()
            .map(|f| f.name.len() as u64 + record(Section::Functions))
            .sum::<u64>()
        + model.code.len() as u64
        + model.relocations.len() as u64 * record(Section::Relocations)
        + model.rodata.len() as u64
        + model
            .stencils
            .iter()
            .map(|stencil| {
                (stencil.name.len() + stencil.hot.len() + stencil.cold.len()) as u64
                    + record(Section::Stencils)
                    + stencil.holes.len() as u64 * record(Section::Holes)
                    + stencil.register_holes.len() as u64 * record(Section::RegisterHoles)
            })
            .sum::<u64>()
}
