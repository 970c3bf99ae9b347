//! Stage 2, object reading: the compiler's ELF object as functions, constant
//! data and relocations.
//!
//! Every function lies alone in its section (`-Zfunction-sections`), so bounds
//! are known; data sections are kept whole, but for mergeable constants, which
//! [`crate::constants`] takes apart. What isn't understood is refused here or
//! kept as it is for a later stage to refuse with the function's name: nothing
//! is dropped silently but sections that take no memory at run time.
//! Called by [`crate::build`].

use std::collections::HashMap;

use object::read::elf::{ElfFile64, SectionHeader as _};
use object::{
    LittleEndian, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationFlags,
    RelocationTarget, SectionFlags, SectionIndex, SymbolKind, elf,
};

use crate::error::{Error, Reason, Refusals};

/// The static that carries the client's ABI fingerprint.
pub const ABI_SYMBOL: &str = "STENCIL_ABI";

/// What the object file holds.
#[derive(Debug, Default)]
pub struct ObjectModel {
    /// In the order of the object file, which is that of the source.
    pub functions: Vec<Function>,
    /// Constant data.
    pub data: Vec<DataSection>,
    /// The fingerprint, if the package has one.
    pub abi: Option<[u8; 32]>,
}

/// One function.
#[derive(Debug)]
pub struct Function {
    /// The symbol, possibly mangled.
    pub symbol: String,
    /// Visible outside of the object, so named by the package on purpose.
    pub exported: bool,
    /// Machine code.
    pub bytes: Vec<u8>,
    /// Sorted by offset.
    pub relocs: Vec<Reloc>,
}

/// One constant data section.
#[derive(Debug)]
pub struct DataSection {
    /// Name in the object file; may contain hashes, so it never goes into a bundle.
    pub name: String,
    /// Contents.
    pub bytes: Vec<u8>,
    /// Alignment in bytes, a power of two.
    pub align: u64,
    /// Size of one entry if a linker may merge equal ones.
    pub entry_size: Option<u64>,
    /// Contains addresses.
    pub relocated: bool,
}

/// The relocation types that have a meaning here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelocKind {
    /// `R_X86_64_32`: zero-extended.
    Abs32,
    /// `R_X86_64_32S`: sign-extended.
    Abs32S,
    /// `R_X86_64_64`.
    Abs64,
    /// `R_X86_64_PC32` or `R_X86_64_PLT32`: relative to the field.
    Rel32,
    /// Anything else, with its ELF number, to be refused where it is used.
    Unknown(u32),
}

/// One relocation of a function.
#[derive(Debug, Clone)]
pub struct Reloc {
    /// Offset of the field in the function.
    pub offset: u64,
    /// Type.
    pub kind: RelocKind,
    /// What the field refers to.
    pub symbol: Symbol,
    /// ELF addend.
    pub addend: i64,
}

/// What a relocation refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Symbol {
    /// Index in [`ObjectModel::functions`].
    Function(usize),
    /// A place in a data section.
    Data {
        /// Index in [`ObjectModel::data`].
        section: usize,
        /// The symbol's offset in it.
        offset: u64,
    },
    /// A section that is neither text nor constant data.
    Other(String),
    /// Undefined: a hole, an import, or a mistake.
    Undefined(String),
}

fn malformed(error: impl std::fmt::Display) -> Error {
    Error::Object(error.to_string())
}

/// What a section is to us.
enum Role {
    Text(usize),
    Data(usize),
}

