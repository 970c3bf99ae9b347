//! The part of Lua's `os` library that there is: clock, difftime, exit, getenv, time.
//!
//! Must never end the process: `os.exit` raises what no Lua code can catch, and `session`
//! sees to the rest, so that buffered output and `--stats` aren't lost. Registered by
//! `session`.

use crate::interrupt;
use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use lua_core::error::Raise;
use lua_core::heap::TableRef;
use lua_core::native::{Call, NativeFn, Results};
use lua_core::value::Value;
use rustix::time::{ClockId, clock_gettime};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// What goes into the table `os`.
pub const FUNCTIONS: &[(&str, NativeFn)] = &[
    ("clock", clock),
    ("difftime", difftime),
    ("exit", exit),
    ("getenv", getenv),
    ("time", time),
];

static EXIT_ASKED: AtomicBool = AtomicBool::new(false);
static EXIT_STATUS: AtomicI32 = AtomicI32::new(0);

/// The status that `os.exit` was called with, if it was.
pub fn exit_asked() -> Option<i32> {
    let asked = EXIT_ASKED.load(Ordering::Relaxed);
    asked.then(|| EXIT_STATUS.load(Ordering::Relaxed))
}

/// Processor time of the process in seconds: the `clock` hook of lua-core.
pub fn processor_time(_: *mut c_void) -> f64 {
    let t = clock_gettime(ClockId::ProcessCPUTime);
    t.tv_sec as f64 + t.tv_nsec as f64 / 1e9
}

fn clock(call: &mut Call) -> Result<Results, Raise> {
    call.ret(Value::number(processor_time(core::ptr::null_mut())))
}

fn difftime(call: &mut Call) -> Result<Results, Raise> {
    // Through whole seconds, as `time_t` has them.
    let later = call.check_number(0)?.trunc();
    let earlier = call.opt_number(1, 0.0)?.trunc();
    call.ret(Value::number(later - earlier))
}

fn exit(call: &mut Call) -> Result<Results, Raise> {
    let status = call.opt_integer(0, 0)? as i32;
    EXIT_STATUS.store(status, Ordering::Relaxed);
    EXIT_ASKED.store(true, Ordering::Relaxed);
    // If the raise gets lost in a message handler, the next tick ends the program.
    interrupt::stop();
    Err(Raise::Stopped)
}

fn getenv(call: &mut Call) -> Result<Results, Raise> {
    let name = call.check_string(0)?;
    let name = call.rt().str_bytes(name);
    // As a C string: up to the first zero byte. Names that can't be are not there.
    let name = name.split(|&b| b == 0).next().unwrap_or_default();
    let value = if name.is_empty() || name.contains(&b'=') {
        None
    } else {
        std::env::var_os(OsStr::from_bytes(name))
    };
    match value {
        Some(value) => call.ret_bytes(&value.into_vec()),
        None => call.ret(Value::NIL),
    }
}

fn time(call: &mut Call) -> Result<Results, Raise> {
    let seconds = if call.arg(0).is_nil() {
        clock_gettime(ClockId::Realtime).tv_sec as libc::time_t
    } else {
        let t = call.check_table(0)?;
        let parts = [
            date_field(call, t, "sec", Some(0))?,
            date_field(call, t, "min", Some(0))?,
            date_field(call, t, "hour", Some(12))?,
            date_field(call, t, "day", None)?,
            date_field(call, t, "month", None)?,
            date_field(call, t, "year", None)?,
        ];
        let summer = call.rt().intern(b"isdst")?;
        let summer = call.rt().raw_get_str(t, summer);
        let [second, minute, hour, day, month, year] = parts;
        // SAFETY: all zeros is a `tm`: integers and a pointer that `mktime` only writes.
        let mut tm: libc::tm = unsafe { core::mem::zeroed() };
        tm.tm_sec = second;
        tm.tm_min = minute;
        tm.tm_hour = hour;
        tm.tm_mday = day;
        tm.tm_mon = month.wrapping_sub(1);
        tm.tm_year = year.wrapping_sub(1900);
        tm.tm_isdst = match summer {
            Value::NIL => -1,
            v => i32::from(v != Value::FALSE),
        };
        // SAFETY: a `tm` that is ours; `mktime` takes any numbers. The environment, which it
        // reads, is never written by this program.
        unsafe { libc::mktime(&raw mut tm) }
    };
    match seconds {
        -1 => call.ret(Value::NIL),
        t => call.ret(Value::number(t as f64)),
    }
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
            let message = format!("field '{name}' missing in date table");
            Err(rt.raise_text(message.as_bytes()))
        }
    }
}
