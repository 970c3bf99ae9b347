//! What the kernel promises to Lua, checked before any Lua runs.
//!
//! Each test returns what it found wrong. Called once by `main`, with all of the
//! kernel up and interrupts on. Must never leave the code region's contents to
//! anyone: whoever uses it next writes it first.

use crate::comparison::Comparison;
use crate::interrupts::PAGE_FAULT;
use crate::layout::{self, PAGE, Section};
use crate::memory::{self, Memory};
use crate::probe::{self, Fault, Outcome};
use crate::programs::PROGRAMS;
use crate::{heap, linking, println, stack, timer};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::hint;
use core::ops::Range;
use rt_nostd::serialize;

core::arch::global_asm!(include_str!("selftest.s"));

unsafe extern "sysv64" {
    fn sse_hypotenuse(first: u64, second: u64) -> u64;
    fn sse_divide(first: u64, second: u64) -> u64;
    fn spin_with_full_registers(ticks: *const u64, until: u64) -> u64;
}

/// What a test found wrong, if anything.
type TestResult = Result<(), String>;

/// A test: it may use what was set aside for Lua, which runs later.
type Test = fn(&mut Memory) -> TestResult;

/// The tests, by name, in order.
const TESTS: &[(&str, Test)] = &[
    ("heap", heap_keeps_blocks_apart),
    ("heap-exhaustion", heap_exhaustion_is_an_error),
    ("sse", sse_computes),
    ("timer", timer_ticks_on_its_own_stack),
    ("registers", registers_survive_interrupts),
    ("page-tables", page_tables_keep_write_xor_execute),
    ("forbidden-accesses", forbidden_accesses_fault),
    ("code-aliases", code_aliases_are_coherent),
    ("bundle", bundle_code_runs),
    ("lua-region", lua_region_is_memory),
    ("comparison", comparison_finds_differences),
    ("programs", programs_are_distinct_and_not_empty),
];

/// Runs all tests, printing a line for each, and returns how many failed.
pub fn run(memory: &mut Memory) -> usize {
    let mut failed = 0;
    for (name, test) in TESTS {
        match test(memory) {
            Ok(()) => println!("selftest {name}: ok"),
            Err(found) => {
                failed += 1;
                println!("selftest {name}: FAILED: {found}");
            }
        }
    }
    failed
}

/// How many tests there are.
pub const COUNT: usize = TESTS.len();

/// Returns an error with the formatted text unless the condition holds.
macro_rules! ensure {
    ($condition:expr, $($text:tt)*) => {
        if !$condition {
            return Err(format!($($text)*));
        }
    };
}

fn heap_keeps_blocks_apart(_: &mut Memory) -> TestResult {
    let before = heap::used();
    {
        let mut blocks: Vec<Box<[u8]>> = Vec::new();
        let block = |length: usize| alloc::vec![length as u8; length].into_boxed_slice();
        blocks.extend((1..200).map(block));
        // Make holes, so that the next blocks have to be put into them.
        let mut index = 0;
        blocks.retain(|_| {
            index += 1;
            index % 3 != 0
        });
        blocks.extend((1..100).map(block));
        for block in &blocks {
            let length = block.len();
            ensure!(
                block.iter().all(|byte| *byte == length as u8),
                "a block of {length} bytes was overwritten"
            );
        }
    }
    let after = heap::used();
    ensure!(before == after, "bytes in use: {before}, then {after}");
    Ok(())
}

fn heap_exhaustion_is_an_error(_: &mut Memory) -> TestResult {
    let mut bytes: Vec<u8> = Vec::new();
    ensure!(
        bytes.try_reserve_exact(heap::HEAP_BYTES + 1).is_err(),
        "got more bytes than the heap has"
    );
    ensure!(
        bytes.try_reserve_exact(heap::HEAP_BYTES / 2).is_ok(),
        "half of the heap isn't free"
    );
    Ok(())
}

fn sse_computes(_: &mut Memory) -> TestResult {
    let (one, three) = (hint::black_box(1.0_f64), hint::black_box(3.0_f64));
    // SAFETY: functions of the System V convention on integers; the kernel, being
    // soft-float, has nothing in the xmm registers that they change.
    let (five, third, infinity) = unsafe {
        (
            sse_hypotenuse(three.to_bits(), 4.0_f64.to_bits()),
            sse_divide(one.to_bits(), three.to_bits()),
            sse_divide(one.to_bits(), 0.0_f64.to_bits()),
        )
    };
    ensure!(five == 5.0_f64.to_bits(), "hypotenuse: found {five:#x}");
    // The kernel computes in software; both must round alike.
    let software = (one / three).to_bits();
    ensure!(
        third == software,
        "1/3: {software:#x} in software, {third:#x} in hardware"
    );
    ensure!(
        infinity == f64::INFINITY.to_bits(),
        "1/0: found {infinity:#x}"
    );
    Ok(())
}

