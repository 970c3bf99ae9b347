//! Basic functions that make functions and environments: `loadstring`, `load`,
//! `getfenv`, `setfenv`, and `newproxy` and `string.dump`.
//!
//! An environment may be any table. Global accesses of a function cache only what
//! the shape of a table with properties out of line tells; all else takes the slow
//! path, so nothing has to be told here when a function gets another environment.

use super::builder::Builder;
use crate::chunk::{self, make_function};
use crate::error::{Raise, Text};
use crate::front::CompileError;
use crate::heap::{Buffer, ClosureRef, NoMemory, ProtoRef, Rt, StrRef, TableRef};
use crate::levels::Level;
use crate::native::{Call, Results, Special};
use crate::proto::Closure;
use crate::value::{Type, Value};
use core::mem::offset_of;

/// Bytes of source that cost one tick of fuel.
const SOURCE_BYTES_PER_TICK: u64 = 16;
/// Header byte `b3` of userdata that `newproxy` made.
const IS_PROXY: u8 = 1;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register(
        "",
        &[
            ("getfenv", getfenv),
            ("loadstring", loadstring),
            ("newproxy", newproxy),
            ("setfenv", setfenv),
        ],
    )?;
    rt.register("string", &[("dump", dump)])?;
    // `load` calls its reader through a `pcall` of its own.
    let g = rt.globals();
    let protected = rt.new_native(super::special, Special::Pcall as u8, 0, g.0, &[])?;
    let name = rt.intern(b"load")?;
    let load = rt.new_native(load, 0, name.0, g.0, &[protected.value()])?;
    rt.raw_set_str(g, name, load.value())
}

// ---- chunks

/// A chunk name as the reference gets it: up to a NUL.
fn chunk_name(name: &[u8]) -> &[u8] {
    name.split(|&b| b == 0).next().unwrap_or(&[])
}

/// Makes a function of a chunk in the environment of the running thread: the
/// result, or nil and the message. `NoMemory` leaves nothing behind.
pub(super) fn compile(rt: Rt, source: &[u8], name: &[u8]) -> Result<(Value, Value), NoMemory> {
    // SAFETY: the live running thread.
    let env = unsafe { (*rt.current()).env };
    match make_function(rt, source, chunk_name(name), env) {
        Ok(closure) => Ok((closure.value(), Value::NIL)),
        Err(CompileError::Syntax(message)) => Ok((Value::NIL, message.value())),
        Err(CompileError::NoMemory) => Err(NoMemory),
    }
}

/// One result, or nil and a message.
fn give(call: &mut Call, (function, message): (Value, Value)) -> Result<Results, Raise> {
    call.put(0, function);
    if !function.is_nil() {
        return call.results(1);
    }
    call.put(1, message);
    call.results(2)
}

fn loadstring(call: &mut Call) -> Result<Results, Raise> {
    let source = call.check_string(0)?;
    let name = match call.arg(1) {
        v if v.is_nil() => source,
        _ => call.check_string(1)?,
    };
    let rt = call.rt();
    let source = rt.str_bytes(source);
    let result = compile(rt, source, rt.str_bytes(name))?;
    call.charge(source.len() as u64 / SOURCE_BYTES_PER_TICK);
    give(call, result)
}

fn load(call: &mut Call) -> Result<Results, Raise> {
    let name = match call.arg(1) {
        v if v.is_nil() => None,
        _ => Some(call.check_string(1)?),
    };
    let reader = call.check_function(0)?;
    let rt = call.rt();
    let protected = call.upvalue(0);
    // Where a piece is kept alive until it is copied.
    let kept = call.push(Value::NIL)?;
    let mut source = Builder::new(rt);
    let name = name.map_or(&b"=(load)"[..], |s| rt.str_bytes(s));
    // A reader isn't called any more once an error is certain. Looking for one takes as
    // long as compiling: it's done from the second piece on, each time the text has doubled.
    let mut checked = None;
    // From here on there are side effects: nothing may ask for a repetition.
    loop {
        call.surely(|call| call.reserve(8))?;
        let n = call.call(protected, &[reader])?;
        let piece = call.call_result(1, n);
        if call.call_result(0, n) != Value::TRUE {
            return give(call, (Value::NIL, piece));
        }
        if piece.is_nil() {
            break;
        }
        if !piece.is_number() && StrRef::from_value(piece).is_none() {
            let text = b"reader function must return a string";
            return match call.surely(|_| Err::<(), _>(rt.raise_text(text))) {
                Err(Raise::Error) => {
                    // SAFETY: plain field; the value was just put there.
                    let message = unsafe { (*rt.vm()).error_value };
                    give(call, (Value::NIL, message))
                }
                Err(other) => Err(other),
                Ok(()) => call.ret0(),
            };
        }
        call.set_arg(kept, piece);
        let mut digits = [0; 32];
        let text = rt.text_of(piece, &mut digits);
        if text.is_empty() {
            break;
        }
        call.surely(|_| Ok(source.push(text)?))?;
        let length = source.bytes().len();
        if checked.is_some_and(|n| length >= n) {
            call.charge(length as u64 / SOURCE_BYTES_PER_TICK);
            // SAFETY: plain field.
            let limit = unsafe { (*rt.vm()).native_stack_limit };
            let name = chunk_name(name);
            let error =
                call.surely(|_| Ok(crate::front::early_error(rt, source.bytes(), name, limit)?))?;
            if let Some(message) = error {
                return give(call, (Value::NIL, message.value()));
            }
        }
        if checked.is_none_or(|n| length >= n) {
            checked = Some(length * 2);
        }
    }
    let result = call.surely(|_| Ok(compile(rt, source.bytes(), name)?))?;
    call.charge(source.bytes().len() as u64 / SOURCE_BYTES_PER_TICK);
    give(call, result)
}

