//! Tracebacks, as `debug.traceback` of the reference writes them, and the message
//! handler that puts them behind error messages.

use super::builder::Builder;
use super::debug::thread_argument;
use crate::error::{FrameInfo, Raise, Text};
use crate::heap::{ClosureRef, NoMemory, ProtoRef, Rt, StrRef, ThreadRef};
use crate::levels::Level;
use crate::native::{Call, Results};
use crate::value::Value;

/// Levels shown from the top; levels count from the function that makes the
/// traceback, also if the first few aren't shown.
const FIRST: i64 = 12;
/// Levels shown at the bottom.
const LAST: i64 = 10;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("debug", &[("traceback", traceback)])
}

/// The embedder's message handler: the message with a traceback. Messages that
/// are no text pass unchanged.
pub(crate) fn traceback_handler(call: &mut Call) -> Result<Results, Raise> {
    let v = call.arg(0);
    if !v.is_number() && StrRef::from_value(v).is_none() {
        return call.ret(v);
    }
    // In the reference the handler calls `debug.traceback`: one level more.
    let s = with_traceback(call.rt(), call.rt().running(), Some(v), 1, 1)?;
    call.ret(s.value())
}

/// `message` with the frames of the running thread, from the running function on.
pub(crate) fn traced(rt: Rt, message: Value) -> Result<StrRef, NoMemory> {
    with_traceback(rt, rt.running(), Some(message), 0, 1)
}

/// `debug.traceback([thread,] [message [, level]])`. Follows the reference to the
/// letter in what it does with odd arguments.
fn traceback(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let (thread, first) = thread_argument(call);
    let running = rt.running();
    let thread = thread.unwrap_or(running);
    let mut count = call.count();
    let mut level = (thread == running) as i64;
    if let Some(n) = rt.to_number(call.arg(first + 1))
        && count > first + 1
    {
        level = n as i32 as i64;
        count = first + 1;
    }
    let message = call.arg(first);
    if count > first && !message.is_number() && StrRef::from_value(message).is_none() {
        return call.ret(if count > first + 1 {
            call.arg(count - 1)
        } else {
            message
        });
    }
    // A level that is no number is taken for more of the message.
    let mut message = (count > first).then_some(message);
    for i in first + 1..count.min(first + 2) {
        let v = call.arg(i);
        if !v.is_number() && StrRef::from_value(v).is_none() {
            return Err(rt.type_error("concatenate", v, None));
        }
        if let Some(m) = message {
            message = Some(rt.concat_values(&[m, v])?.value());
        }
    }
    let s = with_traceback(rt, thread, message, level, 0)?;
    call.ret(s.value())
}

/// The message and the levels of `thread` from `level` on. `extra` levels count as if
/// they were above.
fn with_traceback(
    rt: Rt,
    thread: ThreadRef,
    message: Option<Value>,
    level: i64,
    extra: i64,
) -> Result<StrRef, NoMemory> {
    let mut out = Builder::new(rt);
    if let Some(message) = message {
        out.push(rt.text_of(message, &mut [0; 32]))?;
        out.push(b"\n")?;
    }
    out.push(b"stack traceback:")?;
    let mut at = level;
    while at < 0 {
        out.push(b"\n\t(tail call): ?")?;
        at += 1;
    }
    let end = extra + rt.level_count(thread);
    let first = FIRST.max(level + extra);
    let elide = end > first + LAST + 1;
    let mut at = at + extra;
    let mut levels = rt.levels(thread);
    let mut skip = at - extra;
    while at < end {
        if elide && at == first {
            out.push(b"\n\t...")?;
            skip += end - LAST - at;
            at = end - LAST;
        }
        let Some(level) = levels.nth(skip as usize) else {
            break;
        };
        skip = 0;
        at += 1;
        out.push(b"\n\t")?;
        match level {
            Level::Tail => out.push(b"(tail call): ?")?,
            Level::Frame(frame) => describe(rt, &frame, &mut out)?,
        }
    }
    out.finish()
}

/// "x.lua:3: in function 'f'" and the like.
fn describe(rt: Rt, f: &FrameInfo, out: &mut Builder) -> Result<(), NoMemory> {
    let Some(closure) = ClosureRef::from_value(f.function) else {
        out.push(b"[C]:")?;
        match rt.call_name(f) {
            Some((_, name)) => describe_name(rt, name, out)?,
            None => out.push(b" ?")?,
        }
        return Ok(());
    };
    let proto = rt.proto(ProtoRef(rt.header(closure.0).aux));
    let mut id = [0; 60];
    let n = crate::front::chunk_id(rt.str_bytes(StrRef(proto.source)), &mut id);
    let source = id.get(..n).unwrap_or(&[]);
    let mut text = Text::new();
    text.push(source);
    text.push(b":");
    let line = rt.line_at(ProtoRef(rt.header(closure.0).aux), f.pc);
    if line > 0 {
        text.push_number(line);
        text.push(b":");
    }
    out.push(text.bytes())?;
    if let Some((_, name)) = rt.call_name(f) {
        return describe_name(rt, name, out);
    }
    if proto.line_defined == 0 {
        return out.push(b" in main chunk");
    }
    let mut text = Text::new();
    text.push(b" in function <");
    text.push(source);
    text.push(b":");
    text.push_number(proto.line_defined);
    text.push(b">");
    out.push(text.bytes())
}

fn describe_name(rt: Rt, name: StrRef, out: &mut Builder) -> Result<(), NoMemory> {
    out.push(b" in function '")?;
    out.push(rt.str_bytes(name))?;
    out.push(b"'")
}
