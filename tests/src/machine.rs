//! A VM in the test process: on a region of any size, on a thread with a stack of any
//! size, with its output caught in memory that was there before.
//!
//! Allocates nothing between [`Machine::arm`]'s callbacks, so that the test that forbids
//! the global allocator can use it.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use lua_core::baseline::{BaselineConfig, BaselineStats};
use lua_core::engine::interp::PREBUILT;
use lua_core::heap::Buffer;
use lua_core::state::Stats;
use lua_core::{Config, Engine, Vm, VmError};
use moonpatch::memory::{CodeMemory, Region, serialize};
use rt_nostd::Extent;
use std::sync::OnceLock;
use std::time::Instant;

/// Bytes of code memory: several times the bundle's image.
const CODE: usize = 1 << 20;

/// Memory that was taken from the system for VMs to come.
pub struct Machine {
    region: Region,
    code: CodeMemory,
    extents: Vec<Extent>,
    output: Catcher,
}

/// Catches output up to the capacity; more is a failure that the test sees.
struct Catcher {
    bytes: Vec<u8>,
    overflow: bool,
}

fn catch(context: *mut c_void, bytes: &[u8]) {
    // SAFETY: the context is the `Catcher` of the `Machine` that runs (see `run`); nobody
    // else uses it meanwhile.
    let catcher = unsafe { &mut *context.cast::<Catcher>() };
    if bytes.len() > catcher.bytes.capacity() - catcher.bytes.len() {
        catcher.overflow = true;
    } else {
        catcher.bytes.extend_from_slice(bytes);
    }
}

fn clock(_: *mut c_void) -> f64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}

/// How a run is set up.
#[derive(Clone, Copy)]
pub struct Setup {
    /// The engine.
    pub engine: Engine,
    /// Bytes of the native stack, from the caller's frame down, that may be used; 0: unlimited.
    pub native_stack: usize,
    /// For the engine with the baseline compiler.
    pub baseline: BaselineConfig,
    /// `Vm::set_fuel`.
    pub fuel: Option<u64>,
    /// Bytes at the low end of the region that are taken, though never touched, before the
    /// program starts.
    pub ballast: usize,
    /// Called before lua-core is entered for the first time, and after the last time.
    pub arm: fn(bool),
}

impl Setup {
    /// Without limits.
    pub fn new(engine: Engine) -> Setup {
        Setup {
            engine,
            native_stack: 0,
            baseline: BaselineConfig::default(),
            fuel: None,
            ballast: 0,
            arm: |_| {},
        }
    }
}

/// Source text, name and arguments of a chunk.
pub type Chunk<'a> = (&'a [u8], &'a [u8], &'a [&'a [u8]]);

/// How a run ended.
#[derive(Debug)]
pub struct Outcome {
    /// What `Vm::run` gave for the last chunk.
    pub result: Result<(), VmError>,
    /// The last message.
    pub message: Option<String>,
    /// What was printed.
    pub output: Vec<u8>,
    /// Counters.
    pub stats: Stats,
    /// Counters of the baseline compiler, if it was used.
    pub baseline: Option<BaselineStats>,
}

impl Machine {
    /// Takes memory: `region` bytes for Lua, `output` bytes for what it prints.
    pub fn new(region: usize, output: usize) -> Machine {
        Machine {
            region: Region::reserve(region).expect("memory for Lua"),
            code: CodeMemory::map(CODE).expect("memory for code"),
            extents: vec![Extent::EMPTY; CODE / 2048],
            output: Catcher {
                bytes: Vec::with_capacity(output),
                overflow: false,
            },
        }
    }

    /// Makes a VM and runs `chunks`, each with its name and arguments, until one fails.
    pub fn run(&mut self, setup: &Setup, chunks: &[Chunk]) -> Outcome {
        self.output.bytes.clear();
        let here = 0u8;
        let here = core::hint::black_box(&raw const here).addr();
        let mut config = Config {
            native_stack_limit: match setup.native_stack {
                0 => 0,
                bytes => here - bytes,
            },
            binary_chunks: true,
            ..Config::default()
        };
        config.hooks.context = (&raw mut self.output).cast();
        config.hooks.write = catch;
        config.hooks.clock = clock;
        let memory: &mut [MaybeUninit<u8>] = self.region.bytes();
        (setup.arm)(true);
        let mut vm = Vm::new(memory, &config).expect("a VM");
        if setup.engine != Engine::Portable {
            // SAFETY: serialized below; code runs on this thread, until `vm` goes.
            let code = unsafe { self.code.region(&mut self.extents) };
            let mut code = code.expect("a code region");
            // SAFETY: `self.code` outlives `vm`; this system saves the processor's state.
            let linked = unsafe {
                match setup.engine {
                    Engine::Baseline => vm.use_baseline(PREBUILT, code, setup.baseline),
                    _ => vm.use_bundle(PREBUILT, &mut code).map(|_| ()),
                }
            };
            linked.expect("the prebuilt bundle");
            serialize();
        }
        // As large a piece at once as a buffer can be.
        let mut rest = setup.ballast;
        while rest > 0 {
            let piece = rest.min(1 << 30);
            let mut ballast = Buffer::<u8>::new();
            ballast.reserve(vm.rt(), piece).expect("room for ballast");
            rest -= piece;
        }
        if setup.fuel.is_some() {
            vm.set_fuel(setup.fuel);
        }
        let mut result = Ok(());
        for (source, name, arguments) in chunks {
            result = vm.run(source, name, arguments);
            if result.is_err() {
                break;
            }
        }
        if result.is_ok() {
            vm.close();
        }
        let (stats, baseline) = (vm.stats(), vm.baseline_stats());
        (setup.arm)(false);
        let message = vm
            .message()
            .map(|m| String::from_utf8_lossy(m).into_owned());
        assert!(!self.output.overflow, "more output than there was room for");
        let entered = match setup.engine {
            Engine::Portable => stats.portable_entries > 0 && stats.interp_entries == 0,
            Engine::Interp | Engine::Baseline => {
                stats.interp_entries > 0 && stats.portable_entries == 0
            }
        };
        assert!(
            entered || result == Err(VmError::Syntax),
            "{} wasn't entered: {stats:?}",
            setup.engine.name()
        );
        Outcome {
            result,
            message: result.is_err().then_some(message).flatten(),
            output: self.output.bytes.clone(),
            stats,
            baseline,
        }
    }
}

/// Runs `f` on a thread with a native stack of `bytes`.
pub fn on_small_stack<T: Send>(bytes: usize, f: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(bytes);
        let handle = thread.spawn_scoped(scope, f).expect("a thread");
        match handle.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
