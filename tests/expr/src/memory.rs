//! Step 3: memory for code. Where there is no operating system, this is a range
//! of physical pages; here it is one mapping, flipped between writable and
//! executable.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::ptr::NonNull;

use rt_nostd::{CodeRegion, Extent, Protect, ProtectError};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect};

use crate::Error;

/// Blocks of code that can exist at once take a slot each, about.
const SLOTS: usize = 64;

struct Pages;

impl Protect for Pages {
    fn unpublish(&mut self, address: usize, len: usize) -> Result<(), ProtectError> {
        flip(address, len, MprotectFlags::READ | MprotectFlags::WRITE)
    }

    fn publish(&mut self, address: usize, len: usize) -> Result<(), ProtectError> {
        flip(address, len, MprotectFlags::READ | MprotectFlags::EXEC)
    }
}

fn flip(address: usize, len: usize, access: MprotectFlags) -> Result<(), ProtectError> {
    let start = std::ptr::with_exposed_provenance_mut::<c_void>(address);
    // SAFETY: `CodeRegion` passes the mapping it was given, whole, and nothing
    // else lies in it.
    unsafe { mprotect(start, len, access) }
        .map_err(|error: Errno| ProtectError(error.raw_os_error().into()))
}

/// A region of `len` bytes that lives as long as the process.
///
/// # Errors
/// [`Error::Memory`] when the system has none, [`Error::Region`] for a bad length.
pub fn reserve(len: usize) -> Result<CodeRegion<'static>, Error> {
    let access = ProtFlags::READ | ProtFlags::EXEC;
    // SAFETY: a new mapping at an address of the system's choice.
    let mapped = unsafe { mmap_anonymous(std::ptr::null_mut(), len, access, MapFlags::PRIVATE) };
    let mapped = mapped
        .map_err(|error| Error::Memory(error.raw_os_error()))?
        .cast::<u8>();
    mapped.expose_provenance();
    let base = NonNull::new(mapped).ok_or(Error::Memory(0))?;
    let extents = vec![Extent::EMPTY; SLOTS].leak();
    // SAFETY: the mapping is new, executable, never unmapped and known to nobody
    // else; `Pages` flips it; `Engine` runs no code while it emits, because both
    // borrow it exclusively or run on its one thread.
    unsafe { CodeRegion::flipped(base, len, Box::leak(Box::new(Pages)), extents) }
        .map_err(Error::Region)
}
