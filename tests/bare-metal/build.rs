//! Tells the linker where the kernel lies, and embeds the Lua programs that it
//! runs, with the output expected of each.
//!
//! The list is `tests/corpus/bare-metal.txt`: one program a line, a path from
//! the corpus folder, then arguments; `#` starts a comment. What a program is
//! expected to print is in
//! - `tests/corpus/<name>.expected` for `<name>.lua`, and
//! - `tests/bench/expected/<name>.small.txt` for `../bench/<name>.lua`.
//!
//! A file that is missing ends the build: a kernel that quietly ran fewer
//! programs would look like one that passed them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    // `.cargo/config.toml` counts only for a cargo that is started in this
    // folder; without it the image would be linked for the wrong place.
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    assert!(
        flags.contains("code-model=kernel") && flags.contains("relocation-model=static"),
        "the kernel's compiler flags are missing: start cargo in tests/bare-metal, without RUSTFLAGS",
    );

    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));

    let script = here.join("kernel.ld");
    println!("cargo:rerun-if-changed={}", script.display());
    println!("cargo:rustc-link-arg-bins=-T{}", script.display());

    let corpus = here.join("../corpus");
    let list = corpus.join("bare-metal.txt");
    let table = program_table(&corpus, &read_list(&list));
    fs::write(out.join("programs.rs"), table).expect("OUT_DIR is writable");
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

/// Rust source of the `PROGRAMS` table; see `src/programs.rs` for its type.
fn program_table(corpus: &Path, lines: &[String]) -> String {
    let mut table = String::from("/// The programs, in the order of the list.\n");
    table.push_str("pub static PROGRAMS: &[Program] = &[\n");
    for line in lines {
        let mut words = line.split_whitespace();
        let path = words.next().expect("empty lines are dropped");
        let arguments: Vec<&str> = words.collect();
        let source = present(corpus.join(path), line);
        let expected = present(expected_path(corpus, path), line);
        writeln!(
            table,
            "    Program {{ path: {path:?}, arguments: &{arguments:?}, \
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
