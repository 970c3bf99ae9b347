//! Arithmetic, `not`, length, concatenation.

use super::{Flow, Machine, Operands, Part, truncate, widen};
use crate::power::{EXPONENT_MAX, plain_power, small_power};
use crate::table::Table;
use crate::value::{Value, tag};
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
    if x.abs() < INTEGERS {
        // Keep -0: a sign that matters to `/`.
        whole(x, INTEGERS.copysign(x)).copysign(x)
    } else {
        cold_path();
        x
    }
}

/// 2^52.
const INTEGERS: f64 = 4503599627370496.0;

/// `floor` of `x`, of which the sign of 0 doesn't matter, with `shift` 2^52 of its sign.
/// Adding that leaves no room for a fraction: it rounds to the nearest integer, without
/// conversions, which take three times as long as additions. Without a branch, for which
/// way a number is rounded can't be predicted.
#[inline(always)]
fn whole(x: f64, shift: f64) -> f64 {
    let nearest = (x + shift) - shift;
    nearest - if nearest > x { 1.0 } else { 0.0 }
}

/// The square root; NaN below 0, as the processor has it.
#[inline(always)]
pub fn sqrt(x: f64) -> f64 {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri)))]
    // SAFETY: SSE2 is there.
    unsafe {
        use core::arch::x86_64::{_mm_cvtsd_f64, _mm_set_sd, _mm_sqrt_sd};
        let x = _mm_set_sd(x);
        _mm_cvtsd_f64(_mm_sqrt_sd(x, x))
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(miri))))]
    {
        libm::sqrt(x)
    }
}

/// Modulo as the slow path needs it.
pub(crate) fn modulo_number(x: f64, y: f64) -> f64 {
    ModOp::apply(x, y)
}

/// Power as the slow path and the library need it.
#[inline]
pub(crate) fn power(x: f64, y: f64) -> f64 {
    let halves = y + y;
    if halves.abs() <= 2.0 * EXPONENT_MAX
        && widen(truncate(halves)) == halves
        && let Some(r) = small_power(x, y)
    {
        return r;
    }
    plain_power(x, y).unwrap_or_else(|| any_power(x, y))
}

/// The same near the bounds of the format, for negative bases, and what isn't finite.
#[cold]
#[inline(never)]
fn any_power(x: f64, y: f64) -> f64 {
    let r = libm::pow(x, y);
    if x.is_nan() && y % 2.0 != 0.0 && y % 1.0 == 0.0 {
        // C's takes the sign of an odd power away beforehand, also from this.
        return r.abs();
    }
    r
}

/// The result unless it is a NaN. What isn't a number reads as a NaN, and a NaN
/// goes through every operation: so one test of the result serves for both operands,
/// and numbers never pass through integer registers. NaNs of numbers take the slow path.
#[inline(always)]
fn result(x: f64) -> Flow {
    if x.is_nan() {
        cold_path();
        return Flow::Rest(Part::Arith);
    }
    Flow::Number(x)
}

#[inline(always)]
fn vv<B: Binary, O: Operands>(m: Machine, o: O) -> Flow {
    result(B::apply(o.number_b(m), o.number_c(m)))
}

#[inline(always)]
fn vk<B: Binary, O: Operands>(m: Machine, o: O) -> Flow {
    result(B::apply(o.number_b(m), f64::from_bits(o.k())))
}

#[inline(always)]
fn kv<B: Binary, O: Operands>(m: Machine, o: O) -> Flow {
    result(B::apply(f64::from_bits(o.k()), o.number_c(m)))
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
    add_vk vk AddOp;
    sub_vk vk SubOp;
    mul_vk vk MulOp;
    div_vk vk DivOp;
    modulo_rest vv ModOp;
    modulo_vk_rest vk ModOp;
    modulo_kv kv ModOp;
    add_kv kv AddOp;
    sub_kv kv SubOp;
    mul_kv kv MulOp;
    div_kv kv DivOp;
}

