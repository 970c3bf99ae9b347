//! The stencils of the baseline compiler: the body of each operation with its operands
//! baked in, and with what follows it in the place of a dispatch.
//!
//! Where a stencil leaves the straight line it goes to functions that the handlers use as
//! well; those take the instruction in r14, and come back through `resume!`.
//!
//! Operand holes lie in the low 2 GiB for the compiler. What can be zero, equal to another
//! operand, or larger, is brought in by an instruction that it doesn't see through, and
//! everything else is used for addresses, stores and comparisons with what was loaded.

use super::*;
use core::arch::asm;
use lua_core::isa::Control;

unsafe extern "C" {
    // Registers a, b, c in bytes.
    static HOLE_A: u8;
    static HOLE_B: u8;
    static HOLE_C: u8;
    /// Bytes that the function's registers take.
    static HOLE_FRAME: u8;
    /// Field b as a number.
    static HOLE_IMM_B: u8;
    /// Field c as a number.
    static HOLE_IMM_C: u8;
    /// Field d.
    static HOLE_D: u8;
    /// Upvalue b in bytes from the start of the closure.
    static HOLE_UP: u8;
    /// Item d in bytes from the start of the array part.
    static HOLE_ITEM: u8;
    /// Offset of the instruction.
    static HOLE_PC: u8;
    /// Offset of the word behind it.
    static HOLE_WORD: u8;
    /// Offset of the word that says where a miss of the inline cache goes.
    static HOLE_SITE: u8;
    // The numbers behind the instruction.
    static HOLE_X0: u8;
    static HOLE_X1: u8;
    static HOLE_X2: u8;
    static HOLE_X3: u8;
    /// Where the inner map is, less half the bytecode's offset.
    static HOLE_INSIDE: u8;
    // Registers that are kept in the processor's, in bytes.
    static HOLE_P0: u8;
    static HOLE_P1: u8;
    static HOLE_P2: u8;
    static HOLE_P3: u8;
    static HOLE_P4: u8;
    static HOLE_P5: u8;
}

unsafe extern "rust-preserve-none" {
    /// The next instruction.
    fn hole_next(
        vm: *mut VmState,
        base: *mut u64,
        pc: *const u64,
        infinity: u64,
        ahead: Ahead,
        number: Number,
        other: Number,
        k0: Number,
        k1: Number,
        k2: Number,
        k3: Number,
        k4: Number,
        k5: Number,
    );
    /// The same at the end of a loop, where it isn't the likely way.
    fn hole_after(
        vm: *mut VmState,
        base: *mut u64,
        pc: *const u64,
        infinity: u64,
        ahead: Ahead,
        number: Number,
        other: Number,
        k0: Number,
        k1: Number,
        k2: Number,
        k3: Number,
        k4: Number,
        k5: Number,
    );
    /// The jump target.
    fn hole_taken(
        vm: *mut VmState,
        base: *mut u64,
        pc: *const u64,
        infinity: u64,
        ahead: Ahead,
        number: Number,
        other: Number,
        k0: Number,
        k1: Number,
        k2: Number,
        k3: Number,
        k4: Number,
        k5: Number,
    );
    /// The next instruction, from outside: nothing is in the processor's registers. Control
    /// comes there by `jump_ahead!` only, with that instruction as `pc`.
    fn hole_entry(
        vm: *mut VmState,
        base: *mut u64,
        pc: *const u64,
        infinity: u64,
        ahead: Ahead,
        number: Number,
        other: Number,
        k0: Number,
        k1: Number,
        k2: Number,
        k3: Number,
        k4: Number,
        k5: Number,
    );
    /// The jump target of the next instruction.
    fn hole_over(
        vm: *mut VmState,
        base: *mut u64,
        pc: *const u64,
        infinity: u64,
        ahead: Ahead,
        number: Number,
        other: Number,
        k0: Number,
        k1: Number,
        k2: Number,
        k3: Number,
        k4: Number,
        k5: Number,
    );
}

/// Jumps to another stencil of the function, with all that is kept in registers.
macro_rules! stay {
    ($to:ident, $vm:expr, $base:expr, $any:expr, $infinity:expr, $($number:expr),*) => {
        become $to($vm, $base, $any, $infinity, Ahead::uninit(), $($number),*)
    };
}

/// A hole as an address, which folds into addressing modes.
macro_rules! address {
    ($hole:ident) => {
        (&raw const $hole).addr()
    };
}

