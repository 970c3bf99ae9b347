//! Tokens of Lua 5.1 and the classes of source bytes.
//!
//! Only data: the lexer makes tokens, the grammar files look at them, and
//! messages.rs prints them. Nothing here allocates or can fail.

use crate::heap::StrRef;

/// A token with its meaning. Names and strings are interned already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token {
    /// Any single byte that is no other token.
    Byte(u8),
    And,
    Break,
    Do,
    Else,
    ElseIf,
    End,
    False,
    For,
    Function,
    If,
    In,
    Local,
    Nil,
    Not,
    Or,
    Repeat,
    Return,
    Then,
    True,
    Until,
    While,
    /// `..`
    Concat,
    /// `...`
    Dots,
    /// `==`
    Eq,
    /// `>=`
    Ge,
    /// `<=`
    Le,
    /// `~=`
    Ne,
    Number(f64),
    Name(StrRef),
    Str(StrRef),
    /// End of the source.
    Eof,
}

impl Token {
    /// The reserved word spelled by `bytes`.
    pub(super) fn reserved(bytes: &[u8]) -> Option<Token> {
        Some(match bytes {
            b"and" => Token::And,
            b"break" => Token::Break,
            b"do" => Token::Do,
            b"else" => Token::Else,
            b"elseif" => Token::ElseIf,
            b"end" => Token::End,
            b"false" => Token::False,
            b"for" => Token::For,
            b"function" => Token::Function,
            b"if" => Token::If,
            b"in" => Token::In,
            b"local" => Token::Local,
            b"nil" => Token::Nil,
            b"not" => Token::Not,
            b"or" => Token::Or,
            b"repeat" => Token::Repeat,
            b"return" => Token::Return,
            b"then" => Token::Then,
            b"true" => Token::True,
            b"until" => Token::Until,
            b"while" => Token::While,
            _ => return None,
        })
    }

    /// The fixed spelling; `None` for tokens that are spelled differently each
    /// time (single bytes, names, strings, numbers).
    pub(super) fn spelling(self) -> Option<&'static [u8]> {
        Some(match self {
            Token::And => b"and",
            Token::Break => b"break",
            Token::Do => b"do",
            Token::Else => b"else",
            Token::ElseIf => b"elseif",
            Token::End => b"end",
            Token::False => b"false",
            Token::For => b"for",
            Token::Function => b"function",
            Token::If => b"if",
            Token::In => b"in",
            Token::Local => b"local",
            Token::Nil => b"nil",
            Token::Not => b"not",
            Token::Or => b"or",
            Token::Repeat => b"repeat",
            Token::Return => b"return",
            Token::Then => b"then",
            Token::True => b"true",
            Token::Until => b"until",
            Token::While => b"while",
            Token::Concat => b"..",
            Token::Dots => b"...",
            Token::Eq => b"==",
            Token::Ge => b">=",
            Token::Le => b"<=",
            Token::Ne => b"~=",
            Token::Eof => b"<eof>",
            Token::Byte(_) | Token::Number(_) | Token::Name(_) | Token::Str(_) => return None,
        })
    }

    /// Does this token end a block?
    pub(super) fn ends_block(self) -> bool {
        matches!(
            self,
            Token::Else | Token::ElseIf | Token::End | Token::Until | Token::Eof
        )
    }
}

const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const SPACE: u8 = 4;

/// Class bits of every byte, as the C locale has them.
static CLASS: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut i = 0;
    while i < 256 {
        let b = i as u8;
        table[i] = if b.is_ascii_alphabetic() || b == b'_' {
            LETTER
        } else if b.is_ascii_digit() {
            DIGIT
        } else if b == b' ' || (b >= 9 && b <= 13) {
            SPACE
        } else {
            0
        };
        i += 1;
    }
    table
};

/// A letter or the underscore.
#[inline]
pub(super) fn is_letter(b: u8) -> bool {
    CLASS[b as usize] & LETTER != 0
}

/// A letter, an underscore or a digit.
#[inline]
pub(super) fn is_name_byte(b: u8) -> bool {
    CLASS[b as usize] & (LETTER | DIGIT) != 0
}

/// White space, line ends included.
#[inline]
pub(super) fn is_space(b: u8) -> bool {
    CLASS[b as usize] & SPACE != 0
}
