//! A collection, and the operation once more, at every allocation: whoever holds a
//! reference that the collector doesn't see loses it here. And small steps of collections
//! at every tick and every allocation: whoever stores a reference without telling the
//! collector fails here. A subset of the corpus, in a build with lua-core's internal
//! checks, which verify the heap after every step.

use lua_core::Engine;
use moonpatch_tests::command::{check_program, moonpatch_extra_checks, run};
use moonpatch_tests::programs::{check_all, listed};

fn run_subset(engine: Engine, options: &[&str]) {
    check_all(&listed("gc-subset.txt"), |program| {
        let path = moonpatch_extra_checks();
        check_program(path, engine, options, program)
    });
}

#[test]
fn subset_portable() {
    run_subset(Engine::Portable, &["--collect-always"]);
}

#[test]
fn subset_interp() {
    run_subset(Engine::Interp, &["--collect-always"]);
}

#[test]
fn subset_in_steps_portable() {
    run_subset(Engine::Portable, &["--collect-steps"]);
}

#[test]
fn subset_in_steps_interp() {
    run_subset(Engine::Interp, &["--collect-steps"]);
}

/// Code is made and, when what it refers to is dead, thrown away.
#[test]
fn subset_forced() {
    run_subset(Engine::Baseline, &["--collect-always", "--force"]);
}

#[test]
fn subset_in_steps_eager() {
    run_subset(Engine::Baseline, &["--collect-steps", "--eager"]);
}

/// The modes make allocations fail, but don't keep functions from being compiled.
#[test]
fn code_is_made_meanwhile() {
    for options in [
        ["--force", "--collect-always"],
        ["--eager", "--collect-steps"],
    ] {
        let mut command = std::process::Command::new(moonpatch_extra_checks());
        let program = "local t = {} for i = 1, 9 do t[i] = {x = i} end print(#t)";
        command.args(["--engine=baseline", "--stats"]).args(options);
        command.args(["-e", program]);
        let ended = moonpatch_tests::command::start(&mut command).wait();
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        ended.prove_compiled().unwrap();
    }
}

/// The tests would prove nothing if the option did nothing.
#[test]
fn it_does_collect() {
    let mut command = std::process::Command::new(moonpatch_extra_checks());
    command.args(["--stats", "--collect-always", "-e", "local t = {} t.x = {}"]);
    let ended = moonpatch_tests::command::start(&mut command).wait();
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(ended.counter("collections") >= 3, "{}", ended.stderr);
    let mut command = std::process::Command::new(moonpatch_extra_checks());
    let program = "local t = {} for i = 1, 3000 do t[i % 10] = {} end";
    command.args(["--stats", "--collect-steps", "-e", program]);
    let ended = moonpatch_tests::command::start(&mut command).wait();
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert!(ended.counter("steps") >= 3000, "{}", ended.stderr);
    assert!(ended.counter("collections") >= 3, "{}", ended.stderr);
    // And a build without the checks says so.
    let refused = run(&["--collect-always", "-e", ""]);
    assert_eq!(refused.code(), 1);
    assert!(refused.stderr.contains("lacks the feature extra-checks"));
}
