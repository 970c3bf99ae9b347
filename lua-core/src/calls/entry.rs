//! Rust code calling Lua: library functions with callbacks, message handlers, the
//! embedder. The only place where Lua nests on the native stack.

use super::{MAX_NATIVE_DEPTH, Step};
use crate::error::Raise;
use crate::frame::{FrameKind, header_word, link};
use crate::heap::{ClosureRef, Rt};
use crate::proto::{
    FRAME_BYTES_BEFORE_ENTRY, SIGNATURE_BEFORE_ENTRY, SIGNATURE_VARIADIC, params_of,
};
use crate::thread::StackError;
use crate::value::{Value, tag};

impl Rt {
    /// Calls `f` from a native function whose `count` values lie at `base`.
    /// Results replace what is behind them.
    #[inline]
    pub(crate) fn call_from_native(
        self,
        base: *mut u64,
        count: u32,
        f: Value,
        args: &[Value],
    ) -> Result<u32, Raise> {
        self.call_above(base, count, f, args)
    }

    /// Calls `f` with its frame `above` slots over `base`, runs it to its end and
    /// gives the number of results, which end at `top`.
    #[inline]
    pub(crate) fn call_above(
        self,
        base: *mut u64,
        above: u32,
        f: Value,
        args: &[Value],
    ) -> Result<u32, Raise> {
        // SAFETY: live thread and frame; the stack gets room first.
        unsafe {
            let vm = self.vm();
            if (*vm).native_depth >= MAX_NATIVE_DEPTH || self.native_stack_is_low() {
                return Err(self.raise_runtime(b"C stack overflow"));
            }
            // The function and its arguments aren't on the stack yet: no collection here.
            let mut base = base;
            let needed = above as usize + args.len() + 4;
            if base.wrapping_add(needed) > (*vm).stack_limit {
                match self.ensure_stack(base, needed) {
                    Ok(moved) => base = base.wrapping_byte_offset(moved),
                    Err(StackError::NoMemory) => return Err(Raise::NoMemory),
                    Err(StackError::Overflow) => {
                        return Err(self.raise_runtime(self.overflow_text()));
                    }
                }
            }
            let func = base.add(above as usize);
            *func = f.0;
            match args {
                // The usual count: a loop would become a call of `memcpy`.
                [x, y] => (*func.add(2), *func.add(3)) = (x.0, y.0),
                _ => {
                    for (i, v) in args.iter().enumerate() {
                        *func.add(2 + i) = v.0;
                    }
                }
            }
            let saved_pc = (*self.current()).pc;
            let start = self.current_stack_start();
            let saved_base = (base as usize - start as usize) / 8;
            (*self.current()).base = self.offset_of(base);
            let thread = (*vm).thread;
            // The return address isn't used; it tells tracebacks where a Lua frame is that
            // a message handler was called on top of.
            let header = header_word(saved_pc, link(above + 2, FrameKind::Entry));
            *func.add(1) = header;
            (*vm).native_depth += 1;
            (*self.current()).entries += 1;
            let count = args.len() as u32;
            let result = match self.enter_plainly(func, count) {
                Some((base, pc)) => {
                    #[cfg(all(feature = "interp", target_arch = "x86_64"))]
                    self.count_call(base);
                    ((*vm).run)(self, base, pc)
                }
                None => self.run(self.precall_guarded(func, count, header)),
            };
            (*vm).native_depth -= 1;
            debug_assert!((*vm).thread == thread);
            (*self.current()).entries -= 1;
            (*self.current()).base = self.offset_of(self.current_stack_start().add(saved_base));
            (*self.current()).pc = saved_pc;
            result
        }
    }

    /// Completes the frame of the Lua function in `*func` where that takes nothing but
    /// nils for missing arguments. The header is in place. Gives its base and first
    /// instruction.
    #[inline]
    fn enter_plainly(self, func: *mut u64, count: u32) -> Option<(*mut u64, *const u64)> {
        // SAFETY: `func` and the arguments lie in the running stack; what the function's
        // frame needs is checked.
        unsafe {
            let f = Value(*func);
            if !f.has_tag(tag::CLOSURE) {
                return None;
            }
            let base = func.add(2);
            let entry = self.closure(ClosureRef(f.payload())).entry;
            let signature: u32 = self.get(entry - SIGNATURE_BEFORE_ENTRY);
            let bytes: u32 = self.get(entry - FRAME_BYTES_BEFORE_ENTRY);
            if signature & SIGNATURE_VARIADIC != 0
                || base.wrapping_byte_add(bytes as usize) > (*self.vm()).stack_limit
            {
                return None;
            }
            for i in count..params_of(signature) {
                *base.add(i as usize) = Value::NIL.0;
            }
            Some((base, self.at(entry)))
        }
    }

    /// `precall` from Rust code: what it raises before the callee has a frame
    /// goes straight back to the caller.
    pub(super) fn precall_guarded(
        self,
        func: *mut u64,
        count: u32,
        header: u64,
    ) -> Result<Step, Raise> {
        // SAFETY: live thread.
        let (caller, thread) = unsafe { ((*self.current()).base, (*self.vm()).thread) };
        let start = self.offset_of(self.current_stack_start());
        match self.precall_surely(func, count, header) {
            Ok(step) => Ok(step),
            Err(raise) => {
                // SAFETY: as above.
                let (now, now_in) = unsafe { ((*self.current()).base, (*self.vm()).thread) };
                let now = now - self.offset_of(self.current_stack_start());
                // A resumed coroutine may have failed at the same place of its own stack.
                if now_in != thread || now != caller - start {
                    return self.unwind(raise);
                }
                Err(self.handle_message(raise))
            }
        }
    }

    pub(super) fn run(self, first: Result<Step, Raise>) -> Result<u32, Raise> {
        match first? {
            Step::Exit(n) => Ok(n),
            Step::Run { base, pc } => {
                // SAFETY: plain field.
                let run = unsafe { (*self.vm()).run };
                run(self, base, pc)
            }
        }
    }

    /// Is the native stack used up to the embedder's limit?
    pub(crate) fn native_stack_is_low(self) -> bool {
        if cfg!(miri) {
            return false;
        }
        let here = 0u8;
        // SAFETY: plain field.
        let limit = unsafe { (*self.vm()).native_stack_limit };
        (core::hint::black_box(&raw const here) as usize) < limit
    }
}
