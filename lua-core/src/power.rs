//! Small powers, whole ones and their roots, exact to the last bit but for one case in a million million:
//! products of pairs of doubles whose sum is the value, rounded once at the end.
//! (The pairs go back to Dekker, "A floating-point technique for extending the
//! available precision", 1971.) They take a fifth of the time of a general `pow`.

use crate::ops::arith::sqrt;
use crate::power_tables::{
    BITS, INTERVALS, LN2_PARTS, OCTAVE, ROOTS, SIZE, STEP_PARTS, STEPS_PER_ONE,
};

/// Largest exponent: beyond it the general function is about as fast.
pub(crate) const EXPONENT_MAX: f64 = 32.0;
/// Bases from 2^-16 to 2^16 in magnitude: nothing on the way comes near the bounds of
/// the format, where parts of products would be lost.
const BASE_MIN: f64 = 1.0 / 65536.0;
const BASE_MAX: f64 = 65536.0;

/// A value as a sum: `low` is less than half a unit in the last place of `high`.
#[derive(Clone, Copy)]
struct Pair {
    high: f64,
    low: f64,
}

/// The two halves of a double's digits.
#[inline(always)]
fn split(x: f64) -> (f64, f64) {
    let c = x * 134217729.0;
    let high = c - (c - x);
    (high, x - high)
}

/// A product, and what rounding took from it.
#[inline(always)]
fn product(x: f64, y: f64) -> Pair {
    let high = x * y;
    let ((x1, x2), (y1, y2)) = (split(x), split(y));
    let low = ((x1 * y1 - high) + x1 * y2 + x2 * y1) + x2 * y2;
    Pair { high, low }
}

impl Pair {
    #[inline(always)]
    fn times(self, other: Pair) -> Pair {
        let p = product(self.high, other.high);
        let low = p.low + (self.high * other.low + self.low * other.high);
        let high = p.high + low;
        Pair {
            high,
            low: low - (high - p.high),
        }
    }

    /// The square root of a value above 0: one step of Newton's method adds its end.
    #[inline(always)]
    fn root(self) -> Pair {
        let high = sqrt(self.high);
        let p = product(high, high);
        let rest = ((self.high - p.high) - p.low) + self.low;
        Pair {
            high,
            low: rest / (high + high),
        }
    }
}

/// `x ^ y` for exponents of a few bits that are whole or, with positive bases, halves of
/// whole numbers, and bases of moderate size; `None` for everything else.
#[inline(never)]
pub(crate) fn small_power(x: f64, y: f64) -> Option<f64> {
    let mut n = y.abs();
    let moderate = (BASE_MIN..=BASE_MAX).contains(&x.abs()) && (0.5..=EXPONENT_MAX).contains(&n);
    let is_half = moderate && n as u32 as f64 != n && x > 0.0;
    if is_half {
        n += n;
    }
    let bits = n as u32;
    if !moderate || bits as f64 != n || n > EXPONENT_MAX {
        return None;
    }
    let base = Pair { high: x, low: 0.0 };
    let mut r = base;
    // From the bit behind the leading one on.
    let mut bit = (1 << bits.ilog2()) >> 1;
    while bit != 0 {
        r = r.times(r);
        if bits & bit != 0 {
            r = r.times(base);
        }
        bit >>= 1;
    }
    if is_half {
        r = r.root();
    }
    if y > 0.0 {
        return Some(r.high + r.low);
    }
    // One step of Newton's method mends the quotient.
    let q = 1.0 / r.high;
    let p = product(q, r.high);
    let rest = ((1.0 - p.high) - p.low) - q * r.low;
    Some(q + q * rest)
}

/// Exponentials this large, or with an argument this small, are for others: they may leave
/// the range of doubles.
const ARGUMENT_MAX: f64 = 700.0;
const ARGUMENT_MIN: f64 = 1.0 / (1u64 << 54) as f64;
/// Added and subtracted again: rounds to a whole number, which is in the low bits meanwhile.
const ROUNDER: f64 = 6755399441055744.0;

/// The first 26 bits of a number.
#[inline(always)]
fn upper_half(x: f64) -> f64 {
    f64::from_bits(x.to_bits() & (u64::MAX << 27))
}

