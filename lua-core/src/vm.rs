//! The VM as an embedder sees it.

use crate::calls::hooks::event;
use crate::chunk::make_function;
use crate::engine::Engine;
use crate::error::Raise;
use crate::frame::{FrameKind, header_word, link};
use crate::front::CompileError;
use crate::heap::cells::{BLOCK, CLASSES, Cells};
use crate::heap::collect::{Collector, STEP_BUDGET, Shortage, StepTimes, Stress};
use crate::heap::intern::InternTable;
use crate::heap::userdata::Userdatas;
use crate::heap::{Buffer, ClosureRef, Header, NoMemory, Rt, StrRef, TableRef, ThreadRef};
use crate::library;
use crate::native::{Call, Library, NativeFn, Special};
use crate::state::{EVENT_NAMES, Hooks, QUANTUM, Stats, VmState};
use crate::system::System;
use crate::value::Value;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

/// Smallest region that a VM with its library fits in.
pub const REGION_MIN: usize = 256 << 10;

/// How to set a VM up. `Config::default()` discards output.
#[derive(Clone, Copy)]
pub struct Config {
    /// Most bytes of the region to use; more asked for is "not enough memory".
    pub memory_cap: u64,
    /// Seed of string hashes; the same seed gives the same iteration order.
    pub seed: u64,
    /// Lowest usable address of the native stack, with room to spare below for
    /// one library function (16 KiB); 0: unlimited.
    pub native_stack_limit: usize,
    /// What the embedder supplies.
    pub hooks: Hooks,
    /// Load binary chunks, which are verified first; otherwise they are refused.
    pub binary_chunks: bool,
    /// The most work that the collector does at once, in bytes of memory looked at (at
    /// least 1 KiB). Less makes pauses shorter and more.
    pub step_budget: u64,
    /// Tests of the heap; they need the feature `extra-checks`.
    pub stress: Stress,
}

fn discard(_: *mut c_void, _: &[u8]) {}
fn keep(_: *mut c_void, _: *mut u8, _: usize) {}
fn no_clock(_: *mut c_void) -> f64 {
    0.0
}

impl Default for Config {
    fn default() -> Self {
        Config {
            memory_cap: u64::MAX,
            seed: 0x5EED,
            native_stack_limit: 0,
            hooks: Hooks {
                context: core::ptr::null_mut(),
                write: discard,
                clock: no_clock,
                unused: keep,
            },
            binary_chunks: false,
            step_budget: STEP_BUDGET,
            stress: Stress::Off,
        }
    }
}

/// Why the VM didn't do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VmError {
    /// The region is too small for a VM.
    RegionTooSmall {
        /// Bytes needed at least.
        needed: usize,
        /// Bytes given.
        given: usize,
    },
    /// The region, or the cap, is used up.
    NoMemory,
    /// The chunk is no Lua; [`Vm::message`] tells.
    Syntax,
    /// A Lua error nobody caught; [`Vm::message`] tells.
    Runtime,
    /// The fuel is used up.
    OutOfFuel,
    /// Somebody asked the program to stop.
    Stopped,
}

impl core::fmt::Display for VmError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            VmError::RegionTooSmall { needed, given } => {
                write!(f, "region too small: {given} bytes given, {needed} needed")
            }
            VmError::NoMemory => f.write_str("not enough memory"),
            VmError::Syntax => f.write_str("syntax error"),
            VmError::Runtime => f.write_str("Lua error"),
            VmError::OutOfFuel => f.write_str("out of fuel"),
            VmError::Stopped => f.write_str("interrupted"),
        }
    }
}

impl core::error::Error for VmError {}

/// Asks a running program to stop: from a signal handler, an interrupt, another
/// thread. One atomic store.
#[derive(Clone, Copy)]
pub struct StopHandle(*const AtomicU32);

// SAFETY: the pointee is atomic; the embedder keeps the VM alive (contract of `Vm::stop_handle`).
unsafe impl Send for StopHandle {}
// SAFETY: as above.
unsafe impl Sync for StopHandle {}

impl StopHandle {
    /// The program raises "interrupted" within [`QUANTUM`] back-edges and calls.
    pub fn stop(&self) {
        // SAFETY: the VM is alive.
        unsafe { (*self.0).store(1, Ordering::Relaxed) }
    }
}

/// How a call under a message handler ended.
pub(crate) struct Traced {
    /// Number of results, the status in front of them included.
    pub count: u32,
    /// What was raised, if something was.
    pub error: Option<Value>,
}

