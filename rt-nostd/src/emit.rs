//! The two passes of emission: [`Measure`] adds sizes up and notes where labels are,
//! [`Emitter`] copies and patches.
//!
//! A client writes its emission once, generic over [`Assembler`], and runs it on both
//! with the same slice of labels. Hot code goes to the low end of the region and cold code
//! to the high end. The second pass knows all labels from the first, so it patches each
//! hole once, in order. An emitter that is dropped before `finish` gives its space back.
//!
//! Must never write outside the block that the first pass's size has bought, and never
//! write a value that its hole does not hold. Whoever knows the places of its stencils has a
//! faster way (`stamp`), which comes here for all that is unusual.

use crate::error::EmitError;
use crate::field;
use crate::layout::{
    Assembler, CodeSize, JUMP_LEN, Jump, Label, Layout, Target, target_of, template_at,
};
use crate::link::LinkedBundle;
use crate::ready::Outline;
use crate::region::{CodeBlock, CodeRegion};
use crate::space::Extent;
use crate::view::{OutOfRange, Pieces};
use stencil_format::{Bundle, Hole, HoleKind, OperandForm, Part, RelTarget, Template, Templates};

/// Where a label is: a slot of the caller's slice of labels.
///
/// The first pass stores the offset; the second sets the highest bit when it comes there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelState {
    offset: u32,
}

/// The second pass has been there, too. Offsets are below.
const BOUND: u32 = 1 << 31;

impl LabelState {
    /// Not bound yet.
    pub const UNBOUND: LabelState = LabelState { offset: u32::MAX };

    /// Its offset from the block's entry, once it is bound.
    #[inline]
    pub fn offset(self) -> Option<u32> {
        (self != LabelState::UNBOUND).then_some(self.offset & !BOUND)
    }
}

impl Default for LabelState {
    fn default() -> LabelState {
        LabelState::UNBOUND
    }
}

/// The first pass: how much space will it take, and where are the labels?
pub struct Measure<'l, 'a> {
    templates: Templates<'a>,
    labels: &'l mut [LabelState],
    layout: Layout,
}

impl<'l, 'a> Measure<'l, 'a> {
    /// Nothing measured yet.
    ///
    /// There must be a slot in `labels` for each label that will be bound or used; all are
    /// unbound at first. They are what [`Emitter::new`] wants to be given.
    pub fn new(bundle: &Bundle<'a>, labels: &'l mut [LabelState]) -> Measure<'l, 'a> {
        labels.fill(LabelState::UNBOUND);
        Measure {
            templates: bundle.templates(),
            labels,
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

impl<'a> Assembler<'a> for Measure<'_, 'a> {
    #[inline]
    fn bind(&mut self, label: Label) -> Result<(), EmitError<'a>> {
        let (_, offset) = self.layout.bind(label)?;
        match self.labels.get_mut(label.0 as usize) {
            Some(slot) if *slot == LabelState::UNBOUND => slot.offset = offset,
            Some(_) => return Err(EmitError::BoundTwice { label }),
            None => return Err(unknown_label(label, self.labels)),
        }
        Ok(())
    }

    #[inline]
    fn stencil(
        &mut self,
        index: u32,
        _operands: &[i64],
        continuations: &[(u32, Target)],
    ) -> Result<(), EmitError<'a>> {
        let outline = Outline::of(template_at(&self.templates, index)?);
        self.layout.place(outline, continuations).map(|_| ())
    }

    #[inline]
    fn jump(&mut self, target: Target) -> Result<(), EmitError<'a>> {
        self.layout.jump(target).map(|_| ())
    }
}

/// The second pass: copies stencils into a block of a region and patches their holes.
pub struct Emitter<'e, 'a, 'm> {
    linked: &'e LinkedBundle<'a>,
    templates: Templates<'a>,
    region: &'e mut CodeRegion<'m>,
    labels: &'e mut [LabelState],
    layout: Layout,
    size: CodeSize,
    /// Taken by `finish`; what is left when the emitter is dropped is given back.
    block: Option<CodeBlock>,
    /// Offsets in the region of the block's hot and cold code.
    hot_base: u32,
    cold_base: u32,
    /// The same of the bundle's rodata.
    rodata: u32,
}

