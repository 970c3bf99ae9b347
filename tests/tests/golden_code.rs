//! Golden disassembly: what the baseline compiler makes of a dozen small functions
//! (`tests/golden/functions.lua`), each in a file of its own. A change of a stencil shows as a
//! change of the files; with `REGENERATE=1` the test writes them anew, for review.
//!
//! The text has no addresses (`host/src/disassembly.rs`). All functions are compiled when
//! they are made, so that inline caches are empty.
#![cfg(target_arch = "x86_64")]

use moonpatch_tests::command::{command, start};
use std::path::Path;

#[test]
fn functions_become_the_code_that_was_reviewed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let mut dump = command(&["-jdump", "--force", "functions.lua"]);
    let ended = start(dump.current_dir(&folder)).wait();
    assert_eq!(ended.code(), 0, "{}", ended.stderr);
    let mut differing = Vec::new();
    let mut count = 0;
    for text in ended.stderr.split("---- ") {
        // Stubs that were made while it ran aren't looked at.
        let Some(text) = text.strip_prefix("functions.lua:") else {
            continue;
        };
        let (title, code) = text.split_once('\n').expect("a title");
        // The main chunk has none.
        let Some((_, name)) = title.split_once(' ') else {
            continue;
        };
        count += 1;
        let file = folder.join(name).with_extension("txt");
        if std::env::var_os("REGENERATE").is_some() {
            std::fs::write(&file, code).expect("a golden file");
        } else if std::fs::read_to_string(&file).ok().as_deref() != Some(code) {
            differing.push(format!("{name}, is now:\n{code}"));
        }
    }
    assert_eq!(count, 12);
    let all = differing.join("\n");
    assert!(differing.is_empty(), "{} differ: {all}", differing.len());
}
