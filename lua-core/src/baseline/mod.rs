//! The baseline compiler: a function's stencils, copied one after the other with their
//! holes filled, in place of its bytecode.
//!
//! # How compiled code is reached and left
//! No machine address ever lies on a Lua stack, and published code is never changed. All
//! that leads into compiled code are words in the region:
//! - before a function's first instruction (`proto.rs`): the address of its compiled entry
//!   and the map from instructions to compiled code, and the signatures that calls compare,
//!   one for compiled callers and one for the interpreter: each lets in what runs in its form;
//! - behind each call (`Extra::Resume`): where the compiled caller goes on. Control comes
//!   there with the base of the frame that the call made, and the code takes the distance from
//!   it (`back` in `stencils/`): a return needn't wait until it has read that from the header,
//!   and the next return doesn't wait for this one.
//!
//! Setting them back makes a function interpreted again, wherever its frames are. So compiled
//! code can be thrown away inside any call of the runtime: to make room, for a hook, because
//! a function died. Compiled code is entered and left at any instruction: after each slow path
//! and safepoint, and wherever the resume word doesn't say, control goes on by the map
//! (`resume!` in `stencils/`), and frames are the same in all engines.
//!
//! # Files
//! `loops.rs` looks over the code in advance, `plan.rs` chooses stencils and makes steps of
//! them (`steps.rs`), `entries.rs` says where control comes in, `compile.rs` emits. `stencils.rs`
//! finds the stencils by name, `facts.rs` says of operations what these ask, `callees.rs`
//! guesses what calls will call, `registers.rs` says where numbers are, `whole.rs` which have
//! no fraction. `tier.rs` decides what is compiled and when, `code.rs` keeps account of it and
//! takes it away again, `sites.rs` has the inline caches, `observe.rs` lets the embedder look.
//! `prebuilt.rs` has tables of the committed bundle.
//!
//! Must not know what any operation means: it looks at operands and control in the op table.

mod callees;
mod code;
mod compile;
mod entries;
mod facts;
mod loops;
mod observe;
mod plan;
#[cfg(feature = "prebuilt")]
mod prebuilt;
mod registers;
mod sites;
mod stencils;
mod steps;
mod tier;
mod whole;

use crate::engine::Engine;
use crate::engine::interp::InterpError;
use crate::heap::{Buffer, NoMemory, Rt};
use crate::vm::Vm;
use callees::Evidence;
use loops::Loop;
use registers::Mark;
use rt_nostd::{CodeRegion, LinkedBundle, PatchSlot, StencilSlot};
use stencils::{Miss, Stencils};
use steps::Step;

pub use compile::Refusal;
pub use observe::{Cause, Code, Function, Notice, Observer, Piece, Pieces, Removal};

/// How the embedder wants functions to be compiled.
#[derive(Clone, Copy, Debug)]
pub struct BaselineConfig {
    /// Compile each function before it first runs; [`BaselineStats::refused`] tells which
    /// couldn't be.
    pub force: bool,
    /// Samples that find a function running until it is compiled. 0: the first one does, and
    /// any later one if the code was thrown away or refused.
    pub threshold: u32,
    /// Whether compiled code has inline caches. Off: each access by name goes to the table
    /// of shapes and names.
    pub inline_caches: bool,
    /// Whether calls that are expected to call certain library functions carry these out
    /// themselves. Off: all calls look at what they call.
    pub direct_calls: bool,
    /// Whether numbers are handed on in the processor's registers. Off: only in the frame.
    pub registers: bool,
    /// Whether checks are left out that are known to succeed.
    pub types: bool,
    /// Most stubs behind the entry of an inline cache that lies in the main code.
    pub stubs: u32,
    /// Ticks between samples; 0: as it seems worth while.
    pub sample_every: u32,
    /// For tests: with every so many samples all compiled code is thrown away; 0: never.
    pub evict_every: u32,
    /// For tests: the interpreter counts its instructions, and is slow at that.
    pub count_interpreted: bool,
    /// A clock in nanoseconds, to time compilation with; unless there is one, it isn't timed.
    pub clock: Option<fn() -> u64>,
    /// Who is told what happens.
    pub observer: Option<Observer>,
}

impl Default for BaselineConfig {
    fn default() -> Self {
        BaselineConfig {
            force: false,
            threshold: 2,
            inline_caches: true,
            direct_calls: true,
            registers: true,
            types: true,
            stubs: 4,
            sample_every: 0,
            evict_every: 0,
            count_interpreted: false,
            clock: None,
            observer: None,
        }
    }
}

/// What the baseline compiler has done.
#[derive(Clone, Copy, Debug, Default)]
pub struct BaselineStats {
    /// Functions compiled.
    pub functions: u64,
    /// Their instructions.
    pub instructions: u64,
    /// Bytes of hot code and of cold code made for them.
    pub hot_bytes: u64,
    /// The same of cold code.
    pub cold_bytes: u64,
    /// Stubs made for inline caches; their bytes count as hot and cold ones.
    pub stubs: u64,
    /// Misses of inline caches that may learn.
    pub misses: u64,
    /// Inline caches that learn nothing any more: megamorphic ones, for the most part.
    pub closed: u64,
    /// Functions compiled again for what inline caches had learnt.
    pub improved: u64,
    /// Functions compiled again because what was sure to be a number wasn't.
    pub unsure: u64,
    /// Times that compiled code was thrown away to make room.
    pub evicted: u64,
    /// Times that it was thrown away for another reason.
    pub discarded: u64,
    /// Nanoseconds that compiling took, if the embedder lets it be timed.
    pub compile_ns: u64,
    /// Instructions executed by the interpreter, if they are counted.
    pub interpreted: u64,
    /// Samples that found compiled code running, or about to be called.
    pub seen_compiled: u64,
    /// Bytes of the code region that nothing lies in.
    pub free_bytes: u64,
    /// Times that the runtime let control go on in compiled code: counted by the jump itself.
    pub entries: u64,
    /// Refusals by reason.
    pub refused: [u64; Refusal::COUNT],
}

