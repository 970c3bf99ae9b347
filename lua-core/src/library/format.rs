//! `string.format`: C's `printf` conversions as Lua 5.1 lets them through.

use super::builder::Builder;
use crate::error::{Raise, Text};
use crate::heap::StrRef;
use crate::native::{Call, Results};
use crate::numconv::{FloatSpec, format_float};

/// Strings from this length on are added as they are by a plain `%s`; shorter
/// ones end at a NUL, as in C.
const LONG_STRING: usize = 100;

/// Flags, width and precision of a conversion.
#[derive(Clone, Copy, Default)]
struct Spec {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: u8,
    precision: Option<u8>,
}

impl Spec {
    /// Reads what is between `%` and the letter; gives the rest.
    fn parse(format: &[u8]) -> Result<(Spec, &[u8]), &'static [u8]> {
        let mut spec = Spec::default();
        let mut rest = format;
        let mut flags = 0;
        while let [b, tail @ ..] = rest {
            match b {
                b'-' => spec.left = true,
                b'+' => spec.plus = true,
                b' ' => spec.space = true,
                b'#' => spec.alternate = true,
                b'0' => spec.zero = true,
                _ => break,
            }
            flags += 1;
            rest = tail;
        }
        if flags > 5 {
            return Err(b"invalid format (repeated flags)");
        }
        (spec.width, rest) = two_digits(rest);
        if let [b'.', tail @ ..] = rest {
            let (precision, tail) = two_digits(tail);
            spec.precision = Some(precision);
            rest = tail;
        }
        if rest.first().is_some_and(u8::is_ascii_digit) {
            return Err(b"invalid format (width or precision too long)");
        }
        Ok((spec, rest))
    }

    /// Appends `body` with blanks up to the width.
    fn pad(&self, out: &mut Builder, body: &[u8]) -> Result<(), Raise> {
        let blanks = (self.width as usize).saturating_sub(body.len());
        if !self.left {
            fill(out, b' ', blanks)?;
        }
        out.push(body)?;
        if self.left {
            fill(out, b' ', blanks)?;
        }
        Ok(())
    }

    /// Appends a whole number: sign or prefix, zeros, digits.
    fn integer(&self, out: &mut Builder, prefix: &[u8], digits: &[u8]) -> Result<(), Raise> {
        // No digits at all for 0 with precision 0.
        let digits = match (self.precision, digits) {
            (Some(0), b"0") => b"",
            _ => digits,
        };
        let least = self.precision.unwrap_or(0) as usize;
        let mut zeros = least.saturating_sub(digits.len());
        let length = prefix.len() + zeros + digits.len();
        let mut blanks = (self.width as usize).saturating_sub(length);
        if self.zero && !self.left && self.precision.is_none() {
            zeros += blanks;
            blanks = 0;
        }
        if !self.left {
            fill(out, b' ', blanks)?;
        }
        out.push(prefix)?;
        fill(out, b'0', zeros)?;
        out.push(digits)?;
        if self.left {
            fill(out, b' ', blanks)?;
        }
        Ok(())
    }

    /// The sign that a number which isn't negative shows.
    fn sign(&self) -> &'static [u8] {
        if self.plus {
            b"+"
        } else if self.space {
            b" "
        } else {
            b""
        }
    }
}

fn two_digits(s: &[u8]) -> (u8, &[u8]) {
    match s {
        [a @ b'0'..=b'9', b @ b'0'..=b'9', rest @ ..] => ((a - b'0') * 10 + (b - b'0'), rest),
        [a @ b'0'..=b'9', rest @ ..] => (a - b'0', rest),
        _ => (0, s),
    }
}

fn fill(out: &mut Builder, b: u8, n: usize) -> Result<(), Raise> {
    const PIECE: usize = 32;
    let mut n = n;
    while n > 0 {
        let piece = n.min(PIECE);
        out.push(&[b; PIECE][..piece])?;
        n -= piece;
    }
    Ok(())
}

/// Digits of `n` in base 8, 10 or 16, at the end of `room`.
fn digits(n: u64, base: u64, upper: bool, room: &mut [u8; 24]) -> &[u8] {
    // With the base a constant, divisions become multiplications and shifts.
    match base {
        8 => digits_in::<8>(n, upper, room),
        16 => digits_in::<16>(n, upper, room),
        _ => digits_in::<10>(n, upper, room),
    }
}

#[inline(always)]
fn digits_in<const BASE: u64>(n: u64, upper: bool, room: &mut [u8; 24]) -> &[u8] {
    let alphabet: &[u8; 16] = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    let mut at = room.len();
    let mut n = n;
    loop {
        at -= 1;
        room[at] = alphabet[(n % BASE) as usize & 15];
        n /= BASE;
        if n == 0 {
            return &room[at..];
        }
    }
}

