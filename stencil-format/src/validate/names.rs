//! Step 4 of validation: the names. Afterwards every name of every record is text, and
//! every table of names can be searched by halves.

use super::{BadField, Sections, expect, records};
use crate::error::{BundleError, Expected, Field};
use crate::layout::{self, Section};
use crate::wire::u32_at;

/// The pool as text.
pub(super) fn pool<'a>(sections: &Sections<'a>) -> Result<&'a str, BundleError> {
    core::str::from_utf8(sections[Section::Names as usize]).map_err(|error| BundleError::Utf8 {
        offset: error.valid_up_to(),
    })
}

/// Step 4. Gives the pool as text.
pub(super) fn check_names<'a>(
    bytes: &'a [u8],
    sections: &Sections<'a>,
) -> Result<&'a str, BundleError> {
    let pool = pool(sections)?;
    // Where the names seen so far end.
    let mut end = 0;
    next_name(pool, &mut end, bytes, layout::AT_COMPILER).map_err(|bad| BundleError::Header {
        field: if bad.field == Field::NameOffset {
            Field::CompilerOffset
        } else {
            Field::CompilerLength
        },
        expected: bad.expected,
        found: bad.found,
    })?;
    for section in [
        Section::Operands,
        Section::Continuations,
        Section::Imports,
        Section::Functions,
        Section::Stencils,
    ] {
        let mut before = "";
        for (index, record) in records(sections, section) {
            let name =
                next_name(pool, &mut end, record, 0).map_err(|bad| bad.at(section, index))?;
            // Also refuses the empty name, as nothing is less than it.
            if name <= before {
                return Err(BundleError::Unsorted { section, index });
            }
            before = name;
        }
    }
    if end != pool.len() {
        return Err(BundleError::Section {
            section: Section::Names,
            field: Field::Length,
            expected: Expected::Exactly(end as u64),
            found: pool.len() as u64,
        });
    }
    Ok(pool)
}

/// The name referred to at `at` in `record`, which must start at `end`; moves `end` on.
fn next_name<'a>(
    pool: &'a str,
    end: &mut usize,
    record: &[u8],
    at: usize,
) -> Result<&'a str, BadField> {
    let start = u32_at(record, at);
    let len = u32_at(record, at + 4);
    expect(
        Field::NameOffset,
        Expected::Exactly(*end as u64),
        start.into(),
    )?;
    let rest = &pool[*end..];
    expect(
        Field::NameLength,
        Expected::AtMost(rest.len() as u64),
        len.into(),
    )?;
    let name = rest.get(..len as usize).ok_or(BadField {
        field: Field::NameLength,
        expected: Expected::CharBoundary,
        found: len.into(),
    })?;
    *end += name.len();
    Ok(name)
}
