//! The parts of `io` and `os` that the embedder's hooks are enough for. The host
//! adds the rest to the same tables.

use crate::error::Raise;
use crate::heap::{NoMemory, Rt};
use crate::native::{Call, Results};
use crate::value::Value;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("io", &[("write", write)])?;
    rt.register("os", &[("clock", clock)])
}

/// `io.write(...)`: strings and numbers, as they are.
fn write(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let hooks = rt.hooks();
    let mut digits = [0; 32];
    for i in 0..call.count() {
        let v = call.arg(i);
        if !v.is_number() {
            // What comes before is written already, so this can't be left to a repetition.
            call.surely(|call| call.check_string(i).map(|_| ()))?;
        }
        (hooks.write)(hooks.context, rt.text_of(v, &mut digits));
    }
    call.ret(Value::TRUE)
}

fn clock(call: &mut Call) -> Result<Results, Raise> {
    let hooks = call.rt().hooks();
    let seconds = (hooks.clock)(hooks.context);
    call.ret(Value::number(seconds))
}
