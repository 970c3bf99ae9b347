//! File handles: the userdata that `io` gives out, and reading in the formats of `read`.
//!
//! A handle holds a number of the system's and how it may be closed; buffers are the
//! system's. Must never trust a userdata by its metatable alone, which `debug` can put on
//! any: the header's mark decides. Called by `io`, `load_file`.

use super::builder::Builder;
use super::search::find_byte;
use crate::error::Raise;
use crate::heap::userdata::USERDATA_DATA;
use crate::heap::{NoMemory, Rt, StrRef, TableRef, UserdataRef};
use crate::native::{Call, Results};
use crate::numconv::parse_number;
use crate::system::{FileId, System, SystemError};
use crate::value::{Value, tag};

/// Header byte `b3` of userdata that are file handles.
const IS_FILE: u8 = 2;
/// State, number.
const SIZE: u32 = 8;
const STATE: u32 = USERDATA_DATA;
const NUMBER: u32 = STATE + 4;

/// How a handle may be closed.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is.
    Closed = 0,
    /// By the program.
    Open = 1,
    /// Not by the program.
    Standard = 2,
}

/// A file handle.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle(UserdataRef);

impl Handle {
    /// A closed handle with this metatable.
    pub(super) fn new(rt: Rt, meta: TableRef) -> Result<Handle, NoMemory> {
        Ok(Handle(rt.new_userdata(
            IS_FILE,
            SIZE,
            meta.0,
            rt.globals().0,
        )?))
    }

    /// The handle that `v` is.
    #[inline]
    pub(super) fn from_value(rt: Rt, v: Value) -> Option<Handle> {
        if v.has_tag(tag::USERDATA) && rt.header(v.payload()).b3 == IS_FILE {
            Some(Handle(UserdataRef(v.payload())))
        } else {
            None
        }
    }

    pub(super) fn value(self) -> Value {
        self.0.value()
    }

    pub(super) fn state(self, rt: Rt) -> State {
        match rt.get::<u32>(self.0.0 + STATE) {
            1 => State::Open,
            2 => State::Standard,
            _ => State::Closed,
        }
    }

    /// The system's number, if it is open.
    #[inline]
    pub(super) fn file(self, rt: Rt) -> Option<FileId> {
        let [state, number] = rt.get::<[u32; 2]>(self.0.0 + STATE);
        (state != State::Closed as u32).then_some(FileId(number))
    }

    pub(super) fn set(self, rt: Rt, state: State, file: FileId) {
        const { assert!(NUMBER == STATE + 4) };
        rt.set(self.0.0 + STATE, [state as u32, file.0]);
    }
}

/// nil, "name: reason", number: how the library reports what the system refused.
pub(super) fn failure(
    call: &mut Call,
    system: &dyn System,
    name: Option<&[u8]>,
    error: SystemError,
) -> Result<Results, Raise> {
    // What the system did can't be undone: no repetition.
    let message = call.surely(|call| Ok(message(call.rt(), system, name, error)?))?;
    call.ret_many(&[
        Value::NIL,
        message.value(),
        Value::number(f64::from(error.0)),
    ])
}

/// "name: reason".
pub(super) fn message(
    rt: Rt,
    system: &dyn System,
    name: Option<&[u8]>,
    error: SystemError,
) -> Result<StrRef, NoMemory> {
    let mut text = Builder::new(rt);
    if let Some(name) = name {
        text.push(name)?;
        text.push(b": ")?;
    }
    describe(&mut text, system, error)?;
    text.finish()
}

/// Appends the system's words for an error.
pub(super) fn describe(
    text: &mut Builder,
    system: &dyn System,
    error: SystemError,
) -> Result<(), NoMemory> {
    let mut pushed = Ok(());
    system.describe(error, &mut |words| pushed = text.push(words));
    pushed
}

/// A name or command as C gets it: up to a NUL.
pub(super) fn c_text(s: &[u8]) -> &[u8] {
    s.split(|&b| b == 0).next().unwrap_or(&[])
}

/// Why reading ended early.
pub(super) enum ReadError {
    /// The system refused.
    System(SystemError),
    /// An error to raise.
    Raise(Raise),
}

impl From<SystemError> for ReadError {
    fn from(e: SystemError) -> ReadError {
        ReadError::System(e)
    }
}

impl From<Raise> for ReadError {
    fn from(r: Raise) -> ReadError {
        ReadError::Raise(r)
    }
}

/// Reads from one file on behalf of one call.
pub(super) struct Reader<'a> {
    pub(super) system: &'a dyn System,
    pub(super) file: FileId,
}

