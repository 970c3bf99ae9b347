//! Numeric and generic `for`.

use super::call::enter;
use super::nodes::entry_from;
use super::{Flow, Machine, Operands, shortcuts, truncate, widen};
use crate::frame::{FrameKind, link};
use crate::shortcuts::Shortcut;
use crate::table::Table;
use crate::value::{Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

/// Checks and converts the control values; empty loops are jumped over.
#[inline(always)]
pub fn for_prep<O: Operands>(m: Machine, o: O) -> Flow {
    let a = o.a();
    let (index, limit, step) = (m.reg(a), m.reg(a + 8), m.reg(a + 16));
    if !m.is_number(index) || !m.is_number(limit) || !m.is_number(step) {
        cold_path();
        return Flow::Slow;
    }
    let (limit, step) = (f64::from_bits(limit), f64::from_bits(step));
    let index = first_index(f64::from_bits(index), step);
    if within(index, limit, step) {
        m.set_reg(a, index.to_bits());
        m.set_reg(a + 24, index.to_bits());
        Flow::Begun(index)
    } else {
        Flow::Taken
    }
}

/// The index of the first iteration: the reference subtracts the step, and the loop
/// then begins by adding it, which rounds.
#[inline(always)]
pub(crate) fn first_index(initial: f64, step: f64) -> f64 {
    initial - step + step
}

/// Is the loop to be entered with this index?
#[inline(always)]
pub(crate) fn within(index: f64, limit: f64, step: f64) -> bool {
    if step > 0.0 {
        index <= limit
    } else {
        limit <= index
    }
}

/// R[a] += R[a+2]; if within R[a+1] then tick, R[a+3] = R[a], pc += d
#[inline(always)]
pub fn for_loop<O: Operands>(m: Machine, o: O) -> Flow {
    step_loop::<O, false>(m, o)
}

/// The same, R[a+2] known to be positive.
#[inline(always)]
pub fn for_loop_up<O: Operands>(m: Machine, o: O) -> Flow {
    step_loop::<O, true>(m, o)
}

#[inline(always)]
fn step_loop<O: Operands, const UP: bool>(m: Machine, o: O) -> Flow {
    let a = o.a();
    let step = f64::from_bits(m.reg(a + 16));
    let limit = f64::from_bits(m.reg(a + 8));
    let index = o.number_a(m) + step;
    let go_on = if UP {
        index <= limit
    } else {
        within(index, limit, step)
    };
    if go_on {
        if m.tick() {
            cold_path();
            return Flow::Trap;
        }
        m.set_reg(a, index.to_bits());
        m.set_reg(a + 24, index.to_bits());
        return Flow::Again(index);
    }
    Flow::Next
}

/// R[a+3 ..] = b results of R[a](R[a+1], R[a+2]). Iteration with `next` and with
/// the iterator of `ipairs` needs no call; control goes on behind the `IterLoop`
/// that follows, or to its target.
#[inline(always)]
pub fn iter_call<O: Operands>(m: Machine, o: O) -> Flow {
    let a = o.a();
    if m.tick() {
        cold_path();
        return Flow::Trap;
    }
    // SAFETY: plain fields.
    let (next_fn, ipairs_fn) = unsafe { ((*m.vm).next_fn, (*m.vm).ipairs_fn) };
    // More variables than key and value need nils: rare enough for the slow path.
    if m.reg_tag(a) == tag::NATIVE && m.reg_tag(a + 8) == tag::TABLE && o.imm_b() <= 2 {
        let t = m.reg_ref(a + 8);
        let array: u32 = m.get(t, offset_of!(Table, array));
        let cap: u32 = m.get(t, offset_of!(Table, array_cap));
        if m.reg_ref(a) == ipairs_fn {
            let control = m.reg(a + 16);
            if !m.is_number(control) {
                cold_path();
                return Flow::Slow;
            }
            let i = truncate(f64::from_bits(control)).wrapping_add(1);
            if (i as u32).wrapping_sub(1) < cap {
                let v: u64 = m.get(array, i as usize * 8);
                if v != Value::NIL.0 {
                    let x = widen(i).to_bits();
                    m.set_reg(a + 16, x);
                    m.set_reg(a + 24, x);
                    m.set_reg(a + 32, v);
                    return Flow::TakenNext;
                }
            } else if m.get::<u32>(t, offset_of!(Table, hash)) != 0 {
                // The list may go on in the hash part.
                cold_path();
                return Flow::Slow;
            }
            m.set_reg(a + 24, Value::NIL.0);
            return Flow::Next;
        }
        if m.reg_ref(a) == next_fn {
            // The position in the table's order, instead of the key before.
            let control = m.reg(a + 16);
            let cursor = match (control >> 32) as u32 {
                tag::CURSOR => control as u32,
                tag::NIL => 0,
                _ => return Flow::Slow,
            };
            let Some((k, v, cursor)) = entry_from(m, t, cursor) else {
                m.set_reg(a + 24, Value::NIL.0);
                return Flow::Next;
            };
            m.set_reg(a + 16, Value::tagged(tag::CURSOR, cursor).0);
            m.set_reg(a + 24, k);
            m.set_reg(a + 32, v);
            return Flow::TakenNext;
        }
    }
    call_iterator(m, o)
}

/// The call that an `IterCall` makes, in the way of a `Call`.
#[derive(Clone, Copy)]
struct IteratorCall<O>(O);

impl<O: Operands> Operands for IteratorCall<O> {
    #[inline(always)]
    fn a(self) -> usize {
        self.0.a() + 24
    }
    #[inline(always)]
    fn b(self) -> usize {
        self.0.b()
    }
    #[inline(always)]
    fn c(self) -> usize {
        self.0.c()
    }
    #[inline(always)]
    fn imm_b(self) -> usize {
        // State and control.
        3
    }
    #[inline(always)]
    fn imm_c(self) -> usize {
        self.0.imm_b() + 1
    }
    #[inline(always)]
    fn d(self) -> u32 {
        let kind = if self.0.imm_b() == 1 {
            FrameKind::Lua
        } else {
            FrameKind::LuaMany
        };
        link((self.a() / 8) as u32 + 2, kind)
    }
    crate::pass_on_operands! { k extra pc }
}

/// Calls an iterator that is a Lua function, or that a coroutine runs.
#[inline(always)]
fn call_iterator<O: Operands>(m: Machine, o: O) -> Flow {
    let a = o.a();
    let is_closure = m.reg_tag(a) == tag::CLOSURE;
    if !is_closure {
        if m.reg_tag(a) != tag::NATIVE {
            cold_path();
            return Flow::Slow;
        }
        match shortcuts::number(m, o) {
            0 => return Flow::Native,
            x if x == Shortcut::Wrapped as usize => {}
            // Its handler is for calls.
            _ => return Flow::Slow,
        }
    }
    // The function and its arguments; the slow path would put them there as well.
    let call = IteratorCall(o);
    m.set_reg(a + 24, m.reg(a));
    m.set_reg(a + 40, m.reg(a + 8));
    m.set_reg(a + 48, m.reg(a + 16));
    let flow = if is_closure {
        enter(m, call)
    } else {
        shortcuts::wrapped(m, call)
    };
    match flow {
        Flow::Native => Flow::Slow,
        other => other,
    }
}

/// if R[a+3] ~= nil then R[a+2] = R[a+3], tick, pc += d
#[inline(always)]
pub fn iter_loop<O: Operands>(m: Machine, o: O) -> Flow {
    let a = o.a();
    let v = m.reg(a + 24);
    if v == Value::NIL.0 {
        return Flow::Next;
    }
    if m.tick() {
        cold_path();
        return Flow::Trap;
    }
    m.set_reg(a + 16, v);
    Flow::Taken
}
