//! Stencils of operations in the forms of `baseline/registers.rs`: with operands in the
//! processor's registers, with results that go there, with operands of which something is
//! known. The endings of their names say which.

use super::*;

/// Where an operand comes from: its register in the frame,
const FRAME: u8 = 0;
/// the number that the operation before left,
const NUMBER: u8 = 1;
/// or the other number.
const OTHER: u8 = 2;

/// Operands of which some come in the processor's registers. `WHOLE`: those that are indices
/// are known to have no fraction. `NUMBERS`: the registers among them are sure to be numbers.
#[derive(Clone, Copy)]
struct In<const A: u8, const B: u8, const C: u8, const WHOLE: bool, const NUMBERS: bool>(
    Baked,
    Number,
    Number,
);

impl<const A: u8, const B: u8, const C: u8, const WHOLE: bool, const NUMBERS: bool>
    In<A, B, C, WHOLE, NUMBERS>
{
    #[inline(always)]
    fn from(self, place: u8, m: Machine, offset: usize) -> f64 {
        // SAFETY: the compiler puts such a stencil only where the number is there.
        unsafe {
            match place {
                FRAME => m.number(offset),
                NUMBER => self.1.assume_init(),
                _ => self.2.assume_init(),
            }
        }
    }
}

impl<const A: u8, const B: u8, const C: u8, const WHOLE: bool, const NUMBERS: bool> Operands
    for In<A, B, C, WHOLE, NUMBERS>
{
    const ARE_NUMBERS: bool = NUMBERS;
    lua_core::pass_on_operands! {
        a b c imm_b imm_c d k extra pc may_enter frame_bytes up item shape slot epoch new_shape
    }
    #[inline(always)]
    fn number_a(self, m: Machine) -> f64 {
        self.from(A, m, self.a())
    }
    /// If the first operand comes in a register, the other one, which may be a load, goes to
    /// one, too: the compiler prefers loads as second operands, and "is one a NaN" would have
    /// another order than "less", and each its own comparison.
    #[inline(always)]
    fn other(self, mut y: f64) -> f64 {
        if A != FRAME {
            // SAFETY: no instruction at all.
            unsafe {
                asm!("/* {y} */", y = inlateout(xmm_reg) y,
                    options(pure, nomem, nostack, preserves_flags));
            }
        }
        y
    }
    #[inline(always)]
    fn number_b(self, m: Machine) -> f64 {
        self.from(B, m, self.b())
    }
    #[inline(always)]
    fn number_c(self, m: Machine) -> f64 {
        self.from(C, m, self.c())
    }
    #[inline(always)]
    fn index_b(self, m: Machine) -> Option<u32> {
        match B {
            _ if WHOLE => Some(ops::truncate(self.number_b(m)) as u32),
            FRAME => m.index::<Self>(self.b()),
            _ => ops::index_of::<Self>(self.number_b(m).to_bits()),
        }
    }
    #[inline(always)]
    fn index_c(self, m: Machine) -> Option<u32> {
        match C {
            _ if WHOLE => Some(ops::truncate(self.number_c(m)) as u32),
            FRAME => m.index::<Self>(self.c()),
            _ => ops::index_of::<Self>(self.number_c(m).to_bits()),
        }
    }
}

/// Stencils that take operands from the processor's registers, named after the letters of
/// the number that the operation before left and of the other one; with n those that are
/// sure to be numbers.
macro_rules! forwarded {
    ($($name:ident $($letters:ident)*;)*) => {
        $($(forwarded!(@ $name $letters);)*)*
    };
    (@ $name:ident a) => { forwarded!(@ $name "a" NUMBER FRAME FRAME false); };
    (@ $name:ident b) => { forwarded!(@ $name "b" FRAME NUMBER FRAME false); };
    (@ $name:ident c) => { forwarded!(@ $name "c" FRAME FRAME NUMBER false); };
    (@ $name:ident ab) => { forwarded!(@ $name "ab" NUMBER OTHER FRAME false); };
    (@ $name:ident ba) => { forwarded!(@ $name "ba" OTHER NUMBER FRAME false); };
    (@ $name:ident bc) => { forwarded!(@ $name "bc" FRAME NUMBER OTHER false); };
    (@ $name:ident cb) => { forwarded!(@ $name "cb" FRAME OTHER NUMBER false); };
    (@ $name:ident bb) => { forwarded!(@ $name "bb" FRAME NUMBER NUMBER false); };
    (@ $name:ident bn) => { forwarded!(@ $name "bn" FRAME NUMBER FRAME true); };
    (@ $name:ident cn) => { forwarded!(@ $name "cn" FRAME FRAME NUMBER true); };
    (@ $name:ident bcn) => { forwarded!(@ $name "bcn" FRAME NUMBER OTHER true); };
    (@ $name:ident cbn) => { forwarded!(@ $name "cbn" FRAME OTHER NUMBER true); };
    (@ $name:ident bbn) => { forwarded!(@ $name "bbn" FRAME NUMBER NUMBER true); };
    (@ $name:ident $letters:literal $a:ident $b:ident $c:ident $numbers:literal) => {
        stencil!(
            concat!("stencil_op_", stringify!($name), "_", $letters),
            $name,
            |vm, number other| In::<$a, $b, $c, false, $numbers>(Baked(vm), number, other),
            false
        );
    };
}

