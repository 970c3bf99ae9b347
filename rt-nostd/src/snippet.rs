//! Snippets: code of a few bytes that is the same wherever it is.
//!
//! Moves between registers, say: stencils without a hole, of which several come one after
//! the other. To stamp each of them takes many times as long as to write what they are: one
//! word. Made from a bundle by [`LinkedBundle::snippet`], written by
//! [`Stamper::put`](crate::Stamper::put).

use crate::link::LinkedBundle;

/// Code of one stencil or more, each of which falls through to the next, without holes and
/// without cold code. [`Snippet::MAX`] bytes at most; by default, none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snippet {
    /// What is behind its end is 0.
    bytes: u64,
    len: u32,
}

impl Snippet {
    /// Most bytes of one.
    pub const MAX: u32 = 8;

    /// Bytes that it takes.
    #[inline(always)]
    pub fn len(self) -> u32 {
        self.len
    }

    /// Is there nothing in it?
    #[inline(always)]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// This one, and behind it another; `None` if that is too long.
    #[inline(always)]
    pub fn then(self, next: Snippet) -> Option<Snippet> {
        let len = self.len + next.len;
        // If this one is full, there is nothing in the other, or they are too long.
        let next = next.bytes.checked_shl(self.len * 8).unwrap_or(0);
        (len <= Self::MAX).then_some(Snippet {
            bytes: self.bytes | next,
            len,
        })
    }

    #[inline(always)]
    pub(crate) fn bytes(self) -> [u8; Self::MAX as usize] {
        self.bytes.to_le_bytes()
    }
}

impl LinkedBundle<'_> {
    /// A stencil as a snippet; `None` if it isn't in the bundle, has holes or cold code, is
    /// too long, is aligned, or doesn't fall through.
    pub fn snippet(&self, index: u32) -> Option<Snippet> {
        let template = self.bundle().templates().get(index)?;
        let stencil = self.bundle().stencil(index)?;
        template.fallthrough()?;
        let code = stencil.hot();
        let mut bytes = [0; Snippet::MAX as usize];
        bytes.get_mut(..code.len())?.copy_from_slice(code);
        let plain = template.align() == 1 && stencil.cold().is_empty();
        (plain && stencil.holes().next().is_none()).then_some(Snippet {
            bytes: u64::from_le_bytes(bytes),
            len: code.len() as u32,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &[u8]) -> Snippet {
        let mut bytes = [0; 8];
        bytes[..code.len()].copy_from_slice(code);
        Snippet {
            bytes: u64::from_le_bytes(bytes),
            len: code.len() as u32,
        }
    }

    #[test]
    fn one_after_the_other() {
        let (three, five) = (of(&[1, 2, 3]), of(&[4, 5, 6, 7, 8]));
        assert_eq!(three.then(five), Some(of(&[1, 2, 3, 4, 5, 6, 7, 8])));
        assert_eq!(Snippet::default().then(five), Some(five));
        assert_eq!(five.then(Snippet::default()), Some(five));
        let full = of(&[1; 8]);
        assert_eq!(full.then(Snippet::default()), Some(full));
        assert_eq!(full.then(of(&[1])), None);
        assert_eq!(five.then(of(&[1; 4])), None);
    }
}
