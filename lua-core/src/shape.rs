//! Shapes (hidden classes): which string keys a table has as *properties*, in
//! which slot each lies, and which metatable it has. Tables with the same shape
//! look alike, so that a cache keyed on the shape can go straight to the slot.
//!
//! A shape is (inline capacity, metatable, first `count` keys of a *lineage*).
//! A lineage is an append-only list of keys shared by all shapes that grew from
//! one another without branching; a shape that adds a key in the middle copies
//! it. Adding a key or changing the metatable is a *transition*, remembered in
//! the shape it starts from, so that objects built alike share shapes.
//!
//! # Invariants
//! - A table's shape and its `meta` field agree: same shape, same metatable.
//! - Slot `i` is inline when `i < inline_cap`, otherwise in the property array,
//!   whose capacity is `outline_capacity(count, inline_cap)`: the shape tells.
//! - Keys are never removed (their value becomes nil); a table with too many
//!   keys leaves for *dictionary mode*: the one `dict_shape`, which has no keys
//!   and which caches never remember.
//! - Transitions don't keep shapes alive; a collection prunes the dead ones.

use crate::heap::{Header, Kind, NoMemory, Rt, ShapeRef, StrRef, TableRef};

/// Largest number of inline slots.
pub const INLINE_MAX: u32 = 32;
/// Inline slots of a table made by `{}`.
pub const INLINE_DEFAULT: u32 = 4;
/// More properties than this, and the table becomes a dictionary.
pub const PROPERTIES_MAX: u32 = 512;
/// The same for keys that are computed (`t[k] = v`).
pub const PROPERTIES_MAX_COMPUTED: u32 = 24;

/// Flag in `b2` of the dictionary shape.
pub(crate) const DICTIONARY: u8 = 1;

/// A shape. Header: `b2` flags, `b3` inline capacity, `aux` number of keys.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub header: Header,
    pub lineage: u32,
    pub meta: u32,
    /// Map from key (string or metatable reference) to shape, or 0.
    pub transitions: u32,
    /// List of all shapes.
    pub next: u32,
}

pub(crate) const SHAPE_SIZE: u32 = size_of::<Shape>() as u32;

/// A lineage. Header: `aux` number of keys.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Lineage {
    pub header: Header,
    /// Memory of the keys, u32 each, after an object header.
    pub keys: u32,
    pub capacity: u32,
    /// Map from key to slot, or 0 while there are few keys.
    pub map: u32,
    pub spare: u32,
}

const LINEAGE_SIZE: u32 = size_of::<Lineage>() as u32;
/// Up to this many keys a scan is faster than the map.
const SCAN_MAX: u32 = 8;

/// Capacity of the property array of a table with `count` keys.
#[inline(always)]
pub const fn outline_capacity(count: u32, inline_cap: u32) -> u32 {
    if count <= inline_cap {
        0
    } else {
        let n = count - inline_cap;
        if n <= 4 { 4 } else { n.next_power_of_two() }
    }
}

impl Rt {
    #[inline(always)]
    pub(crate) fn shape(self, s: ShapeRef) -> Shape {
        self.get(s.0)
    }

    fn new_shape(
        self,
        inline_cap: u8,
        count: u32,
        lineage: u32,
        meta: u32,
    ) -> Result<ShapeRef, NoMemory> {
        let s = self.allocate(Kind::Shape, SHAPE_SIZE, 0, inline_cap, count)?;
        let header = self.header(s);
        // SAFETY: plain field; the list of all shapes is kept here and by the collector.
        unsafe {
            let next = (*self.vm()).shapes;
            self.set(
                s,
                Shape {
                    header,
                    lineage,
                    meta,
                    transitions: 0,
                    next,
                },
            );
            (*self.vm()).shapes = s;
        }
        Ok(ShapeRef(s))
    }

    fn new_lineage(self, capacity: u32) -> Result<u32, NoMemory> {
        let keys = self.allocate(Kind::Raw, 8 + capacity * 4, 0, 0, 0)?;
        let l = self.allocate(Kind::Lineage, LINEAGE_SIZE, 0, 0, 0)?;
        let header = self.header(l);
        self.set(
            l,
            Lineage {
                header,
                keys,
                capacity,
                map: 0,
                spare: 0,
            },
        );
        Ok(l)
    }

