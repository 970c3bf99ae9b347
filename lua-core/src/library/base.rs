//! Basic functions.

use super::Functions;
use crate::error::Raise;
use crate::heap::{NoMemory, Rt};
use crate::native::{Call, Results, Special};
use crate::state::Event;
use crate::value::{Type, Value};

const FUNCTIONS: &Functions = &[("print", print), ("tostring", tostring), ("type", type_)];

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("", FUNCTIONS)?;
    let g = rt.globals();
    rt.register_one(g, "pcall", super::special, Special::Pcall)?;
    rt.register_one(g, "xpcall", super::special, Special::Xpcall)?;
    Ok(())
}

/// The embedder's message handler: the message with a traceback.
pub(crate) fn traceback_handler(call: &mut Call) -> Result<Results, Raise> {
    let v = call.arg(0);
    call.ret(v)
}

/// Never called: body of special natives.
pub(crate) fn unreachable_native(call: &mut Call) -> Result<Results, Raise> {
    call.ret0()
}

/// `tostring(v)`: the text as a string value; calls `__tostring`.
pub(crate) fn to_display(call: &mut Call, v: Value) -> Result<Value, Raise> {
    let rt = call.rt();
    let h = rt.event_handler(rt.metatable_of(v), Event::ToString);
    if !h.is_nil() {
        let n = call.call(h, &[v])?;
        let r = call.call_result(0, n);
        return Ok(r);
    }
    Ok(match v.type_of() {
        Type::Number => rt.number_to_string(v.as_f64())?.value(),
        Type::String => v,
        Type::Nil => rt.intern(b"nil")?.value(),
        Type::Boolean => rt
            .intern(if v == Value::TRUE { b"true" } else { b"false" })?
            .value(),
        _ => rt.intern(v.type_of().name().as_bytes())?.value(),
    })
}

fn print(call: &mut Call) -> Result<Results, Raise> {
    let hooks = call.rt().hooks();
    for i in 0..call.count() {
        let v = call.arg(i);
        let s = to_display(call, v)?;
        let mut digits = [0; 32];
        if i > 0 {
            (hooks.write)(hooks.context, b"\t");
        }
        (hooks.write)(hooks.context, call.rt().text_of(s, &mut digits));
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
    call.ret(crate::heap::StrRef(name).value())
}
