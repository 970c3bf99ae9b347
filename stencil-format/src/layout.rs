//! Where everything lies in a bundle: magic, field offsets, record sizes, sections.
//!
//! The numbers of the grammar at the head of `lib.rs`, stated once; `validate`, `bundle`,
//! `stencil` and `encode` use them. Nothing here may read or write bytes.

/// The first eight bytes: like PNG's, they show up text-mode damage.
pub const MAGIC: [u8; 8] = *b"\x89STNCL\r\n";
/// The format version that this crate writes.
pub const VERSION: u32 = 2;
/// The oldest version that it reads.
pub const OLDEST_VERSION: u32 = 1;
/// Length of the fixed header, section table included, in bytes.
pub const HEADER_LEN: usize = SECTION_TABLE + SECTION_COUNT * 8;
/// Greatest length of a bundle in bytes: no distance inside it overflows an `i32`.
pub const MAX_LEN: usize = 0x7fff_ffff;
/// Greatest alignment of code and rodata, in bytes: one page.
pub const MAX_ALIGN: u32 = 4096;

pub(crate) const AT_VERSION: usize = 8;
pub(crate) const AT_LENGTH: usize = 12;
pub(crate) const AT_CHECKSUM: usize = 16;
pub(crate) const AT_ARCH: usize = 20;
pub(crate) const AT_CPU_FEATURES: usize = 24;
pub(crate) const AT_ABI: usize = 32;
pub(crate) const AT_SOURCES: usize = 64;
pub(crate) const AT_COMPILER: usize = 96;
pub(crate) const AT_CODE_ALIGN: usize = 104;
pub(crate) const AT_RODATA_ALIGN: usize = 108;
pub(crate) const SECTION_TABLE: usize = 112;

/// Every section starts at a multiple of this.
pub(crate) const SECTION_ALIGN: usize = 4;
pub(crate) const SECTION_COUNT: usize = Section::ALL.len();

/// "No continuation" in a stencil's `fallthrough` field.
pub(crate) const NO_FALLTHROUGH: u32 = u32::MAX;

/// A section of the bundle; the discriminant is its place in the section table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Section {
    /// The pool of names, UTF-8.
    Names = 0,
    /// Names of the operand holes.
    Operands = 1,
    /// Names of the continuations.
    Continuations = 2,
    /// Names of the functions that the embedder supplies.
    Imports = 3,
    /// AOT functions: names and ranges in [`Section::Code`].
    Functions = 4,
    /// AOT machine code.
    Code = 5,
    /// Places in [`Section::Code`] that refer to imports.
    Relocations = 6,
    /// Stencils.
    Stencils = 7,
    /// Holes of the stencils.
    Holes = 8,
    /// Register holes of the stencils.
    RegisterHoles = 9,
    /// Hot and cold bytes of the stencils.
    StencilCode = 10,
    /// Constants that code reaches relative to the instruction pointer.
    Rodata = 11,
}

impl Section {
    /// All sections, in the order of the file.
    pub const ALL: [Section; 12] = [
        Section::Names,
        Section::Operands,
        Section::Continuations,
        Section::Imports,
        Section::Functions,
        Section::Code,
        Section::Relocations,
        Section::Stencils,
        Section::Holes,
        Section::RegisterHoles,
        Section::StencilCode,
        Section::Rodata,
    ];

    /// Size of one record in bytes; 1 for sections of raw bytes.
    pub const fn record_size(self) -> usize {
        match self {
            Section::Names | Section::Code | Section::StencilCode | Section::Rodata => 1,
            Section::Operands | Section::Continuations | Section::Imports => 8,
            Section::Functions => 16,
            Section::Relocations => 12,
            Section::Stencils => 48,
            Section::Holes => 20,
            Section::RegisterHoles => 12,
        }
    }

    /// The section's name as the grammar has it.
    pub const fn name(self) -> &'static str {
        match self {
            Section::Names => "names",
            Section::Operands => "operands",
            Section::Continuations => "continuations",
            Section::Imports => "imports",
            Section::Functions => "functions",
            Section::Code => "code",
            Section::Relocations => "relocations",
            Section::Stencils => "stencils",
            Section::Holes => "holes",
            Section::RegisterHoles => "register-holes",
            Section::StencilCode => "stencil-code",
            Section::Rodata => "rodata",
        }
    }
}

const _: () = {
    let mut i = 0;
    while i < Section::ALL.len() {
        assert!(
            Section::ALL[i] as usize == i,
            "the table's order is the discriminant's"
        );
        i += 1;
    }
    assert!(HEADER_LEN == 208 && HEADER_LEN.is_multiple_of(SECTION_ALIGN));
};
