//! Micro-benchmarks of the front end, of table access and of calls, in both
//! engines. For ratios against other Lua engines see `tests/bench`.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lua_core::engine::interp::PREBUILT;
use lua_core::{Config, Engine, Vm};
use rt_nostd::CodeRegion;
use std::ptr::NonNull;

const CODE_BYTES: usize = 1 << 20;

/// Memory for code, mapped writable and executable at two addresses, for good.
fn code_region() -> CodeRegion<'static> {
    // SAFETY: plain system calls; the results are checked.
    unsafe {
        let file = libc::memfd_create(c"bench".as_ptr(), 0);
        assert!(file >= 0 && libc::ftruncate(file, CODE_BYTES as i64) == 0);
        let map = |protection| {
            let p = libc::mmap(
                std::ptr::null_mut(),
                CODE_BYTES,
                protection,
                libc::MAP_SHARED,
                file,
                0,
            );
            assert!(p != libc::MAP_FAILED);
            p as *mut u8
        };
        let write = map(libc::PROT_READ | libc::PROT_WRITE);
        let execute = map(libc::PROT_READ | libc::PROT_EXEC);
        let write = NonNull::new(write).expect("a mapping");
        CodeRegion::aliased(write, execute as usize, CODE_BYTES, &mut []).expect("a region")
    }
}

fn with_vm<T>(engine: Engine, f: impl FnOnce(&mut Vm<'_>) -> T) -> T {
    let bytes = 64 << 20;
    let mut region: Vec<u8> = Vec::with_capacity(bytes);
    let mut vm = Vm::new(region.spare_capacity_mut(), &Config::default()).expect("a VM");
    if engine == Engine::Interp {
        let mut code = code_region();
        // SAFETY: the code's memory stays mapped for good.
        unsafe { vm.use_bundle(PREBUILT, &mut code) }.expect("the committed bundle fits");
    }
    f(&mut vm)
}

/// A chunk of statements of all kinds, about `lines` lines long.
fn source(lines: usize) -> String {
    let piece = "local function f(a, b)\n  if a > b then return a - b end\n  local t = { x = a, y = b, a, b }\n  \
                 for i = 1, #t do t[i] = t[i] * 2 .. 'x' end\n  return t.x + t.y\nend\nprint = print or f\n";
    piece.repeat(lines / 7)
}

fn front_end(c: &mut Criterion) {
    let text = format!("if false then\n{}end\n", source(180));
    let mut group = c.benchmark_group("front end");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("compile", |b| {
        with_vm(Engine::Portable, |vm| {
            b.iter(|| vm.run(text.as_bytes(), b"=bench", &[]))
        })
    });
    group.finish();
}

fn programs(c: &mut Criterion) {
    let cases = [
        (
            "field access",
            "local t = { x = 1, y = 2 } for i = 1, 10000 do t.x = t.x + t.y end",
        ),
        (
            "array access",
            "local t = {} for i = 1, 10000 do t[i] = i end local s = 0 for i = 1, 10000 do s = s + t[i] end",
        ),
        (
            "string keys",
            "local t = {} for i = 1, 1000 do t['k' .. i] = i end",
        ),
        (
            "lua calls",
            "local function f(x) return x end for i = 1, 10000 do f(i) end",
        ),
        (
            "native calls",
            "local f = math.abs for i = 1, 10000 do f(i) end",
        ),
        (
            "method calls",
            "local c = {} c.__index = c function c:m() return 1 end \
                          local o = setmetatable({}, c) for i = 1, 10000 do o:m() end",
        ),
        (
            "closures",
            "for i = 1, 1000 do local f = function() return i end f() end",
        ),
    ];
    for engine in [Engine::Portable, Engine::Interp] {
        let mut group = c.benchmark_group(engine.name());
        for (name, text) in cases {
            group.bench_function(name, |b| {
                with_vm(engine, |vm| {
                    b.iter(|| vm.run(text.as_bytes(), b"=bench", &[]))
                })
            });
        }
        group.finish();
    }
}

fn start(c: &mut Criterion) {
    c.bench_function("vm with library", |b| {
        let bytes = 4 << 20;
        let mut region: Vec<u8> = Vec::with_capacity(bytes);
        let mut vms = 0u64;
        b.iter(|| {
            let vm = Vm::new(region.spare_capacity_mut(), &Config::default()).expect("a VM");
            vms += vm.bytes_in_use();
        });
        assert!(vms > 0);
    });
}

criterion_group!(benches, front_end, programs, start);
criterion_main!(benches);
