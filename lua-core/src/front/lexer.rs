//! The lexer: source bytes to tokens, exactly as Lua 5.1 reads them.
//!
//! It runs twice over a chunk (see `mod.rs`), so it keeps no state besides its
//! position. Any byte sequence is legal input: bad ones give a `CompileError`
//! in the reference's words. It never recurses. Called by the grammar files.

use super::CompileError;
use super::messages::{Near, Part};
use super::token::{Token, is_letter, is_name_byte, is_space};
use crate::heap::{Buffer, Rt, StrRef};
use crate::numconv;

/// Reader of one chunk.
pub(super) struct Lexer<'a> {
    pub(super) rt: Rt,
    pub(super) source: &'a [u8],
    pos: usize,
    /// Line of the byte at `pos`.
    pub(super) line: u32,
    /// Line of the token before the current one.
    pub(super) last_line: u32,
    /// The current token.
    pub(super) token: Token,
    ahead: Option<Token>,
    pub(super) chunk_name: StrRef,
    /// Text of a string token whose meaning differs from its source bytes,
    /// with its delimiters.
    pub(super) buffer: Buffer<u8>,
    /// An error message under construction.
    pub(super) message: Buffer<u8>,
    /// Where the text of the last name, number or string is: in `buffer`, or
    /// in `source[text_start..text_end]`.
    pub(super) text_in_buffer: bool,
    pub(super) text_start: usize,
    pub(super) text_end: usize,
}

impl<'a> Lexer<'a> {
    /// A lexer before the first token; call `advance` to read it.
    pub(super) fn new(rt: Rt, source: &'a [u8], chunk_name: StrRef) -> Lexer<'a> {
        let mut lexer = Lexer {
            rt,
            source,
            pos: 0,
            line: 1,
            last_line: 1,
            token: Token::Eof,
            ahead: None,
            chunk_name,
            buffer: Buffer::new(),
            message: Buffer::new(),
            text_in_buffer: false,
            text_start: 0,
            text_end: 0,
        };
        lexer.restart();
        lexer
    }

    /// Gives the buffers back.
    pub(super) fn free(&mut self) {
        self.buffer.free(self.rt);
        self.message.free(self.rt);
    }

    /// Is nothing left behind the token read last?
    pub(super) fn is_at_end(&self) -> bool {
        self.pos >= self.source.len()
    }

    /// Goes back to the start of the source.
    pub(super) fn restart(&mut self) {
        self.pos = 0;
        self.line = 1;
        self.last_line = 1;
        self.token = Token::Eof;
        self.ahead = None;
        // The first line of a *file* may be a `#!` line; in a string it is an
        // error, as in the reference.
        let name = self.rt.str_bytes(self.chunk_name);
        let is_file = name.first() == Some(&b'@') || name == b"=stdin";
        if is_file && self.source.first() == Some(&b'#') {
            let end = self.source.iter().position(|&b| b == b'\n');
            self.pos = end.unwrap_or(self.source.len());
        }
    }

    /// Makes the next token the current one.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<(), CompileError> {
        self.last_line = self.line;
        self.token = match self.ahead.take() {
            Some(token) => token,
            None => self.read()?,
        };
        Ok(())
    }

    /// Reads one token beyond the current one.
    pub(super) fn look_ahead(&mut self) -> Result<Token, CompileError> {
        let token = self.read()?;
        self.ahead = Some(token);
        Ok(token)
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.source.get(self.pos).copied()
    }

    fn at(&self, offset: usize) -> Option<u8> {
        self.source.get(self.pos + offset).copied()
    }

    /// Skips a line end: `\n`, `\r`, or both in either order.
    fn skip_line_end(&mut self) -> Result<(), CompileError> {
        let first = self.peek();
        self.pos += 1;
        if let Some(b @ (b'\n' | b'\r')) = self.peek()
            && Some(b) != first
        {
            self.pos += 1;
        }
        if self.line >= i32::MAX as u32 - 1 {
            return Err(self.syntax_error(b"chunk has too many lines"));
        }
        self.line += 1;
        Ok(())
    }

    /// Consumes `if_next` after the current byte and gives `double`, or gives
    /// the current byte alone.
    fn pair(&mut self, if_next: u8, double: Token) -> Token {
        let first = self.source[self.pos];
        self.pos += 1;
        if self.peek() == Some(if_next) {
            self.pos += 1;
            double
        } else {
            Token::Byte(first)
        }
    }

