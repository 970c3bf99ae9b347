//! The handlers of the bundle interpreter: one per row of the op table, each the
//! operation's one body (`lua_core::ops`) in a shell that decodes operands from
//! the bytecode and jumps to the next handler.
//!
//! `stencil-compiler build` turns this package into `../lua.stencils`.
//!
//! Pinned by being every handler's arguments (convention `rust-preserve-none`):
//! r12 VM state and heap base, r13 frame base, r14 instruction, r15 the tag that
//! separates numbers from the rest. All four survive calls of `sysv64` functions.
//!
//! This file must not say what an operation means.
#![no_std]
#![feature(explicit_tail_calls, rust_preserve_none_cc)]
#![allow(incomplete_features)]
// Only the address of the VM state crosses to the runtime.
#![allow(improper_ctypes)]

use core::hint::cold_path;
use lua_core::isa::{CALL_BYTES, Extra};
use lua_core::ops::{self, Fetch, Flow, Machine, Part, jump_bytes};
use lua_core::state::VmState;
use lua_core::value::TAG;
use lua_core::{for_each_op, for_each_part, for_each_shortcut};

/// What handlers and lua-core must agree on.
#[unsafe(no_mangle)]
pub static STENCIL_ABI: [u8; 32] = lua_core::abi::FINGERPRINT;

type Handler = unsafe extern "rust-preserve-none" fn(*mut VmState, *mut u64, *const u64, u64);

/// Where to go on after a call of the runtime; `pc` null leaves the engine.
#[repr(C)]
struct Resume {
    base: *mut u64,
    pc: *const u64,
}

