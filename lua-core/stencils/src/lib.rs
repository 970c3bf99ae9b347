//! The operations of Lua as machine code, twice for each row of the op table, both times
//! the operation's one body (`lua_core::ops`):
//! - here, the handlers of the bundle interpreter: a shell that decodes operands from
//!   the bytecode and jumps to the next handler;
//! - in `compiled.rs`, the stencils of the baseline compiler, whose operands are holes.
//!
//! `stencil-compiler build` turns this package into `../lua.stencils`.
//!
//! Pinned by being every handler's arguments (convention `rust-preserve-none`):
//! r12 VM state and heap base, r13 frame base, r14 instruction (in stencils: nothing, until
//! they go where one is asked for), r15 `INFINITY_TWICE`, which separates numbers from NaNs and the rest. All
//! four survive calls of `sysv64` functions.
//!
//! This file must not say what an operation means.
#![no_std]
#![feature(explicit_tail_calls, rust_preserve_none_cc)]
#![allow(incomplete_features)]
// Only the address of the VM state crosses to the runtime.
#![allow(improper_ctypes)]

use core::hint::cold_path;
use core::mem::{MaybeUninit, offset_of};
use lua_core::isa::{CALL_BYTES, Extra};
use lua_core::ops::{self, Fetch, Flow, Machine, Operands, Part, Settled, jump_bytes};
use lua_core::proto::{COMPILED_BEFORE_ENTRY, Closure, MAP_BEFORE_ENTRY, SIGNATURE_BEFORE_ENTRY};
use lua_core::state::VmState;
use lua_core::value::INFINITY_TWICE;
use lua_core::{for_each_op, for_each_part, for_each_shortcut};

/// What handlers and lua-core must agree on.
#[unsafe(no_mangle)]
pub static STENCIL_ABI: [u8; 32] = lua_core::abi::FINGERPRINT;

type Handler = unsafe extern "rust-preserve-none" fn(
    *mut VmState,
    *mut u64,
    *const u64,
    u64,
    Ahead,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
    Number,
);

/// What stencils tell functions that they jump to, in two registers; else nothing.
#[derive(Clone, Copy)]
pub struct Ahead {
    /// The address behind the stencil, where what it jumps to goes on.
    place: MaybeUninit<usize>,
    /// The bytes that the frame's registers take; only in second parts.
    frame: MaybeUninit<u32>,
}

impl Ahead {
    #[inline(always)]
    const fn uninit() -> Ahead {
        Ahead {
            place: MaybeUninit::uninit(),
            frame: MaybeUninit::uninit(),
        }
    }
}

/// What a register of the processor holds, in stencils: first the number that the operation
/// before left in its destination, then another operand, then what the compiler keeps there
/// all through a loop (`baseline/registers.rs`). Nothing where the compiler didn't arrange
/// for it, and in handlers. Saves the way through memory.
type Number = MaybeUninit<f64>;

