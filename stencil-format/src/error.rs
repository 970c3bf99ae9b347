//! What [`Bundle::parse`](crate::Bundle::parse) says about bytes that are no valid bundle.
//!
//! Each error names what was looked at, what was expected and what was found, without
//! allocation and without a reference into the bytes. Made by `validate` only.

use crate::layout::Section;
use core::fmt;

/// Why bytes are not a valid bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// Fewer bytes than the header has.
    TooShort {
        /// Bytes needed to go on.
        expected: usize,
        /// Bytes there are.
        found: usize,
    },
    /// The first eight bytes are not [`MAGIC`](crate::MAGIC): not a bundle at all.
    Magic {
        /// The bytes there are.
        found: [u8; 8],
    },
    /// A bundle, but of a format version that this crate does not read.
    Version {
        /// The version that this crate reads.
        expected: u32,
        /// The bundle's version.
        found: u32,
    },
    /// The header's length is not the number of bytes given.
    Length {
        /// The length that the header states.
        expected: u64,
        /// Bytes given.
        found: u64,
    },
    /// The checksum does not match: the bundle is damaged.
    Checksum {
        /// The checksum that the header states.
        expected: u32,
        /// The checksum of the bytes.
        found: u32,
    },
    /// A field of the header is invalid.
    Header {
        /// The field.
        field: Field,
        /// What it may be.
        expected: Expected,
        /// What it is.
        found: u64,
    },
    /// A section does not lie where it must, or has an impossible length.
    Section {
        /// The section.
        section: Section,
        /// Offset or length.
        field: Field,
        /// What it may be.
        expected: Expected,
        /// What it is.
        found: u64,
    },
    /// A padding byte after a section is not zero.
    Padding {
        /// The section before it.
        section: Section,
        /// Its offset in the bundle.
        offset: usize,
        /// What it is.
        found: u8,
    },
    /// The names are not UTF-8.
    Utf8 {
        /// Offset in the section of the first wrong byte.
        offset: usize,
    },
    /// A name is not greater than the one before it: unsorted, or twice.
    Unsorted {
        /// The section of its record.
        section: Section,
        /// The record's index.
        index: u32,
    },
    /// A field of a record is invalid.
    Record {
        /// The section.
        section: Section,
        /// The record's index.
        index: u32,
        /// The field.
        field: Field,
        /// What it may be.
        expected: Expected,
        /// What it is (negative numbers sign-extended).
        found: u64,
    },
}

/// A field of the header, of the section table or of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Target architecture.
    Arch,
    /// CPU features.
    CpuFeatures,
    /// Offset of the compiler's name.
    CompilerOffset,
    /// Length of the compiler's name.
    CompilerLength,
    /// Alignment of the AOT code.
    CodeAlign,
    /// Alignment of the rodata.
    RodataAlign,
    /// Offset of a section or of a record's range, of a hole or relocation.
    Offset,
    /// Length of a section.
    Length,
    /// Offset of a record's name.
    NameOffset,
    /// Length of a record's name.
    NameLength,
    /// Size of an AOT function.
    Size,
    /// Offset of a hot part.
    HotOffset,
    /// Length of a hot part.
    HotLength,
    /// Offset of a cold part.
    ColdOffset,
    /// Length of a cold part.
    ColdLength,
    /// Index of a stencil's first hole.
    FirstHole,
    /// Number of a stencil's holes.
    HoleCount,
    /// Index of a stencil's first register hole.
    FirstRegisterHole,
    /// Number of a stencil's register holes.
    RegisterHoleCount,
    /// Alignment of a stencil's hot part.
    Align,
    /// Distance to a stencil's short variant.
    Short,
    /// Continuation that a stencil falls through to.
    Fallthrough,
    /// Hot or cold.
    Part,
    /// Kind of a hole.
    Kind,
    /// Ordinal of an operand, continuation, import or function.
    Index,
    /// Addend.
    Addend,
    /// Register class.
    Class,
    /// Bit of a register hole.
    Bit,
    /// Width of a register hole, in bits.
    Width,
    /// Argument ordinal of a register hole.
    Argument,
    /// Bytes that must be zero.
    Reserved,
    /// Import ordinal of a relocation.
    Import,
}

/// What a field may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// This value.
    Exactly(u64),
    /// This value or less.
    AtMost(u64),
    /// This value or more.
    AtLeast(u64),
    /// Less than this.
    Below(u64),
    /// A multiple of this.
    MultipleOf(u64),
    /// A power of two, this at most.
    PowerOfTwoUpTo(u64),
    /// A subset of these bits.
    Bits(u64),
    /// A signed number from the first to the second.
    Between(i64, i64),
    /// A range of the names on the boundaries of characters.
    CharBoundary,
}

