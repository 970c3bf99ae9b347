//! Patterns in a form that is quick to match: a sequence of 64-bit words, an item
//! each, where classes and sets are bit maps of the 256 bytes.
//!
//! As in the reference, a malformed pattern is an error only when matching gets as
//! far as its malformed item; so errors are items too. Nothing here raises one.
//! Called by the functions of `string` that take patterns; `pattern` matches.

use super::scratch::Scratch;
use crate::heap::intern::STRING_DATA;
use crate::heap::{NoMemory, Rt, StrRef};
use crate::native::Call;
use crate::value::Value;

/// Bytes: bit `b % 64` of word `b / 64`.
pub(super) type Set = [u64; 4];

/// Words that most patterns fit in.
const SHORT: usize = 64;

/// A pattern's words: items, each of which may be followed by a set.
type Code = Scratch<u64, SHORT>;

/// Bytes that mean something else than themselves.
const SPECIALS: &[u8] = b"^$*+?.([%-";

/// What is wrong with a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    EndsWithPercent,
    MissingBracket,
    MissingSet,
    Unbalanced,
    TooManyCaptures,
    InvalidCapture,
    InvalidIndex,
    Unfinished,
}

impl Fault {
    /// The reference's message.
    pub(super) fn text(self) -> &'static [u8] {
        match self {
            Fault::EndsWithPercent => b"malformed pattern (ends with '%')",
            Fault::MissingBracket => b"malformed pattern (missing ']')",
            Fault::MissingSet => b"missing '[' after '%f' in pattern",
            Fault::Unbalanced => b"unbalanced pattern",
            Fault::TooManyCaptures => b"too many captures",
            Fault::InvalidCapture => b"invalid pattern capture",
            Fault::InvalidIndex => b"invalid capture index",
            Fault::Unfinished => b"unfinished capture",
        }
    }

    fn from_u8(n: u8) -> Fault {
        match n {
            0 => Fault::EndsWithPercent,
            1 => Fault::MissingBracket,
            2 => Fault::MissingSet,
            _ => Fault::Unbalanced,
        }
    }
}

/// What an item does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    /// The pattern's end: it matched.
    End = 0,
    /// One byte, whichever.
    Any = 1,
    /// The byte `byte`.
    Byte = 2,
    /// A byte of the set that follows.
    Set = 3,
    /// `(`
    Open = 4,
    /// `()`
    Position = 5,
    /// `)`
    Close = 6,
    /// `%b`, from `byte` to `other`.
    Balance = 7,
    /// `%f` and the set that follows.
    Frontier = 8,
    /// What capture `byte` holds (from 0; out of range: an error).
    Same = 9,
    /// `$` at the end.
    Tail = 10,
    /// The [`Fault`] in `byte`.
    Wrong = 11,
}

/// How often an item of one byte may match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    One = 0,
    /// `?`
    Optional = 1,
    /// `*`
    Star = 2,
    /// `+`
    Plus = 3,
    /// `-`
    Least = 4,
}

/// An item, unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub op: Op,
    pub repeat: Repeat,
    pub byte: u8,
    pub other: u8,
    /// A shorter repetition than the longest can't lead to a match.
    pub possessive: bool,
    /// What a match must go on with after a repetition.
    pub required: Option<u8>,
}

impl Item {
    fn new(op: Op, byte: u8) -> Item {
        Item {
            op,
            repeat: Repeat::One,
            byte,
            other: 0,
            possessive: false,
            required: None,
        }
    }

    /// Words that the item takes.
    #[inline(always)]
    pub(super) fn words(self) -> usize {
        match self.op {
            Op::Set | Op::Frontier => 5,
            _ => 1,
        }
    }

    fn word(self) -> u64 {
        u64::from_le_bytes([
            self.op as u8,
            self.repeat as u8,
            self.byte,
            self.other,
            self.possessive as u8,
            self.required.is_some() as u8,
            self.required.unwrap_or(0),
            0,
        ])
    }

