//! Lookups and stores with all their consequences: metatables, globals.

use super::{Access, CHAIN_MAX};
use crate::calls::Step;
use crate::error::Raise;
use crate::heap::{ClosureRef, Rt, ShapeRef, StrRef, TableRef};
use crate::isa::Insn;
use crate::state::Event;
use crate::table::ON_CHAIN;
use crate::value::Value;

impl Rt {
    /// `object[key]` up to the first function on the way. `register` holds the object: an
    /// error names it, but not for what an `__index` leads to.
    pub(super) fn index(
        self,
        object: Value,
        register: Option<u8>,
        key: Value,
    ) -> Result<Access, Raise> {
        let (mut object, mut register) = (object, register);
        for _ in 0..CHAIN_MAX {
            let handler;
            if let Some(t) = TableRef::from_value(object) {
                let v = self.raw_get(t, key);
                if !v.is_nil() {
                    return Ok(Access::Done(v));
                }
                handler = self.event_handler(self.metatable_of(object), Event::Index);
                if handler.is_nil() {
                    return Ok(Access::Done(Value::NIL));
                }
            } else {
                handler = self.event_handler(self.metatable_of(object), Event::Index);
                if handler.is_nil() {
                    return Err(self.type_error("index", object, register));
                }
            }
            if handler.is_function() {
                return Ok(Access::Handler(handler, object));
            }
            (object, register) = (handler, None);
        }
        Err(self.raise_text(b"loop in gettable"))
    }

    pub(super) fn finish_get(
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

    pub(super) fn get_global(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        let env = self.environment(base);
        let key = StrRef(i.d);
        // SAFETY: live table; the instruction has its cache word.
        unsafe {
            let table = self.table(env);
            if (*table).inline_cap == 0
                && !self.is_dictionary(env)
                && let Some(slot) = self.find_property(ShapeRef((*table).shape), key)
            {
                let v: Value = self.get(self.slot_offset(env, slot));
                if !v.is_nil() {
                    *(pc.add(1) as *mut u64) =
                        (*table).shape as u64 | ((slot as u64 + 1) * 8) << 32;
                    return self.finish(base, pc, i.a, v);
                }
            }
        }
        let access = self.index(env.value(), None, key.value())?;
        self.finish_get(base, pc, i.a, key.value(), access)
    }

    pub(super) fn set_global(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        let env = self.environment(base);
        let key = StrRef(i.d);
        let v = self.reg(base, i.a);
        // SAFETY: live table; the instruction has its cache word.
        unsafe {
            let table = self.table(env);
            // Not on a chain and without metatable: a store needs no one else.
            if (*table).meta == 0 && (*table).inline_cap == 0 && !self.is_event_name(key) {
                self.raw_set_str(env, key, v)?;
                if !self.is_dictionary(env)
                    && let Some(slot) = self.find_property(ShapeRef((*table).shape), key)
                {
                    *(pc.add(1) as *mut u64) =
                        (*table).shape as u64 | ((slot as u64 + 1) * 8) << 32;
                }
                return self.next(base, pc);
            }
        }
        self.set_index(base, pc, env.value(), None, key.value(), v)
    }

    /// Environment of the running function.
    pub(crate) fn environment(self, base: *mut u64) -> TableRef {
        // SAFETY: the frame header lies below the base.
        let c = ClosureRef(Value(unsafe { *base.sub(2) }).payload());
        TableRef(self.closure(c).env)
    }

    /// `object[key] = v` up to the first function on the way; `register` as for [`Self::index`].
    pub(super) fn store(
        self,
        object: Value,
        register: Option<u8>,
        key: Value,
        v: Value,
    ) -> Result<Access, Raise> {
        let (mut object, mut register) = (object, register);
        for _ in 0..CHAIN_MAX {
            let handler;
            if let Some(t) = TableRef::from_value(object) {
                let meta = self.metatable_of(object);
                let slot = if key.is_nil() {
                    None
                } else {
                    self.find(t, key)
                };
                if slot.is_none() {
                    // As in the reference, even if a handler would get the key.
                    self.check_key(key)?;
                }
                let present = slot.is_some_and(|o| !self.get::<Value>(o).is_nil());
                handler = if meta == 0 || present {
                    Value::NIL
                } else {
                    self.event_handler(meta, Event::NewIndex)
                };
                if handler.is_nil() {
                    match slot {
                        // Names of events must go through `raw_set`, which tells the caches.
                        Some(o) if !self.concerns_caches(t, key) => {
                            self.barrier(t.0, key);
                            self.put(t.0, o, v)
                        }
                        _ => self.raw_set(t, key, v)?,
                    }
                    return Ok(Access::Done(Value::NIL));
                }
            } else {
                handler = self.event_handler(self.metatable_of(object), Event::NewIndex);
                if handler.is_nil() {
                    return Err(self.type_error("index", object, register));
                }
            }
            if handler.is_function() {
                return Ok(Access::Handler(handler, object));
            }
            (object, register) = (handler, None);
        }
        Err(self.raise_text(b"loop in settable"))
    }

    pub(super) fn concerns_caches(self, t: TableRef, key: Value) -> bool {
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

    pub(super) fn set_index(
        self,
        base: *mut u64,
        pc: *const u64,
        object: Value,
        register: Option<u8>,
        key: Value,
        v: Value,
    ) -> Result<Step, Raise> {
        match self.store(object, register, key, v)? {
            Access::Done(_) => self.next(base, pc),
            Access::Handler(f, object) => self.call_handler(base, pc, f, &[object, key, v], 0),
        }
    }
}
