//! The Lua programs of `tests/corpus` and `tests/bench`, with their expected output.
//!
//! Read from the folders at run time: a new program is tested without being listed.
//! Called by every test that is driven by data.

use std::fs;
use std::path::{Path, PathBuf};

/// One run of a program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its folder; programs run there, so that messages name the chunk by its file name.
    pub folder: PathBuf,
    /// File name.
    pub file: String,
    /// Arguments.
    pub arguments: Vec<String>,
    /// What it must print.
    pub expected: Vec<u8>,
}

impl Program {
    /// Its text.
    pub fn source(&self) -> Vec<u8> {
        read(&self.folder.join(&self.file))
    }

    /// Does its text contain `word`?
    pub fn mentions(&self, word: &str) -> bool {
        String::from_utf8_lossy(&self.source()).contains(word)
    }
}

/// The folder of this package.
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn corpus_program(file: &str) -> Program {
    let folder = folder().join("corpus");
    let expected = read(&folder.join(file).with_extension("expected"));
    Program {
        folder,
        file: file.to_owned(),
        arguments: Vec::new(),
        expected,
    }
}

/// Every program of the corpus, sorted by name.
pub fn corpus() -> Vec<Program> {
    let folder = folder().join("corpus");
    let mut files: Vec<String> = fs::read_dir(&folder)
        .expect("the corpus folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".lua"))
        .collect();
    files.sort();
    assert!(files.len() >= 50, "only {} programs found", files.len());
    files.iter().map(|file| corpus_program(file)).collect()
}

/// The programs that a list in the corpus folder names, a line each.
pub fn listed(list: &str) -> Vec<Program> {
    let text = String::from_utf8(read(&folder().join("corpus").join(list))).expect("UTF-8");
    let lines = text.lines().map(str::trim);
    let files = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let programs: Vec<Program> = files.map(corpus_program).collect();
    assert!(!programs.is_empty(), "{list} names no program");
    programs
}

/// The benchmark programs with their small arguments.
pub fn benchmarks() -> Vec<Program> {
    let bench = folder().join("bench");
    let sizes = String::from_utf8(read(&bench.join("sizes.txt"))).expect("UTF-8");
    let mut programs = Vec::new();
    for line in sizes.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let (Some(name), Some(small)) = (words.next(), words.next()) else {
            continue;
        };
        programs.push(Program {
            folder: bench.clone(),
            file: format!("{name}.lua"),
            arguments: vec![small.to_owned()],
            expected: read(&bench.join("expected").join(format!("{name}.small.txt"))),
        });
    }
    assert!(programs.len() >= 30, "only {} benchmarks", programs.len());
    programs
}

/// Runs `check` on every program and fails with all that went wrong at the end.
pub fn check_all(programs: &[Program], mut check: impl FnMut(&Program) -> Result<(), String>) {
    let failures: Vec<String> = programs
        .iter()
        .filter_map(|p| check(p).err().map(|e| format!("{}: {e}", p.file)))
        .collect();
    assert!(
        failures.is_empty(),
        "{} of {} programs failed:\n{}",
        failures.len(),
        programs.len(),
        failures.join("\n")
    );
}

/// Compares outputs; the error shows the first line that differs.
pub fn same(expected: &[u8], found: &[u8]) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let lines = |bytes: &[u8]| -> Vec<String> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.split('\n').map(str::to_owned).collect()
    };
    let (expected, found) = (lines(expected), lines(found));
    let at = expected.iter().zip(&found).position(|(a, b)| a != b);
    let at = at.unwrap_or(expected.len().min(found.len()));
    let shown = |lines: &[String]| match lines.get(at) {
        Some(line) => format!("{line:?}"),
        None => "the end".to_owned(),
    };
    Err(format!(
        "line {}: expected {}, found {}",
        at + 1,
        shown(&expected),
        shown(&found)
    ))
}
