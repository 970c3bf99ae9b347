//! Strings, all interned: equal strings are one object, so equality is equality
//! of references.
//!
//! The table is a hash table of *lines*, each as long as a line of the cache, with the hashes
//! and offsets of up to eight strings. So a search reads one line and the string that it is
//! after, hardly ever another string; insertions, removals and the table's growth look at no
//! string at all. What doesn't fit into a line goes to further ones that hang on it.
//!
//! When lines are rather full, their number is doubled, line by line: as in *linear hashing*,
//! an insertion splits at most two, and lines never move, so that no insertion takes long,
//! however many strings there are. If there is no memory for that, more strings hang on each
//! line; nothing fails. The table shrinks the same way, when a collection finds few strings,
//! or when memory is short.
//!
//! The table doesn't keep strings alive. A dead string stays in it until it is swept
//! (`cells.rs`, `spans.rs`); when somebody asks for it before that, it is alive again.

use super::bytes::{Room, copy_bytes, ends, hash_bytes, hash_short, same_bytes};
use super::collect::Phase;
use super::{Kind, NoMemory, Rt, StrRef};

// A string object: header (`aux` = hash, `b2` = event number + 1), length in bytes
// at +8, then the bytes.

/// Offset of a string's first byte.
pub(crate) const STRING_DATA: u32 = 12;
/// Longest string. Sizes stay far from 32-bit overflow.
pub const MAX_STRING: usize = (1 << 30) - 64;

/// Bytes of a line: eight hashes, 0 in free places, then eight offsets. The last place may
/// hold the offset of a further line instead, which [`FURTHER`] marks; its hash is 0 then.
const LINE: u32 = 64;
const PLACES: u32 = 8;
const OFFSETS: u32 = PLACES * 4;
const LAST: u32 = OFFSETS + (PLACES - 1) * 4;
const FURTHER: u32 = 1;
/// Bytes of a further line with what lies before it.
const FURTHER_START: u32 = 16;
const FURTHER_SIZE: u32 = FURTHER_START + LINE;
/// Lines of the first segment; each further one doubles their number.
const FIRST: u32 = 64;
/// More than the region has room for.
const SEGMENTS: usize = 32 - FIRST.ilog2() as usize;
/// Lines are split when there are so many strings for each. With more, many wouldn't fit.
const CROWDED: u32 = 6;
/// Lines are joined when there are fewer strings for each of those that will be left: by a
/// collection, and when memory is short.
const SPARSE: u32 = 2;
const LOOSE: u32 = 4;
/// What looking for a string in a line costs, when it is taken out, in bytes looked at.
const REMOVE_WORK: i64 = 32;
/// What one line less costs, in bytes looked at.
const JOIN_WORK: i64 = 64;

/// The table of all strings; part of the VM state.
pub(crate) struct InternTable {
    /// Where line 0 would be, if all lines lay in a row as this segment's do.
    origins: [u32; SEGMENTS],
    /// Memory of the segments, 0 for those that aren't there.
    segments: [u32; SEGMENTS],
    /// A power of two: lines before this round of splitting began.
    base: u32,
    /// Lines of this round that were split already.
    split: u32,
    /// Number of strings.
    count: u32,
}

impl InternTable {
    /// Without memory; `Rt::init_strings` gives it some.
    pub(crate) const fn new() -> InternTable {
        InternTable {
            origins: [0; SEGMENTS],
            segments: [0; SEGMENTS],
            base: FIRST,
            split: 0,
            count: 0,
        }
    }

    /// Number of the line for a hash.
    #[inline(always)]
    fn number_of(&self, hash: u32) -> u32 {
        let i = hash & (self.base * 2 - 1);
        if i < self.base + self.split {
            i
        } else {
            i & (self.base - 1)
        }
    }

    #[inline(always)]
    const fn segment_of(number: u32) -> usize {
        ((number | (FIRST - 1)).ilog2() - (FIRST - 1).ilog2()) as usize
    }

    /// Where a line is.
    #[inline(always)]
    fn line(&self, number: u32) -> u32 {
        let origin = match self.origins.get(InternTable::segment_of(number)) {
            Some(&origin) => origin,
            None => 0,
        };
        origin.wrapping_add(number * LINE)
    }

    /// Where the line for a hash is.
    #[inline(always)]
    fn line_of(&self, hash: u32) -> u32 {
        self.line(self.number_of(hash))
    }

