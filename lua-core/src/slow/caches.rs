//! Filling inline caches, and the cache behind them.
//!
//! An instruction's own cache holds one shape. Where several kinds of object come
//! by in turn, it misses; then a table in the VM state, keyed on shape and property
//! name, still knows the place ([`Stubs`]). An instruction takes over what is found
//! there only every few misses, so that it doesn't change with every object
//! (`ops/access.rs`; what arrives here has been through that).
//!
//! Validity is that of inline caches (`ops/access.rs`): shape and, for what
//! depends on other tables, epoch. A collection empties the table.

use super::CHAIN_MAX;
use crate::calls::Step;
use crate::error::Raise;
use crate::heap::{Rt, ShapeRef, StrRef, TableRef};
use crate::isa::{Insn, OPS, Op};
use crate::ops::access::{Place, STUBS, Stub, chain_key, store_key, stub_index};
use crate::ops::insn;
use crate::ops::meta::event_key;
use crate::shape::outline_capacity;
use crate::state::Event;
use crate::table::{ON_CHAIN, SLOTS};
use crate::value::{Value, tag};

const EMPTY: Stub = Stub {
    shape: 0,
    key: 0,
    slot: 0,
    epoch: 0,
    place: Place::Absent,
};

/// The cache behind the inline caches; part of the VM state.
#[repr(C)]
pub struct Stubs {
    entries: [Stub; STUBS],
}

impl Stubs {
    pub(crate) const fn new() -> Stubs {
        Stubs {
            entries: [EMPTY; STUBS],
        }
    }

    /// What is known of a shape and a name.
    fn find(&self, shape: u32, key: u32) -> Option<Stub> {
        let i = stub_index(shape, key);
        let pair = self.entries.get(i..i + 2)?;
        pair.iter().find(|s| s.is_of(shape, key)).copied()
    }

    /// Takes an entry in, as the first of its pair; what was entered before the other is
    /// forgotten.
    fn enter(&mut self, stub: Stub) {
        let i = stub_index(stub.shape, stub.key);
        if let Some([first, second]) = self.entries.get_mut(i..i + 2) {
            if !first.is_of(stub.shape, stub.key) {
                *second = *first;
            }
            *first = stub;
        }
    }

    /// Forgets everything: shapes and strings may be gone.
    pub(crate) fn clear(&mut self) {
        self.entries = [EMPTY; STUBS];
    }
}

impl Rt {
    /// The place of a property, if it is of a kind that caches know.
    fn place_of(self, object: Value, shape: u32, key: StrRef) -> Option<Stub> {
        // SAFETY: plain fields.
        let (stubs, epoch) = unsafe { (&mut (*self.vm()).stubs, (*self.vm()).epoch) };
        if let Some(stub) = stubs.find(shape, key.0)
            && (matches!(stub.place, Place::Inline | Place::Outline) || stub.epoch == epoch)
        {
            return Some(stub);
        }
        let stub = self.find_place(object, shape, key)?;
        // Stores by stub don't ask what a key means to caches: they must never find
        // the name of an event, wherever it was looked up.
        if !self.is_event_name(key) {
            stubs.enter(stub);
        }
        Some(stub)
    }

    /// The same, looked up.
    fn find_place(self, object: Value, shape: u32, key: StrRef) -> Option<Stub> {
        if shape == 0 {
            return self.find_on_chain(object, shape, key);
        }
        let Some(slot) = self.find_property(ShapeRef(shape), key) else {
            return self.find_on_chain(object, shape, key);
        };
        let inline = self.shape(ShapeRef(shape)).header.b3 as u32;
        let (place, slot) = if slot < inline {
            (Place::Inline, SLOTS + slot * 8)
        } else {
            (Place::Outline, (slot - inline + 1) * 8)
        };
        Some(Stub {
            shape,
            key: key.0,
            slot,
            epoch: 0,
            place,
        })
    }

    /// The place of a property on the `__index` chain, while it consists of plain tables.
    fn find_on_chain(self, object: Value, shape: u32, key: StrRef) -> Option<Stub> {
        // SAFETY: live tables.
        unsafe {
            let stub = |place, slot, epoch| {
                Some(Stub {
                    shape,
                    key: key.0,
                    slot,
                    epoch,
                    place,
                })
            };
            let epoch = (*self.vm()).epoch;
            if epoch == 0 {
                return None;
            }
            let mut at = object;
            for step in 0..CHAIN_MAX {
                let meta = self.metatable_of(at);
                let handler = self.event_handler(meta, Event::Index);
                if meta != 0 {
                    (*self.table(TableRef(meta))).flags |= ON_CHAIN;
                }
                if handler.is_nil() {
                    return stub(Place::Absent, 0, epoch);
                }
                if handler.is_function() && step == 0 && shape != 0 {
                    let slot = self.event_slot(TableRef(meta), Event::Index)?;
                    return stub(Place::Handler, slot, epoch);
                }
                let holder = TableRef::from_value(handler)?;
                if self.is_dictionary(holder) || self.is_dictionary(TableRef(meta)) {
                    return None;
                }
                (*self.table(holder)).flags |= ON_CHAIN;
                if let Some(slot) = self.find_property(ShapeRef((*self.table(holder)).shape), key) {
                    let offset = self.slot_offset(holder, slot);
                    if self.get::<Value>(offset).is_nil() {
                        return None;
                    }
                    return stub(Place::Chain, offset, epoch);
                }
                at = handler;
            }
            None
        }
    }

