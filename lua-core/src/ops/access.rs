//! Globals, fields, methods, indexing.
//!
//! A cache behind an instruction is four 32-bit numbers:
//! `0` shape of the object, `1` byte offset of the slot (or offset in the region
//! of the value found on a chain), `2` epoch, `3` shape afterwards.
//! The quickened form of the operation says how to use them; the generic form
//! always takes the slow path, which looks up, fills the cache and quickens.
//! Invalidation: `shape.rs` (shapes, epoch) and `collect.rs` (dead shapes).

use super::construct::{append, head_of, take};
use super::meta::call_handler;
use super::{Flow, Machine, Operands, Part, nodes};
use crate::heap::Kind;
use crate::heap::cells::class_for;
use crate::isa::Op;
use crate::proto::Closure;
use crate::shape::outline_capacity;
use crate::table::{ON_CHAIN, Table};
use crate::value::{Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

const SHAPE: usize = offset_of!(Table, shape);
const META: usize = offset_of!(Table, meta);
const PROPS: usize = offset_of!(Table, props);
const ARRAY: usize = offset_of!(Table, array);
const ARRAY_CAP: usize = offset_of!(Table, array_cap);
const HASH: usize = offset_of!(Table, hash);
const FLAGS: usize = offset_of!(Table, flags);

/// Numbers of a cache.
pub mod cache {
    /// Shape of the object.
    pub const SHAPE: usize = 0;
    /// Where the value is.
    pub const SLOT: usize = 1;
    /// Epoch of a chain lookup.
    pub const EPOCH: usize = 2;
    /// Shape after adding the property.
    pub const NEW_SHAPE: usize = 3;
}

/// Where a property is, for all objects of a shape.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Slot inside the object.
    Inline = 0,
    /// Slot in the property array.
    Outline = 1,
    /// In an object on the `__index` chain: the slot's offset in the region.
    Chain = 2,
    /// Nowhere on the chain.
    Absent = 3,
    /// Nowhere: the object's own metatable has a function, in the slot with this offset
    /// in the region.
    Handler = 4,
    /// Of a metatable, which is the key then: `slot` is the shape of a table that gets it.
    Shape = 5,
}

/// What is known of a property of a shape: an entry of the cache behind the
/// inline caches.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Stub {
    /// The shape; 0 for strings.
    pub shape: u32,
    /// The property's name.
    pub key: u32,
    /// As in an inline cache.
    pub slot: u32,
    /// As in an inline cache, for `Chain` and `Absent`.
    pub epoch: u32,
    /// How to use `slot`.
    pub place: Place,
}

impl Stub {
    #[inline(always)]
    pub(crate) fn is_of(&self, shape: u32, key: u32) -> bool {
        self.shape == shape && self.key == key
    }
}

/// Number of [`Stub`]s in the VM state: a power of two. Each belongs into one of a pair, so
/// that two which come by in turn don't drive each other out.
pub const STUBS: usize = 512;
/// Misses of an instruction until it changes what it holds. Later, since that helped so
/// little, as many times as many.
pub const PATIENCE: u32 = 32;

/// Index of the first of the two stubs that may be for a shape and a property name. Shapes
/// are 32 bytes apart; the lowest bits of a key tell its kind.
#[inline(always)]
pub fn stub_index(shape: u32, key: u32) -> usize {
    ((shape >> 5) ^ (key.wrapping_mul(0x9E37_79B1) >> 16)) as usize % (STUBS / 2) * 2
}

/// Counts a miss of the instruction's cache; now and then it is time to look
/// properly and to let the instruction hold another shape.
#[inline(always)]
fn patient<O: Operands>(_m: Machine, o: O) -> bool {
    if !O::LEARNS {
        return true;
    }
    // SAFETY: the instruction has its cache words; the last number is spare in
    // all forms that come here.
    unsafe {
        let misses = (o.pc() as *mut u32).add(2 + cache::NEW_SHAPE);
        let n = (*misses).wrapping_add(1);
        *misses = n;
        let patience = if n < PATIENCE * PATIENCE {
            PATIENCE
        } else {
            PATIENCE * PATIENCE
        };
        !n.is_multiple_of(patience)
    }
}

