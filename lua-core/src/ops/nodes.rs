//! Tables beyond what caches and indices reach: lookups in the hash part, for keys that
//! are neither properties nor indices of the array part (the rest of `GetIndex` and
//! `SetIndex`), and
//! the order in which `next` visits a table.

use super::{Flow, Machine, Operands, widen};
use crate::heap::Header;
use crate::shape::{Lineage, Shape};
use crate::table::{HashPart, Node, ON_CHAIN, SLOTS, Table, hash_value};
use crate::value::{Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

/// Offset of the value under a key (neither nil nor -0) in the hash part of table `t`.
#[inline(always)]
fn find_node(m: Machine, t: u32, key: u64) -> Option<u32> {
    let hash: u32 = m.get(t, offset_of!(Table, hash));
    if hash == 0 {
        return None;
    }
    let mask = m.get::<u32>(hash, offset_of!(Header, aux)).wrapping_sub(1);
    let mut i = hash_value(Value(key)) & mask;
    loop {
        let node = hash + (size_of::<HashPart>() as u32) + i * size_of::<Node>() as u32;
        let k: u64 = m.get(node, offset_of!(Node, key));
        if k == key {
            return Some(node + offset_of!(Node, value) as u32);
        }
        // There is always a free node.
        if k == Value::NIL.0 {
            return None;
        }
        i = (i + 1) & mask;
    }
}

/// The place of the value under a key, which is not in the array part, in table `t`;
/// `Err` if the key may be a property or is nil.
#[inline(always)]
fn place(m: Machine, t: u32, key: u64) -> Result<Option<u32>, ()> {
    if m.is_number(key) {
        // Adding 0 turns -0 into 0.
        return Ok(find_node(m, t, (f64::from_bits(key) + 0.0).to_bits()));
    }
    // SAFETY: plain field.
    let dictionary = unsafe { (*m.vm).dict_shape };
    let is_string = (key >> 32) as u32 == tag::STRING;
    if key == Value::NIL.0 || is_string && m.get::<u32>(t, offset_of!(Table, shape)) != dictionary {
        cold_path();
        return Err(());
    }
    Ok(find_node(m, t, key))
}

/// R[a] = t[key], what is neither in the array part nor known to a cache
#[inline(always)]
pub(super) fn get<O: Operands>(m: Machine, o: O, t: u32, key: u64) -> Flow {
    let Ok(found) = place(m, t, key) else {
        return Flow::Slow;
    };
    let v = match found {
        Some(value) => m.get(value, 0),
        None => Value::NIL.0,
    };
    if v == Value::NIL.0 && m.get::<u32>(t, offset_of!(Table, meta)) != 0 {
        cold_path();
        return Flow::Slow;
    }
    m.set_reg(o.a(), v);
    Flow::Next
}

/// R[a][R[b]] = R[c], where the hash part has a value under the key
#[inline(always)]
pub(super) fn set<O: Operands>(m: Machine, o: O) -> Flow {
    if m.reg_tag(o.a()) != tag::TABLE {
        cold_path();
        return Flow::Slow;
    }
    let (t, v) = (m.reg_ref(o.a()), m.reg(o.c()));
    let Ok(Some(value)) = place(m, t, m.reg(o.b())) else {
        return Flow::Slow;
    };
    // Filling a nil needs the metatable, and caches may have looked through the table.
    if m.get::<u64>(value, 0) == Value::NIL.0
        || m.get::<u8>(t, offset_of!(Table, flags)) & ON_CHAIN != 0
        || m.hides(t, v)
    {
        cold_path();
        return Flow::Slow;
    }
    m.set(value, 0, v);
    Flow::Next
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
