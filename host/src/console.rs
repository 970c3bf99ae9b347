//! The interactive mode: reads chunks, perhaps over several lines, runs them and prints
//! what they give.
//!
//! On a terminal lines are edited, with history and completion (`rustyline`); else they
//! are read as they are, after the same prompts, as `lua` does. Ctrl-C ends the chunk that
//! runs, or the line being typed, never the console. Called by `session`.

use crate::completion::Names;
use crate::interrupt;
use crate::output::Output;
use crate::report;
use crate::session::SessionError;
use crate::system::Host;
use lua_core::system::{FileId, System};
use lua_core::{Vm, VmError};
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{Config, Editor};
use std::io::IsTerminal;
use std::path::PathBuf;

/// Name of the history's file in the home folder.
const HISTORY: &str = ".moonpatch_history";
const HISTORY_LINES: usize = 1000;

/// What a request for a line gave.
enum Line {
    Text(Vec<u8>),
    /// Ctrl-C.
    Dropped,
    End,
}

/// Where lines come from.
enum Source {
    Terminal(Box<Editor<Names, DefaultHistory>>),
    Plain,
}

/// A console for one VM.
pub struct Console<'a> {
    output: &'a Output,
    host: &'a Host,
    source: Source,
}

impl<'a> Console<'a> {
    /// Reads the history if standard input is a terminal.
    pub fn new(vm: &Vm, output: &'a Output, host: &'a Host) -> Console<'a> {
        let source = if std::io::stdin().is_terminal() {
            edited(vm).map_or(Source::Plain, |editor| Source::Terminal(Box::new(editor)))
        } else {
            Source::Plain
        };
        Console {
            output,
            host,
            source,
        }
    }

    /// Runs chunks until the input ends or the program asks to exit.
    pub fn run(&mut self, vm: &mut Vm) {
        while let Some(ended) = self.chunk(vm) {
            if self.host.exit_asked().is_some() {
                break;
            }
            if let Err(error) = ended {
                match SessionError::of_lua(vm, error) {
                    SessionError::Nil => {}
                    error => {
                        let text = report::text(&error);
                        self.output.complain(&[text.as_slice(), b"\n"].concat());
                    }
                }
            }
            interrupt::renew();
        }
        if self.host.exit_asked().is_none() {
            let _ = self.output.write(b"\n");
        }
        if let (Source::Terminal(editor), Some(file)) = (&mut self.source, history()) {
            // Without a home there is no history.
            let _ = editor.save_history(&file);
        }
    }

    /// Reads a chunk and runs it as soon as it is one; `None` at the end of the input,
    /// also within a chunk.
    fn chunk(&mut self, vm: &mut Vm) -> Option<Result<(), VmError>> {
        let mut chunk: Vec<u8> = Vec::new();
        let mut is_first = true;
        loop {
            let prompt = prompt(vm, is_first);
            match self.line(&prompt) {
                Line::Text(line) if is_first => match line.split_first() {
                    Some((b'=', rest)) => chunk = [b"return ", rest].concat(),
                    _ => chunk = line,
                },
                Line::Text(line) => {
                    chunk.push(b'\n');
                    chunk.extend_from_slice(&line);
                }
                Line::Dropped => {
                    chunk.clear();
                    is_first = true;
                    continue;
                }
                Line::End => return None,
            }
            is_first = false;
            let ended = vm.run_printing(&chunk, b"=stdin");
            let incomplete = ended == Err(VmError::Syntax)
                && vm.message().is_some_and(|m| m.ends_with(b"'<eof>'"));
            if !incomplete {
                self.remember(&chunk);
                return Some(ended);
            }
        }
    }

    fn remember(&mut self, chunk: &[u8]) {
        if let Source::Terminal(editor) = &mut self.source {
            // A line that can't be kept isn't worth a message.
            let _ = editor.add_history_entry(String::from_utf8_lossy(chunk));
        }
    }

    fn line(&mut self, prompt: &[u8]) -> Line {
        if let Source::Terminal(_) = self.source {
            self.output.end_line();
        }
        // What was printed comes before the prompt.
        let _ = self.output.flush();
        match &mut self.source {
            Source::Terminal(editor) => match editor.readline(&*String::from_utf8_lossy(prompt)) {
                Ok(line) => Line::Text(line.into_bytes()),
                Err(ReadlineError::Interrupted) => Line::Dropped,
                Err(_) => Line::End,
            },
            Source::Plain => {
                let _ = self.output.write(prompt);
                let _ = self.output.flush();
                plain_line(self.host)
            }
        }
    }
}

/// A line of standard input, through the buffer that `io.read` uses as well.
fn plain_line(host: &Host) -> Line {
    let mut line = Vec::new();
    loop {
        let mut more = true;
        let mut is_end = false;
        let read = host.read(FileId::INPUT, &mut |bytes| {
            let end = bytes.iter().position(|&b| b == b'\n');
            line.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
            more = end.is_none() && !bytes.is_empty();
            is_end = bytes.is_empty();
            end.map_or(bytes.len(), |end| end + 1)
        });
        if read.is_err() || (is_end && line.is_empty()) {
            return Line::End;
        }
        if !more {
            return Line::Text(line);
        }
    }
}

fn prompt(vm: &Vm, is_first: bool) -> Vec<u8> {
    let (name, mut text) = if is_first {
        (&b"_PROMPT"[..], b"> ".to_vec())
    } else {
        (&b"_PROMPT2"[..], b">> ".to_vec())
    };
    vm.rt().global_text(name, &mut |t| text = t.to_vec());
    text
}

fn history() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(PathBuf::from(home).join(HISTORY))
}

/// An editor for lines, with the history of earlier sessions.
fn edited(vm: &Vm) -> Option<Editor<Names, DefaultHistory>> {
    let config = Config::builder().max_history_size(HISTORY_LINES).ok()?;
    let config = config
        .completion_type(rustyline::CompletionType::List)
        .auto_add_history(false)
        .build();
    let mut editor = Editor::with_config(config).ok()?;
    editor.set_helper(Some(Names::new(vm.rt())));
    if let Some(file) = history() {
        // There may be none yet.
        let _ = editor.load_history(&file);
    }
    Some(editor)
}
