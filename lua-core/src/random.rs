//! The random number generator of `math.random`.

/// xoshiro256** (Blackman and Vigna), seeded by SplitMix64.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Random([u64; 4]);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        let mut x = seed;
        Random(core::array::from_fn(|_| {
            x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = x;
            z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ z >> 31
        }))
    }

    #[inline(always)]
    fn next(&mut self) -> u64 {
        let [s0, s1, s2, s3] = self.0;
        let result = s1.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let (s2, s3) = (s2 ^ s0, s3 ^ s1);
        self.0 = [s0 ^ s3, s1 ^ s2, s2 ^ s1 << 17, s3.rotate_left(45)];
        result
    }

    /// A number from [0, 1) with 53 random bits.
    #[inline(always)]
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as i64 as f64 * (1.0 / 9007199254740992.0)
    }

    /// An integer from `low` to `high`, as a number from [0, 1) tells.
    #[inline(always)]
    pub(crate) fn within(unit: f64, low: i32, high: i32) -> f64 {
        let (low, high) = (low as f64, high as f64);
        crate::ops::arith::floor(unit * (high - low + 1.0)) + low
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn numbers_are_spread_and_repeatable() {
        let mut a = Random::new(42);
        let mut b = Random::new(42);
        let mut counts = [0; 10];
        for _ in 0..10_000 {
            let x = a.unit();
            assert_eq!(x, b.unit());
            assert!((0.0..1.0).contains(&x));
            counts[(x * 10.0) as usize] += 1;
        }
        // Six standard deviations around 1000.
        assert!(counts.iter().all(|n| (820..1180).contains(n)), "{counts:?}");
        assert_ne!(Random::new(1).next(), Random::new(2).next());
    }
}