    /// Offset in the region of the slot of an event's handler, if the metatable has it as
    /// a property.
    fn event_slot(self, meta: TableRef, event: Event) -> Option<u32> {
        if self.is_dictionary(meta) {
            return None;
        }
        // SAFETY: live table; plain fields.
        unsafe {
            let name = StrRef((*self.vm()).event_names[event as usize]);
            let slot = self.find_property(ShapeRef((*self.table(meta)).shape), name)?;
            Some(self.slot_offset(meta, slot))
        }
    }

    /// Lets `ops/meta.rs` find the handler of an event in this metatable, or that there is none.
    pub(crate) fn remember_handler(self, meta: u32, event: Event) {
        if meta == 0 || self.is_dictionary(TableRef(meta)) {
            return;
        }
        // SAFETY: live table; plain fields.
        unsafe {
            let shape = (*self.table(TableRef(meta))).shape;
            let name = (*self.vm()).event_names[event as usize];
            let inline = self.shape(ShapeRef(shape)).header.b3 as u32;
            let (place, slot) = match self.find_property(ShapeRef(shape), StrRef(name)) {
                None => (Place::Absent, 0),
                Some(slot) if slot < inline => (Place::Inline, SLOTS + slot * 8),
                Some(slot) => (Place::Outline, (slot - inline + 1) * 8),
            };
            let key = event_key(name);
            (*self.vm()).stubs.enter(Stub {
                shape,
                key,
                slot,
                epoch: 0,
                place,
            });
        }
    }

    /// Lets `setmetatable` find the shape that tables of this shape, which have no metatable,
    /// get with it.
    pub(crate) fn remember_metatable(self, shape: ShapeRef, meta: TableRef, with: ShapeRef) {
        // SAFETY: plain field. A name is never at a table's reference.
        unsafe {
            (*self.vm()).stubs.enter(Stub {
                shape: shape.0,
                key: meta.0,
                slot: with.0,
                epoch: 0,
                place: Place::Shape,
            });
        }
    }

    /// `object[key]` for `GetField` and `Method` by what caches know, filling the
    /// instruction's. `None`: look it up properly.
    #[inline]
    pub(super) fn cached_get(
        self,
        pc: *const u64,
        i: Insn,
        object: Value,
        key: StrRef,
    ) -> Option<Value> {
        let method = OPS[i.op as usize].base == Op::Method;
        let shape = match TableRef::from_value(object) {
            Some(t) => {
                if self.is_dictionary(t) {
                    return None;
                }
                // SAFETY: live table.
                unsafe { (*self.table(t)).shape }
            }
            None if method && object.has_tag(tag::STRING) => 0,
            None => return None,
        };
        let stub = self.place_of(object, shape, key)?;
        let op = match (stub.place, method) {
            (Place::Inline, false) => Op::GetFieldI,
            (Place::Outline, false) => Op::GetFieldO,
            (Place::Chain, false) => Op::GetFieldP,
            (Place::Absent, false) => Op::GetFieldN,
            (Place::Handler, false) => Op::GetFieldF,
            (Place::Inline, true) => Op::MethodI,
            (Place::Outline, true) => Op::MethodO,
            (Place::Chain, true) if shape == 0 => Op::MethodS,
            (Place::Chain, true) => Op::MethodP,
            (Place::Absent | Place::Handler, true) | (Place::Shape, _) => return None,
        };
        self.quicken(pc, op, [shape, stub.slot, stub.epoch, 0]);
        let v: Value = match stub.place {
            Place::Inline => self.get(object.payload() + stub.slot),
            // SAFETY: live table.
            Place::Outline => unsafe {
                self.get((*self.table(TableRef(object.payload()))).props + stub.slot)
            },
            Place::Chain => self.get(stub.slot),
            Place::Absent => return Some(Value::NIL),
            Place::Handler | Place::Shape => return None,
        };
        // A nil needs the rest of the chain.
        if v.is_nil() && self.metatable_of(object) != 0 {
            self.remember_chain(object, shape, key);
            None
        } else {
            Some(v)
        }
    }

    /// Lets reading this property, nil in the object itself, find at once what the chain has.
    fn remember_chain(self, object: Value, shape: u32, key: StrRef) {
        if let Some(stub) = self.find_on_chain(object, shape, key)
            && matches!(stub.place, Place::Chain | Place::Absent)
        {
            let key = chain_key(key.0);
            // SAFETY: plain field.
            unsafe { (*self.vm()).stubs.enter(Stub { key, ..stub }) };
        }
    }

