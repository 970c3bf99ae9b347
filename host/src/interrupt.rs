//! Ctrl-C: the first one asks the program to stop, as `lua` does; the second kills it.
//!
//! The handler may do only what is safe at any instruction: two system calls' worth of
//! `signal`, atomic loads and stores. Called by `session`.

use core::ffi::c_int;
use core::sync::atomic::{AtomicBool, Ordering};
use lua_core::vm::StopHandle;
use std::sync::OnceLock;

static STOP: OnceLock<StopHandle> = OnceLock::new();
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

extern "C" fn on_interrupt(_: c_int) {
    // SAFETY: `signal` may be called in a handler (POSIX).
    unsafe { libc::signal(libc::SIGINT, libc::SIG_DFL) };
    INTERRUPTED.store(true, Ordering::Relaxed);
    if let Some(handle) = STOP.get() {
        handle.stop();
    }
}

/// Sends Ctrl-C to the program that `handle` stops, from now on.
///
/// # Safety
/// `handle` stays valid until the process ends.
pub unsafe fn install(handle: StopHandle) {
    let first = STOP.set(handle).is_ok();
    debug_assert!(first, "one VM a process");
    listen();
}

/// Forgets a Ctrl-C that has been heeded, and waits for the next one.
pub fn renew() {
    if INTERRUPTED.swap(false, Ordering::Relaxed) {
        listen();
    }
}

fn listen() {
    // SAFETY: the handler does only what handlers may (see above).
    unsafe {
        let mut ignored: libc::sigaction = core::mem::zeroed();
        libc::sigaction(libc::SIGINT, core::ptr::null(), &raw mut ignored);
        // A background job of a shell without job control has it ignored: so it stays.
        if ignored.sa_sigaction != libc::SIG_IGN {
            let handler: extern "C" fn(c_int) = on_interrupt;
            libc::signal(libc::SIGINT, handler as *const () as libc::sighandler_t);
        }
    }
}

/// Was there a Ctrl-C?
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}
