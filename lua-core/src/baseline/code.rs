//! The account of compiled code: what was compiled, from what, where it is, and what must
//! stay alive for it. Taking code away.
//!
//! For each compiled function there is a record in memory of its own, which lives until the
//! code is taken away:
//!
//! ```text
//! [Compiled][map: u32 for each word of bytecode][Site for each inline cache (`sites.rs`)]
//! [inner map: u32 for each word from the first loop that keeps registers to the last]
//! ```
//!
//! # Invariants
//! - The words that lead into compiled code (`mod.rs`) are set exactly while the record is
//!   in the list that begins in `Baseline::first`.
//! - A record goes when its prototype dies; a stub when a shape dies that is baked into it:
//!   before the shape's memory is used again, because pruning comes before sweeping. Of what
//!   is baked into the main code, a dead shape's memory is kept as long as the record.

use super::compile::Made;
use super::facts::{has_resume_word, words_of};
use super::loops::Found;
use super::observe::Removal;
use super::sites::{SITE_BYTES, Site};
use super::steps::{INSIDE, NO_LABEL};
use super::{Baseline, Refusal};
use crate::heap::{Header, ProtoRef, Rt};
use crate::isa::Insn;
use crate::proto::{
    COMPILED_BEFORE_ENTRY, MAP_BEFORE_ENTRY, Proto, SIGNATURE_BEFORE_ENTRY, SIGNATURE_UNCOMPILED,
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
    /// Number of sites.
    sites: u32,
    /// Words from the first to the last loop of which registers are kept: those of the inner
    /// map.
    inside: (u32, u32),
    /// When it was last seen running.
    used: u32,
    /// Sites without a useful entry in the main code that got one since.
    improvable: u32,
    /// Its code; `None` while it is being freed.
    block: Option<CodeBlock>,
}

impl Compiled {
    /// Its code.
    pub(super) fn block(&self) -> Option<&CodeBlock> {
        self.block.as_ref()
    }

    /// The function.
    pub(super) fn proto(&self) -> ProtoRef {
        ProtoRef(self.proto)
    }
}

const MAP: u32 = size_of::<Compiled>() as u32;

/// Where the sites are in the record of a function of so many words.
fn sites_start(words: u32) -> u32 {
    (MAP + words * 4).next_multiple_of(8)
}

/// Size of the record of a function of so many words, with so many sites, and an inner map of
/// these words; `None` if that doesn't fit 32 bits.
fn record_bytes(words: u32, sites: u32, (first, end): (u32, u32)) -> Option<u32> {
    let inner = (end - first).checked_mul(4)?;
    let start = words.checked_mul(4)?.checked_add(MAP)?;
    let start = start.checked_next_multiple_of(8)?;
    let sites = sites.checked_mul(SITE_BYTES)?;
    start.checked_add(sites)?.checked_add(inner)
}

