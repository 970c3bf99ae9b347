//! Interrupts: functions that run between two steps of a program which knows
//! nothing of them, as hooks and finalizers do. They are frames of their own kind,
//! so they need no native stack and may call, fail and be hooked up to anything,
//! except yield.
//!
//! An interrupt lies above what the interrupted frame uses:
//!
//! ```text
//!  [note][function][header: Interrupt][arguments ...]
//! ```
//! The note tells what goes on afterwards. Results are dropped.
//!
//! While one runs, its kind is set in `Thread::interrupts`; that ends when it returns
//! or when an error passes through it. Hooks are off during any interrupt.
//!
//! Whoever starts one must not rely on anything but what lies on the stack or is
//! a root: a collection may happen at once.

use super::Step;
use crate::error::Raise;
use crate::frame::{FrameKind, distance, header_word, link};
use crate::heap::Rt;
use crate::isa::{Insn, OPS, Op};
use crate::value::Value;

/// What interrupts; bits of `Thread::interrupts`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interrupt {
    /// A hook.
    Hook = 1,
    /// The finalizer of a userdata.
    Finalizer = 2,
}

/// Where the interrupted frame goes on.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// With the instruction before which it was interrupted.
    Instruction = 0,
    /// It is a native function's: with its body.
    NativeCall = 1,
    /// It is a native function's, its results lie where its arguments were: with
    /// its return.
    NativeReturn = 2,
}

/// Most arguments of an interrupt.
const ARGUMENTS: usize = 4;
/// Slots of note, function and header.
const HEAD: u32 = 3;

/// The note as a word: where the top was (in slots above the base), kind, what comes
/// after. It never looks like a reference, since its high half is small.
fn note(top: u32, kind: Interrupt, after: After) -> u64 {
    top as u64 | (kind as u64) << 32 | (after as u64) << 40
}

fn kind_of(note: u64) -> Interrupt {
    if (note >> 32) as u8 == Interrupt::Hook as u8 {
        Interrupt::Hook
    } else {
        Interrupt::Finalizer
    }
}

impl Rt {
    /// May an interrupt of this kind run now in the running thread?
    pub(crate) fn may_interrupt(self, kind: Interrupt) -> bool {
        // SAFETY: live thread.
        unsafe { (*self.current()).interrupts & kind as u32 == 0 }
    }

    /// The end of the open list that the instruction at `pc` of a Lua frame takes, or
    /// else that of the frame's registers; and the latter. In slots above the base.
    fn top_of_lua(self, base: *mut u64, pc: *const u64) -> (u32, u32) {
        // SAFETY: a complete frame of a closure and its instruction.
        unsafe {
            let closure = Value(*base.sub(2)).payload();
            let registers = self.header(self.header(closure).aux).aux;
            let insn = crate::ops::insn(pc);
            if !takes_open_list(insn) {
                return (registers, registers);
            }
            let top = (*self.vm()).top as usize;
            ((top.saturating_sub(base as usize) / 8) as u32, registers)
        }
    }

    /// Calls `f` before the instruction at `pc` of the Lua frame at `base` is executed.
    /// On an error the caller must [`Rt::unwind`].
    pub(crate) fn interrupt(
        self,
        base: *mut u64,
        pc: *const u64,
        kind: Interrupt,
        f: Value,
        args: &[Value],
    ) -> Result<Step, Raise> {
        self.save_frame(base, pc);
        let (top, registers) = self.top_of_lua(base, pc);
        let used = top.max(registers);
        let note = note(top, kind, After::Instruction);
        self.place(base, self.offset_of(pc), used, note, f, args)
    }

    /// The same for the running frame of a native function, of which `used` slots are
    /// in use.
    pub(super) fn interrupt_native(
        self,
        base: *mut u64,
        used: u32,
        kind: Interrupt,
        after: After,
        f: Value,
        args: &[Value],
    ) -> Result<Step, Raise> {
        self.place(base, 0, used, note(used, kind, after), f, args)
    }

    /// Puts the frame of an interrupt `used` slots over `base` and enters it.
    fn place(
        self,
        base: *mut u64,
        pc: u32,
        used: u32,
        note: u64,
        f: Value,
        args: &[Value],
    ) -> Result<Step, Raise> {
        debug_assert!(args.len() <= ARGUMENTS);
        // SAFETY: the running frame; what lies above it gets room first.
        unsafe {
            let base = self.room(base, used + HEAD + ARGUMENTS as u32, used)?;
            let area = base.add(used as usize);
            let header = header_word(pc, link(used + HEAD, FrameKind::Interrupt));
            *area = note;
            *area.add(1) = f.0;
            *area.add(2) = header;
            for (i, v) in args.iter().enumerate() {
                *area.add(HEAD as usize + i) = v.0;
            }
            (*self.current()).interrupts |= kind_of(note) as u32;
            (*self.current()).entries += 1;
            self.refresh_hooks();
            self.precall_protected(area.add(1), args.len() as u32, header)
        }
    }

    /// Ends an interrupt whose frame is at `base`, by return or by error; gives its note.
    pub(super) fn end_interrupt(self, base: *mut u64) -> u64 {
        // SAFETY: an interrupt's frame of the running thread: the note lies before it.
        unsafe {
            let note = *base.sub(HEAD as usize);
            (*self.current()).interrupts &= !(kind_of(note) as u32);
            (*self.current()).entries -= 1;
            self.refresh_hooks();
            if (*self.vm()).userdata.due != 0 {
                // The next finalizer's turn comes at the next tick.
                self.expire_slice();
            }
            note
        }
    }

    /// Goes on where the interrupt whose frame is at `base` came in between.
    pub(super) fn return_from_interrupt(self, base: *mut u64, header: u64) -> Result<Step, Raise> {
        let note = self.end_interrupt(base);
        // SAFETY: the interrupted frame is complete and lies below.
        unsafe {
            let used = note as u32;
            let caller = base.byte_sub(distance((header >> 32) as u32));
            let after = (note >> 40) as u32;
            self.hook_was_interrupted(kind_of(note), after == After::Instruction as u32);
            (*self.current()).base = self.offset_of(caller);
            if after == After::Instruction as u32 {
                (*self.current()).pc = header as u32;
                (*self.vm()).top = caller.add(used as usize);
                return Ok(Step::Run {
                    base: caller,
                    pc: self.at(header as u32),
                });
            }
            (*self.vm()).top = caller.add(used as usize);
            if after == After::NativeCall as u32 {
                return self.run_native(caller, used);
            }
            let header = *caller.sub(1);
            core::ptr::copy(caller, caller.sub(2), used as usize);
            self.return_from(caller, header, used)
        }
    }
}

/// Does the instruction take the values up to the top?
fn takes_open_list(insn: Insn) -> bool {
    insn.b == 0
        && matches!(
            OPS[insn.op as usize].base,
            Op::Call | Op::TailCall | Op::Return | Op::SetList
        )
}
