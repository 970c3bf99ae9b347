//! The two passes of emission: [`Measure`] adds sizes up, [`Emitter`] copies and patches.
//!
//! A client writes its emission once, generic over [`Assembler`], and runs it on both.
//! Hot code goes to the low end of the region and cold code to the high end. Forward
//! references are noted in the caller's slice of fixups and patched at the end. An emitter
//! that is dropped before `finish` gives its space back.
//!
//! Must never write outside the block that the first pass's size has bought, and never
//! write a value that its hole does not hold.

use crate::error::EmitError;
use crate::field;
use crate::layout::{
    Assembler, CodeSize, JUMP_LEN, Jump, Label, Layout, Target, stencil_at, target_of,
};
use crate::link::LinkedBundle;
use crate::region::{CodeBlock, CodeRegion};
use crate::view::OutOfRange;
use stencil_format::{Bundle, Hole, HoleKind, Part, RelTarget, Stencil};

/// Where a label is: a slot of the caller's slice of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelState {
    offset: u32,
}

impl LabelState {
    /// Not bound yet.
    pub const UNBOUND: LabelState = LabelState { offset: u32::MAX };

    /// Its offset from the block's entry, once it is bound.
    pub fn offset(self) -> Option<u32> {
        (self != LabelState::UNBOUND).then_some(self.offset)
    }
}

impl Default for LabelState {
    fn default() -> LabelState {
        LabelState::UNBOUND
    }
}

/// A forward reference to be patched: a slot of the caller's slice of fixups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fixup {
    /// Offset of the field in the region.
    at: u32,
    label: u32,
    addend: i64,
}

impl Fixup {
    /// A slot not in use.
    pub const EMPTY: Fixup = Fixup {
        at: 0,
        label: 0,
        addend: 0,
    };
}

/// The first pass: how much space will it take?
pub struct Measure<'a> {
    bundle: Bundle<'a>,
    layout: Layout,
}

impl<'a> Measure<'a> {
    /// Nothing measured yet.
    pub fn new(bundle: &Bundle<'a>) -> Measure<'a> {
        Measure {
            bundle: *bundle,
            layout: Layout::new(),
        }
    }

    /// The size of what was measured.
    ///
    /// # Errors
    /// [`EmitError::FallsOffEnd`] or [`EmitError::TooLarge`].
    pub fn finish(mut self) -> Result<CodeSize, EmitError<'a>> {
        let (_, size) = self.layout.finish()?;
        Ok(size)
    }
}

impl<'a> Assembler<'a> for Measure<'a> {
    fn bind(&mut self, label: Label) -> Result<(), EmitError<'a>> {
        self.layout.bind(label).map(|_| ())
    }

    fn stencil(
        &mut self,
        index: u32,
        _operands: &[i64],
        continuations: &[(u32, Target)],
    ) -> Result<(), EmitError<'a>> {
        let stencil = stencil_at(&self.bundle, index)?;
        self.layout.place(&stencil, continuations).map(|_| ())
    }

    fn jump(&mut self, target: Target) -> Result<(), EmitError<'a>> {
        self.layout.jump(target).map(|_| ())
    }
}

/// The second pass: copies stencils into a block of a region and patches their holes.
pub struct Emitter<'e, 'a, 'm> {
    linked: &'e LinkedBundle<'a>,
    region: &'e mut CodeRegion<'m>,
    labels: &'e mut [LabelState],
    fixups: &'e mut [Fixup],
    fixup_count: usize,
    layout: Layout,
    size: CodeSize,
    /// Taken by `finish`; what is left when the emitter is dropped is given back.
    block: Option<CodeBlock>,
    /// Offsets in the region of the block's hot and cold code.
    hot_base: u32,
    cold_base: u32,
}

