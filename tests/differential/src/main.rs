//! A differential fuzzer: random Lua programs, run by the reference interpreter and by
//! every engine, outputs compared.
//!
//! Programs are valid, end, and show values whenever they can (`generate`); each runs
//! its functions many times, so that inline caches are warm when things change, and
//! each runs twice. Fifty go into one file. When the outputs of a file differ, the
//! program at the first difference is run alone, reduced (`reduce`) and printed with
//! the seed and number that make it again. Exit status: 0 no difference, 1 differences,
//! 2 it couldn't run.
//!
//!     cargo build --release -p moonpatch
//!     cargo run --release --manifest-path tests/differential/Cargo.toml -- --count 5000 --seed 1
//!
//! `--extra-checks PATH` adds a build with that feature, which collects garbage at
//! every allocation, on some of the batches. It must never depend on time, addresses or
//! an order that Lua leaves open; the same seed and count run the same programs.

mod engines;
mod generate;
mod random;
mod reduce;
mod tree;

use engines::{Engine, Folder};
use random::Random;
use std::io;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tree::Node;

const USAGE: &str = "\
usage: differential [options]
  --seed N             which sequence of programs (1)
  --first N            number of the first program (0)
  --count N            how many programs (5000; without limit if --seconds is given)
  --seconds N          stop after this time
  --batch N            programs per file (50)
  --moonpatch PATH     the binary under test (target/release/moonpatch)
  --extra-checks PATH  a build with the feature extra-checks, for --collect-always
  --reference PATH     the reference interpreter (lua5.1)
  --differences N      stop after so many (10)
  --show N             print program N and end";

#[derive(Debug)]
struct Options {
    seed: u64,
    first: u64,
    count: Option<u64>,
    seconds: Option<u64>,
    batch: u64,
    moonpatch: String,
    extra_checks: Option<String>,
    reference: String,
    differences: u64,
    show: Option<u64>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Option<Options> {
        let mut o = Options {
            seed: 1,
            first: 0,
            count: None,
            seconds: None,
            batch: 50,
            moonpatch: "target/release/moonpatch".to_string(),
            extra_checks: None,
            reference: "lua5.1".to_string(),
            differences: 10,
            show: None,
        };
        while let Some(option) = arguments.next() {
            let value = arguments.next()?;
            match option.as_str() {
                "--seed" => o.seed = value.parse().ok()?,
                "--first" => o.first = value.parse().ok()?,
                "--count" => o.count = Some(value.parse().ok()?),
                "--seconds" => o.seconds = Some(value.parse().ok()?),
                "--batch" => o.batch = value.parse().ok().filter(|n| *n > 0)?,
                "--moonpatch" => o.moonpatch = absolute(&value)?,
                "--extra-checks" => o.extra_checks = Some(absolute(&value)?),
                "--reference" => o.reference = value,
                "--differences" => o.differences = value.parse().ok()?,
                "--show" => o.show = Some(value.parse().ok()?),
                _ => return None,
            }
        }
        o.moonpatch = absolute(&o.moonpatch)?;
        if o.count.is_none() && o.seconds.is_none() {
            o.count = Some(5000);
        }
        Some(o)
    }

    fn engines(&self) -> Vec<Engine> {
        let engine = |name: &str, path: &str, options: &[&str], every, programs| Engine {
            name: name.to_string(),
            command: std::iter::once(path)
                .chain(options.iter().copied())
                .map(str::to_string)
                .collect(),
            every,
            programs,
        };
        let mut all = vec![
            engine(
                "portable",
                &self.moonpatch,
                &["--engine=portable"],
                1,
                usize::MAX,
            ),
            engine(
                "interp",
                &self.moonpatch,
                &["--engine=interp"],
                1,
                usize::MAX,
            ),
            engine(
                "baseline",
                &self.moonpatch,
                &["--engine=baseline"],
                1,
                usize::MAX,
            ),
            engine(
                "baseline forced",
                &self.moonpatch,
                &["--engine=baseline", "--force"],
                1,
                usize::MAX,
            ),
            engine(
                "baseline eager",
                &self.moonpatch,
                &["--engine=baseline", "--eager"],
                1,
                usize::MAX,
            ),
            engine(
                "baseline evicting",
                &self.moonpatch,
                &["--engine=baseline", "--eager", "--evict=5"],
                3,
                usize::MAX,
            ),
            // Little more than the AOT part takes.
            engine(
                "baseline in little memory",
                &self.moonpatch,
                &["--engine=baseline", "--eager", "--code-region=96K"],
                2,
                usize::MAX,
            ),
        ];
        if let Some(path) = &self.extra_checks {
            let always = "--collect-always";
            all.push(engine(
                "portable collecting",
                path,
                &["--engine=portable", always],
                10,
                10,
            ));
            all.push(engine(
                "interp collecting",
                path,
                &["--engine=interp", always],
                5,
                10,
            ));
            all.push(engine(
                "baseline collecting",
                path,
                &["--engine=baseline", "--eager", always],
                5,
                10,
            ));
        }
        all
    }
}

