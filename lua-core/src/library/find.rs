//! `string.find`, `match`, `gmatch`: where patterns occur.
//!
//! Results are made before any is put in its place, since they overwrite the
//! arguments: so running out of memory comes before any change.

use super::pattern::{Captured, Matcher};
use super::pattern_code::{compile, is_plain, split_anchor};
use super::search::find_bytes;
use super::string::BYTES_PER_TICK;
use crate::error::Raise;
use crate::heap::{NoMemory, Rt, StrRef};
use crate::native::{Call, Results, Special};
use crate::value::Value;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("string", &[("find", find), ("match", match_)])?;
    let t = rt.library_table("string")?;
    let gmatch = rt.register_one(t, "gmatch", gmatch, Special::No)?;
    // The name of 5.0, which the reference keeps.
    rt.set_member(t, "gfind", crate::heap::NativeRef(gmatch).value())
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
    search(call, subject, pattern, start, true)
}

fn match_(call: &mut Call) -> Result<Results, Raise> {
    let s = call.check_string(0)?;
    let p = call.check_string(1)?;
    let rt = call.rt();
    let (subject, pattern) = (rt.str_bytes(s), rt.str_bytes(p));
    let start = start(call, subject.len())?;
    search(call, subject, pattern, start, false)
}

/// Searches with a pattern; gives the place if `places`, and the captures.
fn search(
    call: &mut Call,
    subject: &[u8],
    pattern: &[u8],
    start: usize,
    places: bool,
) -> Result<Results, Raise> {
    let rt = call.rt();
    let (anchored, pattern) = split_anchor(pattern);
    let code = compile(rt, pattern)?;
    let mut matcher = Matcher::new(rt, code.items(), subject);
    let found = if anchored {
        matcher.match_at(start)?.map(|end| (start, end))
    } else {
        matcher.find(start)?
    };
    let Some((at, end)) = found else {
        return call.ret(Value::NIL);
    };
    let mut values: Captured = [Value::NIL; _];
    let n = matcher.values((at, end), !places, &mut values)?;
    call.reserve(n as u32 + 2)?;
    let mut first = 0;
    if places {
        call.put(0, Value::number((at + 1) as f64));
        call.put(1, Value::number(end as f64));
        first = 2;
    }
    for (i, v) in values.iter().enumerate().take(n) {
        call.put(first + i as u32, *v);
    }
    call.results(first + n as u32)
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
    let code = compile(rt, rt.str_bytes(p))?;
    let words = code.items();
    // SAFETY: the words are initialized memory, and bytes may be read from any.
    let bytes =
        unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), size_of_val(words)) };
    let code = rt.intern(bytes)?;
    let upvalues = [s.value(), code.value(), Value::number(0.0)];
    let iterator = rt.new_native(step, 0, 0, rt.globals().0, &upvalues)?;
    call.ret(iterator.value())
}

/// The iterator that `gmatch` makes.
fn step(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let upvalue = |i| StrRef::from_value(call.upvalue(i)).map_or(&[][..], |s| rt.str_bytes(s));
    let (subject, code) = (upvalue(SUBJECT), upvalue(CODE));
    // SAFETY: any bits are words; what isn't aligned is left out, and the bytes of
    // strings are aligned, so nothing is. They were words in `gmatch`.
    let (before, code, _) = unsafe { code.align_to::<u64>() };
    debug_assert!(before.is_empty());
    let start = call.upvalue(NEXT).as_f64() as usize;
    let mut matcher = Matcher::new(rt, code, subject);
    let Some((at, end)) = matcher.find(start)? else {
        return call.ret0();
    };
    let mut values: Captured = [Value::NIL; _];
    let n = matcher.values((at, end), true, &mut values)?;
    call.reserve(n as u32)?;
    let next = if end == at { end + 1 } else { end };
    call.set_upvalue(NEXT, Value::number(next as f64));
    for (i, v) in values.iter().enumerate().take(n) {
        call.put(i as u32, *v);
    }
    call.results(n as u32)
}
