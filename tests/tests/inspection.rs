//! Looking inside the baseline compiler: what `-jv`, `-jdump`, `--stats` and `--force` tell.
#![cfg(target_arch = "x86_64")]

use moonpatch_tests::command::{Ended, command, moonpatch, run, start};
use std::process::{Command, Stdio};

/// Two functions that run often, one that doesn't.
const PROGRAM: &str = "
local function add(a, b) return a + b end
local function once() return 1 end
function sum(n) local s = once() for i = 1, n do s = add(s, i) end return s end
print(sum(100000))";

fn told(options: &[&str], program: &str) -> Ended {
    let ended = run(&[options, &["-e", program]].concat());
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    ended
}

#[test]
fn jv_has_a_line_for_each_function() {
    let ended = told(&["-jv"], PROGRAM);
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ended.stderr);
    let found = |words: &str| {
        let line = lines.iter().find(|line| line.starts_with(words));
        assert!(
            line.is_some_and(|line| line.ends_with(" bytes]")),
            "{words}: {lines:?}"
        );
    };
    found("[compiled (command line):4 sum: running, entered there, ");
    found("[compiled (command line):2 add: ");
    assert_eq!(ended.stdout, b"5000050001\n");
}

#[test]
fn jv_tells_what_is_taken_away() {
    let hook = "local function f(n) for i = 1, n do end end f(1e5) debug.sethook(print, 'c', 1e9)
        debug.sethook() f(1e5)";
    let ended = told(&["-jv"], hook);
    assert!(
        ended
            .stderr
            .contains("[discarded for a hook (command line):1 f: "),
        "{}",
        ended.stderr
    );
    // It comes back.
    assert_eq!(
        ended
            .stderr
            .matches("[compiled (command line):1 f: ")
            .count(),
        2
    );
    let garbage = "do local f = loadstring('for i = 1, 1e5 do end', '=gone') f() end
        collectgarbage() collectgarbage()";
    let ended = told(&["-jv"], garbage);
    assert!(
        ended.stderr.contains("[function is garbage gone:0: "),
        "{}",
        ended.stderr
    );
}

#[test]
fn joff_and_jon() {
    for (options, compiled) in [
        (&["-jv", "-joff"][..], false),
        (&["-joff", "-jv", "-jon"], true),
        (&["--engine=interp", "-jon", "-jv"], true),
    ] {
        assert_eq!(
            told(options, PROGRAM).stderr.contains("[compiled"),
            compiled,
            "{options:?}"
        );
    }
}

#[test]
fn stats_prove_that_compiled_code_ran() {
    let ended = told(&["--stats", "--force"], PROGRAM);
    assert!(ended.counter("compiled_functions") >= 4);
    assert!(ended.counter("compiled_instructions") > 20);
    assert!(ended.counter("hot_bytes") > 500 && ended.counter("cold_bytes") > 100);
    assert!(ended.counter("compile_ns") > 0);
    assert!(ended.counter("compiled_entries") > 0);
    assert!(ended.counter("seen_compiled") > 0);
    let ended = told(&["--stats", "--engine=interp"], PROGRAM);
    assert!(!ended.stats().contains("compiled_functions"));
}

#[test]
fn what_must_be_compiled_and_cannot_be_is_an_error() {
    let linked = told(&["--stats"], "").counter("code_bytes");
    let region = (linked + 8192).to_string();
    let long = format!(
        "local x, t = 1, {{}} {} print(x)",
        "t[x] = x + t[x] ".repeat(1500)
    );
    let program = format!("if arg then {long} end print('done')");
    let line = ["--code-region", &region, "-e", &program];
    // Otherwise it is interpreted.
    let ended = run(&line);
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""));
    let ended = run(&[&["--force"], &line[..]].concat());
    assert_eq!((ended.code(), ended.stdout.as_slice()), (1, &b"done\n"[..]));
    assert_eq!(
        ended.stderr,
        "moonpatch: --force: (command line):0: code region full\n"
    );
    let ended = run(&[&["--force", "-jv"], &line[..]].concat());
    assert!(
        ended
            .stderr
            .starts_with("[not compiled (command line):0: code region full]\n")
    );
}

#[test]
fn the_dump_has_bytecode_stencils_and_instructions() {
    let ended = told(&["-jdump", "--force"], "local x = ... return x");
    let expected = "---- (command line):0\n    0 [1] ";
    assert!(ended.stderr.starts_with(expected), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("\n      op_Return"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("  jmp "), "{}", ended.stderr);
}

/// A site that two shapes come by, after its function was compiled.
const STUB: &str = "
local function x(t) return t.x end
local s, points = 0, { { x = 1 }, { y = 1, x = 1 } }
for i = 1, 100 do s = s + x(points[1]) + x(points[2]) end
print(s)";

#[test]
fn stubs_are_told_of() {
    let ended = told(&["-jv", "-jdump", "--force"], STUB);
    assert_eq!(ended.stdout, b"200\n");
    let line = "[stub (command line):2 x: instruction 0, GetFieldI, ";
    // Twice before the function is compiled again, with what they know.
    assert!(ended.stderr.matches(line).count() >= 2, "{}", ended.stderr);
    let (_, dump) = (ended.stderr)
        .split_once("---- stub: (command line):2 x, 0 GetFieldI\n")
        .expect("a listing");
    // It goes on in the function's code.
    let ways = dump.split("----").next().unwrap_or_default();
    assert!(ways.contains("  jmp main."), "{}", ended.stderr);
    let ended = told(&["--stats", "--force"], STUB);
    assert!(ended.counter("stubs") >= 2);
}

#[test]
fn perf_finds_names_in_a_map() {
    let running = start(&mut command(&["--perf-map", "-e", PROGRAM]));
    let map = format!("/tmp/perf-{}.map", running.id());
    let ended = running.wait();
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let text = std::fs::read_to_string(&map).expect("the map");
    std::fs::remove_file(&map).expect("the map");
    let ranges = |name: &str| -> Vec<(u64, u64)> {
        let number = |text: &str| u64::from_str_radix(text, 16).expect("a number");
        let fields = text
            .lines()
            .map(|line| line.splitn(3, ' ').collect::<Vec<_>>());
        let found = fields.filter(|f| f[2] == name);
        found.map(|f| (number(f[0]), number(f[1]))).collect()
    };
    let [(_, hot)] = ranges("lua:(command line):4 sum")[..] else {
        panic!("{text}");
    };
    assert!(hot > 100);
    assert_eq!(ranges("lua:(command line):4 sum [cold]").len(), 1, "{text}");
    assert_eq!(ranges("lua_slow").len(), 1, "{text}");
}

/// GDB stops at the end of the program, and lists what it knows of.
#[test]
fn gdb_knows_compiled_functions() {
    let commands = [
        "catch syscall exit_group",
        "run",
        "info functions lua:.*sum",
    ];
    let mut gdb = Command::new("gdb");
    gdb.args(["-q", "-nx", "-batch"]);
    for line in ["set confirm off", "set pagination off"]
        .iter()
        .chain(&commands)
    {
        gdb.args(["-ex", line]);
    }
    gdb.arg("--args")
        .arg(moonpatch())
        .args(["--gdb-jit", "-e", PROGRAM]);
    let output = match gdb.stdin(Stdio::null()).output() {
        Ok(output) => output,
        Err(e) => {
            eprintln!("not tested: gdb: {e}");
            return;
        }
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let known = text
        .lines()
        .any(|line| line.ends_with("  lua:(command line):4 sum"));
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(known, "{text}\n{complaints}");
}
