//! `table`: functions on lists. `sort` has its own file.
//!
//! Like the reference they go past metamethods. The list is usually the whole
//! array part, so its slots are read and written directly where that holds.

use super::Functions;
use super::base::element;
use super::builder::Builder;
use super::string::BYTES_PER_TICK;
use crate::convert::SMALL;
use crate::error::{Raise, Text};
use crate::heap::bytes::Room;
use crate::heap::{NoMemory, Rt, StrRef, TableRef};
use crate::native::{Call, Results};
use crate::value::Value;
use core::mem::MaybeUninit;

const FUNCTIONS: &Functions = &[
    ("concat", concat),
    ("foreach", foreach),
    ("foreachi", foreachi),
    ("getn", getn),
    ("insert", insert),
    ("maxn", maxn),
    ("remove", remove),
    ("setn", setn),
    ("sort", super::sort::sort),
];

/// Slots of the array part that cost one tick of fuel to move.
const SLOTS_PER_TICK: u64 = 16;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("table", FUNCTIONS)
}

/// The slots of the array part for the indices `first ..= last`, if it has them.
#[inline]
pub(super) fn array_slots(rt: Rt, t: TableRef, first: i64, last: i64) -> Option<*mut Value> {
    // SAFETY: live table.
    let (array, cap) = unsafe { ((*rt.table(t)).array, (*rt.table(t)).array_cap) };
    if first >= 1 && last <= cap as i64 && first <= last {
        Some(rt.at(array + first as u32 * 8))
    } else {
        None
    }
}

/// `t[i] = v` without metamethods, for any integer.
fn set_element(rt: Rt, t: TableRef, i: i64, v: Value) -> Result<(), NoMemory> {
    match u32::try_from(i) {
        Ok(i) if i > 0 => rt.raw_set_int(t, i, v),
        _ => rt.raw_set(t, Value::number(i as f64), v),
    }
}

fn getn(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let n = call.rt().length(t);
    call.ret(Value::number(n as f64))
}

fn setn(call: &mut Call) -> Result<Results, Raise> {
    call.check_table(0)?;
    Err(call.rt().raise_text(b"'setn' is obsolete"))
}

fn maxn(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let rt = call.rt();
    let mut largest = 0.0;
    let mut cursor = 0;
    while let Some((k, _, after)) = rt.entry_from(t, cursor) {
        if let Some(x) = k.to_number()
            && x > largest
        {
            largest = x;
        }
        cursor = after;
    }
    call.charge(cursor as u64 / SLOTS_PER_TICK);
    call.ret(Value::number(largest))
}

fn insert(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let rt = call.rt();
    let end = rt.length(t) as i64 + 1;
    match call.count() {
        2 => {
            set_element(rt, t, end, call.arg(1))?;
            return call.ret0();
        }
        3 => {}
        _ => return Err(rt.raise_text(b"wrong number of arguments to 'insert'")),
    }
    let place = call.check_int(1)? as i64;
    let v = call.arg(2);
    if place >= end {
        set_element(rt, t, place, v)?;
        return call.ret0();
    }
    // The one step that can fail for lack of memory comes first: it makes the
    // new last slot, from where on all slots exist.
    set_element(rt, t, end, element(rt, t, end - 1))?;
    if let Some(slots) = array_slots(rt, t, place, end) {
        call.charge((end - place) as u64 / SLOTS_PER_TICK);
        // SAFETY: slots of the array part, `place` to `end` inclusive.
        unsafe {
            core::ptr::copy(slots, slots.add(1), (end - place) as usize);
            rt.barrier(t.0, v);
            *slots = v;
        }
        return call.ret0();
    }
    let mut i = end - 1;
    while i > place {
        // There may be thousands of millions, if the place is negative.
        if i & 0xFFFF == 0 {
            call.charge_and_check(0x10000 / SLOTS_PER_TICK)?;
        }
        let moved = element(rt, t, i - 1);
        call.retry(|_| set_element(rt, t, i, moved))?;
        i -= 1;
    }
    call.retry(|_| set_element(rt, t, place, v))?;
    call.ret0()
}

fn remove(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let rt = call.rt();
    let end = rt.length(t) as i64;
    let place = call.opt_int(1, end as i32)? as i64;
    if place < 1 || place > end {
        return call.ret0();
    }
    let removed = element(rt, t, place);
    call.charge((end - place) as u64 / SLOTS_PER_TICK);
    if let Some(slots) = array_slots(rt, t, place, end) {
        let n = (end - place) as usize;
        // SAFETY: slots of the array part, `place` to `end` inclusive.
        unsafe {
            core::ptr::copy(slots.add(1), slots, n);
            rt.moved_down(t);
            *slots.add(n) = Value::NIL;
        }
        return call.ret(removed);
    }
    // All keys written exist, so nothing here can fail.
    for i in place..end {
        set_element(rt, t, i, element(rt, t, i + 1))?;
    }
    set_element(rt, t, end, Value::NIL)?;
    call.ret(removed)
}

