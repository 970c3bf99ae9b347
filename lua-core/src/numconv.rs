//! Numbers to text and back, as C's `printf` and `strtod` do it for Lua.
//!
//! Digits are exact for every value and precision. Nothing here allocates or
//! panics. Called by the lexer, by `tostring`/`tonumber` and their implicit
//! forms, and by `string.format`.

use core::fmt::Write;

/// Room that the longest digits of a double fit in: 309, a point and 99 more.
const LONG_TEXT: usize = 512;
/// Room that those of most conversions fit in: [`fits_short`].
const SHORT_TEXT: usize = 64;
/// Largest precision and width of a conversion.
pub const MAX_PRECISION: u8 = 99;

/// A conversion of `string.format` for a number: `%` flags width `.` precision
/// and one of `e E f g G`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloatSpec {
    /// The letter; an unknown one counts as `g`.
    pub conversion: u8,
    /// Digits after the point, or significant ones for `g`; 6 if not given. At
    /// most [`MAX_PRECISION`] counts.
    pub precision: Option<u8>,
    /// Least length; at most [`MAX_PRECISION`] counts.
    pub width: u8,
    /// `-`: fill up with blanks on the right.
    pub left: bool,
    /// `+`: show the sign of positive numbers.
    pub plus: bool,
    /// Blank: a blank in place of the sign of positive numbers.
    pub space: bool,
    /// `#`: always a point, and `g` keeps its zeros.
    pub alternate: bool,
    /// `0`: fill up with zeros.
    pub zero: bool,
}

impl FloatSpec {
    /// `%<conversion>` with nothing else.
    pub const fn plain(conversion: u8) -> FloatSpec {
        FloatSpec {
            conversion,
            precision: None,
            width: 0,
            left: false,
            plus: false,
            space: false,
            alternate: false,
            zero: false,
        }
    }
}

/// Text in a fixed buffer; what doesn't fit is an error of `Write` that the
/// sizes chosen here rule out.
struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    fn new() -> Self {
        Text {
            bytes: [0; N],
            len: 0,
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, b: u8) {
        if let Some(slot) = self.bytes.get_mut(self.len) {
            *slot = b;
            self.len += 1;
        }
    }

    fn extend(&mut self, bytes: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + bytes.len()) {
            room.copy_from_slice(bytes);
            self.len += bytes.len();
        }
    }

    fn fill(&mut self, b: u8, n: usize) {
        for _ in 0..n {
            self.push(b);
        }
    }
}

impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, s: &str) -> core::fmt::Result {
        if s.len() > N - self.len {
            return Err(core::fmt::Error);
        }
        self.extend(s.as_bytes());
        Ok(())
    }
}

/// Writes a number as `tostring` and `print` show it (C's `%.14g`) and returns
/// the length.
pub fn format_number(x: f64, out: &mut [u8; 32]) -> usize {
    let magnitude = x.abs();
    if magnitude < 1e14 && magnitude as u64 as f64 == magnitude {
        return format_integer(magnitude as u64, x.is_sign_negative(), out);
    }
    if !x.is_finite() {
        let text = non_finite(x, false);
        let text = if x.is_sign_negative() {
            text
        } else {
            &text[1..]
        };
        out[..text.len()].copy_from_slice(text);
        return text.len();
    }
    let mut body = Text::<64>::new();
    general(magnitude, 14, false, b'e', &mut body);
    let mut n = 0;
    if x.is_sign_negative() {
        out[0] = b'-';
        n = 1;
    }
    let body = body.as_bytes();
    let len = body.len().min(out.len() - n);
    out[n..n + len].copy_from_slice(&body[..len]);
    n + len
}

fn format_integer(n: u64, negative: bool, out: &mut [u8; 32]) -> usize {
    let mut room = [0; 20];
    let digits = digits_of(n, 1, &mut room);
    let sign = negative as usize;
    out[0] = b'-';
    out[sign..sign + digits.len()].copy_from_slice(digits);
    sign + digits.len()
}

