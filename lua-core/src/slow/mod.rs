//! The slow path of every operation: what its body in `ops/` left undone. An
//! operation arrives here unchanged and is carried out completely, metamethods,
//! conversions, cache filling and errors included.
//!
//! A step that may run Lua code doesn't call it on the native stack: it puts a
//! frame of kind `Meta` in place, and [`Rt::complete`] finishes the operation
//! when that frame returns.
//!
//! | file | operations |
//! |---|---|
//! | `access` | globals, fields, indexing |
//! | `caches` | what fills inline caches |
//! | `operators` | arithmetic, comparison, concatenation |
//! | `calls` | calls, returns, varargs, closures |

mod access;
pub(crate) mod caches;
mod calls;
mod operators;

use crate::calls::Step;
use crate::error::{Raise, Text};
use crate::frame::{FrameKind, header_word, link};
use crate::heap::collect::Stress;
use crate::heap::{ProtoRef, Rt, ShapeRef, StrRef, TableRef};
use crate::isa::{CALL_BYTES, Insn, OPS, Op};
use crate::ops::insn;
use crate::proto::{CLOSURE_UPVALUES, NATIVE_UPVALUES};
use crate::state::Event;
use crate::table::SLOTS;
use crate::value::{Value, tag};

/// Most tables that a lookup goes through before it is called a loop.
const CHAIN_MAX: u32 = 100;

/// Note in a `Meta` frame: the result is to be negated (`a <= b` as `not (b < a)`).
const NEGATE: u64 = 1;

/// What a lookup or store comes to.
enum Access {
    /// The value; or the store is done.
    Done(Value),
    /// This function must be called with (object, key [, value]).
    Handler(Value, Value),
}

impl Rt {
    /// Carries out the operation at `pc` and tells where to go on. Never fails:
    /// errors go to whoever catches them, in Lua or (as `Err`) in Rust.
    pub(crate) fn slow(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        // SAFETY: plain field.
        unsafe { (*self.vm()).stats.slow_calls += 1 };
        if let Some(step) = self.power_of_numbers(base, pc) {
            return Ok(step);
        }
        self.save_frame(base, pc);
        match self.slow_op(base, pc) {
            Ok(step) => Ok(step),
            Err(Raise::NoMemory) => {
                // Nothing has changed: once more, after a full collection.
                // SAFETY: live thread.
                let base = self.at(unsafe { (*self.current()).base });
                self.collect();
                match self.with_retry(|| self.slow_op(base, pc)) {
                    Ok(step) => Ok(step),
                    Err(raise) => self.unwind(raise),
                }
            }
            Err(raise) => self.unwind(raise),
        }
    }

    /// Leaves the place and a traceback, as far as there is memory, for the embedder who
    /// reads the message of a program that was ended from outside.
    #[cold]
    pub(crate) fn note_end(self, message: &[u8]) {
        let mut text = Text::new();
        self.push_position(&mut text);
        text.push(message);
        let traced = self
            .intern(text.bytes())
            .and_then(|s| crate::library::traced(self, s.value()));
        self.raise_value(traced.map_or(Value::NIL, |s| s.value()));
    }