/// A double as a signed 64-bit number like x86 C: out of range gives the smallest.
fn to_signed(x: f64) -> i64 {
    if (-9223372036854775808.0..9223372036854775808.0).contains(&x) {
        x as i64
    } else {
        i64::MIN
    }
}

/// The same for an unsigned one: negative numbers wrap around.
fn to_unsigned(x: f64) -> u64 {
    if x >= 9223372036854775808.0 {
        to_signed(x - 9223372036854775808.0) as u64 ^ 1 << 63
    } else {
        to_signed(x) as u64
    }
}

fn until_nul(s: &[u8]) -> &[u8] {
    s.split(|&b| b == 0).next().unwrap_or(s)
}

/// `string.format(format, ...)`
pub(super) fn format(call: &mut Call) -> Result<Results, Raise> {
    let format = call.check_string(0)?;
    let rt = call.rt();
    let mut rest = rt.str_bytes(format);
    let mut out = Builder::new(rt);
    let mut argument = 0;
    while !rest.is_empty() {
        let literal = rest.iter().position(|&b| b == b'%').unwrap_or(rest.len());
        let (text, tail) = rest.split_at(literal);
        out.push(text)?;
        rest = match tail {
            [] => break,
            [b'%', b'%', tail @ ..] => {
                out.push_byte(b'%')?;
                tail
            }
            // The commonest, without flags.
            [b'%', letter @ (b'd' | b's'), tail @ ..]
                if argument + 1 < call.count()
                    && push_plain(call, &mut out, *letter, argument + 1)? =>
            {
                argument += 1;
                tail
            }
            [_, tail @ ..] => {
                argument += 1;
                if argument >= call.count() {
                    return Err(call.bad_argument(argument, b"no value"));
                }
                let (spec, tail) = Spec::parse(tail).map_err(|text| rt.raise_text(text))?;
                convert(call, &mut out, &spec, tail.first().copied(), argument)?;
                tail.get(1..).unwrap_or(&[])
            }
        };
    }
    let s = out.finish()?;
    call.ret(s.value())
}

/// A number for `%d` or a string for `%s`; false: anything else.
#[inline]
fn push_plain(
    call: &Call,
    out: &mut Builder,
    letter: u8,
    argument: u32,
) -> Result<bool, crate::heap::NoMemory> {
    let v = call.arg(argument);
    if letter == b'd' {
        let Some(x) = v.to_number() else {
            return Ok(false);
        };
        let n = to_signed(x);
        let mut room = [0; 24];
        let text = digits_in::<10>(n.unsigned_abs(), false, &mut room);
        if n < 0 {
            out.push_byte(b'-')?;
        }
        out.push(text)?;
        return Ok(true);
    }
    let Some(s) = StrRef::from_value(v) else {
        return Ok(false);
    };
    let s = call.rt().str_bytes(s);
    out.push(if s.len() >= LONG_STRING {
        s
    } else {
        until_nul(s)
    })?;
    Ok(true)
}

