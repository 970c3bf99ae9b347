//! Makes code that was written through an alias safe to run.
//!
//! The architecture promises to see a store to code only if it went to the same linear address
//! as the fetch. Code written through the write view needs a serializing instruction before it
//! runs at the execute view (Intel SDM vol. 3, "Self-Modifying Code"). `cpuid` traps under a
//! hypervisor and is slow, and `serialize` is not everywhere; `iretq` to the next instruction is
//! serializing and doesn't trap. Called by embedders, never by this crate.
#![allow(unsafe_code)]

use core::arch::asm;

/// Executes a serializing instruction on this processor, as [`CodeRegion::aliased`] asks for
/// between writing code and running it.
///
/// [`CodeRegion::aliased`]: crate::CodeRegion::aliased
pub fn serialize() {
    // SAFETY: returns to the next instruction with the same stack, flags and segments. The
    // pushes are popped by `iretq`; without `nostack`, nothing is kept below the stack pointer.
    unsafe {
        asm!(
            "mov {stack}, rsp",
            "mov {segment:e}, ss",
            "push {segment}",
            "push {stack}",
            "pushfq",
            "mov {segment:e}, cs",
            "push {segment}",
            "lea {stack}, [rip + 2f]",
            "push {stack}",
            "iretq",
            "2:",
            stack = out(reg) _,
            segment = out(reg) _,
        );
    }
}
