//! After marking, before anything is swept: forgets dead shapes, transitions to them,
//! dead prototypes, and what inline caches say of dead shapes, in whose place others
//! could appear.
//!
//! The program runs between slices. It can't get at a dead shape: tables have live ones,
//! transitions to dead ones count as unknown (`Rt::is_doomed`), and a cache that leads to
//! a dead shape is stopped by the barrier, which stays on until pruning is over.

use crate::heap::Rt;
use crate::isa::{Extra, Insn, OPS, Op};
use crate::proto::Proto;
use crate::shape::Shape;

/// A map of more transitions is dropped as a whole when it holds dead ones.
const MAP_MAX: u32 = 1 << 12;
/// Instructions looked at at once.
const SLICE: u32 = 1024;

impl Rt {
    pub(super) fn begin_pruning(self) {
        // SAFETY: plain fields. What is live moves back to the lists, one by one; what is
        // made meanwhile goes there at once.
        unsafe {
            let (vm, gc) = (self.vm(), self.gc());
            (*gc).shapes_to_prune = core::mem::replace(&mut (*vm).shapes, 0);
            (*gc).protos_to_prune = core::mem::replace(&mut (*vm).protos, 0);
            (*gc).prune_pc = 0;
        }
    }

    /// Goes on pruning; true when done.
    pub(super) fn prune_some(self) -> bool {
        // SAFETY: plain fields; the lists hold all shapes and prototypes, none swept yet.
        unsafe {
            let (vm, gc) = (self.vm(), self.gc());
            let live = (*vm).live;
            while (*gc).work > 0 {
                let s = (*gc).shapes_to_prune;
                if s != 0 {
                    let mut shape: Shape = self.get(s);
                    (*gc).shapes_to_prune = shape.next;
                    (*gc).work -= 64;
                    if shape.header.mark == live {
                        shape.transitions = self.prune_transitions(shape.transitions);
                        shape.next = (*vm).shapes;
                        self.set(s, shape);
                        (*vm).shapes = s;
                    }
                    continue;
                }
                let p = (*gc).protos_to_prune;
                if p == 0 {
                    return true;
                }
                let proto: Proto = self.get(p);
                if proto.header.mark == live && !self.prune_caches(&proto) {
                    continue;
                }
                #[cfg(all(feature = "interp", target_arch = "x86_64"))]
                self.prune_compiled(&proto, live);
                (*gc).protos_to_prune = proto.next;
                (*gc).prune_pc = 0;
                (*gc).work -= 64;
                if proto.header.mark == live {
                    let next = (*vm).protos;
                    self.set(p, Proto { next, ..proto });
                    (*vm).protos = p;
                }
            }
            false
        }
    }

    /// What remains of a map of transitions: itself or nothing.
    fn prune_transitions(self, map: u32) -> u32 {
        if map == 0 {
            return 0;
        }
        // SAFETY: plain fields.
        let live = unsafe {
            (*self.gc()).work -= self.header(map).aux as i64 * 16;
            (*self.vm()).live
        };
        if self.header(map).aux > MAP_MAX
            || !self.map_retain(map, |_, to| self.header(to).mark == live)
        {
            return 0;
        }
        self.set_mark(map, live);
        map
    }

    /// Goes on with a prototype's code; true when done.
    fn prune_caches(self, proto: &Proto) -> bool {
        // SAFETY: plain fields; code consists of whole instructions.
        let (gc, live) = unsafe { (self.gc(), (*self.vm()).live) };
        let dead = |shape: u32| shape != 0 && self.header(shape).mark != live;
        // SAFETY: plain field.
        let mut pc = match unsafe { (*gc).prune_pc } {
            0 => proto.entry,
            pc => pc,
        };
        let end = proto.entry + proto.code_words * 8;
        let mut left = SLICE;
        while pc < end && left > 0 {
            left -= 1;
            let insn = Insn::from_word(self.get(pc));
            let info = &OPS[insn.op as usize];
            match info.extra {
                Extra::Ic1 if dead(self.get(pc + 8)) => {
                    self.set(pc + 8, 0u64);
                }
                Extra::Ic2 => {
                    let new_shape = matches!(info.op, Op::SetFieldIN | Op::SetFieldON);
                    if dead(self.get(pc + 8)) || (new_shape && dead(self.get(pc + 20))) {
                        self.set(pc + 8, 0u64);
                        self.set(pc + 16, 0u64);
                        self.set(
                            pc,
                            Insn {
                                op: info.base as u8,
                                ..insn
                            },
                        );
                    }
                }
                _ => {}
            }
            pc += info.extra.words() as u32 * 8;
        }
        // SAFETY: plain fields.
        unsafe {
            (*gc).work -= (SLICE - left) as i64 * 8;
            (*gc).prune_pc = pc;
        }
        pc >= end
    }
}
