//! Stage 4, holes: what each relocated field of an instruction stands for.
//!
//! Turns (field, relocation) into a [`Reference`] or a refusal. The distance
//! that a field encodes is brought to one form here: `place` is what the field
//! refers to as the instruction sees it, so that later stages may move code.
//! Called by the block, AOT and check stages; must never guess: a combination
//! that isn't listed is refused.

use stencil_format::OperandForm;

use crate::decode::{Field, Fixup, Insn};
use crate::error::Reason;
use crate::naming::{self, Outside, Role};
use crate::object_file::{Function, ObjectModel, RelocKind, Symbol};
use crate::settings::Settings;
use iced_x86::Mnemonic;

/// What a field refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// An operand's value plus `addend`.
    Operand {
        /// The hole's name.
        name: String,
        /// How the instruction reads it.
        form: OperandForm,
        /// Added to the value.
        addend: i64,
    },
    /// The entry of something that has one.
    Entry(Entry),
    /// A byte of constant data.
    Data {
        /// Index in [`ObjectModel::data`].
        section: usize,
        /// Offset in it.
        offset: u64,
    },
}

impl Reference {
    /// Bytes that the field takes.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Operand { form, .. } => form.width() as usize,
            Self::Entry(_) | Self::Data { .. } => 4,
        }
    }
}

/// Something that control can go to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Entry {
    /// A continuation of the stencil.
    Continuation(String),
    /// A function that the embedder supplies.
    Import(String),
    /// A function of the package that isn't a stencil: index in [`ObjectModel::functions`].
    Function(usize),
}

/// What all stages know about the package.
#[derive(Debug)]
pub struct Package<'a> {
    /// The object file.
    pub model: &'a ObjectModel,
    /// The role of each function.
    pub roles: &'a [Role],
    /// The package's settings.
    pub settings: &'a Settings,
}

impl Package<'_> {
    /// What `fixup` of `insn` in `function` (of the given role) refers to.
    ///
    /// # Errors
    /// The [`Reason`] for refusing it.
    pub fn reference(
        &self,
        function: &Function,
        role: Role,
        insn: &Insn,
        fixup: &Fixup,
    ) -> Result<Reference, Reason> {
        let reloc = &function.relocs[fixup.reloc];
        let offset = reloc.offset;
        let misused = |symbol: &str| Reason::MisusedSymbol {
            offset,
            symbol: symbol.into(),
        };
        // Distance from the field to the next instruction, from which the
        // processor counts; ELF counts from the field.
        let tail = i64::from(insn.end()) - offset as i64;
        let branch = fixup.field == Field::Branch;
        let takes_address =
            fixup.field == Field::RelativeMemory && insn.instruction.mnemonic() == Mnemonic::Lea;
        let at_entry = reloc.addend == -tail;

        if reloc.kind == RelocKind::Rel32 {
            if !branch && fixup.field != Field::RelativeMemory {
                return Err(Reason::MisplacedRelocation { offset });
            }
            return match &reloc.symbol {
                Symbol::Data {
                    section,
                    offset: symbol,
                } => {
                    let data = &self.model.data[*section];
                    let place = i64::try_from(*symbol)
                        .ok()
                        .and_then(|symbol| symbol.checked_add(reloc.addend)?.checked_add(tail));
                    match place.map(u64::try_from) {
                        _ if branch => Err(misused(&data.name)),
                        _ if data.relocated => Err(Reason::RelocatedData {
                            section: data.name.clone(),
                        }),
                        Some(Ok(place)) if place < data.bytes.len() as u64 => Ok(Reference::Data {
                            section: *section,
                            offset: place,
                        }),
                        _ => Err(Reason::DataOutOfBounds {
                            section: data.name.clone(),
                        }),
                    }
                }
                Symbol::Function(index) => {
                    let target = &self.model.functions[*index].symbol;
                    if self.roles[*index] == Role::Stencil {
                        let stencil = naming::bundle_name(target).into();
                        Err(Reason::RefersToStencil { stencil })
                    } else if at_entry && (branch || takes_address) {
                        Ok(Reference::Entry(Entry::Function(*index)))
                    } else {
                        Err(misused(&crate::error::readable(target)))
                    }
                }
                Symbol::Other(section) => Err(Reason::WritableData {
                    section: section.clone(),
                }),
                Symbol::Undefined(symbol) => {
                    match naming::outside(symbol, branch || takes_address, self.settings)? {
                        Outside::Continuation(hole) if role != Role::Stencil => {
                            Err(Reason::HoleInAot { hole })
                        }
                        Outside::Operand(hole) => Err(misused(&hole)),
                        _ if !at_entry || !(branch || takes_address) => Err(misused(symbol)),
                        Outside::Continuation(hole) => {
                            Ok(Reference::Entry(Entry::Continuation(hole)))
                        }
                        Outside::Import(import) => Ok(Reference::Entry(Entry::Import(import))),
                    }
                }
            };
        }

        let form = match reloc.kind {
            RelocKind::Abs32 => OperandForm::Abs32,
            RelocKind::Abs32S => OperandForm::Abs32S,
            RelocKind::Abs64 => OperandForm::Abs64,
            RelocKind::Rel32 | RelocKind::Unknown(_) => {
                return Err(Reason::MisplacedRelocation { offset });
            }
        };
        if branch || fixup.field == Field::RelativeMemory {
            return Err(Reason::MisplacedRelocation { offset });
        }
        let absolute = |symbol: String| Reason::AbsoluteAddress { offset, symbol };
        match &reloc.symbol {
            Symbol::Undefined(symbol) => match naming::outside(symbol, true, self.settings)? {
                Outside::Operand(hole) if role != Role::Stencil => Err(Reason::HoleInAot { hole }),
                Outside::Operand(name) => Ok(Reference::Operand {
                    name,
                    form,
                    addend: reloc.addend,
                }),
                Outside::Continuation(symbol) | Outside::Import(symbol) => Err(misused(&symbol)),
            },
            Symbol::Function(index) => {
                let target = &self.model.functions[*index].symbol;
                if self.roles[*index] == Role::Stencil {
                    Err(Reason::RefersToStencil {
                        stencil: naming::bundle_name(target).into(),
                    })
                } else {
                    Err(absolute(crate::error::readable(target)))
                }
            }
            Symbol::Data { section, .. } => Err(absolute(self.model.data[*section].name.clone())),
            Symbol::Other(section) => Err(absolute(section.clone())),
        }
    }
}