    /// Enters memory for as many lines as there are before it.
    fn add_segment(&mut self, number: usize, memory: u32) {
        let first = if number == 0 {
            0
        } else {
            FIRST << (number - 1)
        };
        // Behind the header of the memory.
        let start = (memory + 8).next_multiple_of(LINE);
        if let (Some(o), Some(s)) = (self.origins.get_mut(number), self.segments.get_mut(number)) {
            *o = start.wrapping_sub(first * LINE);
            *s = memory;
        }
    }
}

/// Bytes of memory for `lines` lines, which begin where a line of the cache does.
const fn segment_size(lines: u32) -> u32 {
    LINE + lines * LINE
}

impl Rt {
    fn strings(self) -> *mut InternTable {
        // SAFETY: field address of the live state.
        unsafe { &raw mut (*self.vm()).strings }
    }

    /// Gives the table of strings its first memory.
    pub(crate) fn init_strings(self) -> Result<(), NoMemory> {
        let memory = self.allocate_manual(segment_size(FIRST))?;
        // SAFETY: plain fields.
        let table = unsafe { &mut *self.strings() };
        table.add_segment(0, memory);
        for i in 0..FIRST {
            self.clear_line(table.line(i));
        }
        Ok(())
    }

    /// The one string with these bytes.
    pub fn intern(self, s: &[u8]) -> Result<StrRef, NoMemory> {
        // SAFETY: plain field.
        let hash = hash_bytes(unsafe { (*self.vm()).hash_seed }, s);
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
        if let Err(e) = self.insert_string(hash, offset) {
            self.release(offset, string_size(s.len()));
            return Err(e);
        }
        Ok(StrRef(offset))
    }

    /// The one string with the `n` bytes that `fill` puts, without a copy elsewhere: for
    /// long ones, which rarely exist already. `fill` doesn't allocate.
    pub(crate) fn make_string(
        self,
        n: usize,
        fill: impl FnOnce(&mut Room),
    ) -> Result<StrRef, NoMemory> {
        if n > MAX_STRING {
            return Err(NoMemory);
        }
        let size = string_size(n);
        let offset = self.allocate(Kind::String, size, 0, 0, 0)?;
        self.set(offset + 8, n as u32);
        // SAFETY: the bytes of the new object, which nobody else knows.
        let mut room = unsafe { Room::new(self.at(offset + STRING_DATA), n) };
        fill(&mut room);
        debug_assert!(room.left() == 0, "all bytes were put");
        while room.push(&[0]) {}
        let s = self.str_bytes(StrRef(offset));
        // SAFETY: plain field.
        let hash = hash_bytes(unsafe { (*self.vm()).hash_seed }, s);
        if let Some(found) = self.find_string(hash, s) {
            self.release(offset, size);
            return Ok(found);
        }
        self.set(offset + 4, hash);
        if let Err(e) = self.insert_string(hash, offset) {
            self.release(offset, size);
            return Err(e);
        }
        Ok(StrRef(offset))
    }

    // ---- lines

    /// The places of a line with this hash, as bits.
    #[inline(always)]
    fn places_with(self, line: u32, hash: u32) -> u32 {
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        // SAFETY: a line has eight hashes.
        unsafe {
            use core::arch::x86_64::*;
            let hash = _mm_set1_epi32(hash as i32);
            let low = _mm_cmpeq_epi32(_mm_loadu_si128(self.at(line)), hash);
            let high = _mm_cmpeq_epi32(_mm_loadu_si128(self.at(line + 16)), hash);
            let both = _mm_packs_epi32(low, high);
            _mm_movemask_epi8(_mm_packs_epi16(both, _mm_setzero_si128())) as u32
        }
        #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
        (0..PLACES).fold(0, |found, i| {
            found | ((self.get::<u32>(line + i * 4) == hash) as u32) << i
        })
    }

    #[inline(always)]
    fn offset_at(self, line: u32, place: u32) -> u32 {
        self.get(line + OFFSETS + place * 4)
    }

    #[inline(always)]
    fn fill_place(self, line: u32, place: u32, hash: u32, offset: u32) {
        self.set(line + place * 4, hash);
        self.set(line + OFFSETS + place * 4, offset);
    }