/// A Lua VM in a region of memory.
pub struct Vm<'m> {
    rt: Rt,
    engine: Engine,
    _region: PhantomData<&'m mut [MaybeUninit<u8>]>,
}

impl<'m> Vm<'m> {
    /// Makes a VM in `region`, with the library, on the portable engine.
    pub fn new(region: &'m mut [MaybeUninit<u8>], config: &Config) -> Result<Vm<'m>, VmError> {
        let start = region.as_mut_ptr() as *mut u8;
        let given = region.len();
        let skip = start.align_offset(BLOCK as usize);
        let state = size_of::<VmState>().next_multiple_of(64);
        let too_small = VmError::RegionTooSmall {
            needed: REGION_MIN + BLOCK as usize,
            given,
        };
        let bytes = given
            .checked_sub(skip)
            .filter(|&b| b >= REGION_MIN)
            .ok_or(too_small)?;
        let bytes = bytes.min(u32::MAX as usize - BLOCK as usize) & !63;
        let base = start.wrapping_add(skip);
        let rt = Rt(base as *mut VmState);
        // SAFETY: the region is exclusively ours for 'm, aligned and large enough for
        // the state; every field is written before it is read.
        unsafe {
            rt.vm().write(VmState {
                tick: QUANTUM,
                epoch: 1,
                stack_limit: core::ptr::null_mut(),
                small_limit: core::ptr::null_mut(),
                top: core::ptr::null_mut(),
                next_fn: 0,
                ipairs_fn: 0,
                live: 1,
                fresh: 1,
                barrier: crate::heap::barrier::BARRIER_OFF,
                forced: 0,
                left: 0,
                cells: Cells {
                    free: [0; CLASSES],
                    swept: [0; CLASSES],
                    ready: [0; CLASSES],
                    unswept: [[0; CLASSES]; 2],
                    carving: [0; CLASSES],
                    pool: 0,
                    cycle: 0,
                    chunk: 0,
                    chunk_end: 0,
                    chunk_blocks: ((bytes as u32 / BLOCK) / 32).clamp(1, 64),
                },
                dispatch: [0; 256],
                handlers: [0; 256],
                shortcuts: [0; crate::shortcuts::SHORTCUT_MAX],
                compiled_shortcuts: [0; crate::shortcuts::SHORTCUT_MAX],
                code_base: 0,
                compiled_entries: 0,
                spans: linked_list_allocator::Heap::new(base.add(state), bytes - state),
                large: 0,
                reserved: 0,
                cap: config.memory_cap,
                region_bytes: bytes as u64,
                strings: InternTable::new(),
                gc: Collector::new(
                    (bytes as u64 / 16)
                        .min(config.memory_cap / 16)
                        .clamp(64 << 10, 512 << 10),
                    config.step_budget,
                ),
                stress: Stress::Off,
                in_retry: false,
                fail_after: u64::MAX,
                shortage: Shortage::Once,
                fell_short: false,
                #[cfg(feature = "extra-checks")]
                hidden: [0; crate::heap::cells::CLASSES],
                slice: QUANTUM,
                fuel: 0,
                fuel_limited: false,
                stop: AtomicU32::new(0),
                main_thread: 0,
                thread: 0,
                globals: 0,
                registry: 0,
                type_meta: [0; 9],
                hook_words: [0; 5],
                error_value: Value::NIL,
                event_names: [0; EVENT_NAMES.len()],
                meanings: crate::ops::meta::meanings(),
                memory_message: 0,
                root_shapes: [0; crate::shape::INLINE_MAX as usize + 1],
                dict_shape: 0,
                shapes: 0,
                protos: 0,
                userdata: Userdatas::default(),
                handles: Buffer::new(),
                native_stack_limit: config.native_stack_limit,
                native_depth: 0,
                handlers_running: 0,
                hooks: config.hooks,
                system: None,
                binary_chunks: config.binary_chunks,
                run: crate::engine::portable::run,
                enter: 0,
                hook_handler: 0,
                hook_mask: 0,
                exit: None,
                seed: config.seed,
                hash_seed: crate::heap::bytes::mix_seed(config.seed),
                library: Library {
                    type_names: [0; 9],
                    tag_names: [0; 16],
                    byte_strings: [0; 256],
                    empty: 0,
                },
                stubs: crate::slow::caches::Stubs::new(),
                stats: Stats::default(),
                idle: crate::heap::idle::Idle::new(),
                #[cfg(all(feature = "interp", target_arch = "x86_64"))]
                baseline: None,
            });
        }
        rt.init().map_err(|NoMemory| VmError::NoMemory)?;
        // SAFETY: plain field.
        unsafe { (*rt.vm()).stress = config.stress };
        rt.set_step_budget(config.step_budget);
        if config.stress == Stress::Steps {
            // SAFETY: plain fields: the first tick is a safepoint already.
            unsafe {
                (*rt.vm()).tick = 0;
                (*rt.vm()).slice = 0;
            }
        }
        Ok(Vm {
            rt,
            engine: Engine::Portable,
            _region: PhantomData,
        })
    }

    /// Lets the allocation after `n` successful ones fail, and others as `shortage` says.
    /// Meanwhile, no handler finds a free cell, so that each allocation counts. For tests.
    #[cfg(feature = "extra-checks")]
    pub fn inject_failure(&mut self, n: u64, shortage: Shortage) {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.rt.vm();
            (*vm).fail_after = n;
            (*vm).shortage = shortage;
            (*vm).fell_short = false;
        }
        self.rt.hide_free_cells();
    }

