//! Tables: properties (string keys) in slots told by the shape, an array part
//! for 1..n, a hash part for all other keys. In dictionary mode string keys live
//! in the hash part too.
//!
//! # Invariants
//! - All `array_cap` slots of the array part are initialized (nil where unused).
//! - The key of a node is never nil or NaN; a number key is never an integer
//!   that lies inside the array part; -0 is stored as 0.
//! - Nodes are never removed, their value becomes nil; only an insertion of a
//!   new key moves nodes. So `next` works while a loop clears fields.
//! - Every function here either completes or leaves the table as it was.
//!
//! Never calls metamethods, never collects.

mod parts;
mod traversal;

use crate::heap::{Header, Kind, NoMemory, Rt, ShapeRef, StrRef, TableRef};
use crate::shape::{PROPERTIES_MAX, PROPERTIES_MAX_COMPUTED, outline_capacity};
use crate::state::Event;
use crate::value::{Value, tag};

/// A table object, followed by the inline slots. Header: `b2` spare, `b3`
/// inline capacity, `aux` unused; see `flags` and `shape`.
#[repr(C)]
pub struct Table {
    /// A `Kind`.
    pub kind: u8,
    /// Collection state.
    pub mark: u8,
    /// [`ON_CHAIN`] and friends.
    pub flags: u8,
    /// Number of inline slots.
    pub inline_cap: u8,
    /// The shape.
    pub shape: u32,
    /// Metatable or 0.
    pub meta: u32,
    /// Property array or 0: slots behind the inline ones, first at +8.
    pub props: u32,
    /// Array part or 0: index `i` at +8*i.
    pub array: u32,
    /// Number of slots of the array part.
    pub array_cap: u32,
    /// Hash part or 0.
    pub hash: u32,
    /// Where the last border was found, at most `array_cap`.
    pub hint: u32,
}

/// Offset of the inline slots.
pub const SLOTS: u32 = size_of::<Table>() as u32;
const _: () = assert!(SLOTS == 32);

/// Flag: caches have looked through this table on a metatable chain.
pub const ON_CHAIN: u8 = 1;

/// Flags: as what kind of weak table it was marked last.
pub(crate) const WEAK_KEYS: u8 = 2;
pub(crate) const WEAK_VALUES: u8 = 4;

/// Node of a hash part. A key whose value is nil may be the reference of an object that is
/// gone: it is only compared, never followed.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Node {
    pub key: Value,
    pub value: Value,
}

/// Hash part. Header: `aux` capacity, a power of two.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct HashPart {
    pub header: Header,
    pub used: u32,
    pub spare: u32,
}

pub(crate) const NODES: u32 = size_of::<HashPart>() as u32;
/// Nodes of the smallest hash part.
pub(crate) const NODES_MIN: u32 = 4;
/// Largest index that the array part takes.
const ARRAY_MAX: u32 = 1 << 27;

/// A number key as index of the array part: an integer from 1 to 2^31.
#[inline(always)]
pub fn array_index(x: f64) -> Option<u32> {
    let i = x as i32; // saturates; NaN gives 0
    if i as f64 == x && i >= 1 {
        Some(i as u32)
    } else {
        None
    }
}

/// Hash of a key; a hash part of n nodes takes the low bits.
///
/// These are the product's highest bits, which all bits of the key have a part in. (The
/// lower ones don't do: integers are doubles, whose lower bits are zeros, and so are those
/// of their products.) Objects in the same 128 bytes get nodes side by side: what was made
/// together is often looked up together, and then shares lines of the cache. With more
/// bytes the runs of nodes that are taken would become too long.
#[inline(always)]
pub(crate) fn hash_value(key: Value) -> u32 {
    const K: u64 = 0x9E37_79B9_7F4A_7C15;
    if key.is_number() {
        return key.0.wrapping_mul(K).swap_bytes() as u32;
    }
    let group = (key.0 >> 7).wrapping_mul(K).swap_bytes() as u32;
    group.wrapping_add(key.0 as u32 >> 4 & 7)
}

impl Rt {
    /// The table's fields.
    #[inline(always)]
    pub(crate) fn table(self, t: TableRef) -> *mut Table {
        self.at(t.0)
    }

    /// A table of this shape (its slots nil) with room for `array` items.
    pub(crate) fn new_table(self, shape: ShapeRef, array: u32) -> Result<TableRef, NoMemory> {
        let s = self.shape(shape);
        let inline = s.header.b3 as u32;
        let mut array_part = 0;
        if array != 0 {
            array_part = self.new_values(array)?;
        }
        let outline = outline_capacity(s.header.aux, inline);
        let props = if outline != 0 {
            self.new_values(outline)?
        } else {
            0
        };
        let t = self.allocate(Kind::Table, SLOTS + inline * 8, 0, s.header.b3, shape.0)?;
        // SAFETY: fresh table; header (with the shape in `aux`) is written.
        unsafe {
            let table = self.table(TableRef(t));
            (*table).meta = s.meta;
            (*table).props = props;
            (*table).array = array_part;
            (*table).array_cap = array;
            (*table).hash = 0;
            (*table).hint = 0;
        }
        for i in 0..inline {
            self.set(t + SLOTS + i * 8, Value::NIL);
        }
        Ok(TableRef(t))
    }

