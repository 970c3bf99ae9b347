//! What the program tells on standard error: messages as `lua` words them, and the
//! counters of `--stats`.
//!
//! Must never write: it makes texts. Called by `session`.

use crate::interrupt;
use crate::session::SessionError;
use lua_core::baseline::{BaselineStats, Refusal};
use lua_core::state::Stats;
use lua_core::{Engine, StepTimes, Vm, VmError};

/// "moonpatch: what went wrong", with a traceback if there is one; nothing if nothing is
/// to be told.
pub fn message(error: &SessionError) -> Vec<u8> {
    if let SessionError::Nil = error {
        return Vec::new();
    }
    [b"moonpatch: ", text(error).as_slice(), b"\n"].concat()
}

/// What went wrong.
pub fn text(error: &SessionError) -> Vec<u8> {
    match error {
        SessionError::Memory(e) => e.to_string().into_bytes(),
        SessionError::File { what, name, error } => file_message(what, name, error),
        SessionError::Bundle(text) => text.clone().into_bytes(),
        SessionError::Setup(e) => e.to_string().into_bytes(),
        SessionError::NotCompiled(why) => format!("--force: {why}").into_bytes(),
        SessionError::Nil => Vec::new(),
        SessionError::Lua(error, message) => lua_message(*error, message.as_deref()),
    }
}

fn file_message(what: &str, name: &[u8], error: &std::io::Error) -> Vec<u8> {
    // Rust appends " (os error 2)" to the system's text; `lua` doesn't.
    let reason = error.to_string();
    let reason = reason.split(" (os error").next().unwrap_or_default();
    let what = format!("cannot {what} ");
    [what.as_bytes(), name, b": ", reason.as_bytes()].concat()
}

fn lua_message(error: VmError, message: Option<&[u8]>) -> Vec<u8> {
    let plain = match error {
        VmError::Stopped if interrupt::interrupted() => "interrupted!".to_owned(),
        VmError::OutOfFuel | VmError::Stopped | VmError::NoMemory => error.to_string(),
        VmError::Syntax | VmError::Runtime | VmError::RegionTooSmall { .. } => {
            let unknown = b"(error object is not a string)";
            return message.unwrap_or(unknown).to_vec();
        }
    };
    // The VM's message has the place and a traceback, unless there was no memory for it:
    // then it is of an earlier error.
    let ours = |m: &&[u8]| m.windows(plain.len()).any(|w| w == plain.as_bytes());
    message.filter(ours).unwrap_or(plain.as_bytes()).to_vec()
}

/// Counters and times of a run, for `--stats`.
pub struct Report {
    engine: Engine,
    stats: Stats,
    bytes_in_use: u64,
    step_times: StepTimes,
    baseline: Option<BaselineStats>,
    /// Address space that Lua has.
    pub region_bytes: usize,
    /// Bytes of machine code that were linked.
    pub code_bytes: usize,
    /// Bytes that there were for it.
    pub code_region_bytes: usize,
    /// Nanoseconds for reserving memory and making the VM with its library.
    pub vm_ns: u128,
    /// Nanoseconds for mapping code memory, checking the bundle and linking it.
    pub bundle_ns: u128,
    /// Nanoseconds for compiling and running all chunks.
    pub run_ns: u128,
}

impl Report {
    /// All zeros.
    pub fn new(engine: Engine) -> Report {
        Report {
            engine,
            stats: Stats::default(),
            bytes_in_use: 0,
            step_times: StepTimes::default(),
            baseline: None,
            region_bytes: 0,
            code_bytes: 0,
            code_region_bytes: 0,
            vm_ns: 0,
            bundle_ns: 0,
            run_ns: 0,
        }
    }

    /// Takes the counters of a VM that has run.
    pub fn take(&mut self, vm: &Vm) {
        self.engine = vm.engine();
        self.stats = vm.stats();
        self.bytes_in_use = vm.bytes_in_use();
        self.step_times = vm.step_times();
        self.baseline = vm.baseline_stats();
    }

    /// One line of JSON. All values are numbers but the engine's name.
    pub fn json(&self, status: i32) -> String {
        let s = &self.stats;
        let numbers: [(&str, u128); 16] = [
            ("ticks", s.ticks.into()),
            ("collections", s.collections.into()),
            ("steps", s.steps.into()),
            ("longest_step_ns", (self.step_times.longest * 1e9) as u128),
            ("steps_ns", (self.step_times.total * 1e9) as u128),
            ("bytes_allocated", s.allocated.into()),
            ("bytes_in_use", self.bytes_in_use.into()),
            ("region_bytes", self.region_bytes as u128),
            ("portable_entries", s.portable_entries.into()),
            ("interp_entries", s.interp_entries.into()),
            ("slow_calls", s.slow_calls.into()),
            ("code_bytes", self.code_bytes as u128),
            ("code_region_bytes", self.code_region_bytes as u128),
            ("vm_ns", self.vm_ns),
            ("bundle_ns", self.bundle_ns),
            ("run_ns", self.run_ns),
        ];
        let mut json = format!(
            "{{\"engine\":\"{}\",\"status\":{status}",
            self.engine.name()
        );
        for (name, n) in numbers {
            json.push_str(&format!(",\"{name}\":{n}"));
        }
        // Steps by time: shorter than 1, 2, 4, ... microseconds.
        if let Some(b) = &self.baseline {
            for (name, n) in [
                ("compiled_functions", b.functions),
                ("compiled_instructions", b.instructions),
                ("hot_bytes", b.hot_bytes),
                ("cold_bytes", b.cold_bytes),
                ("stubs", b.stubs),
                ("cache_misses", b.misses),
                ("closed_caches", b.closed),
                ("improved", b.improved),
                ("unsure", b.unsure),
                ("evicted", b.evicted),
                ("discarded", b.discarded),
                ("compile_ns", b.compile_ns),
                ("interpreted", b.interpreted),
                ("seen_compiled", b.seen_compiled),
                ("code_free_bytes", b.free_bytes),
                ("compiled_entries", b.entries),
            ] {
                json.push_str(&format!(",\"{name}\":{n}"));
            }
            let refused: Vec<String> = Refusal::ALL
                .iter()
                .map(|&(refusal, name)| format!("\"{name}\":{}", b.refused[refusal as usize]))
                .collect();
            json.push_str(&format!(",\"refused\":{{{}}}", refused.join(",")));
        }
        let counts = &self.step_times.counts;
        let used = counts.iter().rposition(|&n| n != 0).map_or(0, |i| i + 1);
        let counts: Vec<String> = counts[..used].iter().map(u64::to_string).collect();
        json.push_str(&format!(",\"steps_by_time\":[{}]}}\n", counts.join(",")));
        json
    }
}
