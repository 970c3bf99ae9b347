//! Standard output, buffered as C's stdio does it: by lines on a terminal, by 64 KiB
//! elsewhere; and standard error, which is written after what was buffered.
//!
//! Must never panic: a closed pipe or a full disk is remembered and reported at the end.
//! Called by the `write` hook of lua-core, by `report` and at the end of the program.

use core::cell::Cell;
use core::ffi::c_void;
use rustix::fd::BorrowedFd;
use rustix::io::{Errno, write};
use std::io::IsTerminal;

const CAPACITY: usize = 64 << 10;

/// Buffered standard output. Shared between the `write` hook and the command, on one
/// thread, and nothing here calls back: so cells do.
pub struct Output {
    buffer: Cell<Vec<u8>>,
    by_lines: bool,
    failure: Cell<Option<Errno>>,
}

impl Output {
    /// With an empty buffer, whose pages nobody has touched yet.
    pub fn new() -> Output {
        Output {
            buffer: Cell::new(Vec::with_capacity(CAPACITY)),
            by_lines: std::io::stdout().is_terminal(),
            failure: Cell::new(None),
        }
    }

    /// Takes bytes to be written.
    pub fn write(&self, bytes: &[u8]) {
        let mut buffer = self.buffer.take();
        if bytes.len() > CAPACITY - buffer.len() {
            self.write_out(&buffer);
            buffer.clear();
        }
        if bytes.len() >= CAPACITY {
            self.write_out(bytes);
        } else {
            buffer.extend_from_slice(bytes);
        }
        if self.by_lines && bytes.contains(&b'\n') {
            self.write_out(&buffer);
            buffer.clear();
        }
        self.buffer.set(buffer);
    }

    /// Writes what is buffered.
    pub fn flush(&self) {
        let mut buffer = self.buffer.take();
        self.write_out(&buffer);
        buffer.clear();
        self.buffer.set(buffer);
    }

    fn write_out(&self, bytes: &[u8]) {
        if let Err(errno) = write_all(rustix::stdio::stdout(), bytes) {
            self.failure.set(self.failure.get().or(Some(errno)));
        }
    }

    /// The first failure to write, if any.
    pub fn failure(&self) -> Option<Errno> {
        self.failure.get()
    }

    /// Writes to standard error, after what was buffered.
    pub fn complain(&self, bytes: &[u8]) {
        self.flush();
        // There is nowhere to report a failure to.
        let _ = write_all(rustix::stdio::stderr(), bytes);
    }

    /// The hook for lua-core.
    ///
    /// `context` is the address of an `Output` that lives as long as the VM.
    pub fn hook(context: *mut c_void, bytes: &[u8]) {
        // SAFETY: `session` passes such a context to `Config` (see above).
        unsafe { (*context.cast::<Output>().cast_const()).write(bytes) }
    }
}

fn write_all(to: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match write(to, rest) {
            Ok(0) => return Err(Errno::IO),
            Ok(n) => rest = &rest[n..],
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
