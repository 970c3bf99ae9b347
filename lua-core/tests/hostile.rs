//! Programs that once broke the VM: each goes where frames, stacks or caches were
//! wrong, and must end with the result that Lua prescribes.

use lua_core::{Config, Vm};
use std::mem::MaybeUninit;

/// Runs a program that checks its results itself.
fn check(source: &str) {
    let mut region: Vec<MaybeUninit<u8>> = vec![MaybeUninit::uninit(); 128 << 20];
    let mut vm = Vm::new(&mut region, &Config::default()).expect("a VM fits");
    let result = vm.run(source.as_bytes(), b"@t.lua", &[]);
    let message = String::from_utf8_lossy(vm.message().unwrap_or(b"no text")).into_owned();
    assert_eq!(result, Ok(()), "{message}");
}

/// Having been read as a field, `__index` was stored by way of a cache, and other
/// caches went on to use the old table.
#[test]
fn storing_a_computed_event_name_reaches_caches() {
    check(
        "local mt = {__index = {x = 1}}
         local o = setmetatable({}, mt)
         local function get(o) return o.x end
         local function set(t, k, v) t[k] = v end
         local key = '__in' .. 'dex'
         for i = 1, 100 do
           assert(get(o) == i)
           assert(mt.__index.x == i)
           set(mt, key, {x = i + 1})
         end",
    );
}

/// The callee of a tail call out of a variadic function didn't fit the stack, and
/// the error was raised from a frame already overwritten.
#[test]
fn tail_call_of_a_large_function_on_a_full_stack() {
    let locals: String = (0..190).map(|i| format!("local a{i} = {i} ")).collect();
    check(&format!(
        "local function large(...) {locals} return a1 end
         local function numbers(...) return large(1, 2, 3, 4, 5, 6, 7, 8, 9) end
         local function functions(...)
           return large(print, print, print, print, print, print, print, print)
         end
         for _, f in ipairs{{numbers, functions}} do
           local function deep() f() return 1 + deep() end
           local ok, message = pcall(deep)
           assert(not ok and message:sub(-14) == 'stack overflow', message)
         end"
    ));
}

/// The message handler of the resumer made its stack grow while an error from a
/// wrapped coroutine was on its way through.
#[test]
fn message_handler_grows_the_resumers_stack() {
    check(
        "local function deep(n) if n == 0 then return 0 end return 1 + deep(n - 1) end
         local function fail() coroutine.wrap(function() error('x', 0) end)() end
         local ok, message = xpcall(fail, function(m)
           assert(deep(20000) == 20000)
           local fill = {}
           for i = 1, 5000 do fill[i] = {i} end
           return 'handled ' .. m
         end)
         assert(not ok and message == 'handled t.lua:2: x', message)",
    );
}
