//! Compiles *stencils*, small machine-code templates written in Rust, into a
//! bundle (`stencil-format`), and looks into bundles.
//!
//! Knows no language but Rust: what the stencils are for is the business of the
//! package that they are in. Uses the pinned toolchain with its unstable
//! features, so that nobody who only *uses* a bundle has to. The same sources
//! give the same bytes in any folder on any machine.
//!
//! # The stages, a file each, in the order of the pipeline
//!
//! | file | from | to |
//! |---|---|---|
//! | [`driver`] | a package's folder | an ELF object, with provenance ([`provenance`]) and [`settings`] |
//! | [`object_file`] | the object's bytes | functions, constant data, relocations |
//! | [`fold_jumps`] | an AOT function's bytes | shorter indirect jumps |
//! | [`decode`] | a function's bytes | instructions with fields to fill |
//! | [`holes`] | a field and its relocation | what it refers to, by [`naming`] |
//! | [`blocks`] | a stencil's instructions | basic blocks with symbolic ends |
//! | [`checks`] | blocks | refusals: frames at exits, returns, processor features |
//! | [`fallthrough`] | blocks | their order: hot, cold, which jump disappears |
//! | [`shorten`] | ordered blocks | the same with operands of one byte: a short variant |
//! | [`encode`] | ordered blocks | bytes and holes of the two parts |
//! | [`validate`] | both of the above | whether they do the same |
//! | [`constants`] | references to data | the rodata blob |
//! | [`aot`] | whole functions | the AOT blob, resolved but for imports |
//! | [`writer`] | all of it | a bundle, validated, written whole or not at all |
//!
//! Beside them [`inspect`], [`disasm`], [`diff`], [`embedded`] and [`emit_obj`]
//! answer questions about finished bundles; [`error`] lists every refusal.
//!
//! # How to write a stencil package
//!
//! A `no_std` library, a workspace of its own, with
//! `#![feature(explicit_tail_calls, rust_preserve_none_cc)]`. What a symbol is,
//! its name says:
//!
//! | symbol | is |
//! |---|---|
//! | `#[unsafe(no_mangle)] fn stencil_NAME` | the stencil `NAME` |
//! | `#[unsafe(no_mangle)] fn aot_NAME` | the AOT function `NAME`, linked once, found by name |
//! | any other function with a mangled name | private: goes with the AOT functions if one of them or a stencil calls it |
//! | any other exported function | refused |
//! | undefined static `HOLE_NAME` | an operand hole: its address is the operand's value |
//! | undefined function `hole_NAME` | a continuation: `become` it |
//! | undefined function `hole_next` | the continuation that stencils fall through to (setting `fallthrough`) |
//! | any other undefined function | an import by that name, `extern "sysv64"`, integers and pointers only |
//! | `memcpy`, `fmod` and the like | refused, unless the setting `imports` lists them |
//! | `#[unsafe(no_mangle)] static STENCIL_ABI: [u8; 32]` | the client's ABI fingerprint; required |
//!
//! An AOT function that others go to needs `#[inline(never)]`, or they get copies.
//! A stencil leaves through `become` only: no native frame may be alive at an
//! exit, and it may not return unless the setting `returns` lists it.
//! [`settings`] says where the settings are written.
//!
//! A *short variant* of a stencil holds the operands that the setting
//! `short-operands` lists in one byte each where they are displacements, and is
//! called `NAME.short`. A client that knows them to be small emits it instead.
//!
//! Architecture invariant: no stage guesses. What isn't understood is refused
//! with the function's name.
#![forbid(unsafe_code)]

pub mod aot;
pub mod blocks;
pub mod checks;
pub mod constants;
pub mod decode;
pub mod diff;
pub mod disasm;
pub mod driver;
pub mod embedded;
pub mod emit_obj;
pub mod encode;
pub mod error;
pub mod fallthrough;
pub mod fold_jumps;
pub mod holes;
pub mod inspect;
pub mod naming;
pub mod object_file;
pub mod provenance;
pub mod settings;
pub mod shorten;
pub mod validate;
pub mod writer;

use std::path::Path;

use stencil_format::BundleModel;

use crate::blocks::Target;
use crate::error::{Error, Reason, Refusals};
use crate::holes::{Entry, Package, Reference};
use crate::naming::Role;
use crate::settings::{BuildOptions, Settings};
use crate::writer::{FinishedStencil, Provenance};

/// Builds the stencil package in folder `package`; the bundle's bytes.
///
/// `target_dir` is where cargo puts its output, by default `target/stencils`
/// in the package's workspace.
///
/// # Errors
/// Any [`Error`]; [`Error::Refused`] lists every function that can't be honoured.
pub fn build(package: &Path, target_dir: Option<&Path>) -> Result<Vec<u8>, Error> {
    build_with(package, target_dir, &BuildOptions::default())
}

