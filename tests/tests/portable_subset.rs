//! The portable engine on plain memory, without system calls: a bounded part of the
//! corpus that also runs under Miri (`tests/run` does that), which checks every access.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use lua_core::{Config, Vm};

fn append(context: *mut c_void, bytes: &[u8]) {
    // SAFETY: the context is the `Vec` of `check`, which nobody else uses while Lua runs.
    unsafe { (*context.cast::<Vec<u8>>()).extend_from_slice(bytes) }
}

fn check(source: &str, name: &str, expected: &str) {
    let mut output: Vec<u8> = Vec::new();
    let mut region: Vec<MaybeUninit<u8>> = Vec::with_capacity(1 << 20);
    // SAFETY: bytes that may be uninitialized are valid without having been written.
    unsafe { region.set_len(1 << 20) };
    let mut config = Config::default();
    config.hooks.context = (&raw mut output).cast();
    config.hooks.write = append;
    let mut vm = Vm::new(&mut region, &config).expect("a VM");
    let result = vm.run(source.as_bytes(), name.as_bytes(), &[]);
    let message = vm.message().map(String::from_utf8_lossy);
    assert_eq!(result, Ok(()), "{message:?}");
    assert!(vm.stats().portable_entries > 0);
    assert_eq!(String::from_utf8_lossy(&output), expected);
}

macro_rules! programs {
    ($($test:ident $name:literal)*) => {$(
        #[test]
        fn $test() {
            check(
                include_str!(concat!("../corpus/", $name, ".lua")),
                concat!("@", $name, ".lua"),
                include_str!(concat!("../corpus/", $name, ".expected")),
            );
        }
    )*};
}

programs! {
    closures "closures"
}

// These take minutes under Miri.
#[cfg(not(miri))]
programs! {
    coroutine_basics "coroutine-basics"
    metatable_index "metatable-index"
}

/// Collections while everything is in use: strings, tables, closures, coroutines.
#[test]
fn collections() {
    let source = "
        local keep = {}
        for i = 1, 15 do
          local t = {i, name = 'n' .. i, [i + 0.5] = {i}}
          local co = coroutine.wrap(function(a) coroutine.yield(a) return t.name end)
          co(1)
          keep[i % 7 + 1] = {t, co}
          if i == 10 then collectgarbage() end
        end
        collectgarbage()
        for i = 1, 7 do io.write(keep[i][1].name, keep[i][2](), ' ') end";
    check(
        source,
        "=collections",
        "n14n14 n15n15 n9n9 n10n10 n11n11 n12n12 n13n13 ",
    );
}
