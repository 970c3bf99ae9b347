//! The matcher of patterns: finds where a compiled pattern matches, and its captures.
//!
//! It backtracks over an explicit stack of choices, so it needs no native stack
//! however long the pattern is. Its work is charged as fuel while it goes on: a
//! pattern that takes for ever ends when the fuel does, or when the program is
//! to stop. It changes nothing outside of itself and makes no strings until
//! captures are asked for; what fails for lack of memory can be repeated.
//!
//! Order of attempts, and so the captures and errors, are the reference's.

use super::pattern_code::{Fault, Item, Op, Repeat, Set, contains};
use super::scratch::Scratch;
use super::search::find_byte;
use super::string::BYTES_PER_TICK;
use crate::error::Raise;
use crate::heap::{NoMemory, Rt};
use crate::value::Value;

/// Most captures of a pattern.
pub(super) const MAX_CAPTURES: usize = 32;
/// Values of all captures, or of the whole match. They aren't rooted here.
pub(super) type Captured = Scratch<Value, MAX_CAPTURES>;

/// Work after which fuel and stop requests are looked at.
const WORK_AT_ONCE: u64 = 1 << 16;

/// Lengths of captures that have none.
const OPEN: u32 = u32::MAX;
const POSITION: u32 = u32::MAX - 1;

#[derive(Clone, Copy)]
struct Capture {
    start: u32,
    len: u32,
}

/// Where the matcher can go on differently, or what it must undo.
#[derive(Clone, Copy)]
struct Choice {
    kind: ChoiceKind,
    /// Place of the item, or number of the capture.
    item: u32,
    /// Position in the subject.
    at: u32,
    /// Bytes that a repetition may still give back.
    more: u32,
}

#[derive(Clone, Copy)]
enum ChoiceKind {
    /// Go on behind the item, at `at`.
    Skip,
    /// Give back one byte of a repetition that goes from `at` on.
    Shorter,
    /// Take one byte more.
    Longer,
    /// Drop the last capture.
    Drop,
    /// Open the capture `item` again.
    Reopen,
}

/// What one byte is compared with.
#[derive(Clone, Copy)]
enum Single<'a> {
    Any,
    Byte(u8),
    Set(&'a Set),
}

impl Single<'_> {
    #[inline(always)]
    fn test(self, b: u8) -> bool {
        match self {
            Single::Any => true,
            Single::Byte(c) => b == c,
            Single::Set(set) => contains(set, b),
        }
    }

    /// How many bytes at the start of `s` pass.
    #[inline(always)]
    fn span(self, s: &[u8]) -> usize {
        match self {
            Single::Any => s.len(),
            Single::Byte(c) => s.iter().position(|&b| b != c).unwrap_or(s.len()),
            Single::Set(set) => s.iter().position(|&b| !contains(set, b)).unwrap_or(s.len()),
        }
    }

    /// The first byte from `start` on that passes.
    #[inline(always)]
    fn find(self, s: &[u8], start: usize) -> Option<usize> {
        match self {
            Single::Any => (start < s.len()).then_some(start),
            Single::Byte(c) => find_byte(s, start, c),
            Single::Set(set) => {
                let rest = s.get(start..)?;
                let i = rest.iter().position(|&b| contains(set, b))?;
                Some(start + i)
            }
        }
    }
}

static NOTHING: Set = [0; 4];

/// The set behind the item at `p`.
#[inline(always)]
fn set_at(code: &[u64], p: usize) -> &Set {
    code.get(p + 1..p + 5)
        .and_then(|words| words.try_into().ok())
        .unwrap_or(&NOTHING)
}

#[inline(always)]
fn item_at(code: &[u64], p: usize) -> Item {
    // Outside of the code there are only ends.
    Item::from_word(code.get(p).copied().unwrap_or(0))
}

#[inline(always)]
fn single_at(code: &[u64], p: usize, item: Item) -> Single<'_> {
    match item.op {
        Op::Byte => Single::Byte(item.byte),
        Op::Set => Single::Set(set_at(code, p)),
        _ => Single::Any,
    }
}