/// What is known of the function that is being compiled, or was compiled last.
struct Scratch {
    /// Of each word of code; there may be more.
    marks: Buffer<Mark>,
    loops: Buffer<Loop>,
    steps: Buffer<Step>,
    /// Instructions with an outer entry that must be made.
    outers: Buffer<u32>,
    /// Calls that control comes back to.
    backs: Buffer<u32>,
}

/// The state of the compiler, part of the VM state.
pub(crate) struct Baseline {
    region: CodeRegion<'static>,
    linked: LinkedBundle<'static>,
    stencils: Stencils,
    evidence: Evidence,
    scratch: Scratch,
    miss: Miss,
    pub(crate) config: BaselineConfig,
    pub(crate) stats: BaselineStats,
    /// Off: nothing is compiled.
    pub(crate) on: bool,
    /// Where labels are: scratch of the planner.
    labels: Buffer<u32>,
    /// List of what is compiled, by [`code::Compiled`].
    first: u32,
    /// Samples so far: the clock of eviction.
    samples: u32,
    /// Ticks until the next sample.
    interval: i32,
    jitter: u32,
}

impl Vm<'_> {
    /// Runs Lua code on the handlers of `bundle` from now on, and compiles what runs often.
    /// All code goes into `code`.
    ///
    /// # Errors
    /// As [`Vm::use_bundle`].
    ///
    /// # Safety
    /// As for [`Vm::use_bundle`]; besides, `bundle` and the extents of `code` live as long
    /// as the VM, and code that is written on this processor through another address may be
    /// run after a serializing instruction on it, which lua-core executes.
    pub unsafe fn use_baseline<'b>(
        &mut self,
        bundle: &'b [u8],
        code: CodeRegion<'b>,
        config: BaselineConfig,
    ) -> Result<(), InterpError<'b>> {
        let mut code = code;
        let bytes = bundle;
        // SAFETY: the contract.
        let linked = unsafe { self.link_bundle(bundle, &mut code)? };
        let miss = Miss::find(&linked)?;
        let stencils = Stencils::find(self.rt(), &linked)?;
        let mut baseline = Baseline {
            stats: BaselineStats::default(),
            stencils,
            miss,
            evidence: Evidence::default(),
            scratch: Scratch {
                marks: Buffer::new(),
                loops: Buffer::new(),
                steps: Buffer::new(),
                outers: Buffer::new(),
                backs: Buffer::new(),
            },
            // SAFETY: they live as long as the VM (the contract), and the VM state, in
            // which they are put, dies with it.
            region: unsafe { core::mem::transmute::<CodeRegion<'_>, CodeRegion<'static>>(code) },
            // SAFETY: as above.
            linked: unsafe {
                core::mem::transmute::<LinkedBundle<'_>, LinkedBundle<'static>>(linked)
            },
            config,
            on: true,
            labels: Buffer::new(),
            first: 0,
            samples: 0,
            interval: tier::SHORTEST,
            jitter: 1,
        };
        let rt = self.rt();
        if !use_prebuilt(bytes, &mut baseline.linked) {
            let ready = rt.with_retry(|| rt.make_ready(&mut baseline.linked));
            ready.map_err(|_| InterpError::NoMemory)?;
        }
        baseline.tell_linked();
        // SAFETY: plain fields.
        unsafe {
            (*rt.vm()).code_base = baseline.region.base();
            (*rt.vm()).forced = config.force as u8;
            (*rt.vm()).baseline = Some(baseline);
            if config.count_interpreted {
                (*rt.vm()).dispatch = [(*rt.vm()).hook_handler; 256];
            }
        }
        self.set_engine(Engine::Baseline);
        rt.shorten_slice();
        Ok(())
    }

    /// What the baseline compiler has done; `None` if it isn't used.
    pub fn baseline_stats(&self) -> Option<BaselineStats> {
        let rt = self.rt();
        rt.baseline().map(|b| BaselineStats {
            free_bytes: b.region.free_bytes() as u64,
            // SAFETY: plain field.
            entries: unsafe { (*rt.vm()).compiled_entries },
            ..b.stats
        })
    }
}

/// Makes the stencils ready with the tables of the committed bundle; false if it isn't that.
fn use_prebuilt(bytes: &[u8], linked: &mut LinkedBundle<'static>) -> bool {
    #[cfg(feature = "prebuilt")]
    if core::ptr::eq(bytes, crate::engine::interp::PREBUILT) {
        let used = linked.use_ready(&prebuilt::STENCILS, &prebuilt::PATCHES);
        // They were made of it when this was built.
        debug_assert!(used.is_ok());
        return used.is_ok();
    }
    let _ = (bytes, linked);
    false
}

impl Rt {
    /// Makes the stencils ready, in tables that live as long as the VM.
    fn make_ready(self, linked: &mut LinkedBundle<'static>) -> Result<(), NoMemory> {
        let (stencils, patches) = linked.ready_slots();
        let mut table = Buffer::new();
        table.extend_with(self, stencils, StencilSlot::EMPTY)?;
        let mut patch_table = Buffer::new();
        if let Err(error) = patch_table.extend_with(self, patches, PatchSlot::EMPTY) {
            table.free(self);
            return Err(error);
        }
        // They are as long as asked for.
        let made = linked.make_ready(table.leak(), patch_table.leak());
        debug_assert!(made.is_ok());
        Ok(())
    }
}
