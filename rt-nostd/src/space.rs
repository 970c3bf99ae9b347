//! Which ranges of a code region are free: hot code from the low end, cold code from the
//! high end, freed ranges in between.
//!
//! Pure arithmetic on offsets; never touches code memory and never allocates: the list of
//! free extents is a slice of the caller's. Called by `region`.
//!
//! Taking is first fit along the list, giving back a binary search and a move of what lies
//! behind in it: eight bytes for each extent. `benches/emit.rs` has 4096 live pieces.
//!
//! Hot code that fits into a page doesn't cross into the next one, where there is room: an
//! emulator chains jumps inside of a page only (QEMU looks every other one up), and it takes
//! one entry of a processor's TLB. What is left in front stays free, if the list has room.
//!
//! # Why freeing can't fail
//!
//! A free range that touches the gap in the middle joins it; so every extent in the list
//! has a live piece between itself and the gap: extents never outnumber live pieces.
//! Freeing turns a live piece into at most one extent, so from E extents and L pieces no
//! more than (E + L) / 2 extents can come by freeing alone. Taking a piece is refused when
//! that would exceed the slice; then freeing always finds a slot, and nothing leaks. What is
//! left in front of a piece becomes an extent only when that holds afterwards, too.

use crate::error::SpaceError;

/// A range of offsets in a code region: a slot of the caller's list of free extents.
/// Memory of zeros is empty slots.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// First offset.
    pub(crate) start: u32,
    /// First offset behind.
    pub(crate) end: u32,
}

impl Extent {
    /// An empty slot.
    pub const EMPTY: Extent = Extent { start: 0, end: 0 };

    /// Length in bytes.
    pub(crate) fn len(self) -> u32 {
        self.end - self.start
    }
}

/// The end of the region that a piece is taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Hot code.
    Low,
    /// Cold code.
    High,
}

/// What code is kept inside of; the greatest alignment.
const PAGE: u32 = 4096;

/// Padding of at least this size is worth an extent of its own.
const LEAST_EXTENT: u32 = 64;

/// The state of a region's space. Offsets are below `2^31`.
pub(crate) struct Space<'m> {
    /// `[low, high)` is the gap that was never used, or was given back up to its border.
    low: u32,
    high: u32,
    len: u32,
    /// The region's execute address modulo the greatest alignment, to align addresses.
    phase: u32,
    /// `slots[..used]`: free extents, ascending, none empty, none touching another or the
    /// gap. Those below `low` are the low end's, those from `high` on the high end's.
    slots: &'m mut [Extent],
    used: usize,
    /// Pieces taken and not given back.
    live: usize,
    /// Bytes not in those.
    free: u32,
}

