//! The serial console: the first 16550 of a PC.
//!
//! Every line of output goes through `print!` and `println!` here. Must never
//! be used by the timer's handler: it may have interrupted a holder of the
//! lock. Exceptions and panics, which don't return, take the lock by force.

use core::fmt::{self, Write};
use spin::Mutex;
use uart_16550::backend::PioBackend;
use uart_16550::{BaudRate, Config, Uart16550};

/// The I/O port of the first serial port.
const COM1: u16 = 0x3f8;

/// The port, once it has been set up.
static CONSOLE: Mutex<Option<Uart16550<PioBackend>>> = Mutex::new(None);

/// Sets the serial port up. Until then, and if the port isn't there, output is
/// dropped; the exit status still tells how the run ended.
pub fn init() {
    // SAFETY: on every PC, and so on QEMU's, the port belongs to a UART or to
    // nobody; `init` finds out which. Nothing else in the kernel uses it.
    let Ok(mut port) = (unsafe { Uart16550::new_port(COM1) }) else {
        return;
    };
    let config = Config {
        baud_rate: BaudRate::Baud115200,
        ..Config::DEFAULT
    };
    if port.init(config).is_ok() {
        *CONSOLE.lock() = Some(port);
    }
}

/// What `print!` expands to: the whole text under one lock.
pub fn write_arguments(arguments: fmt::Arguments<'_>) {
    struct Locked<'a>(&'a mut Uart16550<PioBackend>);
    impl Write for Locked<'_> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.send_bytes_exact(text.as_bytes());
            Ok(())
        }
    }
    if let Some(port) = CONSOLE.lock().as_mut() {
        // The only error is one from a `Display` of ours; none returns one, and
        // the console would be the place to report it.
        let _ = Locked(port).write_fmt(arguments);
    }
}

/// Takes the console away from whoever was writing.
///
/// # Safety
/// Whoever holds the lock must never run again.
pub unsafe fn seize() {
    // SAFETY: the holder, if there is one, never runs again (the caller's duty).
    unsafe { CONSOLE.force_unlock() };
}

/// Prints to the serial console.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => {
        $crate::console::write_arguments(::core::format_args!($($argument)*))
    };
}

/// Prints a line to the serial console.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($($argument:tt)*) => {
        $crate::print!("{}\n", ::core::format_args!($($argument)*))
    };
}
