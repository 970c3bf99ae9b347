//! What consoles and tools need of a VM: chunks whose results are printed, the names
//! that a half-typed expression may go on with, chunks that are only checked or listed.
//!
//! Must never change what a program sees: names are read without metamethods, and
//! without making a string. Called by the host's console and its `--check` and `--list`.

use crate::error::Raise;
use crate::heap::{Buffer, ClosureRef, NoMemory, ProtoRef, Rt, StrRef, TableRef};
use crate::listing::write_listing;
use crate::native::Call;
use crate::state::Event;
use crate::value::{Type, Value};
use crate::vm::{Traced, Vm, VmError};
use core::fmt::Write;

/// Most tables that are looked through along `__index`.
const CHAIN: usize = 16;

impl Vm<'_> {
    /// Compiles and runs a chunk, and gives its results, if there are any, to the global
    /// `print`. [`VmError::Syntax`] means that nothing was run; if [`Vm::message`] then
    /// ends with `'<eof>'`, more text may complete the chunk.
    pub fn run_printing(&mut self, source: &[u8], chunk_name: &[u8]) -> Result<(), VmError> {
        let closure = self.load(source, chunk_name)?;
        self.enter(|call| {
            let ended = Self::call_traced(call, closure.value(), &[])?;
            if ended.error.is_some() || ended.count < 2 {
                return Ok(ended);
            }
            print_results(call, ended.count)
        })
    }

    /// Compiles a chunk and forgets it.
    pub fn check(&mut self, source: &[u8], chunk_name: &[u8]) -> Result<(), VmError> {
        self.load(source, chunk_name).map(|_| ())
    }

    /// Compiles a chunk and writes its bytecode. Errors of `out` end the listing.
    pub fn list(
        &mut self,
        source: &[u8],
        chunk_name: &[u8],
        out: &mut dyn Write,
    ) -> Result<core::fmt::Result, VmError> {
        let closure: ClosureRef = self.load(source, chunk_name)?;
        let rt = self.rt();
        Ok(write_listing(rt, ProtoRef(rt.header(closure.0).aux), out))
    }
}

/// Hands results 1.. of the last call to `print`.
fn print_results(call: &mut Call, count: u32) -> Result<Traced, Raise> {
    let rt = call.rt();
    let first = call.keep_results(count);
    Vm::room_for(call, count as usize)?;
    let print = rt.repeated(|| Ok(rt.raw_get_str(rt.globals(), rt.intern(b"print")?)))?;
    let mut results: Buffer<Value> = Buffer::new();
    let mut copy = || {
        results.truncate(0);
        (1..count).try_for_each(|i| results.push(rt, call.arg(first + i)))
    };
    let copied = copy().or_else(|NoMemory| {
        rt.collect();
        rt.with_retry(copy)
    });
    let printed = match copied {
        Ok(()) => Vm::call_traced_with(call, print, &results),
        Err(NoMemory) => Err(Raise::NoMemory),
    };
    results.free(rt);
    printed
}

impl Rt {
    /// Tells the names that the table behind a path of names has, starting from the
    /// globals, and the types of their values; strings have their library's. Nothing is
    /// told if a name on the path isn't there.
    pub fn visit_names(self, path: &[&[u8]], tell: &mut dyn FnMut(&[u8], Type)) {
        let mut v = self.globals().value();
        for name in path {
            let mut next = Value::NIL;
            self.visit_fields(v, &mut |key, value| {
                if next.is_nil() && key == *name {
                    next = value;
                }
            });
            v = next;
        }
        self.visit_fields(v, &mut |key, value| tell(key, value.type_of()));
    }

    /// Shows the string keys of a value and of the tables that its `__index` leads to.
    fn visit_fields(self, v: Value, show: &mut dyn FnMut(&[u8], Value)) {
        let mut v = v;
        for _ in 0..CHAIN {
            if let Some(t) = TableRef::from_value(v) {
                let mut cursor = 0;
                while let Some((key, value, next)) = self.entry_from(t, cursor) {
                    if let Some(key) = StrRef::from_value(key) {
                        show(self.str_bytes(key), value);
                    }
                    cursor = next;
                }
            }
            v = self.event_handler(self.metatable_of(v), Event::Index);
            if TableRef::from_value(v).is_none() {
                break;
            }
        }
    }

    /// The text of a global that is a string or a number, for prompts.
    pub fn global_text(self, name: &[u8], tell: &mut dyn FnMut(&[u8])) {
        self.visit_fields(self.globals().value(), &mut |key, value| {
            if key == name && (value.is_number() || StrRef::from_value(value).is_some()) {
                tell(self.text_of(value, &mut [0; 32]));
            }
        });
    }
}
