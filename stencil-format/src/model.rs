//! The content of a bundle as owned data: what the writer takes and what reading gives.
//!
//! Names stand for ordinals everywhere, so that whoever builds a model never counts.
//! Nothing here knows the byte layout (that is `encode`). Used by the stencil compiler
//! and by tests.

use crate::bundle::Bundle;
use crate::kinds::{Arch, CpuFeatures, HoleKind, OperandForm, Part, RelTarget};
use crate::stencil::RegisterHole;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

/// Everything that a bundle says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleModel {
    /// Target architecture.
    pub arch: Arch,
    /// CPU features that the code needs.
    pub cpu_features: CpuFeatures,
    /// The client's fingerprint of all that its code and its stencils must agree on.
    pub abi_fingerprint: [u8; 32],
    /// Digest of the sources.
    pub source_digest: [u8; 32],
    /// The compiler that made the machine code.
    pub compiler: String,
    /// Names of operands. Those that holes name are added when writing.
    pub operands: Vec<String>,
    /// Names of continuations. Those that stencils name are added when writing.
    pub continuations: Vec<String>,
    /// Names of imports. Those that holes and relocations name are added when writing.
    pub imports: Vec<String>,
    /// Alignment of the AOT code, a power of two up to [`MAX_ALIGN`](crate::MAX_ALIGN).
    pub code_align: u32,
    /// The AOT code, with everything resolved but imports.
    pub code: Vec<u8>,
    /// Functions in `code`.
    pub functions: Vec<AotFunctionModel>,
    /// References from `code` to imports.
    pub relocations: Vec<AotRelocationModel>,
    /// Alignment of the rodata, a power of two up to [`MAX_ALIGN`](crate::MAX_ALIGN).
    pub rodata_align: u32,
    /// Constants. Placed at [`BundleModel::rodata_offset`] from the start of the code.
    pub rodata: Vec<u8>,
    /// The stencils.
    pub stencils: Vec<StencilModel>,
}

/// A function in [`BundleModel::code`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AotFunctionModel {
    /// The symbol's name; unique.
    pub name: String,
    /// Its entry, in bytes from the start of the code.
    pub offset: u32,
    /// Its size in bytes.
    pub size: u32,
}

/// A `Rel32` field in [`BundleModel::code`] that refers to an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AotRelocationModel {
    /// The field's first byte, in bytes from the start of the code.
    pub offset: u32,
    /// The import's name.
    pub import: String,
    /// Addend as in ELF (-4 for a `call`).
    pub addend: i32,
}

/// A stencil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StencilModel {
    /// Its name; unique.
    pub name: String,
    /// The hot part, without the final jump if it falls through. Bytes of holes should be 0.
    pub hot: Vec<u8>,
    /// The cold part; may be empty.
    pub cold: Vec<u8>,
    /// Alignment of the hot part, a power of two up to [`MAX_ALIGN`](crate::MAX_ALIGN).
    pub align: u32,
    /// Name of the continuation reached by running off the end of the hot part.
    pub fallthrough: Option<String>,
    /// Its holes.
    pub holes: Vec<HoleModel>,
    /// Its register holes.
    pub register_holes: Vec<RegisterHole>,
    /// Name of its short variant, which must sort behind its own.
    pub short: Option<String>,
}

/// A hole of a stencil.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoleModel {
    /// Which part it is in.
    pub part: Part,
    /// Its first byte, in bytes from the start of the part.
    pub offset: u32,
    /// What goes into it.
    pub value: HoleValueModel,
    /// Addend as in ELF.
    pub addend: i64,
}

/// What goes into a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HoleValueModel {
    /// An operand's value.
    Operand {
        /// How it is stored.
        form: OperandForm,
        /// The operand's name.
        name: String,
    },
    /// A signed distance of four bytes.
    Rel32(RelTargetModel),
}

/// What a `Rel32` hole refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelTargetModel {
    /// A continuation, by name.
    Continuation(String),
    /// An import, by name.
    Import(String),
    /// A function of [`BundleModel::functions`], by name.
    Function(String),
    /// The rodata, from its start.
    Rodata,
    /// The hot part of the same stencil, from its start.
    OwnHot,
    /// The cold part of the same stencil, from its start.
    OwnCold,
}

impl BundleModel {
    /// A model without any content, for x86-64.
    pub fn new(compiler: &str) -> BundleModel {
        BundleModel {
            arch: Arch::X86_64,
            cpu_features: CpuFeatures::NONE,
            abi_fingerprint: [0; 32],
            source_digest: [0; 32],
            compiler: compiler.to_owned(),
            operands: Vec::new(),
            continuations: Vec::new(),
            imports: Vec::new(),
            code_align: 1,
            code: Vec::new(),
            functions: Vec::new(),
            relocations: Vec::new(),
            rodata_align: 1,
            rodata: Vec::new(),
            stencils: Vec::new(),
        }
    }

