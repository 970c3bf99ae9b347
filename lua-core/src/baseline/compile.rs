//! Emission: from a prototype's bytecode to machine code, a stencil for each instruction.
//!
//! A first walk over the bytecode finds out what must be known in advance (`loops.rs`), a second
//! one makes the plan and measures it (`plan.rs`), then the plan is carried out: nothing is
//! allocated for an instruction. Inline caches are baked in as they are at this moment; the stencil of one that
//! is empty always misses. Stubs (`sites.rs`) are made of the same stencils. Called by
//! `tier.rs`.

use super::Baseline;
use super::entries::entry_of;
use super::facts::words_of;
use super::loops::{Analysis, Found, Loop};
use super::plan::Planner;
use super::registers::Mark;
use super::sites::{Making, SITE_BYTES};
use super::stencils::{Hole, Moves, OPERANDS, Targets, leads};
use super::steps::{INSIDE, Labels, NO_LABEL, SHARED, Step, what};
use crate::heap::{ProtoRef, Rt};
use crate::isa::Insn;
use crate::proto::{CLOSURE_UPVALUES, FRAME_BYTES_BEFORE_ENTRY, Proto};
use rt_nostd::{
    CodeBlock, CodeSize, EmitError, JUMP_LEN, Label, OPERANDS_MAX, Outline, Snippet, SpaceError,
    Spot as Stamp, Stamper, serialize,
};

/// Why a function wasn't compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Refusal {
    /// No memory in the region for the account of the code.
    NoMemory,
    /// No room in the code region, even after throwing away all other code.
    RegionFull,
    /// The list of free extents is too short.
    TooManyBlocks,
    /// Bytecode or an object that it names lies where holes don't reach.
    Range,
    /// The bundle or the code region isn't as it should be.
    Internal,
}

impl Refusal {
    /// Number of reasons.
    pub const COUNT: usize = 5;

    /// All reasons, with names for people.
    pub const ALL: [(Refusal, &'static str); Self::COUNT] = [
        (Refusal::NoMemory, "not enough memory"),
        (Refusal::RegionFull, "code region full"),
        (Refusal::TooManyBlocks, "too many blocks of code"),
        (Refusal::Range, "address out of range"),
        (Refusal::Internal, "internal error"),
    ];

    /// Its name for people.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

impl From<EmitError<'_>> for Refusal {
    fn from(error: EmitError<'_>) -> Refusal {
        match error {
            EmitError::Space(SpaceError::RegionFull { .. }) => Refusal::RegionFull,
            EmitError::Space(SpaceError::TooManyBlocks { .. }) => Refusal::TooManyBlocks,
            EmitError::OperandRange { .. } => Refusal::Range,
            _ => Refusal::Internal,
        }
    }
}

const _: () = assert!(OPERANDS <= OPERANDS_MAX);

/// What an empty cache compares with: no object lies there.
const NO_SHAPE: u32 = 1;

/// The code of a function.
pub(super) struct Made {
    pub(super) block: CodeBlock,
    /// Number of instructions.
    pub(super) instructions: u32,
    /// Bytes of cold code.
    pub(super) cold: u32,
}

/// An instruction that a stub is made for.
#[derive(Clone, Copy)]
pub(super) struct Spot {
    /// The instruction.
    pub(super) pc: u32,
    /// The first one of its function.
    pub(super) entry: u32,
    /// The word that says where a miss goes.
    pub(super) site: u32,
    /// Where a hit goes on.
    pub(super) next: usize,
}

/// What writes the code.
type Out<'e> = Stamper<'e, 'static, 'static>;

/// Turns a plan into code.
struct Emission<'e> {
    rt: Rt,
    /// Offset of the function's bytecode.
    entry: u32,
    targets: Targets,
    moves: &'e Moves,
    marks: &'e [Mark],
    labels: &'e Labels,
    loops: &'e [Loop],
    steps: &'e [Step],
    /// The sites of the function's record, and what the hole for its inner map gets.
    sites: u32,
    inside: u32,
    making: Making,
}

