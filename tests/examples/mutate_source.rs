//! A fuzzer over source text: programs of the corpus, cut into pieces, with tokens and
//! bytes changed, compiled and run in both engines with little fuel and memory.
//!
//! What is checked: nothing panics or aborts; both engines end alike, with the same
//! output, message and number of ticks; what `lua5.1` accepts is accepted, and nothing
//! else (the limits on a function's size and texts with a NUL aside).
//!
//!     cargo run --release -p moonpatch-tests --example mutate_source -- [COUNT [SEED]]
//!
//! Before a batch runs it is written to `target/mutate-source/`, where a crash leaves it.

use core::ffi::c_void;
use lua_core::engine::interp::PREBUILT;
use lua_core::{Config, Engine, Vm, VmError};
use moonpatch::memory::{CodeMemory, Region, serialize};
use moonpatch_tests::programs::corpus;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Bytes for Lua, and for machine code.
const REGION: usize = 4 << 20;
const CODE: usize = 1 << 20;
const FUEL: u64 = 20_000;
const BATCH: usize = 250;

/// Words that matter to the lexer, the parser and the library.
const WORDS: &[&str] = &[
    "and",
    "break",
    "do",
    "else",
    "elseif",
    "end",
    "false",
    "for",
    "function",
    "if",
    "in",
    "local",
    "nil",
    "not",
    "or",
    "repeat",
    "return",
    "then",
    "true",
    "until",
    "while",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "#",
    "==",
    "~=",
    "<=",
    ">=",
    "<",
    ">",
    "=",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    ";",
    ":",
    ",",
    ".",
    "..",
    "...",
    "[[",
    "]]",
    "[==[",
    "--",
    "--[[",
    "'",
    "\"",
    "\\",
    "0x",
    "1e",
    "1e400",
    "0",
    "-1",
    "2147483648",
    "\\999",
    "\\\n",
    "_G",
    "arg",
    "self",
    "print",
    "pcall",
    "setmetatable",
    "coroutine",
    "string",
    "table",
    "x",
    "t",
    "\0",
    "\u{ff}",
    "\n",
    "setfenv",
    "debug.sethook",
    "string.rep('x', 1e9)",
    "error",
    "{...}",
    "__index",
    "__gc",
    "__mode",
    "collectgarbage()",
];

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

/// Splits roughly into tokens; every byte is in one.
fn tokens(source: &[u8]) -> Vec<&[u8]> {
    let class = |b: u8| match b {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => 0,
        b' ' | b'\n' | b'\t' => 1,
        b'.' | b'=' => 2,
        _ => 3,
    };
    let mut rest = source;
    let mut out = Vec::new();
    while let Some(&first) = rest.first() {
        let same = rest.iter().take_while(|b| class(**b) == class(first));
        let n = if class(first) == 3 { 1 } else { same.count() };
        let (token, behind) = rest.split_at(n);
        out.push(token);
        rest = behind;
    }
    out
}

fn mutate(r: &mut Random, sources: &[Vec<u8>]) -> Vec<u8> {
    let source = &sources[r.below(sources.len())];
    // Some lines of it, which rarely are a whole program, or all.
    let lines: Vec<&[u8]> = source.split_inclusive(|b| *b == b'\n').collect();
    let (from, to, changes) = if r.below(2) == 0 {
        (0, lines.len(), 1 + r.below(2))
    } else {
        let from = r.below(lines.len());
        (
            from,
            (from + 1 + r.below(40)).min(lines.len()),
            1 + r.below(4),
        )
    };
    let mut text = lines[from..to].concat();
    for _ in 0..changes {
        let mut parts: Vec<Vec<u8>> = tokens(&text).iter().map(|t| t.to_vec()).collect();
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        let at = r.below(parts.len());
        let word = WORDS[r.below(WORDS.len())].as_bytes().to_vec();
        match r.below(10) {
            0 => drop(parts.remove(at)),
            1 => parts[at] = word,
            2 => parts.insert(at, word),
            3 => {
                let other = r.below(parts.len());
                parts.swap(at, other);
            }
            4 => {
                let part = parts[at].clone();
                let most = if r.below(8) == 0 { 300 } else { 3 };
                let times = 1 + r.below(most);
                parts.splice(at..at, std::iter::repeat_n(part, times));
            }
            5 => parts.truncate(at),
            6 => {
                let other = &sources[r.below(sources.len())];
                let start = r.below(other.len());
                let end = (start + r.below(60)).min(other.len());
                parts.insert(at, other[start..end].to_vec());
            }
            7 => {
                let n = r.below(parts.len() - at);
                let range = parts[at..at + n].to_vec();
                parts.splice(at..at, range);
            }
            _ => {
                let mut bytes = parts.concat();
                if !bytes.is_empty() {
                    let i = r.below(bytes.len());
                    match r.below(3) {
                        0 => bytes[i] ^= 1 << r.below(8),
                        1 => bytes.insert(i, r.below(256) as u8),
                        _ => drop(bytes.remove(i)),
                    }
                }
                parts = vec![bytes];
            }
        }
        text = parts.concat();
        text.truncate(20_000);
    }
    text
}

