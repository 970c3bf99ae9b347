//! Accesses that are expected to fault, made so that the run can go on.
//!
//! The self tests use it to prove what the page tables forbid. An access runs
//! in a few instructions of assembly; when it faults, the handler of exceptions
//! sends execution to the place that the probe prepared. No Rust frame lies
//! between the two, so none is skipped. Must never be used from an interrupt.

use crate::interrupts::TrapFrame;
use core::sync::atomic::{AtomicU64, Ordering};

/// Where to go on if the access faults, 0 when no access is being probed.
static RESUME_AT: AtomicU64 = AtomicU64::new(0);
/// The stack pointer there.
static RESUME_STACK: AtomicU64 = AtomicU64::new(0);
/// The vector of the latest recovered fault.
static FAULT_VECTOR: AtomicU64 = AtomicU64::new(0);
/// Its error code.
static FAULT_ERROR: AtomicU64 = AtomicU64::new(0);
/// Its address.
static FAULT_ADDRESS: AtomicU64 = AtomicU64::new(0);

/// What came of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It went through: the byte read, or what the called code returned.
    Done(u64),
    /// It faulted.
    Faulted(Fault),
}

/// An exception that a probe met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The exception's vector.
    pub vector: u64,
    /// Its error code; for page faults bit 0 is "present", bit 1 "write", bit 4
    /// "instruction fetch".
    pub error: u64,
    /// The address, for page faults.
    pub address: u64,
}

/// Result of `probe_call` in rax and rdx.
#[repr(C)]
struct Raw {
    value: u64,
    faulted: u64,
}

unsafe extern "sysv64" {
    /// Calls `function(first, second)` under the protection of the probe.
    fn probe_call(function: u64, first: u64, second: u64) -> Raw;
    /// Reads the byte at `address`.
    fn probe_read(address: u64) -> u64;
    /// Writes the low byte of `value` to `address`.
    fn probe_write(address: u64, value: u64) -> u64;
}

core::arch::global_asm!(
    ".section .text.probe, \"ax\"",
    "probe_call:",
    "push rbp",
    "push rbx",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "sub rsp, 8",
    "mov [rip + {resume_stack}], rsp",
    "lea rax, [rip + 2f]",
    "mov [rip + {resume_at}], rax",
    "mov rax, rdi",
    "mov rdi, rsi",
    "mov rsi, rdx",
    "call rax",
    "xor edx, edx",
    "jmp 3f",
    "2:",
    "mov edx, 1",
    "3:",
    "mov qword ptr [rip + {resume_at}], 0",
    "add rsp, 8",
    "pop r15",
    "pop r14",
    "pop r13",
    "pop r12",
    "pop rbx",
    "pop rbp",
    "ret",
    "probe_read:",
    "movzx eax, byte ptr [rdi]",
    "ret",
    "probe_write:",
    "mov byte ptr [rdi], sil",
    "xor eax, eax",
    "ret",
    resume_at = sym RESUME_AT,
    resume_stack = sym RESUME_STACK,
);

/// Reads the byte at `address`, whether or not that is allowed.
pub fn read(address: u64) -> Outcome {
    // SAFETY: a fault is recovered, and reading memory harms nobody (no device
    // is mapped).
    unsafe { guarded(probe_read as *const () as u64, address, 0) }
}

/// Writes a byte to `address`, whether or not that is allowed.
///
/// # Safety
/// Either the address can't be written, or nothing relies on its contents.
pub unsafe fn write(address: u64, value: u8) -> Outcome {
    // SAFETY: a fault is recovered; otherwise the caller answers for the write.
    unsafe { guarded(probe_write as *const () as u64, address, value.into()) }
}

/// Calls the code at `address`, whether or not that is allowed.
///
/// # Safety
/// Either the address can't be executed, or a function of the System V
/// convention without arguments is there.
pub unsafe fn execute(address: u64) -> Outcome {
    // SAFETY: a fault is recovered; otherwise the caller answers for the code.
    unsafe { guarded(address, 0, 0) }
}

/// # Safety
/// Calling `function` with the arguments must be harmless if it doesn't fault.
unsafe fn guarded(function: u64, first: u64, second: u64) -> Outcome {
    // SAFETY: passed on to the caller.
    let raw = unsafe { probe_call(function, first, second) };
    if raw.faulted == 0 {
        return Outcome::Done(raw.value);
    }
    Outcome::Faulted(Fault {
        vector: FAULT_VECTOR.load(Ordering::Relaxed),
        error: FAULT_ERROR.load(Ordering::Relaxed),
        address: FAULT_ADDRESS.load(Ordering::Relaxed),
    })
}

/// Called by the handler of exceptions: sends the frame to the place that a
/// probe prepared. False if there is none.
pub fn recover(frame: &mut TrapFrame, address: u64) -> bool {
    let resume_at = RESUME_AT.swap(0, Ordering::Relaxed);
    if resume_at == 0 {
        return false;
    }
    FAULT_VECTOR.store(frame.vector, Ordering::Relaxed);
    FAULT_ERROR.store(frame.error, Ordering::Relaxed);
    FAULT_ADDRESS.store(address, Ordering::Relaxed);
    frame.rip = resume_at;
    frame.rsp = RESUME_STACK.load(Ordering::Relaxed);
    true
}
