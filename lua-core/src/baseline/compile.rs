//! Emission: from a prototype's bytecode to machine code, a stencil for each instruction.
//!
//! Two passes of one walk over the code (`Measure`, `Emitter`), nothing allocated for an
//! instruction. Inline caches are baked in as they are at this moment; the stencil of one that
//! is empty always misses. Stubs (`sites.rs`) are made of the same stencils. Called by
//! `tier.rs`.

use super::callees::{Callees, Evidence};
use super::registers::{Analysis, Loop, Mark};
use super::sites::SITE_BYTES;
use super::{Baseline, Forwarded, Hole, Leads, Moves, OPERANDS, OpStencil, Targets};
use crate::heap::{ProtoRef, Rt};
use crate::isa::{Control, Extra, Insn, OP_COUNT, OPS, Op};
use crate::proto::{CLOSURE_UPVALUES, Proto, SIGNATURE_COMPILED};
use rt_nostd::{
    Assembler, CodeBlock, EmitError, Emitter, Label, LabelState, Measure, SpaceError, Target,
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

/// What an empty cache compares with: no object lies there.
const NO_SHAPE: u32 = 1;

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

/// One walk over the code: what both passes do.
///
/// The labels of outer entries (`registers.rs`) follow those of the instructions.
struct Walk<'w> {
    rt: Rt,
    stencils: &'w [OpStencil; OP_COUNT],
    forwarded: &'w [Forwarded; OP_COUNT],
    moves: &'w Moves,
    marks: &'w [Mark],
    loops: &'w [Loop],
    targets: Targets,
    /// The sites of the function's record.
    sites: u32,
    /// Caches go into the main code.
    bake: bool,
    /// Stencils for calls that are expected to call certain functions, if they are used.
    direct: &'w [OpStencil],
    evidence: Evidence,
}

