//! `debug`: the variables of functions. Shows only what a Lua program may see: cells and
//! the positions of `pairs` loops stay hidden, and so does what a value is kept in.
//!
//! A variable that is never assigned in the source was copied into the closures that use
//! it. Setting it here changes the copy that was asked for, in that function or closure
//! alone: nothing tells which other closures were made from the same variable.
//!
//! Nothing that is set here may break what operations rely on without looking: a
//! register with a cell keeps it (its content changes), a table under construction stays
//! a table, and native functions' values aren't changed at all.

use super::Functions;
use super::debug::{proto_of, thread_argument};
use crate::error::{FrameInfo, Raise};
use crate::heap::{ClosureRef, NoMemory, Rt, StrRef, TableRef, ThreadRef};
use crate::levels::Level;
use crate::native::{Call, Results};
use crate::proto::{CLOSURE_UPVALUES, LocalDesc, UpvalueDesc};
use crate::value::{Value, tag};

const FUNCTIONS: &Functions = &[
    ("getlocal", getlocal),
    ("getupvalue", getupvalue),
    ("setlocal", setlocal),
    ("setupvalue", setupvalue),
];

/// Name of what is on the stack but no variable.
const TEMPORARY: &[u8] = b"(*temporary)";

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    rt.register("debug", FUNCTIONS)
}

/// What a register holds for the program: the content of its cell.
fn visible(rt: Rt, v: Value) -> Value {
    match v.tag() {
        tag::CELL => rt.get(v.payload() + 8),
        tag::CURSOR => Value::NIL,
        _ => v,
    }
}

// ---- locals

/// Where a local variable of a frame is.
enum Local {
    /// A variable with a name, in this slot.
    Named(StrRef, *mut u64),
    /// Something else on the stack.
    Temporary(*mut u64),
}

/// The nth local variable of a frame, counted from 1.
fn local(rt: Rt, frame: &FrameInfo, n: i32) -> Option<Local> {
    let n = usize::try_from(n).ok()?.checked_sub(1)?;
    if let Some(closure) = ClosureRef::from_value(frame.function) {
        let proto = proto_of(rt, closure).1;
        let pc = frame.pc.wrapping_sub(proto.entry) / 8;
        let mut active = rt
            .slice::<LocalDesc>(proto.locals)
            .iter()
            .filter(|local| local.start_pc <= pc && pc < local.end_pc);
        if let Some(local) = active.nth(n) {
            // SAFETY: a register of the frame.
            let slot = unsafe { frame.base.add(local.register as usize) };
            return Some(Local::Named(local.name, slot));
        }
    }
    if n < frame.limit as usize {
        // SAFETY: the frame works with so many slots.
        return Some(Local::Temporary(unsafe { frame.base.add(n) }));
    }
    None
}

/// The frame that a function of `debug` is asked about, `None` for a tail call.
fn frame_argument(call: &Call) -> Result<(Option<FrameInfo>, u32), Raise> {
    let rt = call.rt();
    let (thread, first) = thread_argument(call);
    let level = call.check_int(first)? as i64;
    match rt.level(thread.unwrap_or(rt.running()), level) {
        Some(Level::Frame(frame)) => Ok((Some(frame), first + 1)),
        Some(Level::Tail) => Ok((None, first + 1)),
        None => Err(call.bad_argument(first, b"level out of range")),
    }
}

/// `debug.getlocal([thread,] level, n)`: name and value of the nth local variable.
fn getlocal(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let (frame, next) = frame_argument(call)?;
    let n = call.check_int(next)?;
    let Some(found) = frame.and_then(|f| local(rt, &f, n)) else {
        return call.ret(Value::NIL);
    };
    // SAFETY: slots of the frame.
    let value = |slot: *mut u64| visible(rt, Value(unsafe { *slot }));
    let (name, v) = match found {
        Local::Named(name, slot) => (name, value(slot)),
        Local::Temporary(slot) => {
            // SAFETY: a slot of the frame.
            let v = Value(unsafe { *slot });
            // A cell here is that of a variable out of scope, or on its way to a closure.
            let v = if v.has_tag(tag::CELL) {
                Value::NIL
            } else {
                visible(rt, v)
            };
            (rt.intern(TEMPORARY)?, v)
        }
    };
    call.ret_many(&[name.value(), v])
}

/// `debug.setlocal([thread,] level, n, value)`: sets it and gives the name.
fn setlocal(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let (frame, next) = frame_argument(call)?;
    let v = call.check_any(next + 1)?;
    let n = call.check_int(next)?;
    let Some((frame, found)) = frame.and_then(|f| Some((f, local(rt, &f, n)?))) else {
        return call.ret(Value::NIL);
    };
    if let Some(thread) = ThreadRef::from_value(call.arg(0)) {
        // The collector scans only stacks of threads that ran a second time.
        rt.note_thread_runs(thread);
    }
    #[cfg(all(feature = "interp", target_arch = "x86_64"))]
    rt.forget_types();
    let is_lua = ClosureRef::from_value(frame.function).is_some();
    let name = match found {
        Local::Named(name, slot) => {
            // SAFETY: a register of the frame.
            let old = Value(unsafe { *slot });
            if old.has_tag(tag::CELL) {
                rt.put(old.payload(), old.payload() + 8, v);
            } else {
                // SAFETY: as above.
                unsafe { *slot = v.0 };
            }
            name
        }
        Local::Temporary(slot) => {
            let name = rt.intern(TEMPORARY)?;
            // SAFETY: a slot of the frame.
            let old = Value(unsafe { *slot });
            let is_kept = match old.tag() {
                tag::CELL | tag::CURSOR => true,
                tag::TABLE => TableRef::from_value(v).is_none(),
                _ => false,
            };
            if is_lua && !is_kept {
                // SAFETY: as above.
                unsafe { *slot = v.0 };
            }
            name
        }
    };
    call.ret(name.value())
}

// ---- upvalues

/// The nth upvalue of the function in argument 0: its name, the object that holds its
/// value, and where.
fn upvalue(call: &Call) -> Result<Option<(StrRef, u32, u32)>, Raise> {
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
        if held.has_tag(tag::CELL) {
            (desc.name, held.payload(), held.payload() + 8)
        } else {
            (desc.name, closure.0, slot)
        }
    }))
}

fn getupvalue(call: &mut Call) -> Result<Results, Raise> {
    match upvalue(call)? {
        Some((name, _, place)) => {
            let v = call.rt().get(place);
            call.ret_many(&[name.value(), v])
        }
        None => call.ret0(),
    }
}

fn setupvalue(call: &mut Call) -> Result<Results, Raise> {
    let v = call.check_any(2)?;
    match upvalue(call)? {
        Some((name, holder, place)) => {
            call.rt().put(holder, place, v);
            call.ret(name.value())
        }
        None => call.ret0(),
    }
}
