//! Levels: the functions that are active in a thread, seen from outside. Level 0 is
//! the running function, each further one that which called it. A function whose
//! frame tail calls replaced has a level too, but nothing is known about it.
//!
//! Only reads. Called by the debug library, by tracebacks and by the makers of
//! error messages.

use crate::error::FrameInfo;
use crate::frame::{FrameKind, distance};
use crate::heap::{Rt, ThreadRef};
use crate::isa::CALL_BYTES;
use crate::thread::Status;
use crate::value::{Value, tag};

/// A level.
#[derive(Clone, Copy)]
pub(crate) enum Level {
    /// An active function.
    Frame(FrameInfo),
    /// A function that has tail-called; its caller's level comes further out.
    Tail,
}

/// Levels of a thread, from the running function outwards.
pub(crate) struct Levels {
    rt: Rt,
    thread: ThreadRef,
    next: Option<FrameInfo>,
    tails: u32,
}

impl Iterator for Levels {
    type Item = Level;

    fn next(&mut self) -> Option<Level> {
        if self.tails > 0 {
            self.tails -= 1;
            return Some(Level::Tail);
        }
        let frame = self.next?;
        self.next = self.rt.caller_of(&frame);
        self.tails = self.rt.tails_of(self.thread, frame.base);
        // The bottom of a stack is a frame without a function.
        frame.function.is_function().then_some(Level::Frame(frame))
    }

    fn nth(&mut self, n: usize) -> Option<Level> {
        let mut n = n;
        loop {
            // There may be very many tail calls.
            let passed = n.min(self.tails as usize);
            self.tails -= passed as u32;
            n -= passed;
            if n == 0 {
                return self.next();
            }
            self.next()?;
            n -= 1;
        }
    }
}

impl Rt {
    /// The running thread.
    pub(crate) fn running(self) -> ThreadRef {
        // SAFETY: plain field.
        ThreadRef(unsafe { (*self.vm()).thread })
    }

    /// The levels of a thread.
    pub(crate) fn levels(self, thread: ThreadRef) -> Levels {
        let top = self.top_frame_of(thread);
        Levels {
            rt: self,
            thread,
            next: top,
            tails: 0,
        }
    }

    /// The level with this number; below 0 there are only tail calls, as in the reference.
    pub(crate) fn level(self, thread: ThreadRef, n: i64) -> Option<Level> {
        match usize::try_from(n) {
            Ok(n) => self.levels(thread).nth(n),
            Err(_) if n < 0 => Some(Level::Tail),
            Err(_) => None,
        }
    }

    /// How many levels a thread has.
    pub(crate) fn level_count(self, thread: ThreadRef) -> i64 {
        let mut frame = self.top_frame_of(thread);
        let mut n = 0;
        while let Some(f) = frame.filter(|f| f.function.is_function()) {
            n += 1 + self.tails_of(thread, f.base) as i64;
            frame = self.caller_of(&f);
        }
        n
    }

    /// The frame on top of a thread that has started and not finished.
    fn top_frame_of(self, thread: ThreadRef) -> Option<FrameInfo> {
        if self.thread_status(thread) == Status::Running {
            return Some(self.top_frame());
        }
        // SAFETY: live thread; its frames are complete.
        unsafe {
            let t = self.thread(thread);
            if (*t).fresh != 0 {
                return None;
            }
            // It is in `yield` or `resume`, or where it failed.
            let base: *mut u64 = self.at((*t).base);
            let function = Value(*base.sub(2));
            let is_lua = function.has_tag(tag::CLOSURE);
            Some(FrameInfo {
                base,
                function,
                pc: if is_lua { (*t).pc } else { 0 },
                limit: ((*t).top.saturating_sub((*t).base)) / 8,
            })
        }
    }

    /// The running frame.
    pub(crate) fn top_frame(self) -> FrameInfo {
        // SAFETY: while Rust code runs, the thread's `base` and `pc` are up to date.
        unsafe {
            let t = self.current();
            let base: *mut u64 = self.at((*t).base);
            let function = Value(*base.sub(2));
            let is_lua = function.has_tag(tag::CLOSURE);
            let top = (*self.vm()).top as usize;
            FrameInfo {
                base,
                function,
                pc: if is_lua { (*t).pc } else { 0 },
                limit: (top.saturating_sub(base as usize) / 8) as u32,
            }
        }
    }

    /// The frame that called `f`, within its thread.
    pub(crate) fn caller_of(self, f: &FrameInfo) -> Option<FrameInfo> {
        // SAFETY: frames are complete (invariant of `frame.rs`).
        unsafe {
            let mut base = f.base;
            loop {
                let header = *base.sub(1);
                let link = (header >> 32) as u32;
                let return_to = header as u32;
                let kind = FrameKind::of(link);
                let distance = distance(link);
                if kind == FrameKind::Coroutine || (kind == FrameKind::Entry && distance == 0) {
                    return None;
                }
                base = base.byte_sub(distance);
                if kind == FrameKind::Variadic {
                    continue;
                }
                let function = Value(*base.sub(2));
                let pc = match kind {
                    FrameKind::Lua | FrameKind::LuaMany => return_to.wrapping_sub(CALL_BYTES),
                    FrameKind::Meta => return_to,
                    FrameKind::Entry | FrameKind::Interrupt if function.has_tag(tag::CLOSURE) => {
                        return_to
                    }
                    _ => 0,
                };
                // Function and header, and a note before them.
                let head = match kind {
                    FrameKind::Meta | FrameKind::Interrupt => 3,
                    _ => 2,
                };
                return Some(FrameInfo {
                    base,
                    function,
                    pc,
                    limit: (distance as u32 / 8).saturating_sub(head),
                });
            }
        }
    }
}
