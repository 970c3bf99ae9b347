//! What is compiled, and when: functions that samples find running.
//!
//! A sample is taken at safepoints, every so many ticks: of the function at whose back-edge
//! or call it comes, and, at a call, of the one that is called. So counting costs compiled
//! and interpreted code nothing. The distance between samples varies, lest it fall in step
//! with a loop, and grows while nothing is found that isn't compiled.

use crate::heap::{ClosureRef, ProtoRef, Rt};
use crate::isa::{OPS, Op};
use crate::ops::insn;
use crate::proto::{HEAT_BEFORE_ENTRY, PROTO_BEFORE_ENTRY};
use crate::state::QUANTUM;
use crate::value::{Value, tag};

/// Ticks between samples while there is something to be compiled.
pub(super) const SHORTEST: i32 = 97;

impl Rt {
    /// The ticks that a slice may have: until the next sample.
    #[inline]
    pub(crate) fn slice_ticks(self) -> i32 {
        match self.baseline() {
            Some(baseline) if baseline.on => {
                // A multiplicative generator; the same in each run.
                baseline.jitter = baseline.jitter.wrapping_mul(0x9E37_79B1) | 1;
                let quarter = baseline.interval / 4;
                let less = (baseline.jitter >> 8) as i32 % quarter.max(1);
                (baseline.interval - less).clamp(1, QUANTUM)
            }
            _ => QUANTUM,
        }
    }

    /// Lets the first sample come soon.
    pub(super) fn shorten_slice(self) {
        self.expire_slice();
    }

    /// The safepoint before the instruction at `pc` of the frame at `base`.
    pub(crate) fn sample(self, base: *mut u64, pc: *const u64) {
        let Some(baseline) = self.baseline() else {
            return;
        };
        if !baseline.on || self.wants(!0) {
            return;
        }
        baseline.samples = baseline.samples.wrapping_add(1);
        let i = insn(pc);
        // SAFETY: a complete frame of a Lua function, and registers of it.
        let (running, called) = unsafe {
            let called = match OPS[i.op as usize].base {
                Op::Call | Op::TailCall | Op::IterCall => Value(*base.add(i.a as usize)),
                _ => Value::NIL,
            };
            (Value(*base.sub(2)), called)
        };
        let mut cold = self.heat(running);
        cold |= self.heat(called);
        if let Some(baseline) = self.baseline() {
            baseline.interval = if cold {
                SHORTEST
            } else {
                (baseline.interval * 2).min(QUANTUM)
            };
        }
    }

    /// Counts a sample of a function, and compiles it when that was the last one needed;
    /// true if it isn't compiled yet.
    fn heat(self, f: Value) -> bool {
        if !f.has_tag(tag::CLOSURE) {
            return false;
        }
        let entry = self.closure(ClosureRef(f.payload())).entry;
        let Some(baseline) = self.baseline() else {
            return false;
        };
        let record = self.compiled_of(entry);
        if record != 0 {
            self.touch_compiled(record, baseline.samples);
            return false;
        }
        let heat = self.get::<u32>(entry - HEAT_BEFORE_ENTRY).saturating_add(1);
        self.set(entry - HEAT_BEFORE_ENTRY, heat);
        // A refused function is tried again after twice as many samples.
        if heat >= baseline.config.threshold && heat.is_power_of_two() {
            self.try_to_compile(ProtoRef(self.get(entry - PROTO_BEFORE_ENTRY)));
            return false;
        }
        heat < baseline.config.threshold
    }

    /// Compiles a prototype, or counts why not.
    pub(crate) fn try_to_compile(self, p: ProtoRef) {
        if let Err(refusal) = self.compile(p)
            && let Some(baseline) = self.baseline()
        {
            baseline.stats.refused[refusal as usize] += 1;
        }
    }

    /// A function is about to be made of a prototype: compiles it if all must be.
    #[inline]
    pub(crate) fn force_compilation(self, p: ProtoRef) {
        let Some(baseline) = self.baseline() else {
            return;
        };
        if baseline.config.force && baseline.on && !self.wants(!0) {
            let entry = self.proto(p).entry;
            if self.compiled_of(entry) == 0 {
                self.try_to_compile(p);
            }
        }
    }
}
