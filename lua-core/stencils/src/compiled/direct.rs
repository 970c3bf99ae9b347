//! Stencils for a `Call` or `TailCall` of a library function that the compiler expects: its shortcut at the
//! place of the call, for a count of arguments that is known, and one result.

use super::*;
use lua_core::for_each_direct_shortcut;
use lua_core::isa::Op;
use lua_core::shortcuts::Shortcut;

/// Operands of a call with `ARGUMENTS` arguments and one result.
#[derive(Clone, Copy)]
struct Counted<const ARGUMENTS: usize>(Baked);

impl<const ARGUMENTS: usize> Operands for Counted<ARGUMENTS> {
    lua_core::pass_on_operands! { a b c d k extra pc }
    #[inline(always)]
    fn imm_b(self) -> usize {
        ARGUMENTS + 1
    }
    #[inline(always)]
    fn imm_c(self) -> usize {
        2
    }
}

macro_rules! direct {
    ($($op:ident $name:ident $body:ident $arguments:literal;)*) => {
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
                            _ => ops::call::direct(m, o, Shortcut::$name, body),
                        }
                    }
                }
            )*
        }
        $(stencil!(concat!("stencil_op_", stringify!($op), "_", stringify!($name)), $name,
            |vm, _number _other| Counted::<$arguments>(Baked(vm)), false);)*
    };
}

for_each_direct_shortcut!(direct);