/// The stub of property `key` of a table.
#[inline(always)]
pub(super) fn stub_of(m: Machine, t: u32, key: u32) -> Option<Stub> {
    let shape: u32 = m.get(t, SHAPE);
    // SAFETY: the index is in bounds, and that of the first of two.
    unsafe {
        let mut s = (&raw const (*m.vm).stubs as *const Stub).add(stub_index(shape, key));
        if !(*s).is_of(shape, key) {
            s = s.add(1);
            if !(*s).is_of(shape, key) {
                return None;
            }
        }
        Some(*s)
    }
}

/// A property by its stub. `None`: look properly.
#[inline(always)]
fn get_by_stub(m: Machine, t: u32, key: u32) -> Option<u64> {
    let s = stub_of(m, t, key)?;
    let v: u64 = match s.place {
        Place::Inline => m.get(t, s.slot as usize),
        Place::Outline => m.get(m.get(t, PROPS), s.slot as usize),
        // SAFETY: plain field.
        _ if s.epoch != unsafe { (*m.vm).epoch } => return None,
        Place::Chain => m.get(s.slot, 0),
        Place::Absent => return Some(Value::NIL.0),
        Place::Handler | Place::Shape => return None,
    };
    if v == Value::NIL.0 && m.get::<u32>(t, META) != 0 {
        return None;
    }
    Some(v)
}

/// Stores a property that the object has by its stub; false: look properly.
#[inline(always)]
fn set_by_stub(m: Machine, t: u32, key: u32, v: u64) -> bool {
    let Some(s) = stub_of(m, t, key) else {
        return false;
    };
    let (object, slot) = match s.place {
        Place::Inline => (t, s.slot as usize),
        Place::Outline => (m.get(t, PROPS), s.slot as usize),
        _ => return false,
    };
    // Filling a nil property needs the metatable, if there is one.
    if m.get::<u32>(t, META) != 0 && m.get::<u64>(object, slot) == Value::NIL.0 {
        return false;
    }
    if m.hides(t, v) {
        return false;
    }
    m.set(object, slot, v);
    true
}

/// The table in register `offset`, whose shape the instruction doesn't hold.
#[inline(always)]
fn missed<O: Operands>(m: Machine, o: O, offset: usize) -> Option<u32> {
    if m.reg_tag(offset) != tag::TABLE || !patient(m, o) {
        return None;
    }
    Some(m.reg_ref(offset))
}

/// `GetField` in a form whose cache missed.
#[inline(always)]
pub fn get_missed<O: Operands>(m: Machine, o: O) -> Flow {
    match missed(m, o, o.b()) {
        Some(t) => get_named(m, o, t, o.d()),
        None => Flow::Slow,
    }
}

/// R[a] = a property of `t` by its stub, or by the function that it names.
#[inline(always)]
fn get_named<O: Operands>(m: Machine, o: O, t: u32, key: u32) -> Flow {
    if let Some(v) = get_by_stub(m, t, key) {
        m.set_reg(o.a(), v);
        return Flow::Next;
    }
    get_handled(m, o, t, key)
}

/// Asks the function that `__index` names for a property of `t`.
#[inline(always)]
fn get_handled<O: Operands>(m: Machine, o: O, t: u32, key: u32) -> Flow {
    match stub_of(m, t, key) {
        // SAFETY: plain field.
        Some(s) if s.place == Place::Handler && s.epoch == unsafe { (*m.vm).epoch } => {
            let arguments = [
                Value::tagged(tag::TABLE, t).0,
                Value::tagged(tag::STRING, key).0,
            ];
            call_handler(m, o, m.get(s.slot, 0), arguments)
        }
        _ => nodes::get(m, o, t, Value::tagged(tag::STRING, key).0),
    }
}

/// no such property: the metatable's `__index` is a function, which is called
#[inline(always)]
pub fn get_field_handler<O: Operands>(m: Machine, o: O) -> Flow {
    if cached(m, o, o.b()).is_none() || !epoch_holds(m, o) {
        return Flow::Rest(Part::GetField);
    }
    let key = Value::tagged(tag::STRING, o.d()).0;
    call_handler(m, o, m.get_at(o.slot()), [m.reg(o.b()), key])
}

/// no such property: the metatable's `__newindex` is a function, which is called
#[inline(always)]
pub fn set_field_handler<O: Operands>(m: Machine, o: O) -> Flow {
    if cached(m, o, o.a()).is_none() || !epoch_holds(m, o) {
        return Flow::Miss;
    }
    let key = Value::tagged(tag::STRING, o.d()).0;
    let arguments = [m.reg(o.a()), key, m.reg(o.b())];
    call_handler(m, o, m.get_at(o.slot()), arguments)
}

