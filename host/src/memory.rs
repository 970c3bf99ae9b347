//! Memory from the operating system: the Lua region, and code memory that is mapped
//! twice, so that no page is ever writable and executable at one address.
//!
//! Must never touch memory that no use is known for: pages cost time when they appear.
//! Those that every program uses are asked for together (`prepare`), since each first touch
//! of a page interrupts the program. Called by the command and by tests.

use core::alloc::Layout;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut};
pub use rt_nostd::serialize;
use rt_nostd::{CodeRegion, Extent, RegionError};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::mm::{
    Advice, MapFlags, MprotectFlags, MremapFlags, ProtFlags, madvise, mmap, mmap_anonymous,
    mprotect, mremap, munmap,
};
use std::alloc::alloc_zeroed;

/// The most that a VM can use: references are 32-bit offsets, and lua-core leaves one
/// block of them unused.
pub const REGION_MAX: usize = (4 << 30) - (64 << 10);

/// A huge page: what the first of them is kept out of, see [`Region::reserve`].
const HUGE_PAGE: usize = 2 << 20;

/// A page.
const PAGE: usize = 4096;

/// The system gave no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryError {
    /// No room for the Lua region.
    Region {
        /// Bytes asked for.
        bytes: usize,
        /// The system's reason.
        errno: Errno,
    },
    /// No room for code, or it may not be executable.
    Code {
        /// Bytes asked for.
        bytes: usize,
        /// The system's reason.
        errno: Errno,
    },
    /// A size of code memory that no region can have.
    CodeSize(RegionError),
}

impl core::fmt::Display for MemoryError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            MemoryError::Region { bytes, errno } => {
                write!(f, "cannot reserve {bytes} bytes for Lua: {errno}")
            }
            MemoryError::Code { bytes, errno } => {
                write!(f, "cannot map {bytes} bytes for code: {errno}")
            }
            MemoryError::CodeSize(e) => write!(f, "code memory: {e}"),
        }
    }
}

impl core::error::Error for MemoryError {}

/// One mapping; unmapped when dropped.
#[derive(Debug)]
struct Mapping {
    start: NonNull<c_void>,
    len: usize,
}

// SAFETY: a mapping belongs to the process, not to a thread, and `Mapping` owns it.
unsafe impl Send for Mapping {}
// SAFETY: nothing is reached through a shared reference.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(start: *mut c_void, len: usize) -> Result<Mapping, Errno> {
        let start = NonNull::new(start).ok_or(Errno::NOMEM)?;
        Ok(Mapping { start, len })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `mmap` with this length and is owned by `self`;
        // borrows of it (`Region::bytes`, `CodeMemory::region`) have ended, since they borrow `self`.
        // Failing would leave it mapped, which is harmless.
        let _ = unsafe { munmap(self.start.as_ptr(), self.len) };
    }
}

/// Has the pages of `len` bytes from `offset` on ready for writing, all at once. One by one,
/// when they are first written, they take longer; older systems don't know this, and do
/// nothing.
///
/// # Safety
/// The range, extended to whole pages, lies in a writable mapping at `start`.
unsafe fn populate(start: NonNull<c_void>, offset: usize, len: usize) {
    let first = offset / PAGE * PAGE;
    // SAFETY: the contract; no contents change. Refusal is fine.
    let _ = unsafe {
        madvise(
            start.as_ptr().byte_add(first),
            offset + len - first,
            Advice::LinuxPopulateWrite,
        )
    };
}

/// Address space for a VM. Zero pages appear when they are touched.
#[derive(Debug)]
pub struct Region(Mapping);