/// `-inf` or `-nan`, with its sign for the caller to drop.
fn non_finite(x: f64, upper: bool) -> &'static [u8] {
    match (x.is_nan(), upper) {
        (true, false) => b"-nan",
        (true, true) => b"-NAN",
        (false, false) => b"-inf",
        (false, true) => b"-INF",
    }
}

/// Hands `x` as C's `printf` would write it with this conversion to `put`, in pieces.
pub fn format_float(spec: &FloatSpec, x: f64, put: &mut dyn FnMut(&[u8])) {
    // Most are short: a large buffer would have to be cleared.
    if fits_short(spec, x) {
        format_float_in::<SHORT_TEXT>(spec, x, put);
    } else {
        format_float_in::<LONG_TEXT>(spec, x, put);
    }
}

/// Has the text without padding no more than [`SHORT_TEXT`] bytes?
fn fits_short(spec: &FloatSpec, x: f64) -> bool {
    // Up to 18 digits before the point and 32 after it, with an exponent of five letters.
    spec.precision.unwrap_or(6) <= 32 && (x.abs() < 1e18 || !matches!(spec.conversion, b'f' | b'F'))
}

fn format_float_in<const N: usize>(spec: &FloatSpec, x: f64, put: &mut dyn FnMut(&[u8])) {
    let mut body = Text::<N>::new();
    let precision = spec.precision.unwrap_or(6).min(MAX_PRECISION) as usize;
    let upper = spec.conversion.is_ascii_uppercase();
    let exponent_letter = if upper { b'E' } else { b'e' };
    let magnitude = x.abs();
    if !x.is_finite() {
        body.extend(&non_finite(x, upper)[1..]);
    } else {
        match spec.conversion {
            b'e' | b'E' => scientific(
                magnitude,
                precision,
                spec.alternate,
                exponent_letter,
                &mut body,
            ),
            b'f' | b'F' => {
                fixed(magnitude, precision, &mut body);
                if spec.alternate && precision == 0 {
                    body.push(b'.');
                }
            }
            _ => general(
                magnitude,
                precision.max(1),
                spec.alternate,
                exponent_letter,
                &mut body,
            ),
        }
    }
    let sign: &[u8] = if x.is_sign_negative() {
        b"-"
    } else if spec.plus {
        b"+"
    } else if spec.space {
        b" "
    } else {
        b""
    };
    let width = spec.width.min(MAX_PRECISION) as usize;
    let padding = width.saturating_sub(sign.len() + body.len);
    let zeros = spec.zero && !spec.left && x.is_finite();
    let pad = |b: u8, put: &mut dyn FnMut(&[u8])| {
        let text = [b; MAX_PRECISION as usize];
        put(text.get(..padding).unwrap_or(&text));
    };
    if padding > 0 && !spec.left && !zeros {
        pad(b' ', put);
    }
    put(sign);
    if padding > 0 && zeros {
        pad(b'0', put);
    }
    put(body.as_bytes());
    if padding > 0 && spec.left {
        pad(b' ', put);
    }
}

/// Significant digits of a finite `magnitude` and its decimal exponent.
struct Decimal {
    digits: Text<128>,
    exponent: i32,
}

