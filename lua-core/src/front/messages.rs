//! Syntax errors and the short form of chunk names, in the reference's words.
//!
//! Everything here is off the fast path. A message is assembled in a buffer of
//! the lexer, then interned; when there is no memory for it the error becomes
//! `NoMemory`. Called by the lexer, the grammar and, for `chunk_id`, by the
//! makers of runtime errors.

use super::CompileError;
use super::lexer::Lexer;
use super::token::Token;

/// Length of chunk ids in syntax errors, with C's terminating NUL counted, as
/// the reference has it (runtime errors use 60).
const SYNTAX_ID_SIZE: usize = 80;

/// First byte of a chunk that the reference has compiled.
pub(super) const PRECOMPILED: u8 = 0x1B;
/// Length of such a chunk's header.
const HEADER_SIZE: usize = 12;

/// A piece of a message.
#[derive(Clone, Copy)]
pub(super) enum Part<'a> {
    Text(&'a [u8]),
    Number(u32),
}

/// What the message says the error is near.
#[derive(Clone, Copy)]
pub(super) enum Near {
    /// Nothing is said.
    Nowhere,
    /// The given token; names, numbers and strings show their source text.
    Token(Token),
    /// The text of the token that is being read.
    Text,
}

/// Writes the display form of a chunk name (`=name`, `@file` or source text)
/// for a runtime error and returns its length, at most 59.
pub fn chunk_id(source: &[u8], out: &mut [u8; 60]) -> usize {
    chunk_id_into(source, out)
}

/// The same for any buffer of at least 20 bytes; one byte always stays free,
/// where the reference keeps its NUL.
fn chunk_id_into(source: &[u8], out: &mut [u8]) -> usize {
    let until_nul = source.iter().position(|&b| b == 0).unwrap_or(source.len());
    let source = source.get(..until_nul).unwrap_or(source);
    let mut line = Line { out, len: 0 };
    let size = line.out.len();
    match source.first() {
        Some(b'=') => line.add(&source[1..]),
        Some(b'@') => {
            let file = &source[1..];
            let room = size.saturating_sub(8);
            if file.len() > room {
                line.add(b"...");
                line.add(&file[file.len() - room..]);
            } else {
                line.add(file);
            }
        }
        _ => {
            let line_end = source.iter().position(|&b| b == b'\n' || b == b'\r');
            let shown = line_end
                .unwrap_or(source.len())
                .min(size.saturating_sub(17));
            line.add(b"[string \"");
            line.add(&source[..shown]);
            if shown < source.len() {
                line.add(b"...");
            }
            line.add(b"\"]");
        }
    }
    line.len
}

/// A bounded line of text: what doesn't fit is cut.
struct Line<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Line<'_> {
    fn add(&mut self, bytes: &[u8]) {
        let room = self.out.len().saturating_sub(1).saturating_sub(self.len);
        let n = bytes.len().min(room);
        self.out[self.len..self.len + n].copy_from_slice(&bytes[..n]);
        self.len += n;
    }
}

