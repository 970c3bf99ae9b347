//! Operators on operands other than numbers: conversions, strings, metamethods.

use super::NEGATE;
use crate::calls::Step;
use crate::error::Raise;
use crate::heap::{NoMemory, Rt, StrRef};
use crate::isa::{Insn, OPS, Op};
use crate::ops::arith::{modulo_number, power};
use crate::ops::insn;
use crate::state::Event;
use crate::value::{Value, tag};

/// The NaN that the processor makes of operands that aren't. Code for systems without
/// floating-point registers (kernels) would make another, which prints differently.
const MADE_NAN: f64 = f64::from_bits(0xFFF8_0000_0000_0000);

impl Rt {
    /// Powers, which handlers leave to the slow path though nothing is special about them;
    /// `None` for everything else.
    #[inline(always)]
    pub(super) fn power_of_numbers(self, base: *mut u64, pc: *const u64) -> Option<Step> {
        let i = insn(pc);
        // SAFETY: the operation has this word.
        let k = || Value(unsafe { *pc.add(1) });
        let (x, y) = match OPS[i.op as usize].base {
            Op::Pow => (self.reg(base, i.b), self.reg(base, i.c)),
            Op::PowVK => (self.reg(base, i.b), k()),
            Op::PowKV => (k(), self.reg(base, i.c)),
            _ => return None,
        };
        if !x.is_number() || !y.is_number() {
            return None;
        }
        let r = power(f64::from_bits(x.0), f64::from_bits(y.0));
        if r.is_nan() {
            return None;
        }
        self.finish(base, pc, i.a, Value::number(r)).ok()
    }

    pub(super) fn arith(
        self,
        base: *mut u64,
        pc: *const u64,
        op: Op,
        (x, rx): (Value, Option<u8>),
        (y, ry): (Value, Option<u8>),
    ) -> Result<Step, Raise> {
        let event = match op {
            Op::Add | Op::AddVK | Op::AddKV => Event::Add,
            Op::Sub | Op::SubVK | Op::SubKV => Event::Sub,
            Op::Mul | Op::MulVK | Op::MulKV => Event::Mul,
            Op::Div | Op::DivVK | Op::DivKV => Event::Div,
            Op::Mod | Op::ModVK | Op::ModWK | Op::ModKV => Event::Mod,
            _ => Event::Pow,
        };
        if let (Some(a), Some(b)) = (self.to_number(x), self.to_number(y)) {
            let r = match event {
                Event::Add => a + b,
                Event::Sub => a - b,
                Event::Mul => a * b,
                Event::Div => a / b,
                Event::Mod => modulo_number(a, b),
                _ => power(a, b),
            };
            let made = r.is_nan() && !a.is_nan() && !b.is_nan();
            let r = if made { MADE_NAN } else { r };
            return self.finish(base, pc, insn(pc).a, Value::number(r));
        }
        let mut h = self.event_handler(self.metatable_of(x), event);
        if h.is_nil() {
            h = self.event_handler(self.metatable_of(y), event);
        }
        if h.is_nil() {
            // The operand that isn't a number is to blame; the second if both are.
            let second = self.to_number(x).is_some();
            let (v, r) = if second { (y, ry) } else { (x, rx) };
            return Err(self.type_error("perform arithmetic on", v, r));
        }
        self.remember_handler(self.metatable_of(x), event);
        self.remember_handler(self.metatable_of(y), event);
        self.call_handler(base, pc, h, &[x, y], 0)
    }

    pub(super) fn equality(
        self,
        base: *mut u64,
        pc: *const u64,
        wanted: bool,
        x: Value,
        y: Value,
    ) -> Result<Step, Raise> {
        // Both are tables or both userdata, and not the same: the handler must be common.
        self.remember_handler(self.metatable_of(x), Event::Eq);
        let h = self.common_handler(x, y, Event::Eq);
        if h.is_nil() {
            return self.branch(base, pc, x.raw_equal(y) == wanted);
        }
        self.call_handler(base, pc, h, &[x, y], 0)
    }

