//! The moonpatch command (being written).
use lua_core::{Config, Vm};
use std::mem::MaybeUninit;
fn write(_: *mut core::ffi::c_void, s: &[u8]) { use std::io::Write; let _ = std::io::stdout().write_all(s); }
fn clock(_: *mut core::ffi::c_void) -> f64 { 0.0 }
fn main() {
    let file = std::env::args().nth(1).unwrap();
    let src = std::fs::read(&file).unwrap();
    let mut region: Vec<MaybeUninit<u8>> = Vec::with_capacity(256 << 20);
    unsafe { region.set_len(256 << 20) };
    let mut c = Config::default();
    c.hooks.write = write; c.hooks.clock = clock;
    let mut vm = Vm::new(&mut region, &c).unwrap();
    let r = vm.run(&src, format!("@{file}").as_bytes(), &[]);
    if let Err(e) = r { eprintln!("{e}: {}", vm.message().map(|m| String::from_utf8_lossy(m).into_owned()).unwrap_or_default()); std::process::exit(1) }
}
