//! Failures on demand: `fail=NAME` on the kernel's command line.
//!
//! `../run` boots the kernel once for each name and checks that the failure is
//! reported and that the status says so; otherwise a kernel that can't fail
//! would pass for one that works. Called by `main` in place of the normal run.

use crate::exit::{Exit, exit};
use crate::{heap, println};
use core::arch::asm;
use core::hint;
use x86_64::instructions::interrupts;
use x86_64::instructions::tables::{lidt, sidt};

/// Fails in the way called `name`.
pub fn fail(name: &str) -> ! {
    println!("failing on demand: {name}");
    match name {
        "panic" => panic!("this panic was asked for"),
        "page-fault" => write_to_null(),
        "undefined" => {
            // SAFETY: ends in the handler.
            unsafe { asm!("ud2") };
        }
        "general-protection" => {
            // SAFETY: not a canonical address: this ends in the handler.
            unsafe {
                asm!("mov {address}, [{address}]", address = inout(reg) 1_u64 << 63 => _);
            }
        }
        "divide" => {
            // SAFETY: division by zero ends in the handler.
            unsafe {
                asm!("xor edx, edx", "div {zero}", zero = in(reg) 0_u64,
                    inout("rax") 1_u64 => _, out("rdx") _);
            }
        }
        "double-fault" => double_fault(),
        "stack-overflow" => {
            hint::black_box(overflow_stack(hint::black_box(1)));
        }
        "heap" => {
            let bytes = alloc::vec![1_u8; heap::HEAP_BYTES + 1];
            hint::black_box(&bytes);
        }
        _ => println!("there is no failure called {name}"),
    }
    exit(Exit::Failure)
}

/// Cuts the table of interrupts off behind the double fault, so that a page
/// fault can't be delivered, and makes one.
fn double_fault() {
    const GATE_BYTES: u16 = 16;
    const LAST_GATE: u16 = 8;
    let mut table = sidt();
    table.limit = (LAST_GATE + 1) * GATE_BYTES - 1;
    interrupts::disable();
    // SAFETY: the same table, shorter; this run ends in the handler.
    unsafe { lidt(&table) };
    write_to_null();
}

/// Makes a page fault.
fn write_to_null() {
    // SAFETY: page 0 isn't mapped: this ends in a handler.
    unsafe { asm!("mov qword ptr [{null}], 1", null = in(reg) 0_u64) };
}

/// Never comes back: the frames don't fit.
#[expect(unconditional_recursion, reason = "this is the point")]
fn overflow_stack(depth: u64) -> u64 {
    let mut frame = [depth; 64];
    hint::black_box(&mut frame);
    overflow_stack(depth + 1) + frame[63]
}