    pub(super) fn common_handler(self, x: Value, y: Value, event: Event) -> Value {
        let h = self.event_handler(self.metatable_of(x), event);
        if h.is_nil() {
            return h;
        }
        let g = self.event_handler(self.metatable_of(y), event);
        if h.raw_equal(g) { h } else { Value::NIL }
    }

    pub(super) fn order(
        self,
        base: *mut u64,
        pc: *const u64,
        wanted: bool,
        or_equal: bool,
        x: Value,
        y: Value,
    ) -> Result<Step, Raise> {
        if let (Some(a), Some(b)) = (x.to_number(), y.to_number()) {
            let r = if or_equal { a <= b } else { a < b };
            return self.branch(base, pc, r == wanted);
        }
        if let (Some(a), Some(b)) = (StrRef::from_value(x), StrRef::from_value(y)) {
            let (a, b) = (self.str_bytes(a), self.str_bytes(b));
            let r = if or_equal { a <= b } else { a < b };
            return self.branch(base, pc, r == wanted);
        }
        if x.type_of() != y.type_of() {
            return Err(self.compare_error(x, y));
        }
        if or_equal {
            let h = self.common_handler(x, y, Event::Le);
            if !h.is_nil() {
                self.remember_handler(self.metatable_of(x), Event::Le);
                return self.call_handler(base, pc, h, &[x, y], 0);
            }
        }
        let (a, b) = if or_equal { (y, x) } else { (x, y) };
        let h = self.common_handler(a, b, Event::Lt);
        self.remember_handler(self.metatable_of(a), Event::Lt);
        if h.is_nil() {
            return Err(self.compare_error(x, y));
        }
        self.call_handler(base, pc, h, &[a, b], if or_equal { NEGATE } else { 0 })
    }

    /// `x < y` for library functions; handlers are called.
    pub(crate) fn less_from_native(
        self,
        call: &mut crate::native::Call,
        x: Value,
        y: Value,
    ) -> Result<bool, Raise> {
        if let (Some(a), Some(b)) = (x.to_number(), y.to_number()) {
            return Ok(a < b);
        }
        if let (Some(a), Some(b)) = (StrRef::from_value(x), StrRef::from_value(y)) {
            return Ok(self.str_bytes(a) < self.str_bytes(b));
        }
        let h = if x.type_of() == y.type_of() {
            self.common_handler(x, y, Event::Lt)
        } else {
            Value::NIL
        };
        if h.is_nil() {
            return Err(self.compare_error(x, y));
        }
        let n = call.call(h, &[x, y])?;
        Ok(!call.call_result(0, n).is_falsy())
    }

    /// Concatenates R[i.b ..= last], which are temporaries, from the right.
    pub(super) fn concat(
        self,
        base: *mut u64,
        pc: *const u64,
        i: Insn,
        last: u8,
    ) -> Result<Step, Raise> {
        let mut last = last;
        let textual = |v: Value| v.is_number() || v.has_tag(tag::STRING);
        // SAFETY: registers of the frame.
        unsafe {
            while last > i.b {
                let (x, y) = (self.reg(base, last - 1), self.reg(base, last));
                if !textual(x) || !textual(y) {
                    let mut h = self.event_handler(self.metatable_of(x), Event::Concat);
                    if h.is_nil() {
                        h = self.event_handler(self.metatable_of(y), Event::Concat);
                    }
                    if h.is_nil() {
                        let (v, r) = if textual(x) { (y, last) } else { (x, last - 1) };
                        return Err(self.type_error("concatenate", v, Some(r)));
                    }
                    return self.call_handler(base, pc, h, &[x, y], last as u64 - 1);
                }
                // The longest run of strings and numbers that ends at `last`, at once.
                let mut first = last - 1;
                while first > i.b && textual(self.reg(base, first - 1)) {
                    first -= 1;
                }
                let values = core::slice::from_raw_parts(
                    base.add(first as usize) as *const Value,
                    (last - first) as usize + 1,
                );
                let s = match self.concat_values(values) {
                    Err(NoMemory) if self.too_long(values) => {
                        return Err(self.raise_text(b"string length overflow"));
                    }
                    s => s?,
                };
                *base.add(first as usize) = s.value().0;
                last = first;
            }
        }
        self.finish(base, pc, i.a, self.reg(base, i.b))
    }
}
