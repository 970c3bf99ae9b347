//! `CodeRegion`: executable memory of the caller's, and which of it is in use.
//!
//! Puts `view` (how to write) and `space` (where there is room) together. Never needs one
//! address that is writable and executable. Made by the embedder; `link`, `Emitter`
//! and `Stamper` take code space from it.
#![allow(unsafe_code)] // For the contracts of the constructors, `free` and `patch`.

use crate::error::{PatchError, RegionError, SpaceError};
use crate::space::{End, Extent, Space};
use crate::view::{Protect, View};
use core::ops::Range;
use core::ptr::NonNull;

/// Memory for code, at two addresses or at one that is flipped.
///
/// At most 2 GiB less one byte, so that code in it reaches all of it.
pub struct CodeRegion<'m> {
    pub(crate) view: View<'m>,
    space: Space<'m>,
}

/// Code in a region: a hot piece, whose start may be entered, and perhaps a cold one.
///
/// A handle, not an owner: dropping it frees nothing. [`CodeRegion::free`] takes it back.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeBlock {
    /// Execute address of the first hot byte.
    entry: usize,
    /// The hot piece, with the padding in front that aligns it.
    hot: Extent,
    cold: Extent,
}

impl CodeBlock {
    /// Execute address of the first instruction.
    pub fn entry(&self) -> usize {
        self.entry
    }

    /// Bytes that the block takes in the region, padding included.
    pub fn len(&self) -> usize {
        (self.hot.len() + self.cold.len()) as usize
    }

    /// Whether it takes no bytes at all, as the image of a bundle without AOT code.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn hot(&self) -> Extent {
        self.hot
    }

    pub(crate) fn cold(&self) -> Extent {
        self.cold
    }
}