    /// Reads a token.
    fn read(&mut self) -> Result<Token, CompileError> {
        loop {
            let Some(b) = self.peek() else {
                return Ok(Token::Eof);
            };
            match b {
                b'\n' | b'\r' => self.skip_line_end()?,
                b'-' => {
                    if self.at(1) != Some(b'-') {
                        self.pos += 1;
                        return Ok(Token::Byte(b'-'));
                    }
                    self.skip_comment()?;
                }
                b'[' => {
                    self.text_start = self.pos;
                    match self.long_bracket() {
                        LongBracket::Level(level) => return self.long_string(level, true),
                        LongBracket::Plain => return Ok(Token::Byte(b'[')),
                        LongBracket::Broken => {
                            self.text_in_buffer = false;
                            self.text_end = self.pos;
                            return Err(self.error(
                                &[Part::Text(b"invalid long string delimiter")],
                                Near::Text,
                            ));
                        }
                    }
                }
                b'=' => return Ok(self.pair(b'=', Token::Eq)),
                b'<' => return Ok(self.pair(b'=', Token::Le)),
                b'>' => return Ok(self.pair(b'=', Token::Ge)),
                b'~' => return Ok(self.pair(b'=', Token::Ne)),
                b'"' | b'\'' => return self.string(b),
                b'.' => {
                    if self.at(1) == Some(b'.') {
                        if self.at(2) == Some(b'.') {
                            self.pos += 3;
                            return Ok(Token::Dots);
                        }
                        self.pos += 2;
                        return Ok(Token::Concat);
                    }
                    if self.at(1).is_some_and(|b| b.is_ascii_digit()) {
                        return self.number();
                    }
                    self.pos += 1;
                    return Ok(Token::Byte(b'.'));
                }
                b'0'..=b'9' => return self.number(),
                _ if is_space(b) => self.pos += 1,
                _ if is_letter(b) => return self.name(),
                _ => {
                    self.pos += 1;
                    return Ok(Token::Byte(b));
                }
            }
        }
    }

    /// A name or a reserved word.
    fn name(&mut self) -> Result<Token, CompileError> {
        let start = self.pos;
        self.pos += 1;
        while self.peek().is_some_and(is_name_byte) {
            self.pos += 1;
        }
        let bytes = &self.source[start..self.pos];
        if let Some(token) = Token::reserved(bytes) {
            return Ok(token);
        }
        self.text_in_buffer = false;
        self.text_start = start;
        self.text_end = self.pos;
        Ok(Token::Name(self.rt.intern(bytes)?))
    }

