//! Strings, all interned: equal strings are one object, so equality is equality
//! of references. The table is `hashbrown`'s, with its memory in the region.
//!
//! The table doesn't keep strings alive: a collection removes those that the
//! marking didn't reach.

use super::{Kind, NoMemory, Rt, StrRef};
use allocator_api2::alloc::{AllocError, Allocator, Layout};
use core::ptr::NonNull;
use hashbrown::HashTable;

// A string object: header (`aux` = hash, `b2` = event number + 1), length in bytes
// at +8, a spare word, then the bytes.

/// Offset of a string's first byte.
pub(crate) const STRING_DATA: u32 = 16;
/// Longest string. Sizes stay far from 32-bit overflow.
pub const MAX_STRING: usize = (1 << 30) - 64;

/// `hashbrown` memory from the region.
#[derive(Clone, Copy)]
pub(crate) struct RegionAllocator(pub Rt);

// SAFETY: memory comes from `Rt::allocate_manual`, which nobody else frees, stays
// where it is, and is aligned as asked (checked); clones name the same region.
unsafe impl Allocator for RegionAllocator {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        if layout.align() > 16 {
            return Err(AllocError);
        }
        let size = u32::try_from(layout.size())
            .ok()
            .and_then(|s| s.checked_add(16))
            .ok_or(AllocError)?;
        let offset = self
            .0
            .allocate_manual(size)
            .map_err(|NoMemory| AllocError)?;
        // Objects are 16-aligned, so 16 bytes on (past the header) it still is.
        let p = NonNull::new(self.0.at::<u8>(offset + 16)).ok_or(AllocError)?;
        Ok(NonNull::slice_from_raw_parts(p, layout.size()))
    }

    unsafe fn deallocate(&self, p: NonNull<u8>, layout: Layout) {
        self.0
            .release(self.0.offset_of(p.as_ptr()) - 16, layout.size() as u32 + 16);
    }
}

/// The table of all strings.
pub(crate) type InternTable = HashTable<u32, RegionAllocator>;

/// 32-bit hash of a string. Long strings are sampled: the ends and 32-byte
/// strides in between.
#[inline]
pub(crate) fn hash_bytes(seed: u64, s: &[u8]) -> u32 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    let mut h = seed ^ (s.len() as u64).wrapping_mul(K);
    let mut mix = |x: u64| {
        h = (h.rotate_left(23) ^ x).wrapping_mul(K);
        h ^= h >> 32;
    };
    let word = |i: usize| -> u64 {
        s.get(i..i + 8)
            .and_then(|b| b.try_into().ok())
            .map_or(0, u64::from_le_bytes)
    };
    if s.len() >= 8 {
        if s.len() <= 64 {
            let mut i = 0;
            while i + 8 <= s.len() {
                mix(word(i));
                i += 8;
            }
        } else {
            let stride = (s.len() / 64).max(1) * 8;
            let mut i = 0;
            while i + 8 <= s.len() {
                mix(word(i));
                i += stride;
            }
        }
        mix(word(s.len() - 8));
    } else {
        let mut x = 0;
        for &b in s {
            x = x << 8 | b as u64;
        }
        mix(x);
    }
    (h ^ h >> 29) as u32
}

#[inline(always)]
fn spread(hash: u32) -> u64 {
    (hash as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Rt {
    /// The one string with these bytes.
    pub fn intern(self, s: &[u8]) -> Result<StrRef, NoMemory> {
        // SAFETY: plain field.
        let hash = hash_bytes(unsafe { (*self.vm()).seed }, s);
        if let Some(found) = self.find_string(hash, s) {
            return Ok(found);
        }
        if s.len() > MAX_STRING {
            return Err(NoMemory);
        }
        let offset = self.allocate(Kind::String, string_size(s.len()), 0, 0, hash)?;
        self.set(offset + 8, s.len() as u32);
        self.set(offset + 12, 0u32);
        // SAFETY: the new object has room for the bytes; `s` can't overlap fresh memory.
        unsafe {
            core::ptr::copy_nonoverlapping(s.as_ptr(), self.at(offset + STRING_DATA), s.len());
        }
        self.insert_string(hash, offset)?;
        Ok(StrRef(offset))
    }

    #[inline]
    fn find_string(self, hash: u32, s: &[u8]) -> Option<StrRef> {
        // SAFETY: the table is initialized and no other borrow of it is alive.
        let table = unsafe { &(*self.vm()).strings };
        table
            .find(spread(hash), |&offset| {
                self.header(offset).aux == hash && self.str_bytes(StrRef(offset)) == s
            })
            .map(|&offset| StrRef(offset))
    }

    fn insert_string(self, hash: u32, offset: u32) -> Result<(), NoMemory> {
        // SAFETY: as `find_string`; the allocator inside only touches `cells` and `spans`.
        let table = unsafe { &mut (*self.vm()).strings };
        let rehash = |&o: &u32| spread(self.header(o).aux);
        if table.try_reserve(1, rehash).is_err() {
            return Err(NoMemory);
        }
        table.insert_unique(spread(hash), offset, rehash);
        Ok(())
    }

    /// Bytes of a string. Valid until a collection frees it.
    #[inline(always)]
    pub fn str_bytes<'a>(self, s: StrRef) -> &'a [u8] {
        // SAFETY: strings are immutable and hold `len` bytes from `STRING_DATA` on; that the
        // string isn't freed while the slice is in use is the caller's rule of `heap/mod.rs`:
        // collections run only at safepoints, and what's used across one is rooted.
        unsafe {
            core::slice::from_raw_parts(
                self.at(s.0 + STRING_DATA),
                self.get::<u32>(s.0 + 8) as usize,
            )
        }
    }

    /// Length of a string in bytes.
    #[inline(always)]
    pub fn str_len(self, s: StrRef) -> u32 {
        self.get(s.0 + 8)
    }

    /// Is it the name of a metamethod event?
    #[inline(always)]
    pub(crate) fn is_event_name(self, s: StrRef) -> bool {
        self.header(s.0).b2 != 0
    }

    /// Forgets the strings that the marking didn't reach.
    pub(crate) fn sweep_strings(self) {
        // SAFETY: as `insert_string`.
        let (table, live) = unsafe { (&mut (*self.vm()).strings, (*self.vm()).live) };
        table.retain(|&mut offset| self.header(offset).mark == live);
    }
}

/// Bytes of a string object.
#[inline(always)]
pub(crate) const fn string_size(len: usize) -> u32 {
    STRING_DATA + len as u32
}
