//! Calls, returns and errors: everything that makes or drops frames, apart from
//! the fast paths in `ops/call.rs`.
//!
//! No function here recurses into Lua on the native stack, except
//! [`Rt::call_from_native`], which checks the bytes left.

use crate::error::Raise;
use crate::frame::{FrameKind, KIND_MASK, header_word, link};
use crate::heap::{ClosureRef, NativeRef, Rt, ThreadRef};
use crate::isa::{Insn, Op};
use crate::native::{Call, Results, Special};
use crate::proto::{FRAME_BYTES_BEFORE_ENTRY, SIGNATURE_BEFORE_ENTRY, SIGNATURE_VARIADIC};
use crate::state::Event;
use crate::thread::{StackError, Status};
use crate::value::{Value, tag};

/// Most native functions that call back, inside one another.
pub(crate) const MAX_NATIVE_DEPTH: u32 = 195;

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
            Err(StackError::Overflow) => return Err(self.raise_runtime(b"stack overflow")),
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
                let n = NativeRef(f.payload());
                if self.header(n.0).b3 != 0 {
                    return self.call_special(n, base, count, header);
                }
                let results = self.call_native(n, base, count)?;
                // The stack may have moved.
                let base = self.at::<u64>((*self.current()).base);
                return self.return_from(base, header, results.0);
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
            let params = signature & 0xFF;
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
            let distance = link & !KIND_MASK;
            let arguments = base.byte_sub(distance as usize);
            (arguments.add(params as usize), distance / 8 - 2 - params)
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
                let distance = (link & !KIND_MASK) as usize;
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
                        let call = Insn::from_word(self.get(return_to - 8));
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
                        header = *outer.sub(1);
                        core::ptr::copy(results, outer.sub(1), n as usize);
                        *outer.sub(2) = Value::TRUE.0;
                        base = outer;
                        n += 1;
                    }
                    FrameKind::Coroutine => {
                        let dead = ThreadRef((*self.vm()).thread);
                        self.set_thread_status(dead, Status::Dead);
                        return self.hand_over(dead, results, n, true);
                    }
                }
            }
        }
    }

    // ---- coroutines

    /// Leaves coroutine `from` with `n` values for the thread that resumed it.
    fn hand_over(self, from: ThreadRef, values: *mut u64, n: u32, ok: bool) -> Result<Step, Raise> {
        // SAFETY: the resumer waits inside `resume` or a wrapped function, in a native
        // frame at its `base`.
        unsafe {
            let to = ThreadRef(self.header(from.0).aux);
            (*self.thread(from)).top = self.offset_of(values);
            self.adopt_stack(to);
            self.set_thread_status(to, Status::Running);
            let mut base: *mut u64 = self.at((*self.current()).base);
            let native = NativeRef(Value(*base.sub(2)).payload());
            let header = *base.sub(1);
            let wrapped = Special::from_u8(self.header(native.0).b3) == Special::Wrapped;
            (*self.thread(from)).top = self.offset_of(values) + n * 8;
            base = self.room(base, n + 2, 2)?;
            let mut out = base.sub(2);
            let mut count = n;
            if !wrapped {
                *out = Value::boolean(ok).0;
                out = out.add(1);
                count += 1;
            }
            core::ptr::copy_nonoverlapping(values, out, n as usize);
            self.return_from(base, header, count)
        }
    }

    /// Resumes `t` with `count` arguments at `args`; the running frame is the
    /// native one of `resume` or of a wrapped function.
    fn resume(self, t: ThreadRef, args: *mut u64, count: u32) -> Result<Step, Raise> {
        // SAFETY: live threads; a suspended thread's frame is complete.
        unsafe {
            let from = ThreadRef((*self.vm()).thread);
            (*self.current()).top = self.offset_of((*self.vm()).top);
            self.set_thread_status(from, Status::Normal);
            self.adopt_stack(t);
            self.set_thread_status(t, Status::Running);
            let h = self.header(t.0);
            self.set(t.0, crate::heap::Header { aux: from.0, ..h });
            let thread = self.thread(t);
            (*thread).depth = (*self.thread(from)).depth + 1;
            let mut base: *mut u64 = self.at((*thread).base);
            match self.room(base, count + 4, 0) {
                Ok(moved) => base = moved,
                Err(e) => {
                    // Nothing was passed on yet: the coroutine stays as it was.
                    self.set_thread_status(t, Status::Suspended);
                    self.adopt_stack(from);
                    self.set_thread_status(from, Status::Running);
                    return Err(e);
                }
            }
            if (*thread).fresh != 0 {
                (*thread).fresh = 0;
                core::ptr::copy_nonoverlapping(args, base, count as usize);
                let header = header_word(0, link(0, FrameKind::Coroutine));
                *base.sub(1) = header;
                self.precall(base.sub(2), count, header)
            } else {
                // The frame of the native function `yield` returns the arguments.
                let header = *base.sub(1);
                core::ptr::copy_nonoverlapping(args, base.sub(2), count as usize);
                self.return_from(base, header, count)
            }
        }
    }

    /// Carries out one of the functions that change frames. Never gives `NoMemory`:
    /// when that happens nothing has changed, and the step is repeated here.
    fn call_special(
        self,
        n: NativeRef,
        base: *mut u64,
        count: u32,
        header: u64,
    ) -> Result<Step, Raise> {
        match self.call_special_once(n, base, count, header) {
            Err(Raise::NoMemory) => {
                // SAFETY: live thread; the arguments of the native frame end at `top`.
                let base: *mut u64 = unsafe {
                    let base: *mut u64 = self.at((*self.current()).base);
                    (*self.vm()).top = base.add(count as usize);
                    base
                };
                self.collect();
                match self.with_retry(|| self.call_special_once(n, base, count, header)) {
                    Err(Raise::NoMemory) => Err(self.memory_error()),
                    other => other,
                }
            }
            other => other,
        }
    }

    fn call_special_once(
        self,
        n: NativeRef,
        base: *mut u64,
        count: u32,
        header: u64,
    ) -> Result<Step, Raise> {
        // SAFETY: the frame at `base` is complete.
        unsafe {
            let base = self.room(base, count + 4, count)?;
            (*self.current()).base = self.offset_of(base);
            (*self.vm()).top = base.add(count as usize);
            let call = Call {
                rt: self,
                base,
                count,
            };
            match Special::from_u8(self.header(n.0).b3) {
                Special::No => Err(Raise::Error),
                Special::Pcall => {
                    call.check_any(0)?;
                    // [f][args ...] becomes [f][header][args ...].
                    core::ptr::copy(base.add(1), base.add(2), count as usize - 1);
                    let h = header_word(0, link(2, FrameKind::Protected));
                    *base.add(1) = h;
                    self.precall_protected(base, count - 1, h)
                }
                Special::Xpcall => {
                    if count < 2 {
                        return Err(call.bad_argument(1, b"value expected"));
                    }
                    // [f][handler] becomes [handler][f][header].
                    let f = *base;
                    *base = *base.add(1);
                    *base.add(1) = f;
                    let h = header_word(0, link(3, FrameKind::Protected));
                    *base.add(2) = h;
                    self.precall_protected(base.add(1), 0, h)
                }
                Special::Traced => {
                    if count < 2 {
                        return Err(call.bad_argument(1, b"value expected"));
                    }
                    // [f][handler][args ...] becomes [handler][f][header][args ...].
                    let (f, handler) = (*base, *base.add(1));
                    core::ptr::copy(base.add(2), base.add(3), count as usize - 2);
                    *base = handler;
                    *base.add(1) = f;
                    let h = header_word(0, link(3, FrameKind::Protected));
                    *base.add(2) = h;
                    self.precall_protected(base.add(1), count - 2, h)
                }
                Special::Resume => {
                    let t = call.check_thread(0)?;
                    match self.resumable(t) {
                        Ok(()) => self.resume(t, base.add(1), count - 1),
                        Err(text) => {
                            let s = self.intern(text)?;
                            *base.sub(2) = Value::FALSE.0;
                            *base.sub(1) = s.value().0;
                            self.return_from(base, header, 2)
                        }
                    }
                }
                Special::Wrapped => {
                    let t = ThreadRef(call.upvalue(0).payload());
                    match self.resumable(t) {
                        Ok(()) => self.resume(t, base, count),
                        Err(text) => Err(self.raise_text(text)),
                    }
                }
                Special::Yield => {
                    let thread = self.current();
                    let t = ThreadRef((*self.vm()).thread);
                    if self.header(t.0).aux == 0 || (*thread).entries != 0 {
                        return Err(self
                            .raise_runtime(b"attempt to yield across metamethod/C-call boundary"));
                    }
                    self.set_thread_status(t, Status::Suspended);
                    let step = self.hand_over(t, base, count, true);
                    if step.is_ok() {
                        // `hand_over` notes the values' place as top; the suspended frame has none.
                        (*self.thread(t)).top = (*self.thread(t)).base;
                    }
                    step
                }
            }
        }
    }

    /// `precall` for the function that `pcall` and its kin protect; their frame is the
    /// running one, and `header` is in place. What is raised before the function has
    /// a frame counts as raised inside it.
    fn precall_protected(self, func: *mut u64, count: u32, header: u64) -> Result<Step, Raise> {
        // SAFETY: live thread; `func` lies above the running frame's base.
        unsafe {
            let start = |rt: Self| rt.offset_of(rt.current_stack_start());
            let before = (*self.current()).base - start(self);
            let frame = self.offset_of(func.add(2)) - start(self);
            let mut result = self.precall(func, count, header);
            if result.as_ref().err() == Some(&Raise::NoMemory) {
                // Only making the message of an error fails so; the call hasn't begun.
                let func = self.at::<u64>(start(self) + frame).sub(2);
                (*self.vm()).top = func.add(2 + count as usize);
                self.collect();
                result = self.with_retry(|| self.precall(func, count, header));
                if result.as_ref().err() == Some(&Raise::NoMemory) {
                    result = Err(self.memory_error());
                }
            }
            if result.is_err() && (*self.current()).base - start(self) == before {
                (*self.current()).base = start(self) + frame;
            }
            result
        }
    }

    fn resumable(self, t: ThreadRef) -> Result<(), &'static [u8]> {
        // Nothing native nests here; the limit is the reference's, which keeps errors
        // that pass through every level from taking for ever.
        // SAFETY: live thread.
        if unsafe { (*self.current()).depth } >= MAX_NATIVE_DEPTH {
            return Err(b"C stack overflow");
        }
        match self.thread_status(t) {
            Status::Suspended => Ok(()),
            Status::Running => Err(b"cannot resume running coroutine"),
            Status::Normal => Err(b"cannot resume normal coroutine"),
            Status::Dead => Err(b"cannot resume dead coroutine"),
        }
    }

    // ---- errors

    /// Finds who catches a raise, drops the frames in between and tells where to
    /// go on; `Err` when it is the Rust code that entered the engine.
    #[cold]
    pub(crate) fn unwind(self, raise: Raise) -> Result<Step, Raise> {
        let mut raise = raise;
        if raise == Raise::NoMemory {
            raise = self.memory_error();
        }
        if raise == Raise::Error {
            self.run_message_handler();
            raise = Raise::Handled;
        }
        // SAFETY: frames are complete; the saved base is the running frame's.
        unsafe {
            let mut base: *mut u64 = self.at((*self.current()).base);
            loop {
                let header = *base.sub(1);
                let link = (header >> 32) as u32;
                let distance = (link & !KIND_MASK) as usize;
                let outer = base.byte_sub(distance);
                match FrameKind::of(link) {
                    FrameKind::Protected if raise == Raise::Handled => {
                        self.save_frame(outer, core::ptr::null());
                        let header = *outer.sub(1);
                        *outer.sub(2) = Value::FALSE.0;
                        *outer.sub(1) = (*self.vm()).error_value.0;
                        return self.return_from(outer, header, 2);
                    }
                    FrameKind::Entry => {
                        self.save_frame(outer, core::ptr::null());
                        return Err(raise);
                    }
                    FrameKind::Coroutine => {
                        let dead = ThreadRef((*self.vm()).thread);
                        self.set_thread_status(dead, Status::Dead);
                        (*self.thread(dead)).entries = 0;
                        let to = ThreadRef(self.header(dead.0).aux);
                        self.adopt_stack(to);
                        self.set_thread_status(to, Status::Running);
                        base = self.at((*self.current()).base);
                        let native = NativeRef(Value(*base.sub(2)).payload());
                        let special = Special::from_u8(self.header(native.0).b3);
                        if special == Special::Resume && raise == Raise::Handled {
                            let header = *base.sub(1);
                            *base.sub(2) = Value::FALSE.0;
                            *base.sub(1) = (*self.vm()).error_value.0;
                            return self.return_from(base, header, 2);
                        }
                        // A wrapped function raises again in the resumer, where the handler
                        // of an outer `xpcall` may see it.
                        if raise == Raise::Handled {
                            self.prefix_error();
                            self.run_message_handler();
                        }
                    }
                    _ => base = outer,
                }
            }
        }
    }

    /// Calls the handler of the `xpcall` that will catch the error being raised,
    /// on top of the frame that raised it.
    fn run_message_handler(self) {
        // SAFETY: as `unwind`.
        unsafe {
            let saved_base = (*self.current()).base;
            let saved_pc = (*self.current()).pc;
            let mut base: *mut u64 = self.at(saved_base);
            loop {
                let link = (*base.sub(1) >> 32) as u32;
                let distance = (link & !KIND_MASK) as usize;
                let outer = base.byte_sub(distance);
                match FrameKind::of(link) {
                    FrameKind::Protected => {
                        let native = NativeRef(Value(*outer.sub(2)).payload());
                        let special = Special::from_u8(self.header(native.0).b3);
                        if !matches!(special, Special::Xpcall | Special::Traced) {
                            return;
                        }
                        let handler = Value(*outer);
                        let error = (*self.vm()).error_value;
                        let frame: *mut u64 = self.at(saved_base);
                        let above = self.frame_end(frame);
                        if self.grant_error_slots().is_err() {
                            return;
                        }
                        let frame: *mut u64 = self.at((*self.current()).base);
                        let result = self.call_above(frame, above, handler, &[error]);
                        match result {
                            Ok(n) => {
                                let v = if n == 0 {
                                    Value::NIL
                                } else {
                                    Value(*(*self.vm()).top.sub(n as usize))
                                };
                                (*self.vm()).error_value = v;
                            }
                            Err(Raise::Error | Raise::Handled) => {
                                let v = self.intern(b"error in error handling");
                                (*self.vm()).error_value = v.map_or(Value::NIL, |s| s.value());
                            }
                            // The raise in progress goes on; a stop will be noticed again.
                            Err(_) => {}
                        }
                        (*self.current()).pc = saved_pc;
                        return;
                    }
                    FrameKind::Coroutine => return,
                    FrameKind::Entry if distance == 0 => return,
                    _ => base = outer,
                }
            }
        }
    }

    /// Number of slots from the base of the running frame to the end of what it uses.
    fn frame_end(self, base: *mut u64) -> u32 {
        // SAFETY: frame of the running thread.
        unsafe {
            let f = Value(*base.sub(2));
            if f.has_tag(tag::CLOSURE) {
                let proto = self.header(f.payload()).aux;
                self.header(proto).aux + 4
            } else {
                let top = (*self.vm()).top;
                ((top as usize).saturating_sub(base as usize) / 8) as u32
            }
        }
    }

    // ---- Rust calling Lua

    /// Calls `f` from a native function whose `count` values lie at `base`.
    /// Results replace what is behind them.
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
            let moved = match self.ensure_stack(base, above as usize + args.len() + 4) {
                Ok(moved) => moved,
                Err(StackError::NoMemory) => return Err(Raise::NoMemory),
                Err(StackError::Overflow) => return Err(self.raise_runtime(b"stack overflow")),
            };
            let base = base.wrapping_byte_offset(moved);
            let func = base.add(above as usize);
            *func = f.0;
            for (i, v) in args.iter().enumerate() {
                *func.add(2 + i) = v.0;
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
            let result = self.run(self.precall_guarded(func, args.len() as u32, header));
            (*vm).native_depth -= 1;
            debug_assert!((*vm).thread == thread);
            (*self.current()).entries -= 1;
            (*self.current()).base = self.offset_of(self.current_stack_start().add(saved_base));
            (*self.current()).pc = saved_pc;
            result
        }
    }

    /// `precall` from Rust code: what it raises before the callee has a frame
    /// goes straight back to the caller.
    fn precall_guarded(self, func: *mut u64, count: u32, header: u64) -> Result<Step, Raise> {
        // SAFETY: live thread.
        let caller = unsafe { (*self.current()).base };
        let start = self.offset_of(self.current_stack_start());
        match self.precall(func, count, header) {
            Ok(step) => Ok(step),
            Err(raise) => {
                // SAFETY: as above.
                let now = unsafe { (*self.current()).base };
                if now - self.offset_of(self.current_stack_start()) != caller - start {
                    return self.unwind(raise);
                }
                let mut raise = raise;
                if raise == Raise::NoMemory {
                    raise = self.memory_error();
                }
                if raise == Raise::Error {
                    self.run_message_handler();
                    raise = Raise::Handled;
                }
                Err(raise)
            }
        }
    }

    fn run(self, first: Result<Step, Raise>) -> Result<u32, Raise> {
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
