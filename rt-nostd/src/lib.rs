//! Loads a stencil bundle into executable memory that the caller provides, copies its
//! stencils and patches their holes.
//!
//! From bytes to running code:
//!
//! 1. `stencil_format::Bundle::parse` checks the bundle (not here).
//! 2. [`CodeRegion`] is told where memory for code is: two addresses of the same memory,
//!    one writable and one executable, or one address that callbacks flip between the two.
//! 3. [`link`] copies the bundle's AOT code and rodata into the region, once, and resolves
//!    imports by name. [`LinkedBundle::function_address`] finds entries.
//! 4. For each function to compile, the client runs its emission twice over the same
//!    [`Assembler`] calls: on a [`Measure`], which adds sizes up and notes where labels
//!    are, and on an [`Emitter`], which copies and patches. The result is a [`CodeBlock`].
//!    Or, several times faster: after [`LinkedBundle::make_ready`] it lays its code out itself
//!    and has a [`Stamper`] put each stencil in its place.
//! 5. [`CodeRegion::free`] takes a block back; [`CodeRegion::patch`] changes published code.
//!
//! Layers, each a file, the lower ones first:
//!
//! | file | what |
//! |---|---|
//! | `view` | the only writes to code memory, range-checked; the only `unsafe` but contracts |
//! | `space` | which ranges are free: arithmetic, no memory |
//! | `field` | what the bytes of a hole are: arithmetic, no memory |
//! | `region` | `CodeRegion`: view and space together |
//! | `ready` | the holes of all stencils, translated once for the stamper |
//! | `fill` | that translation |
//! | `link` | the AOT part, imports and their islands |
//! | `layout` | where stencils of a sequence go: shared by both passes |
//! | `emit` | the two passes |
//! | `stamp` | emission at places that the client knows: the fast way |
//! | `processor` | what the processor can do |
//! | `serialize` | what must lie between writing and running code |
//!
//! What is deliberately absent: allocation (tables are slices that the caller hands over),
//! any knowledge of the stencils' language, an address that is writable and executable at
//! once, and truncation: a value that a hole can't hold is an error with the hole's name.
#![no_std]
#![deny(unsafe_code)]

mod emit;
mod error;
mod field;
mod fill;
mod layout;
mod link;
mod processor;
mod ready;
mod region;
#[cfg(target_arch = "x86_64")]
mod serialize;
mod snippet;
mod space;
mod stamp;
mod view;

pub use emit::{Emitter, LabelState, Measure};
pub use error::{
    EmitError, LinkError, PatchError, ProtectError, ReadyError, RegionError, SpaceError,
};
pub use layout::{Assembler, CodeSize, JUMP_LEN, Label, Target};
pub use link::{Expectations, LinkedBundle, fill_tables, link, resolve_from};
pub use processor::{cpu_features, cpu_features_among};
pub use ready::{CONTINUATIONS_MAX, OPERANDS_MAX, Outline, PatchSlot, StencilSlot};
pub use region::{CodeBlock, CodeRegion};
#[cfg(target_arch = "x86_64")]
pub use serialize::serialize;
pub use snippet::Snippet;
pub use space::Extent;
pub use stamp::{Spot, Stamper};
pub use view::Protect;
