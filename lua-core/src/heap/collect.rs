//! The collector: precise, non-moving, incremental mark and (lazy) sweep.
//!
//! | phase | what a step does |
//! |---|---|
//! | `Idle` | nothing; blocks are swept when allocation needs them |
//! | `Finishing` | a collection is due: sweeps what is left of the last one, shrinks the string table |
//! | `Marking` | traces gray objects; stores go through the barrier (`heap/barrier.rs`) |
//! | `Pruning` | forgets dead shapes, prototypes, and inline caches that name dead shapes |
//! | `Sweeping` | frees dead large objects, tells the embedder of memory not needed any more |
//!
//! Steps run at safepoints only: at a tick, when as much was allocated as pays for one,
//! and then everything a program can reach is reachable from the VM state and the stacks.
//! A step does at most [`Rt::set_step_budget`] of work, counted in bytes looked at, except
//! for its indivisible parts: scanning the running stack, userdata with finalizers, and
//! clearing weak tables at the end of marking. What is owed beyond that is paid by the
//! steps that follow, from tick to tick.
//!
//! An operation or native call that failed for lack of memory, *before changing
//! anything*, is repeated after [`Rt::collect`], a complete collection.
//!
//! Marks: an object is marked when its mark equals `VmState::live`, which flips between 1
//! and 2 with every collection, so marks need no clearing. New objects get
//! `VmState::fresh`: unmarked while marking goes on, so that short-lived ones die in the
//! same collection, and fields of a new object need no barrier; marked otherwise. [`GRAY`]
//! is added to objects that are marked but didn't fit on the mark stack; they are found by
//! walking the heap, so marking needs no memory to be complete.
//!
//! Marking ends when nothing is gray after the roots, the running stack and the stacks of
//! threads that ran meanwhile were scanned once more. If that finds more than a step's
//! work, marking goes on; it converges since steps mark faster than the program allocates.
//!
//! What is weak: the string table (`heap/intern.rs`), transitions of shapes, inline
//! caches, weak tables.
//!
//! | file | job |
//! |---|---|
//! | `collect/mark` | mark stack, tracing of each kind of object, roots |
//! | `collect/prune` | shapes, prototypes, inline caches |
//! | `collect/weak` | weak tables |
//! | `collect/verify` | the heap's invariants, for tests |

use super::{Buffer, Rt};

mod mark;
mod prune;
#[cfg(feature = "extra-checks")]
mod verify;
mod weak;

/// Added to the mark of objects that wait to be traced without being on the mark stack.
pub(crate) const GRAY: u8 = 4;
/// Least number of bytes between collections in a large region. With much more, fresh
/// memory is always cold, and programs that make garbage take up to three times as long.
const FRESH: u64 = 512 << 10;
/// Bytes allocated between two steps.
const STEP: u64 = 64 << 10;
/// Default of the most work that one step does, in bytes looked at.
pub const STEP_BUDGET: u64 = 64 << 10;
/// After so many attempts to end marking, the next one takes what it takes.
const ATTEMPTS_MAX: u32 = 64;
const UNLIMITED: i64 = i64::MAX / 2;

/// What the collector is doing.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Finishing,
    Marking,
    Pruning,
    Sweeping,
}

/// Test modes, which need the feature `extra-checks`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stress {
    /// None.
    #[default]
    Off,
    /// A complete collection, and the operation once more, at every allocation.
    Collections,
    /// A small step at every tick and every allocation.
    Steps,
}

/// What an injected failure of an allocation stands for (`Vm::inject_failure`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// One allocation fails. A collection makes it good.
    Once,
    /// All fail from then on, each until a collection.
    UntilCollected,
    /// All fail, after collections as well, until "not enough memory" was raised.
    UntilRaised,
    /// All fail from then on.
    ForGood,
}

