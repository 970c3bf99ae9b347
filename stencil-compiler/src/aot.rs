//! Stage 10, AOT code: whole functions end to end in one blob, with everything
//! resolved but the calls to imports.
//!
//! Code stays as the compiler laid it out; only distances are filled in. The
//! package's own functions keep the order of their source, so that a client
//! decides what lies beside what; functions without a name of their own that
//! they or stencils call follow, by name. Called by [`crate::build`].

use std::collections::HashMap;

use stencil_format::{AotFunctionModel, AotRelocationModel, CpuFeatures};

use crate::checks;
use crate::constants::Pool;
use crate::decode::{self, Insn};
use crate::error::{Error, Reason, Refusals, readable};
use crate::holes::{Entry, Package, Reference};
use crate::naming::{self, Role};

/// Every function starts at a multiple of this, as the compiler would align it.
const FUNCTION_ALIGN: usize = 16;
/// A cache line: which functions share one doesn't depend on where they are loaded.
pub const CODE_ALIGN: u32 = 64;
/// Fills the gaps between functions; traps.
const PADDING: u8 = 0xcc;

/// The AOT part of a bundle, but for distances to constants.
#[derive(Debug, Default)]
pub struct AotCode {
    /// Machine code.
    pub bytes: Vec<u8>,
    /// Names and ranges.
    pub functions: Vec<AotFunctionModel>,
    /// Calls to imports.
    pub relocations: Vec<AotRelocationModel>,
    /// Bundle name of each function of the object file that is in the blob.
    pub names: HashMap<usize, String>,
    /// What the code asks of the processor.
    pub features: CpuFeatures,
    to_constants: Vec<ToConstant>,
}

/// A distance to a constant, to be filled in when the blob has its final size.
#[derive(Debug)]
struct ToConstant {
    field: usize,
    tail: i64,
    place: u32,
}

/// Collects the package's AOT functions, and those that they and `needed`
/// (by stencils) refer to.
///
/// # Errors
/// [`Error::Internal`] for a blob of 2 GiB; refusals go to `refusals`.
pub fn collect(
    package: &Package<'_>,
    needed: &[usize],
    pool: &mut Pool,
    refusals: &mut Refusals,
) -> Result<AotCode, Error> {
    let functions = &package.model.functions;
    let mut decoded: HashMap<usize, Vec<ResolvedInsn>> = HashMap::new();
    let mut out = AotCode::default();
    let named = (0..functions.len()).filter(|&index| package.roles[index] == Role::Aot);
    let mut order: Vec<usize> = named.collect();
    let mut private = Vec::new();
    let mut work: Vec<usize> = order.iter().chain(needed).copied().collect();
    while let Some(index) = work.pop() {
        if decoded.contains_key(&index) {
            continue;
        }
        if package.roles[index] == Role::Private {
            private.push(index);
        }
        let (insns, features) = match resolve(package, index) {
            Ok(resolved) => resolved,
            Err(reason) => {
                refusals.add(&functions[index].symbol, reason);
                (Vec::new(), CpuFeatures::NONE)
            }
        };
        out.features = out.features.union(features);
        for (_, references) in &insns {
            work.extend(
                references
                    .iter()
                    .filter_map(|(_, reference)| match reference {
                        Reference::Entry(Entry::Function(callee)) => Some(*callee),
                        _ => None,
                    }),
            );
        }
        decoded.insert(index, insns);
    }
    // By name and code, because the symbols contain hashes.
    private.sort_by_cached_key(|&index| {
        (
            readable(&functions[index].symbol),
            functions[index].bytes.clone(),
        )
    });
    order.extend(private);

    let mut starts = HashMap::new();
    let mut taken: HashMap<String, u32> = HashMap::new();
    for &index in &order {
        let function = &functions[index];
        out.bytes
            .resize(out.bytes.len().next_multiple_of(FUNCTION_ALIGN), PADDING);
        starts.insert(index, out.bytes.len());
        let mut name = match package.roles[index] {
            Role::Aot => naming::bundle_name(&function.symbol).to_owned(),
            Role::Private | Role::Stencil => readable(&function.symbol),
        };
        let uses = taken.entry(name.clone()).or_insert(0);
        *uses += 1;
        if *uses > 1 {
            // Instances of one generic function whose types print alike.
            name = format!("{name}#{uses}");
        }
        out.functions.push(AotFunctionModel {
            name: name.clone(),
            offset: size(out.bytes.len())?,
            size: size(function.bytes.len())?,
        });
        out.names.insert(index, name);
        out.bytes.extend_from_slice(&function.bytes);
    }
    for index in order {
        let start = starts[&index];
        let symbol = &functions[index].symbol;
        for (insn, references) in &decoded[&index] {
            for (at, reference) in references {
                let field = start + insn.offset as usize + usize::from(*at);
                let tail = i64::from(insn.end() - insn.offset - u32::from(*at));
                match reference {
                    Reference::Entry(Entry::Function(callee)) => {
                        let distance = starts[callee] as i64 - field as i64 - tail;
                        fill(&mut out.bytes, field, distance)?;
                    }
                    Reference::Entry(Entry::Import(import)) => {
                        fill(&mut out.bytes, field, 0)?;
                        out.relocations.push(AotRelocationModel {
                            offset: size(field)?,
                            import: import.clone(),
                            // At most the 15 bytes of an instruction.
                            addend: -(tail as i32),
                        });
                    }
                    Reference::Data { section, offset } => {
                        match pool.place(&package.model.data, *section, *offset) {
                            Some(place) => {
                                out.to_constants.push(ToConstant { field, tail, place });
                            }
                            None => {
                                let section = package.model.data[*section].name.clone();
                                refusals.add(symbol, Reason::DataOutOfBounds { section });
                            }
                        }
                    }
                    Reference::Entry(Entry::Continuation(hole))
                    | Reference::Operand { name: hole, .. } => {
                        refusals.add(symbol, Reason::HoleInAot { hole: hole.clone() });
                    }
                }
            }
        }
    }
    out.relocations.sort_by_key(|relocation| relocation.offset);
    Ok(out)
}