/// A checksum of what was printed.
fn catch(context: *mut c_void, bytes: &[u8]) {
    // SAFETY: the context is the `u64` in `run`'s frame, which nobody else uses meanwhile.
    let sum = unsafe { &mut *context.cast::<u64>() };
    for &b in bytes {
        *sum = (*sum ^ b as u64).wrapping_mul(0x0100_0000_01b3);
    }
}

/// How a run ended: result, message, checksum of the output, ticks.
type End = (Result<(), VmError>, Option<Vec<u8>>, u64, u64);

fn run(region: &mut Region, code: &mut CodeMemory, engine: Engine, source: &[u8]) -> End {
    let mut sum = 0xcbf2_9ce4_8422_2325u64;
    let here = 0u8;
    let mut config = Config {
        native_stack_limit: (&raw const here).addr() - (512 << 10),
        ..Config::default()
    };
    config.hooks.context = (&raw mut sum).cast();
    config.hooks.write = catch;
    let mut vm = Vm::new(region.bytes(), &config).expect("a VM");
    if engine == Engine::Interp {
        // SAFETY: serialized below; code runs on this thread, until `vm` goes.
        let mut code = unsafe { code.region(&mut []) }.expect("a code region");
        // SAFETY: `code`'s memory outlives `vm`; this system saves the processor's state.
        unsafe { vm.use_bundle(PREBUILT, &mut code) }.expect("the prebuilt bundle");
        serialize();
    }
    vm.set_fuel(Some(FUEL));
    let result = vm.run(source, b"=x", &[]);
    let message = vm.message().map(<[u8]>::to_vec);
    let ticks = vm.stats().ticks;
    (result, message.filter(|_| result.is_err()), sum, ticks)
}

/// What `lua5.1` says to each file: nothing, or its message.
fn reference(folder: &Path, count: usize) -> Vec<String> {
    let script = "local dir, n = ... for i = 0, n - 1 do local h = io.open(dir .. '/' .. i) \
        local s = h:read('*a') h:close() local f, m = loadstring(s, '=x') \
        io.write(f and '' or m:gsub('[\\n\\r%z]', ' '), '\\n') end";
    let path = folder.join("reference.lua");
    fs::write(&path, script).expect("a script");
    let out = Command::new("lua5.1")
        .arg(&path)
        .arg(folder)
        .arg(count.to_string())
        .output()
        .expect("lua5.1");
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let text = String::from_utf8_lossy(&out.stdout).into_owned();
    text.split('\n').map(str::to_owned).collect()
}

/// A limit that the two may reach at different sizes.
fn is_limit(message: &str) -> bool {
    [
        "too complex",
        "syntax levels",
        "has more than",
        "too long",
        "overflow",
        "not enough memory",
    ]
    .iter()
    .any(|limit| message.contains(limit))
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: u64| {
        arguments
            .next()
            .map_or(default, |a| a.parse().expect("a number"))
    };
    let (count, seed) = (number(100_000), number(1));
    let sources: Vec<Vec<u8>> = corpus().iter().map(|p| p.source()).collect();
    let folder = PathBuf::from("target/mutate-source");
    fs::create_dir_all(&folder).expect("a folder");
    let mut region = Region::reserve(REGION).expect("memory");
    let mut code = CodeMemory::map(CODE).expect("memory for code");
    let mut r = Random(seed);
    let (mut done, mut accepted, mut worded, mut found) = (0u64, 0u64, 0u64, 0u64);
    while done < count && found < 20 {
        let batch: Vec<Vec<u8>> = (0..BATCH).map(|_| mutate(&mut r, &sources)).collect();
        for (i, text) in batch.iter().enumerate() {
            fs::write(folder.join(i.to_string()), text).expect("a file");
        }
        let expected = reference(&folder, batch.len());
        for (i, text) in batch.iter().enumerate() {
            fs::write(folder.join("now"), i.to_string()).expect("a file");
            let portable = run(&mut region, &mut code, Engine::Portable, text);
            let interp = run(&mut region, &mut code, Engine::Interp, text);
            let message = portable.1.as_deref().unwrap_or(b"");
            let message = String::from_utf8_lossy(message).replace(['\n', '\r', '\0'], " ");
            let refused = portable.0 == Err(VmError::Syntax);
            let mut fault = None;
            if portable != interp {
                fault = Some("the engines end differently");
            } else if text.contains(&0) {
                // The reference takes a NUL for part of the number or dots before it.
            } else if refused == expected[i].is_empty()
                && !is_limit(&message)
                && !is_limit(&expected[i])
            {
                fault = Some("lua5.1 decides differently");
            } else if refused && message != expected[i] {
                worded += 1;
                if worded <= 10 {
                    let name = format!("words-{seed}-{}", done + i as u64);
                    fs::write(folder.join(&name), text).expect("a file");
                    println!("other words: {name}: {message:?} for {:?}", expected[i]);
                }
            }
            accepted += !refused as u64;
            if let Some(fault) = fault {
                found += 1;
                let name = format!("found-{seed}-{}", done + i as u64);
                fs::write(folder.join(&name), text).expect("a file");
                println!("{fault}: {name}: {portable:?} {interp:?} {:?}", expected[i]);
            }
        }
        done += batch.len() as u64;
    }
    println!(
        "seed {seed}: {done} texts, {accepted} accepted, {worded} refused in other words, {found} faults"
    );
    std::process::exit((found > 0) as i32);
}
