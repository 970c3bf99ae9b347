//! What the baseline compiler does, told to people and to native tools: the lines of `-jv`,
//! the listings of `-jdump`, names for `perf` and GDB, and the reason for which `--force`
//! fails.
//!
//! Must never change what runs: it is told by lua-core's observer while the VM waits.
//! Made by `session`.

use crate::native_tools::{Debugger, PerfMap};
use crate::options::Options;
use core::ffi::c_void;
use lua_core::baseline::{Cause, Function, Notice, Observer, Removal};
use moonpatch::disassembly::Symbols;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Write as _;

/// What is asked for, and what was seen.
pub struct Watch(RefCell<Inner>);

struct Inner {
    verbose: bool,
    dump: bool,
    perf: Option<PerfMap>,
    debugger: Option<Debugger>,
    symbols: Symbols,
    refusal: Option<String>,
}

impl Watch {
    /// A watch, if the options ask for anything that needs one.
    pub fn new(options: &Options) -> Option<Watch> {
        let told = options.verbose || options.dump || options.force;
        let wanted = told || options.perf_map || options.gdb;
        wanted.then(|| {
            Watch(RefCell::new(Inner {
                verbose: options.verbose,
                dump: options.dump,
                // Without a file no names.
                perf: options.perf_map.then(PerfMap::begin).and_then(Result::ok),
                debugger: options.gdb.then(Debugger::default),
                symbols: Symbols::default(),
                refusal: None,
            }))
        })
    }

    /// What lua-core is to tell.
    pub fn observer(&'static self) -> Observer {
        Observer {
            context: core::ptr::from_ref(self).cast::<c_void>().cast_mut(),
            notify: |context, notice| {
                // SAFETY: the address of a `Watch` that lives for ever (see above).
                let watch = unsafe { &*context.cast::<Watch>().cast_const() };
                // On the one thread there is, and nothing here calls the VM.
                watch.0.borrow_mut().take(notice);
            },
        }
    }

    /// The first function that couldn't be compiled, and why.
    pub fn refusal(&self) -> Option<String> {
        self.0.borrow().refusal.clone()
    }
}

impl Inner {
    fn take(&mut self, notice: &Notice<'_>) {
        self.name(notice);
        match notice {
            Notice::Linked { name, code } => {
                if self.dump {
                    self.symbols.add(name, code);
                }
                return;
            }
            Notice::Refused { function, why, .. } if self.refusal.is_none() => {
                self.refusal = Some(format!("{}: {}", title(function), why.name()));
            }
            _ => {}
        }
        let mut text = String::new();
        if self.verbose {
            text = line(notice);
        }
        if self.dump
            && let Notice::Compiled {
                function,
                code,
                pieces,
                ..
            } = notice
        {
            let _ = writeln!(text, "---- {}", title(function));
            text.push_str(&self.symbols.listing(function, *code, pieces));
        }
        if self.dump
            && let Notice::Stub {
                function,
                word,
                form,
                code,
                main,
            } = notice
        {
            let _ = writeln!(text, "---- stub: {}, {word} {form}", title(function));
            text.push_str(&self.symbols.stub(function, *code, *main));
        }
        // There is nowhere to report a failure to.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

impl Inner {
    /// Names code for native tools.
    fn name(&mut self, notice: &Notice<'_>) {
        if self.perf.is_none() && self.debugger.is_none() {
            return;
        }
        match notice {
            Notice::Linked { name, code } => self.name_one(&format!("lua_{name}"), code),
            Notice::Compiled { function, code, .. } => {
                let name = format!("lua:{}", title(function));
                self.name_one(&name, code.hot);
                self.name_one(&format!("{name} [cold]"), code.cold);
            }
            Notice::Stub {
                function,
                word,
                form,
                code,
                ..
            } => {
                let name = format!("lua:{} [stub {word} {form}]", title(function));
                self.name_one(&name, code.hot);
                self.name_one(&format!("{name} [cold]"), code.cold);
            }
            Notice::Removed { code, .. } | Notice::StubRemoved { code } => {
                if let Some(debugger) = &mut self.debugger {
                    debugger.remove(code.hot);
                    debugger.remove(code.cold);
                }
            }
            Notice::Refused { .. } => {}
        }
    }

    fn name_one(&mut self, name: &str, code: &[u8]) {
        if code.is_empty() {
            return;
        }
        if let Some(perf) = &mut self.perf {
            perf.add(name, code);
        }
        if let Some(debugger) = &mut self.debugger {
            debugger.add(name, code);
        }
    }
}

/// A function as people know it: place, and name if it has one.
fn title(function: &Function<'_>) -> String {
    match function.name() {
        Some(name) => format!("{function} {}", String::from_utf8_lossy(name)),
        None => function.to_string(),
    }
}

/// The line of `-jv`.
fn line(notice: &Notice<'_>) -> String {
    match notice {
        Notice::Linked { .. } | Notice::StubRemoved { .. } => String::new(),
        Notice::Compiled {
            function,
            cause,
            code,
            pieces,
        } => format!(
            "[compiled {}: {}, {} instructions, {}+{} bytes]\n",
            title(function),
            match cause {
                Cause::Called => "called",
                Cause::Running => "running, entered there",
                Cause::Forced => "forced",
                Cause::Improved => "again",
                Cause::Unsure => "again, not only numbers",
            },
            pieces.instructions,
            code.hot.len(),
            code.cold.len()
        ),
        Notice::Stub {
            function,
            word,
            form,
            code,
            ..
        } => format!(
            "[stub {}: instruction {word}, {form}, {}+{} bytes]\n",
            title(function),
            code.hot.len(),
            code.cold.len()
        ),
        Notice::Refused { function, why, .. } => {
            format!("[not compiled {}: {}]\n", title(function), why.name())
        }
        Notice::Removed {
            function,
            why,
            code,
        } => format!(
            "[{} {}: {}+{} bytes]\n",
            match why {
                Removal::Evicted => "evicted",
                Removal::Dead => "function is garbage",
                Removal::Stale => "shape is garbage",
                Removal::Hooks => "discarded for a hook",
                Removal::Improved => "can be improved",
                Removal::Unsure => "not only numbers",
            },
            title(function),
            code.hot.len(),
            code.cold.len()
        ),
    }
}
