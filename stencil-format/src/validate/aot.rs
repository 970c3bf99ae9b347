//! Step 5 of validation: AOT functions, the size of the image, relocations.

use super::{BadField, Sections, check_field_range, count, expect, records};
use crate::error::{BundleError, Expected, Field};
use crate::layout::{self, MAX_LEN, Section};
use crate::wire::u32_at;

/// Step 5.
pub(super) fn check_aot(bytes: &[u8], sections: &Sections<'_>) -> Result<(), BundleError> {
    let code_len = count(sections, Section::Code);
    for (index, record) in records(sections, Section::Functions) {
        check_function(record, code_len).map_err(|bad| bad.at(Section::Functions, index))?;
    }
    // With the padding before the rodata the image could outgrow the file's bound.
    let rodata_align = u64::from(u32_at(bytes, layout::AT_RODATA_ALIGN));
    let rodata_len = u64::from(count(sections, Section::Rodata));
    let room = (MAX_LEN as u64).saturating_sub(u64::from(code_len).next_multiple_of(rodata_align));
    if rodata_len > room {
        return Err(BundleError::Section {
            section: Section::Rodata,
            field: Field::Length,
            expected: Expected::AtMost(room),
            found: rodata_len,
        });
    }
    let imports = count(sections, Section::Imports);
    let mut end = 0;
    for (index, record) in records(sections, Section::Relocations) {
        check_relocation(record, code_len, imports, &mut end)
            .map_err(|bad| bad.at(Section::Relocations, index))?;
    }
    Ok(())
}

fn check_function(record: &[u8], code_len: u32) -> Result<(), BadField> {
    let offset = u32_at(record, 8);
    let size = u32_at(record, 12);
    expect(
        Field::Offset,
        Expected::AtMost(code_len.into()),
        offset.into(),
    )?;
    expect(
        Field::Size,
        Expected::AtMost((code_len - offset).into()),
        size.into(),
    )
}

/// `end` is where the relocation before ends.
fn check_relocation(
    record: &[u8],
    code_len: u32,
    imports: u32,
    end: &mut u32,
) -> Result<(), BadField> {
    let offset = u32_at(record, 0);
    let import = u32_at(record, 4);
    check_field_range(offset, 4, code_len, *end)?;
    *end = offset + 4;
    expect(
        Field::Import,
        Expected::Below(imports.into()),
        import.into(),
    )
    // Any addend is representable; the loader checks the distance.
}