/// The logarithm of a normal number above 0, right to about 2^-68 of it; its low part may be
/// 2^-22 of the high one.
///
/// Table and polynomial, after Tang, "Table-driven implementation of the logarithm function",
/// 1990: x = 2^k z, and z times a short reciprocal is 1 + r, without any error; r is below 1/128.
#[inline(always)]
fn log_pair(bits: u64) -> Pair {
    let above = bits.wrapping_sub(OCTAVE);
    let k = ((above as i64) >> 52) as f64;
    let interval = &INTERVALS[(above >> (52 - BITS)) as usize % SIZE];
    let z = bits.wrapping_sub(above & (0xFFF << 52));
    // Products of parts of 20 bits are exact.
    let z_high = f64::from_bits(z.wrapping_add(1 << 31) & (u64::MAX << 32));
    let z_low = f64::from_bits(z) - z_high;
    let r_high = z_high * interval.reciprocal - 1.0;
    let r_low = z_low * interval.reciprocal;
    let r = r_high + r_low;
    // k ln 2 + log of the interval + r
    let whole = k * LN2_PARTS.0 + interval.log;
    let first = whole + r;
    let first_low = (k * LN2_PARTS.1 + interval.log_low) + ((whole - first) + r_high + r_low);
    // - r^2 / 2
    let square = -0.5 * r_high * r_high;
    let second = first + square;
    let second_low = ((first - second) + square) - r_low * (r_high + 0.5 * r_low);
    // r^3 / 3 - r^4 / 4 ...
    let r2 = r * r;
    let rest = 1.0 / 3.0 - r * (1.0 / 4.0)
        + r2 * ((1.0 / 5.0 - r * (1.0 / 6.0))
            + r2 * ((1.0 / 7.0 - r * (1.0 / 8.0)) + r2 * (1.0 / 9.0 - r * (1.0 / 10.0))));
    Pair {
        high: second,
        low: first_low + second_low + r * r2 * rest,
    }
}

/// `x ^ y` for bases above 0 where nothing is near the bounds of the format, right to 0.51 units in
/// the last place; `None` for everything else.
#[inline(always)]
pub(crate) fn plain_power(x: f64, y: f64) -> Option<f64> {
    let bits = x.to_bits();
    // Positive, normal, finite.
    if bits.wrapping_sub(1 << 52) >= (0x7FE << 52) {
        return None;
    }
    let log = log_pair(bits);
    // Products of parts of 26 bits are exact.
    let (log_high, y_high) = (upper_half(log.high), upper_half(y));
    let log_low = (log.high - log_high) + log.low;
    let high = y_high * log_high;
    // Also if y is a NaN or infinite.
    if !(ARGUMENT_MIN..ARGUMENT_MAX).contains(&high.abs()) {
        return None;
    }
    let low = (y - y_high) * log_high + y * log_low;
    // e^(high + low) = 2^(n / SIZE) e^r
    let shifted = high * STEPS_PER_ONE + ROUNDER;
    let n = shifted.to_bits();
    let steps = shifted - ROUNDER;
    let r = (high - steps * STEP_PARTS.0) - (steps * STEP_PARTS.1 - low);
    let (root, root_low) = ROOTS[n as usize % SIZE];
    let r2 = r * r;
    let more = root_low
        + r
        + r2 * ((0.5 + r * (1.0 / 6.0))
            + r2 * ((1.0 / 24.0 + r * (1.0 / 120.0)) + r2 * (1.0 / 720.0)));
    let scale = f64::from_bits(root.to_bits().wrapping_add(n >> BITS << 52));
    Some(scale + scale * more)
}

#[cfg(test)]
mod tests {
    use super::{plain_power, small_power};