impl Walk<'_> {
    /// The walk. `MEASURES`: it is for the sizes only, and operands don't matter.
    fn run<A: Assembler<'static>, const MEASURES: bool>(
        &self,
        out: &mut A,
        proto: &Proto,
    ) -> Result<u32, EmitError<'static>> {
        let rt = self.rt;
        let mut operands = [0i64; OPERANDS];
        let mut targets = [(0, Target::Next); 5];
        let mut at = 0;
        let mut count = 0;
        let mut site = self.sites;
        let mut all_plain = true;
        let mut callees = Callees::new(rt, self.evidence);
        while at < proto.code_words {
            let pc = proto.entry + at * 8;
            let insn = Insn::from_word(rt.get(pc));
            let words = words_of(insn);
            let mark = self.marks[at as usize];
            let plain = mark.is_plain();
            all_plain &= plain;
            if !plain
                && let Some(kept) = mark.of_loop().and_then(|i| self.loops.get(i))
                && kept.start == at
            {
                // What comes from before the loop.
                self.outer::<A, MEASURES>(out, &mut operands, proto, at, mark)?;
            }
            out.bind(Label(at))?;
            if !plain {
                if let Some(k) = mark.other() {
                    out.stencil(self.moves.other[k], &operands, &self.on())?;
                }
                if let Some(k) = mark.take() {
                    out.stencil(self.moves.take[k], &operands, &self.on())?;
                }
            }
            let mut op = insn.op as usize;
            if !MEASURES {
                self.operands(&mut operands, insn, pc);
            }
            if has_site(insn.op) {
                self.cache(&mut operands, site);
                site += SITE_BYTES;
                if !self.bake {
                    op = OPS[op].base as usize;
                    operands[Hole::X0 as usize] = NO_SHAPE.into();
                }
            }
            let mut stencil = &self.stencils[op];
            callees.note(insn, pc);
            let mut direct = false;
            if (op == Op::Call as usize || op == Op::TailCall as usize)
                && let Some(expected) = callees.expected(insn)
                && let Some(other) = self.direct.get(expected)
            {
                stencil = other;
                direct = true;
            }
            let form = if plain { None } else { mark.form() };
            let turn = match () {
                () if plain => None,
                () if op == Op::ForLoop as usize => mark.keep().map(|k| (0, k)),
                () if op == Op::ForLoopUp as usize => mark.keep().map(|k| (1, k)),
                () => None,
            };
            let variants = match form {
                _ if let Some((which, k)) = turn => self.moves.turns[which][k],
                Some(form) => self.forwarded[op][form],
                None => stencil.variants,
            };
            let index = variants.of(insn);
            let n = match stencil.leads {
                Leads::On => 0,
                // Only where it falls through matters for the sizes.
                _ if MEASURES && !stencil.falls_to_entry => 0,
                Leads::Entry => {
                    targets[0] = (self.targets.entry, self.entry(proto, at + words));
                    1
                }
                Leads::Elsewhere => self.leads(&mut targets, proto, stencil, at),
            };
            out.stencil(index, &operands, &targets[..n])?;
            if !plain {
                if direct
                    && let Some(kept) = mark.of_loop().and_then(|i| self.loops.get(i))
                    && let Some(k) = kept.place_of(insn.a)
                {
                    // It goes on behind it with what is kept; the result is in the frame only.
                    out.stencil(
                        self.moves.reload[k as usize].of(insn),
                        &operands,
                        &self.on(),
                    )?;
                }
                if let Some(k) = mark.keep()
                    && turn.is_none()
                {
                    out.stencil(self.moves.keep[k], &operands, &self.on())?;
                }
                if let Some(k) = mark.reload() {
                    out.stencil(self.moves.reload[k].of(insn), &operands, &self.on())?;
                }
            }
            at += words;
            count += 1;
        }
        if all_plain {
            return Ok(count);
        }
        for (i, &mark) in self.marks.iter().enumerate() {
            if !mark.has_outer() {
                continue;
            }
            let at = i as u32;
            let starts = |kept: &Loop| kept.start == at;
            let inside = mark.of_loop().and_then(|i| self.loops.get(i));
            if !inside.is_some_and(starts) {
                self.outer::<A, MEASURES>(out, &mut operands, proto, at, mark)?;
            }
        }
        Ok(count)
    }

    /// Where stencils lead that only move numbers: on. They may have been built with a jump
    /// there.
    #[inline(always)]
    fn on(&self) -> [(u32, Target); 1] {
        [(self.targets.next, Target::Next)]
    }

    /// Where control from outside enters the next instruction, at `next`.
    #[inline]
    fn entry(&self, proto: &Proto, next: u32) -> Target {
        match self.marks.get(next as usize) {
            Some(mark) if mark.has_outer() => Target::Label(Label(proto.code_words + next)),
            _ => Target::Next,
        }
    }

    /// Where the instruction at `at` leads: so many continuations.
    #[inline]
    fn leads(
        &self,
        targets: &mut [(u32, Target); 5],
        proto: &Proto,
        stencil: &OpStencil,
        at: u32,
    ) -> usize {
        let insn = Insn::from_word(self.rt.get(proto.entry + at * 8));
        let mark = self.marks[at as usize];
        let mut n = 0;
        let mut add = |ordinal: u32, target: Target| {
            targets[n] = (ordinal, target);
            n += 1;
        };
        let next = at + words_of(insn);
        if stencil.next && !stencil.falls {
            add(self.targets.next, Target::Next);
        }
        if stencil.after {
            add(self.targets.after, Target::Next);
        }
        if stencil.entry {
            add(self.targets.entry, self.entry(proto, next));
        }
        if stencil.taken {
            let target = self.target(proto, mark, at.wrapping_add(insn.d));
            add(self.targets.taken, target);
        }
        if stencil.over {
            let after = Insn::from_word(self.rt.get(proto.entry + next * 8));
            let to = next.wrapping_add(after.d);
            add(self.targets.over, self.target(proto, mark, to));
        }
        n
    }

    /// Where a jump leads from an instruction with the mark `from`.
    fn target(&self, proto: &Proto, from: Mark, to: u32) -> Target {
        match self.marks.get(to as usize).and_then(|mark| mark.of_loop()) {
            Some(inside) if from.of_loop() != Some(inside) => {
                Target::Label(Label(proto.code_words + to))
            }
            _ => Target::Label(Label(to)),
        }
    }

    /// The outer entry of the instruction at `at`; goes on there.
    fn outer<A: Assembler<'static>, const MEASURES: bool>(
        &self,
        out: &mut A,
        operands: &mut [i64; OPERANDS],
        proto: &Proto,
        at: u32,
        mark: Mark,
    ) -> Result<(), EmitError<'static>> {
        let goes_on = [(self.targets.next, Target::Label(Label(at)))];
        let on = self.on();
        out.bind(Label(proto.code_words + at))?;
        let kept = mark.of_loop().and_then(|i| self.loops.get(i));
        if let Some(place) = mark.number() {
            let pc = proto.entry + at * 8;
            let insn = Insn::from_word(self.rt.get(pc));
            if !MEASURES {
                self.operands(operands, insn, pc);
            }
            let load = self.moves.number[place].of(insn);
            out.stencil(load, operands, if kept.is_some() { &on } else { &goes_on })?;
        }
        if let Some(kept) = kept {
            for (place, &register) in operands[Hole::Kept as usize..].iter_mut().zip(&kept.kept) {
                *place = register as i64 * 8;
            }
            let starts = kept.start == at;
            let loads = self.moves.loads[kept.count - 1];
            out.stencil(loads, operands, if starts { &on } else { &goes_on })?;
        }
        Ok(())
    }

    /// The stub of one instruction.
    fn stub<A: Assembler<'static>>(
        &self,
        out: &mut A,
        spot: Spot,
    ) -> Result<(), EmitError<'static>> {
        let mut operands = [0i64; OPERANDS];
        let insn = Insn::from_word(self.rt.get(spot.pc));
        self.operands(&mut operands, insn, spot.pc);
        self.cache(&mut operands, spot.site);
        let stencil = &self.stencils[insn.op as usize];
        let mut targets = [(self.targets.next, Target::Address(spot.next)); 2];
        let n = stencil.next as usize;
        targets[n].0 = self.targets.entry;
        let index = stencil.variants.of(insn);
        out.stencil(index, &operands, &targets[..n + stencil.entry as usize])
    }

    /// What has an inline cache has a site, too; an empty cache compares with no shape.
    #[inline(always)]
    fn cache(&self, out: &mut [i64; OPERANDS], site: u32) {
        out[Hole::Site as usize] = site.into();
        if out[Hole::X0 as usize] == 0 {
            out[Hole::X0 as usize] = NO_SHAPE.into();
        }
    }

    /// The operands of the instruction at `pc`, those that it hasn't included: whoever has no
    /// hole for them doesn't look.
    #[inline(always)]
    fn operands(&self, out: &mut [i64; OPERANDS], insn: Insn, pc: u32) {
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
        let first: u64 = self.rt.get(pc + (words > 1) as u32 * 8);
        let second: u64 = self.rt.get(pc + (words - 1) * 8);
        set(Hole::X0, first as u32);
        set(Hole::X1, (first >> 32) as u32);
        set(Hole::X2, second as u32);
        set(Hole::X3, (second >> 32) as u32);
    }
}

