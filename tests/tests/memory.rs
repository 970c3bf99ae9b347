//! Little memory: programs that drop what they make run for ever, programs that keep it
//! get an error that they can catch, and go on.

use lua_core::{Config, Engine, Vm, VmError};
use moonpatch::memory::{REGION_MAX, Region};
use moonpatch_tests::command::{ENGINES, run_text};
use moonpatch_tests::machine::{Machine, Outcome, Setup};

fn run_in(region: usize, engine: Engine, text: &str) -> Outcome {
    let mut machine = Machine::new(region, 1 << 16);
    machine.run(&Setup::new(engine), &[(text.as_bytes(), b"=memory", &[])])
}

/// Makes garbage of every kind, a hundred times what fits.
#[test]
fn garbage_for_ever_in_two_megabytes() {
    let text = r#"
        local keep = {}
        local function closure(i) return function() i = i + 1 return i end end
        for i = 1, 150000 do
          local t = {x = i, y = {i, i + 1, i + 2}, [i] = "v" .. i}
          local c = closure(i)
          keep[i % 100] = c() .. "," .. t.y[2]
          if i % 50 == 0 then
            local co = coroutine.wrap(function(a) local b = coroutine.yield(a .. "c") return b end)
            co(i) co(i)
          end
          if i % 1000 == 0 then
            local big = {} for j = 1, 2000 do big[j] = j end
            local s = string.rep("y", 20000) .. i
          end
        end
        print(keep[7])
    "#;
    for engine in ENGINES {
        let outcome = run_in(2 << 20, engine, text);
        assert_eq!(outcome.result, Ok(()), "{engine:?}: {:?}", outcome.message);
        assert_eq!(outcome.output, b"149908,149908\n");
        assert!(outcome.stats.collections > 20, "{:?}", outcome.stats);
        assert!(outcome.stats.allocated > 20 << 20, "{:?}", outcome.stats);
    }
}

/// Programs that keep all they make.
const HOARDERS: &[(&str, &str)] = &[
    ("tables", "local t = {} while true do t = {t} end"),
    (
        "array",
        "local t = {} local i = 0 while true do i = i + 1 t[i] = i end",
    ),
    (
        "hash",
        "local t = {} local i = 0 while true do i = i + 1 t[i * 1.5] = i end",
    ),
    (
        "fields",
        "local t = {} local i = 0 while true do i = i + 1 t['k' .. i] = i end",
    ),
    ("doubling", "local s = 'x' while true do s = s .. s end"),
    (
        "strings",
        "local t = {} local i = 0 while true do i = i + 1 t[i] = 'string ' .. i end",
    ),
    (
        "closures",
        "local f while true do local g = f f = function() return g end end",
    ),
    (
        "coroutines",
        "local t = {} while true do
           local c = coroutine.create(function() coroutine.yield() end)
           coroutine.resume(c) t = {t, c}
         end",
    ),
    ("rep", "local s = string.rep('x', 1e9)"),
    (
        "concat",
        "local t = {} for i = 1, 1e9 do t[i] = string.rep('x', 1000) .. i table.concat(t) end",
    ),
    (
        "stack",
        "local function f(...) return 1 + f(1, 2, 3, 4, ...) end f()",
    ),
    (
        "shapes",
        "local k = {} while true do local t = {} for i = 1, 40 do t['f' .. #k .. i] = i end k[#k + 1] = t end",
    ),
];

/// What the hoarder has made is garbage after the error, but for what its registers leave
/// in stack slots that the main chunk's frame covers (as in the reference): `forget`
/// overwrites these.
fn hoard(engine: Engine, name: &str, text: &str, region: usize) {
    let text = format!(
        "local function forget() local a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p end
         for i = 1, 3 do
           local ok, e = pcall(function() {text} end)
           forget()
           print(ok, e)
         end
         local t = {{}} for i = 1, 100 do t[i] = 'after ' .. i end
         -- Blocks of small objects serve large ones, once they are empty.
         forget()
         local s = string.rep('z', 100000)
         print(t[100], #s)"
    );
    let outcome = run_in(region, engine, &text);
    let output = String::from_utf8_lossy(&outcome.output);
    let tell = format!("{name}: {:?} {output}", outcome.message);
    assert_eq!(outcome.result, Ok(()), "{tell}");
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), 4, "{tell}");
    for line in &lines[..3] {
        let known = line.ends_with("not enough memory")
            || line.ends_with("stack overflow")
            || line.ends_with("resulting string too large");
        assert!(line.starts_with("false\t") && known, "{tell}");
    }
    assert_eq!(lines[3], "after 100\t100000", "{tell}");
}

