//! Exceptions: what is expected goes to `probe`, everything else is reported
//! with the registers and ends the run with a failing status.
//!
//! Called by the processor through `traps.s`. Must never allocate, and must
//! never touch an xmm register (soft-float code can't).

use crate::console;
use crate::cpu::InterruptStack;
use crate::exit::{Exit, exit};
use crate::println;
use crate::{probe, stack};
use core::sync::atomic::{AtomicBool, Ordering};
use x86_64::VirtAddr;
use x86_64::registers::control::Cr2;
use x86_64::structures::idt::InterruptDescriptorTable;

core::arch::global_asm!(
    include_str!("traps.s"),
    trap = sym handle_trap,
    tick = sym crate::timer::tick,
);

/// Vectors for which `traps.s` has a stub: the exceptions and the interrupts
/// of both controllers.
const STUBS: usize = 48;
/// First vector of the interrupt controllers.
pub const FIRST_INTERRUPT: u8 = 32;
/// Vectors on which the two interrupt controllers signal "it was nothing".
const SPURIOUS: [u8; 2] = [FIRST_INTERRUPT + 7, FIRST_INTERRUPT + 15];
/// The vector of a page fault.
pub const PAGE_FAULT: u8 = 14;

unsafe extern "C" {
    /// Addresses of the stubs, by vector.
    static trap_stubs: [u64; STUBS];
    fn spurious_stub();
}

/// The interrupted program's registers, as `traps.s` lays them on the stack.
#[derive(Debug)]
#[repr(C)]
pub struct TrapFrame {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    rdi: u64,
    rsi: u64,
    rbp: u64,
    rbx: u64,
    rdx: u64,
    rcx: u64,
    rax: u64,
    /// The vector: 0-31 for exceptions.
    pub vector: u64,
    /// The error code, 0 for exceptions that have none.
    pub error: u64,
    /// Where it happened; where execution goes on after a return.
    pub rip: u64,
    cs: u64,
    rflags: u64,
    /// The stack pointer there.
    pub rsp: u64,
    ss: u64,
}

/// Points every vector below [`STUBS`] at its stub.
pub fn install(table: &mut InterruptDescriptorTable) {
    // SAFETY: written by nobody; `traps.s` made it.
    let stubs = unsafe { &trap_stubs };

    // The table's entries have types of their own, so this can't be a loop.
    macro_rules! exceptions {
        ($($field:ident = $vector:literal on $stack:ident;)*) => {$({
            // SAFETY: the stub for this vector: it builds the frame that belongs
            // to the presence or absence of an error code. The stack is set in
            // the task state by `cpu::init`; only one of its users is ever
            // active, as exceptions don't nest except to end the run.
            unsafe {
                table.$field
                    .set_handler_addr(VirtAddr::new(stubs[$vector]))
                    .set_stack_index(InterruptStack::$stack as u16);
            }
        })*};
    }
    exceptions! {
        divide_error = 0 on Fault;
        debug = 1 on Fault;
        non_maskable_interrupt = 2 on Fault;
        breakpoint = 3 on Fault;
        overflow = 4 on Fault;
        bound_range_exceeded = 5 on Fault;
        invalid_opcode = 6 on Fault;
        device_not_available = 7 on Fault;
        double_fault = 8 on DoubleFault;
        invalid_tss = 10 on Fault;
        segment_not_present = 11 on Fault;
        stack_segment_fault = 12 on Fault;
        general_protection_fault = 13 on Fault;
        page_fault = 14 on Fault;
        x87_floating_point = 16 on Fault;
        alignment_check = 17 on Fault;
        machine_check = 18 on Fault;
        simd_floating_point = 19 on Fault;
        virtualization = 20 on Fault;
        cp_protection_exception = 21 on Fault;
        hv_injection_exception = 28 on Fault;
        vmm_communication_exception = 29 on Fault;
        security_exception = 30 on Fault;
    }
    for vector in FIRST_INTERRUPT..STUBS as u8 {
        let address = if SPURIOUS.contains(&vector) {
            spurious_stub as *const () as u64
        } else {
            stubs[usize::from(vector)]
        };
        // SAFETY: as above; all lines but the timer's are masked.
        unsafe {
            table[vector]
                .set_handler_addr(VirtAddr::new(address))
                .set_stack_index(InterruptStack::Fault as u16);
        }
    }
}