impl<'e, 'a, 'm> Emitter<'e, 'a, 'm> {
    /// Takes space for `size` bytes of code, as [`Measure::finish`] gave it.
    ///
    /// `labels` are all unbound afterwards; there must be one for each that will be bound or
    /// used. `fixups` needs a slot for each reference to a label that is bound later.
    /// A flipped region is unpublished until the emitter is finished or dropped.
    ///
    /// # Errors
    /// [`EmitError::Space`] or [`EmitError::WrongRegion`].
    pub fn new(
        linked: &'e LinkedBundle<'a>,
        region: &'e mut CodeRegion<'m>,
        size: CodeSize,
        labels: &'e mut [LabelState],
        fixups: &'e mut [Fixup],
    ) -> Result<Emitter<'e, 'a, 'm>, EmitError<'a>> {
        if !linked.is_in(region) {
            return Err(EmitError::WrongRegion);
        }
        // The fields are public: whatever they say, `allocate` gets what it may.
        if !size.align.is_power_of_two() || size.align > stencil_format::MAX_ALIGN {
            return Err(EmitError::PassesDiffer);
        }
        let block = region.allocate(size.hot, size.cold, size.align)?;
        if let Err(error) = region.view.open() {
            region.release(&block);
            return Err(EmitError::Space(error.into()));
        }
        labels.fill(LabelState::UNBOUND);
        Ok(Emitter {
            linked,
            hot_base: block.hot().end - size.hot,
            cold_base: block.cold().start,
            region,
            labels,
            fixups,
            fixup_count: 0,
            layout: Layout::new(),
            size,
            block: Some(block),
        })
    }

