//! Stencils as the loader's emitter reads them, many millions of times a second: records
//! by index, fields by single loads, nothing copied and nothing decoded that isn't asked for.
//!
//! The same records as in `stencil`, which is for everyone else. Relies on `validate` as
//! that does. Must never interpret a field that it can hand out as it is.

use crate::bundle::Bundle;
use crate::layout::{NO_FALLTHROUGH, Section};
use crate::stencil::Hole;
use crate::wire;

const STENCIL_SIZE: usize = Section::Stencils.record_size();
const HOLE_SIZE: usize = Section::Holes.record_size();
const FUNCTION_SIZE: usize = Section::Functions.record_size();

/// The tables that emission needs, out of a [`Bundle`].
#[derive(Clone, Copy)]
pub struct Templates<'a> {
    stencils: &'a [[u8; STENCIL_SIZE]],
    holes: &'a [[u8; HOLE_SIZE]],
    functions: &'a [[u8; FUNCTION_SIZE]],
    code: &'a [u8],
}

impl<'a> Templates<'a> {
    pub(crate) fn of(bundle: &Bundle<'a>) -> Templates<'a> {
        // Sections are of whole records: nothing is left over.
        Templates {
            stencils: bundle.section(Section::Stencils).as_chunks().0,
            holes: bundle.section(Section::Holes).as_chunks().0,
            functions: bundle.section(Section::Functions).as_chunks().0,
            code: bundle.section(Section::StencilCode),
        }
    }

    /// A stencil by index.
    #[inline]
    pub fn get(&self, index: u32) -> Option<Template<'a>> {
        self.stencils.get(index as usize).map(Template)
    }

    /// Number of holes of all stencils.
    pub fn hole_count(&self) -> usize {
        self.holes.len()
    }

    /// The section that the parts of all stencils are ranges of.
    #[inline]
    pub fn code(&self) -> &'a [u8] {
        self.code
    }

    /// The bytes of a part, and all that follows; the part's length.
    #[inline]
    pub fn bytes(&self, range: CodeRange) -> (&'a [u8], u32) {
        // In bounds, as validation has found; another bundle's template gets nothing.
        let bytes = self.code.get(range.start as usize..).unwrap_or_default();
        (bytes, range.len)
    }

    /// The holes of a stencil of these tables, hot before cold, by ascending offset.
    #[inline]
    pub fn holes(&self, template: Template<'_>) -> impl ExactSizeIterator<Item = Hole> + use<'a> {
        let first = template.field(24) as usize;
        let count = template.field(28) as usize;
        // In bounds, as validation has found; another bundle's template gets nothing.
        let records = self.holes.get(first..first + count).unwrap_or_default();
        records.iter().map(|record| Hole::of(record))
    }

    /// Offset in the AOT code of the function with this index. 0 for one that isn't there.
    #[inline]
    pub fn function_offset(&self, index: u32) -> u32 {
        self.functions
            .get(index as usize)
            .map_or(0, |record| wire::u32_at(record, 8))
    }
}

/// Where a part lies in [`Templates::code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeRange {
    /// First byte.
    pub start: u32,
    /// Number of bytes.
    pub len: u32,
}

/// A stencil's record.
#[derive(Clone, Copy)]
pub struct Template<'a>(&'a [u8; STENCIL_SIZE]);

impl Template<'_> {
    #[inline]
    fn field(self, at: usize) -> u32 {
        wire::u32_at(self.0, at)
    }

    #[inline]
    fn range(self, at: usize) -> CodeRange {
        CodeRange {
            start: self.field(at),
            len: self.field(at + 4),
        }
    }

    /// The hot part in [`Templates::code`].
    #[inline]
    pub fn hot(self) -> CodeRange {
        self.range(8)
    }

    /// The cold part in [`Templates::code`].
    #[inline]
    pub fn cold(self) -> CodeRange {
        self.range(16)
    }

    /// Alignment of the hot part's start, a power of two.
    #[inline]
    pub fn align(self) -> u32 {
        self.field(40) & 0xffff
    }

    /// The continuation that control reaches by running off the end of the hot part.
    #[inline]
    pub fn fallthrough(self) -> Option<u32> {
        let ordinal = self.field(44);
        (ordinal != NO_FALLTHROUGH).then_some(ordinal)
    }
}
