//! The one place where lua-core is called: how a kernel embeds Lua.
//!
//! `corpus` calls [`run_program`] once per program and engine. Each call makes a
//! machine in the Lua region, runs the program, and leaves nothing behind.

use crate::memory::{CodeViews, Memory};
use crate::programs::Program;
use crate::{stack, timer};
use core::ffi::c_void;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};
use lua_core::Engine;
use lua_core::baseline::BaselineConfig;
use lua_core::engine::interp::PREBUILT;
use lua_core::state::Hooks;
use lua_core::{Config, Vm, VmError};
use rt_nostd::serialize;
use rt_nostd::{CodeRegion, Extent};

/// An engine, and how it is used.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The portable engine.
    Portable,
    /// The handlers of the bundle.
    Interp,
    /// The same, with what runs often compiled.
    Baseline,
    /// Everything compiled before it first runs.
    Forced,
}

/// How the programs run, one after the other.
pub const MODES: &[Mode] = &[Mode::Portable, Mode::Interp, Mode::Baseline, Mode::Forced];

impl Mode {
    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Portable => "portable",
            Mode::Interp => "interp",
            Mode::Baseline => "baseline",
            Mode::Forced => "forced",
        }
    }

    fn engine(self) -> Engine {
        match self {
            Mode::Portable => Engine::Portable,
            Mode::Interp => Engine::Interp,
            Mode::Baseline | Mode::Forced => Engine::Baseline,
        }
    }
}

/// Extents of the code region's list: more than there are functions in any program.
const EXTENTS: usize = 1024;

/// Native stack that is left to library functions when Lua says "C stack overflow".
const STACK_RESERVE: usize = 16 << 10;
/// Most arguments of a program.
const ARGUMENTS_MAX: usize = 4;

/// Why a program didn't run to its end.
pub enum LuaError {
    /// The code region can't be used.
    Region(rt_nostd::RegionError),
    /// The bundle can't be used. It says why on the console itself.
    Bundle,
    /// The machine can't be made, or the program failed; its message is on the console.
    Vm(VmError),
    /// Another engine ran than the one asked for.
    WrongEngine,
    /// Functions that had to be compiled weren't.
    NotCompiled,
}

impl fmt::Display for LuaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LuaError::Region(e) => write!(f, "code region: {e}"),
            LuaError::Bundle => f.write_str("the bundle can't be used"),
            LuaError::Vm(e) => write!(f, "{e}"),
            LuaError::WrongEngine => f.write_str("another engine ran the program"),
            LuaError::NotCompiled => f.write_str("nothing was compiled, or not everything"),
        }
    }
}

/// What the hooks get: where output goes.
struct Context<'a> {
    output: &'a mut dyn FnMut(&[u8]),
}

fn write(context: *mut c_void, bytes: &[u8]) {
    // SAFETY: `run_program` passes the address of its `Context`, which outlives the VM,
    // and which nobody else uses meanwhile.
    let context = unsafe { &mut *(context as *mut Context<'_>) };
    (context.output)(bytes);
}

fn clock(_: *mut c_void) -> f64 {
    timer::ticks() as f64 / 1000.0
}

/// Runs `program` in `mode`, with the first `bytes` of `memory` for the machine, and
/// the memory for code. What the program writes to its standard output goes to `output`, in pieces.
///
/// # Errors
/// When no machine can be made, or the program ends with an error.
pub fn run_program(
    mode: Mode,
    memory: &mut Memory,
    bytes: usize,
    program: &Program,
    output: &mut dyn FnMut(&[u8]),
) -> Result<(), LuaError> {
    let mut context = Context { output };
    let config = Config {
        native_stack_limit: stack::KERNEL.range().start as usize + STACK_RESERVE,
        hooks: Hooks {
            context: (&raw mut context).cast(),
            write,
            clock,
            unused: |_, _, _| {},
        },
        ..Config::default()
    };
    // SAFETY: initialized bytes are valid as `MaybeUninit`, and nothing uninitialized is
    // ever written back: the region belongs to the machine until the next call, which
    // reads none of it before writing.
    let region: &mut [MaybeUninit<u8>] = unsafe {
        core::slice::from_raw_parts_mut(memory.lua.as_mut_ptr().cast(), bytes.min(memory.lua.len()))
    };
    let mut vm = Vm::new(region, &config).map_err(LuaError::Vm)?;
    if mode != Mode::Portable {
        let mut code = code_region(memory.code).map_err(LuaError::Region)?;
        let config = BaselineConfig {
            force: mode == Mode::Forced,
            ..BaselineConfig::default()
        };
        // SAFETY: the code region stays mapped and is reused only by the next call, after
        // this machine is gone; `boot.s` enabled SSE, and interrupt handlers don't touch it.
        let linked = unsafe {
            match mode.engine() {
                Engine::Baseline => vm.use_baseline(PREBUILT, code, config),
                _ => vm.use_bundle(PREBUILT, &mut code).map(|_| ()),
            }
        };
        if let Err(error) = linked {
            crate::println!("bundle: {error}");
            return Err(LuaError::Bundle);
        }
        serialize();
    }
    let mut arguments: [&[u8]; ARGUMENTS_MAX] = [&[]; ARGUMENTS_MAX];
    let n = program.arguments.len().min(ARGUMENTS_MAX);
    for (to, from) in arguments.iter_mut().zip(program.arguments) {
        *to = from.as_bytes();
    }
    let mut name = [b'@'; 64];
    let path = file_name(program.path).as_bytes();
    let path = &path[..path.len().min(63)];
    name[1..=path.len()].copy_from_slice(path);
    let result = vm.run(program.source, &name[..=path.len()], &arguments[..n]);
    if let Err(e) = result {
        let message = vm.message().unwrap_or(b"");
        crate::println!("{}", core::str::from_utf8(message).unwrap_or("?"));
        return Err(LuaError::Vm(e));
    }
    vm.close();
    let stats = vm.stats();
    let ran = match mode.engine() {
        Engine::Portable => stats.portable_entries > 0 && stats.interp_entries == 0,
        Engine::Interp | Engine::Baseline => {
            stats.interp_entries > 0 && stats.portable_entries == 0
        }
    };
    if !ran {
        return Err(LuaError::WrongEngine);
    }
    if let Some(baseline) = vm.baseline_stats() {
        let none = baseline.functions == 0 && mode == Mode::Forced;
        if none || baseline.refused.iter().any(|&n| n != 0) {
            return Err(LuaError::NotCompiled);
        }
    }
    Ok(())
}

/// The last part of a path: what the expected output was made with.
fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn code_region(views: CodeViews) -> Result<CodeRegion<'static>, rt_nostd::RegionError> {
    let write = NonNull::new(ptr::with_exposed_provenance_mut(views.write as usize))
        .unwrap_or(NonNull::dangling());
    static mut FREE: [Extent; EXTENTS] = [Extent::EMPTY; EXTENTS];
    let list = &raw mut FREE;
    // SAFETY: there is one processor, and the region of the last call is gone with its
    // machine: nobody else has the list.
    let free = unsafe { &mut *list };
    free.fill(Extent::EMPTY);
    // SAFETY: `memory` mapped both views to the same memory, for good; the self test is
    // over and each call starts anew; `serialize` runs before the code does.
    unsafe { CodeRegion::aliased(write, views.execute as usize, views.bytes as usize, free) }
}
