//! The baseline compiler under conditions in which it has to do more than usual: every
//! function compiled before it runs, or at the first chance; code thrown away all the time;
//! little memory for code; hooks that come and go. Outputs are the expected ones, and the
//! counters tell that it was compiled code that ran.

use lua_core::Engine;
use lua_core::baseline::{BaselineConfig, Refusal};
use lua_core::engine::interp::PREBUILT;
use moonpatch_tests::command::{Ended, check_program, moonpatch, run_text};
use moonpatch_tests::machine::{Machine, Outcome, Setup};
use moonpatch_tests::programs::{self, Program, check_all, same};
use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use stencil_format::Bundle;

/// What `run_corpus` makes of each run, besides comparing its output.
type Prove = fn(&Program, &Ended) -> Result<(), String>;

/// Runs programs with options; gives the sum of a counter over all of them.
fn run_with(programs: &[Program], options: &[&str], counter: &str, prove: Prove) -> u64 {
    let mut sum = 0;
    check_all(programs, |program| {
        let mut command = Command::new(moonpatch());
        command
            .args(["--engine=baseline", "--stats"])
            .args(options)
            .arg(&program.file)
            .args(&program.arguments)
            .current_dir(&program.folder)
            .stdin(Stdio::null());
        let ended = moonpatch_tests::command::start(&mut command).wait();
        let tell = |e: String| format!("{e} ({}; {})", ended.status, ended.stderr.trim());
        same(&program.expected, &ended.stdout).map_err(tell)?;
        if !ended.status.success() {
            return Err(tell("failed".to_owned()));
        }
        ended.prove_engine(Engine::Baseline)?;
        sum += ended.counter(counter);
        prove(program, &ended)
    });
    sum
}

fn everything() -> Vec<Program> {
    [programs::corpus(), programs::benchmarks()].concat()
}

/// Without the program that sees the memory which code made in between takes.
fn without_measures(mut programs: Vec<Program>) -> Vec<Program> {
    programs.retain(|p| p.file != "gc-options.lua");
    programs
}

/// Nothing is refused, and nothing is left to the interpreter, unless a hook asks for it, or
/// code was thrown away because a shape or function in it is dead.
#[test]
fn forced() {
    let options = ["--force", "--count-interpreted"];
    run_with(
        &everything(),
        &options,
        "compiled_functions",
        |program, ended| {
            ended.prove_compiled()?;
            let interpreted = ended.counter("interpreted");
            let may = program.mentions("sethook") || ended.counter("discarded") > 0;
            if interpreted == 0 || may {
                Ok(())
            } else {
                Err(format!("{interpreted} instructions interpreted"))
            }
        },
    );
}

/// The programs use every stencil of the bundle in code that ran (`forced` and
/// `at_the_first_chance` compare their outputs), with caches that are empty and that aren't.
#[test]
fn every_stencil_is_used() {
    let mut used = BTreeSet::new();
    check_all(&without_measures(everything()), |program| {
        for options in [&["--force"][..], &["--eager"], &[]] {
            let mut command = Command::new(moonpatch());
            command
                .args(["--engine=baseline", "-jdump"])
                .args(options)
                .arg(&program.file)
                .args(&program.arguments)
                .current_dir(&program.folder)
                .stdin(Stdio::null());
            let ended = moonpatch_tests::command::start(&mut command).wait();
            // A line that is nothing but a word: a stencil's name, between those of the code.
            let lines = ended.stderr.lines().map(str::trim);
            used.extend(lines.filter(|line| !line.contains(' ')).map(str::to_owned));
        }
        Ok(())
    });
    let bundle = Bundle::parse(PREBUILT).unwrap();
    let unused: Vec<&str> = bundle
        .stencils()
        .map(|stencil| stencil.name())
        .filter(|&name| !used.contains(name))
        .collect();
    assert!(bundle.stencil_count() > 300);
    assert_eq!(unused, [""; 0], "never emitted");
}

/// Compiled in the middle of whatever they do.
#[test]
fn at_the_first_chance() {
    let seen = run_with(
        &without_measures(everything()),
        &["--eager"],
        "seen_compiled",
        |_, ended| {
            match ended.counter("ticks") {
                // No tick, no chance.
                0..=2 => Ok(()),
                _ => ended.prove_compiled(),
            }
        },
    );
    assert!(seen > 1_000_000, "{seen} samples saw compiled code");
}

