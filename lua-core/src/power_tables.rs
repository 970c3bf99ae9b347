//! Tables of logarithms and powers of two for `power.rs`, computed by the compiler in
//! whole numbers: fixed point with 100 binary places.

/// Intervals of a table, and its index bits.
pub(crate) const SIZE: usize = 1 << BITS;
pub(crate) const BITS: u32 = 7;
/// The intervals of logarithms divide one octave from here on: about the root of 1/2, and
/// so that 1 is the bound of two of them.
pub(crate) const OCTAVE: u64 = 0x3FE6_A000_0000_0000;

/// Binary places of fixed-point numbers.
const PLACES: u32 = 100;
const ONE: i128 = 1 << PLACES;
/// Binary places of the high parts of logarithms: an exponent's 11 bits times such a part
/// fit into a double.
const HIGH_PLACES: u32 = 40;
/// The same for a number of steps, which has 18 bits.
const STEP_PLACES: u32 = 33;
/// Reciprocals are multiples of its reciprocal.
const STEPS: i128 = 512;

/// Twice the inverse hyperbolic tangent of `n / d`, which is below 1/2: the logarithm of
/// (d + n) / (d - n).
const fn log_of(n: i128, d: i128) -> i128 {
    let mut power = ONE / d * n;
    let mut sum = 0;
    let mut k = 1;
    while power != 0 {
        sum += power / k;
        power = power * n / d * n / d;
        k += 2;
    }
    2 * sum
}

const LN2: i128 = log_of(1, 3);

/// Product of fixed-point numbers from 0 to below 2.
const fn times(a: i128, b: i128) -> i128 {
    // Halves of 51 bits; what the low ones have in common is below the last place.
    const HALF: u32 = PLACES / 2;
    let (a1, a0) = (a >> HALF, a & ((1 << HALF) - 1));
    let (b1, b0) = (b >> HALF, b & ((1 << HALF) - 1));
    a1 * b1 + ((a1 * b0) >> HALF) + ((a0 * b1) >> HALF) + ((a0 * b0) >> PLACES)
}

/// 2^-PLACES.
const LAST_PLACE: f64 = f64::from_bits((1023 - PLACES as u64) << 52);

/// A fixed-point number as a double, and the rest as another.
const fn in_two(x: i128) -> (f64, f64) {
    let high = x as f64;
    (
        (high * LAST_PLACE),
        ((x - high as i128) as f64 * LAST_PLACE),
    )
}

/// The same with a high part of so many places.
const fn in_two_short(x: i128, places: u32) -> (f64, f64) {
    let cut = PLACES - places;
    let high = ((x + (1 << (cut - 1))) >> cut) << cut;
    (high as f64 * LAST_PLACE, (x - high) as f64 * LAST_PLACE)
}

/// An interval of the octave: about the reciprocal of its middle, and the logarithm of
/// that reciprocal's reciprocal in two parts.
#[derive(Clone, Copy)]
pub(crate) struct Interval {
    pub reciprocal: f64,
    pub log: f64,
    pub log_low: f64,
}

const fn intervals() -> [Interval; SIZE] {
    let mut out = [Interval {
        reciprocal: 1.0,
        log: 0.0,
        log_low: 0.0,
    }; SIZE];
    let step = 1u64 << (52 - BITS);
    let mut i = 0;
    while i < SIZE {
        let start = OCTAVE + i as u64 * step;
        let middle = f64::from_bits(start + step / 2);
        // On both sides of 1, logarithms are small: nothing may be lost there.
        let by_one = start == 1f64.to_bits() || start + step == 1f64.to_bits();
        if !by_one {
            let m = (STEPS as f64 / middle + 0.5) as i128;
            let (log, log_low) = in_two_short(log_of(STEPS - m, STEPS + m), HIGH_PLACES);
            out[i] = Interval {
                reciprocal: m as f64 / STEPS as f64,
                log,
                log_low,
            };
        }
        i += 1;
    }
    out
}

/// 2^(i/SIZE), and what it lacks as a part of it.
const fn roots() -> [(f64, f64); SIZE] {
    let mut out = [(1.0, 0.0); SIZE];
    let mut i = 1;
    while i < SIZE {
        // The exponential series.
        let x = LN2 * i as i128 / SIZE as i128;
        let (mut sum, mut term, mut k) = (ONE, x, 1);
        while term != 0 {
            sum += term;
            k += 1;
            term = times(term, x) / k;
        }
        let (high, low) = in_two(sum);
        out[i] = (high, low / high);
        i += 1;
    }
    out
}

pub(crate) static INTERVALS: [Interval; SIZE] = intervals();
pub(crate) static ROOTS: [(f64, f64); SIZE] = roots();
/// ln 2 in two parts, the first of few places.
pub(crate) const LN2_PARTS: (f64, f64) = in_two_short(LN2, HIGH_PLACES);
/// The steps of [`ROOTS`] in an exponent, ln 2 / SIZE, in two parts, the first of few places.
pub(crate) const STEP_PARTS: (f64, f64) = {
    let (high, low) = in_two_short(LN2, STEP_PLACES);
    (high / SIZE as f64, low / SIZE as f64)
};
/// SIZE / ln 2.
pub(crate) const STEPS_PER_ONE: f64 = SIZE as f64 / (LN2_PARTS.0 + LN2_PARTS.1);
