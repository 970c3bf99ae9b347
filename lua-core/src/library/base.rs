//! Basic functions.

use super::Functions;
use super::gsub::index;
use crate::error::{Raise, Text};
use crate::heap::{NoMemory, Rt, ShapeRef, StrRef, TableRef};
use crate::native::{Call, Results, Special};
use crate::state::Event;
use crate::value::{Type, Value};

const FUNCTIONS: &Functions = &[
    ("assert", assert),
    ("collectgarbage", collectgarbage),
    ("error", error),
    ("gcinfo", gcinfo),
    ("getmetatable", getmetatable),
    ("ipairs", ipairs),
    ("pairs", pairs),
    ("rawequal", rawequal),
    ("rawget", rawget),
    ("rawset", rawset),
    ("select", select),
    ("setmetatable", setmetatable),
    ("tonumber", tonumber),
    ("type", type_),
    ("unpack", unpack),
];

/// Most values that `unpack` and `string.byte` give at once, as in the reference.
pub(super) const MAX_RESULTS: i64 = 8000;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("", FUNCTIONS)?;
    let g = rt.globals();
    rt.register_one(g, "pcall", super::special, Special::Pcall)?;
    rt.register_one(g, "xpcall", super::special, Special::Xpcall)?;
    // As in the reference, the iterator of `pairs` is another function than the
    // global `next`. It remembers that one, for loops to know both.
    let global = crate::heap::NativeRef(rt.register_one(g, "next", next, Special::No)?);
    let pairs_next = rt.new_native(next, 0, 0, g.0, &[global.value()])?;
    let iterator = rt.new_native(ipairs_step, 0, 0, g.0, &[])?;
    // SAFETY: plain fields.
    unsafe {
        (*rt.vm()).next_fn = pairs_next.0;
        (*rt.vm()).ipairs_fn = iterator.0;
    }
    // `print` goes through the global `tostring`; it remembers the original,
    // which it needs no call for.
    let tostring = rt.register_one(g, "tostring", tostring, Special::No)?;
    let name = rt.intern(b"print")?;
    let original = crate::heap::NativeRef(tostring).value();
    let global_name = rt.intern(b"tostring")?.value();
    let print = rt.new_native(print, 0, name.0, g.0, &[original, global_name])?;
    rt.raw_set_str(g, name, print.value())?;
    rt.set_member(g, "_G", g.value())?;
    rt.set_member(g, "_VERSION", rt.intern(b"Lua 5.1")?.value())
}

/// Never called: body of special natives.
pub(crate) fn unreachable_native(call: &mut Call) -> Result<Results, Raise> {
    call.ret0()
}

// ---- text of values

/// Room for the text of any value that isn't a string.
type ShortText = [u8; 32];

/// The text of `v` as `tostring` gives it, metamethods aside. `short` holds it
/// unless `v` is a string.
fn plain_text(rt: Rt, v: Value, short: &mut ShortText) -> &[u8] {
    match v.type_of() {
        Type::Number | Type::String => rt.text_of(v, short),
        Type::Nil => b"nil",
        Type::Boolean => {
            if v == Value::TRUE {
                b"true"
            } else {
                b"false"
            }
        }
        t => {
            // "table: 0x0001c2a8"
            let name = t.name().as_bytes();
            let n = name.len();
            let mut at = 0;
            let mut push = |b: u8| {
                if let Some(place) = short.get_mut(at) {
                    *place = b;
                    at += 1;
                }
            };
            name.iter().chain(b": 0x").for_each(|&b| push(b));
            for i in (0..8).rev() {
                let digit = (v.payload() >> (i * 4) & 15) as u8;
                push(if digit < 10 {
                    b'0' + digit
                } else {
                    b'a' + digit - 10
                });
            }
            &short[..(n + 12).min(short.len())]
        }
    }
}

/// `tostring(v)`; calls `__tostring`.
pub(super) fn to_display(call: &mut Call, v: Value) -> Result<Value, Raise> {
    if v.has_tag(crate::value::tag::STRING) {
        return Ok(v);
    }
    let rt = call.rt();
    let h = rt.event_handler(rt.metatable_of(v), Event::ToString);
    if !h.is_nil() {
        let n = call.call_surely(h, &[v])?;
        return Ok(call.call_result(0, n));
    }
    let mut short = [0; 32];
    Ok(rt.intern(plain_text(rt, v, &mut short))?.value())
}

