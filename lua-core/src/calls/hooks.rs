//! Hooks: functions that are called before instructions (lines, counts) and when
//! functions are entered and left. Each thread has its own.
//!
//! Hooks cost nothing while the running thread has none: with one, the dispatch table
//! of the interpreter is exchanged for one whose entries all come here, and the
//! portable engine runs its other loop. Both call [`Rt::hooked`] before every
//! instruction. It reports what there is to report, one event at a time, as
//! interrupts (`interrupt.rs`); after each the instruction comes here again.
//!
//! Native functions are reported where they are called (`precall`) and where they
//! return (`leave_native`). Loops over `next` and `ipairs` call nothing, so they have
//! no events of their own.

use super::Step;
use super::interrupt::{After, Interrupt};
use super::tails::outer_link;
use crate::error::Raise;
use crate::frame::FrameKind;
use crate::heap::{Header, Kind, NoMemory, Rt, ThreadRef};
use crate::isa::{Control, Insn, OPS, Op};
use crate::proto::Proto;
use crate::value::{Value, tag};

/// Bits of a hook's mask: which events it wants.
pub mod event {
    /// Entering a function.
    pub const CALL: u32 = 1;
    /// Leaving a function.
    pub const RETURN: u32 = 2;
    /// Reaching a line.
    pub const LINE: u32 = 4;
    /// Having executed a number of instructions.
    pub const COUNT: u32 = 8;
}

/// Names of the events as hooks get them, by [`Report`].
pub(crate) const EVENT_WORDS: [&str; 5] = ["call", "count", "line", "return", "tail return"];

/// What a hook is called for, in the order in which an instruction's are reported.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Report {
    Call = 0,
    Count = 1,
    Line = 2,
    Return = 3,
    TailReturn = 4,
}

/// The hook of a thread. An object of kind `Raw` that belongs to the thread, which
/// also marks the function.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct HookState {
    header: Header,
    /// What is called, or nil.
    pub function: Value,
    /// Events it is called for.
    pub mask: u32,
    /// Instructions between two count events.
    pub period: u32,
    /// Instructions until the next one.
    left: u32,
    /// Reports still to be made before the instruction that comes next: bits by [`Report`].
    pending: u32,
    /// Tail returns among them.
    tails: u32,
    /// The instruction that comes next was reported, at least partly.
    again: u32,
    /// Frame of the instruction seen last (distance from the stack), 0 at first.
    last_base: u32,
    /// That instruction.
    last_pc: u32,
}

impl HookState {
    /// Is this report pending? Afterwards it isn't.
    fn take(&mut self, report: Report) -> bool {
        let bit = 1 << report as u32;
        let is_set = self.pending & bit != 0;
        self.pending &= !bit;
        is_set
    }
}

impl Rt {
    /// Gives a thread a hook, or takes it away (nil).
    pub(crate) fn set_hook(
        self,
        thread: ThreadRef,
        function: Value,
        mask: u32,
        period: u32,
    ) -> Result<(), NoMemory> {
        // SAFETY: live thread and hook state.
        unsafe {
            let t = self.thread(thread);
            let mut old = None;
            if (*t).hook == 0 {
                if function.is_nil() {
                    return Ok(());
                }
                let state = self.allocate(Kind::Raw, size_of::<HookState>() as u32, 0, 0, 0)?;
                self.adopt_part(thread.0, state);
                (*t).hook = state;
            } else {
                old = Some(self.get::<HookState>((*t).hook));
            }
            // A hook that is changed by itself goes on with the instruction it was called for.
            let running = (*t).interrupts & Interrupt::Hook as u32 != 0;
            let kept = old.filter(|_| running);
            self.barrier(thread.0, function);
            self.set(
                (*t).hook,
                HookState {
                    header: self.header((*t).hook),
                    function,
                    mask: if function.is_nil() { 0 } else { mask },
                    period,
                    left: period,
                    pending: kept.map_or(0, |h| h.pending),
                    tails: kept.map_or(0, |h| h.tails),
                    again: 0,
                    last_base: kept.map_or(0, |h| h.last_base),
                    last_pc: kept.map_or(0, |h| h.last_pc),
                },
            );
        }
        self.refresh_hooks();
        Ok(())
    }

    /// The hook of a thread: function, mask, period.
    pub(crate) fn hook_of(self, thread: ThreadRef) -> (Value, u32, u32) {
        // SAFETY: live thread.
        let state = unsafe { (*self.thread(thread)).hook };
        if state == 0 {
            return (Value::NIL, 0, 0);
        }
        let h: HookState = self.get(state);
        (h.function, h.mask, h.period)
    }

    fn hook_state(self) -> *mut HookState {
        // SAFETY: live thread.
        self.at(unsafe { (*self.current()).hook })
    }

