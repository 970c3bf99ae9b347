//! What the stencils of a bundle are for: found by their names when it is linked, so that
//! the compiler asks for nothing but numbers.
//!
//! Also the holes and continuations that they may have. A bundle that lacks a stencil, or has a
//! hole that isn't known here, is refused.
//!
//! Must not know where any of them goes: `plan.rs` says that.

use super::facts;
use super::loops::KEPT;
use crate::engine::interp::InterpError;
use crate::heap::{Buffer, Rt};
use crate::isa::{Insn, OP_COUNT, OPS};
use crate::shortcuts::{DIRECT, Passes};
use rt_nostd::{LinkedBundle, Snippet};
use stencil_format::{Bundle, HoleKind, RelTarget};

/// A stencil and its short variant, by their indices.
#[derive(Clone, Copy, Default)]
pub(super) struct Variants {
    pub(super) long: u16,
    /// The same if there is no short one.
    pub(super) short: u16,
    /// The short one is for registers a, b, c up to these numbers.
    pub(super) until: [u8; 3],
}

impl Variants {
    pub(super) fn new(bundle: &Bundle<'_>, index: u32) -> Option<Variants> {
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
    pub(super) fn of(self, insn: Insn) -> u16 {
        let [a, b, c] = self.until;
        let short = (insn.a <= a) & (insn.b <= b) & (insn.c <= c);
        if short { self.short } else { self.long }
    }

    /// The default: no stencil. None that is looked for here comes first in a bundle.
    pub(super) fn is_none(self) -> bool {
        self.long == 0
    }
}

/// What must be known of a stencil to emit it.
#[derive(Clone, Copy, Default)]
pub(super) struct OpStencil {
    pub(super) variants: Variants,
    /// Where it leads: bits of [`leads`].
    pub(super) leads: u8,
    /// It has a hole for the next instruction, or falls through to it.
    pub(super) next: bool,
}

/// Which continuations a stencil must be told. None: it falls through to the next
/// instruction, or control leaves the code.
pub(super) mod leads {
    /// The next instruction, which it doesn't fall through to.
    pub(in super::super) const NEXT: u8 = 1;
    /// What is emitted next.
    pub(in super::super) const AFTER: u8 = 2;
    /// The next instruction's entry for control from outside.
    pub(in super::super) const ENTRY: u8 = 4;
    /// The jump target.
    pub(in super::super) const TAKEN: u8 = 8;
    /// The next instruction's jump target.
    pub(in super::super) const OVER: u8 = 16;
    /// Of moves: the instruction that they are for, as what is next.
    pub(in super::super) const ON_AT: u8 = 32;
    /// It, or one of its variants, falls through to the next instruction's entry.
    pub(in super::super) const FALLS_TO_ENTRY: u8 = 64;
    /// As `ENTRY`, where something else is emitted next. Of the step that control comes back
    /// to: what is next, as well.
    pub(in super::super) const BEYOND: u8 = 128;
}

/// The operand holes: their ordinals are known here, so that the operands of an instruction
/// are computed in place. A bundle that has others is refused.
macro_rules! define_holes {
    ($($hole:ident $name:literal $meaning:literal;)*) => {
        #[derive(Clone, Copy)]
        #[repr(usize)]
        // Of those that are a row, the first is named.
        #[allow(dead_code)]
        pub(super) enum Hole {
            $(#[doc = $meaning] $hole,)*
        }

        /// Their names: sorted, as in a bundle.
        pub(super) const HOLES: [&str; OPERANDS] = [$($name),*];

        /// How many there are.
        pub(super) const OPERANDS: usize = [$($name),*].len();
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
pub(super) const ENDINGS: [&[&str]; FORMS] = [
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
    &["_an"],
    &["_bn"],
    &["_cn"],
    &["_abn", "_bcn"],
    &["_ban", "_cbn"],
    &["_bbn"],
];
/// How many there are.
pub(super) const FORMS: usize = 18;

/// Stencils of an operation that get operands in the processor's registers.
pub(super) type Forwarded = [Variants; FORMS];

/// A stencil that is most likely a snippet.
#[derive(Clone, Copy, Default)]
pub(super) struct Short {
    pub(super) index: u16,
    /// Empty if it isn't one.
    pub(super) code: Snippet,
}

impl Short {
    fn new(linked: &LinkedBundle<'_>, name: &str, ending: &str) -> Option<Short> {
        let index = stencil_named(linked.bundle(), [name, ending, ""])?;
        Some(Short {
            index: u16::try_from(index).ok()?,
            code: linked.snippet(index).unwrap_or_default(),
        })
    }

    /// Can it be put together with another one?
    fn is_half(&self) -> bool {
        (1..=Snippet::MAX / 2).contains(&self.code.len())
    }
}

/// Stencils that only change what is in the processor's registers, by index among what is
/// kept there; `loads` by number.
#[derive(Clone, Copy)]
pub(super) struct Moves {
    /// Loads the number: operand a, b, c, the argument of a call.
    pub(super) number: [Variants; 4],
    /// What is kept becomes the number, and the other operand; the number is kept.
    pub(super) take: [Short; KEPT],
    pub(super) other: [Short; KEPT],
    pub(super) keep: [Short; KEPT],
    /// These are snippets, of which two go together. Not in bundles without fallthrough.
    pub(super) are_snippets: bool,
    /// Register a is kept.
    pub(super) reload: [Variants; KEPT],
    /// All that is kept, of one register or more.
    pub(super) loads: [u16; KEPT],
    /// What is kept must be a number: before the instruction that is emitted, and before the
    /// one at hand. The same of operand b and c, which becomes the number.
    pub(super) guards: [[u16; KEPT]; 2],
    pub(super) sure: [[Variants; 2]; 2],
    /// Behind that: on to the instruction that control was meant for.
    pub(super) inside: u16,
    /// `ForLoop` and `ForLoopUp` with a kept index.
    pub(super) turns: [[Variants; KEPT]; 2],
    /// From the base of the frame that a call made to that of its caller, and the same of an
    /// `IterCall`.
    pub(super) back: [OpStencil; 2],
}

impl Moves {
    /// Loads an operand as the number; with a guard before the instruction that is emitted (0),
    /// or the one at hand (1).
    pub(super) fn load(&self, operand: usize, guard: Option<usize>) -> &Variants {
        let sure = guard.and_then(|i| self.sure[i].get(operand.checked_sub(1)?));
        sure.unwrap_or(&self.number[operand])
    }
}

/// Ordinals of continuations.
#[derive(Clone, Copy)]
pub(super) struct Targets {
    pub(super) next: u32,
    pub(super) entry: u32,
    pub(super) after: u32,
    pub(super) taken: u32,
    pub(super) over: u32,
}

impl Targets {
    /// The bit of [`leads`] for a continuation.
    pub(super) fn leads(&self, ordinal: u32) -> Option<u8> {
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
pub(super) struct Miss {
    /// To the slow path, from which something is learnt.
    pub(super) learn: usize,
    /// Without learning: the shared parts by operation, and the slow path.
    pub(super) get: usize,
    pub(super) set: usize,
    pub(super) method: usize,
    pub(super) slow: usize,
}

/// The stencils by what they are for.
pub(super) struct Stencils {
    /// With all operands in the frame.
    pub(super) plain: [OpStencil; OP_COUNT],
    /// In memory of the region: too much to be handed about on a small native stack.
    pub(super) forwarded: &'static [Forwarded; OP_COUNT],
    /// What the walks over the code ask of each operation.
    pub(super) facts: facts::Table,
    /// For `Call` and `TailCall` with arguments up to the top.
    pub(super) open: [OpStencil; 2],
    /// For calls of [`DIRECT`] functions.
    pub(super) direct: [OpStencil; DIRECT.len()],
    /// Those of them that get their argument as the number.
    pub(super) passed: [Variants; DIRECT.len()],
    pub(super) moves: Moves,
    pub(super) targets: Targets,
}

impl Miss {
    pub(super) fn find<'b>(linked: &LinkedBundle<'_>) -> Result<Miss, InterpError<'b>> {
        let function = |name| {
            linked
                .function_address(name)
                .ok_or(InterpError::MissingHandler(name))
        };
        Ok(Miss {
            learn: function("miss")?,
            get: function("compiled_part_get_missed")?,
            set: function("compiled_part_set_missed")?,
            method: function("compiled_part_method_missed")?,
            slow: function("slow")?,
        })
    }
}

impl Stencils {
    /// Finds all of them. Takes memory for a table that lives as long as the VM.
    ///
    /// # Errors
    /// [`InterpError::MissingHandler`] names what isn't there.
    pub(super) fn find<'b>(rt: Rt, linked: &LinkedBundle<'_>) -> Result<Stencils, InterpError<'b>> {
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
        let mut plain = [OpStencil::default(); OP_COUNT];
        for (place, info) in plain.iter_mut().zip(OPS) {
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
        let moves = moves(linked, &targets).ok_or(missing("moves between registers"))?;
        let forwarded = rt.forwarded(&bundle, &targets, &mut plain)?;
        Ok(Stencils {
            plain,
            facts: facts::table(forwarded),
            forwarded,
            open,
            direct,
            passed,
            moves,
            targets,
        })
    }
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
        are_snippets: false,
        reload: [Variants::default(); KEPT],
        loads: [0; KEPT],
        guards: [[0; KEPT]; 2],
        sure: [[Variants::default(); 2]; 2],
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
    for (at_hand, guard, sure) in [(0, "guard_", "sure_"), (1, "guard_any_", "sure_any_")] {
        for (place, digit) in out.guards[at_hand].iter_mut().zip(DIGITS) {
            *place = number(guard, digit)?;
        }
        for (load, letter) in out.sure[at_hand].iter_mut().zip(["b", "c"]) {
            *load = Variants::new(bundle, index(sure, letter)?)?;
        }
    }
    let mut shorts = out.take.iter().chain(&out.other).chain(&out.keep);
    out.are_snippets = shorts.all(Short::is_half);
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
