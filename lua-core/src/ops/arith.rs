//! Arithmetic, `not`, length, concatenation.

use super::{Flow, Machine, Operands};
use crate::table::Table;
use crate::value::{TAG, Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

/// A binary operation on numbers.
trait Binary {
    fn apply(x: f64, y: f64) -> f64;
}

macro_rules! binary {
    ($($name:ident $x:ident $y:ident $e:expr;)*) => {$(
        struct $name;
        impl Binary for $name {
            #[inline(always)]
            fn apply($x: f64, $y: f64) -> f64 { $e }
        }
    )*};
}

binary! {
    AddOp x y x + y;
    SubOp x y x - y;
    MulOp x y x * y;
    DivOp x y x / y;
    ModOp x y x - floor(x / y) * y;
}

/// Largest integer not above `x`, without SSE4.1 and without a call.
#[inline(always)]
pub fn floor(x: f64) -> f64 {
    // From 2^52 on every double is an integer; NaN and infinities go here too.
    if x.abs() < 4503599627370496.0 {
        let t = truncate64(x) as f64;
        // Keep -0: the only case in which truncation loses a sign that matters to `/`.
        if t > x { t - 1.0 } else { t.copysign(x) }
    } else {
        cold_path();
        x
    }
}

#[inline(always)]
fn truncate64(x: f64) -> i64 {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri)))]
    // SAFETY: SSE2 is there; the caller's range excludes overflow.
    unsafe {
        use core::arch::x86_64::{_mm_cvttsd_si64, _mm_set_sd};
        _mm_cvttsd_si64(_mm_set_sd(x))
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(miri))))]
    {
        x as i64
    }
}

/// Modulo as the slow path needs it.
pub(crate) fn modulo_number(x: f64, y: f64) -> f64 {
    ModOp::apply(x, y)
}

/// Power as the slow path and the library need it.
pub(crate) fn power(x: f64, y: f64) -> f64 {
    let r = libm::pow(x, y);
    if x.is_nan() && y % 2.0 != 0.0 && y % 1.0 == 0.0 {
        // C's takes the sign of an odd power away beforehand, also from this.
        return r.abs();
    }
    r
}

#[inline(always)]
fn store<O: Operands>(m: Machine, o: O, x: f64) -> Flow {
    // Arithmetic makes no NaN above the canonical one (x86 default NaN, or a
    // NaN operand's own bits), so the bits can be stored as they are.
    m.set_reg(o.a(), x.to_bits());
    Flow::Next
}

#[inline(always)]
fn vv<B: Binary, O: Operands>(m: Machine, o: O) -> Flow {
    let x = m.reg(o.b());
    if !m.is_number(x) {
        cold_path();
        return Flow::Slow;
    }
    let y = m.reg(o.c());
    if !m.is_number(y) {
        cold_path();
        return Flow::Slow;
    }
    store(m, o, B::apply(f64::from_bits(x), f64::from_bits(y)))
}

#[inline(always)]
fn vk<B: Binary, O: Operands>(m: Machine, o: O) -> Flow {
    let x = m.reg(o.b());
    if !m.is_number(x) {
        cold_path();
        return Flow::Slow;
    }
    store(m, o, B::apply(f64::from_bits(x), f64::from_bits(o.k())))
}

#[inline(always)]
fn kv<B: Binary, O: Operands>(m: Machine, o: O) -> Flow {
    let y = m.reg(o.c());
    if !m.is_number(y) {
        cold_path();
        return Flow::Slow;
    }
    store(m, o, B::apply(f64::from_bits(o.k()), f64::from_bits(y)))
}

macro_rules! bodies {
    ($($name:ident $shape:ident $op:ident;)*) => {$(
        #[doc = concat!("R[a] = ", stringify!($op), " of the operands in form ", stringify!($shape))]
        #[inline(always)]
        pub fn $name<O: Operands>(m: Machine, o: O) -> Flow {
            $shape::<$op, O>(m, o)
        }
    )*};
}

