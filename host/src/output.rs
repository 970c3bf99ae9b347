//! Standard output, buffered as C's stdio does it: by lines on a terminal, by 64 KiB
//! elsewhere; and standard error, which is written after what was buffered.
//!
//! Must never panic: a closed pipe or a full disk is remembered and reported at the end.
//! Called by the `write` hook of lua-core, by `report` and at the end of the program.

use crate::streams::write_all;
use core::cell::Cell;
use core::ffi::c_void;
use lua_core::system::Buffering;
use rustix::io::Errno;
use std::io::IsTerminal;

const CAPACITY: usize = 64 << 10;

/// Buffered standard output. Shared between the `write` hook and the command, on one
/// thread, and nothing here calls back: so cells do.
pub struct Output {
    buffer: Cell<Vec<u8>>,
    buffering: Cell<Buffering>,
    failure: Cell<Option<Errno>>,
    /// The last byte was no line break.
    is_open: Cell<bool>,
}

impl Output {
    /// With an empty buffer, whose pages nobody has touched yet.
    pub fn new() -> Output {
        let by_lines = std::io::stdout().is_terminal();
        let buffering = if by_lines {
            Buffering::Line
        } else {
            Buffering::Full
        };
        Output {
            buffer: Cell::new(Vec::with_capacity(CAPACITY)),
            buffering: Cell::new(buffering),
            failure: Cell::new(None),
            is_open: Cell::new(false),
        }
    }

    /// Takes bytes to be written.
    ///
    /// # Errors
    /// If bytes couldn't be written now, these or earlier ones. They are gone.
    pub fn write(&self, bytes: &[u8]) -> Result<(), Errno> {
        let mut buffer = self.buffer.take();
        let mut written = Ok(());
        if bytes.len() > CAPACITY - buffer.len() {
            written = self.write_out(&buffer);
            buffer.clear();
        }
        if bytes.len() >= CAPACITY {
            written = written.and(self.write_out(bytes));
        } else {
            buffer.extend_from_slice(bytes);
        }
        let at_once = match self.buffering.get() {
            Buffering::Full => false,
            Buffering::Line => bytes.contains(&b'\n'),
            Buffering::No => true,
        };
        if at_once {
            written = written.and(self.write_out(&buffer));
            buffer.clear();
        }
        self.buffer.set(buffer);
        if let Some(&last) = bytes.last() {
            self.is_open.set(last != b'\n');
        }
        written
    }

    /// Ends a line that something was written to: what draws over it would hide that.
    pub fn end_line(&self) {
        if self.is_open.get() {
            // A failure is remembered.
            let _ = self.write(b"\n");
        }
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// If it couldn't be written. It is gone.
    pub fn flush(&self) -> Result<(), Errno> {
        let mut buffer = self.buffer.take();
        let written = self.write_out(&buffer);
        buffer.clear();
        self.buffer.set(buffer);
        written
    }

    /// Sets when bytes are written.
    ///
    /// # Errors
    /// If what was buffered couldn't be written.
    pub fn set_buffering(&self, buffering: Buffering) -> Result<(), Errno> {
        self.buffering.set(buffering);
        self.flush()
    }

    fn write_out(&self, bytes: &[u8]) -> Result<(), Errno> {
        write_all(rustix::stdio::stdout(), bytes).inspect_err(|&errno| {
            self.failure.set(self.failure.get().or(Some(errno)));
        })
    }

    /// The first failure to write, if any.
    pub fn failure(&self) -> Option<Errno> {
        self.failure.get()
    }

    /// Writes to standard error, after what was buffered.
    pub fn complain(&self, bytes: &[u8]) {
        // What fails here is reported at the end.
        let _ = self.flush();
        // There is nowhere to report a failure to.
        let _ = write_all(rustix::stdio::stderr(), bytes);
    }

    /// The hook for lua-core.
    ///
    /// `context` is the address of an `Output` that lives as long as the VM.
    pub fn hook(context: *mut c_void, bytes: &[u8]) {
        // SAFETY: `session` passes such a context to `Config` (see above).
        let output = unsafe { &*context.cast::<Output>().cast_const() };
        // `print` tells of no failure; the end of the program does.
        let _ = output.write(bytes);
    }
}
