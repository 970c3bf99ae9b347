//! A bundle's AOT part as an ELF object, to be linked into a program: for
//! systems that forbid run-time code, where the functions run with no
//! executable region at all.
//!
//! One section holds the whole AOT image, because its code refers to its
//! constants by distance. Functions are named `aot_NAME`, as in the sources;
//! those without a name of their own are local. Stencils can't be linked and
//! aren't in it. Called by the program.

use object::write::{Object, Relocation, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind,
    SymbolScope, elf,
};
use stencil_format::Bundle;

use crate::error::Error;
use crate::object_file::ABI_SYMBOL;

/// The object file for the AOT part of `bundle`.
///
/// # Errors
/// [`Error::Internal`] if the object writer refuses.
pub fn object(bundle: &Bundle<'_>) -> Result<Vec<u8>, Error> {
    let mut object = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    let text = object.add_section(Vec::new(), b".text.stencils".to_vec(), SectionKind::Text);
    let mut image = bundle.code().to_vec();
    image.resize(bundle.rodata_offset() as usize, 0xcc);
    image.extend_from_slice(bundle.rodata());
    object.append_section_data(text, &image, bundle.image_align().into());

    let symbol = |name: &[u8], kind| Symbol {
        name: name.to_vec(),
        value: 0,
        size: 0,
        kind,
        // An import may come from a shared library.
        scope: SymbolScope::Unknown,
        weak: false,
        section: SymbolSection::Undefined,
        flags: SymbolFlags::None,
    };
    for function in bundle.functions() {
        let named = function
            .name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let name = if named {
            format!("aot_{}", function.name)
        } else {
            function.name.into()
        };
        object.add_symbol(Symbol {
            value: function.offset.into(),
            size: function.size.into(),
            scope: if named {
                SymbolScope::Linkage
            } else {
                SymbolScope::Compilation
            },
            section: SymbolSection::Section(text),
            ..symbol(name.as_bytes(), SymbolKind::Text)
        });
    }
    let imports: Vec<_> = bundle
        .imports()
        .map(|name| object.add_symbol(symbol(name.as_bytes(), SymbolKind::Text)))
        .collect();
    for relocation in bundle.relocations() {
        let written = object.add_relocation(
            text,
            Relocation {
                offset: relocation.offset.into(),
                symbol: imports[relocation.import as usize],
                addend: relocation.addend.into(),
                flags: RelocationFlags::Elf {
                    r_type: elf::R_X86_64_PLT32,
                },
            },
        );
        written.map_err(|error| Error::Internal(error.to_string()))?;
    }
    // So that the program it is linked into can check that they belong together.
    let data = object.add_section(
        Vec::new(),
        b".rodata.stencils".to_vec(),
        SectionKind::ReadOnlyData,
    );
    let abi = object.add_symbol(Symbol {
        scope: SymbolScope::Linkage,
        ..symbol(ABI_SYMBOL.as_bytes(), SymbolKind::Data)
    });
    object.add_symbol_data(abi, data, &bundle.abi_fingerprint(), 1);
    object
        .write()
        .map_err(|error| Error::Internal(error.to_string()))
}
