//! `debug.sethook` and `debug.gethook`. What hooks are and when they are called is the
//! business of `calls/hooks.rs`; here are the forms that Lua programs see.

use super::debug::thread_argument;
use crate::calls::hooks::event;
use crate::error::Raise;
use crate::heap::{NoMemory, Rt, ThreadRef};
use crate::native::{Call, Results, Special};
use crate::value::Value;

/// Letters of the events in a mask, in the order in which `gethook` gives them.
const LETTERS: [(u8, u32); 3] = [
    (b'c', event::CALL),
    (b'r', event::RETURN),
    (b'l', event::LINE),
];

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("debug", &[("gethook", gethook)])?;
    let t = rt.library_table("debug")?;
    rt.register_one(t, "sethook", super::special, Special::SetHook)?;
    Ok(())
}

/// `debug.sethook([thread,] [function, mask [, count]])`. The call machinery runs it,
/// which reports its own return.
pub(crate) fn set_hook(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let (thread, first) = target(call);
    let function = call.arg(first);
    if function.is_nil() {
        rt.set_hook(thread, Value::NIL, 0, 0)?;
        return call.ret0();
    }
    let letters = call.check_string(first + 1)?;
    let function = call.check_function(first).map(|_| function)?;
    let count = call.opt_int(first + 2, 0)?;
    let letters = rt.str_bytes(letters);
    let mut mask = 0;
    for (letter, event) in LETTERS {
        if letters.contains(&letter) {
            mask |= event;
        }
    }
    let period = count.max(0) as u32;
    if period > 0 {
        mask |= event::COUNT;
    }
    let function = if mask == 0 { Value::NIL } else { function };
    rt.set_hook(thread, function, mask, period)?;
    call.ret0()
}

/// `debug.gethook([thread])`: function, mask and count.
fn gethook(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let (thread, _) = target(call);
    let (function, mask, period) = rt.hook_of(thread);
    let mut letters = [0; LETTERS.len()];
    let mut n = 0;
    for (letter, event) in LETTERS {
        if mask & event != 0 {
            letters[n] = letter;
            n += 1;
        }
    }
    let letters = rt.intern(&letters[..n])?;
    call.ret_many(&[function, letters.value(), Value::number(period as f64)])
}

/// The thread that is meant, and the number of arguments that say so.
fn target(call: &Call) -> (ThreadRef, u32) {
    match thread_argument(call) {
        (Some(thread), n) => (thread, n),
        // SAFETY: plain field.
        (None, n) => (ThreadRef(unsafe { (*call.rt().vm()).thread }), n),
    }
}
