//! Emission at places that are known: the fast way, for a client that lays its code out itself.
//!
//! A client that makes a plan of its code, stencil by stencil, knows from
//! [`LinkedBundle::outline`] how long each of them is, and so where each goes, and needs no
//! second account of it. [`Stamper`] copies stencils that were
//! [made ready](LinkedBundle::make_ready) to such places and fills their holes from one table
//! of values. What it can't do that way it does by the book (`emit`), which has the errors.
//!
//! Must never write outside the block, wherever it is told to; which stencils lie where, in what
//! order they are stamped (in that of their places), and that control leads to beginnings of
//! stencils, is the client's affair. This is the hot loop of a compiler: nothing here depends on
//! what only errors need, and a stencil costs a few nanoseconds.

use crate::emit::{Emitter, StencilAt};
use crate::error::EmitError;
use crate::field;
use crate::layout::{CodeSize, JUMP_LEN, Target};
use crate::link::LinkedBundle;
use crate::ready::{
    BIAS, BY_THE_BOOK, CONTINUATIONS, CONTINUATIONS_MAX, FROM_COLD, IMAGE, LEAST, OWN_COLD,
    OWN_HOT, StencilSlot, Table, Values,
};
use crate::region::{CodeBlock, CodeRegion};
use crate::snippet::Snippet;
use crate::view::Pieces;

/// Fills a block of a region with stencils, each at its place.
pub struct Stamper<'e, 'a, 'm> {
    emitter: Emitter<'e, 'a, 'm>,
    table: Table<'a>,
    values: Values,
    pieces: Pieces,
    /// Offset in the region of the bundle's image.
    image: u64,
}

/// A stencil that is about to be stamped.
pub struct Spot<'s, 'e, 'a, 'm> {
    stamper: &'s mut Stamper<'e, 'a, 'm>,
    /// Of the stamper's table.
    slot: &'a StencilSlot,
    index: u32,
    /// Offsets of the hot and of the cold part in the block's pieces.
    at: [u32; 2],
    /// What turns an offset in the region into a value, as seen from either part.
    from: [u64; 2],
    /// Continuations that have a target, a bit each; [`BY_THE_BOOK`] if there was one too many.
    given: u16,
}

impl<'e, 'a, 'm> Stamper<'e, 'a, 'm> {
    /// Bytes of cold code to be asked for besides those that are needed: behind the last of
    /// them there is room for what is copied too much then, which is faster than to copy
    /// exactly.
    pub const ROOM: u32 = LEAST[1] as u32;

    /// Takes space for `size` bytes of code.
    ///
    /// A flipped region is unpublished until the stamper is finished or dropped.
    ///
    /// # Errors
    /// [`EmitError::Space`] or [`EmitError::WrongRegion`].
    pub fn new(
        linked: &'e LinkedBundle<'a>,
        region: &'e mut CodeRegion<'m>,
        size: CodeSize,
    ) -> Result<Stamper<'e, 'a, 'm>, EmitError<'a>> {
        let mut emitter = Emitter::new(linked, region, size, &mut [])?;
        Ok(Stamper {
            pieces: emitter.pieces()?,
            emitter,
            table: linked.table(),
            values: Values::EMPTY,
            image: linked.image().into(),
        })
    }

    /// Sets the operand with this ordinal, below
    /// [`OPERANDS_MAX`](crate::OPERANDS_MAX), for the stencils from now
    /// on. At first all are 0.
    #[inline(always)]
    pub fn set(&mut self, ordinal: usize, value: u32) {
        self.values.set(ordinal, value);
    }

