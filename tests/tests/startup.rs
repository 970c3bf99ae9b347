//! Start-up: what a short program pays before its first instruction.

use moonpatch_tests::command::{moonpatch, run_text};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Mapping code memory, checking the bundle and linking it: under 2 ms. The best of
/// several runs: others may be using the machine.
#[test]
fn loading_and_linking_the_bundle() {
    let times = (0..20).map(|_| run_text(lua_core::Engine::Interp, &[], "").counter("bundle_ns"));
    let best = times.min().unwrap_or(u64::MAX);
    assert!(best < 2_000_000, "{best} ns");
}

fn best_of(path: &Path, runs: u32) -> Duration {
    let once = || {
        let started = Instant::now();
        let mut command = Command::new(path);
        command.args(["-e", ""]).stdin(Stdio::null());
        let status = command.status().expect("it starts");
        assert!(status.success());
        started.elapsed()
    };
    (0..runs).map(|_| once()).min().unwrap_or(Duration::MAX)
}

/// `moonpatch -e ''` takes less than three times as long as `lua5.1 -e ''`.
#[test]
fn the_empty_program() {
    if Command::new("lua5.1").arg("-v").output().is_err() {
        eprintln!("skipped: lua5.1 isn't installed");
        return;
    }
    let reference = best_of(Path::new("lua5.1"), 50);
    let ours = best_of(moonpatch(), 50);
    assert!(ours < reference * 3, "{ours:?} against {reference:?}");
}
