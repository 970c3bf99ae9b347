//! Tables beyond what caches and indices reach: lookups in the hash part, for keys that
//! are neither properties nor indices of the array part (the rest of `GetIndex` and
//! `SetIndex`), and
//! the order in which `next` visits a table.

use super::construct::{head_of, take};
use super::{Flow, Machine, Operands, widen};
use crate::heap::cells::class_for;
use crate::heap::{Header, Kind};
use crate::shape::{Lineage, Shape};
use crate::table::{HashPart, NODES_MIN, Node, ON_CHAIN, SLOTS, Table, hash_value};
use crate::value::{Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

/// Where a key (neither nil nor -0) is in the hash part of table `t`: the offset of its node,
/// or `Err` with that of the free one that it would get, 0 without a hash part.
#[inline(always)]
fn find_node(m: Machine, t: u32, key: u64) -> Result<u32, u32> {
    let hash: u32 = m.get(t, offset_of!(Table, hash));
    if hash == 0 {
        return Err(0);
    }
    let mask = m.get::<u32>(hash, offset_of!(Header, aux)).wrapping_sub(1);
    let mut i = hash_value(Value(key)) & mask;
    loop {
        let node = hash + (size_of::<HashPart>() as u32) + i * size_of::<Node>() as u32;
        let k: u64 = m.get(node, offset_of!(Node, key));
        if k == key {
            return Ok(node);
        }
        // There is always a free node.
        if k == Value::NIL.0 {
            return Err(node);
        }
        i = (i + 1) & mask;
    }
}

/// The place of a key, which is not in the array part, in table `t`, and the key as nodes
/// have it; `None` if it may be a property or is nil.
#[inline(always)]
fn place(m: Machine, t: u32, key: u64) -> Option<(Result<u32, u32>, u64)> {
    if m.is_number(key) {
        // Adding 0 turns -0 into 0.
        let key = (f64::from_bits(key) + 0.0).to_bits();
        return Some((find_node(m, t, key), key));
    }
    // SAFETY: plain field.
    let dictionary = unsafe { (*m.vm).dict_shape };
    let is_string = (key >> 32) as u32 == tag::STRING;
    if key == Value::NIL.0 || is_string && m.get::<u32>(t, offset_of!(Table, shape)) != dictionary {
        cold_path();
        return None;
    }
    Some((find_node(m, t, key), key))
}

/// R[a] = t[key], what is neither in the array part nor known to a cache
#[inline(always)]
pub(super) fn get<O: Operands>(m: Machine, o: O, t: u32, key: u64) -> Flow {
    let Some((found, _)) = place(m, t, key) else {
        return Flow::Slow;
    };
    let v = match found {
        Ok(node) => m.get(node, offset_of!(Node, value)),
        Err(_) => Value::NIL.0,
    };
    if v == Value::NIL.0 && m.get::<u32>(t, offset_of!(Table, meta)) != 0 {
        cold_path();
        return Flow::Slow;
    }
    m.set_reg(o.a(), v);
    Flow::Next
}

/// R[a][R[b]] = R[c], where the hash part has the key or room for it
#[inline(always)]
pub(super) fn set<O: Operands>(m: Machine, o: O) -> Flow {
    if m.reg_tag(o.a()) != tag::TABLE {
        cold_path();
        return Flow::Slow;
    }
    let (t, v) = (m.reg_ref(o.a()), m.reg(o.c()));
    let Some((found, key)) = place(m, t, m.reg(o.b())) else {
        return Flow::Slow;
    };
    // Caches may have looked through the table.
    if m.get::<u8>(t, offset_of!(Table, flags)) & ON_CHAIN != 0 {
        cold_path();
        return Flow::Slow;
    }
    if let Ok(node) = found
        && m.get::<u64>(node, offset_of!(Node, value)) != Value::NIL.0
    {
        if m.hides(t, v) {
            return Flow::Slow;
        }
        m.set(node, offset_of!(Node, value), v);
        return Flow::Next;
    }
    // What is new needs the metatable, and the collector learns of the key as well.
    if m.get::<u32>(t, offset_of!(Table, meta)) != 0 || m.barrier_applies(t) || v == Value::NIL.0 {
        cold_path();
        return Flow::Slow;
    }
    let node = match found {
        Ok(node) => node,
        Err(mut node) => {
            if node == 0 {
                node = first_node(m, t, key);
            } else if !may_insert(m, t, key) {
                node = 0;
            }
            if node == 0 {
                cold_path();
                return Flow::Slow;
            }
            m.set(node, offset_of!(Node, key), key);
            node
        }
    };
    m.set(node, offset_of!(Node, value), v);
    Flow::Next
}

/// Makes a hash part of the smallest size for this key: its node, with all else done, or 0 if
/// the key may belong into an array part, or that takes more than a cell of the free list.
#[inline(always)]
fn first_node(m: Machine, t: u32, key: u64) -> u32 {
    let array_cap: u32 = m.get(t, offset_of!(Table, array_cap));
    if m.is_number(key) {
        let x = f64::from_bits(key);
        if array_cap != 0 || x == 1.0 || x.is_nan() {
            return 0;
        }
    }
    let class = class_for(size_of::<HashPart>() as u32 + NODES_MIN * size_of::<Node>() as u32);
    let hash = head_of(m, class);
    if hash == 0 {
        return 0;
    }
    take(m, class, hash);
    // SAFETY: plain field.
    let fresh = unsafe { (*m.vm).fresh } as u64;
    let header = Kind::Nodes as u64 | fresh << 8 | (NODES_MIN as u64) << 32;
    m.set(hash, 0, header);
    // One is used.
    m.set(hash, offset_of!(HashPart, used), 1u64);
    let mut i = 0;
    while i < NODES_MIN {
        let node = hash + size_of::<HashPart>() as u32 + i * size_of::<Node>() as u32;
        m.set(node, offset_of!(Node, key), Value::NIL.0);
        m.set(node, offset_of!(Node, value), Value::NIL.0);
        i += 1;
    }
    m.set(t, offset_of!(Table, hash), hash);
    let i = hash_value(Value(key)) & (NODES_MIN - 1);
    hash + size_of::<HashPart>() as u32 + i * size_of::<Node>() as u32
}

/// Counts one node more, if there is room for this key, and it is none for the array part.
#[inline(always)]
fn may_insert(m: Machine, t: u32, key: u64) -> bool {
    let hash: u32 = m.get(t, offset_of!(Table, hash));
    let used: u32 = m.get(hash, offset_of!(HashPart, used));
    let nodes: u32 = m.get(hash, offset_of!(Header, aux));
    if (used + 1) * 4 > nodes * 3 {
        return false;
    }
    if m.is_number(key) {
        let next = widen(m.get::<i32>(t, offset_of!(Table, array_cap)) + 1);
        let x = f64::from_bits(key);
        // A NaN is no key.
        if x == next || x.is_nan() {
            return false;
        }
    }
    m.set(hash, offset_of!(HashPart, used), used + 1);
    true
}

/// The entry of table `t` at or after position `cursor` of the traversal order (array,
/// properties, nodes): key, value, and the position after it.
#[inline(always)]
pub(crate) fn entry_from(m: Machine, t: u32, cursor: u32) -> Option<(u64, u64, u32)> {
    let array: u32 = m.get(t, offset_of!(Table, array));
    let cap: u32 = m.get(t, offset_of!(Table, array_cap));
    let mut i = cursor;
    while i < cap {
        let v: u64 = m.get(array, i as usize * 8 + 8);
        i += 1;
        if v != Value::NIL.0 {
            return Some((widen(i as i32).to_bits(), v, i));
        }
    }
    let shape: u32 = m.get(t, offset_of!(Table, shape));
    let count: u32 = m.get(shape, offset_of!(Shape, header) + offset_of!(Header, aux));
    let inline = m.get::<u8>(t, offset_of!(Table, inline_cap)) as u32;
    while i - cap < count {
        let slot = i - cap;
        let v: u64 = if slot < inline {
            m.get(t, SLOTS as usize + slot as usize * 8)
        } else {
            let props: u32 = m.get(t, offset_of!(Table, props));
            m.get(props, (slot - inline + 1) as usize * 8)
        };
        i += 1;
        if v != Value::NIL.0 {
            let lineage: u32 = m.get(shape, offset_of!(Shape, lineage));
            let keys: u32 = m.get(lineage, offset_of!(Lineage, keys));
            let key: u32 = m.get(keys, 8 + 4 * slot as usize);
            return Some((Value::tagged(tag::STRING, key).0, v, i));
        }
    }
    let hash: u32 = m.get(t, offset_of!(Table, hash));
    if hash == 0 {
        return None;
    }
    let nodes: u32 = m.get(hash, offset_of!(Header, aux));
    while i - cap - count < nodes {
        let node = (i - cap - count) as usize * size_of::<Node>() + size_of::<HashPart>();
        let v: u64 = m.get(hash, node + offset_of!(Node, value));
        i += 1;
        if v != Value::NIL.0 {
            return Some((m.get(hash, node + offset_of!(Node, key)), v, i));
        }
    }
    None
}
