//! `coroutine`. Switching stacks is the call machinery's business (`calls.rs`);
//! `resume`, `yield` and wrapped functions are carried out there.

use super::Functions;
use crate::error::Raise;
use crate::heap::{NoMemory, Rt, ThreadRef};
use crate::native::{Call, Results, Special};
use crate::shortcuts::Shortcut;
use crate::thread::Status;
use crate::value::{Value, tag};

const FUNCTIONS: &Functions = &[
    ("create", create),
    ("running", running),
    ("status", status),
    ("wrap", wrap),
];

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("coroutine", FUNCTIONS)?;
    let t = rt.library_table("coroutine")?;
    rt.register_one(t, "resume", super::special, Special::Resume)?;
    rt.register_one(t, "yield", super::special, Special::Yield)?;
    Ok(())
}

impl Rt {
    /// Puts the position of the caller before an error that comes out of a wrapped
    /// function, if it is text. Without memory for it the error stays as it is. The
    /// frame of the wrapped function is the running one.
    pub(crate) fn prefix_error(self) {
        // SAFETY: plain field.
        let v = unsafe { (*self.vm()).error_value };
        let is_text = v.is_number() || v.has_tag(tag::STRING);
        if is_text && super::base::raise_at(self, 1, v) == Raise::NoMemory {
            self.collect();
            let _ = self.with_retry(|| super::base::raise_at(self, 1, v));
        }
    }
}

/// A coroutine that will run the Lua function in argument 0.
fn new_coroutine(call: &mut Call) -> Result<ThreadRef, Raise> {
    let f = call.arg(0);
    if !f.has_tag(tag::CLOSURE) {
        return Err(call.bad_argument(0, b"Lua function expected"));
    }
    let rt = call.rt();
    // SAFETY: live thread.
    let env = unsafe { (*rt.current()).env };
    let t = rt.new_thread(env, crate::thread::FIRST_SLOTS)?;
    // The function waits in its place below the first frame's base.
    // SAFETY: live thread.
    rt.set(unsafe { (*rt.thread(t)).base } - 16, f);
    Ok(t)
}

fn create(call: &mut Call) -> Result<Results, Raise> {
    let t = new_coroutine(call)?;
    call.ret(t.value())
}

fn wrap(call: &mut Call) -> Result<Results, Raise> {
    let t = new_coroutine(call)?;
    let rt = call.rt();
    let upvalues = [t.value()];
    let f = rt.new_native(
        super::special,
        Special::Wrapped as u8,
        0,
        rt.globals().0,
        &upvalues,
    )?;
    rt.set_shortcut(f, Shortcut::Wrapped as u32);
    call.ret(f.value())
}

fn status(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_thread(0)?;
    let rt = call.rt();
    let name: &[u8] = match rt.thread_status(t) {
        Status::Suspended => b"suspended",
        Status::Running => b"running",
        Status::Normal => b"normal",
        Status::Dead => b"dead",
    };
    call.ret_bytes(name)
}

fn running(call: &mut Call) -> Result<Results, Raise> {
    // SAFETY: plain fields.
    let (t, main) = unsafe { ((*call.rt().vm()).thread, (*call.rt().vm()).main_thread) };
    call.ret(if t == main {
        Value::NIL
    } else {
        ThreadRef(t).value()
    })
}
