//! Metamethods that are Lua functions: calling them, and completing the operation
//! that called with their result. `slow/` has the whole meaning; this is what happens
//! when handler and operands are of the common kinds.
//!
//! Where a handler lies is known from the cache behind the inline caches, in which an
//! event's name is entered with its lowest bit set ([`event_key`]): stores by name, which
//! must not touch events unnoticed, never find such an entry.
//!
//! As all bodies they change nothing before they return [`Flow::Slow`].

use super::access::{Place, stub_of};
use super::call::{fits, pad};
use super::{Flow, Machine, Operands, jump_bytes};
use crate::frame::{FrameKind, distance, link};
use crate::heap::Header;
use crate::heap::intern::STRING_DATA;
use crate::isa::{OPS, Op, Operand};
use crate::proto::{Closure, SIGNATURE_BEFORE_ENTRY, SIGNATURE_VARIADIC, params_of};
use crate::state::Event;
use crate::table::Table;
use crate::thread::Thread;
use crate::value::{Type, Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

/// Key in the cache of an event's name, by the name's reference.
#[inline(always)]
pub(crate) fn event_key(name: u32) -> u32 {
    name | 1
}

/// Calls a metamethod for the running instruction, which [`complete`] then completes.
#[inline(always)]
pub(super) fn call_handler<O: Operands, const N: usize>(
    m: Machine,
    o: O,
    f: u64,
    args: [u64; N],
) -> Flow {
    if (f >> 32) as u32 != tag::CLOSURE {
        cold_path();
        return Flow::Slow;
    }
    // SAFETY: behind a frame's registers is slack for this call; that the callee's frame
    // fits is checked first.
    unsafe {
        let bytes = o.frame_bytes(m);
        // [note][function][header][arguments]
        let area = m.base.byte_add(bytes as usize);
        let base = area.add(3);
        let entry: u32 = m.get(f as u32, offset_of!(Closure, entry));
        let signature: u32 = m.get_before(entry, SIGNATURE_BEFORE_ENTRY);
        if signature & SIGNATURE_VARIADIC != 0 || !fits(m, base, entry) {
            cold_path();
            return Flow::Slow;
        }
        *area = 0;
        *area.add(1) = f;
        let header = area.add(2) as *mut u32;
        *header = (o.pc() as usize).wrapping_sub(m.vm as usize) as u32;
        *header.add(1) = link(bytes / 8 + 3, FrameKind::Meta);
        let mut i = 0;
        while i < N {
            *base.add(i) = args[i];
            i += 1;
        }
        pad(base, N as u32, params_of(signature));
        Flow::Enter(base, m.address(entry))
    }
}

/// The metatable of a table, userdata or number, or 0; `None` for other values.
#[inline(always)]
fn metatable(m: Machine, v: u64) -> Option<u32> {
    if m.is_number(v) {
        // SAFETY: plain field.
        return Some(unsafe { (*m.vm).type_meta[Type::Number as usize] });
    }
    match (v >> 32) as u32 {
        tag::TABLE => Some(m.get(v as u32, offset_of!(Table, meta))),
        tag::USERDATA => Some(m.get(v as u32, offset_of!(Header, aux))),
        _ => None,
    }
}

/// The metatable of what is a table, else 0.
#[inline(always)]
fn meta_of_table(m: Machine, v: u64) -> u32 {
    if (v >> 32) as u32 != tag::TABLE {
        return 0;
    }
    m.get(v as u32, offset_of!(Table, meta))
}

/// The handler in a metatable, or nil, if the cache knows where it is.
#[inline(always)]
pub(super) fn handler(m: Machine, meta: u32, event: usize) -> Option<u64> {
    // SAFETY: plain field; the caller's number is an event's.
    let name = unsafe { *(&raw const (*m.vm).event_names as *const u32).add(event) };
    let s = stub_of(m, meta, event_key(name))?;
    match s.place {
        Place::Inline => Some(m.get(meta, s.slot as usize)),
        Place::Outline => {
            let props: u32 = m.get(meta, offset_of!(Table, props));
            Some(m.get(props, s.slot as usize))
        }
        // By the metatable's own shape: no epoch is needed.
        Place::Absent => Some(Value::NIL.0),
        _ => None,
    }
}

/// The rest of an equality: different tables, or userdata, with metatables.
#[inline(always)]
pub fn equal_rest<O: Operands>(m: Machine, o: O) -> Flow {
    let (x, y) = (m.reg(o.a()), m.reg(o.b()));
    let (Some(first), Some(second)) = (metatable(m, x), metatable(m, y)) else {
        return Flow::Slow;
    };
    if first == 0 || second == 0 {
        return Flow::Slow;
    }
    let Some(f) = handler(m, first, Event::Eq as usize) else {
        return Flow::Slow;
    };
    if f != Value::NIL.0 {
        if first != second {
            return Flow::Slow;
        }
        return call_handler(m, o, f, [x, y]);
    }
    // Without a handler they are different.
    if meaning(m, o.pc()).completion & COMPLETION == TAKE_IF {
        Flow::Next
    } else {
        Flow::Taken
    }
}

// How an operation uses metamethods, a number each in a constant table.
const EVENT: u8 = 31;
const VV: u8 = 0;
const VK: u8 = 1 << 5;
const KV: u8 = 2 << 5;

const fn use_of(op: Op) -> u8 {
    match op.without_loop() {
        Op::JumpLt | Op::JumpNotLt => Event::Lt as u8,
        Op::JumpLe | Op::JumpNotLe => Event::Le as u8,
        Op::Add => Event::Add as u8 | VV,
        Op::Sub => Event::Sub as u8 | VV,
        Op::Mul => Event::Mul as u8 | VV,
        Op::Div => Event::Div as u8 | VV,
        Op::Mod => Event::Mod as u8 | VV,
        Op::AddVK => Event::Add as u8 | VK,
        Op::SubVK => Event::Sub as u8 | VK,
        Op::MulVK => Event::Mul as u8 | VK,
        Op::DivVK => Event::Div as u8 | VK,
        Op::ModVK | Op::ModWK => Event::Mod as u8 | VK,
        Op::AddKV => Event::Add as u8 | KV,
        Op::SubKV => Event::Sub as u8 | KV,
        Op::MulKV => Event::Mul as u8 | KV,
        Op::DivKV => Event::Div as u8 | KV,
        Op::ModKV => Event::Mod as u8 | KV,
        _ => 0xFF,
    }
}

/// The rest of an arithmetic operation: an operand is no number, or the result none.
#[inline(always)]
pub fn arith_rest<O: Operands>(m: Machine, o: O) -> Flow {
    let used = meaning(m, o.pc()).event;
    if used == 0xFF {
        cold_path();
        return Flow::Slow;
    }
    let (x, y) = match used & !EVENT {
        VV => (m.reg(o.b()), m.reg(o.c())),
        VK => (m.reg(o.b()), o.k()),
        _ => (o.k(), m.reg(o.c())),
    };
    let event = (used & EVENT) as usize;
    let mut meta = meta_of_table(m, x);
    if meta == 0 {
        // A string may be a number, and what remains has its type's metatable.
        let (Some(first), Some(second)) = (metatable(m, x), metatable(m, y)) else {
            return Flow::Slow;
        };
        meta = if first != 0 { first } else { second };
        if meta == 0 || (m.is_number(x) && m.is_number(y)) {
            // Two numbers come here when their result is a NaN.
            return Flow::Slow;
        }
    }
    match handler(m, meta, event) {
        Some(f) => call_handler(m, o, f, [x, y]),
        None => Flow::Slow,
    }
}

/// Is string `x` before string `y`, by their bytes?
#[inline(always)]
fn is_before(m: Machine, x: u32, y: u32) -> bool {
    const LENGTH: usize = 8;
    const DATA: usize = STRING_DATA as usize;
    let (n, k): (u32, u32) = (m.get(x, LENGTH), m.get(y, LENGTH));
    let both = if n < k { n } else { k } as usize;
    let mut i = 0;
    while i + 8 <= both {
        // The first byte that differs decides, and counts most.
        let a = u64::from_be(m.get(x, DATA + i));
        let b = u64::from_be(m.get(y, DATA + i));
        if a != b {
            return a < b;
        }
        i += 8;
    }
    while i < both {
        let (a, b): (u8, u8) = (m.get(x, DATA + i), m.get(y, DATA + i));
        if a != b {
            return a < b;
        }
        i += 1;
    }
    n < k
}

/// The rest of an order comparison of two registers: two tables with one metatable, or two
/// strings.
#[inline(always)]
pub fn order_rest<O: Operands>(m: Machine, o: O) -> Flow {
    let Meaning {
        event: used,
        completion,
    } = meaning(m, o.pc());
    if used == 0xFF {
        return Flow::Slow;
    }
    let (x, y) = (m.reg(o.a()), m.reg(o.b()));
    let meta = meta_of_table(m, x);
    if meta != 0 && meta == meta_of_table(m, y) {
        return match handler(m, meta, used as usize) {
            Some(f) => call_handler(m, o, f, [x, y]),
            None => Flow::Slow,
        };
    }
    if (x >> 32) as u32 == tag::STRING && (y >> 32) as u32 == tag::STRING {
        let (first, second) = (x as u32, y as u32);
        let holds = if used == Event::Lt as u8 {
            is_before(m, first, second)
        } else {
            !is_before(m, second, first)
        };
        return if holds == (completion & COMPLETION == TAKE_IF) {
            Flow::Taken
        } else {
            Flow::Next
        };
    }
    Flow::Slow
}

// What is done with a metamethod's result: low bits; length of the instruction above.
const STORE: u8 = 1;
const IGNORE: u8 = 2;
const TAKE_IF: u8 = 3;
const TAKE_IF_NOT: u8 = 4;
const COMPLETION: u8 = 7;

const fn completion_of(op: Op) -> u8 {
    match op.info().base.without_loop() {
        // The pair's result goes to a register of its own.
        Op::Concat => 0,
        // The object is where it belongs already.
        Op::Method => STORE,
        Op::SetGlobal | Op::SetField | Op::SetIndex | Op::SetIndexK => IGNORE,
        Op::JumpEq | Op::JumpLt | Op::JumpLe => TAKE_IF,
        Op::JumpLtVK | Op::JumpLeVK | Op::JumpLtKV | Op::JumpLeKV => TAKE_IF,
        Op::JumpNe | Op::JumpNotLt | Op::JumpNotLe => TAKE_IF_NOT,
        Op::JumpNotLtVK | Op::JumpNotLeVK | Op::JumpNotLtKV | Op::JumpNotLeKV => TAKE_IF_NOT,
        _ if matches!(op.info().operands[0], Operand::Dst) => STORE,
        _ => 0,
    }
}

/// What an operation has to do with metamethods. A table of the VM state, by operation
/// number: constant tables of bundles can't be indexed.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Meaning {
    /// Of arithmetic and order comparisons of registers: event and form; 0xFF for the rest.
    event: u8,
    /// What is done with the result; 0: see the slow path.
    completion: u8,
}