/// A hole as a number of which the compiler knows nothing.
macro_rules! opaque {
    ($hole:ident) => {{
        let x: u64;
        // SAFETY: writes the output only. (Some who ask for it are unsafe themselves.)
        #[allow(unused_unsafe)]
        unsafe {
            asm!("mov {x:e}, offset {hole}", x = out(reg) x, hole = sym $hole,
                options(pure, nomem, nostack, preserves_flags));
        }
        x as u32
    }};
}

/// Operands known when code is emitted.
#[derive(Clone, Copy)]
struct Baked(*mut VmState);

impl Operands for Baked {
    #[inline(always)]
    fn a(self) -> usize {
        address!(HOLE_A)
    }
    #[inline(always)]
    fn b(self) -> usize {
        address!(HOLE_B)
    }
    #[inline(always)]
    fn c(self) -> usize {
        address!(HOLE_C)
    }
    #[inline(always)]
    fn imm_b(self) -> usize {
        opaque!(HOLE_IMM_B) as usize
    }
    #[inline(always)]
    fn imm_c(self) -> usize {
        opaque!(HOLE_IMM_C) as usize
    }
    #[inline(always)]
    fn d(self) -> u32 {
        opaque!(HOLE_D)
    }
    #[inline(always)]
    fn k(self) -> u64 {
        // SAFETY: the constant of an instruction of a live prototype.
        unsafe { *((self.0 as *const u8).add(address!(HOLE_WORD)) as *const u64) }
    }
    #[inline(always)]
    fn extra(self, i: usize) -> u32 {
        match i {
            0 => opaque!(HOLE_X0),
            1 => opaque!(HOLE_X1),
            2 => opaque!(HOLE_X2),
            _ => opaque!(HOLE_X3),
        }
    }
    #[inline(always)]
    fn pc(self) -> *const u64 {
        // SAFETY: an instruction of a live prototype.
        unsafe { (self.0 as *const u8).add(address!(HOLE_PC)) as *const u64 }
    }
    #[inline(always)]
    fn may_enter(self, m: Machine, entry: u32) -> bool {
        m.get_before::<u32>(entry, SIGNATURE_BEFORE_ENTRY) <= opaque!(HOLE_IMM_B)
    }
    #[inline(always)]
    fn frame_bytes(self, _m: Machine) -> u32 {
        opaque!(HOLE_FRAME)
    }
    #[inline(always)]
    fn up(self) -> usize {
        address!(HOLE_UP)
    }
    #[inline(always)]
    fn item(self) -> usize {
        address!(HOLE_ITEM)
    }
    #[inline(always)]
    fn shape(self) -> u32 {
        address!(HOLE_X0) as u32
    }
    #[inline(always)]
    fn slot(self) -> usize {
        address!(HOLE_X1)
    }
    #[inline(always)]
    fn epoch(self) -> u32 {
        address!(HOLE_X2) as u32
    }
    #[inline(always)]
    fn new_shape(self) -> u32 {
        address!(HOLE_X3) as u32
    }
}

/// To the interpreter, whatever is compiled.
///
/// # Safety
/// Reached by jumps from stencils only.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "rust-preserve-none" fn aot_dispatch(
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
    unsafe { dispatch!(vm, base, pc, infinity) }
}

/// To any instruction of any frame.
///
/// # Safety
/// Reached by jumps from stencils only.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "rust-preserve-none" fn aot_resume(
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
    unsafe { resume!(vm, base, pc, infinity) }
}

/// Out of the engine.
///
/// # Safety
/// Reached by jumps from stencils only.
#[unsafe(no_mangle)]
#[inline(never)]
pub unsafe extern "rust-preserve-none" fn aot_leave(
    _vm: *mut VmState,
    _base: *mut u64,
    _pc: *const u64,
    _tag: u64,
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
    // Something, or the jump here would be optimized to a return.
    // SAFETY: does nothing.
    unsafe { asm!("", options(nomem, nostack, preserves_flags)) }
}

/// The address of what comes behind this stencil; and for second parts the size of the frame.
macro_rules! ahead {
    () => {{
        let mut ahead = ahead!(alone);
        ahead.frame = MaybeUninit::new(opaque!(HOLE_FRAME));
        ahead
    }};
    (alone) => {{
        let place: usize;
        asm!("lea {place}, [rip + {next}]", place = out(reg) place, next = sym hole_entry,
            options(pure, nomem, nostack, preserves_flags));
        Ahead {
            place: MaybeUninit::new(place),
            ..Ahead::uninit()
        }
    }};
}

