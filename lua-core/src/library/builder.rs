//! Strings under construction: bytes are collected outside of the heap's
//! objects and become a string at the end.
//!
//! Short ones never leave the native stack. Memory of long ones is given back
//! on every path, errors included, by `Drop`.

use crate::heap::bytes::Room;
use crate::heap::{Buffer, NoMemory, Rt, StrRef};
use core::mem::MaybeUninit;

/// Bytes that need no memory of the region.
const SHORT: usize = 256;

/// A string under construction.
pub(super) struct Builder {
    rt: Rt,
    /// The first `len` bytes are initialized; all moves to `long` when it gets too much.
    short: [MaybeUninit<u8>; SHORT],
    len: usize,
    long: Buffer<u8>,
    is_long: bool,
}

impl Builder {
    pub(super) fn new(rt: Rt) -> Builder {
        Builder {
            rt,
            short: [const { MaybeUninit::uninit() }; SHORT],
            len: 0,
            long: Buffer::new(),
            is_long: false,
        }
    }

    /// Appends bytes.
    #[inline]
    pub(super) fn push(&mut self, s: &[u8]) -> Result<(), NoMemory> {
        if !self.is_long {
            if let Some(room) = self.short.get_mut(self.len..self.len + s.len()) {
                // SAFETY: so many bytes, which are ours alone.
                let _ = unsafe { Room::new(room.as_mut_ptr().cast(), s.len()) }.push(s);
                self.len += s.len();
                return Ok(());
            }
            self.spill(s.len())?;
        }
        self.long.extend(self.rt, s)
    }

    /// Appends one byte.
    #[inline]
    pub(super) fn push_byte(&mut self, b: u8) -> Result<(), NoMemory> {
        self.push(&[b])
    }

    /// Makes room for `n` more bytes at once.
    pub(super) fn reserve(&mut self, n: usize) -> Result<(), NoMemory> {
        if self.is_long {
            self.long.reserve(self.rt, n)
        } else if self.len.saturating_add(n) > SHORT {
            self.spill(n)
        } else {
            Ok(())
        }
    }

    #[cold]
    fn spill(&mut self, n: usize) -> Result<(), NoMemory> {
        let total = self.len.checked_add(n).ok_or(NoMemory)?;
        if total > crate::heap::intern::MAX_STRING {
            return Err(NoMemory);
        }
        self.long.reserve(self.rt, total)?;
        let (rt, len) = (self.rt, self.len);
        // SAFETY: the first `len` bytes of `short` are initialized.
        let short = unsafe { core::slice::from_raw_parts(self.short.as_ptr().cast(), len) };
        self.long.extend(rt, short)?;
        self.is_long = true;
        Ok(())
    }

    /// Appends its own first `n` bytes, which exist.
    pub(super) fn repeat_start(&mut self, n: usize) -> Result<(), NoMemory> {
        if !self.is_long {
            if self.len + n <= SHORT && n <= self.len {
                self.short.copy_within(..n, self.len);
                self.len += n;
                return Ok(());
            }
            self.spill(n)?;
        }
        self.long.reserve(self.rt, n)?;
        let n = n.min(self.long.len());
        // SAFETY: the source lies within the buffer, which isn't moved by `extend`, since
        // `reserve` made room; source and destination don't overlap.
        let start = unsafe { core::slice::from_raw_parts(self.long.as_ptr(), n) };
        self.long.extend(self.rt, start)
    }

    /// What was appended so far.
    pub(super) fn bytes(&self) -> &[u8] {
        if self.is_long {
            &self.long
        } else {
            // SAFETY: the first `len` bytes of `short` are initialized.
            unsafe { core::slice::from_raw_parts(self.short.as_ptr().cast(), self.len) }
        }
    }

    /// The same, to change in place.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        if self.is_long {
            &mut self.long
        } else {
            // SAFETY: the first `len` bytes of `short` are initialized.
            unsafe { core::slice::from_raw_parts_mut(self.short.as_mut_ptr().cast(), self.len) }
        }
    }

    /// The string.
    pub(super) fn finish(&self) -> Result<StrRef, NoMemory> {
        self.rt.intern_short(self.bytes())
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.long.free(self.rt);
    }
}