    /// Ends the injection, and makes a full collection, which verifies the heap. Gives the
    /// number of allocations that were still to succeed before the first failure (`None`:
    /// it came), and whether "not enough memory" was raised.
    #[cfg(feature = "extra-checks")]
    pub fn end_injection(&mut self) -> (Option<u64>, bool) {
        let after = self.lift_injection();
        self.rt.collect();
        after
    }

    #[cfg(feature = "extra-checks")]
    fn lift_injection(&mut self) -> (Option<u64>, bool) {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.rt.vm();
            let after = core::mem::replace(&mut (*vm).fail_after, u64::MAX);
            let ahead = after != u64::MAX && after != 0;
            (ahead.then_some(after), (*vm).fell_short)
        }
    }

    /// The VM handle, for natives and tests.
    pub fn rt(&self) -> Rt {
        self.rt
    }

    /// The engine that runs Lua code.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    #[cfg(all(feature = "interp", target_arch = "x86_64"))]
    pub(crate) fn set_engine(&mut self, engine: Engine) {
        self.engine = engine;
    }

    /// Counters.
    pub fn stats(&self) -> Stats {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.rt.vm();
            let mut s = (*vm).stats;
            s.ticks += ((*vm).slice as i64 - (*vm).tick as i64).max(0) as u64;
            s
        }
    }

    /// Measures the collector's steps from now on, with the clock of [`Hooks`].
    pub fn time_steps(&mut self) {
        // SAFETY: plain field.
        unsafe { (*self.rt.gc()).timed = true }
    }

    /// How long the steps took since [`Vm::time_steps`].
    pub fn step_times(&self) -> StepTimes {
        // SAFETY: plain field.
        unsafe { (*self.rt.gc()).times }
    }

    /// Changes the most work of one step of the collector, [`Config::step_budget`].
    pub fn set_step_budget(&mut self, bytes: u64) {
        self.rt.set_step_budget(bytes);
    }

    /// Bytes of the region that are taken by objects and blocks.
    pub fn bytes_in_use(&self) -> u64 {
        // SAFETY: plain field.
        unsafe { (*self.rt.vm()).reserved }
    }

    /// Limits the program to so many ticks (back-edges and calls) from now on, or not.
    pub fn set_fuel(&mut self, fuel: Option<u64>) {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.rt.vm();
            (*vm).stats.ticks += ((*vm).slice as i64 - (*vm).tick as i64).max(0) as u64;
            (*vm).fuel_limited = fuel.is_some();
            match fuel {
                Some(n) => {
                    (*vm).tick = 0;
                    (*vm).slice = 0;
                    (*vm).fuel = n.min(i64::MAX as u64) as i64;
                }
                None => {
                    (*vm).tick = QUANTUM;
                    (*vm).slice = QUANTUM;
                    (*vm).fuel = 0;
                }
            }
        }
    }

    /// A handle to stop the program with.
    ///
    /// # Safety
    /// The handle isn't used after the VM's region is gone.
    pub unsafe fn stop_handle(&self) -> StopHandle {
        // SAFETY: field address of the live state.
        StopHandle(unsafe { &raw const (*self.rt.vm()).stop })
    }

    /// Adds functions to the table `library` (made if it isn't there), or to the
    /// globals when `library` is empty.
    pub fn register(
        &mut self,
        library: &str,
        functions: &[(&str, NativeFn)],
    ) -> Result<(), VmError> {
        self.rt
            .repeated(|| self.rt.register(library, functions))
            .map_err(|NoMemory| VmError::NoMemory)
    }

    /// Opens the library's parts that need files, processes and names: `io`, the rest of
    /// `os`, `dofile`, `loadfile`; lets `require` look for files.
    pub fn open_system(&mut self, system: &'static dyn System) -> Result<(), VmError> {
        // SAFETY: plain field.
        unsafe { (*self.rt.vm()).system = Some(system) };
        self.rt
            .repeated(|| library::open_system(self.rt))
            .map_err(|NoMemory| VmError::NoMemory)
    }

    /// Sets a global variable to a string.
    pub fn set_global_string(&mut self, name: &str, s: &[u8]) -> Result<(), VmError> {
        let set = || {
            let v = self.rt.intern(s)?;
            self.rt.raw_set_str(
                self.rt.globals(),
                self.rt.intern(name.as_bytes())?,
                v.value(),
            )
        };
        self.rt.repeated(set).map_err(|NoMemory| VmError::NoMemory)
    }

    /// Sets the global `arg`: `program` at 0, then the arguments.
    pub fn set_arg(
        &mut self,
        before: &[&[u8]],
        program: &[u8],
        arguments: &[&[u8]],
    ) -> Result<(), VmError> {
        let rt = self.rt;
        let set = || {
            let t = rt.new_table(rt.empty_shape(), arguments.len() as u32)?;
            let put =
                |i: i64, s: &[u8]| rt.raw_set(t, Value::number(i as f64), rt.intern(s)?.value());
            for (i, s) in before.iter().rev().enumerate() {
                put(-(i as i64) - 1, s)?;
            }
            put(0, program)?;
            for (i, s) in arguments.iter().enumerate() {
                put(i as i64 + 1, s)?;
            }
            rt.raw_set_str(rt.globals(), rt.intern(b"arg")?, t.value())
        };
        self.rt.repeated(set).map_err(|NoMemory| VmError::NoMemory)
    }

    /// Compiles and runs a chunk with string arguments. Errors carry a traceback.
    pub fn run(
        &mut self,
        source: &[u8],
        chunk_name: &[u8],
        arguments: &[&[u8]],
    ) -> Result<(), VmError> {
        let closure = self.load(source, chunk_name)?;
        self.enter(|call| Self::call_traced(call, closure.value(), arguments))
    }

    /// Calls a global function with string arguments. Errors carry a traceback.
    pub fn call_global(&mut self, name: &str, arguments: &[&[u8]]) -> Result<(), VmError> {
        let rt = self.rt;
        let find = || Ok(rt.raw_get_str(rt.globals(), rt.intern(name.as_bytes())?));
        let f = rt.repeated(find).map_err(|NoMemory| VmError::NoMemory)?;
        self.enter(|call| Self::call_traced(call, f, arguments))
    }

    /// Lets `act` call Lua functions from the bottom of the main thread. It gives what
    /// `xpcall` would: whether all went well, and the error.
    pub(crate) fn enter(
        &mut self,
        act: impl FnOnce(&mut Call) -> Result<Traced, Raise>,
    ) -> Result<(), VmError> {
        let rt = self.rt;
        // SAFETY: plain fields; the host's frame is at the bottom of the main thread, and
        // nothing is on it between calls of the API.
        unsafe {
            (*rt.vm()).stop.store(0, Ordering::Relaxed);
            let base: *mut u64 = rt.at((*rt.current()).base);
            (*rt.vm()).top = base;
            let mut call = Call { rt, base, count: 0 };
            let result = act(&mut call);
            let base: *mut u64 = rt.current_stack_start().add(2);
            (*rt.current()).base = rt.offset_of(base);
            (*rt.vm()).top = base;
            match result {
                Ok(Traced { error: None, .. }) => Ok(()),
                Ok(Traced {
                    error: Some(error), ..
                }) => {
                    (*rt.vm()).error_value = error;
                    Err(VmError::Runtime)
                }
                Err(Raise::OutOfFuel) => Err(VmError::OutOfFuel),
                Err(Raise::Stopped) => Err(VmError::Stopped),
                Err(Raise::NoMemory) => Err(VmError::NoMemory),
                Err(_) => Err(VmError::Runtime),
            }
        }
    }

    /// Runs the finalizers (`__gc`) of all userdata, in the reverse order of their creation;
    /// errors in them are ignored. What a program expects at its end: to be called before
    /// the VM is dropped. Ends early when fuel runs out or on a stop request.
    pub fn close(&mut self) {
        let rt = self.rt;
        rt.separate_userdata(true);
        while rt.finalizer_is_due() {
            let one = |call: &mut Call| {
                rt.run_finalizers(call)?;
                Ok(Traced {
                    count: 0,
                    error: None,
                })
            };
            if let Err(VmError::OutOfFuel | VmError::Stopped) = self.enter(one) {
                return;
            }
        }
    }

    /// Compiles a chunk. The closure isn't rooted.
    pub(crate) fn load(&mut self, source: &[u8], chunk_name: &[u8]) -> Result<ClosureRef, VmError> {
        let rt = self.rt;
        // What fails leaves nothing behind: it can simply run again.
        let attempt = || make_function(rt, source, chunk_name, rt.globals().0);
        let result = match attempt() {
            Err(CompileError::NoMemory) => {
                rt.collect();
                rt.with_retry(attempt)
            }
            other => other,
        };
        result.map_err(|e| match e {
            CompileError::NoMemory => VmError::NoMemory,
            CompileError::Syntax(message) => {
                rt.raise_value(message.value());
                VmError::Syntax
            }
        })
    }

    /// Calls a function with strings under a message handler that adds the traceback.
    pub(crate) fn call_traced(
        call: &mut Call,
        function: Value,
        arguments: &[&[u8]],
    ) -> Result<Traced, Raise> {
        let rt = call.rt;
        call.push(function)?;
        Self::room_for(call, arguments.len())?;
        let mut values: Buffer<Value> = Buffer::new();
        let mut prepare = || {
            values.truncate(0);
            let mut strings = arguments.iter();
            strings.try_for_each(|a| values.push(rt, rt.intern(a)?.value()))
        };
        let prepared = prepare().or_else(|NoMemory| {
            rt.collect();
            rt.with_retry(prepare)
        });
        let result = match prepared {
            Ok(()) => Self::call_traced_with(call, function, &values),
            Err(NoMemory) => Err(Raise::NoMemory),
        };
        values.free(rt);
        result
    }

    /// Makes sure that pushing and passing `n` values needs no memory any more.
    pub(crate) fn room_for(call: &mut Call, n: usize) -> Result<(), Raise> {
        let slots = u32::try_from(n * 2 + 16).map_err(|_| Raise::NoMemory)?;
        call.reserve(slots).or_else(|raise| match raise {
            Raise::NoMemory => {
                let rt = call.rt;
                rt.collect();
                rt.with_retry(|| call.reserve(slots))
            }
            other => Err(other),
        })
    }

    /// The same with any values, for which there is room. Results can be read as those of [`Call::call`], from
    /// number 1 on.
    pub(crate) fn call_traced_with(
        call: &mut Call,
        function: Value,
        arguments: &[Value],
    ) -> Result<Traced, Raise> {
        let rt = call.rt;
        // The stack keeps it all alive; its first slots are always there.
        call.push(function)?;
        for &v in arguments {
            call.push(v)?;
        }
        let mut args: Buffer<Value> = Buffer::new();
        let mut prepare = |call: &mut Call| -> Result<Value, Raise> {
            args.truncate(0);
            let handler = rt.new_native(library::traceback_handler, 0, 0, 0, &[])?;
            call.push(handler.value())?;
            let special = Special::Traced as u8;
            let traced = rt.new_native(library::unreachable_native, special, 0, 0, &[])?;
            call.push(traced.value())?;
            args.push(rt, function)?;
            args.push(rt, handler.value())?;
            args.extend(rt, arguments)?;
            Ok(traced.value())
        };
        let traced = match prepare(call) {
            Err(Raise::NoMemory) => {
                rt.collect();
                rt.with_retry(|| prepare(call))
            }
            other => other,
        };
        let result = traced.and_then(|traced| call.call(traced, &args));
        args.free(rt);
        let count = result?;
        let error = match call.call_result(0, count) {
            Value::TRUE => None,
            _ => Some(call.call_result(1, count)),
        };
        Ok(Traced { count, error })
    }

    /// Calls `hook` with the name of an event and, for lines, the line's number, while the
    /// main thread runs Lua code; `events` are bits of [`crate::calls::hooks::event`], `period` the
    /// number of instructions between two count events. `None` takes the hook away. It is
    /// the hook that `debug.sethook` sets and sees, and may fail to end the program.
    pub fn set_hook(
        &mut self,
        hook: Option<NativeFn>,
        events: u32,
        period: u32,
    ) -> Result<(), VmError> {
        let rt = self.rt;
        // SAFETY: plain field.
        let main = ThreadRef(unsafe { (*rt.vm()).main_thread });
        let mask = if period == 0 {
            events & !event::COUNT
        } else {
            events
        };
        let set = || match hook {
            Some(f) if mask != 0 => {
                let f = rt.new_native(f, 0, 0, rt.globals().0, &[])?;
                rt.set_hook(main, f.value(), mask, period)
            }
            _ => rt.set_hook(main, Value::NIL, 0, 0),
        };
        rt.repeated(set).map_err(|NoMemory| VmError::NoMemory)
    }

    /// Is the value of the last runtime error nil? The reference's `lua` tells nothing then.
    pub fn error_is_nil(&self) -> bool {
        // SAFETY: plain field.
        unsafe { (*self.rt.vm()).error_value.is_nil() }
    }

    /// The message of the last syntax or runtime error; `None` if the error value
    /// is neither string nor number.
    pub fn message(&self) -> Option<&[u8]> {
        // SAFETY: plain field.
        let v = unsafe { (*self.rt.vm()).error_value };
        StrRef::from_value(v).map(|s| self.rt.str_bytes(s))
    }
}

