//! The stencils between those of operations: what brings numbers into the processor's
//! registers, or from one to another, and what control comes back to from calls.
//!
//! None of them but guards looks at what it moves. They go on at the next stencil.

use super::*;

/// Stencils that only change what the processor's registers hold: on the left what goes on
/// to the next stencil.
macro_rules! registers {
    ($($symbol:literal |$m:ident, $number:ident $other:ident $k0:ident $k1:ident $k2:ident $k3:ident $k4:ident $k5:ident| $($out:expr),*;)*) => {
        $(const _: () = {
            #[unsafe(export_name = $symbol)]
            unsafe extern "rust-preserve-none" fn stencil(
                vm: *mut VmState,
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
                // SAFETY: as for the stencils of operations.
                unsafe {
                    let $m = Frame(Machine::new(vm, base, infinity));
                    stay!(hole_next, vm, base, any, infinity, $($out),*)
                }
            }
        };)*
    };
}

/// The running frame.
#[derive(Clone, Copy)]
struct Frame(Machine);

impl Frame {
    /// A register of it.
    #[inline(always)]
    fn load(self, offset: usize) -> Number {
        Number::new(self.0.number(offset))
    }
}

/// From register a of a call to its argument.
const ARGUMENT: usize = ops::ARGUMENT;

registers! {
    "stencil_load_a" |m, _n o k0 k1 k2 k3 k4 k5| m.load(address!(HOLE_A)), o, k0, k1, k2, k3, k4, k5;
    "stencil_load_b" |m, _n o k0 k1 k2 k3 k4 k5| m.load(address!(HOLE_B)), o, k0, k1, k2, k3, k4, k5;
    "stencil_load_c" |m, _n o k0 k1 k2 k3 k4 k5| m.load(address!(HOLE_C)), o, k0, k1, k2, k3, k4, k5;
    "stencil_load_argument" |m, _n o k0 k1 k2 k3 k4 k5| m.load(address!(HOLE_A) + ARGUMENT), o, k0, k1, k2, k3, k4, k5;
    "stencil_take_0" |_m, _n o k0 k1 k2 k3 k4 k5| k0, o, k0, k1, k2, k3, k4, k5;
    "stencil_take_1" |_m, _n o k0 k1 k2 k3 k4 k5| k1, o, k0, k1, k2, k3, k4, k5;
    "stencil_take_2" |_m, _n o k0 k1 k2 k3 k4 k5| k2, o, k0, k1, k2, k3, k4, k5;
    "stencil_take_3" |_m, _n o k0 k1 k2 k3 k4 k5| k3, o, k0, k1, k2, k3, k4, k5;
    "stencil_take_4" |_m, _n o k0 k1 k2 k3 k4 k5| k4, o, k0, k1, k2, k3, k4, k5;
    "stencil_take_5" |_m, _n o k0 k1 k2 k3 k4 k5| k5, o, k0, k1, k2, k3, k4, k5;
    "stencil_other_0" |_m, n _o k0 k1 k2 k3 k4 k5| n, k0, k0, k1, k2, k3, k4, k5;
    "stencil_other_1" |_m, n _o k0 k1 k2 k3 k4 k5| n, k1, k0, k1, k2, k3, k4, k5;
    "stencil_other_2" |_m, n _o k0 k1 k2 k3 k4 k5| n, k2, k0, k1, k2, k3, k4, k5;
    "stencil_other_3" |_m, n _o k0 k1 k2 k3 k4 k5| n, k3, k0, k1, k2, k3, k4, k5;
    "stencil_other_4" |_m, n _o k0 k1 k2 k3 k4 k5| n, k4, k0, k1, k2, k3, k4, k5;
    "stencil_other_5" |_m, n _o k0 k1 k2 k3 k4 k5| n, k5, k0, k1, k2, k3, k4, k5;
    "stencil_keep_0" |_m, n o _k0 k1 k2 k3 k4 k5| n, o, n, k1, k2, k3, k4, k5;
    "stencil_keep_1" |_m, n o k0 _k1 k2 k3 k4 k5| n, o, k0, n, k2, k3, k4, k5;
    "stencil_keep_2" |_m, n o k0 k1 _k2 k3 k4 k5| n, o, k0, k1, n, k3, k4, k5;
    "stencil_keep_3" |_m, n o k0 k1 k2 _k3 k4 k5| n, o, k0, k1, k2, n, k4, k5;
    "stencil_keep_4" |_m, n o k0 k1 k2 k3 _k4 k5| n, o, k0, k1, k2, k3, n, k5;
    "stencil_keep_5" |_m, n o k0 k1 k2 k3 k4 _k5| n, o, k0, k1, k2, k3, k4, n;
    "stencil_reload_0" |m, n o _k0 k1 k2 k3 k4 k5| n, o, m.load(address!(HOLE_A)), k1, k2, k3, k4, k5;
    "stencil_reload_1" |m, n o k0 _k1 k2 k3 k4 k5| n, o, k0, m.load(address!(HOLE_A)), k2, k3, k4, k5;
    "stencil_reload_2" |m, n o k0 k1 _k2 k3 k4 k5| n, o, k0, k1, m.load(address!(HOLE_A)), k3, k4, k5;
    "stencil_reload_3" |m, n o k0 k1 k2 _k3 k4 k5| n, o, k0, k1, k2, m.load(address!(HOLE_A)), k4, k5;
    "stencil_reload_4" |m, n o k0 k1 k2 k3 _k4 k5| n, o, k0, k1, k2, k3, m.load(address!(HOLE_A)), k5;
    "stencil_reload_5" |m, n o k0 k1 k2 k3 k4 _k5| n, o, k0, k1, k2, k3, k4, m.load(address!(HOLE_A));
    "stencil_loads_1" |m, n o _k0 k1 k2 k3 k4 k5| n, o, m.load(address!(HOLE_P0)), k1, k2, k3, k4, k5;
    "stencil_loads_2" |m, n o _k0 _k1 k2 k3 k4 k5| n, o, m.load(address!(HOLE_P0)), m.load(address!(HOLE_P1)), k2, k3, k4, k5;
    "stencil_loads_3" |m, n o _k0 _k1 _k2 k3 k4 k5| n, o, m.load(address!(HOLE_P0)), m.load(address!(HOLE_P1)), m.load(address!(HOLE_P2)), k3, k4, k5;
    "stencil_loads_4" |m, n o _k0 _k1 _k2 _k3 k4 k5| n, o, m.load(address!(HOLE_P0)), m.load(address!(HOLE_P1)), m.load(address!(HOLE_P2)), m.load(address!(HOLE_P3)), k4, k5;
    "stencil_loads_5" |m, n o _k0 _k1 _k2 _k3 _k4 k5| n, o, m.load(address!(HOLE_P0)), m.load(address!(HOLE_P1)), m.load(address!(HOLE_P2)), m.load(address!(HOLE_P3)), m.load(address!(HOLE_P4)), k5;
    "stencil_loads_6" |m, n o _k0 _k1 _k2 _k3 _k4 _k5| n, o, m.load(address!(HOLE_P0)), m.load(address!(HOLE_P1)), m.load(address!(HOLE_P2)), m.load(address!(HOLE_P3)), m.load(address!(HOLE_P4)), m.load(address!(HOLE_P5));
}

