//! Emission: from a prototype's bytecode to machine code, a stencil for each instruction.
//!
//! First what is known of the function is found out (`registers.rs`), then one walk over the
//! bytecode makes the plan and measures it (`plan.rs`), then the plan is carried out: nothing is
//! allocated for an instruction. Inline caches are baked in as they are at this moment; the stencil of one that
//! is empty always misses. Stubs (`sites.rs`) are made of the same stencils. Called by
//! `tier.rs`.

use super::plan::{Planner, Step, entry_beyond, entry_of, what};
use super::registers::{Analysis, Loop, Mark};
use super::sites::SITE_BYTES;
use super::{Baseline, Hole, OPERANDS, Scratch, Stencils, Targets, leads};
use crate::heap::{ProtoRef, Rt};
use crate::isa::{CALL_BYTES, Control, Extra, Insn, OP_COUNT, OPS};
use crate::proto::{CLOSURE_UPVALUES, Proto, SIGNATURE_COMPILED};
use rt_nostd::{
    Assembler, CodeBlock, EmitError, Emitter, Label, LabelState, Measure, OPERANDS_MAX, SpaceError,
    Target, serialize,
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

/// The operands of a stencil, by [`Hole`].
type Operands = [i64; OPERANDS_MAX];
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
    /// The word that says where a miss goes.
    pub(super) site: u32,
    /// Where a hit goes on.
    pub(super) next: usize,
}

/// Turns a plan into code.
struct Emission<'e> {
    rt: Rt,
    /// Offset of the function's bytecode.
    entry: u32,
    targets: Targets,
    marks: &'e [Mark],
    loops: &'e [Loop],
    steps: &'e [Step],
    /// The sites of the function's record.
    sites: u32,
    /// Caches go into the main code.
    bake: bool,
}

impl<'e> Emission<'e> {
    /// Of a function whose plan lies in the scratch memory.
    fn new(
        rt: Rt,
        proto: &Proto,
        stencils: &Stencils,
        scratch: &'e Scratch,
        sites: u32,
        bake: bool,
    ) -> Emission<'e> {
        Emission {
            rt,
            entry: proto.entry,
            targets: stencils.targets,
            marks: scratch
                .marks
                .get(..proto.code_words as usize)
                .unwrap_or_default(),
            loops: &scratch.loops,
            steps: &scratch.steps,
            sites,
            bake,
        }
    }

    fn run(&self, out: &mut Emitter<'_, 'static, '_>) -> Result<(), EmitError<'static>> {
        let words = self.marks.len() as u32;
        let mut targets = [(0, Target::Next); 5];
        let mut site = self.sites;
        for &step in self.steps {
            if let Some(label) = step.label(words) {
                out.bind(label)?;
            }
            if step.what & what::OPERANDS != 0 {
                let pc = self.entry + step.at * 8;
                let insn = Insn::from_word(self.rt.get(pc));
                let operands = out.operands();
                fill_operands(self.rt, operands, insn, pc);
                if step.what & what::SITE != 0 {
                    fill_cache(operands, site);
                    site += SITE_BYTES;
                    if !self.bake {
                        operands[Hole::X0 as usize] = NO_SHAPE.into();
                    }
                }
            }
            if step.what & what::KEPT != 0 {
                self.fill_kept(out.operands(), step.at);
            }
            let n = match step.leads {
                0 => 0,
                leads::ENTRY => {
                    let insn = Insn::from_word(self.rt.get(self.entry + step.at * 8));
                    let next = step.at + words_of(insn);
                    targets[0] = (self.targets.entry, entry_of(self.marks, next));
                    1
                }
                leads::BEYOND => {
                    let next = step.at + CALL_BYTES / 8;
                    let ordinal = if step.what & what::BACK != 0 {
                        self.targets.next
                    } else {
                        self.targets.entry
                    };
                    targets[0] = (ordinal, entry_beyond(self.marks, next));
                    1
                }
                _ => self.leads(&mut targets, step),
            };
            out.stamp(step.index.into(), &targets[..n])?;
        }
        Ok(())
    }

    /// The registers that are kept in the loop around the instruction at `at`.
    fn fill_kept(&self, operands: &mut Operands, at: u32) {
        let mark = self.marks.get(at as usize);
        let kept = mark.and_then(|mark| self.loops.get(mark.of_loop()?));
        if let Some(kept) = kept {
            for (place, &register) in operands[Hole::Kept as usize..].iter_mut().zip(&kept.kept) {
                *place = register as i64 * 8;
            }
        }
    }

    /// Where a step leads: so many continuations.
    #[inline]
    fn leads(&self, targets: &mut [(u32, Target); 5], step: Step) -> usize {
        let mut n = 0;
        let mut add = |bit: u8, ordinal: u32, target: &dyn Fn() -> Target| {
            if step.leads & bit != 0 {
                targets[n] = (ordinal, target());
                n += 1;
            }
        };
        let word = |at: u32| Insn::from_word(self.rt.get(self.entry + at * 8));
        let insn = word(step.at);
        let next = step.at + words_of(insn);
        add(leads::NEXT, self.targets.next, &|| Target::Next);
        add(leads::ON_AT, self.targets.next, &|| {
            Target::Label(Label(step.at))
        });
        add(leads::AFTER, self.targets.after, &|| Target::Next);
        add(leads::ENTRY, self.targets.entry, &|| {
            entry_of(self.marks, next)
        });
        add(leads::BEYOND, self.targets.entry, &|| {
            entry_beyond(self.marks, next)
        });
        add(leads::TAKEN, self.targets.taken, &|| {
            self.target(step.at, step.at.wrapping_add(insn.d))
        });
        add(leads::OVER, self.targets.over, &|| {
            self.target(step.at, next.wrapping_add(word(next).d))
        });
        n
    }

    /// Where a jump leads from the instruction at `from`.
    fn target(&self, from: u32, to: u32) -> Target {
        let loop_of = |at: u32| self.marks.get(at as usize).and_then(|mark| mark.of_loop());
        match loop_of(to) {
            Some(inside) if loop_of(from) != Some(inside) => {
                Target::Label(Label(self.marks.len() as u32 + to))
            }
            _ => Target::Label(Label(to)),
        }
    }
}

