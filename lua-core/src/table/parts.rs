//! Array part and hash part: insertion, growth, rehashing.

use super::{ARRAY_MAX, HashPart, NODES, NODES_MIN, Node, array_index};
use crate::heap::{Kind, NoMemory, Rt, TableRef};
use crate::value::Value;

impl Rt {
    pub(super) fn put_node(self, t: TableRef, node: u32, key: Value, value: Value) {
        self.barrier(t.0, key);
        self.barrier(t.0, value);
        self.set(node, Node { key, value });
        // SAFETY: live table with a hash part.
        unsafe {
            let hash = (*self.table(t)).hash;
            let used: u32 = self.get(hash + 8);
            self.set(hash + 8, used + 1);
        }
    }

    /// Inserts a key that the table doesn't have.
    #[cold]
    #[inline(never)]
    pub(super) fn insert(self, t: TableRef, key: Value, value: Value) -> Result<(), NoMemory> {
        let mut key = key;
        if key.is_number() {
            let x = key.as_f64();
            key = Value::number(x + 0.0);
            // SAFETY: live table.
            unsafe {
                let table = self.table(t);
                let cap = (*table).array_cap;
                if array_index(x) == Some(cap + 1) && cap < ARRAY_MAX {
                    let dense = cap == 0 || !self.get::<Value>((*table).array + cap * 8).is_nil();
                    if dense {
                        self.grow_array(t, (cap * 2).max(4))?;
                        self.put(t.0, (*table).array + (cap + 1) * 8, value);
                        // The list ends here, if nothing was behind.
                        (*table).hint = cap + 1;
                        return Ok(());
                    }
                }
            }
        }
        // SAFETY: live table.
        unsafe {
            let table = self.table(t);
            let full = match (*table).hash {
                0 => true,
                h => {
                    let part: HashPart = self.get(h);
                    (part.used + 1) * 4 > part.header.aux * 3
                }
            };
            if full {
                self.rehash(t, key)?;
                if let Some(o) = self.find(t, key) {
                    self.barrier(t.0, key);
                    self.put(t.0, o, value);
                    return Ok(());
                }
            }
            match self.find_node(t, key) {
                Ok(node) => {
                    self.barrier(t.0, key);
                    self.put(t.0, node + 8, value)
                }
                Err(node) => self.put_node(t, node, key, value),
            }
        }
        Ok(())
    }

    /// Resizes the array part to `cap` slots, taking from the hash part what now
    /// belongs into it. Never shrinks.
    pub(crate) fn grow_array(self, t: TableRef, cap: u32) -> Result<(), NoMemory> {
        // SAFETY: live table.
        unsafe {
            let table = self.table(t);
            let old = (*table).array_cap;
            if cap <= old {
                return Ok(());
            }
            let array = self.grow_values((*table).array, old, cap)?;
            self.adopt_part(t.0, array);
            (*table).array = array;
            (*table).array_cap = cap;
            if (*table).hash != 0 {
                self.moved_inside(t);
                let part: HashPart = self.get((*table).hash);
                if cap - old <= part.header.aux {
                    for i in old + 1..=cap {
                        self.move_to_array(t, Value::number(i as f64), i);
                    }
                } else {
                    for n in 0..part.header.aux {
                        let node: Node = self.get((*table).hash + NODES + n * 16);
                        if let Some(i) = node.key.to_number().and_then(array_index)
                            && i > old
                            && i <= cap
                        {
                            self.move_to_array(t, node.key, i);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn move_to_array(self, t: TableRef, key: Value, i: u32) {
        if let Ok(node) = self.find_node(t, key) {
            // SAFETY: live table, `i` within the array part.
            let array = unsafe { (*self.table(t)).array };
            self.set(array + i * 8, self.get::<Value>(node + 8));
            // The node stays as a tombstone that no lookup reaches; rehash drops it.
            self.set(node + 8, Value::NIL);
        }
    }

    /// Chooses new sizes for array and hash part, with room for `extra`.
    pub(super) fn rehash(self, t: TableRef, extra: Value) -> Result<(), NoMemory> {
        // counts[b]: integer keys in (2^(b-1), 2^b]
        let mut counts = [0u32; 32];
        let mut integers = 0;
        let mut count_key = |key: Value| {
            if let Some(i) = key.to_number().and_then(array_index)
                && i <= ARRAY_MAX
            {
                counts[(32 - (i - 1).leading_zeros()) as usize] += 1;
                integers += 1;
            }
        };
        let mut live = 1;
        // SAFETY: live table.
        let (hash, array, array_cap) = unsafe {
            let table = self.table(t);
            ((*table).hash, (*table).array, (*table).array_cap)
        };
        if hash != 0 {
            for n in 0..self.header(hash).aux {
                let node: Node = self.get(hash + NODES + n * 16);
                if !node.key.is_nil() && !node.value.is_nil() {
                    live += 1;
                    count_key(node.key);
                }
            }
        }
        count_key(extra);
        if integers > 0 {
            for i in 1..=array_cap {
                if !self.get::<Value>(array + i * 8).is_nil() {
                    counts[(32 - (i - 1).leading_zeros()) as usize] += 1;
                }
            }
            // The largest power of two such that more than half of the slots are used.
            let mut sum = 0;
            let mut best = 0;
            for (b, &n) in counts.iter().enumerate().take(28) {
                sum += n;
                if sum > (1u32 << b) / 2 {
                    best = 1 << b;
                }
            }
            if best > array_cap {
                self.grow_array(t, best)?;
                // What moved left tombstones: count again.
                live = 1;
                for n in 0..if hash == 0 { 0 } else { self.header(hash).aux } {
                    let node: Node = self.get(hash + NODES + n * 16);
                    live += (!node.key.is_nil() && !node.value.is_nil()) as u32;
                }
                if self.find(t, extra).is_some() {
                    return Ok(());
                }
            }
        }
        self.rehash_to(t, live)
    }

    /// New nodes with room for `n` keys; tombstones are dropped.
    pub(super) fn rehash_to(self, t: TableRef, n: u32) -> Result<(), NoMemory> {
        let capacity = (n as u64 * 4 / 3 + 1)
            .next_power_of_two()
            .max(NODES_MIN as u64);
        let size = capacity * 16 + NODES as u64;
        if size > 1 << 30 {
            return Err(NoMemory);
        }
        let capacity = capacity as u32;
        let new = self.allocate(Kind::Nodes, size as u32, 0, 0, capacity)?;
        self.set(new + 8, 0u64);
        for i in 0..capacity {
            self.set(
                new + NODES + i * 16,
                Node {
                    key: Value::NIL,
                    value: Value::NIL,
                },
            );
        }
        // SAFETY: live table.
        unsafe {
            let table = self.table(t);
            let old = (*table).hash;
            self.adopt_part(t.0, new);
            (*table).hash = new;
            if old != 0 {
                self.moved_inside(t);
                let old_capacity = self.header(old).aux;
                for i in 0..old_capacity {
                    let node: Node = self.get(old + NODES + i * 16);
                    if !node.key.is_nil()
                        && !node.value.is_nil()
                        && let Err(at) = self.find_node(t, node.key)
                    {
                        self.put_node(t, at, node.key, node.value);
                    }
                }
                self.release(old, NODES + old_capacity * 16);
            }
        }
        Ok(())
    }

    /// Makes room for `n` more keys in the hash part.
    pub(crate) fn reserve_keys(self, t: TableRef, n: u32) -> Result<(), NoMemory> {
        self.rehash_to(t, n)
    }
}
