//! The library: what every VM has without an operating system.

mod base;

use crate::error::Raise;
use crate::heap::{NoMemory, Rt, TableRef};
use crate::native::{Call, NativeFn, Results, Special};
use crate::value::Type;

pub(crate) use base::{traceback_handler, unreachable_native};

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
    }
    base::open(rt)
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
        let t = self.new_table(self.root_shape(0)?, 0)?;
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
}