/// `x` truncated, of a number at least +0 and below 2^52.
#[inline(always)]
fn truncated(x: f64) -> f64 {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri)))]
    // SAFETY: SSE2 is there; only the named registers are written. As `super::widen`.
    unsafe {
        let r: f64;
        core::arch::asm!(
            "cvttsd2si {i}, {x}",
            "xorps {r}, {r}",
            "cvtsi2sd {r}, {i}",
            x = in(xmm_reg) x,
            i = out(reg) _,
            r = out(xmm_reg) r,
            options(pure, nomem, nostack, preserves_flags)
        );
        r
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(miri))))]
    {
        x as i64 as f64
    }
}

/// Modulo where the quotient is at least +0 and below 2^52, so that `floor` is simple.
/// The bits tell at once; a NaN is beyond.
#[inline(always)]
fn remainder(x: f64, y: f64, rest: Part) -> Flow {
    let quotient = x / y;
    if quotient.to_bits() >= INTEGERS.to_bits() {
        cold_path();
        return Flow::Rest(rest);
    }
    // Infinite divisors give the NaN that arithmetic makes: storable as it is.
    Flow::Number(x - truncated(quotient) * y)
}

/// R[a] = R[b] % R[c]
#[inline(always)]
pub fn modulo<O: Operands>(m: Machine, o: O) -> Flow {
    remainder(o.number_b(m), o.number_c(m), Part::Mod)
}

/// R[a] = R[b] % K
#[inline(always)]
pub fn modulo_vk<O: Operands>(m: Machine, o: O) -> Flow {
    remainder(o.number_b(m), f64::from_bits(o.k()), Part::ModVK)
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

/// The exponent 2 is by far the commonest, and exact as a product; then comes a half.
#[inline(always)]
fn square<O: Operands>(m: Machine, o: O, exponent: u64) -> Flow {
    const TWO: u64 = 0x4000_0000_0000_0000;
    const HALF: u64 = 0x3FE0_0000_0000_0000;
    let x = o.number_b(m);
    if exponent != TWO {
        cold_path();
        if exponent == HALF && x >= 0.0 {
            // The power of -0 is +0.
            return result(sqrt(x + 0.0));
        }
        return Flow::Slow;
    }
    result(x * x)
}

/// R[a] = -R[b]
#[inline(always)]
pub fn neg<O: Operands>(m: Machine, o: O) -> Flow {
    result(-o.number_b(m))
}

/// R[a] = not R[b]
#[inline(always)]
pub fn not<O: Operands>(m: Machine, o: O) -> Flow {
    let falsy = m.reg(o.b()) >= Value::FALSE.0;
    m.set_reg(o.a(), Value::FALSE.0 - ((falsy as u64) << 32));
    Flow::Next
}

/// The border of a table as `Rt::length` finds it, if it is at the end of a full array
/// part, or where it was found before, or one further, as after `t[#t + 1] = v`.
#[inline(always)]
pub(crate) fn border(m: Machine, t: u32) -> Option<u32> {
    let cap: u32 = m.get(t, offset_of!(Table, array_cap));
    let array: u32 = m.get(t, offset_of!(Table, array));
    let is_nil = |i: u32| m.get::<u64>(array, i as usize * 8) == Value::NIL.0;
    // Slot 0 is the array object's header, which is no nil; nor is what lies at offset 0
    // of the region, where there is no array part.
    if !is_nil(cap) {
        // The list may go on in the hash part.
        if m.get::<u32>(t, offset_of!(Table, hash)) != 0 {
            cold_path();
            return None;
        }
        return Some(cap);
    }
    let hint: u32 = m.get(t, offset_of!(Table, hint));
    if hint >= cap {
        cold_path();
        return None;
    }
    if is_nil(hint + 1) {
        if is_nil(hint) {
            cold_path();
            return None;
        }
        return Some(hint);
    }
    // The slot at `cap` is nil, so hint + 1 < cap.
    if !is_nil(hint + 2) {
        cold_path();
        return None;
    }
    m.set(t, offset_of!(Table, hint), hint + 1);
    Some(hint + 1)
}

/// R[a] = #R[b]
#[inline(always)]
pub fn len<O: Operands>(m: Machine, o: O) -> Flow {
    let v = m.reg(o.b());
    let (t, kind) = (v as u32, (v >> 32) as u32);
    let n;
    if kind == tag::TABLE {
        match border(m, t) {
            Some(found) => n = found,
            None => return Flow::Slow,
        }
    } else if kind == tag::STRING {
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