fn concat(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let separator = match call.arg(1) {
        v if v.is_nil() => &[],
        _ => {
            let s = call.check_string(1)?;
            rt.str_bytes(s)
        }
    };
    let t = call.check_table(0)?;
    let first = call.opt_int(2, 1)? as i64;
    let last = match call.arg(3) {
        v if v.is_nil() => rt.length(t) as i64,
        _ => call.check_int(3)? as i64,
    };
    if let Some(slots) = array_slots(rt, t, first, last) {
        // SAFETY: slots of the array part; nothing here changes the table.
        let values = unsafe { core::slice::from_raw_parts(slots, (last - first + 1) as usize) };
        if let Some(s) = join_strings(rt, values, separator)? {
            call.charge(rt.str_len(s) as u64 / BYTES_PER_TICK);
            return call.ret(s.value());
        }
    }
    let mut out = Builder::new(rt);
    let mut digits = [0; 32];
    let mut i = first;
    while i <= last {
        let v = element(rt, t, i);
        if !v.is_number() && StrRef::from_value(v).is_none() {
            return Err(invalid_value(rt, v, i));
        }
        out.push(rt.text_of(v, &mut digits))?;
        if i != last {
            out.push(separator)?;
        }
        i += 1;
    }
    call.charge(out.bytes().len() as u64 / BYTES_PER_TICK);
    let s = out.finish()?;
    call.ret(s.value())
}

/// Strings joined with a separator between; `None` if something else is among them.
fn join_strings(rt: Rt, values: &[Value], separator: &[u8]) -> Result<Option<StrRef>, NoMemory> {
    let Some((&end, others)) = values.split_last() else {
        return Ok(None);
    };
    let mut total = separator.len().saturating_mul(others.len());
    for &v in values {
        match StrRef::from_value(v) {
            Some(s) => total = total.saturating_add(rt.str_len(s) as usize),
            None => return Ok(None),
        }
    }
    let put = |room: &mut Room| {
        for &v in others {
            let _ = room.push(rt.str_bytes(StrRef(v.payload()))) && room.push(separator);
        }
        let _ = room.push(rt.str_bytes(StrRef(end.payload())));
    };
    if total > SMALL {
        return rt.make_string(total, put).map(Some);
    }
    let mut small = [const { MaybeUninit::<u8>::uninit() }; SMALL];
    // SAFETY: the array.
    let mut room = unsafe { Room::new(small.as_mut_ptr().cast(), SMALL) };
    put(&mut room);
    // SAFETY: all these bytes were written.
    let bytes = unsafe { core::slice::from_raw_parts(small.as_ptr().cast(), SMALL - room.left()) };
    rt.intern_short(bytes).map(Some)
}

#[cold]
fn invalid_value(rt: Rt, v: Value, i: i64) -> Raise {
    let mut text = Text::new();
    text.push(b"invalid value (");
    text.push(v.type_of().name().as_bytes());
    text.push(b") at index ");
    if i < 0 {
        text.push(b"-");
    }
    text.push_number(i.unsigned_abs() as u32);
    text.push(b" in table for 'concat'");
    rt.raise_text(text.bytes())
}

fn foreach(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let f = call.check_function(1)?;
    let rt = call.rt();
    // The key must survive the call.
    let key = call.push(Value::NIL)?;
    loop {
        let cursor = rt.cursor_after(t, call.arg(key));
        let Some(cursor) = cursor else {
            return call.surely(|_| Err(rt.raise_runtime(b"invalid key to 'next'")));
        };
        let Some((k, v, _)) = rt.entry_from(t, cursor) else {
            return call.ret0();
        };
        call.set_arg(key, k);
        let n = call.call_surely(f, &[k, v])?;
        let r = call.call_result(0, n);
        if !r.is_nil() {
            return call.ret(r);
        }
    }
}

fn foreachi(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let f = call.check_function(1)?;
    let rt = call.rt();
    let n = rt.length(t) as i64;
    for i in 1..=n {
        let v = element(rt, t, i);
        let count = call.call_surely(f, &[Value::number(i as f64), v])?;
        let r = call.call_result(0, count);
        if !r.is_nil() {
            return call.ret(r);
        }
    }
    call.ret0()
}