impl Rt {
    /// Compiles a prototype that isn't. Its code is entered from now on. `bake` puts what
    /// its inline caches hold into the main code. Gives the number of its instructions.
    pub(super) fn compile(self, p: ProtoRef, bake: bool) -> Result<u32, Refusal> {
        let proto = self.proto(p);
        let record = self.new_record(p, &proto, bake)?;
        let made = self.emit(&proto, self.sites_of(record).0, bake);
        let refusal = match made {
            Ok((block, instructions, cold)) => {
                match self.publish(record, &proto, block, instructions, cold) {
                    Ok(()) => return Ok(instructions),
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
            forwarded,
            moves,
            targets,
            ..
        } = self.baseline().ok_or(Refusal::Internal)?;
        let walk = Walk {
            rt: self,
            stencils,
            forwarded,
            moves,
            marks: &[],
            loops: &[],
            targets: *targets,
            sites: 0,
            bake: true,
            direct: &[],
            evidence: Evidence::default(),
        };
        let mut measure = Measure::linked(linked, &mut []);
        walk.stub(&mut measure, spot)?;
        let size = measure.finish()?;
        let mut emitter = Emitter::new(linked, region, size, &mut [])?;
        walk.stub(&mut emitter, spot)?;
        let block = emitter.finish()?;
        serialize();
        Ok((block, size.cold))
    }

    /// The walk that `emit` makes twice, once more, over the code of a function that was just
    /// compiled, with the same `bake`.
    pub(super) fn walk<A: Assembler<'static>>(
        self,
        proto: &Proto,
        bake: bool,
        out: &mut A,
    ) -> Result<u32, EmitError<'static>> {
        let record = self.compiled_of(proto.entry);
        let Some(baseline) = self.baseline().filter(|_| record != 0) else {
            return Ok(0);
        };
        // What `emit` left in its scratch memory is still there.
        let marks = baseline.marks.get(..proto.code_words as usize);
        let walk = Walk {
            rt: self,
            stencils: &baseline.stencils,
            forwarded: &baseline.forwarded,
            moves: &baseline.moves,
            marks: marks.unwrap_or_default(),
            loops: &baseline.loops,
            targets: baseline.targets,
            sites: self.sites_of(record).0,
            bake,
            direct: match baseline.config.direct_calls {
                true => &baseline.direct,
                false => &[],
            },
            evidence: baseline.evidence,
        };
        walk.run::<_, true>(out, proto)
    }