impl Emission<'_> {
    /// Writes the code, and the sites of its record.
    fn run(&self, out: &mut Out<'_>) -> Result<(), EmitError<'static>> {
        let mut site = self.sites;
        out.set(Hole::Frame as usize, frame_bytes(self.rt, self.entry));
        out.set(Hole::Inside as usize, self.inside);
        for step in self.steps {
            if step.what & what::OPERANDS != 0 {
                let pc = self.entry + step.at * 8;
                let insn = Insn::from_word(self.rt.get(pc));
                let words = fill_operands(self.rt, out, insn, pc);
                if step.what & what::SITE != 0 {
                    let shape = if self.making.bake { words[0] as u32 } else { 0 };
                    fill_cache(out, site, shape);
                    // SAFETY: the record has room for each site.
                    unsafe {
                        self.rt
                            .new_site(self.rt.at(site), (pc, step.at), self.making)
                    };
                    site += SITE_BYTES;
                }
            }
            if step.what & what::KEPT != 0 {
                self.fill_kept(out, step.at);
            }
            if step.index == Step::JUMP {
                out.jump(step.place[0], self.place_of(step.at)?)?;
                continue;
            }
            let [mut hot, cold] = step.place;
            let mut behind = Snippet::default();
            if step.moves != 0 {
                let [before, keep] = self.moves.code(step.moves);
                out.put(hot, before)?;
                hot += before.len();
                behind = keep;
            }
            let mut stamp = out.begin(step.index.into(), [hot, cold])?;
            if step.leads != 0 {
                self.lead(&mut stamp, step)?;
            }
            let end = stamp.end();
            stamp.stamp()?;
            if !behind.is_empty() {
                out.put(end, behind)?;
            }
        }
        Ok(())
    }

    /// The registers that are kept in the loop around the instruction at `at`.
    fn fill_kept(&self, out: &mut Out<'_>, at: u32) {
        let mark = self.marks.get(at as usize);
        let kept = mark.and_then(|mark| self.loops.get(mark.of_loop()?));
        if let Some(kept) = kept {
            for (i, &register) in kept.kept.iter().enumerate() {
                out.set(Hole::Kept as usize + i, register as u32 * 8);
            }
        }
    }

    /// Where a label is in the hot code.
    #[inline]
    fn place_of(&self, label: u32) -> Result<u32, EmitError<'static>> {
        match self.labels.get(label as usize) {
            Some(&place) if place < INSIDE => Ok(place),
            _ => Err(EmitError::UnboundLabel {
                label: Label(label),
            }),
        }
    }

    /// Where an outer entry is, for control that comes with the instruction at hand.
    #[inline]
    fn entry_at(&self, label: u32) -> Result<u32, EmitError<'static>> {
        match self.labels.get(label as usize) {
            Some(&place) if place < SHARED => Ok(place & !INSIDE),
            _ => self.place_of(label),
        }
    }

    /// Tells a stencil where it leads.
    #[inline]
    fn lead(
        &self,
        stamp: &mut Stamp<'_, '_, 'static, 'static>,
        step: &Step,
    ) -> Result<(), EmitError<'static>> {
        let targets = &self.targets;
        let behind = stamp.end();
        let to = step.leads;
        if to & leads::NEXT != 0 {
            stamp.lead(targets.next, behind);
        }
        if to & leads::AFTER != 0 {
            stamp.lead(targets.after, behind);
        }
        if to & leads::ON_AT != 0 {
            stamp.lead(targets.next, self.place_of(step.at)?);
        }
        if to & (leads::ENTRY | leads::BEYOND | leads::TAKEN | leads::OVER) == 0 {
            return Ok(());
        }
        let word = |at: u32| Insn::from_word(self.rt.get(self.entry + at * 8));
        let insn = word(step.at);
        let next = step.at + words_of(insn);
        // Control comes to entries by `jump_ahead!` (in `stencils/`): with the instruction.
        if to & leads::ENTRY != 0 {
            let entry = match entry_of(self.marks, next) {
                Some(label) => self.entry_at(label)?,
                None => behind,
            };
            stamp.lead(targets.entry, entry);
        }
        if to & leads::BEYOND != 0 {
            let label = entry_of(self.marks, next).unwrap_or(next);
            if step.what & what::BACK == 0 {
                stamp.lead(targets.entry, self.entry_at(label)?);
            } else {
                stamp.lead(targets.next, self.place_of(label)?);
            }
        }
        if to & leads::TAKEN != 0 {
            let label = self.target(step.at, step.at.wrapping_add(insn.d));
            stamp.lead(targets.taken, self.place_of(label)?);
        }
        if to & leads::OVER != 0 {
            let label = self.target(step.at, next.wrapping_add(word(next).d));
            stamp.lead(targets.over, self.place_of(label)?);
        }
        Ok(())
    }

    /// The label that a jump leads to from the instruction at `from`.
    fn target(&self, from: u32, to: u32) -> u32 {
        let loop_of = |at: u32| self.marks.get(at as usize).and_then(|mark| mark.of_loop());
        match loop_of(to) {
            Some(inside) if loop_of(from) != Some(inside) => self.marks.len() as u32 + to,
            _ => to,
        }
    }
}

