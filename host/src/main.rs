//! The moonpatch command: runs Lua programs as `lua` does, on the engines of lua-core.
//!
//! | module | job |
//! |---|---|
//! | `options` | the command line |
//! | `session` | makes the VM, runs the chunks, gives the status |
//! | `output` | standard output and error |
//! | `console`, `completion` | the interactive mode |
//! | `interrupt` | Ctrl-C |
//! | `system`, `streams` | files, processes, names, time for Lua's `io` and `os` |
//! | `report` | messages and `--stats` |
//! | `watch` | what the compiler does: `-jv`, `-jdump` |
//! | `native_tools` | names of compiled functions for `perf` and GDB |
//!
//! Memory comes from the library part of this package (`memory`). Exit status: 0, or 1
//! after an error, or what `os.exit` was given.

#![no_main]

mod completion;
mod console;
mod interrupt;
mod native_tools;
mod options;
mod output;
mod report;
mod session;
mod streams;
mod system;
mod watch;

use core::ffi::{c_char, c_int};
use options::{OptionError, Options};

pub(crate) const VERSION: &str = concat!("moonpatch ", env!("CARGO_PKG_VERSION"), " (Lua 5.1)\n");

/// The C library's entry, in place of that of Rust's start-up code: it would read the
/// process's memory map, make a second stack for signals, and have broken pipes ignored,
/// while a closed pipe must end the process as it ends `lua`.
// SAFETY: the program has no other `main`.
#[unsafe(no_mangle)]
pub extern "C" fn main(_: c_int, _: *const *const c_char) -> c_int {
    let status = match Options::parse(std::env::args_os()) {
        Ok(options) => session::run(&options),
        Err(error @ OptionError::Usage) => {
            eprintln!("{error}");
            1
        }
        Err(error) => {
            eprintln!("moonpatch: {error}");
            1
        }
    };
    std::process::exit(status)
}
