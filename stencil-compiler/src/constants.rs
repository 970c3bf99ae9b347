//! Stage 9, constants: the read-only data that code refers to, collected into
//! the bundle's one rodata blob.
//!
//! Data is placed when it is first referred to, so what nobody needs isn't
//! there and the order doesn't depend on the compiler's symbol names, which
//! contain hashes. Mergeable constants (`.rodata.cst8` and the like) are taken
//! apart into entries and equal ones are shared. Called by the AOT and writer
//! stages, in the order of the bundle.

use std::collections::HashMap;

use crate::object_file::DataSection;

/// The rodata blob while it grows.
#[derive(Debug, Default)]
pub struct Pool {
    /// Contents so far.
    pub bytes: Vec<u8>,
    /// Greatest alignment in it.
    pub align: u32,
    /// Where the atom that starts at (section, offset) is.
    placed: HashMap<(usize, u64), u32>,
    /// Where a constant of this content and alignment is.
    shared: HashMap<(Vec<u8>, u64), u32>,
}

impl Pool {
    /// Offset in the blob of byte `offset` of section `section` of `data`;
    /// places the data around it if it isn't there yet.
    ///
    /// `None` if that lies outside of the section, or the blob is too large.
    pub fn place(&mut self, data: &[DataSection], section: usize, offset: u64) -> Option<u32> {
        let source = data.get(section)?;
        let start = match source.entry_size {
            Some(size) => offset - offset % size,
            None => 0,
        };
        let within = u32::try_from(offset - start).ok()?;
        if let Some(base) = self.placed.get(&(section, start)) {
            return base.checked_add(within);
        }
        let from = usize::try_from(start).ok()?;
        let len = source.entry_size.unwrap_or(source.bytes.len() as u64);
        let content = source
            .bytes
            .get(from..from.checked_add(usize::try_from(len).ok()?)?)?;
        // Entries of a section are only as aligned as their place in it.
        let align = source
            .entry_size
            .map_or(source.align, |size| source.align.min(size));
        let key = (content.to_vec(), align);
        let base = match self.shared.get(&key) {
            Some(base) if source.entry_size.is_some() => *base,
            _ => {
                self.align = self.align.max(u32::try_from(align).ok()?);
                let at = self
                    .bytes
                    .len()
                    .next_multiple_of(usize::try_from(align).ok()?);
                self.bytes.resize(at, 0);
                self.bytes.extend_from_slice(content);
                let base = u32::try_from(at).ok()?;
                if source.entry_size.is_some() {
                    self.shared.insert(key, base);
                }
                base
            }
        };
        self.placed.insert((section, start), base);
        base.checked_add(within)
    }
}