/// What has an inline cache has a site, too; an empty cache compares with no shape.
#[inline(always)]
fn fill_cache(out: &mut Out<'_>, site: u32, shape: u32) {
    out.set(Hole::Site as usize, site);
    out.set(Hole::X0 as usize, shape.max(NO_SHAPE));
}

/// Bytes that the registers of the function with this bytecode take.
fn frame_bytes(rt: Rt, entry: u32) -> u32 {
    rt.get(entry - FRAME_BYTES_BEFORE_ENTRY)
}

/// The operands of the instruction at `pc`, those that it hasn't included: whoever has no
/// hole for them doesn't look. Gives the words behind it.
#[inline(always)]
fn fill_operands(rt: Rt, out: &mut Out<'_>, insn: Insn, pc: u32) -> [u64; 2] {
    let mut set = |hole: Hole, value: u32| out.set(hole as usize, value);
    let (a, b, c) = (insn.a as u32, insn.b as u32, insn.c as u32);
    set(Hole::A, a * 8);
    set(Hole::B, b * 8);
    set(Hole::C, c * 8);
    set(Hole::D, insn.d);
    set(Hole::ImmB, b);
    set(Hole::Item, insn.d.wrapping_mul(8));
    set(Hole::Pc, pc);
    set(Hole::Up, CLOSURE_UPVALUES + b * 8);
    set(Hole::Word, pc + 8);
    // Where there is no such word, the last one.
    let words = words_of(insn);
    let first: u64 = rt.get(pc + (words > 1) as u32 * 8);
    let second: u64 = rt.get(pc + (words - 1) * 8);
    set(Hole::X0, first as u32);
    set(Hole::X1, (first >> 32) as u32);
    set(Hole::X2, second as u32);
    set(Hole::X3, (second >> 32) as u32);
    [first, second]
}

impl Rt {
    /// Compiles a prototype that isn't. Its code is entered from now on. `bake` puts what
    /// its inline caches hold into the main code. Gives the number of its instructions.
    pub(super) fn compile(self, p: ProtoRef, bake: bool) -> Result<u32, Refusal> {
        let proto = self.proto(p);
        let found = self.analyse(&proto, bake)?;
        let record = self.new_record(p, &proto, found)?;
        let made = self.emit(&proto, found, record, bake);
        let refusal = match made {
            Ok(made) => {
                let count = made.instructions;
                match self.publish(record, &proto, made) {
                    Ok(()) => return Ok(count),
                    Err(block) => {
                        if let Some(baseline) = self.baseline() {
                            // SAFETY: nothing knows of the block yet.
                            unsafe { baseline.region.free(block) };
                        }
                        Refusal::Internal
                    }
                }
            }
            Err(refusal) => refusal,
        };
        self.drop_record(record);
        Err(refusal)
    }

