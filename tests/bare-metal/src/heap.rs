//! The kernel's own heap, for its reports.
//!
//! lua-core never allocates here, as it has a region of its own: allocations
//! are counted, so that whoever calls it can check that there was none.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};
use linked_list_allocator::LockedHeap;

/// Bytes of the heap.
pub const HEAP_BYTES: usize = 1 << 20;

#[repr(align(16))]
struct Space(UnsafeCell<[u8; HEAP_BYTES]>);

// SAFETY: only the allocator touches it, under its lock.
unsafe impl Sync for Space {}

static SPACE: Space = Space(UnsafeCell::new([0; HEAP_BYTES]));

/// The allocator and its count.
struct CountingHeap {
    heap: LockedHeap,
    allocations: AtomicU64,
}

#[global_allocator]
static HEAP: CountingHeap = CountingHeap {
    heap: LockedHeap::empty(),
    allocations: AtomicU64::new(0),
};

// SAFETY: hands everything on to an allocator that keeps the contract.
unsafe impl GlobalAlloc for CountingHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.allocations.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { self.heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, and `memory` came
        // from `alloc` above.
        unsafe { self.heap.dealloc(memory, layout) }
    }
}

/// Gives the heap its memory.
///
/// # Safety
/// Must be called once.
pub unsafe fn init() {
    // SAFETY: the space is a static that nothing else refers to, and the caller
    // calls this once.
    unsafe { HEAP.heap.lock().init(SPACE.0.get().cast(), HEAP_BYTES) };
}

/// Bytes in use, with the allocator's own.
pub fn used() -> usize {
    HEAP.heap.lock().used()
}

/// Allocations asked for since the start.
pub fn allocations() -> u64 {
    HEAP.allocations.load(Ordering::Relaxed)
}