/// Jumps to a function of the type of all machine code, with no more in the processor's
/// registers than what is said.
macro_rules! jump {
    ($to:expr, $vm:expr, $base:expr, $pc:expr, $infinity:expr, $ahead:expr, $number:expr $(,)?) => {
        become $to(
            $vm,
            $base,
            $pc,
            $infinity,
            $ahead,
            $number,
            Number::uninit(),
            Number::uninit(),
            Number::uninit(),
            Number::uninit(),
            Number::uninit(),
            Number::uninit(),
            Number::uninit(),
        )
    };
}

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
    fn rt_miss(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume;
    fn rt_hook(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume;
    fn rt_unsure(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume;
    fn rt_cold(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume;
    fn rt_safepoint(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume;
}

/// Jumps to the handler of the instruction at `pc`. A macro, so that each use is a
/// jump of its own, which the processor predicts on its own.
macro_rules! dispatch {
    ($vm:expr, $base:expr, $pc:expr, $infinity:expr) => {{
        let pc: *const u64 = $pc;
        let vm: *mut VmState = $vm;
        let handler: Handler = core::mem::transmute::<usize, Handler>(
            (&raw const (*vm).dispatch as *const usize)
                .add(*(pc as *const u8) as usize)
                .read(),
        );
        jump!(
            handler,
            vm,
            $base,
            pc,
            $infinity,
            Ahead::uninit(),
            Number::uninit()
        )
    }};
}

/// Jumps to an address of compiled code.
macro_rules! jump_to {
    ($address:expr, $vm:expr, $base:expr, $pc:expr, $infinity:expr) => {{
        let code: Handler = core::mem::transmute::<usize, Handler>($address);
        jump!(
            code,
            $vm,
            $base,
            $pc,
            $infinity,
            Ahead::uninit(),
            Number::uninit()
        )
    }};
}

/// To the next instruction, in the interpreter.
macro_rules! dispatch_next {
    ($vm:expr, $base:expr, $pc:expr, $infinity:expr, $ahead:expr, $number:expr) => {{
        let _: (Ahead, Number) = ($ahead, $number);
        dispatch!($vm, $base, $pc, $infinity)
    }};
}

/// To the next instruction, `$pc`, in compiled code. The entry there may go by that register
/// (`stencil_inside`): it must be the next instruction's address.
macro_rules! jump_ahead {
    ($vm:expr, $base:expr, $pc:expr, $infinity:expr, $ahead:expr, $number:expr) => {{
        let code = core::mem::transmute::<usize, Handler>($ahead.place.assume_init());
        jump!(code, $vm, $base, $pc, $infinity, Ahead::uninit(), $number)
    }};
}

/// Where the instruction `pc` of the frame at `base` was compiled to, or 0.
///
/// # Safety
/// They are a complete frame of a Lua function and an instruction of it.
#[inline(always)]
unsafe fn compiled_place(vm: *mut VmState, base: *mut u64, pc: *const u64) -> usize {
    // SAFETY: the contract; the layout of code objects (`proto.rs`).
    unsafe {
        let at = |offset: u32| (vm as *const u8).add(offset as usize);
        let closure = *(base.sub(2) as *const u32);
        let entry = at(*(at(closure).add(offset_of!(Closure, entry)) as *const u32));
        let map = *(entry.sub(MAP_BEFORE_ENTRY as usize) as *const u32);
        if map == 0 {
            return 0;
        }
        let bytes = (pc as usize).wrapping_sub(entry as usize);
        let distance = *(at(map).add(bytes / 2) as *const u32) as usize;
        if distance == 0 {
            cold_path();
            return 0;
        }
        (*vm).code_base + distance
    }
}

/// Goes on at any instruction of any frame, in compiled code if there is any.
macro_rules! resume {
    ($vm:expr, $base:expr, $pc:expr, $infinity:expr) => {{
        let (vm, base, pc): (*mut VmState, *mut u64, *const u64) = ($vm, $base, $pc);
        let place = compiled_place(vm, base, pc);
        if place != 0 {
            jump_to!(place, vm, base, pc, $infinity)
        }
        dispatch!(vm, base, pc, $infinity)
    }};
}

/// Enters a function whose frame is complete.
macro_rules! enter {
    ($vm:expr, $base:expr, $entry:expr, $infinity:expr) => {{
        let entry: *const u64 = $entry;
        let code = *(entry.byte_sub(COMPILED_BEFORE_ENTRY as usize) as *const usize);
        if code != 0 {
            jump_to!(code, $vm, $base, entry, $infinity)
        }
        dispatch!($vm, $base, entry, $infinity)
    }};
}

/// The same from compiled code: a function that isn't compiled is counted.
macro_rules! enter_or_count {
    ($vm:expr, $base:expr, $entry:expr, $infinity:expr) => {{
        let entry: *const u64 = $entry;
        let code = *(entry.byte_sub(COMPILED_BEFORE_ENTRY as usize) as *const usize);
        if code == 0 {
            cold_path();
            jump!(
                aot_cold,
                $vm,
                $base,
                entry,
                $infinity,
                Ahead::uninit(),
                Number::uninit()
            )
        }
        jump_to!(code, $vm, $base, entry, $infinity)
    }};
}

/// Goes on behind a call: before the return address lies the call's resume word. What it
/// leads to finds the caller's base itself, from that of the frame that the call made: it
/// knows their distance, and nothing waits until that has been read.
macro_rules! return_to {
    ($vm:expr, $base:expr, $distance:expr, $to:expr, $infinity:expr) => {{
        let (base, to): (*mut u64, *const u64) = ($base, $to);
        let code = *(to.sub(1) as *const usize);
        if code != 0 {
            jump_to!(code, $vm, base, to, $infinity)
        }
        dispatch!($vm, base.byte_sub($distance), to, $infinity)
    }};
}

/// Enters the handlers or compiled code; returns when one of the runtime's functions
/// says so.
///
/// # Safety
/// `base` and `pc` are a frame and an instruction of the VM.
#[unsafe(no_mangle)]
pub unsafe extern "sysv64" fn aot_enter(vm: *mut VmState, base: *mut u64, pc: *const u64) {
    // SAFETY: `dispatch` holds handlers of this type.
    unsafe {
        let mut code = compiled_place(vm, base, pc);
        if code != 0 {
            (*vm).compiled_entries += 1;
        } else {
            code = (&raw const (*vm).dispatch as *const usize)
                .add(*(pc as *const u8) as usize)
                .read();
        }
        let code = core::mem::transmute::<usize, Handler>(code);
        code(
            vm,
            base,
            pc,
            INFINITY_TWICE,
            Ahead::uninit(),
            Number::uninit(),
            Number::uninit(),
            Number::uninit(),
            Number::uninit(),
            Number::uninit(),
            Number::uninit(),
            Number::uninit(),
            Number::uninit(),
        )
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
        pub unsafe extern "rust-preserve-none" fn $name(vm: *mut VmState, base: *mut u64, pc: *const u64, infinity: u64, _: Ahead, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number) {
            // SAFETY: the arguments are a handler's.
            unsafe {
                let to = $import(vm, base, pc);
                if to.pc.is_null() {
                    cold_path();
                    return;
                }
                let place = compiled_place(vm, to.base, to.pc);
                if place != 0 {
                    (*vm).compiled_entries += 1;
                    jump_to!(place, vm, to.base, to.pc, infinity)
                }
                dispatch!(vm, to.base, to.pc, infinity)
            }
        }
    )*};
}

calls_of_the_runtime! {
    /// The slow path of the operation at `pc`.
    aot_slow => rt_slow;
    /// The slow path of the operation at `pc`, which none of the entries of its inline
    /// cache in compiled code covers.
    aot_miss => rt_miss;
    /// The native function that the `Call` at `pc` calls.
    aot_native => rt_native;
    /// The safepoint before the instruction at `pc`.
    aot_safepoint => rt_safepoint;
    /// A register of the function that runs isn't the number that it was expected to be; its
    /// code is made anew, and goes on at `pc`.
    aot_unsure => rt_unsure;
    /// A function that isn't compiled, called by one that is.
    aot_cold => rt_cold;
}

/// The same from compiled code, which is behind the `Call` as a rule. Its resume word tells
/// where: the native function may have let the caller's code be thrown away, or made anew.
///
/// # Safety
/// Reached by jumps from stencils only.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "rust-preserve-none" fn aot_compiled_native(
    vm: *mut VmState,
    base: *mut u64,
    pc: *const u64,
    infinity: u64,
    _: Ahead,
    _: Number,
    _: Number,
    _: Number,
    _: Number,
    _: Number,
    _: Number,
    _: Number,
    _: Number,
) {
    // SAFETY: the arguments are a stencil's.
    unsafe {
        let to = rt_native(vm, base, pc);
        if to.pc == pc.byte_add(CALL_BYTES as usize) && to.base == base {
            let distance = ops::call::distance_of_call(pc);
            return_to!(vm, base.byte_add(distance), distance, to.pc, infinity)
        }
        if to.pc.is_null() {
            cold_path();
            return;
        }
        resume!(vm, to.base, to.pc, infinity)
    }
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
    infinity: u64,
    _: Ahead,
    _: Number,
    _: Number,
    _: Number,
    _: Number,
    _: Number,
    _: Number,
    _: Number,
    _: Number,
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
        jump!(
            handler,
            vm,
            to.base,
            to.pc,
            infinity,
            Ahead::uninit(),
            Number::uninit()
        )
    }
}

/// To a native function, by way of its shortcut in a table of the VM state.
macro_rules! go_native {
    ($table:ident, $operands:expr, $vm:expr, $base:expr, $pc:expr, $infinity:expr, $ahead:expr) => {{
        let number = ops::shortcuts::number(Machine::new($vm, $base, $infinity), $operands);
        let handler: Handler = core::mem::transmute::<usize, Handler>(
            (&raw const (*$vm).$table as *const usize)
                .add(number)
                .read(),
        );
        jump!(
            handler,
            $vm,
            $base,
            $pc,
            $infinity,
            $ahead,
            Number::uninit()
        )
    }};
}

/// Carries on where a body says; `$part` names what to do with a second part, `$go` how to
/// get to another instruction of this frame, `$next` to the next one, `$shortcuts` the table
/// of shortcuts.
macro_rules! follow {
    ($flow:expr, $extra:ident, $vm:ident, $base:ident, $pc:ident, $infinity:ident, $ahead:expr, $part:ident, $go:ident, $next:ident, $enter:ident, $shortcuts:ident) => {
        match $flow {
            Flow::Next | Flow::Begun(_) => $next!(
                $vm,
                $base,
                $pc.add(Extra::$extra.words()),
                $infinity,
                $ahead,
                Number::uninit()
            ),
            Flow::Number(x) => {
                let m = Machine::new($vm, $base, $infinity);
                m.set_reg(Fetch::new($pc).a(), x.to_bits());
                $next!(
                    $vm,
                    $base,
                    $pc.add(Extra::$extra.words()),
                    $infinity,
                    $ahead,
                    Number::new(x)
                )
            }
            Flow::Value(v) => {
                let m = Machine::new($vm, $base, $infinity);
                m.set_reg(Fetch::new($pc).a(), v);
                $next!(
                    $vm,
                    $base,
                    $pc.add(Extra::$extra.words()),
                    $infinity,
                    $ahead,
                    Number::uninit()
                )
            }
            Flow::Taken | Flow::Again(_) => {
                $go!($vm, $base, $pc.byte_offset(jump_bytes($pc)), $infinity)
            }
            Flow::TakenNext => {
                let next = $pc.add(Extra::$extra.words());
                $go!($vm, $base, next.byte_offset(jump_bytes(next)), $infinity)
            }
            Flow::Goto(base, pc) => resume!($vm, base, pc, $infinity),
            // A function with this signature is not compiled.
            Flow::Call(base, pc) => dispatch!($vm, base, pc, $infinity),
            Flow::Enter(base, pc) => $enter!($vm, base, pc, $infinity),
            Flow::Return(base, distance, pc) => return_to!($vm, base, distance, pc, $infinity),
            Flow::Exit => {
                cold_path();
            }
            Flow::Slow | Flow::Miss => {
                cold_path();
                jump!(
                    aot_slow,
                    $vm,
                    $base,
                    $pc,
                    $infinity,
                    Ahead::uninit(),
                    Number::uninit()
                )
            }
            Flow::Native => {
                cold_path();
                go_native!(
                    $shortcuts,
                    Fetch::new($pc),
                    $vm,
                    $base,
                    $pc,
                    $infinity,
                    $ahead
                )
            }
            Flow::Trap => {
                cold_path();
                jump!(
                    aot_safepoint,
                    $vm,
                    $base,
                    $pc,
                    $infinity,
                    Ahead::uninit(),
                    Number::uninit()
                )
            }
            Flow::Rest(part) => {
                cold_path();
                for_each_part!($part, part, $vm, $base, $pc, $infinity)
            }
        }
    };
}

/// To the function of a second part.
macro_rules! go_to_part {
    ($part:ident $vm:ident $base:ident $pc:ident $infinity:ident $($name:ident $extra:ident $module:ident::$body:ident $doc:literal;)*) => {
        match $part {
            $(Part::$name => jump!(parts::$body, $vm, $base, $pc, $infinity, Ahead::uninit(), Number::uninit()),)*
        }
    };
}

/// A part never leads to another part.
macro_rules! no_part {
    ($part:ident $vm:ident $base:ident $pc:ident $infinity:ident $($name:ident $extra:ident $module:ident::$body:ident $doc:literal;)*) => {{
        let _: Part = $part;
        jump!(
            aot_slow,
            $vm,
            $base,
            $pc,
            $infinity,
            Ahead::uninit(),
            Number::uninit()
        )
    }};
}

/// The operands of a second part that handlers share, and of one that stencils share.
macro_rules! fetched {
    ($pc:expr, $ahead:expr) => {{
        let _: Ahead = $ahead;
        Fetch::new($pc)
    }};
}
macro_rules! settled {
    ($pc:expr, $ahead:expr) => {
        Settled::new($pc, $ahead.frame.assume_init())
    };
}

macro_rules! parts {
    ($modname:ident $operands:ident $prefix:literal $go:ident $next:ident $enter:ident $shortcuts:ident $($name:ident $extra:ident $module:ident::$body:ident $doc:literal;)*) => {
        /// The second parts of operations, shared by handlers or by stencils.
        mod $modname {
            use super::*;
            $(
                #[doc = $doc]
                ///
                /// # Safety
                /// Reached by jumps from handlers or stencils only.
                #[unsafe(export_name = concat!($prefix, stringify!($body)))]
                #[inline(never)]
                pub unsafe extern "rust-preserve-none" fn $body(vm: *mut VmState, base: *mut u64, pc: *const u64, infinity: u64, ahead: Ahead, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number) {
                    // SAFETY: the arguments are a handler's.
                    unsafe {
                        let flow = ops::$module::$body(Machine::new(vm, base, infinity), $operands!(pc, ahead));
                        follow!(flow, $extra, vm, base, pc, infinity, ahead, no_part, $go, $next, $enter, $shortcuts)
                    }
                }
            )*
        }
    };
}

for_each_part!(
    parts,
    parts,
    fetched,
    "aot_part_",
    dispatch,
    dispatch_next,
    enter,
    shortcuts
);
for_each_part!(
    parts,
    compiled_parts,
    settled,
    "aot_compiled_part_",
    resume,
    jump_ahead,
    enter_or_count,
    compiled_shortcuts
);

macro_rules! handlers {
    ($($name:ident ($a:ident $b:ident $c:ident $d:ident) $extra:ident $control:ident $base:ident $module:ident::$body:ident $doc:literal;)*) => {
        $(const _: () = {
            #[unsafe(export_name = concat!("aot_op_", stringify!($name)))]
            unsafe extern "rust-preserve-none" fn handler(vm: *mut VmState, base: *mut u64, pc: *const u64, infinity: u64, _: Ahead, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number) {
                // SAFETY: the arguments are a running frame and its instruction.
                unsafe {
                    let flow = ops::$module::$body(Machine::new(vm, base, infinity), Fetch::new(pc));
                    follow!(flow, $extra, vm, base, pc, infinity, Ahead::uninit(), go_to_part, dispatch, dispatch_next, enter, shortcuts)
                }
            }
        };)*
    };
}

for_each_op!(handlers);

/// The shortcuts: reached from a `Call` or `TailCall` whose callee has one.
macro_rules! shortcuts {
    ($prefix:literal $next:ident $enter:ident $native:ident $($name:ident $library:literal $function:literal $body:ident $doc:literal;)*) => {
        $(const _: () = {
            #[unsafe(export_name = concat!($prefix, stringify!($name)))]
            unsafe extern "rust-preserve-none" fn handler(vm: *mut VmState, base: *mut u64, pc: *const u64, infinity: u64, ahead: Ahead, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number, _: Number) {
                // SAFETY: the arguments are a handler's, at a call of this function.
                unsafe {
                    match ops::shortcuts::$body(Machine::new(vm, base, infinity), Fetch::new(pc)) {
                        Flow::Next => $next!(vm, base, pc.byte_add(CALL_BYTES as usize), infinity, ahead, Number::uninit()),
                        Flow::Enter(base, pc) => $enter!(vm, base, pc, infinity),
                        Flow::Return(base, distance, pc) => return_to!(vm, base, distance, pc, infinity),
                        _ => {
                            cold_path();
                            jump!($native, vm, base, pc, infinity, ahead, Number::uninit())
                        }
                    }
                }
            }
        };)*
    };
}

for_each_shortcut!(shortcuts, "aot_short_", dispatch_next, enter, aot_native);
for_each_shortcut!(
    shortcuts,
    "aot_compiled_short_",
    jump_ahead,
    enter_or_count,
    aot_compiled_native
);

// After the macros that it uses.
mod compiled;
