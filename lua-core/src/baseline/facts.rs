//! What passes over the code ask of an operation: small dense tables, because all the rest of
//! a row of the op table only gets in the way of what the processor keeps at hand.
//!
//! Everything here follows from the op table and from which stencils there are. Must not say
//! anything that isn't in one of them. [`BRIEFS`] is known when this is compiled; a [`Facts`]
//! of each operation, which has it, is put together when the bundle is linked (`mod.rs`).

use super::registers;
use super::stencils::Forwarded;
use crate::isa::{Control, Extra, Insn, OP_COUNT, OPS, Op, Operand};

/// The length in words.
const WORDS: u32 = 3;
/// It leaves a number in a register of the processor.
pub(super) const LEAVES: u32 = 1 << 2;
/// It may jump: field d says where to.
pub(super) const JUMPS: u32 = 1 << 3;
/// It has an inline cache.
pub(super) const CACHES: u32 = 1 << 4;
/// Control comes back behind it, by its resume word.
pub(super) const RESUMES: u32 = 1 << 5;
/// It may write several registers, from a on.
pub(super) const WRITES_MANY: u32 = 1 << 6;

// What isn't in [`BRIEFS`].
/// Operands a, b, c may come in a register of the processor: in the highest bit of a byte for
/// each (`registers.rs` compares all three at once).
pub(super) const TAKES_ABC: [u32; 3] = [1 << 7, 1 << 15, 1 << 23];
pub(super) const TAKES: u32 = TAKES_ABC[0] | TAKES_ABC[1] | TAKES_ABC[2];
/// It writes register a, and no other.
pub(super) const WRITES_ONE: u32 = 1 << 8;
/// It goes on to the next instruction only, and has a result in register a, or from there on.
pub(super) const HAS_RESULT: u32 = 1 << 9;
/// It can go on in another way than that, or write several registers; calls of functions
/// excepted, behind which control comes from outside.
pub(super) const SPREADS: u32 = 1 << 10;
/// The result can become the number, if asked to.
pub(super) const MAY_LEAVE: u32 = 1 << 11;
/// Two operands may come in registers; one register may be both.
pub(super) const TAKES_BOTH: u32 = 1 << 12;
pub(super) const TAKES_SAME: u32 = 1 << 13;
/// It has stencils for an index that is known to be whole.
pub(super) const INDEXES: u32 = 1 << 14;
/// It brings what may be called into its register (`callees.rs`).
pub(super) const BRINGS: u32 = 1 << 16;
/// It jumps back.
pub(super) const LOOPS: u32 = 1 << 17;
/// It ends a numeric `for`.
pub(super) const COUNTS: u32 = 1 << 18;
/// It begins a numeric `for`.
pub(super) const PREPARES: u32 = 1 << 19;
/// It calls a function that register a holds.
pub(super) const CALLS: u32 = 1 << 20;
/// Nothing is known behind it to be whole from register a on (`whole.rs`).
pub(super) const CUTS: u32 = 1 << 21;
/// Something may be known behind it to be whole that wasn't before.
pub(super) const MAKES_WHOLE: u32 = 1 << 22;
/// The operation that it is a quickened form of, or it itself.
const BASE: u32 = 24;

/// What is known of an operation.
#[derive(Clone, Copy, Default)]
pub(super) struct Facts(u32);

impl Facts {
    /// Is one of these so?
    #[inline(always)]
    pub(super) fn has(self, facts: u32) -> bool {
        self.0 & facts != 0
    }

    /// Its length in words.
    #[inline(always)]
    pub(super) fn words(self) -> u32 {
        self.0 & WORDS
    }

    /// Those of these that are so.
    #[inline(always)]
    pub(super) fn only(self, facts: u32) -> u32 {
        self.0 & facts
    }

    /// The number of the operation that it is a quickened form of, or its own.
    #[inline(always)]
    pub(super) fn base(self) -> u8 {
        (self.0 >> BASE) as u8
    }
}

/// The facts of each operation; numbers that no operation has included.
pub(super) type Table = [Facts; 256];

/// What the op table says.
const STATIC: [u32; 256] = {
    let mut all = [1; 256];
    let mut i = 0;
    while i < OP_COUNT {
        let info = &OPS[i];
        let (op, control, extra) = (info.op, info.control, info.extra);
        let resumes = matches!(extra, Extra::Resume);
        assert!(!resumes || matches!(control, Control::Call));
        let (next, loops) = (
            matches!(control, Control::Next),
            matches!(control, Control::Loop),
        );
        let jumps = loops || matches!(control, Control::Branch | Control::Jump);
        let writes = matches!(info.operands[0], Operand::Dst);
        let run = matches!(info.operands[0], Operand::Run);
        let nil = matches!(op, Op::LoadNil);
        let counts = matches!(op, Op::ForLoop | Op::ForLoopUp);
        let calls = matches!(op, Op::Call | Op::TailCall);
        let whole = matches!(
            op,
            Op::LoadK
                | Op::Move
                | Op::Add
                | Op::Sub
                | Op::Mul
                | Op::AddVK
                | Op::SubVK
                | Op::MulVK
                | Op::AddKV
                | Op::SubKV
                | Op::MulKV
        );
        let brings = matches!(
            info.base,
            Op::Move | Op::GetUp | Op::GetUpCell | Op::GetGlobal | Op::GetField | Op::Method
        );
        let said = [
            (LEAVES, op.leaves_number()),
            (JUMPS, jumps),
            (CACHES, matches!(extra, Extra::Ic1 | Extra::Ic2)),
            (RESUMES, resumes),
            (WRITES_MANY, run || nil),
            (WRITES_ONE, writes && !nil),
            (HAS_RESULT, writes && next),
            (
                SPREADS,
                writes && (!next || nil) || run && !matches!(op, Op::Call | Op::TailCall),
            ),
            (BRINGS, brings),
            (LOOPS, loops),
            (COUNTS, counts),
            (PREPARES, matches!(op, Op::ForPrep)),
            (CALLS, calls),
            (CUTS, nil || run || writes && !next),
            (MAKES_WHOLE, whole || counts || matches!(op, Op::ForPrep)),
        ];
        let mut facts = extra.words() as u32 | (info.base as u32) << BASE;
        let mut j = 0;
        while j < said.len() {
            if said[j].1 {
                facts |= said[j].0;
            }
            j += 1;
        }
        all[i] = facts;
        i += 1;
    }
    all
};

/// What the op table says of the stencils that an operation has, too.
pub(super) fn table(forwarded: &[Forwarded; OP_COUNT]) -> Table {
    let mut out = STATIC.map(Facts);
    for (facts, forms) in out.iter_mut().zip(forwarded) {
        for (form, fact) in registers::FORM_FACTS {
            if !forms[form].is_none() {
                facts.0 |= fact;
            }
        }
    }
    out
}

/// The first of the facts, for those who ask nothing else.
const BRIEFS: [u8; 256] = {
    let mut briefs = [0; 256];
    let mut i = 0;
    while i < briefs.len() {
        briefs[i] = STATIC[i] as u8;
        i += 1;
    }
    briefs
};

/// Does control come back behind this instruction, by its resume word?
#[inline]
pub(super) fn has_resume_word(insn: Insn) -> bool {
    BRIEFS[insn.op as usize] & RESUMES as u8 != 0
}

/// Length of the instruction in words.
#[inline]
pub(super) fn words_of(insn: Insn) -> u32 {
    (BRIEFS[insn.op as usize] & WORDS as u8).into()
}
