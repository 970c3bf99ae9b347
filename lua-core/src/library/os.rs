//! `os`, for VMs that have a system (`os.clock` is there for all).
//!
//! Here: arguments, the format of dates, messages. Must never end the program: `os.exit`
//! tells the system, and raises what no Lua code can catch.

use super::Functions;
use super::builder::Builder;
use super::files::{c_text, failure};
use crate::error::{Raise, Text};
use crate::heap::{NoMemory, Rt, StrRef, TableRef};
use crate::native::{Call, Results};
use crate::state::Stop;
use crate::system::{Date, System, SystemError};
use crate::value::Value;
use core::sync::atomic::Ordering;

const FUNCTIONS: &Functions = &[
    ("date", date),
    ("difftime", difftime),
    ("execute", execute),
    ("exit", exit),
    ("getenv", getenv),
    ("remove", remove),
    ("rename", rename),
    ("setlocale", setlocale),
    ("time", time),
    ("tmpname", tmpname),
];

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("os", FUNCTIONS)
}

fn system(call: &Call) -> Result<&'static dyn System, Raise> {
    call.rt().system().ok_or(Raise::Error)
}

/// A string argument as C gets it.
fn check_text<'a>(call: &mut Call, i: u32) -> Result<&'a [u8], Raise> {
    let s = call.check_string(i)?;
    Ok(c_text(call.rt().str_bytes(s)))
}

// ---- time

/// `os.date([format [, time]])`
fn date(call: &mut Call) -> Result<Results, Raise> {
    let system = system(call)?;
    let rt = call.rt();
    let format = match call.arg(0) {
        v if v.is_nil() => b"%c",
        _ => check_text(call, 0)?,
    };
    let time = match call.arg(1) {
        v if v.is_nil() => system.now().unwrap_or(-1),
        _ => call.check_integer(1)?,
    };
    let (format, universal) = match format {
        [b'!', rest @ ..] => (rest, true),
        _ => (format, false),
    };
    let Some(date) = system.date(time, universal) else {
        return call.ret(Value::NIL);
    };
    if format.starts_with(b"*t") {
        return date_table(call, &date);
    }
    let mut text = Builder::new(rt);
    let mut rest = format;
    while let Some((&b, after)) = rest.split_first() {
        rest = after;
        match (b, rest.split_first()) {
            (b'%', Some((&conversion, after))) => {
                let mut pushed = Ok(());
                system.format_date(&date, conversion, &mut |words| pushed = text.push(words));
                pushed?;
                rest = after;
            }
            _ => text.push_byte(b)?,
        }
    }
    let s = text.finish()?;
    call.ret(s.value())
}

fn date_table(call: &mut Call, date: &Date) -> Result<Results, Raise> {
    let rt = call.rt();
    let t = rt.new_table(rt.root_shape(0)?, 0)?;
    for (name, n) in [
        ("sec", date.second),
        ("min", date.minute),
        ("hour", date.hour),
        ("day", date.day),
        ("month", date.month + 1),
        ("year", date.year.saturating_add(1900)),
        ("wday", date.week_day + 1),
        ("yday", date.year_day + 1),
    ] {
        rt.set_member(t, name, Value::number(f64::from(n)))?;
    }
    if let Some(is_summer) = date.is_summer {
        rt.set_member(t, "isdst", Value::boolean(is_summer))?;
    }
    call.ret(t.value())
}

fn difftime(call: &mut Call) -> Result<Results, Raise> {
    // Through whole seconds, as `time_t` has them.
    let later = libm::trunc(call.check_number(0)?);
    let earlier = libm::trunc(call.opt_number(1, 0.0)?);
    call.ret(Value::number(later - earlier))
}

/// `os.time([date])`
fn time(call: &mut Call) -> Result<Results, Raise> {
    let system = system(call)?;
    let seconds = if call.arg(0).is_nil() {
        system.now()
    } else {
        let t = call.check_table(0)?;
        let second = date_field(call, t, "sec", Some(0))?;
        let minute = date_field(call, t, "min", Some(0))?;
        let hour = date_field(call, t, "hour", Some(12))?;
        let day = date_field(call, t, "day", None)?;
        let month = date_field(call, t, "month", None)?.wrapping_sub(1);
        let year = date_field(call, t, "year", None)?.wrapping_sub(1900);
        let summer = call.rt().intern(b"isdst")?;
        let is_summer = match call.rt().raw_get_str(t, summer) {
            v if v.is_nil() => None,
            v => Some(!v.is_falsy()),
        };
        system.time(&Date {
            second,
            minute,
            hour,
            day,
            month,
            year,
            is_summer,
            ..Date::default()
        })
    };
    call.ret(seconds.map_or(Value::NIL, |t| Value::number(t as f64)))
}

