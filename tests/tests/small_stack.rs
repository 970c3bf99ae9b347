//! Lua code uses no native stack, and library functions know how much there is: the
//! corpus runs on 64 KiB, in a thread and as a process, and recursion of every kind that
//! passes through native code ends in a Lua error.

use lua_core::{Engine, VmError};
use moonpatch_tests::command::{self, ENGINES, check_run, moonpatch};
use moonpatch_tests::machine::{Machine, Setup, on_small_stack};
use moonpatch_tests::programs::{self, check_all, same};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The stack under test.
const STACK: usize = 64 << 10;
/// How much of it lua-core is told it may use. Below that it needs room for one library
/// function; above it are the thread's own frames.
const USABLE: usize = 28 << 10;

fn in_thread(engine: Engine) {
    let all = [programs::corpus(), programs::benchmarks()].concat();
    // `os` and `arg` are the command's.
    let all: Vec<_> = all
        .into_iter()
        .filter(|p| !p.mentions("os.getenv") && !p.mentions("os.tmpname"))
        .collect();
    let mut machine = Machine::new(256 << 20, 1 << 20);
    check_all(&all, |program| {
        let source = program.source();
        let name = format!("@{}", program.file);
        let arguments: Vec<&[u8]> = program.arguments.iter().map(|a| a.as_bytes()).collect();
        let outcome = on_small_stack(STACK, || {
            let setup = Setup {
                native_stack: USABLE,
                ..Setup::new(engine)
            };
            machine.run(&setup, &[(&source, name.as_bytes(), &arguments)])
        });
        same(&program.expected, &outcome.output)?;
        match outcome.result {
            Ok(()) => Ok(()),
            Err(e) => Err(format!("{e}: {:?}", outcome.message)),
        }
    });
}

#[test]
fn thread_portable() {
    in_thread(Engine::Portable);
}

#[test]
fn thread_interp() {
    in_thread(Engine::Interp);
}

#[test]
fn thread_baseline() {
    in_thread(Engine::Baseline);
}

/// The command itself, with the system's limit set: the kernel kills whoever goes below.
#[test]
fn process_with_a_small_stack() {
    let limit = libc::rlimit {
        rlim_cur: STACK as u64,
        rlim_max: STACK as u64,
    };
    for engine in ENGINES {
        check_all(&programs::corpus(), |program| {
            let mut command = Command::new(moonpatch());
            command
                .arg(format!("--engine={}", engine.name()))
                .args(["--stats", "--native-stack=28K", &program.file])
                .current_dir(&program.folder)
                .env_clear()
                .env("PATH", "/bin")
                .stdin(Stdio::null());
            // SAFETY: the closure only makes a system call.
            unsafe {
                command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_STACK, &limit) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                });
            }
            check_run(&mut command, engine, program)
        });
    }
}

/// Programs that recurse for ever, each through another door.
const ENDLESS: &[(&str, &str)] = &[
    ("plain call", "local function f() return 1 + f() end f()"),
    (
        "method",
        "local o = {} function o:m() return 1 + self:m() end o:m()",
    ),
    (
        "__index",
        "local t = {} setmetatable(t, {__index = function(t, k) return 1 + t[k] end}) local x = t.x",
    ),
    (
        "__newindex",
        "local t = {} setmetatable(t, {__newindex = function(t, k, v) t[k] = v return 1 end}) t.x = 1",
    ),
    (
        "__add",
        "local t = {} setmetatable(t, {__add = function(a, b) return 1 + (a + b) end}) local x = t + t",
    ),
    (
        "__call",
        "local t = {} setmetatable(t, {__call = function(s) return 1 + s() end}) t()",
    ),
    (
        "__eq",
        "local m = {} m.__eq = function(a, b) return not (a == b) end
         local x = setmetatable({}, m) == setmetatable({}, m)",
    ),
    (
        "__lt",
        "local m = {} m.__lt = function(a, b) return not (a < b) end
         local x = setmetatable({}, m) < setmetatable({}, m)",
    ),
    (
        "__concat",
        "local t = {} setmetatable(t, {__concat = function(a, b) return '' .. (a .. b) end}) local x = t .. t",
    ),
    (
        "tostring",
        "local t = {} setmetatable(t, {__tostring = function(t) return '' .. tostring(t) end}) tostring(t)",
    ),
    (
        "print",
        "local t = {} setmetatable(t, {__tostring = function(t) print(t) return '' end}) print(t)",
    ),
    (
        "sort",
        "local function f() table.sort({3, 2, 1}, function(a, b) f() return a < b end) end f()",
    ),
    (
        "pcall",
        "local function f() local ok, e = pcall(f) error(e, 0) end f()",
    ),
    (
        "xpcall handler",
        "local function h() return 1 + h() end
         local ok, e = xpcall(error, h) error(e, 0)",
    ),
    (
        "errors in xpcall handlers",
        "local function h() error('again') end
         local ok, e = xpcall(error, h) error(e, 0)",
    ),
    (
        "coroutines in coroutines",
        "local function f() local c = coroutine.wrap(f) return 1 + c() end f()",
    ),
    (
        "coroutines by resume",
        "local function f() local ok, e = coroutine.resume(coroutine.create(f)) error(e, 0) end f()",
    ),
    (
        "sort in coroutines",
        "local function f()
           return coroutine.wrap(function()
             table.sort({3, 2, 1}, function(a, b) f() return a < b end)
           end)()
         end f()",
    ),
];