    /// Memory for `n` values, all nil; value `i` (from 1) at +8*i.
    pub(crate) fn new_values(self, n: u32) -> Result<u32, NoMemory> {
        let size = n
            .checked_mul(8)
            .and_then(|s| s.checked_add(8))
            .ok_or(NoMemory)?;
        let values = self.allocate(Kind::Values, size, 0, 0, n)?;
        for i in 1..=n {
            self.set(values + i * 8, Value::NIL);
        }
        Ok(values)
    }

    fn grow_values(self, old: u32, old_n: u32, n: u32) -> Result<u32, NoMemory> {
        let size = n
            .checked_mul(8)
            .and_then(|s| s.checked_add(8))
            .ok_or(NoMemory)?;
        let values = self.allocate(Kind::Values, size, 0, 0, n)?;
        // SAFETY: both objects hold at least `min(old_n, n)` values.
        unsafe {
            core::ptr::copy_nonoverlapping(
                self.at::<u64>(old + 8),
                self.at::<u64>(values + 8),
                old_n.min(n) as usize,
            );
        }
        for i in old_n + 1..=n {
            self.set(values + i * 8, Value::NIL);
        }
        if old != 0 {
            self.release(old, old_n * 8 + 8);
        }
        Ok(values)
    }

    /// Offset of the value slot of a property.
    #[inline(always)]
    pub(crate) fn slot_offset(self, t: TableRef, slot: u32) -> u32 {
        // SAFETY: live table.
        let (inline, props) =
            unsafe { ((*self.table(t)).inline_cap as u32, (*self.table(t)).props) };
        if slot < inline {
            t.0 + SLOTS + slot * 8
        } else {
            props + (slot - inline + 1) * 8
        }
    }

    /// Is it in dictionary mode?
    #[inline(always)]
    pub(crate) fn is_dictionary(self, t: TableRef) -> bool {
        // SAFETY: plain fields.
        unsafe { (*self.table(t)).shape == (*self.vm()).dict_shape }
    }

    #[inline]
    fn find_node(self, t: TableRef, key: Value) -> Result<u32, u32> {
        // SAFETY: live table.
        let hash = unsafe { (*self.table(t)).hash };
        if hash == 0 {
            return Err(0);
        }
        let mask = self.header(hash).aux - 1;
        let mut i = hash_value(key) & mask;
        loop {
            let node = hash + NODES + i * 16;
            let k: Value = self.get(node);
            if k.0 == key.0 {
                return Ok(node);
            }
            if k.is_nil() {
                return Err(node);
            }
            i = (i + 1) & mask;
        }
    }

    /// Offset of the value stored under a key, if the table has room for it now.
    #[inline]
    pub(crate) fn find(self, t: TableRef, key: Value) -> Option<u32> {
        if key.is_number() {
            let x = key.as_f64();
            if let Some(i) = array_index(x) {
                // SAFETY: live table.
                let (array, cap) = unsafe { ((*self.table(t)).array, (*self.table(t)).array_cap) };
                if i <= cap {
                    return Some(array + i * 8);
                }
            }
            // Adding 0 turns -0 into 0.
            return self
                .find_node(t, Value::number(x + 0.0))
                .ok()
                .map(|n| n + 8);
        }
        if let Some(s) = StrRef::from_value(key) {
            return self.find_string_key(t, s);
        }
        self.find_node(t, key).ok().map(|n| n + 8)
    }

    /// The same for a string key.
    #[inline]
    pub(crate) fn find_string_key(self, t: TableRef, key: StrRef) -> Option<u32> {
        // SAFETY: live table.
        let shape = unsafe { (*self.table(t)).shape };
        if let Some(slot) = self.find_property(ShapeRef(shape), key) {
            return Some(self.slot_offset(t, slot));
        }
        if !self.is_dictionary(t) {
            return None;
        }
        self.find_node(t, key.value()).ok().map(|n| n + 8)
    }

    /// `t[key]` without metamethods.
    #[inline]
    pub fn raw_get(self, t: TableRef, key: Value) -> Value {
        self.find(t, key).map_or(Value::NIL, |o| self.get(o))
    }

    /// `t[i]` without metamethods.
    #[inline]
    pub fn raw_get_int(self, t: TableRef, i: u32) -> Value {
        // SAFETY: live table.
        let (array, cap) = unsafe { ((*self.table(t)).array, (*self.table(t)).array_cap) };
        if i.wrapping_sub(1) < cap {
            return self.get(array + i * 8);
        }
        self.raw_get(t, Value::number(i as f64))
    }

    /// `t[key]` without metamethods.
    #[inline]
    pub fn raw_get_str(self, t: TableRef, key: StrRef) -> Value {
        self.find_string_key(t, key)
            .map_or(Value::NIL, |o| self.get(o))
    }