    /// The line that hangs on this one.
    #[inline(always)]
    fn further(self, line: u32) -> Option<u32> {
        let last: u32 = self.get(line + LAST);
        (last & FURTHER != 0).then_some(last & !FURTHER)
    }

    fn clear_line(self, line: u32) {
        self.set(line, [0u64; LINE as usize / 8]);
    }

    /// A free place of a line, or of one that hangs on it.
    #[inline(always)]
    fn free_place(self, mut line: u32) -> Option<(u32, u32)> {
        loop {
            let place = self.places_with(line, 0).trailing_zeros();
            if place < PLACES - 1 {
                return Some((line, place));
            }
            match self.further(line) {
                Some(next) => line = next,
                None => return (place < PLACES).then_some((line, place)),
            }
        }
    }

    /// Hangs an empty line on a full one, the last of its chain.
    fn hang(self, full: u32, line: u32) {
        self.clear_line(line);
        let (hash, offset) = (self.get(full + OFFSETS - 4), self.get(full + LAST));
        self.fill_place(line, 0, hash, offset);
        self.fill_place(full, PLACES - 1, 0, line | FURTHER);
    }

    // ---- search

    #[inline(always)]
    fn find_string(self, hash: u32, s: &[u8]) -> Option<StrRef> {
        // SAFETY: plain fields.
        let line = unsafe { (*self.strings()).line_of(hash) };
        match self.find_in_line(line, hash, s) {
            None => self.find_further(self.further(line)?, hash, s),
            found => found,
        }
    }

    /// The same in one line.
    #[inline(always)]
    fn find_in_line(self, line: u32, hash: u32, s: &[u8]) -> Option<StrRef> {
        let mut places = self.places_with(line, hash);
        while places != 0 {
            let at = self.offset_at(line, places.trailing_zeros());
            if same_bytes(self.str_bytes(StrRef(at)), s) {
                return Some(self.revived(at));
            }
            places &= places - 1;
        }
        None
    }

    /// The same in the lines that hang on one.
    #[cold]
    #[inline(never)]
    fn find_further(self, mut line: u32, hash: u32, s: &[u8]) -> Option<StrRef> {
        loop {
            if let Some(found) = self.find_in_line(line, hash, s) {
                return Some(found);
            }
            line = self.further(line)?;
        }
    }

