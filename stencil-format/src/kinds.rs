//! The closed enums of the format: architecture, CPU features, kinds of holes.
//!
//! Each knows its code in the file and refuses any other code: an unknown kind is an
//! error for the reader, never a default. Used by reader, writer, loader and compiler.

use core::fmt;

/// Target architecture of the machine code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Arch {
    /// x86-64, long mode.
    X86_64 = 1,
}

impl Arch {
    /// The architecture with this code in the file.
    pub const fn from_code(code: u32) -> Option<Arch> {
        match code {
            1 => Some(Arch::X86_64),
            _ => None,
        }
    }
}

/// A set of CPU features beyond the x86-64 baseline (which has SSE2).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CpuFeatures(u64);

/// Names of the features by bit, as `rustc -C target-feature` spells them.
const FEATURE_NAMES: [&str; 14] = [
    "sse3",
    "ssse3",
    "sse4.1",
    "sse4.2",
    "popcnt",
    "cmpxchg16b",
    "lzcnt",
    "bmi1",
    "bmi2",
    "movbe",
    "avx",
    "avx2",
    "fma",
    "f16c",
];

impl CpuFeatures {
    /// No feature beyond the baseline.
    pub const NONE: CpuFeatures = CpuFeatures(0);
    /// Every feature that version 1 of the format can name.
    pub const ALL: CpuFeatures = CpuFeatures((1 << FEATURE_NAMES.len()) - 1);
    /// SSE3.
    pub const SSE3: CpuFeatures = CpuFeatures(1 << 0);
    /// SSSE3.
    pub const SSSE3: CpuFeatures = CpuFeatures(1 << 1);
    /// SSE4.1.
    pub const SSE4_1: CpuFeatures = CpuFeatures(1 << 2);
    /// SSE4.2.
    pub const SSE4_2: CpuFeatures = CpuFeatures(1 << 3);
    /// POPCNT.
    pub const POPCNT: CpuFeatures = CpuFeatures(1 << 4);
    /// CMPXCHG16B.
    pub const CMPXCHG16B: CpuFeatures = CpuFeatures(1 << 5);
    /// LZCNT.
    pub const LZCNT: CpuFeatures = CpuFeatures(1 << 6);
    /// BMI1.
    pub const BMI1: CpuFeatures = CpuFeatures(1 << 7);
    /// BMI2.
    pub const BMI2: CpuFeatures = CpuFeatures(1 << 8);
    /// MOVBE.
    pub const MOVBE: CpuFeatures = CpuFeatures(1 << 9);
    /// AVX.
    pub const AVX: CpuFeatures = CpuFeatures(1 << 10);
    /// AVX2.
    pub const AVX2: CpuFeatures = CpuFeatures(1 << 11);
    /// FMA.
    pub const FMA: CpuFeatures = CpuFeatures(1 << 12);
    /// F16C.
    pub const F16C: CpuFeatures = CpuFeatures(1 << 13);

    /// The set with these bits, or `None` if a bit has no meaning in version 1.
    pub const fn from_bits(bits: u64) -> Option<CpuFeatures> {
        if bits & !CpuFeatures::ALL.0 == 0 {
            Some(CpuFeatures(bits))
        } else {
            None
        }
    }

    /// The bits as the file stores them.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The feature that `rustc` calls `name`.
    pub fn from_name(name: &str) -> Option<CpuFeatures> {
        let bit = FEATURE_NAMES.iter().position(|&known| known == name)?;
        Some(CpuFeatures(1 << bit))
    }

    /// Both sets together.
    pub const fn union(self, other: CpuFeatures) -> CpuFeatures {
        CpuFeatures(self.0 | other.0)
    }

    /// What is in `self` and not in `other`.
    pub const fn without(self, other: CpuFeatures) -> CpuFeatures {
        CpuFeatures(self.0 & !other.0)
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names of the features in the set, by ascending bit.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        FEATURE_NAMES
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, name)| *name)
    }
}

impl fmt::Display for CpuFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        for (i, name) in self.names().enumerate() {
            if i != 0 {
                f.write_str(",")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for CpuFeatures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuFeatures({self})")
    }
}

/// Which of a stencil's two pieces of code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Part {
    /// The likely path, laid end to end with other stencils' hot parts.
    Hot = 0,
    /// The unlikely blocks, kept at the other end of the code region.
    Cold = 1,
}

impl Part {
    /// The part with this code in the file.
    pub const fn from_code(code: u8) -> Option<Part> {
        match code {
            0 => Some(Part::Hot),
            1 => Some(Part::Cold),
            _ => None,
        }
    }
}

