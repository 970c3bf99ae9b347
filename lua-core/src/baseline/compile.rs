//! Emission: from a prototype's bytecode to machine code, a stencil for each instruction.
//!
//! Two passes of one walk over the code (`Measure`, `Emitter`), nothing allocated for an
//! instruction. Inline caches are baked in as they are at this moment; the stencil of one that
//! is empty always misses. Stubs (`sites.rs`) are made of the same stencils. Called by
//! `tier.rs`.

use super::sites::{SITE_BYTES, has_site};
use super::{Baseline, Forwarded, OPERANDS, OpStencil, Ordinals, Targets, Variants};
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

/// What is known of a word of code, before it is compiled: it isn't where a jump leads.
const PLAIN: u8 = 0;
/// A jump leads here.
const TARGET: u8 = 1;
/// The end of a numeric `for` leads here, and nothing else.
const LOOP: u8 = 2;
/// Its instruction gets an operand from the one before: [`FORWARDED`] and the operand's place.
const FORWARDED: u8 = 4;

/// One walk over the code: what both passes do.
///
/// An instruction whose operand is the number that the one before has just computed gets it
/// in a processor's register, if no jump leads between them. Control that comes by the map
/// goes to a second entry, which loads the operand first; these entries are put behind the
/// function, with labels that follow those of the instructions.
struct Walk<'w> {
    rt: Rt,
    stencils: &'w [OpStencil; OP_COUNT],
    forwarded: &'w [Forwarded; OP_COUNT],
    loads: [Variants; 3],
    marks: &'w [u8],
    ordinals: &'w Ordinals,
    targets: Targets,
    /// The sites of the function's record.
    sites: u32,
    /// Caches go into the main code.
    bake: bool,
}

