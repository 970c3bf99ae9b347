//! Tracebacks, as `debug.traceback` of the reference writes them, and the message
//! handler that puts them behind error messages.

use super::builder::Builder;
use crate::error::{FrameInfo, Raise, Text};
use crate::heap::{ClosureRef, NoMemory, ProtoRef, Rt, StrRef};
use crate::native::{Call, Results};
use crate::value::Value;

/// Levels shown from the top; levels count from the function that makes the
/// traceback, also if the first few aren't shown.
const FIRST: u32 = 12;
/// Levels shown at the bottom.
const LAST: u32 = 10;

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
    let s = with_traceback(call.rt(), Some(v), 1, 1)?;
    call.ret(s.value())
}

/// `message` with the frames of the running thread, from the running function on.
pub(crate) fn traced(rt: Rt, message: Value) -> Result<StrRef, NoMemory> {
    with_traceback(rt, Some(message), 0, 1)
}

/// `debug.traceback([message [, level]])` for the running thread.
fn traceback(call: &mut Call) -> Result<Results, Raise> {
    let v = call.arg(0);
    let is_text = v.is_number() || StrRef::from_value(v).is_some();
    if !is_text && !v.is_nil() {
        return call.ret(v);
    }
    let level = call.opt_int(1, 1)?;
    let s = with_traceback(call.rt(), is_text.then_some(v), level.max(0) as u32, 0)?;
    call.ret(s.value())
}

/// The message and the frames from `level` on (0 is the running function).
/// `extra` levels count as if they were above it.
fn with_traceback(
    rt: Rt,
    message: Option<Value>,
    level: u32,
    extra: u32,
) -> Result<StrRef, NoMemory> {
    let mut out = Builder::new(rt);
    if let Some(message) = message {
        out.push(rt.text_of(message, &mut [0; 32]))?;
        out.push(b"\n")?;
    }
    out.push(b"stack traceback:")?;
    let end = extra + level + frames(rt, level).count() as u32;
    let elide = end > FIRST + LAST + 1;
    for (i, frame) in frames(rt, level).enumerate() {
        let at = extra + level + i as u32;
        if elide && at >= FIRST && at < end - LAST {
            if at == FIRST {
                out.push(b"\n\t...")?;
            }
            continue;
        }
        out.push(b"\n\t")?;
        describe(rt, &frame, &mut out)?;
    }
    out.finish()
}

/// The frames of the running thread from `level` on.
fn frames(rt: Rt, level: u32) -> impl Iterator<Item = FrameInfo> {
    // The bottom of a stack is a frame without a function.
    core::iter::successors(Some(rt.top_frame()), move |f| rt.caller_of(f))
        .take_while(|f| f.function.is_function())
        .skip(level as usize)
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
