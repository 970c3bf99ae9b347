//! `debug.getinfo`: functions and levels described. The rest of `debug` lies in
//! `variables`, `metatables`, `hook` and `traceback`.

use super::Functions;
use crate::error::{FrameInfo, Raise};
use crate::heap::{ClosureRef, NoMemory, ProtoRef, Rt, StrRef, TableRef};
use crate::levels::Level;
use crate::native::{Call, Results};
use crate::proto::Proto;
use crate::value::Value;

const FUNCTIONS: &Functions = &[("getinfo", getinfo)];

/// Longest form of a chunk name in messages.
const CHUNK_ID: usize = 60;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("debug", FUNCTIONS)
}

/// The thread that the first argument may be, and the number of arguments it takes.
pub(super) fn thread_argument(call: &Call) -> (Option<crate::heap::ThreadRef>, u32) {
    match crate::heap::ThreadRef::from_value(call.arg(0)) {
        Some(t) => (Some(t), 1),
        None => (None, 0),
    }
}

pub(super) fn proto_of(rt: Rt, closure: ClosureRef) -> (ProtoRef, Proto) {
    let p = ProtoRef(rt.header(closure.0).aux);
    (p, rt.proto(p))
}

// ---- getinfo

/// `debug.getinfo([thread,] function | level [, what])`
fn getinfo(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let (thread, first) = thread_argument(call);
    let thread = thread.unwrap_or(rt.running());
    let what = match call.arg(first + 1) {
        v if v.is_nil() => &b"flnSu"[..],
        _ => {
            let s = call.check_string(first + 1)?;
            rt.str_bytes(s)
        }
    };
    let subject = call.arg(first);
    let level = if let Some(level) = rt.to_number(subject) {
        match rt.level(thread, level as i32 as i64) {
            Some(level) => level,
            None => return call.ret(Value::NIL),
        }
    } else if subject.is_function() {
        Level::Frame(FrameInfo {
            base: core::ptr::null_mut(),
            function: subject,
            pc: 0,
            limit: 0,
        })
    } else {
        return Err(call.bad_argument(first, b"function or level expected"));
    };
    if what.iter().any(|b| !b"SlunLf".contains(b)) {
        return Err(call.bad_argument(first + 1, b"invalid option"));
    }
    let t = rt.new_table(rt.root_shape(0)?, 0)?;
    match level {
        Level::Frame(frame) => describe(rt, t, &frame, what)?,
        Level::Tail => describe_tail(rt, t, what)?,
    }
    call.ret(t.value())
}

/// What is known of a function, and of its frame if it has one.
fn describe(rt: Rt, t: TableRef, frame: &FrameInfo, what: &[u8]) -> Result<(), NoMemory> {
    let set = |name: &str, v: Value| rt.set_member(t, name, v);
    let number = |n: i64| Value::number(n as f64);
    let closure = ClosureRef::from_value(frame.function);
    let is_active = !frame.base.is_null();
    if what.contains(&b'S') {
        describe_source(rt, t, closure)?;
    }
    if what.contains(&b'l') {
        let line = match closure {
            Some(c) if is_active => rt.line_at(proto_of(rt, c).0, frame.pc) as i64,
            _ => -1,
        };
        set("currentline", number(line))?;
    }
    if what.contains(&b'u') {
        // What native functions keep in theirs is their own business.
        let n = closure.map_or(0, |c| rt.header(c.0).b2);
        set("nups", number(n as i64))?;
    }
    if what.contains(&b'n') {
        let name = if is_active { rt.call_name(frame) } else { None };
        match name {
            Some((kind, name)) => {
                set("name", name.value())?;
                set("namewhat", rt.intern(kind.as_bytes())?.value())?;
            }
            None => set("namewhat", rt.empty_string().value())?,
        }
    }
    if what.contains(&b'L')
        && let Some(c) = closure
    {
        let lines = rt.new_table(rt.root_shape(0)?, 0)?;
        for &line in rt.slice::<u32>(proto_of(rt, c).1.lines) {
            if line != 0 {
                rt.raw_set_int(lines, line, Value::TRUE)?;
            }
        }
        set("activelines", lines.value())?;
    }
    if what.contains(&b'f') {
        set("func", frame.function)?;
    }
    Ok(())
}

/// A level that a tail call has replaced: nothing is known.
fn describe_tail(rt: Rt, t: TableRef, what: &[u8]) -> Result<(), NoMemory> {
    let empty = rt.empty_string().value();
    let minus_one = Value::number(-1.0);
    if what.contains(&b'S') {
        let source = rt.intern(b"=(tail call)")?;
        rt.set_member(t, "source", source.value())?;
        rt.set_member(t, "short_src", rt.intern(b"(tail call)")?.value())?;
        rt.set_member(t, "linedefined", minus_one)?;
        rt.set_member(t, "lastlinedefined", minus_one)?;
        rt.set_member(t, "what", rt.intern(b"tail")?.value())?;
    }
    if what.contains(&b'l') {
        rt.set_member(t, "currentline", minus_one)?;
    }
    if what.contains(&b'u') {
        rt.set_member(t, "nups", Value::number(0.0))?;
    }
    if what.contains(&b'n') {
        rt.set_member(t, "name", empty)?;
        rt.set_member(t, "namewhat", empty)?;
    }
    Ok(())
}

/// The fields that `S` asks for.
fn describe_source(rt: Rt, t: TableRef, closure: Option<ClosureRef>) -> Result<(), NoMemory> {
    let mut id = [0; CHUNK_ID];
    let (source, short, first, last, what) = match closure {
        None => (rt.intern(b"=[C]")?, &b"[C]"[..], -1.0, -1.0, "C"),
        Some(c) => {
            let proto = proto_of(rt, c).1;
            let source = StrRef(proto.source);
            let n = crate::front::chunk_id(rt.str_bytes(source), &mut id);
            let (first, last) = (proto.line_defined as f64, proto.last_line as f64);
            let is_main = proto.line_defined == 0;
            let what = if is_main { "main" } else { "Lua" };
            (source, id.get(..n).unwrap_or(&[]), first, last, what)
        }
    };
    rt.set_member(t, "source", source.value())?;
    rt.set_member(t, "short_src", rt.intern(short)?.value())?;
    rt.set_member(t, "linedefined", Value::number(first))?;
    rt.set_member(t, "lastlinedefined", Value::number(last))?;
    rt.set_member(t, "what", rt.intern(what.as_bytes())?.value())
}
