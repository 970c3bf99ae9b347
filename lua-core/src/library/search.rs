//! Finding bytes and strings in strings, many positions at a time.
//!
//! Called by `string.find` for plain text and by the matcher for the byte that
//! a match must start with. Never reads outside the slices.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

#[inline(always)]
fn word(s: &[u8], at: usize) -> Option<u64> {
    let bytes = s.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}

/// The lowest byte that is zero is marked by bit 7; higher ones may be marked wrongly.
#[inline(always)]
fn zeros(w: u64) -> u64 {
    w.wrapping_sub(LOW) & !w & HIGH
}

/// Positions looked at together; the compiler makes vector instructions of the
/// comparison where the target has them.
const BLOCK: usize = 32;

/// The block of `s` that starts at `at`.
#[inline(always)]
fn block(s: &[u8], at: usize) -> Option<&[u8; BLOCK]> {
    s.get(at..at.checked_add(BLOCK)?)?.try_into().ok()
}

/// Where `b` occurs first from `start` on.
#[inline]
pub(super) fn find_byte(s: &[u8], start: usize, b: u8) -> Option<usize> {
    let splat = LOW.wrapping_mul(b as u64);
    let mut at = start;
    // Most are found soon.
    if let Some(w) = word(s, at) {
        let found = zeros(w ^ splat);
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    while let Some(block) = block(s, at)
        && !block.iter().fold(false, |any, &x| any | (x == b))
    {
        at += BLOCK;
    }
    while let Some(w) = word(s, at) {
        let found = zeros(w ^ splat);
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = s.get(at..)?;
    rest.iter().position(|&x| x == b).map(|i| at + i)
}

/// Where `needle` occurs first from `start` on. `work` counts the bytes compared.
pub(super) fn find_bytes(s: &[u8], start: usize, needle: &[u8], work: &mut u64) -> Option<usize> {
    let (first, last) = match needle {
        [] => return (start <= s.len()).then_some(start),
        [b] => {
            let found = find_byte(s, start, *b);
            *work += (found.unwrap_or(s.len()).saturating_sub(start) / 8) as u64;
            return found;
        }
        [first, .., last] => (*first, *last),
    };
    let distance = needle.len() - 1;
    let end = s.len().checked_sub(distance)?;
    let (firsts, lasts) = (
        LOW.wrapping_mul(first as u64),
        LOW.wrapping_mul(last as u64),
    );
    let mut at = start;
    // Candidates have both the first byte and the last where they belong.
    loop {
        while let (Some(x), Some(y)) = (block(s, at), block(s, at + distance))
            && !(0..BLOCK).fold(false, |any, i| any | ((x[i] == first) & (y[i] == last)))
        {
            at += BLOCK;
            *work += 4;
        }
        let (Some(w), Some(v)) = (word(s, at), word(s, at + distance)) else {
            break;
        };
        let mut found = zeros((w ^ firsts) | (v ^ lasts));
        while found != 0 {
            let i = at + (found.trailing_zeros() / 8) as usize;
            *work += needle.len() as u64;
            if s.get(i..i + needle.len()) == Some(needle) {
                return Some(i);
            }
            found &= found - 1;
        }
        at += 8;
        *work += 1;
    }
    while at < end {
        *work += 1;
        if s.get(at) == Some(&first) && s.get(at..at + needle.len()) == Some(needle) {
            return Some(at);
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{find_byte, find_bytes};
    use std::vec::Vec;

    #[test]
    fn as_by_comparing_everywhere() {
        // All strings over two bytes that differ by one, where borrows between bytes show.
        for bits in 0..1u32 << 13 {
            let s: Vec<u8> = (0..13).map(|i| 0x80 - (bits >> i & 1) as u8).collect();
            for start in [0, 1, 9, 13, 14] {
                for b in [0x7F, 0x80, 0] {
                    let expected = (start..s.len()).find(|&i| s[i] == b);
                    assert_eq!(find_byte(&s, start, b), expected);
                }
                for needle in [
                    &b""[..],
                    b"\x7F",
                    b"\x80\x7F",
                    b"\x7F\x80\x80",
                    b"\x80\x80\x7F\x7F\x7F",
                ] {
                    let last = (s.len() + 1).saturating_sub(needle.len());
                    let expected = (start..last.max(start))
                        .find(|&i| s.get(i..i + needle.len()) == Some(needle));
                    let mut work = 0;
                    assert_eq!(
                        find_bytes(&s, start, needle, &mut work),
                        expected,
                        "{s:?} {needle:?}"
                    );
                }
            }
        }
    }
}
