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

/// Largest integer not above `x`, without a call.
#[inline(always)]
pub fn floor(x: f64) -> f64 {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse4.1", not(miri)))]
    {
        rounded_down(x)
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse4.1", not(miri))))]
    // From 2^52 on every double is an integer; NaN and infinities go here too.
    if x.abs() < INTEGERS {
        // Keep -0: a sign that matters to `/`.
        whole(x, INTEGERS.copysign(x)).copysign(x)
    } else {
        cold_path();
        x
    }
}

/// The same in one instruction.
#[cfg(all(target_arch = "x86_64", target_feature = "sse4.1", not(miri)))]
#[inline(always)]
fn rounded_down(x: f64) -> f64 {
    use core::arch::x86_64::{_mm_cvtsd_f64, _mm_floor_sd, _mm_set_sd};
    // SAFETY: SSE4.1 is there.
    unsafe {
        let x = _mm_set_sd(x);
        _mm_cvtsd_f64(_mm_floor_sd(x, x))
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
fn result<O: Operands>(m: Machine, x: f64) -> Flow {
    if !O::ARE_NUMBERS && m.is_nan::<O>(x) {
        cold_path();
        return Flow::Rest(Part::Arith);
    }
    Flow::Number(x)
}

#[inline(always)]
fn vv<B: Binary, O: Operands>(m: Machine, o: O) -> Flow {
    result::<O>(m, B::apply(o.number_b(m), o.number_c(m)))
}

#[inline(always)]
fn vk<B: Binary, O: Operands>(m: Machine, o: O) -> Flow {
    result::<O>(m, B::apply(o.number_b(m), f64::from_bits(o.k())))
}

#[inline(always)]
fn kv<B: Binary, O: Operands>(m: Machine, o: O) -> Flow {
    result::<O>(m, B::apply(f64::from_bits(o.k()), o.number_c(m)))
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
    modulo vv ModOp;
    modulo_vk vk ModOp;
    modulo_kv kv ModOp;
    add_kv kv AddOp;
    sub_kv kv SubOp;
    mul_kv kv MulOp;
    div_kv kv DivOp;
}

/// Is `x` at least +0 and below `bound`? The bits tell: those of negative numbers and of NaNs
/// are above.
#[inline(always)]
fn is_moderate(x: f64, bound: f64) -> bool {
    x.to_bits() < bound.to_bits()
}

/// 2^51.
const WHOLE: f64 = INTEGERS / 2.0;

/// May `y` be the divisor of `whole_remainder`?
#[inline(always)]
pub(crate) fn is_whole_divisor(y: f64) -> bool {
    (1.0..=WHOLE).contains(&y) && floor(y) == y
}

/// Modulo by a whole `y` from 1 to 2^51, without waiting for a division: that of 1 by `y`
/// goes on beside what computes `x`. `None`: it is to be computed as it is defined, because
/// `x` is no number, negative, or at least 2^51, or the quotient is close to a whole number.
///
/// It is the result of the definition, to the last bit. Let `n` be a whole number, and
/// `r = x - n * y`, rounded once: `n * y`, about `x` at most, is exact. Then
/// - if `0 <= r < y`, `n` is the quotient rounded down: else the difference would be below 0
///   or at least `y`, and so would be what it is rounded to;
/// - the definition subtracts as many: `x / y`, rounded, is below `n + 1`. For the distance
///   of `x` from `(n + 1) * y`, a representable number, is at least 2^-53 of the latter; so
///   that of `x / y` from `n + 1` is at least 2^-53 of `n + 1`. Half the distance of `n + 1`
///   from the number below, from which on it would be rounded up, is less;
/// - if the result is 0, it is +0 in both: that of a number and itself.
#[inline(always)]
fn whole_remainder(x: f64, y: f64) -> Option<f64> {
    // Rounded up, and a little more: that multiples of `y` aren't below their quotients.
    let inverse = (1.0 + 2.0 * f64::EPSILON) / y;
    if !is_moderate(x, WHOLE) {
        cold_path();
        return None;
    }
    let r = x - floor(x * inverse) * y;
    // Also what is negative.
    if r.to_bits() >= y.to_bits() {
        cold_path();
        return None;
    }
    Some(r)
}

/// R[a] = R[b] % K, K whole, from 1 to 2^51
#[inline(always)]
pub fn modulo_wk<O: Operands>(m: Machine, o: O) -> Flow {
    match whole_remainder(o.number_b(m), f64::from_bits(o.k())) {
        Some(r) => Flow::Number(r),
        None => Flow::Rest(Part::ModVK),
    }
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
            return result::<O>(m, sqrt(x + 0.0));
        }
        return Flow::Slow;
    }
    result::<O>(m, x * x)
}

/// R[a] = -R[b]
#[inline(always)]
pub fn neg<O: Operands>(m: Machine, o: O) -> Flow {
    result::<O>(m, -o.number_b(m))
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

#[cfg(test)]
mod tests {
    use super::{INTEGERS, WHOLE, is_whole_divisor, whole_remainder};

    /// The definition.
    fn modulo(x: f64, y: f64) -> f64 {
        x - std::primitive::f64::floor(x / y) * y
    }

    /// Compares the short way with the definition; gives whether it was taken.
    fn compare(x: f64, y: f64) -> bool {
        if !is_whole_divisor(y) {
            return false;
        }
        let short = whole_remainder(x, y);
        let expected = modulo(x, y);
        assert!(
            short.is_none_or(|r| r.to_bits() == expected.to_bits()),
            "{x:?} % {y:?}: {short:?}"
        );
        short.is_some()
    }

    #[test]
    fn short_remainders_are_remainders() {
        let edges = [
            0.0,
            f64::MIN_POSITIVE,
            f64::from_bits(1),
            f64::EPSILON,
            0.5,
            1.0,
            INTEGERS / 4.0,
            WHOLE,
            INTEGERS,
            INTEGERS * 2.0,
            1e300,
            f64::MAX,
            f64::INFINITY,
            f64::NAN,
        ];
        let divisors = [
            1.0,
            2.0,
            3.0,
            7.0,
            10.0,
            1000.0,
            1023.0,
            1024.0,
            1025.0,
            65521.0,
            139968.0,
            1000003.0,
            2147483647.0,
            4294967296.0,
            4294967291.0,
            1e15,
            0.1,
            0.75,
            1.5,
            6.25,
            1e-300,
            1e300,
        ];
        // Each divisor's multiples and what is around them, and the edges.
        for y in divisors.iter().chain(&edges).flat_map(|&y| [y, -y]) {
            let multiples = (0..63).map(|e| (1u64 << e) as f64);
            let multiples = multiples.flat_map(|n| [n - 1.0, n, n + 1.0, n + 0.5]);
            for x in multiples.map(|n| n * y).chain(edges) {
                for x in [x, -x] {
                    for around in [x, x + 1.0, x - 1.0, x + 0.5, x - 1e-3] {
                        compare(around, y);
                        compare(around.next_up(), y);
                        compare(around.next_down(), y);
                    }
                }
            }
        }
    }

    #[test]
    fn whole_numbers_take_the_short_way() {
        let mut random = 1u64;
        let mut next = |bits: u32| {
            random = random
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (random >> (64 - bits)) as f64
        };
        let mut taken = 0;
        let count = 400_000;
        for i in 0..count {
            let (x, y) = (next(1 + i % 44), next(1 + i % 31) + 1.0);
            taken += compare(x, y) as u32;
            // Multiples above all.
            if x < y * 4294967296.0 {
                let x = modulo(-x, y) + x;
                assert!(compare(x, y), "{x:?} % {y:?}");
            }
        }
        assert!(taken > count - count / 100, "{taken}");
        for x in 0..4000 {
            for y in 1..1000 {
                assert!(compare(x.into(), y.into()), "{x} % {y}");
            }
        }
    }
}