    /// The ticks ran out before the instruction at `pc`.
    #[cold]
    pub(crate) fn safepoint(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        self.save_frame(base, pc);
        // SAFETY: plain fields.
        unsafe {
            let vm = self.vm();
            // The tick wasn't granted.
            (*vm).tick += 1;
            (*vm).stats.ticks += ((*vm).slice as i64 - (*vm).tick as i64).max(0) as u64;
            if (*vm).stop.load(core::sync::atomic::Ordering::Relaxed) != 0 {
                (*vm).slice = (*vm).tick;
                self.note_end(b"interrupted!");
                return self.unwind(Raise::Stopped);
            }
            if (*vm).gc.requested {
                self.requested_step();
            } else if (*vm).stress == Stress::Steps {
                self.stress_step();
            }
            if (*vm).fuel_limited {
                (*vm).fuel = (*vm).fuel.saturating_add((*vm).tick as i64);
                if (*vm).fuel <= 0 {
                    (*vm).tick = 0;
                    (*vm).slice = 0;
                    self.note_end(b"out of fuel");
                    return self.unwind(Raise::OutOfFuel);
                }
                let slice = (*vm).fuel.min(self.slice_ticks() as i64);
                (*vm).fuel -= slice;
                (*vm).slice = slice as i32;
            } else {
                (*vm).slice = self.slice_ticks();
            }
            if (*vm).gc.requested || (*vm).stress == Stress::Steps {
                // A step is due at the next tick: the rest of the slice another time.
                let rest = (*vm).slice - 1;
                (*vm).slice = 1;
                if (*vm).fuel_limited {
                    (*vm).fuel += rest as i64;
                }
            }
            (*vm).tick = (*vm).slice;
        }
        self.reported();
        #[cfg(all(feature = "interp", target_arch = "x86_64"))]
        self.sample(base, pc);
        if self.finalizer_is_due() {
            return self.run_finalizer(base, pc);
        }
        Ok(Step::Run { base, pc })
    }

    fn next(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        let words = OPS[insn(pc).op as usize].extra.words();
        // SAFETY: code ends with a return, so there is a next instruction.
        let pc = unsafe { pc.add(words) };
        Ok(Step::Run { base, pc })
    }

    fn jump(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        // SAFETY: the running instruction.
        let distance = unsafe { crate::ops::jump_bytes(pc) };
        Ok(Step::Run {
            base,
            pc: pc.wrapping_byte_offset(distance),
        })
    }

    fn branch(self, base: *mut u64, pc: *const u64, taken: bool) -> Result<Step, Raise> {
        if taken {
            self.jump(base, pc)
        } else {
            self.next(base, pc)
        }
    }

    fn finish(self, base: *mut u64, pc: *const u64, a: u8, v: Value) -> Result<Step, Raise> {
        // SAFETY: a register of the frame.
        unsafe { *base.add(a as usize) = v.0 };
        self.next(base, pc)
    }

    #[inline]
    fn reg(self, base: *mut u64, r: u8) -> Value {
        // SAFETY: a register of the frame.
        Value(unsafe { *base.add(r as usize) })
    }

