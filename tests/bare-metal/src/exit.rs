//! Ends the run with a status, through QEMU's `isa-debug-exit` device.
//!
//! QEMU's own status becomes `2 * code + 1`; `../run` knows these numbers. None
//! is 0 or 1, which is how QEMU ends by itself (a triple fault with
//! `-no-reboot`, a bad option).

use x86_64::instructions::port::Port;
use x86_64::instructions::{hlt, interrupts};

/// `iobase` of the device on QEMU's command line.
const DEBUG_EXIT_PORT: u16 = 0xf4;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Exit {
    /// Every check passed: QEMU's status 33.
    Success = 0x10,
    /// A check or a program failed, or the machine isn't fit: status 35.
    Failure = 0x11,
    /// The kernel panicked: status 37.
    Panic = 0x12,
    /// An exception that nothing expected: status 39.
    Exception = 0x13,
}

/// Ends the run.
pub fn exit(how: Exit) -> ! {
    // SAFETY: the port is the debug-exit device or, outside QEMU, unused.
    unsafe { Port::<u32>::new(DEBUG_EXIT_PORT).write(how as u32) };
    // Not on QEMU, or without the device: stand still.
    loop {
        interrupts::disable();
        hlt();
    }
}