impl Rt {
    /// The compiler, if there is one.
    #[inline]
    pub(crate) fn baseline(self) -> Option<&'static mut Baseline> {
        // SAFETY: a field of the live VM state. No reference is kept across a call that
        // gets another: the users are the functions of this module, which take it anew.
        unsafe { (*self.vm()).baseline.as_mut() }
    }

    /// Makes the record of a function that is about to be compiled, with room for what was found
    /// in it.
    pub(super) fn new_record(
        self,
        p: ProtoRef,
        proto: &Proto,
        found: Found,
    ) -> Result<u32, Refusal> {
        let Found { sites, inside, .. } = found;
        let size = record_bytes(proto.code_words, sites, inside).ok_or(Refusal::NoMemory)?;
        let record = self.allocate_manual(size).map_err(|_| Refusal::NoMemory)?;
        let header = self.header(record);
        // SAFETY: the fresh record has room.
        unsafe {
            self.at::<Compiled>(record).write(Compiled {
                header,
                proto: p.0,
                next: 0,
                before: 0,
                words: proto.code_words,
                sites,
                inside,
                used: 0,
                improvable: 0,
                block: None,
            });
        }
        Ok(record)
    }

    /// Gives back a record that isn't in the list.
    pub(super) fn drop_record(self, record: u32) {
        // SAFETY: a record.
        let size = unsafe {
            let compiled: *const Compiled = self.at(record);
            record_bytes((*compiled).words, (*compiled).sites, (*compiled).inside)
        };
        // It had a size when it was made.
        self.release(record, size.unwrap_or(MAP));
    }

    /// Lets control go to freshly emitted code. Gives the block back if it can't be kept.
    pub(super) fn publish(self, record: u32, proto: &Proto, made: Made) -> Result<(), CodeBlock> {
        let Made {
            block,
            instructions,
            cold,
        } = made;
        let Some(baseline) = self.baseline() else {
            return Err(block);
        };
        let map = record + MAP;
        // SAFETY: plain field.
        let code_base = unsafe { (*self.vm()).code_base };
        let entry = block.entry();
        let start = entry.wrapping_sub(code_base) as u32;
        let words = proto.code_words;
        // The second entry, if there is one.
        let labels = baseline
            .labels
            .get(..words as usize * 2)
            .unwrap_or_default();
        let (first, second) = labels.split_at(labels.len() / 2);
        // SAFETY: the record has room for that many words there, and nobody refers to it.
        let words = unsafe { core::slice::from_raw_parts_mut(self.at::<u32>(map), first.len()) };
        for ((word, first), second) in words.iter_mut().zip(first).zip(second) {
            // Written such that it needs no branch, and the compiler can do several at a time.
            let place = match *second {
                NO_LABEL => *first,
                second => second & !INSIDE,
            };
            let there = start.wrapping_add(place);
            *word = if place == NO_LABEL { 0 } else { there };
        }
        // SAFETY: a record.
        let inside = unsafe { (*self.at::<Compiled>(record)).inside };
        let inner = first.get(inside.0 as usize..inside.1 as usize);
        let mut to = self.inner_map_of(record);
        for place in inner.unwrap_or_default() {
            let there = match *place {
                NO_LABEL => 0,
                place => start.wrapping_add(place),
            };
            self.set(to, there);
            to += 4;
        }
        for &at in baseline.scratch.backs.iter() {
            let to = words.get(at as usize + 1).copied().unwrap_or(0);
            let pc = proto.entry + at * 8;
            self.set(pc + 8, (code_base + to as usize) as u64);
        }
        baseline.stats.functions += 1;
        baseline.stats.instructions += instructions as u64;
        baseline.stats.hot_bytes += block.len() as u64 - cold as u64;
        baseline.stats.cold_bytes += cold as u64;
        let first = core::mem::replace(&mut baseline.first, record);
        // SAFETY: the list holds records.
        unsafe {
            let compiled: *mut Compiled = self.at(record);
            (*compiled).next = first;
            (*compiled).used = baseline.samples;
            (*compiled).block = Some(block);
            if first != 0 {
                (*self.at::<Compiled>(first)).before = record;
            }
        }
        self.set(proto.entry - COMPILED_BEFORE_ENTRY, entry as u64);
        self.set(proto.entry - MAP_BEFORE_ENTRY, map);
        let signature: u32 = self.get(proto.entry - SIGNATURE_BEFORE_ENTRY);
        self.set_signature(proto.entry, signature & !SIGNATURE_UNCOMPILED);
        Ok(())
    }

    /// Where the instruction at `pc` of a compiled function is, as execute address.
    pub(super) fn compiled_address(self, record: u32, pc: u32) -> usize {
        // SAFETY: a record of the list, with a live prototype; plain field.
        unsafe {
            let proto = self.proto(ProtoRef((*self.at::<Compiled>(record)).proto));
            let distance: u32 = self.get(record + MAP + (pc - proto.entry) / 2);
            (*self.vm()).code_base + distance as usize
        }
    }

    /// The sites of a compiled function: the first one, and how many there are.
    pub(super) fn sites_of(self, record: u32) -> (u32, u32) {
        // SAFETY: a record.
        unsafe {
            let compiled: *const Compiled = self.at(record);
            (record + sites_start((*compiled).words), (*compiled).sites)
        }
    }

    /// Where the inner map of a compiled function is.
    fn inner_map_of(self, record: u32) -> u32 {
        let (sites, count) = self.sites_of(record);
        sites + count * SITE_BYTES
    }

    /// What is added to half the offset of an instruction for that of its word in the inner
    /// map, modulo 2^32. `entry` is that of the function's first instruction.
    pub(super) fn inside_of(self, record: u32, entry: u32) -> u32 {
        // SAFETY: a record.
        let (first, _) = unsafe { (*self.at::<Compiled>(record)).inside };
        let of_first = entry / 2 + first * 4;
        self.inner_map_of(record).wrapping_sub(of_first)
    }

    /// Lets calls come back to bytecode.
    fn clear_resume_words(self, proto: &Proto) {
        self.each_instruction(proto, |at, insn| {
            if has_resume_word(insn) {
                self.set(proto.entry + at * 8 + 8, 0u64);
            }
        });
    }

    /// Calls `f` with each instruction of a prototype and the index of its first word.
    #[inline(always)]
    fn each_instruction(self, proto: &Proto, mut f: impl FnMut(u32, Insn)) {
        let mut at = 0;
        while at < proto.code_words {
            let insn = Insn::from_word(self.get(proto.entry + at * 8));
            f(at, insn);
            at += words_of(insn);
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

    /// Notes that a site got its first useful entry.
    pub(super) fn note_improvable(self, record: u32) {
        // SAFETY: a record of the list.
        unsafe { (*self.at::<Compiled>(record)).improvable += 1 }
    }

    /// Would compiling it again put more entries into its main code?
    pub(super) fn is_improvable(self, record: u32) -> bool {
        // SAFETY: a record of the list.
        unsafe { (*self.at::<Compiled>(record)).improvable > 0 }
    }

    /// Calls `f` with each site of a compiled function.
    fn each_site(self, record: u32, mut f: impl FnMut(*mut Site)) {
        let (sites, count) = self.sites_of(record);
        for i in 0..count {
            f(self.at(sites + i * SITE_BYTES));
        }
    }

    /// Takes a function's compiled code away. Its frames go on in bytecode.
    pub(super) fn discard(self, record: u32, why: Removal) {
        // SAFETY: sites of a record.
        self.each_site(record, |site| unsafe { self.close_down(site) });
        // SAFETY: a record of the list. Before the compiler's state is taken, which telling
        // looks at as well.
        unsafe {
            let compiled: *const Compiled = self.at(record);
            let p = ProtoRef((*compiled).proto);
            self.tell_removed(p, why, (*compiled).block.as_ref());
        }
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
            self.set_signature(proto.entry, signature | SIGNATURE_UNCOMPILED);
            self.clear_resume_words(&proto);
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
        }
        self.drop_record(record);
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
        self.discard(oldest, Removal::Evicted);
        true
    }

    /// Takes all compiled code away: hooks look at each instruction.
    pub(crate) fn discard_all(self) {
        while let Some(baseline) = self.baseline() {
            if baseline.first == 0 {
                return;
            }
            baseline.stats.discarded += 1;
            self.discard(baseline.first, Removal::Hooks);
        }
    }

    /// A register of a frame was changed from outside: what follows from bytecode alone isn't
    /// certain any more.
    pub(crate) fn forget_types(self) {
        if let Some(baseline) = self.baseline()
            && baseline.config.types
        {
            baseline.config.types = false;
            self.discard_all();
        }
    }

    /// After marking, before anything is swept: takes the code of a prototype away if that
    /// is dead, or something that the code refers to.
    pub(crate) fn prune_compiled(self, proto: &Proto, live: u8) {
        let record = self.compiled_of(proto.entry);
        if record == 0 {
            return;
        }
        let dead = proto.header.mark != live;
        let mut stale = false;
        if !dead {
            self.each_site(record, |site| {
                // SAFETY: a site of a record of the list.
                stale |= unsafe { !self.prune_site(site, live) };
            });
        }
        if dead || stale {
            if let Some(baseline) = self.baseline() {
                baseline.stats.discarded += 1;
            }
            let why = if dead { Removal::Dead } else { Removal::Stale };
            self.discard(record, why);
        }
    }
}
