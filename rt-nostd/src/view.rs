//! Code memory: the only file that writes to it, and the only one that turns an offset
//! into an address.
//!
//! The constructor's contract (`CodeRegion::aliased`, `CodeRegion::flipped`) says what the
//! memory must be; every later access is checked against the range here. Must never hand
//! out a pointer or a reference into the memory. Called by `region`, `link`, `emit` and
//! `stamp`.
#![allow(unsafe_code)]

use crate::error::{ProtectError, RegionError};
use crate::ready::{BLOCK, EXACTLY, FLIPPED, LEAST, Ready, Values};
use crate::space::Extent;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};

/// How a single mapping goes between writable and executable.
///
/// Both are called with the address and the length of the whole region, and only in pairs:
/// `unpublish`, writes, `publish`. Between them no code of the region may run on any core.
/// Neither may make the memory writable and executable at once.
pub trait Protect {
    /// Makes the memory writable and not executable.
    ///
    /// # Errors
    /// When it can't be done; the memory must be executable as before.
    fn unpublish(&mut self, address: usize, len: usize) -> Result<(), ProtectError>;

    /// Makes the memory executable and not writable.
    ///
    /// # Errors
    /// When it can't be done. The code written is given up; a later `unpublish` is tried.
    fn publish(&mut self, address: usize, len: usize) -> Result<(), ProtectError>;
}

/// Two views of the same memory, or one that is flipped.
pub(crate) struct View<'m> {
    write: NonNull<u8>,
    execute: usize,
    len: u32,
    protect: Option<&'m mut dyn Protect>,
}

/// The two pieces of a block that an emitter fills, hot and cold. As long as there is one, the
/// view is open, and what lies in the pieces may be overwritten.
pub(crate) struct Pieces {
    starts: [NonNull<u8>; 2],
    lens: [u32; 2],
}

/// Copies so many bytes.
///
/// # Safety
/// Both places have them, and don't overlap.
#[inline(always)]
unsafe fn copy<const LEN: usize>(from: NonNull<u8>, to: NonNull<u8>) {
    // SAFETY: the contract; arrays of bytes have no alignment.
    unsafe {
        let bytes = from.cast::<[u8; LEN]>().read_unaligned();
        to.cast::<[u8; LEN]>().write_unaligned(bytes);
    }
}

/// Copies the span of a part: a number of bytes as `Ready::spans` has them.
///
/// # Safety
/// As for [`copy`].
#[inline(always)]
unsafe fn copy_span(from: NonNull<u8>, to: NonNull<u8>, span: usize, part: usize) {
    // SAFETY: spans are multiples of `BLOCK`, and no less than `LEAST`.
    unsafe {
        match part {
            0 => copy::<{ LEAST[0] }>(from, to),
            _ => copy::<{ LEAST[1] }>(from, to),
        }
        let mut at = LEAST[part];
        while at < span {
            copy::<BLOCK>(from.add(at), to.add(at));
            at += BLOCK;
        }
    }
}

/// Outside the region: refused before any memory is touched.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OutOfRange;

impl<'m> View<'m> {
    /// Checks what can be checked of a region's place.
    ///
    /// # Safety
    /// The contract of `CodeRegion::aliased` (without `protect`) or `CodeRegion::flipped`
    /// (with it), for as long as the view lives.
    pub(crate) unsafe fn new(
        write: NonNull<u8>,
        execute: usize,
        len: usize,
        protect: Option<&'m mut dyn Protect>,
    ) -> Result<View<'m>, RegionError> {
        let found = len;
        let len = u32::try_from(len)
            .ok()
            .filter(|&len| len > 0 && len <= i32::MAX as u32);
        let len = len.ok_or(RegionError::Length { found })?;
        for address in [write.addr().get(), execute] {
            if !address.is_multiple_of(16) {
                return Err(RegionError::Alignment { found: address });
            }
            if address.checked_add(found).is_none() {
                return Err(RegionError::Wraps { found: address });
            }
        }
        Ok(View {
            write,
            execute,
            len,
            protect,
        })
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// The address at which the first byte runs.
    #[inline]
    pub(crate) fn base(&self) -> usize {
        self.execute
    }

