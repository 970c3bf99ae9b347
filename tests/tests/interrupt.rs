//! Ctrl-C: the first one ends the program with an error that no Lua code catches, the
//! second one kills the process.

use moonpatch_tests::command::{ENGINES, Ended, Running, command, start};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

/// Starts endless text that has printed something, and sends `signals`.
fn interrupt(engine: &str, text: &str) -> Ended {
    let text = format!("io.write(string.rep('x', 70000)) {text}");
    let running = start(&mut command(&["--engine", engine, "--stats", "-e", &text]));
    wait_for_output(&running);
    // A little further, into the loop.
    std::thread::sleep(Duration::from_millis(20));
    kill(&running, libc::SIGINT);
    running.wait()
}

fn wait_for_output(running: &Running) {
    let started = Instant::now();
    while running.printed() == 0 {
        assert!(
            started.elapsed() < Duration::from_secs(30),
            "it prints nothing"
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn kill(running: &Running, signal: i32) {
    // SAFETY: our child, which hasn't been waited for.
    let sent = unsafe { libc::kill(running.id() as i32, signal) };
    assert_eq!(sent, 0);
}

#[test]
fn ends_the_program_with_a_traceback() {
    for engine in ENGINES {
        for text in [
            "while true do end",
            "local function f() return f() end f()",
            "while true do pcall(function() while true do end end) end",
            "while true do coroutine.wrap(function() for i = 1, 1e9 do end end)() end",
            "table.sort({3, 2, 1}, function() while true do end end)",
            "while true do local t = {} for i = 1, 10 do t[i] = {} end end",
        ] {
            let ended = interrupt(engine.name(), text);
            assert_eq!(ended.status.code(), Some(1), "{text}: {}", ended.stderr);
            assert!(ended.stderr.starts_with("moonpatch: "), "{}", ended.stderr);
            assert!(
                ended.stderr.contains("interrupted!"),
                "{text}: {}",
                ended.stderr
            );
            assert!(
                ended.stderr.contains("\nstack traceback:\n\t"),
                "{text}: {}",
                ended.stderr
            );
            // What was printed isn't lost, and the counters come out.
            assert_eq!(ended.stdout.len(), 70_000);
            assert!(ended.counter("ticks") > 0);
        }
    }
}

/// A library function that takes long doesn't look: then the second Ctrl-C helps.
#[test]
fn the_second_kills() {
    let text = "io.write(string.rep('x', 70000))
                local s = string.rep('x', 1e8)
                while true do s:reverse() end";
    let running = start(&mut command(&["-e", text]));
    wait_for_output(&running);
    kill(&running, libc::SIGINT);
    kill(&running, libc::SIGINT);
    // Signals of one kind may merge: the third comes when the first was taken.
    std::thread::sleep(Duration::from_millis(1));
    kill(&running, libc::SIGINT);
    let ended = running.wait();
    let killed = ended.status.signal() == Some(libc::SIGINT);
    assert!(killed || ended.status.code() == Some(1), "{}", ended.status);
}
