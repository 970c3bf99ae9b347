//! The command line, the messages and the exit status, as `lua` has them.

use moonpatch_tests::command::{ENGINES, Ended, command, run, start};
use std::fs::File;
use std::io::Write;
use std::process::Stdio;

fn stdout(ended: &Ended) -> &str {
    core::str::from_utf8(&ended.stdout).expect("UTF-8")
}

/// Runs with text on standard input.
fn with_input(arguments: &[&str], input: &str) -> Ended {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(input.as_bytes()).expect("a temporary file");
    let file = File::open(file.path()).expect("a temporary file");
    start(command(arguments).stdin(Stdio::from(file))).wait()
}

fn script(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(text.as_bytes()).expect("a temporary file");
    file
}

#[test]
fn statements_and_script_share_globals() {
    let file = script("#!/usr/bin/env moonpatch\nprint(x, y, arg[0] ~= nil, ...)");
    let path = file.path().to_str().unwrap();
    let ended = run(&["-e", "x = 1", "-ey=2", path, "a", "-v"]);
    assert_eq!((ended.code(), stdout(&ended)), (0, "1\t2\ttrue\ta\t-v\n"));
    assert_eq!(ended.stderr, "");
}

#[test]
fn arg_has_everything() {
    let file = script("for i = -4, 4 do io.write(i, '=', tostring(arg[i]), ' ') end print(#arg)");
    let path = file.path().to_str().unwrap();
    let ended = run(&["-e", "s = 1", "--", path, "a b", ""]);
    let program = moonpatch_tests::command::moonpatch().display();
    let expected = format!("-4={program} -3=-e -2=s = 1 -1=-- 0={path} 1=a b 2= 3=nil 4=nil 2\n");
    assert_eq!(stdout(&ended), expected);
}

#[test]
fn standard_input_is_a_program() {
    for arguments in [&["-", "a"][..], &[]] {
        let ended = with_input(arguments, "print('in', ...)");
        assert_eq!(ended.code(), 0);
        assert!(stdout(&ended).starts_with("in"));
    }
    let ended = with_input(&["-"], "\n\nerror('here')");
    assert_eq!(ended.code(), 1);
    assert!(
        ended
            .stderr
            .starts_with("moonpatch: stdin:3: here\nstack traceback:\n")
    );
    // With -e or -v it isn't read.
    assert_eq!(stdout(&with_input(&["-e", ""], "print(1)")), "");
    assert_eq!(stdout(&with_input(&["-v"], "print(1)")), "");
}

#[test]
fn version_and_usage() {
    let ended = run(&["-v"]);
    assert_eq!(ended.code(), 0);
    assert!(ended.stderr.starts_with("moonpatch ") && ended.stderr.contains("Lua 5.1"));
    for wrong in [&["-x"][..], &["-e"], &["--no-such-option"], &["--fuel"]] {
        let ended = run(wrong);
        assert_eq!(ended.code(), 1);
        assert!(
            ended
                .stderr
                .starts_with("usage: moonpatch [options] [script [args]].")
        );
    }
    let ended = run(&["--fuel=much", "-e", ""]);
    assert_eq!(
        (ended.code(), ended.stderr.as_str()),
        (
            1,
            "moonpatch: --fuel: a whole number expected, got 'much'\n"
        )
    );
}

#[test]
fn messages_are_the_references() {
    let traceback = |place: &str| {
        format!("\nstack traceback:\n\t[C]: in function 'error'\n\t{place}\n\t[C]: ?\n")
    };
    let main = traceback("(command line):1: in main chunk");
    for engine in ENGINES {
        let engine = format!("--engine={}", engine.name());
        for (text, expected) in [
            (
                "x =",
                "(command line):1: unexpected symbol near '<eof>'\n".to_owned(),
            ),
            ("error('e')", format!("(command line):1: e{main}")),
            ("error('e', 0)", format!("e{main}")),
            ("error(42)", format!("(command line):1: 42{main}")),
            ("error({})", "(error object is not a string)\n".to_owned()),
            (
                "local function f() error('deep') end f()",
                "(command line):1: deep\nstack traceback:\n\t[C]: in function 'error'\n\t\
                 (command line):1: in function 'f'\n\t(command line):1: in main chunk\n\t[C]: ?\n"
                    .to_owned(),
            ),
        ] {
            let ended = run(&[&engine, "-e", text]);
            assert_eq!(ended.code(), 1, "{text}");
            assert_eq!(ended.stderr, format!("moonpatch: {expected}"), "{text}");
        }
    }
    let ended = run(&["/nonexistent.lua"]);
    assert_eq!(
        (ended.code(), ended.stderr.as_str()),
        (
            1,
            "moonpatch: cannot open /nonexistent.lua: No such file or directory\n"
        )
    );
    let ended = run(&["/"]);
    assert_eq!(ended.stderr, "moonpatch: cannot read /: Is a directory\n");
}