/// Stencils that go on at the next one if one of the processor's registers has a number: where
/// control comes from outside to code that relies on that. If not, the code is made anew. `$x`
/// is that number, and `$on` the one that goes on; the instruction is that of `$pc`.
macro_rules! guards {
    ($($symbol:literal |$m:ident, $number:ident $other:ident $k0:ident $k1:ident $k2:ident $k3:ident $k4:ident $k5:ident| $x:ident = $load:expr, $on:expr, |$vm:ident $any:ident| $pc:expr;)*) => {
        $(const _: () = {
            #[unsafe(export_name = $symbol)]
            unsafe extern "rust-preserve-none" fn stencil(
                $vm: *mut VmState,
                base: *mut u64,
                $any: *const u64,
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
                // SAFETY: as for the stencils of operations; what is looked at was loaded.
                unsafe {
                    let m = Machine::new($vm, base, infinity);
                    let $m = Frame(m);
                    let $x: Number = $load;
                    if !m.is_number($x.assume_init().to_bits()) {
                        cold_path();
                        jump!(aot_unsure, $vm, base, $pc, infinity, Ahead::uninit(), Number::uninit())
                    }
                    stay!(hole_next, $vm, base, $any, infinity, $on, $other, $k0, $k1, $k2, $k3, $k4, $k5)
                }
            }
        };)*
    };
}

