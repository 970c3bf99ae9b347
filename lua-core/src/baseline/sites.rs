//! Inline caches of compiled code: sites, chains of stubs, and what a miss does.
//!
//! A *site* is an instruction with an inline cache in a compiled function. Its first entry
//! is the instruction's cache as it was when the function was compiled, baked into the main
//! code. Behind it comes a chain of *stubs*, each a copy of the stencil of the form that the
//! cache took later, with that entry baked in; a hit goes on behind the instruction in the
//! main code.
//!
//! ```text
//! main code ──miss──> [site.next] ──> stub ──miss──> [stub.next] ──> ... ──> aot_miss
//! ```
//!
//! All links are words in the region, so that stubs come and go without a change of published
//! code. The last link leads to `aot_miss`: the slow path carries the operation out and fills
//! the instruction's own cache ([`Rt::slow_and_learn`]), from which a stub is made. When
//! they don't help, the last link leads to the shared part that looks shape and name up in a
//! table (`ops/access.rs`): the site is *closed*. When more shapes come by than there may be
//! stubs it is closed as well, and all its stubs go: asking one after the other before the
//! table takes longer than the table alone.
//!
//! # Invariants
//! - A stub's entry is valid as long as its shapes live: pruning frees it before (`code.rs`).
//!   An entry of an old epoch never hits, and is freed when the site misses next.
//! - An entry in the main code can't be freed when its shape dies; the memory of the shape is
//!   kept instead, so that no other shape has that reference, and the entry never hits
//!   ([`Rt::bury_shape`]).
//! - Nothing but the links leads into a stub, and no code runs while the runtime does.
//!
//! Must not know what an operation does with its cache.

use super::code::Compiled;
use super::compile::Spot;
use super::facts::words_of;
use super::stencils::Miss;
use crate::calls::Step;
use crate::error::Raise;
use crate::frame::FrameKind;
use crate::heap::collect::Phase;
use crate::heap::{ClosureRef, Header, Kind, MARK_MANUAL, Rt, TableRef};
use crate::isa::{Insn, OPS, Op};
use crate::ops::{access::cache, insn};
use crate::shape::SHAPE_SIZE;
use crate::value::{Value, tag};
use core::mem::offset_of;
use rt_nostd::CodeBlock;

/// What an inline cache holds, or a stub.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    /// Shape of the object; 0 if there is none.
    shape: u32,
    /// Shape afterwards, in forms that add a property, else 0.
    new_shape: u32,
    /// In forms that look at other objects than that one, else 0.
    epoch: u32,
    /// The form of the operation.
    op: u8,
}

/// An instruction with an inline cache in compiled code.
#[repr(C)]
pub(super) struct Site {
    /// Where a miss of the main code's entry goes.
    next: u64,
    /// Index of the instruction's first word in its function.
    at: u32,
    /// The newest stub, or 0.
    first: u32,
    /// What is baked into the main code.
    inline: Entry,
    stubs: u8,
    /// Misses so far, at most [`PATIENCE`].
    misses: u8,
    /// Nothing is learnt any more.
    closed: bool,
    /// The shape in the main code is dead, and its memory kept.
    buried: bool,
}

/// How the sites of a function are made.
#[derive(Clone, Copy)]
pub(super) struct Making {
    /// Caches go into the main code.
    pub(super) bake: bool,
    /// Something may be learnt.
    pub(super) learns: bool,
    pub(super) miss: Miss,
}

/// An entry of a chain.
#[repr(C)]
struct Stub {
    header: Header,
    /// Where a miss goes.
    next: u64,
    /// The next older stub, or 0.
    older: u32,
    entry: Entry,
    /// `None` while it is being freed.
    block: Option<CodeBlock>,
}

pub(super) const SITE_BYTES: u32 = size_of::<Site>() as u32;
const STUB_BYTES: u32 = size_of::<Stub>() as u32;

/// Misses until a site is closed, however few stubs it has.
const PATIENCE: u8 = 100;

/// Does this form hold for one epoch only?
fn has_epoch(op: Op) -> bool {
    !matches!(
        op,
        Op::GetGlobal
            | Op::SetGlobal
            | Op::GetFieldI
            | Op::GetFieldO
            | Op::SetFieldI
            | Op::SetFieldO
            | Op::MethodI
            | Op::MethodO
    )
}

