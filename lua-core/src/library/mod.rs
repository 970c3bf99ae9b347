//! The library: what every VM has without an operating system.
//!
//! A file per library table, plus what they share: building strings
//! (`builder`), conversions of `string.format` (`format`), sorting (`sort`) and
//! tracebacks (`traceback`). All follow the rules at the head of `native.rs`.
//! Nothing here touches an operating system: output and time come from the
//! embedder's hooks, files and processes from its `System`.

mod base;
mod builder;
mod console;
mod coroutine;
mod debug;
mod files;
mod find;
mod format;
mod gsub;
mod hook;
mod io;
mod load;
mod load_file;
mod math;
mod metatables;
mod os;
mod package;
mod pattern;
mod pattern_code;
mod scratch;
mod search;
mod sort;
mod string;
mod system;
mod table;
#[cfg(test)]
mod tests;
mod traceback;
mod variables;

use crate::error::Raise;
use crate::heap::{NoMemory, Rt, StrRef, TableRef};
use crate::native::{Call, NativeFn, Results, Special};
use crate::shape::INLINE_MAX;
use crate::value::{Type, Value};

pub(crate) use base::unreachable_native;
pub(crate) use hook::set_hook;
pub(crate) use traceback::{traceback_handler, traced};

/// Names and functions of one library table.
pub(crate) type Functions = [(&'static str, NativeFn)];

/// Makes the library's tables and functions.
pub(crate) fn open(rt: Rt) -> Result<(), NoMemory> {
    // SAFETY: plain fields of the state under construction.
    unsafe {
        let vm = rt.vm();
        for b in 0..=255u8 {
            (*vm).library.byte_strings[b as usize] = rt.intern(&[b])?.0;
        }
        (*vm).library.empty = rt.intern(b"")?.0;
        for t in [
            Type::Nil,
            Type::Boolean,
            Type::LightUserdata,
            Type::Number,
            Type::String,
            Type::Table,
            Type::Function,
            Type::Userdata,
            Type::Thread,
        ] {
            (*vm).library.type_names[t as usize] = rt.intern(t.name().as_bytes())?.0;
        }
        for i in 1..16u32 {
            // Tags are small negative numbers.
            let t = Value::tagged(i.wrapping_neg(), 0).type_of();
            (*vm).library.tag_names[i as usize] = (*vm).library.type_names[t as usize];
        }
        (*vm).library.tag_names[0] = (*vm).library.type_names[Type::Number as usize];
    }
    base::open(rt)?;
    math::open(rt)?;
    string::open(rt)?;
    find::open(rt)?;
    gsub::open(rt)?;
    table::open(rt)?;
    coroutine::open(rt)?;
    system::open(rt)?;
    load::open(rt)?;
    debug::open(rt)?;
    variables::open(rt)?;
    metatables::open(rt)?;
    hook::open(rt)?;
    traceback::open(rt)?;
    package::open(rt)?;
    rt.mark_shortcuts()
}

/// Makes what needs a system, which the state has by now.
pub(crate) fn open_system(rt: Rt) -> Result<(), NoMemory> {
    io::open(rt)?;
    os::open(rt)?;
    load_file::open(rt)?;
    console::open(rt)?;
    match rt.system() {
        Some(system) => package::open_system(rt, system),
        None => Ok(()),
    }
}

/// Body of natives that the call machinery carries out itself.
pub(crate) fn special(_: &mut Call) -> Result<Results, Raise> {
    Ok(Results(0))
}

impl Rt {
    /// Adds functions to the global table `library`, or to the globals.
    pub(crate) fn register(
        self,
        library: &str,
        functions: &[(&str, NativeFn)],
    ) -> Result<(), NoMemory> {
        let t = self.library_table(library)?;
        for &(name, f) in functions {
            self.register_one(t, name, f, Special::No)?;
        }
        Ok(())
    }

    /// The table of that name among the globals (made if missing); the globals for "".
    pub(crate) fn library_table(self, library: &str) -> Result<TableRef, NoMemory> {
        if library.is_empty() {
            return Ok(self.globals());
        }
        let key = self.intern(library.as_bytes())?;
        if let Some(t) = TableRef::from_value(self.raw_get_str(self.globals(), key)) {
            return Ok(t);
        }
        // Its functions lie in the table itself: one load less than from a property array.
        let t = self.new_table(self.root_shape(INLINE_MAX)?, 0)?;
        self.raw_set_str(self.globals(), key, t.value())?;
        Ok(t)
    }

    /// Adds one function; gives its reference.
    pub(crate) fn register_one(
        self,
        t: TableRef,
        name: &str,
        f: NativeFn,
        special: Special,
    ) -> Result<u32, NoMemory> {
        let key = self.intern(name.as_bytes())?;
        let n = self.new_native(f, special as u8, key.0, self.globals().0, &[])?;
        self.raw_set_str(t, key, n.value())?;
        Ok(n.0)
    }

    /// Adds a value to a library table.
    fn set_member(self, t: TableRef, name: &str, v: Value) -> Result<(), NoMemory> {
        self.raw_set_str(t, self.intern(name.as_bytes())?, v)
    }

    /// The string of one byte; it always exists.
    #[inline(always)]
    fn byte_string(self, b: u8) -> StrRef {
        // SAFETY: plain field, filled by `open`.
        StrRef(unsafe { (*self.vm()).library.byte_strings[b as usize] })
    }

    /// The empty string; it always exists.
    #[inline(always)]
    fn empty_string(self) -> StrRef {
        // SAFETY: plain field, filled by `open`.
        StrRef(unsafe { (*self.vm()).library.empty })
    }

    /// `intern` for text that is often one byte long.
    #[inline(always)]
    fn intern_short(self, s: &[u8]) -> Result<StrRef, NoMemory> {
        match s {
            [] => Ok(self.empty_string()),
            [b] => Ok(self.byte_string(*b)),
            _ => self.intern(s),
        }
    }
}

/// What the functions of the library share beyond the API for embedders.
impl Call {
    /// Runs a step again after a full collection if it failed for lack of memory: for
    /// steps that come after side effects, so that the whole function can't be
    /// repeated. The step changes nothing when it fails so.
    fn surely<T>(
        &mut self,
        mut step: impl FnMut(&mut Call) -> Result<T, Raise>,
    ) -> Result<T, Raise> {
        match step(self) {
            Err(Raise::NoMemory) => {
                let rt = self.rt();
                // SAFETY: `top` is the end of this call's values.
                unsafe { (*rt.vm()).top = self.base.add(self.count as usize) };
                rt.collect();
                match rt.with_retry(|| step(self)) {
                    Err(Raise::NoMemory) => Err(rt.memory_error()),
                    other => other,
                }
            }
            other => other,
        }
    }

    /// [`Call::call`] for functions that can't be repeated from their start: if
    /// the stack can't grow for the call, collects and tries once more. The
    /// function and its arguments must be reachable, from the stack or otherwise.
    fn call_surely(&mut self, f: Value, args: &[Value]) -> Result<u32, Raise> {
        match self.call(f, args) {
            Err(Raise::NoMemory) => {
                let room = args.len() as u32 + 8;
                self.surely(|call| call.reserve(room))?;
                match self.call(f, args) {
                    Err(Raise::NoMemory) => Err(self.rt().memory_error()),
                    other => other,
                }
            }
            other => other,
        }
    }

    /// A 32-bit number, as C's `(int)` makes it of an integer argument.
    #[inline]
    fn check_int(&self, i: u32) -> Result<i32, Raise> {
        Ok(self.check_integer(i)? as i32)
    }

    /// The same with a default for nil or nothing.
    #[inline]
    fn opt_int(&self, i: u32, default: i32) -> Result<i32, Raise> {
        if self.arg(i).is_nil() {
            Ok(default)
        } else {
            self.check_int(i)
        }
    }

    /// Gives the arguments from `first` on as results.
    fn ret_arguments(&mut self, first: u32) -> Result<Results, Raise> {
        let n = self.count().saturating_sub(first);
        for i in 0..n {
            // Each goes to a lower slot than the ones still to be read.
            let v = self.arg(first + i);
            self.put(i, v);
        }
        self.results(n)
    }

    /// Checks that an argument is there and nil or a table.
    fn check_nil_or_table(&self, i: u32) -> Result<Option<TableRef>, Raise> {
        match self.arg_opt(i) {
            Some(v) if v.is_nil() => Ok(None),
            Some(v) => match TableRef::from_value(v) {
                Some(t) => Ok(Some(t)),
                None => Err(self.bad_argument(i, b"nil or table expected")),
            },
            None => Err(self.bad_argument(i, b"nil or table expected")),
        }
    }
}
