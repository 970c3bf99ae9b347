//! `table.sort`. With a comparison function it takes the same steps as the
//! reference, so that unstable results and wrong functions come out the same.
//! Without one, lists of only numbers or only strings are sorted in place in the
//! array part, where the steps can't be told from the result.

use super::base::element;
use super::table::array_slots;
use crate::error::Raise;
use crate::heap::{Rt, StrRef, TableRef};
use crate::native::{Call, Results};
use crate::value::Value;

/// `table.sort(t [, less])`
pub(super) fn sort(call: &mut Call) -> Result<Results, Raise> {
    let t = call.check_table(0)?;
    let rt = call.rt();
    let n = rt.length(t);
    let less = call.arg(1);
    if !less.is_nil() {
        call.check_function(1)?;
    }
    if n < 2 {
        return call.ret0();
    }
    if less.is_nil() && sort_plain(rt, t, n) {
        call.charge(n as u64 * n.ilog2() as u64 / 8);
        return call.ret0();
    }
    // The pivot must survive the calls.
    let pivot = call.push(Value::NIL)?;
    let mut sorter = Sorter {
        call,
        t,
        less,
        pivot,
    };
    sorter.sort(1, n as i64)?;
    call.ret0()
}

/// Sorts 1..=n if all are numbers (none NaN) or all are strings; else does nothing.
fn sort_plain(rt: Rt, t: TableRef, n: u32) -> bool {
    let Some(slots) = array_slots(rt, t, 1, n as i64) else {
        return false;
    };
    // SAFETY: the array part's slots; nothing below allocates or calls Lua.
    let values = unsafe { core::slice::from_raw_parts_mut(slots, n as usize) };
    if values.iter().all(|v| v.is_number() && !v.as_f64().is_nan()) {
        // A total order, also where the reference's is not: 0 and -0.
        values.sort_unstable_by(|a, b| a.as_f64().total_cmp(&b.as_f64()));
        return true;
    }
    if values.iter().all(|v| StrRef::from_value(*v).is_some()) {
        rt.moved_inside(t);
        values.sort_unstable_by(|a, b| {
            let text = |v: &Value| rt.str_bytes(StrRef(v.payload()));
            text(a).cmp(text(b))
        });
        return true;
    }
    false
}

struct Sorter<'a> {
    call: &'a mut Call,
    t: TableRef,
    /// The comparison function, nil for `<`.
    less: Value,
    /// Where the pivot lies on the stack.
    pivot: u32,
}

impl Sorter<'_> {
    fn get(&self, i: i64) -> Value {
        element(self.call.rt(), self.t, i)
    }

    /// Swaps two elements. Storing needs memory only where the list has holes; then
    /// nothing is lost if there is none.
    fn swap(&mut self, i: i64, j: i64) -> Result<(), Raise> {
        let (x, y) = (self.get(i), self.get(j));
        let t = self.t;
        self.call.surely(|call| {
            let rt = call.rt();
            rt.raw_set_int(t, i as u32, y)?;
            rt.raw_set_int(t, j as u32, x).or_else(|no_memory| {
                rt.raw_set_int(t, i as u32, x)?;
                Err(no_memory.into())
            })
        })
    }

    fn less(&mut self, x: Value, y: Value) -> Result<bool, Raise> {
        if self.less.is_nil() {
            // Making the message of an error may fail; comparing again does no harm.
            let rt = self.call.rt();
            return rt.less_from_native(self.call, x, y);
        }
        let n = self.call.call_surely(self.less, &[x, y])?;
        Ok(!self.call.call_result(0, n).is_falsy())
    }

    fn less_at(&mut self, i: i64, j: i64) -> Result<bool, Raise> {
        let (x, y) = (self.get(i), self.get(j));
        self.less(x, y)
    }

    /// Quicksort with the median of three as pivot. The smaller part is done
    /// first, the larger one waits, so that few parts ever wait.
    fn sort(&mut self, low: i64, high: i64) -> Result<(), Raise> {
        let mut waiting = [(0i64, 0i64); 32];
        let mut depth = 0;
        let (mut low, mut high) = (low, high);
        loop {
            while low < high {
                let Some((small, large)) = self.partition(low, high)? else {
                    break;
                };
                // Each part that waits is at least as large as what is done before it, so
                // 32 of them are enough for 2^32 elements.
                if let Some(place) = waiting.get_mut(depth) {
                    *place = large;
                    depth += 1;
                }
                (low, high) = small;
            }
            if depth == 0 {
                return Ok(());
            }
            depth -= 1;
            (low, high) = waiting[depth];
        }
    }

    /// Splits low..=high; gives the smaller and the larger part, nothing if the
    /// range was so small that it is sorted.
    #[allow(clippy::type_complexity)]
    fn partition(
        &mut self,
        low: i64,
        high: i64,
    ) -> Result<Option<((i64, i64), (i64, i64))>, Raise> {
        if self.less_at(high, low)? {
            self.swap(low, high)?;
        }
        if high - low == 1 {
            return Ok(None);
        }
        let middle = (low + high) / 2;
        if self.less_at(middle, low)? {
            self.swap(middle, low)?;
        } else if self.less_at(high, middle)? {
            self.swap(middle, high)?;
        }
        if high - low == 2 {
            return Ok(None);
        }
        let pivot = self.get(middle);
        self.call.set_arg(self.pivot, pivot);
        self.swap(middle, high - 1)?;
        // low <= pivot == high-1 <= high: both scans stop, if the order is one.
        let (mut i, mut j) = (low, high - 1);
        loop {
            i += 1;
            while {
                let x = self.get(i);
                self.less(x, pivot)?
            } {
                if i > high {
                    self.invalid_order()?;
                }
                i += 1;
            }
            j -= 1;
            while {
                let x = self.get(j);
                self.less(pivot, x)?
            } {
                if j < low {
                    self.invalid_order()?;
                }
                j -= 1;
            }
            if j < i {
                break;
            }
            self.swap(i, j)?;
        }
        self.swap(high - 1, i)?;
        let (left, right) = ((low, i - 1), (i + 1, high));
        Ok(Some(if i - low < high - i {
            (left, right)
        } else {
            (right, left)
        }))
    }

    #[cold]
    fn invalid_order(&mut self) -> Result<(), Raise> {
        let message = b"invalid order function for sorting";
        self.call.surely(|call| Err(call.rt().raise_text(message)))
    }
}
