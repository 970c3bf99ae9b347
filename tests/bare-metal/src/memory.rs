//! The final page tables: every page writable or executable, never both.
//!
//! Called once by `main`, on the boot page tables, with what `boot` read. Maps
//! the kernel's image by section, a region of memory for Lua, and one region
//! for code twice: a view that can be written and one that can be executed.
//! Nothing else is mapped, low memory least of all: null pointers fault. Must
//! never use the heap, which comes later.

use crate::layout::{
    CODE_BYTES, CODE_EXECUTE, CODE_WRITE, KERNEL_BASE, LARGE_PAGE, LUA_REGION, LUA_REGION_BYTES,
    PAGE, Section, image_to_physical,
};
use crate::stack;
use core::cell::UnsafeCell;
use core::fmt;
use core::ops::Range;
use x86_64::registers::control::{Cr3, Cr3Flags};
use x86_64::structures::paging::mapper::MapToError;
use x86_64::structures::paging::{
    FrameAllocator, Mapper, OffsetPageTable, Page, PageSize, PageTable, PageTableFlags, PhysFrame,
    Size2MiB, Size4KiB,
};
use x86_64::{PhysAddr, VirtAddr};

/// The memory that `init` sets aside.
pub struct Memory {
    /// The region for Lua, zeroed.
    pub lua: &'static mut [u8],
    /// The region for code.
    pub code: CodeViews,
}

/// One range of physical memory at two addresses.
#[derive(Clone, Copy, Debug)]
pub struct CodeViews {
    /// Where it can be written, and never executed.
    pub write: u64,
    /// Where it can be executed, and never written.
    pub execute: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// Why the address space can't be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryError {
    /// `kernel.ld` and `layout` disagree about where the kernel lies.
    WrongBase {
        /// Where the linker put the kernel's code.
        text: u64,
    },
    /// No range of usable memory is long enough.
    TooLittleMemory {
        /// Bytes needed in one piece, beside the kernel.
        needed: u64,
    },
    /// More page tables were needed than [`TABLES`].
    OutOfTables,
    /// Two parts of the address space overlap.
    Overlap {
        /// The first address where they do.
        address: u64,
    },
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongBase { text } => write!(
                f,
                "kernel base: expected code just above {KERNEL_BASE:#x}, found it at {text:#x}"
            ),
            Self::TooLittleMemory { needed } => write!(
                f,
                "memory: expected {needed} bytes in one piece beside the kernel, found none \
                 (start QEMU with -m 256M)"
            ),
            Self::OutOfTables => write!(f, "more than {TABLES} page tables are needed"),
            Self::Overlap { address } => write!(f, "two mappings overlap at {address:#x}"),
        }
    }
}

/// Page tables that the kernel has. Needed: the top level, then two or three
/// for each of the four ranges, and one for every 2 MiB of the kernel's image.
const TABLES: usize = 32;

/// The page tables. They lie in the kernel's image, so that their physical
/// addresses are known and they stay reachable.
#[repr(C, align(4096))]
struct TablePool(UnsafeCell<[PageTable; TABLES]>);

// SAFETY: only `init` takes tables from the pool, once, and only one processor
// runs.
unsafe impl Sync for TablePool {}

static POOL: TablePool = TablePool(UnsafeCell::new([const { PageTable::new() }; TABLES]));

/// Hands the pool's tables out, one after the other.
struct TableAllocator {
    used: usize,
}

impl TableAllocator {
    fn next(&mut self) -> Option<u64> {
        if self.used == TABLES {
            return None;
        }
        let start = POOL.0.get().addr() as u64 + self.used as u64 * PAGE;
        self.used += 1;
        Some(image_to_physical(start))
    }
}

// SAFETY: each frame is handed out once, and nothing else uses the pool.
unsafe impl FrameAllocator<Size4KiB> for TableAllocator {
    fn allocate_frame(&mut self) -> Option<PhysFrame> {
        self.next()
            .map(|start| PhysFrame::containing_address(PhysAddr::new(start)))
    }
}

