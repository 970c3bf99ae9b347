//! Where the stencils of a sequence go: positions, padding, which jumps are needed.
//!
//! Both passes of `emit` ask this file the same questions in the same order, so that the
//! second needs exactly the bytes that the first has counted. Pure arithmetic on offsets
//! from the start of the block's hot and cold piece; touches no memory.
//!
//! A jump to where a stencil falls through is held back for one step: if the next thing
//! is that very label, or the target is simply what comes next, it is never made.

use crate::error::EmitError;
use crate::ready::Outline;
use stencil_format::{Template, Templates};

/// Length of `jmp rel32`.
pub const JUMP_LEN: u32 = 5;

/// A place in the code of one function, by index in the slice of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label(pub u32);

/// Where a continuation leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To what is emitted next.
    Next,
    /// To a label of the same function, bound earlier or later.
    Label(Label),
    /// To an execute address outside: an AOT function, another block.
    Address(usize),
}

/// What both passes of emission can do: a client writes its emission once, over this.
///
/// `'a` is the bundle's lifetime: errors borrow names from it.
pub trait Assembler<'a> {
    /// Binds a label to the current place in the hot code.
    ///
    /// # Errors
    /// The label is unknown or bound already.
    fn bind(&mut self, label: Label) -> Result<(), EmitError<'a>>;

    /// Appends a stencil, by its index in the bundle.
    ///
    /// `operands` has the values by operand ordinal (those that the stencil has no hole for
    /// may be anything, and the slice may end before them). A `u64` is passed by its bits.
    ///
    /// `continuations` has targets by continuation ordinal. The one that the stencil falls
    /// through to may be left out, and is [`Target::Next`] then; any other that the
    /// stencil has a hole for must be there.
    ///
    /// # Errors
    /// [`EmitError`] names the stencil and the hole.
    fn stencil(
        &mut self,
        index: u32,
        operands: &[i64],
        continuations: &[(u32, Target)],
    ) -> Result<(), EmitError<'a>>;

    /// Appends a jump, unless the target comes next anyway.
    ///
    /// # Errors
    /// The label is unknown, or the target too far.
    fn jump(&mut self, target: Target) -> Result<(), EmitError<'a>>;
}

/// Bytes that a sequence of stencils takes: the result of the first pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeSize {
    /// Bytes of hot code.
    pub hot: u32,
    /// Bytes of cold code.
    pub cold: u32,
    /// Alignment of the hot code.
    pub align: u32,
}

/// A jump of the emitter's own: at this offset in the hot code.
pub(crate) type Jump = (u32, Target);

/// Where a stencil goes. Offsets in the hot (cold) code.
pub(crate) struct Placement {
    /// A jump held back until now, before everything else.
    pub(crate) jump_before: Option<Jump>,
    /// Where padding starts; it ends at `hot`.
    pub(crate) padding: u32,
    pub(crate) hot: u32,
    pub(crate) cold: u32,
    /// A jump that can't be held back, right after the hot part.
    pub(crate) jump_after: Option<Jump>,
    /// What [`Target::Next`] means for the stencil's holes.
    pub(crate) next: u32,
}

/// The state of one pass.
pub(crate) struct Layout {
    hot: u32,
    cold: u32,
    align: u32,
    /// A jump held back.
    pending: Option<Target>,
    /// Control can arrive at the current place.
    open: bool,
}

impl Layout {
    pub(crate) fn new() -> Layout {
        Layout {
            hot: 0,
            cold: 0,
            align: 1,
            pending: None,
            open: false,
        }
    }

    /// Makes the jump held back, if any.
    #[inline]
    fn flush<'a>(&mut self) -> Result<Option<Jump>, EmitError<'a>> {
        let Some(target) = self.pending.take() else {
            return Ok(None);
        };
        let at = self.hot;
        self.hot = grow(at, JUMP_LEN)?;
        self.open = false;
        Ok(Some((at, target)))
    }