/// `string.dump(function)`: a binary chunk.
fn dump(call: &mut Call) -> Result<Results, Raise> {
    let f = call.check_function(0)?;
    let rt = call.rt();
    let Some(closure) = ClosureRef::from_value(f) else {
        return Err(rt.raise_text(b"unable to dump given function"));
    };
    let mut out: Buffer<u8> = Buffer::new();
    let dumped = chunk::dump(rt, ProtoRef(rt.header(closure.0).aux), &mut out);
    call.charge(out.len() as u64 / SOURCE_BYTES_PER_TICK);
    let s = dumped.and_then(|()| rt.intern(&out));
    out.free(rt);
    call.ret(s?.value())
}

// ---- environments

/// The function that argument 0 is, or that runs at the level it names.
fn function(call: &Call, default: Option<i32>) -> Result<Value, Raise> {
    let v = call.arg(0);
    if v.is_function() {
        return Ok(v);
    }
    let level = match default {
        Some(default) => call.opt_int(0, default)?,
        None => call.check_int(0)?,
    };
    let Ok(level) = u32::try_from(level) else {
        return Err(call.bad_argument(0, b"level must be non-negative"));
    };
    let rt = call.rt();
    match rt.level(rt.running(), level as i64) {
        Some(Level::Frame(frame)) => Ok(frame.function),
        Some(Level::Tail) => {
            let mut text = Text::new();
            text.push(b"no function environment for tail call at level ");
            text.push_number(level);
            Err(rt.raise_text(text.bytes()))
        }
        None => Err(call.bad_argument(0, b"invalid level")),
    }
}

fn getfenv(call: &mut Call) -> Result<Results, Raise> {
    let f = function(call, Some(1))?;
    let rt = call.rt();
    let env = match ClosureRef::from_value(f) {
        Some(closure) => rt.closure(closure).env,
        // Native functions have no environment of their own.
        // SAFETY: the live running thread.
        None => unsafe { (*rt.current()).env },
    };
    call.ret(TableRef(env).value())
}

fn setfenv(call: &mut Call) -> Result<Results, Raise> {
    let env = call.check_table(1)?;
    let f = function(call, None)?;
    let rt = call.rt();
    let level = call.arg(0);
    if !level.is_function() && rt.to_number(level) == Some(0.0) {
        // SAFETY: the live running thread.
        unsafe { (*rt.current()).env = env.0 };
        return call.ret0();
    }
    let Some(closure) = ClosureRef::from_value(f) else {
        let message = b"'setfenv' cannot change environment of given object";
        return Err(rt.raise_text(message));
    };
    set_environment(rt, closure, env);
    call.ret(f)
}

/// Gives a function another environment.
pub(super) fn set_environment(rt: Rt, closure: ClosureRef, env: TableRef) {
    rt.barrier_object(closure.0, env.0);
    rt.set(closure.0 + offset_of!(Closure, env) as u32, env.0);
}

// ---- userdata

/// `newproxy([boolean | proxy])`: a userdata without anything, with a new metatable, or
/// with that of another one.
fn newproxy(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let v = call.arg(0);
    let meta = match v.type_of() {
        _ if v.is_falsy() => 0,
        Type::Boolean => rt.new_table(rt.root_shape(0)?, 0)?.0,
        Type::Userdata if rt.header(v.payload()).b3 == IS_PROXY && rt.metatable_of(v) != 0 => {
            rt.metatable_of(v)
        }
        _ => return Err(call.bad_argument(0, b"boolean or proxy expected")),
    };
    let proxy = rt.new_userdata(IS_PROXY, 0, meta, rt.globals().0)?;
    call.ret(proxy.value())
}
