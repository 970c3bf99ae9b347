//! `string.gsub`.
//!
//! Its replacements may run Lua code, so after the first one the call can't be
//! repeated from its start: whatever lacks memory later is repeated on its own
//! (`Call::surely`). What must live across such a point lies on the stack: subject,
//! pattern and replacement as arguments, the replaced text's value behind them.

use super::builder::Builder;
use super::pattern::{CaptureText, Captured, MAX_CAPTURES, Matcher};
use super::pattern_code::{CACHE, cached, words};
use super::string::BYTES_PER_TICK;
use crate::error::{Raise, Text};
use crate::heap::{NoMemory, Rt, StrRef, TableRef};
use crate::native::{Call, Results};
use crate::state::Event;
use crate::value::{Type, Value};

/// Longest chain of tables through `__index`.
const CHAIN_MAX: u32 = 100;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    let name = rt.intern(b"gsub")?;
    let f = rt.new_native(gsub, 0, name.0, rt.globals().0, &CACHE)?;
    rt.raw_set_str(rt.library_table("string")?, name, f.value())
}

/// What matches are replaced with.
#[derive(Clone, Copy)]
enum Replacement<'a> {
    /// Text without `%`.
    Plain(&'a [u8]),
    /// Text with captures.
    Template(&'a [u8]),
    Table(TableRef),
    Function(Value),
}

fn gsub(call: &mut Call) -> Result<Results, Raise> {
    let s = call.check_string(0)?;
    let p = call.check_string(1)?;
    let rt = call.rt();
    let subject = rt.str_bytes(s);
    let most = call.opt_int(3, i32::try_from(subject.len() + 1).unwrap_or(i32::MAX))?;
    let replacement = match call.arg(2) {
        v if v.is_number() || StrRef::from_value(v).is_some() => {
            let text = call.check_string(2)?;
            let text = rt.str_bytes(text);
            if text.contains(&b'%') {
                Replacement::Template(text)
            } else {
                Replacement::Plain(text)
            }
        }
        v if v.is_function() => Replacement::Function(v),
        v => match TableRef::from_value(v) {
            Some(t) => Replacement::Table(t),
            None => return Err(call.bad_argument(2, b"string/function/table expected")),
        },
    };
    let (anchored, code) = cached(call, p)?;
    let mut matcher = Matcher::new(rt, words(rt, code), subject);
    // A replacement may push the code out of the cache.
    call.push(code.value())?;
    // Where values of replacements are kept alive.
    let kept = call.push(Value::NIL)?;
    let mut out = Builder::new(rt);
    // The subject up to here is in `out`.
    let mut copied = 0;
    let mut at = 0;
    let mut n = 0;
    while n < most {
        let found = call.surely(|_| {
            if anchored {
                Ok(matcher.match_at(at)?.map(|end| (at, end)))
            } else {
                matcher.find(at)
            }
        })?;
        let Some((start, end)) = found else {
            break;
        };
        n += 1;
        let before = subject.get(copied..start).unwrap_or(&[]);
        call.surely(|_| Ok(out.push(before)?))?;
        copied = end;
        replace(call, &matcher, (start, end), replacement, kept, &mut out)?;
        if end > start {
            at = end;
        } else if end < subject.len() {
            // The byte behind an empty match stays; it is copied with what follows.
            at = end + 1;
        } else {
            break;
        }
        if anchored {
            break;
        }
    }
    if n == 0 {
        call.put(1, Value::number(0.0));
        call.put(0, s.value());
        return call.results(2);
    }
    let rest = subject.get(copied..).unwrap_or(&[]);
    call.surely(|_| Ok(out.push(rest)?))?;
    let result = call.surely(|_| Ok(out.finish()?))?;
    call.charge((subject.len() + out.bytes().len()) as u64 / BYTES_PER_TICK);
    call.put(0, result.value());
    call.put(1, Value::number(n as f64));
    call.results(2)
}

/// Appends the replacement of the match.
fn replace(
    call: &mut Call,
    matcher: &Matcher<'_>,
    (start, end): (usize, usize),
    replacement: Replacement<'_>,
    kept: u32,
    out: &mut Builder,
) -> Result<(), Raise> {
    let rt = call.rt();
    let v = match replacement {
        Replacement::Plain(text) => return call.surely(|_| Ok(out.push(text)?)),
        Replacement::Template(text) => {
            return expand(call, matcher, (start, end), text, out);
        }
        Replacement::Table(t) => {
            let key = call.surely(|_| matcher.value(0, start, end))?;
            match rt.raw_get(t, key) {
                v if v.is_nil() && rt.metatable_of(t.value()) != 0 => {
                    call.set_arg(kept, key);
                    index(call, t.value(), kept)?
                }
                v => v,
            }
        }
        Replacement::Function(f) => {
            // With this room, the call can't fail before it begins.
            call.surely(|call| call.reserve(MAX_CAPTURES as u32 + 8))?;
            let mut args = Captured::new(rt);
            call.surely(|_| matcher.values((start, end), true, &mut args))?;
            let n = call.call(f, args.items())?;
            call.call_result(0, n)
        }
    };
    let mut digits = [0; 32];
    let text = if v.is_falsy() {
        matcher.text(start, end)
    } else if v.is_number() {
        rt.text_of(v, &mut digits)
    } else if let Some(s) = StrRef::from_value(v) {
        call.set_arg(kept, v);
        rt.str_bytes(s)
    } else {
        let mut text = Text::new();
        text.push(b"invalid replacement value (a ");
        text.push(v.type_of().name().as_bytes());
        text.push(b")");
        return call.surely(|_| Err(rt.raise_text(text.bytes())));
    };
    call.surely(|_| Ok(out.push(text)?))
}

/// Appends a text in which `%0` to `%9` stand for captures.
fn expand(
    call: &mut Call,
    matcher: &Matcher<'_>,
    (start, end): (usize, usize),
    text: &[u8],
    out: &mut Builder,
) -> Result<(), Raise> {
    let rt = call.rt();
    let mut rest = text;
    loop {
        let n = rest.iter().position(|&b| b == b'%').unwrap_or(rest.len());
        let (plain, escaped) = rest.split_at(n);
        call.surely(|_| Ok(out.push(plain)?))?;
        let (letter, behind) = match escaped {
            [] => return Ok(()),
            // The reference reads the NUL behind the text.
            [_] => (0, &[][..]),
            [_, letter, behind @ ..] => (*letter, behind),
        };
        rest = behind;
        call.surely(|_| match letter {
            b'0' => Ok(out.push(matcher.text(start, end))?),
            b'1'..=b'9' => match matcher.capture((letter - b'1') as usize, start, end)? {
                CaptureText::Text(text) => Ok(out.push(text)?),
                CaptureText::Position(i) => {
                    let mut digits = [0; 32];
                    Ok(out.push(rt.text_of(Value::number(i as f64), &mut digits))?)
                }
            },
            other => Ok(out.push_byte(other)?),
        })?;
    }
}

/// `object[key]` with metamethods; the key is the value at `kept`.
pub(super) fn index(call: &mut Call, object: Value, kept: u32) -> Result<Value, Raise> {
    let rt = call.rt();
    let mut object = object;
    for _ in 0..CHAIN_MAX {
        if let Some(t) = TableRef::from_value(object) {
            let v = rt.raw_get(t, call.arg(kept));
            if !v.is_nil() {
                return Ok(v);
            }
        }
        let handler = rt.event_handler(rt.metatable_of(object), Event::Index);
        match handler.type_of() {
            Type::Nil if object.type_of() == Type::Table => return Ok(Value::NIL),
            Type::Nil => return call.surely(|_| Err(rt.type_error("index", object, None))),
            Type::Function => {
                call.surely(|call| call.reserve(8))?;
                let key = call.arg(kept);
                let n = call.call(handler, &[object, key])?;
                return Ok(call.call_result(0, n));
            }
            _ => object = handler,
        }
    }
    call.surely(|_| Err(rt.raise_runtime(b"loop in gettable")))
}