fn is_global(op: Op) -> bool {
    matches!(op, Op::GetGlobal | Op::SetGlobal)
}

impl Entry {
    const EMPTY: Entry = Entry {
        shape: 0,
        new_shape: 0,
        epoch: 0,
        op: 0,
    };

    fn is_empty(self) -> bool {
        self == Entry::EMPTY
    }

    /// It can't hit any more.
    fn is_stale(self, epoch: u32) -> bool {
        self.epoch != 0 && self.epoch != epoch
    }

    /// The shapes that it depends on; 0 for none.
    fn shapes(self) -> [u32; 2] {
        [self.shape, self.new_shape]
    }
}

impl Rt {
    /// Lets a site forget what is dead, before it is swept; false if an entry in the main
    /// code would do harm.
    ///
    /// # Safety
    /// A site of a live record.
    pub(super) unsafe fn prune_site(self, site: *mut Site, live: u8) -> bool {
        let dead = |shape: u32| shape != 0 && self.header(shape).mark != live;
        // SAFETY: the contract.
        unsafe {
            self.retain_stubs(site, |entry| !entry.shapes().into_iter().any(dead));
            if (*site).buried {
                return true;
            }
            if dead((*site).inline.shape) {
                self.bury_shape((*site).inline.shape);
                (*site).buried = true;
                return true;
            }
            !dead((*site).inline.new_shape)
        }
    }

    /// Frees what a site of code that is thrown away has.
    ///
    /// # Safety
    /// A site of a live record, of which nothing is used any more.
    pub(super) unsafe fn close_down(self, site: *mut Site) {
        // SAFETY: the contract.
        unsafe {
            self.retain_stubs(site, |_| false);
            if (*site).buried {
                self.exhume_shape((*site).inline.shape);
            }
        }
    }

    /// Keeps the memory of a dead shape, as many times as it is buried; `aux` counts.
    fn bury_shape(self, shape: u32) {
        let mut header = self.header(shape);
        if header.mark == MARK_MANUAL {
            header.aux += 1;
        } else {
            debug_assert!(header.kind == Kind::Shape as u8 || header.kind == Kind::Raw as u8);
            // Nothing refers to it, and no list has it any more: it is memory, no object.
            header = Header {
                kind: Kind::Raw as u8,
                mark: MARK_MANUAL,
                b2: 0,
                b3: 0,
                aux: 1,
            };
        }
        self.set(shape, header);
    }

    fn exhume_shape(self, shape: u32) {
        let mut header = self.header(shape);
        header.aux -= 1;
        if header.aux == 0 && self.phase() != Phase::Pruning {
            self.release(shape, SHAPE_SIZE);
            return;
        }
        if header.aux == 0 {
            // Other code may have it in a site that wasn't looked at yet, and bury it
            // again: a dead object until then, which is swept.
            // SAFETY: plain field.
            header.mark = 3 - unsafe { (*self.vm()).live };
        }
        self.set(shape, header);
    }

    /// What the cache of the instruction at `pc` holds.
    fn cached_entry(self, pc: u32) -> Entry {
        let word = |i: usize| self.get::<u32>(pc + 8 + i as u32 * 4);
        let op = Insn::from_word(self.get(pc)).op;
        let info = &OPS[op as usize];
        let filled = match info.op {
            Op::GetGlobal | Op::SetGlobal => word(cache::SHAPE) != 0,
            _ => op != info.base as u8,
        };
        if !filled {
            return Entry::EMPTY;
        }
        let adds = matches!(info.op, Op::SetFieldIN | Op::SetFieldON);
        Entry {
            shape: word(cache::SHAPE),
            new_shape: if adds { word(cache::NEW_SHAPE) } else { 0 },
            epoch: if has_epoch(info.op) {
                word(cache::EPOCH)
            } else {
                0
            },
            op,
        }
    }

    /// Makes the site of the instruction at `pc`, word `at` of its function. `bake`: what its
    /// cache holds lies in the main code. `learns`: there may be stubs.
    ///
    /// # Safety
    /// `site` is memory for it.
    #[inline]
    pub(super) unsafe fn new_site(
        self,
        site: *mut Site,
        (pc, at): (u32, u32),
        Making { bake, learns, miss }: Making,
    ) {
        let inline = match bake {
            true => self.cached_entry(pc),
            false => Entry::EMPTY,
        };
        let next = match learns {
            true => miss.learn,
            false => miss.closed(Insn::from_word(self.get(pc))),
        };
        // SAFETY: the contract.
        unsafe {
            site.write(Site {
                next: next as u64,
                at,
                first: 0,
                inline,
                stubs: 0,
                misses: 0,
                closed: !learns,
                buried: false,
            });
        }
    }

