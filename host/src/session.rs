//! One run of the program: makes the VM, runs what the command line names, and gives the
//! exit status.
//!
//! Must never fall back to another engine than the one asked for: what can't be had is an
//! error. Called by `main`.

use crate::VERSION;
use crate::console::Console;
use crate::interrupt;
use crate::options::{Options, Purpose, Task};
use crate::output::Output;
use crate::report::{self, Report};
use crate::system::{self, Host};
use crate::watch::Watch;
use core::ffi::c_void;
use lua_core::baseline::BaselineConfig;
use lua_core::front::without_first_comment;
use lua_core::system::{FileId, System};
use lua_core::{Config, Engine, Vm, VmError};
use moonpatch::memory::{CodeMemory, MemoryError, REGION_MAX, Region, extents, serialize};
use rustix::process::{Resource, getrlimit};
use std::ffi::OsStr;
use std::io::{IsTerminal, Read};
use std::os::unix::ffi::OsStrExt;
use std::time::Instant;

/// Status of a failed run, as `lua` has it.
const FAILURE: i32 = 1;

/// Least address space for a VM: what it needs, and alignment.
const REGION_LEAST: usize = lua_core::vm::REGION_MIN + (64 << 10);

/// Most of the native stack that is ever used, if the system's limit is higher.
const NATIVE_STACK_MAX: usize = 8 << 20;

/// Why the program couldn't be run, or didn't run to its end.
#[derive(Debug)]
pub enum SessionError {
    /// No memory from the system.
    Memory(MemoryError),
    /// A file can't be opened or read.
    File {
        /// "open" or "read".
        what: &'static str,
        /// The file, as it was named.
        name: Vec<u8>,
        /// The system's reason.
        error: std::io::Error,
    },
    /// The bundle can't be used; the text says why.
    Bundle(String),
    /// The VM couldn't be made.
    Setup(VmError),
    /// The program failed; the text is Lua's message, if the error value has one.
    Lua(VmError, Option<Vec<u8>>),
    /// A function couldn't be compiled although all must be; the text says why.
    NotCompiled(String),
    /// It failed with nil for an error, of which nothing is told.
    Nil,
}

impl SessionError {
    /// The failure of a program.
    pub fn of_lua(vm: &Vm, error: VmError) -> SessionError {
        if error == VmError::Runtime && vm.error_is_nil() {
            return SessionError::Nil;
        }
        SessionError::Lua(error, vm.message().map(<[u8]>::to_vec))
    }
}

/// Runs everything that `options` ask for; gives the exit status.
pub fn run(options: &Options) -> i32 {
    // Lua code may be using them when the process ends: never freed.
    let output: &'static Output = Box::leak(Box::new(Output::new()));
    let host: &'static Host = Box::leak(Box::new(Host::new(output)));
    let mut report = Report::new(options.engine);
    let status = match execute(options, output, host, &mut report) {
        Ok(()) => host.exit_asked().unwrap_or(0),
        Err(error) => {
            output.complain(&report::message(&error));
            FAILURE
        }
    };
    host.finish();
    // A failure is remembered.
    let _ = output.flush();
    let status = match output.failure() {
        Some(errno) => {
            output.complain(format!("moonpatch: writing to stdout: {errno}\n").as_bytes());
            FAILURE
        }
        None => status,
    };
    if options.stats {
        output.complain(report.json(status).as_bytes());
    }
    status
}

fn execute(
    options: &Options,
    output: &'static Output,
    host: &'static Host,
    report: &mut Report,
) -> Result<(), SessionError> {
    let started = Instant::now();
    let mut config = Config {
        native_stack_limit: stack_limit(options.native_stack),
        binary_chunks: options.binary_chunks,
        stress: options.stress,
        ..Config::default()
    };
    config.hooks.context = core::ptr::from_ref(output).cast::<c_void>().cast_mut();
    config.hooks.write = Output::hook;
    config.hooks.clock = system::processor_time;
    config.hooks.unused = moonpatch::memory::unused;
    if let Some(cap) = options.memory {
        config.memory_cap = cap;
    }

    // With a cap, address space for twice as much, against fragmentation: lua-core takes
    // memory from the region in larger pieces the larger the region is.
    let most = options
        .memory
        .map_or(REGION_MAX as u64, |cap| cap.saturating_mul(2));
    let most = most.clamp(REGION_LEAST as u64, REGION_MAX as u64) as usize;
    let region = Region::reserve_most(most, REGION_LEAST).map_err(SessionError::Memory)?;
    // The signal handler and the program's end, which doesn't wait for it to be unmapped,
    // see it until the process ends.
    let region = Box::leak(Box::new(region));
    region.prepare();
    report.region_bytes = region.len();
    let mut vm = Vm::new(region.bytes(), &config).map_err(SessionError::Setup)?;
    vm.open_system(host).map_err(SessionError::Setup)?;
    report.vm_ns = started.elapsed().as_nanos();

    let started = Instant::now();
    let watch = Watch::new(options).map(|watch| &*Box::leak(Box::new(watch)));
    if options.engine != Engine::Portable {
        use_bundle(&mut vm, options, watch, report)?;
    }
    report.bundle_ns = started.elapsed().as_nanos();

    if options.stats {
        vm.time_steps();
    }
    // SAFETY: the region is never unmapped.
    unsafe { interrupt::install(vm.stop_handle()) };
    if options.fuel.is_some() {
        vm.set_fuel(options.fuel);
    }
    let started = Instant::now();
    let result = run_all(&mut vm, options, output, host);
    if host.exit_asked().is_none() {
        // As in the reference, `os.exit` ends without.
        vm.close();
    }
    report.run_ns = started.elapsed().as_nanos();
    report.take(&vm);
    result?;
    match watch.and_then(Watch::refusal) {
        Some(refusal) if options.force => Err(SessionError::NotCompiled(refusal)),
        _ => Ok(()),
    }
}

