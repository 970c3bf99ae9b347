//! Counts of tail calls: how many functions a frame stands for besides the one that
//! runs in it. Tracebacks, `getinfo` and the levels of `error` count them.
//!
//! The link of a frame counts up to [`TAILS_COUNTED`]; when that is full, the count
//! moves into a list of the thread. An entry of the list is valid for as long as
//! the frame at its base has [`TAILS_SPILLED`] set; setting it makes the entry anew,
//! so nothing need be done when frames are dropped.
//!
//! Called by tail calls in `slow/calls.rs`, and by those who look at frames.

use crate::frame::{FrameKind, TAIL, TAILS_COUNTED, TAILS_MASK, TAILS_SPILLED, distance};
use crate::heap::{Kind, NoMemory, Rt, ThreadRef};

/// A frame whose link is too small for its count.
#[repr(C)]
#[derive(Clone, Copy)]
struct Spilled {
    /// Distance of the frame's base from the start of the stack, in bytes.
    base: u32,
    /// Tail calls besides those in the link.
    count: u32,
}

/// Offset of the first entry in the list; its length and capacity lie before.
const ENTRIES: u32 = 16;
const FIRST_CAPACITY: u32 = 14;

/// Base and link of the frame that holds a function's arguments, from that of its
/// registers.
///
/// # Safety
/// It is a complete frame.
pub(super) unsafe fn outer_link(base: *mut u64) -> (*mut u64, u32) {
    // SAFETY: the contract; a variadic function's argument frame lies below.
    unsafe {
        let link = (*base.sub(1) >> 32) as u32;
        if FrameKind::of(link) != FrameKind::Variadic {
            return (base, link);
        }
        let base = base.byte_sub(distance(link));
        (base, (*base.sub(1) >> 32) as u32)
    }
}

impl Rt {
    /// The link of the running thread's frame at `base` after one tail call more.
    pub(crate) fn count_tail(self, base: *mut u64, link: u32) -> Result<u32, NoMemory> {
        if link & TAILS_COUNTED != TAILS_COUNTED {
            return Ok(link + TAIL);
        }
        // SAFETY: live thread.
        let thread = unsafe { ThreadRef((*self.vm()).thread) };
        let at = self.stack_distance(thread, base);
        let full = TAILS_COUNTED / TAIL;
        if link & TAILS_SPILLED != 0
            && let Some(entry) = self.spilled(thread, at)
        {
            let old: Spilled = self.get(entry);
            self.set(
                entry,
                Spilled {
                    count: old.count.saturating_add(full),
                    ..old
                },
            );
        } else {
            self.spill(
                thread,
                Spilled {
                    base: at,
                    count: full,
                },
            )?;
        }
        Ok((link & !TAILS_MASK | TAILS_SPILLED) + TAIL)
    }

    /// Did tail calls replace a call in the frame at `base`?
    ///
    /// # Safety
    /// It is a complete frame.
    pub(crate) unsafe fn has_tails(self, base: *mut u64) -> bool {
        // SAFETY: the contract.
        unsafe { outer_link(base).1 & TAILS_MASK != 0 }
    }

    /// Number of calls that tail calls replaced in the frame at `base`.
    pub(crate) fn tails_of(self, thread: ThreadRef, base: *mut u64) -> u32 {
        // SAFETY: a complete frame of the thread.
        unsafe {
            let (base, link) = outer_link(base);
            let counted = (link & TAILS_COUNTED) / TAIL;
            if link & TAILS_SPILLED == 0 {
                return counted;
            }
            let at = self.stack_distance(thread, base);
            let spilled = self.spilled(thread, at).map_or(0, |entry| {
                let entry: Spilled = self.get(entry);
                entry.count
            });
            counted.saturating_add(spilled)
        }
    }

    fn stack_distance(self, thread: ThreadRef, base: *mut u64) -> u32 {
        // SAFETY: live thread.
        self.offset_of(base) - unsafe { (*self.thread(thread)).stack }
    }

    /// Offset of the entry of the frame at this distance. Entries are ordered.
    fn spilled(self, thread: ThreadRef, at: u32) -> Option<u32> {
        // SAFETY: live thread; its list has `len` entries.
        unsafe {
            let list = (*self.thread(thread)).tails;
            if list == 0 {
                return None;
            }
            let len: u32 = self.get(list + 8);
            let entries = core::slice::from_raw_parts(
                self.at::<Spilled>(list + ENTRIES) as *const Spilled,
                len as usize,
            );
            let i = entries.binary_search_by_key(&at, |entry| entry.base).ok()?;
            Some(list + ENTRIES + i as u32 * 8)
        }
    }

    /// Adds an entry. Those of frames further up are out of date: they make room.
    fn spill(self, thread: ThreadRef, entry: Spilled) -> Result<(), NoMemory> {
        // SAFETY: live thread; the list has room for what is written.
        unsafe {
            let mut list = (*self.thread(thread)).tails;
            let mut len = 0;
            let mut capacity = 0;
            if list != 0 {
                len = self.get(list + 8);
                capacity = self.get(list + 12);
            }
            let at = |list: u32, i: u32| list + ENTRIES + i * 8;
            while len > 0 && self.get::<Spilled>(at(list, len - 1)).base >= entry.base {
                len -= 1;
            }
            if len == capacity {
                let more = if capacity == 0 {
                    FIRST_CAPACITY
                } else {
                    capacity * 2
                };
                let new = self.allocate(Kind::Raw, ENTRIES + more * 8, 0, 0, 0)?;
                for i in 0..len {
                    self.set(at(new, i), self.get::<Spilled>(at(list, i)));
                }
                self.set(new + 12, more);
                list = new;
                self.adopt_part(thread.0, new);
                (*self.thread(thread)).tails = new;
            }
            self.set(at(list, len), entry);
            self.set(list + 8, len + 1);
        }
        Ok(())
    }
}
