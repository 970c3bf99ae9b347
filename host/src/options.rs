//! The command line, in the syntax of `lua` 5.1 with long options added.
//!
//! Parsed by hand: `lua`'s rules (a value glued to `-e`, options that end at the
//! script, the negative indices of `arg`) are none of the usual ones, and start-up time
//! counts. Must never do what an option asks for. Called by `main`.

use lua_core::{Engine, Stress};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

/// Printed after a mistake in the command line.
pub const USAGE: &str = "\
usage: moonpatch [options] [script [args]].
Available options are:
  -e stat  execute string 'stat'
  -l name  require library 'name'
  -i       enter interactive mode after executing 'script'
  -v       show version information
  --       stop handling options
  -        execute stdin and stop handling options
  --check               compile the script and don't run it
  --list                print the script's bytecode and don't run it
  -joff, -jon           don't compile to machine code, or do (--engine=interp, baseline)
  -jv                   tell on stderr what is compiled, thrown away or refused
  -jdump                list compiled code on stderr: bytecode, stencils, instructions
  --engine=NAME         run Lua on this engine: portable, interp or baseline
  --force               compile each function before it first runs; what can't be is an error
  --perf-map            name compiled functions to perf, in /tmp/perf-PID.map
  --gdb-jit             name them to GDB
  --jit-patch=WHEN      'off': never change published code (it is never done)
  --stats               print counters and times as JSON on stderr at exit
  --fuel N              end the program after N ticks (back-edges and calls)
  --memory BYTES        let the program use so much memory (suffixes K, M, G)
  --bundle FILE         use this stencil bundle instead of the built-in one
  --code-region BYTES   size of the memory for machine code
  --no-binary-chunks    refuse precompiled chunks
  --native-stack BYTES  how much of the native stack library functions may use
  --force               compile each function before it first runs
  --eager               compile each function at its first back-edge or call
  --evict N             throw all compiled code away at every N-th sample (for tests)
  --jit-ic=off          compile without inline caches (for measuring)
  --jit-direct=off      compile all calls of library functions as calls (for measuring)
  --jit-registers=off   compile with all numbers in the frame (for measuring)
  --jit-types=off       compile with all checks of types (for measuring)
  --jit-stubs N         most entries of an inline cache behind the first (4)
  --count-interpreted   tell in --stats how many instructions weren't compiled (slow)
  --collect-always      collect garbage at every allocation (builds with extra-checks)
  --collect-steps       make a step of a collection at every tick and allocation (likewise)
";

/// A piece of work before the script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// `-e`: run this text.
    Execute(Vec<u8>),
    /// `-l`: require this module.
    Require(Vec<u8>),
}

/// What happens to the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is run.
    Run,
    /// `--check`: it is compiled.
    Check,
    /// `--list`: its bytecode is printed.
    List,
}

/// What the command line asks for.
#[derive(Debug)]
pub struct Options {
    /// All arguments, the program's name first.
    pub arguments: Vec<Vec<u8>>,
    /// What `-e` and `-l` ask for, in order.
    pub tasks: Vec<Task>,
    /// Index of the script among `arguments`.
    pub script: Option<usize>,
    /// `-v` or `-i`
    pub version: bool,
    /// `-i`
    pub interactive: bool,
    /// What happens to the script.
    pub purpose: Purpose,
    /// `--engine`; without it the highest there is.
    pub engine: Engine,
    /// `--jit-ic=off`: compile without inline caches.
    pub inline_caches: bool,
    /// `--jit-direct=off`: compile all calls of library functions as calls.
    pub direct_calls: bool,
    /// `--jit-registers=off`: compile with all numbers in the frame.
    pub registers: bool,
    /// `--jit-types=off`: compile with all checks of types.
    pub types: bool,
    /// `--jit-stubs`: entries of an inline cache behind the first.
    pub stubs: Option<u32>,
    /// `--force`: compile each function before it first runs.
    pub force: bool,
    /// `--eager`: compile at the first chance, and look for one at each tick.
    pub eager: bool,
    /// `--evict`: samples until all compiled code is thrown away.
    pub evict: u32,
    /// `--count-interpreted`
    pub count_interpreted: bool,
    /// `-jv`
    pub verbose: bool,
    /// `-jdump`
    pub dump: bool,
    /// `--perf-map`
    pub perf_map: bool,
    /// `--gdb-jit`
    pub gdb: bool,
    /// `--stats`
    pub stats: bool,
    /// `--fuel`, in ticks.
    pub fuel: Option<u64>,
    /// `--memory`, in bytes.
    pub memory: Option<u64>,
    /// `--bundle`
    pub bundle: Option<OsString>,
    /// `--code-region`, in bytes.
    pub code_region: usize,
    /// `--native-stack`, in bytes.
    pub native_stack: Option<usize>,
    /// `--no-binary-chunks` wasn't given.
    pub binary_chunks: bool,
    /// `--collect-always`, `--collect-steps`
    pub stress: Stress,
}

