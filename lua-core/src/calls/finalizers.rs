//! Finalizers: calls of `__gc` for userdata that marking found dead.
//!
//! They run as interrupts at safepoints, one after the other, in the order of
//! `heap/userdata.rs`; an explicit collection runs them before it returns, and closing
//! the VM runs those of all userdata. As in the reference, an error in a finalizer is one
//! of the program that it interrupts.

use super::Step;
use super::interrupt::Interrupt;
use crate::error::Raise;
use crate::heap::{Rt, UserdataRef};
use crate::native::Call;
use crate::state::Event;
use crate::value::Value;

impl Rt {
    /// Is there something to be finalized, and may it be done here?
    #[inline]
    pub(crate) fn finalizer_is_due(self) -> bool {
        // SAFETY: plain field.
        unsafe { (*self.vm()).userdata.due != 0 && self.may_interrupt(Interrupt::Finalizer) }
    }

    /// The next userdata to be finalized, and its finalizer. It stays alive until the next
    /// call of [`Rt::finalizer_has_begun`].
    fn next_finalizer(self) -> Option<(UserdataRef, Value)> {
        loop {
            let u = self.take_due_userdata()?;
            // It may be gone since it was found.
            let f = self.event_handler(self.header(u.0).aux, Event::Gc);
            if !f.is_nil() {
                return Some((u, f));
            }
        }
    }

    /// Calls a finalizer before the instruction at `pc`. Never fails but as `slow` does.
    #[cold]
    pub(crate) fn run_finalizer(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        let Some((u, f)) = self.next_finalizer() else {
            return Ok(Step::Run { base, pc });
        };
        let step = self.interrupt(base, pc, Interrupt::Finalizer, f, &[u.value()]);
        self.finalizer_has_begun();
        step.or_else(|raise| self.unwind(raise))
    }

    /// Runs all finalizers that are due, from a native function. An error ends that; the
    /// rest is run later.
    pub(crate) fn run_finalizers(self, call: &mut Call) -> Result<(), Raise> {
        while self.finalizer_is_due() {
            let Some((u, f)) = self.next_finalizer() else {
                break;
            };
            // SAFETY: live thread, which is the running one again when the call returns.
            let result = unsafe {
                (*self.current()).interrupts |= Interrupt::Finalizer as u32;
                self.refresh_hooks();
                let mut result = call.call(f, &[u.value()]);
                if result == Err(Raise::NoMemory) {
                    // There was no room for the call: it hasn't begun.
                    self.collect();
                    result = self.with_retry(|| call.call(f, &[u.value()]));
                }
                (*self.current()).interrupts &= !(Interrupt::Finalizer as u32);
                self.refresh_hooks();
                result
            };
            self.finalizer_has_begun();
            result?;
        }
        Ok(())
    }
}
