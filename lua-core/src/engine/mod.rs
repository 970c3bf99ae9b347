//! The engines. All run the same bytecode on the same frames; they differ in how
//! the bodies of `ops/` are reached.

#[cfg(all(feature = "interp", target_arch = "x86_64"))]
pub mod interp;
pub mod portable;

use crate::error::Raise;
use crate::heap::Rt;

/// Runs from an instruction of a frame until the innermost `Entry` frame
/// returns; gives the number of results, which end at `top`.
pub(crate) type RunFn = fn(Rt, *mut u64, *const u64) -> Result<u32, Raise>;

/// Which engine runs Lua code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Rust code that dispatches in a loop; needs no executable memory.
    Portable,
    /// Tail-threaded handlers out of a stencil bundle.
    Interp,
    /// The same, and functions that run often are compiled from stencils.
    Baseline,
}

impl Engine {
    /// Its name as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Portable => "portable",
            Engine::Interp => "interp",
            Engine::Baseline => "baseline",
        }
    }
}
