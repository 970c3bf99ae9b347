//! The kernel's build: where it lies, and what is embedded in it.

mod bundle;
mod programs;

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    // `.cargo/config.toml` counts only for a cargo that is started in this
    // folder; without it the image would be linked for the wrong place.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    assert!(
        flags.contains("code-model=kernel") && flags.contains("relocation-model=static"),
        "the kernel's compiler flags are missing: start cargo in tests/bare-metal, without RUSTFLAGS",
    );

    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));

    let script = here.join("kernel.ld");
    println!("cargo:rerun-if-changed={}", script.display());
    println!("cargo:rustc-link-arg-bins=-T{}", script.display());

    println!("cargo:rerun-if-changed={}", here.join("build").display());
    let programs = programs::table(&here.join("../corpus"));
    fs::write(out.join("programs.rs"), programs).expect("OUT_DIR is writable");
    fs::write(out.join("selftest.stencils"), bundle::bytes()).expect("OUT_DIR is writable");
}