    /// Writes cache and quickened operation.
    pub(super) fn quicken(self, pc: *const u64, op: Op, numbers: [u32; 4]) {
        // SAFETY: code is writable memory of the region, the operation has two cache words.
        unsafe {
            let words = pc as *mut u64;
            *words.add(1) = numbers[0] as u64 | (numbers[1] as u64) << 32;
            if OPS[op as usize].extra == crate::isa::Extra::Ic2 {
                let counts = |op: u8| op != Op::SetFieldIN as u8 && op != Op::SetFieldON as u8;
                let last = match counts(op as u8) && counts(insn(pc).op) {
                    // The misses so far (`ops/access.rs`).
                    true => (*words.add(2) >> 32) as u32,
                    false => numbers[3],
                };
                *words.add(2) = numbers[2] as u64 | (last as u64) << 32;
            }
            *(pc as *mut u8) = op as u8;
        }
    }

    /// Lets the next `t[key]` with a string key find its place at once.
    pub(super) fn remember_place(self, object: Value, key: Value) {
        if let (Some(t), Some(key)) = (TableRef::from_value(object), StrRef::from_value(key)) {
            // Stores by stub don't ask what the key means to caches.
            if !self.is_dictionary(t) && !self.is_event_name(key) {
                // SAFETY: live table.
                self.place_of(object, unsafe { (*self.table(t)).shape }, key);
            }
        }
    }

    /// Stores into a property that the object has, if no metamethod can be
    /// concerned; false when this must be found out properly.
    #[inline]
    fn cached_set(self, pc: *const u64, t: TableRef, key: StrRef, v: Value) -> bool {
        // SAFETY: live table.
        let (shape, meta, props) = unsafe {
            let table = self.table(t);
            ((*table).shape, (*table).meta, (*table).props)
        };
        let Some(stub) = self.place_of(t.value(), shape, key) else {
            return false;
        };
        let offset = match stub.place {
            Place::Inline => t.0 + stub.slot,
            Place::Outline => props + stub.slot,
            Place::Chain | Place::Absent | Place::Handler | Place::Shape => return false,
        };
        if meta != 0 && self.get::<Value>(offset).is_nil() {
            return false;
        }
        self.put(t.0, offset, v);
        let op = match (stub.place, meta != 0) {
            (Place::Inline, false) => Op::SetFieldI,
            (_, false) => Op::SetFieldO,
            (Place::Inline, true) => Op::SetFieldIM,
            (_, true) => Op::SetFieldOM,
        };
        // SAFETY: plain fields; a metatable is a live table.
        unsafe {
            let epoch = (*self.vm()).epoch;
            if meta != 0 {
                if epoch == 0 || !self.event_handler(meta, Event::NewIndex).is_nil() {
                    return true;
                }
                (*self.table(TableRef(meta))).flags |= ON_CHAIN;
            }
            self.quicken(pc, op, [shape, stub.slot, epoch, 0]);
        }
        true
    }

    pub(super) fn set_field(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        let key = StrRef(i.d);
        let (object, v) = (self.reg(base, i.a), self.reg(base, i.b));
        let Some(t) = TableRef::from_value(object) else {
            return self.set_index(base, pc, object, Some(i.a), key.value(), v);
        };
        if !self.is_event_name(key) && !self.is_dictionary(t) && self.cached_set(pc, t, key, v) {
            return self.next(base, pc);
        }
        // SAFETY: live table.
        unsafe {
            let table = self.table(t);
            let (old, meta) = (ShapeRef((*table).shape), (*table).meta);
            let newindex = self.event_handler(meta, Event::NewIndex);
            let epoch = (*self.vm()).epoch;
            if newindex.is_function()
                && epoch != 0
                && !self.is_dictionary(t)
                && !self.is_event_name(key)
                && self.find_property(old, key).is_none()
                && let Some(slot) = self.event_slot(TableRef(meta), Event::NewIndex)
            {
                (*self.table(TableRef(meta))).flags |= ON_CHAIN;
                self.quicken(pc, Op::SetFieldF, [old.0, slot, epoch, 0]);
                let key = store_key(key.0);
                (*self.vm()).stubs.enter(Stub {
                    shape: old.0,
                    key,
                    slot,
                    epoch,
                    place: Place::Handler,
                });
            }
            if !newindex.is_nil() || self.is_dictionary(t) || self.is_event_name(key) {
                return self.set_index(base, pc, object, Some(i.a), key.value(), v);
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
                    // The cache can make a property array, but not grow it.
                    let had = outline_capacity(slot, inline);
                    let grows = had != 0 && had != outline_capacity(slot + 1, inline);
                    if grows || epoch == 0 {
                        return self.next(base, pc);
                    }
                }
                self.quicken(pc, op, [old.0, place, epoch, if added { new.0 } else { 0 }]);
            }
        }
        self.next(base, pc)
    }
}