/// What every stub but the timer's calls.
extern "sysv64" fn handle_trap(frame: &mut TrapFrame) {
    static REPORTING: AtomicBool = AtomicBool::new(false);

    let address = Cr2::read_raw();
    if probe::recover(frame, address) {
        return;
    }
    if REPORTING.swap(true, Ordering::Relaxed) {
        // The report itself faulted; another attempt would do the same.
        exit(Exit::Exception);
    }
    // SAFETY: this handler ends the run; whoever held the lock is below it.
    unsafe { console::seize() };
    report(frame, address);
    exit(Exit::Exception);
}

/// Prints what happened, where, and the registers.
fn report(frame: &TrapFrame, address: u64) {
    println!(
        "\nexception: {} (vector {}), error code {:#x}, at rip {:#018x}",
        name(frame.vector),
        frame.vector,
        frame.error,
        frame.rip
    );
    if frame.vector == u64::from(PAGE_FAULT) {
        let kind = PageFaultCause(frame.error);
        println!("  {kind} {address:#018x}");
        for (owner, guard) in stack::guards() {
            if guard.contains(&address) {
                println!("  the {owner} stack overflowed");
            }
        }
    }
    let TrapFrame {
        rax, rbx, rcx, rdx, ..
    } = frame;
    println!("  rax {rax:#018x} rbx {rbx:#018x} rcx {rcx:#018x} rdx {rdx:#018x}");
    let TrapFrame {
        rsi, rdi, rbp, rsp, ..
    } = frame;
    println!("  rsi {rsi:#018x} rdi {rdi:#018x} rbp {rbp:#018x} rsp {rsp:#018x}");
    let TrapFrame {
        r8, r9, r10, r11, ..
    } = frame;
    println!("  r8  {r8:#018x} r9  {r9:#018x} r10 {r10:#018x} r11 {r11:#018x}");
    let TrapFrame {
        r12, r13, r14, r15, ..
    } = frame;
    println!("  r12 {r12:#018x} r13 {r13:#018x} r14 {r14:#018x} r15 {r15:#018x}");
    let TrapFrame { cs, ss, rflags, .. } = frame;
    println!("  cs {cs:#x} ss {ss:#x} rflags {rflags:#x}");
}

/// The error code of a page fault, in words.
struct PageFaultCause(u64);

impl core::fmt::Display for PageFaultCause {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let access = match self.0 & 0b1_0010 {
            0 => "read of",
            0b0_0010 => "write to",
            _ => "execution of",
        };
        let state = if self.0 & 1 == 0 {
            "unmapped"
        } else {
            "protected"
        };
        write!(f, "{access} {state} memory at")
    }
}

/// The name of an exception.
fn name(vector: u64) -> &'static str {
    match vector {
        0 => "divide error",
        1 => "debug",
        2 => "non-maskable interrupt",
        3 => "breakpoint",
        4 => "overflow",
        5 => "bound range exceeded",
        6 => "undefined instruction",
        7 => "device not available",
        8 => "double fault",
        10 => "invalid task state",
        11 => "segment not present",
        12 => "stack segment fault",
        13 => "general protection",
        14 => "page fault",
        16 => "x87 floating point",
        17 => "alignment check",
        18 => "machine check",
        19 => "SIMD floating point",
        20 => "virtualization",
        21 => "control protection",
        28 => "hypervisor injection",
        29 => "VMM communication",
        30 => "security",
        32..48 => "unexpected interrupt",
        _ => "reserved",
    }
}