    fn slow_op(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        let i = insn(pc);
        let op = OPS[i.op as usize].base.without_loop();
        // SAFETY: the operation has these words.
        let k = || Value(unsafe { *pc.add(1) });
        let key = StrRef(i.d);
        match op {
            Op::NewCell => {
                let c = self.new_cell(self.reg(base, i.a))?;
                self.finish(base, pc, i.a, c.value())
            }
            Op::Closure => {
                let c = self.make_closure(base, ProtoRef(i.d))?;
                self.finish(base, pc, i.a, c.value())
            }
            // What their bodies leave undone is the barrier.
            Op::SetCell => {
                let cell = self.reg(base, i.a).payload();
                self.put(cell, cell + 8, self.reg(base, i.b));
                self.next(base, pc)
            }
            Op::SetUpCell => {
                // SAFETY: the frame header lies below the base.
                let closure = Value(unsafe { *base.sub(2) }).payload();
                let up: Value = self.get(closure + CLOSURE_UPVALUES + i.b as u32 * 8);
                let cell = up.payload();
                self.put(cell, cell + 8, self.reg(base, i.a));
                self.next(base, pc)
            }
            Op::InitField => {
                let t = self.reg(base, i.a).payload();
                self.put(t, t + SLOTS + i.d * 8, self.reg(base, i.b));
                self.next(base, pc)
            }
            Op::GetGlobal => self.get_global(base, pc, i),
            Op::SetGlobal => self.set_global(base, pc, i),
            Op::GetField => {
                let object = self.reg(base, i.b);
                if let Some(v) = self.cached_get(pc, i, object, key) {
                    return self.finish(base, pc, i.a, v);
                }
                let access = self.index(object, Some(i.b), key.value())?;
                self.finish_get(base, pc, i.a, key.value(), access)
            }
            Op::Method => {
                let object = self.reg(base, i.b);
                if let Some(v) = self.cached_get(pc, i, object, key) {
                    // SAFETY: a register of the frame.
                    unsafe { *base.add(i.a as usize + 2) = object.0 };
                    return self.finish(base, pc, i.a, v);
                }
                let access = self.index(object, Some(i.b), key.value())?;
                // SAFETY: a register of the frame.
                unsafe { *base.add(i.a as usize + 2) = object.0 };
                self.finish_get(base, pc, i.a, key.value(), access)
            }
            Op::GetIndex => {
                let (object, key) = (self.reg(base, i.b), self.reg(base, i.c));
                self.remember_place(object, key);
                let access = self.index(object, Some(i.b), key)?;
                self.finish_get(base, pc, i.a, key, access)
            }
            Op::GetIndexK => {
                let (object, key) = (self.reg(base, i.b), Value::number(i.d as f64));
                let access = self.index(object, Some(i.b), key)?;
                self.finish_get(base, pc, i.a, key, access)
            }
            Op::SetField => self.set_field(base, pc, i),
            Op::SetIndex => {
                let (object, key, v) = (
                    self.reg(base, i.a),
                    self.reg(base, i.b),
                    self.reg(base, i.c),
                );
                self.remember_place(object, key);
                self.set_index(base, pc, object, Some(i.a), key, v)
            }
            Op::SetIndexK => {
                let (object, v) = (self.reg(base, i.a), self.reg(base, i.b));
                self.set_index(base, pc, object, Some(i.a), Value::number(i.d as f64), v)
            }
            Op::NewTable => {
                // SAFETY: the operation has this word.
                let extra = unsafe { *pc.add(1) };
                let t = self.new_table(ShapeRef(i.d), extra as u32)?;
                if (extra >> 32) != 0 {
                    self.reserve_keys(t, (extra >> 32) as u32)?;
                }
                self.finish(base, pc, i.a, t.value())
            }
            Op::SetList => {
                let t = TableRef(self.reg(base, i.a).payload());
                // SAFETY: registers of the frame, or values up to the top.
                unsafe {
                    let first = base.add(i.a as usize + 1);
                    let n = if i.b == 0 {
                        (((*self.vm()).top as usize).saturating_sub(first as usize) / 8) as u32
                    } else {
                        i.b as u32 - 1
                    };
                    if n > 0 {
                        let end =
                            i.d.checked_add(n - 1)
                                .filter(|&e| e < 1 << 26)
                                .ok_or(Raise::NoMemory)?;
                        self.grow_array(t, end)?;
                        for j in 0..n {
                            self.raw_set_int(t, i.d + j, Value(*first.add(j as usize)))?;
                        }
                    }
                }
                self.next(base, pc)
            }
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow => {
                let (x, y) = (self.reg(base, i.b), self.reg(base, i.c));
                self.arith(base, pc, op, (x, Some(i.b)), (y, Some(i.c)))
            }
            Op::AddVK | Op::SubVK | Op::MulVK | Op::DivVK | Op::ModVK | Op::ModWK | Op::PowVK => {
                self.arith(base, pc, op, (self.reg(base, i.b), Some(i.b)), (k(), None))
            }
            Op::AddKV | Op::SubKV | Op::MulKV | Op::DivKV | Op::ModKV | Op::PowKV => {
                self.arith(base, pc, op, (k(), None), (self.reg(base, i.c), Some(i.c)))
            }
            Op::Neg => {
                let x = self.reg(base, i.b);
                if let Some(n) = self.to_number(x) {
                    return self.finish(base, pc, i.a, Value::number(-n));
                }
                let h = self.event_handler(self.metatable_of(x), Event::Unm);
                if h.is_nil() {
                    return Err(self.type_error("perform arithmetic on", x, Some(i.b)));
                }
                self.call_handler(base, pc, h, &[x, x], 0)
            }
            Op::Len => {
                let x = self.reg(base, i.b);
                if let Some(t) = TableRef::from_value(x) {
                    return self.finish(base, pc, i.a, Value::number(self.length(t) as f64));
                }
                if let Some(s) = StrRef::from_value(x) {
                    return self.finish(base, pc, i.a, Value::number(self.str_len(s) as f64));
                }
                let h = self.event_handler(self.metatable_of(x), Event::Len);
                if h.is_nil() {
                    return Err(self.type_error("get length of", x, Some(i.b)));
                }
                self.call_handler(base, pc, h, &[x, Value::NIL], 0)
            }
            Op::Concat => self.concat(base, pc, i, i.c),
            Op::JumpEq | Op::JumpNe => {
                let (x, y) = (self.reg(base, i.a), self.reg(base, i.b));
                self.equality(base, pc, op == Op::JumpEq, x, y)
            }
            Op::JumpLt | Op::JumpNotLt => self.order(
                base,
                pc,
                op == Op::JumpLt,
                false,
                self.reg(base, i.a),
                self.reg(base, i.b),
            ),
            Op::JumpLe | Op::JumpNotLe => self.order(
                base,
                pc,
                op == Op::JumpLe,
                true,
                self.reg(base, i.a),
                self.reg(base, i.b),
            ),
            Op::JumpLtVK | Op::JumpNotLtVK => self.order(
                base,
                pc,
                op == Op::JumpLtVK,
                false,
                self.reg(base, i.a),
                k(),
            ),
            Op::JumpLeVK | Op::JumpNotLeVK => {
                self.order(base, pc, op == Op::JumpLeVK, true, self.reg(base, i.a), k())
            }
            Op::JumpLtKV | Op::JumpNotLtKV => self.order(
                base,
                pc,
                op == Op::JumpLtKV,
                false,
                k(),
                self.reg(base, i.a),
            ),
            Op::JumpLeKV | Op::JumpNotLeKV => {
                self.order(base, pc, op == Op::JumpLeKV, true, k(), self.reg(base, i.a))
            }
            Op::ForPrep => self.for_prep(base, pc, i),
            Op::IterCall => self.iter_call(base, pc, i),
            Op::Call => self.slow_call(base, pc, i),
            Op::TailCall => self.slow_tail_call(base, pc, i),
            Op::Return => self.slow_return(base, i.a, i.b),
            Op::Return0 => self.slow_return(base, 0, 1),
            Op::Return1 => self.slow_return(base, i.a, 2),
            Op::VarArg => self.var_arg(base, pc, i),
            Op::ArgTable => {
                let t = self.arg_table(base)?;
                self.finish(base, pc, i.a, t.value())
            }
            // The bodies of all other operations are complete.
            _ => Err(self.raise_text(b"internal error: no slow path")),
        }
    }

