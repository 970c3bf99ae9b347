//! Native functions: how library functions, and those of an embedder, are called.
//!
//! A native function gets a [`Call`]: its arguments lie on the value stack, and
//! its results go back there. Rules that keep the heap sound:
//! - No collection runs while a native function does, except inside
//!   [`Call::call`] (which runs Lua) and [`Call::collect`]. Across these, only
//!   what lies on the stack (arguments, [`Call::push`]ed values) stays alive.
//! - What is stored into an object goes through the barrier (`heap/barrier.rs`);
//!   the functions of tables do that.
//! - When an allocation fails, a function returns `Raise::NoMemory` *before* it
//!   has changed anything: the caller collects and calls it once more. A function
//!   that has had side effects uses [`Call::retry`] for what it allocates then.

use crate::error::Raise;
use crate::heap::{NativeRef, NoMemory, Rt, StrRef, TableRef};
use crate::proto::NATIVE_UPVALUES;
use crate::value::{Type, Value, tag};

/// A native function. Returns the number of results, which it has put with
/// [`Call::ret`] and its kin.
pub type NativeFn = fn(&mut Call) -> Result<Results, Raise>;

/// Number of results that lie at the place where results go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Results(pub(crate) u32);

/// Functions that the call machinery itself carries out, since they change frames.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Special {
    No = 0,
    Pcall = 1,
    Xpcall = 2,
    Resume = 3,
    /// A function made by `coroutine.wrap`; upvalue 1 is the thread.
    Wrapped = 4,
    Yield = 5,
    /// `xpcall` with arguments, for the embedder: (function, handler, arguments ...).
    Traced = 6,
    /// `debug.sethook`: an ordinary function, but its return is the first event that the
    /// hook may get.
    SetHook = 7,
}

impl Special {
    pub(crate) fn from_u8(n: u8) -> Special {
        match n {
            1 => Special::Pcall,
            2 => Special::Xpcall,
            3 => Special::Resume,
            4 => Special::Wrapped,
            5 => Special::Yield,
            6 => Special::Traced,
            7 => Special::SetHook,
            _ => Special::No,
        }
    }
}

/// References that the library looks up often. Roots.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Library {
    /// Names of the nine types, by [`Type`].
    pub(crate) type_names: [u32; 9],
    /// The same by tag, as a positive number; 0 for numbers.
    pub(crate) tag_names: [u32; 16],
    /// One-byte strings.
    pub(crate) byte_strings: [u32; 256],
    /// The empty string.
    pub(crate) empty: u32,
}

/// A running call of a native function.
pub struct Call {
    /// The VM.
    pub(crate) rt: Rt,
    /// First argument's slot.
    pub(crate) base: *mut u64,
    /// Number of arguments.
    pub(crate) count: u32,
}

impl Call {
    /// Number of arguments.
    #[inline(always)]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Argument `i` (from 0), nil when absent.
    #[inline(always)]
    pub fn arg(&self, i: u32) -> Value {
        if i < self.count {
            // SAFETY: arguments are `count` slots from `base` on.
            Value(unsafe { *self.base.add(i as usize) })
        } else {
            Value::NIL
        }
    }

    /// Argument `i`, `None` when absent (different from nil).
    #[inline(always)]
    pub fn arg_opt(&self, i: u32) -> Option<Value> {
        if i < self.count {
            Some(self.arg(i))
        } else {
            None
        }
    }

    /// The VM handle, for allocation and access to objects.
    #[inline(always)]
    pub fn rt(&self) -> Rt {
        self.rt
    }

    /// The function that was called.
    pub(crate) fn callee(&self) -> NativeRef {
        // SAFETY: the frame header is below the arguments.
        NativeRef(Value(unsafe { *self.base.sub(2) }).payload())
    }

    /// Upvalue `i` of the function.
    pub fn upvalue(&self, i: u32) -> Value {
        self.rt.get(self.callee().0 + NATIVE_UPVALUES + i * 8)
    }

    /// Changes upvalue `i`.
    pub fn set_upvalue(&self, i: u32, v: Value) {
        let function = self.callee().0;
        self.rt.put(function, function + NATIVE_UPVALUES + i * 8, v);
    }

    // ---- results. They overwrite the function's slot, the header and then the
    // arguments: read all arguments first.

    /// No result.
    #[inline(always)]
    pub fn ret0(&mut self) -> Result<Results, Raise> {
        Ok(Results(0))
    }

