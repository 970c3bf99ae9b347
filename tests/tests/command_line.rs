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

/// Runs in a folder of its own, with variables of the environment.
fn in_folder(folder: &std::path::Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let mut child = command(arguments);
    child.current_dir(folder).envs(variables.iter().copied());
    start(&mut child).wait()
}

#[test]
fn libraries_and_variables() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::fs::write(path.join("one.lua"), "print('one', ...) shared = 1").expect("a file");
    std::fs::write(path.join("two.lua"), "#!x\nprint('two', shared, arg)").expect("a file");
    let ended = in_folder(
        path,
        &[],
        &["-l", "one", "-etwo = 2", "-ltwo", "-e", "print(two)"],
    );
    let expected = "one\tone\ntwo\t1\tnil\n2\n";
    assert_eq!(
        (ended.code(), stdout(&ended)),
        (0, expected),
        "{}",
        ended.stderr
    );

    let ended = in_folder(path, &[], &["-l", "none", "-e", "print('never')"]);
    assert_eq!((ended.code(), stdout(&ended)), (1, ""));
    assert!(
        ended.stderr.starts_with(
            "moonpatch: module 'none' not found:\n\tno field package.preload['none']\n\tno file './none.lua'"
        ),
        "{}",
        ended.stderr
    );

    let init = [("LUA_INIT", "print('init', shared)")];
    let ended = in_folder(path, &init, &["-e", "print('then')"]);
    assert_eq!(stdout(&ended), "init\tnil\nthen\n");
    let ended = in_folder(path, &[("LUA_INIT", "@two.lua")], &["-e", "print('then')"]);
    assert_eq!(stdout(&ended), "two\tnil\tnil\nthen\n");
    let ended = in_folder(
        path,
        &[("LUA_INIT", "error('e')")],
        &["-e", "print('never')"],
    );
    assert_eq!((ended.code(), stdout(&ended)), (1, ""));
    assert!(ended.stderr.starts_with("moonpatch: LUA_INIT:1: e\n"));

    let paths = [("LUA_PATH", "x/?.lua;;"), ("LUA_CPATH", "?.so")];
    let ended = in_folder(
        path,
        &paths,
        &["-e", "print(package.path) print(package.cpath)"],
    );
    let text = stdout(&ended);
    assert!(
        text.starts_with("x/?.lua;./?.lua;/usr/local/share/lua/5.1/?.lua;"),
        "{text}"
    );
    assert!(text.ends_with(";\n?.so\n"), "{text}");
}

#[test]
fn the_console_without_a_terminal() {
    let input = "return 1, nil\n=2\nx =\n5\nprint(x)\nerror('e', 0)\n_PROMPT = 'P'\n\
                 for i = 1, 2 do\nprint(i)\nend\n=io.read()\na line\nlocal 1\nerror({})\nx = 'open";
    let ended = with_input(&["-i"], input);
    assert_eq!(ended.code(), 0);
    assert_eq!(
        stdout(&ended),
        "> 1\tnil\n> 2\n> >> > 5\n> > P>> >> 1\n2\nPa line\nPPP>> \n"
    );
    let errors: Vec<&str> = ended
        .stderr
        .lines()
        .filter(|l| !l.starts_with('\t'))
        .collect();
    assert!(errors[0].starts_with("moonpatch "), "{errors:?}");
    assert_eq!(errors[1..3], ["e", "stack traceback:"]);
    assert_eq!(
        errors[3..],
        [
            "stdin:1: '<name>' expected near '1'",
            "(error object is not a string)"
        ]
    );
    let ended = with_input(&["-i"], "x = {1,\nos.exit(7)");
    assert_eq!(ended.code(), 0, "an incomplete chunk isn't run");
    let ended = with_input(&["-i"], "os.exit(7)\nprint('never')");
    assert_eq!((ended.code(), stdout(&ended)), (7, "> "));
    let file = script("y = 3");
    let ended = with_input(&["-i", file.path().to_str().unwrap()], "=y\n");
    assert_eq!(stdout(&ended), "> 3\n> \n");
}

#[test]
fn checking_and_listing() {
    let good = script("#!x\nlocal t = {n = 1}\nreturn function() return t.n + 2 end");
    let path = good.path().to_str().unwrap();
    let ended = run(&["--check", path]);
    assert_eq!(
        (ended.code(), stdout(&ended), ended.stderr.as_str()),
        (0, "", "")
    );
    let ended = run(&["--list", path]);
    assert_eq!(ended.code(), 0);
    for part in [
        "main: 0+ parameters",
        "function at line 3",
        "AddVK",
        "GetField",
        "[2]",
        "upvalue u0 t",
    ] {
        assert!(stdout(&ended).contains(part), "{part}: {}", stdout(&ended));
    }
    let bad = script("print('not run')\nx = = 1");
    let path = bad.path().to_str().unwrap();
    for option in ["--check", "--list"] {
        let ended = run(&[option, path]);
        assert_eq!((ended.code(), stdout(&ended)), (1, ""));
        let expected = format!("moonpatch: {path}:2: unexpected symbol near '='\n");
        assert_eq!(ended.stderr, expected);
    }
}

#[test]
fn precompiled_scripts() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let path = file.path().to_str().unwrap();
    let dump = format!(
        "local f = io.open('{path}', 'wb') f:write('#!x\\n', string.dump(loadstring('print(...) return 1', '@name'))) f:close()"
    );
    assert_eq!(run(&["-e", &dump]).code(), 0);
    for engine in ENGINES {
        let engine = format!("--engine={}", engine.name());
        let ended = run(&[&engine, path, "a"]);
        assert_eq!(
            (ended.code(), stdout(&ended)),
            (0, "a\n"),
            "{}",
            ended.stderr
        );
    }
    let ended = run(&["--no-binary-chunks", path]);
    assert_eq!(ended.code(), 1);
    assert!(
        ended.stderr.ends_with("bad header in precompiled chunk\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn files_are_whole_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    for (ending, status) in [("", 0), ("os.exit(3)", 3), ("error('e')", 1)] {
        let text = format!("f = io.open('out', 'w') f:write(('x'):rep(100)) {ending}");
        let ended = in_folder(folder.path(), &[], &["-e", &text]);
        assert_eq!(ended.code(), status);
        let written = std::fs::read(folder.path().join("out")).expect("it was written");
        assert_eq!(written, [b'x'; 100]);
    }
    let ended = in_folder(
        folder.path(),
        &[],
        &["-e", "p = io.popen('cat > out', 'w') p:write('piped')"],
    );
    assert_eq!(ended.code(), 0);
    assert_eq!(
        std::fs::read(folder.path().join("out")).expect("it was written"),
        b"piped"
    );
}