// The runtime, imported by name.
unsafe extern "sysv64" {
    fn rt_slow(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume;
    fn rt_native(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume;
    fn rt_hook(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume;
    fn rt_safepoint(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume;
}

/// Jumps to the handler of the instruction at `pc`. A macro, so that each use is a
/// jump of its own, which the processor predicts on its own.
macro_rules! dispatch {
    ($vm:expr, $base:expr, $pc:expr, $tag:expr) => {{
        let pc: *const u64 = $pc;
        let vm: *mut VmState = $vm;
        let handler: Handler = core::mem::transmute::<usize, Handler>(
            (&raw const (*vm).dispatch as *const usize)
                .add(*(pc as *const u8) as usize)
                .read(),
        );
        become handler(vm, $base, pc, $tag)
    }};
}

/// Enters the handlers; returns when one of the runtime's functions says so.
///
/// # Safety
/// `base` and `pc` are a frame and an instruction of the VM.
#[unsafe(no_mangle)]
pub unsafe extern "sysv64" fn aot_enter(vm: *mut VmState, base: *mut u64, pc: *const u64) {
    // SAFETY: `dispatch` holds handlers of this type.
    unsafe {
        let handler = core::mem::transmute::<usize, Handler>(
            (&raw const (*vm).dispatch as *const usize)
                .add(*(pc as *const u8) as usize)
                .read(),
        );
        handler(vm, base, pc, TAG)
    }
}

/// Functions that call the runtime and go on where it says.
macro_rules! calls_of_the_runtime {
    ($($(#[$doc:meta])* $name:ident => $import:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// Reached by jumps from handlers only.
        #[unsafe(no_mangle)]
        #[inline(never)]
        pub unsafe extern "rust-preserve-none" fn $name(vm: *mut VmState, base: *mut u64, pc: *const u64, tag: u64) {
            // SAFETY: the arguments are a handler's.
            unsafe {
                let to = $import(vm, base, pc);
                if to.pc.is_null() {
                    cold_path();
                    return;
                }
                dispatch!(vm, to.base, to.pc, tag)
            }
        }
    )*};
}

calls_of_the_runtime! {
    /// The slow path of the operation at `pc`.
    aot_slow => rt_slow;
    /// The native function that the `Call` at `pc` calls.
    aot_native => rt_native;
    /// The safepoint before the instruction at `pc`.
    aot_safepoint => rt_safepoint;
}

/// Hooks: what every entry of the dispatch table leads to while there are any. The
/// instruction that the runtime gives back is executed without asking again.
///
/// # Safety
/// Reached by jumps from handlers only.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "rust-preserve-none" fn aot_hook(
    vm: *mut VmState,
    base: *mut u64,
    pc: *const u64,
    tag: u64,
) {
    // SAFETY: the arguments are a handler's.
    unsafe {
        let to = rt_hook(vm, base, pc);
        if to.pc.is_null() {
            cold_path();
            return;
        }
        let handler: Handler = core::mem::transmute::<usize, Handler>(
            (&raw const (*vm).handlers as *const usize)
                .add(*(to.pc as *const u8) as usize)
                .read(),
        );
        become handler(vm, to.base, to.pc, tag)
    }
}

/// To a native function, by way of its shortcut.
macro_rules! go_native {
    ($vm:expr, $base:expr, $pc:expr, $tag:expr) => {{
        let number = ops::shortcuts::number(Machine::new($vm, $base, $tag), Fetch::new($pc));
        let handler: Handler = core::mem::transmute::<usize, Handler>(
            (&raw const (*$vm).shortcuts as *const usize)
                .add(number)
                .read(),
        );
        become handler($vm, $base, $pc, $tag)
    }};
}

/// Carries on where a body says; `$part` names what to do with a second part.
macro_rules! follow {
    ($flow:expr, $extra:ident, $vm:ident, $base:ident, $pc:ident, $tag:ident, $part:ident) => {
        match $flow {
            Flow::Next => dispatch!($vm, $base, $pc.add(Extra::$extra.words()), $tag),
            Flow::Taken => dispatch!($vm, $base, $pc.byte_offset(jump_bytes($pc)), $tag),
            Flow::TakenNext => {
                let next = $pc.add(Extra::$extra.words());
                dispatch!($vm, $base, next.byte_offset(jump_bytes(next)), $tag)
            }
            Flow::Goto(base, pc) => dispatch!($vm, base, pc, $tag),
            Flow::Exit => {
                cold_path();
            }
            Flow::Slow => {
                cold_path();
                become aot_slow($vm, $base, $pc, $tag)
            }
            Flow::Native => {
                cold_path();
                go_native!($vm, $base, $pc, $tag)
            }
            Flow::Trap => {
                cold_path();
                become aot_safepoint($vm, $base, $pc, $tag)
            }
            Flow::Rest(part) => {
                cold_path();
                for_each_part!($part, part, $vm, $base, $pc, $tag)
            }
        }
    };
}

/// To the function of a second part.
macro_rules! go_to_part {
    ($part:ident $vm:ident $base:ident $pc:ident $tag:ident $($name:ident $extra:ident $module:ident::$body:ident $doc:literal;)*) => {
        match $part {
            $(Part::$name => become parts::$body($vm, $base, $pc, $tag),)*
        }
    };
}

/// A part never leads to another part.
macro_rules! no_part {
    ($part:ident $vm:ident $base:ident $pc:ident $tag:ident $($name:ident $extra:ident $module:ident::$body:ident $doc:literal;)*) => {{
        let _: Part = $part;
        become aot_slow($vm, $base, $pc, $tag)
    }};
}

macro_rules! parts {
    ($($name:ident $extra:ident $module:ident::$body:ident $doc:literal;)*) => {
        /// The second parts of operations, shared by the handlers.
        mod parts {
            use super::*;
            $(
                #[doc = $doc]
                ///
                /// # Safety
                /// Reached by jumps from handlers only.
                #[unsafe(export_name = concat!("aot_part_", stringify!($body)))]
                #[inline(never)]
                pub unsafe extern "rust-preserve-none" fn $body(vm: *mut VmState, base: *mut u64, pc: *const u64, tag: u64) {
                    // SAFETY: the arguments are a handler's.
                    unsafe {
                        let flow = ops::$module::$body(Machine::new(vm, base, tag), Fetch::new(pc));
                        follow!(flow, $extra, vm, base, pc, tag, no_part)
                    }
                }
            )*
        }
    };
}

for_each_part!(parts);

macro_rules! handlers {
    ($($name:ident ($a:ident $b:ident $c:ident $d:ident) $extra:ident $control:ident $base:ident $module:ident::$body:ident $doc:literal;)*) => {
        $(const _: () = {
            #[unsafe(export_name = concat!("aot_op_", stringify!($name)))]
            unsafe extern "rust-preserve-none" fn handler(vm: *mut VmState, base: *mut u64, pc: *const u64, tag: u64) {
                // SAFETY: the arguments are a running frame and its instruction.
                unsafe {
                    let flow = ops::$module::$body(Machine::new(vm, base, tag), Fetch::new(pc));
                    follow!(flow, $extra, vm, base, pc, tag, go_to_part)
                }
            }
        };)*
    };
}

for_each_op!(handlers);

/// The shortcuts: reached from a `Call` or `TailCall` whose callee has one.
macro_rules! shortcuts {
    ($($name:ident $library:literal $function:literal $body:ident $doc:literal;)*) => {
        $(const _: () = {
            #[unsafe(export_name = concat!("aot_short_", stringify!($name)))]
            unsafe extern "rust-preserve-none" fn handler(vm: *mut VmState, base: *mut u64, pc: *const u64, tag: u64) {
                // SAFETY: the arguments are a handler's, at a call of this function.
                unsafe {
                    match ops::shortcuts::$body(Machine::new(vm, base, tag), Fetch::new(pc)) {
                        Flow::Next => dispatch!(vm, base, pc.byte_add(CALL_BYTES as usize), tag),
                        Flow::Goto(base, pc) => dispatch!(vm, base, pc, tag),
                        _ => {
                            cold_path();
                            become aot_native(vm, base, pc, tag)
                        }
                    }
                }
            }
        };)*
    };
}

for_each_shortcut!(shortcuts);
