//! Lua 5.1 without an operating system: front end, heap, collector, library and
//! engines, in one region of the caller's memory.
//!
//! # Map
//! | module | job |
//! |---|---|
//! | `isa` | the op table from which all else expands |
//! | `value`, `state`, `heap` | values, the VM state, the region |
//! | `shape`, `refmap`, `table`, `proto`, `thread` | the objects |
//! | `front` | source to bytecode |
//! | `ops` | the one meaning of each operation (fast part) |
//! | `shortcuts` | the table of library functions that the engines know |
//! | `slow`, `calls` | the rest of each operation; frames, errors, coroutines |
//! | `engine` | portable loop, bundle interpreter |
//! | `native`, `library`, `system` | native functions, the library, what it needs from outside |
//! | `chunk` | functions as bytes, and back |
//! | `vm`, `interactive` | the API for embedders; what consoles and tools need |
//!
//! Invariants of absence: nothing here uses a global allocator, unwinds, or
//! recurses into Lua on the native stack without checking its limit.
#![no_std]
#![allow(clippy::missing_safety_doc)]

#[cfg(test)]
extern crate std;

pub mod abi;
#[cfg(all(feature = "interp", target_arch = "x86_64"))]
pub mod baseline;
pub mod calls;
pub mod chunk;
mod convert;
mod debug;
pub mod engine;
pub mod error;
pub mod frame;
pub mod front;
pub mod heap;
mod interactive;
pub mod isa;
mod levels;
pub mod library;
pub mod listing;
pub mod native;
pub mod numconv;
pub mod ops;
mod power;
mod power_tables;
pub mod proto;
pub mod random;
mod refmap;
pub mod shape;
pub mod shortcuts;
mod slow;
pub mod state;
pub mod system;
pub mod table;
pub mod thread;
pub mod value;
pub mod vm;

pub use engine::Engine;
pub use heap::collect::{Shortage, StepTimes, Stress};
pub use vm::{Config, Vm, VmError};