/// All code is thrown away at every so-manieth tick, and made again.
#[test]
fn thrown_away_all_the_time() {
    let options = ["--eager", "--evict=31"];
    let evicted = run_with(
        &without_measures(programs::corpus()),
        &options,
        "evicted",
        |_, _| Ok(()),
    );
    assert!(evicted > 100_000, "{evicted} evictions");
}

/// 256 KiB are enough for every program; and where they aren't for all of its functions, the
/// others are evicted.
#[test]
fn in_a_small_code_region() {
    let options = ["--force", "--code-region=256K"];
    run_with(&everything(), &options, "evicted", |_, ended| {
        ended.prove_compiled()
    });
    let program = "
        local all, sum = {}, 0
        for i = 1, 2000 do
            all[i] = loadstring('local a, b = ... local t = {x = a} t.y = t.x + b + ' .. i ..
                ' for i = 1, 10 do t[i] = t.y * i end return t[3] - t.x')
        end
        for round = 1, 5 do
            for i = 1, #all do sum = sum + all[i](round, i) end
        end
        print(sum)";
    let expected = run_text(Engine::Portable, &[], program).stdout;
    for mode in ["--force", "--eager"] {
        let options = [mode, "--code-region=256K"];
        let ended = run_text(Engine::Baseline, &options, program);
        assert_eq!(ended.stdout, expected, "{mode}: {}", ended.stderr);
        ended.prove_compiled().unwrap();
        assert!(ended.counter("evicted") > 500, "{mode}: {}", ended.stderr);
    }
}

/// What was sure to be a number and isn't costs a function one compilation more, however
/// often it happens; a NaN is a number.
#[test]
fn sure_numbers_are_forgotten_once() {
    let program = "
        local mt = {}
        local function object() return setmetatable({}, mt) end
        mt.__add, mt.__mul = object, object
        local function make()
            return function(x, n)
                local s, i = x, 0
                while i < n do
                    s = s * 0.5 + i
                    i = i + 1
                end
                return type(s * 2 - s * 2 ~= 0 and 1 or s)
            end
        end
        local f, g = make(), make()
        for k = 1, 20 do io.write(f(0/0, k), g(1/0, k), f(k, k), ' ') end
        for k = 1, TIMES do io.write(f(object(), k), g(k, k), make()(object(), 3), ' ') end";
    for (times, unsure) in [(0, 0), (1, 1), (50, 1)] {
        let program = program.replace("TIMES", &times.to_string());
        let expected = run_text(Engine::Portable, &[], &program);
        let ended = run_text(Engine::Baseline, &["--force"], &program);
        assert_eq!(ended.stdout, expected.stdout, "{}", ended.stderr);
        assert_eq!(ended.counter("unsure"), unsure, "{times} times");
        assert_eq!(ended.counter("interpreted"), 0);
        let ended = run_text(Engine::Baseline, &["--force", "--jit-types=off"], &program);
        assert_eq!(ended.stdout, expected.stdout, "{}", ended.stderr);
        assert_eq!(ended.counter("unsure"), 0);
    }
}

/// A region in which hardly any function has room: the rest is interpreted, and counted.
#[test]
fn in_too_small_a_code_region() {
    let linked = run_text(Engine::Baseline, &[], "").counter("code_bytes");
    let region = format!("--code-region={}", linked + 1500);
    // Each tick tries again, which takes its time.
    let some: Vec<_> = programs::corpus().into_iter().step_by(7).collect();
    check_all(&some, |program| {
        check_program(
            moonpatch(),
            Engine::Baseline,
            &["--eager", &region],
            program,
        )
    });
    let ended = run_text(
        Engine::Baseline,
        &["--eager", &region],
        &format!(
            "local x = 0 for i = 1, 2 do {} end print(x)",
            "x = x + 1 ".repeat(200)
        ),
    );
    assert_eq!(ended.stdout, b"400\n", "{}", ended.stderr);
    assert!(
        !ended.stats().contains("\"code region full\":0"),
        "{}",
        ended.stderr
    );
}