    /// One result.
    #[inline(always)]
    pub fn ret(&mut self, v: Value) -> Result<Results, Raise> {
        // SAFETY: the function's slot.
        unsafe { *self.base.sub(2) = v.0 };
        Ok(Results(1))
    }

    /// Several results (a few: they fit in the slack of every frame).
    #[inline(always)]
    pub fn ret_many(&mut self, vs: &[Value]) -> Result<Results, Raise> {
        // The slack behind the arguments holds a few.
        if vs.len() > 16 {
            self.reserve(vs.len() as u32)?;
        }
        for (i, v) in vs.iter().enumerate() {
            self.put(i as u32, *v);
        }
        Ok(Results(vs.len() as u32))
    }

    /// Puts result `i`. Room beyond the arguments must be `reserve`d.
    #[inline(always)]
    pub fn put(&mut self, i: u32, v: Value) {
        // SAFETY: `reserve` or the frame's slack.
        unsafe { *self.base.sub(2).add(i as usize) = v.0 };
    }

    /// Tells that results 0..n were put.
    pub fn results(&mut self, n: u32) -> Result<Results, Raise> {
        Ok(Results(n))
    }

    /// Makes room for `n` results or pushed values beyond the arguments.
    pub fn reserve(&mut self, n: u32) -> Result<(), Raise> {
        let rt = self.rt;
        let n = n as usize + self.count as usize;
        match rt.ensure_stack(self.base, n) {
            Ok(moved) => {
                self.base = self.base.wrapping_byte_offset(moved);
                Ok(())
            }
            Err(crate::thread::StackError::NoMemory) => Err(Raise::NoMemory),
            Err(crate::thread::StackError::Overflow) => Err(rt.raise_text(b"stack overflow")),
        }
    }

    /// Appends a value behind the arguments, where it is safe from collection.
    /// It becomes argument number `count`.
    pub fn push(&mut self, v: Value) -> Result<u32, Raise> {
        self.reserve(4)?;
        // SAFETY: reserved.
        unsafe { *self.base.add(self.count as usize) = v.0 };
        self.count += 1;
        // SAFETY: inside the stack.
        unsafe { (*self.rt.vm()).top = self.base.add(self.count as usize) };
        Ok(self.count - 1)
    }

    /// Overwrites argument (or pushed value) `i`.
    pub fn set_arg(&mut self, i: u32, v: Value) {
        debug_assert!(i < self.count);
        // SAFETY: arguments are `count` slots from `base` on.
        unsafe { *self.base.add(i as usize) = v.0 };
    }

    /// Calls a function with arguments and gives its results' count; they can be
    /// read with [`Call::call_result`] until the next call or push. Lua code
    /// runs and collections happen inside.
    #[inline]
    pub fn call(&mut self, f: Value, args: &[Value]) -> Result<u32, Raise> {
        let rt = self.rt;
        // SAFETY: `top` is the end of this call's values.
        unsafe { (*rt.vm()).top = self.base.add(self.count as usize) };
        let first = rt.offset_of(rt.current_stack_start());
        let at = rt.offset_of(self.base) - first;
        let n = rt.call_from_native(self.base, self.count, f, args);
        self.base = rt.current_stack_start().wrapping_byte_add(at as usize);
        n
    }

    /// Result `i` of the last [`Call::call`].
    pub fn call_result(&self, i: u32, count: u32) -> Value {
        if i < count {
            // SAFETY: results lie from the callee's function slot on.
            Value(unsafe { *self.base.add(self.count as usize).add(i as usize) })
        } else {
            Value::NIL
        }
    }

    /// Makes the results of the last [`Call::call`] further arguments, where they are safe
    /// from collection; gives the number of the first.
    pub(crate) fn keep_results(&mut self, count: u32) -> u32 {
        let first = self.count;
        self.count += count;
        // SAFETY: they lie right behind the arguments, inside the stack.
        unsafe { (*self.rt.vm()).top = self.base.add(self.count as usize) };
        first
    }

    /// Runs an allocating step again after a full collection if it failed. What
    /// it uses must lie on the stack.
    pub fn retry<T>(
        &mut self,
        mut step: impl FnMut(&mut Call) -> Result<T, NoMemory>,
    ) -> Result<T, Raise> {
        match step(self) {
            Ok(x) => Ok(x),
            Err(NoMemory) => {
                // SAFETY: `top` is the end of this call's values.
                unsafe { (*self.rt.vm()).top = self.base.add(self.count as usize) };
                self.rt.collect();
                step(self).map_err(|NoMemory| Raise::NoMemory)
            }
        }
    }

