//! Embeds the Lua programs that the kernel runs, with the output expected of each.
//!
//! The list is `tests/corpus/bare-metal.txt`: one program a line, a path from
//! the corpus folder, then arguments; `@large` says that it needs more than a small
//! region; `#` starts a comment. What a program is
//! expected to print is in
//! - `tests/corpus/<name>.expected` for `<name>.lua`, and
//! - `tests/bench/expected/<name>.small.txt` for `../bench/<name>.lua`.
//!
//! A file that is missing ends the build: a kernel that quietly ran fewer
//! programs would look like one that passed them.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Rust source of the `PROGRAMS` table, from the corpus folder's list; see
/// `src/programs.rs` for its type.
pub fn table(corpus: &Path) -> String {
    program_table(corpus, &read_list(&corpus.join("bare-metal.txt")))
}

/// The lines of the list that name a program.
fn read_list(list: &Path) -> Vec<String> {
    println!("cargo:rerun-if-changed={}", list.display());
    let text = match fs::read_to_string(list) {
        Ok(text) => text,
        Err(error) => panic!("the list of programs, {}: {error}", list.display()),
    };
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The table of the programs on these lines.
fn program_table(corpus: &Path, lines: &[String]) -> String {
    let mut table = String::from("/// The programs, in the order of the list.\n");
    table.push_str("pub static PROGRAMS: &[Program] = &[\n");
    for line in lines {
        let mut words = line.split_whitespace();
        let path = words.next().expect("empty lines are dropped");
        let (marks, arguments): (Vec<&str>, Vec<&str>) = words.partition(|w| w.starts_with('@'));
        assert!(
            marks.iter().all(|&mark| mark == "@large"),
            "bare-metal.txt: `{line}`"
        );
        let small = marks.is_empty();
        let source = present(corpus.join(path), line);
        let expected = present(expected_path(corpus, path), line);
        writeln!(
            table,
            "    Program {{ path: {path:?}, arguments: &{arguments:?}, small: {small}, \
             source: include_bytes!({source:?}), expected: include_bytes!({expected:?}) }},",
        )
        .expect("writing to a string");
    }
    table.push_str("];\n");
    table
}

/// Where the expected output of the program at `path` is kept.
fn expected_path(corpus: &Path, path: &str) -> PathBuf {
    let stem = path.strip_suffix(".lua").unwrap_or(path);
    match stem.strip_prefix("../bench/") {
        Some(name) => corpus.join(format!("../bench/expected/{name}.small.txt")),
        None => corpus.join(format!("{stem}.expected")),
    }
}

/// `path`, after making sure that it is there.
fn present(path: PathBuf, line: &str) -> PathBuf {
    println!("cargo:rerun-if-changed={}", path.display());
    match path.canonicalize() {
        Ok(path) => path,
        Err(error) => panic!("bare-metal.txt: `{line}`: {}: {error}", path.display()),
    }
}
