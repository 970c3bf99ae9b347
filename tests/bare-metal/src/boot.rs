//! The way in: the PVH note, `boot.s`, and what the loader tells us.
//!
//! Called once, by the loader and then by `main`. The start info lies in low
//! memory that only the boot page tables map, so all of it is copied out here,
//! before `memory` switches to the final tables.

use crate::layout::KERNEL_STACK_BYTES;
use crate::stack::{KERNEL, Stack};
use core::fmt;
use core::ops::Range;
use pvh::start_info::MemmapType;
use pvh::start_info::reader::StartInfoReader;

core::arch::global_asm!(
    include_str!("boot.s"),
    stack = sym KERNEL,
    stack_bytes = const size_of::<Stack<KERNEL_STACK_BYTES>>(),
    main = sym crate::kernel_main,
    options(att_syntax),
);

unsafe extern "C" {
    /// The entry point in `boot.s`.
    fn pvh_start() -> !;
}

pvh::xen_elfnote_phys32_entry!(pvh_start);

/// Most ranges of usable memory that are remembered.
const MAX_RAM_RANGES: usize = 16;
/// Longest command line, in bytes.
const MAX_COMMAND_LINE: usize = 256;

/// What the loader tells the kernel, copied out of the loader's memory.
pub struct BootInfo {
    ram: [Range<u64>; MAX_RAM_RANGES],
    ram_len: usize,
    command_line: [u8; MAX_COMMAND_LINE],
    command_line_len: usize,
}

/// Why the start info is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootInfoError {
    /// No start info at the address, or one with another magic.
    NoStartInfo,
    /// The loader gave no memory map (start info version 0).
    NoMemoryMap,
    /// The command line is longer than [`MAX_COMMAND_LINE`].
    CommandLineTooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// The command line is not UTF-8.
    CommandLineNotText,
}

impl fmt::Display for BootInfoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStartInfo => write!(f, "no PVH start info"),
            Self::NoMemoryMap => write!(f, "the PVH start info has no memory map"),
            Self::CommandLineTooLong { found } => write!(
                f,
                "command line: expected at most {MAX_COMMAND_LINE} bytes, found {found}"
            ),
            Self::CommandLineNotText => write!(f, "the command line is not UTF-8"),
        }
    }
}

impl BootInfo {
    /// Reads the start info at physical address `start_info`.
    ///
    /// # Errors
    /// When it is not there or says less than the kernel needs.
    ///
    /// # Safety
    /// The boot page tables must be active (they map low memory as itself), and
    /// `start_info` must be what the loader passed in ebx.
    pub unsafe fn read(start_info: u32) -> Result<Self, BootInfoError> {
        // SAFETY: the caller says that the address is the loader's, and that the
        // identity mapping holds.
        let reader = unsafe { StartInfoReader::from_paddr_identity(start_info) }
            .ok_or(BootInfoError::NoStartInfo)?;

        let mut info = Self {
            ram: [const { 0..0 }; MAX_RAM_RANGES],
            ram_len: 0,
            command_line: [0; MAX_COMMAND_LINE],
            command_line_len: 0,
        };
        for entry in reader.memmap() {
            if entry.ty() == MemmapType::Ram && info.ram_len < MAX_RAM_RANGES {
                info.ram[info.ram_len] = entry.addr..entry.addr.saturating_add(entry.size);
                info.ram_len += 1;
            }
        }
        if info.ram_len == 0 {
            return Err(BootInfoError::NoMemoryMap);
        }
        if let Some(line) = reader.cmdline() {
            let line = line.to_bytes();
            let target = info
                .command_line
                .get_mut(..line.len())
                .ok_or(BootInfoError::CommandLineTooLong { found: line.len() })?;
            target.copy_from_slice(line);
            info.command_line_len = line.len();
            if core::str::from_utf8(line).is_err() {
                return Err(BootInfoError::CommandLineNotText);
            }
        }
        Ok(info)
    }

    /// The ranges of usable physical memory.
    pub fn ram(&self) -> &[Range<u64>] {
        &self.ram[..self.ram_len]
    }

    /// The value of `key=value` on the command line.
    pub fn option(&self, key: &str) -> Option<&str> {
        // Validated by `read`.
        let line = core::str::from_utf8(&self.command_line[..self.command_line_len]).ok()?;
        line.split_ascii_whitespace()
            .filter_map(|word| word.split_once('='))
            .find_map(|(name, value)| (name == key).then_some(value))
    }
}
