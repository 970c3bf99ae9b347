//! The bundle interpreter: handlers out of a stencil bundle's AOT part, linked
//! into memory that the embedder provides. A handler ends in a jump to the next
//! one; what it leaves undone comes here through the imports.
//!
//! It must not give an operation a meaning of its own: the handlers are the
//! bodies of `ops/`, compiled ahead of time (`stencils/`).

use super::Engine;
use crate::abi::FINGERPRINT;
use crate::calls::Step;
use crate::error::Raise;
use crate::heap::Rt;
use crate::isa::OPS;
use crate::shortcuts::{SHORTCUT_MAX, SHORTCUTS};
use crate::state::VmState;
use crate::vm::Vm;
use rt_nostd::{CodeRegion, Expectations, LinkError, LinkedBundle};
use stencil_format::{Bundle, BundleError};

/// The committed bundle. Checked when this crate is built (`build.rs`), so that a program
/// that hands on these very bytes doesn't check them at each start.
#[cfg(feature = "prebuilt")]
pub static PREBUILT: &[u8] = include_bytes!("../../lua.stencils");

/// Access to a bundle, checked unless it is [`PREBUILT`] itself: not a copy of it.
fn open(bundle: &[u8]) -> Result<Bundle<'_>, BundleError> {
    #[cfg(feature = "prebuilt")]
    if core::ptr::eq(bundle, PREBUILT) {
        return Bundle::parse_again(bundle);
    }
    Bundle::parse(bundle)
}

/// Where handlers go on: `pc` null leaves the engine.
#[repr(C)]
pub struct Resume {
    /// Frame base.
    pub base: *mut u64,
    /// Instruction.
    pub pc: *const u64,
}

/// Why a bundle can't be used.
#[derive(Debug)]
pub enum InterpError<'b> {
    /// It is damaged or of another version.
    Bundle(BundleError),
    /// It couldn't be linked.
    Link(LinkError<'b>),
    /// It lacks the handler of this operation, or `enter`, `slow` or `hook`.
    MissingHandler(&'static str),
    /// The VM's region has no room for the compiler's tables.
    NoMemory,
}

impl core::fmt::Display for InterpError<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            InterpError::Bundle(e) => write!(f, "stencil bundle: {e}"),
            InterpError::Link(e) => write!(f, "linking the stencil bundle: {e}"),
            InterpError::MissingHandler(name) => {
                write!(f, "the stencil bundle has no function '{name}'")
            }
            InterpError::NoMemory => f.write_str("not enough memory for the compiler's tables"),
        }
    }
}

fn leave(vm: *mut VmState, result: Result<u32, Raise>) -> Resume {
    // SAFETY: plain fields of the live state.
    unsafe {
        match result {
            Ok(n) => (*vm).left = n,
            Err(raise) => (*vm).exit = Some(raise),
        }
    }
    Resume {
        base: core::ptr::null_mut(),
        pc: core::ptr::null(),
    }
}

fn go_on(vm: *mut VmState, step: Result<Step, Raise>) -> Resume {
    match step {
        Ok(Step::Run { base, pc }) => Resume { base, pc },
        Ok(Step::Exit(n)) => leave(vm, Ok(n)),
        Err(raise) => leave(vm, Err(raise)),
    }
}

