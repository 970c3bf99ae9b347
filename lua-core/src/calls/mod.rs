//! Calls, returns and errors: everything that makes or drops frames, apart from
//! the fast paths in `ops/call.rs`.
//!
//! No function here recurses into Lua on the native stack, except
//! [`Rt::call_from_native`], which checks the bytes left.

mod coroutines;
mod entry;
mod errors;
mod finalizers;
pub mod hooks;
pub(crate) mod interrupt;
mod tails;

use crate::error::Raise;
use crate::frame::{FrameKind, distance, header_word, link};
use crate::heap::{ClosureRef, NativeRef, Rt, ThreadRef};
use crate::isa::{CALL_BYTES, Insn, Op};
use crate::native::{Call, Results};
use crate::proto::{
    FRAME_BYTES_BEFORE_ENTRY, SIGNATURE_BEFORE_ENTRY, SIGNATURE_VARIADIC, params_of,
};
use crate::state::Event;
use crate::thread::{StackError, Status};
use crate::value::{Value, tag};

/// Most native functions that call back, inside one another.
pub(crate) const MAX_NATIVE_DEPTH: u32 = 195;
/// Most coroutines that wait for one another. Nothing native nests there; the limit is
/// the reference's, which keeps errors that pass through every level from taking for ever.
pub(crate) const MAX_THREAD_DEPTH: u32 = 197;
/// Most message handlers that run because the one before failed.
const MAX_HANDLERS: u32 = 30;

/// Where the engine goes on after a slow path.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    /// At this instruction of this frame.
    Run {
        /// Frame base.
        base: *mut u64,
        /// Instruction.
        pc: *const u64,
    },
    /// Back to the Rust code that entered it; so many results lie at `top - n`.
    Exit(u32),
}

impl Rt {
    /// Start of the running thread's stack.
    pub(crate) fn current_stack_start(self) -> *mut u64 {
        // SAFETY: live thread.
        self.at(unsafe { (*self.current()).stack } + 8)
    }

    /// Records the running frame, for errors and the collector.
    #[inline(always)]
    pub(crate) fn save_frame(self, base: *mut u64, pc: *const u64) {
        // SAFETY: live thread.
        unsafe {
            (*self.current()).base = self.offset_of(base);
            (*self.current()).pc = self.offset_of(pc);
        }
    }

    /// Makes sure that `n` slots from `base` on fit, of which `live` hold values.
    /// Collects if memory is short, so that a failure is final and nobody has to
    /// repeat a call whose arguments were moved already. Gives the base back,
    /// which moves with the stack.
    pub(crate) fn room(self, base: *mut u64, n: u32, live: u32) -> Result<*mut u64, Raise> {
        let moved = match self.ensure_stack(base, n as usize) {
            Ok(moved) => moved,
            Err(StackError::Overflow) => {
                let raise = self.raise_runtime(self.overflow_text());
                if raise != Raise::NoMemory {
                    return Err(raise);
                }
                // SAFETY: as below.
                unsafe { (*self.vm()).top = base.add(live as usize) };
                self.collect();
                return Err(
                    match self.with_retry(|| self.raise_runtime(self.overflow_text())) {
                        Raise::NoMemory => self.memory_error(),
                        other => other,
                    },
                );
            }
            Err(StackError::NoMemory) => {
                // SAFETY: the values lie inside the stack (the frame's slack at least).
                unsafe { (*self.vm()).top = base.add(live as usize) };
                self.collect();
                match self.with_retry(|| self.ensure_stack(base, n as usize)) {
                    Ok(moved) => moved,
                    Err(_) => return Err(self.memory_error()),
                }
            }
        };
        Ok(base.wrapping_byte_offset(moved))
    }

