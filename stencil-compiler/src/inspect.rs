//! What a bundle is: provenance, needs, contents and sizes, for people.
//!
//! Reads a valid bundle only; never decides anything. Called by the program.

use std::fmt::Write as _;

use stencil_format::Bundle;

/// A summary of `bundle`, a fact per line.
#[must_use]
pub fn summary(bundle: &Bundle<'_>) -> String {
    let mut out = String::new();
    let mut fact = |name: &str, value: String| {
        let _ = writeln!(out, "{name:16} {value}");
    };
    let hot: usize = bundle.stencils().map(|stencil| stencil.hot().len()).sum();
    let cold: usize = bundle.stencils().map(|stencil| stencil.cold().len()).sum();
    let holes: usize = bundle.stencils().map(|stencil| stencil.holes().len()).sum();
    let register_holes: usize = bundle
        .stencils()
        .map(|stencil| stencil.register_holes().len())
        .sum();
    let falling = bundle
        .stencils()
        .filter(|stencil| stencil.fallthrough().is_some())
        .count();

    fact("format version", bundle.version().to_string());
    fact("length", format!("{} bytes", bundle.bytes().len()));
    fact("checksum", format!("{:08x}", bundle.checksum()));
    fact("architecture", format!("{:?}", bundle.arch()));
    fact("cpu features", bundle.cpu_features().to_string());
    fact("compiler", bundle.compiler().to_owned());
    fact("abi", hex(&bundle.abi_fingerprint()));
    fact("sources", hex(&bundle.source_digest()));
    fact(
        "stencils",
        format!("{}, {falling} fall through", bundle.stencil_count()),
    );
    fact("stencil code", format!("{hot} bytes hot, {cold} cold"));
    fact(
        "holes",
        format!("{holes}, and {register_holes} register holes"),
    );
    fact("aot functions", bundle.function_count().to_string());
    fact(
        "aot code",
        format!(
            "{} bytes, aligned to {}",
            bundle.code().len(),
            bundle.code_align()
        ),
    );
    fact("relocations", bundle.relocations().len().to_string());
    fact(
        "rodata",
        format!(
            "{} bytes, aligned to {}",
            bundle.rodata().len(),
            bundle.rodata_align()
        ),
    );
    let list = |names: Vec<&str>| {
        if names.is_empty() {
            "none".into()
        } else {
            names.join(" ")
        }
    };
    let operands = (0..bundle.operand_count()).filter_map(|index| bundle.operand(index));
    let continuations =
        (0..bundle.continuation_count()).filter_map(|index| bundle.continuation(index));
    fact("operands", list(operands.collect()));
    fact("continuations", list(continuations.collect()));
    fact("imports", list(bundle.imports().collect()));
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