/// `Method` in a form whose cache missed.
#[inline(always)]
pub fn method_missed<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(t) = missed(m, o, o.b()) else {
        return Flow::Slow;
    };
    if let Some(v) = get_by_stub(m, t, o.d()) {
        return found(m, o, v);
    }
    let object = m.reg(o.b());
    let flow = get_handled(m, o, t, o.d());
    if !matches!(flow, Flow::Slow) {
        // Found among a dictionary's keys, or a handler is being called.
        m.set_reg(o.a() + 16, object);
    }
    flow
}

/// `SetField` in a form for own properties whose cache missed.
#[inline(always)]
pub fn set_missed<O: Operands>(m: Machine, o: O) -> Flow {
    let op = super::insn(o.pc()).op;
    if O::LEARNS && (op == Op::SetFieldIN as u8 || op == Op::SetFieldON as u8) {
        // Compiled code may be of another form than the instruction; of these the last
        // number isn't spare.
        cold_path();
        return Flow::Slow;
    }
    let Some(t) = missed(m, o, o.a()) else {
        return Flow::Slow;
    };
    if set_by_stub(m, t, o.d(), m.reg(o.b())) {
        return Flow::Next;
    }
    match stub_of(m, t, store_key(o.d())) {
        // SAFETY: plain field.
        Some(s) if s.epoch == unsafe { (*m.vm).epoch } => {
            let key = Value::tagged(tag::STRING, o.d()).0;
            let arguments = [m.reg(o.a()), key, m.reg(o.b())];
            call_handler(m, o, m.get(s.slot, 0), arguments)
        }
        _ => Flow::Slow,
    }
}

/// Key in the cache for stores of an absent property, by its name's reference: there
/// the slot is that of the function which `__newindex` names.
#[inline(always)]
pub(crate) fn store_key(name: u32) -> u32 {
    name | 2
}

/// The table in register at `offset` if it has the cached shape.
#[inline(always)]
fn cached<O: Operands>(m: Machine, o: O, offset: usize) -> Option<u32> {
    let t = m.reference(offset, tag::TABLE)?;
    if m.get::<u32>(t, SHAPE) != o.shape() {
        cold_path();
        return None;
    }
    Some(t)
}

#[inline(always)]
fn epoch_holds<O: Operands>(m: Machine, o: O) -> bool {
    // SAFETY: plain field.
    o.epoch() == unsafe { (*m.vm).epoch }
}

/// The environment's property array if the environment has the cached shape.
#[inline(always)]
fn cached_globals<O: Operands>(m: Machine, o: O) -> Option<u32> {
    let env: u32 = m.get(m.closure(), offset_of!(Closure, env));
    if m.get::<u32>(env, SHAPE) != o.shape() {
        cold_path();
        return None;
    }
    Some(m.get(env, PROPS))
}

/// R[a] = ENV[d]
#[inline(always)]
pub fn get_global<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(props) = cached_globals(m, o) else {
        return Flow::Miss;
    };
    let v: u64 = m.get(props, o.slot());
    if v == Value::NIL.0 {
        cold_path();
        return Flow::Slow;
    }
    m.set_reg(o.a(), v);
    Flow::Next
}

/// ENV[d] = R[a]
#[inline(always)]
pub fn set_global<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(props) = cached_globals(m, o) else {
        return Flow::Miss;
    };
    let (env, v) = (m.get(m.closure(), offset_of!(Closure, env)), m.reg(o.a()));
    if m.hides(env, v) {
        return Flow::Slow;
    }
    m.set(props, o.slot(), v);
    Flow::Next
}

/// R[a] = R[b][d]
#[inline(always)]
pub fn get_field<O: Operands>(_m: Machine, _o: O) -> Flow {
    Flow::Miss
}

/// Own property: a nil one needs the metatable, if there is one.
#[inline(always)]
fn own(m: Machine, t: u32, v: u64) -> Flow {
    if v == Value::NIL.0 && m.get::<u32>(t, META) != 0 {
        cold_path();
        return Flow::Slow;
    }
    Flow::Value(v)
}

/// The same of a property by a constant name.
#[inline(always)]
fn own_field(m: Machine, t: u32, v: u64) -> Flow {
    if v == Value::NIL.0 && m.get::<u32>(t, META) != 0 {
        cold_path();
        return Flow::Rest(Part::NilField);
    }
    Flow::Value(v)
}

