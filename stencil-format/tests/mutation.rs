//! Random damage behind a repaired checksum: an error or a valid bundle, never a panic.
//!
//! 200,000 mutations by default; `STENCIL_MUTATIONS=10000000` for as many as wanted (or
//! `cargo run --release --features testing --example mutate`).

mod sample;

use stencil_format::testing::{Random, exercise, mutate};
use stencil_format::{Bundle, BundleModel};

#[test]
fn mutations_give_errors_or_valid_bundles() {
    let valid = sample::model().write().expect("the sample is valid");
    let wanted = std::env::var("STENCIL_MUTATIONS")
        .ok()
        .map(|n| n.parse().expect("a number"));
    let count: u64 = wanted.unwrap_or(if cfg!(miri) { 60 } else { 200_000 });
    let (mut accepted, mut refused) = (0_u64, 0_u64);
    let mut kinds = std::collections::BTreeMap::new();
    for seed in 0..count {
        let mut bytes = valid.clone();
        mutate(&mut bytes, &mut Random::new(seed));
        match exercise(&bytes) {
            Ok(_) => {
                accepted += 1;
                // One content, one encoding: what was accepted is written the same again.
                let bundle = Bundle::parse(&bytes).expect("just parsed");
                let again = BundleModel::from(&bundle).write().expect("valid");
                assert_eq!(again, bytes, "seed {seed}");
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().is_empty());
                let kind = format!("{error:?}");
                *kinds
                    .entry(kind[..kind.find(' ').unwrap_or(kind.len())].to_owned())
                    .or_insert(0) += 1;
            }
        }
    }
    // The checks that a mutation can reach are reached, and some mutations are harmless.
    if count >= 100_000 {
        assert!(
            accepted > count / 100 && refused > count / 2,
            "{accepted} accepted, {refused} refused"
        );
        for kind in [
            "TooShort", "Length", "Header", "Section", "Padding", "Utf8", "Unsorted", "Record",
        ] {
            assert!(kinds.contains_key(kind), "{kind} never met: {kinds:?}");
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let valid = sample::model().write().expect("the sample is valid");
    let step = if cfg!(miri) { 37 } else { 1 };
    for len in (0..valid.len()).step_by(step) {
        let mut bytes = valid[..len].to_vec();
        assert!(Bundle::parse(&bytes).is_err());
        stencil_format::testing::repair(&mut bytes);
        assert!(Bundle::parse(&bytes).is_err(), "length {len}");
    }
}

#[test]
fn every_changed_bit_is_refused() {
    let mut bytes = sample::model().write().expect("the sample is valid");
    let step = if cfg!(miri) { 397 } else { 1 };
    for at in (0..bytes.len() * 8).step_by(step) {
        bytes[at / 8] ^= 1 << (at % 8);
        assert!(Bundle::parse(&bytes).is_err(), "bit {at}");
        bytes[at / 8] ^= 1 << (at % 8);
    }
}