    #[inline(always)]
    pub(super) fn from_word(word: u64) -> Item {
        let [
            op,
            repeat,
            byte,
            other,
            possessive,
            is_required,
            required,
            _,
        ] = word.to_le_bytes();
        Item {
            op: match op {
                1 => Op::Any,
                2 => Op::Byte,
                3 => Op::Set,
                4 => Op::Open,
                5 => Op::Position,
                6 => Op::Close,
                7 => Op::Balance,
                8 => Op::Frontier,
                9 => Op::Same,
                10 => Op::Tail,
                11 => Op::Wrong,
                _ => Op::End,
            },
            repeat: match repeat {
                1 => Repeat::Optional,
                2 => Repeat::Star,
                3 => Repeat::Plus,
                4 => Repeat::Least,
                _ => Repeat::One,
            },
            byte,
            other,
            possessive: possessive != 0,
            required: (is_required != 0).then_some(required),
        }
    }

    /// The fault that an item `Wrong` stands for.
    pub(super) fn fault(self) -> Fault {
        Fault::from_u8(self.byte)
    }
}

/// Is `b` in the set?
#[inline(always)]
pub(super) fn contains(set: &Set, b: u8) -> bool {
    set[(b >> 6) as usize] >> (b & 63) & 1 != 0
}

const fn with(mut set: Set, b: u8) -> Set {
    set[(b >> 6) as usize] |= 1 << (b & 63);
    set
}

const fn class(letter: u8) -> Set {
    let mut set = [0; 4];
    let mut b = 0;
    while b < 256 {
        let c = b as u8;
        let is_in = match letter {
            b'a' => c.is_ascii_alphabetic(),
            b'c' => c.is_ascii_control(),
            b'd' => c.is_ascii_digit(),
            b'l' => c.is_ascii_lowercase(),
            b'p' => c.is_ascii_punctuation(),
            b's' => matches!(c, b' ' | b'\t'..=b'\r'),
            b'u' => c.is_ascii_uppercase(),
            b'w' => c.is_ascii_alphanumeric(),
            b'x' => c.is_ascii_hexdigit(),
            _ => c == 0,
        };
        if is_in {
            set = with(set, c);
        }
        b += 1;
    }
    set
}

/// The classes of C's locale.
static CLASSES: [(u8, Set); 10] = [
    (b'a', class(b'a')),
    (b'c', class(b'c')),
    (b'd', class(b'd')),
    (b'l', class(b'l')),
    (b'p', class(b'p')),
    (b's', class(b's')),
    (b'u', class(b'u')),
    (b'w', class(b'w')),
    (b'x', class(b'x')),
    (b'z', class(b'z')),
];

fn complement(set: Set) -> Set {
    set.map(|w| !w)
}

/// The class `%letter`; `None` if that stands for the letter itself.
fn class_of(letter: u8) -> Option<Set> {
    let small = letter.to_ascii_lowercase();
    let (_, set) = CLASSES.iter().find(|(name, _)| *name == small)?;
    Some(if letter == small {
        *set
    } else {
        complement(*set)
    })
}

/// The bytes of a pattern that count: as a C string it ends at a NUL.
#[inline]
fn until_nul(pattern: &[u8]) -> &[u8] {
    let end = pattern.iter().position(|&b| b == 0);
    end.and_then(|n| pattern.get(..n)).unwrap_or(pattern)
}

/// Does the text stand for nothing but itself?
#[inline]
pub(super) fn is_plain(pattern: &[u8]) -> bool {
    !until_nul(pattern).iter().any(|b| SPECIALS.contains(b))
}

/// Without its `^`, if that is there; and whether it is.
#[inline]
fn split_anchor(pattern: &[u8]) -> (bool, &[u8]) {
    match pattern {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, pattern),
    }
}

/// Translates a pattern; a `^` at its start means itself. Gives a string of the words
/// ([`words`] reads them), for use again and again.
pub(super) fn compile(rt: Rt, pattern: &[u8]) -> Result<StrRef, NoMemory> {
    let mut code = Code::new(rt);
    // The end of this one fills the gap before the first aligned place of a string.
    code.push(0)?;
    let mut compiler = Compiler {
        code: &mut code,
        open: None,
    };
    compiler.all(until_nul(pattern))?;
    let words = code.items();
    // SAFETY: the words are initialized memory, and bytes may be read from any.
    let bytes =
        unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), size_of_val(words)) };
    rt.intern(bytes.get(size_of::<u64>() - GAP..).unwrap_or(bytes))
}

