//! What the baseline compiler does, told to people and to native tools: the lines of `-jv`,
//! the listings of `-jdump`, and the reason for which `--force` fails.
//!
//! Must never change what runs: it is told by lua-core's observer while the VM waits.
//! Made by `session`.

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
    symbols: Symbols,
    refusal: Option<String>,
}

impl Watch {
    /// A watch, if the options ask for anything that needs one.
    pub fn new(options: &Options) -> Option<Watch> {
        let wanted = options.verbose || options.dump || options.force;
        wanted.then(|| {
            Watch(RefCell::new(Inner {
                verbose: options.verbose,
                dump: options.dump,
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
        // There is nowhere to report a failure to.
        let _ = std::io::stderr().write_all(text.as_bytes());
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
        Notice::Linked { .. } => String::new(),
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
            },
            pieces.instructions,
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
            },
            title(function),
            code.hot.len(),
            code.cold.len()
        ),
    }
}