/// Bytes of code region for each slot of the list of free ranges.
const BYTES_PER_EXTENT: usize = 2048;

/// About what the functions of the prebuilt bundle take in code memory. A wrong guess costs
/// or saves some first touches of pages.
const LINKED: usize = 68 << 10;

/// Hot and cold code, in bytes, that a program of a few milliseconds is compiled to.
const COMPILED_FIRST: (usize, usize) = (16 << 10, 8 << 10);

/// The same if each of its functions is compiled.
const COMPILED_AT_ONCE: (usize, usize) = (64 << 10, 32 << 10);

/// The lowest address that library functions may take the native stack to.
///
/// Half of the stack that the system allows is used (the kernel lets arguments and
/// environment, which lie above, take a quarter), or as much as the command line says.
fn stack_limit(bytes: Option<usize>) -> usize {
    let here = 0u8;
    let here = core::hint::black_box(&raw const here).addr();
    let allowed = getrlimit(Resource::Stack).current;
    let allowed = allowed.map_or(NATIVE_STACK_MAX, |n| {
        n.min(NATIVE_STACK_MAX as u64) as usize
    });
    here.saturating_sub(bytes.unwrap_or(allowed / 2))
}

/// Nanoseconds since some point of time.
fn nanoseconds() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

fn use_bundle(
    vm: &mut Vm,
    options: &Options,
    watch: Option<&'static Watch>,
    report: &mut Report,
) -> Result<(), SessionError> {
    let bundle = match &options.bundle {
        // As the code.
        Some(name) => read_file(name.as_bytes())?.leak(),
        None => lua_core::engine::interp::PREBUILT,
    };
    let memory = if options.perf_map {
        CodeMemory::map_anonymous(options.code_region)
    } else {
        CodeMemory::map(options.code_region)
    };
    let memory = memory.map_err(SessionError::Memory)?;
    let (memory, write_view) = memory.leak();
    let extents = match options.engine {
        Engine::Baseline => extents(options.code_region / BYTES_PER_EXTENT),
        _ => &mut [],
    };
    let (hot, cold) = match options.engine {
        Engine::Baseline if options.force || options.eager => COMPILED_AT_ONCE,
        Engine::Baseline => COMPILED_FIRST,
        _ => (0, 0),
    };
    write_view.prepare(LINKED + hot, cold);
    // SAFETY: `serialize` follows the linking, on the only thread there is; never unmapped.
    let mut code = unsafe { memory.region(extents) }.map_err(SessionError::Memory)?;
    report.code_region_bytes = code.len();
    report.code_bytes = code.free_bytes();
    // SAFETY: the memory is never unmapped or reused; Linux saves the processor's state.
    let linked = unsafe {
        if options.engine == Engine::Baseline {
            if options.stats {
                // The first time takes far longer: it looks for the system's clock.
                nanoseconds();
            }
            let mut config = BaselineConfig {
                force: options.force,
                evict_every: options.evict,
                count_interpreted: options.count_interpreted,
                clock: options.stats.then_some(nanoseconds),
                observer: watch.map(Watch::observer),
                inline_caches: options.inline_caches,
                direct_calls: options.direct_calls,
                registers: options.registers,
                types: options.types,
                ..BaselineConfig::default()
            };
            if let Some(stubs) = options.stubs {
                config.stubs = stubs;
            }
            if options.eager {
                (config.threshold, config.sample_every) = (0, 1);
            }
            let linked = vm.use_baseline(bundle, code, config);
            linked.map(|()| vm.baseline_stats().map_or(0, |b| b.free_bytes as usize))
        } else {
            let linked = vm.use_bundle(bundle, &mut code);
            linked.map(|()| code.free_bytes())
        }
    };
    report.code_bytes -= linked.map_err(|e| SessionError::Bundle(e.to_string()))?;
    write_view.forget(report.code_bytes);
    serialize();
    Ok(())
}

