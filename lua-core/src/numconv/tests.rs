//! Tests of the number conversions: known cases, and agreement with the C
//! library on many values.

use super::*;
use std::string::{String, ToString};
use std::vec::Vec;

fn shown(x: f64) -> String {
    let mut out = [0u8; 32];
    let len = format_number(x, &mut out);
    String::from_utf8_lossy(&out[..len]).to_string()
}

#[test]
fn numbers_print_as_in_lua() {
    let cases: &[(f64, &str)] = &[
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-17.0, "-17"),
        (99999999999999.0, "99999999999999"),
        (1e14, "1e+14"),
        (123456789012345.0, "1.2345678901234e+14"),
        (0.1, "0.1"),
        (1.0 / 3.0, "0.33333333333333"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (1e100, "1e+100"),
        (1.5e300, "1.5e+300"),
        (5e-324, "4.9406564584125e-324"),
        (f64::MAX, "1.7976931348623e+308"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
        (-f64::NAN, "-nan"),
        (99999999999999.5, "1e+14"),
    ];
    for &(x, text) in cases {
        assert_eq!(shown(x), text);
    }
}

#[test]
fn texts_read_as_in_lua() {
    let cases: &[(&[u8], Option<f64>)] = &[
        (b"0", Some(0.0)),
        (b" \t12\x0b\x0c", Some(12.0)),
        (b"-1.5e3", Some(-1500.0)),
        (b"+.5", Some(0.5)),
        (b"5.", Some(5.0)),
        (b".", None),
        (b"", None),
        (b" ", None),
        (b"-", None),
        (b"--1", None),
        (b"1e", None),
        (b"1e+", None),
        (b"1 2", None),
        (b"1\0junk", Some(1.0)),
        (b"0x", None),
        (b"0x10", Some(16.0)),
        (b"-0XfF", Some(-255.0)),
        (b"0x.8", Some(0.5)),
        (b"0x1p4", Some(16.0)),
        (b"0x1p", None),
        (b"0x1P-1080", Some(0.0)),
        (b"0x1p-1074", Some(5e-324)),
        (b"0x1.8p-1075", Some(5e-324)),
        (b"0x1p-1075", Some(0.0)),
        (b"0x1.fffffffffffff8p1023", Some(f64::INFINITY)),
        (b"0x1.fffffffffffff7p1023", Some(f64::MAX)),
        (b"0x20000000000001", Some(9007199254740992.0)),
        (b"0x20000000000003", Some(9007199254740996.0)),
        (
            b"0x2000000000000100000000000000001",
            Some(2.6584559915698323e36),
        ),
        (b"0x1p99999999999999999999", Some(f64::INFINITY)),
        (b"1e400", Some(f64::INFINITY)),
        (b"inf", Some(f64::INFINITY)),
        (b"-Infinity", Some(f64::NEG_INFINITY)),
        (b"infinit", None),
        (b"nan(", None),
        (b"nanx", None),
        (b"1_0", None),
        (b"12345678901234567890", Some(12345678901234567890.0)),
        (b"\xff", None),
    ];
    for &(text, x) in cases {
        assert_eq!(parse_number(text), x, "{}", text.escape_ascii());
    }
    assert!(parse_number(b"nan").is_some_and(|x| x.is_nan() && x.is_sign_positive()));
    assert!(parse_number(b"-nan(ab_1)").is_some_and(|x| x.is_nan() && x.is_sign_negative()));
}

/// Doubles of all magnitudes, and many with short decimal forms.
fn samples(count: usize) -> Vec<f64> {
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count)
        .map(|i| match i % 4 {
            0 => f64::from_bits(next()),
            1 => (next() % 2_000_000) as f64 / 1000.0 - 1000.0,
            // Ties at many precisions.
            2 => (next() % 4096) as f64 / 64.0 * 10f64.powi((next() % 20) as i32),
            _ => next() as i64 as f64 / (1u64 << (next() % 64)) as f64,
        })
        .collect()
}

#[cfg(all(target_os = "linux", not(miri)))]
unsafe extern "C" {
    fn snprintf(out: *mut u8, size: usize, format: *const u8, ...) -> i32;
    fn strtod(text: *const u8, end: *mut *mut u8) -> f64;
}

#[cfg(all(target_os = "linux", not(miri)))]
fn c_text(format: &str, x: f64) -> Vec<u8> {
    let mut out = std::vec![0u8; 1024];
    let format = std::format!("{format}\0");
    // SAFETY: the format is one conversion of a double, NUL-terminated, and
    // `out` has the length given.
    let n = unsafe { snprintf(out.as_mut_ptr(), out.len(), format.as_ptr(), x) };
    out.truncate(n as usize);
    out
}

#[test]
#[cfg(all(target_os = "linux", not(miri)))]
fn every_conversion_agrees_with_c() {
    let mut out = Vec::new();
    for (i, x) in samples(100_000).into_iter().enumerate() {
        let reference = c_text("%.14g", x);
        assert_eq!(shown(x).as_bytes(), reference, "{x:e}");
        let spec = FloatSpec {
            conversion: b"eEfgG"[i % 5],
            precision: if i % 7 == 0 {
                None
            } else {
                Some((i / 5 % 100) as u8)
            },
            width: if i % 3 == 0 { 0 } else { (i / 11 % 100) as u8 },
            left: i % 2 == 1,
            plus: i / 2 % 4 == 1,
            space: i / 2 % 4 == 2,
            alternate: i / 3 % 4 == 1,
            zero: i / 5 % 3 == 1,
        };
        let mut format = String::from("%");
        for (on, flag) in [
            (spec.left, '-'),
            (spec.plus, '+'),
            (spec.space, ' '),
            (spec.alternate, '#'),
            (spec.zero, '0'),
        ] {
            if on {
                format.push(flag);
            }
        }
        if spec.width > 0 {
            format += &spec.width.to_string();
        }
        if let Some(precision) = spec.precision {
            format += &std::format!(".{precision}");
        }
        format.push(spec.conversion as char);
        out.clear();
        format_float(&spec, x, &mut |piece| out.extend_from_slice(piece));
        let reference = c_text(&format, x);
        assert_eq!(
            out.escape_ascii().to_string(),
            reference.escape_ascii().to_string(),
            "{format} of {x:e}"
        );
    }
}

#[test]
#[cfg(all(target_os = "linux", not(miri)))]
fn reading_agrees_with_c() {
    for (i, x) in samples(50_000).into_iter().enumerate() {
        if !x.is_finite() {
            continue;
        }
        let format = ["%.17g", "%.3e", "%a", "%.25e", "%.5a"][i % 5];
        let mut text = c_text(format, x);
        let ours = parse_number(&text);
        text.push(0);
        // SAFETY: `text` is NUL-terminated; the end isn't asked for.
        let theirs = unsafe { strtod(text.as_ptr(), core::ptr::null_mut()) };
        assert_eq!(
            ours.map(f64::to_bits),
            Some(theirs.to_bits()),
            "{}",
            text.escape_ascii()
        );
    }
}
