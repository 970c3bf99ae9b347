//! `string.find`, `match`, `gmatch`: where patterns occur.
//!
//! Results are made before any is put in its place, since they overwrite the
//! arguments: so running out of memory comes before any change.

use super::pattern::{Captured, Matcher};
use super::pattern_code::{CACHE, cached, compile, is_plain, words};
use super::search::find_bytes;
use super::string::BYTES_PER_TICK;
use crate::error::Raise;
use crate::heap::{NoMemory, Rt, StrRef};
use crate::native::{Call, NativeFn, Results};
use crate::value::Value;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    let t = rt.library_table("string")?;
    for (name, f) in [
        ("find", find as NativeFn),
        ("match", match_),
        ("gmatch", gmatch),
    ] {
        let key = rt.intern(name.as_bytes())?;
        let f = rt.new_native(f, 0, key.0, rt.globals().0, &CACHE)?;
        rt.raw_set_str(t, key, f.value())?;
    }
    let gmatch = rt.raw_get_str(t, rt.intern(b"gmatch")?);
    // The name of 5.0, which the reference keeps.
    rt.set_member(t, "gfind", gmatch)
}

/// Where to start, from 0, as argument 2 says.
fn start(call: &Call, len: usize) -> Result<usize, Raise> {
    let i = call.opt_integer(2, 1)?;
    let first = if i >= 0 {
        i
    } else {
        i.saturating_add(len as i64 + 1).max(0)
    };
    Ok(first.saturating_sub(1).clamp(0, len as i64) as usize)
}

fn find(call: &mut Call) -> Result<Results, Raise> {
    let s = call.check_string(0)?;
    let p = call.check_string(1)?;
    let rt = call.rt();
    let (subject, pattern) = (rt.str_bytes(s), rt.str_bytes(p));
    let start = start(call, subject.len())?;
    if !call.arg(3).is_falsy() || is_plain(pattern) {
        let mut work = 0;
        let found = find_bytes(subject, start, pattern, &mut work);
        call.charge(work / BYTES_PER_TICK);
        let Some(at) = found else {
            return call.ret(Value::NIL);
        };
        call.put(0, Value::number((at + 1) as f64));
        call.put(1, Value::number((at + pattern.len()) as f64));
        return call.results(2);
    }
    search(call, subject, p, start, true)
}

fn match_(call: &mut Call) -> Result<Results, Raise> {
    let s = call.check_string(0)?;
    let p = call.check_string(1)?;
    let rt = call.rt();
    let subject = rt.str_bytes(s);
    let start = start(call, subject.len())?;
    search(call, subject, p, start, false)
}

/// Searches with a pattern; gives the place if `places`, and the captures.
fn search(
    call: &mut Call,
    subject: &[u8],
    pattern: StrRef,
    start: usize,
    places: bool,
) -> Result<Results, Raise> {
    let rt = call.rt();
    let (anchored, code) = cached(call, pattern)?;
    let mut matcher = Matcher::new(rt, words(rt, code), subject);
    let found = if anchored {
        matcher.match_at(start)?.map(|end| (start, end))
    } else {
        matcher.find(start)?
    };
    let Some((at, end)) = found else {
        return call.ret(Value::NIL);
    };
    let mut values = Captured::new(rt);
    matcher.values((at, end), !places, &mut values)?;
    let n = values.items().len() as u32;
    call.reserve(n + 2)?;
    let mut first = 0;
    if places {
        call.put(0, Value::number((at + 1) as f64));
        call.put(1, Value::number(end as f64));
        first = 2;
    }
    for (i, v) in values.items().iter().enumerate() {
        call.put(first + i as u32, *v);
    }
    call.results(first + n)
}

// ---- gmatch

/// Upvalues of the iterator.
const SUBJECT: u32 = 0;
/// The compiled pattern: its words, as a string.
const CODE: u32 = 1;
/// Where to look next.
const NEXT: u32 = 2;

fn gmatch(call: &mut Call) -> Result<Results, Raise> {
    let s = call.check_string(0)?;
    let p = call.check_string(1)?;
    let rt = call.rt();
    // A `^` stands for itself here, unlike in what the cache holds.
    let code = match rt.str_bytes(p) {
        pattern @ [b'^', ..] => compile(rt, pattern)?,
        _ => cached(call, p)?.1,
    };
    let upvalues = [s.value(), code.value(), Value::number(0.0)];
    let iterator = rt.new_native(step, 0, 0, rt.globals().0, &upvalues)?;
    call.ret(iterator.value())
}

/// The iterator that `gmatch` makes.
fn step(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let upvalue = |i| StrRef::from_value(call.upvalue(i)).unwrap_or(rt.empty_string());
    let (subject, code) = (rt.str_bytes(upvalue(SUBJECT)), words(rt, upvalue(CODE)));
    let start = call.upvalue(NEXT).as_f64() as usize;
    let mut matcher = Matcher::new(rt, code, subject);
    let Some((at, end)) = matcher.find(start)? else {
        return call.ret0();
    };
    let mut values = Captured::new(rt);
    matcher.values((at, end), true, &mut values)?;
    let n = values.items().len() as u32;
    call.reserve(n)?;
    let next = if end == at { end + 1 } else { end };
    call.set_upvalue(NEXT, Value::number(next as f64));
    for (i, v) in values.items().iter().enumerate() {
        call.put(i as u32, *v);
    }
    call.results(n)
}