impl<'m> Space<'m> {
    /// All of `len` bytes free. `len < 2^31`; `phase` is the address modulo 4096.
    pub(crate) fn new(len: u32, phase: u32, slots: &'m mut [Extent]) -> Space<'m> {
        Space {
            low: 0,
            high: len,
            len,
            phase,
            slots,
            used: 0,
            live: 0,
            free: len,
        }
    }

    /// Bytes free, in pieces of any size.
    pub(crate) fn free_bytes(&self) -> u32 {
        self.free
    }

    /// Refuses when `pieces` more could make a later freeing run out of slots.
    pub(crate) fn check_slots(&self, pieces: usize) -> Result<(), SpaceError> {
        let worst = (self.used + self.live + pieces) / 2;
        if worst > self.slots.len() {
            return Err(SpaceError::TooManyBlocks {
                needed: worst,
                slots: self.slots.len(),
            });
        }
        Ok(())
    }

    /// Takes `len` bytes whose address at `Extent::end - len` has alignment `align` (low
    /// end) or any (high end). The extent may start earlier: padding belongs to it, unless it
    /// was worth an extent of its own. `None` when there is no room.
    ///
    /// `len` is not 0, `align` a power of two up to 4096; `check_slots` has been asked.
    pub(crate) fn take(&mut self, end: End, len: u32, align: u32) -> Option<Extent> {
        let piece = match end {
            End::Low => self.take_low(len, align),
            End::High => self.take_high(len),
        }?;
        self.live += 1;
        self.free -= piece.len();
        Some(piece)
    }

    fn take_low(&mut self, len: u32, align: u32) -> Option<Extent> {
        if len <= PAGE
            && let Some(piece) = self.first_fit(len, align, true)
        {
            return Some(piece);
        }
        self.first_fit(len, align, false)
    }

    fn first_fit(&mut self, len: u32, align: u32, in_page: bool) -> Option<Extent> {
        for i in 0..self.used {
            let extent = self.slots[i];
            if extent.end > self.low {
                break;
            }
            let Some(end) = self.end_of(extent.start, len, align, in_page, extent.end) else {
                continue;
            };
            self.slots[i].start = end;
            if end == extent.end {
                self.remove_slot(i);
            }
            return Some(self.without_padding(i, extent.start, end, len));
        }
        let end = self.end_of(self.low, len, align, in_page, self.high)?;
        let start = core::mem::replace(&mut self.low, end);
        let below = self.slots[..self.used].partition_point(|extent| extent.start < start);
        Some(self.without_padding(below, start, end, len))
    }

    /// Where `len` aligned bytes at or after `start` end, if not behind `limit`.
    fn end_of(&self, start: u32, len: u32, align: u32, in_page: bool, limit: u32) -> Option<u32> {
        let address = start.checked_add(self.phase)?;
        let mut aligned = address.checked_next_multiple_of(align)?;
        if in_page && aligned % PAGE + len > PAGE {
            aligned = aligned.checked_next_multiple_of(PAGE)?;
        }
        let end = (aligned - self.phase).checked_add(len)?;
        (end <= limit).then_some(end)
    }

    /// The piece that was taken as `[start, end)` for the last `len` bytes of it; what is in
    /// front of them becomes the extent at `at`, if it is worth that and may.
    fn without_padding(&mut self, at: usize, start: u32, end: u32, len: u32) -> Extent {
        let padding = end - len - start;
        // The piece itself, and a cold one that was asked for with it, aren't counted yet.
        if padding < LEAST_EXTENT || self.check_slots(3).is_err() {
            return Extent { start, end };
        }
        let middle = end - len;
        self.insert_slot(at, Extent { start, end: middle });
        Extent { start: middle, end }
    }

    fn take_high(&mut self, len: u32) -> Option<Extent> {
        for i in (0..self.used).rev() {
            let extent = self.slots[i];
            if extent.start < self.high {
                break;
            }
            if extent.len() >= len {
                let start = extent.end - len;
                self.slots[i].end = start;
                if start == extent.start {
                    self.remove_slot(i);
                }
                return Some(Extent {
                    start,
                    end: extent.end,
                });
            }
        }
        if self.high - self.low < len {
            return None;
        }
        let end = self.high;
        self.high -= len;
        Some(Extent {
            start: self.high,
            end,
        })
    }

    /// Gives back a piece that `take` gave, once. A piece that can't be one of those (out of
    /// bounds, overlapping what is free) is ignored and `false` is returned.
    pub(crate) fn give_back(&mut self, piece: Extent) -> bool {
        let Extent { mut start, mut end } = piece;
        let is_low = end <= self.low;
        if start >= end || end > self.len || !(is_low || start >= self.high) || self.live == 0 {
            return false;
        }
        // `at` is the first extent behind; the one before it is the last in front.
        let at = self.slots[..self.used].partition_point(|extent| extent.start < start);
        let before = at.checked_sub(1).map(|i| self.slots[i]);
        let after = self.slots[..self.used].get(at).copied();
        if before.is_some_and(|before| before.end > start)
            || after.is_some_and(|after| after.start < end)
        {
            return false;
        }
        self.live -= 1;
        self.free += piece.len();
        // No extent touches the gap, so one end's never join the other's across it, even
        // when it is empty.
        let joins_before = before.is_some_and(|before| before.end == start);
        let joins_after = after.is_some_and(|after| after.start == end);
        if joins_before && let Some(before) = before {
            start = before.start;
        }
        if joins_after && let Some(after) = after {
            end = after.end;
        }
        let joins_gap = if is_low {
            end == self.low
        } else {
            start == self.high
        };
        let first = at - usize::from(joins_before);
        match (joins_gap, joins_before, joins_after) {
            (true, _, _) => {
                if is_low {
                    self.low = start;
                } else {
                    self.high = end;
                }
                // At most one neighbour is joined: the other side is the gap.
                if joins_before || joins_after {
                    self.remove_slot(first);
                }
            }
            (false, true, true) => {
                self.slots[first] = Extent { start, end };
                self.remove_slot(at);
            }
            (false, true, false) | (false, false, true) => {
                self.slots[first] = Extent { start, end };
            }
            (false, false, false) => self.insert_slot(at, Extent { start, end }),
        }
        true
    }

    fn remove_slot(&mut self, at: usize) {
        self.slots.copy_within(at + 1..self.used, at);
        self.used -= 1;
    }

    /// There is a slot: see the file's head.
    fn insert_slot(&mut self, at: usize, extent: Extent) {
        if self.used == self.slots.len() {
            // Unreachable by the counting argument; losing a range beats a panic.
            debug_assert!(false, "no slot for a freed extent");
            return;
        }
        self.slots.copy_within(at..self.used, at + 1);
        self.slots[at] = extent;
        self.used += 1;
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    /// Everything given back in any order leaves the region as new, at every step no two
    /// pieces overlap and no byte is lost.
    #[test]
    fn random_take_and_give_back() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move |below: u32| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 33) as u32 % below
        };
        let rounds = if cfg!(miri) { 5 } else { 300 };
        for _ in 0..rounds {
            let len = 512 + random(4096);
            let mut slots = [Extent::EMPTY; 20];
            let mut space = Space::new(len, random(256) * 16, &mut slots);
            let mut pieces: Vec<Extent> = Vec::new();
            let mut refused = 0;
            for _ in 0..400 {
                if random(5) < 3 {
                    let end = if random(2) == 0 { End::Low } else { End::High };
                    if space.check_slots(1).is_err() {
                        refused += 1;
                    } else {
                        let want = 1 + random(100);
                        let align = if end == End::Low { 1 << random(7) } else { 1 };
                        if let Some(piece) = space.take(end, want, align) {
                            assert!(piece.len() >= want && piece.end <= len);
                            if end == End::Low {
                                assert_eq!((piece.end - want + space.phase) % align, 0);
                            } else {
                                assert_eq!(piece.len(), want);
                            }
                            assert!(
                                pieces
                                    .iter()
                                    .all(|p| p.end <= piece.start || piece.end <= p.start)
                            );
                            pieces.push(piece);
                        }
                    }
                } else if !pieces.is_empty() {
                    let i = random(pieces.len() as u32) as usize;
                    let piece = pieces.swap_remove(i);
                    assert!(space.give_back(piece));
                    assert!(!space.give_back(piece), "given back twice");
                }
                let listed: u32 = space.slots[..space.used].iter().map(|e| e.len()).sum();
                assert_eq!(space.free_bytes(), listed + space.high - space.low);
                let live: u32 = pieces.iter().map(|p| p.len()).sum();
                assert_eq!(space.free_bytes() + live, len);
            }
            assert!(refused < 400);
            while !pieces.is_empty() {
                let i = random(pieces.len() as u32) as usize;
                assert!(space.give_back(pieces.swap_remove(i)));
            }
            assert_eq!(
                (space.low, space.high, space.used, space.live),
                (0, len, 0, 0)
            );
        }
    }

    #[test]
    fn inside_of_pages_while_there_is_room() {
        let mut slots = [Extent::EMPTY; 4];
        // The first page ends at offset 4000.
        let mut space = Space::new(4000 + 4096, 96, &mut slots);
        let mut take = |len| space.take(End::Low, len, 16).expect("fits");
        let spans = |piece: Extent| (piece.start, piece.end);
        assert_eq!(spans(take(3000)), (0, 3000));
        assert_eq!(spans(take(2000)), (4000, 6000));
        // What was left in front of it is used; here but 8 bytes of it, for alignment.
        assert_eq!(spans(take(900)), (3000, 3908));
        assert_eq!(spans(take(90)), (6000, 6090));
        // Across pages rather than not at all.
        let mut slots = [Extent::EMPTY; 4];
        let mut space = Space::new(4000 + 2000, 96, &mut slots);
        let first = space.take(End::Low, 3000, 16).expect("fits");
        let second = space.take(End::Low, 2900, 16).expect("fits");
        assert_eq!(spans(second), (3000, 5908));
        assert!(space.give_back(first) && space.give_back(second));
        assert_eq!((space.low, space.used, space.free), (0, 0, 6000));
    }

    #[test]
    fn full_to_the_last_byte() {
        let mut slots = [Extent::EMPTY; 4];
        let mut space = Space::new(64, 0, &mut slots);
        let low = space.take(End::Low, 40, 1).expect("fits");
        let high = space.take(End::High, 24, 1).expect("fits exactly");
        assert_eq!(space.free_bytes(), 0);
        assert_eq!(space.take(End::Low, 1, 1), None);
        assert_eq!(space.take(End::High, 1, 1), None);
        assert!(space.give_back(high));
        assert!(space.give_back(low));
        assert_eq!((space.low, space.high, space.used), (0, 64, 0));
    }

    #[test]
    fn without_slots_one_piece() {
        let mut space = Space::new(64, 0, &mut []);
        space.check_slots(1).expect("one piece needs no slot");
        let piece = space.take(End::Low, 8, 1).expect("fits");
        assert_eq!(
            space.check_slots(1),
            Err(SpaceError::TooManyBlocks {
                needed: 1,
                slots: 0
            })
        );
        assert!(space.give_back(piece));
        assert_eq!(space.free_bytes(), 64);
    }
}
