//! Chunks: round trips, refusals, and random damage.

use crate::native::{Call, Results};
use crate::{Config, Vm, VmError};
use core::mem::MaybeUninit;
use std::boxed::Box;
use std::cell::RefCell;
use std::format;
use std::string::String;
use std::vec::Vec;

const REGION: usize = 8 << 20;

/// Functions with everything that a chunk can hold.
const SOURCE: &str = "
    local a, b = ...
    local function fact(n) if n <= 1 then return 1 end return n * fact(n - 1) end
    local count = 0
    local function up() count = count + 1 return count end
    local t = {1, 2, 3, x = 'x', y = {z = nil, w = false}, [10] = a, ...}
    for i = 1, 3 do up() t[#t + 1] = function() return i, count end end
    for i = 3, 1, -1 do t.x = t.x .. i end
    for k, v in pairs(t) do if k == 'y' then v.w = true elseif v == nil then break end end
    for i, v in ipairs(t) do t[i] = v end
    while count < 10 do up() if count == 7 then break end end
    repeat local done = up() >= 12 and count ~= 5 until done
    local s = 'a' .. count .. 1.5 .. tostring(t.y.w) .. #t
    function t:method(...) return self.x, select('#', ...), ... end
    local x, y = t:method(1, nil, unpack({4, 5}))
    t.x, t[2], glob = y or x, not s, -count % 7 ^ 2
    if a == 1 or b ~= 'q' and 1 < count and count <= 2 or s >= 'b' then s = s .. fact(5) end
    print(s, x, y, glob, type(t[6]), (fact(4)))
    return fact(3), t:method()
";

std::thread_local! {
    static PRINTED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    static DUMPED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

fn write(_: *mut core::ffi::c_void, bytes: &[u8]) {
    PRINTED.with_borrow_mut(|p| p.extend_from_slice(bytes));
}

/// `keep(s)`: hands a string to the test.
fn keep(call: &mut Call) -> Result<Results, crate::error::Raise> {
    let s = call.check_string(0)?;
    let bytes = call.rt().str_bytes(s).to_vec();
    DUMPED.with_borrow_mut(|d| *d = bytes);
    call.ret0()
}

fn region() -> Box<[MaybeUninit<u8>]> {
    Box::new_uninit_slice(REGION)
}

fn config() -> Config {
    let mut config = Config {
        binary_chunks: true,
        ..Config::default()
    };
    config.hooks.write = write;
    config
}

fn dump(source: &str) -> Vec<u8> {
    let mut memory = region();
    let mut vm = Vm::new(&mut memory, &config()).expect("a VM");
    vm.register("", &[("keep", keep)]).expect("memory");
    let text = format!("keep(string.dump(function(...) {source} end))");
    vm.run(text.as_bytes(), b"=chunk", &[])
        .expect("it is dumped");
    DUMPED.take()
}

fn printed(vm: &mut Vm, chunk: &[u8]) -> (Result<(), VmError>, String) {
    PRINTED.take();
    let result = vm.run(chunk, b"=chunk", &[b"1", b"q"]);
    (
        result,
        String::from_utf8_lossy(&PRINTED.take()).into_owned(),
    )
}

#[test]
fn what_is_dumped_runs_as_before() {
    let chunk = dump(SOURCE);
    let mut memory = region();
    let mut vm = Vm::new(&mut memory, &config()).expect("a VM");
    let source = printed(&mut vm, SOURCE.as_bytes());
    assert_eq!(source.0, Ok(()));
    assert!(source.1.starts_with("a121.5true"), "{}", source.1);
    assert_eq!(printed(&mut vm, &chunk), source);
    // The same source gives the same bytes, and so does what was loaded.
    assert_eq!(dump(SOURCE), chunk);
}

#[test]
fn refused_unless_allowed() {
    let chunk = dump("return 1");
    let mut memory = region();
    let mut vm = Vm::new(&mut memory, &Config::default()).expect("a VM");
    assert_eq!(vm.run(&chunk, b"@c", &[]), Err(VmError::Syntax));
    assert_eq!(
        vm.message(),
        Some(&b"c: bad header in precompiled chunk"[..])
    );
}

#[test]
fn every_cut_is_refused() {
    let chunk = dump(SOURCE);
    let mut memory = region();
    let mut vm = Vm::new(&mut memory, &config()).expect("a VM");
    for n in 1..chunk.len() {
        assert_eq!(vm.run(&chunk[..n], b"=c", &[]), Err(VmError::Syntax), "{n}");
    }
    let longer = [&chunk[..], b"x"].concat();
    assert_eq!(vm.run(&longer, b"=c", &[]), Err(VmError::Syntax));
    let mut other = chunk.clone();
    other[8] ^= 1;
    assert_eq!(vm.run(&other, b"=c", &[]), Err(VmError::Syntax));
    assert_eq!(
        vm.message(),
        Some(&b"c: bad header in precompiled chunk"[..])
    );
}

/// Arithmetic on what isn't looked at would make tags of some, and hand others' payloads on.
#[test]
fn only_ordinary_nans_are_numbers() {
    let chunk = dump("local x = ... print(x ~= nil and 0.6875 + x)");
    let constant = 0.6875f64.to_le_bytes();
    let places: Vec<usize> = (0..chunk.len() - 7)
        .filter(|&at| chunk[at..at + 8] == constant)
        .collect();
    let [at] = places[..] else {
        panic!("the constant is at {places:?}");
    };
    let mut memory = region();
    let mut vm = Vm::new(&mut memory, &config()).expect("a VM");
    let mut with = |bits: u64| {
        let mut chunk = chunk.clone();
        chunk[at..at + 8].copy_from_slice(&bits.to_le_bytes());
        printed(&mut vm, &chunk)
    };
    for bits in [0x7FF8 << 48, 0xFFF8 << 48, 0x7FF0 << 48, 0xFFF0 << 48, 1] {
        assert_eq!(with(bits).0, Ok(()), "{bits:x}");
    }
    for bits in [
        0xFFF1 << 48,
        0x7FF1 << 48,
        0xFFF9 << 48,
        0x7FF8 << 48 | 1,
        0xFFF0 << 48 | 1,
    ] {
        assert_eq!(with(bits).0, Err(VmError::Syntax), "{bits:x}");
    }
    for bits in [
        0xFFF1u64 << 48,
        0x7FF1 << 48,
        0xFFF9 << 48,
        u64::MAX,
        0x7FF8 << 48 | 1,
    ] {
        let number = crate::value::Value::number(f64::from_bits(bits));
        assert!(number.is_ordinary_number(), "{bits:x}");
        assert_eq!(number.0 >> 63, bits >> 63, "{bits:x}");
    }
}

/// xorshift64*
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }
}