    #[test]
    fn powers_agree_with_the_platform() {
        // Which is right to 0.52 units or so in the last place.
        let mut random = 1u64;
        let mut next = || {
            random = random
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (random >> 11) as f64 / (1u64 << 53) as f64
        };
        let (mut seen, mut differ) = (0, 0);
        for i in 0..400_000 {
            let (x, y) = match i % 4 {
                0 => (next() * 100.0, next() * 40.0 - 20.0),
                1 => (1.0 + (next() - 0.5) / 30.0, next() * 20_000.0 - 10_000.0),
                2 => (next().powi(-40), next() - 0.5),
                _ => ((next() * 10_000.0).floor(), (next() * 100.0).floor() - 50.0),
            };
            let theirs = std::primitive::f64::powf(x, y);
            let Some(ours) = plain_power(x, y) else {
                continue;
            };
            let units = (ours.to_bits() as i64 - theirs.to_bits() as i64).abs();
            assert!(units <= 1, "{x:?}^{y:?}: {ours} {theirs}");
            seen += 1;
            differ += units;
        }
        assert!(seen > 300_000 && differ < seen / 50, "{differ} of {seen}");
    }

    #[test]
    fn exact_powers_are_exact() {
        for x in 2..2000u64 {
            for n in 1..=52 {
                let exact = x.checked_pow(n).filter(|&p| p < 1 << 53);
                let Some(exact) = exact else { continue };
                let (x, exact) = (x as f64, exact as f64);
                assert_eq!(plain_power(x, n as f64), Some(exact), "{x}^{n}");
                assert_eq!(plain_power(exact, 1.0 / n as f64).map(f64::round), Some(x));
            }
        }
        assert_eq!(plain_power(6.25, 1.5), Some(15.625));
        assert_eq!(plain_power(1048576.0, 0.5), Some(1024.0));
    }

    #[test]
    fn bounds_of_the_format_are_left_to_others() {
        for (x, y) in [
            (0.0, 1.5),
            (-2.0, 3.0),
            (2.0, 1024.0),
            (2.0, -1074.0),
            (1.0, 5.0),
            (2.0, 0.0),
            (5e-324, 0.5),
            (f64::INFINITY, 0.5),
            (f64::NAN, 0.5),
            (2.0, f64::NAN),
            (2.0, f64::INFINITY),
            (2.0, f64::NEG_INFINITY),
        ] {
            assert_eq!(plain_power(x, y), None, "{x}^{y}");
        }
    }

    #[test]
    fn products_that_fit_are_exact() {
        for x in -12i64..=12 {
            for n in 1..=14u32 {
                if x != 0 {
                    let exact = x.pow(n) as f64;
                    assert_eq!(small_power(x as f64, n as f64), Some(exact), "{x}^{n}");
                }
            }
        }
        assert_eq!(small_power(2.0, -3.0), Some(0.125));
        assert_eq!(small_power(-2.0, -3.0), Some(-0.125));
        assert_eq!(
            small_power(2.0, -0.5),
            Some(core::f64::consts::FRAC_1_SQRT_2)
        );
        assert_eq!(small_power(6.25, 1.5), Some(15.625));
        assert_eq!(small_power(0.5, 32.0), Some(2f64.powi(-32)));
    }

    #[test]
    fn what_it_is_not_for() {
        for (x, y) in [
            (0.0, 3.0),
            (2.0, 0.0),
            (2.0, 0.75),
            (-2.0, 0.5),
            (2.0, 16.5),
            (2.0, 33.0),
            (1e300, 3.0),
            (1e-300, 3.0),
            (f64::NAN, 3.0),
            (2.0, f64::NAN),
            (f64::INFINITY, 2.0),
            (2.0, f64::NEG_INFINITY),
        ] {
            assert_eq!(small_power(x, y), None, "{x}^{y}");
        }
    }

    #[test]
    fn agrees_with_the_platform() {
        // Which is right to within one unit in the last place, and nearly always exactly.
        let mut differ = 0;
        let mut x = 0.37f64;
        for i in 0..20_000 {
            x = (x * 1.618 + 0.1) % 300.0 + 0.001;
            let y = (i % 131 - 65) as f64 * 0.5;
            if y == 0.0 {
                continue;
            }
            let (ours, theirs) = (small_power(x, y), std::primitive::f64::powf(x, y));
            let Some(ours) = ours else { continue };
            let units = (ours.to_bits() as i64 - theirs.to_bits() as i64).abs();
            assert!(units <= 1, "{x}^{y}: {ours} {theirs}");
            differ += units;
        }
        assert!(differ < 20, "{differ}");
    }
}
