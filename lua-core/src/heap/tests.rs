//! Tests of heap, strings, tables and shapes against simple models. They also run
//! under Miri, with fewer rounds.

use super::bytes::{K, L, hash_bytes, mix_seed, same_bytes};
use super::{Rt, StrRef, TableRef};
use crate::value::Value;
use crate::vm::{Config, Vm};
use core::mem::MaybeUninit;
use std::collections::HashMap;
use std::format;
use std::vec;
use std::vec::Vec;

const ROUNDS: usize = if cfg!(miri) { 300 } else { 200_000 };

struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}

fn with_vm(bytes: usize, test: impl FnOnce(Rt)) {
    let mut region: Vec<MaybeUninit<u8>> = Vec::with_capacity(bytes);
    // SAFETY: uninitialized bytes are valid as `MaybeUninit`.
    unsafe { region.set_len(bytes) };
    let vm = Vm::new(&mut region, &Config::default()).expect("a VM fits");
    test(vm.rt());
}

/// Keeps a table alive across collections, as a global.
fn rooted_table(rt: Rt, name: &str) -> TableRef {
    let t = rt.new_table(rt.empty_shape(), 0).expect("room");
    let key = rt.intern(name.as_bytes()).expect("room");
    rt.raw_set_str(rt.globals(), key, t.value()).expect("room");
    t
}

fn random_key(rt: Rt, r: &mut Random) -> Value {
    match r.below(6) {
        0 | 1 => Value::number(r.below(40) as f64 + 1.0),
        2 => Value::number(r.below(2000) as f64 - 300.0),
        3 => Value::number(r.below(50) as f64 / 4.0),
        4 => Value::boolean(r.below(2) == 0),
        _ => rt
            .intern(format!("key{}", r.below(60)).as_bytes())
            .expect("room")
            .value(),
    }
}

/// Key of the model: strings by content, since references change across collections.
fn model_key(rt: Rt, key: Value) -> Vec<u8> {
    match StrRef::from_value(key) {
        Some(s) => rt.str_bytes(s).to_vec(),
        None => (key.0).to_le_bytes().iter().copied().chain([0]).collect(),
    }
}

#[test]
fn tables_behave_like_a_map() {
    with_vm(8 << 20, |rt| {
        for seed in 1..=if cfg!(miri) { 1 } else { 20 } {
            let t = rooted_table(rt, "t");
            let mut model: HashMap<Vec<u8>, u64> = HashMap::new();
            let mut r = Random(seed * 77_777);
            for round in 0..ROUNDS / 20 {
                let key = random_key(rt, &mut r);
                let k = model_key(rt, key);
                match r.below(10) {
                    0..=4 => {
                        let v = Value::number(round as f64);
                        rt.raw_set(t, key, v).expect("room");
                        model.insert(k, v.0);
                    }
                    5..=6 => {
                        rt.raw_set(t, key, Value::NIL).expect("room");
                        model.remove(&k);
                    }
                    7 if r.below(200) == 0 => rt.collect(),
                    _ => {
                        let got = rt.raw_get(t, key);
                        match model.get(&k) {
                            Some(&v) => assert_eq!(got.0, v),
                            None => assert!(got.is_nil()),
                        }
                    }
                }
                if r.below(500) == 0 {
                    check_traversal(rt, t, &model);
                    check_border(rt, t);
                }
            }
            check_traversal(rt, t, &model);
        }
    });
}

fn check_traversal(rt: Rt, t: TableRef, model: &HashMap<Vec<u8>, u64>) {
    let mut seen = 0;
    let mut cursor = 0;
    while let Some((key, value, after)) = rt.entry_from(t, cursor) {
        assert_eq!(model.get(&model_key(rt, key)), Some(&value.0));
        // `next` finds the same place from the key alone.
        assert_eq!(rt.cursor_after(t, key), Some(after));
        cursor = after;
        seen += 1;
    }
    assert_eq!(seen, model.len());
}

fn check_border(rt: Rt, t: TableRef) {
    let n = rt.length(t);
    assert!(n == 0 || !rt.raw_get_int(t, n).is_nil());
    assert!(rt.raw_get_int(t, n + 1).is_nil());
}

#[test]
fn equal_strings_are_one_object() {
    with_vm(4 << 20, |rt| {
        let mut r = Random(42);
        for _ in 0..ROUNDS / 100 {
            let n = r.below(200) as usize;
            let bytes: Vec<u8> = (0..n).map(|_| r.below(3) as u8).collect();
            let a = rt.intern(&bytes).expect("room");
            let b = rt.intern(&bytes.clone()).expect("room");
            assert_eq!(a, b);
            assert_eq!(rt.str_bytes(a), &bytes[..]);
            if r.below(300) == 0 {
                rt.collect();
            }
        }
    });
}