/// The collector's state; part of the VM state.
pub(crate) struct Collector {
    pub phase: Phase,
    /// By `collectgarbage("stop")`.
    pub stopped: bool,
    /// The next safepoint makes a step.
    pub requested: bool,
    /// Begin anew when memory has grown to so many percent of what was alive.
    pub pause_percent: u32,
    /// Work for so many percent of what was allocated.
    pub step_percent: u32,
    /// Most work of one step.
    pub budget: u64,
    /// Bytes allocated since marking ended last.
    pub debt: u64,
    /// A step is due when `debt` reaches this.
    pub threshold: u64,
    /// The next collection is due when `debt` reaches this.
    pub trigger: u64,
    /// `debt` at the last step.
    pub paid: u64,
    /// Work that was owed but went over the budget.
    pub carry: u64,
    /// Bytes alive at the end of the last marking.
    pub live_bytes: u64,
    /// The same of the marking that goes on.
    pub marked_bytes: u64,
    /// Work left for this step.
    pub work: i64,
    /// How often marking could have ended but for the work left.
    pub attempts: u32,
    pub mark_stack: Buffer<u32>,
    /// Objects that tracing reached, to be marked soon, and marked ones to be traced soon.
    pub(in crate::heap) reached: mark::Queue<16>,
    pub(in crate::heap) popped: mark::Queue<8>,
    /// Marked objects of many slots, to be traced in slices.
    pub bigs: Buffer<u32>,
    /// The one that is being traced, and how far.
    pub big: u32,
    pub big_at: u32,
    pub mark_overflow: bool,
    /// Weak tables that were marked.
    pub weak: Buffer<u32>,
    pub weak_overflow: bool,
    /// List of threads that ran since they were scanned.
    pub ran: u32,
    pub shapes_to_prune: u32,
    pub protos_to_prune: u32,
    /// Where pruning stopped in the code of the first one; 0: not begun.
    pub prune_pc: u32,
    /// The next large object to sweep.
    pub span_cursor: u32,
    /// Measure the steps.
    pub timed: bool,
    pub times: StepTimes,
}

/// How long the collector's steps took.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepTimes {
    /// Number of steps that took less than 2^i microseconds, and no less than half of that.
    pub counts: [u64; 24],
    /// The longest one, in seconds.
    pub longest: f64,
    /// All of them, in seconds.
    pub total: f64,
}

impl StepTimes {
    fn note(&mut self, seconds: f64) {
        self.longest = self.longest.max(seconds);
        self.total += seconds;
        let i = 32 - ((seconds * 1e6) as u32).leading_zeros();
        if let Some(count) = self.counts.get_mut(i as usize) {
            *count += 1;
        }
    }
}

impl Collector {
    pub(crate) fn new(threshold: u64, budget: u64) -> Collector {
        Collector {
            phase: Phase::Idle,
            stopped: false,
            requested: false,
            pause_percent: 200,
            step_percent: 200,
            budget,
            debt: 0,
            threshold,
            trigger: threshold,
            paid: 0,
            carry: 0,
            live_bytes: 0,
            marked_bytes: 0,
            work: 0,
            attempts: 0,
            mark_stack: Buffer::new(),
            reached: mark::Queue::EMPTY,
            popped: mark::Queue::EMPTY,
            bigs: Buffer::new(),
            big: 0,
            big_at: 0,
            mark_overflow: false,
            weak: Buffer::new(),
            weak_overflow: false,
            ran: 0,
            shapes_to_prune: 0,
            protos_to_prune: 0,
            prune_pc: 0,
            span_cursor: 0,
            timed: false,
            times: StepTimes {
                counts: [0; 24],
                longest: 0.0,
                total: 0.0,
            },
        }
    }
}

impl Rt {
    #[inline(always)]
    pub(crate) fn gc(self) -> *mut Collector {
        // SAFETY: field address of the live state.
        unsafe { &raw mut (*self.vm()).gc }
    }

    #[inline(always)]
    pub(crate) fn phase(self) -> Phase {
        // SAFETY: plain field.
        unsafe { (*self.gc()).phase }
    }

    // ---- when

    /// Counts `bytes` of new objects and asks for a step when due.
    pub(crate) fn charge_allocation(self, bytes: u32) {
        // SAFETY: plain fields.
        unsafe {
            (*self.vm()).stats.allocated += bytes as u64;
            let gc = self.gc();
            (*gc).debt += bytes as u64;
            if (*gc).debt >= (*gc).threshold && !(*gc).stopped {
                self.request_step();
            }
        }
    }

