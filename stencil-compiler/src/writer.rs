//! Stage 11, the writer: everything the stages found, as a bundle.
//!
//! Puts the parts together, lets the format's own writer lay out the bytes, and
//! reads the result back through the format's validation before anybody else
//! can see it. Files appear whole or not at all. Called by [`crate::build`] and
//! by the program.

use std::io::Write as _;
use std::path::Path;

use stencil_format::{
    Bundle, BundleModel, CpuFeatures, HoleModel, HoleValueModel, Part, RelTargetModel, StencilModel,
};

use crate::aot::{AotCode, CODE_ALIGN};
use crate::constants::Pool;
use crate::encode::{Encoded, RawHole, RawValue};
use crate::error::{Error, Reason, Refusals};
use crate::holes::{Entry, Package, Reference};

/// A stencil after all passes.
#[derive(Debug)]
pub struct FinishedStencil {
    /// The symbol, for messages.
    pub symbol: String,
    /// Name in the bundle.
    pub name: String,
    /// Hot and cold part.
    pub parts: [Encoded; 2],
    /// Goes on to the fallthrough continuation at the end of the hot part.
    pub falls_through: bool,
    /// What its code asks of the processor.
    pub features: CpuFeatures,
    /// Its short variant, if it has one.
    pub short: Option<[Encoded; 2]>,
}

/// What the name of a short variant ends in.
pub const SHORT: &str = ".short";

/// Where a bundle comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The compiler that made the machine code.
    pub compiler: String,
    /// Digest of the sources.
    pub source_digest: [u8; 32],
}

/// Puts a bundle together. `stencils` sorted by name.
///
/// # Errors
/// [`Error::MissingAbi`], [`Error::Internal`]; refusals go to `refusals`.
pub fn assemble(
    package: &Package<'_>,
    stencils: &[FinishedStencil],
    mut aot: AotCode,
    mut pool: Pool,
    provenance: &Provenance,
    refusals: &mut Refusals,
) -> Result<BundleModel, Error> {
    let mut model = BundleModel::new(&provenance.compiler);
    model.source_digest = provenance.source_digest;
    model.abi_fingerprint = package.model.abi.ok_or(Error::MissingAbi)?;
    model.cpu_features = aot.features;
    for stencil in stencils {
        model.cpu_features = model.cpu_features.union(stencil.features);
        let short_name = format!("{}{SHORT}", stencil.name);
        let variants = [
            Some((stencil.name.clone(), &stencil.parts)),
            stencil
                .short
                .as_ref()
                .map(|short| (short_name.clone(), short)),
        ];
        for (name, parts) in variants.into_iter().flatten() {
            let mut holes = Vec::new();
            for (part, encoded) in [Part::Hot, Part::Cold].into_iter().zip(parts) {
                for hole in &encoded.holes {
                    match finish_hole(package, &aot, &mut pool, part, hole) {
                        Ok(hole) => holes.push(hole),
                        Err(reason) => refusals.add(&stencil.symbol, reason),
                    }
                }
            }
            let [hot, cold] = parts;
            let short = stencil.short.as_ref().filter(|_| name != short_name);
            model.stencils.push(StencilModel {
                name,
                hot: hot.bytes.clone(),
                cold: cold.bytes.clone(),
                // Stencils lie end to end, so that they can fall through.
                align: 1,
                fallthrough: stencil
                    .falls_through
                    .then(|| package.settings.fallthrough.clone()),
                holes,
                register_holes: Vec::new(),
                short: short.map(|_| short_name.clone()),
            });
        }
    }
    model.code_align = if aot.bytes.is_empty() { 1 } else { CODE_ALIGN };
    model.rodata_align = pool.align.max(1);
    model.code = std::mem::take(&mut aot.bytes);
    let rodata_offset = model.rodata_offset();
    aot.bytes = std::mem::take(&mut model.code);
    aot.point_to_constants(rodata_offset)?;
    model.code = aot.bytes;
    model.functions = aot.functions;
    model.relocations = aot.relocations;
    model.rodata = pool.bytes;
    Ok(model)
}

fn finish_hole(
    package: &Package<'_>,
    aot: &AotCode,
    pool: &mut Pool,
    part: Part,
    hole: &RawHole,
) -> Result<HoleModel, Reason> {
    let tail = i64::from(hole.tail);
    let entry = |target| (HoleValueModel::Rel32(target), -tail);
    let (value, addend) = match &hole.value {
        RawValue::Own(Part::Hot, offset) => (
            HoleValueModel::Rel32(RelTargetModel::OwnHot),
            i64::from(*offset) - tail,
        ),
        RawValue::Own(Part::Cold, offset) => (
            HoleValueModel::Rel32(RelTargetModel::OwnCold),
            i64::from(*offset) - tail,
        ),
        RawValue::Reference(Reference::Operand { name, form, addend }) => (
            HoleValueModel::Operand {
                form: *form,
                name: name.clone(),
            },
            *addend,
        ),
        RawValue::Reference(Reference::Entry(Entry::Continuation(name))) => {
            entry(RelTargetModel::Continuation(name.clone()))
        }
        RawValue::Reference(Reference::Entry(Entry::Import(name))) => {
            entry(RelTargetModel::Import(name.clone()))
        }
        RawValue::Reference(Reference::Entry(Entry::Function(index))) => {
            // Missing only if the function was refused, and then nothing is written.
            let name = aot.names.get(index).cloned().unwrap_or_default();
            entry(RelTargetModel::Function(name))
        }
        RawValue::Reference(Reference::Data { section, offset }) => {
            let place = pool.place(&package.model.data, *section, *offset);
            let place = place.ok_or_else(|| Reason::DataOutOfBounds {
                section: package.model.data[*section].name.clone(),
            })?;
            (
                HoleValueModel::Rel32(RelTargetModel::Rodata),
                i64::from(place) - tail,
            )
        }
    };
    Ok(HoleModel {
        part,
        offset: hole.offset,
        value,
        addend,
    })
}

/// The bytes of a bundle, read back and found valid.
///
/// # Errors
/// [`Error::Internal`] if the model isn't one that the format can hold.
pub fn to_bytes(model: &BundleModel) -> Result<Vec<u8>, Error> {
    let bytes = model
        .write()
        .map_err(|error| Error::Internal(error.to_string()))?;
    match Bundle::parse(&bytes) {
        Ok(_) => Ok(bytes),
        Err(error) => Err(Error::Internal(format!("wrote a bad bundle: {error}"))),
    }
}

/// Writes `bytes` to `path` by way of a temporary name beside it.
///
/// # Errors
/// [`Error::Io`].
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".new{}", std::process::id()));
    let temporary = Path::new(&temporary);
    let written = std::fs::File::create(temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(temporary, path));
    written.map_err(|source| {
        // The failure is what matters; the temporary file may not even exist.
        let _ = std::fs::remove_file(temporary);
        Error::Io {
            path: path.into(),
            source,
        }
    })
}
