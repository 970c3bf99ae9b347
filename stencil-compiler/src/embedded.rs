//! Finding bundles: a file that is one, or an ELF or PE image that one was
//! built into.
//!
//! An image's sections (or segments, when it has no sections) are searched for
//! the magic; what parses as a bundle is one. The magic alone proves nothing:
//! every program that reads bundles contains it. Called by the commands that
//! take a file.

use std::path::Path;

use goblin::elf::Elf;
use goblin::pe::PE;
use stencil_format::{Bundle, MAGIC};

use crate::error::Error;

/// A bundle found in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Offset in the file.
    pub offset: usize,
    /// Length in bytes.
    pub len: usize,
    /// The section of the image; `None` when the file is the bundle.
    pub section: Option<String>,
}

/// Reads the file `path`.
///
/// # Errors
/// [`Error::Io`].
pub fn read_file(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Io {
        path: path.into(),
        source,
    })
}

/// The bundles in `bytes`, the contents of the file `path`; never none.
///
/// A file that starts with the magic is taken for a bundle whether it is valid
/// or not, so that the caller can say what is wrong with it.
///
/// # Errors
/// [`Error::NoBundle`] when there is none, [`Error::Object`] for an image that
/// can't be read.
pub fn find(bytes: &[u8], path: &Path) -> Result<Vec<Found>, Error> {
    if bytes.starts_with(&MAGIC) {
        return Ok(vec![Found {
            offset: 0,
            len: bytes.len(),
            section: None,
        }]);
    }
    let mut found = Vec::new();
    for (name, from, len) in ranges(bytes)? {
        let Some(section) = from.checked_add(len).and_then(|to| bytes.get(from..to)) else {
            continue;
        };
        let mut at = 0;
        while let Some(distance) = section
            .get(at..)
            .and_then(|rest| rest.windows(MAGIC.len()).position(|window| window == MAGIC))
        {
            at += distance;
            let len = Bundle::declared_len(&section[at..]).unwrap_or(0);
            let whole = section.get(at..at.saturating_add(len));
            if whole.is_some_and(|whole| Bundle::parse(whole).is_ok()) {
                found.push(Found {
                    offset: from + at,
                    len,
                    section: Some(name.clone()),
                });
                at += len;
            } else {
                at += MAGIC.len();
            }
        }
    }
    if found.is_empty() {
        return Err(Error::NoBundle { path: path.into() });
    }
    Ok(found)
}

/// Names, offsets and lengths of the parts of an image that hold file contents.
fn ranges(bytes: &[u8]) -> Result<Vec<(String, usize, usize)>, Error> {
    let unreadable = |error: goblin::error::Error| Error::Object(error.to_string());
    let as_usize = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    let mut ranges = Vec::new();
    if bytes.starts_with(goblin::elf::header::ELFMAG) {
        let elf = Elf::parse(bytes).map_err(unreadable)?;
        for section in &elf.section_headers {
            if section.sh_type != goblin::elf::section_header::SHT_NOBITS {
                let name = elf.shdr_strtab.get_at(section.sh_name).unwrap_or("?");
                let (offset, size) = (as_usize(section.sh_offset), as_usize(section.sh_size));
                ranges.push((name.to_owned(), offset, size));
            }
        }
        if ranges.is_empty() {
            for (index, segment) in elf.program_headers.iter().enumerate() {
                let (offset, size) = (as_usize(segment.p_offset), as_usize(segment.p_filesz));
                ranges.push((format!("segment {index}"), offset, size));
            }
        }
    } else if bytes.starts_with(b"MZ") {
        let pe = PE::parse(bytes).map_err(unreadable)?;
        for section in &pe.sections {
            let name = section.name().unwrap_or("?").to_owned();
            let (offset, size) = (section.pointer_to_raw_data, section.size_of_raw_data);
            ranges.push((name, offset as usize, size as usize));
        }
    }
    Ok(ranges)
}