/// The same, with options.
///
/// # Errors
/// As for [`build`].
pub fn build_with(
    package: &Path,
    target_dir: Option<&Path>,
    options: &BuildOptions,
) -> Result<Vec<u8>, Error> {
    let compiled = driver::compile(package, target_dir, options)?;
    let provenance = Provenance {
        compiler: compiled.compiler,
        source_digest: compiled.source_digest,
    };
    let model = from_object(&compiled.object, &compiled.settings, &provenance)?;
    writer::to_bytes(&model)
}

/// All stages behind the driver: from an object file to a bundle's content.
///
/// # Errors
/// Any [`Error`] but those of the driver.
pub fn from_object(
    object: &[u8],
    settings: &Settings,
    provenance: &Provenance,
) -> Result<BundleModel, Error> {
    let mut model = object_file::read(object)?;
    let mut refusals = Refusals::default();
    let roles = naming::roles(&model, &mut refusals);
    for (function, &role) in model.functions.iter_mut().zip(&roles) {
        if role == Role::Aot
            && let Err(reason) = fold_jumps::fold(function)
        {
            refusals.add(&function.symbol, reason);
        }
    }
    let package = Package {
        model: &model,
        roles: &roles,
        settings,
    };

    let mut stencils = Vec::new();
    let mut needed = Vec::new();
    for (function, &role) in model.functions.iter().zip(&roles) {
        if role != Role::Stencil {
            continue;
        }
        match stencil(&package, function, &mut needed)? {
            Ok(stencil) => stencils.push(stencil),
            Err(reason) => refusals.add(&function.symbol, reason),
        }
    }
    stencils.sort_by(|a, b| a.name.cmp(&b.name));

    let mut pool = constants::Pool::default();
    let aot = aot::collect(&package, &needed, &mut pool, &mut refusals)?;
    let bundle = writer::assemble(&package, &stencils, aot, pool, provenance, &mut refusals);
    // A refusal explains more than what followed from it.
    refusals.finish()?;
    bundle
}

/// Takes one stencil through its stages. Functions it refers to go to `needed`.
fn stencil(
    package: &Package<'_>,
    function: &object_file::Function,
    needed: &mut Vec<usize>,
) -> Result<Result<FinishedStencil, Reason>, Error> {
    let name = naming::bundle_name(&function.symbol);
    let passes = || {
        let insns = decode::decode(function)?;
        let features = checks::features(&insns)?;
        let graph = blocks::split(package, function, &insns)?;
        let may_return = package.settings.returns.iter().any(|listed| listed == name);
        checks::stack(&graph, may_return)?;
        Ok((graph, features))
    };
    let (mut graph, features) = match passes() {
        Ok(passed) => passed,
        Err(reason) => return Ok(Err(reason)),
    };
    for block in &graph.blocks {
        let fields = block.body.iter().flat_map(|piece| &piece.fields);
        let inside = fields.filter_map(|(_, reference)| match reference {
            Reference::Entry(entry) => Some(entry),
            Reference::Operand { .. } | Reference::Data { .. } => None,
        });
        let at_end = block.end.targets().filter_map(|target| match target {
            Target::Out(entry) => Some(entry),
            Target::Block(_) => None,
        });
        needed.extend(inside.chain(at_end).filter_map(|entry| match entry {
            Entry::Function(index) => Some(*index),
            Entry::Continuation(_) | Entry::Import(_) => None,
        }));
    }
    let continuation = &package.settings.fallthrough;
    let before = graph.clone();
    let plan = fallthrough::arrange(&mut graph, package.settings);
    let finish = |before: &blocks::Graph, graph: &blocks::Graph| {
        let parts = encode::encode(graph, &plan, continuation)?;
        let falls_to = plan.falls_through.then_some(continuation.as_str());
        validate::check(before, &parts, falls_to)?;
        Ok(parts)
    };
    let in_stencil = |error| match error {
        Error::Internal(what) => Error::Internal(format!("stencil `{name}`: {what}")),
        other => other,
    };
    let parts = finish(&before, &graph).map_err(in_stencil)?;
    let operands = &package.settings.short_operands;
    let short = shorten::shorten(&graph, operands)
        .and_then(
            |short| match (short, shorten::shorten(&before, operands)?) {
                (Some(short), Some(before)) => finish(&before, &short).map(Some),
                _ => Ok(None),
            },
        )
        .map_err(in_stencil)?;
    Ok(Ok(FinishedStencil {
        symbol: function.symbol.clone(),
        name: name.to_owned(),
        parts,
        falls_through: plan.falls_through,
        features,
        short,
    }))
}