impl<'m> CodeRegion<'m> {
    /// A region whose memory is mapped twice: writable at `write`, executable at `execute`.
    ///
    /// `extents` is the list of free extents. One slot for each block that is ever in use at
    /// a time (two, with cold parts) is always enough; with fewer,
    /// [`SpaceError::TooManyBlocks`] may come before the region is full. An empty slice is
    /// enough for one block without a cold part, such as the AOT image alone.
    ///
    /// # Errors
    /// [`RegionError`]: the length is 0 or above `i32::MAX`, or an address is not a multiple
    /// of 16 or too high.
    ///
    /// # Safety
    /// For as long as the region, or code in it, is used:
    /// - the `len` bytes at `write` are one allocation that may be read and written, and
    ///   the `len` bytes at `execute` are the same memory and may be read and executed;
    /// - nobody else accesses the bytes at `write`, and no reference into them exists;
    /// - before code runs on a core for the first time, and after each patch, the core has
    ///   done what the architecture asks for when code was written through another
    ///   address (x86: a serializing instruction).
    pub unsafe fn aliased(
        write: NonNull<u8>,
        execute: usize,
        len: usize,
        extents: &'m mut [Extent],
    ) -> Result<CodeRegion<'m>, RegionError> {
        // SAFETY: the same contract, passed on to the caller.
        let view = unsafe { View::new(write, execute, len, None) }?;
        Ok(CodeRegion::over(view, extents))
    }

    /// A region whose memory is mapped once and flipped between writable and executable by
    /// `protect`. `extents` is as for [`CodeRegion::aliased`].
    ///
    /// # Errors
    /// As for [`CodeRegion::aliased`].
    ///
    /// # Safety
    /// For as long as the region, or code in it, is used:
    /// - the `len` bytes at `base` are one allocation, readable always, executable now and
    ///   after each `protect.publish` that succeeds, writable after each `unpublish` that
    ///   succeeds until then;
    /// - nobody else accesses them but by running code, and no reference into them exists;
    /// - no code of the region runs on any core during a call of `link`, of
    ///   [`CodeRegion::patch`], or while an `Emitter` or a `Stamper` exists.
    pub unsafe fn flipped(
        base: NonNull<u8>,
        len: usize,
        protect: &'m mut dyn Protect,
        extents: &'m mut [Extent],
    ) -> Result<CodeRegion<'m>, RegionError> {
        // SAFETY: the same contract, passed on to the caller.
        let view = unsafe { View::new(base, base.addr().get(), len, Some(protect)) }?;
        Ok(CodeRegion::over(view, extents))
    }

    fn over(view: View<'m>, extents: &'m mut [Extent]) -> CodeRegion<'m> {
        let phase = (view.address(0) % stencil_format::MAX_ALIGN as usize) as u32;
        let space = Space::new(view.len(), phase, extents);
        CodeRegion { view, space }
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.view.len() as usize
    }

    /// Never: a region has at least one byte.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Execute address of its first byte.
    pub fn base(&self) -> usize {
        self.view.address(0)
    }

    /// Bytes free, in pieces of any size.
    pub fn free_bytes(&self) -> usize {
        self.space.free_bytes() as usize
    }

    /// Whether an execute address lies in the region.
    pub fn contains(&self, address: usize) -> bool {
        self.view.offset(address).is_some()
    }

    /// Where a block's code is executed: its hot code, from the entry on, and its cold code.
    pub fn addresses(&self, block: &CodeBlock) -> [Range<usize>; 2] {
        let base = self.base();
        [
            block.entry..base + block.hot.end as usize,
            base + block.cold.start as usize..base + block.cold.end as usize,
        ]
    }

    /// Takes space for a block, hot code aligned. Nothing is taken when it fails.
    pub(crate) fn allocate(
        &mut self,
        hot: u32,
        cold: u32,
        align: u32,
    ) -> Result<CodeBlock, SpaceError> {
        self.space
            .check_slots(usize::from(hot > 0) + usize::from(cold > 0))?;
        let full = |space: &Space<'_>| SpaceError::RegionFull {
            hot,
            cold,
            free: space.free_bytes(),
        };
        let hot_piece = match hot {
            0 => Extent::EMPTY,
            _ => match self.space.take(End::Low, hot, align) {
                Some(piece) => piece,
                None => return Err(full(&self.space)),
            },
        };
        let cold_piece = match cold {
            0 => Extent::EMPTY,
            _ => match self.space.take(End::High, cold, 1) {
                Some(piece) => piece,
                None => {
                    self.give_back(hot_piece);
                    return Err(full(&self.space));
                }
            },
        };
        // The padding, if any, is in front.
        let entry = self.view.address(hot_piece.end - hot);
        Ok(CodeBlock {
            entry,
            hot: hot_piece,
            cold: cold_piece,
        })
    }

    /// Takes back the space of a block that no one has an address of.
    pub(crate) fn release(&mut self, block: &CodeBlock) {
        self.give_back(block.hot);
        self.give_back(block.cold);
    }

    fn give_back(&mut self, piece: Extent) {
        if piece.len() > 0 {
            let taken = self.space.give_back(piece);
            debug_assert!(
                taken,
                "a block that this region did not give, or gave back before"
            );
        }
    }

    /// Takes a block's space back for reuse. Can't fail.
    ///
    /// # Safety
    /// - `block` came from this region;
    /// - no core runs its code, and none will: no return address, no patched jump and no
    ///   table entry leads into it any more.
    pub unsafe fn free(&mut self, block: CodeBlock) {
        self.release(&block);
    }

    /// Changes published code: `bytes` replace those at the execute address `address`, by one
    /// aligned store, so that other cores see all of the old or all of the new bytes.
    ///
    /// `bytes` must lie inside one aligned word of 8 bytes. In a flipped region the whole
    /// region is unpublished meanwhile.
    ///
    /// # Errors
    /// [`PatchError`]; the code is as before, unless publishing failed.
    ///
    /// # Safety
    /// - the bytes belong to a block in use, and code that runs from there with them in
    ///   place is sound, in every state that a core may be in;
    /// - cores that may run it are serialized as the region's constructor says.
    pub unsafe fn patch(&mut self, address: usize, bytes: &[u8]) -> Result<(), PatchError> {
        let out_of_range = PatchError::OutOfRange { address };
        let offset = self.view.offset(address).ok_or(out_of_range)?;
        if address % 8 + bytes.len() > 8 {
            return Err(PatchError::Straddles {
                address,
                len: bytes.len(),
            });
        }
        self.view.open().map_err(PatchError::Protect)?;
        let stored = self.view.store_in_word(offset, bytes);
        self.view.close().map_err(PatchError::Protect)?;
        stored.map_err(|_| out_of_range)
    }
}

impl core::fmt::Debug for CodeRegion<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CodeRegion")
            .field("base", &format_args!("{:#x}", self.base()))
            .field("len", &self.len())
            .field("free", &self.free_bytes())
            .finish()
    }
}
