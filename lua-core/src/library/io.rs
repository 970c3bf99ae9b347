//! `io` and the methods of files, for VMs that have a system.
//!
//! Here: arguments, handles, default files and messages. Reading by formats is in
//! `files`, all else the system's. What a call has done to a file can't be undone, so
//! it isn't repeated for lack of memory: what is needed beforehand is allocated first,
//! and results are made with `surely`.

use super::Functions;
use super::builder::Builder;
use super::files::{Handle, ReadError, Reader, State, c_text, describe, failure, message, read};
use crate::error::{Raise, Text};
use crate::heap::{NoMemory, Rt, StrRef, TableRef};
use crate::native::{Call, NativeFn, Results};
use crate::system::{Buffering, FileId, OpenMode, SeekFrom, System, SystemError};
use crate::value::Value;

/// Functions of `io`; upvalue 0 is the table of default files, upvalue 1 the metatable
/// of files.
const FUNCTIONS: &Functions = &[
    ("close", io_close),
    ("flush", io_flush),
    ("input", io_input),
    ("lines", io_lines),
    ("open", io_open),
    ("output", io_output),
    ("popen", io_popen),
    ("read", io_read),
    ("tmpfile", io_tmpfile),
    ("type", io_type),
    ("write", io_write),
];

/// Methods of files; upvalue 1 is their metatable.
const METHODS: &Functions = &[
    ("__gc", collected),
    ("__tostring", tostring),
    ("close", close),
    ("flush", flush),
    ("lines", lines),
    ("read", file_read),
    ("seek", seek),
    ("setvbuf", setvbuf),
    ("write", write),
];

/// Places in the table of default files.
const INPUT: u32 = 1;
const OUTPUT: u32 = 2;

/// What the reference's registry calls the metatable.
const META_NAME: &[u8] = b"FILE*";
/// The error for files that were closed.
const CLOSED: &[u8] = b"attempt to use a closed file";
/// Size of a buffer where the program doesn't say, as C's `BUFSIZ`.
const BUFFER_SIZE: i64 = 8192;

pub(super) fn open(rt: Rt) -> Result<(), NoMemory> {
    let root = rt.root_shape(0)?;
    // SAFETY: plain field.
    let registry = TableRef(unsafe { (*rt.vm()).registry });
    let meta = rt.new_table(root, 0)?;
    rt.raw_set_str(registry, rt.intern(META_NAME)?, meta.value())?;
    rt.set_member(meta, "__index", meta.value())?;
    let defaults = rt.new_table(root, 2)?;
    let io = rt.library_table("io")?;
    for (table, functions) in [(io, FUNCTIONS), (meta, METHODS)] {
        for &(name, f) in functions {
            let key = rt.intern(name.as_bytes())?;
            let upvalues = [defaults.value(), meta.value()];
            let f = rt.new_native(f, 0, key.0, rt.globals().0, &upvalues)?;
            rt.raw_set_str(table, key, f.value())?;
        }
    }
    for (name, file, place) in [
        ("stdin", FileId::INPUT, Some(INPUT)),
        ("stdout", FileId::OUTPUT, Some(OUTPUT)),
        ("stderr", FileId::ERROR, None),
    ] {
        let handle = Handle::new(rt, meta)?;
        handle.set(rt, State::Standard, file);
        rt.set_member(io, name, handle.value())?;
        if let Some(place) = place {
            rt.raw_set_int(defaults, place, handle.value())?;
        }
    }
    Ok(())
}

// ---- what calls are about

/// The system; functions of this file are only there if it is.
fn system(call: &Call) -> Result<&'static dyn System, Raise> {
    call.rt().system().ok_or(Raise::Error)
}

fn meta(call: &Call) -> Result<TableRef, Raise> {
    TableRef::from_value(call.upvalue(1)).ok_or(Raise::Error)
}

fn defaults(call: &Call) -> Result<TableRef, Raise> {
    TableRef::from_value(call.upvalue(0)).ok_or(Raise::Error)
}

/// The handle in argument 0, open or not.
fn handle(call: &Call) -> Result<Handle, Raise> {
    Handle::from_value(call.rt(), call.arg(0)).ok_or_else(|| call.type_error(0, "FILE*"))
}

