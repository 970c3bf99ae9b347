//! Errors while Lua runs, and the wording of their messages.

use crate::heap::{ClosureRef, NoMemory, ProtoRef, Rt, StrRef};
use crate::levels::Level;
use crate::native::Call;
use crate::value::{Value, tag};

/// Why an operation or a native function didn't complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Raise {
    /// A Lua error; its value is in the VM state.
    Error,
    /// A Lua error whose message handler (`xpcall`) has run already.
    Handled,
    /// An allocation failed. The operation is repeated after a collection, and
    /// if it fails again this becomes the Lua error "not enough memory".
    NoMemory,
    /// The budget of ticks is used up. Not catchable by Lua.
    OutOfFuel,
    /// The embedder asked the program to stop. Not catchable by Lua.
    Stopped,
}

impl From<NoMemory> for Raise {
    fn from(NoMemory: NoMemory) -> Raise {
        Raise::NoMemory
    }
}

/// A message under construction: bytes beyond the capacity are dropped.
pub struct Text {
    bytes: [u8; Text::CAPACITY],
    len: usize,
}

impl Default for Text {
    fn default() -> Self {
        Text::new()
    }
}

impl Text {
    const CAPACITY: usize = 512;

    /// Empty.
    pub fn new() -> Text {
        Text {
            bytes: [0; Text::CAPACITY],
            len: 0,
        }
    }

    /// Appends.
    pub fn push(&mut self, s: &[u8]) {
        let n = s.len().min(Text::CAPACITY - self.len);
        self.bytes[self.len..self.len + n].copy_from_slice(&s[..n]);
        self.len += n;
    }

    /// Appends a number in decimal.
    pub fn push_number(&mut self, n: u32) {
        let mut digits = [0; 10];
        let mut i = digits.len();
        let mut n = n;
        loop {
            i -= 1;
            digits[i] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                break;
            }
        }
        self.push(&digits[i..]);
    }

    /// What was appended.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// A frame seen from outside, for messages and tracebacks.
#[derive(Clone, Copy)]
pub(crate) struct FrameInfo {
    /// Its base.
    pub base: *mut u64,
    /// The function.
    pub function: Value,
    /// Offset of the instruction that it executes, 0 for native functions.
    pub pc: u32,
    /// Slots from its base on that hold what it works with.
    pub limit: u32,
}

impl Rt {
    /// Makes `v` the error being raised.
    pub fn raise_value(self, v: Value) -> Raise {
        // SAFETY: plain field.
        unsafe { (*self.vm()).error_value = v };
        Raise::Error
    }

    /// Raises a message with the position where Lua code is now.
    #[cold]
    pub fn raise_text(self, message: &[u8]) -> Raise {
        let mut text = Text::new();
        self.push_position(&mut text);
        text.push(message);
        match self.intern(text.bytes()) {
            Ok(s) => self.raise_value(s.value()),
            Err(NoMemory) => Raise::NoMemory,
        }
    }

    /// Raises an error of an operation: with a position if Lua code runs it, without
    /// one if a native function does.
    #[cold]
    pub(crate) fn raise_runtime(self, message: &[u8]) -> Raise {
        if self.top_frame().function.has_tag(tag::CLOSURE) {
            return self.raise_text(message);
        }
        self.raise_plain(message)
    }

    /// Raises a message as it is.
    #[cold]
    pub(crate) fn raise_plain(self, message: &[u8]) -> Raise {
        match self.intern(message) {
            Ok(s) => self.raise_value(s.value()),
            Err(NoMemory) => Raise::NoMemory,
        }
    }

    /// The error value for failed allocations.
    pub(crate) fn memory_error(self) -> Raise {
        #[cfg(any(test, feature = "extra-checks"))]
        self.note_shortage();
        // SAFETY: plain field; the string was made with the VM.
        self.raise_value(StrRef(unsafe { (*self.vm()).memory_message }).value())
    }