/// Reads the object file `bytes`.
///
/// # Errors
/// [`Error::Object`] when it isn't an x86-64 ELF object of the expected shape,
/// [`Error::Refused`] when it holds writable data or functions without bounds.
pub fn read(bytes: &[u8]) -> Result<ObjectModel, Error> {
    let file = ElfFile64::<LittleEndian>::parse(bytes).map_err(malformed)?;
    if file.architecture() != object::Architecture::X86_64 {
        return Err(Error::Object("not for x86-64".into()));
    }
    let mut model = ObjectModel::default();
    let mut refusals = Refusals::default();
    let mut roles: HashMap<SectionIndex, Role> = HashMap::new();

    for section in file.sections() {
        let name = section.name().map_err(malformed)?;
        let SectionFlags::Elf { sh_type, sh_flags } = section.flags() else {
            return Err(Error::Object(format!("{name} has no ELF flags")));
        };
        if !sh_flags.contains(elf::SHF_ALLOC) || section.size() == 0 {
            continue;
        }
        // Unwind tables describe the code to debuggers; nothing here unwinds.
        if name == ".eh_frame" || sh_type == elf::SHT_NOTE {
            continue;
        }
        if sh_flags.contains(elf::SHF_WRITE) || sh_flags.contains(elf::SHF_TLS) {
            // Constants that contain addresses are "writable" until relocated;
            // calling them relocated data tells more.
            let reason = if name.starts_with(".data.rel.ro") {
                Reason::RelocatedData {
                    section: name.into(),
                }
            } else {
                Reason::WritableData {
                    section: name.into(),
                }
            };
            refusals.add(owner_of(name), reason);
            continue;
        }
        let contents = section.data().map_err(malformed)?.to_vec();
        if sh_flags.contains(elf::SHF_EXECINSTR) {
            roles.insert(section.index(), Role::Text(model.functions.len()));
            model.functions.push(Function {
                symbol: String::new(),
                exported: false,
                bytes: contents,
                relocs: Vec::new(),
            });
        } else {
            let entry_size = section.elf_section_header().sh_entsize(LittleEndian);
            let mergeable = sh_flags.contains(elf::SHF_MERGE)
                && !sh_flags.contains(elf::SHF_STRINGS)
                && entry_size != 0
                && (contents.len() as u64).is_multiple_of(entry_size);
            roles.insert(section.index(), Role::Data(model.data.len()));
            model.data.push(DataSection {
                name: name.into(),
                bytes: contents,
                align: section.align().max(1),
                entry_size: mergeable.then_some(entry_size),
                relocated: section.relocations().next().is_some(),
            });
        }
    }

    for symbol in file.symbols() {
        let Some(index) = symbol.section_index() else {
            continue;
        };
        let name = symbol.name().map_err(malformed)?;
        match (symbol.kind(), roles.get(&index)) {
            (SymbolKind::Text, Some(Role::Text(at))) => {
                let function = &mut model.functions[*at];
                let whole = symbol.address() == 0
                    && symbol.size() == function.bytes.len() as u64
                    && function.symbol.is_empty();
                if !whole {
                    let section = file.section_by_index(index).map_err(malformed)?;
                    let section = section.name().map_err(malformed)?.to_owned();
                    refusals.add(name, Reason::SharedSection { section });
                    continue;
                }
                function.symbol = name.into();
                function.exported = symbol.is_global();
            }
            (SymbolKind::Data, Some(Role::Data(at))) if name == ABI_SYMBOL => {
                let data = &model.data[*at];
                let from = usize::try_from(symbol.address()).unwrap_or(usize::MAX);
                let value = data
                    .bytes
                    .get(from..)
                    .and_then(|rest| rest.first_chunk::<32>());
                match value {
                    Some(value) if symbol.size() == 32 && !data.relocated => {
                        model.abi = Some(*value);
                    }
                    _ => refusals.add(ABI_SYMBOL, Reason::BadAbi),
                }
            }
            _ => {}
        }
    }

    for section in file.sections() {
        let Some(Role::Text(at)) = roles.get(&section.index()) else {
            continue;
        };
        if model.functions[*at].symbol.is_empty() {
            let name = section.name().map_err(malformed)?;
            refusals.add(
                owner_of(name),
                Reason::SharedSection {
                    section: name.into(),
                },
            );
        }
        let mut relocs = Vec::new();
        for (offset, reloc) in section.relocations() {
            let RelocationFlags::Elf { r_type } = reloc.flags() else {
                return Err(Error::Object("a relocation without an ELF type".into()));
            };
            let RelocationTarget::Symbol(index) = reloc.target() else {
                return Err(Error::Object("a relocation without a symbol".into()));
            };
            let symbol = file.symbol_by_index(index).map_err(malformed)?;
            relocs.push(Reloc {
                offset,
                kind: match r_type {
                    elf::R_X86_64_32 => RelocKind::Abs32,
                    elf::R_X86_64_32S => RelocKind::Abs32S,
                    elf::R_X86_64_64 => RelocKind::Abs64,
                    elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => RelocKind::Rel32,
                    other => RelocKind::Unknown(other.0),
                },
                symbol: match symbol.section_index() {
                    None => Symbol::Undefined(symbol.name().map_err(malformed)?.into()),
                    Some(index) => match roles.get(&index) {
                        // A place inside a function, as of a label taken by
                        // inline assembly, isn't the function.
                        Some(Role::Text(at)) if symbol.address() == 0 => Symbol::Function(*at),
                        Some(Role::Data(at)) => Symbol::Data {
                            section: *at,
                            offset: symbol.address(),
                        },
                        Some(Role::Text(_)) | None => {
                            let section = file.section_by_index(index).map_err(malformed)?;
                            Symbol::Other(section.name().map_err(malformed)?.into())
                        }
                    },
                },
                addend: reloc.addend(),
            });
        }
        relocs.sort_by_key(|reloc| reloc.offset);
        model.functions[*at].relocs = relocs;
    }
    refusals.finish()?;
    Ok(model)
}

/// The symbol that a section was made for: `.data.COUNTER` is `COUNTER`'s.
fn owner_of(section: &str) -> &str {
    const PREFIXES: [&str; 8] = [
        ".text.unlikely.",
        ".text.",
        ".data.rel.ro.",
        ".data.",
        ".bss.",
        ".tdata.",
        ".tbss.",
        ".rodata.",
    ];
    PREFIXES
        .iter()
        .find_map(|prefix| section.strip_prefix(prefix))
        .unwrap_or(section)
}
