//! Runs a file of programs under an engine, and tells two runs apart.
//!
//! The programs of a file are a batch: functions called one after the other by the
//! prelude's `case`, so that one process serves many. What is compared: the standard
//! output, the exit status, the first line of the standard error. Called by `main` and
//! `reduce`.

use crate::tree::{self, Edit, Node};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A command line that runs a Lua file.
#[derive(Clone, Debug)]
pub struct Engine {
    /// How reports call it.
    pub name: String,
    /// The program and the arguments before the file.
    pub command: Vec<String>,
    /// It takes part in every so manieth batch: slow ones in few.
    pub every: u64,
    /// And with only so many of the batch's programs.
    pub programs: usize,
}

/// What a run left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Exit status, or a word in place of one.
    pub status: String,
    /// First line of standard error, without the program's name.
    pub complaint: String,
}

/// A run that took longer has status `timeout`.
const TIME_LIMIT: Duration = Duration::from_secs(40);

/// A folder for the files of this process, removed at its end.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes it.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn new() -> io::Result<Folder> {
        let path = std::env::temp_dir().join(format!("differential-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing depends on it, and there is nobody to tell.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The text of a file with these programs: their number, their statements.
pub fn file_text(programs: &[(u64, &[Node])]) -> String {
    let mut out = String::from(include_str!("prelude.lua"));
    for (number, nodes) in programs {
        out.push_str(&case_text(*number, nodes, &[]));
    }
    out
}

/// One program as a call of the prelude's `case`.
pub fn case_text(number: u64, nodes: &[Node], edits: &[Edit]) -> String {
    format!(
        "case({number}, function(...)\n{}end)\n",
        tree::text(nodes, edits)
    )
}

/// Runs `text` under `engine`.
///
/// # Errors
/// When the file can't be written or the engine not be started.
pub fn run(engine: &Engine, folder: &Folder, text: &str) -> io::Result<Outcome> {
    let path = |name: &str| folder.path().join(name);
    // The same name for every engine: messages contain it.
    std::fs::write(path("program.lua"), text)?;
    let (program, arguments) = engine
        .command
        .split_first()
        .ok_or(io::ErrorKind::InvalidInput)?;
    let mut child = Command::new(program)
        .args(arguments)
        .arg("program.lua")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(std::fs::File::create(path("stdout"))?)
        .stderr(std::fs::File::create(path("stderr"))?)
        .spawn()
        .map_err(|e| io::Error::new(e.kind(), format!("{program}: {e}")))?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status.to_string();
        }
        if start.elapsed() > TIME_LIMIT {
            child.kill()?;
            child.wait()?;
            break "timeout".to_string();
        }
        let pause = if start.elapsed().as_millis() < 50 {
            1
        } else {
            10
        };
        std::thread::sleep(Duration::from_millis(pause));
    };
    let mut stderr = Vec::new();
    std::fs::File::open(path("stderr"))?
        .take(4096)
        .read_to_end(&mut stderr)?;
    let stderr = String::from_utf8_lossy(&stderr);
    let line = stderr.lines().next().unwrap_or("");
    let complaint = line.split_once(": ").map_or(line, |(_, rest)| rest);
    Ok(Outcome {
        stdout: std::fs::read(path("stdout"))?,
        status,
        complaint: complaint.to_string(),
    })
}

/// The number of the program during which two outputs part, if they do.
pub fn first_difference(expected: &Outcome, got: &Outcome) -> Option<u64> {
    if expected == got {
        return None;
    }
    let mut current = 0;
    let mut other = got.stdout.split(|b| *b == b'\n');
    for line in expected.stdout.split(|b| *b == b'\n') {
        if other.next() != Some(line) {
            break;
        }
        if let Some(number) = line.strip_prefix(b"case ") {
            let digits = String::from_utf8_lossy(number);
            current = digits.parse().unwrap_or(current);
        }
    }
    Some(current)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(stdout: &str) -> Outcome {
        Outcome {
            stdout: stdout.as_bytes().to_vec(),
            status: "0".into(),
            complaint: String::new(),
        }
    }

    #[test]
    fn a_difference_belongs_to_the_case_before_it() {
        let expected = outcome("case 7\n1\ncase 8\n2\n3\n");
        assert_eq!(first_difference(&expected, &expected.clone()), None);
        let got = outcome("case 7\n1\ncase 8\n2\n4\n");
        assert_eq!(first_difference(&expected, &got), Some(8));
        let got = outcome("case 7\n");
        assert_eq!(first_difference(&expected, &got), Some(7));
    }
}
