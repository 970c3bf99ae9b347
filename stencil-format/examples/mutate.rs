//! Ten million mutations (or as many as the argument says) of a small valid bundle, with
//! the checksum repaired, each parsed and, if it parses, walked through.
//!
//! `cargo run --release -p stencil-format --features testing --example mutate [count]`

#[path = "../tests/sample/mod.rs"]
mod sample;

use std::time::Instant;
use stencil_format::testing::{Random, exercise, mutate};

fn main() {
    let count = std::env::args()
        .nth(1)
        .map_or(10_000_000, |n| n.parse().expect("a count"));
    let valid = sample::model().write().expect("the sample is valid");
    let start = Instant::now();
    let (mut accepted, mut digest) = (0_u64, 0);
    let mut bytes = Vec::new();
    for seed in 0..count {
        bytes.clear();
        bytes.extend_from_slice(&valid);
        mutate(&mut bytes, &mut Random::new(seed));
        if let Ok(sum) = exercise(&bytes) {
            accepted += 1;
            digest ^= sum;
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{count} mutations of {} bytes in {seconds:.1} s: {accepted} valid, {} refused, digest {digest:08x}",
        valid.len(),
        count - accepted
    );
}
