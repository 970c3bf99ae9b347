//! `debug`: what runs, and the variables of functions. `traceback` has its own file.
//!
//! Shows only what a Lua program may see: cells and the registers of loops stay
//! hidden. Variables that a closure captured by value belong to that closure alone,
//! so `setupvalue` changes them in no other.

use super::Functions;
use crate::error::{FrameInfo, Raise};
use crate::heap::{CellRef, ClosureRef, Header, NoMemory, ProtoRef, Rt, StrRef, TableRef};
use crate::native::{Call, Results};
use crate::proto::{CLOSURE_UPVALUES, LocalDesc, Proto, UpvalueDesc};
use crate::thread::Status;
use crate::value::{Type, Value, tag};

const FUNCTIONS: &Functions = &[
    ("getinfo", getinfo),
    ("getlocal", getlocal),
    ("getmetatable", getmetatable),
    ("getregistry", getregistry),
    ("getupvalue", getupvalue),
    ("setmetatable", setmetatable),
    ("setupvalue", setupvalue),
];

/// Longest form of a chunk name in messages.
const CHUNK_ID: usize = 60;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("debug", FUNCTIONS)
}

/// The frame at a level of the running thread: 0 is the running function.
pub(super) fn frame_at(rt: Rt, level: u32) -> Option<FrameInfo> {
    level_below(rt, rt.top_frame(), level)
}

fn level_below(rt: Rt, top: FrameInfo, level: u32) -> Option<FrameInfo> {
    let mut frame = top;
    for _ in 0..level {
        frame = rt.caller_of(&frame)?;
    }
    // The bottom of a stack is a frame without a function.
    frame.function.is_function().then_some(frame)
}

/// The thread that the first argument may be, and the number of arguments it takes.
pub(super) fn thread_argument(call: &Call) -> (Option<crate::heap::ThreadRef>, u32) {
    match crate::heap::ThreadRef::from_value(call.arg(0)) {
        Some(t) => (Some(t), 1),
        None => (None, 0),
    }
}

/// The frame at a level of a thread, `None` for the running one.
fn frame_of(rt: Rt, thread: Option<crate::heap::ThreadRef>, level: i64) -> Option<FrameInfo> {
    let level = u32::try_from(level).ok()?;
    let Some(t) = thread else {
        return frame_at(rt, level);
    };
    match rt.thread_status(t) {
        Status::Running => frame_at(rt, level),
        Status::Dead => None,
        Status::Suspended | Status::Normal => {
            // SAFETY: live thread.
            let (base, fresh) = unsafe { ((*rt.thread(t)).base, (*rt.thread(t)).fresh) };
            if fresh != 0 {
                return None;
            }
            // It is in `yield` or `resume`: native functions, whose frames are complete.
            let base: *mut u64 = rt.at(base);
            // SAFETY: the function's slot of a complete frame.
            let function = Value(unsafe { *base.sub(2) });
            let top = FrameInfo {
                base,
                function,
                pc: 0,
            };
            level_below(rt, top, level)
        }
    }
}

fn proto_of(rt: Rt, closure: ClosureRef) -> (ProtoRef, Proto) {
    let p = ProtoRef(rt.header(closure.0).aux);
    (p, rt.proto(p))
}

// ---- getinfo