fn print(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let hooks = rt.hooks();
    let count = call.count();
    // SAFETY: live thread.
    let globals = TableRef(unsafe { (*rt.current()).env });
    let mut tostring = match StrRef::from_value(call.upvalue(1)) {
        Some(name) => rt.raw_get_str(globals, name),
        None => Value::NIL,
    };
    if tostring.is_nil() && rt.metatable_of(globals.value()) != 0 {
        let kept = call.push(call.upvalue(1))?;
        tostring = index(call, globals.value(), kept)?;
        call.set_arg(kept, tostring);
    }
    for i in 0..count {
        let v = call.arg(i);
        let mut short = [0; 32];
        let is_plain = tostring == call.upvalue(0)
            && rt
                .event_handler(rt.metatable_of(v), Event::ToString)
                .is_nil();
        let text = if is_plain {
            plain_text(rt, v, &mut short)
        } else {
            let n = call.call_surely(tostring, &[v])?;
            let s = call.call_result(0, n);
            if !s.is_number() && StrRef::from_value(s).is_none() {
                let message = b"'tostring' must return a string to 'print'";
                return call.surely(|_| Err(rt.raise_text(message)));
            }
            rt.text_of(s, &mut short)
        };
        if i > 0 {
            (hooks.write)(hooks.context, b"\t");
        }
        (hooks.write)(hooks.context, text);
    }
    (hooks.write)(hooks.context, b"\n");
    call.ret0()
}

fn tostring(call: &mut Call) -> Result<Results, Raise> {
    let v = call.check_any(0)?;
    let s = to_display(call, v)?;
    call.ret(s)
}

fn type_(call: &mut Call) -> Result<Results, Raise> {
    let v = call.check_any(0)?;
    // SAFETY: plain field.
    let name = unsafe { (*call.rt().vm()).library.type_names[v.type_of() as usize] };
    call.ret(StrRef(name).value())
}

// ---- numbers

fn tonumber(call: &mut Call) -> Result<Results, Raise> {
    let base = call.opt_int(1, 10)?;
    if base == 10 {
        let v = call.check_any(0)?;
        let x = call.rt().to_number(v);
        return call.ret(x.map_or(Value::NIL, Value::number));
    }
    let s = call.check_string(0)?;
    if !(2..=36).contains(&base) {
        return Err(call.bad_argument(1, b"base out of range"));
    }
    let x = parse_in_base(call.rt().str_bytes(s), base as u32);
    call.ret(x.map_or(Value::NIL, Value::number))
}

/// A whole number in a base from 2 to 36, as C's `strtoul` reads it: white space
/// around it, a sign (`-` negates modulo 2^64), `0x` allowed in base 16, too
/// large numbers become the largest. As with a C string, the text ends at a NUL.
fn parse_in_base(s: &[u8], base: u32) -> Option<f64> {
    let s = s.split(|&b| b == 0).next().unwrap_or(&[]);
    let is_space = |b: &u8| matches!(b, b' ' | b'\t'..=b'\r');
    let start = s.iter().position(|b| !is_space(b))?;
    let mut s = s.get(start..)?;
    let mut negative = false;
    if let [sign @ (b'+' | b'-'), rest @ ..] = s {
        negative = *sign == b'-';
        s = rest;
    }
    let digit = |b: u8| (b as char).to_digit(base);
    if let [b'0', b'x' | b'X', rest @ ..] = s
        && base == 16
        && rest.first().is_some_and(|&b| digit(b).is_some())
    {
        s = rest;
    }
    let mut n = Some(0u64);
    let mut len = 0;
    for d in s.iter().map_while(|&b| digit(b)) {
        len += 1;
        n = n.and_then(|n| n.checked_mul(base as u64)?.checked_add(d as u64));
    }
    if len == 0 || !s.get(len..)?.iter().all(is_space) {
        return None;
    }
    let n = match n {
        Some(n) if negative => n.wrapping_neg(),
        Some(n) => n,
        None => u64::MAX,
    };
    Some(n as f64)
}

// ---- errors

fn assert(call: &mut Call) -> Result<Results, Raise> {
    if !call.check_any(0)?.is_falsy() {
        return call.ret_arguments(0);
    }
    if call.arg(1).is_nil() {
        return Err(call.rt().raise_text(b"assertion failed!"));
    }
    let message = call.check_string(1)?;
    Err(raise_at(call.rt(), 1, message.value()))
}

fn error(call: &mut Call) -> Result<Results, Raise> {
    let v = call.arg(0);
    let level = call.opt_int(1, 1)?;
    let rt = call.rt();
    let is_text = v.is_number() || StrRef::from_value(v).is_some();
    if is_text && level > 0 {
        return Err(raise_at(rt, level as i64, v));
    }
    Err(rt.raise_value(v))
}