/// The rest of `get_field_inline` and `get_field_outline`: the table has a nil there, and a
/// metatable.
#[inline(always)]
pub fn get_nil_field<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(s) = stub_of(m, m.reg_ref(o.b()), chain_key(o.d())) else {
        return Flow::Slow;
    };
    // SAFETY: plain field.
    if s.epoch != unsafe { (*m.vm).epoch } {
        return Flow::Slow;
    }
    let v = match s.place {
        Place::Chain => m.get(s.slot, 0),
        _ => Value::NIL.0,
    };
    if s.place == Place::Chain && v == Value::NIL.0 {
        return Flow::Slow;
    }
    m.set_reg(o.a(), v);
    Flow::Next
}

/// Key in the cache, by its name's reference, for what the `__index` chain has of a property
/// that is nil in the table itself: `Chain` or `Absent`.
#[inline(always)]
pub(crate) fn chain_key(name: u32) -> u32 {
    name | 3
}

/// own property, slot inside the object
#[inline(always)]
pub fn get_field_inline<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(t) = cached(m, o, o.b()) else {
        return Flow::Rest(Part::GetField);
    };
    let v: u64 = m.get(t, o.slot());
    own_field(m, t, v)
}

/// own property, slot in the property array
#[inline(always)]
pub fn get_field_outline<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(t) = cached(m, o, o.b()) else {
        return Flow::Rest(Part::GetField);
    };
    let v: u64 = m.get(m.get(t, PROPS), o.slot());
    own_field(m, t, v)
}

/// The value found on the chain, if the cache still holds.
#[inline(always)]
fn chained<O: Operands>(m: Machine, o: O, offset: usize) -> Option<u64> {
    cached(m, o, offset)?;
    if !epoch_holds(m, o) {
        cold_path();
        return None;
    }
    let v: u64 = m.get_at(o.slot());
    if v == Value::NIL.0 {
        cold_path();
        return None;
    }
    Some(v)
}

/// property of an object on the __index chain
#[inline(always)]
pub fn get_field_proto<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(v) = chained(m, o, o.b()) else {
        return Flow::Rest(Part::GetField);
    };
    m.set_reg(o.a(), v);
    Flow::Next
}

/// no such property on the whole chain: nil
#[inline(always)]
pub fn get_field_absent<O: Operands>(m: Machine, o: O) -> Flow {
    if cached(m, o, o.b()).is_none() || !epoch_holds(m, o) {
        return Flow::Rest(Part::GetField);
    }
    m.set_reg(o.a(), Value::NIL.0);
    Flow::Next
}

/// R[a][d] = R[b]
#[inline(always)]
pub fn set_field<O: Operands>(_m: Machine, _o: O) -> Flow {
    Flow::Miss
}

/// own property, inside, no metatable
#[inline(always)]
pub fn set_field_inline<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(t) = cached(m, o, o.a()) else {
        return Flow::Rest(Part::SetField);
    };
    let v = m.reg(o.b());
    if m.hides(t, v) {
        return Flow::Slow;
    }
    m.set(t, o.slot(), v);
    Flow::Next
}

/// own property, in the array, no metatable
#[inline(always)]
pub fn set_field_outline<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(t) = cached(m, o, o.a()) else {
        return Flow::Rest(Part::SetField);
    };
    let v = m.reg(o.b());
    if m.hides(t, v) {
        return Flow::Slow;
    }
    m.set(m.get(t, PROPS), o.slot(), v);
    Flow::Next
}

/// own property, inside, metatable without __newindex
#[inline(always)]
pub fn set_field_inline_meta<O: Operands>(m: Machine, o: O) -> Flow {
    if !epoch_holds(m, o) {
        return Flow::Rest(Part::SetField);
    }
    set_field_inline(m, o)
}

/// own property, in the array, metatable without __newindex
#[inline(always)]
pub fn set_field_outline_meta<O: Operands>(m: Machine, o: O) -> Flow {
    if !epoch_holds(m, o) {
        return Flow::Rest(Part::SetField);
    }
    set_field_outline(m, o)
}