    /// The jump held back, before a stencil.
    #[inline(always)]
    pub(crate) fn release<'a>(&mut self) -> Result<Option<Jump>, EmitError<'a>> {
        if self.pending.is_none() {
            return Ok(None);
        }
        self.flush()
    }

    /// A label is bound here. Gives the jump before it, and its offset.
    #[inline]
    pub(crate) fn bind<'a>(&mut self, label: Label) -> Result<(Option<Jump>, u32), EmitError<'a>> {
        let jump = match self.pending {
            None => None,
            Some(Target::Label(pending)) if pending == label => {
                self.pending = None;
                None
            }
            Some(_) => self.flush()?,
        };
        self.open = true;
        Ok((jump, self.hot))
    }

    /// A jump comes here. Gives the jump before it.
    pub(crate) fn jump<'a>(&mut self, target: Target) -> Result<Option<Jump>, EmitError<'a>> {
        if target == Target::Next {
            return Ok(None);
        }
        let before = self.flush()?;
        self.pending = Some(target);
        Ok(before)
    }

    /// A stencil comes here.
    #[inline(always)]
    pub(crate) fn place<'a>(
        &mut self,
        outline: Outline,
        continuations: &[(u32, Target)],
    ) -> Result<Placement, EmitError<'a>> {
        let jump_before = self.flush()?;
        let padding = self.hot;
        let align = outline.align;
        let mut hot = padding;
        if align > 1 {
            self.align = self.align.max(align);
            hot = padding
                .checked_next_multiple_of(align)
                .ok_or(EmitError::TooLarge)?;
        }
        self.hot = grow(hot, outline.hot)?;
        let cold = self.cold;
        self.cold = grow(cold, outline.cold)?;

        let mut falls_to = None;
        let mut next_used = false;
        for &(ordinal, target) in continuations {
            if ordinal == outline.fallthrough && falls_to.is_none() {
                falls_to = Some(target);
            }
            next_used |= target == Target::Next;
        }
        falls_to = match outline.fallthrough {
            Outline::NOWHERE => None,
            _ => falls_to.or(Some(Target::Next)),
        };
        let mut jump_after = None;
        match falls_to {
            None | Some(Target::Next) => {}
            Some(target) => {
                self.pending = Some(target);
                // "Next" must be a place that is known now: behind the jump.
                if next_used {
                    jump_after = self.flush()?;
                }
            }
        }
        self.open = next_used || falls_to == Some(Target::Next);
        Ok(Placement {
            jump_before,
            padding,
            hot,
            cold,
            jump_after,
            next: self.hot,
        })
    }

    /// The end of the code. Gives the last jump and the size.
    pub(crate) fn finish<'a>(&mut self) -> Result<(Option<Jump>, CodeSize), EmitError<'a>> {
        let jump = self.flush()?;
        if self.open {
            return Err(EmitError::FallsOffEnd);
        }
        Ok((
            jump,
            CodeSize {
                hot: self.hot,
                cold: self.cold,
                align: self.align,
            },
        ))
    }
}

/// Offsets stay below the greatest region's length.
#[inline]
fn grow<'a>(offset: u32, by: u32) -> Result<u32, EmitError<'a>> {
    offset
        .checked_add(by)
        .filter(|&end| end <= i32::MAX as u32)
        .ok_or(EmitError::TooLarge)
}

/// The target given for a continuation.
#[inline]
pub(crate) fn target_of(continuations: &[(u32, Target)], ordinal: u32) -> Option<Target> {
    continuations
        .iter()
        .find(|(known, _)| *known == ordinal)
        .map(|&(_, target)| target)
}

/// The stencil with an index, or the error that says there is none.
#[inline]
pub(crate) fn template_at<'t, 'a>(
    templates: &Templates<'t>,
    index: u32,
) -> Result<Template<'t>, EmitError<'a>> {
    templates
        .get(index)
        .ok_or(EmitError::UnknownStencil { index })
}
