//! The `moonpatch` command as a child process with a time limit.
//!
//! `MOONPATCH` names the binary to test; without it, the release build is brought up to
//! date first, so that never a stale one is tested. `MOONPATCH_EXTRA_CHECKS` is the same
//! for the build that collects at every allocation.

use lua_core::Engine;
use std::ffi::OsString;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// All engines, for tests that compare them.
pub const ENGINES: [Engine; 3] = [Engine::Portable, Engine::Interp, Engine::Baseline];

/// How long a run may take before it counts as one that doesn't end.
pub const TIME_LIMIT: Duration = Duration::from_secs(120);

fn root() -> &'static Path {
    crate::programs::folder().parent().expect("the repository")
}

fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

fn cargo_build(arguments: &[&str], target: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut build = Command::new(cargo);
    build
        .args(["build", "--quiet", "-p", "moonpatch"])
        .args(arguments)
        .arg("--target-dir")
        .arg(target)
        .current_dir(root());
    let status = build.status().expect("cargo starts");
    assert!(status.success(), "building moonpatch: {status}");
}

/// The binary under test.
pub fn moonpatch() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("MOONPATCH") {
        Some(path) => root().join(path),
        None => {
            cargo_build(&["--release"], &target());
            target().join("release/moonpatch")
        }
    })
}

/// The binary with lua-core's internal checks and `--collect-always`.
pub fn moonpatch_extra_checks() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("MOONPATCH_EXTRA_CHECKS") {
        Some(path) => root().join(path),
        None => {
            // Optimized a little, with debug assertions.
            let target = target().join("extra-checks");
            cargo_build(
                &["--features", "extra-checks", "--profile", "test"],
                &target,
            );
            target.join("debug/moonpatch")
        }
    })
}

/// What a run left behind.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

impl Ended {
    /// Exit status; a signal is a failure of the test.
    pub fn code(&self) -> i32 {
        let code = self.status.code();
        code.unwrap_or_else(|| panic!("{}: {}", self.status, self.stderr))
    }

    /// A counter of `--stats`.
    pub fn counter(&self, name: &str) -> u64 {
        let json = self.stats();
        let start = json.split(&format!("\"{name}\":")).nth(1);
        let digits = start.and_then(|s| s.split([',', '}']).next());
        let number = digits.and_then(|s| s.parse().ok());
        number.unwrap_or_else(|| panic!("no counter {name} in {json}"))
    }

    /// The line of JSON that `--stats` appended to standard error.
    pub fn stats(&self) -> &str {
        let last = self.stderr.lines().last().unwrap_or_default();
        assert!(
            last.starts_with("{\"engine\""),
            "no --stats: {}",
            self.stderr
        );
        last
    }

    /// Fails unless `engine`, and no other, ran Lua code.
    pub fn prove_engine(&self, engine: Engine) -> Result<(), String> {
        let named = self
            .stats()
            .contains(&format!("\"engine\":\"{}\"", engine.name()));
        let portable = self.counter("portable_entries");
        let interp = self.counter("interp_entries");
        let entered = match engine {
            Engine::Portable => portable > 0 && interp == 0,
            Engine::Interp | Engine::Baseline => {
                interp > 0 && portable == 0 && self.counter("code_bytes") > 0
            }
        };
        if named && entered {
            Ok(())
        } else {
            Err(format!("{} didn't run it: {}", engine.name(), self.stats()))
        }
    }
}

impl Ended {
    /// Fails unless functions were compiled, and none was refused.
    pub fn prove_compiled(&self) -> Result<(), String> {
        let refused = self.stats().split("\"refused\":{").nth(1);
        let refused = refused.and_then(|s| s.split('}').next()).unwrap_or("?");
        let none = refused.split(',').all(|reason| reason.ends_with(":0"));
        if none && self.counter("compiled_functions") > 0 {
            Ok(())
        } else {
            Err(format!("not compiled: {}", self.stats()))
        }
    }
}

/// A child with its output going to files, so that no pipe fills up and blocks it.
pub struct Running {
    child: Child,
    stdout: std::fs::File,
    stderr: std::fs::File,
    started: Instant,
}

/// Starts `command` without standard input.
pub fn start(command: &mut Command) -> Running {
    let file = || tempfile::tempfile().expect("a temporary file");
    let (stdout, stderr) = (file(), file());
    let share = |file: &std::fs::File| Stdio::from(file.try_clone().expect("another handle"));
    command.stdout(share(&stdout)).stderr(share(&stderr));
    let child = command.spawn();
    let child = child.unwrap_or_else(|e| panic!("{:?}: {e}", command.get_program()));
    Running {
        child,
        stdout,
        stderr,
        started: Instant::now(),
    }
}

impl Running {
    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Bytes of standard output so far.
    pub fn printed(&self) -> u64 {
        self.stdout.metadata().expect("a file").len()
    }

    /// Waits for the end.
    ///
    /// # Panics
    /// If it takes longer than [`TIME_LIMIT`]; the child is killed then.
    pub fn wait(mut self) -> Ended {
        let mut pause = Duration::from_micros(200);
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our child") {
                break status;
            }
            if self.started.elapsed() > TIME_LIMIT {
                let _ = self.child.kill();
                let _ = self.child.wait();
                panic!("no end within {TIME_LIMIT:?}");
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        };
        let content = |mut file: std::fs::File| {
            let mut bytes = Vec::new();
            file.rewind().expect("a file");
            file.read_to_end(&mut bytes).expect("a file");
            bytes
        };
        Ended {
            status,
            stdout: content(self.stdout),
            stderr: String::from_utf8_lossy(&content(self.stderr)).into_owned(),
        }
    }
}

/// `moonpatch` with arguments, on the release build, no standard input.
pub fn command<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Command {
    let mut command = Command::new(moonpatch());
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs `moonpatch` with arguments.
pub fn run<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ended {
    start(&mut command(arguments)).wait()
}

/// Runs Lua text on an engine with further options, `--stats` among them.
pub fn run_text(engine: Engine, options: &[&str], text: &str) -> Ended {
    let mut line = vec![format!("--engine={}", engine.name()), "--stats".to_owned()];
    line.extend(options.iter().map(|&o| o.to_owned()));
    line.extend(["-e".to_owned(), text.to_owned()]);
    run(&line)
}

/// Runs a program on an engine of the binary `path` and checks output, status and engine.
pub fn check_program(
    path: &Path,
    engine: Engine,
    options: &[&str],
    program: &crate::programs::Program,
) -> Result<(), String> {
    let mut command = Command::new(path);
    command
        .arg(format!("--engine={}", engine.name()))
        .arg("--stats")
        .args(options)
        .arg(&program.file)
        .args(&program.arguments)
        .current_dir(&program.folder)
        .stdin(Stdio::null());
    check_run(&mut command, engine, program)
}

/// The same for a prepared command.
pub fn check_run(
    command: &mut Command,
    engine: Engine,
    program: &crate::programs::Program,
) -> Result<(), String> {
    let ended = start(command).wait();
    let tell = |e: String| format!("{e} ({}; {})", ended.status, ended.stderr.trim());
    crate::programs::same(&program.expected, &ended.stdout).map_err(tell)?;
    if !ended.status.success() {
        return Err(tell("failed".to_owned()));
    }
    ended.prove_engine(engine)
}
