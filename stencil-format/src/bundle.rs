//! A validated bundle and its accessors.
//!
//! [`Bundle`] is made by `Bundle::parse`, which checks everything (`validate`), or by
//! `Bundle::parse_again` of bytes that it accepted before.
//! So nothing here checks again, and nothing here can fail: every slice below is in
//! bounds, every enum code known, every name UTF-8. Indices given by the caller are
//! checked and answered with `None`. Called by loaders, by the compiler's inspection
//! commands and by the model.

use crate::kinds::{Arch, CpuFeatures};
use crate::layout::{self, SECTION_COUNT, Section};
use crate::stencil::Stencil;
use crate::template::Templates;
use crate::{BundleError, validate, wire};

/// A valid bundle, read in place. Copying it copies a few slices, not the bytes.
#[derive(Clone, Copy)]
pub struct Bundle<'a> {
    bytes: &'a [u8],
    names: &'a str,
    sections: [&'a [u8]; SECTION_COUNT],
}

/// A function of the AOT code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AotFunction<'a> {
    /// The symbol's name.
    pub name: &'a str,
    /// Its entry, in bytes from the start of the AOT code.
    pub offset: u32,
    /// Its size in bytes.
    pub size: u32,
}

/// A place in the AOT code that refers to an import: a `Rel32` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AotRelocation {
    /// The field's first byte, in bytes from the start of the AOT code.
    pub offset: u32,
    /// The import's ordinal.
    pub import: u32,
    /// Addend as in ELF: the field gets `import + addend - address of the field`.
    pub addend: i32,
}

impl<'a> Bundle<'a> {
    /// Checks `bytes` and gives access to them.
    ///
    /// Takes time linear in the length, allocates nothing, and reads at any alignment.
    /// `bytes` must be the bundle and nothing else; see [`Bundle::declared_len`] for one
    /// inside something larger.
    ///
    /// # Errors
    /// The first thing wrong, in the order that `validate` documents.
    pub fn parse(bytes: &'a [u8]) -> Result<Bundle<'a>, BundleError> {
        validate::parse(bytes)
    }

    /// Access to bytes that [`Bundle::parse`] accepted earlier, such as those that a program
    /// has inside, which its build checked. Reads the header and the names only: the
    /// checksum alone would read all of a bundle, most of which isn't used at every start.
    ///
    /// Memory is safe with any bytes. But of a bundle that `parse` would refuse, the
    /// accessors may give nonsense or panic: this is never for what comes from outside.
    ///
    /// # Errors
    /// As `parse`, of the header, the sections' lengths and the names.
    pub fn parse_again(bytes: &'a [u8]) -> Result<Bundle<'a>, BundleError> {
        validate::parse_again(bytes)
    }

    /// The length that the header at the start of `bytes` states, if it has the magic.
    ///
    /// For finding a bundle inside a larger file: the length is not checked against
    /// anything, not even against `bytes`.
    pub fn declared_len(bytes: &[u8]) -> Option<usize> {
        let header = bytes.get(..layout::AT_LENGTH + 4)?;
        let len = wire::u32_at(header, layout::AT_LENGTH) as usize;
        header.starts_with(&layout::MAGIC).then_some(len)
    }

    /// For `validate`, which has checked all that the accessors rely on.
    pub(crate) fn from_validated(
        bytes: &'a [u8],
        names: &'a str,
        sections: [&'a [u8]; SECTION_COUNT],
    ) -> Bundle<'a> {
        Bundle {
            bytes,
            names,
            sections,
        }
    }

    /// The bundle's bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The format version: [`OLDEST_VERSION`](crate::OLDEST_VERSION) to [`VERSION`](crate::VERSION).
    pub fn version(&self) -> u32 {
        wire::u32_at(self.bytes, layout::AT_VERSION)
    }

    /// The checksum in the header.
    pub fn checksum(&self) -> u32 {
        wire::u32_at(self.bytes, layout::AT_CHECKSUM)
    }

    /// Target architecture.
    pub fn arch(&self) -> Arch {
        // Validated; there is one architecture only.
        Arch::from_code(wire::u32_at(self.bytes, layout::AT_ARCH)).unwrap_or(Arch::X86_64)
    }

    /// CPU features that the code needs.
    pub fn cpu_features(&self) -> CpuFeatures {
        CpuFeatures::from_bits(wire::u64_at(self.bytes, layout::AT_CPU_FEATURES))
            .unwrap_or(CpuFeatures::ALL)
    }

    /// The client's fingerprint of all that its code and its stencils must agree on.
    pub fn abi_fingerprint(&self) -> [u8; 32] {
        wire::array_at(self.bytes, layout::AT_ABI)
    }

    /// Digest of the sources that the bundle was made from.
    pub fn source_digest(&self) -> [u8; 32] {
        wire::array_at(self.bytes, layout::AT_SOURCES)
    }

    /// The compiler that made the machine code.
    pub fn compiler(&self) -> &'a str {
        self.name_at(self.bytes, layout::AT_COMPILER)
    }

    /// Content of a section, without padding.
    pub fn section(&self, section: Section) -> &'a [u8] {
        self.sections[section as usize]
    }

