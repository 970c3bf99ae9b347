//! Small arrays that live on the native stack until they get too long for it,
//! then in the region. For patterns, and for what the matcher keeps.
//!
//! The collector doesn't look here: what holds references to objects must be gone
//! before the next safepoint. Memory is given back by `Drop`, on every path.

use crate::heap::{Buffer, NoMemory, Rt};
use core::mem::MaybeUninit;

/// An array of plain data, the first `N` elements without memory of the region.
pub(super) struct Scratch<T: Copy, const N: usize> {
    rt: Rt,
    /// The first `len` elements are initialized as long as `is_long` is false.
    short: [MaybeUninit<T>; N],
    len: usize,
    long: Buffer<T>,
    is_long: bool,
}

impl<T: Copy, const N: usize> Scratch<T, N> {
    #[inline(always)]
    pub(super) fn new(rt: Rt) -> Self {
        Scratch {
            rt,
            short: [const { MaybeUninit::uninit() }; N],
            len: 0,
            long: Buffer::new(),
            is_long: false,
        }
    }

    /// Appends an element.
    #[inline(always)]
    pub(super) fn push(&mut self, x: T) -> Result<(), NoMemory> {
        if !self.is_long
            && let Some(place) = self.short.get_mut(self.len)
        {
            place.write(x);
            self.len += 1;
            return Ok(());
        }
        self.push_long(x)
    }

    #[cold]
    fn push_long(&mut self, x: T) -> Result<(), NoMemory> {
        if !self.is_long {
            self.long.reserve(self.rt, N * 2)?;
            let rt = self.rt;
            // SAFETY: the first `len` elements of `short` are initialized.
            let short =
                unsafe { core::slice::from_raw_parts(self.short.as_ptr().cast(), self.len) };
            self.long.extend(rt, short)?;
            self.is_long = true;
        }
        self.long.push(self.rt, x)
    }

    /// Removes the last element.
    #[inline(always)]
    pub(super) fn pop(&mut self) {
        if self.is_long {
            self.long.pop();
        } else {
            self.len = self.len.saturating_sub(1);
        }
    }

    /// Removes all elements; memory stays for the next ones.
    #[inline(always)]
    pub(super) fn clear(&mut self) {
        self.long.truncate(0);
        self.len = 0;
    }

    /// All elements.
    #[inline(always)]
    pub(super) fn items(&self) -> &[T] {
        if self.is_long {
            &self.long
        } else {
            // SAFETY: the first `len` elements of `short` are initialized.
            unsafe { core::slice::from_raw_parts(self.short.as_ptr().cast(), self.len) }
        }
    }

    /// The same, to change in place.
    #[inline(always)]
    pub(super) fn items_mut(&mut self) -> &mut [T] {
        if self.is_long {
            &mut self.long
        } else {
            // SAFETY: the first `len` elements of `short` are initialized.
            unsafe { core::slice::from_raw_parts_mut(self.short.as_mut_ptr().cast(), self.len) }
        }
    }
}

impl<T: Copy, const N: usize> Drop for Scratch<T, N> {
    fn drop(&mut self) {
        self.long.free(self.rt);
    }
}