/// Frames of compiled functions go on in the interpreter when a hook is set, and compiled
/// code comes back when it is gone.
#[test]
fn hooks_come_and_go() {
    let program = "
        local counted = 0
        local function count() counted = counted + 1 end
        local T = {} T.__index = function(t, k) return k .. '!' end
        local function work(n, depth)
            local t = setmetatable({n = n}, T)
            if depth > 0 then
                if n % 3 == 0 then debug.sethook(count, '', 10)
                elseif n % 3 == 1 then debug.sethook() end
                return work(n + 1, depth - 1) + t.n
            end
            return #t.name
        end
        local sum = 0
        for i = 1, 300 do
            sum = sum + work(i, i % 9)
            for k, v in pairs({1, 2, x = 3}) do sum = sum + v end
            local co = coroutine.wrap(function(a) while true do a = coroutine.yield(a + 1) end end)
            if i % 2 == 0 then debug.sethook(count, 'crl') end
            sum = sum + co(i) + co(i)
            debug.sethook()
            for j = 1, 50 do sum = sum + j % 7 end
        end
        print(sum, counted > 1000)";
    let expected = run_text(Engine::Portable, &[], program).stdout;
    assert!(expected.ends_with(b"\ttrue\n"));
    for options in [&["--force"][..], &["--eager"], &["--eager", "--evict=3"]] {
        let ended = run_text(Engine::Baseline, options, program);
        assert_eq!(ended.stdout, expected, "{options:?}: {}", ended.stderr);
        ended.prove_compiled().unwrap();
        assert!(ended.counter("seen_compiled") > 0 || options[0] == "--force");
        assert!(ended.counter("discarded") > 100, "{}", ended.stderr);
    }
}

