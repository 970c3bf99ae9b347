//! Bodies of the shortcuts (`shortcuts.rs`): the common case of library functions,
//! as part of the `Call` or `TailCall` that calls them. The function's number is
//! known, its arguments are not: a body returns [`Flow::Native`] before it has
//! changed anything if they are not what it is for.
//!
//! They follow the rules for all bodies: no allocation, no calls, no panics.

pub use super::switches::{pcall, resume, wrapped, yield_};

use super::access::stub_of;
use super::arith::{border, floor as floor_number};
use super::construct::append;
use super::meta::handler;
use super::{ARGUMENT, Flow, Machine, Operands, truncate, widen};
use crate::heap::bytes::ENDS;
use crate::heap::intern::STRING_DATA;
use crate::heap::{Header, Rt};
use crate::proto::NATIVE_UPVALUES;
use crate::random::Random;
use crate::state::Event;
use crate::table::{ON_CHAIN, Table};
use crate::value::{Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

/// The number of the callee's shortcut, at a call of a native function.
#[inline(always)]
pub fn number<O: Operands>(m: Machine, o: O) -> usize {
    m.get::<u32>(m.reg_ref(o.a()), offset_of!(Header, aux)) as usize
}

/// Number of arguments of the call.
#[inline(always)]
pub(super) fn count<O: Operands>(m: Machine, o: O) -> u32 {
    if o.imm_b() == 0 {
        // SAFETY: a register of the frame; the instruction before set `top` above it.
        let first = unsafe { m.base.byte_add(o.a() + 16) };
        // SAFETY: plain field.
        unsafe { (((*m.vm).top as usize).wrapping_sub(first as usize) >> 3) as u32 }
    } else {
        o.imm_b() as u32 - 1
    }
}

/// Register of argument `i`, as a byte offset.
#[inline(always)]
pub(super) fn place<O: Operands>(o: O, i: usize) -> usize {
    o.a() + ARGUMENT + i * 8
}

/// The one result, in as many places as the call wants.
#[inline(always)]
fn result<O: Operands>(m: Machine, o: O, v: u64) -> Flow {
    m.set_reg(o.a(), v);
    if o.imm_c().wrapping_sub(1) > 1 {
        return other_counts(m, o);
    }
    Flow::Next
}

/// The call wants all results, or more than one.
#[inline(always)]
fn other_counts<O: Operands>(m: Machine, o: O) -> Flow {
    if o.imm_c() == 0 {
        // SAFETY: a register of the frame; plain field.
        unsafe { (*m.vm).top = m.base.byte_add(o.a() + 8) };
        return Flow::Next;
    }
    let mut i = 1;
    while i < o.imm_c() - 1 {
        m.set_reg(o.a() + i * 8, Value::NIL.0);
        i += 1;
    }
    Flow::Next
}

#[inline(always)]
fn of_one_number<O: Operands>(m: Machine, o: O, f: impl FnOnce(f64) -> f64) -> Flow {
    let x = o.argument(m);
    if count(m, o) == 0 || !m.is_number(x) {
        cold_path();
        return Flow::Native;
    }
    result(m, o, f(f64::from_bits(x)).to_bits())
}

/// `math.abs`
#[inline(always)]
pub fn abs<O: Operands>(m: Machine, o: O) -> Flow {
    of_one_number(m, o, f64::abs)
}

/// `math.ceil`
#[inline(always)]
pub fn ceil<O: Operands>(m: Machine, o: O) -> Flow {
    of_one_number(m, o, |x| -floor_number(-x))
}

/// `math.floor`
#[inline(always)]
pub fn floor<O: Operands>(m: Machine, o: O) -> Flow {
    of_one_number(m, o, floor_number)
}

/// `math.sqrt`
#[inline(always)]
pub fn sqrt<O: Operands>(m: Machine, o: O) -> Flow {
    of_one_number(m, o, super::arith::sqrt)
}

#[inline(always)]
fn of_two_numbers<O: Operands>(m: Machine, o: O, f: impl FnOnce(f64, f64) -> f64) -> Flow {
    let (x, y) = (m.reg(place(o, 0)), m.reg(place(o, 1)));
    if count(m, o) != 2 || !m.is_number(x) || !m.is_number(y) {
        cold_path();
        return Flow::Native;
    }
    result(m, o, f(f64::from_bits(x), f64::from_bits(y)).to_bits())
}

/// `math.max`
#[inline(always)]
pub fn max<O: Operands>(m: Machine, o: O) -> Flow {
    of_two_numbers(m, o, |x, y| if y > x { y } else { x })
}

/// `math.min`
#[inline(always)]
pub fn min<O: Operands>(m: Machine, o: O) -> Flow {
    of_two_numbers(m, o, |x, y| if y < x { y } else { x })
}

/// `math.random`
#[inline(always)]
pub fn random<O: Operands>(m: Machine, o: O) -> Flow {
    let n = count(m, o);
    let (mut low, mut high) = (1, 0);
    if n != 0 {
        let x = m.reg(place(o, n as usize - 1));
        if n > 2 || !m.is_number(x) {
            cold_path();
            return Flow::Native;
        }
        high = truncate(f64::from_bits(x));
        if n == 2 {
            let x = m.reg(place(o, 0));
            if !m.is_number(x) {
                cold_path();
                return Flow::Native;
            }
            low = truncate(f64::from_bits(x));
        }
        // Also what is out of range, and so became the least number.
        if low > high || low == i32::MIN {
            cold_path();
            return Flow::Native;
        }
    }
    let state: u32 = m.get(m.reg_ref(o.a()), NATIVE_UPVALUES as usize);
    let mut generator: Random = m.get(state, 0);
    let unit = generator.unit();
    m.set(state, 0, generator);
    let r = if n == 0 {
        unit
    } else {
        Random::within(unit, low, high)
    };
    result(m, o, r.to_bits())
}

/// `string.byte`
#[inline(always)]
pub fn byte<O: Operands>(m: Machine, o: O) -> Flow {
    let n = count(m, o);
    let s = place(o, 0);
    if n.wrapping_sub(1) > 1 || m.reg_tag(s) != tag::STRING {
        cold_path();
        return Flow::Native;
    }
    let mut i = 1;
    if n == 2 {
        let x = m.reg(place(o, 1));
        if !m.is_number(x) {
            cold_path();
            return Flow::Native;
        }
        i = truncate(f64::from_bits(x));
    }
    let s = m.reg_ref(s);
    if (i as u32).wrapping_sub(1) >= m.get::<u32>(s, 8) {
        cold_path();
        return Flow::Native;
    }
    let b: u8 = m.get(s, STRING_DATA as usize - 1 + i as usize);
    result(m, o, widen(b as i32).to_bits())
}

/// The string of one byte.
#[inline(always)]
fn byte_string(m: Machine, b: u8) -> u64 {
    // SAFETY: plain field.
    let s = unsafe { (&raw const (*m.vm).library.byte_strings as *const u32).add(b as usize) };
    // SAFETY: the array has a place for every byte.
    Value::tagged(tag::STRING, unsafe { *s }).0
}

/// `string.char`
#[inline(always)]
pub fn char<O: Operands>(m: Machine, o: O) -> Flow {
    let x = m.reg(place(o, 0));
    if count(m, o) != 1 || !m.is_number(x) {
        cold_path();
        return Flow::Native;
    }
    let b = truncate(f64::from_bits(x));
    if b as u32 > 255 {
        cold_path();
        return Flow::Native;
    }
    result(m, o, byte_string(m, b as u8))
}

/// `string.len`
#[inline(always)]
pub fn len<O: Operands>(m: Machine, o: O) -> Flow {
    let s = place(o, 0);
    if count(m, o) == 0 || m.reg_tag(s) != tag::STRING {
        cold_path();
        return Flow::Native;
    }
    let n: u32 = m.get(m.reg_ref(s), 8);
    result(m, o, widen(n as i32).to_bits())
}

/// `string.sub`
#[inline(always)]
pub fn sub<O: Operands>(m: Machine, o: O) -> Flow {
    let n = count(m, o);
    let x = m.reg(place(o, 1));
    if n.wrapping_sub(2) > 1 || m.reg_tag(place(o, 0)) != tag::STRING || !m.is_number(x) {
        cold_path();
        return Flow::Native;
    }
    let s = m.reg_ref(place(o, 0));
    let len = m.get::<u32>(s, 8) as i32;
    let mut first = truncate(f64::from_bits(x));
    let mut last = -1;
    if n == 3 {
        let x = m.reg(place(o, 2));
        if !m.is_number(x) {
            cold_path();
            return Flow::Native;
        }
        last = truncate(f64::from_bits(x));
    }
    if first == i32::MIN || last == i32::MIN {
        cold_path();
        return Flow::Native;
    }
    // Lengths are far below 2^31, so these sums stay in range.
    if first < 0 {
        first = first.wrapping_add(len + 1);
    }
    if last < 0 {
        last = last.wrapping_add(len + 1);
    }
    first = if first < 1 { 1 } else { first };
    last = if last > len { len } else { last };
    let v = if first == last {
        byte_string(m, m.get(s, STRING_DATA as usize - 1 + first as usize))
    } else if first > last {
        // SAFETY: plain field.
        Value::tagged(tag::STRING, unsafe { (*m.vm).library.empty }).0
    } else if first == 1 && last == len {
        Value::tagged(tag::STRING, s).0
    } else {
        let n = (last - first + 1) as usize;
        let bytes = Rt(m.vm).at::<u8>(s + STRING_DATA - 1 + first as u32);
        if n > ENDS {
            return Flow::Native;
        }
        // SAFETY: the places lie within the string.
        match unsafe { Rt(m.vm).find_short(bytes, n) } {
            Some(found) => found.value().0,
            None => return Flow::Native,
        }
    };
    result(m, o, v)
}

/// `table.insert`
#[inline(always)]
pub fn insert<O: Operands>(m: Machine, o: O) -> Flow {
    if count(m, o) != 2 || m.reg_tag(place(o, 0)) != tag::TABLE || o.imm_c() != 1 {
        cold_path();
        return Flow::Native;
    }
    let t = m.reg_ref(place(o, 0));
    let Some(n) = border(m, t) else {
        return Flow::Native;
    };
    let v = m.reg(place(o, 1));
    if n >= m.get::<u32>(t, offset_of!(Table, array_cap)) {
        return match append(m, t, n + 1, v) {
            true => Flow::Next,
            false => Flow::Native,
        };
    }
    if m.hides(t, v) {
        cold_path();
        return Flow::Native;
    }
    let array: u32 = m.get(t, offset_of!(Table, array));
    m.set(array, n as usize * 8 + 8, v);
    Flow::Next
}

/// `table.remove`
#[inline(always)]
pub fn remove<O: Operands>(m: Machine, o: O) -> Flow {
    if count(m, o) != 1 || m.reg_tag(place(o, 0)) != tag::TABLE {
        return Flow::Native;
    }
    let t = m.reg_ref(place(o, 0));
    let n = match border(m, t) {
        None | Some(0) => return Flow::Native,
        Some(n) => n,
    };
    let array: u32 = m.get(t, offset_of!(Table, array));
    let v: u64 = m.get(array, n as usize * 8);
    m.set(array, n as usize * 8, Value::NIL.0);
    m.set(t, offset_of!(Table, hint), n - 1);
    result(m, o, v)
}

/// `assert`
#[inline(always)]
pub fn assert<O: Operands>(m: Machine, o: O) -> Flow {
    let v = m.reg(place(o, 0));
    if count(m, o) == 0 || v >= Value::FALSE.0 || o.imm_c().wrapping_sub(1) > 1 {
        cold_path();
        return Flow::Native;
    }
    m.set_reg(o.a(), v);
    Flow::Next
}

/// `getmetatable`
#[inline(always)]
pub fn getmetatable<O: Operands>(m: Machine, o: O) -> Flow {
    let t = place(o, 0);
    if count(m, o) == 0 || m.reg_tag(t) != tag::TABLE {
        cold_path();
        return Flow::Native;
    }
    let meta: u32 = m.get(m.reg_ref(t), offset_of!(Table, meta));
    if meta == 0 {
        return result(m, o, Value::NIL.0);
    }
    match handler(m, meta, Event::Metatable as usize) {
        Some(v) if v == Value::NIL.0 => result(m, o, Value::tagged(tag::TABLE, meta).0),
        _ => Flow::Native,
    }
}

/// `setmetatable`
#[inline(always)]
pub fn setmetatable<O: Operands>(m: Machine, o: O) -> Flow {
    let (v, k) = (place(o, 0), place(o, 1));
    if count(m, o) < 2 || m.reg_tag(v) != tag::TABLE || m.reg_tag(k) != tag::TABLE {
        cold_path();
        return Flow::Native;
    }
    let (t, meta) = (m.reg_ref(v), m.reg_ref(k));
    // A table on a chain must tell the caches.
    if m.get::<u32>(t, offset_of!(Table, meta)) != 0
        || m.get::<u8>(t, offset_of!(Table, flags)) & ON_CHAIN != 0
    {
        cold_path();
        return Flow::Native;
    }
    let shape = match stub_of(m, t, meta) {
        Some(s) => s.slot,
        None => return Flow::Native,
    };
    if m.hides_object(t, meta) || m.hides_object(t, shape) {
        cold_path();
        return Flow::Native;
    }
    m.set(t, offset_of!(Table, shape), shape);
    m.set(t, offset_of!(Table, meta), meta);
    result(m, o, m.reg(v))
}

/// Iterator, state and control of a loop over a table.
#[inline(always)]
fn iteration<O: Operands>(m: Machine, o: O, iterator: u32, control: u64) -> Flow {
    let t = m.reg(place(o, 0));
    if count(m, o) == 0 || m.reg_tag(place(o, 0)) != tag::TABLE || o.imm_c() != 4 {
        cold_path();
        return Flow::Native;
    }
    let a = o.a();
    m.set_reg(a, Value::tagged(tag::NATIVE, iterator).0);
    m.set_reg(a + 8, t);
    m.set_reg(a + 16, control);
    Flow::Next
}

/// `ipairs`
#[inline(always)]
pub fn ipairs<O: Operands>(m: Machine, o: O) -> Flow {
    // SAFETY: plain field.
    let iterator = unsafe { (*m.vm).ipairs_fn };
    iteration(m, o, iterator, 0)
}

/// `pairs`
#[inline(always)]
pub fn pairs<O: Operands>(m: Machine, o: O) -> Flow {
    // SAFETY: plain field.
    let iterator = unsafe { (*m.vm).next_fn };
    iteration(m, o, iterator, Value::NIL.0)
}

/// `rawequal`
#[inline(always)]
pub fn rawequal<O: Operands>(m: Machine, o: O) -> Flow {
    let (x, y) = (m.reg(place(o, 0)), m.reg(place(o, 1)));
    if count(m, o) < 2 {
        cold_path();
        return Flow::Native;
    }
    let equal = if m.is_number(x) && m.is_number(y) {
        f64::from_bits(x) == f64::from_bits(y)
    } else {
        x == y
    };
    result(m, o, Value::boolean(equal).0)
}

/// `rawget`
#[inline(always)]
pub fn rawget<O: Operands>(m: Machine, o: O) -> Flow {
    let key = m.reg(place(o, 1));
    if count(m, o) < 2 || m.reg_tag(place(o, 0)) != tag::TABLE || !m.is_number(key) {
        return Flow::Native;
    }
    let t = m.reg_ref(place(o, 0));
    match super::index_of::<O>(key) {
        Some(i) if i.wrapping_sub(1) < m.get::<u32>(t, offset_of!(Table, array_cap)) => {
            let array: u32 = m.get(t, offset_of!(Table, array));
            result(m, o, m.get(array, i as usize * 8))
        }
        _ => Flow::Native,
    }
}

/// `select`
#[inline(always)]
pub fn select<O: Operands>(m: Machine, o: O) -> Flow {
    let n = count(m, o);
    let which = m.reg(place(o, 0));
    if n == 0 {
        cold_path();
        return Flow::Native;
    }
    if m.is_number(which) {
        let i = truncate(f64::from_bits(which));
        // Several results need more than this.
        if i < 1 || o.imm_c() != 2 {
            return Flow::Native;
        }
        let v = if (i as u32) < n {
            m.reg(place(o, i as usize))
        } else {
            Value::NIL.0
        };
        m.set_reg(o.a(), v);
        return Flow::Next;
    }
    if which != byte_string(m, b'#') {
        cold_path();
        return Flow::Native;
    }
    result(m, o, widen(n as i32 - 1).to_bits())
}

/// `tonumber`
#[inline(always)]
pub fn tonumber<O: Operands>(m: Machine, o: O) -> Flow {
    let v = m.reg(place(o, 0));
    if count(m, o) != 1 || !m.is_number(v) {
        return Flow::Native;
    }
    result(m, o, v)
}

/// `tostring`
#[inline(always)]
pub fn tostring<O: Operands>(m: Machine, o: O) -> Flow {
    if count(m, o) == 0 || m.reg_tag(place(o, 0)) != tag::STRING {
        return Flow::Native;
    }
    result(m, o, m.reg(place(o, 0)))
}

/// `type`
#[inline(always)]
pub fn type_<O: Operands>(m: Machine, o: O) -> Flow {
    if count(m, o) == 0 {
        cold_path();
        return Flow::Native;
    }
    let v = place(o, 0);
    let i = if m.is_number(m.reg(v)) {
        0
    } else {
        // Tags are small negative numbers.
        m.reg_tag(v).wrapping_neg() & 15
    };
    // SAFETY: plain field; the array has 16 places.
    let name = unsafe { *(&raw const (*m.vm).library.tag_names as *const u32).add(i as usize) };
    result(m, o, Value::tagged(tag::STRING, name).0)
}

/// `unpack`
#[inline(always)]
pub fn unpack<O: Operands>(m: Machine, o: O) -> Flow {
    /// Above the slack of a frame there may be no room.
    const MANY: u32 = 40;
    if count(m, o) != 1 || m.reg_tag(place(o, 0)) != tag::TABLE {
        cold_path();
        return Flow::Native;
    }
    let t = m.reg_ref(place(o, 0));
    let Some(n) = border(m, t) else {
        return Flow::Native;
    };
    if n > MANY {
        cold_path();
        return Flow::Native;
    }
    let array: u32 = m.get(t, offset_of!(Table, array));
    let (n, wanted) = (n as usize, o.imm_c());
    let copied = if wanted == 0 || n < wanted {
        n
    } else {
        wanted - 1
    };
    let mut i = 0;
    while i < copied {
        m.set_reg(o.a() + i * 8, m.get(array, i * 8 + 8));
        i += 1;
    }
    if wanted == 0 {
        // SAFETY: the frame's slack lies behind its registers; plain field.
        unsafe { (*m.vm).top = m.base.byte_add(o.a() + i * 8) };
        return Flow::Next;
    }
    while i + 1 < wanted {
        m.set_reg(o.a() + i * 8, Value::NIL.0);
        i += 1;
    }
    // A call without results may name the function's slot only.
    Flow::Next
}