    /// The address at which the byte at `offset` runs. Never more than one behind the end.
    pub(crate) fn address(&self, offset: u32) -> usize {
        self.execute + offset.min(self.len) as usize
    }

    /// The offset of an execute address, if it is in the region.
    pub(crate) fn offset(&self, address: usize) -> Option<u32> {
        let offset = address.checked_sub(self.execute)?;
        (offset < self.len as usize).then_some(offset as u32)
    }

    /// Makes the memory writable. Every `open` that succeeds is followed by a `close`.
    pub(crate) fn open(&mut self) -> Result<(), ProtectError> {
        let (address, len) = (self.execute, self.len as usize);
        self.protect
            .as_mut()
            .map_or(Ok(()), |protect| protect.unpublish(address, len))
    }

    /// Makes the memory executable.
    pub(crate) fn close(&mut self) -> Result<(), ProtectError> {
        let (address, len) = (self.execute, self.len as usize);
        self.protect
            .as_mut()
            .map_or(Ok(()), |protect| protect.publish(address, len))
    }

    /// Where to write the `len` bytes at `offset`, if they are in the region.
    #[inline]
    fn target(&self, offset: u32, len: usize) -> Result<NonNull<u8>, OutOfRange> {
        let len = u32::try_from(len).map_err(|_| OutOfRange)?;
        if offset > self.len || len > self.len - offset {
            return Err(OutOfRange);
        }
        // SAFETY: `offset <= self.len`, compared above, and the constructor's contract says
        // that `self.len` bytes from `write` are one allocation.
        Ok(unsafe { self.write.add(offset as usize) })
    }

