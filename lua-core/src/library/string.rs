//! `string`, without patterns: positions, cases, bytes. `format` has its own file.

use super::Functions;
use super::builder::Builder;
use crate::error::Raise;
use crate::heap::{NoMemory, Rt};
use crate::native::{Call, Results};
use crate::value::{Type, Value};

const FUNCTIONS: &Functions = &[
    ("byte", byte),
    ("char", char_),
    ("format", super::format::format),
    ("len", len),
    ("lower", lower),
    ("rep", rep),
    ("reverse", reverse),
    ("sub", sub),
    ("upper", upper),
];

/// Bytes of work in a library function that cost one tick of fuel.
pub(super) const BYTES_PER_TICK: u64 = 64;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("string", FUNCTIONS)?;
    let library = rt.library_table("string")?;
    let meta = rt.new_table(rt.root_shape(0)?, 0)?;
    rt.set_member(meta, "__index", library.value())?;
    // SAFETY: plain field, a root.
    unsafe { (*rt.vm()).type_meta[Type::String as usize] = meta.0 };
    Ok(())
}

/// A position counted from the end if negative; before the start gives 0.
#[inline]
fn position(i: i64, len: i64) -> i64 {
    if i >= 0 {
        i
    } else {
        i.saturating_add(len + 1).max(0)
    }
}

fn len(call: &mut Call) -> Result<Results, Raise> {
    let s = call.check_string(0)?;
    let n = call.rt().str_len(s);
    call.ret(Value::number(n as f64))
}

fn sub(call: &mut Call) -> Result<Results, Raise> {
    let s = call.check_string(0)?;
    let rt = call.rt();
    let len = rt.str_len(s) as i64;
    let first = position(call.check_integer(1)?, len).max(1);
    let last = position(call.opt_integer(2, -1)?, len).min(len);
    if first == 1 && last == len {
        return call.ret(s.value());
    }
    let part = rt
        .str_bytes(s)
        .get(first as usize - 1..last.max(0) as usize)
        .unwrap_or(&[]);
    let r = rt.intern_short(part)?;
    call.ret(r.value())
}

fn byte(call: &mut Call) -> Result<Results, Raise> {
    let s = call.check_string(0)?;
    let bytes = call.rt().str_bytes(s);
    let len = bytes.len() as i64;
    let first = position(call.opt_integer(1, 1)?, len);
    let last = position(call.opt_integer(2, first)?, len).min(len);
    let first = first.max(1);
    if first > last {
        return call.ret0();
    }
    let part = bytes.get(first as usize - 1..last as usize).unwrap_or(&[]);
    if let [b] = part {
        return call.ret(Value::number(*b as f64));
    }
    if part.len() as i64 + call.count() as i64 > super::base::MAX_RESULTS {
        let message = b"stack overflow (string slice too long)";
        return Err(call.rt().raise_text(message));
    }
    call.reserve(part.len() as u32)?;
    for (i, &b) in part.iter().enumerate() {
        call.put(i as u32, Value::number(b as f64));
    }
    call.results(part.len() as u32)
}

fn char_(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let check = |i: u32| -> Result<u8, Raise> {
        let n = call.check_int(i)?;
        u8::try_from(n).map_err(|_| call.bad_argument(i, b"invalid value"))
    };
    if call.count() == 1 {
        let s = rt.byte_string(check(0)?);
        return call.ret(s.value());
    }
    let mut out = Builder::new(rt);
    for i in 0..call.count() {
        out.push_byte(check(i)?)?;
    }
    let s = out.finish()?;
    call.ret(s.value())
}

fn rep(call: &mut Call) -> Result<Results, Raise> {
    let s = call.check_string(0)?;
    let n = call.check_int(1)?;
    let rt = call.rt();
    let bytes = rt.str_bytes(s);
    if n <= 0 || bytes.is_empty() {
        return call.ret(rt.empty_string().value());
    }
    if n == 1 {
        return call.ret(s.value());
    }
    let total = bytes.len() as u64 * n as u64;
    if total > crate::heap::intern::MAX_STRING as u64 {
        return Err(Raise::NoMemory);
    }
    let mut out = Builder::new(rt);
    out.reserve(total as usize)?;
    out.push(bytes)?;
    let mut have = bytes.len() as u64;
    while have < total {
        let more = have.min(total - have);
        out.repeat_start(more as usize)?;
        have += more;
    }
    let r = out.finish()?;
    call.charge(total / BYTES_PER_TICK);
    call.ret(r.value())
}

/// A string of the same length, changed in place by `change`.
fn transform(call: &mut Call, change: impl FnOnce(&mut [u8])) -> Result<Results, Raise> {
    let s = call.check_string(0)?;
    let rt = call.rt();
    let bytes = rt.str_bytes(s);
    let mut out = Builder::new(rt);
    out.push(bytes)?;
    change(out.bytes_mut());
    let r = out.finish()?;
    call.charge(bytes.len() as u64 / BYTES_PER_TICK);
    call.ret(r.value())
}

fn lower(call: &mut Call) -> Result<Results, Raise> {
    transform(call, |s| s.make_ascii_lowercase())
}

fn upper(call: &mut Call) -> Result<Results, Raise> {
    transform(call, |s| s.make_ascii_uppercase())
}

fn reverse(call: &mut Call) -> Result<Results, Raise> {
    transform(call, |s| s.reverse())
}
