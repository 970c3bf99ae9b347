//! Strings, all interned: equal strings are one object, so equality is equality
//! of references.
//!
//! The table is a hash table of chains through the strings themselves. A bucket tells the
//! first string of its chain, that string's hash, and whether the chain goes on: so a search
//! that finds nothing looks at no string, and the processor guesses its branches right and
//! goes on while memory answers. The table grows by
//! *linear hashing*: an insertion splits at most two buckets, and what the buckets lie in
//! never moves, so that no insertion takes long, however many strings there are. If there
//! is no memory for more buckets, the chains become longer; nothing fails. It shrinks the
//! same way, when a collection finds few strings, or when memory is short.
//!
//! The table doesn't keep strings alive. A dead string stays in it until it is swept
//! (`cells.rs`, `spans.rs`); when somebody asks for it before that, it is alive again.

use super::collect::Phase;
use super::{Kind, NoMemory, Rt, StrRef};

// A string object: header (`aux` = hash, `b2` = event number + 1), length in bytes
// at +8, the next string of the bucket at +12, then the bytes.

/// Offset of a string's first byte.
pub(crate) const STRING_DATA: u32 = 16;
/// Longest string. Sizes stay far from 32-bit overflow.
pub const MAX_STRING: usize = (1 << 30) - 64;

const NEXT: u32 = 12;
/// Buckets of the first segment; each further one doubles their number.
const FIRST: u32 = 512;
const SEGMENTS: usize = 20;
/// A collection shrinks a table of so many buckets for a string.
const SPARSE: u32 = 8;
/// What taking a string out of the table costs, in bytes looked at.
const REMOVE_WORK: i64 = 32;
/// What one bucket less costs, in bytes looked at.
const MERGE_WORK: i64 = 64;
/// Bytes before the first bucket of a segment.
const SEGMENT_HEADER: u32 = 8;
/// Bytes of a bucket.
const BUCKET: u32 = size_of::<Bucket>() as u32;

/// The head of a chain, 0 if it is empty: above, the hash of its first string; below, that
/// string's offset, whose lowest bit tells that another string follows.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
struct Bucket(u64);

impl Bucket {
    const EMPTY: Bucket = Bucket(0);

    #[inline(always)]
    fn new(first: u32, hash: u32, more: bool) -> Bucket {
        Bucket((hash as u64) << 32 | first as u64 | more as u64)
    }

    #[inline(always)]
    fn first(self) -> u32 {
        self.0 as u32 & !1
    }

    #[inline(always)]
    fn hash(self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline(always)]
    fn has_more(self) -> bool {
        self.0 & 1 != 0
    }
}

/// The table of all strings; part of the VM state.
pub(crate) struct InternTable {
    /// Memory of the buckets: the heads of their chains.
    segments: [u32; SEGMENTS],
    /// A power of two: buckets before this round of splitting began.
    base: u32,
    /// Buckets of this round that were split already.
    split: u32,
    /// Number of strings.
    count: u32,
}

impl InternTable {
    /// Without memory; `Rt::init_strings` gives it some.
    pub(crate) const fn new() -> InternTable {
        InternTable {
            segments: [0; SEGMENTS],
            base: FIRST,
            split: 0,
            count: 0,
        }
    }

    #[inline(always)]
    fn bucket_of(&self, hash: u32) -> u32 {
        let i = hash & (self.base * 2 - 1);
        if i < self.base + self.split {
            i
        } else {
            i & (self.base - 1)
        }
    }

    /// Segment of a bucket, and the number of the segment's first bucket.
    #[inline(always)]
    const fn segment_of(bucket: u32) -> (usize, u32) {
        if bucket < FIRST {
            return (0, 0);
        }
        let top = bucket.ilog2();
        ((top - FIRST.ilog2() + 1) as usize, 1 << top)
    }