/// The open file in argument 0.
fn file(call: &Call) -> Result<(Handle, FileId), Raise> {
    let handle = handle(call)?;
    match handle.file(call.rt()) {
        Some(file) => Ok((handle, file)),
        None => Err(call.rt().raise_text(CLOSED)),
    }
}

/// The default input or output.
fn default_file(call: &Call, place: u32) -> Result<(Handle, FileId), Raise> {
    let rt = call.rt();
    let v = rt.raw_get_int(defaults(call)?, place);
    let handle = Handle::from_value(rt, v);
    match handle.and_then(|h| Some((h, h.file(rt)?))) {
        Some(found) => Ok(found),
        None if place == INPUT => Err(rt.raise_text(b"standard input file is closed")),
        None => Err(rt.raise_text(b"standard output file is closed")),
    }
}

/// Which of `options` argument `i` names.
fn option<T: Copy>(
    call: &mut Call,
    i: u32,
    default: Option<T>,
    options: &[(&str, T)],
) -> Result<T, Raise> {
    if let (true, Some(default)) = (call.arg(i).is_nil(), default) {
        return Ok(default);
    }
    let name = call.check_string(i)?;
    let name = call.rt().str_bytes(name);
    match options.iter().find(|(n, _)| n.as_bytes() == name) {
        Some(&(_, option)) => Ok(option),
        None => {
            let mut text = Text::new();
            text.push(b"invalid option '");
            text.push(name);
            text.push(b"'");
            Err(call.bad_argument(i, text.bytes()))
        }
    }
}

/// `true`, or nil with message and number.
fn outcome(
    call: &mut Call,
    system: &dyn System,
    result: Result<(), SystemError>,
) -> Result<Results, Raise> {
    match result {
        Ok(()) => call.ret(Value::TRUE),
        Err(error) => failure(call, system, None, error),
    }
}

/// A new handle for what `open` opens; `name` is for the message.
fn opened(
    call: &mut Call,
    name: Option<&[u8]>,
    open: impl FnOnce(&dyn System) -> Result<FileId, SystemError>,
) -> Result<Results, Raise> {
    let system = system(call)?;
    let rt = call.rt();
    let handle = Handle::new(rt, meta(call)?)?;
    match open(system) {
        Ok(file) => {
            handle.set(rt, State::Open, file);
            call.ret(handle.value())
        }
        Err(error) => failure(call, system, name, error),
    }
}

/// A handle for the file that argument 0 names, or an error about that argument.
fn opened_argument(call: &mut Call, mode: &[u8]) -> Result<Handle, Raise> {
    let system = system(call)?;
    let rt = call.rt();
    let name = call.check_string(0)?;
    let handle = Handle::new(rt, meta(call)?)?;
    let name = c_text(rt.str_bytes(name));
    match OpenMode::parse(mode).and_then(|mode| system.open(name, mode)) {
        Ok(file) => {
            handle.set(rt, State::Open, file);
            Ok(handle)
        }
        Err(error) => {
            let text = message(rt, system, Some(name), error)?;
            Err(call.bad_argument(0, rt.str_bytes(text)))
        }
    }
}

// ---- opening and closing

fn text_or<'a>(call: &mut Call, i: u32, default: &'a [u8]) -> Result<&'a [u8], Raise> {
    if call.arg(i).is_nil() {
        return Ok(default);
    }
    let s = call.check_string(i)?;
    Ok(call.rt().str_bytes(s))
}

fn io_open(call: &mut Call) -> Result<Results, Raise> {
    let name = call.check_string(0)?;
    let name = c_text(call.rt().str_bytes(name));
    let mode = OpenMode::parse(text_or(call, 1, b"r")?);
    opened(call, Some(name), |system| system.open(name, mode?))
}

fn io_popen(call: &mut Call) -> Result<Results, Raise> {
    let command = call.check_string(0)?;
    let command = c_text(call.rt().str_bytes(command));
    let mode = match text_or(call, 1, b"r")? {
        mode @ (b"r" | b"w") => OpenMode::parse(mode),
        _ => Err(SystemError::INVALID),
    };
    opened(call, Some(command), |system| {
        system.open_process(command, mode?)
    })
}

