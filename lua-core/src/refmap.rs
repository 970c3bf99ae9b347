//! A small hash map from references to 32-bit numbers, in one object of the
//! region: transitions of shapes, slots of keys.
//!
//! Open addressing with linear probing, at most 3/4 full; key 0 is empty. The
//! object is memory owned by one other object (kind `Raw`): the owner marks it.

use crate::heap::{Header, Kind, NoMemory, Rt};

#[repr(C)]
#[derive(Clone, Copy)]
struct Map {
    header: Header, // aux: capacity, a power of two
    used: u32,
    spare: u32,
}

const ENTRIES: u32 = size_of::<Map>() as u32;

#[inline(always)]
fn slot_of(key: u32, mask: u32) -> u32 {
    ((key >> 3).wrapping_mul(0x9E37_79B1) >> 7) & mask
}

impl Rt {
    #[inline]
    fn map_find(self, map: u32, key: u32) -> Result<u32, u32> {
        let mask = self.header(map).aux - 1;
        let mut i = slot_of(key, mask);
        loop {
            let entry = map + ENTRIES + i * 8;
            let k: u32 = self.get(entry);
            if k == key {
                return Ok(entry);
            }
            if k == 0 {
                return Err(entry);
            }
            i = (i + 1) & mask;
        }
    }

    /// Looks `key` up.
    #[inline]
    pub(crate) fn map_get(self, map: u32, key: u32) -> Option<u32> {
        self.map_find(map, key)
            .ok()
            .map(|entry| self.get(entry + 4))
    }

    fn map_new(self, capacity: u32) -> Result<u32, NoMemory> {
        let map = self.allocate(Kind::Raw, ENTRIES + capacity * 8, 0, 0, capacity)?;
        self.set(map + 8, 0u32);
        for i in 0..capacity {
            self.set(map + ENTRIES + i * 8, 0u64);
        }
        Ok(map)
    }

    /// Adds or overwrites; returns the map, which may be a new object (`map` 0 is
    /// the empty map). On failure the old map is unchanged.
    pub(crate) fn map_insert(self, map: u32, key: u32, value: u32) -> Result<u32, NoMemory> {
        let mut map = map;
        if map == 0 {
            map = self.map_new(4)?;
        }
        match self.map_find(map, key) {
            Ok(entry) => self.set(entry + 4, value),
            Err(mut entry) => {
                let capacity = self.header(map).aux;
                let used: u32 = self.get(map + 8);
                if (used + 1) * 4 > capacity * 3 {
                    let bigger = self.map_new(capacity * 2)?;
                    for i in 0..capacity {
                        let pair: [u32; 2] = self.get(map + ENTRIES + i * 8);
                        if pair[0] != 0
                            && let Err(e) = self.map_find(bigger, pair[0])
                        {
                            self.set(e, pair);
                        }
                    }
                    self.set(bigger + 8, used);
                    map = bigger;
                    if let Err(e) = self.map_find(map, key) {
                        entry = e;
                    }
                }
                self.set(entry, [key, value]);
                self.set(map + 8, used + 1);
            }
        }
        Ok(map)
    }

    /// Keeps the entries that `keep` wants, in place; tells whether any is left.
    pub(crate) fn map_retain(self, map: u32, keep: impl Fn(u32, u32) -> bool) -> bool {
        let capacity = self.header(map).aux;
        let mut used = 0;
        let mut dropped = false;
        for i in 0..capacity {
            let entry = map + ENTRIES + i * 8;
            let [k, v]: [u32; 2] = self.get(entry);
            if k != 0 {
                if keep(k, v) {
                    used += 1;
                } else {
                    self.set(entry, [0u32, 0]);
                    dropped = true;
                }
            }
        }
        self.set(map + 8, used);
        if dropped && used > 0 {
            // Close the gaps. An entry can only move backward (cyclically) towards its
            // home, so re-inserting each until nothing moves ends.
            loop {
                let mut moved = false;
                for i in 0..capacity {
                    let entry = map + ENTRIES + i * 8;
                    let pair: [u32; 2] = self.get(entry);
                    if pair[0] != 0 {
                        self.set(entry, [0u32, 0]);
                        let to = match self.map_find(map, pair[0]) {
                            Ok(e) | Err(e) => e,
                        };
                        self.set(to, pair);
                        moved |= to != entry;
                    }
                }
                if !moved {
                    break;
                }
            }
        }
        used > 0
    }
}