impl Rt {
    /// Runs a step that allocates, and once more after a full collection if memory was
    /// short. The step keeps nothing unrooted from one run to the next.
    pub(crate) fn repeated<T>(self, step: impl Fn() -> Result<T, NoMemory>) -> Result<T, NoMemory> {
        step().or_else(|NoMemory| {
            self.collect();
            self.with_retry(&step)
        })
    }

    /// The table of globals.
    pub fn globals(self) -> TableRef {
        // SAFETY: plain field.
        TableRef(unsafe { (*self.vm()).globals })
    }

    fn init(self) -> Result<(), NoMemory> {
        // SAFETY: plain fields of the fresh state.
        unsafe {
            let vm = self.vm();
            self.init_strings()?;
            self.init_shapes()?;
            for (i, name) in EVENT_NAMES.iter().enumerate() {
                let s = self.intern(name.as_bytes())?;
                let h = self.header(s.0);
                self.set(
                    s.0,
                    Header {
                        b2: i as u8 + 1,
                        ..h
                    },
                );
                (*vm).event_names[i] = s.0;
            }
            for (i, word) in crate::calls::hooks::EVENT_WORDS.iter().enumerate() {
                (*vm).hook_words[i] = self.intern(word.as_bytes())?.0;
            }
            (*vm).memory_message = self.intern(b"not enough memory")?.0;
            let globals = self.new_table(self.root_shape(0)?, 0)?;
            (*vm).globals = globals.0;
            let registry = self.new_table(self.root_shape(0)?, 0)?;
            (*vm).registry = registry.0;
            let main = self.new_thread(globals.0, crate::thread::MAIN_SLOTS)?;
            (*vm).main_thread = main.0;
            self.set_thread_status(main, crate::thread::Status::Running);
            let stack = (*self.thread(main)).stack;
            self.set(stack + 16, header_word(0, link(0, FrameKind::Entry)));
            (*self.thread(main)).fresh = 0;
            self.adopt_stack(main);
            library::open(self)
        }
    }