/// Names as programs make them don't meet in lines more often than chance has it.
#[test]
fn hashes_spread() {
    let seed = mix_seed(7);
    let n = if cfg!(miri) { 500 } else { 50_000u32 };
    let makers: [fn(u32) -> Vec<u8>; 7] = [
        |i| format!("{i}").into(),
        |i| format!("field{i}").into(),
        |i| format!("a name with a long beginning {i}").into(),
        |i| format!("{i:08x}{i:08x}{i:08x}").into(),
        |i| vec![b'x'; i as usize % 60 + 1 + i as usize / 60 * 64 % 300],
        |i| {
            (0..18)
                .map(|k| b"ACGT"[(i >> (k % 9 * 2)) as usize & 3])
                .collect()
        },
        // The end that makes a factor of the hash 0, for whom knows the constants alone.
        |i| {
            let end = K.wrapping_mul(16) ^ L;
            [format!("{i:08}").as_bytes(), &end.to_le_bytes()].concat()
        },
    ];
    for (kind, maker) in makers.iter().enumerate() {
        let strings: std::collections::HashSet<Vec<u8>> = (0..n).map(maker).collect();
        let buckets = (strings.len() * 2).next_power_of_two();
        let mut chains = vec![0u64; buckets];
        for s in &strings {
            chains[hash_bytes(seed, s) as usize & (buckets - 1)] += 1;
        }
        let looks: u64 = chains.iter().map(|&c| c * (c + 1) / 2).sum();
        let looks = looks as f64 / strings.len() as f64;
        let by_chance = 1.0 + strings.len() as f64 / (2 * buckets) as f64;
        assert!(
            looks < by_chance + 0.1,
            "{kind}: {looks}, by chance {by_chance}"
        );
    }
}

/// The ends of short strings, and pieces of longer ones, are compared at once.
#[test]
fn strings_that_differ_in_a_byte_are_different() {
    let seed = mix_seed(7);
    for n in 1..80 {
        let plain = vec![b'p'; n];
        for at in 0..n {
            let mut other = plain.clone();
            other[at] = b'q';
            assert!(!same_bytes(&plain, &other), "{n} {at}");
            assert!(
                n > 64 || hash_bytes(seed, &plain) != hash_bytes(seed, &other),
                "{n} {at}"
            );
        }
        assert!(same_bytes(&plain, &vec![b'p'; n]) && !same_bytes(&plain, &plain[1..]));
    }
}

#[test]
#[cfg_attr(miri, ignore = "needs thousands of strings: minutes under Miri")]
fn the_string_table_shrinks_and_loses_nothing() {
    with_vm(8 << 20, |rt| {
        let n = 30_000;
        for _ in 0..2 {
            let before = rt.string_lines();
            let keep = rooted_table(rt, "keep");
            for i in 0..n {
                let s = rt.intern(format!("string {i}").as_bytes()).expect("room");
                if i % 100 == 0 {
                    rt.raw_set_int(keep, i / 100 + 1, s.value()).expect("room");
                }
            }
            let most = rt.string_lines();
            assert!(most > before + before / 2, "{before}, {most}");
            // The second one sweeps what the first one found dead.
            rt.collect();
            rt.collect();
            assert!(rt.string_lines() < most - most / 5, "{most}");
            for i in (0..n).step_by(100) {
                let s = rt.intern(format!("string {i}").as_bytes()).expect("room");
                assert_eq!(rt.raw_get_int(keep, i / 100 + 1).0, s.value().0);
            }
        }
    });
}

#[test]
fn objects_built_alike_share_a_shape() {
    with_vm(4 << 20, |rt| {
        let build = |keys: &[&str]| {
            let t = rt.new_table(rt.empty_shape(), 0).expect("room");
            for k in keys {
                let key = rt.intern(k.as_bytes()).expect("room");
                rt.raw_set_str(t, key, Value::TRUE).expect("room");
            }
            // SAFETY: a live table.
            unsafe { (*rt.table(t)).shape }
        };
        let a = build(&["x", "y", "z", "u", "v", "w"]);
        assert_eq!(a, build(&["x", "y", "z", "u", "v", "w"]));
        assert_ne!(a, build(&["y", "x", "z", "u", "v", "w"]));
        assert_ne!(build(&["x", "y"]), build(&["x", "z"]));
        assert_eq!(build(&["x", "z"]), build(&["x", "z"]));
    });
}

#[test]
fn garbage_is_reclaimed_and_the_rest_survives() {
    with_vm(2 << 20, |rt| {
        let keep = rooted_table(rt, "keep");
        for i in 0..if cfg!(miri) { 200 } else { 100_000u32 } {
            let t = match rt.new_table(rt.empty_shape(), 8) {
                Ok(t) => t,
                Err(_) => {
                    rt.collect();
                    rt.new_table(rt.empty_shape(), 8)
                        .expect("room after a collection")
                }
            };
            rt.raw_set_int(t, 1, Value::number(i as f64)).expect("room");
            if rt.raw_set_int(keep, i % 64 + 1, t.value()).is_err() {
                rt.collect();
            }
        }
        rt.collect();
        for i in 1..=64 {
            if let Some(t) = TableRef::from_value(rt.raw_get_int(keep, i)) {
                assert_eq!(rt.raw_get_int(t, 1).as_f64() as u32 % 64 + 1, i);
            }
        }
    });
}

