//! The timer: the PC's interval timer through the old interrupt controller, at
//! about 1 kHz, on a stack of its own.
//!
//! It runs while Lua runs, so that whatever compiled code assumes about its
//! stack or registers is disturbed a thousand times a second. The handler must
//! never lock, allocate or print.

use crate::cpu::InterruptStack;
use crate::interrupts::FIRST_INTERRUPT;
use core::sync::atomic::{AtomicU64, Ordering};
use pic8259::ChainedPics;
use spin::Mutex;
use x86_64::VirtAddr;
use x86_64::instructions::interrupts;
use x86_64::instructions::port::Port;
use x86_64::structures::idt::InterruptDescriptorTable;

/// The vector of the timer's interrupt: line 0 of the first controller.
const VECTOR: u8 = FIRST_INTERRUPT;
/// Input clock of the interval timer, in Hz.
const TIMER_CLOCK: u32 = 1_193_182;
/// Ticks a second that are asked for.
pub const TICKS_PER_SECOND: u32 = 1000;

/// Ticks since [`start`].
static TICKS: AtomicU64 = AtomicU64::new(0);
/// The stack pointer of the latest tick's handler.
static LATEST_STACK: AtomicU64 = AtomicU64::new(0);

// SAFETY: the vectors are free: exceptions end where they start.
static CONTROLLERS: Mutex<ChainedPics> =
    Mutex::new(unsafe { ChainedPics::new_contiguous(FIRST_INTERRUPT) });

unsafe extern "C" {
    fn timer_stub();
}

/// Points the timer's vector at its stub.
pub fn install(table: &mut InterruptDescriptorTable) {
    // SAFETY: the stub saves what `tick` may change and returns with `iretq`; its
    // stack is set in the task state and nothing else uses it.
    unsafe {
        table[VECTOR]
            .set_handler_addr(VirtAddr::new(timer_stub as *const () as u64))
            .set_stack_index(InterruptStack::Timer as u16);
    }
}

/// Starts the ticking and lets interrupts in.
pub fn start() {
    const DIVISOR: u16 = (TIMER_CLOCK / TICKS_PER_SECOND) as u16;
    const RATE_GENERATOR_ON_CHANNEL_0: u8 = 0x34;
    {
        let mut controllers = CONTROLLERS.lock();
        // SAFETY: interrupts are still off, and every vector has an entry.
        unsafe {
            controllers.initialize();
            // Everything but line 0.
            controllers.write_masks(!1, !0);
        }
    }
    // SAFETY: the interval timer's ports on every PC; the kernel's only user.
    unsafe {
        Port::<u8>::new(0x43).write(RATE_GENERATOR_ON_CHANNEL_0);
        let [low, high] = DIVISOR.to_le_bytes();
        let mut channel = Port::<u8>::new(0x40);
        channel.write(low);
        channel.write(high);
    }
    interrupts::enable();
}

/// Ticks since [`start`].
pub fn ticks() -> u64 {
    TICKS.load(Ordering::Relaxed)
}

/// Where the count of ticks is, for code that can't call [`ticks`].
pub fn counter() -> *const u64 {
    TICKS.as_ptr()
}

/// Where the stack of the latest tick's handler was.
pub fn latest_stack() -> u64 {
    LATEST_STACK.load(Ordering::Relaxed)
}

/// Called by `timer_stub` in `traps.s`, with interrupts off.
pub extern "sysv64" fn tick() {
    let on_stack = 0_u8;
    LATEST_STACK.store((&raw const on_stack).addr() as u64, Ordering::Relaxed);
    TICKS.fetch_add(1, Ordering::Relaxed);
    // Only `start` takes the lock otherwise, with interrupts still off, so it is
    // never held here.
    if let Some(mut controllers) = CONTROLLERS.try_lock() {
        // SAFETY: this is the handler of this interrupt.
        unsafe { controllers.notify_end_of_interrupt(VECTOR) };
    }
}
