//! Moves, constants, captured variables.

use super::construct::{head_of, take};
use super::{Flow, Machine, Operands, Part};
use crate::heap::cells::class_for;
use crate::heap::{Header, Kind};
use crate::proto::{
    CLOSURE_UPVALUES, COMPILED_BEFORE_ENTRY, Closure, Proto, Slice, UpvalueDesc, UpvalueFrom,
};
use crate::value::{Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

/// R[a] = R[b]
#[inline(always)]
pub fn copy<O: Operands>(m: Machine, o: O) -> Flow {
    // Of any value, as it is.
    Flow::Value(o.number_b(m).to_bits())
}

/// R[a] = K
#[inline(always)]
pub fn load_k<O: Operands>(m: Machine, o: O) -> Flow {
    m.set_reg(o.a(), o.k());
    Flow::Next
}

/// R[a] = string d
#[inline(always)]
pub fn load_str<O: Operands>(m: Machine, o: O) -> Flow {
    m.set_reg(o.a(), Value::tagged(tag::STRING, o.d()).0);
    Flow::Next
}

/// R[a .. a+b] = nil
#[inline(always)]
pub fn load_nil<O: Operands>(m: Machine, o: O) -> Flow {
    let mut n = o.imm_b();
    let mut at = o.a();
    loop {
        m.set_reg(at, Value::NIL.0);
        if n == 0 {
            return Flow::Next;
        }
        n -= 1;
        at += 8;
    }
}

/// R[a] = (b != 0)
#[inline(always)]
pub fn load_bool<O: Operands>(m: Machine, o: O) -> Flow {
    // true lies one tag below false.
    m.set_reg(o.a(), Value::FALSE.0 - ((o.imm_b() as u64) << 32));
    Flow::Next
}
const _: () = assert!(Value::FALSE.0 - (1 << 32) == Value::TRUE.0);

#[inline(always)]
fn upvalue<O: Operands>(m: Machine, o: O) -> u64 {
    m.get(m.closure(), o.up())
}

/// R[a] = U[b]
#[inline(always)]
pub fn get_up<O: Operands>(m: Machine, o: O) -> Flow {
    Flow::Value(upvalue(m, o))
}

/// Offset of the variable in a cell.
const CELL_VALUE: usize = 8;

/// R[a] = content of cell U[b]
#[inline(always)]
pub fn get_up_cell<O: Operands>(m: Machine, o: O) -> Flow {
    Flow::Value(m.get(upvalue(m, o) as u32, CELL_VALUE))
}

#[inline(always)]
fn store_in_cell(m: Machine, cell: u32, v: u64) -> Flow {
    if m.hides(cell, v) {
        return Flow::Slow;
    }
    m.set(cell, CELL_VALUE, v);
    Flow::Next
}

/// content of cell U[b] = R[a]
#[inline(always)]
pub fn set_up_cell<O: Operands>(m: Machine, o: O) -> Flow {
    store_in_cell(m, upvalue(m, o) as u32, m.reg(o.a()))
}

/// R[a] = new cell holding R[a]
#[inline(always)]
pub fn new_cell<O: Operands>(m: Machine, o: O) -> Flow {
    const CLASS: usize = class_for(16);
    let cell = head_of(m, CLASS);
    if cell == 0 {
        cold_path();
        return Flow::Slow;
    }
    take(m, CLASS, cell);
    // SAFETY: plain field.
    let fresh = unsafe { (*m.vm).fresh } as u64;
    m.set(cell, 0, Kind::Cell as u64 | fresh << 8);
    m.set(cell, CELL_VALUE, m.reg(o.a()));
    m.set_reg(o.a(), Value::tagged(tag::CELL, cell).0);
    Flow::Next
}

/// R[a] = content of cell R[b]
#[inline(always)]
pub fn get_cell<O: Operands>(m: Machine, o: O) -> Flow {
    m.set_reg(o.a(), m.get(m.reg_ref(o.b()), CELL_VALUE));
    Flow::Next
}

/// content of cell R[a] = R[b]
#[inline(always)]
pub fn set_cell<O: Operands>(m: Machine, o: O) -> Flow {
    store_in_cell(m, m.reg_ref(o.a()), m.reg(o.b()))
}

/// R[a] = new closure of prototype d
#[inline(always)]
pub fn closure<O: Operands>(_m: Machine, _o: O) -> Flow {
    Flow::Rest(Part::Closure)
}

/// The rest of `closure`, which is all of it: out of a free cell that is there already.
#[inline(always)]
pub fn closure_rest<O: Operands>(m: Machine, o: O) -> Flow {
    let proto = o.d();
    let entry: u32 = m.get(proto, offset_of!(Proto, entry));
    let upvalues: Slice = m.get(proto, offset_of!(Proto, upvalues));
    let size = CLOSURE_UPVALUES + upvalues.len * 8;
    // SAFETY: plain field.
    let forced = unsafe { (*m.vm).forced } != 0;
    if size > MANY || forced && m.get_before::<u64>(entry, COMPILED_BEFORE_ENTRY) == 0 {
        // The slow path also compiles what must be compiled at once.
        cold_path();
        return Flow::Slow;
    }
    let class = class_for(size);
    let c = head_of(m, class);
    if c == 0 {
        cold_path();
        return Flow::Slow;
    }
    take(m, class, c);
    // SAFETY: plain field.
    let fresh = unsafe { (*m.vm).fresh } as u64;
    let first = Kind::Closure as u64 | fresh << 8 | (upvalues.len as u64) << 16;
    m.set(c, 0, first | (proto as u64) << 32);
    let outer = m.closure();
    m.set(c, offset_of!(Closure, env), {
        m.get::<u32>(outer, offset_of!(Closure, env))
    });
    m.set(c, offset_of!(Closure, entry), entry);
    let value = Value::tagged(tag::CLOSURE, c).0;
    let mut i = 0;
    while i < upvalues.len as usize {
        let d: UpvalueDesc = m.get(upvalues.offset, 8 + i * size_of::<UpvalueDesc>());
        let v = match d.from {
            UpvalueFrom::Local => m.reg(d.index as usize * 8),
            UpvalueFrom::Up => m.get(outer, CLOSURE_UPVALUES as usize + d.index as usize * 8),
            UpvalueFrom::Itself => value,
        };
        m.set(c, CLOSURE_UPVALUES as usize + i * 8, v);
        i += 1;
    }
    m.set_reg(o.a(), value);
    Flow::Next
}
/// Largest closure in bytes that isn't left to the slow path: its class is found at once.
const MANY: u32 = 256;
const _: () = assert!(offset_of!(Header, mark) == 1 && offset_of!(Header, b2) == 2);
const _: () = assert!(offset_of!(Header, aux) == 4);