/// Megabytes that a program gets: nested coroutines end by using them up, and each wrapped
/// one on the way out puts its place before the message, which takes quadratic time.
fn megabytes(door: &str) -> usize {
    if door.contains("coroutine") { 8 } else { 64 }
}

/// Nothing but a Lua error may come of it, and the VM goes on afterwards.
fn endless(engine: Engine, native_stack: usize, stack: usize) {
    for (door, program) in ENDLESS {
        let mut machine = Machine::new(megabytes(door) << 20, 1 << 20);
        let outcome = on_small_stack(stack, || {
            let text = format!(
                "local ok, e = pcall(function() {program} end)
                 if ok then print('no error') end
                 local n = 0 for i = 1, 1000 do n = n + i end
                 print(type(e), n)"
            );
            let setup = Setup {
                native_stack,
                ..Setup::new(engine)
            };
            machine.run(&setup, &[(text.as_bytes(), b"=endless", &[])])
        });
        assert_eq!(outcome.result, Ok(()), "{door}: {:?}", outcome.message);
        let text = String::from_utf8_lossy(&outcome.output);
        assert!(text.ends_with("string\t500500\n"), "{door}: {text:?}");
        assert!(!text.contains("no error"), "{door}");
    }
}

#[test]
fn endless_recursion_portable() {
    endless(Engine::Portable, USABLE, STACK);
}

#[test]
fn endless_recursion_interp() {
    endless(Engine::Interp, USABLE, STACK);
}

#[test]
fn endless_recursion_baseline() {
    endless(Engine::Baseline, USABLE, STACK);
}

/// Uncaught, with the command's own stack: an error, status 1 and a traceback.
#[test]
fn endless_recursion_in_the_command() {
    for engine in ENGINES {
        for (door, program) in ENDLESS {
            let memory = format!("--memory={}M", megabytes(door));
            let ended = command::run_text(engine, &[&memory], program);
            assert_eq!(ended.code(), 1, "{door}: {}", ended.stderr);
            assert!(
                ended.stderr.starts_with("moonpatch: "),
                "{door}: {}",
                ended.stderr
            );
        }
    }
}

/// Deep nesting of source text is an error of the parser, at any depth.
#[test]
fn nested_source() {
    let deep = 100_000;
    let sources = [
        ("(".repeat(deep), "open"),
        (
            format!("x = {}1{}", "(".repeat(deep), ")".repeat(deep)),
            "parentheses",
        ),
        (
            format!("x = {}{}", "{".repeat(deep), "}".repeat(deep)),
            "tables",
        ),
        (format!("x = {}1", "- ".repeat(deep)), "minus"),
        (format!("x = {}1", "not ".repeat(deep)), "not"),
        (format!("x = {}1", "2 ^ ".repeat(deep)), "powers"),
        (format!("x = {}''", "'' .. ".repeat(deep)), "concat"),
        (
            format!("{}{}", "do ".repeat(deep), "end ".repeat(deep)),
            "blocks",
        ),
        (
            format!("{}{}", "while 1 do ".repeat(deep), "end ".repeat(deep)),
            "loops",
        ),
        (
            format!("{}{}", "if 1 then ".repeat(deep), "end ".repeat(deep)),
            "conditions",
        ),
        (
            format!("{}{}", "f(function() ".repeat(deep), "end) ".repeat(deep)),
            "functions",
        ),
    ];
    for engine in ENGINES {
        for (source, what) in &sources {
            let mut machine = Machine::new(64 << 20, 1 << 10);
            let outcome = on_small_stack(STACK, || {
                let setup = Setup {
                    native_stack: USABLE,
                    ..Setup::new(engine)
                };
                machine.run(&setup, &[(source.as_bytes(), b"=nested", &[])])
            });
            assert_eq!(outcome.result, Err(VmError::Syntax), "{what}");
            let message = outcome.message.unwrap_or_default();
            assert!(message.starts_with("nested:1: "), "{what}: {message}");
        }
    }
}