    /// The string of these bytes, [`ENDS`](super::bytes::ENDS) at most, if its hash is the
    /// first such one of its line and it needs no care. For bodies of operations: no call.
    ///
    /// # Safety
    /// `s` is a place with `n` bytes.
    #[inline(always)]
    pub(crate) unsafe fn find_short(self, s: *const u8, n: usize) -> Option<StrRef> {
        // SAFETY: the contract; plain fields.
        unsafe {
            let ends_of_s = ends(core::slice::from_raw_parts(s, n));
            let hash = hash_short((*self.vm()).hash_seed, ends_of_s, n);
            let line = (*self.strings()).line_of(hash);
            let places = self.places_with(line, hash);
            if places == 0 {
                return None;
            }
            let at = StrRef(self.offset_at(line, places.trailing_zeros()));
            if self.str_len(at) as usize != n {
                return None;
            }
            let same = ends(core::slice::from_raw_parts(self.at(at.0 + STRING_DATA), n));
            (same == ends_of_s && self.header(at.0).mark == (*self.vm()).live).then_some(at)
        }
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

    // ---- insertion, removal

    /// Fails before it has changed anything.
    #[inline(always)]
    fn insert_string(self, hash: u32, offset: u32) -> Result<(), NoMemory> {
        // SAFETY: plain fields.
        let line = unsafe { (*self.strings()).line_of(hash) };
        match self.free_place(line) {
            Some((line, place)) => self.fill_place(line, place, hash, offset),
            None => self.insert_further(hash, offset)?,
        }
        // SAFETY: plain fields.
        let table = unsafe { &mut *self.strings() };
        table.count += 1;
        if table.count > table.base * CROWDED {
            let _ = self.split_line() && self.split_line();
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn insert_further(self, hash: u32, offset: u32) -> Result<(), NoMemory> {
        let memory = self.allocate_manual(FURTHER_SIZE)?;
        // Sweeping for it may have taken strings and lines out of this chain.
        // SAFETY: plain fields.
        let mut line = unsafe { (*self.strings()).line_of(hash) };
        if let Some((line, place)) = self.free_place(line) {
            self.release(memory, FURTHER_SIZE);
            self.fill_place(line, place, hash, offset);
            return Ok(());
        }
        while let Some(next) = self.further(line) {
            line = next;
        }
        let fresh = memory + FURTHER_START;
        self.hang(line, fresh);
        self.fill_place(fresh, 1, hash, offset);
        Ok(())
    }

    /// Asks for the line with the strings of a hash: one will be taken out of it soon.
    #[inline(always)]
    pub(crate) fn prefetch_line(self, hash: u32) {
        // SAFETY: plain fields.
        self.prefetch(unsafe { (*self.strings()).line_of(hash) });
    }

    /// A dead string is swept: takes it out of the table.
    pub(crate) fn remove_string(self, offset: u32) {
        // SAFETY: plain fields.
        let table = unsafe { &mut *self.strings() };
        let hash = self.header(offset).aux;
        let mut before = 0;
        let mut line = table.line_of(hash);
        let place = loop {
            let mut places = self.places_with(line, hash);
            while places != 0 && self.offset_at(line, places.trailing_zeros()) != offset {
                places &= places - 1;
            }
            if places != 0 {
                break places.trailing_zeros();
            }
            let next = self.further(line);
            debug_assert!(next.is_some(), "every string is in the table");
            let Some(next) = next else { return };
            // SAFETY: plain field.
            unsafe { (*self.gc()).work -= REMOVE_WORK };
            before = line;
            line = next;
        };
        self.fill_place(line, place, 0, 0);
        table.count -= 1;
        if before != 0 && self.places_with(line, 0) == (1 << PLACES) - 1 {
            // What hangs on it, or nothing.
            let last: u32 = self.get(line + LAST);
            self.set(before + LAST, last);
            self.release(line - FURTHER_START, FURTHER_SIZE);
        }
        // SAFETY: plain field; if no step is being made, nobody looks at it.
        unsafe { (*self.gc()).work -= REMOVE_WORK };
    }

    // ---- growth, shrinking

    /// Puts a string into the chain of lines that begins with `line`. If it is full, one of
    /// the spare lines is hung on it; there is one then.
    fn put_string(self, mut line: u32, hash: u32, offset: u32, spare: &mut u32) {
        if let Some((line, place)) = self.free_place(line) {
            self.fill_place(line, place, hash, offset);
            return;
        }
        while let Some(next) = self.further(line) {
            line = next;
        }
        let fresh = *spare;
        debug_assert!(fresh != 0, "lines suffice");
        *spare = self.get(fresh);
        self.hang(line, fresh);
        self.fill_place(fresh, 1, hash, offset);
    }

    /// Puts the strings of a chain of lines into those that `choose` tells, and its further
    /// lines to the spare ones, which are linked by their first words.
    fn scatter(self, line: u32, spare: &mut u32, choose: impl Fn(u32) -> u32) {
        let mut rest = Some(line);
        while let Some(at) = rest {
            let strings: [u32; 2 * PLACES as usize] = self.get(at);
            rest = self.further(at);
            self.clear_line(at);
            if at != line {
                self.set(at, *spare);
                *spare = at;
            }
            let (hashes, offsets) = strings.split_at(PLACES as usize);
            for (&hash, &offset) in hashes.iter().zip(offsets) {
                if hash != 0 {
                    self.put_string(choose(hash), hash, offset, spare);
                }
            }
        }
    }

    fn release_lines(self, mut spare: u32) {
        while spare != 0 {
            let next: u32 = self.get(spare);
            self.release(spare - FURTHER_START, FURTHER_SIZE);
            spare = next;
        }
    }

    /// One line more, which takes its share of another one's strings. False if that
    /// needs memory which isn't there.
    #[inline(never)]
    fn split_line(self) -> bool {
        // SAFETY: plain fields.
        let table = unsafe { &*self.strings() };
        let (from, to) = (table.split, table.base + table.split);
        let number = InternTable::segment_of(to);
        match table.segments.get(number) {
            None => return false,
            Some(0) => {
                // Each line is written before it is read: when it splits off.
                let bytes = segment_size(table.base);
                // Injected failures are for operations, which would
                // be repeated; this just happens later.
                let Ok(memory) = self.with_retry(|| self.allocate_manual(bytes)) else {
                    return false;
                };
                // SAFETY: plain fields.
                let table = unsafe { &mut *self.strings() };
                if table.base + table.split != to {
                    // Memory was short, and the table became smaller.
                    self.release(memory, bytes);
                    return false;
                }
                table.add_segment(number, memory);
            }
            Some(_) => {}
        }
        // SAFETY: plain fields; nothing below allocates.
        let table = unsafe { &mut *self.strings() };
        let bit = table.base;
        table.split += 1;
        if table.split == table.base {
            table.base *= 2;
            table.split = 0;
        }
        let (stays, goes) = (table.line(from), table.line(to));
        self.clear_line(goes);
        if self.further(stays).is_some() {
            let mut spare = 0;
            self.scatter(stays, &mut spare, |hash| {
                if hash & bit == 0 { stays } else { goes }
            });
            self.release_lines(spare);
            return true;
        }
        let mut place = 0;
        for i in 0..PLACES {
            let hash: u32 = self.get(stays + i * 4);
            if hash & bit != 0 {
                self.fill_place(goes, place, hash, self.offset_at(stays, i));
                self.fill_place(stays, i, 0, 0);
                place += 1;
            }
        }
        true
    }

    /// Number of strings of a chain of lines.
    fn strings_of(self, line: u32) -> u32 {
        let mut n = 0;
        let mut rest = Some(line);
        while let Some(at) = rest {
            n += PLACES - self.places_with(at, 0).count_ones();
            rest = self.further(at);
        }
        n
    }

    /// One line less: its strings join those that it was once split from. False if that
    /// needs memory which isn't there.
    fn join_line(self) -> bool {
        // SAFETY: plain fields.
        let table = unsafe { &*self.strings() };
        let mut base = table.base;
        let split = if table.split == 0 {
            base /= 2;
            base - 1
        } else {
            table.split - 1
        };
        let (stays, goes) = (table.line(split), table.line(base + split));
        let mut spare = 0;
        if self.strings_of(stays) + self.strings_of(goes) > PLACES {
            // As many as may be needed before the chain's own lines come free. Small memory
            // never makes the table smaller, which would change what was computed above.
            const _: () = assert!(FURTHER_SIZE <= super::cells::MAX_SMALL);
            for _ in 0..2 {
                match self.with_retry(|| self.allocate_manual(FURTHER_SIZE)) {
                    Ok(memory) => {
                        self.set(memory + FURTHER_START, spare);
                        spare = memory + FURTHER_START;
                    }
                    Err(NoMemory) => {
                        self.release_lines(spare);
                        return false;
                    }
                }
            }
        }
        self.scatter(goes, &mut spare, |_| stays);
        self.release_lines(spare);
        // SAFETY: plain fields; releasing memory doesn't touch the table.
        let table = unsafe { &mut *self.strings() };
        (table.base, table.split) = (base, split);
        if split == 0
            && let Some(memory) = table.segments.get_mut(InternTable::segment_of(base))
        {
            let memory = core::mem::take(memory);
            self.release(memory, segment_size(base));
        }
        true
    }

    /// Would there be fewer than `least` strings for a line after a round of joining?
    fn is_sparse(self, least: u32) -> bool {
        // SAFETY: plain fields.
        let table = unsafe { &*self.strings() };
        let lines = if table.split == 0 {
            table.base / 2
        } else {
            table.base
        };
        lines >= FIRST && table.count < lines * least
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
                (*gc).work -= JOIN_WORK;
            }
            if !self.join_line() {
                break;
            }
        }
        true
    }

    /// Memory is short: makes the table as small as it would have been made for its strings.
    pub(crate) fn shrink_strings(self) {
        while self.is_sparse(LOOSE) && self.join_line() {}
    }

    #[cfg(test)]
    pub(crate) fn string_lines(self) -> u32 {
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
        for number in 0..table.base + table.split {
            let mut rest = Some(table.line(number));
            while let Some(line) = rest {
                rest = self.further(line);
                for place in 0..PLACES {
                    let (hash, at): (u32, _) =
                        (self.get(line + place * 4), self.offset_at(line, place));
                    if hash == 0 {
                        assert!(at == 0 || place == PLACES - 1 && rest.is_some());
                        continue;
                    }
                    f(at);
                    assert_eq!((self.header(at).aux, table.number_of(hash)), (hash, number));
                    count += 1;
                }
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