/// Bytes of a string before the first that is aligned as words are.
const GAP: usize =
    STRING_DATA.next_multiple_of(size_of::<u64>() as u32) as usize - STRING_DATA as usize;

/// The words in a string that `compile` made. Valid while it lives.
#[inline]
pub(super) fn words<'a>(rt: Rt, code: StrRef) -> &'a [u64] {
    // SAFETY: any bits are words. Objects lie at multiples of 16 and their bytes 12 behind
    // that, so the gap is half a word, which `compile` puts first: nothing is left out.
    let (before, words, _) = unsafe { rt.str_bytes(code).align_to::<u64>() };
    debug_assert!(before.len() == GAP);
    words
}

/// Patterns that a function remembers the code of, by their references.
const CACHED: u32 = 16;
/// Upvalues of a function that uses [`cached`]: patterns and codes in turn.
pub(super) const CACHE: [Value; CACHED as usize * 2] = [Value::NIL; _];

/// The code of a pattern, without its `^`; and whether it had one. From the cache of the
/// running function if it is there. The cache is all that keeps the code alive.
#[inline]
pub(super) fn cached(call: &Call, pattern: StrRef) -> Result<(bool, StrRef), NoMemory> {
    let rt = call.rt();
    let bytes = rt.str_bytes(pattern);
    let (anchored, rest) = split_anchor(bytes);
    let place = (pattern.offset() / 16 % CACHED) * 2;
    if call.upvalue(place) == pattern.value()
        && let Some(code) = StrRef::from_value(call.upvalue(place + 1))
    {
        return Ok((anchored, code));
    }
    let code = compile(rt, rest)?;
    call.set_upvalue(place, pattern.value());
    call.set_upvalue(place + 1, code.value());
    Ok((anchored, code))
}

struct Compiler<'c> {
    code: &'c mut Code,
    /// Place and set of the last item if it is a repetition with nothing but
    /// captures behind it.
    open: Option<(usize, Set)>,
}

