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
//! `loops.rs` looks over the code in advance, `plan.rs` chooses stencils, `compile.rs` emits
//! them. `facts.rs` says of operations what these ask, `callees.rs` guesses what calls will
//! call, `registers.rs` says where numbers are, `whole.rs` which have no fraction. `tier.rs`
//! decides what is compiled and when, `code.rs` keeps account of it and takes it away again,
//! `sites.rs` has the inline caches, `observe.rs` lets the embedder look.
//! `prebuilt.rs` has tables of the committed bundle.
//!
//! Must not know what any operation means: it looks at operands and control in the op table.

mod callees;
mod code;
mod compile;
mod facts;
mod loops;
mod observe;
mod plan;
#[cfg(feature = "prebuilt")]
mod prebuilt;
mod registers;
mod sites;
mod tier;
mod whole;

use crate::engine::Engine;
use crate::engine::interp::InterpError;
use crate::heap::{Buffer, NoMemory, Rt};
use crate::isa::{Insn, OP_COUNT, OPS};
use crate::shortcuts::{DIRECT, Passes};
use crate::vm::Vm;
use callees::Evidence;
use loops::{KEPT, Loop};
use plan::Step;
use registers::Mark;
use rt_nostd::{CodeRegion, LinkedBundle, PatchSlot, Snippet, StencilSlot};
use stencil_format::{Bundle, HoleKind, RelTarget};

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

/// A stencil and its short variant, by their indices.
#[derive(Clone, Copy, Default)]
struct Variants {
    long: u16,
    /// The same if there is no short one.
    short: u16,
    /// The short one is for registers a, b, c up to these numbers.
    until: [u8; 3],
}

impl Variants {
    fn new(bundle: &Bundle<'_>, index: u32) -> Option<Variants> {
        let long = u16::try_from(index).ok()?;
        let mut variants = Variants {
            long,
            short: long,
            until: [0; 3],
        };
        let Some(short) = bundle.stencil(index)?.short() else {
            return Some(variants);
        };
        variants.short = u16::try_from(short).ok()?;
        variants.until = [u8::MAX; 3];
        for hole in bundle.stencil(short)?.holes() {
            // `HOLES` says which operands these are.
            let HoleKind::Operand { form, ordinal } = hole.kind else {
                continue;
            };
            let Some(until) = variants.until.get_mut(ordinal as usize) else {
                continue;
            };
            let fits = |&register: &u8| form.holds(i64::from(register) * 8, hole.addend);
            // It isn't among those that are shorter, or is up to 127 at most.
            let mut numbers = [u8::MAX].into_iter().chain((0..=15).rev());
            *until = numbers.find(fits)?.min(*until);
        }
        Some(variants)
    }

    /// The one for this instruction.
    #[inline]
    fn of(self, insn: Insn) -> u16 {
        let [a, b, c] = self.until;
        let short = (insn.a <= a) & (insn.b <= b) & (insn.c <= c);
        if short { self.short } else { self.long }
    }

    /// The default: no stencil. None that is looked for here comes first in a bundle.
    fn is_none(self) -> bool {
        self.long == 0
    }
}

/// What must be known of a stencil to emit it.
#[derive(Clone, Copy, Default)]
struct OpStencil {
    variants: Variants,
    /// Where it leads: bits of [`leads`].
    leads: u8,
    /// It has a hole for the next instruction, or falls through to it.
    next: bool,
}

/// Which continuations a stencil must be told. None: it falls through to the next
/// instruction, or control leaves the code.
mod leads {
    /// The next instruction, which it doesn't fall through to.
    pub(super) const NEXT: u8 = 1;
    /// What is emitted next.
    pub(super) const AFTER: u8 = 2;
    /// The next instruction's entry for control from outside.
    pub(super) const ENTRY: u8 = 4;
    /// The jump target.
    pub(super) const TAKEN: u8 = 8;
    /// The next instruction's jump target.
    pub(super) const OVER: u8 = 16;
    /// Of moves: the instruction that they are for, as what is next.
    pub(super) const ON_AT: u8 = 32;
    /// It, or one of its variants, falls through to the next instruction's entry.
    pub(super) const FALLS_TO_ENTRY: u8 = 64;
    /// As `ENTRY`, where something else is emitted next. Of the step that control comes back
    /// to: what is next, as well.
    pub(super) const BEYOND: u8 = 128;
}

