//! The account of compiled code: what was compiled, from what, where it is, and what must
//! stay alive for it. Taking code away.
//!
//! For each compiled function there is a record in memory of its own, which lives until the
//! code is taken away:
//!
//! ```text
//! [Compiled][map: u32 for each word of bytecode][weak: u32 references of shapes]
//! ```
//!
//! # Invariants
//! - The words that lead into compiled code (`mod.rs`) are set exactly while the record is
//!   in the list that begins in `Baseline::first`.
//! - A record goes when its prototype dies, or a shape that is baked into its code: before
//!   the shape's memory is used again, because pruning comes before sweeping.

use super::Baseline;
use super::compile::{has_resume_word, words_of};
use crate::heap::{Header, ProtoRef, Rt};
use crate::isa::{Extra, Insn, OPS, Op};
use crate::proto::{
    COMPILED_BEFORE_ENTRY, MAP_BEFORE_ENTRY, Proto, SIGNATURE_BEFORE_ENTRY, SIGNATURE_COMPILED,
};
use rt_nostd::CodeBlock;

/// The record of a compiled function.
#[repr(C)]
pub(super) struct Compiled {
    header: Header,
    proto: u32,
    next: u32,
    before: u32,
    /// Words of bytecode, and length of the map.
    words: u32,
    /// Number of weak references.
    weak: u32,
    /// When it was last seen running.
    pub(super) used: u32,
    /// Its code; `None` while it is being freed.
    block: Option<CodeBlock>,
}

const MAP: u32 = size_of::<Compiled>() as u32;

