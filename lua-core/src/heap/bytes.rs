//! Bytes of strings: hashed, compared and copied, mostly few of them and without a call.
//!
//! Knows nothing of objects. Called by: `intern.rs`, `library/builder.rs`, what joins strings.

/// Eight bytes from `i` on.
///
/// # Safety
/// They lie inside `s`.
#[inline(always)]
unsafe fn word(s: &[u8], i: usize) -> u64 {
    debug_assert!(i + 8 <= s.len());
    // SAFETY: the contract.
    u64::from_le(unsafe { s.as_ptr().add(i).cast::<u64>().read_unaligned() })
}

/// Strings up to this length consist of what [`ends`] gives.
pub(crate) const ENDS: usize = 16;

/// The first and the last bytes of up to 16, eight each or less; for different strings of one
/// length they differ.
#[inline(always)]
pub(super) fn ends(s: &[u8]) -> (u64, u64) {
    let n = s.len();
    // SAFETY: the lengths allow these places.
    unsafe {
        let byte = |i: usize| *s.as_ptr().add(i) as u64;
        let half = |i: usize| -> u64 {
            u32::from_le(s.as_ptr().add(i).cast::<u32>().read_unaligned()) as u64
        };
        if n >= 8 {
            (word(s, 0), word(s, n - 8))
        } else if n >= 4 {
            (half(0), half(n - 4))
        } else if n > 0 {
            (byte(0) | byte(n / 2) << 8 | byte(n - 1) << 16, 0)
        } else {
            (0, 0)
        }
    }
}

/// Spreads a seed over all bits (Vigna's SplitMix64), as the hashes need it.
pub(crate) fn mix_seed(seed: u64) -> u64 {
    let x = seed.wrapping_add(K);
    let x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ x >> 31
}

/// 32-bit hash of a string, never 0, by a seed out of [`mix_seed`]. Long strings are sampled: the ends, and a few pieces of
/// 16 bytes in between.
///
/// Products of 64 bits by 64, folded (as in Wang Yi's wyhash): those of one string don't
/// wait for one another.
#[inline]
pub(crate) fn hash_bytes(seed: u64, s: &[u8]) -> u32 {
    let n = s.len();
    let mut h = hash_ends(seed, ends(s), n);
    if n > ENDS {
        let stride = (n / 64).max(1) * 16;
        let mut i = 8;
        while i + 8 < n {
            // SAFETY: just tested, and there are more than 16 bytes.
            let (x, y) = unsafe { (word(s, i), word(s, (i + 8).min(n - 16))) };
            h = h.rotate_left(29) ^ fold(x ^ seed ^ L, y ^ K ^ seed.rotate_left(32));
            i += stride;
        }
        h ^= h >> 32;
    }
    reduce(h)
}

/// The hash of up to [`ENDS`] bytes, whose [`ends`] these are.
#[inline(always)]
pub(super) fn hash_short(seed: u64, ends: (u64, u64), n: usize) -> u32 {
    reduce(hash_ends(seed, ends, n))
}

#[inline(always)]
fn reduce(h: u64) -> u32 {
    ((h ^ h >> 29) as u32).max(1)
}

/// The start of the hash: all of it for up to [`ENDS`] bytes. The seed is in both factors:
/// else there were strings that make one of them 0 whatever the seed is, and all of
/// them would meet.
#[inline(always)]
fn hash_ends(seed: u64, (first, last): (u64, u64), n: usize) -> u64 {
    let length = (n as u64).wrapping_mul(K);
    fold(first ^ seed ^ K, last ^ seed.rotate_left(32) ^ length ^ L)
}

pub(super) const K: u64 = 0x9E37_79B9_7F4A_7C15;
pub(super) const L: u64 = 0xD6E8_FEB8_6659_FD93;

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let p = a as u128 * b as u128;
    p as u64 ^ (p >> 64) as u64
}

/// Are these the same bytes? Most are few: no call.
#[inline(always)]
pub(super) fn same_bytes(s: &[u8], t: &[u8]) -> bool {
    let n = s.len();
    if n != t.len() {
        return false;
    }
    if n > 32 {
        return s == t;
    }
    let mut i = 8;
    while i + 8 < n {
        // SAFETY: just tested.
        if unsafe { word(s, i) != word(t, i) } {
            return false;
        }
        i += 8;
    }
    ends(s) == ends(t)
}

/// Copies bytes. Most are few: no call.
///
/// # Safety
/// There is room for them at `to`, which doesn't overlap them.
#[inline(always)]
pub(super) unsafe fn copy_bytes(s: &[u8], to: *mut u8) {
    let n = s.len();
    // SAFETY: the contract; the lengths allow the places, which may overlap one another.
    unsafe {
        let from = s.as_ptr();
        if n > 32 {
            core::ptr::copy_nonoverlapping(from, to, n);
        } else if n >= 16 {
            let (first, last) = (from.cast::<u128>(), from.add(n - 16).cast::<u128>());
            let (first, last) = (first.read_unaligned(), last.read_unaligned());
            to.cast::<u128>().write_unaligned(first);
            to.add(n - 16).cast::<u128>().write_unaligned(last);
        } else if n >= 8 {
            let (first, last) = (from.cast::<u64>(), from.add(n - 8).cast::<u64>());
            let (first, last) = (first.read_unaligned(), last.read_unaligned());
            to.cast::<u64>().write_unaligned(first);
            to.add(n - 8).cast::<u64>().write_unaligned(last);
        } else if n >= 4 {
            let (first, last) = (from.cast::<u32>(), from.add(n - 4).cast::<u32>());
            let (first, last) = (first.read_unaligned(), last.read_unaligned());
            to.cast::<u32>().write_unaligned(first);
            to.add(n - 4).cast::<u32>().write_unaligned(last);
        } else if n > 0 {
            let (first, middle, last) = (*from, *from.add(n / 2), *from.add(n - 1));
            to.write(first);
            to.add(n / 2).write(middle);
            to.add(n - 1).write(last);
        }
    }
}

/// Room for bytes that are put one after the other.
pub(crate) struct Room {
    at: *mut u8,
    left: usize,
}

impl Room {
    /// # Safety
    /// There are `n` bytes from `at` on, which nobody else looks at while this is used.
    #[inline(always)]
    pub(crate) unsafe fn new(at: *mut u8, n: usize) -> Room {
        Room { at, left: n }
    }

    /// Puts bytes, which don't lie here themselves; false if there is no room for them.
    #[inline(always)]
    #[must_use]
    pub(crate) fn push(&mut self, s: &[u8]) -> bool {
        if s.len() > self.left {
            return false;
        }
        // SAFETY: there is room, as `new` was promised.
        unsafe {
            copy_bytes(s, self.at);
            self.at = self.at.add(s.len());
        }
        self.left -= s.len();
        true
    }

    /// Bytes there is room for yet.
    #[inline(always)]
    pub(crate) fn left(&self) -> usize {
        self.left
    }
}