fn io_tmpfile(call: &mut Call) -> Result<Results, Raise> {
    opened(call, None, |system| system.open_temporary())
}

fn close_handle(call: &mut Call, handle: Handle, file: FileId) -> Result<Results, Raise> {
    let rt = call.rt();
    if handle.state(rt) == State::Standard {
        let message = rt.intern(b"cannot close standard file")?;
        return call.ret_many(&[Value::NIL, message.value()]);
    }
    let system = system(call)?;
    handle.set(rt, State::Closed, file);
    let closed = system.close(file);
    outcome(call, system, closed)
}

fn io_close(call: &mut Call) -> Result<Results, Raise> {
    if call.count() > 0 {
        return close(call);
    }
    let rt = call.rt();
    let output = rt.raw_get_int(defaults(call)?, OUTPUT);
    let handle = Handle::from_value(rt, output);
    match handle.and_then(|h| Some((h, h.file(rt)?))) {
        Some((handle, file)) => close_handle(call, handle, file),
        None => Err(rt.raise_text(CLOSED)),
    }
}

fn close(call: &mut Call) -> Result<Results, Raise> {
    let (handle, file) = file(call)?;
    close_handle(call, handle, file)
}

/// The finalizer.
fn collected(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let handle = handle(call)?;
    if let (State::Open, Some(file)) = (handle.state(rt), handle.file(rt)) {
        handle.set(rt, State::Closed, file);
        // Nobody is left to hear of an error.
        let _ = system(call)?.close(file);
    }
    call.ret0()
}

/// `io.input` and `io.output`.
fn default(call: &mut Call, place: u32, mode: &[u8]) -> Result<Results, Raise> {
    let rt = call.rt();
    let v = call.arg(0);
    let table = defaults(call)?;
    if !v.is_nil() {
        let handle = if v.is_number() || StrRef::from_value(v).is_some() {
            opened_argument(call, mode)?
        } else {
            file(call)?.0
        };
        // The places are never empty: this overwrites, and needs no memory.
        call.surely(|_| Ok(rt.raw_set_int(table, place, handle.value())?))?;
    }
    call.ret(rt.raw_get_int(table, place))
}

fn io_input(call: &mut Call) -> Result<Results, Raise> {
    default(call, INPUT, b"r")
}

fn io_output(call: &mut Call) -> Result<Results, Raise> {
    default(call, OUTPUT, b"w")
}

// ---- what a handle is

fn io_type(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let v = call.check_any(0)?;
    let text: &[u8] = match Handle::from_value(rt, v) {
        Some(handle) if rt.metatable_of(v) == meta(call)?.0 => match handle.file(rt) {
            Some(_) => b"file",
            None => b"closed file",
        },
        _ => return call.ret(Value::NIL),
    };
    call.ret_bytes(text)
}

fn tostring(call: &mut Call) -> Result<Results, Raise> {
    let handle = handle(call)?;
    if handle.file(call.rt()).is_none() {
        return call.ret_bytes(b"file (closed)");
    }
    let mut text = Text::new();
    text.push(b"file (0x");
    let address = handle.value().payload();
    for i in (0..8).rev() {
        let digit = address >> (i * 4) & 15;
        let digit = char::from_digit(digit, 16).unwrap_or('0');
        text.push(&[digit as u8]);
    }
    text.push(b")");
    call.ret_bytes(text.bytes())
}

// ---- reading

fn io_read(call: &mut Call) -> Result<Results, Raise> {
    let (_, file) = default_file(call, INPUT)?;
    let system = system(call)?;
    read(call, system, file, 0)
}

fn file_read(call: &mut Call) -> Result<Results, Raise> {
    let (_, file) = file(call)?;
    let system = system(call)?;
    read(call, system, file, 1)
}

/// An iterator over the lines of a file, which it closes at the end with `close`.
fn line_iterator(call: &mut Call, file: Value, close: bool) -> Result<Results, Raise> {
    let rt = call.rt();
    let step: NativeFn = next_line;
    let make = |_: &mut Call| {
        let upvalues = [file, Value::boolean(close)];
        Ok(rt.new_native(step, 0, 0, rt.globals().0, &upvalues)?)
    };
    // The file may have been opened just before.
    let iterator = call.surely(make)?;
    call.ret(iterator.value())
}

