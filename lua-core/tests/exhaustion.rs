//! What happens when memory runs out: programs in regions too small for them, and
//! collections at every allocation with the heap verified after each. (Single failures
//! are injected by `tests/tests/failing_allocations.rs`.)
//!
//! Needs the feature `extra-checks` (injection, and the verifier in
//! `heap/collect/verify.rs`).
#![cfg(feature = "extra-checks")]

use lua_core::{Config, Shortage, Vm, VmError};
use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::path::PathBuf;

const REGION: usize = 32 << 20;

fn write(context: *mut c_void, s: &[u8]) {
    // SAFETY: `Lua` passes its boxed output, which lives as long as its VM.
    unsafe { (*(context as *mut Vec<u8>)).extend_from_slice(s) }
}

/// Memory for VMs, used again and again.
struct Memory(Vec<MaybeUninit<u8>>);

impl Memory {
    fn new(bytes: usize) -> Memory {
        Memory(vec![MaybeUninit::uninit(); bytes])
    }
}

/// How a program ended.
struct Run {
    output: Vec<u8>,
    result: Result<(), VmError>,
    message: String,
}

/// Runs a program in a fresh VM that `prepare` has set up; afterwards the VM must
/// still be of use.
fn run(
    memory: &mut Memory,
    bytes: usize,
    config: Config,
    source: &[u8],
    prepare: impl FnOnce(&mut Vm),
) -> Option<Run> {
    let mut output: Vec<u8> = Vec::new();
    let mut config = config;
    config.hooks.context = &raw mut output as *mut c_void;
    config.hooks.write = write;
    let mut vm = match Vm::new(&mut memory.0[..bytes], &config) {
        Ok(vm) => vm,
        Err(VmError::NoMemory) => return None,
        Err(e) => panic!("{e}"),
    };
    prepare(&mut vm);
    let result = vm.run(source, b"@t.lua", &[]);
    let message = vm.message().unwrap_or(b"no text");
    let message = String::from_utf8_lossy(message).into_owned();
    vm.set_fuel(None);
    // Errors of finalizers go to whoever runs when they are called.
    vm.close();
    vm.end_injection();
    let written = output.len();
    let again = vm.run(b"io.write(('x'):rep(3), #{1, 2})", b"=again", &[]);
    let now = vm.message().map(String::from_utf8_lossy);
    assert_eq!(
        again,
        Ok(()),
        "the VM is of no use after: {message}: {now:?}"
    );
    assert_eq!(&output[written..], b"xxx2");
    output.truncate(written);
    Some(Run {
        output,
        result,
        message,
    })
}

fn corpus() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/corpus"))
}

/// Source of a corpus program, whose name is that of its chunk.
fn program(name: &str) -> Vec<u8> {
    let path = corpus().join(format!("{name}.lua"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// What a program writes where memory isn't short. That this is right is what the
/// corpus tests in `tests/` show.
fn undisturbed(memory: &mut Memory, name: &str, source: &[u8]) -> Vec<u8> {
    let run = run(memory, REGION, Config::default(), source, |_| ()).expect("a VM fits");
    assert_eq!(run.result, Ok(()), "{name}: {}", run.message);
    assert!(!run.output.is_empty(), "{name} writes");
    run.output
}

/// Programs that between them go through every kind of allocation.
const PROGRAMS: &[&str] = &[
    "cache-fields",
    "closures",
    "concat",
    "coroutine-basics",
    "coroutine-errors",
    "error-pcall",
    "error-values",
    "iterators",
    "metatable-call",
    "metatable-index",
    "table-constructors",
    "table-library",
    "tail-calls",
    "varargs",
];

/// All allocations fail at first, from one on: everything is repeated, with a
/// verified collection before each repetition.
#[test]
fn every_allocation_may_fail() {
    let mut memory = Memory::new(REGION);
    for name in PROGRAMS {
        let source = program(name);
        let expected = undisturbed(&mut memory, name, &source);
        let run = run(&mut memory, 2 << 20, Config::default(), &source, |vm| {
            vm.inject_failure(0, Shortage::UntilCollected)
        })
        .expect("a VM fits");
        assert_eq!(run.result, Ok(()), "{name}: {}", run.message);
        assert!(run.output == expected, "{name}: wrong output");
    }
}

/// Memory that is really used up ends a program with the catchable error or
/// not at all, whatever it was doing.
#[test]
fn small_regions() {
    let mut memory = Memory::new(4 << 20);
    let mut names: Vec<String> = std::fs::read_dir(corpus())
        .expect("the corpus")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(".lua")?.to_owned()))
        .collect();
    names.sort();
    let (mut good, mut short) = (0, 0);
    for name in &names {
        let source = program(name);
        for kilobytes in [290, 330, 420, 700] {
            // Long programs are cut off: a collection at almost every step takes long.
            let prepare = |vm: &mut Vm| vm.set_fuel(Some(20_000));
            let bytes = kilobytes << 10;
            let run = run(&mut memory, bytes, Config::default(), &source, prepare);
            let Some(run) = run else { continue };
            match run.result {
                Ok(()) | Err(VmError::OutOfFuel) => good += 1,
                Err(VmError::NoMemory) => short += 1,
                // Programs that test limits see another message than they look for.
                Err(VmError::Runtime) => short += 1,
                Err(e) => panic!("{name} in {kilobytes} KiB: {e}: {}", run.message),
            }
        }
    }
    assert!(
        good > 100 && short > 10,
        "{good} ended well, {short} did not"
    );
}