/// Turns of a loop within which 20 ticks must have come. Takes seconds.
const PATIENCE: u64 = 2_000_000_000;

fn timer_ticks_on_its_own_stack(_: &mut Memory) -> TestResult {
    let start = timer::ticks();
    let mut turns = 0;
    while timer::ticks() - start < 20 {
        turns += 1;
        ensure!(turns < PATIENCE, "{} ticks only", timer::ticks() - start);
    }
    let (found, expected) = (timer::latest_stack(), stack::TIMER.range());
    ensure!(
        expected.contains(&found),
        "the handler's stack: expected {expected:x?}, found {found:#x}"
    );
    Ok(())
}

fn registers_survive_interrupts(_: &mut Memory) -> TestResult {
    // SAFETY: a function of the System V convention; the counter is a static.
    let lost = unsafe { spin_with_full_registers(timer::counter(), timer::ticks() + 20) };
    ensure!(lost == 0, "{lost} registers lost their value to interrupts");
    Ok(())
}

fn page_tables_keep_write_xor_execute(memory: &mut Memory) -> TestResult {
    let bytes = |range: Range<u64>| range.end - range.start;
    let guards: u64 = stack::guards().map(|(_, guard)| bytes(guard)).iter().sum();
    let expected = memory::Audit {
        readable: bytes(Section::Rodata.range()),
        writable: bytes(Section::Data.range()) - guards
            + memory.lua.len() as u64
            + memory.code.bytes,
        executable: bytes(Section::Text.range()) + memory.code.bytes,
        both: 0,
    };
    let found = memory::audit();
    ensure!(
        found == expected,
        "mapped bytes: expected {expected:x?}, found {found:x?}"
    );
    Ok(())
}

/// A way to touch memory.
#[derive(Clone, Copy, Debug)]
enum Access {
    Read,
    Write,
    Execute,
}

fn forbidden_accesses_fault(memory: &mut Memory) -> TestResult {
    /// Bits of the page fault's error code.
    const PRESENT: u64 = 1;
    const WRITE: u64 = 1 << 1;
    const FETCH: u64 = 1 << 4;

    let code = memory.code;
    let lua = memory.lua.as_ptr().addr() as u64;
    let text = Section::Text.range().start;
    let rodata = Section::Rodata.range().start;
    let data = Section::Data.range().start;
    let lua_end = layout::LUA_REGION + layout::LUA_REGION_BYTES;
    let mut cases = alloc::vec![
        ("write to the execute view", Access::Write, code.execute),
        ("execute the write view", Access::Execute, code.write),
        ("execute the Lua region", Access::Execute, lua),
        ("write to the kernel's code", Access::Write, text),
        ("write to the kernel's constants", Access::Write, rodata),
        ("execute the kernel's constants", Access::Execute, rodata),
        ("execute the kernel's data", Access::Execute, data),
        ("read null", Access::Read, 0),
        ("execute null", Access::Execute, 0),
        ("read where the kernel was loaded", Access::Read, 0x10_0000),
        ("write past the Lua region", Access::Write, lua_end),
        (
            "read past the execute view",
            Access::Read,
            code.execute + code.bytes
        ),
    ];
    for (name, guard) in stack::guards() {
        cases.push((name, Access::Write, guard.end - 8));
    }

    for (what, access, address) in cases {
        // An accident must not be harmful: a `ret` where the code region's
        // cases would end up if they went through.
        // SAFETY: the write view, which nobody else uses meanwhile.
        unsafe { (code.write as *mut u8).write_volatile(0xc3) };
        let (outcome, kind) = match access {
            Access::Read => (probe::read(address), 0),
            // SAFETY: nothing may be written there; if it can be, the run is
            // reported as failed.
            Access::Write => (unsafe { probe::write(address, 0xc3) }, WRITE),
            // SAFETY: nothing may be executed there; as above.
            Access::Execute => (unsafe { probe::execute(address) }, FETCH),
        };
        let mapped = [code.execute, code.write, lua, text, rodata, data].contains(&address);
        let expected = Outcome::Faulted(Fault {
            vector: u64::from(PAGE_FAULT),
            error: kind | if mapped { PRESENT } else { 0 },
            address,
        });
        ensure!(
            outcome == expected,
            "{what}: expected {expected:x?}, found {outcome:x?}"
        );
    }

    // The probe itself must let through what is allowed.
    let allowed = probe::read(rodata);
    ensure!(
        matches!(allowed, Outcome::Done(_)),
        "read of a constant: {allowed:x?}"
    );
    Ok(())
}