    /// The site of the instruction at word `at`, among `count` from `sites` on.
    fn find_site(self, sites: u32, count: u32, at: u32) -> Option<*mut Site> {
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = (low + high) / 2;
            let site: *mut Site = self.at(sites + middle * SITE_BYTES);
            // SAFETY: sites of a live record.
            let found = unsafe { (*site).at };
            if found == at {
                return Some(site);
            }
            if found < at {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        None
    }

    /// What decides which entry holds for the instruction at `pc`: the shape of its object,
    /// 0 for a string, or `None`.
    fn deciding_shape(self, base: *mut u64, i: Insn) -> Option<u32> {
        // SAFETY: a complete frame of a Lua function, and registers of it.
        let object = unsafe {
            match OPS[i.op as usize].base {
                Op::GetGlobal | Op::SetGlobal => self.environment(base).value(),
                Op::SetField => Value(*base.add(i.a as usize)),
                _ => Value(*base.add(i.b as usize)),
            }
        };
        match TableRef::from_value(object) {
            // SAFETY: a live table.
            Some(t) => Some(unsafe { (*self.table(t)).shape }),
            None => object.has_tag(tag::STRING).then_some(0),
        }
    }

    /// The slow path of the instruction at `pc`, at a miss of its inline cache in compiled
    /// code; what it finds out becomes a stub.
    pub(crate) fn slow_and_learn(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        let i = insn(pc);
        let shape = self.deciding_shape(base, i);
        // SAFETY: the frame header lies below the base.
        let running = Value(unsafe { *base.sub(2) });
        let entry = self.closure(ClosureRef(running.payload())).entry;
        let step = self.slow(base, pc)?;
        if let Step::Run { base, pc: to } = step {
            let offset = self.offset_of(pc);
            // SAFETY: a complete frame.
            let header = unsafe { *base.sub(1) };
            // Errors lead elsewhere, and perhaps nothing of the function is left.
            let called =
                header as u32 == offset && FrameKind::of((header >> 32) as u32) == FrameKind::Meta;
            if called || to == pc.wrapping_add(words_of(i) as usize) {
                // A global that was added changed the shape.
                let shape = match is_global(OPS[i.op as usize].base) {
                    true => self.deciding_shape(base, i),
                    false => shape,
                };
                self.learn(entry, offset, shape);
            }
        }
        Ok(step)
    }

    /// Makes a stub of what the cache at `pc` of the function with this entry holds, if that
    /// is news and for objects of the shape that came by.
    fn learn(self, entry: u32, pc: u32, shape: Option<u32>) {
        let record = self.compiled_of(entry);
        let Some(baseline) = self.baseline() else {
            return;
        };
        if record == 0 {
            return;
        }
        baseline.stats.misses += 1;
        let most = baseline.config.stubs;
        let (sites, count) = self.sites_of(record);
        let Some(site) = self.find_site(sites, count, (pc - entry) / 8) else {
            return;
        };
        // SAFETY: a site of a live record; what is called here changes it by the pointer only.
        unsafe {
            (*site).misses = (*site).misses.saturating_add(1);
            let epoch = (*self.vm()).epoch;
            let global = is_global(OPS[insn(self.at(pc)).op as usize].op);
            let new = self.cached_entry(pc);
            self.retain_stubs(site, |entry| !entry.is_stale(epoch));
            let known = (*site).inline == new || self.any_stub(site, new);
            let usable = !new.is_empty() && Some(new.shape) == shape && !new.is_stale(epoch);
            if usable && !known && !(*site).closed {
                if global {
                    // The table of globals had another shape before, and won't have it again.
                    self.retain_stubs(site, |_| false);
                }
                if (*site).stubs as u32 >= most && !global {
                    self.retain_stubs(site, |_| false);
                    self.close(site, pc);
                } else if ((*site).stubs as u32) < most && self.add_stub(site, record, pc, new) {
                    let inline = (*site).inline;
                    let useless = inline.is_empty() || inline.is_stale(epoch) || (*site).buried;
                    if (*site).stubs == 1 && useless {
                        self.note_improvable(record);
                    }
                }
            }
            if (*site).misses >= PATIENCE && !(*site).closed {
                self.close(site, pc);
            }
        }
    }

    /// From now on misses behind the last stub go to the shared part.
    ///
    /// # Safety
    /// A site of a live record, whose instruction is at `pc`.
    unsafe fn close(self, site: *mut Site, pc: u32) {
        let Some(baseline) = self.baseline() else {
            return;
        };
        baseline.stats.closed += 1;
        let last = baseline.miss.closed(insn(self.at(pc))) as u64;
        // SAFETY: the contract; stubs of the chain.
        unsafe {
            (*site).closed = true;
            let mut link = &raw mut (*site).next;
            let mut stub = (*site).first;
            while stub != 0 {
                let s: *mut Stub = self.at(stub);
                link = &raw mut (*s).next;
                stub = (*s).older;
            }
            *link = last;
        }
    }

    /// # Safety
    /// A site of a live record.
    unsafe fn any_stub(self, site: *const Site, entry: Entry) -> bool {
        // SAFETY: the contract; stubs of the chain.
        unsafe {
            let mut stub = (*site).first;
            while stub != 0 {
                let s: *const Stub = self.at(stub);
                if (*s).entry == entry {
                    return true;
                }
                stub = (*s).older;
            }
        }
        false
    }

    /// Puts a stub in front of a chain; false if there is no room for it.
    ///
    /// # Safety
    /// A site of the live record, whose instruction is at `pc` and holds `entry`.
    unsafe fn add_stub(self, site: *mut Site, record: u32, pc: u32, entry: Entry) -> bool {
        let Ok(stub) = self.allocate_manual(STUB_BYTES) else {
            return false;
        };
        // SAFETY: the live record of a live prototype.
        let proto = unsafe { (*self.at::<Compiled>(record)).proto() };
        let spot = Spot {
            pc,
            entry: self.proto(proto).entry,
            site: stub + offset_of!(Stub, next) as u32,
            next: self.compiled_address(record, pc + words_of(insn(self.at(pc))) * 8),
        };
        let Ok((block, cold)) = self.emit_stub(spot) else {
            self.release(stub, STUB_BYTES);
            return false;
        };
        if let Some(baseline) = self.baseline() {
            baseline.stats.stubs += 1;
            baseline.stats.hot_bytes += block.len() as u64 - cold as u64;
            baseline.stats.cold_bytes += cold as u64;
        }
        // SAFETY: the contract; the fresh stub has room.
        unsafe {
            let form = OPS[entry.op as usize].op;
            self.tell_stub(record, (*site).at, form, &block);
            let header = self.header(stub);
            let to = block.entry() as u64;
            self.at::<Stub>(stub).write(Stub {
                header,
                next: (*site).next,
                older: (*site).first,
                entry,
                block: Some(block),
            });
            (*site).first = stub;
            (*site).next = to;
            (*site).stubs += 1;
        }
        true
    }

    /// Frees the stubs of a site but those that `keep` names.
    ///
    /// # Safety
    /// A site of a live record.
    unsafe fn retain_stubs(self, site: *mut Site, mut keep: impl FnMut(Entry) -> bool) {
        // SAFETY: the contract; stubs of the chain. No code of a stub is running, since the
        // runtime does, and its links are undone.
        unsafe {
            let (mut link, mut chain) = (&raw mut (*site).next, &raw mut (*site).first);
            while *chain != 0 {
                let stub = *chain;
                let s: *mut Stub = self.at(stub);
                if keep((*s).entry) {
                    (link, chain) = (&raw mut (*s).next, &raw mut (*s).older);
                    continue;
                }
                *link = (*s).next;
                *chain = (*s).older;
                (*site).stubs -= 1;
                if let Some(block) = (*s).block.take() {
                    self.tell_stub_removed(&block);
                    if let Some(baseline) = self.baseline() {
                        baseline.region.free(block);
                    }
                }
                self.release(stub, STUB_BYTES);
            }
        }
    }
}

impl Miss {
    /// Where the last link leads when nothing is learnt.
    fn closed(&self, i: Insn) -> usize {
        match OPS[i.op as usize].base {
            Op::GetField => self.get,
            Op::SetField => self.set,
            Op::Method => self.method,
            _ => self.slow,
        }
    }
}