forwarded! {
    Move b;
    Add b c bc cb bb bcn cbn bbn;
    Sub b c bc cb bb bcn cbn bbn;
    Mul b c bc cb bb bcn cbn bbn;
    Div b c bc cb bb bcn cbn bbn;
    Mod b c bc cb bb;
    AddVK b bn;
    SubVK b bn;
    MulVK b bn;
    DivVK b bn;
    ModVK b;
    ModWK b;
    PowVK b;
    AddKV c cn;
    SubKV c cn;
    MulKV c cn;
    DivKV c cn;
    ModKV c;
    Neg b;
    GetIndex c;
    SetIndex b;
    JumpEqN a;
    JumpNeN a;
    LoopEqN a;
    LoopNeN a;
    JumpLt a b ab ba;
    JumpNotLt a b ab ba;
    JumpLe a b ab ba;
    JumpNotLe a b ab ba;
    JumpLtVK a;
    JumpNotLtVK a;
    JumpLeVK a;
    JumpNotLeVK a;
    JumpLtKV a;
    JumpNotLtKV a;
    JumpLeKV a;
    JumpNotLeKV a;
    LoopLt a b ab ba;
    LoopNotLt a b ab ba;
    LoopLe a b ab ba;
    LoopNotLe a b ab ba;
    LoopLtVK a;
    LoopNotLtVK a;
    LoopLeVK a;
    LoopNotLeVK a;
    LoopLtKV a;
    LoopNotLtKV a;
    LoopLeKV a;
    LoopNotLeKV a;
}

/// Stencils that leave the value that goes to register a as the number as well (x), and
/// whose index is known to be whole (i).
macro_rules! more {
    ($($symbol:literal $name:ident $b:ident $c:ident $whole:literal $leaves:literal;)*) => {
        $(stencil!(
            $symbol,
            $name,
            |vm, number other| In::<FRAME, $b, $c, $whole, false>(Baked(vm), number, other),
            $leaves
        );)*
    };
}

more! {
    "stencil_op_GetIndex_x" GetIndex FRAME FRAME false true;
    "stencil_op_GetIndex_cx" GetIndex FRAME NUMBER false true;
    "stencil_op_GetIndex_i" GetIndex FRAME FRAME true false;
    "stencil_op_GetIndex_ci" GetIndex FRAME NUMBER true false;
    "stencil_op_GetIndex_ix" GetIndex FRAME FRAME true true;
    "stencil_op_GetIndex_cix" GetIndex FRAME NUMBER true true;
    "stencil_op_SetIndex_i" SetIndex FRAME FRAME true false;
    "stencil_op_SetIndex_bi" SetIndex NUMBER FRAME true false;
    "stencil_op_Move_x" Move FRAME FRAME false true;
    "stencil_op_Move_bx" Move NUMBER FRAME false true;
    "stencil_op_GetIndexK_x" GetIndexK FRAME FRAME false true;
    "stencil_op_GetFieldI_x" GetFieldI FRAME FRAME false true;
    "stencil_op_GetFieldO_x" GetFieldO FRAME FRAME false true;
    "stencil_op_GetUp_x" GetUp FRAME FRAME false true;
    "stencil_op_GetUpCell_x" GetUpCell FRAME FRAME false true;
}

/// Ends of loops whose index is kept, named after its place.
macro_rules! turns {
    ($($symbol:literal $name:ident |$k0:ident $k1:ident $k2:ident $k3:ident $k4:ident $k5:ident| $index:ident, |$x:ident| $($again:expr),*;)*) => {
        $(stencil!(
            $symbol,
            $name,
            |vm, _number other $k0 $k1 $k2 $k3 $k4 $k5| In::<NUMBER, FRAME, FRAME, false, false>(Baked(vm), $index, other),
            false,
            |$x| ($($again),*)
        );)*
    };
}

turns! {
    "stencil_op_ForLoop_k0" ForLoop |k0 k1 k2 k3 k4 k5| k0, |x| Number::new(x), k1, k2, k3, k4, k5;
    "stencil_op_ForLoop_k1" ForLoop |k0 k1 k2 k3 k4 k5| k1, |x| k0, Number::new(x), k2, k3, k4, k5;
    "stencil_op_ForLoop_k2" ForLoop |k0 k1 k2 k3 k4 k5| k2, |x| k0, k1, Number::new(x), k3, k4, k5;
    "stencil_op_ForLoop_k3" ForLoop |k0 k1 k2 k3 k4 k5| k3, |x| k0, k1, k2, Number::new(x), k4, k5;
    "stencil_op_ForLoop_k4" ForLoop |k0 k1 k2 k3 k4 k5| k4, |x| k0, k1, k2, k3, Number::new(x), k5;
    "stencil_op_ForLoop_k5" ForLoop |k0 k1 k2 k3 k4 k5| k5, |x| k0, k1, k2, k3, k4, Number::new(x);
    "stencil_op_ForLoopUp_k0" ForLoopUp |k0 k1 k2 k3 k4 k5| k0, |x| Number::new(x), k1, k2, k3, k4, k5;
    "stencil_op_ForLoopUp_k1" ForLoopUp |k0 k1 k2 k3 k4 k5| k1, |x| k0, Number::new(x), k2, k3, k4, k5;
    "stencil_op_ForLoopUp_k2" ForLoopUp |k0 k1 k2 k3 k4 k5| k2, |x| k0, k1, Number::new(x), k3, k4, k5;
    "stencil_op_ForLoopUp_k3" ForLoopUp |k0 k1 k2 k3 k4 k5| k3, |x| k0, k1, k2, Number::new(x), k4, k5;
    "stencil_op_ForLoopUp_k4" ForLoopUp |k0 k1 k2 k3 k4 k5| k4, |x| k0, k1, k2, k3, Number::new(x), k5;
    "stencil_op_ForLoopUp_k5" ForLoopUp |k0 k1 k2 k3 k4 k5| k5, |x| k0, k1, k2, k3, k4, Number::new(x);
}
