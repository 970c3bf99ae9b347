//! Coroutines, and the other functions that change frames: `pcall`, `xpcall`,
//! `coroutine.resume`, `yield` and what `wrap` makes. They are native functions by
//! name only; the machinery here carries them out without native stack.

use super::{MAX_THREAD_DEPTH, Step};
use crate::error::Raise;
use crate::frame::{FrameKind, header_word, link};
use crate::heap::{NativeRef, Rt, ThreadRef};
use crate::native::{Call, Special};
use crate::thread::Status;
use crate::value::Value;

impl Rt {
    /// Leaves coroutine `from` with `n` values for the thread that resumed it.
    pub(super) fn hand_over(
        self,
        from: ThreadRef,
        values: *mut u64,
        n: u32,
        ok: bool,
    ) -> Result<Step, Raise> {
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
            self.leave_native(native.value(), base, header, count)
        }
    }

    /// Resumes `t` with `count` arguments at `args`; the running frame is the
    /// native one of `resume` or of a wrapped function.
    pub(super) fn resume(self, t: ThreadRef, args: *mut u64, count: u32) -> Result<Step, Raise> {
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
                let f = Value(*base.sub(2));
                let header = *base.sub(1);
                core::ptr::copy_nonoverlapping(args, base.sub(2), count as usize);
                self.leave_native(f, base, header, count)
            }
        }
    }

    /// Carries out one of the functions that change frames. Never gives `NoMemory`:
    /// when that happens nothing has changed, and the step is repeated here.
    pub(super) fn call_special(
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

    pub(super) fn call_special_once(
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
                            self.leave_native(n.value(), base, header, 2)
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
                Special::SetHook => {
                    let mut call = call;
                    let results = crate::library::set_hook(&mut call)?;
                    self.leave_native(n.value(), call.base, header, results.0)
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
    pub(super) fn precall_protected(
        self,
        func: *mut u64,
        count: u32,
        header: u64,
    ) -> Result<Step, Raise> {
        // SAFETY: live thread; `func` lies above the running frame's base.
        unsafe {
            let start = |rt: Self| rt.offset_of(rt.current_stack_start());
            let thread = (*self.vm()).thread;
            let before = (*self.current()).base - start(self);
            let frame = self.offset_of(func.add(2)) - start(self);
            let result = self.precall_surely(func, count, header);
            // `yield` may have failed further on, in the thread that it went to.
            if result.is_err()
                && (*self.vm()).thread == thread
                && (*self.current()).base - start(self) == before
            {
                (*self.current()).base = start(self) + frame;
            }
            result
        }
    }

    pub(super) fn resumable(self, t: ThreadRef) -> Result<(), &'static [u8]> {
        // SAFETY: live thread.
        if unsafe { (*self.current()).depth } >= MAX_THREAD_DEPTH {
            return Err(b"C stack overflow");
        }
        match self.thread_status(t) {
            Status::Suspended => Ok(()),
            Status::Running => Err(b"cannot resume running coroutine"),
            Status::Normal => Err(b"cannot resume normal coroutine"),
            Status::Dead => Err(b"cannot resume dead coroutine"),
        }
    }
}