/// To the function of a second part.
macro_rules! go_to_compiled_part {
    ($part:ident $vm:ident $base:ident $pc:ident $infinity:ident $($name:ident $extra:ident $module:ident::$body:ident $doc:literal;)*) => {
        match $part {
            $(Part::$name => jump!(compiled_parts::$body, $vm, $base, $pc, $infinity, ahead!(), Number::uninit()),)*
        }
    };
}

/// To the next entry of the instruction's inline cache, or to what is behind the last one.
macro_rules! go_to_site {
    ($vm:expr, $base:expr, $o:expr, $infinity:expr) => {{
        cold_path();
        let next = ($vm as *const u8).add(address!(HOLE_SITE)) as *const usize;
        let code: Handler = core::mem::transmute::<usize, Handler>(*next);
        jump!(
            code,
            $vm,
            $base,
            $o.pc(),
            $infinity,
            ahead!(),
            Number::uninit()
        )
    }};
}

/// A stencil of an operation: `$operands` say how its operands arrive.
macro_rules! stencil {
    ($symbol:expr, $name:ident, |$vm:ident, $number:ident $other:ident| $operands:expr, $leaves:expr) => {
        stencil!($symbol, $name, |$vm, $number $other k0 k1 k2 k3 k4 k5| $operands, $leaves, |x| (k0, k1, k2, k3, k4, k5));
    };
    ($symbol:expr, $name:ident, |$vm:ident, $number:ident $other:ident $k0:ident $k1:ident $k2:ident $k3:ident $k4:ident $k5:ident| $operands:expr, $leaves:expr, |$x:ident| ($($again:expr),*)) => {
        const _: () = {
            #[unsafe(export_name = $symbol)]
            unsafe extern "rust-preserve-none" fn stencil(
                $vm: *mut VmState,
                base: *mut u64,
                any: *const u64,
                infinity: u64,
                _: Ahead,
                $number: Number,
                $other: Number,
                $k0: Number,
                $k1: Number,
                $k2: Number,
                $k3: Number,
                $k4: Number,
                $k5: Number,
            ) {
                // SAFETY: the arguments are a running frame; the holes are filled from the
                // instruction that it runs.
                unsafe {
                    let vm = $vm;
                    let o = $operands;
                    match <named::$name as Body>::run(Machine::new(vm, base, infinity), o) {
                        Flow::Next => {
                            if <named::$name as Body>::LOOP {
                                cold_path();
                                stay!(
                                    hole_after,
                                    vm,
                                    base,
                                    any,
                                    infinity,
                                    Number::uninit(),
                                    Number::uninit(),
                                    $k0,
                                    $k1,
                                    $k2,
                                    $k3,
                                    $k4,
                                    $k5
                                )
                            }
                            stay!(
                                hole_next,
                                vm,
                                base,
                                any,
                                infinity,
                                Number::uninit(),
                                Number::uninit(),
                                $k0,
                                $k1,
                                $k2,
                                $k3,
                                $k4,
                                $k5
                            )
                        }
                        Flow::Number(x) => {
                            Machine::new(vm, base, infinity).set_reg(o.a(), x.to_bits());
                            stay!(
                                hole_next,
                                vm,
                                base,
                                any,
                                infinity,
                                Number::new(x),
                                Number::uninit(),
                                $k0,
                                $k1,
                                $k2,
                                $k3,
                                $k4,
                                $k5
                            )
                        }
                        Flow::Value(v) => {
                            Machine::new(vm, base, infinity).set_reg(o.a(), v);
                            stay!(
                                hole_next,
                                vm,
                                base,
                                any,
                                infinity,
                                if $leaves {
                                    Number::new(f64::from_bits(v))
                                } else {
                                    Number::uninit()
                                },
                                Number::uninit(),
                                $k0,
                                $k1,
                                $k2,
                                $k3,
                                $k4,
                                $k5
                            )
                        }
                        Flow::Begun(x) => {
                            stay!(
                                hole_next,
                                vm,
                                base,
                                any,
                                infinity,
                                Number::new(x),
                                Number::uninit(),
                                $k0,
                                $k1,
                                $k2,
                                $k3,
                                $k4,
                                $k5
                            )
                        }
                        Flow::Again($x) => {
                            stay!(hole_taken, vm, base, any, infinity, Number::new($x), Number::uninit(), $($again),*)
                        }
                        Flow::Taken => {
                            stay!(
                                hole_taken,
                                vm,
                                base,
                                any,
                                infinity,
                                Number::uninit(),
                                Number::uninit(),
                                $k0,
                                $k1,
                                $k2,
                                $k3,
                                $k4,
                                $k5
                            )
                        }
                        Flow::TakenNext => {
                            stay!(
                                hole_over,
                                vm,
                                base,
                                any,
                                infinity,
                                Number::uninit(),
                                Number::uninit(),
                                $k0,
                                $k1,
                                $k2,
                                $k3,
                                $k4,
                                $k5
                            )
                        }
                        Flow::Goto(base, pc) => {
                            jump!(
                                aot_resume,
                                vm,
                                base,
                                pc,
                                infinity,
                                Ahead::uninit(),
                                Number::uninit()
                            )
                        }
                        Flow::Call(base, pc) => {
                            let code =
                                *(pc.byte_sub(COMPILED_BEFORE_ENTRY as usize) as *const usize);
                            jump_to!(code, vm, base, any, infinity)
                        }
                        Flow::Enter(base, pc) => enter_or_count!(vm, base, pc, infinity),
                        Flow::Return(base, distance, pc) => {
                            // As `return_to!`.
                            let code = *(pc.sub(1) as *const usize);
                            if code == 0 {
                                cold_path();
                                jump!(
                                    aot_dispatch,
                                    vm,
                                    base.byte_sub(distance),
                                    pc,
                                    infinity,
                                    Ahead::uninit(),
                                    Number::uninit(),
                                )
                            }
                            jump_to!(code, vm, base, any, infinity)
                        }
                        Flow::Exit => {
                            cold_path();
                            jump!(
                                aot_leave,
                                vm,
                                base,
                                any,
                                infinity,
                                Ahead::uninit(),
                                Number::uninit()
                            )
                        }
                        Flow::Slow => {
                            cold_path();
                            jump!(
                                aot_slow,
                                vm,
                                base,
                                o.pc(),
                                infinity,
                                Ahead::uninit(),
                                Number::uninit(),
                            )
                        }
                        Flow::Miss => go_to_site!(vm, base, o, infinity),
                        Flow::Native => {
                            cold_path();
                            let pc = o.pc();
                            let ahead = ahead!(alone);
                            go_native!(compiled_shortcuts, o, vm, base, pc, infinity, ahead)
                        }
                        Flow::Trap => {
                            cold_path();
                            jump!(
                                aot_safepoint,
                                vm,
                                base,
                                o.pc(),
                                infinity,
                                Ahead::uninit(),
                                Number::uninit(),
                            )
                        }
                        Flow::Rest(Part::GetField | Part::Method | Part::SetField) => {
                            go_to_site!(vm, base, o, infinity)
                        }
                        Flow::Rest(part) => {
                            cold_path();
                            let pc = o.pc();
                            for_each_part!(go_to_compiled_part, part, vm, base, pc, infinity)
                        }
                    }
                }
            }
        };
    };
}

