//! Makes a program that shows a difference small: takes statements out, and blocks
//! from around statements, as long as the difference stays.
//!
//! Knows no Lua: an edit that makes the program invalid makes both engines complain
//! alike, so the difference is gone and the edit is not kept. Called by `main`.

use crate::engines::{self, Engine, Folder};
use crate::tree::{self, Edit, Node};
use std::io;

/// How many runs a reduction may take.
const ATTEMPTS: usize = 1500;

/// The program's smallest text found on which `suspect` and `reference` differ.
///
/// # Errors
/// Those of running the engines.
pub fn reduce(
    reference: &Engine,
    suspect: &Engine,
    folder: &Folder,
    number: u64,
    nodes: &[Node],
) -> io::Result<String> {
    let count = tree::size(nodes);
    let mut edits = vec![Edit::Keep; count];
    let mut attempts = 0;
    let mut differs = |edits: &[Edit]| -> io::Result<bool> {
        attempts += 1;
        if attempts > ATTEMPTS {
            return Ok(false);
        }
        let text = single(number, nodes, edits);
        let expected = engines::run(reference, folder, &text)?;
        // A reduced program must still be one that the reference runs to its end.
        if expected.status == "timeout" || !expected.complaint.is_empty() {
            return Ok(false);
        }
        Ok(expected != engines::run(suspect, folder, &text)?)
    };
    loop {
        let before = edits.clone();
        let mut chunk = count.div_ceil(2);
        while chunk > 0 {
            let mut at = 0;
            while at < count {
                let end = (at + chunk).min(count);
                if edits.iter().take(end).skip(at).any(|e| *e != Edit::Remove) {
                    let mut tried = edits.clone();
                    tried[at..end].fill(Edit::Remove);
                    if differs(&tried)? {
                        edits = tried;
                    }
                }
                at = end;
            }
            chunk /= 2;
        }
        for at in 0..count {
            if edits[at] == Edit::Keep {
                let mut tried = edits.clone();
                tried[at] = Edit::Unwrap;
                if tree::text(nodes, &tried) != tree::text(nodes, &edits) && differs(&tried)? {
                    edits = tried;
                }
            }
        }
        if edits == before {
            return Ok(engines::case_text(number, nodes, &edits));
        }
    }
}

fn single(number: u64, nodes: &[Node], edits: &[Edit]) -> String {
    let mut text = engines::file_text(&[]);
    text.push_str(&engines::case_text(number, nodes, edits));
    text
}