    /// Appends "chunk:line: " for what runs, or for the function that called it if that is
    /// native; nothing if that is native too, or was replaced by a tail call.
    pub(crate) fn push_position(self, text: &mut Text) {
        let level = self.top_frame().function.has_tag(tag::NATIVE) as i64;
        self.push_position_of(text, level);
    }

    /// Appends "chunk:line: " for the function at a level of the running thread, if
    /// that is a Lua function.
    pub(crate) fn push_position_of(self, text: &mut Text, level: i64) {
        if let Some(Level::Frame(f)) = self.level(self.running(), level) {
            self.push_frame_position(text, &f);
        }
    }

    /// Appends "chunk:line: " of a Lua frame.
    pub(crate) fn push_frame_position(self, text: &mut Text, f: &FrameInfo) {
        if let Some(closure) = ClosureRef::from_value(f.function) {
            let proto = ProtoRef(self.header(closure.0).aux);
            let mut id = [0; 60];
            let source = StrRef(self.proto(proto).source);
            let n = crate::front::chunk_id(self.str_bytes(source), &mut id);
            text.push(&id[..n]);
            text.push(b":");
            text.push_number(self.line_at(proto, f.pc));
            text.push(b": ");
        }
    }

    /// Source line of the instruction at offset `pc`; of the next one that has a line.
    pub(crate) fn line_at(self, p: ProtoRef, pc: u32) -> u32 {
        let proto = self.proto(p);
        let lines = self.slice::<u32>(proto.lines);
        let at = (pc.wrapping_sub(proto.entry) / 8) as usize;
        let mut rest = lines.iter().skip(at);
        rest.find(|&&line| line != 0).copied().unwrap_or(0)
    }

    /// "attempt to <what> <variable> (a <type> value)" for a value from register
    /// `register` of the running Lua frame, `None` if it is no register's.
    #[cold]
    pub(crate) fn type_error(self, what: &str, v: Value, register: Option<u8>) -> Raise {
        let mut text = Text::new();
        text.push(b"attempt to ");
        text.push(what.as_bytes());
        text.push(b" ");
        let f = self.top_frame();
        let named = register.and_then(|r| self.variable_name(&f, r));
        match named {
            Some((kind, name)) => {
                text.push(kind.as_bytes());
                text.push(b" '");
                text.push(self.str_bytes(name));
                text.push(b"' (a ");
                text.push(v.type_of().name().as_bytes());
                text.push(b" value)");
            }
            None => {
                text.push(b"a ");
                text.push(v.type_of().name().as_bytes());
                text.push(b" value");
            }
        }
        self.raise_runtime(text.bytes())
    }

    /// The same when the name of the variable is known to be `kind 'name'`.
    #[cold]
    pub(crate) fn compare_error(self, a: Value, b: Value) -> Raise {
        let (a, b) = (a.type_of().name(), b.type_of().name());
        let mut text = Text::new();
        text.push(b"attempt to compare ");
        if a == b {
            text.push(b"two ");
            text.push(a.as_bytes());
            text.push(b" values");
        } else {
            text.push(a.as_bytes());
            text.push(b" with ");
            text.push(b.as_bytes());
        }
        self.raise_runtime(text.bytes())
    }

    /// "bad argument #n to 'f' (what)".
    #[cold]
    pub(crate) fn bad_argument(self, _call: &Call, i: u32, what: &[u8]) -> Raise {
        let f = self.top_frame();
        let mut text = Text::new();
        let mut n = i + 1;
        let name = self.call_name(&f);
        if let Some((kind, name)) = name
            && kind == "method"
        {
            n -= 1;
            if n == 0 {
                text.push(b"calling '");
                text.push(self.str_bytes(name));
                text.push(b"' on bad self (");
                text.push(what);
                text.push(b")");
                return self.raise_text(text.bytes());
            }
        }
        text.push(b"bad argument #");
        text.push_number(n);
        text.push(b" to '");
        match name {
            Some((_, name)) => text.push(self.str_bytes(name)),
            None => text.push(b"?"),
        }
        text.push(b"' (");
        text.push(what);
        text.push(b")");
        self.raise_text(text.bytes())
    }
}