impl AotCode {
    /// Fills in the distances to constants, which start at `rodata` in the image.
    ///
    /// # Errors
    /// [`Error::Internal`] for an image of 2 GiB.
    pub fn point_to_constants(&mut self, rodata: usize) -> Result<(), Error> {
        for to in std::mem::take(&mut self.to_constants) {
            let distance = (rodata + to.place as usize) as i64 - to.field as i64 - to.tail;
            fill(&mut self.bytes, to.field, distance)?;
        }
        Ok(())
    }
}

/// An instruction with what its fields refer to, by offset in the instruction.
type ResolvedInsn = (Insn, Vec<(u8, Reference)>);
/// A function's instructions, and what they ask of the processor.
type Resolved = (Vec<ResolvedInsn>, CpuFeatures);

fn resolve(package: &Package<'_>, index: usize) -> Result<Resolved, Reason> {
    let function = &package.model.functions[index];
    let insns = decode::decode(function)?;
    let features = checks::features(&insns)?;
    let mut resolved = Vec::with_capacity(insns.len());
    for insn in insns {
        if insn.branches_inside() {
            let target = insn.instruction.near_branch_target();
            if target >= function.bytes.len() as u64 {
                return Err(Reason::WildBranch {
                    offset: insn.offset.into(),
                });
            }
        }
        let references = insn
            .fixups
            .iter()
            .map(|fixup| {
                let role = package.roles[index];
                Ok((
                    fixup.offset,
                    package.reference(function, role, &insn, fixup)?,
                ))
            })
            .collect::<Result<_, _>>()?;
        resolved.push((insn, references));
    }
    Ok((resolved, features))
}

fn size(bytes: usize) -> Result<u32, Error> {
    i32::try_from(bytes)
        .map(i32::cast_unsigned)
        .map_err(|_| Error::Internal("AOT code of 2 GiB".into()))
}

fn fill(bytes: &mut [u8], field: usize, distance: i64) -> Result<(), Error> {
    let distance =
        i32::try_from(distance).map_err(|_| Error::Internal("AOT code of 2 GiB".into()))?;
    bytes[field..field + 4].copy_from_slice(&distance.to_le_bytes());
    Ok(())
}
