//! Every allocation fails: in every program of the corpus, in each engine, the n-th
//! allocation, for each n. Then the program succeeds, or ends with "not enough memory";
//! the heap verifies, and the VM goes on to be of use.
//!
//! Programs with many allocations take long for that: each engine and kind of failure has
//! `FAIL_SECONDS` (default 20). Where every n would take longer than a program's share, it
//! is each so many-th from a random one on, so that further runs see others. `FAIL_SEED`
//! begins at the same ones (the output names the seed); `FAIL_ONLY=program` and
//! `FAIL_FIRST=n` narrow the search.
//!
//! Needs the feature `extra-checks`.
#![cfg(feature = "extra-checks")]

use core::ffi::c_void;
use lua_core::baseline::BaselineConfig;
use lua_core::engine::interp::PREBUILT;
use lua_core::{Config, Engine, Shortage, Vm, VmError};
use moonpatch::memory::{CodeMemory, Region, serialize};
use moonpatch_tests::machine::on_small_stack;
use moonpatch_tests::memory_files::MemoryFiles;
use moonpatch_tests::programs::{Program, corpus, same};
use rt_nostd::Extent;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

const REGION: usize = 64 << 20;
const NATIVE_STACK: usize = 16 << 20;
/// Room for what the test does itself, and for a library function in a debug build.
const NATIVE_SPARE: usize = 4 << 20;
/// As the first failure: never.
const NEVER: u64 = u64::MAX - 1;
/// Ticks for one run: programs that catch the error may loop then. So often as many as a
/// run without failures takes, and some.
const FUEL: (u64, u64) = (3, 100_000);

/// Programs whose output tells when collections were.
const SEE_COLLECTIONS: &[&str] = &["gc-finalizers.lua", "gc-options.lua"];

/// How the errors that finalizers of the corpus raise begin.
const FINALIZERS: &str = "in finalizer";

/// Uses nothing that a program may have changed, and fails if it goes wrong.
const STILL_ALIVE: &[u8] = b"
    local t, wrong = {}, nil
    for i = 1, 100 do t[i] = {name = 'n' .. i, f = function() i = i + 1 return i end} end
    local s = ''
    for i = 1, 100 do s = s .. t[i].f() .. t[i].name end
    if #s ~= 486 then wrong() end";

/// Memory for one VM after another.
struct Bench {
    region: Region,
    code: CodeMemory,
    extents: Vec<Extent>,
    files: &'static MemoryFiles,
    engine: Engine,
}

/// How a program ended.
struct Run {
    result: Result<(), VmError>,
    message: String,
    output: Vec<u8>,
    /// Allocations that the first failure was still ahead, if it was.
    ahead: Option<u64>,
    /// "not enough memory" was raised.
    fell_short: bool,
    ticks: u64,
}

impl Bench {
    fn new(engine: Engine) -> Bench {
        Bench {
            region: Region::reserve(REGION).expect("memory for Lua"),
            code: CodeMemory::map(1 << 20).expect("memory for code"),
            extents: vec![Extent::EMPTY; 512],
            files: Box::leak(Box::default()),
            engine,
        }
    }