/// `debug.getinfo([thread,] function | level [, what])`
fn getinfo(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let (thread, first) = thread_argument(call);
    let what = match call.arg(first + 1) {
        v if v.is_nil() => &b"flnSu"[..],
        _ => {
            let s = call.check_string(first + 1)?;
            rt.str_bytes(s)
        }
    };
    let subject = call.arg(first);
    let (function, frame) = if let Some(level) = rt.to_number(subject) {
        match frame_of(rt, thread, level as i64) {
            Some(frame) => (frame.function, Some(frame)),
            None => return call.ret(Value::NIL),
        }
    } else if subject.is_function() {
        (subject, None)
    } else {
        return Err(call.bad_argument(first, b"function or level expected"));
    };
    if what.iter().any(|b| !b"SlunLf".contains(b)) {
        return Err(call.bad_argument(first + 1, b"invalid option"));
    }
    let t = rt.new_table(rt.root_shape(0)?, 0)?;
    let set = |name: &str, v: Value| rt.set_member(t, name, v);
    let number = |n: i64| Value::number(n as f64);
    let closure = ClosureRef::from_value(function);
    if what.contains(&b'S') {
        describe_source(rt, t, closure)?;
    }
    if what.contains(&b'l') {
        let line = match (closure, frame) {
            (Some(c), Some(frame)) => rt.line_at(proto_of(rt, c).0, frame.pc) as i64,
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
        match frame.and_then(|frame| rt.call_name(&frame)) {
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
            rt.raw_set_int(lines, line, Value::TRUE)?;
        }
        set("activelines", lines.value())?;
    }
    if what.contains(&b'f') {
        set("func", function)?;
    }
    call.ret(t.value())
}

/// The fields that `S` asks for.
fn describe_source(rt: Rt, t: TableRef, closure: Option<ClosureRef>) -> Result<(), NoMemory> {
    let mut id = [0; CHUNK_ID];
    let (source, short, first, last, what) = match closure {
        None => (rt.intern(b"=[C]")?, &b"[C]"[..], -1.0, -1.0, "C"),
        Some(c) => {
            let proto = proto_of(rt, c).1;
            let source = StrRef(proto.source);
            let n = front_id(rt, source, &mut id);
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

fn front_id(rt: Rt, source: StrRef, out: &mut [u8; CHUNK_ID]) -> usize {
    crate::front::chunk_id(rt.str_bytes(source), out)
}

// ---- variables

/// What a register or upvalue holds for the program: the content of its cell.
fn visible(rt: Rt, v: Value) -> Value {
    match v.tag() {
        tag::CELL => rt.get(CellRef(v.payload()).0 + 8),
        tag::CURSOR => Value::NIL,
        _ => v,
    }
}

/// `debug.getlocal([thread,] level, n)`: name and value of the nth active local variable.
fn getlocal(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let (thread, first) = thread_argument(call);
    let level = call.check_int(first)?;
    let n = call.check_int(first + 1)?;
    let Some(frame) = frame_of(rt, thread, level as i64) else {
        return Err(call.bad_argument(first, b"level out of range"));
    };
    let Some(closure) = ClosureRef::from_value(frame.function) else {
        return call.ret(Value::NIL);
    };
    let proto = proto_of(rt, closure).1;
    let pc = frame.pc.wrapping_sub(proto.entry) / 8;
    let n = usize::try_from(n).ok().and_then(|n| n.checked_sub(1));
    let local = n.and_then(|n| {
        rt.slice::<LocalDesc>(proto.locals)
            .iter()
            .filter(|local| local.start_pc <= pc && pc < local.end_pc)
            .nth(n)
    });
    let Some(local) = local else {
        return call.ret(Value::NIL);
    };
    // SAFETY: a register of the frame, which lies inside its stack.
    let v = Value(unsafe { *frame.base.add(local.register as usize) });
    call.ret_many(&[local.name.value(), visible(rt, v)])
}

/// The nth upvalue of the function in argument 0: its name and where its value is.
fn upvalue(call: &Call) -> Result<Option<(StrRef, u32)>, Raise> {
    let rt = call.rt();
    let n = call.check_int(1)?;
    let f = call.check_function(0)?;
    let Some(closure) = ClosureRef::from_value(f) else {
        return Ok(None);
    };
    let upvalues = rt.slice::<UpvalueDesc>(proto_of(rt, closure).1.upvalues);
    let found = usize::try_from(n)
        .ok()
        .and_then(|n| n.checked_sub(1))
        .and_then(|i| Some((i, upvalues.get(i)?)));
    Ok(found.map(|(i, desc)| {
        let slot = closure.0 + CLOSURE_UPVALUES + i as u32 * 8;
        let held: Value = rt.get(slot);
        let place = if held.has_tag(tag::CELL) {
            held.payload() + 8
        } else {
            slot
        };
        (desc.name, place)
    }))
}

fn getupvalue(call: &mut Call) -> Result<Results, Raise> {
    match upvalue(call)? {
        Some((name, place)) => {
            let v = call.rt().get(place);
            call.ret_many(&[name.value(), v])
        }
        None => call.ret0(),
    }
}

fn setupvalue(call: &mut Call) -> Result<Results, Raise> {
    let v = call.check_any(2)?;
    match upvalue(call)? {
        Some((name, place)) => {
            call.rt().set(place, v);
            call.ret(name.value())
        }
        None => call.ret0(),
    }
}

// ---- metatables

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

/// `debug.setmetatable(value, metatable | nil)`. Types whose values share a metatable
/// can't have one, except for strings.
fn setmetatable(call: &mut Call) -> Result<Results, Raise> {
    let v = call.arg(0);
    let meta = call.check_nil_or_table(1)?.map_or(0, |t| t.0);
    let rt = call.rt();
    match v.type_of() {
        Type::Table => rt.set_table_meta(TableRef(v.payload()), meta)?,
        Type::Userdata => {
            let header = rt.header(v.payload());
            rt.set(
                v.payload(),
                Header {
                    aux: meta,
                    ..header
                },
            );
            rt.bump_epoch();
        }
        Type::String => {
            // SAFETY: plain field, a root.
            unsafe { (*rt.vm()).string_meta = meta };
            rt.bump_epoch();
        }
        _ if meta == 0 => {}
        _ => return Err(rt.raise_text(b"values of this type can't have a metatable")),
    }
    call.ret(Value::TRUE)
}