impl<'e, 'a, 'm> Emitter<'e, 'a, 'm> {
    /// Takes space for `size` bytes of code, as [`Measure::finish`] gave it with `labels`.
    ///
    /// A flipped region is unpublished until the emitter is finished or dropped.
    ///
    /// # Errors
    /// [`EmitError::Space`] or [`EmitError::WrongRegion`].
    pub fn new(
        linked: &'e LinkedBundle<'a>,
        region: &'e mut CodeRegion<'m>,
        size: CodeSize,
        labels: &'e mut [LabelState],
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
        Ok(Emitter {
            linked,
            templates: linked.bundle().templates(),
            hot_base: block.hot().end - size.hot,
            cold_base: block.cold().start,
            rodata: linked.image() + linked.bundle().rodata_offset(),
            region,
            labels,
            layout: Layout::new(),
            size,
            block: Some(block),
        })
    }

    /// Publishes the code. The labels then say where they are in the block.
    ///
    /// # Errors
    /// [`EmitError`]: control runs off the end, the calls were not those that were
    /// measured, or publishing failed. The space is given back.
    pub fn finish(mut self) -> Result<CodeBlock, EmitError<'a>> {
        let (jump, size) = self.layout.finish()?;
        self.emit_jump(jump)?;
        // Each label of the first pass was bound again, in the same place.
        let bound = self
            .labels
            .iter()
            .fold(BOUND, |all, label| all & label.offset);
        if size != self.size || bound != BOUND {
            return Err(EmitError::PassesDiffer);
        }
        self.publish()
    }

    /// Publishes the code, whatever it is.
    pub(crate) fn publish(mut self) -> Result<CodeBlock, EmitError<'a>> {
        let Some(block) = self.block.take() else {
            return Err(EmitError::PassesDiffer);
        };
        if let Err(error) = self.region.view.close() {
            self.region.release(&block);
            return Err(EmitError::Space(error.into()));
        }
        Ok(block)
    }

    /// The block's two pieces.
    pub(crate) fn pieces(&mut self) -> Result<Pieces, EmitError<'a>> {
        let piece = |start: u32, len: u32| Extent {
            start,
            end: start + len,
        };
        let hot = piece(self.hot_base, self.size.hot);
        let cold = piece(self.cold_base, self.size.cold);
        self.region.view.pieces(hot, cold).map_err(passes_differ)
    }

    /// Offsets in the region of the block's hot and cold code.
    #[inline(always)]
    pub(crate) fn bases(&self) -> [u32; 2] {
        [self.hot_base, self.cold_base]
    }

    /// The region's execute address.
    pub(crate) fn region_base(&self) -> usize {
        self.region.view.base()
    }

    /// The emitter's own `jmp rel32`, if there is one.
    #[inline]
    fn emit_jump(&mut self, jump: Option<Jump>) -> Result<(), EmitError<'a>> {
        match jump {
            None => Ok(()),
            Some((at, target)) => self.write_jump(at, target),
        }
    }

    pub(crate) fn write_jump(&mut self, at: u32, target: Target) -> Result<(), EmitError<'a>> {
        let end = at.saturating_add(JUMP_LEN);
        if end > self.size.hot {
            return Err(EmitError::PassesDiffer);
        }
        let field = self.hot_base + at + 1;
        // `Next` never becomes a jump.
        let target = self.resolve(target, self.hot_base + end)?;
        let too_far = EmitError::OutOfReach {
            stencil: JUMP,
            target: JUMP,
        };
        let distance = field::near(target, field, -4).ok_or(too_far)?;
        let view = &mut self.region.view;
        view.put(field - 1, [0xe9]).map_err(passes_differ)?;
        view.put(field, distance).map_err(passes_differ)
    }

    #[cold]
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
        if to > self.size.hot {
            return Err(EmitError::PassesDiffer);
        }
        let mut at = from;
        while at < to {
            let nop = NOPS[(to - at).min(9) as usize - 1];
            self.region
                .view
                .write(self.hot_base + at, nop)
                .map_err(passes_differ)?;
            at += nop.len() as u32;
        }
        Ok(())
    }

    /// Where a target is, as an offset in the region; `next` is what [`Target::Next`] means.
    #[inline]
    fn resolve(&self, target: Target, next: u32) -> Result<i64, EmitError<'a>> {
        match target {
            Target::Next => Ok(next.into()),
            Target::Label(label) => match self.labels.get(label.0 as usize) {
                Some(&LabelState::UNBOUND) => Err(EmitError::UnboundLabel { label }),
                // Not behind the block: `bind` finds each label where it is said to be.
                Some(state) => Ok(i64::from(self.hot_base) + i64::from(state.offset & !BOUND)),
                None => Err(unknown_label(label, self.labels)),
            },
            Target::Address(address) => Ok(field::offset_of(address, self.region.view.base())),
        }
    }

    /// Appends a stencil. No jump is held back.
    fn append(
        &mut self,
        index: u32,
        operands: &[i64],
        continuations: &[(u32, Target)],
    ) -> Result<(), EmitError<'a>> {
        let template = template_at(&self.templates, index)?;
        let placement = self.layout.place(Outline::of(template), continuations)?;
        self.emit_jump(placement.jump_before)?;
        if placement.padding != placement.hot {
            self.emit_padding(placement.padding, placement.hot)?;
        }
        // No overflow: offsets in a block and blocks in a region are below 2^31.
        self.stamp_by_the_book(StencilAt {
            index,
            hot: self.hot_base + placement.hot,
            cold: self.cold_base + placement.cold,
            next: self.hot_base + placement.next,
            operands,
            continuations,
        })?;
        self.emit_jump(placement.jump_after)
    }

    /// Puts a stencil in its place by the book: hole by hole, as the bundle has them.
    pub(crate) fn stamp_by_the_book(&mut self, at: StencilAt<'_>) -> Result<(), EmitError<'a>> {
        let template = template_at(&self.templates, at.index)?;
        // Whatever the first pass got: inside the block, or not at all.
        let room = |place: u32, base: u32, len: u32| {
            let from = place.checked_sub(base).ok_or(EmitError::PassesDiffer)?;
            len.checked_sub(from).ok_or(EmitError::PassesDiffer)
        };
        let hot_room = room(at.hot, self.hot_base, self.size.hot)?;
        let cold_room = room(at.cold, self.cold_base, self.size.cold)?;
        let view = &mut self.region.view;
        let (from, len) = self.templates.bytes(template.hot());
        view.copy::<64>(at.hot, hot_room, from, len)
            .map_err(passes_differ)?;
        let (from, len) = self.templates.bytes(template.cold());
        view.copy::<32>(at.cold, cold_room, from, len)
            .map_err(passes_differ)?;
        self.patch(template, at)
    }

    /// Patches the holes of the stencil `template`, whose parts are in place.
    #[inline(always)]
    fn patch(&mut self, template: Template<'a>, at: StencilAt<'_>) -> Result<(), EmitError<'a>> {
        for hole in self.templates.holes(template) {
            // The whole part was written there, and the hole lies in it, unless the bundle wasn't
            // checked.
            let (part, len) = match hole.part {
                Part::Hot => (at.hot, template.hot().len),
                Part::Cold => (at.cold, template.cold().len),
            };
            let end = hole.offset.checked_add(hole.kind.width());
            if end.is_none_or(|end| end > len) {
                return Err(EmitError::PassesDiffer);
            }
            let place = part + hole.offset;
            let bytes = match hole.kind {
                HoleKind::Operand { form, ordinal } => {
                    let Some(&value) = at.operands.get(ordinal as usize) else {
                        return Err(self.missing_operand(at.index, ordinal));
                    };
                    let bytes = match form {
                        OperandForm::Abs32 => field::abs32(value, hole.addend),
                        OperandForm::Abs32S => field::abs32s(value, hole.addend),
                        OperandForm::Abs8S => match field::abs8s(value, hole.addend) {
                            Some(byte) => {
                                self.region.view.put(place, byte).map_err(passes_differ)?;
                                continue;
                            }
                            None => None,
                        },
                        OperandForm::Abs64 => {
                            let bytes = field::abs64(value, hole.addend);
                            self.region.view.put(place, bytes).map_err(passes_differ)?;
                            continue;
                        }
                    };
                    match bytes {
                        Some(bytes) => bytes,
                        None => return Err(self.operand_range(at.index, hole, value)),
                    }
                }
                HoleKind::Rel32(target) => {
                    let target = match target {
                        RelTarget::OwnHot => at.hot.into(),
                        RelTarget::OwnCold => at.cold.into(),
                        RelTarget::Rodata => self.rodata.into(),
                        RelTarget::Function(index) => {
                            i64::from(self.linked.image())
                                + i64::from(self.templates.function_offset(index))
                        }
                        RelTarget::Continuation(ordinal) => {
                            let falls = template.fallthrough() == Some(ordinal);
                            let given = target_of(at.continuations, ordinal)
                                .or(falls.then_some(Target::Next));
                            match given {
                                Some(target) => self.resolve(target, at.next)?,
                                None => return Err(self.unbound(at.index, ordinal)),
                            }
                        }
                        RelTarget::Import(ordinal) => {
                            self.linked
                                .import_offset(self.region, ordinal, place, hole.addend)
                        }
                    };
                    match field::near(target, place, hole.addend) {
                        Some(bytes) => bytes,
                        None => return Err(self.out_of_reach(at.index, hole)),
                    }
                }
            };
            self.region.view.put(place, bytes).map_err(passes_differ)?;
        }
        Ok(())
    }

    fn name(&self, index: u32) -> &'a str {
        let stencil = self.linked.bundle().stencil(index);
        stencil.map_or("", |stencil| stencil.name())
    }

    #[cold]
    fn missing_operand(&self, index: u32, ordinal: u32) -> EmitError<'a> {
        EmitError::MissingOperand {
            stencil: self.name(index),
            operand: self.linked.bundle().operand(ordinal).unwrap_or_default(),
        }
    }

    #[cold]
    fn operand_range(&self, index: u32, hole: Hole, value: i64) -> EmitError<'a> {
        // Called for holes of operands only.
        let HoleKind::Operand { form, ordinal } = hole.kind else {
            return EmitError::PassesDiffer;
        };
        EmitError::OperandRange {
            stencil: self.name(index),
            operand: self.linked.bundle().operand(ordinal).unwrap_or_default(),
            form,
            value,
            addend: hole.addend,
        }
    }

    #[cold]
    fn unbound(&self, index: u32, ordinal: u32) -> EmitError<'a> {
        EmitError::UnboundContinuation {
            stencil: self.name(index),
            continuation: self
                .linked
                .bundle()
                .continuation(ordinal)
                .unwrap_or_default(),
        }
    }

    #[cold]
    fn out_of_reach(&self, index: u32, hole: Hole) -> EmitError<'a> {
        let bundle = self.linked.bundle();
        let target = match hole.kind {
            HoleKind::Operand { .. } => None,
            HoleKind::Rel32(target) => match target {
                RelTarget::Continuation(ordinal) => bundle.continuation(ordinal),
                RelTarget::Import(ordinal) => bundle.import(ordinal),
                RelTarget::Function(index) => bundle.function(index).map(|found| found.name),
                RelTarget::Rodata => Some("rodata"),
                RelTarget::OwnHot => Some("hot part"),
                RelTarget::OwnCold => Some("cold part"),
            },
        };
        EmitError::OutOfReach {
            stencil: self.name(index),
            target: target.unwrap_or_default(),
        }
    }
}