    /// Does an allocation have to fail now? Test modes only.
    #[cfg(any(test, feature = "extra-checks"))]
    pub(crate) fn injected_failure(self) -> Result<(), NoMemory> {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.vm();
            if (*vm).in_retry {
                let lasts = matches!((*vm).shortage, Shortage::UntilRaised | Shortage::ForGood);
                return if lasts && (*vm).fail_after == 0 {
                    Err(NoMemory)
                } else {
                    Ok(())
                };
            }
            if (*vm).stress != Stress::Off {
                return Err(NoMemory);
            }
            if (*vm).fail_after != u64::MAX {
                if (*vm).fail_after == 0 {
                    if (*vm).shortage == Shortage::Once {
                        (*vm).fail_after = u64::MAX;
                    }
                    return Err(NoMemory);
                }
                (*vm).fail_after -= 1;
            }
        }
        Ok(())
    }

    /// "Not enough memory" is raised: ends an injected failure that lasts until then.
    #[cfg(any(test, feature = "extra-checks"))]
    pub(crate) fn note_shortage(self) {
        // SAFETY: plain fields.
        unsafe {
            let vm = self.vm();
            (*vm).fell_short = true;
            if (*vm).shortage == Shortage::UntilRaised && (*vm).fail_after == 0 {
                (*vm).fail_after = u64::MAX;
            }
        }
    }
}