const POWERS_OF_TEN: [u128; 23] = {
    let mut powers = [1; 23];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// `magnitude * 10^places`, rounded exactly (ties to even), if all of it can be
/// done in 128 bits and the result has 64.
fn scaled(magnitude: f64, places: u32) -> Option<u64> {
    // 53 bits of mantissa and 74 of 10^22 fit.
    if places > 22 {
        return None;
    }
    let bits = magnitude.to_bits();
    let biased = (bits >> 52) as i32;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = if biased == 0 {
        (fraction, -1074)
    } else {
        (fraction | 1 << 52, biased - 1075)
    };
    let product = mantissa as u128 * POWERS_OF_TEN.get(places as usize)?;
    if exponent >= 0 {
        let shifted = product.checked_shl(exponent as u32)?;
        return if shifted >> exponent == product {
            u64::try_from(shifted).ok()
        } else {
            None
        };
    }
    let shift = exponent.unsigned_abs();
    if shift > 127 {
        // Less than half of the last place: product < 2^127.
        return Some(0);
    }
    let whole = product >> shift;
    let rest = product & ((1 << shift) - 1);
    let half = 1u128 << (shift - 1);
    let up = rest > half || (rest == half && whole & 1 == 1);
    u64::try_from(whole + up as u128).ok()
}

/// The digits of `n`, at least `least` of them, at the end of `room`.
fn digits_of(mut n: u64, least: usize, room: &mut [u8; 20]) -> &[u8] {
    *room = [b'0'; 20];
    let mut first = room.len();
    while n >= 10 {
        // Two at a time: a division takes its time.
        let two = (n % 100) as u8;
        n /= 100;
        first -= 2;
        room[first] = b'0' + two / 10;
        room[first + 1] = b'0' + two % 10;
    }
    if n != 0 {
        first -= 1;
        room[first] = b'0' + n as u8;
    }
    &room[first.min(room.len() - least.min(room.len()))..]
}

/// Appends the digits of `n`, at least `least` of them.
fn push_digits<const N: usize>(n: u64, least: usize, text: &mut Text<N>) {
    text.extend(digits_of(n, least, &mut [0; 20]));
}

/// `%.<precision>f`
fn fixed<const N: usize>(magnitude: f64, precision: usize, body: &mut Text<N>) {
    match scaled(magnitude, precision as u32) {
        Some(n) if precision <= 18 => {
            let unit = 10u64.pow(precision as u32);
            push_digits(n / unit, 1, body);
            if precision > 0 {
                body.push(b'.');
                push_digits(n % unit, precision, body);
            }
        }
        // Cannot fail: 309 digits, a point and 99 digits fit.
        _ => {
            let _ = write!(body, "{magnitude:.precision$}");
        }
    }
}

/// The same as [`decimal`], the digits as a number, where 128 bits are enough: most numbers
/// that programs print.
fn decimal_fast(magnitude: f64, count: usize) -> Option<(u64, i32)> {
    if count > 18 || magnitude == 0.0 {
        return None;
    }
    // The binary exponent tells the decimal one, give or take one.
    let binary = (magnitude.to_bits() >> 52) as i32 - 1023;
    let mut exponent = (binary * 1233) >> 12;
    for _ in 0..3 {
        let places = u32::try_from(count as i32 - 1 - exponent).ok()?;
        let n = scaled(magnitude, places)?;
        if n < 10u64.pow(count as u32 - 1) {
            exponent -= 1;
        } else if n >= 10u64.pow(count as u32) {
            exponent += 1;
        } else {
            return Some((n, exponent));
        }
    }
    None
}

/// `count` (1 to 100) significant digits, correctly rounded.
fn decimal(magnitude: f64, count: usize) -> Decimal {
    let mut text = Text::<128>::new();
    let after_point = count - 1;
    // Cannot fail: at most 100 digits, a point and an exponent fit.
    let _ = write!(text, "{magnitude:.after_point$e}");
    let mut result = Decimal {
        digits: Text::new(),
        exponent: 0,
    };
    let mut bytes = text.as_bytes().iter();
    for &b in bytes.by_ref() {
        match b {
            b'e' => break,
            b'.' => {}
            digit => result.digits.push(digit),
        }
    }
    let mut negative = false;
    for &b in bytes {
        match b {
            b'-' => negative = true,
            digit => result.exponent = result.exponent * 10 + (digit - b'0') as i32,
        }
    }
    if negative {
        result.exponent = -result.exponent;
    }
    result
}

/// Gives `f` the digits and the exponent of [`decimal`].
fn with_decimal(magnitude: f64, count: usize, f: impl FnOnce(&[u8], i32)) {
    if let Some((n, exponent)) = decimal_fast(magnitude, count) {
        f(digits_of(n, count, &mut [0; 20]), exponent);
    } else {
        let value = decimal(magnitude, count);
        f(value.digits.as_bytes(), value.exponent);
    }
}

fn push_exponent<const N: usize>(exponent: i32, letter: u8, body: &mut Text<N>) {
    body.push(letter);
    body.push(if exponent < 0 { b'-' } else { b'+' });
    let n = exponent.unsigned_abs();
    if n >= 100 {
        body.push(b'0' + (n / 100 % 10) as u8);
    }
    body.push(b'0' + (n / 10 % 10) as u8);
    body.push(b'0' + (n % 10) as u8);
}

/// `%.<precision>e`
fn scientific<const N: usize>(
    magnitude: f64,
    precision: usize,
    alternate: bool,
    letter: u8,
    body: &mut Text<N>,
) {
    with_decimal(magnitude, precision + 1, |digits, exponent| {
        push_pointed(digits, 1, alternate, body);
        push_exponent(exponent, letter, body);
    });
}

/// `%.<precision>g`, `precision` at least 1.
fn general<const N: usize>(
    magnitude: f64,
    precision: usize,
    alternate: bool,
    letter: u8,
    body: &mut Text<N>,
) {
    with_decimal(magnitude, precision, |digits, exponent| {
        let mut digits = digits;
        if !alternate {
            while digits.len() > 1 && digits.last() == Some(&b'0') {
                digits = &digits[..digits.len() - 1];
            }
        }
        if exponent < -4 || exponent >= precision as i32 {
            push_pointed(digits, 1, alternate, body);
            push_exponent(exponent, letter, body);
        } else if exponent < 0 {
            body.extend(b"0.");
            body.fill(b'0', (-exponent - 1) as usize);
            body.extend(digits);
        } else {
            push_pointed(digits, exponent as usize + 1, alternate, body);
        }
    });
}

/// Digits with a point after the first `whole` ones; zeros where digits lack.
fn push_pointed<const N: usize>(digits: &[u8], whole: usize, alternate: bool, body: &mut Text<N>) {
    let before = whole.min(digits.len());
    body.extend(&digits[..before]);
    body.fill(b'0', whole - before);
    if digits.len() > before || alternate {
        body.push(b'.');
    }
    body.extend(&digits[before..]);
}

/// Reads a number as Lua 5.1 does: white space around it, a sign, decimal,
/// hexadecimal (fractions and binary exponents included), or `inf` and `nan` in
/// C's forms. As with a C string, the text ends at the first NUL.
pub fn parse_number(text: &[u8]) -> Option<f64> {
    let end = text.iter().position(|&b| b == 0).unwrap_or(text.len());
    let text = trim(&text[..end]);
    let (negative, digits) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    let magnitude = match digits.first()? {
        b'0' if matches!(digits.get(1), Some(b'x' | b'X')) => parse_hexadecimal(&digits[2..])?,
        b'0'..=b'9' | b'.' => parse_decimal(digits)?,
        _ => parse_word(digits)?,
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn trim(mut text: &[u8]) -> &[u8] {
    let is_space = |b: u8| b == b' ' || (9..=13).contains(&b);
    while let Some((&first, rest)) = text.split_first()
        && is_space(first)
    {
        text = rest;
    }
    while let Some((&last, rest)) = text.split_last()
        && is_space(last)
    {
        text = rest;
    }
    text
}

/// Splits the longest prefix of bytes that satisfy `belongs`.
fn take(text: &[u8], belongs: fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let n = text.iter().position(|b| !belongs(b)).unwrap_or(text.len());
    text.split_at(n)
}

fn parse_decimal(text: &[u8]) -> Option<f64> {
    let (whole, rest) = take(text, u8::is_ascii_digit);
    if rest.is_empty() && whole.len() <= 15 {
        // Below 10^15: exact in 64 bits and as a double.
        let n = whole.iter().fold(0u64, |n, b| n * 10 + (b - b'0') as u64);
        return Some(n as f64);
    }
    let (fraction, rest) = match rest.split_first() {
        Some((b'.', rest)) => take(rest, u8::is_ascii_digit),
        _ => (&rest[..0], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    if !rest.is_empty() {
        parse_exponent(rest, b'e')?;
    }
    core::str::from_utf8(text).ok()?.parse().ok()
}

/// `letter`, a sign, digits, and nothing behind; very large ones saturate.
fn parse_exponent(text: &[u8], letter: u8) -> Option<i64> {
    let (first, rest) = text.split_first()?;
    if first.to_ascii_lowercase() != letter {
        return None;
    }
    let (negative, digits) = match rest.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, rest),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let n = digits.iter().fold(0i64, |n, b| {
        n.saturating_mul(10)
            .saturating_add((b - b'0') as i64)
            .min(1 << 40)
    });
    Some(if negative { -n } else { n })
}

fn parse_hexadecimal(text: &[u8]) -> Option<f64> {
    let (whole, rest) = take(text, u8::is_ascii_hexdigit);
    let (fraction, rest) = match rest.split_first() {
        Some((b'.', rest)) => take(rest, u8::is_ascii_hexdigit),
        _ => (&rest[..0], rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut exponent = if rest.is_empty() {
        0
    } else {
        parse_exponent(rest, b'p')?
    };
    let mut mantissa = 0u64;
    for (digits, in_fraction) in [(whole, false), (fraction, true)] {
        for &b in digits {
            let digit = (b as char).to_digit(16)? as u64;
            if mantissa >> 58 == 0 {
                mantissa = mantissa << 4 | digit;
                exponent -= if in_fraction { 4 } else { 0 };
            } else {
                // Beyond 59 bits only "something follows" counts for rounding.
                mantissa |= (digit != 0) as u64;
                exponent += if in_fraction { 0 } else { 4 };
            }
        }
    }
    Some(scale(mantissa, exponent))
}

/// `mantissa * 2^exponent`, rounded once, to nearest, ties to even.
fn scale(mantissa: u64, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let shift = mantissa.leading_zeros();
    let normal = mantissa << shift;
    // The value is `normal / 2^63 * 2^power`.
    let power = exponent - shift as i64 + 63;
    if power > 1023 {
        return f64::INFINITY;
    }
    // Bits kept: 53, or fewer for a subnormal number.
    let kept = if power >= -1022 {
        53
    } else {
        53 + power + 1022
    };
    if kept < 0 {
        return 0.0;
    }
    let dropped = 64 - kept as u32;
    let (quotient, rest) = if dropped == 64 {
        (0, normal)
    } else {
        (normal >> dropped, normal & ((1 << dropped) - 1))
    };
    let half = 1u64 << (dropped - 1);
    let round_up = rest > half || (rest == half && quotient & 1 == 1);
    let rounded = quotient + round_up as u64;
    // For a normal number the hidden bit adds one to the exponent field; a
    // carry out of the mantissa does so too, up to infinity.
    let field = if power >= -1022 {
        (power + 1022) as u64
    } else {
        0
    };
    f64::from_bits((field << 52) + rounded)
}

/// `inf`, `infinity`, `nan` or `nan(letters)`.
fn parse_word(text: &[u8]) -> Option<f64> {
    if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
        return Some(f64::INFINITY);
    }
    let (head, tail) = text.split_at_checked(3)?;
    let is_nan = head.eq_ignore_ascii_case(b"nan");
    let tail_ok = match tail {
        [] => true,
        [b'(', letters @ .., b')'] => letters
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || *b == b'_'),
        _ => false,
    };
    if is_nan && tail_ok {
        Some(f64::NAN)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
