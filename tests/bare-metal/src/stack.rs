//! Native stacks, each with a guard page beneath.
//!
//! `memory` leaves the guard pages unmapped, so that running over the end of a
//! stack is a page fault and not a silent write into another variable. Used by
//! `cpu` for the stacks of interrupts and by `main` for the kernel's own.

use crate::layout::{KERNEL_STACK_BYTES, PAGE};
use core::cell::UnsafeCell;
use core::ops::Range;
use core::ptr;

/// A stack of `BYTES` bytes (a multiple of the page size) and its guard page.
#[repr(C, align(4096))]
pub struct Stack<const BYTES: usize> {
    guard: UnsafeCell<[u8; PAGE as usize]>,
    bytes: UnsafeCell<[u8; BYTES]>,
}

// SAFETY: no reference to the contents is ever made, here or elsewhere: only the
// processor reads and writes them, through its stack pointer.
unsafe impl<const BYTES: usize> Sync for Stack<BYTES> {}

impl<const BYTES: usize> Stack<BYTES> {
    const fn new() -> Self {
        const { assert!(BYTES.is_multiple_of(PAGE as usize)) };
        Self {
            guard: UnsafeCell::new([0; PAGE as usize]),
            bytes: UnsafeCell::new([0; BYTES]),
        }
    }

    /// The usable addresses.
    pub fn range(&self) -> Range<u64> {
        let start = self.bytes.get().addr() as u64;
        start..start + BYTES as u64
    }

    /// The page beneath, which is not mapped.
    pub fn guard(&self) -> Range<u64> {
        let start = self.guard.get().addr() as u64;
        start..start + PAGE
    }
}

/// The stack on which `main` and Lua run. `boot.s` starts on it.
pub static KERNEL: Stack<KERNEL_STACK_BYTES> = Stack::new();
/// The stack of the timer interrupt.
pub static TIMER: Stack<0x4000> = Stack::new();
/// The stack of all exceptions but the double fault.
pub static FAULT: Stack<0x4000> = Stack::new();
/// The stack of the double fault: what went wrong may be the other one.
pub static DOUBLE_FAULT: Stack<0x4000> = Stack::new();

/// The guard pages of all stacks, with the stacks' names.
pub fn guards() -> [(&'static str, Range<u64>); 4] {
    [
        ("kernel", KERNEL.guard()),
        ("timer", TIMER.guard()),
        ("fault", FAULT.guard()),
        ("double fault", DOUBLE_FAULT.guard()),
    ]
}

/// What unused words of the kernel's stack hold between [`paint`] and
/// [`painted_bytes_used`]. An accident would have to store this very value.
const PAINT: u64 = 0x5bad_57ac_5bad_57ac;

/// Fills the kernel's stack below the caller with [`PAINT`].
#[inline(never)]
pub fn paint() {
    /// More than what lies between `here` and the end of this function's frame.
    /// Interrupts come on stacks of their own.
    const MARGIN: u64 = 512;
    let here = 0_u64;
    let top = (&raw const here).addr() as u64 - MARGIN;
    for address in (KERNEL.range().start..top).step_by(8) {
        // SAFETY: on the kernel's stack, below the frame of this function, which
        // is the innermost there is.
        unsafe { ptr::with_exposed_provenance_mut::<u64>(address as usize).write_volatile(PAINT) };
    }
}

/// The most bytes of the kernel's stack in use at any time since [`paint`].
pub fn painted_bytes_used() -> u64 {
    let range = KERNEL.range();
    let first_used = (range.start..range.end)
        .step_by(8)
        // SAFETY: on the kernel's stack, which is memory.
        .find(|address| unsafe { (*address as *const u64).read_volatile() } != PAINT);
    range.end - first_used.unwrap_or(range.end)
}
