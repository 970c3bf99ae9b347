//! The harness: the Lua programs of the repository, the `moonpatch` command as a child
//! process, and VMs inside the test process.
//!
//! | module | job |
//! |---|---|
//! | `programs` | which programs there are, and what they must print |
//! | `command` | finds or builds the command, runs it with a time limit |
//! | `machine` | a VM with its output caught, in this process |
//! | `memory_files` | files and a clock for such a VM that are the same in each run |
//!
//! The tests are in `tests/`. Anything unexpected is a panic: that is how tests fail.
//! No test here may pass because an engine stood in for another: whoever runs a program
//! asks for the counters and checks that the engine was entered.

pub mod command;
pub mod machine;
pub mod memory_files;
pub mod programs;
