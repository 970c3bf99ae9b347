//! `debug.debug`: commands from standard input, for VMs that have a system.

use super::files::{ReadError, Reader};
use super::load::compile;
use crate::error::Raise;
use crate::heap::{NoMemory, Rt};
use crate::native::{Call, Results, Special};
use crate::system::{FileId, System};
use crate::value::Value;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    // Commands run under a `pcall` of its own.
    let g = rt.globals();
    let protected = rt.new_native(super::special, Special::Pcall as u8, 0, g.0, &[])?;
    let name = rt.intern(b"debug")?;
    let debug = rt.new_native(debug, 0, name.0, g.0, &[protected.value()])?;
    let t = rt.library_table("debug")?;
    rt.raw_set_str(t, name, debug.value())
}

/// Writes to standard error; that it can't is nobody's business here.
fn tell(system: &dyn System, text: &[u8]) {
    let _ = system.write(FileId::ERROR, text);
    let _ = system.flush(FileId::ERROR);
}

/// `debug.debug()`: runs lines as chunks until one says `cont`, or there are none left.
fn debug(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let Some(system) = rt.system() else {
        return call.ret0();
    };
    let protected = call.upvalue(0);
    let reader = Reader {
        system,
        file: FileId::INPUT,
    };
    // Where the line, and then its function, is kept alive.
    let kept = call.push(Value::NIL)?;
    loop {
        tell(system, b"lua_debug> ");
        let line = match reader.line(call) {
            Ok(Some(line)) => line,
            Ok(None) | Err(ReadError::System(_)) => return call.ret0(),
            Err(ReadError::Raise(raise)) => return Err(raise),
        };
        call.set_arg(kept, line);
        let mut digits = [0; 32];
        let source = rt.text_of(line, &mut digits);
        if source == b"cont" {
            return call.ret0();
        }
        let chunk = call.surely(|_| Ok(compile(rt, source, b"=(debug command)")?))?;
        let (function, mut message) = chunk;
        if !function.is_nil() {
            call.set_arg(kept, function);
            let n = call.call_surely(protected, &[function])?;
            if call.call_result(0, n) == Value::TRUE {
                continue;
            }
            message = call.call_result(1, n);
        }
        let shown = if message.is_number() || crate::heap::StrRef::from_value(message).is_some() {
            rt.text_of(message, &mut digits)
        } else {
            b"(null)"
        };
        tell(system, shown);
        tell(system, b"\n");
    }
}