    // ---- metamethod calls

    /// Calls `f` for the instruction at `pc`; [`Rt::complete`] gets the result.
    fn call_handler(
        self,
        base: *mut u64,
        pc: *const u64,
        f: Value,
        args: &[Value],
        note: u64,
    ) -> Result<Step, Raise> {
        // SAFETY: behind a Lua frame's registers is slack for a call.
        unsafe {
            let closure = Value(*base.sub(2)).payload();
            let registers = self.header(self.header(closure).aux).aux as usize;
            // [note][function][header][arguments]
            let area = base.add(registers);
            *area = note;
            *area.add(1) = f.0;
            for (j, a) in args.iter().enumerate() {
                *area.add(3 + j) = a.0;
            }
            let header = header_word(
                self.offset_of(pc),
                link(registers as u32 + 3, FrameKind::Meta),
            );
            *area.add(2) = header;
            self.precall(area.add(1), args.len() as u32, header)
        }
    }

    /// Finishes the instruction at `pc` with a metamethod's result.
    pub(crate) fn complete(
        self,
        base: *mut u64,
        pc: *const u64,
        v: Value,
        note: u64,
    ) -> Result<Step, Raise> {
        let i = insn(pc);
        let op = OPS[i.op as usize].base.without_loop();
        match op {
            Op::SetGlobal | Op::SetField | Op::SetIndex | Op::SetIndexK => self.next(base, pc),
            Op::JumpEq => self.branch(base, pc, !v.is_falsy()),
            Op::JumpNe => self.branch(base, pc, v.is_falsy()),
            Op::JumpLt | Op::JumpLtVK | Op::JumpLtKV | Op::JumpLe | Op::JumpLeVK | Op::JumpLeKV => {
                self.branch(base, pc, v.is_falsy() == (note == NEGATE))
            }
            Op::JumpNotLt
            | Op::JumpNotLtVK
            | Op::JumpNotLtKV
            | Op::JumpNotLe
            | Op::JumpNotLeVK
            | Op::JumpNotLeKV => self.branch(base, pc, v.is_falsy() != (note == NEGATE)),
            Op::Concat => {
                // `note` is the register of the pair's left operand.
                // SAFETY: a register of the frame.
                unsafe { *base.add(note as usize) = v.0 };
                self.concat(base, pc, i, note as u8)
            }
            _ => self.finish(base, pc, i.a, v),
        }
    }

