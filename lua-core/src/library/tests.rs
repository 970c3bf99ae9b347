//! The library as programs see it, where the corpus can't look: tracebacks, fuel,
//! failing allocations, and sorting against a model.

use crate::value::Value;
use crate::vm::{Config, Vm, VmError};
use core::ffi::c_void;
use core::mem::MaybeUninit;
use std::string::String;
use std::vec::Vec;

fn write(context: *mut c_void, s: &[u8]) {
    // SAFETY: `Lua::run` passes its output, which outlives the call.
    unsafe { (*(context as *mut Vec<u8>)).extend_from_slice(s) }
}

/// What a program wrote, and how it ended.
struct Run {
    output: String,
    result: Result<(), VmError>,
    message: String,
    /// Where the injected failure of an allocation is still ahead: how far.
    ahead: Option<u64>,
}

/// Runs a program as `t.lua` in a fresh VM that `prepare` has set up.
fn run_with(bytes: usize, source: &str, prepare: impl FnOnce(&mut Vm)) -> Run {
    let mut region: Vec<MaybeUninit<u8>> = Vec::with_capacity(bytes);
    // SAFETY: uninitialized bytes are valid as `MaybeUninit`.
    unsafe { region.set_len(bytes) };
    let mut output: Vec<u8> = Vec::new();
    let mut config = Config::default();
    config.hooks.context = &raw mut output as *mut c_void;
    config.hooks.write = write;
    let mut vm = Vm::new(&mut region, &config).expect("a VM fits");
    prepare(&mut vm);
    let result = vm.run(source.as_bytes(), b"@t.lua", &[]);
    // SAFETY: plain field of the live state.
    let ahead = unsafe { (*vm.rt().vm()).fail_after };
    let message = vm.message().unwrap_or(b"no text");
    let message = String::from_utf8_lossy(message).into_owned();
    Run {
        output: String::from_utf8_lossy(&output).into_owned(),
        result,
        message,
        ahead: (ahead != u64::MAX).then_some(ahead),
    }
}

fn run(source: &str) -> Run {
    run_with(8 << 20, source, |_| ())
}

/// The output of a program that must end well.
fn output(source: &str) -> String {
    let run = run(source);
    assert_eq!(run.result, Ok(()), "{}", run.message);
    run.output
}

