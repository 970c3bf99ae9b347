//! The stencil bundle: one file that carries machine-code templates ("stencils"), whole
//! functions compiled ahead of time ("AOT"), and what a loader must know to use them.
//!
//! The stencil compiler writes it (feature `write`), `rt-nostd` reads it in place: from
//! ROM, a file or an `include_bytes!`, at any alignment. Reading never allocates, and
//! after [`Bundle::parse`] has returned `Ok` no accessor can fail or panic. This crate
//! must never know what language the stencils implement.
//!
//! # Grammar, version 2
//!
//! All integers are little-endian. `bytes(n)` is `n` raw bytes.
//!
//! ```text
//! bundle   = header, section * 12                     sections in the order of the table
//! header   =                                          offset
//!     magic          bytes(8)   89 "STNCL" 0D 0A        0
//!     version        u32        2                       8
//!     length         u32        of the whole bundle    12
//!     checksum       u32        CRC-32 (IEEE) of all   16
//!                               bytes but these four
//!     arch           u32        1 = x86-64             20
//!     cpu-features   u64        bit set                24
//!     abi            bytes(32)  client's fingerprint   32
//!     sources        bytes(32)  digest of the sources  64
//!     compiler       name       who made it            96
//!     code-align     u32        of the AOT code       104
//!     rodata-align   u32        of the rodata         108
//!     sections       (offset u32, length u32) * 12    112
//!                               length in bytes,
//!                               padding not counted
//! name     = offset u32, length u32                   into section `names`
//!
//! section  = content, 00 * (0..=3)                    padded to a multiple of 4
//!  0 names           UTF-8, every name once, end to end: the compiler's, then those of
//!                    sections 1, 2, 3, 4 and 7 in the order of their records
//!  1 operands        name *                           sorted, the ordinal is the index
//!  2 continuations   name *                           sorted
//!  3 imports         name *                           sorted
//!  4 functions       (name, offset u32, size u32) *   sorted; range in section 5
//!  5 code            bytes                            the AOT code
//!  6 relocations     (offset u32, import u32, addend i32) *
//!                                                     ascending, not overlapping
//!  7 stencils        stencil *                        sorted
//!  8 holes           hole *                           those of stencil 0, of stencil 1, ..
//!  9 register-holes  register-hole *                  likewise
//! 10 stencil-code    bytes                            hot 0, cold 0, hot 1, cold 1, ..
//! 11 rodata          bytes                            constants of AOT code and stencils
//!
//! stencil  = name, hot-offset u32, hot-length u32, cold-offset u32, cold-length u32,
//!            first-hole u32, hole-count u32, first-register-hole u32,
//!            register-hole-count u32, align u16, short u16, fallthrough u32 (FFFFFFFF: none)
//! short    = how many records behind this one its short variant is; 0: there is none.
//!            That one has no short variant, and the same fallthrough
//! hole     = part u8 (0 hot, 1 cold), kind u8, 0 u16, offset u32, index u32, addend i64
//!            ascending by (part, offset), not overlapping
//! kind     = 0 Abs32   4 bytes, zero-extended  index: operand
//!          | 1 Abs32S  4 bytes, sign-extended  index: operand
//!          | 2 Abs64   8 bytes                 index: operand
//!          | 3 Rel32 to a continuation         index: continuation
//!          | 4 Rel32 to an import              index: import
//!          | 5 Rel32 to an AOT function        index: function
//!          | 6 Rel32 to rodata                 index: 0
//!          | 7 Rel32 to the own hot part       index: 0
//!          | 8 Rel32 to the own cold part      index: 0
//!          | 9 Abs8S    1 byte, sign-extended   index: operand
//! register-hole =
//!            part u8, class u8 (0 general, 1 float), bit u8, width u8, offset u32,
//!            argument u8, 0 bytes(3)
//!            ascending by (part, offset, bit), not overlapping, not inside a hole
//! ```
//!
//! The value of a hole is that of ELF: `S + A` for the absolute kinds and `S + A - P` for
//! `Rel32`, with `S` the operand's value or the target's address, `A` the addend and `P`
//! the address of the hole's first byte. Neither is ever truncated: see [`OperandForm`].
//!
//! The AOT image is the code, then the rodata at the next multiple of its alignment
//! ([`Bundle::rodata_offset`]). Code that refers to other AOT code or to rodata has been
//! resolved by the writer, so that only imports are left to the loader. Functions may
//! overlap (two entries into one body).
//!
//! Version 1 is read as well; it has no short variants (the field is 0) and no `Abs8S`.
//!
//! There is exactly one encoding of a given content: offsets that could be computed are
//! stored for constant-time access, and checked against the computed ones. That makes
//! builds reproducible and leaves damage no place to hide.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "write")]
extern crate alloc;

mod bundle;
mod error;
mod kinds;
mod layout;
mod stencil;
mod template;
mod validate;
mod wire;

#[cfg(feature = "write")]
mod encode;
#[cfg(feature = "write")]
mod model;
#[cfg(feature = "testing")]
pub mod testing;

pub use bundle::{AotFunction, AotRelocation, Bundle};
pub use error::{BundleError, Expected, Field};
pub use kinds::{Arch, CpuFeatures, HoleKind, OperandForm, Part, RegisterClass, RelTarget};
pub use layout::{HEADER_LEN, MAGIC, MAX_ALIGN, MAX_LEN, OLDEST_VERSION, Section, VERSION};
pub use stencil::{Hole, RegisterHole, Stencil};
pub use template::{CodeRange, Template, Templates};

#[cfg(feature = "write")]
pub use encode::{WriteError, repair_checksum};
#[cfg(feature = "write")]
pub use model::{
    AotFunctionModel, AotRelocationModel, BundleModel, HoleModel, HoleValueModel, RelTargetModel,
    StencilModel,
};
