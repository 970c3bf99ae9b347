//! Open files with buffers, as C's stdio has them: one buffer for what was read ahead,
//! one for what is yet to be written, and never both at once.
//!
//! Standard output isn't here: `output` has it. Called by `system`.

use lua_core::system::{Buffering, OpenMode, SeekFrom};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::seek;
use rustix::io::{Errno, read, write};
use std::process::Child;

/// Bytes that are read at once, and kept for writing.
const CAPACITY: usize = 32 << 10;

enum Descriptor {
    /// Closed with the stream.
    Own(OwnedFd),
    /// Standard input or error.
    Standard(BorrowedFd<'static>),
}

impl AsFd for Descriptor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Descriptor::Own(fd) => fd.as_fd(),
            Descriptor::Standard(fd) => *fd,
        }
    }
}

/// An open file or pipe.
pub struct Stream {
    descriptor: Descriptor,
    mode: OpenMode,
    buffering: Buffering,
    capacity: usize,
    /// What was read ahead, used up to `used`.
    ahead: Vec<u8>,
    used: usize,
    /// What is to be written.
    waiting: Vec<u8>,
    /// The process at the other end of a pipe.
    child: Option<Child>,
}

impl Stream {
    fn with(descriptor: Descriptor, mode: OpenMode, buffering: Buffering) -> Stream {
        Stream {
            descriptor,
            mode,
            buffering,
            capacity: CAPACITY,
            ahead: Vec::new(),
            used: 0,
            waiting: Vec::new(),
            child: None,
        }
    }

    /// A file that was opened in `mode`.
    pub fn of_file(fd: OwnedFd, mode: OpenMode) -> Stream {
        Stream::with(Descriptor::Own(fd), mode, Buffering::Full)
    }

    /// A pipe to or from a process, which is waited for at the end.
    pub fn of_process(fd: OwnedFd, mode: OpenMode, child: Child) -> Stream {
        let mut stream = Stream::of_file(fd, mode);
        stream.child = Some(child);
        stream
    }

    /// Standard input or error.
    pub fn standard(fd: BorrowedFd<'static>, mode: OpenMode, buffering: Buffering) -> Stream {
        Stream::with(Descriptor::Standard(fd), mode, buffering)
    }

    /// Would reading go to the system?
    pub fn is_empty(&self) -> bool {
        self.used == self.ahead.len()
    }

    /// Shows what comes next; `take` gives back how much of it is used up.
    pub fn read(&mut self, take: &mut dyn FnMut(&[u8]) -> usize) -> Result<(), Errno> {
        if !self.mode.read {
            return Err(Errno::BADF);
        }
        self.flush()?;
        if self.is_empty() {
            self.used = 0;
            self.ahead.resize(self.capacity.max(1), 0);
            let got = loop {
                match read(&self.descriptor, self.ahead.as_mut_slice()) {
                    Err(Errno::INTR) => {}
                    other => break other,
                }
            };
            self.ahead.truncate(*got.as_ref().unwrap_or(&0));
            got?;
        }
        let rest = self.ahead.get(self.used..).unwrap_or_default();
        let n = take(rest).min(rest.len());
        self.used += n;
        Ok(())
    }

    /// Forgets what was read ahead and goes back to where the program is.
    fn unread(&mut self) -> Result<(), Errno> {
        let rest = (self.ahead.len() - self.used) as i64;
        self.ahead.clear();
        self.used = 0;
        match rest {
            0 => Ok(()),
            _ => seek(&self.descriptor, rustix::fs::SeekFrom::Current(-rest)).map(|_| ()),
        }
    }

    /// Takes bytes to be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        if !self.mode.write {
            return Err(Errno::BADF);
        }
        self.unread()?;
        let room = self.capacity.saturating_sub(self.waiting.len());
        if self.buffering == Buffering::No || bytes.len() > room {
            self.flush()?;
        }
        if self.buffering == Buffering::No || bytes.len() >= self.capacity {
            return write_all(self.descriptor.as_fd(), bytes);
        }
        self.waiting.extend_from_slice(bytes);
        if self.buffering == Buffering::Line && bytes.contains(&b'\n') {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is buffered. It is gone, even if that fails.
    pub fn flush(&mut self) -> Result<(), Errno> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let written = write_all(self.descriptor.as_fd(), &self.waiting);
        self.waiting.clear();
        written
    }

    /// Moves; gives the position from the start.
    pub fn seek(&mut self, from: SeekFrom, offset: i64) -> Result<u64, Errno> {
        self.flush()?;
        self.unread()?;
        let to = match from {
            SeekFrom::Start => {
                rustix::fs::SeekFrom::Start(u64::try_from(offset).map_err(|_| Errno::INVAL)?)
            }
            SeekFrom::Here => rustix::fs::SeekFrom::Current(offset),
            SeekFrom::End => rustix::fs::SeekFrom::End(offset),
        };
        seek(&self.descriptor, to)
    }

    /// Sets how writing is buffered, and by how many bytes.
    pub fn set_buffering(&mut self, buffering: Buffering, size: usize) -> Result<(), Errno> {
        self.flush()?;
        self.buffering = buffering;
        self.capacity = match size {
            0 => CAPACITY,
            n => n.min(CAPACITY * 32),
        };
        Ok(())
    }

    /// Writes what is buffered, closes, and waits for the process.
    pub fn close(mut self) -> Result<(), Errno> {
        let written = self.flush();
        drop(self.descriptor);
        if let Some(child) = &mut self.child {
            child
                .wait()
                .map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::CHILD))?;
        }
        written
    }
}

/// Writes all of `bytes`.
pub fn write_all(to: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
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