/// A pattern and a subject.
pub(super) struct Matcher<'a> {
    rt: Rt,
    code: &'a [u64],
    subject: &'a [u8],
    /// What the first byte of a match must be, if the pattern tells.
    first: Option<Single<'a>>,
    /// At most `MAX_CAPTURES`.
    captures: Scratch<Capture, MAX_CAPTURES>,
    choices: Scratch<Choice, 24>,
    /// Steps and bytes that aren't charged yet.
    work: u64,
}

impl<'a> Matcher<'a> {
    #[inline(always)]
    pub(super) fn new(rt: Rt, code: &'a [u64], subject: &'a [u8]) -> Matcher<'a> {
        let start = code
            .iter()
            .take(MAX_CAPTURES)
            .position(|&w| !matches!(Item::from_word(w).op, Op::Open | Op::Position));
        let first = start.and_then(|p| {
            let item = item_at(code, p);
            let is_single = matches!(item.op, Op::Any | Op::Byte | Op::Set);
            let is_needed = matches!(item.repeat, Repeat::One | Repeat::Plus);
            (is_single && is_needed).then(|| single_at(code, p, item))
        });
        Matcher {
            rt,
            code,
            subject,
            first,
            captures: Scratch::new(rt),
            choices: Scratch::new(rt),
            work: 0,
        }
    }

    /// The first match that starts at `start` or later: where it starts and ends.
    #[inline]
    pub(super) fn find(&mut self, start: usize) -> Result<Option<(usize, usize)>, Raise> {
        let mut at = start;
        while at <= self.subject.len() {
            if let Some(first) = self.first {
                let found = first.find(self.subject, at);
                self.work += (found.unwrap_or(self.subject.len()) - at) as u64 / 8;
                match found {
                    Some(next) => at = next,
                    None => break,
                }
            }
            if let Some(end) = self.match_at(at)? {
                return Ok(Some((at, end)));
            }
            at += 1;
        }
        self.captures.clear();
        Ok(None)
    }

    /// Raises a fault of the pattern. May be called after side effects, but then
    /// the caller must repeat what gives `NoMemory`.
    #[cold]
    fn fault(&self, fault: Fault) -> Raise {
        self.rt.raise_text(fault.text())
    }

    /// Charges what was done, and looks whether the program may go on.
    #[cold]
    fn settle(&mut self) -> Result<(), Raise> {
        let rt = self.rt;
        rt.charge_work(self.work / BYTES_PER_TICK);
        self.work %= BYTES_PER_TICK;
        rt.check_end()
    }

    /// Matches at exactly this place; gives where the match ends.
    pub(super) fn match_at(&mut self, start: usize) -> Result<Option<usize>, Raise> {
        let (code, subject) = (self.code, self.subject);
        self.captures.clear();
        self.choices.clear();
        let mut p = 0;
        let mut s = start;
        loop {
            self.work += 1;
            let item = item_at(code, p);
            let goes_on = match item.op {
                Op::End => return Ok(Some(s)),
                Op::Any | Op::Byte | Op::Set => {
                    let single = single_at(code, p, item);
                    let next = p + item.words();
                    let here = p;
                    p = next;
                    match item.repeat {
                        Repeat::One => {
                            let passes = subject.get(s).is_some_and(|&b| single.test(b));
                            s += passes as usize;
                            passes
                        }
                        Repeat::Optional => {
                            if subject.get(s).is_some_and(|&b| single.test(b)) {
                                self.choose(ChoiceKind::Skip, here, s, 0)?;
                                s += 1;
                            }
                            true
                        }
                        Repeat::Star | Repeat::Plus => {
                            let n = single.span(subject.get(s..).unwrap_or(&[]));
                            self.work += n as u64;
                            let least = (item.repeat == Repeat::Plus) as usize;
                            if n > least && !item.possessive {
                                let more = n - least;
                                self.choose(ChoiceKind::Shorter, here, s + least, more)?;
                            }
                            s += n;
                            n >= least
                        }
                        Repeat::Least => {
                            self.choose(ChoiceKind::Longer, here, s, 0)?;
                            true
                        }
                    }
                }
                Op::Open | Op::Position => {
                    let len = if item.op == Op::Open { OPEN } else { POSITION };
                    if self.captures.items().len() == MAX_CAPTURES {
                        return Err(self.fault(Fault::TooManyCaptures));
                    }
                    let start = s as u32;
                    self.captures.push(Capture { start, len })?;
                    self.undo(ChoiceKind::Drop, 0)?;
                    p += 1;
                    true
                }
                Op::Close => {
                    let open = self.captures.items_mut();
                    let Some(i) = open.iter().rposition(|c| c.len == OPEN) else {
                        return Err(self.fault(Fault::InvalidCapture));
                    };
                    open[i].len = s as u32 - open[i].start;
                    self.undo(ChoiceKind::Reopen, i)?;
                    p += 1;
                    true
                }
                Op::Balance => {
                    p += 1;
                    match self.balanced(s, item.byte, item.other) {
                        Some(end) => {
                            s = end;
                            true
                        }
                        None => false,
                    }
                }
                Op::Frontier => {
                    let set = set_at(code, p);
                    p += item.words();
                    let before = s.checked_sub(1).and_then(|i| subject.get(i));
                    let here = subject.get(s);
                    !contains(set, before.copied().unwrap_or(0))
                        && contains(set, here.copied().unwrap_or(0))
                }
                Op::Same => {
                    p += 1;
                    match self.captures.items().get(item.byte as usize) {
                        Some(c) if c.len != OPEN => {
                            // A position is longer than any subject: never the same.
                            let from = c.start as usize;
                            let text = subject.get(from..from.wrapping_add(c.len as usize));
                            let len = c.len as usize;
                            match text {
                                Some(text) if subject.get(s..s + len) == Some(text) => {
                                    self.work += len as u64;
                                    s += len;
                                    true
                                }
                                _ => false,
                            }
                        }
                        _ => return Err(self.fault(Fault::InvalidIndex)),
                    }
                }
                Op::Tail => {
                    p += 1;
                    s == subject.len()
                }
                Op::Wrong => return Err(self.fault(item.fault())),
            };
            if goes_on {
                continue;
            }
            if self.work >= WORK_AT_ONCE {
                self.settle()?;
            }
            match self.backtrack() {
                Some((item, at)) => (p, s) = (item, at),
                None => return Ok(None),
            }
        }
    }

    #[inline(always)]
    fn choose(
        &mut self,
        kind: ChoiceKind,
        item: usize,
        at: usize,
        more: usize,
    ) -> Result<(), NoMemory> {
        self.choices.push(Choice {
            kind,
            item: item as u32,
            at: at as u32,
            more: more as u32,
        })
    }

    /// Notes what to undo, if there is anything to go back to.
    #[inline(always)]
    fn undo(&mut self, kind: ChoiceKind, capture: usize) -> Result<(), NoMemory> {
        if self.choices.items().is_empty() {
            return Ok(());
        }
        self.choose(kind, capture, 0, 0)
    }

    /// Where to go on after a failure: place in the pattern and in the subject.
    #[inline]
    fn backtrack(&mut self) -> Option<(usize, usize)> {
        let (code, subject) = (self.code, self.subject);
        loop {
            let choice = self.choices.items_mut().last_mut()?;
            let place = choice.item as usize;
            match choice.kind {
                ChoiceKind::Drop => self.captures.pop(),
                ChoiceKind::Reopen => {
                    if let Some(capture) = self.captures.items_mut().get_mut(place) {
                        capture.len = OPEN;
                    }
                }
                ChoiceKind::Skip => {
                    let (at, next) = (choice.at, place + item_at(code, place).words());
                    self.choices.pop();
                    return Some((next, at as usize));
                }
                ChoiceKind::Shorter => {
                    let item = item_at(code, place);
                    let from = choice.at as usize;
                    let mut more = choice.more as usize;
                    let before = more;
                    let found = loop {
                        if more == 0 {
                            break false;
                        }
                        more -= 1;
                        match item.required {
                            Some(b) if subject.get(from + more) != Some(&b) => {}
                            _ => break true,
                        }
                    };
                    choice.more = more as u32;
                    self.work += (before - more) as u64;
                    if more == 0 {
                        self.choices.pop();
                    }
                    if found {
                        return Some((place + item.words(), from + more));
                    }
                    continue;
                }
                ChoiceKind::Longer => {
                    let item = item_at(code, place);
                    let single = single_at(code, place, item);
                    let from = choice.at as usize;
                    let mut at = from;
                    let found = loop {
                        match subject.get(at) {
                            Some(&b) if single.test(b) => at += 1,
                            _ => break false,
                        }
                        match item.required {
                            Some(b) if subject.get(at) != Some(&b) => {}
                            _ => break true,
                        }
                    };
                    choice.at = at as u32;
                    self.work += (at - from) as u64;
                    if found {
                        return Some((place + item.words(), at));
                    }
                }
            }
            self.choices.pop();
        }
    }

    /// The end of the text from `s` on in which `from` and `to` are balanced.
    fn balanced(&mut self, s: usize, from: u8, to: u8) -> Option<usize> {
        let text = self.subject.get(s..)?;
        if *text.first()? != from {
            return None;
        }
        let mut depth = 1u32;
        let end = text.iter().skip(1).position(|&b| {
            // `to` comes first: they may be the same.
            if b == to {
                depth -= 1;
            } else if b == from {
                depth += 1;
            }
            depth == 0
        });
        self.work += end.unwrap_or(text.len()) as u64;
        Some(s + end? + 2)
    }

    // ---- captures

    /// Number of values that a match gives: its captures, or the whole match if it has none
    /// and `whole` says so.
    #[inline]
    pub(super) fn count(&self, whole: bool) -> usize {
        self.captures.items().len().max(whole as usize)
    }

    /// The text of capture `i`, or its position as a number. Without captures, number 0 is
    /// the whole match, from `start` to `end`.
    #[inline]
    pub(super) fn capture(
        &self,
        i: usize,
        start: usize,
        end: usize,
    ) -> Result<CaptureText<'a>, Raise> {
        let subject = self.subject;
        match self.captures.items().get(i) {
            Some(c) => match c.len {
                OPEN => Err(self.fault(Fault::Unfinished)),
                POSITION => Ok(CaptureText::Position(c.start + 1)),
                len => {
                    let from = c.start as usize;
                    let text = subject.get(from..from + len as usize);
                    Ok(CaptureText::Text(text.unwrap_or(&[])))
                }
            },
            None if i == 0 => Ok(CaptureText::Text(self.text(start, end))),
            None => Err(self.fault(Fault::InvalidIndex)),
        }
    }

    /// A part of the subject.
    #[inline]
    pub(super) fn text(&self, start: usize, end: usize) -> &'a [u8] {
        self.subject.get(start..end).unwrap_or(&[])
    }

    /// A capture as a Lua value.
    #[inline]
    pub(super) fn value(&self, i: usize, start: usize, end: usize) -> Result<Value, Raise> {
        Ok(match self.capture(i, start, end)? {
            CaptureText::Position(n) => Value::number(n as f64),
            CaptureText::Text(text) => self.rt.intern_short(text)?.value(),
        })
    }

    /// All captures as values, or the whole match if there are none and `whole`.
    #[inline]
    pub(super) fn values(
        &self,
        (start, end): (usize, usize),
        whole: bool,
        out: &mut Captured,
    ) -> Result<(), Raise> {
        out.clear();
        for i in 0..self.count(whole) {
            out.push(self.value(i, start, end)?)?;
        }
        Ok(())
    }
}

/// What a capture holds.
#[derive(Clone, Copy)]
pub(super) enum CaptureText<'a> {
    /// A position, from 1.
    Position(u32),
    Text(&'a [u8]),
}

impl Drop for Matcher<'_> {
    fn drop(&mut self) {
        self.rt.charge_work(self.work / BYTES_PER_TICK);
    }
}