/// What has an inline cache has a site, too; an empty cache compares with no shape.
#[inline(always)]
fn fill_cache(out: &mut Operands, site: u32) {
    out[Hole::Site as usize] = site.into();
    if out[Hole::X0 as usize] == 0 {
        out[Hole::X0 as usize] = NO_SHAPE.into();
    }
}

/// The operands of the instruction at `pc`, those that it hasn't included: whoever has no
/// hole for them doesn't look.
#[inline(always)]
fn fill_operands(rt: Rt, out: &mut Operands, insn: Insn, pc: u32) {
    let mut set = |hole: Hole, value: u32| out[hole as usize] = value.into();
    let (a, b, c) = (insn.a as u32, insn.b as u32, insn.c as u32);
    set(Hole::A, a * 8);
    set(Hole::B, b * 8);
    set(Hole::C, c * 8);
    set(Hole::D, insn.d);
    set(Hole::ImmB, b);
    set(Hole::Item, insn.d.wrapping_mul(8));
    set(Hole::Pc, pc);
    set(Hole::Signature, b | SIGNATURE_COMPILED);
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
}

impl Rt {
    /// Compiles a prototype that isn't. Its code is entered from now on. `bake` puts what
    /// its inline caches hold into the main code. Gives the number of its instructions.
    pub(super) fn compile(self, p: ProtoRef, bake: bool) -> Result<u32, Refusal> {
        let proto = self.proto(p);
        let sites = self.analyse(&proto, bake)?;
        let record = self.new_record(p, &proto, sites)?;
        let made = self.emit(&proto, self.sites_of(record).0, bake);
        let refusal = match made {
            Ok(made) => {
                let count = made.instructions;
                match self.publish(record, &proto, made, bake) {
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
        let on = Target::Address(spot.next);
        let mut targets = [(stencils.targets.next, on); 2];
        let n = stencil.next as usize;
        targets[n].0 = stencils.targets.entry;
        let n = n + (stencil.leads & leads::ENTRY != 0) as usize;
        let index = stencil.variants.of(insn).into();
        let mut measure = Measure::linked(linked, &mut []);
        measure.stencil(index, &[], &targets[..n])?;
        let size = measure.finish()?;
        let mut emitter = Emitter::new(linked, region, size, &mut [])?;
        let operands = emitter.operands();
        fill_operands(self, operands, insn, spot.pc);
        fill_cache(operands, spot.site);
        emitter.stamp(index, &targets[..n])?;
        let block = emitter.finish()?;
        serialize();
        Ok((block, size.cold))
    }

    /// Finds out about a function what its code depends on, in scratch memory. Gives the
    /// number of its inline caches.
    fn analyse(self, proto: &Proto, bake: bool) -> Result<u32, Refusal> {
        let Baseline {
            scratch,
            stencils,
            config,
            evidence,
            ..
        } = self.baseline().ok_or(Refusal::Internal)?;
        let words = proto.code_words as usize;
        let more = words.saturating_sub(scratch.marks.len());
        let grown = scratch.marks.extend_with(self, more, Mark::PLAIN);
        grown.map_err(|_| Refusal::NoMemory)?;
        let mut analysis = Analysis {
            rt: self,
            proto,
            forwarded: stencils.forwarded,
            gists: &stencils.gists,
            bake,
            registers: config.registers,
            types: config.types,
            direct: config.registers && config.direct_calls,
            evidence: *evidence,
            marks: &mut scratch.marks[..words],
            loops: &mut scratch.loops,
        };
        analysis.run().map_err(|_| Refusal::NoMemory)
    }

    /// Shows the plan of the function that was compiled last to an assembler that only looks
    /// where which stencil is; `belongs` tells it the word whose instruction one belongs to.
    pub(super) fn retrace<A: Assembler<'static>>(
        self,
        proto: &Proto,
        out: &mut A,
        belongs: impl Fn(&mut A, u32),
    ) -> Result<(), EmitError<'static>> {
        let steps = self.baseline().map(|baseline| &baseline.scratch.steps[..]);
        for step in steps.unwrap_or_default() {
            if let Some(label) = step.label(proto.code_words) {
                out.bind(label)?;
            }
            belongs(out, step.at);
            out.stencil(step.index.into(), &[], &[])?;
        }
        Ok(())
    }

    /// Makes the code of a function that was analysed.
    fn emit(self, proto: &Proto, sites: u32, bake: bool) -> Result<Made, Refusal> {
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
        // Two labels for each word.
        let more = (words * 2).saturating_sub(labels.len());
        let grown = labels.extend_with(self, more, LabelState::UNBOUND);
        grown.map_err(|_| Refusal::NoMemory)?;
        let mut planner = Planner {
            rt: self,
            proto,
            stencils,
            marks: &scratch.marks[..words],
            loops: &scratch.loops,
            bake,
            direct: config.direct_calls,
            evidence: *evidence,
            steps: &mut scratch.steps,
        };
        let mut measure = Measure::linked(linked, &mut labels[..words * 2]);
        let instructions = planner.run(&mut measure)?;
        let size = measure.finish()?;
        loop {
            let Baseline {
                region,
                linked,
                stencils,
                scratch,
                labels,
                ..
            } = self.baseline().ok_or(Refusal::Internal)?;
            let labels = &mut labels[..words * 2];
            let mut emitter = match Emitter::new(linked, region, size, labels) {
                Ok(emitter) => emitter,
                Err(EmitError::Space(
                    SpaceError::RegionFull { .. } | SpaceError::TooManyBlocks { .. },
                )) if self.evict_one() => continue,
                Err(error) => return Err(error.into()),
            };
            Emission::new(self, proto, stencils, scratch, sites, bake).run(&mut emitter)?;
            let block = emitter.finish()?;
            serialize();
            return Ok(Made {
                block,
                instructions,
                cold: size.cold,
            });
        }
    }
}

/// What passes over the code ask of an operation, from the op table: a byte, because all the
/// rest of a row only gets in the way of what the processor keeps at hand.
///
/// The length in words, [`RESUMES`], [`CACHES`], [`JUMPS`] and [`LEAVES`].
const BRIEFS: [u8; 256] = {
    let mut briefs = [1; 256];
    let mut i = 0;
    while i < OP_COUNT {
        let extra = OPS[i].extra;
        assert!(!matches!(extra, Extra::Resume) || matches!(OPS[i].control, Control::Call));
        briefs[i] = extra.words() as u8
            | if matches!(extra, Extra::Resume) {
                RESUMES
            } else {
                0
            }
            | if matches!(
                OPS[i].control,
                Control::Branch | Control::Jump | Control::Loop
            ) {
                JUMPS
            } else {
                0
            }
            | if OPS[i].op.leaves_number() { LEAVES } else { 0 }
            | if matches!(extra, Extra::Ic1 | Extra::Ic2) {
                CACHES
            } else {
                0
            };
        i += 1;
    }
    briefs
};

/// Control comes back behind the instruction, by its resume word.
const RESUMES: u8 = 4;
/// It has an inline cache.
const CACHES: u8 = 8;
/// It may jump.
const JUMPS: u8 = 16;

/// It leaves a number in a register of the processor.
const LEAVES: u8 = 32;

/// Does the instruction leave its number in a register of the processor?
#[inline]
pub(super) fn leaves_number(insn: Insn) -> bool {
    BRIEFS[insn.op as usize] & LEAVES != 0
}

/// Does field d of this instruction say where it jumps to?
#[inline]
pub(super) fn jumps(insn: Insn) -> bool {
    BRIEFS[insn.op as usize] & JUMPS != 0
}

/// Does control come back behind this instruction, by its resume word?
#[inline]
pub(super) fn has_resume_word(insn: Insn) -> bool {
    BRIEFS[insn.op as usize] & RESUMES != 0
}

/// Has an instruction of this operation an inline cache?
#[inline]
pub(super) fn has_site(op: u8) -> bool {
    BRIEFS[op as usize] & CACHES != 0
}

/// Length of the instruction in words.
#[inline]
pub(super) fn words_of(insn: Insn) -> u32 {
    (BRIEFS[insn.op as usize] & 3).into()
}
