//! The VM state: what sits at the start of the region, and so behind the one
//! register that is both VM pointer and heap base.
//!
//! The first part is read and written by the handlers of the bundle; its layout
//! is part of the ABI fingerprint (`abi.rs`). The order puts what every handler
//! touches within the first 128 bytes, where displacements are one byte.

use crate::error::Raise;
#[cfg(feature = "extra-checks")]
use crate::heap::cells::CLASSES;
use crate::heap::cells::Cells;
use crate::heap::collect::{Collector, Shortage, Stress};
use crate::heap::intern::InternTable;
use crate::heap::userdata::Userdatas;
use crate::heap::{Buffer, Rt};
use crate::native::Library;
use crate::ops::meta::Meaning;
use crate::proto::SMALL_FRAME;
use crate::shape::INLINE_MAX;
use crate::shortcuts::SHORTCUT_MAX;
use crate::slow::caches::Stubs;
use crate::system::System;
use crate::value::Value;
use core::ffi::c_void;
use core::sync::atomic::{AtomicU32, Ordering};

/// Metamethod events, in the order of [`EVENT_NAMES`].
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Event {
    Index,
    NewIndex,
    Eq,
    Len,
    Call,
    Mode,
    Gc,
    Metatable,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Unm,
    Lt,
    Le,
    Concat,
    ToString,
}

/// Names of the events.
pub const EVENT_NAMES: [&str; 19] = [
    "__index",
    "__newindex",
    "__eq",
    "__len",
    "__call",
    "__mode",
    "__gc",
    "__metatable",
    "__add",
    "__sub",
    "__mul",
    "__div",
    "__mod",
    "__pow",
    "__unm",
    "__lt",
    "__le",
    "__concat",
    "__tostring",
];

/// Ticks handed out at once. A stop request from elsewhere is noticed after at
/// most this many back-edges and calls.
pub const QUANTUM: i32 = 10_000;

/// What the embedder supplies.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Hooks {
    /// Passed to every hook.
    pub context: *mut c_void,
    /// Receives what `print` and `io.write` write.
    pub write: fn(*mut c_void, &[u8]),
    /// Processor time in seconds, for `os.clock`.
    pub clock: fn(*mut c_void) -> f64,
    /// What lies in this memory of the region isn't needed any more: a system with virtual
    /// memory may take its pages back. It is used again without notice, and may then hold
    /// anything.
    pub unused: fn(*mut c_void, *mut u8, usize),
}

/// Why the engine was left or must stop at the next tick.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Nothing.
    None = 0,
    /// The embedder asked.
    Requested = 1,
}

/// Counters for `--stats`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
pub struct Stats {
    /// Collections so far.
    pub collections: u64,
    /// Steps that collections were made in, complete collections at once not counted.
    pub steps: u64,
    /// Bytes handed out since the start.
    pub allocated: u64,
    /// Ticks charged.
    pub ticks: u64,
    /// Times that the portable loop was entered.
    pub portable_entries: u64,
    /// Times that the bundle's handlers were entered.
    pub interp_entries: u64,
    /// Slow-path calls out of handlers.
    pub slow_calls: u64,
}

/// The VM state.
#[repr(C, align(16))]
pub struct VmState {
    // -- read by handlers
    /// Counts down at back-edges and calls; below zero the safepoint runs.
    pub tick: i32,
    /// Caches of looked-up metatable chains hold this number; 0 never matches.
    pub epoch: u32,
    /// A frame's registers must end at or below this address; `FRAME_SLACK` slots follow it.
    pub stack_limit: *mut u64,
    /// The same, less [`SMALL_FRAME`] slots: at or below it lies the base of a small frame.
    pub small_limit: *mut u64,
    /// End of an open list of values.
    pub top: *mut u64,
    /// The `next` function as iterated by `pairs`: low half of its value.
    pub next_fn: u32,
    /// The iterator function of `ipairs`.
    pub ipairs_fn: u32,
    /// Mark byte of live objects; while marking goes on, of those it has reached.
    pub live: u8,
    /// Mark byte of new objects.
    pub fresh: u8,
    /// A store into an object with this mark byte needs the barrier (`heap/barrier.rs`).
    pub barrier: u8,
    /// Not 0: functions must be compiled before they are first called.
    pub forced: u8,
    /// Number of results that end at `top` when an engine is left.
    pub left: u32,
    /// Small-object allocator; its free lists are popped by handlers.
    pub cells: Cells,
    /// Handler of each operation.
    pub dispatch: [usize; 256],
    /// Handler of each shortcut; the first is that of all other native functions.
    pub shortcuts: [usize; SHORTCUT_MAX],
    /// Handlers of the shortcuts for compiled code.
    pub compiled_shortcuts: [usize; SHORTCUT_MAX],
    /// Where the code region begins, for the maps of compiled functions.
    pub code_base: usize,
    /// Times that the runtime let control go on in compiled code.
    pub compiled_entries: u64,
    /// The running thread.
    pub(crate) thread: u32,
    /// The shape of tables in dictionary mode.
    pub(crate) dict_shape: u32,
    pub(crate) library: Library,

    /// The same, while the entries of `dispatch` lead to the hooks.
    pub handlers: [usize; 256],

    /// Where properties are, behind the inline caches.
    pub stubs: Stubs,