    /// Makes the engines call [`Rt::hooked`], or not, as the running thread needs.
    pub(crate) fn refresh_hooks(self) {
        // SAFETY: plain fields; live thread.
        unsafe {
            let vm = self.vm();
            let t = self.current();
            let mask = if (*t).hook == 0 || (*t).interrupts != 0 {
                0
            } else {
                (*self.hook_state()).mask
            };
            let before = (*vm).hook_mask;
            (*vm).hook_mask = mask;
            if (before != 0) == (mask != 0) || (*vm).hook_handler == 0 {
                return;
            }
            if mask != 0 {
                #[cfg(all(feature = "interp", target_arch = "x86_64"))]
                self.discard_all();
                (*vm).dispatch = [(*vm).hook_handler; 256];
            } else {
                (*vm).dispatch = (*vm).handlers;
                #[cfg(all(feature = "interp", target_arch = "x86_64"))]
                if self.counts_interpreted() {
                    (*vm).dispatch = [(*vm).hook_handler; 256];
                }
            }
        }
    }

    /// Does the running thread's hook want one of these events now?
    #[inline]
    pub(crate) fn wants(self, events: u32) -> bool {
        // SAFETY: plain field.
        unsafe { (*self.vm()).hook_mask & events != 0 }
    }

    /// An interrupt is over: if it came before an instruction, that comes again.
    pub(super) fn hook_was_interrupted(self, kind: Interrupt, before_instruction: bool) {
        if !self.wants(!0) || !before_instruction {
            return;
        }
        if kind == Interrupt::Hook {
            // SAFETY: there is a hook.
            unsafe { (*self.hook_state()).again = 1 };
        } else {
            self.reported();
        }
    }

    /// The instruction that comes next was reported completely: it is being repeated.
    pub(crate) fn reported(self) {
        if self.wants(!0) {
            // SAFETY: there is a hook.
            unsafe {
                (*self.hook_state()).again = 1;
                (*self.hook_state()).pending = 0;
                (*self.hook_state()).tails = 0;
            }
        }
    }

    /// A metamethod has returned to the instruction at `pc`, which is complete now.
    pub(super) fn note_completion(self, base: *mut u64, pc: *const u64) {
        if self.wants(!0) {
            // SAFETY: there is a hook; live thread.
            unsafe {
                let state = self.hook_state();
                (*state).last_base = self.offset_of(base) - (*self.current()).stack;
                (*state).last_pc = self.offset_of(pc);
            }
        }
    }

    /// Called before each instruction while there are hooks. Gives the instruction to
    /// execute (now without asking again), or leaves the engine.
    pub(crate) fn hooked(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        let (mut base, mut pc) = (base, pc);
        #[cfg(all(feature = "interp", target_arch = "x86_64"))]
        self.count_interpreted();
        while self.wants(!0) {
            self.save_frame(base, pc);
            let step = match self.next_report(base, pc) {
                Some(report) => self
                    .report_before(base, pc, report)
                    .or_else(|raise| self.unwind(raise)),
                None if self.wants(event::CALL | event::RETURN) && self.hides_events(base, pc) => {
                    self.carry_out(base, pc)
                }
                None => return Ok(Step::Run { base, pc }),
            };
            match step? {
                Step::Run { base: b, pc: p } => (base, pc) = (b, p),
                exit => return Ok(exit),
            }
        }
        Ok(Step::Run { base, pc })
    }

    /// Executes an instruction by the slow path, with the tick that its body would count.
    fn carry_out(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        let insn = crate::ops::insn(pc);
        if OPS[insn.op as usize].control == Control::Call {
            // SAFETY: plain field.
            unsafe {
                (*self.vm()).tick -= 1;
                if (*self.vm()).tick < 0 {
                    return self.safepoint(base, pc);
                }
            }
        }
        self.slow(base, pc)
    }

    /// Does the body of the instruction's operation call native functions, or return from
    /// `pcall`, without reporting it?
    fn hides_events(self, base: *mut u64, pc: *const u64) -> bool {
        let insn = crate::ops::insn(pc);
        // SAFETY: a complete frame, and a register of it.
        unsafe {
            match OPS[insn.op as usize].base {
                Op::Call | Op::TailCall | Op::IterCall => {
                    Value(*base.add(insn.a as usize)).has_tag(tag::NATIVE)
                }
                Op::Return | Op::Return0 | Op::Return1 => {
                    FrameKind::of(outer_link(base).1) == FrameKind::Protected
                }
                _ => false,
            }
        }
    }