/// Engines run in another folder.
fn absolute(path: &str) -> Option<String> {
    std::path::absolute(path)
        .ok()?
        .into_os_string()
        .into_string()
        .ok()
}

fn generate_batch(o: &Options, first: u64, size: u64) -> Vec<(u64, Vec<Node>)> {
    (first..first + size)
        .map(|n| (n, generate::program(Random::of_program(o.seed, n))))
        .collect()
}

fn file_of(programs: &[(u64, Vec<Node>)]) -> String {
    let borrowed: Vec<(u64, &[Node])> = programs.iter().map(|(n, p)| (*n, p.as_slice())).collect();
    engines::file_text(&borrowed)
}

/// Runs one batch under all engines; the number of differences found.
fn check(
    o: &Options,
    folder: &Folder,
    index: u64,
    programs: &[(u64, Vec<Node>)],
) -> io::Result<u64> {
    let reference = Engine {
        name: "reference".to_string(),
        command: vec![o.reference.clone()],
        every: 1,
        programs: usize::MAX,
    };
    let mut found = 0;
    for engine in o.engines() {
        if !index.is_multiple_of(engine.every) {
            continue;
        }
        // A collection per allocation takes its time.
        let mut rest = programs[..programs.len().min(engine.programs)].to_vec();
        // After a difference the batch is run again without that program.
        loop {
            let text = file_of(&rest);
            let expected = engines::run(&reference, folder, &text)?;
            let got = engines::run(&engine, folder, &text)?;
            if expected.status == "timeout" {
                println!("batch from {}: the reference takes too long", programs[0].0);
                break;
            }
            if !expected.complaint.is_empty() {
                println!("batch from {}: {}", programs[0].0, expected.complaint);
                return Ok(found + 1);
            }
            let Some(number) = engines::first_difference(&expected, &got) else {
                break;
            };
            found += 1;
            report(o, folder, [&reference, &engine], &rest, number, &got)?;
            let before = rest.len();
            rest.retain(|(n, _)| *n != number);
            if rest.len() == before || rest.is_empty() || found >= o.differences {
                break;
            }
        }
    }
    Ok(found)
}

fn report(
    o: &Options,
    folder: &Folder,
    [reference, engine]: [&Engine; 2],
    programs: &[(u64, Vec<Node>)],
    number: u64,
    got: &engines::Outcome,
) -> io::Result<()> {
    println!(
        "== DIFFERENCE seed {} program {number}, {}",
        o.seed, engine.name
    );
    let Some((_, nodes)) = programs.iter().find(|(n, _)| *n == number) else {
        println!(
            "not inside a program of the batch from {}: {}, {}",
            programs[0].0, got.status, got.complaint
        );
        return Ok(());
    };
    let alone = engines::file_text(&[(number, nodes)]);
    let expected = engines::run(reference, folder, &alone)?;
    let got = engines::run(engine, folder, &alone)?;
    if engines::first_difference(&expected, &got).is_none() {
        println!(
            "only together with the programs before it, from {}",
            programs[0].0
        );
        return Ok(());
    }
    let text = reduce::reduce(reference, engine, folder, number, nodes)?;
    println!("{text}");
    // What goes into the checksum, shown.
    let shown = "function mix(h, ...) p('mix', ...) return h + 1 end\n";
    let whole = format!("{}{shown}{text}", engines::file_text(&[]));
    let expected = engines::run(reference, folder, &whole)?;
    let got = engines::run(engine, folder, &whole)?;
    let lines = |o: &engines::Outcome| -> Vec<String> {
        let stdout = String::from_utf8_lossy(&o.stdout);
        let short = stdout.lines().map(|l| l.chars().take(300).collect());
        short
            .chain([o.status.clone(), o.complaint.clone()])
            .collect()
    };
    let (expected, got) = (lines(&expected), lines(&got));
    let same = expected
        .iter()
        .zip(&got)
        .take_while(|(a, b)| a == b)
        .count();
    for (name, lines) in [("expected", &expected), ("got", &got)] {
        for line in lines.iter().skip(same).take(4) {
            println!("{name}, line {}: {line}", same + 1);
        }
    }
    Ok(())
}

fn fuzz(o: &Options) -> io::Result<u64> {
    let folder = Folder::new()?;
    let start = Instant::now();
    let (mut done, mut found, mut index) = (0, 0, 0);
    loop {
        let left = o.count.map_or(u64::MAX, |count| count.saturating_sub(done));
        let late = o
            .seconds
            .is_some_and(|s| start.elapsed() >= Duration::from_secs(s));
        if left == 0 || late || found >= o.differences {
            break;
        }
        let programs = generate_batch(o, o.first + done, o.batch.min(left));
        found += check(o, &folder, index, &programs)?;
        done += programs.len() as u64;
        index += 1;
    }
    println!("seed {}: {done} programs, {found} differences", o.seed);
    Ok(found)
}

fn main() -> ExitCode {
    let Some(options) = Options::parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    if let Some(number) = options.show {
        print!("{}", file_of(&generate_batch(&options, number, 1)));
        return ExitCode::SUCCESS;
    }
    match fuzz(&options) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("differential: {e}");
            ExitCode::from(2)
        }
    }
}