impl Compiler<'_> {
    fn all(&mut self, pattern: &[u8]) -> Result<(), NoMemory> {
        let mut p = pattern;
        loop {
            p = match p {
                [] => {
                    self.possessive_if(|_| true);
                    return self.item(Item::new(Op::End, 0));
                }
                [b'(', b')', rest @ ..] => {
                    self.item(Item::new(Op::Position, 0))?;
                    rest
                }
                [b'(', rest @ ..] => {
                    self.item(Item::new(Op::Open, 0))?;
                    rest
                }
                [b')', rest @ ..] => {
                    self.item(Item::new(Op::Close, 0))?;
                    rest
                }
                [b'$'] => {
                    // Fewer bytes end even further from the end.
                    self.possessive_if(|_| true);
                    self.item(Item::new(Op::Tail, 0))?;
                    &[]
                }
                [b'%', b'b', from, to, rest @ ..] => {
                    self.open = None;
                    let other = *to;
                    self.item(Item {
                        other,
                        ..Item::new(Op::Balance, *from)
                    })?;
                    rest
                }
                [b'%', b'b', ..] => return self.wrong(Fault::Unbalanced),
                [b'%', b'f', rest @ ..] => {
                    self.open = None;
                    let [b'[', ..] = rest else {
                        return self.wrong(Fault::MissingSet);
                    };
                    let (set, rest) = match bracket(rest) {
                        Ok(found) => found,
                        Err(fault) => return self.wrong(fault),
                    };
                    self.item(Item::new(Op::Frontier, 0))?;
                    self.set(&set)?;
                    rest
                }
                [b'%', digit @ b'0'..=b'9', rest @ ..] => {
                    self.open = None;
                    // `%0` becomes an index that never exists.
                    self.item(Item::new(Op::Same, digit.wrapping_sub(b'1')))?;
                    rest
                }
                _ => match self.single(p)? {
                    Some(rest) => rest,
                    None => return Ok(()),
                },
            };
        }
    }

    /// An item that matches a byte, and its repetition. `None` after an error.
    fn single<'a>(&mut self, p: &'a [u8]) -> Result<Option<&'a [u8]>, NoMemory> {
        let (op, byte, set, rest) = match p {
            [b'%'] | [] => {
                self.wrong(Fault::EndsWithPercent)?;
                return Ok(None);
            }
            [b'%', letter, rest @ ..] => match class_of(*letter) {
                Some(set) => (Op::Set, 0, set, rest),
                None => (Op::Byte, *letter, with([0; 4], *letter), rest),
            },
            [b'[', ..] => match bracket(p) {
                Ok((set, rest)) => (Op::Set, 0, set, rest),
                Err(fault) => {
                    self.wrong(fault)?;
                    return Ok(None);
                }
            },
            [b'.', rest @ ..] => (Op::Any, 0, [u64::MAX; 4], rest),
            [byte, rest @ ..] => (Op::Byte, *byte, with([0; 4], *byte), rest),
        };
        let (repeat, rest) = match rest {
            [b'?', rest @ ..] => (Repeat::Optional, rest),
            [b'*', rest @ ..] => (Repeat::Star, rest),
            [b'+', rest @ ..] => (Repeat::Plus, rest),
            [b'-', rest @ ..] => (Repeat::Least, rest),
            _ => (Repeat::One, rest),
        };
        if matches!(repeat, Repeat::One | Repeat::Plus) {
            // A repetition before can't give back a byte that starts this item.
            self.possessive_if(|before| (0..4).all(|i| before[i] & set[i] == 0));
            if op == Op::Byte
                && let Some((at, _)) = self.open
            {
                self.change(at, |item| item.required = Some(byte));
            }
        }
        let at = self.code.items().len();
        self.item(Item {
            repeat,
            ..Item::new(op, byte)
        })?;
        if op == Op::Set {
            self.set(&set)?;
        }
        let repeats = matches!(repeat, Repeat::Star | Repeat::Plus | Repeat::Least);
        self.open = repeats.then_some((at, set));
        Ok(Some(rest))
    }

    /// Marks the repetition before as possessive if its set is so.
    fn possessive_if(&mut self, test: impl FnOnce(&Set) -> bool) {
        if let Some((at, set)) = self.open
            && test(&set)
        {
            self.change(at, |item| item.possessive = item.repeat != Repeat::Least);
        }
    }

    fn change(&mut self, at: usize, change: impl FnOnce(&mut Item)) {
        if let Some(word) = self.code.items_mut().get_mut(at) {
            let mut item = Item::from_word(*word);
            change(&mut item);
            *word = item.word();
        }
    }

    fn item(&mut self, item: Item) -> Result<(), NoMemory> {
        self.code.push(item.word())
    }

    fn set(&mut self, set: &Set) -> Result<(), NoMemory> {
        set.iter().try_for_each(|&w| self.code.push(w))
    }

    fn wrong(&mut self, fault: Fault) -> Result<(), NoMemory> {
        self.open = None;
        self.item(Item::new(Op::Wrong, fault as u8))
    }
}

/// Reads a set from its `[` on; gives its bytes and what is behind its `]`. The
/// first byte in it may be a `]`.
fn bracket(p: &[u8]) -> Result<(Set, &[u8]), Fault> {
    let at = |i: usize| p.get(i).copied();
    let negated = at(1) == Some(b'^');
    let first = 1 + negated as usize;
    // Where it ends: escapes and the first byte are passed over.
    let mut end = first;
    loop {
        match at(end) {
            None => return Err(Fault::MissingBracket),
            Some(b'%') if at(end + 1).is_some() => end += 2,
            Some(_) => end += 1,
        }
        if at(end) == Some(b']') {
            break;
        }
    }
    let mut set = [0; 4];
    let mut i = first;
    while i < end {
        match at(i).unwrap_or(0) {
            b'%' => {
                i += 1;
                let letter = at(i).unwrap_or(0);
                match class_of(letter) {
                    Some(class) => (0..4).for_each(|w| set[w] |= class[w]),
                    None => set = with(set, letter),
                }
            }
            from if at(i + 1) == Some(b'-') && i + 2 < end => {
                i += 2;
                for b in from..=at(i).unwrap_or(0) {
                    set = with(set, b);
                }
            }
            b => set = with(set, b),
        }
        i += 1;
    }
    if negated {
        set = complement(set);
    }
    Ok((set, p.get(end + 1..).unwrap_or(&[])))
}
