//! Runs one Lua file on the portable engine: the least an embedder writes.
//!
//! `cargo run -p lua-core --example run -- script.lua [arguments]`

use lua_core::{Config, Vm, VmError};
use std::ffi::c_void;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::process::ExitCode;
use std::time::Instant;

fn write(_: *mut c_void, s: &[u8]) {
    // Nobody is there to be told that the output is closed.
    let _ = std::io::stdout().lock().write_all(s);
}

fn clock(start: *mut c_void) -> f64 {
    // SAFETY: `main` passes its `Instant`, which outlives the VM.
    unsafe { (*(start as *const Instant)).elapsed().as_secs_f64() }
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let [file, arguments @ ..] = arguments.as_slice() else {
        eprintln!("usage: run FILE [ARGUMENT ...]");
        return ExitCode::from(2);
    };
    let source = match std::fs::read(file) {
        Ok(source) => source,
        Err(e) => {
            eprintln!("run: {}: {e}", file.display());
            return ExitCode::from(2);
        }
    };
    let mut region: Vec<MaybeUninit<u8>> = Vec::with_capacity(1 << 30);
    // SAFETY: the capacity was just reserved, and the elements may be uninitialized.
    unsafe { region.set_len(1 << 30) };
    let start = Instant::now();
    let mut config = Config::default();
    config.hooks.context = &raw const start as *mut c_void;
    config.hooks.write = write;
    config.hooks.clock = clock;
    let mut vm = match Vm::new(&mut region, &config) {
        Ok(vm) => vm,
        Err(e) => {
            eprintln!("run: {e}");
            return ExitCode::from(2);
        }
    };
    let chunk_name = [b"@", file.as_bytes()].concat();
    let arguments: Vec<&[u8]> = arguments.iter().map(|a| a.as_bytes()).collect();
    let ready = vm.set_arg(&[], file.as_bytes(), &arguments);
    match ready.and_then(|()| vm.run(&source, &chunk_name, &arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(VmError::Syntax | VmError::Runtime) => {
            let message = vm.message().unwrap_or(b"(error object is not a string)");
            eprintln!("run: {}", String::from_utf8_lossy(message));
            ExitCode::FAILURE
        }
        Err(e) => {
            eprintln!("run: {e}");
            ExitCode::FAILURE
        }
    }
}
