//! What is compiled, and when: functions that samples find running.
//!
//! A sample is taken at safepoints, every so many ticks: of the function at whose back-edge
//! or call it comes, and, at a call, of the one that is called. So counting costs compiled
//! and interpreted code nothing. The distance between samples varies, lest it fall in step
//! with a loop, and grows while nothing is found that isn't compiled.

use super::callees::Evidence;
use super::observe::{Cause, Removal};
use crate::Stress;
use crate::heap::{ClosureRef, ProtoRef, Rt};
use crate::isa::{OPS, Op};
use crate::ops::insn;
use crate::proto::{HEAT_BEFORE_ENTRY, PROTO_BEFORE_ENTRY, Proto};
use crate::state::QUANTUM;
use crate::value::{Value, tag};

/// Ticks between samples while there is something to be compiled.
pub(super) const SHORTEST: i32 = 97;

/// What a sample counts, in calls that were noticed.
const SAMPLE: u32 = 32;

/// Words of code for which the scratch memory stays.
const SCRATCH_MOST: usize = 8192;
/// Samples after which a function that is compiled once more is expected not to last.
const RESTLESS: u32 = 1 << 10;

impl Rt {
    /// The ticks that a slice may have: until the next sample.
    #[inline]
    pub(crate) fn slice_ticks(self) -> i32 {
        match self.baseline() {
            Some(baseline) if baseline.on && baseline.config.sample_every != 0 => {
                baseline.config.sample_every.min(QUANTUM as u32) as i32
            }
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
        let evict = baseline.config.evict_every;
        if evict != 0 && baseline.samples.is_multiple_of(evict) {
            while self.evict_one() {}
        }
        let i = insn(pc);
        // SAFETY: a complete frame of a Lua function, and registers of it.
        let (running, called) = unsafe {
            let called = match OPS[i.op as usize].base {
                Op::Call | Op::TailCall | Op::IterCall => Value(*base.add(i.a as usize)),
                _ => Value::NIL,
            };
            (Value(*base.sub(2)), called)
        };
        let frame = self.offset_of(base);
        let mut cold = self.heat(running, frame, SAMPLE, Cause::Running);
        cold |= self.heat(called, 0, SAMPLE, Cause::Called);
        if let Some(baseline) = self.baseline() {
            baseline.interval = if cold {
                SHORTEST
            } else {
                (baseline.interval * 2).min(QUANTUM)
            };
        }
    }

    /// Counts a sample of a function, and compiles it when that was the last one needed;
    /// true if it isn't compiled yet. `frame`: offset of the base of a frame of it, or 0.
    fn heat(self, f: Value, frame: u32, by: u32, cause: Cause) -> bool {
        if !f.has_tag(tag::CLOSURE) {
            return false;
        }
        let closure = f.payload();
        if let Some(baseline) = self.baseline() {
            baseline.evidence = Evidence { closure, frame };
        }
        let cold = self.heat_closure(f, by, cause);
        if let Some(baseline) = self.baseline() {
            baseline.evidence = Evidence::default();
        }
        cold
    }

    fn heat_closure(self, f: Value, by: u32, cause: Cause) -> bool {
        let entry = self.closure(ClosureRef(f.payload())).entry;
        let Some(baseline) = self.baseline() else {
            return false;
        };
        let record = self.compiled_of(entry);
        if record != 0 {
            baseline.stats.seen_compiled += 1;
            self.touch_compiled(record, baseline.samples);
            return self.improve(record, entry, by);
        }
        let threshold = baseline.config.threshold.saturating_mul(SAMPLE);
        let before = self.get::<u32>(entry - HEAT_BEFORE_ENTRY);
        let heat = before.saturating_add(by);
        self.set(entry - HEAT_BEFORE_ENTRY, heat);
        // A refused function, or one whose code was thrown away, is tried again when it is
        // twice as hot.
        let doubled = heat.ilog2() != before.max(1).ilog2();
        if heat >= threshold && (before < threshold || doubled || threshold == 0) {
            self.try_to_compile(ProtoRef(self.get(entry - PROTO_BEFORE_ENTRY)), cause);
            return false;
        }
        heat < threshold
    }

    /// A Lua function with a frame at `base` is entered by compiled code or by a native
    /// function, where samples don't see it.
    pub(crate) fn count_call(self, base: *mut u64) {
        // SAFETY: a complete frame.
        let f = Value(unsafe { *base.sub(2) });
        let Some(baseline) = self.baseline() else {
            return;
        };
        if self.wants(!0) || !f.has_tag(tag::CLOSURE) {
            return;
        }
        let record = self.compiled_of(self.closure(ClosureRef(f.payload())).entry);
        if record != 0 && !self.is_improvable(record) {
            baseline.stats.seen_compiled += 1;
            self.touch_compiled(record, baseline.samples);
            return;
        }
        self.heat(f, 0, 1, Cause::Called);
    }

    /// At a sample of compiled code: compiles it again if inline caches have learnt what would
    /// be better in its main code, at ever greater distances. True if that is to come.
    fn improve(self, record: u32, entry: u32, by: u32) -> bool {
        if !self.is_improvable(record) {
            return false;
        }
        let before = self.get::<u32>(entry - HEAT_BEFORE_ENTRY);
        let heat = before.saturating_add(by);
        self.set(entry - HEAT_BEFORE_ENTRY, heat);
        if heat.ilog2() == before.max(1).ilog2() {
            return true;
        }
        if let Some(baseline) = self.baseline() {
            baseline.stats.improved += 1;
        }
        self.discard(record, Removal::Improved);
        let p = ProtoRef(self.get(entry - PROTO_BEFORE_ENTRY));
        self.try_to_compile(p, Cause::Improved);
        false
    }

    /// The code of the function with a frame at `base` has come upon something that isn't a
    /// number, in a register that was sure to hold one: compiles it again without such
    /// certainty, which it never gets back.
    pub(crate) fn forget_numbers(self, base: *mut u64) {
        // SAFETY: a complete frame of a Lua function.
        let f = Value(unsafe { *base.sub(2) });
        let closure = f.payload();
        let entry = self.closure(ClosureRef(closure)).entry;
        let p = ProtoRef(self.get(entry - PROTO_BEFORE_ENTRY));
        // SAFETY: the prototype of a live closure.
        unsafe { (*self.at::<Proto>(p.0)).unsure = 1 };
        let record = self.compiled_of(entry);
        let frame = self.offset_of(base);
        let Some(baseline) = self.baseline().filter(|_| record != 0) else {
            return;
        };
        baseline.stats.unsure += 1;
        baseline.evidence = Evidence { closure, frame };
        let on = baseline.on;
        self.discard(record, Removal::Unsure);
        if on {
            self.try_to_compile(p, Cause::Unsure);
        }
        if let Some(baseline) = self.baseline() {
            baseline.evidence = Evidence::default();
        }
    }

    /// Compiles a prototype, or counts why not.
    fn try_to_compile(self, p: ProtoRef, cause: Cause) {
        let Some(baseline) = self.baseline() else {
            return;
        };
        let clock = baseline.config.clock;
        let started = clock.map(|now| now());
        // What was thrown away again and again, because shapes in it died, gets all its
        // entries in stubs, which go one by one.
        let heat: u32 = self.get(self.proto(p).entry - HEAT_BEFORE_ENTRY);
        let bake = baseline.config.inline_caches && heat / SAMPLE < RESTLESS;
        // Test modes let allocations fail whose operation is repeated: this one isn't.
        // SAFETY: plain field.
        let compiled = if unsafe { (*self.vm()).stress } == Stress::Off {
            self.compile(p, bake)
        } else {
            self.with_retry(|| self.compile(p, bake))
        };
        let Some(baseline) = self.baseline() else {
            return;
        };
        if let (Some(now), Some(started)) = (clock, started) {
            baseline.stats.compile_ns += now().saturating_sub(started);
        }
        match compiled {
            Ok(instructions) => self.tell_compiled(p, cause, instructions),
            Err(refusal) => {
                baseline.stats.refused[refusal as usize] += 1;
                self.tell_refused(p, cause, refusal);
            }
        }
        // What an ordinary function needs is kept for the next one.
        if let Some(baseline) = self.baseline()
            && baseline.scratch.marks.capacity() > SCRATCH_MOST
        {
            baseline.scratch.marks.free(self);
            baseline.scratch.steps.free(self);
            baseline.labels.free(self);
        }
    }

    /// The interpreter is about to execute an instruction, and asks for hooks first.
    #[inline]
    pub(crate) fn count_interpreted(self) {
        if let Some(baseline) = self.baseline() {
            baseline.stats.interpreted += 1;
        }
    }

    /// Are instructions of the interpreter counted?
    pub(crate) fn counts_interpreted(self) -> bool {
        self.baseline().is_some_and(|b| b.config.count_interpreted)
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
                self.try_to_compile(p, Cause::Forced);
            }
        }
    }
}
