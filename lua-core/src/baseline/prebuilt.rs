//! The committed bundle's stencils, made ready when the crate was built: tables that every start
//! would make again, in memory that nobody shares.
//!
//! Nothing but data; `build.rs` writes it. Called by `mod.rs`.

use rt_nostd::{PatchSlot, StencilSlot};

include!(concat!(env!("OUT_DIR"), "/ready.rs"));