    /// Makes the code of a stub: its block, and its cold bytes.
    pub(super) fn emit_stub(self, spot: Spot) -> Result<(CodeBlock, u32), Refusal> {
        let Baseline {
            region,
            linked,
            stencils,
            ..
        } = self.baseline().ok_or(Refusal::Internal)?;
        let insn = Insn::from_word(self.get(spot.pc));
        let stencil = &stencils.plain[insn.op as usize];
        let index = stencil.variants.of(insn).into();
        let outline = linked.outline(index).ok_or(Refusal::Internal)?;
        let targets = &stencils.targets;
        // It goes on elsewhere: where it falls through to, there must be a jump.
        let falls = outline.fallthrough != Outline::NOWHERE;
        let size = CodeSize {
            hot: outline.hot + if falls { JUMP_LEN } else { 0 },
            cold: outline.cold,
            align: 1,
        };
        let mut out = Stamper::new(linked, region, size)?;
        out.set(Hole::Frame as usize, frame_bytes(self, spot.entry));
        let words = fill_operands(self, &mut out, insn, spot.pc);
        fill_cache(&mut out, spot.site, words[0] as u32);
        let mut stamp = out.begin(index, [0, 0])?;
        if stencil.next {
            stamp.lead_out(targets.next, spot.next);
        }
        if stencil.leads & leads::ENTRY != 0 {
            stamp.lead_out(targets.entry, spot.next);
        }
        stamp.stamp()?;
        if falls {
            out.jump_out(outline.hot, spot.next)?;
        }
        let block = out.finish()?;
        serialize();
        Ok((block, size.cold))
    }

    /// Finds out about a function what must be known before it is planned, for the most part
    /// in scratch memory.
    fn analyse(self, proto: &Proto, bake: bool) -> Result<Found, Refusal> {
        let Baseline {
            scratch,
            stencils,
            config,
            ..
        } = self.baseline().ok_or(Refusal::Internal)?;
        let words = proto.code_words as usize;
        let more = words.saturating_sub(scratch.marks.len());
        let grown = scratch.marks.extend_with(self, more, Mark::PLAIN);
        grown.map_err(|_| Refusal::NoMemory)?;
        let mut analysis = Analysis {
            rt: self,
            proto,
            facts: &stencils.facts,
            bake,
            registers: config.registers,
            types: config.types,
            sure: config.types && proto.unsure == 0,
            marks: &mut scratch.marks[..words],
            loops: &mut scratch.loops,
        };
        analysis.run().map_err(|_| Refusal::NoMemory)
    }

    /// Makes the code of a function that was analysed.
    fn emit(self, proto: &Proto, found: Found, record: u32, bake: bool) -> Result<Made, Refusal> {
        let words = proto.code_words as usize;
        let Baseline {
            linked,
            stencils,
            scratch,
            labels,
            config,
            evidence,
            ..
        } = self.baseline().ok_or(Refusal::Internal)?;
        let labels_count = words * 2 + scratch.loops.len();
        let more = labels_count.saturating_sub(labels.len());
        let grown = labels.extend_with(self, more, NO_LABEL);
        grown.map_err(|_| Refusal::NoMemory)?;
        let mut planner = Planner {
            rt: self,
            proto,
            stencils,
            marks: &mut scratch.marks[..words],
            loops: &scratch.loops,
            bake,
            direct: config.direct_calls,
            registers: config.registers,
            counts: found.counts,
            sure: found.sure,
            evidence: *evidence,
            steps: &mut scratch.steps,
            outers: &mut scratch.outers,
            backs: &mut scratch.backs,
            linked,
            labels: &mut labels[..labels_count],
            place: [0, 0],
            falls_to: None,
        };
        let (size, instructions) = planner.run()?;
        loop {
            let Baseline {
                region,
                linked,
                stencils,
                scratch,
                labels,
                config,
                miss,
                ..
            } = self.baseline().ok_or(Refusal::Internal)?;
            let mut out = match Stamper::new(linked, region, size) {
                Ok(out) => out,
                Err(EmitError::Space(
                    SpaceError::RegionFull { .. } | SpaceError::TooManyBlocks { .. },
                )) if self.evict_one() => continue,
                Err(error) => return Err(error.into()),
            };
            let emission = Emission {
                rt: self,
                entry: proto.entry,
                targets: stencils.targets,
                moves: &stencils.moves,
                marks: &scratch.marks[..words],
                labels: &labels[..labels_count],
                loops: &scratch.loops,
                steps: &scratch.steps,
                sites: self.sites_of(record).0,
                inside: self.inside_of(record, proto.entry),
                making: Making {
                    bake,
                    learns: config.inline_caches,
                    miss: *miss,
                },
            };
            emission.run(&mut out)?;
            let block = out.finish()?;
            serialize();
            return Ok(Made {
                block,
                instructions,
                cold: size.cold,
            });
        }
    }
}