impl Reader<'_> {
    /// Shows bytes to `take`, which gives back how many it used, or fails without having
    /// used any: then once more after a collection.
    fn take<T>(
        &self,
        call: &mut Call,
        mut take: impl FnMut(&[u8]) -> Result<(usize, T), NoMemory>,
    ) -> Result<T, ReadError> {
        let mut refused = None;
        let taken = call.surely(|_| {
            let mut taken = Err(NoMemory);
            let shown = self.system.read(self.file, &mut |bytes| match take(bytes) {
                Ok((n, x)) => {
                    taken = Ok(x);
                    n
                }
                Err(NoMemory) => 0,
            });
            match shown {
                Ok(()) => Ok(Some(taken?)),
                Err(error) => {
                    refused = Some(error);
                    Ok(None)
                }
            }
        })?;
        match (taken, refused) {
            (Some(x), _) => Ok(x),
            (None, error) => Err(error.unwrap_or(SystemError::INVALID).into()),
        }
    }

    fn finish(&self, call: &mut Call, text: &Builder) -> Result<Value, ReadError> {
        Ok(call.surely(|_| Ok(text.finish()?))?.value())
    }

    /// A line without its end; `None` at the end of the file.
    pub(super) fn line(&self, call: &mut Call) -> Result<Option<Value>, ReadError> {
        /// What one look at the buffer gave.
        enum Seen {
            Whole(StrRef),
            End,
            Part,
            Nothing,
        }
        let rt = call.rt();
        let mut text = Builder::new(rt);
        loop {
            let seen = self.take(call, |bytes| match find_byte(bytes, 0, b'\n') {
                Some(end) => {
                    let part = &bytes[..end];
                    if text.bytes().is_empty() {
                        return Ok((end + 1, Seen::Whole(rt.intern_short(part)?)));
                    }
                    text.push(part)?;
                    Ok((end + 1, Seen::End))
                }
                None if bytes.is_empty() => Ok((0, Seen::Nothing)),
                None => {
                    text.push(bytes)?;
                    Ok((bytes.len(), Seen::Part))
                }
            })?;
            match seen {
                Seen::Whole(line) => return Ok(Some(line.value())),
                Seen::End => break,
                Seen::Part => call.charge(text.bytes().len() as u64 / 1024),
                Seen::Nothing if text.bytes().is_empty() => return Ok(None),
                Seen::Nothing => break,
            }
        }
        Ok(Some(self.finish(call, &text)?))
    }

    /// Up to `most` bytes into `text`.
    pub(super) fn bytes(
        &self,
        call: &mut Call,
        text: &mut Builder,
        most: usize,
    ) -> Result<(), ReadError> {
        let mut rest = most;
        while rest > 0 {
            let n = self.take(call, |bytes| {
                let part = &bytes[..bytes.len().min(rest)];
                text.push(part)?;
                Ok((part.len(), part.len()))
            })?;
            if n == 0 {
                break;
            }
            call.charge(n as u64 / 256);
            rest -= n;
        }
        Ok(())
    }

    /// Up to `most` bytes; `None` if there are none though some were asked for.
    fn chars(&self, call: &mut Call, most: usize) -> Result<Option<Value>, ReadError> {
        let mut text = Builder::new(call.rt());
        self.bytes(call, &mut text, most)?;
        if text.bytes().is_empty() && most > 0 {
            return Ok(None);
        }
        Ok(Some(self.finish(call, &text)?))
    }

    /// The rest of the file, perhaps nothing.
    fn all(&self, call: &mut Call) -> Result<Option<Value>, ReadError> {
        let mut text = Builder::new(call.rt());
        self.bytes(call, &mut text, usize::MAX)?;
        Ok(Some(self.finish(call, &text)?))
    }

    /// The empty string unless the file is at its end.
    fn probe(&self, call: &mut Call) -> Result<Option<Value>, ReadError> {
        let more = self.take(call, |bytes| Ok((0, !bytes.is_empty())))?;
        Ok(more.then(|| call.rt().empty_string().value()))
    }

    /// A number, as `fscanf` reads it: the longest start of one behind white space.
    fn number(&self, call: &mut Call) -> Result<Option<Value>, ReadError> {
        let mut text = Builder::new(call.rt());
        let mut scanner = Scanner::Start;
        loop {
            let more = self.take(call, |bytes| {
                let mut next = scanner;
                let mut n = 0;
                let mut first = 0;
                for &b in bytes {
                    match next.after(b) {
                        Some(state) => next = state,
                        None => break,
                    }
                    n += 1;
                    if next == Scanner::Start {
                        first = n;
                    }
                }
                text.push(&bytes[first..n])?;
                scanner = next;
                Ok((n, n > 0 && n == bytes.len()))
            })?;
            if !more {
                break;
            }
        }
        Ok(parse_number(text.bytes()).map(Value::number))
    }
}

