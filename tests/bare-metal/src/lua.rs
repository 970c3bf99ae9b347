//! The one place where lua-core is called.
//!
//! `corpus` calls [`run_program`] once per program and engine. Each call makes a
//! machine in the Lua region, runs the program, and leaves nothing behind.

use crate::memory::Memory;
use crate::programs::Program;
use core::fmt;

/// A way to run Lua.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {}

impl Engine {
    /// The engines that are linked into this kernel.
    pub const LINKED: &'static [Engine] = &[];

    /// The name used on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {}
    }
}

/// Why a program didn't run to its end.
#[derive(Debug)]
pub enum LuaError {}

impl fmt::Display for LuaError {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {}
    }
}

/// Runs `program` in `engine`, with `memory` for the machine and its code. What
/// the program writes to its standard output goes to `output`, in pieces.
///
/// # Errors
/// When no machine can be made, or the program ends with an error.
pub fn run_program(
    engine: Engine,
    _memory: &mut Memory,
    _program: &Program,
    _output: &mut dyn FnMut(&[u8]),
) -> Result<(), LuaError> {
    match engine {}
}
