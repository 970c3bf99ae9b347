//! The write barrier: what every store of a reference into an object goes through.
//!
//! While marking goes on, an object is white (not reached yet), gray (reached, its
//! references not looked at) or black. No black object may refer to a white one: it
//! would be taken for dead. The barrier is a *forward* one: a white object that is
//! stored into a marked one becomes gray. So a huge table never needs a second look.
//!
//! One compare tells whether anything is to be done: [`VmState::barrier`] equals the
//! mark of marked objects while marking goes on, and otherwise a byte that no object's
//! mark is. The bodies of operations do it inline (`Machine::hides`) and leave the rest
//! to the slow path; compiled code can do the same.
//!
//! No barrier: stacks (threads that ran are scanned again before marking ends), roots
//! in the VM state (likewise), stores into objects that no safepoint has seen yet
//! (new objects are white while marking goes on).
//!
//! [`VmState::barrier`]: crate::state::VmState::barrier

use super::collect::Phase;
use super::{Rt, TableRef};
use crate::value::Value;

/// Value of `VmState::barrier` that no object's mark equals.
pub(crate) const BARRIER_OFF: u8 = 0x40;

impl Rt {
    #[inline(always)]
    fn barrier_applies(self, owner: u32) -> bool {
        // SAFETY: plain field.
        self.header(owner).mark == unsafe { (*self.vm()).barrier }
    }

    /// Stores `v` at `place`, which is a slot of the object `owner` or of its parts.
    #[inline(always)]
    pub(crate) fn put(self, owner: u32, place: u32, v: Value) {
        self.barrier(owner, v);
        self.set(place, v);
    }

    /// `owner` is about to hold `v`.
    #[inline(always)]
    pub(crate) fn barrier(self, owner: u32, v: Value) {
        if v.is_reference() && self.barrier_applies(owner) {
            self.shade(v.payload());
        }
    }

    /// `owner` is about to refer to `object` (or 0).
    #[inline(always)]
    pub(crate) fn barrier_object(self, owner: u32, object: u32) {
        if object != 0 && self.barrier_applies(owner) {
            self.shade(object);
        }
    }

    #[cold]
    #[inline(never)]
    fn shade(self, object: u32) {
        debug_assert!(!self.is_doomed(object), "a dead object came back");
        self.mark(object);
    }

    /// `part` becomes memory of `owner`: it lives as long as that one. What it holds was
    /// in the owner already, or goes through [`Rt::barrier`].
    #[inline]
    pub(crate) fn adopt_part(self, owner: u32, part: u32) {
        if part != 0 && self.barrier_applies(owner) {
            self.mark_owned(part);
        }
    }

    /// Values moved to other places inside a table: if it was being looked at in slices,
    /// that begins anew.
    #[inline]
    pub(crate) fn moved_inside(self, t: TableRef) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            if (*gc).big == t.0 {
                (*gc).big_at = 0;
            }
        }
    }

    /// Values of the array part moved down by one place.
    #[inline]
    pub(crate) fn moved_down(self, t: TableRef) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            if (*gc).big == t.0 {
                (*gc).big_at = (*gc).big_at.saturating_sub(1);
            }
        }
    }

    /// Marking is complete and didn't reach `object`: it will be swept, and nobody may
    /// take it up again. Only weak references can lead to it.
    #[inline]
    pub(crate) fn is_doomed(self, object: u32) -> bool {
        // SAFETY: plain fields.
        self.phase() != Phase::Marking && self.header(object).mark != unsafe { (*self.vm()).live }
    }
}
