//! What the bytes of a hole are: range checks and distances.
//!
//! Pure arithmetic, the only place where a value becomes the bytes of a field. Never
//! truncates: what does not fit is `None`, and the caller names the hole in its error.

/// The bytes of a hole of four bytes that is zero-extended: `0 ..= u32::MAX`.
#[inline]
pub(crate) fn abs32(value: i64, addend: i64) -> Option<[u8; 4]> {
    let value = u32::try_from(value.checked_add(addend)?).ok()?;
    Some(value.to_le_bytes())
}

/// The bytes of a hole of four bytes that is sign-extended: the range of `i32`.
#[inline]
pub(crate) fn abs32s(value: i64, addend: i64) -> Option<[u8; 4]> {
    let value = i32::try_from(value.checked_add(addend)?).ok()?;
    Some(value.to_le_bytes())
}

/// The byte of a hole of one byte: the range of `i8`.
#[inline]
pub(crate) fn abs8s(value: i64, addend: i64) -> Option<[u8; 1]> {
    let value = i8::try_from(value.checked_add(addend)?).ok()?;
    Some(value.to_le_bytes())
}

/// The bytes of a hole of eight bytes: modulo 2^64, as addresses are.
#[inline]
pub(crate) fn abs64(value: i64, addend: i64) -> [u8; 8] {
    value.wrapping_add(addend).to_le_bytes()
}

/// The bytes of a `Rel32` field at `place` that refers to `target`. Both are offsets from
/// the start of the region, as [`offset_of`] gives them for what lies outside; the addend
/// is within 2^32 of 0.
#[inline]
pub(crate) fn near(target: i64, place: u32, addend: i64) -> Option<[u8; 4]> {
    // At most FAR and a few times 2^32: nothing overflows.
    let distance = target - i64::from(place) + addend;
    Some(i32::try_from(distance).ok()?.to_le_bytes())
}

/// Farther than any distance reaches.
const FAR: i64 = 1 << 62;

/// Offset of any address from the region's execute address `base`; capped where it is too
/// far for a distance anyway.
#[inline]
pub(crate) fn offset_of(address: usize, base: usize) -> i64 {
    let distance = address as i128 - base as i128;
    distance.clamp(-i128::from(FAR), FAR.into()) as i64
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    fn unsigned(value: i64, addend: i64) -> Option<u32> {
        abs32(value, addend).map(u32::from_le_bytes)
    }

    fn signed(value: i64, addend: i64) -> Option<i32> {
        abs32s(value, addend).map(i32::from_le_bytes)
    }

    #[test]
    fn abs32_edges() {
        let max = i64::from(u32::MAX);
        assert_eq!(unsigned(0, 0), Some(0));
        assert_eq!(unsigned(max, 0), Some(u32::MAX));
        assert_eq!(unsigned(max + 1, 0), None);
        assert_eq!(unsigned(max, 1), None);
        assert_eq!(unsigned(max + 1, -1), Some(u32::MAX));
        assert_eq!(unsigned(-1, 0), None);
        assert_eq!(unsigned(0, -1), None);
        assert_eq!(unsigned(i64::MAX, 1), None);
        assert_eq!(unsigned(i64::MIN, -1), None);
    }

    #[test]
    fn abs32s_edges() {
        let (min, max) = (i64::from(i32::MIN), i64::from(i32::MAX));
        assert_eq!(signed(0, 0), Some(0));
        assert_eq!(signed(max, 0), Some(i32::MAX));
        assert_eq!(signed(max + 1, 0), None);
        assert_eq!(signed(max - 7, 8), None);
        assert_eq!(signed(min, 0), Some(i32::MIN));
        assert_eq!(signed(min - 1, 0), None);
        assert_eq!(signed(i64::MAX, i64::MAX), None);
    }

    #[test]
    fn abs8s_edges() {
        let byte = |value, addend| abs8s(value, addend).map(|[byte]| byte);
        assert_eq!(byte(0, 0), Some(0));
        assert_eq!(byte(127, 0), Some(127));
        assert_eq!(byte(128, 0), None);
        assert_eq!(byte(120, 8), None);
        assert_eq!(byte(128, -1), Some(127));
        assert_eq!(byte(-128, 0), Some(128));
        assert_eq!(byte(-129, 0), None);
        assert_eq!(byte(255, 0), None);
        assert_eq!(byte(i64::MAX, i64::MAX), None);
    }

    #[test]
    fn abs64_edges() {
        for (value, addend, expected) in [
            (0, 0, 0),
            (-1, 0, u64::MAX),
            (i64::MAX, 1, 1 << 63),
            (-1, 1, 0),
        ] {
            assert_eq!(u64::from_le_bytes(abs64(value, addend)), expected);
        }
    }

    /// The same with addresses.
    fn rel32(target: usize, place: usize, addend: i64) -> Option<[u8; 4]> {
        // Addresses are below 2^64: their difference needs 65 bits.
        let distance = target as i128 - place as i128 + i128::from(addend);
        Some(i32::try_from(distance).ok()?.to_le_bytes())
    }

    /// Offsets and addresses must agree, at the ends of the address space too.
    #[test]
    fn near_is_rel32() {
        const LEN: u32 = i32::MAX as u32;
        let around =
            |x: usize| [-9_isize, -8, -4, -1, 0, 1, 4, 7, 8].map(|by| x.wrapping_add_signed(by));
        let reach = 0x8000_0000;
        for base in [0, 16, 1 << 32, 1 << 47, 1 << 63, usize::MAX - LEN as usize] {
            for place in [0, 1, LEN / 2, LEN] {
                let at = base + place as usize;
                let mut targets = [0, usize::MAX / 2, usize::MAX].map(around).to_vec();
                targets.extend([base, at, at.wrapping_add(reach)].map(around));
                targets.push(around(at.wrapping_sub(reach)));
                for target in targets.into_iter().flatten() {
                    for addend in [-8, -4, 0, 4, i64::from(i32::MAX), i64::from(i32::MIN)] {
                        assert_eq!(
                            near(offset_of(target, base), place, addend),
                            rel32(target, at, addend),
                            "{target:#x} from {at:#x}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn rel32_edges() {
        let place = 0x1_0000_0000;
        let distance = |target, addend| rel32(target, place, addend).map(i32::from_le_bytes);
        assert_eq!(distance(place, 0), Some(0));
        assert_eq!(distance(place + 0x7fff_ffff, 0), Some(i32::MAX));
        assert_eq!(distance(place + 0x8000_0000, 0), None);
        assert_eq!(distance(place + 0x8000_0000, -4), Some(i32::MAX - 3));
        assert_eq!(distance(place - 0x8000_0000, 0), Some(i32::MIN));
        assert_eq!(distance(place - 0x8000_0000, -4), None);
        assert_eq!(rel32(usize::MAX, 0, 0), None);
        assert_eq!(rel32(0, usize::MAX, 0), None);
    }
}
