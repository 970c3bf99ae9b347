//! Runs the embedded Lua programs in every mode and compares their output.
//!
//! Called once by `main`, after the self tests. Interrupts stay on throughout:
//! the run fails if no tick came while Lua ran. It fails as well if anything in
//! a program's run used the kernel's heap.

use crate::boot::BootInfo;
use crate::comparison::Comparison;
use crate::lua::{self, Mode};
use crate::memory::Memory;
use crate::programs::{PROGRAMS, Program, SMALL_REGION_BYTES};
use crate::{heap, println, stack, timer};

/// What came of a run over the corpus.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    /// Runs of a program in an engine that did as expected.
    pub passed: usize,
    /// Runs that didn't.
    pub failed: usize,
    /// Those of them that had a small region only.
    pub small: usize,
    /// Timer ticks that came while Lua ran.
    pub ticks: u64,
    /// The most bytes of native stack in use, with what lies beneath Lua.
    pub stack_bytes: u64,
}

/// Runs the programs. The kernel's command line may choose: `engine=NAME` one
/// mode, `only=TEXT` the programs with this in their path. Running nothing
/// counts as a failure.
pub fn run(info: &BootInfo, memory: &mut Memory) -> Summary {
    let (engine_wanted, path_wanted) = (info.option("engine"), info.option("only"));
    let mut summary = Summary::default();
    let mut chosen = 0;
    stack::paint();
    for mode in lua::MODES.iter().copied() {
        if engine_wanted.is_some_and(|name| name != mode.name()) {
            continue;
        }
        for program in PROGRAMS {
            if path_wanted.is_some_and(|text| !program.path.contains(text)) {
                continue;
            }
            chosen += 1;
            let whole = memory.lua.len();
            let sizes = [whole, SMALL_REGION_BYTES];
            for &bytes in &sizes[..if program.small { 2 } else { 1 }] {
                let before = timer::ticks();
                let ok = run_one(mode, program, memory, bytes);
                summary.ticks += timer::ticks() - before;
                summary.small += usize::from(ok && bytes < whole);
                *if ok {
                    &mut summary.passed
                } else {
                    &mut summary.failed
                } += 1;
            }
        }
    }
    summary.stack_bytes = stack::painted_bytes_used();
    if chosen == 0 {
        println!("corpus: FAILED: there is no program to run, or none that was asked for");
        summary.failed += 1;
    }
    if summary.passed > 0 && summary.ticks == 0 {
        println!("corpus: FAILED: no timer tick came while Lua ran");
        summary.failed += 1;
    }
    summary
}

/// Runs one program in one engine, in the first `bytes` of the region, and prints a
/// line about it. True if it did as expected.
fn run_one(mode: Mode, program: &Program, memory: &mut Memory, bytes: usize) -> bool {
    let mut comparison = Comparison::new(program.expected);
    let (ticks, allocations) = (timer::ticks(), heap::allocations());
    let outcome = lua::run_program(mode, memory, bytes, program, &mut |out| {
        comparison.feed(out);
    });
    let (ticks, allocations) = (timer::ticks() - ticks, heap::allocations() - allocations);

    let what = ProgramIn {
        mode,
        program,
        mebibytes: bytes >> 20,
    };
    let mut ok = true;
    if let Err(error) = outcome {
        println!("{what}: FAILED: {error}");
        ok = false;
    }
    if let Err(difference) = comparison.finish() {
        println!("{what}: FAILED: {difference}");
        ok = false;
    }
    if allocations != 0 {
        println!("{what}: FAILED: {allocations} allocations from the kernel's heap");
        ok = false;
    }
    if ok {
        println!("{what}: ok ({ticks} ms)");
    }
    ok
}

/// A program and an engine, for a report.
struct ProgramIn<'a> {
    mode: Mode,
    program: &'a Program,
    mebibytes: usize,
}

impl core::fmt::Display for ProgramIn<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} {}", self.mode.name(), self.program.path)?;
        for argument in self.program.arguments {
            write!(f, " {argument}")?;
        }
        write!(f, " in {} MiB", self.mebibytes)
    }
}