impl Rt {
    /// The compiler, if there is one.
    #[inline]
    pub(crate) fn baseline(self) -> Option<&'static mut Baseline> {
        // SAFETY: a field of the live VM state. No reference is kept across a call that
        // gets another: the users are the functions of this module, which take it anew.
        unsafe { (*self.vm()).baseline.as_mut() }
    }

    /// Makes the record of freshly emitted code, and lets control go there. Gives the block
    /// back if there is no memory.
    pub(super) fn new_account(
        self,
        p: ProtoRef,
        proto: &Proto,
        block: CodeBlock,
        instructions: u32,
        cold: u32,
    ) -> Result<(), CodeBlock> {
        let Some(baseline) = self.baseline() else {
            return Err(block);
        };
        let words = proto.code_words;
        let mut weak = 0;
        self.each_cache(proto, |_| weak += Compiled::SHAPES_OF_CACHE as u32);
        let Ok(record) = self.allocate_manual(MAP + words * 4 + weak * 4) else {
            return Err(block);
        };
        let map = record + MAP;
        // SAFETY: plain field.
        let code_base = unsafe { (*self.vm()).code_base };
        for i in 0..words {
            let label = |i: u32| baseline.labels.get(i as usize).copied().unwrap_or_default();
            // The second entry, if there is one.
            let address = block.label_address(label(words + i));
            let distance = match address.or(block.label_address(label(i))) {
                Some(address) => address.wrapping_sub(code_base) as u32,
                None => 0,
            };
            self.set(map + i * 4, distance);
        }
        let mut shapes = 0;
        self.each_cache(proto, |shape| {
            self.set(map + (words + shapes) * 4, shape[0]);
            self.set(map + (words + shapes) * 4 + 4, shape[1]);
            shapes += 2;
        });
        baseline.stats.functions += 1;
        baseline.stats.instructions += instructions as u64;
        baseline.stats.hot_bytes += block.len() as u64 - cold as u64;
        baseline.stats.cold_bytes += cold as u64;
        let entry = block.entry();
        let first = core::mem::replace(&mut baseline.first, record);
        let header = self.header(record);
        // SAFETY: the fresh record has room; the list holds records.
        unsafe {
            self.at::<Compiled>(record).write(Compiled {
                header,
                proto: p.0,
                next: first,
                before: 0,
                words,
                weak,
                used: baseline.samples,
                block: Some(block),
            });
            if first != 0 {
                (*self.at::<Compiled>(first)).before = record;
            }
        }
        self.set(proto.entry - COMPILED_BEFORE_ENTRY, entry as u64);
        self.set(proto.entry - MAP_BEFORE_ENTRY, map);
        let signature: u32 = self.get(proto.entry - SIGNATURE_BEFORE_ENTRY);
        self.set(
            proto.entry - SIGNATURE_BEFORE_ENTRY,
            signature | SIGNATURE_COMPILED,
        );
        self.set_resume_words(proto, map);
        Ok(())
    }

    /// Lets calls come back to compiled code, or with map 0 to bytecode.
    fn set_resume_words(self, proto: &Proto, map: u32) {
        // SAFETY: plain field.
        let code_base = unsafe { (*self.vm()).code_base };
        let mut at = 0;
        while at < proto.code_words {
            let pc = proto.entry + at * 8;
            let insn = Insn::from_word(self.get(pc));
            let words = words_of(insn);
            if has_resume_word(insn) {
                let to = match map {
                    0 => 0,
                    map => code_base + self.get::<u32>(map + (at + words) * 4) as usize,
                };
                self.set(pc + 8, to as u64);
            }
            at += words;
        }
    }

    /// Calls `f` with the shapes in each inline cache of a prototype's code.
    fn each_cache(self, proto: &Proto, mut f: impl FnMut([u32; 2])) {
        let mut at = 0;
        while at < proto.code_words {
            let pc = proto.entry + at * 8;
            let insn = Insn::from_word(self.get(pc));
            let info = &OPS[insn.op as usize];
            match info.extra {
                Extra::Ic1 => f([self.get(pc + 8), 0]),
                Extra::Ic2 if matches!(info.op, Op::SetFieldIN | Op::SetFieldON) => {
                    f([self.get(pc + 8), self.get(pc + 20)]);
                }
                Extra::Ic2 => f([self.get(pc + 8), 0]),
                _ => {}
            }
            at += info.extra.words() as u32;
        }
    }

    /// The record of the compiled function with this entry, or 0.
    #[inline]
    pub(super) fn compiled_of(self, entry: u32) -> u32 {
        match self.get::<u32>(entry - MAP_BEFORE_ENTRY) {
            0 => 0,
            map => map - MAP,
        }
    }

    /// Notes that compiled code was seen running.
    pub(super) fn touch_compiled(self, record: u32, now: u32) {
        // SAFETY: a record of the list.
        unsafe { (*self.at::<Compiled>(record)).used = now }
    }

    /// Takes a function's compiled code away. Its frames go on in bytecode.
    fn discard(self, record: u32) {
        let Some(baseline) = self.baseline() else {
            return;
        };
        // SAFETY: a record of the list; nothing leads into its code once the words are
        // cleared, and no code of it is running, since the runtime does.
        unsafe {
            let compiled: *mut Compiled = self.at(record);
            let proto = self.proto(ProtoRef((*compiled).proto));
            self.set(proto.entry - COMPILED_BEFORE_ENTRY, 0u64);
            self.set(proto.entry - MAP_BEFORE_ENTRY, 0u32);
            let signature: u32 = self.get(proto.entry - SIGNATURE_BEFORE_ENTRY);
            self.set(
                proto.entry - SIGNATURE_BEFORE_ENTRY,
                signature & !SIGNATURE_COMPILED,
            );
            self.set_resume_words(&proto, 0);
            let (before, next) = ((*compiled).before, (*compiled).next);
            if before != 0 {
                (*self.at::<Compiled>(before)).next = next;
            } else {
                baseline.first = next;
            }
            if next != 0 {
                (*self.at::<Compiled>(next)).before = before;
            }
            if let Some(block) = (*compiled).block.take() {
                baseline.region.free(block);
            }
            let size = MAP + ((*compiled).words + (*compiled).weak) * 4;
            self.release(record, size);
        }
    }

    /// Takes the code away that was not seen running for longest; false if there is none.
    pub(super) fn evict_one(self) -> bool {
        let Some(baseline) = self.baseline() else {
            return false;
        };
        let now = baseline.samples;
        let (mut oldest, mut age) = (0, 0);
        let mut record = baseline.first;
        while record != 0 {
            // SAFETY: a record of the list.
            let (used, next) = unsafe {
                let compiled: *const Compiled = self.at(record);
                ((*compiled).used, (*compiled).next)
            };
            if oldest == 0 || now.wrapping_sub(used) >= age {
                (oldest, age) = (record, now.wrapping_sub(used));
            }
            record = next;
        }
        if oldest == 0 {
            return false;
        }
        baseline.stats.evicted += 1;
        self.discard(oldest);
        true
    }

    /// Takes all compiled code away: hooks look at each instruction.
    pub(crate) fn discard_all(self) {
        while let Some(baseline) = self.baseline() {
            if baseline.first == 0 {
                return;
            }
            baseline.stats.discarded += 1;
            self.discard(baseline.first);
        }
    }

    /// After marking, before anything is swept: takes the code of a prototype away if that
    /// is dead, or something that the code refers to.
    pub(crate) fn prune_compiled(self, proto: &Proto, live: u8) {
        let record = self.compiled_of(proto.entry);
        if record == 0 {
            return;
        }
        // SAFETY: a record of the list.
        let (words, weak) = unsafe {
            let compiled: *const Compiled = self.at(record);
            ((*compiled).words, (*compiled).weak)
        };
        let dead = proto.header.mark != live
            || (0..weak).any(|i| {
                let shape: u32 = self.get(record + MAP + (words + i) * 4);
                shape != 0 && self.header(shape).mark != live
            });
        if dead {
            if let Some(baseline) = self.baseline() {
                baseline.stats.discarded += 1;
            }
            self.discard(record);
        }
    }
}