    /// Makes the dictionary shape. Called once.
    pub(crate) fn init_shapes(self) -> Result<(), NoMemory> {
        let lineage = self.new_lineage(4)?;
        let s = self.new_shape(0, 0, lineage, 0)?;
        let h = self.header(s.0);
        self.set(
            s.0,
            Header {
                b2: DICTIONARY,
                ..h
            },
        );
        // SAFETY: plain fields.
        unsafe { (*self.vm()).dict_shape = s.0 }
        self.root_shape(INLINE_DEFAULT)?;
        self.root_shape(0)?;
        Ok(())
    }

    /// The shape without keys and metatable for this number of inline slots.
    pub(crate) fn root_shape(self, inline_cap: u32) -> Result<ShapeRef, NoMemory> {
        let i = inline_cap.min(INLINE_MAX) as usize;
        // SAFETY: plain field.
        let known = unsafe { (*self.vm()).root_shapes[i] };
        if known != 0 {
            return Ok(ShapeRef(known));
        }
        let lineage = self.new_lineage((i as u32).max(4))?;
        let s = self.new_shape(i as u8, 0, lineage, 0)?;
        // SAFETY: plain field.
        unsafe { (*self.vm()).root_shapes[i] = s.0 }
        Ok(s)
    }

    /// Shape of the tables that `{}` makes.
    pub fn empty_shape(self) -> ShapeRef {
        // SAFETY: plain field, set by `init_shapes`.
        ShapeRef(unsafe { (*self.vm()).root_shapes[INLINE_DEFAULT as usize] })
    }

    /// Shape whose inline slots 0.. are exactly these distinct keys.
    pub fn record_shape(self, keys: &[StrRef]) -> Result<ShapeRef, NoMemory> {
        let mut s = self.root_shape(keys.len() as u32)?;
        for &key in keys {
            s = self.shape_with_key(s, key)?;
        }
        Ok(s)
    }

    /// The slot of a property.
    #[inline]
    pub(crate) fn find_property(self, shape: ShapeRef, key: StrRef) -> Option<u32> {
        let s = self.shape(shape);
        let count = s.header.aux;
        let l: Lineage = self.get(s.lineage);
        if count <= SCAN_MAX || l.map == 0 {
            let keys: *const u32 = self.at(l.keys + 8);
            for i in 0..count {
                // SAFETY: a lineage holds at least `count` keys.
                if unsafe { *keys.add(i as usize) } == key.0 {
                    return Some(i);
                }
            }
            None
        } else {
            // The map may hold a slot that was never published (an append that ran
            // out of memory) and is now another key's: the list of keys decides.
            self.map_get(l.map, key.0)
                .filter(|&slot| slot < count && self.get::<u32>(l.keys + 8 + 4 * slot) == key.0)
        }
    }

    /// The key of slot `i < count`.
    pub(crate) fn property_key(self, shape: ShapeRef, i: u32) -> StrRef {
        let l: Lineage = self.get(self.shape(shape).lineage);
        StrRef(self.get(l.keys + 8 + 4 * i))
    }

    /// The shape after adding `key`, which `shape` doesn't have.
    pub(crate) fn shape_with_key(self, shape: ShapeRef, key: StrRef) -> Result<ShapeRef, NoMemory> {
        let s = self.shape(shape);
        if let Some(to) = self.transition(s, key.0) {
            return Ok(to);
        }
        let count = s.header.aux;
        let mut lineage = s.lineage;
        let l: Lineage = self.get(lineage);
        if l.header.aux != count {
            // Someone else went on from here: branch off with a copy.
            lineage = self.copy_lineage(l, count)?;
        }
        // Grow and index first, publish last: a failure in between changes nothing visible.
        self.append_key(lineage, key)?;
        let to = self.new_shape(s.header.b3, count + 1, lineage, s.meta);
        let to = match to {
            Ok(to) => to,
            Err(e) => {
                self.drop_last_key(lineage);
                return Err(e);
            }
        };
        self.add_transition(shape, key.0, to)?;
        Ok(to)
    }