    // -- the rest is private to lua-core
    pub(crate) spans: linked_list_allocator::Heap,
    pub(crate) large: u32,
    pub(crate) reserved: u64,
    pub(crate) cap: u64,
    pub(crate) region_bytes: u64,
    pub(crate) strings: InternTable,

    // collector
    pub(crate) gc: Collector,
    pub(crate) stress: Stress,
    pub(crate) in_retry: bool,
    /// Allocations until one fails; `u64::MAX`: none will.
    pub(crate) fail_after: u64,
    pub(crate) shortage: Shortage,
    /// "not enough memory" was raised since failures are injected.
    pub(crate) fell_short: bool,

    // safepoints
    pub(crate) slice: i32,
    pub(crate) fuel: i64,
    pub(crate) fuel_limited: bool,
    /// A [`Stop`]; stored from anywhere.
    pub(crate) stop: AtomicU32,

    // roots
    pub(crate) main_thread: u32,
    pub(crate) globals: u32,
    pub(crate) registry: u32,
    /// Metatables that all values of a type share, by [`crate::value::Type`]; those of
    /// tables and userdata aren't used.
    pub(crate) type_meta: [u32; 9],
    /// Names of the events of hooks.
    pub(crate) hook_words: [u32; 5],
    pub(crate) error_value: Value,
    pub(crate) event_names: [u32; EVENT_NAMES.len()],
    /// What operations have to do with metamethods.
    pub(crate) meanings: [Meaning; 256],
    pub(crate) memory_message: u32,
    pub(crate) root_shapes: [u32; INLINE_MAX as usize + 1],
    pub(crate) shapes: u32,
    pub(crate) protos: u32,
    pub(crate) userdata: Userdatas,
    pub(crate) handles: Buffer<Value>,

    // natives
    pub(crate) native_stack_limit: usize,
    pub(crate) native_depth: u32,
    /// Message handlers inside one another.
    pub(crate) handlers_running: u32,
    pub(crate) hooks: Hooks,
    pub(crate) system: Option<&'static dyn System>,
    pub(crate) binary_chunks: bool,
    pub(crate) run: crate::engine::RunFn,
    pub(crate) enter: usize,
    /// What leads to the hooks, 0 without a bundle.
    pub(crate) hook_handler: usize,
    /// Events that the running thread's hook wants ([`crate::calls::hooks::event`]); 0
    /// also while an interrupt runs.
    pub(crate) hook_mask: u32,
    pub(crate) exit: Option<crate::error::Raise>,
    pub(crate) seed: u64,
    /// Of strings' hashes.
    pub(crate) hash_seed: u64,
    pub(crate) stats: Stats,
    pub(crate) idle: crate::heap::idle::Idle,
    // Last, or the bundle wouldn't fit.
    /// Heads of free lists that handlers aren't to see (`Rt::hide_free_cells`).
    #[cfg(feature = "extra-checks")]
    pub(crate) hidden: [u32; CLASSES],
    /// The baseline compiler, if it is used. Last, for the stencils don't know of it.
    #[cfg(all(feature = "interp", target_arch = "x86_64"))]
    pub(crate) baseline: Option<crate::baseline::Baseline>,
}

impl Rt {
    /// The embedder's hooks.
    pub(crate) fn hooks(self) -> Hooks {
        // SAFETY: plain field.
        unsafe { (*self.vm()).hooks }
    }

    /// The embedder's system, if it has one.
    #[inline]
    pub(crate) fn system(self) -> Option<&'static dyn System> {
        // SAFETY: plain field.
        unsafe { (*self.vm()).system }
    }

    /// The ticks that the next slice may have.
    #[cfg(not(all(feature = "interp", target_arch = "x86_64")))]
    pub(crate) fn slice_ticks(self) -> i32 {
        QUANTUM
    }

    /// Ends the current slice of ticks; none is lost.
    pub(crate) fn expire_slice(self) {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.vm();
            if (*vm).tick > 0 {
                (*vm).fuel = (*vm).fuel.saturating_add((*vm).tick as i64);
                (*vm).slice -= (*vm).tick;
                (*vm).tick = 0;
            }
        }
    }

    /// Charges `work` ticks for work inside a library function. Running out is
    /// noticed at the next tick.
    pub(crate) fn charge_work(self, work: u64) {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.vm();
            (*vm).stats.ticks += work;
            if !(*vm).fuel_limited {
                return;
            }
            self.expire_slice();
            (*vm).fuel = (*vm)
                .fuel
                .saturating_sub(work.min(i64::MAX as u64) as i64)
                .max(0);
        }
    }

    /// Must the program end here: is the fuel used up, or was it asked to stop? Called
    /// after `charge_work`, which has moved all ticks to `fuel` if they are limited.
    pub(crate) fn check_end(self) -> Result<(), Raise> {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.vm();
            if (*vm).stop.load(Ordering::Relaxed) != 0 {
                self.note_end(b"interrupted!");
                return Err(Raise::Stopped);
            }
            if (*vm).fuel_limited && (*vm).fuel <= 0 {
                self.note_end(b"out of fuel");
                return Err(Raise::OutOfFuel);
            }
        }
        Ok(())
    }
}

impl VmState {
    /// Sets the bounds of the running thread's stack.
    #[inline(always)]
    pub(crate) fn set_stack_limit(&mut self, limit: *mut u64) {
        self.stack_limit = limit;
        self.small_limit = limit.wrapping_sub(SMALL_FRAME as usize);
    }
}