/// A field of a date table, read without metamethods: a number or what converts to one.
fn date_field(
    call: &mut Call,
    t: TableRef,
    name: &str,
    default: Option<i32>,
) -> Result<i32, Raise> {
    let rt = call.rt();
    let key = rt.intern(name.as_bytes())?;
    let number = rt.to_number(rt.raw_get_str(t, key));
    match number.map(|n| n as i64 as i32).or(default) {
        Some(n) => Ok(n),
        None => {
            let mut text = Text::new();
            text.push(b"field '");
            text.push(name.as_bytes());
            text.push(b"' missing in date table");
            Err(rt.raise_text(text.bytes()))
        }
    }
}

// ---- processes and environment

fn execute(call: &mut Call) -> Result<Results, Raise> {
    let command = match call.arg(0) {
        v if v.is_nil() => None,
        _ => Some(check_text(call, 0)?),
    };
    let status = system(call)?.execute(command);
    call.ret(Value::number(f64::from(status)))
}

fn exit(call: &mut Call) -> Result<Results, Raise> {
    let status = call.opt_integer(0, 0)? as i32;
    system(call)?.exit(status);
    // If the raise gets lost in a message handler, the next tick ends the program.
    // SAFETY: plain field of the state.
    let stop = unsafe { &(*call.rt().vm()).stop };
    stop.store(Stop::Requested as u32, Ordering::Relaxed);
    Err(Raise::Stopped)
}

fn getenv(call: &mut Call) -> Result<Results, Raise> {
    let name = check_text(call, 0)?;
    let mut value = Ok(None);
    let rt = call.rt();
    system(call)?.variable(name, &mut |text| value = rt.intern(text).map(Some));
    let value = value?;
    call.ret(value.map_or(Value::NIL, StrRef::value))
}

/// Only the locale "C" exists.
fn setlocale(call: &mut Call) -> Result<Results, Raise> {
    const CATEGORIES: [&[u8]; 6] = [
        b"all",
        b"collate",
        b"ctype",
        b"monetary",
        b"numeric",
        b"time",
    ];
    let locale = match call.arg(0) {
        v if v.is_nil() => b"",
        _ => check_text(call, 0)?,
    };
    if !call.arg(1).is_nil() {
        let category = check_text(call, 1)?;
        if !CATEGORIES.contains(&category) {
            let mut text = Text::new();
            text.push(b"invalid option '");
            text.push(category);
            text.push(b"'");
            return Err(call.bad_argument(1, text.bytes()));
        }
    }
    match locale {
        b"" | b"C" | b"POSIX" => call.ret_bytes(b"C"),
        _ => call.ret(Value::NIL),
    }
}

// ---- names of files

fn done(call: &mut Call, name: &[u8], result: Result<(), SystemError>) -> Result<Results, Raise> {
    match result {
        Ok(()) => call.ret(Value::TRUE),
        Err(error) => {
            let system = system(call)?;
            failure(call, system, Some(name), error)
        }
    }
}

fn remove(call: &mut Call) -> Result<Results, Raise> {
    let name = check_text(call, 0)?;
    let removed = system(call)?.remove(name);
    done(call, name, removed)
}

fn rename(call: &mut Call) -> Result<Results, Raise> {
    let from = check_text(call, 0)?;
    let to = check_text(call, 1)?;
    let renamed = system(call)?.rename(from, to);
    done(call, from, renamed)
}

fn tmpname(call: &mut Call) -> Result<Results, Raise> {
    let mut text = Builder::new(call.rt());
    // Room for any such name, before there is a file.
    text.reserve(128)?;
    let mut pushed = Ok(());
    let named = system(call)?.temporary_name(&mut |name| pushed = text.push(name));
    pushed?;
    if named.is_err() {
        return Err(call
            .rt()
            .raise_text(b"unable to generate a unique filename"));
    }
    let name = call.surely(|_| Ok(text.finish()?))?;
    call.ret(name.value())
}