impl Walk<'_> {
    fn run<A: Assembler<'static>>(
        &self,
        out: &mut A,
        proto: &Proto,
    ) -> Result<u32, EmitError<'static>> {
        let rt = self.rt;
        let mut operands = [0i64; OPERANDS];
        let mut at = 0;
        let mut count = 0;
        let mut site = self.sites;
        while at < proto.code_words {
            let pc = proto.entry + at * 8;
            let insn = Insn::from_word(rt.get(pc));
            let info = &OPS[insn.op as usize];
            let words = info.extra.words() as u32;
            out.bind(Label(at))?;
            let mut op = info.op;
            if has_site(insn.op) {
                self.cache(&mut operands, pc, site);
                site += SITE_BYTES;
                if !self.bake {
                    op = info.base;
                    self.set(&mut operands, self.ordinals.x[0], NO_SHAPE);
                }
            }
            self.operands(&mut operands, insn, pc);
            let stencil = &self.stencils[op as usize];
            let mut targets = [(0, Target::Next); 4];
            let mut n = 0;
            let mut add = |wanted: bool, ordinal: u32, target: Target| {
                if wanted {
                    targets[n] = (ordinal, target);
                    n += 1;
                }
            };
            add(
                stencil.next && !stencil.falls,
                self.targets.next,
                Target::Next,
            );
            add(stencil.after, self.targets.after, Target::Next);
            add(
                stencil.taken,
                self.targets.taken,
                Target::Label(Label(at.wrapping_add(insn.d))),
            );
            if stencil.over {
                let after = Insn::from_word(rt.get(pc + words * 8));
                let to = (at + words).wrapping_add(after.d);
                add(true, self.targets.over, Target::Label(Label(to)));
            }
            let variants = match self.marks[at as usize] {
                mark if mark >= FORWARDED => {
                    self.forwarded[op as usize][(mark - FORWARDED) as usize]
                }
                _ => stencil.variants,
            };
            out.stencil(variants.of(insn), &operands, &targets[..n])?;
            at += words;
            count += 1;
        }
        for (i, &mark) in self.marks.iter().enumerate() {
            if mark >= FORWARDED {
                let at = i as u32;
                let pc = proto.entry + at * 8;
                let insn = Insn::from_word(rt.get(pc));
                self.operands(&mut operands, insn, pc);
                out.bind(Label(proto.code_words + at))?;
                let load = self.loads[(mark - FORWARDED) as usize];
                out.stencil(
                    load.of(insn),
                    &operands,
                    &[(self.targets.next, Target::Label(Label(at)))],
                )?;
            }
        }
        Ok(count)
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
        self.cache(&mut operands, spot.pc, spot.site);
        let stencil = &self.stencils[insn.op as usize];
        let targets = [(self.targets.next, Target::Address(spot.next))];
        let index = stencil.variants.of(insn);
        out.stencil(index, &operands, &targets[..stencil.next as usize])
    }

    #[inline]
    fn set(&self, out: &mut [i64; OPERANDS], ordinal: u32, value: u32) {
        if let Some(place) = out.get_mut(ordinal as usize) {
            *place = value as i64;
        }
    }

    /// What the inline cache of the instruction at `pc` holds, and its site.
    fn cache(&self, out: &mut [i64; OPERANDS], pc: u32, site: u32) {
        let (rt, o) = (self.rt, self.ordinals);
        let shape = rt.get::<u32>(pc + 8);
        self.set(out, o.site, site);
        self.set(out, o.x[0], if shape == 0 { NO_SHAPE } else { shape });
        self.set(out, o.x[1], rt.get(pc + 12));
        if words_of(Insn::from_word(rt.get(pc))) > 2 {
            self.set(out, o.x[2], rt.get(pc + 16));
            self.set(out, o.x[3], rt.get(pc + 20));
        }
    }

    fn operands(&self, out: &mut [i64; OPERANDS], insn: Insn, pc: u32) {
        let rt = self.rt;
        let o = self.ordinals;
        let mut set = |ordinal: u32, value: u32| self.set(out, ordinal, value);
        set(o.a, insn.a as u32 * 8);
        set(o.b, insn.b as u32 * 8);
        set(o.c, insn.c as u32 * 8);
        set(o.imm_b, insn.b as u32);
        set(o.imm_c, insn.c as u32);
        set(o.d, insn.d);
        set(o.pc, pc);
        set(o.word, pc + 8);
        let info = &OPS[insn.op as usize];
        match info.extra {
            Extra::Pair => {
                set(o.x[0], rt.get(pc + 8));
                set(o.x[1], rt.get(pc + 12));
            }
            Extra::Resume => set(o.signature, insn.b as u32 | SIGNATURE_COMPILED),
            _ => {}
        }
        match info.op {
            Op::GetUp | Op::GetUpCell | Op::SetUpCell => {
                set(o.up, CLOSURE_UPVALUES + insn.b as u32 * 8);
            }
            Op::GetIndexK | Op::SetIndexK => set(o.item, insn.d.wrapping_mul(8)),
            _ => {}
        }
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
            loads,
            ordinals,
            targets,
            ..
        } = self.baseline().ok_or(Refusal::Internal)?;
        let walk = Walk {
            rt: self,
            stencils,
            forwarded,
            loads: *loads,
            marks: &[],
            ordinals,
            targets: *targets,
            sites: 0,
            bake: true,
        };
        let mut measure = Measure::new(linked.bundle(), &mut []);
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
            loads: baseline.loads,
            marks: marks.unwrap_or_default(),
            ordinals: &baseline.ordinals,
            targets: baseline.targets,
            sites: self.sites_of(record).0,
            bake,
        };
        walk.run(out, proto)
    }

    /// Makes the code. Gives its block, the number of instructions, and its cold bytes.
    fn emit(self, proto: &Proto, sites: u32, bake: bool) -> Result<(CodeBlock, u32, u32), Refusal> {
        // Scratch memory: two labels for each word, and a mark.
        let words = proto.code_words as usize;
        let baseline = self.baseline().ok_or(Refusal::Internal)?;
        while baseline.marks.len() < words {
            let pushed = baseline.marks.push(self, PLAIN);
            pushed.map_err(|_| Refusal::NoMemory)?;
        }
        while baseline.labels.len() < words * 2 {
            let pushed = baseline.labels.push(self, LabelState::UNBOUND);
            pushed.map_err(|_| Refusal::NoMemory)?;
        }
        loop {
            let Baseline {
                region,
                linked,
                stencils,
                forwarded,
                loads,
                marks,
                ordinals,
                targets,
                labels,
                ..
            } = self.baseline().ok_or(Refusal::Internal)?;
            mark(self, proto, forwarded, &mut marks[..words]);
            let walk = Walk {
                rt: self,
                stencils,
                forwarded,
                loads: *loads,
                marks: &marks[..words],
                ordinals,
                targets: *targets,
                sites,
                bake,
            };
            let labels = &mut labels[..words * 2];
            let mut measure = Measure::new(linked.bundle(), labels);
            let count = walk.run(&mut measure, proto)?;
            let size = measure.finish()?;
            let mut emitter = match Emitter::new(linked, region, size, labels) {
                Ok(emitter) => emitter,
                Err(EmitError::Space(
                    SpaceError::RegionFull { .. } | SpaceError::TooManyBlocks { .. },
                )) if self.evict_one() => continue,
                Err(error) => return Err(error.into()),
            };
            walk.run(&mut emitter, proto)?;
            let block = emitter.finish()?;
            serialize();
            return Ok((block, count, size.cold));
        }
    }
}