/// How an operand's value is stored in a hole.
///
/// A value that the form can't hold is refused, never truncated. The forms say what the
/// *instruction* can hold. In the small code model LLVM also takes every symbol address to
/// lie in `0 .. 2^31 - 2^24` and folds arithmetic on that assumption: a stencil that wants
/// the whole of a form's range must truncate the address itself (`as u32` and so on).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum OperandForm {
    /// Four bytes that the instruction zero-extends: `0 ..= u32::MAX` (`R_X86_64_32`).
    Abs32 = 0,
    /// Four bytes that the instruction sign-extends: the range of `i32` (`R_X86_64_32S`).
    Abs32S = 1,
    /// Eight bytes (`R_X86_64_64`): every value.
    Abs64 = 2,
    /// One byte that the instruction sign-extends: the range of `i8`. In short variants.
    Abs8S = 3,
}

impl OperandForm {
    /// Whether it holds `value + addend`.
    pub const fn holds(self, value: i64, addend: i64) -> bool {
        let (low, high) = match self {
            OperandForm::Abs32 => (0, u32::MAX as i64),
            OperandForm::Abs32S => (i32::MIN as i64, i32::MAX as i64),
            // Modulo 2^64, as addresses are.
            OperandForm::Abs64 => return true,
            OperandForm::Abs8S => (i8::MIN as i64, i8::MAX as i64),
        };
        match value.checked_add(addend) {
            Some(sum) => low <= sum && sum <= high,
            None => false,
        }
    }

    /// Bytes that the hole takes.
    pub const fn width(self) -> u32 {
        match self {
            OperandForm::Abs32 | OperandForm::Abs32S => 4,
            OperandForm::Abs64 => 8,
            OperandForm::Abs8S => 1,
        }
    }
}

/// What a `Rel32` hole refers to. Indices are ordinals in the bundle's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RelTarget {
    /// A continuation: where control goes next is the emitter's to say.
    Continuation(u32),
    /// A function that the embedder supplies.
    Import(u32),
    /// A function in this bundle's AOT code.
    Function(u32),
    /// This bundle's rodata, from its start.
    Rodata,
    /// The hot part of the same stencil, from its start.
    OwnHot,
    /// The cold part of the same stencil, from its start.
    OwnCold,
}

/// What goes into a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HoleKind {
    /// An operand's value, by ordinal in the bundle's operand table.
    Operand {
        /// How it is stored.
        form: OperandForm,
        /// Which operand.
        ordinal: u32,
    },
    /// A distance of four bytes, signed, to a target.
    Rel32(RelTarget),
}

impl HoleKind {
    /// Bytes that the hole takes.
    pub const fn width(self) -> u32 {
        match self {
            HoleKind::Operand { form, .. } => form.width(),
            HoleKind::Rel32(_) => 4,
        }
    }

    /// The kind with this code and index in the file. Kinds without an index take 0 only.
    pub const fn from_code(code: u8, index: u32) -> Option<HoleKind> {
        let kind = match code {
            0 => HoleKind::Operand {
                form: OperandForm::Abs32,
                ordinal: index,
            },
            1 => HoleKind::Operand {
                form: OperandForm::Abs32S,
                ordinal: index,
            },
            2 => HoleKind::Operand {
                form: OperandForm::Abs64,
                ordinal: index,
            },
            3 => HoleKind::Rel32(RelTarget::Continuation(index)),
            4 => HoleKind::Rel32(RelTarget::Import(index)),
            5 => HoleKind::Rel32(RelTarget::Function(index)),
            6 => HoleKind::Rel32(RelTarget::Rodata),
            7 => HoleKind::Rel32(RelTarget::OwnHot),
            8 => HoleKind::Rel32(RelTarget::OwnCold),
            9 => HoleKind::Operand {
                form: OperandForm::Abs8S,
                ordinal: index,
            },
            _ => return None,
        };
        Some(kind)
    }

    /// The kind's code and index in the file.
    pub const fn code(self) -> (u8, u32) {
        match self {
            HoleKind::Operand { form, ordinal } => match form {
                OperandForm::Abs32 => (0, ordinal),
                OperandForm::Abs32S => (1, ordinal),
                OperandForm::Abs64 => (2, ordinal),
                OperandForm::Abs8S => (9, ordinal),
            },
            HoleKind::Rel32(RelTarget::Continuation(index)) => (3, index),
            HoleKind::Rel32(RelTarget::Import(index)) => (4, index),
            HoleKind::Rel32(RelTarget::Function(index)) => (5, index),
            HoleKind::Rel32(RelTarget::Rodata) => (6, 0),
            HoleKind::Rel32(RelTarget::OwnHot) => (7, 0),
            HoleKind::Rel32(RelTarget::OwnCold) => (8, 0),
        }
    }
}

/// Register file that a register hole selects from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RegisterClass {
    /// `rax` .. `r15`.
    General = 0,
    /// `xmm0` .. `xmm15`.
    Float = 1,
}

impl RegisterClass {
    /// The class with this code in the file.
    pub const fn from_code(code: u8) -> Option<RegisterClass> {
        match code {
            0 => Some(RegisterClass::General),
            1 => Some(RegisterClass::Float),
            _ => None,
        }
    }

    /// Arguments of this class that the stencils' calling convention passes in registers.
    pub const fn argument_count(self) -> u8 {
        match self {
            RegisterClass::General => 12,
            RegisterClass::Float => 8,
        }
    }
}