/// A mistake in the command line.
#[derive(Debug, PartialEq, Eq)]
pub enum OptionError {
    /// An option there isn't, or one without its value: answered by the usage, as `lua` does.
    Usage,
    /// The value of a long option isn't what it takes.
    BadValue {
        /// The option.
        option: &'static str,
        /// What was given.
        value: Vec<u8>,
        /// What it takes.
        expected: &'static str,
    },
    /// An option of `lua` or of other builds that this build hasn't got.
    Unavailable {
        /// The option.
        option: &'static str,
        /// Why not.
        why: &'static str,
    },
}

impl core::fmt::Display for OptionError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            OptionError::Usage => f.write_str(USAGE.trim_end()),
            OptionError::BadValue {
                option,
                value,
                expected,
            } => write!(
                f,
                "{option}: {expected} expected, got '{}'",
                String::from_utf8_lossy(value)
            ),
            OptionError::Unavailable { option, why } => write!(f, "{option}: {why}"),
        }
    }
}

impl core::error::Error for OptionError {}

/// Room for the code of the built-in bundle several times over. Only used pages cost.
const CODE_REGION: usize = 32 << 20;

/// The highest engine of this build.
const HIGHEST: Engine = if cfg!(target_arch = "x86_64") {
    Engine::Baseline
} else {
    Engine::Portable
};

impl Options {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// [`OptionError`]
    pub fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Options, OptionError> {
        let mut o = Options {
            arguments: arguments.map(OsString::into_vec).collect(),
            tasks: Vec::new(),
            script: None,
            version: false,
            interactive: false,
            purpose: Purpose::Run,
            engine: HIGHEST,
            inline_caches: true,
            direct_calls: true,
            registers: true,
            types: true,
            stubs: None,
            force: false,
            eager: false,
            evict: 0,
            count_interpreted: false,
            verbose: false,
            dump: false,
            perf_map: false,
            gdb: false,
            stats: false,
            fuel: None,
            memory: None,
            bundle: None,
            code_region: CODE_REGION,
            native_stack: None,
            binary_chunks: true,
            stress: Stress::Off,
        };
        let mut i = 1;
        while let Some(argument) = o.arguments.get(i) {
            match argument.as_slice() {
                b"-" => break,
                b"--" => {
                    i += 1;
                    break;
                }
                b"-v" => o.version = true,
                b"-i" => {
                    o.interactive = true;
                    o.version = true;
                }
                [b'-', kind @ (b'e' | b'l'), glued @ ..] => {
                    let kind = *kind;
                    let text = if glued.is_empty() {
                        i += 1;
                        o.arguments.get(i).ok_or(OptionError::Usage)?.clone()
                    } else {
                        glued.to_vec()
                    };
                    o.tasks.push(match kind {
                        b'e' => Task::Execute(text),
                        _ => Task::Require(text),
                    });
                }
                [b'-', b'j', glued @ ..] => {
                    let what = if glued.is_empty() {
                        i += 1;
                        o.arguments.get(i).ok_or(OptionError::Usage)?.clone()
                    } else {
                        glued.to_vec()
                    };
                    o.compiler(&what)?;
                }
                [b'-', b'-', ..] => {
                    let argument = argument.clone();
                    i += o.long(&argument, i)?;
                }
                [b'-', ..] => return Err(OptionError::Usage),
                _ => break,
            }
            i += 1;
        }
        if i < o.arguments.len() {
            o.script = Some(i);
        }
        Ok(o)
    }

    /// Takes what stands behind `-j`, in the manner of LuaJIT.
    fn compiler(&mut self, what: &[u8]) -> Result<(), OptionError> {
        match what {
            b"off" if HIGHEST == Engine::Baseline => self.engine = Engine::Interp,
            b"off" => {}
            b"on" if HIGHEST == Engine::Baseline => self.engine = Engine::Baseline,
            b"on" => {
                return Err(OptionError::Unavailable {
                    option: "-jon",
                    why: "there is no compiler for this processor",
                });
            }
            b"v" => self.verbose = true,
            b"dump" => self.dump = true,
            _ => return Err(OptionError::Usage),
        }
        Ok(())
    }

