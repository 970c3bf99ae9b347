//! Borders and the order in which `next` visits a table.

use super::{NODES, array_index};
use crate::heap::{Rt, ShapeRef, StrRef, TableRef};
use crate::ops::Machine;
use crate::ops::nodes::entry_from;
use crate::value::{INFINITY_TWICE, Value};

impl Rt {
    /// A border: `#t`.
    pub fn length(self, t: TableRef) -> u32 {
        // SAFETY: live table.
        unsafe {
            let table = self.table(t);
            let (array, cap) = ((*table).array, (*table).array_cap);
            let is_nil = |i: u32| self.get::<Value>(array + i * 8).is_nil();
            if cap > 0 && is_nil(cap) {
                let hint = (*table).hint;
                // Most often the border is where it was, or one further.
                if hint < cap && is_nil(hint + 1) {
                    if hint == 0 || !is_nil(hint) {
                        return hint;
                    }
                    if hint > 1 && !is_nil(hint - 1) {
                        (*table).hint = hint - 1;
                        return hint - 1;
                    }
                } else if hint + 1 < cap && is_nil(hint + 2) {
                    (*table).hint = hint + 1;
                    return hint + 1;
                }
                let (mut low, mut high) = (0, cap);
                while high - low > 1 {
                    let mid = low + (high - low) / 2;
                    if is_nil(mid) { high = mid } else { low = mid }
                }
                (*table).hint = low;
                return low;
            }
            if (*table).hash == 0 {
                return cap;
            }
            // The array part is full: look on in the hash part.
            let present = |i: u32| {
                self.find_node(t, Value::number(i as f64))
                    .is_ok_and(|n| !self.get::<Value>(n + 8).is_nil())
            };
            if !present(cap + 1) {
                return cap;
            }
            let mut low = cap + 1;
            let mut high = low.saturating_mul(2);
            while high < 1 << 30 && present(high) {
                low = high;
                high *= 2;
            }
            while high - low > 1 {
                let mid = low + (high - low) / 2;
                if present(mid) { low = mid } else { high = mid }
            }
            low
        }
    }

    /// The entry at or after position `cursor` of the traversal order (array,
    /// properties, nodes), and the position after it.
    pub(crate) fn entry_from(self, t: TableRef, cursor: u32) -> Option<(Value, Value, u32)> {
        // SAFETY: no registers are touched.
        let m = unsafe { Machine::new(self.vm(), core::ptr::null_mut(), INFINITY_TWICE) };
        let (k, v, after) = entry_from(m, t.0, cursor)?;
        Some((Value(k), Value(v), after))
    }

    /// The traversal position after `key`; `None` when the table has no such key.
    pub(crate) fn cursor_after(self, t: TableRef, key: Value) -> Option<u32> {
        if key.is_nil() {
            return Some(0);
        }
        // SAFETY: live table.
        unsafe {
            let table = self.table(t);
            let cap = (*table).array_cap;
            if let Some(i) = key.to_number().and_then(array_index)
                && i <= cap
            {
                return Some(i);
            }
            let shape = ShapeRef((*table).shape);
            if let Some(s) = StrRef::from_value(key)
                && let Some(slot) = self.find_property(shape, s)
            {
                return Some(cap + slot + 1);
            }
            let key = if key.is_number() {
                Value::number(key.as_f64() + 0.0)
            } else {
                key
            };
            let node = self.find_node(t, key).ok()?;
            let index = (node - (*table).hash - NODES) / 16;
            Some(cap + self.shape(shape).header.aux + index + 1)
        }
    }
}