guards! {
    "stencil_guard_0" |_m, n o k0 k1 k2 k3 k4 k5| x = k0, n, |vm any| Baked(vm).pc();
    "stencil_guard_1" |_m, n o k0 k1 k2 k3 k4 k5| x = k1, n, |vm any| Baked(vm).pc();
    "stencil_guard_2" |_m, n o k0 k1 k2 k3 k4 k5| x = k2, n, |vm any| Baked(vm).pc();
    "stencil_guard_3" |_m, n o k0 k1 k2 k3 k4 k5| x = k3, n, |vm any| Baked(vm).pc();
    "stencil_guard_4" |_m, n o k0 k1 k2 k3 k4 k5| x = k4, n, |vm any| Baked(vm).pc();
    "stencil_guard_5" |_m, n o k0 k1 k2 k3 k4 k5| x = k5, n, |vm any| Baked(vm).pc();
    "stencil_sure_b" |m, _n o k0 k1 k2 k3 k4 k5| x = m.load(address!(HOLE_B)), x, |vm any| Baked(vm).pc();
    "stencil_sure_c" |m, _n o k0 k1 k2 k3 k4 k5| x = m.load(address!(HOLE_C)), x, |vm any| Baked(vm).pc();
    // Before the instruction that control comes with.
    "stencil_guard_any_0" |_m, n o k0 k1 k2 k3 k4 k5| x = k0, n, |vm any| any;
    "stencil_guard_any_1" |_m, n o k0 k1 k2 k3 k4 k5| x = k1, n, |vm any| any;
    "stencil_guard_any_2" |_m, n o k0 k1 k2 k3 k4 k5| x = k2, n, |vm any| any;
    "stencil_guard_any_3" |_m, n o k0 k1 k2 k3 k4 k5| x = k3, n, |vm any| any;
    "stencil_guard_any_4" |_m, n o k0 k1 k2 k3 k4 k5| x = k4, n, |vm any| any;
    "stencil_guard_any_5" |_m, n o k0 k1 k2 k3 k4 k5| x = k5, n, |vm any| any;
    "stencil_sure_any_b" |m, _n o k0 k1 k2 k3 k4 k5| x = m.load(address!(HOLE_B)), x, |vm any| any;
    "stencil_sure_any_c" |m, _n o k0 k1 k2 k3 k4 k5| x = m.load(address!(HOLE_C)), x, |vm any| any;
}

/// Where a call's resume word leads: from the base of the frame that the call made back to
/// the caller's, which is register a and `$more` bytes below it.
macro_rules! backs {
    ($($symbol:literal $more:literal;)*) => {
        $(const _: () = {
            #[unsafe(export_name = $symbol)]
            unsafe extern "rust-preserve-none" fn stencil(
                vm: *mut VmState,
                base: *mut u64,
                any: *const u64,
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
                // SAFETY: as for the stencils of operations; the frame was made at this distance. It
                // computes with the address, and doesn't go there.
                unsafe {
                    let mut place = base.expose_provenance();
                    asm!(concat!("sub {place}, offset {hole} + ", $more), place = inout(reg) place,
                        hole = sym HOLE_A, options(pure, nomem, nostack));
                    let base = core::ptr::with_exposed_provenance_mut(place);
                    jump!(hole_next, vm, base, any, infinity, Ahead::uninit(), Number::uninit())
                }
            }
        };)*
    };
}

backs! {
    "stencil_back" 16;
    "stencil_back_iterator" 40;
}

/// Where control comes to that finds nothing in the processor's registers, behind the
/// stencil that loads what is kept there all through a loop: on to the instruction `pc`,
/// which has no such entry of its own.
const _: () = {
    #[unsafe(export_name = "stencil_inside")]
    unsafe extern "rust-preserve-none" fn stencil(
        vm: *mut VmState,
        base: *mut u64,
        pc: *const u64,
        infinity: u64,
        _: Ahead,
        number: Number,
        other: Number,
        k0: Number,
        k1: Number,
        k2: Number,
        k3: Number,
        k4: Number,
        k5: Number,
    ) {
        // SAFETY: as for the stencils of operations. `pc` is an instruction of the loop: the map
        // led here. The inner map has a place for it, four bytes for each word of eight.
        unsafe {
            let half = pc.byte_offset_from_unsigned(vm) as u32 / 2;
            let at = half.wrapping_add(opaque!(HOLE_INSIDE)) as usize;
            let place = *(vm as *const u8).add(at).cast::<u32>() as usize;
            let code = core::mem::transmute::<usize, Handler>((*vm).code_base + place);
            stay!(
                code, vm, base, pc, infinity, number, other, k0, k1, k2, k3, k4, k5
            )
        }
    }
};
