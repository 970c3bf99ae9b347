//! Calls of Lua functions and returns. See `frame.rs` for the layout.

use super::{Flow, Machine, Operands};
use crate::frame::KIND_MASK;
use crate::proto::{Closure, SIGNATURE_BEFORE_ENTRY, SIGNATURE_VARIADIC};
use crate::value::{Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

/// Where control goes on after a call: the instruction behind it.
#[inline(always)]
fn offset_behind<O: Operands>(m: Machine, o: O) -> u32 {
    (o.pc() as usize).wrapping_sub(m.vm as usize) as u32 + 8
}

/// R[a ..] = R[a](R[a+2 ..])
#[inline(always)]
pub fn call<O: Operands>(m: Machine, o: O) -> Flow {
    let a = o.a();
    if m.tick() {
        cold_path();
        return Flow::Trap;
    }
    if m.reg_tag(a) != tag::CLOSURE {
        cold_path();
        return if m.reg_tag(a) == tag::NATIVE {
            Flow::Native
        } else {
            Flow::Slow
        };
    }
    if o.imm_b() == 0 {
        cold_path();
        return Flow::Slow;
    }
    // SAFETY: the call area lies inside the frame; bounds are checked before anything is written.
    unsafe {
        let base = m.base.byte_add(a + 16);
        let entry: u32 = m.get(m.reg_ref(a), offset_of!(Closure, entry));
        let signature: u32 = m.get(entry - SIGNATURE_BEFORE_ENTRY, 0);
        if base as *const u64 > (*m.vm).stack_limit as *const u64 {
            cold_path();
            return Flow::Slow;
        }
        let mut given = o.imm_b() as u32 - 1;
        if signature != given {
            if signature & SIGNATURE_VARIADIC != 0 {
                cold_path();
                return Flow::Slow;
            }
            while given < signature {
                *base.add(given as usize) = Value::NIL.0;
                given += 1;
            }
        }
        *base.sub(1) = offset_behind(m, o) as u64 | (o.d() as u64) << 32;
        Flow::Goto(base, m.address(entry))
    }
}

/// return R[a](R[a+2 ..])
#[inline(always)]
pub fn tail_call<O: Operands>(m: Machine, o: O) -> Flow {
    let a = o.a();
    if m.tick() {
        cold_path();
        return Flow::Trap;
    }
    if m.reg_tag(a) != tag::CLOSURE || o.imm_b() == 0 {
        cold_path();
        return Flow::Slow;
    }
    // SAFETY: as `call`; the frame is replaced by one at the same base.
    unsafe {
        let entry: u32 = m.get(m.reg_ref(a), offset_of!(Closure, entry));
        let signature: u32 = m.get(entry - SIGNATURE_BEFORE_ENTRY, 0);
        let mut given = o.imm_b() as u32 - 1;
        let link = *(m.base.sub(1) as *const u32).add(1);
        if signature & SIGNATURE_VARIADIC != 0 || link & KIND_MASK == 5 {
            // Variadic functions on either side shift frames.
            cold_path();
            return Flow::Slow;
        }
        *m.base.sub(2) = m.reg(a);
        let from = m.base.byte_add(a + 16);
        let mut i = 0;
        while i < given {
            *m.base.add(i as usize) = *from.add(i as usize);
            i += 1;
        }
        while given < signature {
            *m.base.add(given as usize) = Value::NIL.0;
            given += 1;
        }
        Flow::Goto(m.base, m.address(entry))
    }
}
const _: () = assert!(crate::frame::FrameKind::Variadic as u32 == 5);

/// Back to a Lua caller that wants no or one result.
#[inline(always)]
fn return_simple(m: Machine, v: u64) -> Flow {
    // SAFETY: the frame's header is below its base, and names the caller's frame.
    unsafe {
        let header = m.base.sub(1) as *const u32;
        let link = *header.add(1);
        if link & KIND_MASK != 0 {
            cold_path();
            return Flow::Slow;
        }
        let to = *header;
        *m.base.sub(2) = v;
        Flow::Goto(m.base.byte_sub(link as usize), m.address(to))
    }
}

/// return R[a]
#[inline(always)]
pub fn return_one<O: Operands>(m: Machine, o: O) -> Flow {
    return_simple(m, m.reg(o.a()))
}

/// return
#[inline(always)]
pub fn return_none<O: Operands>(m: Machine, _o: O) -> Flow {
    return_simple(m, Value::NIL.0)
}

/// return R[a ..]
#[inline(always)]
pub fn return_many<O: Operands>(_m: Machine, _o: O) -> Flow {
    Flow::Slow
}

/// R[a ..] = ...
#[inline(always)]
pub fn var_arg<O: Operands>(_m: Machine, _o: O) -> Flow {
    Flow::Slow
}