    // ---- loops

    fn for_prep(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        let names: [&[u8]; 3] = [
            b"'for' initial value must be a number",
            b"'for' limit must be a number",
            b"'for' step must be a number",
        ];
        let mut x = [0.0; 3];
        for j in 0..3u8 {
            match self.to_number(self.reg(base, i.a + j)) {
                Some(n) => x[j as usize] = n,
                None => return Err(self.raise_text(names[j as usize])),
            }
        }
        x[0] = crate::ops::loops::first_index(x[0], x[2]);
        // SAFETY: registers of the frame.
        unsafe {
            for (j, n) in x.iter().enumerate() {
                *base.add(i.a as usize + j) = Value::number(*n).0;
            }
            if crate::ops::loops::within(x[0], x[1], x[2]) {
                *base.add(i.a as usize + 3) = Value::number(x[0]).0;
                return self.next(base, pc);
            }
        }
        self.jump(base, pc)
    }

    /// Is this native function the iterator of `pairs`, or the global `next`, which
    /// does the same? The former has the latter as its upvalue.
    fn is_next(self, f: u32) -> bool {
        // SAFETY: plain field.
        let next_fn = unsafe { (*self.vm()).next_fn };
        f == next_fn || self.get::<Value>(next_fn + NATIVE_UPVALUES).payload() == f
    }

    fn iter_call(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        // SAFETY: registers of the frame; the call area lies within it.
        unsafe {
            let r = base.add(i.a as usize);
            let f = Value(*r);
            let state = Value(*r.add(1));
            let mut control = Value(*r.add(2));
            if f.has_tag(tag::NATIVE)
                && self.is_next(f.payload())
                && let Some(t) = TableRef::from_value(state)
            {
                // From here on the control variable, which nobody sees, is a position.
                if !control.has_tag(tag::CURSOR) {
                    match self.cursor_after(t, control) {
                        Some(n) => control = Value::tagged(tag::CURSOR, n),
                        // As if `next` had been called: no position.
                        None => return Err(self.raise_plain(b"invalid key to 'next'")),
                    }
                }
                return match self.entry_from(t, control.payload()) {
                    Some((k, v, after)) => {
                        // The one that the fast path knows.
                        *r = Value::tagged(tag::NATIVE, (*self.vm()).next_fn).0;
                        *r.add(2) = Value::tagged(tag::CURSOR, after).0;
                        *r.add(3) = k.0;
                        *r.add(4) = v.0;
                        for j in 2..i.b as usize {
                            *r.add(3 + j) = Value::NIL.0;
                        }
                        // Past the IterLoop, to its target.
                        self.jump(base, pc.byte_add(CALL_BYTES as usize))
                    }
                    None => {
                        *r.add(3) = Value::NIL.0;
                        self.next(base, pc)
                    }
                };
            }
            *r.add(3) = f.0;
            *r.add(5) = state.0;
            *r.add(6) = control.0;
            let kind = if i.b == 1 {
                FrameKind::Lua
            } else {
                FrameKind::LuaMany
            };
            let header = header_word(self.offset_of(pc) + CALL_BYTES, link(i.a as u32 + 5, kind));
            *r.add(4) = header;
            self.precall(r.add(3), 2, header)
        }
    }
}