    /// The shape with the same keys and another metatable (0: none).
    pub(crate) fn shape_with_meta(self, shape: ShapeRef, meta: u32) -> Result<ShapeRef, NoMemory> {
        let s = self.shape(shape);
        if s.meta == meta || s.header.b2 & DICTIONARY != 0 {
            return Ok(shape);
        }
        // A string and a table never share a reference, so one map serves both;
        // "no metatable" takes the key 1, which is no reference.
        let key = if meta == 0 { 1 } else { meta };
        if let Some(to) = self.transition(s, key) {
            return Ok(to);
        }
        // Not the same lineage: two shapes of equal length would both append to it.
        let to = self.new_shape(s.header.b3, s.header.aux, s.lineage, meta)?;
        self.add_transition(shape, key, to)?;
        Ok(to)
    }

    /// Where a transition leads, if it is known. Transitions are weak: once marking is
    /// complete, and until they are pruned, some lead to shapes that are dead already.
    fn transition(self, s: Shape, key: u32) -> Option<ShapeRef> {
        if s.transitions == 0 {
            return None;
        }
        let to = self.map_get(s.transitions, key)?;
        if self.is_doomed(to) {
            return None;
        }
        Some(ShapeRef(to))
    }

    fn add_transition(self, from: ShapeRef, key: u32, to: ShapeRef) -> Result<(), NoMemory> {
        let mut s = self.shape(from);
        s.transitions = self.map_insert(s.transitions, key, to.0)?;
        self.set(from.0, s);
        Ok(())
    }

    fn copy_lineage(self, l: Lineage, count: u32) -> Result<u32, NoMemory> {
        let new = self.new_lineage((count + 1).max(4).next_power_of_two())?;
        for i in 0..count {
            self.append_key(new, StrRef(self.get(l.keys + 8 + 4 * i)))?;
        }
        Ok(new)
    }

    fn append_key(self, lineage: u32, key: StrRef) -> Result<(), NoMemory> {
        let mut l: Lineage = self.get(lineage);
        let n = l.header.aux;
        if n == l.capacity {
            let capacity = n * 2;
            let keys = self.allocate(Kind::Raw, 8 + capacity * 4, 0, 0, 0)?;
            // SAFETY: both areas hold n keys.
            unsafe {
                core::ptr::copy_nonoverlapping(
                    self.at::<u32>(l.keys + 8),
                    self.at(keys + 8),
                    n as usize,
                );
            }
            self.adopt_part(lineage, keys);
            l.keys = keys;
            l.capacity = capacity;
            self.set(lineage, l);
        }
        if n + 1 > SCAN_MAX {
            if l.map == 0 {
                for i in 0..n {
                    l.map = self.map_insert(l.map, self.get(l.keys + 8 + 4 * i), i)?;
                }
            }
            l.map = self.map_insert(l.map, key.0, n)?;
            self.adopt_part(lineage, l.map);
        }
        self.barrier_object(lineage, key.0);
        self.set(l.keys + 8 + 4 * n, key.0);
        l.header.aux = n + 1;
        self.set(lineage, l);
        Ok(())
    }

    fn drop_last_key(self, lineage: u32) {
        let mut l: Lineage = self.get(lineage);
        l.header.aux -= 1;
        self.set(lineage, l);
    }

    /// Sets a table's metatable, in the table and in its shape.
    pub(crate) fn set_table_meta(self, t: TableRef, meta: u32) -> Result<(), NoMemory> {
        // SAFETY: `t` is a live table.
        unsafe {
            let table = self.table(t);
            let shape = self.shape_with_meta(ShapeRef((*table).shape), meta)?;
            if (*table).flags & crate::table::ON_CHAIN != 0 {
                self.bump_epoch();
            }
            self.barrier_object(t.0, shape.0);
            self.barrier_object(t.0, meta);
            (*table).shape = shape.0;
            (*table).meta = meta;
        }
        Ok(())
    }

    /// Makes all caches of looked-up chains miss.
    pub(crate) fn bump_epoch(self) {
        // SAFETY: plain field. At the end of its range the counter sticks at 0,
        // which no cache holds: chain caching is off from then on.
        unsafe {
            let e = (*self.vm()).epoch;
            (*self.vm()).epoch = if e == 0 { 0 } else { e.wrapping_add(1) };
        }
    }
}