    /// Makes the code. Gives its block, the number of instructions, and its cold bytes.
    fn emit(self, proto: &Proto, sites: u32, bake: bool) -> Result<(CodeBlock, u32, u32), Refusal> {
        // Scratch memory: two labels for each word, and a mark.
        let words = proto.code_words as usize;
        let baseline = self.baseline().ok_or(Refusal::Internal)?;
        let more = |len: usize, wanted: usize| wanted.saturating_sub(len);
        let marks = more(baseline.marks.len(), words);
        let labels = more(baseline.labels.len(), words * 2);
        let grown = baseline.marks.extend_with(self, marks, Mark::PLAIN);
        grown.map_err(|_| Refusal::NoMemory)?;
        let grown = baseline
            .labels
            .extend_with(self, labels, LabelState::UNBOUND);
        grown.map_err(|_| Refusal::NoMemory)?;
        loop {
            let Baseline {
                region,
                linked,
                stencils,
                forwarded,
                moves,
                marks,
                loops,
                config,
                targets,
                direct,
                evidence,
                labels,
                ..
            } = self.baseline().ok_or(Refusal::Internal)?;
            let mut analysis = Analysis {
                rt: self,
                proto,
                forwarded,
                bake,
                registers: config.registers,
                types: config.types,
                marks: &mut marks[..words],
                loops,
            };
            analysis.run().map_err(|_| Refusal::NoMemory)?;
            let walk = Walk {
                rt: self,
                stencils,
                forwarded,
                moves,
                marks: &marks[..words],
                loops,
                targets: *targets,
                sites,
                bake,
                direct: if config.direct_calls { direct } else { &[] },
                evidence: *evidence,
            };
            let labels = &mut labels[..words * 2];
            let mut measure = Measure::linked(linked, labels);
            let count = walk.run::<_, true>(&mut measure, proto)?;
            let size = measure.finish()?;
            let mut emitter = match Emitter::new(linked, region, size, labels) {
                Ok(emitter) => emitter,
                Err(EmitError::Space(
                    SpaceError::RegionFull { .. } | SpaceError::TooManyBlocks { .. },
                )) if self.evict_one() => continue,
                Err(error) => return Err(error.into()),
            };
            walk.run::<_, false>(&mut emitter, proto)?;
            let block = emitter.finish()?;
            serialize();
            return Ok((block, count, size.cold));
        }
    }
}

/// Executes a serializing instruction, which must lie between writing code through another
/// address and running it: a return from nothing, which unlike `cpuid` doesn't leave a
/// virtual machine.
fn serialize() {
    // SAFETY: `iretq` pops what was pushed, and goes on at the label with the same segments,
    // flags and stack.
    unsafe {
        core::arch::asm!(
            "mov {old}, rsp",
            "mov {x:e}, ss",
            "push {x}",
            "push {old}",
            "pushfq",
            "mov {x:e}, cs",
            "push {x}",
            "lea {x}, [rip + 2f]",
            "push {x}",
            "iretq",
            "2:",
            x = out(reg) _,
            old = out(reg) _,
        );
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