/// What a range of the address space may be used for. There is no variant for
/// both writing and executing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Read,
    Write,
    Execute,
}

impl Use {
    fn flags(self) -> PageTableFlags {
        PageTableFlags::PRESENT
            | match self {
                Use::Read => PageTableFlags::NO_EXECUTE,
                Use::Write => PageTableFlags::NO_EXECUTE | PageTableFlags::WRITABLE,
                Use::Execute => PageTableFlags::empty(),
            }
    }
}

/// Builds the final page tables, switches to them, and zeroes what they set
/// aside.
///
/// # Errors
/// When `ram` (physical ranges of usable memory) has no room, or on a mistake
/// in `layout`.
///
/// # Safety
/// The boot page tables must be active, and this must be the first call.
pub unsafe fn init(ram: &[Range<u64>]) -> Result<Memory, MemoryError> {
    let text = Section::Text.range().start;
    let image = KERNEL_BASE..Section::Data.range().end;
    if !(KERNEL_BASE..KERNEL_BASE + LARGE_PAGE).contains(&text) {
        return Err(MemoryError::WrongBase { text });
    }
    let needed = LUA_REGION_BYTES + CODE_BYTES;
    let lua_start = find_room(ram, image_to_physical(image.end), needed)
        .ok_or(MemoryError::TooLittleMemory { needed })?;
    let code_start = lua_start + LUA_REGION_BYTES;

    let mut tables = TableAllocator { used: 0 };
    let top = tables.next().ok_or(MemoryError::OutOfTables)?;
    // SAFETY: the first table of the pool, handed out to nobody else, reachable
    // at KERNEL_BASE on the boot page tables as on the final ones.
    let top_table = unsafe { &mut *((top + KERNEL_BASE) as *mut PageTable) };
    // SAFETY: the tables all come from the kernel's image, where virtual and
    // physical addresses differ by KERNEL_BASE.
    let mut mapper = unsafe { OffsetPageTable::new(top_table, VirtAddr::new(KERNEL_BASE)) };

    for section in Section::ALL {
        let usage = match section {
            Section::Text => Use::Execute,
            Section::Rodata => Use::Read,
            Section::Data => Use::Write,
        };
        let start = section.range().start;
        map::<Size4KiB>(
            &mut mapper,
            &mut tables,
            section.range(),
            image_to_physical(start),
            usage,
        )?;
    }
    for (_, guard) in stack::guards() {
        let page = Page::<Size4KiB>::containing_address(VirtAddr::new(guard.start));
        // It was mapped with the data section just now, so the only error, that
        // it isn't mapped, would leave what is wanted. Nothing to flush: these
        // tables aren't active yet.
        if let Ok((_, flush)) = mapper.unmap(page) {
            flush.ignore();
        }
    }
    let mut map_region = |start: u64, bytes: u64, physical: u64, usage: Use| {
        let range = start..start + bytes;
        map::<Size2MiB>(&mut mapper, &mut tables, range, physical, usage)
    };
    map_region(LUA_REGION, LUA_REGION_BYTES, lua_start, Use::Write)?;
    map_region(CODE_WRITE, CODE_BYTES, code_start, Use::Write)?;
    map_region(CODE_EXECUTE, CODE_BYTES, code_start, Use::Execute)?;

    // SAFETY: the new tables map the running code, its stack and its data where
    // they were; the loader's memory, which goes away, isn't used any more.
    unsafe {
        Cr3::write(
            PhysFrame::containing_address(PhysAddr::new(top)),
            Cr3Flags::empty(),
        );
    }

    // SAFETY: mapped just now, writable, and known to nobody else.
    let lua = unsafe {
        core::ptr::write_bytes(LUA_REGION as *mut u8, 0, LUA_REGION_BYTES as usize);
        core::slice::from_raw_parts_mut(LUA_REGION as *mut u8, LUA_REGION_BYTES as usize)
    };
    // SAFETY: as above, through the view for writing.
    unsafe { core::ptr::write_bytes(CODE_WRITE as *mut u8, 0, CODE_BYTES as usize) };
    Ok(Memory {
        lua,
        code: CodeViews {
            write: CODE_WRITE,
            execute: CODE_EXECUTE,
            bytes: CODE_BYTES,
        },
    })
}

