//! What an operating system gives to lua-core: memory for its heap and for its code.
//!
//! The command `moonpatch` (`main.rs`) is made of this and of what only a command
//! needs; the tests use it to make VMs of their own. Must never run Lua: that is
//! lua-core's.

pub mod memory;