    /// Patches the forward references and publishes the code.
    ///
    /// # Errors
    /// [`EmitError`]: control runs off the end, a label was used and not bound, the calls
    /// were not those that were measured, or publishing failed. The space is given back.
    pub fn finish(mut self) -> Result<CodeBlock, EmitError<'a>> {
        let (jump, size) = self.layout.finish()?;
        self.emit_jump(jump)?;
        if size != self.size {
            return Err(EmitError::PassesDiffer);
        }
        for i in 0..self.fixup_count {
            let fixup = self.fixups[i];
            let label = Label(fixup.label);
            let offset = self
                .label(label)?
                .offset()
                .ok_or(EmitError::UnboundLabel { label })?;
            let target = self.region.view.address(self.hot_base + offset);
            let place = self.region.view.address(fixup.at);
            let bytes = field::rel32(target, place, fixup.addend).ok_or(EmitError::OutOfReach {
                stencil: JUMP,
                target: "label",
            })?;
            self.region
                .view
                .write(fixup.at, &bytes)
                .map_err(passes_differ)?;
        }
        let Some(block) = self.block.take() else {
            return Err(EmitError::PassesDiffer);
        };
        if let Err(error) = self.region.view.close() {
            self.region.release(&block);
            return Err(EmitError::Space(error.into()));
        }
        Ok(block)
    }

    fn label(&self, label: Label) -> Result<LabelState, EmitError<'a>> {
        let unknown = EmitError::UnknownLabel {
            label,
            labels: self.labels.len(),
        };
        self.labels.get(label.0 as usize).copied().ok_or(unknown)
    }

    /// Writes to the hot or cold code, inside the block only. Gives the region's offset.
    fn write(&mut self, part: Part, offset: u32, bytes: &[u8]) -> Result<u32, EmitError<'a>> {
        let (base, len) = match part {
            Part::Hot => (self.hot_base, self.size.hot),
            Part::Cold => (self.cold_base, self.size.cold),
        };
        // Beyond what was measured: the second pass got other calls than the first.
        if offset as usize + bytes.len() > len as usize {
            return Err(EmitError::PassesDiffer);
        }
        self.region
            .view
            .write(base + offset, bytes)
            .map_err(passes_differ)?;
        Ok(base + offset)
    }

    /// The emitter's own `jmp rel32`, if there is one.
    fn emit_jump(&mut self, jump: Option<Jump>) -> Result<(), EmitError<'a>> {
        let Some((offset, target)) = jump else {
            return Ok(());
        };
        let mut code = [0; JUMP_LEN as usize];
        code[0] = 0xe9;
        let at = self.write(Part::Hot, offset, &code)? + 1;
        // `Next` never becomes a jump.
        let next = offset + JUMP_LEN;
        self.patch_target(at, target, next, -4, JUMP, JUMP)
    }

    fn emit_padding(&mut self, from: u32, to: u32) -> Result<(), EmitError<'a>> {
        /// The processor manuals' recommended form of nine bytes, and its shorter ones.
        const NOPS: [&[u8]; 9] = [
            &[0x90],
            &[0x66, 0x90],
            &[0x0f, 0x1f, 0x00],
            &[0x0f, 0x1f, 0x40, 0x00],
            &[0x0f, 0x1f, 0x44, 0x00, 0x00],
            &[0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
            &[0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
            &[0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
            &[0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
        ];
        let mut at = from;
        while at < to {
            let nop = NOPS[(to - at).min(9) as usize - 1];
            self.write(Part::Hot, at, nop)?;
            at += nop.len() as u32;
        }
        Ok(())
    }

    /// Patches a `Rel32` field, now or, for a label that is not bound yet, at the end.
    /// `at` is its offset in the region, `next` what `Target::Next` means in the hot code.
    fn patch_target(
        &mut self,
        at: u32,
        target: Target,
        next: u32,
        addend: i64,
        stencil: &'a str,
        name: &'a str,
    ) -> Result<(), EmitError<'a>> {
        let address = match target {
            Target::Next => self.region.view.address(self.hot_base + next),
            Target::Address(address) => address,
            Target::Label(label) => match self.label(label)?.offset() {
                Some(offset) => self.region.view.address(self.hot_base + offset),
                None => {
                    return self.add_fixup(Fixup {
                        at,
                        label: label.0,
                        addend,
                    });
                }
            },
        };
        let bytes = field::rel32(address, self.region.view.address(at), addend).ok_or(
            EmitError::OutOfReach {
                stencil,
                target: name,
            },
        )?;
        self.region.view.write(at, &bytes).map_err(passes_differ)
    }

    fn add_fixup(&mut self, fixup: Fixup) -> Result<(), EmitError<'a>> {
        let fixups = self.fixups.len();
        let slot = self
            .fixups
            .get_mut(self.fixup_count)
            .ok_or(EmitError::FixupsFull { fixups })?;
        *slot = fixup;
        self.fixup_count += 1;
        Ok(())
    }

    /// Patches one hole of a stencil whose parts are in place at `hot` and `cold`.
    fn patch_hole(
        &mut self,
        stencil: &Stencil<'a>,
        hole: Hole,
        at: StencilAt<'_>,
    ) -> Result<(), EmitError<'a>> {
        let (part_base, part_offset) = match hole.part {
            Part::Hot => (self.hot_base, at.hot),
            Part::Cold => (self.cold_base, at.cold),
        };
        // The whole part was written there, and the hole lies in it.
        let place_at = part_base + part_offset + hole.offset;
        let place = self.region.view.address(place_at);
        let bundle = self.linked.bundle();
        let rel_target = match hole.kind {
            HoleKind::Operand { form, ordinal } => {
                let operand = bundle.operand(ordinal).unwrap_or_default();
                let missing = EmitError::MissingOperand {
                    stencil: stencil.name(),
                    operand,
                };
                let value = *at.operands.get(ordinal as usize).ok_or(missing)?;
                let (bytes, width) =
                    field::operand(form, value, hole.addend).ok_or(EmitError::OperandRange {
                        stencil: stencil.name(),
                        operand,
                        form,
                        value,
                        addend: hole.addend,
                    })?;
                return self
                    .region
                    .view
                    .write(place_at, &bytes[..width])
                    .map_err(passes_differ);
            }
            HoleKind::Rel32(target) => target,
        };
        let (bytes, name) = match rel_target {
            RelTarget::Continuation(ordinal) => {
                let continuation = bundle.continuation(ordinal).unwrap_or_default();
                let unbound = EmitError::UnboundContinuation {
                    stencil: stencil.name(),
                    continuation,
                };
                let falls = stencil.fallthrough() == Some(ordinal);
                let target = target_of(at.continuations, ordinal)
                    .or(falls.then_some(Target::Next))
                    .ok_or(unbound)?;
                let (addend, name) = (hole.addend, stencil.name());
                return self.patch_target(place_at, target, at.next, addend, name, continuation);
            }
            RelTarget::Import(ordinal) => (
                self.linked
                    .import_field(self.region, ordinal, place, hole.addend),
                bundle.import(ordinal).unwrap_or_default(),
            ),
            RelTarget::Function(index) => (
                self.linked
                    .function_address_at(index)
                    .and_then(|address| field::rel32(address, place, hole.addend)),
                bundle.function(index).map_or("", |function| function.name),
            ),
            RelTarget::Rodata => (
                field::rel32(self.linked.rodata_address(), place, hole.addend),
                "rodata",
            ),
            RelTarget::OwnHot => {
                let target = self.region.view.address(self.hot_base + at.hot);
                (field::rel32(target, place, hole.addend), "hot part")
            }
            RelTarget::OwnCold => {
                let target = self.region.view.address(self.cold_base + at.cold);
                (field::rel32(target, place, hole.addend), "cold part")
            }
        };
        let bytes = bytes.ok_or(EmitError::OutOfReach {
            stencil: stencil.name(),
            target: name,
        })?;
        self.region
            .view
            .write(place_at, &bytes)
            .map_err(passes_differ)
    }
}