bodies! {
    add vv AddOp;
    sub vv SubOp;
    mul vv MulOp;
    div vv DivOp;
    modulo vv ModOp;
    add_vk vk AddOp;
    sub_vk vk SubOp;
    mul_vk vk MulOp;
    div_vk vk DivOp;
    modulo_vk vk ModOp;
    add_kv kv AddOp;
    sub_kv kv SubOp;
    mul_kv kv MulOp;
    div_kv kv DivOp;
    modulo_kv kv ModOp;
}

/// R[a] = R[b] ^ R[c]
#[inline(always)]
pub fn pow<O: Operands>(m: Machine, o: O) -> Flow {
    let y = m.reg(o.c());
    square(m, o, y)
}

/// R[a] = R[b] ^ K
#[inline(always)]
pub fn pow_vk<O: Operands>(m: Machine, o: O) -> Flow {
    square(m, o, o.k())
}

/// R[a] = K ^ R[c]
#[inline(always)]
pub fn pow_kv<O: Operands>(_m: Machine, _o: O) -> Flow {
    Flow::Slow
}

/// The exponent 2 is by far the commonest, and exact as a product.
#[inline(always)]
fn square<O: Operands>(m: Machine, o: O, exponent: u64) -> Flow {
    const TWO: u64 = 0x4000_0000_0000_0000;
    let x = m.reg(o.b());
    if exponent != TWO || !m.is_number(x) {
        cold_path();
        return Flow::Slow;
    }
    let x = f64::from_bits(x);
    store(m, o, x * x)
}

/// R[a] = -R[b]
#[inline(always)]
pub fn neg<O: Operands>(m: Machine, o: O) -> Flow {
    let x = m.reg(o.b());
    if !m.is_number(x) {
        cold_path();
        return Flow::Slow;
    }
    let r = x ^ (1 << 63);
    if r >= TAG {
        // A positive NaN with a payload: only foreign numbers have one.
        cold_path();
        return Flow::Slow;
    }
    m.set_reg(o.a(), r);
    Flow::Next
}

/// R[a] = not R[b]
#[inline(always)]
pub fn not<O: Operands>(m: Machine, o: O) -> Flow {
    let falsy = m.reg(o.b()) >= Value::FALSE.0;
    m.set_reg(o.a(), Value::FALSE.0 - ((falsy as u64) << 32));
    Flow::Next
}

/// R[a] = #R[b]. A table's border is mostly where it was found before, or one
/// further, as after `t[#t + 1] = v`.
#[inline(always)]
pub fn len<O: Operands>(m: Machine, o: O) -> Flow {
    let t = m.reg_ref(o.b());
    let n;
    if m.reg_tag(o.b()) == tag::TABLE {
        let hint: u32 = m.get(t, offset_of!(Table, hint));
        let cap: u32 = m.get(t, offset_of!(Table, array_cap));
        let array: u32 = m.get(t, offset_of!(Table, array));
        let value = |i: u32| m.get::<u64>(array, i as usize * 8);
        if hint >= cap {
            cold_path();
            return Flow::Slow;
        }
        // hint + 1 <= cap; slot 0 is the array object's header, which is no nil.
        if value(hint + 1) == Value::NIL.0 {
            if value(hint) == Value::NIL.0 {
                cold_path();
                return Flow::Slow;
            }
            n = hint;
        } else {
            n = hint + 1;
            if n >= cap || value(n + 1) != Value::NIL.0 {
                cold_path();
                return Flow::Slow;
            }
            m.set(t, offset_of!(Table, hint), n);
        }
    } else if m.reg_tag(o.b()) == tag::STRING {
        n = m.get(t, 8);
    } else {
        cold_path();
        return Flow::Slow;
    }
    m.set_reg(o.a(), super::widen(n as i32).to_bits());
    Flow::Next
}

/// R[a] = R[b] .. ... .. R[c]
#[inline(always)]
pub fn concat<O: Operands>(_m: Machine, _o: O) -> Flow {
    Flow::Slow
}
