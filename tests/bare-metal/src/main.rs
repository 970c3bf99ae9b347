//! A kernel that runs moonpatch's corpus with no operating system beneath it.
//!
//! Booted by QEMU through PVH; prints on the serial port; ends the run through
//! QEMU's debug-exit device with a status that `../run` checks. In order:
//! console, processor tables, memory, heap, timer, self tests, Lua programs.
//!
//! - `boot` and `boot.s`: from the loader to [`kernel_main`].
//! - `layout`, `memory`, `stack`, `heap`: what lies where, and who may do what.
//! - `cpu`, `interrupts` and `traps.s`, `timer`: exceptions and the timer.
//! - `selftest`, with `probe` (forbidden accesses) and `linking` (a bundle's code):
//!   the promises, checked.
//! - `programs`, `corpus`, `comparison`: the embedded Lua programs, run, and their
//!   output compared; `lua`: the only caller of lua-core.
//! - `race`: numeric programs, compiled against interpreted.
//! - `exit`, `sabotage`: statuses, and failures on demand that prove them.
//!
//! Command line (QEMU's `-append`): `fail=NAME` fails in that way; `engine=NAME`
//! and `only=TEXT` choose among engines and programs.
//!
//! Invariants: no page is writable and executable at one address; interrupts
//! are on whenever Lua runs; lua-core never uses the heap here; only stable
//! Rust.

#![no_std]
#![no_main]

extern crate alloc;

mod boot;
mod comparison;
mod console;
mod corpus;
mod cpu;
mod exit;
mod heap;
mod interrupts;
mod layout;
mod linking;
mod lua;
mod memory;
mod probe;
mod programs;
mod race;
mod sabotage;
mod selftest;
mod stack;
mod timer;

use boot::BootInfo;
use core::fmt::Display;
use core::panic::PanicInfo;
use exit::{Exit, exit};

/// The first Rust function: called by `boot.s` on the kernel's stack and the
/// boot page tables, interrupts off, with the loader's start info.
extern "sysv64" fn kernel_main(start_info: u32) -> ! {
    console::init();
    println!("moonpatch kernel");
    cpu::init();
    // SAFETY: the boot page tables are active, and `boot.s` passes the address on.
    let info = give_up_on_error(unsafe { BootInfo::read(start_info) });
    // SAFETY: still the boot page tables; called here only, and once.
    let mut memory = give_up_on_error(unsafe { memory::init(info.ram()) });
    // SAFETY: called here only, and once.
    unsafe { heap::init() };
    timer::start();

    if let Some(name) = info.option("fail") {
        sabotage::fail(name);
    }
    let failed = selftest::run(&mut memory);
    println!(
        "selftests: {} of {} passed",
        selftest::COUNT - failed,
        selftest::COUNT
    );
    if failed > 0 {
        // What Lua is promised doesn't hold: its results would mean nothing.
        exit(Exit::Failure);
    }

    let summary = corpus::run(&info, &mut memory);
    println!(
        "corpus: {} programs in {} modes: {} runs passed ({} of them in 2 MiB), {} failed; \
         {} timer ticks meanwhile; {} bytes of native stack",
        programs::PROGRAMS.len(),
        lua::MODES.len(),
        summary.passed,
        summary.small,
        summary.failed,
        summary.ticks,
        summary.stack_bytes,
    );
    if summary.failed > 0 {
        exit(Exit::Failure);
    }
    if info.option("engine").is_none() && info.option("only").is_none() && !race::run(&mut memory) {
        exit(Exit::Failure);
    }
    println!(
        "all passed: {} self tests, {} runs",
        selftest::COUNT,
        summary.passed
    );
    exit(Exit::Success)
}

/// The value, or the end of the run with the error's text.
fn give_up_on_error<T, E: Display>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => {
            println!("can't run on this machine: {error}");
            exit(Exit::Failure)
        }
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // SAFETY: a panic doesn't return to whoever held the lock.
    unsafe { console::seize() };
    println!("\n{info}");
    exit(Exit::Panic)
}