/// What the emitter's own jumps are called in errors.
const JUMP: &str = "jump";

/// The block lies in the region and every write was compared with the block.
fn passes_differ<'a>(_: OutOfRange) -> EmitError<'a> {
    EmitError::PassesDiffer
}

/// A stencil in place, and what its holes are filled from. Offsets in hot and cold code.
#[derive(Clone, Copy)]
struct StencilAt<'s> {
    hot: u32,
    cold: u32,
    next: u32,
    operands: &'s [i64],
    continuations: &'s [(u32, Target)],
}

impl<'a> Assembler<'a> for Emitter<'_, 'a, '_> {
    fn bind(&mut self, label: Label) -> Result<(), EmitError<'a>> {
        if self.label(label)? != LabelState::UNBOUND {
            return Err(EmitError::BoundTwice { label });
        }
        let (jump, offset) = self.layout.bind(label)?;
        self.emit_jump(jump)?;
        self.labels[label.0 as usize] = LabelState { offset };
        Ok(())
    }

    fn stencil(
        &mut self,
        index: u32,
        operands: &[i64],
        continuations: &[(u32, Target)],
    ) -> Result<(), EmitError<'a>> {
        let stencil = stencil_at(self.linked.bundle(), index)?;
        let placement = self.layout.place(&stencil, continuations)?;
        self.emit_jump(placement.jump_before)?;
        self.emit_padding(placement.padding, placement.hot)?;
        self.write(Part::Hot, placement.hot, stencil.hot())?;
        self.write(Part::Cold, placement.cold, stencil.cold())?;
        self.emit_jump(placement.jump_after)?;
        let at = StencilAt {
            hot: placement.hot,
            cold: placement.cold,
            next: placement.next,
            operands,
            continuations,
        };
        for hole in stencil.holes() {
            self.patch_hole(&stencil, hole, at)?;
        }
        Ok(())
    }

    fn jump(&mut self, target: Target) -> Result<(), EmitError<'a>> {
        let before = self.layout.jump(target)?;
        self.emit_jump(before)
    }
}

impl Drop for Emitter<'_, '_, '_> {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            self.region.release(&block);
            // Nothing can be reported from here, and no code was promised. If the memory
            // stays unexecutable, entering other code faults: the callback has said why.
            let _ = self.region.view.close();
        }
    }
}

impl CodeBlock {
    /// Execute address of a label that was bound in this block.
    pub fn label_address(&self, label: LabelState) -> Option<usize> {
        Some(self.entry() + label.offset()? as usize)
    }
}
