//! Fuel: a program ends at the same point in every engine, wherever that point is, and no
//! Lua code can catch it.

use lua_core::{Engine, VmError};
use moonpatch_tests::command::{ENGINES, run_text};
use moonpatch_tests::machine::{Machine, Outcome, Setup};

/// Loops, calls, closures, metamethods, coroutines, errors, strings and sorting, printing
/// all the way, so that the point of the end shows.
const MIXED: &str = r#"
local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end
local Point = {}
Point.__index = Point
Point.__add = function(a, b) return setmetatable({x = a.x + b.x}, Point) end
Point.__lt = function(a, b) return a.x < b.x end
function Point:get() return self.x end
local function numbers(n)
  return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end)
end
for round = 1, 400 do
  local p = setmetatable({x = round}, Point)
  for i = 1, 3 do p = p + p end
  print(round, fib(round % 8), p:get())
  local sum = 0
  for i in numbers(round % 5) do sum = sum + i end
  local t = {}
  for i = 1, 10 do t[i] = (i * 7 + round) % 11 end
  table.sort(t, function(a, b) return a < b end)
  print(sum, table.concat(t, ","), pcall(error, "e" .. round, 0))
  local i = 0
  while i < round do i = i + 1 end
  repeat i = i - 1 until i <= 0
  for k, v in pairs({a = 1, 2, 3}) do sum = sum + v end
  print(sum, string.rep("x", round % 20))
end
"#;

fn with_fuel(engine: Engine, fuel: u64, text: &str) -> Outcome {
    let mut machine = Machine::new(64 << 20, 1 << 20);
    let setup = Setup {
        fuel: Some(fuel),
        ..Setup::new(engine)
    };
    machine.run(&setup, &[(text.as_bytes(), b"=mixed", &[])])
}

#[test]
fn engines_end_at_the_same_point() {
    let small = 0..60;
    let edges = [
        97, 100, 999, 1_000, 4_321, 9_999, 10_000, 10_001, 19_999, 20_000, 20_001,
    ];
    let spread = (0..40).map(|i| 1_237 * i + 17);
    let mut ends = Vec::new();
    for fuel in small.chain(edges).chain(spread) {
        let portable = with_fuel(Engine::Portable, fuel, MIXED);
        for engine in [Engine::Interp, Engine::Baseline] {
            let other = with_fuel(engine, fuel, MIXED);
            let name = engine.name();
            assert_eq!(portable.result, other.result, "fuel {fuel}, {name}");
            assert_eq!(
                portable.stats.ticks, other.stats.ticks,
                "fuel {fuel}, {name}"
            );
            let (p, o) = (&portable.output, &other.output);
            assert!(
                p == o,
                "fuel {fuel}, {name}: {} and {} bytes printed",
                p.len(),
                o.len()
            );
        }
        assert_eq!(portable.result, Err(VmError::OutOfFuel), "fuel {fuel}");
        ends.push((fuel, portable.output.len()));
    }
    // More fuel never ends earlier, and it makes a difference.
    ends.sort();
    assert!(
        ends.windows(2).all(|pair| pair[0].1 <= pair[1].1),
        "{ends:?}"
    );
    assert!(ends.first().unwrap().1 < ends.last().unwrap().1);
}

#[test]
fn enough_fuel_changes_nothing() {
    for engine in ENGINES {
        let free = Machine::new(64 << 20, 1 << 20)
            .run(&Setup::new(engine), &[(MIXED.as_bytes(), b"=mixed", &[])]);
        assert_eq!(free.result, Ok(()), "{:?}", free.message);
        let exact = with_fuel(engine, free.stats.ticks + 1, MIXED);
        assert_eq!(exact.result, Ok(()), "{} ticks", free.stats.ticks);
        assert_eq!(exact.output, free.output);
        assert_eq!(exact.stats.ticks, free.stats.ticks);
        let short = with_fuel(engine, free.stats.ticks - 1, MIXED);
        assert_eq!(short.result, Err(VmError::OutOfFuel));
    }
}

/// Places from which an endless program might catch the end of its fuel, or not notice it.
const CATCHERS: &[&str] = &[
    "while true do end",
    "repeat until false",
    "for i = 1, math.huge do end",
    "for k in function() return 1 end do end",
    "local function f() return f() end f()",
    "while true do pcall(function() while true do end end) end",
    "while true do pcall(error) end",
    "while true do xpcall(function() while true do end end, function() while true do end end) end",
    "xpcall(function() while true do end end, print)",
    "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
    "while true do pcall(coroutine.wrap(function() while true do end end)) end",
    "local t = setmetatable({}, {__index = function() while true do end end}) pcall(function() return t.x end) print('caught')",
    "local t = setmetatable({}, {__tostring = function() while true do end end}) pcall(tostring, t) print('caught')",
    "pcall(table.sort, {3, 2, 1}, function() while true do end end) print('caught')",
    "while true do local s = string.rep('x', 1000) end",
    "while true do local t = {} for i = 1, 100 do t[i] = i end table.concat(t) end",
];

#[test]
fn nothing_catches_the_end_of_fuel() {
    for engine in ENGINES {
        for text in CATCHERS {
            for fuel in ["1", "1000", "25000"] {
                let ended = run_text(engine, &["--fuel", fuel], text);
                assert_eq!(ended.code(), 1, "{text}: {}", ended.stderr);
                assert!(ended.stderr.starts_with("moonpatch: "), "{text}");
                assert!(
                    ended.stderr.contains("out of fuel"),
                    "{text}: {}",
                    ended.stderr
                );
                assert!(ended.stdout.is_empty(), "{text}");
                let ticks = ended.counter("ticks");
                let fuel: u64 = fuel.parse().unwrap();
                // Library functions are charged for their work at once.
                assert!(
                    (fuel..=fuel + 2_000).contains(&ticks),
                    "{text}: {ticks} ticks"
                );
            }
        }
    }
}

/// The command counts as the library does.
#[test]
fn the_command_ends_at_the_same_point() {
    for fuel in [1u64, 77, 5_000, 12_345] {
        let fuel_text = fuel.to_string();
        let ends: Vec<_> = ENGINES
            .iter()
            .map(|&engine| run_text(engine, &["--fuel", &fuel_text], MIXED))
            .collect();
        for end in &ends {
            assert_eq!(ends[0].stdout, end.stdout, "fuel {fuel}");
            assert_eq!(ends[0].counter("ticks"), end.counter("ticks"));
            assert_eq!(end.code(), 1);
        }
    }
}