    /// Where the rodata starts in the AOT image: after the code, aligned.
    pub fn rodata_offset(&self) -> usize {
        self.code
            .len()
            .next_multiple_of(self.rodata_align.max(1) as usize)
    }

    /// Brings the model into the order of the file: adds the names that are used, sorts
    /// every table. Writing does this to a copy; equal contents are equal models after it.
    pub fn normalize(&mut self) {
        for stencil in &mut self.stencils {
            if let Some(name) = &stencil.fallthrough {
                self.continuations.push(name.clone());
            }
            for hole in &stencil.holes {
                match &hole.value {
                    HoleValueModel::Operand { name, .. } => self.operands.push(name.clone()),
                    HoleValueModel::Rel32(RelTargetModel::Continuation(name)) => {
                        self.continuations.push(name.clone());
                    }
                    HoleValueModel::Rel32(RelTargetModel::Import(name)) => {
                        self.imports.push(name.clone());
                    }
                    HoleValueModel::Rel32(
                        RelTargetModel::Function(_)
                        | RelTargetModel::Rodata
                        | RelTargetModel::OwnHot
                        | RelTargetModel::OwnCold,
                    ) => {}
                }
            }
            stencil.holes.sort_by_key(|hole| (hole.part, hole.offset));
            stencil
                .register_holes
                .sort_by_key(|hole| (hole.part, hole.offset, hole.bit));
        }
        self.imports
            .extend(self.relocations.iter().map(|reloc| reloc.import.clone()));
        for names in [
            &mut self.operands,
            &mut self.continuations,
            &mut self.imports,
        ] {
            names.sort_unstable();
            names.dedup();
        }
        self.functions.sort();
        self.relocations.sort_by_key(|reloc| reloc.offset);
        self.stencils.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

impl From<&Bundle<'_>> for BundleModel {
    /// The content of a bundle. Writing it gives the same bytes again.
    fn from(bundle: &Bundle<'_>) -> BundleModel {
        // Ordinals of a valid bundle are in range: the default is never taken.
        let name = |found: Option<&str>| found.unwrap_or_default().to_owned();
        let operands = (0..bundle.operand_count()).map(|i| name(bundle.operand(i)));
        let continuations = (0..bundle.continuation_count()).map(|i| name(bundle.continuation(i)));
        let value = |kind| match kind {
            HoleKind::Operand { form, ordinal } => HoleValueModel::Operand {
                form,
                name: name(bundle.operand(ordinal)),
            },
            HoleKind::Rel32(target) => HoleValueModel::Rel32(match target {
                RelTarget::Continuation(i) => {
                    RelTargetModel::Continuation(name(bundle.continuation(i)))
                }
                RelTarget::Import(i) => RelTargetModel::Import(name(bundle.import(i))),
                RelTarget::Function(i) => {
                    RelTargetModel::Function(name(bundle.function(i).map(|function| function.name)))
                }
                RelTarget::Rodata => RelTargetModel::Rodata,
                RelTarget::OwnHot => RelTargetModel::OwnHot,
                RelTarget::OwnCold => RelTargetModel::OwnCold,
            }),
        };
        BundleModel {
            arch: bundle.arch(),
            cpu_features: bundle.cpu_features(),
            abi_fingerprint: bundle.abi_fingerprint(),
            source_digest: bundle.source_digest(),
            compiler: bundle.compiler().to_owned(),
            operands: operands.collect(),
            continuations: continuations.collect(),
            imports: bundle.imports().map(str::to_owned).collect(),
            code_align: bundle.code_align(),
            code: bundle.code().to_vec(),
            functions: bundle
                .functions()
                .map(|function| AotFunctionModel {
                    name: function.name.to_owned(),
                    offset: function.offset,
                    size: function.size,
                })
                .collect(),
            relocations: bundle
                .relocations()
                .map(|reloc| AotRelocationModel {
                    offset: reloc.offset,
                    import: name(bundle.import(reloc.import)),
                    addend: reloc.addend,
                })
                .collect(),
            rodata_align: bundle.rodata_align(),
            rodata: bundle.rodata().to_vec(),
            stencils: bundle
                .stencils()
                .map(|stencil| StencilModel {
                    name: stencil.name().to_owned(),
                    hot: stencil.hot().to_vec(),
                    cold: stencil.cold().to_vec(),
                    align: stencil.align(),
                    fallthrough: stencil.fallthrough().map(|i| name(bundle.continuation(i))),
                    holes: stencil
                        .holes()
                        .map(|hole| HoleModel {
                            part: hole.part,
                            offset: hole.offset,
                            value: value(hole.kind),
                            addend: hole.addend,
                        })
                        .collect(),
                    register_holes: stencil.register_holes().collect(),
                    short: stencil
                        .short()
                        .map(|i| name(bundle.stencil(i).map(|short| short.name()))),
                })
                .collect(),
        }
    }
}