impl Field {
    /// The field's name as the grammar has it.
    pub const fn name(self) -> &'static str {
        match self {
            Field::Arch => "arch",
            Field::CpuFeatures => "cpu-features",
            Field::CompilerOffset => "compiler offset",
            Field::CompilerLength => "compiler length",
            Field::CodeAlign => "code-align",
            Field::RodataAlign => "rodata-align",
            Field::Offset => "offset",
            Field::Length => "length",
            Field::NameOffset => "name offset",
            Field::NameLength => "name length",
            Field::Size => "size",
            Field::HotOffset => "hot-offset",
            Field::HotLength => "hot-length",
            Field::ColdOffset => "cold-offset",
            Field::ColdLength => "cold-length",
            Field::FirstHole => "first-hole",
            Field::HoleCount => "hole-count",
            Field::FirstRegisterHole => "first-register-hole",
            Field::RegisterHoleCount => "register-hole-count",
            Field::Align => "align",
            Field::Short => "short",
            Field::Fallthrough => "fallthrough",
            Field::Part => "part",
            Field::Kind => "kind",
            Field::Index => "index",
            Field::Addend => "addend",
            Field::Class => "class",
            Field::Bit => "bit",
            Field::Width => "width",
            Field::Argument => "argument",
            Field::Reserved => "reserved bytes",
            Field::Import => "import",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Expected::Exactly(value) => write!(f, "{value}"),
            Expected::AtMost(value) => write!(f, "at most {value}"),
            Expected::AtLeast(value) => write!(f, "at least {value}"),
            Expected::Below(value) => write!(f, "less than {value}"),
            Expected::MultipleOf(value) => write!(f, "a multiple of {value}"),
            Expected::PowerOfTwoUpTo(value) => write!(f, "a power of two, at most {value}"),
            Expected::Bits(bits) => write!(f, "a subset of the bits {bits:#x}"),
            Expected::Between(low, high) => write!(f, "{low} to {high}"),
            Expected::CharBoundary => f.write_str("whole UTF-8 characters"),
        }
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A signed expectation shows a signed value.
        struct Found(Expected, u64);
        impl fmt::Display for Found {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    Expected::Between(..) => write!(f, "{}", self.1.cast_signed()),
                    Expected::Bits(_) => write!(f, "{:#x}", self.1),
                    _ => write!(f, "{}", self.1),
                }
            }
        }
        match *self {
            BundleError::TooShort { expected, found } => {
                write!(
                    f,
                    "bundle: expected at least {expected} bytes, found {found}"
                )
            }
            BundleError::Magic { found } => {
                write!(
                    f,
                    "bundle magic: expected {:02x?}, found {found:02x?}",
                    crate::MAGIC
                )
            }
            BundleError::Version { expected, found } => {
                write!(
                    f,
                    "bundle format version: expected {expected}, found {found}"
                )
            }
            BundleError::Length { expected, found } => {
                write!(f, "bundle length: expected {expected} bytes, found {found}")
            }
            BundleError::Checksum { expected, found } => {
                write!(
                    f,
                    "bundle checksum: expected {expected:08x}, found {found:08x}"
                )
            }
            BundleError::Header {
                field,
                expected,
                found,
            } => {
                write!(
                    f,
                    "bundle header, {field}: expected {expected}, found {}",
                    Found(expected, found)
                )
            }
            BundleError::Section {
                section,
                field,
                expected,
                found,
            } => {
                write!(
                    f,
                    "section {section}, {field}: expected {expected}, found {found}"
                )
            }
            BundleError::Padding {
                section,
                offset,
                found,
            } => {
                write!(
                    f,
                    "padding after section {section}, offset {offset}: expected 0, found {found}"
                )
            }
            BundleError::Utf8 { offset } => {
                write!(
                    f,
                    "section names: expected UTF-8, found another byte at {offset}"
                )
            }
            BundleError::Unsorted { section, index } => {
                write!(
                    f,
                    "section {section}, record {index}: expected a name greater than the one before, found it unsorted or twice"
                )
            }
            BundleError::Record {
                section,
                index,
                field,
                expected,
                found,
            } => {
                write!(
                    f,
                    "section {section}, record {index}, {field}: expected {expected}, found {}",
                    Found(expected, found)
                )
            }
        }
    }
}

impl core::error::Error for BundleError {}