/// The lowest physical address of `bytes` of usable memory, aligned to a large
/// page and not below `floor`.
fn find_room(ram: &[Range<u64>], floor: u64, bytes: u64) -> Option<u64> {
    ram.iter().find_map(|range| {
        let start = range
            .start
            .max(floor)
            .checked_next_multiple_of(LARGE_PAGE)?;
        (start.checked_add(bytes)? <= range.end).then_some(start)
    })
}

/// Maps a virtual range to the physical range that starts at `physical`.
fn map<S: PageSize>(
    mapper: &mut OffsetPageTable<'_>,
    tables: &mut TableAllocator,
    range: Range<u64>,
    physical: u64,
    usage: Use,
) -> Result<(), MemoryError>
where
    for<'a> OffsetPageTable<'a>: Mapper<S>,
{
    for offset in (0..range.end - range.start).step_by(S::SIZE as usize) {
        let address = range.start + offset;
        let page = Page::<S>::containing_address(VirtAddr::new(address));
        let frame = PhysFrame::<S>::containing_address(PhysAddr::new(physical + offset));
        // SAFETY: the tables aren't active yet, so nothing changes under running
        // code; which memory is mapped twice is the business of `init`.
        let mapped = unsafe { mapper.map_to(page, frame, usage.flags(), tables) };
        match mapped {
            Ok(flush) => flush.ignore(),
            Err(MapToError::FrameAllocationFailed) => return Err(MemoryError::OutOfTables),
            Err(MapToError::ParentEntryHugePage | MapToError::PageAlreadyMapped(_)) => {
                return Err(MemoryError::Overlap { address });
            }
        }
    }
    Ok(())
}

/// What a walk over the page tables in use found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Bytes that can only be read.
    pub readable: u64,
    /// Bytes that can be written and not executed.
    pub writable: u64,
    /// Bytes that can be executed and not written.
    pub executable: u64,
    /// Bytes that can be written and executed: a violation.
    pub both: u64,
}

/// Adds up what the processor's page tables allow, starting from CR3.
pub fn audit() -> Audit {
    let (top, _) = Cr3::read();
    let mut audit = Audit::default();
    // SAFETY: `init` made these tables, of frames of the kernel's image.
    unsafe { audit_table(top.start_address().as_u64(), 4, true, true, &mut audit) };
    audit
}

/// # Safety
/// `table` must be the physical address of a table of the pool, at `level`.
unsafe fn audit_table(table: u64, level: u32, writable: bool, executable: bool, sum: &mut Audit) {
    // SAFETY: the pool lies in the kernel's image; after `init` nothing writes to
    // it but the processor's "accessed" bits, which these reads don't care about.
    let table = unsafe { &*((table + KERNEL_BASE) as *const PageTable) };
    for entry in table.iter() {
        let flags = entry.flags();
        if !flags.contains(PageTableFlags::PRESENT) {
            continue;
        }
        let writable = writable && flags.contains(PageTableFlags::WRITABLE);
        let executable = executable && !flags.contains(PageTableFlags::NO_EXECUTE);
        if level > 1 && !flags.contains(PageTableFlags::HUGE_PAGE) {
            // SAFETY: an entry that is no page leads to a table one level down,
            // and `init` takes all tables from the pool.
            unsafe {
                audit_table(entry.addr().as_u64(), level - 1, writable, executable, sum);
            }
            continue;
        }
        let bytes = PAGE << (9 * (level - 1));
        *match (writable, executable) {
            (false, false) => &mut sum.readable,
            (true, false) => &mut sum.writable,
            (false, true) => &mut sum.executable,
            (true, true) => &mut sum.both,
        } += bytes;
    }
}
