//! Parses what the fuzzer makes up, and walks through what parses.
//!
//! From the folder `stencil-format`:
//! `cargo +nightly fuzz run parse fuzz/corpus/parse tests/data`
//!
//! The input stands for everything that is not fixed: magic, version, length and checksum
//! are put right, so that the fuzzer's changes reach the checks behind them. An input of
//! less than a header is laid behind the header of an empty bundle instead, as content.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stencil_format::testing::{exercise, repair};
use stencil_format::{Bundle, BundleModel, HEADER_LEN};

fuzz_target!(|data: &[u8]| {
    // As it is: the door itself.
    let _ = exercise(data);

    let mut bytes = if data.len() < HEADER_LEN {
        let mut bytes = include_bytes!("../../tests/data/v1-empty.stencils").to_vec();
        bytes.extend_from_slice(data);
        bytes
    } else {
        data.to_vec()
    };
    repair(&mut bytes);
    if exercise(&bytes).is_ok() {
        let bundle = Bundle::parse(&bytes).expect("parsed before");
        let again = BundleModel::from(&bundle).write().expect("a valid model");
        assert_eq!(again, bytes, "one content has one encoding");
    }
});
