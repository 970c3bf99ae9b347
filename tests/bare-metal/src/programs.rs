//! The Lua programs of the bare-metal set, embedded by `build.rs`.

/// A program and what it must print.
pub struct Program {
    /// Path from the corpus folder; also the name of the chunk, which error
    /// messages begin with.
    pub path: &'static str,
    /// What the program gets as `...`.
    pub arguments: &'static [&'static str],
    /// Whether a region of [`SMALL_REGION_BYTES`] is enough for it.
    pub small: bool,
    /// Its source.
    pub source: &'static [u8],
    /// Every byte of its standard output under the reference implementation.
    pub expected: &'static [u8],
}

/// The region in which small programs run a second time.
pub const SMALL_REGION_BYTES: usize = 2 << 20;

include!(concat!(env!("OUT_DIR"), "/programs.rs"));
