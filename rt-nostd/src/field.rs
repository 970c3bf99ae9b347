//! What the bytes of a hole are: range checks and distances.
//!
//! Pure arithmetic, the only place where a value becomes the bytes of a field. Never
//! truncates: what does not fit is `None`, and the caller names the hole in its error.

use stencil_format::OperandForm;

/// The bytes of an operand hole: the first 4 or all 8, by the form.
///
/// `value + addend` must be in the form's range: `0 ..= u32::MAX` for `Abs32`, `i32` for
/// `Abs32S`. For `Abs64` it is taken modulo 2^64, as addresses are.
pub(crate) fn operand(form: OperandForm, value: i64, addend: i64) -> Option<([u8; 8], usize)> {
    let bits = match form {
        OperandForm::Abs32 => u64::from(u32::try_from(value.checked_add(addend)?).ok()?),
        OperandForm::Abs32S => {
            let signed = i32::try_from(value.checked_add(addend)?).ok()?;
            return Some((i64::from(signed).to_le_bytes(), 4));
        }
        OperandForm::Abs64 => return Some((value.wrapping_add(addend).to_le_bytes(), 8)),
    };
    Some((bits.to_le_bytes(), 4))
}

/// The bytes of a `Rel32` field at address `place` that refers to address `target`.
pub(crate) fn rel32(target: usize, place: usize, addend: i64) -> Option<[u8; 4]> {
    // Addresses are below 2^64: their difference needs 65 bits.
    let distance = target as i128 - place as i128 + i128::from(addend);
    Some(i32::try_from(distance).ok()?.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes32(form: OperandForm, value: i64, addend: i64) -> Option<u32> {
        operand(form, value, addend).map(|(bytes, width)| {
            assert_eq!(width, 4);
            u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
        })
    }

    #[test]
    fn abs32_edges() {
        let max = i64::from(u32::MAX);
        assert_eq!(bytes32(OperandForm::Abs32, 0, 0), Some(0));
        assert_eq!(bytes32(OperandForm::Abs32, max, 0), Some(u32::MAX));
        assert_eq!(bytes32(OperandForm::Abs32, max + 1, 0), None);
        assert_eq!(bytes32(OperandForm::Abs32, max, 1), None);
        assert_eq!(bytes32(OperandForm::Abs32, max + 1, -1), Some(u32::MAX));
        assert_eq!(bytes32(OperandForm::Abs32, -1, 0), None);
        assert_eq!(bytes32(OperandForm::Abs32, 0, -1), None);
        assert_eq!(bytes32(OperandForm::Abs32, i64::MAX, 1), None);
        assert_eq!(bytes32(OperandForm::Abs32, i64::MIN, -1), None);
    }

    #[test]
    fn abs32s_edges() {
        let (min, max) = (i64::from(i32::MIN), i64::from(i32::MAX));
        assert_eq!(bytes32(OperandForm::Abs32S, 0, 0), Some(0));
        assert_eq!(bytes32(OperandForm::Abs32S, max, 0), Some(0x7fff_ffff));
        assert_eq!(bytes32(OperandForm::Abs32S, max + 1, 0), None);
        assert_eq!(bytes32(OperandForm::Abs32S, max - 7, 8), None);
        assert_eq!(bytes32(OperandForm::Abs32S, min, 0), Some(0x8000_0000));
        assert_eq!(bytes32(OperandForm::Abs32S, min - 1, 0), None);
        assert_eq!(bytes32(OperandForm::Abs32S, i64::MAX, i64::MAX), None);
    }

    #[test]
    fn abs64_edges() {
        for (value, addend, expected) in [
            (0, 0, 0),
            (-1, 0, u64::MAX),
            (i64::MAX, 1, 1 << 63),
            (-1, 1, 0),
        ] {
            let (bytes, width) = operand(OperandForm::Abs64, value, addend).expect("any value");
            assert_eq!((u64::from_le_bytes(bytes), width), (expected, 8));
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