fn run_all(
    vm: &mut Vm,
    options: &Options,
    output: &Output,
    host: &Host,
) -> Result<(), SessionError> {
    if options.purpose != Purpose::Run {
        return inspect(vm, options, output, host);
    }
    run_init(vm, host)?;
    if options.version && host.exit_asked().is_none() {
        output.complain(VERSION.as_bytes());
    }
    for task in &options.tasks {
        if host.exit_asked().is_some() {
            return Ok(());
        }
        match task {
            Task::Execute(statement) => run_chunk(vm, host, statement, b"=(command line)", &[])?,
            Task::Require(name) => {
                let required = vm.call_global("require", &[name]);
                ended(vm, host, required)?;
            }
        }
    }
    if host.exit_asked().is_some() {
        return Ok(());
    }
    if let Some(at) = options.script {
        let (before, name, arguments) = options.around(at);
        vm.set_arg(&before, name, &arguments)
            .map_err(|e| SessionError::Lua(e, None))?;
        let (source, chunk) = script(options, at, host)?;
        run_chunk(vm, host, without_first_comment(&source), &chunk, &arguments)?;
        if host.exit_asked().is_some() {
            return Ok(());
        }
    }
    if options.interactive {
        Console::new(vm, output, host).run(vm);
    } else if options.script.is_none() && options.tasks.is_empty() && !options.version {
        if std::io::stdin().is_terminal() {
            output.complain(VERSION.as_bytes());
            Console::new(vm, output, host).run(vm);
        } else {
            let source = read_stdin(host)?;
            return run_chunk(vm, host, without_first_comment(&source), b"=stdin", &[]);
        }
    }
    Ok(())
}

/// Runs what the variable `LUA_INIT` holds: a chunk, or `@` and a file's name.
fn run_init(vm: &mut Vm, host: &Host) -> Result<(), SessionError> {
    let Some(init) = std::env::var_os("LUA_INIT") else {
        return Ok(());
    };
    match init.as_bytes() {
        [b'@', name @ ..] => {
            let source = read_file(name)?;
            let chunk = [b"@", name].concat();
            run_chunk(vm, host, without_first_comment(&source), &chunk, &[])
        }
        text => run_chunk(vm, host, text, b"=LUA_INIT", &[]),
    }
}

/// The script's text and the name of its chunk.
fn script(options: &Options, at: usize, host: &Host) -> Result<(Vec<u8>, Vec<u8>), SessionError> {
    let (before, name, _) = options.around(at);
    if name == b"-" && before.last() != Some(&&b"--"[..]) {
        Ok((read_stdin(host)?, b"=stdin".to_vec()))
    } else {
        Ok((read_file(name)?, [b"@", name].concat()))
    }
}

/// Compiles the script, and prints its bytecode if that is asked for.
fn inspect(
    vm: &mut Vm,
    options: &Options,
    output: &Output,
    host: &Host,
) -> Result<(), SessionError> {
    let (source, chunk) = match options.script {
        Some(at) => script(options, at, host)?,
        None => (read_stdin(host)?, b"=stdin".to_vec()),
    };
    let source = without_first_comment(&source);
    let result = if options.purpose == Purpose::List {
        let mut listing = String::new();
        let listed = vm.list(source, &chunk, &mut listing);
        // Told at the end of the program.
        let _ = output.write(listing.as_bytes());
        // A `String` takes everything.
        listed.map(|_| ())
    } else {
        vm.check(source, &chunk)
    };
    ended(vm, host, result)
}

fn run_chunk(
    vm: &mut Vm,
    host: &Host,
    source: &[u8],
    name: &[u8],
    arguments: &[&[u8]],
) -> Result<(), SessionError> {
    let result = vm.run(source, name, arguments);
    ended(vm, host, result)
}

/// How a run ended, with its message.
fn ended(vm: &Vm, host: &Host, result: Result<(), VmError>) -> Result<(), SessionError> {
    match result {
        Ok(()) => Ok(()),
        Err(VmError::Stopped) if host.exit_asked().is_some() && !interrupt::interrupted() => Ok(()),
        Err(error) => Err(SessionError::of_lua(vm, error)),
    }
}

fn read_file(name: &[u8]) -> Result<Vec<u8>, SessionError> {
    let failed = |what| {
        move |error| SessionError::File {
            what,
            name: name.to_vec(),
            error,
        }
    };
    let mut bytes = Vec::new();
    let mut file = std::fs::File::open(OsStr::from_bytes(name)).map_err(failed("open"))?;
    file.read_to_end(&mut bytes).map_err(failed("read"))?;
    Ok(bytes)
}

/// The rest of standard input, through the buffer that `io.read` uses as well.
fn read_stdin(host: &Host) -> Result<Vec<u8>, SessionError> {
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        let read = host.read(FileId::INPUT, &mut |more| {
            bytes.extend_from_slice(more);
            more.len()
        });
        read.map_err(|error| SessionError::File {
            what: "read",
            name: b"stdin".to_vec(),
            error: std::io::Error::from_raw_os_error(error.0),
        })?;
        if bytes.len() == before {
            return Ok(bytes);
        }
    }
}
