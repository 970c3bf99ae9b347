//! Start-up: what a short program pays before its first instruction.

use lua_core::Engine;
use moonpatch_tests::command::{moonpatch, run_text};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Mapping code memory and linking the bundle: under 2 ms. The best of
/// several runs: others may be using the machine.
#[test]
fn loading_and_linking_the_bundle() {
    let times = (0..20).map(|_| run_text(Engine::Interp, &[], "").counter("bundle_ns"));
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

/// Pages that the system has to bring for the empty program: each costs about as much as a
/// thousand instructions. The fewest of several runs.
fn faults(engine: Engine) -> i64 {
    let once = || {
        let mut command = Command::new(moonpatch());
        command.args([&format!("--engine={}", engine.name()), "-e", ""]);
        // Waited for below, in a way that tells what it used.
        #[allow(clippy::zombie_processes)]
        let child = command.stdin(Stdio::null()).spawn().expect("it starts");
        let mut status = 0;
        // SAFETY: all zeros is a `rusage`: numbers.
        let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
        // SAFETY: both places are ours; nobody else waits for this child.
        let ended = unsafe { libc::wait4(child.id() as libc::pid_t, &mut status, 0, &mut usage) };
        assert_eq!((ended, status), (child.id() as libc::pid_t, 0));
        usage.ru_minflt
    };
    (0..5).map(|_| once()).min().unwrap_or(i64::MAX)
}

/// What an engine needs before the first instruction, in pages: handlers, tables, and a
/// little room for code. It isn't a matter of time, so it tells more on a busy machine.
#[test]
fn pages_for_the_empty_program() {
    const MOST: i64 = 40;
    let [portable, interp, baseline] =
        [Engine::Portable, Engine::Interp, Engine::Baseline].map(faults);
    assert!(
        interp <= portable + MOST && baseline <= interp + MOST,
        "portable {portable}, interp {interp}, baseline {baseline}"
    );
}