    /// Copies bytes to `offset`. The view is open.
    pub(crate) fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfRange> {
        let target = self.target(offset, bytes.len())?;
        // SAFETY: `target` has checked the range; the memory is writable while open and no
        // reference into it exists (the constructor's contract), so `bytes` is elsewhere.
        unsafe { target.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        Ok(())
    }

    /// Writes a few bytes to `offset`. The view is open.
    #[inline]
    pub(crate) fn put<const N: usize>(
        &mut self,
        offset: u32,
        bytes: [u8; N],
    ) -> Result<(), OutOfRange> {
        let target = self.target(offset, N)?;
        // SAFETY: `target` has checked the range of N bytes; writable while open.
        unsafe { target.cast::<[u8; N]>().write_unaligned(bytes) };
        Ok(())
    }

    /// Copies `len` bytes of `from` to `offset`, at least `BLOCK` at a time. The view is
    /// open. `room` is how many bytes from `offset` on may be overwritten with anything: with
    /// enough of that (in `from` as well), copying too much is far faster than copying just
    /// what is wanted.
    #[inline(always)]
    pub(crate) fn copy<const BLOCK: usize>(
        &mut self,
        offset: u32,
        room: u32,
        from: &[u8],
        len: u32,
    ) -> Result<(), OutOfRange> {
        let (len, room) = (len as usize, room as usize);
        let target = self.target(offset, room)?;
        if len > room || len > from.len() {
            return Err(OutOfRange);
        }
        if let Some(block) = from.first_chunk::<BLOCK>()
            && BLOCK <= room
        {
            // SAFETY: `target` has checked the range of `room` bytes, which are at least
            // as many; writable while open.
            unsafe { target.cast::<[u8; BLOCK]>().write_unaligned(*block) };
            if len > BLOCK {
                let rest = &from[BLOCK..len];
                // SAFETY: `rest` ends where the `len <= room` bytes do that are checked;
                // nobody refers to code memory (the constructor's contract).
                unsafe {
                    let target = target.add(BLOCK);
                    target.copy_from_nonoverlapping(NonNull::from(rest).cast(), rest.len());
                }
            }
        } else {
            // SAFETY: both ranges have been compared with `len`; not overlapping, as above.
            unsafe { target.copy_from_nonoverlapping(NonNull::from(from).cast(), len) };
        }
        Ok(())
    }

    /// Lets a block be filled. The view is open until the pieces are done with.
    pub(crate) fn pieces(&mut self, hot: Extent, cold: Extent) -> Result<Pieces, OutOfRange> {
        let [hot_len, cold_len] = [hot, cold].map(Extent::len);
        Ok(Pieces {
            starts: [
                self.target(hot.start, hot_len as usize)?,
                self.target(cold.start, cold_len as usize)?,
            ],
            lens: [hot_len, cold_len],
        })
    }

    /// Fills a range with one byte. The view is open.
    pub(crate) fn fill(&mut self, offset: u32, len: u32, byte: u8) -> Result<(), OutOfRange> {
        let target = self.target(offset, len as usize)?;
        // SAFETY: as in `write`.
        unsafe { target.write_bytes(byte, len as usize) };
        Ok(())
    }

    /// Reads eight bytes that this crate has written.
    pub(crate) fn read_u64(&self, offset: u32) -> Result<u64, OutOfRange> {
        let source = self.target(offset, 8)?;
        // SAFETY: `target` has checked the range, and both a writable and an executable view
        // can be read (the constructor's contract).
        Ok(unsafe { source.cast::<u64>().read_unaligned() })
    }

    /// Replaces `bytes.len()` bytes by one store of the aligned eight-byte word that holds
    /// them, which the caller has made sure of. Another core that runs or reads the code
    /// sees all of the old bytes or all of the new. The view is open.
    ///
    /// The word is the one around the *execute* address: that is what other cores fetch.
    pub(crate) fn store_in_word(&mut self, offset: u32, bytes: &[u8]) -> Result<(), OutOfRange> {
        let within = (self.address(offset) % 8) as u32;
        let start = offset.checked_sub(within).ok_or(OutOfRange)?;
        let at = within as usize;
        if at + bytes.len() > 8 {
            return Err(OutOfRange);
        }
        let target = self.target(start, 8)?;
        // SAFETY: `target` has checked the range; the write address is a multiple of 16
        // like the execute address (checked in `new`), so the word is aligned in both
        // views; the memory is only accessed through this view while it exists, and by
        // processors fetching code.
        let word = unsafe { AtomicU64::from_ptr(target.cast::<u64>().as_ptr()) };
        let mut value = word.load(Ordering::Relaxed).to_le_bytes();
        value[at..at + bytes.len()].copy_from_slice(bytes);
        word.store(u64::from_le_bytes(value), Ordering::Release);
        Ok(())
    }
}

impl Pieces {
    /// Copies both parts of a stencil to offsets in the pieces and fills its holes: the inner
    /// loop of emission. What lies behind them in the pieces may be overwritten.
    ///
    /// `false` if there is no room, or a hole doesn't hold its value: then the bytes from there
    /// on are any.
    #[inline(always)]
    pub(crate) fn stamp(&mut self, stencil: Ready<'_>, at: [u32; 2], values: &Values) -> bool {
        let spans = stencil.spans();
        let room = [0, 1].map(|part| self.lens[part].saturating_sub(at[part]));
        let most = u32::from(EXACTLY) - 1;
        let wide = (spans[0] <= room[0].min(most)) & (spans[1] <= room[1]);
        if !wide && !self.copy_exactly(stencil, at) {
            return false;
        }
        // SAFETY: offsets in the pieces: behind them there is room, or `copy_exactly` has
        // looked (`View::target` says the rest).
        let to = unsafe { [0, 1].map(|part| self.starts[part].add(at[part] as usize)) };
        if wide {
            // SAFETY: the code of a `Ready` lies among all code, with as much as both spans
            // behind it; the spans are no more than there is room. Code memory isn't
            // referred to (the constructor's contract).
            unsafe {
                let code = NonNull::from(stencil.all_code()).cast::<u8>();
                let from = code.add(stencil.code());
                copy_span(from, to[0], spans[0] as usize, 0);
                let from = from.add(stencil.lens()[0] as usize);
                copy_span(from, to[1], spans[1] as usize, 1);
            }
        }
        let values = (&raw const *values).cast::<u64>();
        let (first, count) = stencil.patches();
        let mut sums = 0;
        // SAFETY: a `Ready` has so many patches from there on in the table.
        let patches = unsafe { stencil.all_patches().get_unchecked(first..first + count) };
        for patch in patches {
            let row = usize::from(patch.row);
            // SAFETY: a `Ready` has patches of rows that there are, and slots of values.
            let (value, flipped) = unsafe {
                let value = *values.add(patch.slot.into());
                (value, *FLIPPED.get_unchecked(row))
            };
            let sum = value.wrapping_add(patch.word.into());
            sums |= sum;
            let bytes = (sum as u32 ^ flipped).to_le_bytes();
            // SAFETY: the lowest bit of a row is the part. A `Ready` has patches in its parts.
            unsafe {
                let place = to.get_unchecked(row & 1).add(patch.at.into());
                place.cast::<[u8; 4]>().write_unaligned(bytes);
            }
        }
        sums >> 32 == 0
    }

