//! Threads (coroutines): a value stack each.
//!
//! # Invariants
//! - The stack object holds `slots` values, all initialized; everything above
//!   the running frame is either nil or was written since the last collection.
//! - Frames are linked by distances and offsets, so a stack can move when it
//!   grows: only `VmState::stack_limit`, `top` and the base in flight change.
//! - `VmState::thread` is the running one; its `base` is only up to date while
//!   Rust code (a slow path, a native function) runs.

use crate::frame::FRAME_SLACK;
use crate::heap::{Header, Kind, NoMemory, Rt, ThreadRef};

/// Most slots of a value stack.
pub const MAX_SLOTS: u32 = 1_000_000;
/// Slots more that error handling may use once `MAX_SLOTS` is reached.
const ERROR_SLOTS: u32 = 2_000;
/// Most slots that a stack can ever have.
pub(crate) const MOST_SLOTS: u32 = MAX_SLOTS + ERROR_SLOTS;
/// With its header, the stack of a fresh coroutine fills a small object.
pub(crate) const FIRST_SLOTS: u32 = 111;
/// The same of the main thread: calls on a stack that is nearly full take longer.
pub(crate) const MAIN_SLOTS: u32 = 255;

/// State of a coroutine.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Created or yielded.
    Suspended = 0,
    /// On the processor.
    Running = 1,
    /// Resumed another one.
    Normal = 2,
    /// Finished or failed.
    Dead = 3,
}

/// A thread. Header: `b2` a [`Status`], `aux` the thread that resumed it.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Thread {
    pub header: Header,
    /// The value stack.
    pub stack: u32,
    /// Its size.
    pub slots: u32,
    /// Offset of the base of the running (or suspended) frame.
    pub base: u32,
    /// Offset of the instruction that a Lua frame executes.
    pub pc: u32,
    /// Offset of the end of values in flight.
    pub top: u32,
    /// Active `Entry` frames: native functions that called back. Nobody may
    /// yield across them.
    pub entries: u32,
    /// Environment.
    pub env: u32,
    /// The function hasn't been called yet.
    pub fresh: u32,
    /// How many threads wait for this one.
    pub depth: u32,
    /// Its hook ([`crate::calls::hooks::HookState`]), 0 if it never had one.
    pub hook: u32,
    /// Which interrupts run (`calls/interrupt.rs`).
    pub interrupts: u32,
    /// Counts of tail calls that frames have no room for (`calls/tails.rs`), or 0.
    pub tails: u32,
    /// Link of the collector's list of threads that ran, plus 1; 0: not on it.
    pub ran: u32,
}

impl Rt {
    pub(crate) fn thread(self, t: ThreadRef) -> *mut Thread {
        self.at(t.0)
    }

    /// The running thread.
    #[inline(always)]
    pub(crate) fn current(self) -> *mut Thread {
        // SAFETY: plain field; there is always a running thread.
        self.at(unsafe { (*self.vm()).thread })
    }

    /// A thread that has not run, with room for `slots` values.
    pub(crate) fn new_thread(self, env: u32, slots: u32) -> Result<ThreadRef, NoMemory> {
        let stack = self.new_values(slots)?;
        let t = self.allocate(Kind::Thread, size_of::<Thread>() as u32, 0, 0, 0)?;
        let first = stack + 8;
        self.set(
            t,
            Thread {
                header: self.header(t),
                stack,
                slots,
                base: first + 16,
                pc: 0,
                top: first + 16,
                entries: 0,
                env,
                fresh: 1,
                depth: 0,
                hook: 0,
                interrupts: 0,
                tails: 0,
                ran: 0,
            },
        );
        Ok(ThreadRef(t))
    }

    /// Status of a thread.
    pub(crate) fn thread_status(self, t: ThreadRef) -> Status {
        match self.header(t.0).b2 {
            0 => Status::Suspended,
            1 => Status::Running,
            2 => Status::Normal,
            _ => Status::Dead,
        }
    }

    pub(crate) fn set_thread_status(self, t: ThreadRef, s: Status) {
        let h = self.header(t.0);
        self.set(t.0, Header { b2: s as u8, ..h });
    }

    /// Makes `t` the running thread as far as stack bounds go.
    pub(crate) fn adopt_stack(self, t: ThreadRef) {
        // SAFETY: live thread.
        unsafe {
            let thread = self.thread(t);
            (*self.vm()).thread = t.0;
            self.note_thread_runs(t);
            let limit = (*thread).slots as usize - FRAME_SLACK;
            let limit = self.at::<u64>((*thread).stack + 8).add(limit);
            (*self.vm()).set_stack_limit(limit);
            (*self.vm()).top = self.at((*thread).top);
            if (*thread).hook | (*self.vm()).hook_mask != 0 {
                self.refresh_hooks();
            }
        }
    }

    /// Makes sure that `n` slots above `from` fit, plus the slack that every
    /// frame has. Tells by how many bytes the stack moved (wrapping), or that
    /// there is no more room.
    pub(crate) fn ensure_stack(self, from: *mut u64, n: usize) -> Result<isize, StackError> {
        // SAFETY: `from` lies in the running thread's stack.
        unsafe {
            let thread = self.current();
            let first = self.at::<u64>((*thread).stack + 8);
            let used = (from as usize - first as usize) / 8;
            let need = used.saturating_add(n).saturating_add(FRAME_SLACK);
            if need <= (*thread).slots as usize {
                return Ok(0);
            }
            if need > MAX_SLOTS as usize {
                return Err(StackError::Overflow);
            }
            let need = need as u32;
            let slots = need.max((*thread).slots * 2).min(MAX_SLOTS);
            match self.resize_stack(slots) {
                // Collected already: as little as will do.
                Err(NoMemory) if (*self.vm()).in_retry && need < slots => self.resize_stack(need),
                result => result,
            }
            .map_err(|NoMemory| StackError::NoMemory)
        }
    }

    /// While an error is handled on a full stack, lets it have a little more.
    pub(crate) fn grant_error_slots(self) -> Result<isize, NoMemory> {
        // SAFETY: live thread.
        let slots = unsafe { (*self.current()).slots };
        if (MAX_SLOTS..MAX_SLOTS + ERROR_SLOTS).contains(&slots) {
            self.resize_stack(MAX_SLOTS + ERROR_SLOTS)
        } else {
            Ok(0)
        }
    }

    fn resize_stack(self, slots: u32) -> Result<isize, NoMemory> {
        // SAFETY: the running thread's stack; all that points into it is adjusted here
        // (`top`, `stack_limit`, `base`) or by the caller (the base in flight).
        unsafe {
            let thread = self.current();
            let old = (*thread).stack;
            let old_slots = (*thread).slots;
            let new = self.new_values(slots)?;
            core::ptr::copy_nonoverlapping(
                self.at::<u64>(old + 8),
                self.at::<u64>(new + 8),
                old_slots as usize,
            );
            let delta = new as isize - old as isize;
            self.adopt_part((*self.vm()).thread, new);
            (*thread).stack = new;
            (*thread).slots = slots;
            (*thread).base = ((*thread).base as isize + delta) as u32;
            (*thread).top = ((*thread).top as isize + delta) as u32;
            let vm = self.vm();
            (*vm).top = (*vm).top.wrapping_byte_offset(delta);
            (*vm).set_stack_limit(self.at::<u64>(new + 8).add(slots as usize - FRAME_SLACK));
            self.release(old, old_slots * 8 + 8);
            Ok(delta)
        }
    }
}

/// Why a stack can't grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StackError {
    /// The limit on slots is reached: "stack overflow".
    Overflow,
    /// The region is full.
    NoMemory,
}