impl Lexer<'_> {
    /// The error `chunk:line: parts`, with ` near '...'` as asked.
    #[cold]
    #[inline(never)]
    pub(super) fn error(&mut self, parts: &[Part<'_>], near: Near) -> CompileError {
        match self.build_message(parts, near) {
            Ok(error) | Err(error) => error,
        }
    }

    /// The error `text near current token`.
    #[cold]
    #[inline(never)]
    pub(super) fn syntax_error(&mut self, text: &[u8]) -> CompileError {
        let near = Near::Token(self.token);
        self.error(&[Part::Text(text)], near)
    }

    /// The error `'token' expected near current token`.
    #[cold]
    #[inline(never)]
    pub(super) fn expected(&mut self, token: Token) -> CompileError {
        let mut byte = [0u8; 10];
        let spelled = spell(token, &mut byte);
        let near = Near::Token(self.token);
        self.error(
            &[
                Part::Text(b"'"),
                Part::Text(spelled),
                Part::Text(b"' expected"),
            ],
            near,
        )
    }

    /// The error for a bracket or block that was opened on another line.
    #[cold]
    #[inline(never)]
    pub(super) fn expected_to_close(
        &mut self,
        what: Token,
        opened_by: Token,
        line: u32,
    ) -> CompileError {
        if line == self.line {
            return self.expected(what);
        }
        let (mut byte, mut opener_byte) = ([0u8; 10], [0u8; 10]);
        let closer = spell(what, &mut byte);
        let opener = spell(opened_by, &mut opener_byte);
        let near = Near::Token(self.token);
        self.error(
            &[
                Part::Text(b"'"),
                Part::Text(closer),
                Part::Text(b"' expected (to close '"),
                Part::Text(opener),
                Part::Text(b"' at line "),
                Part::Number(line),
                Part::Text(b")"),
            ],
            near,
        )
    }

    /// The error for a precompiled chunk, which this implementation doesn't
    /// load: that of a header that isn't understood.
    #[cold]
    pub(super) fn precompiled(&mut self) -> CompileError {
        match self.build_precompiled() {
            Ok(error) | Err(error) => error,
        }
    }

    fn build_precompiled(&mut self) -> Result<CompileError, CompileError> {
        let name = match self.rt.str_bytes(self.chunk_name) {
            [b'@' | b'=', name @ ..] => name,
            [PRECOMPILED, ..] => b"binary string",
            name => name,
        };
        let text: &[u8] = if self.source.len() < HEADER_SIZE {
            b": unexpected end in precompiled chunk"
        } else {
            b": bad header in precompiled chunk"
        };
        self.message.truncate(0);
        self.message.extend(self.rt, name)?;
        self.message.extend(self.rt, text)?;
        Ok(CompileError::Syntax(self.rt.intern(&self.message)?))
    }

    /// `Ok` carries the finished error, `Err` that there was no memory for it:
    /// both are the error to report.
    fn build_message(
        &mut self,
        parts: &[Part<'_>],
        near: Near,
    ) -> Result<CompileError, CompileError> {
        let mut id = [0u8; SYNTAX_ID_SIZE];
        let id_len = chunk_id_into(self.rt.str_bytes(self.chunk_name), &mut id);
        self.message.truncate(0);
        self.message.extend(self.rt, &id[..id_len])?;
        self.message.extend(self.rt, b":")?;
        self.add_number(self.line)?;
        self.message.extend(self.rt, b": ")?;
        for part in parts {
            match *part {
                Part::Text(text) => self.message.extend(self.rt, text)?,
                Part::Number(n) => self.add_number(n)?,
            }
        }
        match near {
            // The reference takes a NUL, token number 0, for "no token".
            Near::Nowhere | Near::Token(Token::Byte(0)) => {}
            Near::Text => self.add_near_text()?,
            Near::Token(Token::Name(_) | Token::Str(_) | Token::Number(_)) => {
                self.add_near_text()?
            }
            Near::Token(token) => {
                let mut byte = [0u8; 10];
                let spelled = spell(token, &mut byte);
                self.message.extend(self.rt, b" near '")?;
                self.message.extend(self.rt, spelled)?;
                self.message.extend(self.rt, b"'")?;
            }
        }
        Ok(CompileError::Syntax(self.rt.intern(&self.message)?))
    }

    fn add_number(&mut self, n: u32) -> Result<(), CompileError> {
        let mut digits = [0u8; 10];
        let first = decimal(n, &mut digits);
        self.message.extend(self.rt, &digits[first..])?;
        Ok(())
    }

    /// Adds ` near '<text of the token last read>'`. As in the reference, the
    /// text ends at a NUL.
    fn add_near_text(&mut self) -> Result<(), CompileError> {
        self.message.extend(self.rt, b" near '")?;
        let text: &[u8] = if self.text_in_buffer {
            &self.buffer
        } else {
            self.source
                .get(self.text_start..self.text_end)
                .unwrap_or(b"")
        };
        let len = text.iter().position(|&b| b == 0).unwrap_or(text.len());
        self.message.extend(self.rt, &text[..len])?;
        self.message.extend(self.rt, b"'")?;
        Ok(())
    }
}

/// The spelling of a token in an error; `byte` is room for a single one.
fn spell(token: Token, byte: &mut [u8; 10]) -> &[u8] {
    match token {
        Token::Byte(b) if b.is_ascii_control() => {
            byte[..5].copy_from_slice(b"char(");
            let mut digits = [0u8; 10];
            let first = decimal(b as u32, &mut digits);
            let n = digits.len() - first;
            byte[5..5 + n].copy_from_slice(&digits[first..]);
            byte[5 + n] = b')';
            &byte[..6 + n]
        }
        Token::Byte(b) => {
            byte[0] = b;
            &byte[..1]
        }
        Token::Name(_) => b"<name>",
        Token::Str(_) => b"<string>",
        Token::Number(_) => b"<number>",
        _ => token.spelling().unwrap_or(b""),
    }
}

/// Writes `n` at the end of `digits` and returns where it starts.
fn decimal(mut n: u32, digits: &mut [u8; 10]) -> usize {
    let mut i = digits.len();
    loop {
        i -= 1;
        digits[i] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            return i;
        }
    }
}
