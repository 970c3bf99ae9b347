//! Weak tables: those whose metatable has a `__mode` with `k` (keys), `v` (values).
//!
//! Marking follows only the strong side of a weak table, and notes the table. When
//! marking is over, entries that lead to white objects are removed. Strings and numbers
//! count as values: they are never removed.

use crate::heap::{Kind, Rt, StrRef, TableRef};
use crate::state::Event;
use crate::table::{HashPart, NODES, Node, SLOTS, Table, WEAK_KEYS, WEAK_VALUES};
use crate::value::{Value, tag};

const WEAK: u8 = WEAK_KEYS | WEAK_VALUES;

impl Rt {
    /// How weak a metatable makes tables: [`WEAK_KEYS`], [`WEAK_VALUES`].
    pub(super) fn weak_mode(self, meta: u32) -> u8 {
        let Some(mode) = StrRef::from_value(self.event_handler(meta, Event::Mode)) else {
            return 0;
        };
        let text = self.str_bytes(mode);
        let has = |b: u8, flag: u8| if text.contains(&b) { flag } else { 0 };
        has(b'k', WEAK_KEYS) | has(b'v', WEAK_VALUES)
    }

    /// A weak table was marked.
    pub(super) fn note_weak_table(self, t: TableRef) {
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            if (*gc).weak.push(self, t.0).is_err() {
                (*gc).weak_overflow = true;
            }
        }
    }

    /// Calls `f` with every marked weak table; some may come twice.
    fn for_each_weak_table(self, f: impl Fn(TableRef)) {
        // SAFETY: plain fields; `f` doesn't reach the list but through `note_weak_table`,
        // so it is read by index.
        unsafe {
            let gc = self.gc();
            let list = &(*gc).weak;
            let n = list.len();
            for i in 0..n {
                let t = (&(*gc).weak)[i];
                f(TableRef(t));
            }
            if (*gc).weak_overflow {
                let check = |offset: u32| {
                    if self.header(offset).kind == Kind::Table as u8
                        && self.is_marked(offset)
                        && (*self.table(TableRef(offset))).flags & WEAK != 0
                    {
                        f(TableRef(offset));
                    }
                };
                self.for_each_cell(check);
                self.for_each_span(check);
            }
        }
    }

    /// Before marking ends: a table that is no longer as weak as when it was traced is
    /// traced again.
    pub(super) fn recheck_weak_tables(self) {
        self.for_each_weak_table(|t| {
            // SAFETY: a live table.
            unsafe {
                let table = self.table(t);
                let now = match (*table).meta {
                    0 => 0,
                    meta => self.weak_mode(meta),
                };
                if now & WEAK != (*table).flags & WEAK {
                    self.trace_again(t.0);
                }
            }
        });
    }

    /// Marking is over: removes the entries of weak tables that lead to dead objects.
    pub(super) fn clear_weak_tables(self) {
        self.for_each_weak_table(|t| self.clear_weak_table(t));
        // SAFETY: plain fields.
        unsafe {
            let gc = self.gc();
            (*gc).weak.truncate(0);
            (*gc).weak_overflow = false;
        }
    }

    fn clear_weak_table(self, t: TableRef) {
        // SAFETY: a live table.
        let t = unsafe { &*(self.table(t) as *const Table).cast::<Table>() };
        let offset = self.offset_of(t);
        let (weak_keys, weak_values) = (t.flags & WEAK_KEYS != 0, t.flags & WEAK_VALUES != 0);
        let mut looked_at = t.inline_cap as u32;
        if weak_values {
            self.clear_run(offset + SLOTS, t.inline_cap as u32);
            for part in [t.props, t.array] {
                if part != 0 {
                    let n = self.header(part).aux;
                    self.clear_run(part + 8, n);
                    looked_at += n;
                }
            }
        }
        if t.hash != 0 {
            let part: HashPart = self.get(t.hash);
            looked_at += part.header.aux * 2;
            for i in 0..part.header.aux {
                let at = t.hash + NODES + i * 16;
                let node: Node = self.get(at);
                if node.value.is_nil() {
                    continue;
                }
                // Both sides are looked at: what is a string stays.
                let dead_key = weak_keys && self.is_cleared(node.key, true);
                let dead_value = weak_values && self.is_cleared(node.value, false);
                if dead_key || dead_value {
                    self.set(at + 8, Value::NIL);
                }
            }
        }
        // SAFETY: plain field.
        unsafe { (*self.gc()).work -= looked_at as i64 * 8 + 64 };
    }

    fn clear_run(self, first: u32, n: u32) {
        for i in 0..n {
            let at = first + i * 8;
            if self.is_cleared(self.get(at), false) {
                self.set(at, Value::NIL);
            }
        }
    }

    /// Does a weak reference to `v` end now? Userdata whose finalizer is due are gone as
    /// values, but stay as keys until it has run.
    fn is_cleared(self, v: Value, is_key: bool) -> bool {
        if !v.is_reference() {
            return false;
        }
        if v.has_tag(tag::STRING) {
            self.mark(v.payload());
            return false;
        }
        !self.is_marked(v.payload())
            || (!is_key && v.has_tag(tag::USERDATA) && self.is_finalized(v.payload()))
    }
}