    /// Takes a long option at index `i`; gives the number of further arguments it used.
    fn long(&mut self, argument: &[u8], i: usize) -> Result<usize, OptionError> {
        let (name, glued) = match argument.iter().position(|&b| b == b'=') {
            Some(at) => (&argument[..at], Some(argument[at + 1..].to_vec())),
            None => (argument, None),
        };
        match name {
            b"--stats" if glued.is_none() => {
                self.stats = true;
                return Ok(0);
            }
            b"--no-binary-chunks" if glued.is_none() => {
                self.binary_chunks = false;
                return Ok(0);
            }
            b"--check" if glued.is_none() => {
                self.purpose = Purpose::Check;
                return Ok(0);
            }
            b"--list" if glued.is_none() => {
                self.purpose = Purpose::List;
                return Ok(0);
            }
            b"--perf-map" if glued.is_none() => {
                self.perf_map = true;
                return Ok(0);
            }
            b"--gdb-jit" if glued.is_none() => {
                self.gdb = true;
                return Ok(0);
            }
            b"--force" if glued.is_none() => {
                self.force = true;
                return Ok(0);
            }
            b"--jit-ic" => {
                self.inline_caches = switch(glued.as_deref())?;
                return Ok(0);
            }
            b"--jit-direct" => {
                self.direct_calls = switch(glued.as_deref())?;
                return Ok(0);
            }
            b"--jit-types" => {
                self.types = switch(glued.as_deref())?;
                return Ok(0);
            }
            b"--jit-registers" => {
                self.registers = switch(glued.as_deref())?;
                return Ok(0);
            }
            b"--eager" if glued.is_none() => {
                self.eager = true;
                return Ok(0);
            }
            b"--count-interpreted" if glued.is_none() => {
                self.count_interpreted = true;
                return Ok(0);
            }
            b"--collect-always" if glued.is_none() => {
                return self.stress("--collect-always", Stress::Collections);
            }
            b"--collect-steps" if glued.is_none() => {
                return self.stress("--collect-steps", Stress::Steps);
            }
            _ => {}
        }
        let used = usize::from(glued.is_none());
        let next = || self.arguments.get(i + 1).cloned();
        let value = || glued.clone().or_else(next).ok_or(OptionError::Usage);
        match name {
            b"--engine" => self.engine = engine(value()?)?,
            b"--fuel" => self.fuel = Some(number("--fuel", value()?)?),
            b"--memory" => self.memory = Some(size("--memory", value()?)? as u64),
            b"--evict" => {
                self.evict = u32::try_from(number("--evict", value()?)?).unwrap_or(u32::MAX);
            }
            b"--jit-stubs" => {
                let n = number("--jit-stubs", value()?)?;
                self.stubs = Some(u32::try_from(n).unwrap_or(u32::MAX));
            }
            b"--bundle" => self.bundle = Some(OsString::from_vec(value()?)),
            b"--code-region" => self.code_region = size("--code-region", value()?)?,
            // Nothing that was published is ever changed: both are the same.
            b"--jit-patch" => match value()?.as_slice() {
                b"on" | b"off" => {}
                other => {
                    return Err(OptionError::BadValue {
                        option: "--jit-patch",
                        value: other.to_vec(),
                        expected: "on or off",
                    });
                }
            },
            b"--native-stack" => self.native_stack = Some(size("--native-stack", value()?)?),
            _ => return Err(OptionError::Usage),
        }
        Ok(used)
    }

    /// Sets a test mode.
    fn stress(&mut self, option: &'static str, mode: Stress) -> Result<usize, OptionError> {
        if !cfg!(feature = "extra-checks") {
            let why = "this build lacks the feature extra-checks";
            return Err(OptionError::Unavailable { option, why });
        }
        self.stress = mode;
        Ok(0)
    }

    /// Names of the script and of what stands before it, nearest last, and the arguments
    /// after it: what becomes `arg`.
    pub fn around(&self, script: usize) -> (Vec<&[u8]>, &[u8], Vec<&[u8]>) {
        (
            self.arguments[..script].iter().map(Vec::as_slice).collect(),
            &self.arguments[script],
            self.arguments[script + 1..]
                .iter()
                .map(Vec::as_slice)
                .collect(),
        )
    }
}

/// `on` or `off`.
fn switch(value: Option<&[u8]>) -> Result<bool, OptionError> {
    match value {
        Some(b"on") => Ok(true),
        Some(b"off") => Ok(false),
        _ => Err(OptionError::Usage),
    }
}

fn engine(value: Vec<u8>) -> Result<Engine, OptionError> {
    let all = [Engine::Portable, Engine::Interp, Engine::Baseline];
    let known = all.into_iter().find(|e| e.name().as_bytes() == value);
    known.ok_or(OptionError::BadValue {
        option: "--engine",
        value,
        expected: "portable, interp or baseline",
    })
}

fn number(option: &'static str, value: Vec<u8>) -> Result<u64, OptionError> {
    let text = core::str::from_utf8(&value).ok();
    let n = text.and_then(|t| t.parse().ok());
    n.ok_or(OptionError::BadValue {
        option,
        value,
        expected: "a whole number",
    })
}

