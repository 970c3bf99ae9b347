//! Compares a program's output with the expected one while it is written.
//!
//! Nothing is stored but the first line that differs, so that no allocation
//! happens while Lua runs. Called by `corpus`; checked by `selftest`.

use core::fmt;

/// Bytes of a differing line that are kept and shown.
const SHOWN: usize = 160;

/// An output on its way in, compared so far.
pub struct Comparison<'a> {
    expected: &'a [u8],
    /// Bytes that agreed.
    agreed: usize,
    /// Bytes that came in.
    seen: usize,
    /// The output's line in which the first difference is.
    line: [u8; SHOWN],
    line_len: usize,
    line_ended: bool,
}

/// Where an output first differs from the expected one.
#[derive(Clone, Copy)]
pub struct Difference<'a> {
    line_number: usize,
    expected: &'a [u8],
    found: &'a [u8],
    ended: bool,
}

impl<'a> Comparison<'a> {
    /// A comparison with `expected`, before any output.
    pub fn new(expected: &'a [u8]) -> Self {
        Self {
            expected,
            agreed: 0,
            seen: 0,
            line: [0; SHOWN],
            line_len: 0,
            line_ended: false,
        }
    }

    /// Takes the next bytes of the output.
    pub fn feed(&mut self, bytes: &[u8]) {
        let rest = if self.agreed == self.seen {
            let agreeing = bytes
                .iter()
                .zip(&self.expected[self.agreed..])
                .take_while(|(found, expected)| found == expected)
                .count();
            self.agreed += agreeing;
            &bytes[agreeing..]
        } else {
            bytes
        };
        self.seen += bytes.len();
        if !rest.is_empty() {
            if self.line_len == 0 && !self.line_ended {
                self.start_line();
            }
            self.extend_line(rest);
        }
    }

    /// Puts the part of the differing line that agreed into `line`.
    fn start_line(&mut self) {
        let expected = self.expected;
        self.extend_line(&expected[self.line_start()..self.agreed]);
    }

    fn extend_line(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if self.line_ended || self.line_len == SHOWN {
                return;
            }
            if *byte == b'\n' {
                self.line_ended = true;
                return;
            }
            self.line[self.line_len] = *byte;
            self.line_len += 1;
        }
    }

    /// Where the line that holds the first difference starts.
    fn line_start(&self) -> usize {
        let before = &self.expected[..self.agreed];
        before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |newline| newline + 1)
    }

    /// The verdict, after all the output has come in.
    ///
    /// # Errors
    /// The first difference, if there is one.
    pub fn finish(&mut self) -> Result<(), Difference<'_>> {
        if self.agreed == self.seen {
            if self.agreed == self.expected.len() {
                return Ok(());
            }
            // The output is short of something.
            self.start_line();
        }
        let start = self.line_start();
        let expected = &self.expected[start..];
        let expected = expected.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
        let newlines = self.expected[..start]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        Err(Difference {
            line_number: newlines + 1,
            expected: &expected[..expected.len().min(SHOWN)],
            found: &self.line[..self.line_len],
            ended: self.agreed == self.seen,
        })
    }
}

impl Difference<'_> {
    /// The number of the line that differs, from 1.
    pub fn line_number(&self) -> usize {
        self.line_number
    }
}

impl fmt::Display for Difference<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line_number,
            expected,
            found,
            ended,
        } = self;
        write!(
            f,
            "output differs in line {line_number}: expected `{}`, found `{}`{}",
            expected.escape_ascii(),
            found.escape_ascii(),
            if *ended { " and no more" } else { "" }
        )
    }
}
