//! The same sources give the same bytes, wherever they lie; other sources give
//! another digest.

use std::path::Path;

use stencil_compiler::build;
use stencil_format::Bundle;

/// A package with all that could carry a folder's name or a hash into the
/// code: a path dependency, functions instantiated from it but not inlined,
/// constants of several kinds.
fn write_tree(root: &Path) {
    let write = |name: &str, text: &str| {
        let path = root.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("written");
    };
    write(
        "language/Cargo.toml",
        "[package]\nname = \"language\"\nversion = \"0.0.0\"\nedition = \"2024\"\n",
    );
    write(
        "language/src/lib.rs",
        r#"#![no_std]
        pub trait Scale { const BY: f64; }
        #[inline(always)]
        pub fn scaled<S: Scale>(x: f64) -> f64 { slow::<S>(x) + 0.1 }
        #[inline(never)]
        pub fn slow<S: Scale>(x: f64) -> f64 {
            let file = file!().len() as f64;
            if x > S::BY { x * S::BY } else { slower::<S>(x - file) }
        }
        #[inline(never)]
        pub fn slower<S: Scale>(x: f64) -> f64 { x / (S::BY + 0.3) }
        "#,
    );
    write(
        "stencils/Cargo.toml",
        "[package]\nname = \"tree\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\
         [dependencies]\nlanguage = { path = \"../language\" }\n[workspace]\n",
    );
    write(
        "stencils/src/lib.rs",
        r#"#![no_std]
        #![feature(explicit_tail_calls, rust_preserve_none_cc)]
        #![allow(incomplete_features)]
        use language::{Scale, scaled};
        struct Two; impl Scale for Two { const BY: f64 = 2.0; }
        struct Six; impl Scale for Six { const BY: f64 = 6.0; }
        unsafe extern "rust-preserve-none" { fn hole_next(base: *mut f64); }
        #[unsafe(no_mangle)] pub static STENCIL_ABI: [u8; 32] = [1; 32];
        #[unsafe(no_mangle)] pub unsafe extern "rust-preserve-none" fn stencil_two(base: *mut f64) {
            unsafe { *base = scaled::<Two>(*base); become hole_next(base) }
        }
        #[unsafe(no_mangle)] pub unsafe extern "rust-preserve-none" fn stencil_six(base: *mut f64) {
            unsafe { *base = scaled::<Six>(*base); become hole_next(base) }
        }
        #[unsafe(no_mangle)] pub unsafe extern "sysv64" fn aot_both(base: *mut f64) {
            unsafe { *base = scaled::<Two>(*base) * scaled::<Six>(*base.add(1)); }
        }
        "#,
    );
}

#[test]
fn same_sources_same_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (a, b) = (
        folder.path().join("a"),
        folder.path().join("b/with/a/longer/name"),
    );
    write_tree(&a);
    write_tree(&b);
    let first = build(&a.join("stencils"), None).expect("a bundle");
    let second = build(&b.join("stencils"), Some(&folder.path().join("t"))).expect("a bundle");
    assert_eq!(first, second);
    // Again in the same place, over what cargo remembers.
    assert_eq!(build(&a.join("stencils"), None).expect("a bundle"), first);

    let bundle = Bundle::parse(&first).expect("a valid bundle");
    let names: Vec<&str> = bundle.functions().map(|function| function.name).collect();
    assert_eq!(
        names,
        [
            "both",
            "language::slow::<tree::Six>",
            "language::slow::<tree::Two>",
            "language::slower::<tree::Six>",
            "language::slower::<tree::Two>",
        ]
    );
}

#[test]
fn flags_of_the_environment_stay_out() {
    let folder = tempfile::tempdir().expect("a folder");
    write_tree(folder.path());
    let built = build(&folder.path().join("stencils"), None).expect("a bundle");
    let program = env!("CARGO_BIN_EXE_stencil-compiler");
    let output = folder.path().join("out.stencils");
    let status = std::process::Command::new(program)
        .arg("build")
        .arg(folder.path().join("stencils"))
        .arg("-o")
        .arg(&output)
        .env("RUSTFLAGS", "-Copt-level=0 -Ctarget-cpu=native")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_TARGET_DIR", folder.path().join("elsewhere"))
        .status();
    assert!(status.expect("it runs").success());
    assert_eq!(std::fs::read(output).expect("written"), built);
    assert!(!folder.path().join("elsewhere").exists());
}

#[test]
fn the_digest_covers_the_sources() {
    let folder = tempfile::tempdir().expect("a folder");
    write_tree(folder.path());
    let digest = || {
        let bytes = build(&folder.path().join("stencils"), None).expect("a bundle");
        Bundle::parse(&bytes)
            .expect("a valid bundle")
            .source_digest()
    };
    let before = digest();
    let append = |name: &str, text: &str| {
        let path = folder.path().join(name);
        let old = std::fs::read_to_string(&path).unwrap_or_default();
        std::fs::write(path, old + text).expect("written");
    };
    append("language/README", "not a source");
    std::fs::create_dir(folder.path().join("language/tests")).expect("a folder");
    append("language/tests/some.rs", "// not in the library");
    assert_eq!(digest(), before);
    append("language/src/lib.rs", "// a comment");
    let after = digest();
    assert_ne!(after, before);

    // Only the package itself.
    append(
        "stencils/Cargo.toml",
        "[package.metadata.stencil-compiler]\nsources = [\"src\"]\n",
    );
    let narrowed = digest();
    append("language/src/lib.rs", "// another");
    assert_eq!(digest(), narrowed);
    append("stencils/src/lib.rs", "// a comment");
    assert_ne!(digest(), narrowed);
}