/// The table to which a property may be added as cached, or where to go.
#[inline(always)]
fn may_add<O: Operands>(m: Machine, o: O) -> Result<u32, Flow> {
    let Some(t) = cached(m, o, o.a()) else {
        return Err(Flow::Miss);
    };
    if !epoch_holds(m, o) {
        cold_path();
        return Err(Flow::Miss);
    }
    // A table on a chain must tell the caches; storing nil adds nothing.
    if m.get::<u8>(t, FLAGS) & ON_CHAIN != 0 || m.reg(o.b()) == Value::NIL.0 {
        cold_path();
        return Err(Flow::Slow);
    }
    // The table refers to its new shape as well.
    if m.hides(t, m.reg(o.b())) || m.hides_object(t, o.new_shape()) {
        return Err(Flow::Slow);
    }
    Ok(t)
}

/// new property, inside
#[inline(always)]
pub fn set_field_inline_new<O: Operands>(m: Machine, o: O) -> Flow {
    let t = match may_add(m, o) {
        Ok(t) => t,
        Err(flow) => return flow,
    };
    m.set(t, o.slot(), m.reg(o.b()));
    m.set(t, SHAPE, o.new_shape());
    Flow::Next
}

/// new property, in the array, which has room or is made for it
#[inline(always)]
pub fn set_field_outline_new<O: Operands>(m: Machine, o: O) -> Flow {
    let t = match may_add(m, o) {
        Ok(t) => t,
        Err(flow) => return flow,
    };
    let mut props: u32 = m.get(t, PROPS);
    if o.slot() == FIRST_OUTLINE {
        props = new_props(m, t);
        if props == 0 {
            cold_path();
            return Flow::Slow;
        }
        m.set(t, PROPS, props);
    }
    m.set(props, o.slot(), m.reg(o.b()));
    m.set(t, SHAPE, o.new_shape());
    Flow::Next
}

/// Offset of the first slot of a property array.
const FIRST_OUTLINE: usize = 8;

/// A property array for the first property that a table can't hold itself; 0 if that takes
/// more than a cell of the free list.
#[inline(always)]
fn new_props(m: Machine, t: u32) -> u32 {
    const N: u32 = outline_capacity(1, 0);
    let class = class_for(N * 8 + 8);
    let props = head_of(m, class);
    // The collector would have to learn of a new part.
    if props == 0 || m.barrier_applies(t) {
        return 0;
    }
    take(m, class, props);
    // SAFETY: plain field.
    let fresh = unsafe { (*m.vm).fresh } as u64;
    let header = Kind::Values as u64 | fresh << 8 | (N as u64) << 32;
    m.set(props, 0, header);
    let mut i = 1;
    while i <= N as usize {
        m.set(props, i * 8, Value::NIL.0);
        i += 1;
    }
    props
}

/// R[a+2] = R[b]; R[a] = R[b][d]
#[inline(always)]
pub fn method<O: Operands>(_m: Machine, _o: O) -> Flow {
    Flow::Miss
}

#[inline(always)]
fn found<O: Operands>(m: Machine, o: O, v: u64) -> Flow {
    if v == Value::NIL.0 {
        cold_path();
        return Flow::Slow;
    }
    let a = o.a();
    m.set_reg(a + 16, m.reg(o.b()));
    m.set_reg(a, v);
    Flow::Next
}

/// own property, inside
#[inline(always)]
pub fn method_inline<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(t) = cached(m, o, o.b()) else {
        return Flow::Rest(Part::Method);
    };
    found(m, o, m.get(t, o.slot()))
}

/// own property, in the array
#[inline(always)]
pub fn method_outline<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(t) = cached(m, o, o.b()) else {
        return Flow::Rest(Part::Method);
    };
    found(m, o, m.get(m.get(t, PROPS), o.slot()))
}

/// property of an object on the __index chain
#[inline(always)]
pub fn method_proto<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(v) = chained(m, o, o.b()) else {
        return Flow::Rest(Part::Method);
    };
    found(m, o, v)
}

/// R[b] is a string: property of the string library
#[inline(always)]
pub fn method_string<O: Operands>(m: Machine, o: O) -> Flow {
    if m.reg_tag(o.b()) != tag::STRING || !epoch_holds(m, o) {
        cold_path();
        return Flow::Miss;
    }
    found(m, o, m.get_at(o.slot()))
}