    /// What overflows, in the reference's words: there, metamethods and protected calls
    /// nest on the native stack, which takes 200 of them.
    pub(crate) fn overflow_text(self) -> &'static [u8] {
        let mut nested = 0;
        // SAFETY: frames are complete; the saved base is the running frame's.
        unsafe {
            let mut base: *mut u64 = self.at((*self.current()).base);
            while nested < MAX_NATIVE_DEPTH {
                let link = (*base.sub(1) >> 32) as u32;
                let kind = FrameKind::of(link);
                if kind == FrameKind::Coroutine || distance(link) == 0 {
                    return b"stack overflow";
                }
                nested += matches!(kind, FrameKind::Meta | FrameKind::Protected) as u32;
                base = base.byte_sub(distance(link));
            }
        }
        b"C stack overflow"
    }

    /// Calls the value in `*func` with `count` arguments from `func[2]` on.
    /// `header` is the callee's header word. The caller's frame is saved.
    pub(crate) fn precall(self, func: *mut u64, count: u32, header: u64) -> Result<Step, Raise> {
        // SAFETY: `func` and the arguments lie in the running stack, and behind them is
        // the slack of the frame that calls.
        unsafe {
            let f = Value(*func);
            let base = func.add(2);
            if f.has_tag(tag::CLOSURE) {
                return self.enter_closure(ClosureRef(f.payload()), func, count, header);
            }
            if f.has_tag(tag::NATIVE) {
                *func.add(1) = header;
                if self.wants(hooks::event::CALL) {
                    return self.report_native_call(base, count);
                }
                return self.run_native(base, count);
            }
            let handler = self.event_handler(self.metatable_of(f), Event::Call);
            if !handler.is_function() {
                return Err(self.call_type_error(f));
            }
            let base = self.room(base, count + 2, count)?;
            let func = base.sub(2);
            core::ptr::copy(base, base.add(1), count as usize);
            *base = f.0;
            *func = handler.0;
            self.precall(func, count + 1, header)
        }
    }

    /// `precall`, and once more after a full collection if memory was short: for callers
    /// that can't be repeated themselves.
    fn precall_surely(self, func: *mut u64, count: u32, header: u64) -> Result<Step, Raise> {
        let place = self.offset_of(func) - self.offset_of(self.current_stack_start());
        match self.precall(func, count, header) {
            Err(Raise::NoMemory) => {
                // Only making the message of an error fails so; the call hasn't begun.
                let func: *mut u64 = self.at(self.offset_of(self.current_stack_start()) + place);
                // SAFETY: as `precall`.
                unsafe { (*self.vm()).top = func.add(2 + count as usize) };
                self.collect();
                match self.with_retry(|| self.precall(func, count, header)) {
                    Err(Raise::NoMemory) => Err(self.memory_error()),
                    other => other,
                }
            }
            other => other,
        }
    }

    /// Runs the native function with `count` arguments whose frame is at `base`, and
    /// returns from it.
    fn run_native(self, base: *mut u64, count: u32) -> Result<Step, Raise> {
        // SAFETY: the frame is complete.
        unsafe {
            let f = Value(*base.sub(2));
            let header = *base.sub(1);
            let n = NativeRef(f.payload());
            if self.header(n.0).b3 != 0 {
                return self.call_special(n, base, count, header);
            }
            let results = self.call_native(n, base, count)?;
            // The stack may have moved.
            let base = self.at::<u64>((*self.current()).base);
            self.leave_native(f, base, header, results.0)
        }
    }

    /// Returns from native function `f`, whose `n` results lie from `base[-2]` on.
    #[inline]
    fn leave_native(self, f: Value, base: *mut u64, header: u64, n: u32) -> Result<Step, Raise> {
        if self.wants(hooks::event::RETURN) {
            return self.report_native_return(f, base, header, n);
        }
        self.return_from(base, header, n)
    }

    /// Runs a native function on `count` arguments at `base`; its frame is complete.
    #[inline]
    pub(crate) fn call_native(
        self,
        n: NativeRef,
        base: *mut u64,
        count: u32,
    ) -> Result<Results, Raise> {
        // SAFETY: live thread; the frame is inside its stack.
        unsafe {
            if base.add(count as usize) > (*self.vm()).stack_limit {
                // Arguments reach into the slack: restore it.
                let base = self.room(base, count, count)?;
                return self.call_native_here(n, base, count);
            }
            self.call_native_here(n, base, count)
        }
    }

    #[inline]
    fn call_native_here(self, n: NativeRef, base: *mut u64, count: u32) -> Result<Results, Raise> {
        // SAFETY: as `call_native`.
        unsafe {
            let caller = self.offset_of(base);
            (*self.current()).base = caller;
            (*self.vm()).top = base.add(count as usize);
            let mut call = Call {
                rt: self,
                base,
                count,
            };
            let function = self.native(n).function;
            match function(&mut call) {
                Err(Raise::NoMemory) => {
                    // Nothing has changed: once more, after a full collection.
                    call.count = count;
                    (*self.vm()).top = call.base.add(count as usize);
                    (*self.current()).base = self.offset_of(call.base);
                    self.collect();
                    match self.with_retry(|| function(&mut call)) {
                        Err(Raise::NoMemory) => Err(self.memory_error()),
                        other => {
                            (*self.current()).base = self.offset_of(call.base);
                            other
                        }
                    }
                }
                other => {
                    (*self.current()).base = self.offset_of(call.base);
                    other
                }
            }
        }
    }

    /// Runs `step` with injected allocation failures off.
    pub(crate) fn with_retry<T>(self, step: impl FnOnce() -> T) -> T {
        // SAFETY: plain field.
        unsafe {
            let before = (*self.vm()).in_retry;
            (*self.vm()).in_retry = true;
            let x = step();
            (*self.vm()).in_retry = before;
            x
        }
    }

    /// Puts a Lua function's frame in place.
    fn enter_closure(
        self,
        c: ClosureRef,
        func: *mut u64,
        count: u32,
        header: u64,
    ) -> Result<Step, Raise> {
        // SAFETY: as `precall`.
        unsafe {
            let mut base = func.add(2);
            let entry = self.closure(c).entry;
            let signature: u32 = self.get(entry - SIGNATURE_BEFORE_ENTRY);
            let params = params_of(signature);
            let registers = self.get::<u32>(entry - FRAME_BYTES_BEFORE_ENTRY) / 8;
            base = self.room(base, count.max(params) + 2 + registers, count)?;
            *base.sub(1) = header;
            for i in count..params {
                *base.add(i as usize) = Value::NIL.0;
            }
            if signature & SIGNATURE_VARIADIC != 0 {
                let count = count.max(params);
                let inner = base.add(count as usize + 2);
                for i in 0..params as usize {
                    *inner.add(i) = *base.add(i);
                    *base.add(i) = Value::NIL.0;
                }
                *inner.sub(2) = c.value().0;
                *inner.sub(1) = header_word(0, link(count + 2, FrameKind::Variadic));
                base = inner;
            }
            Ok(Step::Run {
                base,
                pc: self.at(entry),
            })
        }
    }

    /// Number of variadic arguments of the frame at `base`, and where they start.
    pub(crate) fn variadic_arguments(self, base: *mut u64, params: u32) -> (*mut u64, u32) {
        // SAFETY: the frame of a variadic function has kind `Variadic`.
        unsafe {
            let link = (*base.sub(1) >> 32) as u32;
            let distance = distance(link);
            let arguments = base.byte_sub(distance);
            (
                arguments.add(params as usize),
                distance as u32 / 8 - 2 - params,
            )
        }
    }

    /// Returns `n` values that lie from `base[-2]` on, out of the frame whose
    /// header word was `header`.
    pub(crate) fn return_from(self, base: *mut u64, header: u64, n: u32) -> Result<Step, Raise> {
        let (mut base, mut header, mut n) = (base, header, n);
        // SAFETY: frames are complete; values move downward within the stack.
        unsafe {
            loop {
                let link = (header >> 32) as u32;
                let distance = distance(link);
                let return_to = header as u32;
                let results = base.sub(2);
                match FrameKind::of(link) {
                    FrameKind::Lua => {
                        if n == 0 {
                            *results = Value::NIL.0;
                        }
                        return Ok(Step::Run {
                            base: base.byte_sub(distance),
                            pc: self.at(return_to),
                        });
                    }
                    FrameKind::LuaMany => {
                        let call = Insn::from_word(self.get(return_to - CALL_BYTES));
                        let wanted = if call.op == Op::IterCall as u8 {
                            call.b as u32 + 1
                        } else {
                            call.c as u32
                        };
                        if wanted == 0 {
                            (*self.vm()).top = results.add(n as usize);
                        } else {
                            for i in n..wanted - 1 {
                                *results.add(i as usize) = Value::NIL.0;
                            }
                        }
                        return Ok(Step::Run {
                            base: base.byte_sub(distance),
                            pc: self.at(return_to),
                        });
                    }
                    FrameKind::Meta => {
                        let v = if n == 0 { Value::NIL } else { Value(*results) };
                        let caller = base.byte_sub(distance);
                        let note = *base.sub(3);
                        self.save_frame(caller, self.at(return_to));
                        self.note_completion(caller, self.at(return_to));
                        let step = self.complete(caller, self.at(return_to), v, note);
                        if !matches!(step, Err(Raise::NoMemory)) {
                            return step;
                        }
                        // The metamethod must not run again: only its completion is repeated.
                        // The result still lies behind the caller's registers.
                        self.collect();
                        let caller: *mut u64 = self.at((*self.current()).base);
                        let step =
                            self.with_retry(|| self.complete(caller, self.at(return_to), v, note));
                        return match step {
                            Err(Raise::NoMemory) => Err(self.memory_error()),
                            other => other,
                        };
                    }
                    FrameKind::Entry => {
                        (*self.vm()).top = results.add(n as usize);
                        return Ok(Step::Exit(n));
                    }
                    FrameKind::Variadic => {
                        let outer = base.byte_sub(distance);
                        header = *outer.sub(1);
                        core::ptr::copy(results, outer.sub(2), n as usize);
                        base = outer;
                    }
                    FrameKind::Protected => {
                        let outer = base.byte_sub(distance);
                        let f = Value(*outer.sub(2));
                        header = *outer.sub(1);
                        core::ptr::copy(results, outer.sub(1), n as usize);
                        *outer.sub(2) = Value::TRUE.0;
                        base = outer;
                        n += 1;
                        if self.wants(hooks::event::RETURN) {
                            return self.report_native_return(f, base, header, n);
                        }
                    }
                    FrameKind::Coroutine => {
                        let dead = ThreadRef((*self.vm()).thread);
                        self.set_thread_status(dead, Status::Dead);
                        // It has no frames left to look at.
                        (*self.thread(dead)).fresh = 1;
                        return self.hand_over(dead, results, n, true);
                    }
                    FrameKind::Interrupt => return self.return_from_interrupt(base, header),
                }
            }
        }
    }
}
