//! Completion of names in the console: what is typed is a path through tables, starting
//! at a global, and the last name may go on with the keys that are there.
//!
//! Must never run Lua: it reads tables. Called by the editor of `console`, while no Lua
//! code runs.

use lua_core::heap::Rt;
use lua_core::value::Type;
use rustyline::completion::{Completer, Pair};
use rustyline::{Context, Helper, Highlighter, Hinter, Validator};

const KEYWORDS: [&str; 21] = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in", "local",
    "nil", "not", "or", "repeat", "return", "then", "true", "until", "while",
];

/// Finds names in a VM.
#[derive(Helper, Highlighter, Hinter, Validator)]
pub struct Names {
    rt: Rt,
}

impl Names {
    /// Names of this VM, which outlives the editor.
    pub fn new(rt: Rt) -> Names {
        Names { rt }
    }

    /// Where the last name of `text` starts, and what it may be, in order.
    fn candidates(&self, text: &str) -> (usize, Vec<String>) {
        let is_path = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b':');
        let path_start = text.bytes().rposition(|b| !is_path(b)).map_or(0, |i| i + 1);
        let path = &text[path_start..];
        let separator = path.rfind(['.', ':']);
        let start = path_start + separator.map_or(0, |i| i + 1);
        let typed = &text[start..];
        let only_functions = separator.is_some_and(|i| path.as_bytes().get(i) == Some(&b':'));
        let names: Vec<&[u8]> = match separator {
            Some(i) => path[..i].split(['.', ':']).map(str::as_bytes).collect(),
            None => Vec::new(),
        };
        let mut found: Vec<String> = Vec::new();
        self.rt.visit_names(&names, &mut |name, kind| {
            let Ok(name) = core::str::from_utf8(name) else {
                return;
            };
            let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            let fits = is_name && name.starts_with(typed);
            if fits && (!only_functions || kind == Type::Function) {
                found.push(name.to_owned());
            }
        });
        if separator.is_none() && !typed.is_empty() {
            let words = KEYWORDS.iter().filter(|word| word.starts_with(typed));
            found.extend(words.map(|&word| word.to_owned()));
        }
        found.sort();
        found.dedup();
        (start, found)
    }
}

impl Completer for Names {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, names) = self.candidates(line.get(..position).unwrap_or_default());
        let pairs = names.into_iter().map(|name| Pair {
            display: name.clone(),
            replacement: name,
        });
        Ok((start, pairs.collect()))
    }
}
