//! Large objects and chunks of blocks: memory straight from the region's
//! first-fit list (crate `linked_list_allocator`).
//!
//! A large object has a 16-byte prefix that links it into the list of all large
//! objects, which the collector sweeps.

use super::cells::BLOCK;
use super::{Kind, MARK_MANUAL, NoMemory, Rt};
use core::alloc::Layout;
use core::ptr::NonNull;

const PREFIX: u32 = 16;
/// What freeing a large object costs the collector, in bytes looked at: the list of free
/// memory is searched; the embedder may be told, which takes longer the larger the memory is.
const FREE_WORK: i64 = 2 << 10;
/// Large objects that an allocation sweeps when there are some to be swept.
const SWEPT_FIRST: u32 = 16;

#[repr(C)]
#[derive(Clone, Copy)]
struct Prefix {
    size: u32,
    next: u32,
    prev: u32,
    pad: u32,
}

impl Rt {
    /// Takes `size` bytes out of the region. Not accounted as an allocation. When there
    /// is no room, blocks of small objects in which nothing lives are given back first.
    pub(crate) fn reserve(self, size: u32, align: u32) -> Result<u32, NoMemory> {
        self.reserve_free(size, align).or_else(|NoMemory| {
            self.sweep_all();
            while self.sweep_one_span() {}
            self.shrink_strings();
            while let Some(block) = self.take_empty_block() {
                self.unreserve(block, BLOCK);
            }
            self.reserve_free(size, align)
        })
    }

    /// The same from what is free now.
    pub(crate) fn reserve_free(self, size: u32, align: u32) -> Result<u32, NoMemory> {
        let layout =
            Layout::from_size_align(size as usize, align as usize).map_err(|_| NoMemory)?;
        // SAFETY: `spans` manages the region behind the VM state since `Vm::new`.
        unsafe {
            let vm = self.vm();
            if (*vm).reserved + size as u64 > (*vm).cap {
                return Err(NoMemory);
            }
            let p = (*vm)
                .spans
                .allocate_first_fit(layout)
                .map_err(|()| NoMemory)?;
            (*vm).reserved += size as u64;
            let offset = self.offset_of(p.as_ptr());
            (*vm).idle.take(offset, offset + size, (*vm).reserved);
            Ok(offset)
        }
    }

    fn unreserve(self, offset: u32, size: u32) {
        self.note_idle(offset, offset + size);
        // SAFETY: `offset` and `size` come from `reserve` with alignment 16, or are a block:
        // a piece of such memory, whose size is a multiple of the alignment.
        unsafe {
            let vm = self.vm();
            let layout = Layout::from_size_align_unchecked(size as usize, 16);
            (*vm)
                .spans
                .deallocate(NonNull::new_unchecked(self.at::<u8>(offset)), layout);
            (*vm).reserved -= size as u64;
        }
        self.trim_idle(size);
    }

    pub(crate) fn allocate_span(self, size: u32) -> Result<u32, NoMemory> {
        let total = size.checked_add(PREFIX + 15).ok_or(NoMemory)? & !15;
        // What is dead makes room before fresh memory is taken.
        for _ in 0..SWEPT_FIRST {
            if !self.sweep_one_span() {
                break;
            }
        }
        let span = self.reserve(total, 16)?;
        // SAFETY: plain fields.
        unsafe {
            let vm = self.vm();
            let next = (*vm).large;
            self.set(
                span,
                Prefix {
                    size: total,
                    next,
                    prev: 0,
                    pad: 0,
                },
            );
            if next != 0 {
                let p: Prefix = self.get(next);
                self.set(next, Prefix { prev: span, ..p });
            }
            (*vm).large = span;
        }
        self.charge_allocation(total);
        Ok(span + PREFIX)
    }

    pub(crate) fn free_span(self, object: u32) {
        let span = object - PREFIX;
        let p: Prefix = self.get(span);
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            if (*gc).span_cursor == span {
                (*gc).span_cursor = p.next;
            }
        }
        if p.prev != 0 {
            let q: Prefix = self.get(p.prev);
            self.set(p.prev, Prefix { next: p.next, ..q });
        } else {
            // SAFETY: plain field.
            unsafe { (*self.vm()).large = p.next }
        }
        if p.next != 0 {
            let q: Prefix = self.get(p.next);
            self.set(p.next, Prefix { prev: p.prev, ..q });
        }
        self.unreserve(span, p.size);
    }

    /// Looks at one large object that waits for its sweep, and frees it if marking didn't
    /// reach it; false when there is none.
    pub(crate) fn sweep_one_span(self) -> bool {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            let span = (*gc).span_cursor;
            if span == 0 {
                return false;
            }
            (*gc).span_cursor = self.get::<Prefix>(span).next;
            let h = self.header(span + PREFIX);
            if h.mark != (*self.vm()).live && h.mark != MARK_MANUAL {
                if h.kind == Kind::String as u8 {
                    self.remove_string(span + PREFIX);
                }
                (*gc).work -= FREE_WORK + self.get::<Prefix>(span).size as i64 / 64;
                self.free_span(span + PREFIX);
            }
            true
        }
    }

    /// Calls `f` with every large object.
    pub(crate) fn for_each_span(self, mut f: impl FnMut(u32)) {
        // SAFETY: plain field.
        let mut span = unsafe { (*self.vm()).large };
        while span != 0 {
            f(span + PREFIX);
            span = self.get::<Prefix>(span).next;
        }
    }
}
