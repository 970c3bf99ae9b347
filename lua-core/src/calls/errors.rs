//! Errors: who catches them, and what happens on the way.

use super::{MAX_HANDLERS, Step};
use crate::error::Raise;
use crate::frame::{FrameKind, distance};
use crate::heap::{NativeRef, Rt, ThreadRef};
use crate::native::Special;
use crate::thread::Status;
use crate::value::{Value, tag};

impl Rt {
    /// Gives a raise its final value: a message for lack of memory, and what the message
    /// handler makes of an error, once.
    pub(super) fn handle_message(self, raise: Raise) -> Raise {
        let mut raise = raise;
        if raise == Raise::NoMemory {
            raise = self.memory_error();
        }
        if raise == Raise::Error {
            self.run_message_handler();
            raise = Raise::Handled;
        }
        raise
    }

    /// Finds who catches a raise, drops the frames in between and tells where to
    /// go on; `Err` when it is the Rust code that entered the engine.
    #[cold]
    pub(crate) fn unwind(self, raise: Raise) -> Result<Step, Raise> {
        let raise = self.handle_message(raise);
        // SAFETY: frames are complete; the saved base is the running frame's.
        unsafe {
            let mut base: *mut u64 = self.at((*self.current()).base);
            loop {
                let header = *base.sub(1);
                let link = (header >> 32) as u32;
                let distance = distance(link);
                let outer = base.byte_sub(distance);
                match FrameKind::of(link) {
                    FrameKind::Protected if raise == Raise::Handled => {
                        self.save_frame(outer, core::ptr::null());
                        let f = Value(*outer.sub(2));
                        let header = *outer.sub(1);
                        *outer.sub(2) = Value::FALSE.0;
                        *outer.sub(1) = (*self.vm()).error_value.0;
                        return self.leave_native(f, outer, header, 2);
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
                            return self.leave_native(native.value(), base, header, 2);
                        }
                        // A wrapped function raises again in the resumer, where the handler
                        // of an outer `xpcall` may see it.
                        if raise == Raise::Handled {
                            self.prefix_error();
                            self.run_message_handler();
                            // The handler may have made the stack grow.
                            base = self.at((*self.current()).base);
                        }
                    }
                    FrameKind::Interrupt => {
                        self.end_interrupt(base);
                        base = outer;
                    }
                    _ => base = outer,
                }
            }
        }
    }

    /// Calls the handler of the `xpcall` that will catch the error being raised,
    /// on top of the frame that raised it.
    pub(super) fn run_message_handler(self) {
        // SAFETY: as `unwind`.
        unsafe {
            let saved_base = (*self.current()).base;
            let saved_pc = (*self.current()).pc;
            let mut base: *mut u64 = self.at(saved_base);
            loop {
                let link = (*base.sub(1) >> 32) as u32;
                let distance = distance(link);
                let outer = base.byte_sub(distance);
                match FrameKind::of(link) {
                    FrameKind::Protected => {
                        let native = NativeRef(Value(*outer.sub(2)).payload());
                        let special = Special::from_u8(self.header(native.0).b3);
                        if !matches!(special, Special::Xpcall | Special::Traced) {
                            return;
                        }
                        if (*self.vm()).handlers_running >= MAX_HANDLERS {
                            self.fail_in_handler();
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
                        (*self.vm()).handlers_running += 1;
                        let result = self.call_above(frame, above, handler, &[error]);
                        (*self.vm()).handlers_running -= 1;
                        match result {
                            Ok(n) => {
                                let v = if n == 0 {
                                    Value::NIL
                                } else {
                                    Value(*(*self.vm()).top.sub(n as usize))
                                };
                                (*self.vm()).error_value = v;
                            }
                            Err(Raise::Error | Raise::Handled) => self.fail_in_handler(),
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

    /// What is raised when a message handler fails.
    fn fail_in_handler(self) {
        let text = self.intern(b"error in error handling");
        self.raise_value(text.map_or(Value::NIL, |s| s.value()));
    }

    /// Number of slots from the base of the running frame to the end of what it uses.
    pub(super) fn frame_end(self, base: *mut u64) -> u32 {
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
}
