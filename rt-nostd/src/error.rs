//! What can go wrong, by step: making a region, taking space, linking, emitting, patching.
//!
//! Errors name the symbol, borrowed from the bundle (`'a`), and never allocate.

use crate::layout::Label;
use core::fmt;
use stencil_format::{CpuFeatures, OperandForm};

/// Why memory can't be a code region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionError {
    /// Empty, or longer than `i32::MAX`: code must reach all of it with a 32-bit distance.
    Length {
        /// The length given, in bytes.
        found: usize,
    },
    /// An address is not a multiple of 16.
    Alignment {
        /// The address given.
        found: usize,
    },
    /// The region would run over the end of the address space.
    Wraps {
        /// The address given.
        found: usize,
    },
}

/// A failed change of the protection of code memory; the code is the caller's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtectError(
    /// What the callback wants to say, such as an error number of the system.
    pub i64,
);

/// Why there is no space for code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpaceError {
    /// No free range is long enough.
    RegionFull {
        /// Bytes of hot code needed, in one piece.
        hot: u32,
        /// Bytes of cold code needed, in one piece.
        cold: u32,
        /// Bytes free in the region, in pieces of any size.
        free: u32,
    },
    /// The list of free extents is too short for one more block.
    TooManyBlocks {
        /// Slots that it would need.
        needed: usize,
        /// Slots that it has.
        slots: usize,
    },
    /// The memory could not be made writable, or not executable again.
    Protect(ProtectError),
}

/// Why a bundle can't be linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError<'a> {
    /// The bundle was made for another version of the client's data layout.
    AbiMismatch {
        /// The fingerprint of the running client.
        expected: [u8; 32],
        /// The fingerprint in the bundle.
        found: [u8; 32],
    },
    /// The processor lacks features that the code uses.
    CpuFeatures {
        /// Needed, and not there.
        missing: CpuFeatures,
    },
    /// The resolver does not know an import.
    MissingImport {
        /// Its name.
        name: &'a str,
    },
    /// A reference to an import is no call or jump that an island could carry on, and
    /// the import is too far for a 32-bit distance.
    OutOfReach {
        /// The import's name.
        name: &'a str,
        /// Offset of the reference in the AOT code.
        offset: u32,
    },
    /// There is no space for the code.
    Space(SpaceError),
}

/// Why a sequence of stencils can't be emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmitError<'a> {
    /// The bundle has no stencil with this index.
    UnknownStencil {
        /// The index given.
        index: u32,
    },
    /// A hole wants an operand that is not in the slice of operands.
    MissingOperand {
        /// The stencil with the hole.
        stencil: &'a str,
        /// The operand.
        operand: &'a str,
    },
    /// An operand's value (addend included) does not fit its hole.
    OperandRange {
        /// The stencil with the hole.
        stencil: &'a str,
        /// The operand.
        operand: &'a str,
        /// How the hole stores it.
        form: OperandForm,
        /// The value given.
        value: i64,
        /// What the stencil adds to it.
        addend: i64,
    },
    /// A hole wants a continuation that no target was given for.
    UnboundContinuation {
        /// The stencil with the hole.
        stencil: &'a str,
        /// The continuation.
        continuation: &'a str,
    },
    /// A target is too far for a 32-bit distance.
    OutOfReach {
        /// The stencil, or "jump" for the emitter's own.
        stencil: &'a str,
        /// The continuation, import or function; "jump" for the emitter's own.
        target: &'a str,
    },
    /// A label beyond the slice of labels.
    UnknownLabel {
        /// The label.
        label: Label,
        /// Number of labels that there are.
        labels: usize,
    },
    /// A label was bound a second time.
    BoundTwice {
        /// The label.
        label: Label,
    },
    /// A label was jumped to and never bound.
    UnboundLabel {
        /// The label.
        label: Label,
    },
    /// Control would run off the end of the code.
    FallsOffEnd,
    /// The code is longer than a region can be.
    TooLarge,
    /// The two passes were not given the same calls: the client's mistake.
    PassesDiffer,
    /// The bundle was linked into another region: the client's mistake.
    WrongRegion,
    /// There is no space for the code.
    Space(SpaceError),
}

/// Why a bundle's stencils were not made ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyError {
    /// The tables are too short.
    TooFewSlots {
        /// Slots for stencils that are needed.
        stencils: usize,
        /// Slots for patches that are needed.
        patches: usize,
    },
    /// Tables that were filled before aren't of this bundle.
    Unsound {
        /// The first stencil that differs.
        stencil: u32,
    },
}

impl fmt::Display for ReadyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadyError::TooFewSlots { stencils, patches } => write!(
                f,
                "tables too short: {stencils} slots for stencils and {patches} for patches needed"
            ),
            ReadyError::Unsound { stencil } => {
                write!(f, "the tables aren't of this bundle: stencil {stencil}")
            }
        }
    }
}

impl core::error::Error for ReadyError {}