    /// Where the head of a bucket's chain is.
    #[inline(always)]
    fn place_of(&self, bucket: u32) -> u32 {
        let (segment, first) = InternTable::segment_of(bucket);
        let start = match self.segments.get(segment) {
            Some(&start) => start,
            None => 0,
        };
        start + SEGMENT_HEADER + (bucket - first) * BUCKET
    }
}

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
fn ends(s: &[u8]) -> (u64, u64) {
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

/// 32-bit hash of a string. Long strings are sampled: the ends, and a few pieces of 16 bytes
/// in between.
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
            h = h.rotate_left(29) ^ fold(x ^ seed ^ L, y ^ K);
            i += stride;
        }
        h ^= h >> 32;
    }
    (h ^ h >> 29) as u32
}

/// The start of the hash: all of it for up to [`ENDS`] bytes.
#[inline(always)]
fn hash_ends(seed: u64, (first, last): (u64, u64), n: usize) -> u64 {
    fold(first ^ seed ^ K, last ^ (n as u64).wrapping_mul(K) ^ L)
}

const K: u64 = 0x9E37_79B9_7F4A_7C15;
const L: u64 = 0xD6E8_FEB8_6659_FD93;

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
unsafe fn copy_bytes(s: &[u8], to: *mut u8) {
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
        } else {
            for i in 0..n {
                to.add(i).write(from.add(i).read());
            }
        }
    }
}

impl Rt {
    fn strings(self) -> *mut InternTable {
        // SAFETY: field address of the live state.
        unsafe { &raw mut (*self.vm()).strings }
    }