/// Functions, shapes and coroutines are made and dropped: neither memory nor code memory grows.
#[test]
fn what_is_dropped_leaves_nothing() {
    let program = |waves: u32| {
        format!(
            "for wave = 1, {waves} do
                local keep = {{}}
                for i = 1, 40 do
                    local name = 'f' .. wave .. '_' .. i
                    local f = loadstring('local t = {{}} t.' .. name .. ' = 1 local function g(x) ' ..
                        'return x.' .. name .. ' + ' .. i .. ' end local s = 0 ' ..
                        'for i = 1, 30 do s = s + g(t) + g({{' .. name .. ' = i}}) end return s')
                    local co = coroutine.wrap(function() for j = 1, 3 do coroutine.yield(f()) end end)
                    keep[i] = co() + co()
                end
                assert(#keep == 40)
            end
            collectgarbage() collectgarbage()
            collectgarbage('stop')"
        )
    };
    let measure = |waves, mode| {
        let ended = run_text(Engine::Baseline, &[mode], &program(waves));
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        ended.prove_compiled().unwrap();
        assert!(ended.counter("compiled_functions") > 40 * u64::from(waves));
        let used = ended.counter("code_region_bytes") - ended.counter("code_free_bytes");
        (used, ended.counter("bytes_in_use"))
    };
    for mode in ["--force", "--eager"] {
        let (few_code, few_bytes) = measure(20, mode);
        let (code, bytes) = measure(200, mode);
        let told = format!("{mode}: {few_code} to {code} of code, {few_bytes} to {bytes}");
        assert!(code < few_code + (64 << 10), "{told}");
        assert!(bytes < few_bytes + (256 << 10), "{told}");
    }
}

fn run_in_process(config: BaselineConfig, fuel: u64, program: &Program) -> Outcome {
    let mut machine = Machine::new(256 << 20, 1 << 20);
    let setup = Setup {
        baseline: config,
        fuel: Some(fuel),
        ..Setup::new(Engine::Baseline)
    };
    let name = format!("@{}", program.file);
    let arguments: Vec<&[u8]> = program.arguments.iter().map(|a| a.as_bytes()).collect();
    machine.run(&setup, &[(&program.source(), name.as_bytes(), &arguments)])
}

/// However code is compiled, and whenever it is thrown away, ticks are counted alike.
#[test]
fn the_same_ticks() {
    let base = BaselineConfig::default();
    let configs = [
        BaselineConfig {
            force: true,
            ..base
        },
        BaselineConfig {
            threshold: 0,
            sample_every: 1,
            ..base
        },
        BaselineConfig {
            threshold: 0,
            sample_every: 1,
            evict_every: 3,
            ..base
        },
        BaselineConfig {
            threshold: 3,
            sample_every: 7,
            evict_every: 50,
            ..base
        },
    ];
    let chosen = [
        "heapsort.lua",
        "coroutine-ring.lua",
        "inheritance.lua",
        "json.lua",
    ];
    let programs = programs::benchmarks();
    for program in programs
        .iter()
        .filter(|p| chosen.contains(&p.file.as_str()))
    {
        let mut reference = Machine::new(256 << 20, 1 << 20);
        let name = format!("@{}", program.file);
        let arguments: Vec<&[u8]> = program.arguments.iter().map(|a| a.as_bytes()).collect();
        let mut portable = |fuel| {
            let setup = Setup {
                fuel: Some(fuel),
                ..Setup::new(Engine::Portable)
            };
            reference.run(&setup, &[(&program.source(), name.as_bytes(), &arguments)])
        };
        let whole = portable(1 << 40).stats.ticks;
        for fuel in [whole / 7, whole / 2, whole - 1, whole + 1] {
            let expected = portable(fuel);
            for config in configs {
                let found = run_in_process(config, fuel, program);
                let tell = format!("{} with {fuel} of {whole} ticks, {config:?}", program.file);
                assert_eq!(found.result, expected.result, "{tell}");
                assert_eq!(found.stats.ticks, expected.stats.ticks, "{tell}");
                assert!(found.output == expected.output, "{tell}");
                let compiled = found.baseline.expect("counters").functions;
                assert!(compiled > 0, "{tell}");
            }
        }
    }
}

fn chosen(names: &[&str]) -> Vec<Program> {
    let mut programs = everything();
    programs.retain(|p| names.contains(&p.file.as_str()));
    assert_eq!(programs.len(), names.len());
    programs
}

fn arguments(program: &Program) -> Vec<&[u8]> {
    program.arguments.iter().map(|a| a.as_bytes()).collect()
}

/// Functions are compiled after they ran for a while, with what their caches have seen by
/// then, and get everything else afterwards.
#[test]
fn after_a_while() {
    let names = [
        "edge-values.lua",
        "cache-fields.lua",
        "cache-elements.lua",
        "inheritance.lua",
    ];
    for threshold in [1, 4, 64] {
        let setup = Setup {
            baseline: BaselineConfig {
                threshold,
                sample_every: 1,
                ..BaselineConfig::default()
            },
            ..Setup::new(Engine::Baseline)
        };
        check_all(&chosen(&names), |program| {
            let name = format!("@{}", program.file);
            let outcome = Machine::new(256 << 20, 1 << 20).run(
                &setup,
                &[(&program.source(), name.as_bytes(), &arguments(program))],
            );
            assert!(outcome.baseline.expect("counters").functions > 0);
            same(&program.expected, &outcome.output)
        });
    }
}

/// Functions, strings and shapes lie where numbers in instructions are negative: what can't
/// be compiled there is refused for that reason, and no other, and runs all the same.
#[test]
fn above_two_gibibytes() {
    let mut out_of_range = 0;
    let mut names = vec!["edge-values.lua", "cache-fields.lua", "metatable-index.lua"];
    names.extend([
        "richards.lua",
        "json.lua",
        "closure-fib.lua",
        "nbody.lua",
        "upvalue-limits.lua",
    ]);
    for force in [true, false] {
        let setup = Setup {
            ballast: 5 << 29,
            baseline: BaselineConfig {
                force,
                ..BaselineConfig::default()
            },
            ..Setup::new(Engine::Baseline)
        };
        check_all(&chosen(&names), |program| {
            let name = format!("@{}", program.file);
            let outcome = Machine::new(0xFFFF_0000, 1 << 20).run(
                &setup,
                &[(&program.source(), name.as_bytes(), &arguments(program))],
            );
            same(&program.expected, &outcome.output)?;
            let stats = outcome.baseline.expect("counters");
            let all: u64 = stats.refused.iter().sum();
            let refused = stats.refused[Refusal::Range as usize];
            out_of_range += refused;
            if all == refused && (stats.functions + refused > 0 || !force) {
                Ok(())
            } else {
                Err(format!("{stats:?}"))
            }
        });
    }
    assert!(out_of_range > 0, "nothing lay above 2 GiB");
}