    /// Number of records in a section (of bytes, for sections of raw bytes).
    pub fn record_count(&self, section: Section) -> u32 {
        // At most MAX_LEN, so it fits.
        (self.section(section).len() / section.record_size()) as u32
    }

    /// Number of operands; their ordinals are below it.
    pub fn operand_count(&self) -> u32 {
        self.record_count(Section::Operands)
    }

    /// Name of an operand.
    pub fn operand(&self, ordinal: u32) -> Option<&'a str> {
        self.record_name(Section::Operands, ordinal)
    }

    /// Ordinal of the operand with this name.
    pub fn operand_by_name(&self, name: &str) -> Option<u32> {
        self.find(Section::Operands, name)
    }

    /// Number of continuations; their ordinals are below it.
    pub fn continuation_count(&self) -> u32 {
        self.record_count(Section::Continuations)
    }

    /// Name of a continuation.
    pub fn continuation(&self, ordinal: u32) -> Option<&'a str> {
        self.record_name(Section::Continuations, ordinal)
    }

    /// Ordinal of the continuation with this name.
    pub fn continuation_by_name(&self, name: &str) -> Option<u32> {
        self.find(Section::Continuations, name)
    }

    /// Number of imports; their ordinals are below it.
    pub fn import_count(&self) -> u32 {
        self.record_count(Section::Imports)
    }

    /// Name of an import.
    pub fn import(&self, ordinal: u32) -> Option<&'a str> {
        self.record_name(Section::Imports, ordinal)
    }

    /// Ordinal of the import with this name.
    pub fn import_by_name(&self, name: &str) -> Option<u32> {
        self.find(Section::Imports, name)
    }

    /// Names of all imports, by ordinal.
    pub fn imports(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        let bundle = *self;
        self.section(Section::Imports)
            .chunks_exact(Section::Imports.record_size())
            .map(move |record| bundle.name_at(record, 0))
    }

    /// Number of AOT functions; their indices are below it.
    pub fn function_count(&self) -> u32 {
        self.record_count(Section::Functions)
    }

    /// An AOT function by index.
    pub fn function(&self, index: u32) -> Option<AotFunction<'a>> {
        self.record(Section::Functions, index)
            .map(|record| self.function_of(record))
    }

    /// An AOT function by name.
    pub fn function_by_name(&self, name: &str) -> Option<AotFunction<'a>> {
        self.function(self.find(Section::Functions, name)?)
    }

    /// All AOT functions, by name.
    pub fn functions(&self) -> impl ExactSizeIterator<Item = AotFunction<'a>> + use<'a> {
        let bundle = *self;
        self.section(Section::Functions)
            .chunks_exact(Section::Functions.record_size())
            .map(move |record| bundle.function_of(record))
    }

    fn function_of(&self, record: &'a [u8]) -> AotFunction<'a> {
        AotFunction {
            name: self.name_at(record, 0),
            offset: wire::u32_at(record, 8),
            size: wire::u32_at(record, 12),
        }
    }

    /// The AOT code.
    pub fn code(&self) -> &'a [u8] {
        self.section(Section::Code)
    }

    /// The bytes of an AOT function of this bundle; empty for a made-up range.
    pub fn function_code(&self, function: &AotFunction<'_>) -> &'a [u8] {
        let start = function.offset as usize;
        self.code()
            .get(start..start.saturating_add(function.size as usize))
            .unwrap_or(&[])
    }

    /// Constants that code reaches relative to the instruction pointer.
    pub fn rodata(&self) -> &'a [u8] {
        self.section(Section::Rodata)
    }

    /// Alignment of the AOT code's start, a power of two.
    pub fn code_align(&self) -> u32 {
        wire::u32_at(self.bytes, layout::AT_CODE_ALIGN)
    }

    /// Alignment of the rodata's start, a power of two.
    pub fn rodata_align(&self) -> u32 {
        wire::u32_at(self.bytes, layout::AT_RODATA_ALIGN)
    }

    /// Alignment of the AOT image: the greater of the two.
    pub fn image_align(&self) -> u32 {
        self.code_align().max(self.rodata_align())
    }

    /// Where the rodata starts in the AOT image: after the code, aligned.
    pub fn rodata_offset(&self) -> u32 {
        // The code is shorter than MAX_LEN and the alignment at most MAX_ALIGN.
        self.record_count(Section::Code)
            .next_multiple_of(self.rodata_align())
    }

    /// Length of the AOT image: code, padding, rodata.
    pub fn image_len(&self) -> u32 {
        self.rodata_offset() + self.record_count(Section::Rodata)
    }

    /// All relocations of the AOT code, by ascending offset.
    pub fn relocations(&self) -> impl ExactSizeIterator<Item = AotRelocation> + use<'a> {
        self.section(Section::Relocations)
            .chunks_exact(Section::Relocations.record_size())
            .map(|record| AotRelocation {
                offset: wire::u32_at(record, 0),
                import: wire::u32_at(record, 4),
                addend: wire::u32_at(record, 8).cast_signed(),
            })
    }

    /// Number of stencils; their indices are below it.
    pub fn stencil_count(&self) -> u32 {
        self.record_count(Section::Stencils)
    }

    /// A stencil by index. A client looks indices up by name once and then uses them.
    pub fn stencil(&self, index: u32) -> Option<Stencil<'a>> {
        self.record(Section::Stencils, index)
            .map(|record| Stencil::of(*self, record, index))
    }

    /// Index of the stencil with this name.
    pub fn stencil_index(&self, name: &str) -> Option<u32> {
        self.find(Section::Stencils, name)
    }

    /// Index of the first stencil whose name isn't before `name`, in the order of their bytes:
    /// from there on lie those that begin with it. The count of stencils if there is none.
    pub fn first_stencil_from(&self, name: &str) -> u32 {
        self.first_from(Section::Stencils, name)
    }

    /// A stencil by name.
    pub fn stencil_by_name(&self, name: &str) -> Option<Stencil<'a>> {
        self.stencil(self.stencil_index(name)?)
    }

    /// All stencils, by name.
    pub fn stencils(&self) -> impl ExactSizeIterator<Item = Stencil<'a>> + use<'a> {
        let bundle = *self;
        self.section(Section::Stencils)
            .chunks_exact(Section::Stencils.record_size())
            .enumerate()
            .map(move |(index, record)| Stencil::of(bundle, record, index as u32))
    }

    /// The stencils for an emitter that is in a hurry.
    pub fn templates(&self) -> Templates<'a> {
        Templates::of(self)
    }

    /// The name whose reference is at `at` in `record`: validated to be in bounds.
    pub(crate) fn name_at(&self, record: &[u8], at: usize) -> &'a str {
        let start = wire::u32_at(record, at) as usize;
        let len = wire::u32_at(record, at + 4) as usize;
        &self.names[start..start + len]
    }

    pub(crate) fn record(&self, section: Section, index: u32) -> Option<&'a [u8]> {
        let size = section.record_size();
        let start = (index as usize).checked_mul(size)?;
        self.section(section).get(start..start.checked_add(size)?)
    }

    fn record_name(&self, section: Section, index: u32) -> Option<&'a str> {
        self.record(section, index)
            .map(|record| self.name_at(record, 0))
    }

    /// The index of the record with this name in a section whose records start with a name
    /// and are sorted.
    fn find(&self, section: Section, name: &str) -> Option<u32> {
        let index = self.first_from(section, name);
        (self.record_name(section, index)? == name).then_some(index)
    }

    /// The first record of such a section whose name isn't before this one, by halves.
    fn first_from(&self, section: Section, name: &str) -> u32 {
        let names = self.names.as_bytes();
        let (mut low, mut high) = (0, self.record_count(section));
        while low < high {
            let middle = low + (high - low) / 2;
            // There is one: `middle` is below the count.
            let record = self.record(section, middle).unwrap_or(&[0; 8]);
            let start = wire::u32_at(record, 0) as usize;
            let len = wire::u32_at(record, 4) as usize;
            // Text is in the order of its bytes.
            if names[start..start + len] < *name.as_bytes() {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

impl core::fmt::Debug for Bundle<'_> {
    /// A summary: the bytes would drown everything else.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Bundle")
            .field("len", &self.bytes.len())
            .field("compiler", &self.compiler())
            .field("stencils", &self.stencil_count())
            .field("functions", &self.function_count())
            .finish_non_exhaustive()
    }
}