    /// Gives the table of strings its first memory.
    pub(crate) fn init_strings(self) -> Result<(), NoMemory> {
        let segment = self.allocate_manual(SEGMENT_HEADER + FIRST * BUCKET)?;
        for i in 0..FIRST {
            self.set(segment + SEGMENT_HEADER + i * BUCKET, Bucket::EMPTY);
        }
        // SAFETY: plain field.
        unsafe { (*self.strings()).segments[0] = segment }
        Ok(())
    }

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
        // SAFETY: the new object has room for the bytes; `s` can't overlap fresh memory.
        unsafe { copy_bytes(s, self.at(offset + STRING_DATA)) }
        self.insert_string(hash, offset);
        Ok(StrRef(offset))
    }

    #[inline(always)]
    fn find_string(self, hash: u32, s: &[u8]) -> Option<StrRef> {
        // SAFETY: plain fields.
        let table = unsafe { &*self.strings() };
        let bucket: Bucket = self.get(table.place_of(table.bucket_of(hash)));
        if bucket.hash() == hash
            && bucket != Bucket::EMPTY
            && same_bytes(self.str_bytes(StrRef(bucket.first())), s)
        {
            return Some(self.revived(bucket.first()));
        }
        if bucket.has_more() {
            return self.find_in_chain(bucket.first(), hash, s);
        }
        None
    }

    /// The string of these bytes, [`ENDS`] at most, if it is the first of its chain and needs
    /// no care. For bodies of operations: no call.
    ///
    /// # Safety
    /// `s` is a place with `n` bytes.
    #[inline(always)]
    pub(crate) unsafe fn find_short(self, s: *const u8, n: usize) -> Option<StrRef> {
        // SAFETY: the contract; plain fields.
        unsafe {
            let ends_of_s = ends(core::slice::from_raw_parts(s, n));
            let h = hash_ends((*self.vm()).seed, ends_of_s, n);
            let hash = (h ^ h >> 29) as u32;
            let table = &*self.strings();
            let bucket: Bucket = self.get(table.place_of(table.bucket_of(hash)));
            let at = StrRef(bucket.first());
            if bucket.hash() != hash || bucket == Bucket::EMPTY || self.str_len(at) as usize != n {
                return None;
            }
            let same = ends(core::slice::from_raw_parts(self.at(at.0 + STRING_DATA), n));
            (same == ends_of_s && self.header(at.0).mark == (*self.vm()).live).then_some(at)
        }
    }

    /// The same behind the first string of the chain.
    #[inline(never)]
    fn find_in_chain(self, first: u32, hash: u32, s: &[u8]) -> Option<StrRef> {
        let mut at: u32 = self.get(first + NEXT);
        while at != 0 {
            if self.header(at).aux == hash && same_bytes(self.str_bytes(StrRef(at)), s) {
                return Some(self.revived(at));
            }
            at = self.get(at + NEXT);
        }
        None
    }

    /// A string that was found: if it is dead, but not swept yet, it is alive again.
    #[inline(always)]
    fn revived(self, at: u32) -> StrRef {
        // SAFETY: plain field.
        let live = unsafe { (*self.vm()).live };
        if self.header(at).mark != live && self.phase() != Phase::Marking {
            self.set_mark(at, live);
        }
        StrRef(at)
    }

    #[inline(always)]
    fn insert_string(self, hash: u32, offset: u32) {
        // SAFETY: plain fields.
        let table = unsafe { &mut *self.strings() };
        table.count += 1;
        let place = table.place_of(table.bucket_of(hash));
        self.push_string(place, hash, offset);
        // Two buckets for a string: each string more in a chain is a cache miss more.
        if table.count > (table.base + table.split) / 2 {
            self.split_bucket();
            self.split_bucket();
        }
    }

    /// Puts a string at the head of a chain.
    #[inline(always)]
    fn push_string(self, place: u32, hash: u32, offset: u32) {
        let first = self.get::<Bucket>(place).first();
        self.set(offset + NEXT, first);
        self.set(place, Bucket::new(offset, hash, first != 0));
    }

    /// Makes the string at `at`, if there is one, and what follows it a bucket's chain.
    fn set_chain(self, place: u32, at: u32) {
        let bucket = if at == 0 {
            Bucket::EMPTY
        } else {
            Bucket::new(at, self.header(at).aux, self.get::<u32>(at + NEXT) != 0)
        };
        self.set(place, bucket);
    }

    /// One bucket more, which takes its share of another one's strings.
    #[inline(never)]
    fn split_bucket(self) {
        // SAFETY: plain fields.
        let table = unsafe { &*self.strings() };
        let (from, to) = (table.split, table.base + table.split);
        let (segment, first) = InternTable::segment_of(to);
        let fresh = match table.segments.get(segment) {
            None => return,
            Some(0) => {
                // Each bucket is written before it is read: when it splits off.
                let bytes = SEGMENT_HEADER + first * BUCKET;
                // Injected failures are for operations, which would
                // be repeated; this just happens later.
                let Ok(memory) = self.with_retry(|| self.allocate_manual(bytes)) else {
                    return;
                };
                // SAFETY: plain fields.
                let table = unsafe { &*self.strings() };
                if table.base + table.split != to {
                    // Memory was short, and the table became smaller.
                    self.release(memory, bytes);
                    return;
                }
                memory
            }
            Some(&memory) => memory,
        };
        // SAFETY: plain fields; nothing below allocates.
        let table = unsafe { &mut *self.strings() };
        table.segments[segment] = fresh;
        table.split += 1;
        if table.split == table.base {
            table.base *= 2;
            table.split = 0;
        }
        let (place, other) = (table.place_of(from), table.place_of(to));
        let bucket: Bucket = self.get(place);
        if !bucket.has_more() {
            // None or one, whose hash stands here: no string needs to be looked at.
            let moves = bucket != Bucket::EMPTY && table.bucket_of(bucket.hash()) != from;
            let (stays, goes) = if moves {
                (Bucket::EMPTY, bucket)
            } else {
                (bucket, Bucket::EMPTY)
            };
            self.set(place, stays);
            self.set(other, goes);
            return;
        }
        self.set(place, Bucket::EMPTY);
        self.set(other, Bucket::EMPTY);
        let mut at = bucket.first();
        while at != 0 {
            let next: u32 = self.get(at + NEXT);
            let hash = self.header(at).aux;
            let stays = table.bucket_of(hash) == from;
            self.push_string(if stays { place } else { other }, hash, at);
            at = next;
        }
    }

    /// One bucket less: its strings join those that it was once split from.
    fn merge_bucket(self) {
        // SAFETY: plain fields; releasing memory doesn't touch the table.
        let table = unsafe { &mut *self.strings() };
        if table.split == 0 {
            table.base /= 2;
            table.split = table.base;
        }
        table.split -= 1;
        let (into, from) = (table.split, table.base + table.split);
        let (place, other) = (table.place_of(into), table.place_of(from));
        let (stays, joins): (Bucket, Bucket) = (self.get(place), self.get(other));
        if stays == Bucket::EMPTY {
            self.set(place, joins);
        } else if joins != Bucket::EMPTY {
            let mut last = stays.first();
            loop {
                match self.get::<u32>(last + NEXT) {
                    0 => break,
                    at => last = at,
                }
            }
            self.set(last + NEXT, joins.first());
            self.set(place, Bucket::new(stays.first(), stays.hash(), true));
        }
        let (segment, first) = InternTable::segment_of(from);
        if from == first
            && let Some(memory) = table.segments.get_mut(segment)
        {
            let offset = core::mem::replace(memory, 0);
            self.release(offset, SEGMENT_HEADER + first * BUCKET);
        }
    }

    /// Does the table have more than `most` buckets for a string, and more than at first?
    fn is_sparse(self, most: u32) -> bool {
        // SAFETY: plain fields.
        let table = unsafe { &*self.strings() };
        let buckets = table.base + table.split;
        buckets > FIRST && buckets / most > table.count
    }

    /// Everything is swept: shrinks the table if it is much larger than it need be; true
    /// when that's done.
    pub(crate) fn shrink_strings_some(self) -> bool {
        while self.is_sparse(SPARSE) {
            // SAFETY: plain field.
            unsafe {
                let gc = self.gc();
                if (*gc).work <= 0 {
                    return false;
                }
                (*gc).work -= MERGE_WORK;
            }
            self.merge_bucket();
        }
        true
    }

    /// Memory is short: makes the table as small as it would have been made for its strings.
    pub(crate) fn shrink_strings(self) {
        while self.is_sparse(2) {
            self.merge_bucket();
        }
    }

    /// A dead string is swept: takes it out of the table.
    pub(crate) fn remove_string(self, offset: u32) {
        // SAFETY: plain fields.
        let table = unsafe { &mut *self.strings() };
        let place = table.place_of(table.bucket_of(self.header(offset).aux));
        let bucket: Bucket = self.get(place);
        if bucket.first() == offset {
            if bucket.has_more() {
                self.set_chain(place, self.get(offset + NEXT));
            } else {
                self.set(place, Bucket::EMPTY);
            }
        } else {
            let mut before = bucket.first();
            loop {
                let at: u32 = match before {
                    0 => 0,
                    _ => self.get(before + NEXT),
                };
                debug_assert!(at != 0, "every string is in the table");
                if at == 0 {
                    return;
                }
                if at == offset {
                    break;
                }
                before = at;
            }
            self.set(before + NEXT, self.get::<u32>(offset + NEXT));
            self.set_chain(place, bucket.first());
        }
        table.count -= 1;
        // SAFETY: plain field; if no step is being made, nobody looks at it.
        unsafe { (*self.gc()).work -= REMOVE_WORK };
    }

    #[cfg(test)]
    pub(crate) fn string_buckets(self) -> u32 {
        // SAFETY: plain fields.
        let table = unsafe { &*self.strings() };
        table.base + table.split
    }

    /// Calls `f` with every string of the table, and checks that each can be found.
    #[cfg(feature = "extra-checks")]
    pub(crate) fn for_each_string(self, f: impl Fn(u32)) {
        // SAFETY: plain fields.
        let table = unsafe { &*self.strings() };
        let mut count = 0;
        for bucket in 0..table.base + table.split {
            let head: Bucket = self.get(table.place_of(bucket));
            let mut at = head.first();
            if at != 0 {
                assert_eq!(self.header(at).aux, head.hash());
            }
            assert_eq!(at != 0 && self.get::<u32>(at + NEXT) != 0, head.has_more());
            while at != 0 {
                f(at);
                assert_eq!(table.bucket_of(self.header(at).aux), bucket);
                count += 1;
                at = self.get(at + NEXT);
            }
        }
        assert_eq!(count, table.count);
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
}

/// Bytes of a string object.
#[inline(always)]
pub(crate) const fn string_size(len: usize) -> u32 {
    STRING_DATA + len as u32
}
