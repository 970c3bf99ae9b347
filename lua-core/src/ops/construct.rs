//! Table construction: new tables and what their constructors put into them.
//!
//! Small tables are made here, out of free cells that are there already; whatever has
//! to look for memory is made by `slow/`. Called through the op table only.

use super::{Flow, Machine, Operands, Part};
use crate::heap::cells::{BLOCK, Block, class_for};
use crate::heap::{Header, Kind};
use crate::shape::Shape;
use crate::table::{SLOTS, Table};
use crate::value::{Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

const META: usize = offset_of!(Table, meta);
const PROPS: usize = offset_of!(Table, props);
const ARRAY: usize = offset_of!(Table, array);
const ARRAY_CAP: usize = offset_of!(Table, array_cap);

/// R[a] = new table of shape d. The commonest shapes are made right here: no
/// array part, and all properties inside the object.
#[inline(always)]
pub fn new_table<O: Operands>(m: Machine, o: O) -> Flow {
    if o.extra(0) != 0 {
        cold_path();
        return Flow::Rest(Part::NewTable);
    }
    let Some((inline, class)) = small_table(m, o.d()) else {
        return Flow::Slow;
    };
    let t = head_of(m, class);
    if t == 0 {
        cold_path();
        return Flow::Slow;
    }
    take(m, class, t);
    set_up_table(m, t, o.d(), inline);
    m.set_reg(o.a(), Value::tagged(tag::TABLE, t).0);
    Flow::Next
}

/// The rest of `new_table`: with a small array part.
#[inline(always)]
pub fn new_table_rest<O: Operands>(m: Machine, o: O) -> Flow {
    let n = o.extra(0);
    if n > 16 || o.extra(1) != 0 {
        return Flow::Slow;
    }
    let Some((inline, class)) = small_table(m, o.d()) else {
        return Flow::Slow;
    };
    let t = head_of(m, class);
    if t == 0 {
        cold_path();
        return Flow::Slow;
    }
    // Both may come from one list.
    let array_class = class_for(n * 8 + 8);
    let array = if array_class == class {
        m.get(t, offset_of!(Header, aux))
    } else {
        head_of(m, array_class)
    };
    if array == 0 {
        cold_path();
        return Flow::Slow;
    }
    take(m, class, t);
    take(m, array_class, array);
    // SAFETY: plain field.
    let fresh = unsafe { (*m.vm).fresh } as u64;
    m.set(
        array,
        0,
        Kind::Values as u64 | fresh << 8 | (n as u64) << 32,
    );
    let mut i = 1;
    while i <= n as usize {
        m.set(array, i * 8, Value::NIL.0);
        i += 1;
    }
    set_up_table(m, t, o.d(), inline);
    m.set(t, ARRAY, array as u64 | (n as u64) << 32);
    m.set_reg(o.a(), Value::tagged(tag::TABLE, t).0);
    Flow::Next
}

/// Inline slots and size class of a table of this shape, if it is small.
#[inline(always)]
fn small_table(m: Machine, shape: u32) -> Option<(u32, usize)> {
    let inline = m.get::<u8>(shape, offset_of!(Shape, header) + offset_of!(Header, b3)) as u32;
    if inline > 8 {
        return None;
    }
    Some((inline, class_for(SLOTS + inline * 8)))
}

/// The first free cell of a class, or 0.
#[inline(always)]
pub(super) fn head_of(m: Machine, class: usize) -> u32 {
    // SAFETY: plain field; the class exists.
    unsafe { *(&raw const (*m.vm).cells.free as *const u32).add(class) }
}

/// Takes the first free cell of a class.
#[inline(always)]
pub(super) fn take(m: Machine, class: usize, cell: u32) {
    // SAFETY: plain field; a free cell links to the next.
    unsafe {
        *(&raw mut (*m.vm).cells.free as *mut u32).add(class) =
            m.get::<u32>(cell, offset_of!(Header, aux));
    }
}

/// Makes a cell an empty table.
#[inline(always)]
fn set_up_table(m: Machine, t: u32, shape: u32, inline: u32) {
    // SAFETY: plain field.
    let fresh = unsafe { (*m.vm).fresh } as u64;
    let first = Kind::Table as u64 | fresh << 8 | (inline as u64) << 24 | (shape as u64) << 32;
    m.set(t, 0, first);
    m.set(t, META, 0u64);
    m.set(t, ARRAY, 0u64);
    m.set(t, offset_of!(Table, hash), 0u64);
    let mut i = 0;
    while i < inline as usize {
        m.set(t, SLOTS as usize + i * 8, Value::NIL.0);
        i += 1;
    }
}
// The three 64-bit stores clear two fields each.
const _: () = assert!(META == 8 && PROPS == 12 && ARRAY == 16 && ARRAY_CAP == 20);
const _: () = assert!(offset_of!(Table, hash) == 24 && offset_of!(Table, hint) == 28);
const _: () = assert!(offset_of!(Table, shape) == 4 && offset_of!(Table, inline_cap) == 3);

/// Largest array part that is grown here.
const GROWN_MAX: u32 = 64;

/// Stores `v` behind a full array part, which grows, or as the first item of one; false: it
/// has changed nothing.
#[inline(always)]
pub(super) fn append(m: Machine, t: u32, i: u32, v: u64) -> bool {
    let cap: u32 = m.get(t, ARRAY_CAP);
    // The hash part may have what belongs behind; and a nil adds nothing.
    if i.wrapping_sub(1) != cap
        || cap > GROWN_MAX
        || m.get::<u32>(t, META) != 0
        || m.get::<u32>(t, offset_of!(Table, hash)) != 0
        || v == Value::NIL.0
        || m.barrier_applies(t)
    {
        return false;
    }
    let old: u32 = m.get(t, ARRAY);
    if cap != 0 && m.get::<u64>(old, cap as usize * 8) == Value::NIL.0 {
        return false;
    }
    let n = if cap < 2 { 4 } else { cap * 2 };
    let class = class_for(n * 8 + 8);
    let array = head_of(m, class);
    if array == 0 {
        return false;
    }
    take(m, class, array);
    // SAFETY: plain field.
    let fresh = unsafe { (*m.vm).fresh } as u64;
    m.set(
        array,
        0,
        Kind::Values as u64 | fresh << 8 | (n as u64) << 32,
    );
    let mut k = 1;
    while k <= cap as usize {
        m.set(array, k * 8, m.get::<u64>(old, k * 8));
        k += 1;
    }
    m.set(array, k * 8, v);
    while k < n as usize {
        k += 1;
        m.set(array, k * 8, Value::NIL.0);
    }
    m.set(t, ARRAY, array as u64 | (n as u64) << 32);
    m.set(t, offset_of!(Table, hint), i);
    if old != 0 {
        give_back(m, class_for(cap * 8 + 8), old);
    }
    true
}

/// As `Rt::release`: gives back a cell that nothing refers to any more.
#[inline(always)]
fn give_back(m: Machine, class: usize, cell: u32) {
    let swept: u32 = m.get(cell & !(BLOCK - 1), offset_of!(Block, swept));
    // SAFETY: plain fields; the class exists. The sweep of a block that isn't swept yet
    // puts the cell in its list.
    unsafe {
        if swept != (*m.vm).cells.cycle {
            m.set(cell, 0, 0u64);
            return;
        }
        let head = (&raw mut (*m.vm).cells.free as *mut u32).add(class);
        m.set(cell, 0, (*head as u64) << 32);
        *head = cell;
    }
}

/// inline slot d of the fresh table R[a] = R[b]
#[inline(always)]
pub fn init_field<O: Operands>(m: Machine, o: O) -> Flow {
    let (t, v) = (m.reg_ref(o.a()), m.reg(o.b()));
    // Not so fresh when what came before it in the constructor was a call.
    if m.hides(t, v) {
        return Flow::Slow;
    }
    m.set(t, SLOTS as usize + o.d() as usize * 8, v);
    Flow::Next
}

/// R[a][d .. d+b-2] = R[a+1 ..]
#[inline(always)]
pub fn set_list<O: Operands>(m: Machine, o: O) -> Flow {
    let t = m.reg_ref(o.a());
    let n = (o.imm_b() as u32).wrapping_sub(1);
    let last = o.d().wrapping_add(n).wrapping_sub(1);
    // An open list, a part that isn't large enough, or a table that marking has reached.
    if o.imm_b() == 0 || last > m.get::<u32>(t, ARRAY_CAP) || m.barrier_applies(t) {
        cold_path();
        return Flow::Slow;
    }
    let array: u32 = m.get(t, ARRAY);
    let mut i = 0;
    while i < n as usize {
        let v = m.reg(o.a() + 8 + i * 8);
        m.set(array, (o.d() as usize + i) * 8, v);
        i += 1;
    }
    Flow::Next
}
