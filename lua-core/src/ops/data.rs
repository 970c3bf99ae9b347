//! Moves, constants, captured variables.

use super::{Flow, Machine, Operands};
use crate::value::Value;

/// R[a] = R[b]
#[inline(always)]
pub fn copy<O: Operands>(m: Machine, o: O) -> Flow {
    m.set_reg(o.a(), m.reg(o.b()));
    Flow::Next
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
    m.set_reg(o.a(), Value::tagged(crate::value::tag::STRING, o.d()).0);
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
    m.set_reg(o.a(), upvalue(m, o));
    Flow::Next
}

/// Offset of the variable in a cell.
const CELL_VALUE: usize = 8;

/// R[a] = content of cell U[b]
#[inline(always)]
pub fn get_up_cell<O: Operands>(m: Machine, o: O) -> Flow {
    m.set_reg(o.a(), m.get(upvalue(m, o) as u32, CELL_VALUE));
    Flow::Next
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
pub fn new_cell<O: Operands>(_m: Machine, _o: O) -> Flow {
    Flow::Slow
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
    Flow::Slow
}
