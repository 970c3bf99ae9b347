//! The self test of rt-nostd on the kernel's own memory: a bundle is parsed
//! and linked into the code region, stencils are emitted, and the code of both is
//! called, with interrupts on.
//!
//! The code region is more than 2 GiB from the kernel, so the bundle's import
//! can be reached through an island only. Called by `selftest`.

use crate::memory::CodeViews;
use crate::timer;
use alloc::format;
use alloc::string::String;
use core::ptr::{self, NonNull};
use rt_nostd::serialize;
use rt_nostd::{
    Assembler, CodeBlock, CodeRegion, Emitter, Expectations, Extent, LinkError, LinkedBundle,
    Measure, link, resolve_from,
};
use stencil_format::{Bundle, CpuFeatures};

/// The bundle made by `build/bundle.rs`.
static BUNDLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/selftest.stencils"));
/// What `build/bundle.rs` says it was made for.
const EXPECTATIONS: Expectations = Expectations {
    abi_fingerprint: *b"moonpatch-kernel: bundle by hand",
    cpu_features: CpuFeatures::NONE,
};
/// The bundle's constant.
const CONSTANT: u64 = 0x0123_4567_89ab_cdef;

/// The bundle's import. Returns only after a tick, so that the timer interrupts
/// a chain of calls that goes through the bundle's code.
extern "sysv64" fn kernel_twice(x: u64) -> u64 {
    let before = timer::ticks();
    while timer::ticks() == before {
        core::hint::spin_loop();
    }
    x.wrapping_mul(2)
}

/// What the bundle's function computes.
fn twice_and_more(x: u64) -> u64 {
    x.wrapping_mul(3).wrapping_add(CONSTANT)
}

/// Links the bundle into the code region and runs its code.
///
/// # Errors
/// What went wrong, in words.
pub fn run(code: CodeViews) -> Result<(), String> {
    let bundle = Bundle::parse(BUNDLE).map_err(|error| format!("parse: {error}"))?;
    let mut extents = [Extent::EMPTY; 8];
    let write = NonNull::new(ptr::with_exposed_provenance_mut(code.write as usize))
        .ok_or("the write view is at null")?;
    // SAFETY: `memory` mapped both views to the same memory, for good; nobody
    // else uses it during the self test; `serialize` is called below before code
    // runs.
    let mut region = unsafe {
        CodeRegion::aliased(
            write,
            code.execute as usize,
            code.bytes as usize,
            &mut extents,
        )
    }
    .map_err(|error| format!("region: {error}"))?;

    let free = region.free_bytes();
    match link(&bundle, &mut region, &EXPECTATIONS, resolve_from(&[])) {
        Err(LinkError::MissingImport {
            name: "kernel_twice",
        }) => {}
        other => return Err(format!("link without the import: {other:?}")),
    }
    if region.free_bytes() != free {
        return Err(String::from("a link that failed kept space"));
    }

    let imports = [("kernel_twice", kernel_twice as *const () as usize)];
    let linked = link(&bundle, &mut region, &EXPECTATIONS, resolve_from(&imports))
        .map_err(|error| format!("link: {error}"))?;
    let entry = linked
        .function_address("twice_and_more")
        .ok_or("the bundle's function is not there")?;
    if !region.contains(entry) {
        return Err(format!("the function is at {entry:#x}, not in the region"));
    }
    let free = region.free_bytes();
    serialize();
    // SAFETY: linked code, made for this convention and signature (see
    // `build/bundle.rs`), in executable memory that stays.
    let function: extern "sysv64" fn(u64) -> u64 = unsafe { core::mem::transmute(entry) };
    for x in [0, 1, 0xffff_ffff, u64::MAX] {
        let (expected, found) = (twice_and_more(x), function(x));
        if found != expected {
            return Err(format!(
                "linked code on {x:#x}: expected {expected:#x}, found {found:#x}"
            ));
        }
    }

    // Again and again in the same place: stale code would show.
    for x in [0, 7, 1 << 40, u64::MAX] {
        let block = emit_call(&linked, &mut region, x)?;
        serialize();
        // SAFETY: `emit_call` made a function of this convention and signature.
        let function: extern "sysv64" fn() -> u64 = unsafe { core::mem::transmute(block.entry()) };
        let (expected, found) = (twice_and_more(x), function());
        // SAFETY: the block is of this region, has returned, and is called nowhere.
        unsafe { region.free(block) };
        if found != expected {
            return Err(format!(
                "emitted code on {x:#x}: expected {expected:#x}, found {found:#x}"
            ));
        }
        if region.free_bytes() != free {
            return Err(String::from("freeing a block did not give its space back"));
        }
    }
    Ok(())
}

/// Emits a function that calls the bundle's function on `x`.
fn emit_call(
    linked: &LinkedBundle<'static>,
    region: &mut CodeRegion<'_>,
    x: u64,
) -> Result<CodeBlock, String> {
    let bundle = linked.bundle();
    let mut measure = Measure::new(bundle, &mut []);
    assemble(bundle, &mut measure, x)?;
    let size = measure
        .finish()
        .map_err(|error| format!("measure: {error}"))?;
    let mut emitter =
        Emitter::new(linked, region, size, &mut []).map_err(|error| format!("emit: {error}"))?;
    assemble(bundle, &mut emitter, x)?;
    emitter.finish().map_err(|error| format!("emit: {error}"))
}

/// The sequence of stencils, for both passes.
fn assemble(
    bundle: &Bundle<'static>,
    assembler: &mut impl Assembler<'static>,
    x: u64,
) -> Result<(), String> {
    for name in ["argument", "call", "return"] {
        let index = bundle
            .stencil_index(name)
            .ok_or_else(|| format!("no stencil {name}"))?;
        assembler
            .stencil(index, &[x as i64], &[])
            .map_err(|error| format!("stencil {name}: {error}"))?;
    }
    Ok(())
}