/// A number of bytes with a suffix K, M or G, above 0.
fn size(option: &'static str, value: Vec<u8>) -> Result<usize, OptionError> {
    let (digits, unit) = match value.split_last() {
        Some((b'K' | b'k', digits)) => (digits, 1 << 10),
        Some((b'M' | b'm', digits)) => (digits, 1 << 20),
        Some((b'G' | b'g', digits)) => (digits, 1 << 30),
        _ => (value.as_slice(), 1usize),
    };
    let text = core::str::from_utf8(digits).ok();
    let n = text.and_then(|t| t.parse::<usize>().ok());
    let bytes = n.and_then(|n| n.checked_mul(unit)).filter(|&n| n > 0);
    bytes.ok_or(OptionError::BadValue {
        option,
        value,
        expected: "a number of bytes",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &[&str]) -> Result<Options, OptionError> {
        Options::parse(["moonpatch"].iter().chain(line).map(OsString::from))
    }

    fn script(line: &[&str]) -> Option<usize> {
        parse(line).unwrap().script
    }

    #[test]
    fn the_script_ends_the_options() {
        assert_eq!(script(&[]), None);
        assert_eq!(script(&["x.lua", "-v", "--stats"]), Some(1));
        assert_eq!(script(&["-e", "x()", "x.lua"]), Some(3));
        assert_eq!(script(&["--", "-v"]), Some(2));
        assert_eq!(script(&["--"]), None);
        assert_eq!(script(&["-v", "-", "a"]), Some(2));
        assert!(!parse(&["x.lua", "--stats"]).unwrap().stats);
    }

    #[test]
    fn statements_come_glued_or_apart() {
        let o = parse(&["-ex=1", "-e", "y=2"]).unwrap();
        let run = |text: &[u8]| Task::Execute(text.to_vec());
        assert_eq!(o.tasks, [run(b"x=1"), run(b"y=2")]);
        let o = parse(&["-lmod", "-e", "y=2", "-l", "other", "-i"]).unwrap();
        let load = |name: &[u8]| Task::Require(name.to_vec());
        assert_eq!(o.tasks, [load(b"mod"), run(b"y=2"), load(b"other")]);
        assert!(o.interactive && o.version);
        assert_eq!(parse(&["-l"]).unwrap_err(), OptionError::Usage);
        assert_eq!(parse(&["-iv"]).unwrap_err(), OptionError::Usage);
        assert_eq!(parse(&["-e"]).unwrap_err(), OptionError::Usage);
    }

    #[test]
    fn long_options_come_with_their_values() {
        let o = parse(&["--fuel", "12", "--memory=2M", "--engine=portable", "x"]).unwrap();
        assert_eq!((o.fuel, o.memory), (Some(12), Some(2 << 20)));
        assert_eq!((o.engine, o.script), (Engine::Portable, Some(5)));
        assert_eq!(parse(&["--fuel"]).unwrap_err(), OptionError::Usage);
        assert_eq!(parse(&["--stats=1"]).unwrap_err(), OptionError::Usage);
        assert_eq!(parse(&["-x"]).unwrap_err(), OptionError::Usage);
        for bad in ["--fuel=-1", "--memory=0", "--memory=M", "--engine=none"] {
            let error = parse(&[bad]).unwrap_err();
            assert!(matches!(error, OptionError::BadValue { .. }), "{bad}");
        }
        let huge = parse(&["--memory=99999999999G"]).unwrap_err();
        assert!(matches!(huge, OptionError::BadValue { .. }));
    }

    #[test]
    fn the_compiler_is_told_as_that_of_luajit() {
        let o = parse(&["-joff", "-jv", "x"]).unwrap();
        assert_eq!((o.engine, o.verbose, o.dump), (Engine::Interp, true, false));
        let o = parse(&["-joff", "-j", "on", "-j", "dump", "x"]).unwrap();
        assert_eq!((o.engine, o.dump, o.script), (HIGHEST, true, Some(6)));
        for bad in [&["-jx"][..], &["-j"], &["-jonn"]] {
            assert_eq!(parse(bad).unwrap_err(), OptionError::Usage);
        }
        assert!(parse(&["--jit-patch=off", "--jit-patch", "on"]).is_ok());
        let error = parse(&["--jit-patch=x"]).unwrap_err();
        assert!(matches!(error, OptionError::BadValue { .. }));
    }

    #[test]
    fn arg_goes_below_zero() {
        let o = parse(&["-e", "s", "x.lua", "a", "b"]).unwrap();
        let (before, name, after) = o.around(o.script.unwrap());
        assert_eq!(before, [&b"moonpatch"[..], b"-e", b"s"]);
        assert_eq!((name, after), (&b"x.lua"[..], vec![&b"a"[..], b"b"]));
    }
}
