//! The kernel's address space, in one place: constants and the linker's symbols.
//!
//! Everything outside the ranges named here is unmapped. Must never hold state.
//! `memory` maps what is described here; the self tests compare against it.

use core::ops::Range;

/// Where physical address 0 would be; the kernel's image lies above it. Must
/// equal `KERNEL_BASE` in `kernel.ld`.
pub const KERNEL_BASE: u64 = 0xffff_ffff_8000_0000;

/// The memory for Lua: read and write, never execute.
pub const LUA_REGION: u64 = 0xffff_a000_0000_0000;
/// Bytes of the memory for Lua.
pub const LUA_REGION_BYTES: u64 = 64 << 20;

/// The code region through which code is written: never executed.
pub const CODE_WRITE: u64 = 0xffff_b000_0000_0000;
/// The same physical memory, through which code is run: never written.
pub const CODE_EXECUTE: u64 = 0xffff_c000_0000_0000;
/// Bytes of the code region.
pub const CODE_BYTES: u64 = 2 << 20;

/// Bytes of the stack on which everything but interrupts runs, Lua included.
/// Small on purpose: Lua code uses no native stack.
pub const KERNEL_STACK_BYTES: usize = 64 << 10;

/// Size of the pages that make up the Lua and code regions.
pub const LARGE_PAGE: u64 = 2 << 20;
/// Size of the pages that make up the kernel's image.
pub const PAGE: u64 = 4096;

// A call from the code region to the kernel can't be a `call rel32`: the code
// region is placed so that every import has to go through an island.
const _: () = assert!(KERNEL_BASE - CODE_EXECUTE > 1 << 31);
const _: () = assert!(LUA_REGION_BYTES.is_multiple_of(LARGE_PAGE));
const _: () = assert!(CODE_BYTES.is_multiple_of(LARGE_PAGE));

/// A part of the kernel's image with its own permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Code: read and execute.
    Text,
    /// Constants: read.
    Rodata,
    /// Variables, stacks, the kernel's heap: read and write.
    Data,
}

impl Section {
    /// All sections, in the order of their addresses.
    pub const ALL: [Section; 3] = [Section::Text, Section::Rodata, Section::Data];

    /// Virtual addresses of the section, both ends on a page boundary.
    pub fn range(self) -> Range<u64> {
        let (start, end) = match self {
            Section::Text => (&raw const __text_start, &raw const __text_end),
            Section::Rodata => (&raw const __rodata_start, &raw const __rodata_end),
            Section::Data => (&raw const __data_start, &raw const __data_end),
        };
        start.addr() as u64..end.addr() as u64
    }
}

/// Physical address of a byte of the kernel's image.
pub const fn image_to_physical(address: u64) -> u64 {
    address - KERNEL_BASE
}

// Symbols of `kernel.ld`: only their addresses mean anything.
unsafe extern "C" {
    static __text_start: u8;
    static __text_end: u8;
    static __rodata_start: u8;
    static __rodata_end: u8;
    static __data_start: u8;
    static __data_end: u8;
}