    /// Runs a program whose allocation `n` fails.
    fn run(&mut self, program: &Program, fuel: Option<u64>, n: u64, shortage: Shortage) -> Run {
        let (source, name) = (program.source(), format!("@{}", program.file));
        let name = name.as_bytes();
        self.files.clear();
        let here = 0u8;
        let here = core::hint::black_box(&raw const here).addr();
        let mut config = Config {
            native_stack_limit: here - (NATIVE_STACK - NATIVE_SPARE),
            binary_chunks: true,
            ..Config::default()
        };
        config.hooks.context = core::ptr::from_ref(self.files).cast::<c_void>().cast_mut();
        config.hooks.write = MemoryFiles::hook;
        let mut vm = Vm::new(self.region.bytes(), &config).expect("a VM");
        vm.open_system(self.files).expect("room for the library");
        if self.engine != Engine::Portable {
            // SAFETY: serialized below; code runs on this thread, until `vm` goes.
            let code = unsafe { self.code.region(&mut self.extents) };
            let mut code = code.expect("a code region");
            let config = BaselineConfig {
                force: true,
                ..BaselineConfig::default()
            };
            // SAFETY: `self.code` outlives `vm`; this system saves the processor's state.
            let linked = unsafe {
                match self.engine {
                    Engine::Baseline => vm.use_baseline(PREBUILT, code, config),
                    _ => vm.use_bundle(PREBUILT, &mut code).map(|_| ()),
                }
            };
            linked.expect("the prebuilt bundle");
            serialize();
        }
        vm.set_fuel(fuel);
        vm.set_arg(&[], &name[1..], &[]).expect("room");
        vm.inject_failure(n, shortage);
        let result = vm.run(&source, name, &[]);
        let message = String::from_utf8_lossy(vm.message().unwrap_or(b"no text")).into_owned();
        let output = self.files.output();
        vm.close();
        let (ahead, fell_short) = vm.end_injection();
        vm.set_fuel(None);
        vm.set_hook(None, 0, 0).expect("no memory needed");
        let ticks = vm.stats().ticks;
        let again = vm.run(STILL_ALIVE, b"=again", &[]);
        assert_eq!(again, Ok(()), "of no use any more after: {message}");
        let stats = vm.stats();
        assert!(match self.engine {
            Engine::Portable => stats.portable_entries > 0 && stats.interp_entries == 0,
            Engine::Interp | Engine::Baseline => {
                stats.interp_entries > 0 && stats.portable_entries == 0
            }
        });
        let compiled = vm.baseline_stats().map(|b| b.functions);
        assert_ne!(compiled, Some(0));
        Run {
            result,
            message,
            output,
            ahead,
            fell_short,
            ticks,
        }
    }
}

/// Is this what a program may do whose allocation failed?
fn judge(
    run: &Run,
    undisturbed: &Run,
    shortage: Shortage,
    sees_collections: bool,
) -> Result<(), String> {
    let difference = same(&undisturbed.output, &run.output);
    if run.result == undisturbed.result && difference.is_ok() {
        return Ok(());
    }
    let told = || Err(format!("{:?}: {}; {difference:?}", run.result, run.message));
    if shortage == Shortage::Once {
        // A collection at another place takes a finalizer's error there.
        let theirs = run.result == Err(VmError::Runtime) && run.message.starts_with(FINALIZERS);
        return if sees_collections && (run.result == undisturbed.result || theirs) {
            Ok(())
        } else {
            told()
        };
    }
    let begins = undisturbed.output.starts_with(&run.output);
    match run.result {
        Err(VmError::NoMemory) if begins => Ok(()),
        // Seen by a protected call, a coroutine or a finalizer: what the program then does
        // is its own business.
        Err(VmError::RegionTooSmall { .. } | VmError::Syntax) => told(),
        _ if run.fell_short => Ok(()),
        _ => told(),
    }
}

/// A small generator (splitmix64): where to begin.
fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

/// A program, run without failures.
struct Measured {
    program: Program,
    undisturbed: Run,
    fuel: Option<u64>,
    allocations: u64,
    /// Of a run with a failure.
    seconds: f64,
}

impl Measured {
    fn new(bench: &mut Bench, program: Program, shortage: Shortage) -> Measured {
        let undisturbed = bench.run(&program, None, NEVER, shortage);
        // `os.exit` stops the VM.
        let ended = matches!(undisturbed.result, Ok(()) | Err(VmError::Stopped));
        assert!(ended, "{}: {}", program.file, undisturbed.message);
        let fuel = Some(undisturbed.ticks * FUEL.0 + FUEL.1);
        let allocations = NEVER - undisturbed.ahead.expect("never");
        let started = Instant::now();
        bench.run(&program, fuel, allocations / 2, shortage);
        Measured {
            program,
            undisturbed,
            fuel,
            allocations,
            seconds: started.elapsed().as_secs_f64(),
        }
    }

