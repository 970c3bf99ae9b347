//! lua-core never uses a global allocator: here is one that aborts when a thread that has
//! forbidden it asks for memory. The whole corpus runs under it, from the making of the VM
//! to its end, in every engine.

use lua_core::Engine;
use lua_core::baseline::BaselineConfig;
use moonpatch_tests::machine::{Machine, Setup};
use moonpatch_tests::programs;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static FORBIDDEN: Cell<bool> = const { Cell::new(false) };
}

struct Guard;

fn check() {
    if FORBIDDEN.get() {
        let text = b"lua-core asked the global allocator for memory\n";
        // SAFETY: a buffer of that length; `abort` ends the process.
        unsafe {
            libc::write(2, text.as_ptr().cast(), text.len());
            libc::abort();
        }
    }
}

// SAFETY: hands everything on to the system's allocator, unless it ends the process.
unsafe impl GlobalAlloc for Guard {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check();
        // SAFETY: the caller's contract.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        check();
        // SAFETY: the caller's contract.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static GUARD: Guard = Guard;

fn forbid(on: bool) {
    FORBIDDEN.set(on);
}

fn run_all(engine: Engine, baseline: BaselineConfig) {
    let setup = Setup {
        arm: forbid,
        baseline,
        ..Setup::new(engine)
    };
    let mut machine = Machine::new(256 << 20, 1 << 20);
    let all = [programs::corpus(), programs::benchmarks()].concat();
    for program in all {
        let source = program.source();
        let arguments: Vec<&[u8]> = program.arguments.iter().map(|a| a.as_bytes()).collect();
        let name = format!("@{}", program.file);
        // What it prints is other tests' business; that it runs is proved by `Machine`.
        let outcome = machine.run(&setup, &[(&source, name.as_bytes(), &arguments)]);
        assert!(
            !outcome.output.is_empty(),
            "{}: {:?}",
            program.file,
            outcome.message
        );
    }
    for text in ["x = ", "error('e')", "error({})", "while true do end"] {
        let setup = Setup {
            fuel: Some(100_000),
            ..setup
        };
        let outcome = machine.run(&setup, &[(text.as_bytes(), b"=text", &[])]);
        assert!(outcome.result.is_err(), "{text}");
    }
}

#[test]
fn portable() {
    run_all(Engine::Portable, BaselineConfig::default());
}

#[test]
fn interp() {
    run_all(Engine::Interp, BaselineConfig::default());
}

#[test]
fn baseline() {
    let force = BaselineConfig {
        force: true,
        ..BaselineConfig::default()
    };
    run_all(Engine::Baseline, force);
}

/// The guard works: what the other tests prove would be nothing otherwise. In a child,
/// since it aborts.
#[test]
fn the_guard_aborts() {
    if std::env::var_os("MOONPATCH_PROVOKE").is_some() {
        forbid(true);
        let leaked = std::hint::black_box(Box::new(7));
        forbid(false);
        drop(leaked);
        return;
    }
    let this = std::env::current_exe().expect("this test's binary");
    let ended = std::process::Command::new(this)
        .args(["the_guard_aborts", "--exact", "--nocapture"])
        .env("MOONPATCH_PROVOKE", "1")
        .output()
        .expect("it starts");
    assert!(!ended.status.success());
    let text = String::from_utf8_lossy(&ended.stderr);
    assert!(text.contains("asked the global allocator"), "{text}");
}