    /// Lets the next tick make a step.
    pub(crate) fn request_step(self) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            if !(*gc).requested {
                (*gc).requested = true;
                self.expire_slice();
            }
        }
    }

    /// The most work that a step does, in bytes looked at.
    pub(crate) fn set_step_budget(self, bytes: u64) {
        // SAFETY: plain field.
        unsafe { (*self.gc()).budget = bytes.clamp(1 << 10, UNLIMITED as u64) }
    }

    // ---- steps

    /// At a safepoint: makes the step that was asked for.
    pub(crate) fn requested_step(self) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            (*gc).requested = false;
            if (*gc).stopped {
                return;
            }
            let allocated = (*gc).debt.saturating_sub((*gc).paid);
            let percent = match (*gc).step_percent {
                0 => 100_000, // as in the reference: at once
                // Marking must be faster than allocation.
                n => n.max(110),
            };
            let owed = (*gc).carry + allocated.max(STEP) / 100 * percent as u64;
            let now = owed.min((*gc).budget);
            let began = self.time_if_asked();
            self.step(now as i64);
            if let Some(began) = began {
                let hooks = self.hooks();
                (*gc).times.note((hooks.clock)(hooks.context) - began);
            }
            let done = (now as i64 - (*gc).work).max(0) as u64;
            self.schedule(owed.saturating_sub(done));
        }
    }

    /// At a safepoint in the stress mode `Steps`: a step, however small.
    pub(crate) fn stress_step(self) {
        // SAFETY: plain field. Sizes vary, so that steps end at all kinds of places.
        let n = unsafe { (*self.vm()).stats.steps };
        let work = 64 + (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 53);
        self.with_retry(|| self.step(work as i64));
    }

    /// Does `work` and tells whether that ended a collection.
    pub(crate) fn step(self, work: i64) -> bool {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            (*self.vm()).stats.steps += 1;
            (*gc).paid = (*gc).debt;
            (*gc).work = work;
            self.note_top();
            if (*gc).phase == Phase::Idle {
                self.begin();
            }
            self.advance();
            #[cfg(feature = "extra-checks")]
            self.verify();
            (*gc).phase == Phase::Idle
        }
    }

    /// Sets when the next step is due; `carry` work is left of this one.
    pub(crate) fn schedule(self, carry: u64) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            (*gc).paid = (*gc).debt;
            if (*gc).phase == Phase::Idle {
                (*gc).carry = 0;
                (*gc).threshold = (*gc).trigger;
            } else {
                (*gc).carry = carry;
                (*gc).threshold = (*gc).debt + STEP;
            }
            if ((*gc).carry > 0 || (*gc).debt >= (*gc).threshold) && !(*gc).stopped {
                self.request_step();
            }
        }
    }

    /// After a failed allocation: a complete collection. The running frame must be saved.
    pub fn collect(self) {
        // SAFETY: plain field.
        if unsafe { (*self.vm()).stress } == Stress::Steps {
            self.stress_step();
            return;
        }
        self.collect_fully();
    }

    /// A complete collection: everything that nothing refers to now is dead afterwards.
    pub(crate) fn collect_fully(self) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            (*gc).requested = false;
            self.note_top();
            // What is under way began earlier: it may keep what has died since.
            (*gc).work = UNLIMITED;
            while self.phase() != Phase::Idle {
                self.advance();
            }
            self.begin();
            while self.phase() != Phase::Idle {
                (*gc).work = UNLIMITED;
                self.advance();
            }
            #[cfg(feature = "extra-checks")]
            self.verify();
            self.schedule(0);
        }
    }

    /// Tells the running thread how far values in flight reach.
    fn note_top(self) {
        // SAFETY: plain fields of the live running thread.
        unsafe { (*self.current()).top = self.offset_of((*self.vm()).top) }
    }

    fn time_if_asked(self) -> Option<f64> {
        let hooks = self.hooks();
        // SAFETY: plain field.
        unsafe { (*self.gc()).timed.then(|| (hooks.clock)(hooks.context)) }
    }

    fn begin(self) {
        // SAFETY: plain fields.
        unsafe {
            (*self.vm()).stats.collections += 1;
            (*self.gc()).phase = Phase::Finishing;
        }
    }

    /// Goes on until the step's work or the collection is done.
    fn advance(self) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            while (*gc).work > 0 {
                match (*gc).phase {
                    Phase::Idle => return,
                    Phase::Finishing => {
                        if self.sweep_some() && self.shrink_strings_some() {
                            self.begin_marking();
                        }
                    }
                    Phase::Marking => {
                        if self.propagate() {
                            self.try_to_end_marking();
                        }
                    }
                    Phase::Pruning => {
                        if self.prune_some() {
                            self.begin_sweeping();
                        }
                    }
                    Phase::Sweeping => {
                        if self.sweep_spans_some() && self.trim_idle_some() {
                            self.age_idle();
                            (*gc).phase = Phase::Idle;
                        }
                    }
                }
            }
        }
    }

    fn begin_marking(self) {
        // SAFETY: plain fields; everything was swept, so all marks equal `live`.
        unsafe {
            let (vm, gc) = (self.vm(), self.gc());
            (*vm).fresh = (*vm).live;
            (*vm).live = 3 - (*vm).live;
            (*vm).barrier = (*vm).live;
            (*gc).phase = Phase::Marking;
            (*gc).marked_bytes = 0;
            (*gc).attempts = 0;
            self.note_thread_runs(crate::heap::ThreadRef((*vm).thread));
            self.mark_roots();
        }
    }

    /// Nothing is gray: looks once more at what has no barrier. If that takes no more than
    /// a step's work, marking is over.
    fn try_to_end_marking(self) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            (*gc).attempts += 1;
            let before = (*gc).work;
            if (*gc).work < UNLIMITED / 2 {
                (*gc).work = if (*gc).attempts > ATTEMPTS_MAX {
                    UNLIMITED
                } else {
                    (*gc).work.max((*gc).budget as i64)
                };
            }
            let granted = (*gc).work - before;
            self.mark_roots();
            self.scan_threads_that_ran();
            if !self.propagate() {
                return;
            }
            self.separate_userdata(false);
            self.recheck_weak_tables();
            if !self.propagate() {
                return;
            }
            self.clear_weak_tables();
            // What was granted beyond the step's work isn't there for what follows.
            (*gc).work -= granted;
            self.end_marking();
        }
    }

    fn end_marking(self) {
        // SAFETY: plain fields.
        unsafe {
            let (vm, gc) = (self.vm(), self.gc());
            (*vm).fresh = (*vm).live;
            self.forget_threads_that_ran();
            (*vm).stubs.clear();
            self.begin_pruning();
            (*gc).phase = Phase::Pruning;
            (*gc).live_bytes = (*gc).marked_bytes;
            (*gc).debt = 0;
            (*gc).paid = 0;
            // Pause: collect again when as much was allocated as is in use (200 %).
            let alive = (*gc).marked_bytes.max((*vm).reserved / 16);
            let percent = (*gc).pause_percent.saturating_sub(100) as u64;
            (*gc).trigger = (alive / 100 * percent)
                .max(((*vm).region_bytes.min((*vm).cap) / 16).min(FRESH))
                .max(32 << 10);
            self.trim_mark_stack();
            if (*vm).userdata.due != 0 {
                self.expire_slice();
            }
        }
    }

    fn begin_sweeping(self) {
        // SAFETY: plain fields.
        unsafe {
            let (vm, gc) = (self.vm(), self.gc());
            (*vm).barrier = super::barrier::BARRIER_OFF;
            self.unsweep_all();
            (*gc).span_cursor = (*vm).large;
            (*gc).phase = Phase::Sweeping;
        }
    }

    /// Sweeps blocks and large objects that the last collection left; true when done.
    fn sweep_some(self) -> bool {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            // Each block takes its share of the work.
            loop {
                if (*gc).work <= 0 {
                    return false;
                }
                if !self.sweep_one_block() {
                    return self.sweep_spans_some();
                }
            }
        }
    }

    fn sweep_spans_some(self) -> bool {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            while (*gc).work > 0 {
                if !self.sweep_one_span() {
                    return true;
                }
                (*gc).work -= SPAN_WORK;
            }
            false
        }
    }
}

/// What sweeping a large object costs, in bytes looked at.
const SPAN_WORK: i64 = 256;