/// Offset of the array slot for a number key, and the table.
#[inline(always)]
fn array_slot(
    m: Machine,
    table: usize,
    key: impl FnOnce() -> Option<u32>,
) -> Option<(u32, u32, usize)> {
    let Some(i) = key() else {
        cold_path();
        return None;
    };
    if m.reg_tag(table) != tag::TABLE {
        cold_path();
        return None;
    }
    let t = m.reg_ref(table);
    if i.wrapping_sub(1) >= m.get::<u32>(t, ARRAY_CAP) {
        cold_path();
        return None;
    }
    Some((t, m.get(t, ARRAY), i as usize * 8))
}

/// R[a] = R[b][R[c]]
#[inline(always)]
pub fn get_index<O: Operands>(m: Machine, o: O) -> Flow {
    if let Some((t, array, offset)) = array_slot(m, o.b(), || o.index_c(m)) {
        return own(m, t, m.get(array, offset));
    }
    Flow::Rest(Part::GetIndex)
}

/// The rest of `get_index`: a property by a name that isn't constant.
#[inline(always)]
pub fn get_index_rest<O: Operands>(m: Machine, o: O) -> Flow {
    if m.reg_tag(o.c()) == tag::STRING && m.reg_tag(o.b()) == tag::TABLE {
        return get_named(m, o, m.reg_ref(o.b()), m.reg_ref(o.c()));
    }
    if m.reg_tag(o.b()) == tag::TABLE {
        return nodes::get(m, o, m.reg_ref(o.b()), m.reg(o.c()));
    }
    cold_path();
    Flow::Slow
}

/// R[a] = R[b][d], d a positive integer
#[inline(always)]
pub fn get_index_k<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(t) = m.reference(o.b(), tag::TABLE) else {
        return Flow::Slow;
    };
    if o.d() > m.get::<u32>(t, ARRAY_CAP) {
        cold_path();
        return Flow::Rest(Part::GetIndexK);
    }
    own(m, t, m.get(m.get(t, ARRAY), o.item()))
}

/// The rest of `get_index_k`: outside the array part, with nowhere else to look.
#[inline(always)]
pub fn get_index_k_rest<O: Operands>(m: Machine, o: O) -> Flow {
    let t = m.reg_ref(o.b());
    if m.get::<u32>(t, HASH) != 0 || m.get::<u32>(t, META) != 0 {
        return Flow::Slow;
    }
    m.set_reg(o.a(), Value::NIL.0);
    Flow::Next
}

/// Stores into the array part. Filling a nil slot needs the metatable, if there is one.
#[inline(always)]
fn store(m: Machine, t: u32, array: u32, offset: usize, v: u64) -> Flow {
    if m.get::<u32>(t, META) != 0 {
        cold_path();
        if m.get::<u64>(array, offset) == Value::NIL.0 {
            return Flow::Slow;
        }
    }
    if m.hides(t, v) {
        return Flow::Slow;
    }
    m.set(array, offset, v);
    Flow::Next
}

/// R[a][R[b]] = R[c]
#[inline(always)]
pub fn set_index<O: Operands>(m: Machine, o: O) -> Flow {
    if let Some((t, array, offset)) = array_slot(m, o.a(), || o.index_b(m)) {
        return store(m, t, array, offset, m.reg(o.c()));
    }
    Flow::Rest(Part::SetIndex)
}

/// The rest of `set_index`: a property by a name that isn't constant, or one item more.
#[inline(always)]
pub fn set_index_rest<O: Operands>(m: Machine, o: O) -> Flow {
    if m.reg_tag(o.b()) == tag::STRING
        && m.reg_tag(o.a()) == tag::TABLE
        && set_by_stub(m, m.reg_ref(o.a()), m.reg_ref(o.b()), m.reg(o.c()))
    {
        return Flow::Next;
    }
    if m.reg_tag(o.a()) == tag::TABLE
        && let Some(i) = m.index::<O>(o.b())
        && append(m, m.reg_ref(o.a()), i, m.reg(o.c()))
    {
        return Flow::Next;
    }
    nodes::set(m, o)
}

/// R[a][d] = R[b], d a positive integer
#[inline(always)]
pub fn set_index_k<O: Operands>(m: Machine, o: O) -> Flow {
    let Some(t) = m.reference(o.a(), tag::TABLE) else {
        return Flow::Slow;
    };
    if o.d() > m.get::<u32>(t, ARRAY_CAP) {
        cold_path();
        return Flow::Slow;
    }
    store(m, t, m.get(t, ARRAY), o.item(), m.reg(o.b()))
}