/// Finds out where jumps lead, and which instructions get an operand from the one before.
fn mark(rt: Rt, proto: &Proto, forwarded: &[Forwarded; OP_COUNT], marks: &mut [u8]) {
    marks.fill(PLAIN);
    let instruction = |at: u32| Insn::from_word(rt.get(proto.entry + at * 8));
    let mut at = 0;
    while at < proto.code_words {
        let insn = instruction(at);
        let info = &OPS[insn.op as usize];
        if matches!(
            info.control,
            Control::Branch | Control::Jump | Control::Loop
        ) && let Some(mark) = marks.get_mut(at.wrapping_add(insn.d) as usize)
        {
            let of_loop = matches!(info.op, Op::ForLoop | Op::ForLoopUp);
            *mark = if of_loop && *mark == PLAIN {
                LOOP
            } else {
                TARGET
            };
        }
        at += info.extra.words() as u32;
    }
    let mut at = 0;
    // The register whose number the instruction before has left.
    let mut number = None;
    // It was a `ForPrep`: the only way to a loop's beginning besides the loop's end.
    let mut begun = false;
    while at < proto.code_words {
        let insn = instruction(at);
        let info = &OPS[insn.op as usize];
        let mark = &mut marks[at as usize];
        if (*mark == PLAIN || (*mark == LOOP && begun))
            && let Some(register) = number
        {
            let places = [insn.a, insn.b, insn.c];
            let taken = (0..places.len())
                .find(|&i| places[i] == register && !forwarded[info.op as usize][i].is_none());
            if let Some(place) = taken {
                *mark = FORWARDED + place as u8;
            }
        }
        begun = info.op == Op::ForPrep;
        number = match info.op {
            Op::ForPrep => Some(insn.a.wrapping_add(3)),
            op => op.leaves_number().then_some(insn.a),
        };
        at += info.extra.words() as u32;
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

/// Does control come back behind this instruction, by its resume word?
pub(super) fn has_resume_word(insn: Insn) -> bool {
    OPS[insn.op as usize].extra == Extra::Resume
}

/// Length of the instruction in words.
pub(super) fn words_of(insn: Insn) -> u32 {
    let info = &OPS[insn.op as usize];
    debug_assert!(info.extra != Extra::Resume || matches!(info.control, Control::Call));
    info.extra.words() as u32
}