/// The body of an operation, by its name.
trait Body {
    /// Does it come at the end of a loop?
    const LOOP: bool;
    /// # Safety
    /// As for all bodies.
    unsafe fn run<O: Operands>(m: Machine, o: O) -> Flow;
}

macro_rules! stencils {
    ($($name:ident ($a:ident $b:ident $c:ident $d:ident) $extra:ident $control:ident $base:ident $module:ident::$body:ident $doc:literal;)*) => {
        /// The operations as types.
        mod named {
            use super::*;
            $(
                pub struct $name;
                impl Body for $name {
                    const LOOP: bool = matches!(Control::$control, Control::Loop);
                    #[inline(always)]
                    unsafe fn run<O: Operands>(m: Machine, o: O) -> Flow {
                        ops::$module::$body(m, o)
                    }
                }
            )*
        }
        $(stencil!(concat!("stencil_op_", stringify!($name)), $name, |vm, _number _other| Baked(vm), false);)*
    };
}

for_each_op!(stencils);

/// Operands of a call with arguments up to the top.
#[derive(Clone, Copy)]
struct Open(Baked);

impl Operands for Open {
    lua_core::pass_on_operands! { a b c imm_b imm_c d k extra pc }
    #[inline(always)]
    fn arguments(self, m: Machine) -> usize {
        ops::call::open_arguments(m, self) as usize
    }
    #[inline(always)]
    fn may_enter(self, m: Machine, entry: u32) -> bool {
        let signature: u32 = m.get_before(entry, SIGNATURE_BEFORE_ENTRY);
        signature <= ops::call::open_arguments(m, self) + 1
    }
}

stencil!(
    "stencil_op_Call_open",
    Call,
    |vm, _number _other| Open(Baked(vm)),
    false
);
stencil!(
    "stencil_op_TailCall_open",
    TailCall,
    |vm, _number _other| Open(Baked(vm)),
    false
);

// After the macros that they use.
mod direct;
mod forms;
mod moves;