/// The table.
pub(crate) const fn meanings() -> [Meaning; 256] {
    let mut out = [Meaning {
        event: 0xFF,
        completion: 0,
    }; 256];
    let mut i = 0;
    while i < OPS.len() {
        out[i].event = use_of(OPS[i].op);
        let what = completion_of(OPS[i].op);
        if what != 0 {
            out[i].completion = what | (OPS[i].extra.words() as u8) << 3;
        }
        i += 1;
    }
    out
}

#[inline(always)]
fn meaning(m: Machine, pc: *const u64) -> Meaning {
    // SAFETY: an instruction of a live prototype; every byte is a valid index.
    unsafe { *(&raw const (*m.vm).meanings as *const Meaning).add(*(pc as *const u8) as usize) }
}

/// Completes the instruction that called a metamethod, whose frame is at `base`, with
/// the result `v`.
///
/// # Safety
/// The frame's header is complete and of kind `Meta`.
#[inline(always)]
pub(super) unsafe fn complete(m: Machine, base: *mut u64, v: u64) -> Flow {
    // SAFETY: the header names the caller's frame and instruction; below it lies the note.
    unsafe {
        let to = *(base.sub(1) as *const u32);
        let link = *(base.sub(1) as *const u32).add(1);
        let caller = base.byte_sub(distance(link));
        let pc = m.address(to);
        let i = super::insn(pc);
        let how = meaning(m, pc).completion;
        let next = pc.add((how >> 3) as usize);
        // Line hooks are told of completions.
        let thread = m.address((*m.vm).thread) as *const Thread;
        if (*thread).hook != 0 {
            cold_path();
            return Flow::Slow;
        }
        let taken = match how & COMPLETION {
            STORE => {
                *caller.add(i.a as usize) = v;
                return Flow::Goto(caller, next);
            }
            IGNORE => return Flow::Goto(caller, next),
            TAKE_IF => v < Value::FALSE.0,
            TAKE_IF_NOT => v >= Value::FALSE.0,
            _ => return Flow::Slow,
        };
        if *base.sub(3) != 0 {
            // The result is to be negated.
            cold_path();
            return Flow::Slow;
        }
        Flow::Goto(
            caller,
            if taken {
                pc.byte_offset(jump_bytes(pc))
            } else {
                next
            },
        )
    }
}