/// Why published code was not patched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchError {
    /// Not inside the region.
    OutOfRange {
        /// The address given.
        address: usize,
    },
    /// Not inside one aligned word of 8 bytes: a half-seen change would be possible.
    Straddles {
        /// The address given.
        address: usize,
        /// Number of bytes given.
        len: usize,
    },
    /// The memory could not be made writable, or not executable again.
    Protect(ProtectError),
}

impl From<SpaceError> for LinkError<'_> {
    fn from(error: SpaceError) -> Self {
        LinkError::Space(error)
    }
}

impl From<SpaceError> for EmitError<'_> {
    fn from(error: SpaceError) -> Self {
        EmitError::Space(error)
    }
}

impl From<ProtectError> for SpaceError {
    fn from(error: ProtectError) -> Self {
        SpaceError::Protect(error)
    }
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            RegionError::Length { found } => {
                write!(
                    f,
                    "code region length: expected 1 to {}, found {found}",
                    i32::MAX
                )
            }
            RegionError::Alignment { found } => {
                write!(
                    f,
                    "code region address: expected a multiple of 16, found {found:#x}"
                )
            }
            RegionError::Wraps { found } => {
                write!(
                    f,
                    "code region at {found:#x} runs over the end of the address space"
                )
            }
        }
    }
}

impl fmt::Display for ProtectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the protection of code memory could not be changed (code {})",
            self.0
        )
    }
}

impl fmt::Display for SpaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            SpaceError::RegionFull { hot, cold, free } => {
                write!(
                    f,
                    "code region full: {hot} bytes of hot and {cold} bytes of cold code needed, {free} bytes free"
                )
            }
            SpaceError::TooManyBlocks { needed, slots } => {
                write!(
                    f,
                    "code region: {needed} slots for free extents needed, {slots} given"
                )
            }
            SpaceError::Protect(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for LinkError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LinkError::AbiMismatch { expected, found } => {
                f.write_str("the bundle's ABI fingerprint is not the client's: expected ")?;
                hex(f, expected)?;
                f.write_str(", found ")?;
                hex(f, found)
            }
            LinkError::CpuFeatures { missing } => {
                write!(
                    f,
                    "the bundle needs CPU features that are missing: {missing}"
                )
            }
            LinkError::MissingImport { name } => write!(f, "import {name}: not supplied"),
            LinkError::OutOfReach { name, offset } => {
                write!(
                    f,
                    "import {name}: too far for the reference at {offset:#x} in the AOT code"
                )
            }
            LinkError::Space(error) => error.fmt(f),
        }
    }
}

/// The first bytes tell two fingerprints apart as well as all of them.
fn hex(f: &mut fmt::Formatter<'_>, digest: &[u8; 32]) -> fmt::Result {
    digest[..8]
        .iter()
        .try_for_each(|byte| write!(f, "{byte:02x}"))?;
    f.write_str("..")
}

impl fmt::Display for EmitError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            EmitError::UnknownStencil { index } => write!(f, "no stencil has the index {index}"),
            EmitError::MissingOperand { stencil, operand } => {
                write!(f, "stencil {stencil}: no value for the operand {operand}")
            }
            EmitError::OperandRange {
                stencil,
                operand,
                form,
                value,
                addend,
            } => {
                let range = match form {
                    OperandForm::Abs32 => "0 to 4294967295",
                    OperandForm::Abs32S => "-2147483648 to 2147483647",
                    OperandForm::Abs64 => "any",
                    OperandForm::Abs8S => "-128 to 127",
                };
                write!(
                    f,
                    "stencil {stencil}, operand {operand}: expected {range}, found {value} + {addend}"
                )
            }
            EmitError::UnboundContinuation {
                stencil,
                continuation,
            } => {
                write!(
                    f,
                    "stencil {stencil}: no target for the continuation {continuation}"
                )
            }
            EmitError::OutOfReach { stencil, target } => {
                write!(
                    f,
                    "stencil {stencil}: {target} is too far for a 32-bit distance"
                )
            }
            EmitError::UnknownLabel { label, labels } => {
                write!(f, "label {}: there are {labels} labels", label.0)
            }
            EmitError::BoundTwice { label } => write!(f, "label {}: bound twice", label.0),
            EmitError::UnboundLabel { label } => write!(f, "label {}: never bound", label.0),
            EmitError::FallsOffEnd => f.write_str("control runs off the end of the code"),
            EmitError::TooLarge => f.write_str("the code is larger than a region can be"),
            EmitError::PassesDiffer => {
                f.write_str("the two passes of emission were not given the same calls")
            }
            EmitError::WrongRegion => f.write_str("the bundle is linked into another region"),
            EmitError::Space(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for PatchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            PatchError::OutOfRange { address } => {
                write!(f, "patch at {address:#x}: outside the code region")
            }
            PatchError::Straddles { address, len } => {
                write!(
                    f,
                    "patch of {len} bytes at {address:#x}: not inside one aligned word"
                )
            }
            PatchError::Protect(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RegionError {}
impl core::error::Error for ProtectError {}
impl core::error::Error for SpaceError {}
impl core::error::Error for LinkError<'_> {}
impl core::error::Error for EmitError<'_> {}
impl core::error::Error for PatchError {}