    /// Copies both parts and not a byte more: at the end of a piece. `false` if there is no
    /// room for that.
    #[inline(never)]
    fn copy_exactly(&mut self, stencil: Ready<'_>, at: [u32; 2]) -> bool {
        let lens = stencil.lens();
        let fits = |part: usize| {
            let room = self.lens[part].checked_sub(at[part]);
            room.is_some_and(|room| lens[part] <= room)
        };
        if !fits(0) || !fits(1) {
            return false;
        }
        // SAFETY: the code of a `Ready` lies among all code, first the hot part, then the cold
        // one. So many bytes from there on are in the piece, compared above. Code memory isn't
        // referred to (the constructor's contract).
        unsafe {
            let code = NonNull::from(stencil.all_code()).cast::<u8>();
            let from = code.add(stencil.code());
            let to = self.starts[0].add(at[0] as usize);
            copy_bytes(from, to, lens[0] as usize);
            let to = self.starts[1].add(at[1] as usize);
            copy_bytes(from.add(lens[0] as usize), to, lens[1] as usize);
        }
        true
    }

    /// Writes a few bytes to an offset in the hot piece; `false` if they don't fit.
    #[inline(always)]
    pub(crate) fn put_hot<const N: usize>(&mut self, at: u32, bytes: [u8; N]) -> bool {
        let fits = self.lens[0]
            .checked_sub(at)
            .is_some_and(|room| N <= room as usize);
        if fits {
            // SAFETY: so many bytes from there on are in the piece, compared above. Code memory
            // isn't referred to (the constructor's contract).
            unsafe {
                let to = self.starts[0].add(at as usize);
                to.cast::<[u8; N]>().write_unaligned(bytes);
            }
        }
        fits
    }
}

/// Has the processor fetch a line of memory that will be read soon.
#[inline(always)]
pub(crate) fn prefetch(place: *const u8) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a hint that may name any address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(place.cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = place;
}

/// Copies any number of bytes, of which most often there are few.
///
/// # Safety
/// As for [`copy`].
#[inline]
unsafe fn copy_bytes(from: NonNull<u8>, to: NonNull<u8>, len: usize) {
    // SAFETY: blocks from the start on, and one that ends where the bytes do: all within them.
    unsafe {
        let mut at = 0;
        while at + 16 <= len {
            copy::<16>(from.add(at), to.add(at));
            at += 16;
        }
        match len {
            16.. => copy::<16>(from.add(len - 16), to.add(len - 16)),
            8.. => {
                copy::<8>(from, to);
                copy::<8>(from.add(len - 8), to.add(len - 8));
            }
            4.. => {
                copy::<4>(from, to);
                copy::<4>(from.add(len - 4), to.add(len - 4));
            }
            2.. => {
                copy::<2>(from, to);
                copy::<2>(from.add(len - 2), to.add(len - 2));
            }
            1 => copy::<1>(from, to),
            0 => {}
        }
    }
}