/// Raises a string or number with the position of the function at a level.
pub(super) fn raise_at(rt: Rt, level: i64, message: Value) -> Raise {
    let mut position = Text::new();
    rt.push_position_of(&mut position, level);
    let joined = rt
        .intern(position.bytes())
        .and_then(|p| rt.concat_values(&[p.value(), message]));
    match joined {
        Ok(s) => rt.raise_value(s.value()),
        Err(NoMemory) => Raise::NoMemory,
    }
}

// ---- arguments and results

fn select(call: &mut Call) -> Result<Results, Raise> {
    let count = call.count() as i64;
    if let Some(s) = StrRef::from_value(call.arg(0))
        && call.rt().str_bytes(s).first() == Some(&b'#')
    {
        return call.ret(Value::number((count - 1) as f64));
    }
    let n = call.check_int(0)? as i64;
    let first = if n < 0 { count + n } else { n.min(count) };
    if first < 1 {
        return Err(call.bad_argument(0, b"index out of range"));
    }
    call.ret_arguments(first as u32)
}

fn unpack(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let rt = call.rt();
    let first = call.opt_int(1, 1)? as i64;
    let last = match call.arg(2) {
        v if v.is_nil() => rt.length(t) as i64,
        _ => call.check_int(2)? as i64,
    };
    let n = last - first + 1;
    if n <= 0 {
        return call.ret0();
    }
    if n + call.count() as i64 > MAX_RESULTS {
        return Err(rt.raise_text(b"too many results to unpack"));
    }
    call.reserve(n as u32)?;
    for i in 0..n {
        let v = element(rt, t, first + i);
        call.put(i as u32, v);
    }
    call.results(n as u32)
}

/// `t[i]` without metamethods, for any integer.
#[inline]
pub(super) fn element(rt: Rt, t: TableRef, i: i64) -> Value {
    match u32::try_from(i) {
        Ok(i) if i > 0 => rt.raw_get_int(t, i),
        _ => rt.raw_get(t, Value::number(i as f64)),
    }
}

// ---- tables

fn next(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let rt = call.rt();
    let Some(cursor) = rt.cursor_after(t, call.arg(1)) else {
        return Err(rt.raise_runtime(b"invalid key to 'next'"));
    };
    match rt.entry_from(t, cursor) {
        Some((k, v, _)) => call.ret_many(&[k, v]),
        None => call.ret(Value::NIL),
    }
}

fn pairs(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    // SAFETY: plain field.
    let next = crate::heap::NativeRef(unsafe { (*call.rt().vm()).next_fn });
    call.ret_many(&[next.value(), t.value(), Value::NIL])
}

fn ipairs(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    // SAFETY: plain field.
    let step = crate::heap::NativeRef(unsafe { (*call.rt().vm()).ipairs_fn });
    call.ret_many(&[step.value(), t.value(), Value::number(0.0)])
}

/// The iterator function of `ipairs`.
fn ipairs_step(call: &mut Call) -> Result<Results, Raise> {
    let i = call.check_int(1)?.wrapping_add(1);
    let t = call.check_table(0)?;
    let v = element(call.rt(), t, i as i64);
    if v.is_nil() {
        return call.ret0();
    }
    call.ret_many(&[Value::number(i as f64), v])
}

fn rawequal(call: &mut Call) -> Result<Results, Raise> {
    let equal = call.check_any(0)?.raw_equal(call.check_any(1)?);
    call.ret(Value::boolean(equal))
}

fn rawget(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let key = call.check_any(1)?;
    let v = call.rt().raw_get(t, key);
    call.ret(v)
}

fn rawset(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let key = call.check_any(1)?;
    let v = call.check_any(2)?;
    let rt = call.rt();
    if key.is_nil() {
        return Err(rt.raise_runtime(b"table index is nil"));
    }
    if key.is_number() && key.as_f64().is_nan() {
        return Err(rt.raise_runtime(b"table index is NaN"));
    }
    rt.raw_set(t, key, v)?;
    call.ret(t.value())
}

