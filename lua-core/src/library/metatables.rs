//! `debug`: metatables and environments of any value, and the registry.

use super::Functions;
use crate::error::Raise;
use crate::heap::userdata::Userdata;
use crate::heap::{NoMemory, Rt, TableRef, UserdataRef};
use crate::native::{Call, Results};
use crate::proto::{Closure, Native};
use crate::value::{Type, Value, tag};
use core::mem::offset_of;

const FUNCTIONS: &Functions = &[
    ("getfenv", getfenv),
    ("getmetatable", getmetatable),
    ("getregistry", getregistry),
    ("setfenv", setfenv),
    ("setmetatable", setmetatable),
];

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("debug", FUNCTIONS)
}

fn getregistry(call: &mut Call) -> Result<Results, Raise> {
    // SAFETY: plain field.
    let registry = TableRef(unsafe { (*call.rt().vm()).registry });
    call.ret(registry.value())
}

fn getmetatable(call: &mut Call) -> Result<Results, Raise> {
    let v = call.check_any(0)?;
    let meta = call.rt().metatable_of(v);
    call.ret(if meta == 0 {
        Value::NIL
    } else {
        TableRef(meta).value()
    })
}

/// `debug.setmetatable(value, metatable | nil)`. All values of a type other than tables
/// and userdata share one.
fn setmetatable(call: &mut Call) -> Result<Results, Raise> {
    let v = call.arg(0);
    let meta = call.check_nil_or_table(1)?.map_or(0, |t| t.0);
    let rt = call.rt();
    match v.type_of() {
        Type::Table => rt.set_table_meta(TableRef(v.payload()), meta)?,
        Type::Userdata => {
            rt.set_userdata_meta(UserdataRef(v.payload()), meta);
        }
        t => {
            // SAFETY: plain field, a root.
            unsafe { (*rt.vm()).type_meta[t as usize] = meta };
            rt.bump_epoch();
        }
    }
    call.ret(Value::TRUE)
}

/// Offset of the reference to a value's environment, if it has one.
fn environment_of(rt: Rt, v: Value) -> Option<u32> {
    let field = match v.tag() {
        tag::CLOSURE => offset_of!(Closure, env),
        tag::NATIVE => offset_of!(Native, env),
        tag::USERDATA => offset_of!(Userdata, env),
        tag::THREAD => {
            // SAFETY: a live thread.
            let env = unsafe { &raw const (*rt.thread(crate::heap::ThreadRef(v.payload()))).env };
            return Some(rt.offset_of(env));
        }
        _ => return None,
    };
    Some(v.payload() + field as u32)
}

/// `debug.getfenv(value)`: nil for values without an environment.
fn getfenv(call: &mut Call) -> Result<Results, Raise> {
    let v = call.check_any(0)?;
    let rt = call.rt();
    let env: u32 = environment_of(rt, v).map_or(0, |at| rt.get(at));
    call.ret(if env == 0 {
        Value::NIL
    } else {
        TableRef(env).value()
    })
}

/// `debug.setfenv(value, table)`: gives the value back.
fn setfenv(call: &mut Call) -> Result<Results, Raise> {
    let env = call.check_table(1)?;
    let v = call.arg(0);
    let rt = call.rt();
    match environment_of(rt, v) {
        Some(at) => {
            rt.barrier_object(v.payload(), env.0);
            rt.set(at, env.0);
        }
        None => {
            let message = b"'setfenv' cannot change environment of given object";
            return Err(rt.raise_text(message));
        }
    }
    call.ret(v)
}