#[test]
fn the_status_of_exit() {
    for engine in ENGINES {
        let engine = format!("--engine={}", engine.name());
        for (text, status) in [
            ("os.exit()", 0),
            ("io.write('kept') os.exit(7)", 7),
            ("pcall(os.exit, 3) print('never')", 3),
            (
                "coroutine.wrap(function() os.exit(4) end)() print('never')",
                4,
            ),
            (
                "table.sort({2, 1}, function() os.exit(5) end) print('never')",
                5,
            ),
            (
                "xpcall(error, function() os.exit(6) end) while true do end",
                6,
            ),
            (
                "setmetatable({}, {__index = function() os.exit(8) end}).x = 1 os.exit(9)",
                9,
            ),
            ("return 5", 0),
        ] {
            let ended = run(&[&engine, "-e", text, "-e", "print('next')"]);
            assert_eq!(ended.code(), status, "{text}: {}", ended.stderr);
            assert_eq!(ended.stderr, "", "{text}");
            let printed = match text {
                "return 5" => "next\n",
                _ if status == 7 => "kept",
                _ => "",
            };
            assert_eq!(stdout(&ended), printed, "{text}");
        }
    }
}

#[test]
fn output_order_and_size() {
    // More than the buffer, in small and large pieces.
    let ended = run(&[
        "-e",
        "for i = 1, 20000 do print(i) end io.write(string.rep('y', 300000)) print('end')",
    ]);
    let numbers: usize = (1..=20_000u32).map(|i| i.to_string().len() + 1).sum();
    assert_eq!(ended.stdout.len(), numbers + 300_000 + 4);
    assert!(stdout(&ended).starts_with("1\n2\n") && stdout(&ended).ends_with("yyend\n"));
    // An error comes after what was printed before it.
    let ended = run(&["-e", "io.write('before') error('e')"]);
    assert_eq!(stdout(&ended), "before");
    // A full disk is an error; a closed pipe ends the program as it ends others.
    let full = File::options()
        .write(true)
        .open("/dev/full")
        .expect("/dev/full");
    let mut child = std::process::Command::new(moonpatch_tests::command::moonpatch());
    child.args(["-e", "print(1)"]).stdout(Stdio::from(full));
    let ended = child.stderr(Stdio::piped()).output().expect("it starts");
    assert_eq!(ended.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ended.stderr).starts_with("moonpatch: writing to stdout: "));
}

#[test]
fn time_and_environment() {
    let ended = run(&[
        "-e",
        "assert(os.time{year = 2001, month = 9, day = 9, hour = 3} - os.time{year = 2001, month = 9, day = 8, hour = 3} == 86400)
         assert(os.time{year = '2001', month = 14, day = -3} == os.time{year = 2002, month = 1, day = 28, hour = 12})
         assert(os.difftime(5, 3) == 2)
         print(pcall(os.time, {year = 2001}))
         print(pcall(os.time, 1))
         print(os.getenv('HOME') ~= nil, os.getenv('A=B'), os.getenv(''), os.clock() < 10)",
    ]);
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    assert_eq!(
        stdout(&ended),
        "false\tfield 'day' missing in date table\n\
         false\tbad argument #1 to '?' (table expected, got number)\n\
         true\tnil\tnil\ttrue\n"
    );
}

#[test]
fn the_statistics_are_json() {
    for engine in ENGINES {
        let name = format!("--engine={}", engine.name());
        let ended = run(&[&name, "--stats", "-e", "for i = 1, 1000 do end os.exit(2)"]);
        ended.prove_engine(engine).unwrap();
        assert_eq!(ended.code(), 2);
        let stats = ended.stats();
        assert!(stats.starts_with('{') && stats.ends_with('}'), "{stats}");
        assert_eq!(ended.counter("status"), 2);
        assert!((1000..1100).contains(&ended.counter("ticks")), "{stats}");
        assert!(ended.counter("run_ns") > 0 && ended.counter("bytes_allocated") > 0);
    }
}
