//! Every program of the corpus, and every benchmark with a small argument, gives the
//! expected output in every engine; and the expected output is the reference's.

use lua_core::Engine;
use moonpatch_tests::command::{self, check_program, moonpatch};
use moonpatch_tests::programs::{self, check_all, same};
use std::process::{Command, Stdio};

fn run_all(engine: Engine) {
    check_all(&programs::corpus(), |program| {
        check_program(moonpatch(), engine, &[], program)
    });
}

fn run_benchmarks(engine: Engine) {
    check_all(&programs::benchmarks(), |program| {
        check_program(moonpatch(), engine, &[], program)
    });
}

#[test]
fn corpus_portable() {
    run_all(Engine::Portable);
}

#[test]
fn corpus_interp() {
    run_all(Engine::Interp);
}

#[test]
fn corpus_baseline() {
    run_all(Engine::Baseline);
}

#[test]
fn benchmarks_portable() {
    run_benchmarks(Engine::Portable);
}

#[test]
fn benchmarks_interp() {
    run_benchmarks(Engine::Interp);
}

#[test]
fn benchmarks_baseline() {
    run_benchmarks(Engine::Baseline);
}

/// Memory that is just enough must not matter to results.
#[test]
fn corpus_with_little_memory() {
    let programs = programs::listed("gc-subset.txt");
    for engine in command::ENGINES {
        check_all(&programs, |program| {
            check_program(moonpatch(), engine, &["--memory=4M"], program)
        });
    }
}

/// The expected files are what `lua5.1` prints. Without it there is nothing to compare.
#[test]
fn expected_output_is_the_references() {
    if Command::new("lua5.1").arg("-v").output().is_err() {
        assert!(
            std::env::var_os("CI").is_none(),
            "lua5.1 isn't installed, and in CI it has to be"
        );
        eprintln!("skipped: lua5.1 isn't installed");
        return;
    }
    let all = [programs::corpus(), programs::benchmarks()].concat();
    check_all(&all, |program| {
        let mut reference = Command::new("lua5.1");
        reference
            .arg(&program.file)
            .args(&program.arguments)
            .current_dir(&program.folder)
            .stdin(Stdio::null());
        let ended = command::start(&mut reference).wait();
        same(&program.expected, &ended.stdout)?;
        match ended.status.success() {
            true => Ok(()),
            false => Err(format!("{}: {}", ended.status, ended.stderr)),
        }
    });
}