    /// What to report next about the instruction at `pc`, which is about to run.
    fn next_report(self, base: *mut u64, pc: *const u64) -> Option<Report> {
        // SAFETY: there is a hook; a complete frame of a closure.
        unsafe {
            let state = &mut *self.hook_state();
            if state.again != 0 {
                state.again = 0;
            } else {
                let at = self.offset_of(base) - (*self.current()).stack;
                let pc = self.offset_of(pc);
                let has_line = self.reports(state, base, at, pc);
                state.tails = 0;
                if has_line {
                    state.last_base = at;
                    state.last_pc = pc;
                }
            }
            if state.take(Report::Call) && self.wants(event::CALL) {
                return Some(Report::Call);
            }
            if state.take(Report::Count) && self.wants(event::COUNT) {
                state.left = state.left.saturating_sub(1);
                if state.left == 0 {
                    state.left = state.period;
                    return Some(Report::Count);
                }
            }
            if state.take(Report::Line) && self.wants(event::LINE) {
                return Some(Report::Line);
            }
            if state.take(Report::Return) && self.wants(event::RETURN) {
                state.tails = self.tails_of(ThreadRef((*self.vm()).thread), base);
                return Some(Report::Return);
            }
            if state.tails > 0 {
                state.tails -= 1;
                return Some(Report::TailReturn);
            }
            None
        }
    }

    /// Notes everything that may be reported about the instruction at `pc`. Does it have
    /// a line? If not, the next one counts as if it were in its place.
    fn reports(self, state: &mut HookState, base: *mut u64, at: u32, pc: u32) -> bool {
        // SAFETY: a complete frame of a closure.
        let closure = Value(unsafe { *base.sub(2) }).payload();
        let proto: Proto = self.get(self.header(closure).aux);
        let lines = self.slice::<u32>(proto.lines);
        let line = |pc: u32| lines.get((pc.wrapping_sub(proto.entry) / 8) as usize);
        let here = state.last_base == at;
        let mut reports = 1 << Report::Count as u32;
        let last = |op: Op| {
            let insn = Insn::from_word(self.get(state.last_pc));
            here && OPS
                .get(insn.op as usize)
                .is_some_and(|info| info.base == op)
        };
        if pc == proto.entry && (!here || last(Op::TailCall)) {
            reports |= 1 << Report::Call as u32;
        }
        // Returning from a call, the instruction before is the call.
        let before = if here { state.last_pc } else { pc - 8 };
        let has_line = line(pc) != Some(&0);
        // The reference jumps from the head of a loop to its end and back to its body.
        if has_line
            && (pc == proto.entry || pc <= before || line(pc) != line(before) || last(Op::ForPrep))
        {
            reports |= 1 << Report::Line as u32;
        }
        let insn = Insn::from_word(self.get(pc));
        if matches!(
            OPS[insn.op as usize].base,
            Op::Return | Op::Return0 | Op::Return1
        ) {
            reports |= 1 << Report::Return as u32;
        }
        state.pending = reports;
        has_line
    }

    /// Calls the hook before the instruction at `pc`.
    fn report_before(self, base: *mut u64, pc: *const u64, report: Report) -> Result<Step, Raise> {
        let line = if report == Report::Line {
            // SAFETY: a complete frame of a closure.
            let closure = Value(unsafe { *base.sub(2) }).payload();
            let proto = crate::heap::ProtoRef(self.header(closure).aux);
            Value::number(self.line_at(proto, self.offset_of(pc)) as f64)
        } else {
            Value::NIL
        };
        let (f, word) = self.hook_call(report);
        self.interrupt(base, pc, Interrupt::Hook, f, &[word, line])
    }

    fn hook_call(self, report: Report) -> (Value, Value) {
        // SAFETY: there is a hook; plain field, a root.
        unsafe {
            let word = (*self.vm()).hook_words[report as usize];
            let f = (*self.hook_state()).function;
            (f, crate::heap::StrRef(word).value())
        }
    }

    /// Calls the hook for entering the native function with `count` arguments whose
    /// frame is at `base`; afterwards the function runs.
    pub(super) fn report_native_call(self, base: *mut u64, count: u32) -> Result<Step, Raise> {
        // SAFETY: a complete frame.
        unsafe {
            (*self.current()).base = self.offset_of(base);
            (*self.vm()).top = base.add(count as usize);
        }
        let (f, word) = self.hook_call(Report::Call);
        let after = After::NativeCall;
        self.interrupt_native(base, count, Interrupt::Hook, after, f, &[word, Value::NIL])
    }

    /// Calls the hook for leaving native function `f` with the `n` results at `base[-2]`;
    /// afterwards it returns.
    #[cold]
    pub(super) fn report_native_return(
        self,
        f: Value,
        base: *mut u64,
        header: u64,
        n: u32,
    ) -> Result<Step, Raise> {
        // SAFETY: results, and two slots more, fit behind the frame's arguments.
        unsafe {
            core::ptr::copy(base.sub(2), base, n as usize);
            *base.sub(2) = f.0;
            *base.sub(1) = header;
            (*self.current()).base = self.offset_of(base);
            (*self.vm()).top = base.add(n as usize);
        }
        let (hook, word) = self.hook_call(Report::Return);
        let after = After::NativeReturn;
        self.interrupt_native(base, n, Interrupt::Hook, after, hook, &[word, Value::NIL])
    }
}
