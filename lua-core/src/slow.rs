//! The slow path of every operation: what its body in `ops/` left undone. An
//! operation arrives here unchanged and is carried out completely, metamethods,
//! conversions, cache filling and errors included.
//!
//! A step that may run Lua code doesn't call it on the native stack: it puts a
//! frame of kind `Meta` in place, and [`Rt::complete`] finishes the operation
//! when that frame returns.

use crate::calls::Step;
use crate::error::Raise;
use crate::frame::{FrameKind, header_word, link};
use crate::heap::{ClosureRef, NativeRef, ProtoRef, Rt, ShapeRef, StrRef, TableRef};
use crate::isa::{Extra, Insn, OPS, Op};
use crate::ops::arith::modulo_number;
use crate::ops::insn;
use crate::proto::{CLOSURE_UPVALUES, NATIVE_UPVALUES, UpvalueDesc, UpvalueFrom};
use crate::shape::outline_capacity;
use crate::state::Event;
use crate::table::{ON_CHAIN, SLOTS};
use crate::value::{Type, Value, tag};

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
        self.save_frame(base, pc);
        // SAFETY: plain field.
        unsafe { (*self.vm()).stats.slow_calls += 1 };
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
                return self.unwind(Raise::Stopped);
            }
            if (*vm).collect_requested {
                self.collect();
            }
            if (*vm).fuel_limited {
                (*vm).fuel = (*vm).fuel.saturating_add((*vm).tick as i64);
                if (*vm).fuel <= 0 {
                    (*vm).tick = 0;
                    (*vm).slice = 0;
                    return self.unwind(Raise::OutOfFuel);
                }
                let slice = (*vm).fuel.min(crate::state::QUANTUM as i64);
                (*vm).fuel -= slice;
                (*vm).slice = slice as i32;
            } else {
                (*vm).slice = crate::state::QUANTUM;
            }
            (*vm).tick = (*vm).slice;
        }
        Ok(Step::Run { base, pc })
    }

    fn next(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        let words = OPS[insn(pc).op as usize].extra.words();
        // SAFETY: code ends with a return, so there is a next instruction.
        Ok(Step::Run {
            base,
            pc: unsafe { pc.add(words) },
        })
    }

    fn jump(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        Ok(Step::Run {
            base,
            pc: pc.wrapping_byte_offset(crate::ops::jump_bytes(pc)),
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
        let op = OPS[i.op as usize].base;
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
            Op::GetGlobal => self.get_global(base, pc, i),
            Op::SetGlobal => self.set_global(base, pc, i),
            Op::GetField => {
                let object = self.reg(base, i.b);
                self.cache_get(pc, i, object, key);
                let access = self.index(object, key.value())?;
                let Some(access) = access else {
                    return Err(self.index_error(object, i.b));
                };
                self.finish_get(base, pc, i.a, key.value(), access)
            }
            Op::Method => {
                let object = self.reg(base, i.b);
                self.cache_get(pc, i, object, key);
                let Some(access) = self.index(object, key.value())? else {
                    return Err(self.index_error(object, i.b));
                };
                // SAFETY: a register of the frame.
                unsafe { *base.add(i.a as usize + 2) = object.0 };
                self.finish_get(base, pc, i.a, key.value(), access)
            }
            Op::GetIndex => {
                let (object, key) = (self.reg(base, i.b), self.reg(base, i.c));
                let Some(access) = self.index(object, key)? else {
                    return Err(self.index_error(object, i.b));
                };
                self.finish_get(base, pc, i.a, key, access)
            }
            Op::GetIndexK => {
                let (object, key) = (self.reg(base, i.b), Value::number(i.d as f64));
                let Some(access) = self.index(object, key)? else {
                    return Err(self.index_error(object, i.b));
                };
                self.finish_get(base, pc, i.a, key, access)
            }
            Op::SetField => self.set_field(base, pc, i),
            Op::SetIndex => {
                let (object, key, v) = (
                    self.reg(base, i.a),
                    self.reg(base, i.b),
                    self.reg(base, i.c),
                );
                self.set_index(base, pc, object, i.a, key, v)
            }
            Op::SetIndexK => {
                let (object, v) = (self.reg(base, i.a), self.reg(base, i.b));
                self.set_index(base, pc, object, i.a, Value::number(i.d as f64), v)
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
            Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod | Op::Pow => self.arith(
                base,
                pc,
                op,
                self.reg(base, i.b),
                self.reg(base, i.c),
                Some(i.b),
                Some(i.c),
            ),
            Op::AddVK | Op::SubVK | Op::MulVK | Op::DivVK | Op::ModVK | Op::PowVK => {
                self.arith(base, pc, op, self.reg(base, i.b), k(), Some(i.b), None)
            }
            Op::AddKV | Op::SubKV | Op::MulKV | Op::DivKV | Op::ModKV | Op::PowKV => {
                self.arith(base, pc, op, k(), self.reg(base, i.c), None, Some(i.c))
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
                self.call_handler(base, pc, h, &[x, x], 0)
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
            // The bodies of all other operations are complete.
            _ => Err(self.raise_text(b"internal error: no slow path")),
        }
    }

    // ---- lookups

    /// `object[key]` up to the first function on the way. `Ok(None)`: can't be indexed.
    fn index(self, object: Value, key: Value) -> Result<Option<Access>, Raise> {
        let mut object = object;
        for _ in 0..CHAIN_MAX {
            let handler;
            if let Some(t) = TableRef::from_value(object) {
                let v = self.raw_get(t, key);
                if !v.is_nil() {
                    return Ok(Some(Access::Done(v)));
                }
                handler = self.event_handler(self.metatable_of(object), Event::Index);
                if handler.is_nil() {
                    return Ok(Some(Access::Done(Value::NIL)));
                }
            } else {
                handler = self.event_handler(self.metatable_of(object), Event::Index);
                if handler.is_nil() {
                    return Ok(None);
                }
            }
            if handler.is_function() {
                return Ok(Some(Access::Handler(handler, object)));
            }
            object = handler;
        }
        Err(self.raise_text(b"loop in gettable"))
    }

    /// `object[key]` as library functions see it; handlers are called.
    pub(crate) fn index_from_native(
        self,
        call: &mut crate::native::Call,
        object: Value,
        key: Value,
    ) -> Result<Value, Raise> {
        match self.index(object, key)? {
            Some(Access::Done(v)) => Ok(v),
            Some(Access::Handler(f, object)) => {
                let n = call.call(f, &[object, key])?;
                Ok(call.call_result(0, n))
            }
            None => Err(self.type_error("index", object, None)),
        }
    }

    fn index_error(self, object: Value, register: u8) -> Raise {
        self.type_error("index", object, Some(register))
    }

    fn finish_get(
        self,
        base: *mut u64,
        pc: *const u64,
        a: u8,
        key: Value,
        access: Access,
    ) -> Result<Step, Raise> {
        match access {
            Access::Done(v) => self.finish(base, pc, a, v),
            Access::Handler(f, object) => self.call_handler(base, pc, f, &[object, key], 0),
        }
    }

    fn get_global(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        let env = self.environment(base);
        let key = StrRef(i.d);
        // SAFETY: live table; the instruction has its cache word.
        unsafe {
            let table = self.table(env);
            if (*table).inline_cap == 0 && !self.is_dictionary(env) {
                if let Some(slot) = self.find_property(ShapeRef((*table).shape), key) {
                    let v: Value = self.get(self.slot_offset(env, slot));
                    if !v.is_nil() {
                        *(pc.add(1) as *mut u64) =
                            (*table).shape as u64 | ((slot as u64 + 1) * 8) << 32;
                        return self.finish(base, pc, i.a, v);
                    }
                }
            }
        }
        match self.index(env.value(), key.value())? {
            Some(access) => self.finish_get(base, pc, i.a, key.value(), access),
            None => Err(self.raise_text(b"internal error: environment")),
        }
    }

    fn set_global(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        let env = self.environment(base);
        let key = StrRef(i.d);
        let v = self.reg(base, i.a);
        // SAFETY: live table; the instruction has its cache word.
        unsafe {
            let table = self.table(env);
            // Not on a chain and without metatable: a store needs no one else.
            if (*table).meta == 0 && (*table).inline_cap == 0 && !self.is_event_name(key) {
                self.raw_set_str(env, key, v)?;
                if !self.is_dictionary(env) {
                    if let Some(slot) = self.find_property(ShapeRef((*table).shape), key) {
                        *(pc.add(1) as *mut u64) =
                            (*table).shape as u64 | ((slot as u64 + 1) * 8) << 32;
                    }
                }
                return self.next(base, pc);
            }
        }
        self.set_index(base, pc, env.value(), 0, key.value(), v)
    }

    /// Environment of the running function.
    fn environment(self, base: *mut u64) -> TableRef {
        // SAFETY: the frame header lies below the base.
        let c = ClosureRef(Value(unsafe { *base.sub(2) }).payload());
        TableRef(self.closure(c).env)
    }

    /// Writes cache and quickened operation.
    fn quicken(self, pc: *const u64, op: Op, numbers: [u32; 4]) {
        // SAFETY: code is writable memory of the region, the operation has two cache words.
        unsafe {
            let words = pc as *mut u64;
            *words.add(1) = numbers[0] as u64 | (numbers[1] as u64) << 32;
            if OPS[op as usize].extra == Extra::Ic2 {
                *words.add(2) = numbers[2] as u64 | (numbers[3] as u64) << 32;
            }
            *(pc as *mut u8) = op as u8;
        }
    }

    /// Fills the cache of a `GetField` or `Method` if the lookup is a kind that
    /// caches know.
    fn cache_get(self, pc: *const u64, i: Insn, object: Value, key: StrRef) {
        let method = OPS[i.op as usize].base == Op::Method;
        let choose = |field: Op, method_op: Op| if method { method_op } else { field };
        // SAFETY: plain fields and live tables.
        unsafe {
            let epoch = (*self.vm()).epoch;
            let mut shape = 0;
            let mut at = object;
            if let Some(t) = TableRef::from_value(object) {
                if self.is_dictionary(t) {
                    return;
                }
                let table = self.table(t);
                shape = (*table).shape;
                if let Some(slot) = self.find_property(ShapeRef(shape), key) {
                    let inline = (*table).inline_cap as u32;
                    if slot < inline {
                        self.quicken(
                            pc,
                            choose(Op::GetFieldI, Op::MethodI),
                            [shape, SLOTS + slot * 8, 0, 0],
                        );
                    } else {
                        self.quicken(
                            pc,
                            choose(Op::GetFieldO, Op::MethodO),
                            [shape, (slot - inline + 1) * 8, 0, 0],
                        );
                    }
                    return;
                }
            } else if !method || !object.has_tag(tag::STRING) {
                return;
            }
            if epoch == 0 {
                return;
            }
            // Along the chain, while it consists of plain tables.
            for _ in 0..CHAIN_MAX {
                let meta = self.metatable_of(at);
                let handler = self.event_handler(meta, Event::Index);
                if meta != 0 {
                    (*self.table(TableRef(meta))).flags |= ON_CHAIN;
                }
                if handler.is_nil() {
                    if !method {
                        self.quicken(pc, Op::GetFieldN, [shape, 0, epoch, 0]);
                    }
                    return;
                }
                let Some(holder) = TableRef::from_value(handler) else {
                    return;
                };
                if self.is_dictionary(holder) || self.is_dictionary(TableRef(meta)) {
                    return;
                }
                (*self.table(holder)).flags |= ON_CHAIN;
                if let Some(slot) = self.find_property(ShapeRef((*self.table(holder)).shape), key) {
                    let offset = self.slot_offset(holder, slot);
                    if self.get::<Value>(offset).is_nil() {
                        return;
                    }
                    let op = if shape == 0 {
                        Op::MethodS
                    } else {
                        choose(Op::GetFieldP, Op::MethodP)
                    };
                    self.quicken(pc, op, [shape, offset, epoch, 0]);
                    return;
                }
                at = handler;
            }
        }
    }

    // ---- stores

    /// `object[key] = v` up to the first function on the way.
    fn store(self, object: Value, key: Value, v: Value) -> Result<Option<Access>, Raise> {
        let mut object = object;
        for _ in 0..CHAIN_MAX {
            let handler;
            if let Some(t) = TableRef::from_value(object) {
                let meta = self.metatable_of(object);
                let slot = if key.is_nil() {
                    None
                } else {
                    self.find(t, key)
                };
                let present = slot.is_some_and(|o| !self.get::<Value>(o).is_nil());
                handler = if meta == 0 || present {
                    Value::NIL
                } else {
                    self.event_handler(meta, Event::NewIndex)
                };
                if handler.is_nil() {
                    match slot {
                        // Names of events must go through `raw_set`, which tells the caches.
                        Some(o) if !self.concerns_caches(t, key) => self.set(o, v),
                        _ => {
                            self.check_key(key)?;
                            self.raw_set(t, key, v)?;
                        }
                    }
                    return Ok(Some(Access::Done(Value::NIL)));
                }
            } else {
                handler = self.event_handler(self.metatable_of(object), Event::NewIndex);
                if handler.is_nil() {
                    return Ok(None);
                }
            }
            if handler.is_function() {
                return Ok(Some(Access::Handler(handler, object)));
            }
            object = handler;
        }
        Err(self.raise_text(b"loop in settable"))
    }

    fn concerns_caches(self, t: TableRef, key: Value) -> bool {
        // SAFETY: live table.
        let on_chain = unsafe { (*self.table(t)).flags } & ON_CHAIN != 0;
        on_chain && StrRef::from_value(key).is_some_and(|s| self.is_event_name(s))
    }

    /// Raises the errors for keys that a table can't have.
    pub(crate) fn check_key(self, key: Value) -> Result<(), Raise> {
        if key.is_nil() {
            return Err(self.raise_text(b"table index is nil"));
        }
        if key.is_number() && key.as_f64().is_nan() {
            return Err(self.raise_text(b"table index is NaN"));
        }
        Ok(())
    }

    fn set_index(
        self,
        base: *mut u64,
        pc: *const u64,
        object: Value,
        register: u8,
        key: Value,
        v: Value,
    ) -> Result<Step, Raise> {
        match self.store(object, key, v)? {
            Some(Access::Done(_)) => self.next(base, pc),
            Some(Access::Handler(f, object)) => {
                self.call_handler(base, pc, f, &[object, key, v], 0)
            }
            None => Err(self.index_error(object, register)),
        }
    }

    fn set_field(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        let key = StrRef(i.d);
        let (object, v) = (self.reg(base, i.a), self.reg(base, i.b));
        let Some(t) = TableRef::from_value(object) else {
            return self.set_index(base, pc, object, i.a, key.value(), v);
        };
        // SAFETY: live table.
        unsafe {
            let table = self.table(t);
            let (old, meta) = (ShapeRef((*table).shape), (*table).meta);
            let newindex = self.event_handler(meta, Event::NewIndex);
            if !newindex.is_nil() || self.is_dictionary(t) || self.is_event_name(key) {
                return self.set_index(base, pc, object, i.a, key.value(), v);
            }
            if meta != 0 {
                // A later `__newindex` must reach the caches.
                (*self.table(TableRef(meta))).flags |= ON_CHAIN;
            }
            self.raw_set_str(t, key, v)?;
            let epoch = (*self.vm()).epoch;
            let new = ShapeRef((*table).shape);
            if self.is_dictionary(t) || (epoch == 0 && meta != 0) {
                return self.next(base, pc);
            }
            let inline = (*table).inline_cap as u32;
            if let Some(slot) = self.find_property(new, key) {
                let place = if slot < inline {
                    SLOTS + slot * 8
                } else {
                    (slot - inline + 1) * 8
                };
                let added = old != new;
                let op = match (added, slot < inline, meta != 0) {
                    (false, true, false) => Op::SetFieldI,
                    (false, false, false) => Op::SetFieldO,
                    (false, true, true) => Op::SetFieldIM,
                    (false, false, true) => Op::SetFieldOM,
                    (true, true, _) => Op::SetFieldIN,
                    (true, false, _) => Op::SetFieldON,
                };
                if added {
                    // The cache can't grow the property array.
                    let grows =
                        outline_capacity(slot, inline) != outline_capacity(slot + 1, inline);
                    if grows || epoch == 0 {
                        return self.next(base, pc);
                    }
                }
                self.quicken(pc, op, [old.0, place, epoch, if added { new.0 } else { 0 }]);
            }
        }
        self.next(base, pc)
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
        let op = OPS[i.op as usize].base;
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

    // ---- arithmetic and comparison

    fn arith(
        self,
        base: *mut u64,
        pc: *const u64,
        op: Op,
        x: Value,
        y: Value,
        rx: Option<u8>,
        ry: Option<u8>,
    ) -> Result<Step, Raise> {
        let event = match op {
            Op::Add | Op::AddVK | Op::AddKV => Event::Add,
            Op::Sub | Op::SubVK | Op::SubKV => Event::Sub,
            Op::Mul | Op::MulVK | Op::MulKV => Event::Mul,
            Op::Div | Op::DivVK | Op::DivKV => Event::Div,
            Op::Mod | Op::ModVK | Op::ModKV => Event::Mod,
            _ => Event::Pow,
        };
        if let (Some(a), Some(b)) = (self.to_number(x), self.to_number(y)) {
            let r = match event {
                Event::Add => a + b,
                Event::Sub => a - b,
                Event::Mul => a * b,
                Event::Div => a / b,
                Event::Mod => modulo_number(a, b),
                _ => libm::pow(a, b),
            };
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
        self.call_handler(base, pc, h, &[x, y], 0)
    }

    fn equality(
        self,
        base: *mut u64,
        pc: *const u64,
        wanted: bool,
        x: Value,
        y: Value,
    ) -> Result<Step, Raise> {
        // Both are tables or both userdata, and not the same: the handler must be common.
        let h = self.common_handler(x, y, Event::Eq);
        if h.is_nil() {
            return self.branch(base, pc, x.raw_equal(y) == wanted);
        }
        self.call_handler(base, pc, h, &[x, y], 0)
    }

    fn common_handler(self, x: Value, y: Value, event: Event) -> Value {
        let h = self.event_handler(self.metatable_of(x), event);
        if h.is_nil() {
            return h;
        }
        let g = self.event_handler(self.metatable_of(y), event);
        if h.raw_equal(g) { h } else { Value::NIL }
    }

    fn order(
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
                return self.call_handler(base, pc, h, &[x, y], 0);
            }
        }
        let (a, b) = if or_equal { (y, x) } else { (x, y) };
        let h = self.common_handler(a, b, Event::Lt);
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

    // ---- concatenation

    /// Concatenates R[i.b ..= last], which are temporaries, from the right.
    fn concat(self, base: *mut u64, pc: *const u64, i: Insn, last: u8) -> Result<Step, Raise> {
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
                let s = self.concat_values(values)?;
                *base.add(first as usize) = s.value().0;
                last = first;
            }
        }
        self.finish(base, pc, i.a, self.reg(base, i.b))
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
            if f.has_tag(tag::NATIVE) && self.is_next(f.payload()) {
                if let Some(t) = TableRef::from_value(state) {
                    // From here on the control variable, which nobody sees, is a position.
                    if !control.has_tag(tag::CURSOR) {
                        match self.cursor_after(t, control) {
                            Some(n) => control = Value::tagged(tag::CURSOR, n),
                            None => return Err(self.raise_text(b"invalid key to 'next'")),
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
                            self.jump(base, pc.add(1))
                        }
                        None => {
                            *r.add(3) = Value::NIL.0;
                            self.next(base, pc)
                        }
                    };
                }
            }
            *r.add(3) = f.0;
            *r.add(5) = state.0;
            *r.add(6) = control.0;
            let kind = if i.b == 1 {
                FrameKind::Lua
            } else {
                FrameKind::LuaMany
            };
            let header = header_word(self.offset_of(pc.add(1)), link(i.a as u32 + 5, kind));
            *r.add(4) = header;
            self.precall(r.add(3), 2, header)
        }
    }

    // ---- calls

    fn argument_count(self, first: *mut u64, b: u8) -> u32 {
        if b == 0 {
            // SAFETY: plain field.
            let top = unsafe { (*self.vm()).top };
            ((top as usize).saturating_sub(first as usize) / 8) as u32
        } else {
            b as u32 - 1
        }
    }

    fn slow_call(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        // SAFETY: registers of the frame.
        unsafe {
            let func = base.add(i.a as usize);
            let count = self.argument_count(func.add(2), i.b);
            let header = header_word(self.offset_of(pc.add(1)), i.d);
            self.precall(func, count, header)
        }
    }

    fn slow_tail_call(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        // SAFETY: registers of the frame; the caller's frame header stays valid.
        unsafe {
            let mut func = base.add(i.a as usize);
            let mut count = self.argument_count(func.add(2), i.b);
            let mut f = Value(*func);
            if !f.is_function() {
                let h = self.event_handler(self.metatable_of(f), Event::Call);
                if !h.is_function() {
                    return Err(self.call_type_error(f));
                }
                func = self.room(func.add(2), count + 4, count)?.sub(2);
                core::ptr::copy(func.add(2), func.add(3), count as usize);
                *func.add(2) = f.0;
                *func = h.0;
                f = h;
                count += 1;
            }
            let base: *mut u64 = self.at((*self.current()).base);
            if f.has_tag(tag::NATIVE) && self.header(f.payload()).b3 == 0 {
                // A native function is called from here, as in the reference: this frame
                // shows in positions of errors (`return error(...)`) and in tracebacks.
                *func.add(1) = header_word(
                    self.offset_of(pc.add(1)),
                    link(i.a as u32 + 2, FrameKind::LuaMany),
                );
                let n = self.call_native(NativeRef(f.payload()), func.add(2), count)?;
                // The stack may have moved.
                let inner: *mut u64 = self.at((*self.current()).base);
                let base = inner.sub(i.a as usize + 2);
                let header = *base.sub(1);
                core::ptr::copy(inner.sub(2), base.sub(2), n.0 as usize);
                return self.return_from(base, header, n.0);
            }
            // Slide function and arguments down over this frame (past the shift of a
            // variadic one), and call from there.
            let mut target = base;
            let mut header = *target.sub(1);
            while FrameKind::of((header >> 32) as u32) == FrameKind::Variadic {
                target =
                    target.byte_sub(((header >> 32) as u32 & !crate::frame::KIND_MASK) as usize);
                header = *target.sub(1);
            }
            *target.sub(2) = f.0;
            core::ptr::copy(func.add(2), target, count as usize);
            self.precall(target.sub(2), count, header)
        }
    }

    fn slow_return(self, base: *mut u64, a: u8, b: u8) -> Result<Step, Raise> {
        // SAFETY: registers of the frame.
        unsafe {
            let first = base.add(a as usize);
            let n = self.argument_count(first, b);
            let header = *base.sub(1);
            core::ptr::copy(first, base.sub(2), n as usize);
            self.return_from(base, header, n)
        }
    }

    fn var_arg(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        // SAFETY: registers of the frame; open lists get room first.
        unsafe {
            let proto = self.header(Value(*base.sub(2)).payload()).aux;
            let params = self.header(proto).b2 as u32;
            let (_, n) = self.variadic_arguments(base, params);
            let mut base = base;
            let wanted = if i.b == 0 { n } else { i.b as u32 - 1 };
            if i.b == 0 {
                base = self.room(base, i.a as u32 + n + 4, i.a as u32)?;
            }
            let (from, n) = self.variadic_arguments(base, params);
            let to = base.add(i.a as usize);
            let given = n.min(wanted);
            core::ptr::copy(from, to, given as usize);
            for j in given..wanted {
                *to.add(j as usize) = Value::NIL.0;
            }
            if i.b == 0 {
                (*self.vm()).top = to.add(n as usize);
            }
            self.next(base, pc)
        }
    }

    fn make_closure(self, base: *mut u64, p: ProtoRef) -> Result<ClosureRef, Raise> {
        // SAFETY: the frame header lies below the base.
        let outer = ClosureRef(Value(unsafe { *base.sub(2) }).payload());
        let c = self.new_closure(p, self.closure(outer).env)?;
        for (j, d) in self
            .slice::<UpvalueDesc>(self.proto(p).upvalues)
            .iter()
            .enumerate()
        {
            let v = match d.from {
                UpvalueFrom::Local => self.reg(base, d.index),
                UpvalueFrom::Up => self.get(outer.0 + CLOSURE_UPVALUES + d.index as u32 * 8),
                UpvalueFrom::Itself => c.value(),
            };
            self.set(c.0 + CLOSURE_UPVALUES + j as u32 * 8, v);
        }
        Ok(c)
    }

    /// "attempt to call ..."
    #[cold]
    pub(crate) fn call_type_error(self, f: Value) -> Raise {
        let frame = self.top_frame();
        let register = if frame.pc != 0 {
            let i: Insn = Insn::from_word(self.get(frame.pc));
            match OPS[i.op as usize].base {
                // The function that a loop calls is a copy without a name.
                Op::Call | Op::TailCall => Some(i.a),
                _ => None,
            }
        } else {
            None
        };
        if f.type_of() == Type::Function {
            return self.raise_text(b"internal error: call");
        }
        self.type_error("call", f, register)
    }
}
