//! How much faster compiled code is here than the interpreter, on numeric programs.
//!
//! Called once by `main`, after the corpus. Both modes run each program on the same
//! argument; their outputs must agree. Times are the timer's ticks, so that the emulator's
//! own speed cancels out of their ratio, and whatever else its host does doesn't.

use crate::lua::{self, Mode};
use crate::memory::Memory;
use crate::programs::{PROGRAMS, Program};
use crate::{println, timer};

/// Ends of paths, and arguments that take long enough for the timer.
const RUNNERS: &[(&str, &[&str])] = &[
    ("nbody.lua", &["60000"]),
    ("spectral-norm.lua", &["150"]),
    ("mandelbrot.lua", &["200"]),
    ("fannkuch.lua", &["9"]),
];
/// Runs of each program in each mode; the fastest counts.
const RUNS: u32 = 2;

/// Runs all of them; true if all went well and each was faster when compiled.
pub fn run(memory: &mut Memory) -> bool {
    let mut ok = true;
    for &(name, arguments) in RUNNERS {
        let Some(program) = PROGRAMS.iter().find(|p| p.path.ends_with(name)) else {
            println!("race: FAILED: there is no {name}");
            return false;
        };
        let program = Program {
            path: program.path,
            arguments,
            small: false,
            source: program.source,
            expected: &[],
        };
        let runs = [Mode::Interp, Mode::Baseline].map(|mode| best(mode, &program, memory));
        let [Some((interp, one)), Some((baseline, other))] = runs else {
            ok = false;
            continue;
        };
        let hundredths = interp * 100 / baseline.max(1);
        println!(
            "race: {name} {}: {interp} ms interpreted, {baseline} ms compiled: {}.{:02} times as fast",
            arguments[0],
            hundredths / 100,
            hundredths % 100,
        );
        if one != other {
            println!("race: FAILED: {name}: outputs differ");
            ok = false;
        }
        if baseline >= interp {
            println!("race: FAILED: {name} isn't faster");
            ok = false;
        }
    }
    ok
}

/// Milliseconds of the fastest run, and a checksum of its output.
fn best(mode: Mode, program: &Program, memory: &mut Memory) -> Option<(u64, u64)> {
    let mut best = None;
    for _ in 0..RUNS {
        let mut sum = 0xcbf2_9ce4_8422_2325_u64;
        let bytes = memory.lua.len();
        let before = timer::ticks();
        let outcome = lua::run_program(mode, memory, bytes, program, &mut |out| {
            for &byte in out {
                sum = (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        });
        let ticks = timer::ticks() - before;
        if let Err(error) = outcome {
            println!("race: FAILED: {} {}: {error}", mode.name(), program.path);
            return None;
        }
        if best.is_none_or(|(least, _)| ticks < least) {
            best = Some((ticks, sum));
        }
    }
    best
}