fn convert(
    call: &mut Call,
    out: &mut Builder,
    spec: &Spec,
    letter: Option<u8>,
    argument: u32,
) -> Result<(), Raise> {
    let rt = call.rt();
    let mut room = [0; 24];
    match letter {
        Some(b'c') => {
            let b = to_signed(call.check_number(argument)?) as u8;
            // C's string ends at a NUL, padding on the right included.
            match (b, spec.left) {
                (0, true) => Ok(()),
                (0, false) => fill(out, b' ', (spec.width as usize).saturating_sub(1)),
                _ => spec.pad(out, &[b]),
            }
        }
        Some(b'd' | b'i') => {
            let n = to_signed(call.check_number(argument)?);
            let sign = if n < 0 { b"-" } else { spec.sign() };
            spec.integer(out, sign, digits(n.unsigned_abs(), 10, false, &mut room))
        }
        Some(b'u') => {
            let n = to_unsigned(call.check_number(argument)?);
            spec.integer(out, b"", digits(n, 10, false, &mut room))
        }
        Some(b'o') => {
            let n = to_unsigned(call.check_number(argument)?);
            let text = digits(n, 8, false, &mut room);
            let mut spec = *spec;
            if spec.alternate && (n != 0 || spec.precision == Some(0)) {
                // `#`: as many digits as it takes for the first to be 0.
                let least = text.len() as u8 + (n != 0) as u8;
                if spec.precision.is_none() && spec.zero && !spec.left {
                    // Zeros from the width may do already.
                    if spec.width >= least {
                        return spec.integer(out, b"", text);
                    }
                }
                spec.precision = Some(spec.precision.unwrap_or(0).max(least));
            }
            spec.integer(out, b"", text)
        }
        Some(letter @ (b'x' | b'X')) => {
            let n = to_unsigned(call.check_number(argument)?);
            let prefix: &[u8] = match (spec.alternate && n != 0, letter) {
                (false, _) => b"",
                (true, b'x') => b"0x",
                (true, _) => b"0X",
            };
            spec.integer(out, prefix, digits(n, 16, letter == b'X', &mut room))
        }
        Some(letter @ (b'e' | b'E' | b'f' | b'g' | b'G')) => {
            let x = call.check_number(argument)?;
            let float = FloatSpec {
                conversion: letter,
                precision: spec.precision,
                width: spec.width,
                left: spec.left,
                plus: spec.plus,
                space: spec.space,
                alternate: spec.alternate,
                zero: spec.zero,
            };
            let mut result = Ok(());
            format_float(&float, x, &mut |piece| {
                if result.is_ok() {
                    result = out.push(piece);
                }
            });
            Ok(result?)
        }
        Some(b'q') => {
            let s = call.check_string(argument)?;
            Ok(quote(out, rt.str_bytes(s))?)
        }
        Some(b's') => {
            let s = call.check_string(argument)?;
            let s = rt.str_bytes(s);
            if spec.precision.is_none() && s.len() >= LONG_STRING {
                return Ok(out.push(s)?);
            }
            let s = until_nul(s);
            let shown = spec.precision.map_or(s.len(), |p| s.len().min(p as usize));
            spec.pad(out, &s[..shown])
        }
        letter => {
            let mut text = Text::new();
            text.push(b"invalid option '%");
            text.push(letter.as_slice());
            text.push(b"' to 'format'");
            Err(rt.raise_text(text.bytes()))
        }
    }
}

/// `%q`: as a string literal that Lua reads back.
fn quote(out: &mut Builder, s: &[u8]) -> Result<(), crate::heap::NoMemory> {
    out.push_byte(b'"')?;
    for &b in s {
        match b {
            b'"' | b'\\' | b'\n' => out.push(&[b'\\', b])?,
            b'\r' => out.push(b"\\r")?,
            0 => out.push(b"\\000")?,
            _ => out.push_byte(b)?,
        }
    }
    out.push_byte(b'"')
}

#[cfg(test)]
mod tests {
    use super::{Spec, digits, to_signed, to_unsigned};

    #[test]
    fn specifications_end_where_c_ends_them() {
        let (spec, rest) = Spec::parse(b"-+08.3dx").unwrap_or_default();
        assert_eq!(rest, b"dx");
        assert!(spec.left && spec.plus && spec.zero && !spec.space && !spec.alternate);
        assert_eq!((spec.width, spec.precision), (8, Some(3)));
        let (spec, rest) = Spec::parse(b".f").unwrap_or_default();
        assert_eq!((spec.precision, rest), (Some(0), b"f".as_slice()));
        let (spec, rest) = Spec::parse(b"").unwrap_or_default();
        assert_eq!(
            (spec.width, spec.precision, rest),
            (0, None, b"".as_slice())
        );
        for too_long in [b"123d".as_slice(), b".123d", b"1.123d"] {
            assert!(Spec::parse(too_long).is_err());
        }
        assert!(Spec::parse(b"-----d").is_ok());
        assert!(Spec::parse(b"------d").is_err());
    }

    #[test]
    fn doubles_become_integers_as_on_x86() {
        assert_eq!(to_signed(-3.99), -3);
        assert_eq!(to_signed(1e300), i64::MIN);
        assert_eq!(to_signed(f64::NAN), i64::MIN);
        assert_eq!(to_unsigned(-1.0), u64::MAX);
        assert_eq!(to_unsigned(9223372036854775808.0), 1 << 63);
        assert_eq!(to_unsigned(18446744073709549568.0), 0xFFFF_FFFF_FFFF_F800);
    }

    #[test]
    fn digits_in_every_base() {
        let mut room = [0; 24];
        assert_eq!(digits(0, 10, false, &mut room), b"0");
        assert_eq!(
            digits(u64::MAX, 10, false, &mut room),
            b"18446744073709551615"
        );
        assert_eq!(
            digits(u64::MAX, 8, false, &mut room),
            b"1777777777777777777777"
        );
        assert_eq!(digits(0xBEEF, 16, true, &mut room), b"BEEF");
        assert_eq!(digits(0xBEEF, 16, false, &mut room), b"beef");
    }
}