/// Damages a chunk in up to three places behind its header, most of them small.
fn damage(chunk: &mut [u8], random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = 40 + random.below(chunk.len() - 40);
        chunk[at] = match random.below(4) {
            0 => random.below(256) as u8,
            1 => chunk[at].wrapping_add(1),
            2 => chunk[at].wrapping_sub(1),
            _ => chunk[40 + random.below(chunk.len() - 40)],
        };
    }
}

/// Damaged chunks are refused or run, within limits; the heap stays whole (with
/// `extra-checks` each collection verifies it) and the VM goes on.
fn fuzz(rounds: usize, seed: u64) {
    let chunks = [
        dump(SOURCE),
        dump("local x = {a = 1, b = 2} local y = {x, ...} return function() x = y return y end"),
        dump(
            "local c = 0 for i = 1, 3 do local k = i c = c + (function() k = k + 1 return k end)() end return c",
        ),
    ];
    let mut random = Random(seed);
    let mut memory = region();
    let mut ran = 0;
    let mut left = rounds;
    while left > 0 {
        // A program that is damaged may damage its globals.
        let mut vm = Vm::new(&mut memory, &config()).expect("a VM");
        for _ in 0..left.min(500) {
            left -= 1;
            let mut chunk = chunks[random.below(chunks.len())].clone();
            damage(&mut chunk, &mut random);
            vm.set_fuel(Some(3000));
            let (result, _) = printed(&mut vm, &chunk);
            ran += usize::from(result != Err(VmError::Syntax));
            if random.below(8) == 0 {
                vm.rt().collect();
            }
        }
        vm.set_fuel(None);
        let _ = vm.run(b"collectgarbage()", b"=c", &[]);
    }
    assert!(rounds < 100 || (ran * 10 > rounds && ran < rounds), "{ran}");
}

#[test]
fn damaged_chunks_do_no_harm() {
    fuzz(if cfg!(miri) { 20 } else { 20_000 }, 0x5EED);
}

/// As long as it takes: `CHUNK_ROUNDS=1000000 cargo test --release ... -- --ignored`.
#[test]
#[ignore = "runs as long as it is told to"]
fn damaged_chunks_for_long() {
    let number = |name: &str, default: u64| {
        let text = std::env::var(name).ok();
        text.and_then(|t| t.parse().ok()).unwrap_or(default)
    };
    fuzz(
        number("CHUNK_ROUNDS", 1_000_000) as usize,
        number("CHUNK_SEED", 1),
    );
}
