//! Damaged bundles and memory that is too small for them: a clear message and status 1,
//! never a crash, and never another engine instead.

use lua_core::engine::interp::PREBUILT;
use moonpatch_tests::command::{Ended, run, run_text};
use std::io::Write;
use stencil_format::{Bundle, BundleModel, repair_checksum};

/// Runs a program on a bundle out of a file.
fn on_bundle(bytes: &[u8]) -> Ended {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(bytes).expect("a temporary file");
    run(&[
        "--engine=baseline".as_ref(),
        "--bundle".as_ref(),
        file.path().as_os_str(),
        "-e".as_ref(),
        "print('ran')".as_ref(),
    ])
}

/// Refused: nothing printed, status 1, and a message that holds `words`.
fn refused(bytes: &[u8], words: &str) {
    let ended = on_bundle(bytes);
    let what = format!("{words}: {}", ended.stderr);
    assert_eq!(ended.code(), 1, "{what}");
    assert!(ended.stdout.is_empty(), "{what}");
    assert!(ended.stderr.starts_with("moonpatch: "), "{what}");
    assert!(ended.stderr.contains(words), "{what}");
    assert_eq!(ended.stderr.lines().count(), 1, "{what}");
}

fn model() -> BundleModel {
    BundleModel::from(&Bundle::parse(PREBUILT).expect("the prebuilt bundle"))
}

fn rewritten(change: impl FnOnce(&mut BundleModel)) -> Vec<u8> {
    let mut model = model();
    change(&mut model);
    model.write().expect("a bundle")
}

#[test]
fn the_prebuilt_bundle_from_a_file_runs() {
    let ended = on_bundle(PREBUILT);
    assert_eq!((ended.code(), ended.stdout.as_slice()), (0, &b"ran\n"[..]));
    assert_eq!(
        rewritten(|_| {}),
        PREBUILT,
        "reading and writing lose nothing"
    );
}

#[test]
fn no_file() {
    let ended = run(&["--bundle=/nonexistent/x.stencils", "-e", "print('ran')"]);
    assert_eq!(ended.code(), 1);
    assert_eq!(
        ended.stderr,
        "moonpatch: cannot open /nonexistent/x.stencils: No such file or directory\n"
    );
}

#[test]
fn cut_off() {
    for len in (0..16)
        .map(|i| PREBUILT.len() * i / 16)
        .chain([1, 7, 8, 200, PREBUILT.len() - 1])
    {
        refused(&PREBUILT[..len], "stencil bundle: ");
    }
    refused(&[PREBUILT, b"x"].concat(), "stencil bundle: ");
}

#[test]
fn other_files() {
    refused(b"#!/usr/bin/lua\nprint('hello')\n", "stencil bundle: ");
    refused(&[0; 4096], "stencil bundle: ");
    refused(&[0xFF; 4096], "stencil bundle: ");
}

#[test]
fn one_bit_anywhere() {
    let mut random = stencil_format::testing::Random::new(7);
    for _ in 0..60 {
        let mut bytes = PREBUILT.to_vec();
        let at = random.below(bytes.len());
        bytes[at] ^= 1 << random.below(8);
        refused(&bytes, "stencil bundle: ");
    }
}

#[test]
fn another_version() {
    let mut bytes = PREBUILT.to_vec();
    bytes[8] = 0xEE;
    repair_checksum(&mut bytes);
    refused(&bytes, "version");
}

#[test]
fn another_abi() {
    refused(&rewritten(|m| m.abi_fingerprint[31] ^= 1), "ABI");
}

#[test]
fn a_missing_import() {
    let bytes = rewritten(|m| {
        for import in &mut m.imports {
            *import = import.replace("rt_slow", "rt_sloth");
        }
        for relocation in &mut m.relocations {
            relocation.import = relocation.import.replace("rt_slow", "rt_sloth");
        }
    });
    refused(&bytes, "rt_sloth");
}

#[test]
fn a_missing_function() {
    let count = model().functions.len();
    // Not one that stencils jump to.
    for gone in ["enter", "hook"] {
        let bytes = rewritten(|m| m.functions.retain(|f| f.name != gone));
        refused(&bytes, &format!("no function '{gone}'"));
    }
    let bytes = rewritten(|m| m.functions.retain(|f| !f.name.starts_with("op_Add")));
    assert!(Bundle::parse(&bytes).unwrap().function_count() < count as u32);
    refused(&bytes, "no function '");
}

#[test]
fn a_missing_stencil() {
    let bytes = rewritten(|m| m.stencils.retain(|s| s.name != "op_Add"));
    refused(&bytes, "'Add'");
}

#[test]
fn a_code_region_that_is_too_small() {
    for size in ["1", "64", "4K"] {
        let ended = run(&["--code-region", size, "-e", "print('ran')"]);
        assert_eq!(ended.code(), 1, "{size}");
        assert!(ended.stdout.is_empty(), "{size}");
        assert!(
            ended.stderr.starts_with("moonpatch: linking"),
            "{}",
            ended.stderr
        );
    }
    // As much as is needed is enough, and one page less isn't.
    let needed = run_text(lua_core::Engine::Interp, &[], "").counter("code_bytes");
    let pages = needed.div_ceil(4096);
    for (pages, status) in [(pages + 1, 0), (pages - 1, 1)] {
        let ended = run(&["--code-region", &(pages * 4096).to_string(), "-e", ""]);
        assert_eq!(ended.code(), status, "{pages} pages: {}", ended.stderr);
    }
    let ended = run(&["--code-region=3G", "-e", ""]);
    assert_eq!(ended.code(), 1);
    assert!(ended.stderr.contains("code memory"), "{}", ended.stderr);
}
