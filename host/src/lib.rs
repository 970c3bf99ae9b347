//! What an operating system gives to lua-core: memory for its heap and for its code; and
//! machine code as text.
//!
//! The command `moonpatch` (`main.rs`) is made of this and of what only a command
//! needs; the tests use it to make VMs of their own. Must never run Lua: that is
//! lua-core's.

#[cfg(target_arch = "x86_64")]
pub mod disassembly;
pub mod memory;