impl Region {
    /// Reserves `len` bytes.
    ///
    /// Huge pages are asked for, except at the start: a small program touches a few
    /// kilobytes there, and clearing two megabytes would cost more than all it does.
    ///
    /// # Errors
    /// [`MemoryError::Region`].
    pub fn reserve(len: usize) -> Result<Region, MemoryError> {
        // SAFETY: a new private mapping at an address of the system's choice.
        let start = unsafe {
            mmap_anonymous(
                null_mut(),
                len,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE | MapFlags::NORESERVE,
            )
        };
        let region = start
            .and_then(|start| Mapping::new(start, len))
            .map(Region)
            .map_err(|errno| MemoryError::Region { bytes: len, errno })?;
        let start = region.0.start.addr().get();
        let first = start.next_multiple_of(HUGE_PAGE) - start + HUGE_PAGE;
        if first < len {
            // SAFETY: inside the mapping; the advice changes no contents. Refusal is fine.
            let _ = unsafe {
                madvise(
                    region.0.start.as_ptr().byte_add(first),
                    len - first,
                    Advice::LinuxHugepage,
                )
            };
        }
        Ok(region)
    }

    /// Reserves `most` bytes, or as much of them as the system lets us have (it may limit
    /// address space or refuse to overcommit), halving down to `at_least`.
    ///
    /// # Errors
    /// [`MemoryError::Region`].
    pub fn reserve_most(most: usize, at_least: usize) -> Result<Region, MemoryError> {
        let mut len = most;
        loop {
            match Region::reserve(len) {
                Err(_) if len / 2 >= at_least => len /= 2,
                other => return other,
            }
        }
    }

    /// Has the pages ready that making a VM writes: its state, the main thread, the first
    /// blocks.
    pub fn prepare(&mut self) {
        const USED: usize = 60 << 10;
        // lua-core starts at a whole block.
        const BLOCK: usize = 16 << 10;
        let start = self.0.start.cast::<u8>().align_offset(BLOCK);
        if start.saturating_add(USED) <= self.0.len {
            // SAFETY: a range of our writable mapping.
            unsafe { populate(self.0.start, start, USED) };
        }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Never: a mapping has at least one byte.
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// The memory, for `Vm::new`.
    pub fn bytes(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: a live private mapping of that length, readable and writable; `&mut self`
        // makes this the only access.
        unsafe { core::slice::from_raw_parts_mut(self.0.start.as_ptr().cast(), self.0.len) }
    }
}

/// Memory for code: one file in memory, mapped once writable and once executable.
#[derive(Debug)]
pub struct CodeMemory {
    write: Mapping,
    execute: Mapping,
}

impl CodeMemory {
    /// Maps `len` bytes (rounded up to pages by the system) twice.
    ///
    /// # Errors
    /// [`MemoryError::Code`].
    pub fn map(len: usize) -> Result<CodeMemory, MemoryError> {
        let map = || {
            let file = memfd_create(c"moonpatch-code", MemfdFlags::CLOEXEC)?;
            ftruncate(&file, len as u64)?;
            let view = |access| {
                // SAFETY: a new mapping at an address of the system's choice.
                let start = unsafe { mmap(null_mut(), len, access, MapFlags::SHARED, &file, 0) };
                start.and_then(|start| Mapping::new(start, len))
            };
            Ok(CodeMemory {
                write: view(ProtFlags::READ | ProtFlags::WRITE)?,
                execute: view(ProtFlags::READ | ProtFlags::EXEC)?,
            })
        };
        map().map_err(|errno| MemoryError::Code { bytes: len, errno })
    }

    /// Keeps it mapped until the process ends: code may be running then.
    pub fn leak(self) -> (&'static mut CodeMemory, WriteView) {
        let view = WriteView {
            start: self.write.start,
            len: self.write.len,
        };
        (Box::leak(Box::new(self)), view)
    }

    /// The same without a file: `perf` looks for names in its map only for such memory.
    ///
    /// # Errors
    /// [`MemoryError::Code`].
    pub fn map_anonymous(len: usize) -> Result<CodeMemory, MemoryError> {
        let map = || {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: a new mapping at an address of the system's choice.
            let write = unsafe { mmap_anonymous(null_mut(), len, access, MapFlags::SHARED) };
            let write = write.and_then(|start| Mapping::new(start, len))?;
            // SAFETY: an old length of 0 leaves a shared mapping where it is, and maps the
            // same memory once more, at an address of the system's choice.
            let again = unsafe { mremap(write.start.as_ptr(), 0, len, MremapFlags::MAYMOVE) };
            let execute = again.and_then(|start| Mapping::new(start, len))?;
            // SAFETY: the new mapping, which nobody uses yet.
            unsafe {
                let access = MprotectFlags::READ | MprotectFlags::EXEC;
                mprotect(execute.start.as_ptr(), len, access)?;
            }
            Ok(CodeMemory { write, execute })
        };
        map().map_err(|errno| MemoryError::Code { bytes: len, errno })
    }

