//! Stencils for a `Call` or `TailCall` of a library function that the compiler expects: its shortcut at the
//! place of the call, for a count of arguments that is known, and one result.

use super::*;
use lua_core::for_each_direct_shortcut;
use lua_core::isa::Op;
use lua_core::shortcuts::{Passes, Shortcut};

/// Operands of a call with `ARGUMENTS` arguments and one result. `PASSED`: the argument is the
/// number that the operation before left.
#[derive(Clone, Copy)]
struct Counted<const ARGUMENTS: usize, const PASSED: bool>(Baked, Number);

impl<const ARGUMENTS: usize, const PASSED: bool> Operands for Counted<ARGUMENTS, PASSED> {
    lua_core::pass_on_operands! { a b c d k extra pc }
    #[inline(always)]
    fn imm_b(self) -> usize {
        ARGUMENTS + 1
    }
    #[inline(always)]
    fn imm_c(self) -> usize {
        2
    }
    #[inline(always)]
    fn argument(self, m: Machine) -> u64 {
        match PASSED {
            // SAFETY: the compiler puts such a stencil only where the number is there.
            true => unsafe { self.1.assume_init() }.to_bits(),
            false => m.reg(self.a() + ops::ARGUMENT),
        }
    }
}

macro_rules! direct {
    ($($op:ident $name:ident $body:ident $arguments:literal $passes:ident;)*) => {
        /// The calls as types.
        mod named {
            use super::*;
            $(
                pub struct $name;
                impl Body for $name {
                    const LOOP: bool = false;
                    #[inline(always)]
                    unsafe fn run<O: Operands>(m: Machine, o: O) -> Flow {
                        let body = ops::shortcuts::$body;
                        match Op::$op {
                            Op::TailCall => ops::call::direct_tail(m, o, Shortcut::$name, body),
                            _ => match ops::call::direct(m, o, Shortcut::$name, body) {
                                // The result is in its place.
                                Flow::Next if !matches!(Passes::$passes, Passes::Nothing) => {
                                    Flow::Number(m.number(o.a()))
                                }
                                flow => flow,
                            },
                        }
                    }
                }
            )*
        }
        $(
            direct!(@ "", $op $name $arguments false);
            direct!(@ $passes $op $name $arguments);
        )*
    };
    (@ Both $op:ident $name:ident $arguments:literal) => {
        direct!(@ "_n", $op $name $arguments true);
    };
    (@ $passes:ident $op:ident $name:ident $arguments:literal) => {};
    (@ $ending:literal, $op:ident $name:ident $arguments:literal $passed:literal) => {
        stencil!(
            concat!("stencil_op_", stringify!($op), "_", stringify!($name), $ending),
            $name,
            |vm, number _other| Counted::<$arguments, $passed>(Baked(vm), number),
            false
        );
    };
}

for_each_direct_shortcut!(direct);