/// What the emitter's own jumps are called in errors.
const JUMP: &str = "jump";

/// The block lies in the region and every write was compared with the block.
#[cold]
fn passes_differ<'a>(_: OutOfRange) -> EmitError<'a> {
    EmitError::PassesDiffer
}

#[cold]
fn unknown_label<'a>(label: Label, labels: &[LabelState]) -> EmitError<'a> {
    EmitError::UnknownLabel {
        label,
        labels: labels.len(),
    }
}

/// A stencil in place, and what its holes are filled from. Offsets in the region.
#[derive(Clone, Copy)]
pub(crate) struct StencilAt<'s> {
    pub(crate) index: u32,
    pub(crate) hot: u32,
    pub(crate) cold: u32,
    /// What [`Target::Next`] means.
    pub(crate) next: u32,
    pub(crate) operands: &'s [i64],
    pub(crate) continuations: &'s [(u32, Target)],
}

impl<'a> Assembler<'a> for Emitter<'_, 'a, '_> {
    #[inline]
    fn bind(&mut self, label: Label) -> Result<(), EmitError<'a>> {
        let (jump, offset) = self.layout.bind(label)?;
        self.emit_jump(jump)?;
        match self.labels.get_mut(label.0 as usize) {
            Some(slot) if slot.offset == offset => slot.offset |= BOUND,
            Some(slot) if slot.offset == offset | BOUND => {
                return Err(EmitError::BoundTwice { label });
            }
            Some(_) => return Err(EmitError::PassesDiffer),
            None => return Err(unknown_label(label, self.labels)),
        }
        Ok(())
    }

    #[inline]
    fn stencil(
        &mut self,
        index: u32,
        operands: &[i64],
        continuations: &[(u32, Target)],
    ) -> Result<(), EmitError<'a>> {
        let held_back = self.layout.release()?;
        self.emit_jump(held_back)?;
        self.append(index, operands, continuations)
    }

    #[inline]
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
