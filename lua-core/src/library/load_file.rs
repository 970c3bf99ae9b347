//! Functions made of files: `dofile` and `loadfile`, for VMs that have a system.
//! `package` finds the files of modules and loads them through here.

use super::builder::Builder;
use super::files::{ReadError, Reader, c_text, describe};
use super::load::compile;
use crate::error::Raise;
use crate::front::without_first_comment;
use crate::heap::{NoMemory, Rt, StrRef};
use crate::native::{Call, Results};
use crate::system::{FileId, OpenMode, System, SystemError};
use crate::value::Value;

/// Bytes of source that cost one tick of fuel.
const SOURCE_BYTES_PER_TICK: u64 = 16;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("", &[("dofile", dofile), ("loadfile", loadfile)])
}

/// The function that a file holds, or that standard input does; or a message, as the
/// reference's `luaL_loadfile` gives them. Never `NoMemory` once the file is open.
pub(super) fn load_file(
    call: &mut Call,
    name: Option<StrRef>,
) -> Result<Result<Value, StrRef>, Raise> {
    let rt = call.rt();
    let system = rt.system().ok_or(Raise::Error)?;
    let mut chunk_name = Builder::new(rt);
    match name {
        Some(name) => {
            chunk_name.push(b"@")?;
            chunk_name.push(c_text(rt.str_bytes(name)))?;
        }
        None => chunk_name.push(b"=stdin")?,
    }
    let mut source = Builder::new(rt);
    match read_all(call, system, name, &mut source)? {
        Ok(()) => {}
        Err((what, error)) => {
            let shown = chunk_name.bytes().get(1..).unwrap_or(&[]);
            let refused = call.surely(|_| {
                let mut text = Builder::new(rt);
                text.push(b"cannot ")?;
                text.push(what)?;
                text.push(b" ")?;
                text.push(shown)?;
                text.push(b": ")?;
                describe(&mut text, system, error)?;
                Ok(text.finish()?)
            });
            return refused.map(Err);
        }
    }
    let bytes = without_first_comment(source.bytes());
    let (function, message) = call.surely(|_| Ok(compile(rt, bytes, chunk_name.bytes())?))?;
    call.charge(bytes.len() as u64 / SOURCE_BYTES_PER_TICK);
    Ok(match StrRef::from_value(message) {
        Some(message) if function.is_nil() => Err(message),
        _ => Ok(function),
    })
}

/// What the system refused to do with the file, if anything.
type Refused = Result<(), (&'static [u8], SystemError)>;

/// All bytes of a file, or of the rest of standard input.
fn read_all(
    call: &mut Call,
    system: &dyn System,
    name: Option<StrRef>,
    into: &mut Builder,
) -> Result<Refused, Raise> {
    let file = match name {
        Some(name) => {
            let name = c_text(call.rt().str_bytes(name));
            let opened = OpenMode::parse(b"r").and_then(|mode| system.open(name, mode));
            match opened {
                Ok(file) => file,
                Err(error) => return Ok(Err((b"open", error))),
            }
        }
        None => FileId::INPUT,
    };
    let read = Reader { system, file }.bytes(call, into, usize::MAX);
    if name.is_some() {
        // It was only read: there is nothing to lose.
        let _ = system.close(file);
    }
    match read {
        Ok(()) => Ok(Ok(())),
        Err(ReadError::System(error)) => Ok(Err((b"read", error))),
        Err(ReadError::Raise(raise)) => Err(raise),
    }
}

fn file_argument(call: &mut Call) -> Result<Option<StrRef>, Raise> {
    match call.arg(0) {
        v if v.is_nil() => Ok(None),
        _ => call.check_string(0).map(Some),
    }
}

fn loadfile(call: &mut Call) -> Result<Results, Raise> {
    let name = file_argument(call)?;
    match load_file(call, name)? {
        Ok(function) => call.ret(function),
        Err(message) => call.ret_many(&[Value::NIL, message.value()]),
    }
}

fn dofile(call: &mut Call) -> Result<Results, Raise> {
    let name = file_argument(call)?;
    match load_file(call, name)? {
        Ok(function) => {
            call.surely(|call| call.push(function))?;
            let n = call.call_surely(function, &[])?;
            for i in 0..n {
                // Results lie above the place that they go to.
                let v = call.call_result(i, n);
                call.put(i, v);
            }
            call.results(n)
        }
        Err(message) => Err(call.rt().raise_value(message.value())),
    }
}