/// Import of the bundle: carries out the operation at `pc`.
extern "sysv64" fn rt_slow(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume {
    go_on(vm, Rt(vm).slow(base, pc))
}

/// Import of the bundle: carries out the operation at `pc`, which the inline cache of
/// compiled code doesn't cover.
extern "sysv64" fn rt_miss(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume {
    go_on(vm, Rt(vm).slow_and_learn(base, pc))
}

/// Import of the bundle: carries out the `Call` at `pc` of a native function.
extern "sysv64" fn rt_native(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume {
    go_on(vm, Rt(vm).native_call(base, pc))
}

/// Import of the bundle: compiled code has called a function that isn't compiled.
extern "sysv64" fn rt_cold(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume {
    Rt(vm).count_call(base);
    Resume { base, pc }
}

/// Import of the bundle: compiled code has come upon what isn't a number, before the
/// instruction at `pc`.
extern "sysv64" fn rt_unsure(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume {
    Rt(vm).forget_numbers(base);
    Resume { base, pc }
}

/// Import of the bundle: the ticks ran out before the instruction at `pc`.
extern "sysv64" fn rt_safepoint(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume {
    go_on(vm, Rt(vm).safepoint(base, pc))
}

/// Import of the bundle: hooks, before the instruction at `pc`. Gives the instruction
/// to execute, which isn't reported again.
extern "sysv64" fn rt_hook(vm: *mut VmState, base: *mut u64, pc: *const u64) -> Resume {
    go_on(vm, Rt(vm).hooked(base, pc))
}

type Enter = extern "sysv64" fn(*mut VmState, *mut u64, *const u64);

fn run(rt: Rt, base: *mut u64, pc: *const u64) -> Result<u32, Raise> {
    // SAFETY: `enter` was set by `use_bundle` to the bundle's function of this type,
    // whose code stays linked as long as the VM lives (contract of `use_bundle`).
    unsafe {
        (*rt.vm()).stats.interp_entries += 1;
        let enter: Enter = core::mem::transmute::<usize, Enter>((*rt.vm()).enter);
        enter(rt.vm(), base, pc);
        match (*rt.vm()).exit.take() {
            None => Ok((*rt.vm()).left),
            Some(raise) => Err(raise),
        }
    }
}

impl Vm<'_> {
    /// Runs Lua code on the handlers of `bundle` from now on. They are linked into `code`.
    ///
    /// # Safety
    /// The memory of `code` stays mapped and is not freed or reused as long as this
    /// VM lives; the processor has SSE2, and the system saves its registers on interrupts.
    pub unsafe fn use_bundle<'b>(
        &mut self,
        bundle: &'b [u8],
        code: &mut CodeRegion<'_>,
    ) -> Result<(), InterpError<'b>> {
        // SAFETY: the contract.
        unsafe { self.link_bundle(bundle, code)? };
        self.set_engine(Engine::Interp);
        Ok(())
    }

    /// Links a bundle's functions, and lets Lua code run on them.
    ///
    /// # Safety
    /// As for [`Vm::use_bundle`].
    pub(crate) unsafe fn link_bundle<'b>(
        &mut self,
        bundle: &'b [u8],
        code: &mut CodeRegion<'_>,
    ) -> Result<LinkedBundle<'b>, InterpError<'b>> {
        let bundle = open(bundle).map_err(InterpError::Bundle)?;
        let expect = Expectations {
            abi_fingerprint: FINGERPRINT,
            cpu_features: rt_nostd::cpu_features_among(bundle.cpu_features()),
        };
        let linked = rt_nostd::link(&bundle, code, &expect, |name| match name {
            "rt_slow" => Some(rt_slow as *const () as usize),
            "rt_miss" => Some(rt_miss as *const () as usize),
            "rt_native" => Some(rt_native as *const () as usize),
            "rt_hook" => Some(rt_hook as *const () as usize),
            "rt_unsure" => Some(rt_unsure as *const () as usize),
            "rt_cold" => Some(rt_cold as *const () as usize),
            "rt_safepoint" => Some(rt_safepoint as *const () as usize),
            _ => None,
        })
        .map_err(InterpError::Link)?;
        let find = |name: &str| linked.function_address(name);
        let enter = find("enter").ok_or(InterpError::MissingHandler("enter"))?;
        let slow = find("slow").ok_or(InterpError::MissingHandler("slow"))?;
        let hook = find("hook").ok_or(InterpError::MissingHandler("hook"))?;
        let native = find("native").ok_or(InterpError::MissingHandler("native"))?;
        let handler = |prefix: &str, name: &'static str| {
            let missing = InterpError::MissingHandler(name);
            let mut full = [0u8; 40];
            let n = prefix.len();
            let Some(room) = full.get_mut(..n + name.len()) else {
                return Err(missing);
            };
            room[..n].copy_from_slice(prefix.as_bytes());
            room[n..].copy_from_slice(name.as_bytes());
            let text = core::str::from_utf8(room).unwrap_or("");
            find(text).ok_or(missing)
        };
        let mut dispatch = [slow; 256];
        for (place, info) in dispatch.iter_mut().zip(OPS) {
            *place = handler("op_", info.name)?;
        }
        let mut shortcuts = [native; SHORTCUT_MAX];
        let mut compiled_shortcuts = shortcuts;
        for (i, (name, ..)) in SHORTCUTS.iter().enumerate().take(SHORTCUT_MAX - 1) {
            shortcuts[i + 1] = handler("short_", name)?;
            compiled_shortcuts[i + 1] = handler("compiled_short_", name)?;
        }
        // SAFETY: plain fields.
        unsafe {
            let vm = self.rt().vm();
            (*vm).dispatch = dispatch;
            (*vm).handlers = dispatch;
            (*vm).hook_handler = hook;
            (*vm).hook_mask = 0;
            (*vm).shortcuts = shortcuts;
            (*vm).compiled_shortcuts = compiled_shortcuts;
            (*vm).enter = enter;
            (*vm).run = run;
            self.rt().refresh_hooks();
        }
        Ok(linked)
    }
}
