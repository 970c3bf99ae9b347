//! Free memory whose pages the embedder hasn't been told of.
//!
//! Who gives a page back pays for it once more when it is used again: the system clears it.
//! So large pieces of free memory are kept as long as a program that goes on as it did will
//! need them: until the region's memory in use and these pieces together are more than half
//! above the most that was in use lately. That number goes down by an eighth of what
//! the program allocates, and a little with each collection. (Collections alone are no
//! measure: a program that fills a large table again and again makes many small ones while
//! the table is small.) What goes beyond is told to the embedder (`Hooks::unused`).
//!
//! This is a list of a few pieces, in order of the time they became free; who takes memory
//! out of the region takes it off the list. The list knows nothing of how free memory is
//! managed but this: whatever the region's allocator keeps in free memory lies in the first
//! [`HEAD`] bytes of a piece.
//!
//! Called by: `spans.rs` and the end of a collection. Never allocates.

use super::Rt;

/// Smallest piece that is worth telling.
pub(super) const PIECE_LEAST: u32 = 256 << 10;
/// Smaller remains of a piece are forgotten.
const REST_LEAST: u32 = 64 << 10;
/// At the start of free memory the allocator has its own data.
const HEAD: u32 = 16;
/// So much more than was in use lately may stay.
const SLACK: u64 = 1 << 20;
/// Told at once, at the end of a collection.
const PORTION: u32 = 1 << 20;
const PIECES: usize = 16;

/// A piece of free memory.
#[derive(Clone, Copy)]
struct Piece {
    start: u32,
    end: u32,
}

/// The list of pieces; part of the VM state.
pub(crate) struct Idle {
    pieces: [Piece; PIECES],
    count: u32,
    /// Bytes of all pieces.
    bytes: u64,
    /// Most bytes in use lately.
    most: u64,
    /// Bytes allocated in all when `most` was taken down last.
    allocated: u64,
}

impl Idle {
    pub(crate) const fn new() -> Idle {
        Idle {
            pieces: [Piece { start: 0, end: 0 }; PIECES],
            count: 0,
            bytes: 0,
            most: 0,
            allocated: 0,
        }
    }

    fn get(&self, i: usize) -> Option<Piece> {
        self.pieces
            .get(i)
            .copied()
            .filter(|_| i < self.count as usize)
    }

    fn remove(&mut self, i: usize) {
        if let Some(p) = self.get(i) {
            self.bytes -= (p.end - p.start) as u64;
            self.pieces.copy_within(i + 1..self.count as usize, i);
            self.count -= 1;
        }
    }

    /// Adds a piece behind all others; there is room for it.
    fn push(&mut self, piece: Piece) {
        if let Some(place) = self.pieces.get_mut(self.count as usize) {
            *place = piece;
            self.count += 1;
            self.bytes += (piece.end - piece.start) as u64;
        }
    }

    /// Bytes above what may stay, `reserved` being in use.
    fn excess(&self, reserved: u64) -> u64 {
        (reserved + self.bytes).saturating_sub(self.most + self.most / 2 + SLACK)
    }

    /// `start .. end` is in use from now on, `reserved` bytes are in all.
    #[inline]
    pub(super) fn take(&mut self, start: u32, end: u32, reserved: u64) {
        self.most = self.most.max(reserved);
        if self.count != 0 {
            self.take_listed(start, end);
        }
    }

    fn take_listed(&mut self, start: u32, end: u32) {
        let mut i = 0;
        while let Some(p) = self.get(i) {
            if end <= p.start || p.end <= start {
                i += 1;
                continue;
            }
            // What remains of it, on the larger side.
            let before = start.saturating_sub(p.start);
            let after = p.end.saturating_sub(end);
            let rest = if before > after {
                Piece {
                    start: p.start,
                    end: start,
                }
            } else {
                Piece {
                    start: p.end - after,
                    end: p.end,
                }
            };
            if rest.end - rest.start < REST_LEAST {
                self.remove(i);
                continue;
            }
            self.bytes -= (p.end - p.start - (rest.end - rest.start)) as u64;
            if let Some(place) = self.pieces.get_mut(i) {
                *place = rest;
            }
            i += 1;
        }
    }
}

impl Rt {
    fn idle<'a>(self) -> &'a mut Idle {
        // SAFETY: field of the live state; the callers hold it for a statement each.
        unsafe { &mut (*self.vm()).idle }
    }

    /// `start .. end` is about to become free.
    pub(super) fn note_idle(self, start: u32, end: u32) {
        let mut piece = Piece { start, end };
        let mut i = 0;
        while let Some(p) = self.idle().get(i) {
            if p.end == piece.start || p.start == piece.end {
                piece = Piece {
                    start: p.start.min(piece.start),
                    end: p.end.max(piece.end),
                };
                self.idle().remove(i);
            } else {
                i += 1;
            }
        }
        if piece.end - piece.start < PIECE_LEAST {
            return;
        }
        if self.idle().count as usize == PIECES {
            self.tell_unused(u32::MAX);
        }
        self.idle().push(piece);
    }

    /// Tells the embedder of what may not stay, at most of `most` bytes.
    pub(super) fn trim_idle(self, most: u32) {
        // SAFETY: plain field.
        let reserved = unsafe { (*self.vm()).reserved };
        let excess = self.idle().excess(reserved);
        if excess < PIECE_LEAST as u64 {
            return;
        }
        let mut left = excess.min(most as u64) as u32;
        while left > 0 && self.idle().count != 0 {
            left -= self.tell_unused(left).min(left);
        }
    }

    /// Tells the embedder of the end of the oldest piece, at most of `most` bytes rounded up
    /// to what is worth it; gives how many these were.
    fn tell_unused(self, most: u32) -> u32 {
        let Some(p) = self.idle().get(0) else {
            return 0;
        };
        let len = (p.end - p.start).min(most.max(PIECE_LEAST));
        let start = p.end - len;
        self.idle().remove(0);
        if start - p.start >= REST_LEAST {
            // Still the oldest: it gets its place again.
            let idle = self.idle();
            idle.push(Piece {
                start: p.start,
                end: start,
            });
            let count = idle.count as usize;
            if let Some(pieces) = idle.pieces.get_mut(..count) {
                pieces.rotate_right(1);
            }
        }
        let start = start.max(p.start + HEAD);
        let hooks = self.hooks();
        (hooks.unused)(hooks.context, self.at(start), (p.end - start) as usize);
        len
    }

    /// A collection has ended: what was in use before it counts less.
    pub(super) fn age_idle(self) {
        // SAFETY: plain fields.
        let (reserved, allocated) =
            unsafe { ((*self.vm()).reserved, (*self.vm()).stats.allocated) };
        let idle = self.idle();
        let less = (allocated - idle.allocated) / 8 + idle.most / 64;
        idle.allocated = allocated;
        idle.most = idle.most.saturating_sub(less).max(reserved);
    }

    /// Tells of some of what may not stay; true when there is nothing left to tell.
    pub(super) fn trim_idle_some(self) -> bool {
        loop {
            // SAFETY: plain fields.
            unsafe {
                let gc = self.gc();
                let idle = self.idle();
                let excess = idle.excess((*self.vm()).reserved);
                if excess < PIECE_LEAST as u64 || idle.count == 0 {
                    return true;
                }
                if (*gc).work <= 0 {
                    return false;
                }
                (*gc).work -= excess.min(PORTION as u64) as i64 / 64;
            }
            self.trim_idle(PORTION);
        }
    }
}