    /// Begins a stencil whose parts go to these offsets in the block's hot and cold code.
    ///
    /// # Errors
    /// [`EmitError::UnknownStencil`]: it wasn't made ready.
    #[inline(always)]
    pub fn begin<'s>(
        &'s mut self,
        index: u32,
        at: [u32; 2],
    ) -> Result<Spot<'s, 'e, 'a, 'm>, EmitError<'a>> {
        let slot = self.table.get(index);
        let slot = slot.ok_or(EmitError::UnknownStencil { index })?;
        let [hot_base, cold_base] = self.emitter.bases();
        // No overflow in 64 bits. What wraps below comes out right in the sums, or they are
        // out of range.
        let hot = u64::from(hot_base) + u64::from(at[0]);
        let cold = u64::from(cold_base) + u64::from(at[1]);
        let next = hot + u64::from(slot.lens()[0]);
        let from = [BIAS.wrapping_sub(hot), BIAS.wrapping_sub(cold)];
        let targets = &mut self.values.targets;
        let mut set = |target: usize, place: u64| {
            targets[target] = from[0].wrapping_add(place);
            targets[FROM_COLD + target] = from[1].wrapping_add(place);
        };
        set(IMAGE, self.image);
        set(slot.falls(), next);
        targets[OWN_COLD] = from[0].wrapping_add(cold);
        targets[FROM_COLD + OWN_HOT] = from[1].wrapping_add(hot);
        Ok(Spot {
            stamper: self,
            slot,
            index,
            at,
            from,
            given: 0,
        })
    }

    #[cold]
    #[inline(never)]
    fn by_the_book(&mut self, index: u32, at: [u32; 2], given: u16) -> Result<(), EmitError<'a>> {
        let [hot_base, cold_base] = self.emitter.bases();
        let place = |base: u32, at: u32| base.checked_add(at).ok_or(EmitError::PassesDiffer);
        let hot = place(hot_base, at[0])?;
        let align = self.table.get(index).map_or(1, |slot| slot.outline().align);
        if given & BY_THE_BOOK != 0 || !hot.is_multiple_of(align) {
            return Err(EmitError::PassesDiffer);
        }
        let from_hot = BIAS.wrapping_sub(hot.into());
        let mut continuations = [(0, Target::Next); CONTINUATIONS_MAX as usize];
        let mut count = 0;
        for ordinal in (0..CONTINUATIONS_MAX).filter(|ordinal| given >> ordinal & 1 != 0) {
            let value = self.values.targets[CONTINUATIONS + ordinal as usize];
            let place = value.wrapping_sub(from_hot).cast_signed();
            let address = self.emitter.region_base();
            let address = address.wrapping_add_signed(place as isize);
            continuations[count] = (ordinal, Target::Address(address));
            count += 1;
        }
        let len = self.table.get(index).map_or(0, |slot| slot.lens()[0]);
        self.emitter.stamp_by_the_book(StencilAt {
            index,
            hot,
            cold: place(cold_base, at[1])?,
            next: place(hot, len)?,
            operands: &self.values.operands(),
            continuations: continuations.get(..count).unwrap_or_default(),
        })
    }

    /// Writes a snippet to an offset in the block's hot code. What lies behind it there may be
    /// overwritten: see [`Spot::stamp`].
    ///
    /// # Errors
    /// [`EmitError::PassesDiffer`]: it isn't in the block.
    #[inline(always)]
    pub fn put(&mut self, at: u32, snippet: Snippet) -> Result<(), EmitError<'a>> {
        if self.pieces.put_hot(at, snippet.bytes()) {
            return Ok(());
        }
        self.put_exactly(at, snippet)
    }

    #[cold]
    #[inline(never)]
    fn put_exactly(&mut self, at: u32, snippet: Snippet) -> Result<(), EmitError<'a>> {
        let bytes = snippet.bytes();
        let bytes = bytes.into_iter().take(snippet.len() as usize);
        for (byte, i) in bytes.zip(0..) {
            if !self.pieces.put_hot(at.saturating_add(i), [byte]) {
                return Err(EmitError::PassesDiffer);
            }
        }
        Ok(())
    }

    /// Writes a jump from one offset in the block's hot code to another; it takes
    /// [`JUMP_LEN`] bytes. Stencils before it come first: see [`Spot::stamp`].
    ///
    /// # Errors
    /// [`EmitError::PassesDiffer`]: it isn't in the block.
    #[inline]
    pub fn jump(&mut self, at: u32, to: u32) -> Result<(), EmitError<'a>> {
        let distance = to.wrapping_sub(at).wrapping_sub(JUMP_LEN).to_le_bytes();
        let [a, b, c, d] = distance;
        match self.pieces.put_hot(at, [0xe9, a, b, c, d]) {
            true => Ok(()),
            false => Err(EmitError::PassesDiffer),
        }
    }

    /// The same to an execute address, inside or outside the block.
    ///
    /// # Errors
    /// As [`Stamper::jump`]; [`EmitError::OutOfReach`].
    pub fn jump_out(&mut self, at: u32, address: usize) -> Result<(), EmitError<'a>> {
        self.emitter.write_jump(at, Target::Address(address))
    }

    /// Publishes the code.
    ///
    /// # Errors
    /// [`EmitError::Space`]: publishing failed. The space is given back.
    pub fn finish(self) -> Result<CodeBlock, EmitError<'a>> {
        self.emitter.publish()
    }
}

impl<'a> Spot<'_, '_, 'a, '_> {
    /// Where the stencil ends: an offset in the block's hot code.
    #[inline(always)]
    pub fn end(&self) -> u32 {
        self.at[0].wrapping_add(self.slot.lens()[0])
    }

    /// Lets a continuation of the stencil, with an ordinal below [`CONTINUATIONS_MAX`], lead to
    /// this offset in the block's hot code. One that it falls through to leads behind it, if
    /// nothing else is said.
    #[inline(always)]
    pub fn lead(&mut self, ordinal: u32, to: u32) {
        let place = u64::from(self.stamper.emitter.bases()[0]) + u64::from(to);
        self.lead_to(ordinal, place);
    }

    /// The same with an execute address, inside or outside the block.
    pub fn lead_out(&mut self, ordinal: u32, address: usize) {
        let place = field::offset_of(address, self.stamper.emitter.region_base());
        self.lead_to(ordinal, place.cast_unsigned());
    }

    #[inline(always)]
    fn lead_to(&mut self, ordinal: u32, place: u64) {
        if ordinal < CONTINUATIONS_MAX {
            self.given |= 1 << ordinal;
            let target = CONTINUATIONS + ordinal as usize;
            let targets = &mut self.stamper.values.targets;
            targets[target] = self.from[0].wrapping_add(place);
            targets[FROM_COLD + target] = self.from[1].wrapping_add(place);
        } else {
            self.given |= BY_THE_BOOK;
        }
    }

    /// Copies the stencil to its place and fills its holes. What lies behind both of its parts
    /// in the block may be overwritten: stencils and jumps are written in the order of their
    /// places.
    ///
    /// # Errors
    /// [`EmitError`] names the stencil and the hole that has no value, or can't hold it.
    /// [`EmitError::PassesDiffer`]: its place isn't in the block or not aligned, or a
    /// continuation was named whose ordinal is too large.
    #[inline(always)]
    pub fn stamp(self) -> Result<(), EmitError<'a>> {
        let stamper = self.stamper;
        match stamper.table.ready(self.slot, self.given) {
            Some(stencil) if stamper.pieces.stamp(stencil, self.at, &stamper.values) => Ok(()),
            _ => stamper.by_the_book(self.index, self.at, self.given),
        }
    }
}