#[test]
fn tracebacks_read_as_the_reference_writes_them() {
    // All expectations come from lua5.1.
    let cases = [
        (
            "local function f() error('x') end\nlocal function g() f() end\nfunction h() g() end\nfor i in (function() h() end) do end",
            "t.lua:1: x\nstack traceback:\n\t[C]: in function 'error'\n\tt.lua:1: in function 'f'\n\tt.lua:2: in function 'g'\n\tt.lua:3: in function 'h'\n\tt.lua:4: in function '(for generator)'\n\tt.lua:4: in main chunk\n\t[C]: ?",
        ),
        (
            "local t = setmetatable({}, {__add = function() error('oops') end})\nlocal x = t + 1",
            "t.lua:1: oops\nstack traceback:\n\t[C]: in function 'error'\n\tt.lua:1: in function <t.lua:1>\n\tt.lua:2: in main chunk\n\t[C]: ?",
        ),
        (
            "table.sort({1, 2, 3}, function(a, b) error('cmp') end)",
            "t.lua:1: cmp\nstack traceback:\n\t[C]: in function 'error'\n\tt.lua:1: in function <t.lua:1>\n\t[C]: in function 'sort'\n\tt.lua:1: in main chunk\n\t[C]: ?",
        ),
        (
            "local co = coroutine.wrap(function() error('in co') end)\nco()",
            "t.lua:2: t.lua:1: in co\nstack traceback:\n\t[C]: in function 'co'\n\tt.lua:2: in main chunk\n\t[C]: ?",
        ),
        (
            "local t = {}\nt.x.y = 1",
            "t.lua:2: attempt to index field 'x' (a nil value)\nstack traceback:\n\tt.lua:2: in main chunk\n\t[C]: ?",
        ),
        (
            "string.rep()",
            "t.lua:1: bad argument #1 to 'rep' (string expected, got no value)\nstack traceback:\n\t[C]: in function 'rep'\n\tt.lua:1: in main chunk\n\t[C]: ?",
        ),
    ];
    for (source, expected) in cases {
        let run = run(source);
        assert_eq!(run.result, Err(VmError::Runtime), "{source}");
        assert_eq!(run.message, expected, "{source}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "moves megabytes or runs long")]
fn long_tracebacks_are_cut_in_the_middle() {
    // 18 levels of `f`, main chunk, C: one less than is cut.
    let lines = |depth: u32| {
        let source = std::format!(
            "function f(n) if n == 0 then error('deep') end f(n - 1) return 1 end f({depth})"
        );
        let run = run(&source);
        let count = |what: &str| run.message.lines().filter(|l| *l == what).count();
        (count("\tt.lua:1: in function 'f'"), count("\t..."))
    };
    assert_eq!(lines(17), (18, 0));
    assert_eq!(lines(18), (17, 1));
    assert_eq!(lines(500), (17, 1));
}

#[test]
fn sorting_agrees_with_a_model() {
    let mut seed = 88172645463325252u64;
    let mut next = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let sizes: &[usize] = if cfg!(miri) {
        &[2, 9]
    } else {
        &[0, 1, 2, 3, 4, 5, 10, 100, 1000]
    };
    for &n in sizes {
        let list: Vec<i64> = (0..n).map(|_| (next() % 200) as i64 - 100).collect();
        let mut sorted = list.clone();
        sorted.sort_unstable();
        let text = |list: &[i64]| -> String {
            let items: Vec<String> = list.iter().map(|x| std::format!("{x}")).collect();
            items.join(",")
        };
        let descending: Vec<i64> = sorted.iter().rev().copied().collect();
        let mut words: Vec<String> = list.iter().map(|x| std::format!("{x}")).collect();
        words.sort();
        let source = std::format!(
            "local function copy() return {{{}}} end
             local t = copy() table.sort(t) print(table.concat(t, ','))
             t = copy() table.sort(t, function(a, b) return a > b end) print(table.concat(t, ','))
             t = copy() for i = 1, #t do t[i] = tostring(t[i]) end
             table.sort(t) print(table.concat(t, ','))
             local less = {{__lt = function(a, b) return a.x < b.x end}}
             t = copy() for i = 1, #t do t[i] = setmetatable({{x = t[i]}}, less) end
             table.sort(t) for i = 1, #t do t[i] = t[i].x end print(table.concat(t, ','))",
            text(&list)
        );
        let expected = std::format!(
            "{}\n{}\n{}\n{}\n",
            text(&sorted),
            text(&descending),
            words.join(","),
            text(&sorted)
        );
        assert_eq!(output(&source), expected);
    }
}

#[test]
fn wrong_order_functions_end_with_an_error() {
    let expected = "false\tt.lua:1: invalid order function for sorting\n";
    let source =
        "print(pcall(function() table.sort({1, 2, 3, 4, 5}, function() return true end) end))";
    assert_eq!(output(source), expected);
    // Nothing worse happens to the list than that its order is lost.
    let kept = output(
        "local t = {} for i = 1, 200 do t[i] = i end
         local x = 7
         pcall(table.sort, t, function() x = (x * 75) % 65537 return x % 2 == 0 end)
         local sum = 0 for i = 1, 200 do sum = sum + t[i] end print(sum, #t)",
    );
    assert_eq!(kept, "20100\t200\n");
}

#[test]
#[cfg_attr(miri, ignore = "moves megabytes or runs long")]
fn library_work_uses_fuel() {
    // Ten calls: without charges for their work they would cost ten ticks or so.
    for work in [
        "local s = string.rep('x', 100000)",
        "local s = ('x'):rep(100000):upper()",
        "local t = {} for i = 1, 50 do t[i] = ('x'):rep(1000) end local s = table.concat(t)",
    ] {
        let source = std::format!("for i = 1, 100 do {work} end");
        let limited = run_with(16 << 20, &source, |vm| vm.set_fuel(Some(20_000)));
        assert_eq!(limited.result, Err(VmError::OutOfFuel), "{work}");
        // `pcall` can't swallow it.
        let source = std::format!("pcall(function() {source} end) print('alive')");
        let limited = run_with(16 << 20, &source, |vm| vm.set_fuel(Some(20_000)));
        assert_eq!(limited.result, Err(VmError::OutOfFuel), "{work}");
        assert_eq!(limited.output, "");
    }
}

#[test]
#[cfg_attr(miri, ignore = "moves megabytes or runs long")]
fn too_large_strings_are_a_catchable_error() {
    let source = "print(pcall(string.rep, 'x', 2^30 - 1))
         print(pcall(string.rep, ('x'):rep(1000), 2^31 - 1))
         print((pcall(function() local s = 'x' while true do s = s:rep(2) end end)))
         print(#('x'):rep(1000))";
    let expected = "false\tnot enough memory\nfalse\tnot enough memory\nfalse\n1000\n";
    assert_eq!(output(source), expected);
}

/// Calls every function of the library that allocates or calls back.
const TOUR: &str = r##"
local log = {}
local function note(...)
  local t = {...}
  for i = 1, select("#", ...) do t[i] = tostring((select(i, ...))) end
  table.insert(log, table.concat(t, " "))
end
note(string.rep("ab", 300):len(), ("aB"):upper(), ("aB"):lower(), ("abc"):reverse(), string.char(72, 105))
note(string.format("%5.2f|%d|%q|%s|%x", 3.14159, 42, "a\nb", "text", 255), ("hello"):sub(2, 4))
note(("hello"):byte(1, 3)) note(tonumber("0x10"), tonumber("zz", 36), tostring(12.5))
local t = {5, 3, 9, 1}
table.sort(t) table.sort(t, function(a, b) return a > b end)
table.insert(t, 2, 7) table.insert(t, 8) note(table.concat(t, ","), table.remove(t, 1), table.remove(t))
local words = {"b", "c", "a"} table.sort(words) note(unpack(words))
table.foreach({x = 1}, function(k, v) note(k, v) end)
table.foreachi({"p", "q"}, function(i, v) note(i, v) end)
local co = coroutine.create(function(a) local b = coroutine.yield(a .. "1") error("end " .. b) end)
note(coroutine.resume(co, "x")) note(coroutine.resume(co, "y")) note(coroutine.status(co), coroutine.resume(co))
note(pcall(coroutine.wrap(function() error("wrapped") end)))
local o = setmetatable({}, {__tostring = function() return "object" end, __index = function(_, k) return k .. "!" end,
  __concat = function(a, b) return "joined" end, __lt = function() return true end, __call = function(_, x) return x .. "?" end})
note(tostring(o), o.field, o .. "x", o < o, o("call"))
note(pcall(error, "bare")) note(pcall(function() error("placed") end)) note(pcall(function() error("far", 2) end))
note(xpcall(function() local x = nil + 1 end, function(e) return "handled " .. e end))
note(pcall(string.rep)) note(pcall(function() string.rep("x", {}) end)) note(pcall({})) note(pcall(pcall))
note(pcall(rawset, {}, nil, 1)) note(pcall(next, {}, "k")) note(pcall(table.concat, {{}}))
note(pcall(setmetatable({}, {__call = 1}))) note(pcall(table.sort, {1, "x"}))
note(pcall(assert, false)) note(pcall(assert, nil, "message")) note(math.max(1, 2), math.floor(2.5))
note(#debug.traceback("trace") > 20)
for _, line in ipairs(log) do print(line) end
print(log, 1, nil, true, o) io.write("done", 1.5, "\n")
"##;

#[test]
fn failing_allocations_change_nothing() {
    let expected = output(TOUR);
    assert!(expected.ends_with("done1.5\n"), "{expected}");
    // Addresses differ when collections come at other times.
    let shown = |s: &str| -> String {
        s.lines()
            .filter(|line| !line.starts_with("table: "))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let (first, step) = if cfg!(miri) { (300, 1000) } else { (0, 1) };
    for n in (first..).step_by(step) {
        let run = run_with(2 << 20, TOUR, |vm| {
            // SAFETY: plain field of the live state.
            unsafe { (*vm.rt().vm()).fail_after = n };
        });
        assert_eq!(run.result, Ok(()), "allocation {n}: {}", run.message);
        assert_eq!(shown(&run.output), shown(&expected), "allocation {n}");
        if run.ahead.is_some() {
            // The program has fewer allocations.
            assert!(n > 100 && n > first, "{n}");
            return;
        }
    }
}

#[test]
fn iterators_are_known_to_the_fast_path() {
    run_with(2 << 20, "", |vm| {
        let rt = vm.rt();
        // SAFETY: plain fields.
        let (next, ipairs) = unsafe { ((*rt.vm()).next_fn, (*rt.vm()).ipairs_fn) };
        assert_ne!(next, 0);
        assert_ne!(ipairs, 0);
        let key = rt.intern(b"next").expect("room");
        let global = rt.raw_get_str(rt.globals(), key);
        assert!(matches!(global, Value(_) if global.is_function()));
        assert_ne!(
            global.payload(),
            next,
            "another function in the reference, too"
        );
    });
}
