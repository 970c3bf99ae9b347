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
    /// Signature of a compiled function that is called with the count of field b.
    static HOLE_SIGNATURE: u8;
    /// Offset of the word that says where a miss of the inline cache goes.
    static HOLE_SITE: u8;
    // The numbers behind the instruction.
    static HOLE_X0: u8;
    static HOLE_X1: u8;
    static HOLE_X2: u8;
    static HOLE_X3: u8;
}

unsafe extern "rust-preserve-none" {
    /// The next instruction.
    fn hole_next(
        vm: *mut VmState,
        base: *mut u64,
        pc: *const u64,
        tag: u64,
        ahead: Ahead,
        number: Number,
    );
    /// The same at the end of a loop, where it isn't the likely way.
    fn hole_after(
        vm: *mut VmState,
        base: *mut u64,
        pc: *const u64,
        tag: u64,
        ahead: Ahead,
        number: Number,
    );
    /// The jump target.
    fn hole_taken(
        vm: *mut VmState,
        base: *mut u64,
        pc: *const u64,
        tag: u64,
        ahead: Ahead,
        number: Number,
    );
    /// The jump target of the next instruction.
    fn hole_over(
        vm: *mut VmState,
        base: *mut u64,
        pc: *const u64,
        tag: u64,
        ahead: Ahead,
        number: Number,
    );
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
        // SAFETY: writes the output only.
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
    fn signature(self) -> u32 {
        address!(HOLE_SIGNATURE) as u32
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
    tag: u64,
    _: Ahead,
    _: Number,
) {
    // SAFETY: the arguments are a handler's.
    unsafe { dispatch!(vm, base, pc, tag) }
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
    tag: u64,
    _: Ahead,
    _: Number,
) {
    // SAFETY: the arguments are a handler's.
    unsafe { resume!(vm, base, pc, tag) }
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
) {
    // Something, or the jump here would be optimized to a return.
    // SAFETY: does nothing.
    unsafe { asm!("", options(nomem, nostack, preserves_flags)) }
}

/// The address of what comes behind this stencil.
macro_rules! ahead {
    () => {{
        let place: usize;
        asm!("lea {place}, [rip + {next}]", place = out(reg) place, next = sym hole_next,
            options(pure, nomem, nostack, preserves_flags));
        Ahead::new(place)
    }};
}

/// To the function of a second part.
macro_rules! go_to_compiled_part {
    ($part:ident $vm:ident $base:ident $pc:ident $tag:ident $($name:ident $extra:ident $module:ident::$body:ident $doc:literal;)*) => {
        match $part {
            $(Part::$name => become compiled_parts::$body($vm, $base, $pc, $tag, ahead!(), Number::uninit()),)*
        }
    };
}

/// To the next entry of the instruction's inline cache, or to what is behind the last one.
macro_rules! go_to_site {
    ($vm:expr, $base:expr, $o:expr, $tag:expr) => {{
        cold_path();
        let next = ($vm as *const u8).add(address!(HOLE_SITE)) as *const usize;
        let code: Handler = core::mem::transmute::<usize, Handler>(*next);
        become code($vm, $base, $o.pc(), $tag, ahead!(), Number::uninit())
    }};
}

/// A stencil of an operation: `$operands` say how its operands arrive.
macro_rules! stencil {
    ($symbol:expr, $name:ident, |$vm:ident, $number:ident| $operands:expr) => {
        const _: () = {
            #[unsafe(export_name = $symbol)]
            unsafe extern "rust-preserve-none" fn stencil(
                $vm: *mut VmState,
                base: *mut u64,
                any: *const u64,
                tag: u64,
                _: Ahead,
                $number: Number,
            ) {
                // SAFETY: the arguments are a running frame; the holes are filled from the
                // instruction that it runs.
                unsafe {
                    let vm = $vm;
                    let o = $operands;
                    match <named::$name as Body>::run(Machine::new(vm, base, tag), o) {
                        Flow::Next => {
                            if <named::$name as Body>::LOOP {
                                cold_path();
                                become hole_after(
                                    vm,
                                    base,
                                    any,
                                    tag,
                                    Ahead::uninit(),
                                    Number::uninit(),
                                )
                            }
                            become hole_next(vm, base, any, tag, Ahead::uninit(), Number::uninit())
                        }
                        Flow::Number(x) => {
                            Machine::new(vm, base, tag).set_reg(o.a(), x.to_bits());
                            become hole_next(vm, base, any, tag, Ahead::uninit(), Number::new(x))
                        }
                        Flow::Begun(x) => {
                            become hole_next(vm, base, any, tag, Ahead::uninit(), Number::new(x))
                        }
                        Flow::Again(x) => {
                            become hole_taken(vm, base, any, tag, Ahead::uninit(), Number::new(x))
                        }
                        Flow::Taken => {
                            become hole_taken(vm, base, any, tag, Ahead::uninit(), Number::uninit())
                        }
                        Flow::TakenNext => {
                            become hole_over(vm, base, any, tag, Ahead::uninit(), Number::uninit())
                        }
                        Flow::Goto(base, pc) => {
                            become aot_resume(vm, base, pc, tag, Ahead::uninit(), Number::uninit())
                        }
                        Flow::Call(base, pc) => {
                            let code =
                                *(pc.byte_sub(COMPILED_BEFORE_ENTRY as usize) as *const usize);
                            jump_to!(code, vm, base, pc, tag)
                        }
                        Flow::Enter(base, pc) => enter_or_count!(vm, base, pc, tag),
                        Flow::Return(base, pc) => {
                            let code = *(pc.sub(1) as *const usize);
                            if code == 0 {
                                cold_path();
                                become aot_dispatch(
                                    vm,
                                    base,
                                    pc,
                                    tag,
                                    Ahead::uninit(),
                                    Number::uninit(),
                                )
                            }
                            jump_to!(code, vm, base, pc, tag)
                        }
                        Flow::Exit => {
                            cold_path();
                            become aot_leave(vm, base, any, tag, Ahead::uninit(), Number::uninit())
                        }
                        Flow::Slow => {
                            cold_path();
                            become aot_slow(
                                vm,
                                base,
                                o.pc(),
                                tag,
                                Ahead::uninit(),
                                Number::uninit(),
                            )
                        }
                        Flow::Miss => go_to_site!(vm, base, o, tag),
                        Flow::Native => {
                            cold_path();
                            let pc = o.pc();
                            let ahead = ahead!();
                            go_native!(compiled_shortcuts, o, vm, base, pc, tag, ahead)
                        }
                        Flow::Trap => {
                            cold_path();
                            become aot_safepoint(
                                vm,
                                base,
                                o.pc(),
                                tag,
                                Ahead::uninit(),
                                Number::uninit(),
                            )
                        }
                        Flow::Rest(Part::GetField | Part::Method | Part::SetField) => {
                            go_to_site!(vm, base, o, tag)
                        }
                        Flow::Rest(part) => {
                            cold_path();
                            let pc = o.pc();
                            for_each_part!(go_to_compiled_part, part, vm, base, pc, tag)
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
        $(stencil!(concat!("stencil_op_", stringify!($name)), $name, |vm, _number| Baked(vm));)*
    };
}

for_each_op!(stencils);

/// Operands of which one is the number that the operation before left.
macro_rules! forwarded_operands {
    ($($name:ident $which:literal $number:ident $(=> $index:ident)?;)*) => {$(
        #[doc = concat!("Register ", $which, " comes in a processor's register.")]
        #[derive(Clone, Copy)]
        struct $name(Baked, f64);

        impl Operands for $name {
            #[inline(always)]
            fn a(self) -> usize {
                self.0.a()
            }
            #[inline(always)]
            fn b(self) -> usize {
                self.0.b()
            }
            #[inline(always)]
            fn c(self) -> usize {
                self.0.c()
            }
            #[inline(always)]
            fn imm_b(self) -> usize {
                self.0.imm_b()
            }
            #[inline(always)]
            fn imm_c(self) -> usize {
                self.0.imm_c()
            }
            #[inline(always)]
            fn d(self) -> u32 {
                self.0.d()
            }
            #[inline(always)]
            fn k(self) -> u64 {
                self.0.k()
            }
            #[inline(always)]
            fn extra(self, i: usize) -> u32 {
                self.0.extra(i)
            }
            #[inline(always)]
            fn pc(self) -> *const u64 {
                self.0.pc()
            }
            #[inline(always)]
            fn $number(self, _: Machine) -> f64 {
                self.1
            }
            $(#[inline(always)]
            fn $index(self, _: Machine) -> Option<u32> {
                ops::index_of(self.1.to_bits())
            })?
        }
    )*};
}

forwarded_operands! {
    InA "a" number_a;
    InB "b" number_b => index_b;
    InC "c" number_c => index_c;
}

/// Stencils that take one operand from the operation before, named after its letter; and
/// what brings it there when control comes from elsewhere.
macro_rules! forwarded {
    ($($name:ident $($letter:literal $operands:ident),*;)*) => {
        $($(stencil!(concat!("stencil_op_", stringify!($name), "_", $letter), $name,
            |vm, number| $operands(Baked(vm), number.assume_init()));)*)*
    };
}

forwarded! {
    Add "b" InB, "c" InC;
    Sub "b" InB, "c" InC;
    Mul "b" InB, "c" InC;
    Div "b" InB, "c" InC;
    Mod "b" InB, "c" InC;
    AddVK "b" InB;
    SubVK "b" InB;
    MulVK "b" InB;
    DivVK "b" InB;
    ModVK "b" InB;
    PowVK "b" InB;
    AddKV "c" InC;
    SubKV "c" InC;
    MulKV "c" InC;
    DivKV "c" InC;
    ModKV "c" InC;
    Neg "b" InB;
    GetIndex "c" InC;
    SetIndex "b" InB;
    JumpLt "a" InA, "b" InB;
    JumpNotLt "a" InA, "b" InB;
    JumpLe "a" InA, "b" InB;
    JumpNotLe "a" InA, "b" InB;
    JumpLtVK "a" InA;
    JumpNotLtVK "a" InA;
    JumpLeVK "a" InA;
    JumpNotLeVK "a" InA;
    JumpLtKV "a" InA;
    JumpNotLtKV "a" InA;
    JumpLeKV "a" InA;
    JumpNotLeKV "a" InA;
    LoopLt "a" InA, "b" InB;
    LoopNotLt "a" InA, "b" InB;
    LoopLe "a" InA, "b" InB;
    LoopNotLe "a" InA, "b" InB;
    LoopLtVK "a" InA;
    LoopNotLtVK "a" InA;
    LoopLeVK "a" InA;
    LoopNotLeVK "a" InA;
    LoopLtKV "a" InA;
    LoopNotLtKV "a" InA;
    LoopLeKV "a" InA;
    LoopNotLeKV "a" InA;
}

macro_rules! loads {
    ($($symbol:literal $operand:ident;)*) => {
        $(const _: () = {
            #[unsafe(export_name = $symbol)]
            unsafe extern "rust-preserve-none" fn stencil(vm: *mut VmState, base: *mut u64, any: *const u64, tag: u64, _: Ahead, _: Number) {
                // SAFETY: as for the stencils of operations.
                unsafe {
                    let m = Machine::new(vm, base, tag);
                    become hole_next(vm, base, any, tag, Ahead::uninit(), Number::new(m.number(Baked(vm).$operand())))
                }
            }
        };)*
    };
}

loads! {
    "stencil_load_a" a;
    "stencil_load_b" b;
    "stencil_load_c" c;
}