    fn cost(&self) -> f64 {
        self.allocations as f64 * self.seconds
    }

    /// Lets the allocations from `first` on fail, one in each run; tells what went wrong.
    fn fail(&self, bench: &mut Bench, shortage: Shortage, first: u64, stride: u64) -> Vec<String> {
        let mut failures = Vec::new();
        let sees_collections = SEE_COLLECTIONS.contains(&self.program.file.as_str());
        for n in (first..self.allocations).step_by(stride as usize) {
            let judged = catch_unwind(AssertUnwindSafe(|| {
                let run = bench.run(&self.program, self.fuel, n, shortage);
                judge(&run, &self.undisturbed, shortage, sees_collections)
            }));
            let judged = judged.unwrap_or_else(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                Err(text.unwrap_or_else(|| "panic".to_owned()))
            });
            if let Err(e) = judged {
                let file = &self.program.file;
                failures.push(format!("{file}, allocation {n}, {shortage:?}: {e}"));
                if failures.len() >= 5 {
                    break;
                }
            }
        }
        failures
    }
}

fn fail_everywhere(engine: Engine, shortage: Shortage) {
    let mut seed: u64 = setting("FAIL_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        now.expect("a date").as_secs()
    });
    println!("FAIL_SEED={seed}");
    let only: Option<String> = setting("FAIL_ONLY");
    let mut programs = corpus();
    programs.retain(|p| only.as_ref().is_none_or(|o| p.file == format!("{o}.lua")));
    let mut seconds: f64 = setting("FAIL_SECONDS").unwrap_or(20.0);
    let failures = on_small_stack(NATIVE_STACK, move || {
        let mut bench = Bench::new(engine);
        let programs = programs.into_iter();
        let measure = |program| Measured::new(&mut bench, program, shortage);
        let mut measured: Vec<Measured> = programs.map(measure).collect();
        // What cheap programs leave of their share goes to the others.
        measured.sort_by(|a, b| a.cost().total_cmp(&b.cost()));
        let mut failures = Vec::new();
        for (i, m) in measured.iter().enumerate() {
            let share = seconds / (measured.len() - i) as f64;
            let stride = (m.cost() / share).ceil().max(1.0) as u64;
            seconds -= m.cost().min(share);
            let random = random(&mut seed) % stride;
            let first = setting("FAIL_FIRST").unwrap_or(random);
            let (file, n) = (&m.program.file, m.allocations);
            println!("{engine:?} {shortage:?} {file}: {n} allocations, {first} + {stride} i");
            failures.extend(m.fail(&mut bench, shortage, first, stride));
        }
        failures
    });
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn once_portable() {
    fail_everywhere(Engine::Portable, Shortage::Once);
}

#[test]
fn once_interp() {
    fail_everywhere(Engine::Interp, Shortage::Once);
}

#[test]
fn once_baseline() {
    fail_everywhere(Engine::Baseline, Shortage::Once);
}

#[test]
fn until_raised_portable() {
    fail_everywhere(Engine::Portable, Shortage::UntilRaised);
}

#[test]
fn until_raised_interp() {
    fail_everywhere(Engine::Interp, Shortage::UntilRaised);
}

#[test]
fn until_raised_baseline() {
    fail_everywhere(Engine::Baseline, Shortage::UntilRaised);
}

#[test]
fn for_good_portable() {
    fail_everywhere(Engine::Portable, Shortage::ForGood);
}

#[test]
fn for_good_interp() {
    fail_everywhere(Engine::Interp, Shortage::ForGood);
}

#[test]
fn for_good_baseline() {
    fail_everywhere(Engine::Baseline, Shortage::ForGood);
}