    /// Charges fuel for work that the function does on its own.
    pub fn charge(&self, work: u64) {
        self.rt.charge_work(work);
    }

    /// The same in the middle of work that may take long.
    ///
    /// # Errors
    /// When the fuel is used up or somebody asked the program to stop.
    pub fn charge_and_check(&self, work: u64) -> Result<(), Raise> {
        self.rt.charge_work(work);
        self.rt.check_end()
    }

    // ---- argument checks, with the reference's messages

    /// Error "bad argument #i to 'f' (what)"; `i` counts from 0.
    #[cold]
    pub fn bad_argument(&self, i: u32, what: &[u8]) -> Raise {
        self.rt.bad_argument(self, i, what)
    }

    #[cold]
    pub(crate) fn type_error(&self, i: u32, expected: &str) -> Raise {
        let got = match self.arg_opt(i) {
            None => "no value",
            Some(v) => v.type_of().name(),
        };
        let mut text = crate::error::Text::new();
        text.push(expected.as_bytes());
        text.push(b" expected, got ");
        text.push(got.as_bytes());
        self.bad_argument(i, text.bytes())
    }

    /// Any value must be there.
    pub fn check_any(&self, i: u32) -> Result<Value, Raise> {
        self.arg_opt(i)
            .ok_or_else(|| self.bad_argument(i, b"value expected"))
    }

    /// A table.
    #[inline]
    pub fn check_table(&self, i: u32) -> Result<TableRef, Raise> {
        TableRef::from_value(self.arg(i)).ok_or_else(|| self.type_error(i, "table"))
    }

    /// A number, or a string that can be converted to one.
    #[inline]
    pub fn check_number(&self, i: u32) -> Result<f64, Raise> {
        let v = self.arg(i);
        if v.is_number() {
            return Ok(v.as_f64());
        }
        self.rt
            .to_number(v)
            .ok_or_else(|| self.type_error(i, "number"))
    }

    /// A number truncated to an integer; the smallest one for what is out of range
    /// and for NaN, as the reference has it on this architecture.
    #[inline]
    pub fn check_integer(&self, i: u32) -> Result<i64, Raise> {
        let x = self.check_number(i)?;
        const LIMIT: f64 = 9223372036854775808.0;
        Ok(if (-LIMIT..LIMIT).contains(&x) {
            x as i64
        } else {
            i64::MIN
        })
    }

    /// The same, with a default for nil or nothing.
    #[inline]
    pub fn opt_integer(&self, i: u32, default: i64) -> Result<i64, Raise> {
        if self.arg(i).is_nil() {
            Ok(default)
        } else {
            self.check_integer(i)
        }
    }

    /// A number with a default for nil or nothing.
    pub fn opt_number(&self, i: u32, default: f64) -> Result<f64, Raise> {
        if self.arg(i).is_nil() {
            Ok(default)
        } else {
            self.check_number(i)
        }
    }

    /// A string, or a number, which becomes a string.
    #[inline]
    pub fn check_string(&mut self, i: u32) -> Result<StrRef, Raise> {
        let v = self.arg(i);
        if let Some(s) = StrRef::from_value(v) {
            return Ok(s);
        }
        if v.is_number() {
            let s = self.rt.number_to_string(v.as_f64())?;
            self.set_arg(i, s.value());
            return Ok(s);
        }
        Err(self.type_error(i, "string"))
    }

    /// A function.
    pub fn check_function(&self, i: u32) -> Result<Value, Raise> {
        let v = self.arg(i);
        if v.type_of() == Type::Function {
            Ok(v)
        } else {
            Err(self.type_error(i, "function"))
        }
    }

    /// A coroutine.
    pub fn check_thread(&self, i: u32) -> Result<crate::heap::ThreadRef, Raise> {
        crate::heap::ThreadRef::from_value(self.arg(i))
            .ok_or_else(|| self.bad_argument(i, b"coroutine expected"))
    }

    /// One result: a new string.
    pub fn ret_bytes(&mut self, s: &[u8]) -> Result<Results, Raise> {
        let s = self.rt.intern(s)?;
        self.ret(s.value())
    }
}

const _: () = assert!(tag::NIL == u32::MAX);