/// Where in a number's text `fscanf` is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scanner {
    Start,
    Sign,
    /// A first zero, which an `x` may follow.
    Zero,
    Digits,
    /// Behind the point.
    Fraction,
    /// A point that no digit came before.
    Point,
    Exponent,
    ExponentSign,
    ExponentDigits,
    Hexadecimal,
    HexadecimalFraction,
}

impl Scanner {
    /// The state behind `b`; `None` if it belongs to no number.
    fn after(self, b: u8) -> Option<Scanner> {
        use Scanner::*;
        Some(match (self, b) {
            (Start, b' ' | b'\t'..=b'\r') => Start,
            (Start, b'+' | b'-') => Sign,
            (Start | Sign, b'0') => Zero,
            (Start | Sign | Zero | Digits, b'0'..=b'9') => Digits,
            (Start | Sign, b'.') => Point,
            (Zero | Digits, b'.') => Fraction,
            (Zero, b'x' | b'X') => Hexadecimal,
            (Point | Fraction, b'0'..=b'9') => Fraction,
            (Zero | Digits | Fraction, b'e' | b'E') => Exponent,
            (Exponent, b'+' | b'-') => ExponentSign,
            (Exponent | ExponentSign | ExponentDigits, b'0'..=b'9') => ExponentDigits,
            (Hexadecimal, b'.') => HexadecimalFraction,
            (Hexadecimal, _) if b.is_ascii_hexdigit() => Hexadecimal,
            (HexadecimalFraction, _) if b.is_ascii_hexdigit() => HexadecimalFraction,
            (Hexadecimal | HexadecimalFraction, b'p' | b'P') => Exponent,
            _ => return None,
        })
    }
}

/// `read(...)` with the formats in the arguments from `first` on: one result for each,
/// up to the first that can't be had, which is nil.
pub(super) fn read(
    call: &mut Call,
    system: &dyn System,
    file: FileId,
    first: u32,
) -> Result<Results, Raise> {
    let reader = Reader { system, file };
    let arguments = call.count();
    // A coroutine's or program's stack grows here or not at all, before anything is read.
    call.reserve(arguments + 8)?;
    let outcome = read_values(call, &reader, first, arguments);
    match outcome {
        Ok(()) => {}
        Err(ReadError::System(error)) => return failure(call, system, None, error),
        Err(ReadError::Raise(raise)) => return Err(raise),
    }
    let n = call.count() - arguments;
    for i in 0..n {
        let v = call.arg(arguments + i);
        call.put(i, v);
    }
    call.results(n)
}

/// Pushes the values that `read` gives.
fn read_values(
    call: &mut Call,
    reader: &Reader<'_>,
    first: u32,
    arguments: u32,
) -> Result<(), ReadError> {
    if first >= arguments {
        let v = reader.line(call)?;
        call.surely(|call| call.push(v.unwrap_or(Value::NIL)))?;
        return Ok(());
    }
    for i in first..arguments {
        let format = call.arg(i);
        let v = if let Some(n) = format.to_number() {
            match n as i64 {
                0 => reader.probe(call)?,
                n => reader.chars(call, usize::try_from(n).unwrap_or(usize::MAX))?,
            }
        } else {
            let format = StrRef::from_value(format).map_or(&b""[..], |s| call.rt().str_bytes(s));
            match format {
                [b'*', b'n', ..] => reader.number(call)?,
                [b'*', b'l', ..] => reader.line(call)?,
                [b'*', b'a', ..] => reader.all(call)?,
                [b'*', ..] => return Err(refuse(call, i, b"invalid format")),
                _ => return Err(refuse(call, i, b"invalid option")),
            }
        };
        call.surely(|call| call.push(v.unwrap_or(Value::NIL)))?;
        if v.is_none() {
            break;
        }
    }
    Ok(())
}

fn refuse(call: &mut Call, i: u32, what: &[u8]) -> ReadError {
    match call.surely(|call| Err::<(), _>(call.bad_argument(i, what))) {
        Err(raise) => raise.into(),
        Ok(()) => Raise::Error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::Scanner;

    fn length(text: &[u8]) -> usize {
        let mut state = Scanner::Start;
        let accepted = text.iter().take_while(|&&b| match state.after(b) {
            Some(next) => {
                state = next;
                true
            }
            None => false,
        });
        accepted.count()
    }

    #[test]
    fn numbers_end_where_fscanf_ends_them() {
        assert_eq!(length(b" \n-12.5e+3,"), 10);
        assert_eq!(length(b"0x1F.8p2 "), 8);
        assert_eq!(length(b"1.2.3"), 3);
        assert_eq!(length(b".5x"), 2);
        assert_eq!(length(b"--1"), 1);
        assert_eq!(length(b"abc"), 0);
        assert_eq!(length(b"00x1"), 2);
    }
}