#[test]
fn large_objects_come_and_go() {
    with_vm(16 << 20, |rt| {
        let mut r = Random(9);
        let keep = rooted_table(rt, "keep");
        for _ in 0..if cfg!(miri) { 20 } else { 3000 } {
            let n = 3000 + r.below(100_000) as usize;
            let bytes = std::vec![r.below(256) as u8; n];
            let s = match rt.intern(&bytes) {
                Ok(s) => s,
                Err(_) => {
                    rt.collect();
                    rt.intern(&bytes).expect("room after a collection")
                }
            };
            let i = r.below(16) as u32 + 1;
            rt.raw_set_int(keep, i, s.value()).expect("room");
            assert_eq!(rt.str_bytes(s).len(), n);
        }
    });
}

/// Bytes that the next test's hook was told of.
static TOLD: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);

/// What isn't needed may hold anything afterwards.
fn spoil(_: *mut core::ffi::c_void, start: *mut u8, len: usize) {
    // SAFETY: the hook's contract: free memory of the region.
    unsafe { start.write_bytes(0x55, len) };
    TOLD.fetch_add(len, core::sync::atomic::Ordering::Relaxed);
}

#[test]
#[cfg_attr(miri, ignore = "megabytes of values: minutes under Miri")]
fn unused_memory_is_told_late_and_holds_nothing() {
    let bytes = 96 << 20;
    let mut region: Vec<MaybeUninit<u8>> = Vec::with_capacity(bytes);
    // SAFETY: uninitialized bytes are valid as `MaybeUninit`.
    unsafe { region.set_len(bytes) };
    let mut config = Config::default();
    config.hooks.unused = spoil;
    let vm = Vm::new(&mut region, &config).expect("a VM fits");
    let rt = vm.rt();
    let told = || TOLD.load(core::sync::atomic::Ordering::Relaxed);
    let mut r = Random(5);
    let fill = |t: TableRef, n: u32| {
        for i in 1..=n {
            rt.raw_set_int(t, i, Value::number((i ^ n) as f64))
                .expect("room");
        }
    };
    let check = |t: TableRef, n: u32| {
        for i in 1..=n {
            assert_eq!(rt.raw_get_int(t, i).0, Value::number((i ^ n) as f64).0);
        }
    };
    // The same large table again and again: nobody is told.
    for _ in 0..5 {
        let t = rooted_table(rt, "large");
        fill(t, 1_000_000);
        rt.collect();
        check(t, 1_000_000);
    }
    assert_eq!(told(), 0);
    // Tables of all sizes, while less and less is alive.
    let mut tables: Vec<(TableRef, u32)> = Vec::new();
    for round in 0..200 {
        let n = r.below(60_000) as u32 + 1;
        let t = rooted_table(rt, &format!("t{}", round % 12));
        fill(t, n);
        if tables.len() == 12 {
            tables.remove(0);
        }
        tables.push((t, n));
        if round % 3 == 0 {
            rt.collect();
        }
        for &(t, n) in &tables {
            check(t, n);
        }
    }
    rooted_table(rt, "large");
    for _ in 0..300 {
        rt.collect();
    }
    for &(t, n) in &tables {
        check(t, n);
    }
    assert!(told() > 12 << 20, "{}", told());
}

#[test]
#[cfg_attr(miri, ignore = "up to 30,000 keys: minutes under Miri")]
fn keys_spread_over_the_nodes() {
    type Family = (&'static str, fn(u32) -> Value);
    let families: [Family; 6] = [
        ("integers", |i| Value::number(i as f64)),
        ("negative integers", |i| Value::number(-(i as f64))),
        ("large integers", |i| {
            Value::number(i as f64 * 65536.0 + 1e9)
        }),
        ("halves", |i| Value::number(i as f64 + 0.5)),
        ("tenths", |i| Value::number(i as f64 / 10.0)),
        ("references", |i| TableRef(i * 48 + 32).value()),
    ];
    for (name, key) in families {
        for n in [64, 1000, 30_000] {
            let nodes = u32::next_power_of_two(n * 4 / 3);
            let mut taken = vec![false; nodes as usize];
            for i in 1..=n {
                taken[(crate::table::hash_value(key(i)) & (nodes - 1)) as usize] = true;
            }
            let places = taken.iter().filter(|&&t| t).count() as u32;
            // At random it would be two thirds or more.
            assert!(places > n / 2, "{n} {name} have {places} places");
        }
    }
}
