//! Conversions between numbers and strings, and building strings.

use crate::heap::bytes::Room;
use crate::heap::intern::MAX_STRING;
use crate::heap::{NoMemory, Rt, StrRef};
use crate::numconv::{format_number, parse_number};
use crate::value::Value;
use core::mem::MaybeUninit;

/// Joined strings up to this length are put together on the native stack: they may exist.
pub(crate) const SMALL: usize = 256;

impl Rt {
    /// A number, or a string that reads as one.
    #[inline]
    pub fn to_number(self, v: Value) -> Option<f64> {
        if v.is_number() {
            return Some(v.as_f64());
        }
        let s = StrRef::from_value(v)?;
        parse_number(self.str_bytes(s))
    }

    /// A number as a string, as `tostring` gives it.
    pub fn number_to_string(self, x: f64) -> Result<StrRef, NoMemory> {
        let mut digits = [0; 32];
        let n = format_number(x, &mut digits);
        self.intern(&digits[..n])
    }

    /// The text of a string or number; `digits` holds a number's.
    pub(crate) fn text_of(self, v: Value, digits: &mut [u8; 32]) -> &[u8] {
        match StrRef::from_value(v) {
            Some(s) => self.str_bytes(s),
            None => {
                let n = format_number(v.as_f64(), digits);
                &digits[..n]
            }
        }
    }

    /// Joins strings and numbers.
    pub(crate) fn concat_values(self, values: &[Value]) -> Result<StrRef, NoMemory> {
        let mut small = [const { MaybeUninit::<u8>::uninit() }; SMALL];
        // SAFETY: the array.
        let mut room = unsafe { Room::new(small.as_mut_ptr().cast(), SMALL) };
        let mut digits = [0; 32];
        for &v in values {
            if !room.push(self.text_of(v, &mut digits)) {
                return self.concat_long(values);
            }
        }
        let n = SMALL - room.left();
        // SAFETY: the first `n` bytes were written.
        self.intern(unsafe { core::slice::from_raw_parts(small.as_ptr().cast(), n) })
    }

    /// Would no memory be enough for these values as one string?
    #[cold]
    pub(crate) fn too_long(self, values: &[Value]) -> bool {
        let mut digits = [0; 32];
        let length = |&v: &Value| self.text_of(v, &mut digits).len();
        values.iter().map(length).sum::<usize>() > MAX_STRING
    }

    #[inline(never)]
    fn concat_long(self, values: &[Value]) -> Result<StrRef, NoMemory> {
        let mut digits = [0; 32];
        let total: usize = values
            .iter()
            .map(|&v| self.text_of(v, &mut digits).len())
            .sum();
        let s = self.make_string(total, |room| {
            for &v in values {
                let _ = room.push(self.text_of(v, &mut digits));
            }
        })?;
        self.charge_work(total as u64 / 64);
        Ok(s)
    }
}
