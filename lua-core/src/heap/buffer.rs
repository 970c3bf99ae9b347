//! A growable array in the region for the front end, the library and the
//! collector. It is not an object: it lives until `free`.

use super::{NoMemory, Rt};
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

const HEADER: u32 = 8;

/// A growable array of plain data. There is no `Drop`: the owner calls
/// [`Buffer::free`] on every path, errors included.
#[repr(C)]
pub struct Buffer<T: Copy> {
    memory: *mut T,
    offset: u32,
    capacity: u32,
    len: u32,
    _data: PhantomData<T>,
}

impl<T: Copy> Default for Buffer<T> {
    fn default() -> Self {
        Buffer::new()
    }
}

impl<T: Copy> Buffer<T> {
    /// Empty, without memory.
    pub const fn new() -> Buffer<T> {
        Buffer {
            memory: core::ptr::NonNull::dangling().as_ptr(),
            offset: 0,
            capacity: 0,
            len: 0,
            _data: PhantomData,
        }
    }

    /// Appends one element.
    #[inline]
    pub fn push(&mut self, rt: Rt, x: T) -> Result<(), NoMemory> {
        if self.len == self.capacity {
            self.grow(rt, 1)?;
        }
        // SAFETY: len < capacity, and `memory` has room for `capacity` elements.
        unsafe { self.memory.add(self.len as usize).write(x) };
        self.len += 1;
        Ok(())
    }

    /// Removes the last element.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let last = self.last().copied()?;
        self.len -= 1;
        Some(last)
    }

    /// Number of elements that fit without growing.
    pub fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Drops all elements from index `n` on.
    pub fn truncate(&mut self, n: usize) {
        self.len = self.len.min(n as u32);
    }

    /// Appends a slice.
    pub fn extend(&mut self, rt: Rt, xs: &[T]) -> Result<(), NoMemory> {
        self.reserve(rt, xs.len())?;
        // SAFETY: `reserve` made room; the source is not this buffer (it is borrowed mutably).
        unsafe {
            core::ptr::copy_nonoverlapping(
                xs.as_ptr(),
                self.memory.add(self.len as usize),
                xs.len(),
            )
        };
        self.len += xs.len() as u32;
        Ok(())
    }

    /// Appends an element so many times.
    pub fn extend_with(&mut self, rt: Rt, n: usize, x: T) -> Result<(), NoMemory> {
        self.reserve(rt, n)?;
        for i in 0..n {
            // SAFETY: `reserve` made room.
            unsafe { self.memory.add(self.len as usize + i).write(x) };
        }
        self.len += n as u32;
        Ok(())
    }

    /// Lets it live as long as the VM.
    #[cfg(all(feature = "interp", target_arch = "x86_64"))]
    pub(crate) fn leak(self) -> &'static mut [T] {
        // SAFETY: the first `len` elements are initialized; the memory belonged to this buffer,
        // and is never given back. Only the VM's own state refers to it.
        unsafe { core::slice::from_raw_parts_mut(self.memory, self.len as usize) }
    }

    /// Makes room for `n` more elements.
    pub fn reserve(&mut self, rt: Rt, n: usize) -> Result<(), NoMemory> {
        if n > (self.capacity - self.len) as usize {
            self.grow(rt, n)
        } else {
            Ok(())
        }
    }

    #[cold]
    fn grow(&mut self, rt: Rt, n: usize) -> Result<(), NoMemory> {
        const { assert!(align_of::<T>() <= 8) };
        let size = size_of::<T>().max(1) as u64;
        let need = self.len as u64 + n as u64;
        let capacity = need.max(self.capacity as u64 * 2).max(64 / size).max(4);
        let bytes = capacity * size + HEADER as u64;
        let bytes = u32::try_from(bytes)
            .ok()
            .filter(|&b| b < 1 << 31)
            .ok_or(NoMemory)?;
        let offset = rt.allocate_manual(bytes)?;
        let memory: *mut T = rt.at(offset + HEADER);
        // SAFETY: both areas hold `len` elements and are distinct.
        unsafe { core::ptr::copy_nonoverlapping(self.memory, memory, self.len as usize) };
        self.release(rt);
        self.memory = memory;
        self.offset = offset;
        self.capacity = capacity as u32;
        Ok(())
    }

    fn release(&mut self, rt: Rt) {
        if self.offset != 0 {
            rt.release(
                self.offset,
                self.capacity * size_of::<T>().max(1) as u32 + HEADER,
            );
        }
    }

    /// Gives the memory back. The buffer is empty afterwards.
    pub fn free(&mut self, rt: Rt) {
        self.release(rt);
        *self = Buffer::new();
    }
}

impl<T: Copy> Deref for Buffer<T> {
    type Target = [T];
    #[inline(always)]
    fn deref(&self) -> &[T] {
        // SAFETY: the first `len` elements are initialized; the memory belongs to this buffer.
        unsafe { core::slice::from_raw_parts(self.memory, self.len as usize) }
    }
}

impl<T: Copy> DerefMut for Buffer<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as `deref`, and the borrow is unique.
        unsafe { core::slice::from_raw_parts_mut(self.memory, self.len as usize) }
    }
}