fn io_lines(call: &mut Call) -> Result<Results, Raise> {
    if call.arg(0).is_nil() {
        let (handle, _) = default_file(call, INPUT)?;
        return line_iterator(call, handle.value(), false);
    }
    let handle = opened_argument(call, b"r")?;
    // Where a collection sees it.
    call.set_arg(0, handle.value());
    line_iterator(call, handle.value(), true)
}

fn lines(call: &mut Call) -> Result<Results, Raise> {
    let (handle, _) = file(call)?;
    line_iterator(call, handle.value(), false)
}

fn next_line(call: &mut Call) -> Result<Results, Raise> {
    let rt = call.rt();
    let system = system(call)?;
    let handle = Handle::from_value(rt, call.upvalue(0)).ok_or(Raise::Error)?;
    let Some(file) = handle.file(rt) else {
        return Err(rt.raise_text(b"file is already closed"));
    };
    match (Reader { system, file }).line(call) {
        Ok(Some(line)) => call.ret(line),
        Ok(None) => {
            if call.upvalue(1) == Value::TRUE && handle.state(rt) == State::Open {
                handle.set(rt, State::Closed, file);
                // It was only read: there is nothing to lose.
                let _ = system.close(file);
            }
            call.ret0()
        }
        Err(ReadError::Raise(raise)) => Err(raise),
        Err(ReadError::System(error)) => {
            let raised = call.surely(|_| {
                let mut text = Builder::new(rt);
                describe(&mut text, system, error)?;
                Err::<(), _>(rt.raise_text(text.bytes()))
            });
            raised.and_then(|()| call.ret0())
        }
    }
}

// ---- writing

/// Writes the arguments from `first` on.
#[inline]
fn write_arguments(call: &mut Call, file: FileId, first: u32) -> Result<Results, Raise> {
    let system = system(call)?;
    let rt = call.rt();
    let mut digits = [0; 32];
    let mut written = Ok(());
    for i in first..call.count() {
        let v = call.arg(i);
        if !v.is_number() && StrRef::from_value(v).is_none() {
            // What comes before is written: this can't be left to a repetition.
            call.surely(|call| call.check_string(i).map(|_| ()))?;
        }
        written = written.and_then(|()| system.write(file, rt.text_of(v, &mut digits)));
    }
    outcome(call, system, written)
}

fn io_write(call: &mut Call) -> Result<Results, Raise> {
    let (_, file) = default_file(call, OUTPUT)?;
    write_arguments(call, file, 0)
}

fn write(call: &mut Call) -> Result<Results, Raise> {
    let (_, file) = file(call)?;
    write_arguments(call, file, 1)
}

fn io_flush(call: &mut Call) -> Result<Results, Raise> {
    let (_, file) = default_file(call, OUTPUT)?;
    let system = system(call)?;
    let flushed = system.flush(file);
    outcome(call, system, flushed)
}

fn flush(call: &mut Call) -> Result<Results, Raise> {
    let (_, file) = file(call)?;
    let system = system(call)?;
    let flushed = system.flush(file);
    outcome(call, system, flushed)
}

fn seek(call: &mut Call) -> Result<Results, Raise> {
    let (_, file) = file(call)?;
    let system = system(call)?;
    let options = [
        ("set", SeekFrom::Start),
        ("cur", SeekFrom::Here),
        ("end", SeekFrom::End),
    ];
    let from = option(call, 1, Some(SeekFrom::Here), &options)?;
    let offset = call.opt_integer(2, 0)?;
    match system.seek(file, from, offset) {
        Ok(position) => call.ret(Value::number(position as f64)),
        Err(error) => failure(call, system, None, error),
    }
}

fn setvbuf(call: &mut Call) -> Result<Results, Raise> {
    let (_, file) = file(call)?;
    let system = system(call)?;
    let options = [
        ("no", Buffering::No),
        ("full", Buffering::Full),
        ("line", Buffering::Line),
    ];
    let buffering = option(call, 1, None, &options)?;
    let size = call.opt_integer(2, BUFFER_SIZE)?;
    let size = usize::try_from(size).unwrap_or(0);
    let set = system.set_buffering(file, buffering, size);
    outcome(call, system, set)
}