    /// A number: takes what looks like one, then converts all of it or none.
    fn number(&mut self) -> Result<Token, CompileError> {
        let start = self.pos;
        while self.peek().is_some_and(|b| b.is_ascii_digit() || b == b'.') {
            self.pos += 1;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.pos += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.pos += 1;
            }
        }
        while self.peek().is_some_and(is_name_byte) {
            self.pos += 1;
        }
        self.text_in_buffer = false;
        self.text_start = start;
        self.text_end = self.pos;
        match numconv::parse_number(&self.source[start..self.pos]) {
            Some(x) => Ok(Token::Number(x)),
            None => Err(self.error(&[Part::Text(b"malformed number")], Near::Text)),
        }
    }

    /// A comment; the position is at its first dash.
    fn skip_comment(&mut self) -> Result<(), CompileError> {
        self.pos += 2;
        if self.peek() == Some(b'[')
            && let LongBracket::Level(level) = self.long_bracket()
        {
            self.long_string(level, false)?;
            return Ok(());
        }
        while self.peek().is_some_and(|b| b != b'\n' && b != b'\r') {
            self.pos += 1;
        }
        Ok(())
    }

    /// Reads a bracket and the equals signs behind it, as one end of a long
    /// bracket; the second bracket is only looked at.
    fn long_bracket(&mut self) -> LongBracket {
        let bracket = self.peek();
        self.pos += 1;
        let first = self.pos;
        while self.peek() == Some(b'=') {
            self.pos += 1;
        }
        let level = self.pos - first;
        if self.peek() == bracket {
            LongBracket::Level(level)
        } else if level == 0 {
            LongBracket::Plain
        } else {
            LongBracket::Broken
        }
    }

    /// A long string or comment; the position is at its second bracket.
    #[inline(never)]
    fn long_string(&mut self, level: usize, is_string: bool) -> Result<Token, CompileError> {
        let rt = self.rt;
        self.text_in_buffer = true;
        self.buffer.truncate(0);
        if is_string {
            self.buffer
                .extend(rt, &self.source[self.pos - level - 1..=self.pos])?;
        }
        self.pos += 1;
        if matches!(self.peek(), Some(b'\n' | b'\r')) {
            self.skip_line_end()?;
        }
        loop {
            let from = self.pos;
            match self.peek() {
                None => {
                    let what: &[u8] = if is_string {
                        b"unfinished long string"
                    } else {
                        b"unfinished long comment"
                    };
                    return Err(self.error(&[Part::Text(what)], Near::Token(Token::Eof)));
                }
                Some(b @ (b'[' | b']')) => {
                    let found = self.long_bracket();
                    let same = matches!(found, LongBracket::Level(n) if n == level);
                    if same {
                        self.pos += 1;
                    }
                    if same && b == b'[' && level == 0 {
                        return Err(self.error(
                            &[Part::Text(b"nesting of [[...]] is deprecated")],
                            Near::Token(Token::Byte(b'[')),
                        ));
                    }
                    if is_string {
                        self.buffer.extend(rt, &self.source[from..self.pos])?;
                    }
                    if same && b == b']' {
                        break;
                    }
                }
                Some(b'\n' | b'\r') => {
                    self.skip_line_end()?;
                    if is_string {
                        self.buffer.push(rt, b'\n')?;
                    }
                }
                Some(_) => {
                    while let Some(b) = self.peek()
                        && !matches!(b, b'[' | b']' | b'\n' | b'\r')
                    {
                        self.pos += 1;
                    }
                    if is_string {
                        self.buffer.extend(rt, &self.source[from..self.pos])?;
                    }
                }
            }
        }
        if !is_string {
            return Ok(Token::Nil);
        }
        let content = &self.buffer[level + 2..self.buffer.len() - level - 2];
        Ok(Token::Str(rt.intern(content)?))
    }

    /// A quoted string. Without escapes its bytes are taken from the source.
    fn string(&mut self, quote: u8) -> Result<Token, CompileError> {
        let start = self.pos;
        self.pos += 1;
        loop {
            match self.peek() {
                Some(b) if b == quote => {
                    self.pos += 1;
                    self.text_in_buffer = false;
                    self.text_start = start;
                    self.text_end = self.pos;
                    let content = &self.source[start + 1..self.pos - 1];
                    return Ok(Token::Str(self.rt.intern(content)?));
                }
                None | Some(b'\\' | b'\n' | b'\r') => {
                    self.buffer.truncate(0);
                    self.buffer.extend(self.rt, &self.source[start..self.pos])?;
                    self.text_in_buffer = true;
                    return self.escaped_string(quote);
                }
                Some(_) => self.pos += 1,
            }
        }
    }

    /// The rest of a quoted string, from the first escape or from the point
    /// where it breaks off.
    #[inline(never)]
    fn escaped_string(&mut self, quote: u8) -> Result<Token, CompileError> {
        let rt = self.rt;
        loop {
            match self.peek() {
                None => return Err(self.unfinished(Near::Token(Token::Eof))),
                Some(b'\n' | b'\r') => return Err(self.unfinished(Near::Text)),
                Some(b'\\') => {
                    self.pos += 1;
                    self.escape()?;
                }
                Some(b) => {
                    self.pos += 1;
                    self.buffer.push(rt, b)?;
                    if b == quote {
                        let content = &self.buffer[1..self.buffer.len() - 1];
                        return Ok(Token::Str(rt.intern(content)?));
                    }
                }
            }
        }
    }

    #[cold]
    fn unfinished(&mut self, near: Near) -> CompileError {
        self.error(&[Part::Text(b"unfinished string")], near)
    }

    /// One escape sequence, behind its backslash.
    fn escape(&mut self) -> Result<(), CompileError> {
        let byte = match self.peek() {
            // The caller reports the string as unfinished.
            None => return Ok(()),
            Some(b'\n' | b'\r') => {
                self.skip_line_end()?;
                self.buffer.push(self.rt, b'\n')?;
                return Ok(());
            }
            Some(b'0'..=b'9') => {
                let mut code = 0u32;
                let mut digits = 0;
                while digits < 3
                    && let Some(b @ b'0'..=b'9') = self.peek()
                {
                    code = code * 10 + (b - b'0') as u32;
                    self.pos += 1;
                    digits += 1;
                }
                let Ok(byte) = u8::try_from(code) else {
                    return Err(self.error(&[Part::Text(b"escape sequence too large")], Near::Text));
                };
                self.buffer.push(self.rt, byte)?;
                return Ok(());
            }
            Some(b'a') => 7,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'v') => 11,
            Some(other) => other,
        };
        self.pos += 1;
        self.buffer.push(self.rt, byte)?;
        Ok(())
    }
}

/// What `long_bracket` found.
enum LongBracket {
    /// A complete long bracket of this level.
    Level(usize),
    /// A bracket with neither equals signs nor a second bracket.
    Plain,
    /// Equals signs, but no second bracket.
    Broken,
}