    /// The memory as a code region. `extents` is as for [`CodeRegion::aliased`].
    ///
    /// # Errors
    /// [`MemoryError::CodeSize`].
    ///
    /// # Safety
    /// Before code in the region runs, and after each patch, [`serialize`] is called on
    /// the thread that runs it; code runs on this thread only. `self` outlives the code's use.
    pub unsafe fn region<'m>(
        &'m mut self,
        extents: &'m mut [Extent],
    ) -> Result<CodeRegion<'m>, MemoryError> {
        let execute = self.execute.start.addr().get();
        // SAFETY: both mappings are of the same file, live as long as `self`, and nothing
        // else refers to them; serializing is the caller's contract.
        unsafe {
            CodeRegion::aliased(self.write.start.cast(), execute, self.write.len, extents)
                .map_err(MemoryError::CodeSize)
        }
    }
}

/// The writable view of a [`CodeMemory`], to be given back once something was written.
#[derive(Clone, Copy, Debug)]
pub struct WriteView {
    start: NonNull<c_void>,
    len: usize,
}

impl WriteView {
    /// Has pages ready that will be written soon: the first `hot` bytes, where linked
    /// functions and then compiled ones lie, and the last `cold` ones.
    pub fn prepare(&self, hot: usize, cold: usize) {
        let cold = cold.min(self.len);
        // SAFETY: ranges of a writable mapping that is never unmapped (`CodeMemory::leak`).
        unsafe {
            populate(self.start, 0, hot.min(self.len));
            populate(self.start, self.len - cold, cold);
        }
    }

    /// Unmaps the whole pages of the first `len` bytes, until they are written again: each
    /// counts twice in the memory that the process is said to use, and code runs from the
    /// other view.
    pub fn forget(&self, len: usize) {
        let whole = len.min(self.len) / PAGE * PAGE;
        // SAFETY: in a shared mapping that is never unmapped (`CodeMemory::leak`): its contents
        // are the file's. Refusal is fine.
        let _ = unsafe { madvise(self.start.as_ptr(), whole, Advice::LinuxDontNeed) };
    }
}

/// Empty slots for the list of free extents of a [`CodeRegion`], which live as long as the
/// process. Memory appears as they are used.
pub fn extents(count: usize) -> &'static mut [Extent] {
    let Ok(layout) = Layout::array::<Extent>(count) else {
        return &mut [];
    };
    if layout.size() == 0 {
        return &mut [];
    }
    // SAFETY: the size isn't zero; the allocation is never freed, and zeros are empty slots
    // (`Extent`).
    unsafe {
        match NonNull::new(alloc_zeroed(layout).cast::<Extent>()) {
            Some(first) => core::slice::from_raw_parts_mut(first.as_ptr(), count),
            None => &mut [],
        }
    }
}

/// The `unused` hook of lua-core: gives the whole pages of free memory back.
// A hook is a safe function; that it gets memory of the region is lua-core's promise.
#[allow(clippy::not_unsafe_ptr_arg_deref)]
pub fn unused(_: *mut c_void, start: *mut u8, len: usize) {
    let skip = start.align_offset(PAGE);
    let whole = len.saturating_sub(skip) / PAGE * PAGE;
    if whole > 0 {
        // SAFETY: lua-core names memory of its region, which is a private mapping, that
        // holds nothing. If the system refuses, the pages stay: nothing is lost.
        let _ = unsafe { madvise(start.add(skip).cast(), whole, Advice::LinuxDontNeed) };
    }
}