/// The operand holes: their ordinals are known here, so that the operands of an instruction
/// are computed in place. A bundle that has others is refused.
macro_rules! define_holes {
    ($($hole:ident $name:literal $meaning:literal;)*) => {
        #[derive(Clone, Copy)]
        #[repr(usize)]
        // Of those that are a row, the first is named.
        #[allow(dead_code)]
        enum Hole {
            $(#[doc = $meaning] $hole,)*
        }

        /// Their names: sorted, as in a bundle.
        const HOLES: [&str; OPERANDS] = [$($name),*];

        /// How many there are.
        const OPERANDS: usize = [$($name),*].len();
    };
}

define_holes! {
    A "HOLE_A" "Register a, in bytes.";
    B "HOLE_B" "Register b, in bytes.";
    C "HOLE_C" "Register c, in bytes.";
    D "HOLE_D" "Field d.";
    Frame "HOLE_FRAME" "Bytes that the function's registers take.";
    ImmB "HOLE_IMM_B" "Field b.";
    Inside "HOLE_INSIDE" "Where the inner map is, less half the bytecode's offset.";
    Item "HOLE_ITEM" "Field d, as an index of values in bytes.";
    Kept "HOLE_P0" "Registers that are kept in the processor's, in bytes.";
    Kept1 "HOLE_P1" "The second of them.";
    Kept2 "HOLE_P2" "The third of them.";
    Kept3 "HOLE_P3" "The fourth of them.";
    Kept4 "HOLE_P4" "The fifth of them.";
    Kept5 "HOLE_P5" "The sixth of them.";
    Pc "HOLE_PC" "The instruction.";
    Site "HOLE_SITE" "The word that says where a miss goes.";
    Up "HOLE_UP" "Upvalue b in a closure.";
    Word "HOLE_WORD" "The word behind the instruction's first.";
    X0 "HOLE_X0" "The four halves of the words behind.";
    X1 "HOLE_X1" "The second of them.";
    X2 "HOLE_X2" "The third of them.";
    X3 "HOLE_X3" "The fourth of them.";
}

// By the number of the register in an instruction (`Variants`).
const _: () = assert!(Hole::A as usize == 0 && Hole::B as usize == 1 && Hole::C as usize == 2);
const _: () = assert!(Hole::Kept5 as usize + 1 == Hole::Kept as usize + KEPT);

/// Ways in which operands come in the processor's registers (`registers.rs`): endings of the
/// stencils' names, where more than one says the same of operations with other operands.
const ENDINGS: [&[&str]; FORMS] = [
    &["_a"],
    &["_b"],
    &["_c"],
    &["_ab", "_bc"],
    &["_ba", "_cb"],
    &["_bb"],
    &["_x"],
    &["_cx", "_bx"],
    &["_i"],
    &["_bi", "_ci"],
    &["_ix"],
    &["_cix"],
];
/// How many there are.
const FORMS: usize = 12;

/// Stencils of an operation that get operands in the processor's registers.
type Forwarded = [Variants; FORMS];

/// A stencil that is a snippet.
#[derive(Clone, Copy, Default)]
struct Short {
    index: u16,
    code: Snippet,
}

impl Short {
    fn new(linked: &LinkedBundle<'_>, name: &str, ending: &str) -> Option<Short> {
        let index = stencil_named(linked.bundle(), [name, ending, ""])?;
        Some(Short {
            index: u16::try_from(index).ok()?,
            code: linked.snippet(index)?,
        })
    }
}

/// Stencils that only change what is in the processor's registers, by index among what is
/// kept there; `loads` by number.
#[derive(Clone, Copy)]
struct Moves {
    /// Loads the number: operand a, b, c, the argument of a call.
    number: [Variants; 4],
    /// What is kept becomes the number, and the other operand; the number is kept.
    take: [Short; KEPT],
    other: [Short; KEPT],
    keep: [Short; KEPT],
    /// Register a is kept.
    reload: [Variants; KEPT],
    /// All that is kept, of one register or more.
    loads: [u16; KEPT],
    /// Behind that: on to the instruction that control was meant for.
    inside: u16,
    /// `ForLoop` and `ForLoopUp` with a kept index.
    turns: [[Variants; KEPT]; 2],
    /// From the base of the frame that a call made to that of its caller, and the same of an
    /// `IterCall`.
    back: [OpStencil; 2],
}

/// Ordinals of continuations.
#[derive(Clone, Copy)]
struct Targets {
    next: u32,
    entry: u32,
    after: u32,
    taken: u32,
    over: u32,
}

impl Targets {
    /// The bit of [`leads`] for a continuation.
    fn leads(&self, ordinal: u32) -> Option<u8> {
        let known = [
            (self.next, leads::NEXT),
            (self.entry, leads::ENTRY),
            (self.after, leads::AFTER),
            (self.taken, leads::TAKEN),
            (self.over, leads::OVER),
        ];
        let found = known.into_iter().find(|(of, _)| *of == ordinal);
        found.map(|(_, bit)| bit)
    }
}

/// Where misses of inline caches go.
#[derive(Clone, Copy)]
struct Miss {
    /// To the slow path, from which something is learnt.
    learn: usize,
    /// Without learning: the shared parts by operation, and the slow path.
    get: usize,
    set: usize,
    method: usize,
    slow: usize,
}

/// The stencils by what they are for.
struct Stencils {
    /// With all operands in the frame.
    plain: [OpStencil; OP_COUNT],
    /// In memory of the region: too much to be handed about on a small native stack.
    forwarded: &'static [Forwarded; OP_COUNT],
    /// What the walks over the code ask of each operation.
    facts: facts::Table,
    /// For `Call` and `TailCall` with arguments up to the top.
    open: [OpStencil; 2],
    /// For calls of [`DIRECT`] functions.
    direct: [OpStencil; DIRECT.len()],
    /// Those of them that get their argument as the number.
    passed: [Variants; DIRECT.len()],
    moves: Moves,
    targets: Targets,
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
        let bundle = *linked.bundle();
        let missing = InterpError::MissingHandler;
        for (ordinal, name) in (0..).zip(HOLES) {
            if bundle.operand(ordinal) != Some(name) {
                return Err(missing(name));
            }
        }
        // What we don't know we couldn't fill.
        if bundle.operand_count() as usize != HOLES.len() {
            return Err(missing("no more operands"));
        }
        let continuation = |name| bundle.continuation_by_name(name).ok_or(missing(name));
        let targets = Targets {
            next: continuation("hole_next")?,
            entry: continuation("hole_entry")?,
            after: continuation("hole_after")?,
            taken: continuation("hole_taken")?,
            over: continuation("hole_over")?,
        };
        let mut stencils = [OpStencil::default(); OP_COUNT];
        for (place, info) in stencils.iter_mut().zip(OPS) {
            *place =
                op_stencil(&bundle, &targets, ["op_", info.name, ""]).ok_or(missing(info.name))?;
        }
        let mut open = [OpStencil::default(); 2];
        for (place, name) in open.iter_mut().zip(["Call", "TailCall"]) {
            *place = op_stencil(&bundle, &targets, ["op_", name, "_open"]).ok_or(missing(name))?;
        }
        let mut direct = [OpStencil::default(); DIRECT.len()];
        for (place, (.., name, _, _)) in direct.iter_mut().zip(DIRECT) {
            *place =
                op_stencil(&bundle, &targets, ["op_", name[0], name[1]]).ok_or(missing(name[1]))?;
        }
        let mut passed = [Variants::default(); DIRECT.len()];
        for (place, (.., name, _, passes)) in passed.iter_mut().zip(DIRECT) {
            if *passes == Passes::Both {
                let index = stencil_named(&bundle, ["op_Call_", name[1], "_n"]);
                let variants = index.and_then(|index| Variants::new(&bundle, index));
                *place = variants.ok_or(missing(name[1]))?;
            }
        }
        let moves = moves(&linked, &targets).ok_or(missing("moves between registers"))?;
        let function = |name| linked.function_address(name).ok_or(missing(name));
        let miss = Miss {
            learn: function("miss")?,
            get: function("compiled_part_get_missed")?,
            set: function("compiled_part_set_missed")?,
            method: function("compiled_part_method_missed")?,
            slow: function("slow")?,
        };
        let forwarded = self.rt().forwarded(&bundle, &targets, &mut stencils)?;
        let mut baseline = Baseline {
            stats: BaselineStats::default(),
            stencils: Stencils {
                plain: stencils,
                facts: facts::table(forwarded),
                forwarded,
                open,
                direct,
                passed,
                moves,
                targets,
            },
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
        return used.is_ok();
    }
    let _ = (bytes, linked);
    false
}

impl Rt {
    /// Finds the forms of all operations, in a table that lives as long as the VM.
    fn forwarded<'b>(
        self,
        bundle: &Bundle<'_>,
        targets: &Targets,
        stencils: &mut [OpStencil; OP_COUNT],
    ) -> Result<&'static [Forwarded; OP_COUNT], InterpError<'b>> {
        let mut table = Buffer::new();
        // Test modes let allocations fail whose operation is repeated: this one isn't.
        self.with_retry(|| table.extend_with(self, OP_COUNT, Forwarded::default()))
            .map_err(|_| InterpError::NoMemory)?;
        for ((forms, stencil), info) in table.iter_mut().zip(stencils).zip(OPS) {
            let Some((found, falls)) = forms_of(bundle, targets, info.name) else {
                table.free(self);
                return Err(InterpError::MissingHandler(info.name));
            };
            *forms = found;
            if falls {
                stencil.leads |= leads::FALLS_TO_ENTRY;
            }
        }
        // It is as long as asked for.
        let table: &'static [Forwarded] = table.leak();
        table.try_into().map_err(|_| InterpError::NoMemory)
    }

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

/// The stencil with a name in parts, and the continuations that it has.
fn op_stencil(bundle: &Bundle<'_>, targets: &Targets, name: [&str; 3]) -> Option<OpStencil> {
    let index = stencil_named(bundle, name)?;
    let stencil = bundle.stencil(index)?;
    let falls = stencil.fallthrough();
    let led = stencil.holes().filter_map(|hole| match hole.kind {
        HoleKind::Rel32(RelTarget::Continuation(ordinal)) => Some(ordinal),
        _ => None,
    });
    let mut to = 0;
    for ordinal in led.chain(falls) {
        to |= targets.leads(ordinal)?;
    }
    let next = to & leads::NEXT != 0;
    if falls.is_some() {
        to &= !leads::NEXT;
    }
    if falls == Some(targets.entry) {
        to |= leads::FALLS_TO_ENTRY;
    }
    Some(OpStencil {
        variants: Variants::new(bundle, index)?,
        leads: to,
        next,
    })
}

/// Does a stencil fall through to the next instruction's entry?
fn falls_to_entry(bundle: &Bundle<'_>, targets: &Targets, index: u32) -> bool {
    bundle.stencil(index).and_then(|s| s.fallthrough()) == Some(targets.entry)
}

/// The stencils of an operation that get or leave numbers in the processor's registers, and
/// whether one of them falls through to the next instruction's entry.
fn forms_of(bundle: &Bundle<'_>, targets: &Targets, name: &str) -> Option<(Forwarded, bool)> {
    let mut forms = Forwarded::default();
    let mut falls = false;
    let count = bundle.stencil_count();
    let first = with_name(["op_", name, "_"], |name| bundle.first_stencil_from(name))?;
    for index in first..count {
        let found = bundle.stencil(index)?.name();
        let ending = found.strip_prefix("op_").and_then(|n| n.strip_prefix(name));
        let Some(ending) = ending.filter(|ending| ending.starts_with('_')) else {
            break;
        };
        if let Some(form) = ENDINGS.iter().position(|known| known.contains(&ending)) {
            forms[form] = Variants::new(bundle, index)?;
            falls |= falls_to_entry(bundle, targets, index);
        }
    }
    Some((forms, falls))
}

/// The stencils that change what is in the processor's registers.
fn moves(linked: &LinkedBundle<'_>, targets: &Targets) -> Option<Moves> {
    let bundle = linked.bundle();
    const DIGITS: [&str; KEPT + 1] = ["0", "1", "2", "3", "4", "5", "6"];
    let mut out = Moves {
        number: [Variants::default(); 4],
        take: [Short::default(); KEPT],
        other: [Short::default(); KEPT],
        keep: [Short::default(); KEPT],
        reload: [Variants::default(); KEPT],
        loads: [0; KEPT],
        inside: u16::try_from(stencil_named(bundle, ["inside", "", ""])?).ok()?,
        turns: [[Variants::default(); KEPT]; 2],
        back: [
            op_stencil(bundle, targets, ["back", "", ""])?,
            op_stencil(bundle, targets, ["back_iterator", "", ""])?,
        ],
    };
    let index = |name, ending| stencil_named(bundle, [name, ending, ""]);
    let number = |name, ending| u16::try_from(index(name, ending)?).ok();
    for (load, letter) in out.number.iter_mut().zip(["a", "b", "c", "argument"]) {
        *load = Variants::new(bundle, index("load_", letter)?)?;
    }
    for i in 0..KEPT {
        out.take[i] = Short::new(linked, "take_", DIGITS[i])?;
        out.other[i] = Short::new(linked, "other_", DIGITS[i])?;
        out.keep[i] = Short::new(linked, "keep_", DIGITS[i])?;
        out.reload[i] = Variants::new(bundle, index("reload_", DIGITS[i])?)?;
        out.loads[i] = number("loads_", DIGITS[i + 1])?;
        out.turns[0][i] = Variants::new(bundle, index("op_ForLoop_k", DIGITS[i])?)?;
        out.turns[1][i] = Variants::new(bundle, index("op_ForLoopUp_k", DIGITS[i])?)?;
    }
    Some(out)
}

/// The stencil with a name in parts.
fn stencil_named(bundle: &Bundle<'_>, parts: [&str; 3]) -> Option<u32> {
    with_name(parts, |name| bundle.stencil_index(name))?
}

/// Hands on a name in parts. `None` if it is too long.
fn with_name<T>(parts: [&str; 3], hand: impl FnOnce(&str) -> T) -> Option<T> {
    let mut full = [0u8; 48];
    let mut n = 0;
    for part in parts {
        full.get_mut(n..n + part.len())?
            .copy_from_slice(part.as_bytes());
        n += part.len();
    }
    core::str::from_utf8(&full[..n]).ok().map(hand)
}