fn setmetatable(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let meta = call.check_nil_or_table(1)?;
    let rt = call.rt();
    let old = rt.metatable_of(t.value());
    if old != 0 && !rt.event_handler(old, Event::Metatable).is_nil() {
        return Err(rt.raise_text(b"cannot change a protected metatable"));
    }
    // SAFETY: a live table.
    let shape = || ShapeRef(unsafe { (*rt.table(t)).shape });
    let before = shape();
    rt.set_table_meta(t, meta.map_or(0, |m| m.0))?;
    if let (Some(meta), 0, false) = (meta, old, rt.is_dictionary(t)) {
        rt.remember_metatable(before, meta, shape());
    }
    call.ret(t.value())
}

fn getmetatable(call: &mut Call) -> Result<Results, Raise> {
    let v = call.check_any(0)?;
    let rt = call.rt();
    let meta = rt.metatable_of(v);
    if meta == 0 {
        return call.ret(Value::NIL);
    }
    let shown = rt.event_handler(meta, Event::Metatable);
    rt.remember_handler(meta, Event::Metatable);
    call.ret(if shown.is_nil() {
        TableRef(meta).value()
    } else {
        shown
    })
}

// ---- the collector

/// Bytes that live objects take, and those allocated since they were counted.
fn bytes_in_use(rt: Rt) -> f64 {
    // SAFETY: plain fields.
    unsafe { ((*rt.gc()).live_bytes + (*rt.gc()).debt) as f64 }
}

fn collectgarbage(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let option = match call.arg(0) {
        v if v.is_nil() => b"collect".as_slice(),
        _ => {
            let s = call.check_string(0)?;
            rt.str_bytes(s)
        }
    };
    let number = call.opt_int(1, 0)?;
    let gc = rt.gc();
    // SAFETY: plain fields throughout.
    let result = unsafe {
        match option {
            b"count" => Value::number(bytes_in_use(rt) / 1024.0),
            b"stop" => {
                (*gc).stopped = true;
                Value::number(0.0)
            }
            b"restart" => {
                (*gc).stopped = false;
                rt.request_step();
                Value::number(0.0)
            }
            // As in the reference, these two also end a "stop".
            b"collect" => {
                (*gc).stopped = false;
                (*rt.vm()).top = call.base.add(call.count as usize);
                rt.collect_fully();
                rt.run_finalizers(call)?;
                Value::number(0.0)
            }
            b"step" => {
                (*gc).stopped = false;
                (*rt.vm()).top = call.base.add(call.count as usize);
                // As if so many kilobytes had been allocated.
                let kilobytes = number.max(0) as u64 + 1;
                let work = (kilobytes * 1024 / 100).saturating_mul((*gc).step_percent as u64);
                let done = rt.step(work.min(1 << 40) as i64);
                rt.schedule(0);
                rt.run_finalizers(call)?;
                Value::boolean(done)
            }
            b"setpause" => {
                let percent = number.clamp(0, 1_000_000) as u32;
                let before = core::mem::replace(&mut (*gc).pause_percent, percent);
                Value::number(before as f64)
            }
            b"setstepmul" => {
                let percent = number.clamp(0, 1_000_000) as u32;
                let before = core::mem::replace(&mut (*gc).step_percent, percent);
                Value::number(before as f64)
            }
            _ => {
                let mut text = Text::new();
                text.push(b"invalid option '");
                text.push(option);
                text.push(b"'");
                return Err(call.bad_argument(0, text.bytes()));
            }
        }
    };
    call.ret(result)
}

fn gcinfo(call: &mut Call) -> Result<Results, Raise> {
    let kilobytes = (bytes_in_use(call.rt()) / 1024.0) as i64;
    call.ret(Value::number(kilobytes as f64))
}

#[cfg(test)]
mod tests {
    use super::parse_in_base;

    #[test]
    fn whole_numbers_in_all_bases() {
        assert_eq!(parse_in_base(b"zz", 36), Some(1295.0));
        assert_eq!(
            parse_in_base(b" \t-7\n", 8),
            Some((7u64.wrapping_neg()) as f64)
        );
        assert_eq!(parse_in_base(b"0x1F", 16), Some(31.0));
        assert_eq!(parse_in_base(b"+101", 2), Some(5.0));
        // The end of the text, as C sees it.
        assert_eq!(parse_in_base(b"11\x003", 2), Some(3.0));
        assert_eq!(
            parse_in_base(b"99999999999999999999", 11),
            Some(u64::MAX as f64)
        );
        for wrong in [b"".as_slice(), b"-", b"8", b"1 1", b"0x", b"1.0"] {
            assert_eq!(parse_in_base(wrong, 8), None, "{wrong:?}");
        }
        // `0x` without digits behind it is a 0 followed by something.
        assert_eq!(parse_in_base(b"0x", 16), None);
    }
}