    /// `t[key] = value` without metamethods. The key is neither nil nor NaN.
    pub fn raw_set(self, t: TableRef, key: Value, value: Value) -> Result<(), NoMemory> {
        if let Some(s) = StrRef::from_value(key) {
            return self.set_string_key(t, s, value, PROPERTIES_MAX_COMPUTED);
        }
        if let Some(o) = self.find(t, key) {
            // A node without a value didn't keep its key alive.
            self.barrier(t.0, key);
            self.put(t.0, o, value);
            return Ok(());
        }
        if value.is_nil() {
            return Ok(());
        }
        self.insert(t, key, value)
    }

    /// `t[i] = value` without metamethods.
    #[inline]
    pub fn raw_set_int(self, t: TableRef, i: u32, value: Value) -> Result<(), NoMemory> {
        // SAFETY: live table.
        let (array, cap) = unsafe { ((*self.table(t)).array, (*self.table(t)).array_cap) };
        if i.wrapping_sub(1) < cap {
            self.put(t.0, array + i * 8, value);
            return Ok(());
        }
        self.raw_set(t, Value::number(i as f64), value)
    }

    /// `t[key] = value` without metamethods, for a key that the program spells.
    #[inline]
    pub fn raw_set_str(self, t: TableRef, key: StrRef, value: Value) -> Result<(), NoMemory> {
        self.set_string_key(t, key, value, PROPERTIES_MAX)
    }

    fn set_string_key(
        self,
        t: TableRef,
        key: StrRef,
        value: Value,
        limit: u32,
    ) -> Result<(), NoMemory> {
        // SAFETY: live table throughout.
        unsafe {
            let table = self.table(t);
            if (*table).flags & ON_CHAIN != 0 && self.is_event_name(key) {
                self.bump_epoch();
            }
            if let Some(o) = self.find_string_key(t, key) {
                self.barrier(t.0, key.value());
                self.put(t.0, o, value);
                return Ok(());
            }
            if value.is_nil() {
                return Ok(());
            }
            if (*table).flags & ON_CHAIN != 0 {
                // A new key may hide what caches found further up the chain.
                self.bump_epoch();
            }
            if self.is_dictionary(t) {
                return self.insert(t, key.value(), value);
            }
            let count = self.shape(ShapeRef((*table).shape)).header.aux;
            if count >= limit {
                self.become_dictionary(t)?;
                return self.insert(t, key.value(), value);
            }
            let to = self.shape_with_key(ShapeRef((*table).shape), key)?;
            self.adopt_shape(t, to, count)?;
            self.put(t.0, self.slot_offset(t, count), value);
            Ok(())
        }
    }

    /// Gives `t` the shape `to`, which has one more key than its `count`.
    fn adopt_shape(self, t: TableRef, to: ShapeRef, count: u32) -> Result<(), NoMemory> {
        // SAFETY: live table.
        unsafe {
            let table = self.table(t);
            let inline = (*table).inline_cap as u32;
            let have = outline_capacity(count, inline);
            let need = outline_capacity(count + 1, inline);
            if need != have {
                let props = self.grow_values((*table).props, have, need)?;
                self.adopt_part(t.0, props);
                (*table).props = props;
            }
            self.barrier_object(t.0, to.0);
            (*table).shape = to.0;
        }
        Ok(())
    }

    /// Moves all properties into the hash part.
    pub(crate) fn become_dictionary(self, t: TableRef) -> Result<(), NoMemory> {
        // SAFETY: live table.
        unsafe {
            let table = self.table(t);
            let shape = ShapeRef((*table).shape);
            let count = self.shape(shape).header.aux;
            let used = if (*table).hash == 0 {
                0
            } else {
                self.get::<HashPart>((*table).hash).used
            };
            // One allocation that may fail, before anything changes.
            self.rehash_to(t, used + count + 1)?;
            for i in 0..count {
                let v: Value = self.get(self.slot_offset(t, i));
                if !v.is_nil() {
                    let key = self.property_key(shape, i).value();
                    if let Err(node) = self.find_node(t, key) {
                        self.put_node(t, node, key, v);
                    }
                }
            }
            if (*table).flags & ON_CHAIN != 0 {
                self.bump_epoch();
            }
            (*table).shape = (*self.vm()).dict_shape;
            (*table).props = 0;
        }
        Ok(())
    }

    /// The handler for an event in a metatable (0: no metatable).
    #[inline]
    pub(crate) fn event_handler(self, meta: u32, event: Event) -> Value {
        if meta == 0 {
            return Value::NIL;
        }
        // SAFETY: plain field.
        let name = unsafe { (*self.vm()).event_names[event as usize] };
        self.raw_get_str(TableRef(meta), StrRef(name))
    }

    /// Metatable of any value, or 0.
    #[inline]
    pub(crate) fn metatable_of(self, v: Value) -> u32 {
        match v.tag() {
            // SAFETY: live objects; userdata keep their metatable in `aux`.
            tag::TABLE => unsafe { (*self.table(TableRef(v.payload()))).meta },
            tag::USERDATA => self.header(v.payload()).aux,
            // SAFETY: plain field.
            _ => unsafe { (*self.vm()).type_meta[v.type_of() as usize] },
        }
    }
}