fn code_aliases_are_coherent(memory: &mut Memory) -> TestResult {
    let code = memory.code;
    // The last bytes of a page and the first of the next, then the region's end.
    for offset in [0, PAGE - 3, code.bytes - 6] {
        for value in 0..200_u32 {
            // mov eax, value; ret
            let [a, b, c, d] = value.wrapping_mul(0x0101_0101).to_le_bytes();
            let function = [0xb8, a, b, c, d, 0xc3];
            // SAFETY: inside the write view, which nobody else uses meanwhile.
            unsafe {
                core::ptr::copy_nonoverlapping(
                    function.as_ptr(),
                    (code.write + offset) as *mut u8,
                    function.len(),
                );
            }
            serialize();
            // SAFETY: inside the execute view, which can be read.
            let seen = unsafe { ((code.execute + offset) as *const [u8; 6]).read_unaligned() };
            ensure!(
                seen == function,
                "at {offset:#x}: wrote {function:x?}, the execute view has {seen:x?}"
            );
            // SAFETY: a function of the System V convention was put there.
            let returned = unsafe { probe::execute(code.execute + offset) };
            let expected = Outcome::Done(u32::from_le_bytes([a, b, c, d]).into());
            ensure!(
                returned == expected,
                "at {offset:#x}: expected {expected:x?}, found {returned:x?}"
            );
        }
    }
    Ok(())
}

fn bundle_code_runs(memory: &mut Memory) -> TestResult {
    linking::run(memory.code)
}

fn lua_region_is_memory(memory: &mut Memory) -> TestResult {
    ensure!(
        memory.lua.len() as u64 == layout::LUA_REGION_BYTES,
        "{} bytes",
        memory.lua.len()
    );
    // One byte in each page, different in pages near each other, so that two
    // pages on one frame would show.
    let mark = |page: usize| (page % 251) as u8;
    for (page, bytes) in memory.lua.chunks_mut(PAGE as usize).enumerate() {
        bytes[page % PAGE as usize] = mark(page);
    }
    for (page, bytes) in memory.lua.chunks_mut(PAGE as usize).enumerate() {
        let byte = &mut bytes[page % PAGE as usize];
        ensure!(*byte == mark(page), "page {page} changed");
        *byte = 0;
    }
    Ok(())
}

fn comparison_finds_differences(_: &mut Memory) -> TestResult {
    // Expected output, output, and the line that differs.
    let cases: [(&str, &str, Option<usize>); 9] = [
        ("", "", None),
        ("one\ntwo\n", "one\ntwo\n", None),
        ("one\ntwo\n", "one\ntwx\n", Some(2)),
        ("one\ntwo\n", "one\ntwo", Some(2)),
        ("one\ntwo\n", "one\n", Some(2)),
        ("one\ntwo\n", "", Some(1)),
        ("one\n", "one\ntwo\n", Some(2)),
        ("", "x", Some(1)),
        ("one\ntwo\none\n", "one\nabc\none\n", Some(2)),
    ];
    for (expected, output, line) in cases {
        for piece in [1, 2, 3, 100] {
            let mut comparison = Comparison::new(expected.as_bytes());
            for bytes in output.as_bytes().chunks(piece) {
                comparison.feed(bytes);
            }
            let found = comparison
                .finish()
                .err()
                .map(|difference| difference.line_number());
            ensure!(
                found == line,
                "{expected:?} and {output:?} in pieces of {piece}: \
                 expected a difference in line {line:?}, found {found:?}"
            );
        }
    }
    Ok(())
}

fn programs_are_distinct_and_not_empty(_: &mut Memory) -> TestResult {
    for (index, program) in PROGRAMS.iter().enumerate() {
        let path = program.path;
        ensure!(!program.source.is_empty(), "{path}: no source");
        ensure!(
            !program.expected.is_empty(),
            "{path}: a program that prints nothing checks nothing"
        );
        ensure!(
            PROGRAMS[..index].iter().all(|other| other.path != path),
            "{path}: listed twice"
        );
    }
    Ok(())
}