#[test]
fn a_full_region_can_be_caught_portable() {
    for (name, text) in HOARDERS {
        hoard(Engine::Portable, name, text, 1 << 20);
    }
}

#[test]
fn a_full_region_can_be_caught_interp() {
    for (name, text) in HOARDERS {
        hoard(Engine::Interp, name, text, 1 << 20);
    }
}

#[test]
fn a_full_region_can_be_caught_baseline() {
    for (name, text) in HOARDERS {
        hoard(Engine::Baseline, name, text, 1 << 20);
    }
}

/// Uncaught, under the command's cap: a message and status 1, and the cap holds.
#[test]
fn the_cap_of_the_command_holds() {
    for engine in ENGINES {
        for (name, text) in HOARDERS {
            let ended = run_text(engine, &["--memory=2M"], text);
            assert_eq!(ended.code(), 1, "{name}: {}", ended.stderr);
            assert!(
                ended.stderr.starts_with("moonpatch: "),
                "{name}: {}",
                ended.stderr
            );
            let used = ended.counter("bytes_in_use");
            assert!(used <= 2 << 20, "{name}: {used} bytes in use");
        }
    }
}

/// Any size of region: an error when it is too small, no crash when it is just enough.
#[test]
fn every_size_of_region() {
    let mut made = 0;
    for kilobytes in (1..64).chain((64..640).step_by(7)) {
        let mut region = Region::reserve(kilobytes << 10).expect("memory");
        match Vm::new(region.bytes(), &Config::default()) {
            Err(VmError::RegionTooSmall { needed, given }) => {
                assert!(given == kilobytes << 10 && needed > given, "{kilobytes}K");
            }
            Err(VmError::NoMemory) => assert!(made == 0, "{kilobytes}K fails, less doesn't"),
            Err(e) => panic!("{kilobytes}K: {e}"),
            Ok(mut vm) => {
                made += 1;
                let text = b"local t = {} for i = 1, 200 do t[i] = 'x' .. i end";
                let result = vm.run(text, b"=size", &[]);
                assert!(
                    matches!(result, Ok(()) | Err(VmError::NoMemory | VmError::Runtime)),
                    "{kilobytes}K: {result:?}"
                );
            }
        }
    }
    assert!(made > 20, "only {made} sizes are enough");
}

/// References above 2 GiB: what lies below is taken, and all that a program needs, lies
/// beyond.
#[test]
fn objects_above_two_gigabytes() {
    let text = r#"
        -- The chunk of small objects that the VM began with has room: fill it, with objects
        -- of the sizes that count.
        local meta = {__index = function(t, k) return k .. "!" end}
        local function make() return setmetatable({x = 1, name = "n"}, meta) end
        local function closure() local sum = 0 return function(n) sum = sum + n return sum end end
        local filler = {}
        for i = 1, 20000 do filler[i] = {make(), closure()} end
        local t = make()
        function t:bump(by) self.x = self.x + by return self.x end
        local sum = 0
        for i = 1, 1000 do sum = sum + t:bump(i) t[i] = {v = i} end
        local up = closure()
        for i = 1, 100 do sum = sum + up(1) end
        local co = coroutine.wrap(function(a) while true do a = coroutine.yield(a .. "?") end end)
        print(t.x, t.missing, t[1000].v, sum, #t, co("a"), co("b"))
        print(tostring(t) > "table: 0x8", tostring(up) > "function: 0x8")
    "#;
    for engine in ENGINES {
        let mut machine = Machine::new(REGION_MAX, 1 << 10);
        let setup = Setup {
            ballast: (2 << 30) + (64 << 20),
            ..Setup::new(engine)
        };
        let outcome = machine.run(&setup, &[(text.as_bytes(), b"=above", &[])]);
        assert_eq!(outcome.result, Ok(()), "{:?}", outcome.message);
        assert_eq!(
            String::from_utf8_lossy(&outcome.output),
            "500501\tmissing!\t1000\t167173050\t1000\ta?\tb?\ntrue\ttrue\n",
        );
    }
}
