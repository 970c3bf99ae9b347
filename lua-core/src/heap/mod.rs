//! The heap: one region of the caller's memory, objects named by 32-bit offsets.
//!
//! # Layout of the region
//! ```text
//! 0          VmState (see `state.rs`), offset 0 therefore never names an object
//! ..         spans, handed out by a first-fit list: large objects and chunks
//!            chunk = blocks of 16 KiB, aligned to their size
//!            block = 32-byte header, then cells of one size class
//! ```
//! Every object starts with an 8-byte header `{kind, mark, b2, b3, aux: u32}`.
//!
//! # Invariants
//! - A typed reference (`StrRef`, `TableRef`, ...) is made only by the allocating
//!   function of its kind or from a tagged value or field that holds that kind, so
//!   it names a live object of that kind. References don't survive a collection
//!   unless they are reachable from the roots; steps of collections happen only at
//!   safepoints (see `collect.rs`), never inside an allocation.
//! - A reference is stored into an object only through `barrier.rs`, unless no
//!   safepoint has seen the object yet.
//! - Allocation never aborts: it returns `NoMemory`, and the operation that asked
//!   is repeated after a full collection or raises "not enough memory".
//! - Nothing here uses a global allocator.
//!
//! Addresses inside the region are made in one place: [`Rt::at`].

pub(crate) mod barrier;
pub mod buffer;
pub(crate) mod bytes;
pub mod cells;
pub mod collect;
pub(crate) mod idle;
pub mod intern;
pub mod spans;
#[cfg(test)]
mod tests;
pub(crate) mod userdata;

pub use buffer::Buffer;

use crate::state::VmState;
use crate::value::{Value, tag};

/// Allocation failed: the region has no room (or the cap is reached).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

/// Handle of a VM: the address of its region, whose start is the VM state.
///
/// It is `Copy` and all accessors are cheap; whoever creates one (only
/// `Vm::new`) guarantees that the region outlives it and that one thread at a
/// time uses it.
#[derive(Clone, Copy)]
pub struct Rt(pub(crate) *mut VmState);

/// What an object is; first byte of its header. 0 marks a free cell.
#[repr(u8)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Free = 0,
    /// Interned string.
    String = 1,
    Table = 2,
    Closure = 3,
    Native = 4,
    Userdata = 5,
    Thread = 6,
    /// Captured variable.
    Cell = 7,
    Proto = 8,
    Shape = 9,
    Lineage = 10,
    /// Memory owned by one object, holding values: aux = number of values.
    Values = 11,
    /// Nodes of a hash part: aux = capacity.
    Nodes = 12,
    /// Memory without references.
    Raw = 13,
    /// Code of a prototype.
    Code = 14,
}

/// Mark of memory that the collector leaves alone until it is freed by hand.
pub const MARK_MANUAL: u8 = 0xFF;

/// Header of every object.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
pub struct Header {
    /// A [`Kind`].
    pub kind: u8,
    /// Collection state, see `collect.rs`.
    pub mark: u8,
    /// Depends on the kind.
    pub b2: u8,
    /// Depends on the kind.
    pub b3: u8,
    /// Depends on the kind; in a free cell the next free cell.
    pub aux: u32,
}

macro_rules! references {
    ($($(#[$doc:meta])* $name:ident $(=> $tag:ident)?;)*) => {$(
        $(#[$doc])*
        #[repr(transparent)]
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct $name(pub(crate) u32);
        impl $name {
            /// Offset in the region.
            #[inline(always)]
            pub const fn offset(self) -> u32 { self.0 }
            $(
            /// As a Lua value.
            #[inline(always)]
            pub const fn value(self) -> Value { Value::tagged(tag::$tag, self.0) }
            /// The reference in `v`, if `v` is of this type.
            #[inline(always)]
            pub const fn from_value(v: Value) -> Option<$name> {
                if v.has_tag(tag::$tag) { Some($name(v.payload())) } else { None }
            }
            )?
        }
    )*};
}

references! {
    /// An interned string.
    StrRef => STRING;
    /// A table.
    TableRef => TABLE;
    /// A Lua closure.
    ClosureRef => CLOSURE;
    /// A function of the library or the embedder.
    NativeRef => NATIVE;
    /// A coroutine.
    ThreadRef => THREAD;
    /// A userdata.
    UserdataRef => USERDATA;
    /// A captured variable.
    CellRef => CELL;
    /// A prototype.
    ProtoRef;
    /// A shape.
    ShapeRef;
}

impl Rt {
    /// The address of an offset. The only place where addresses inside the
    /// region are made; in range because offsets come from the allocator.
    #[inline(always)]
    pub(crate) fn at<T>(self, offset: u32) -> *mut T {
        // wrapping: no in-bounds promise to the compiler is needed for the address itself.
        (self.0 as *mut u8).wrapping_add(offset as usize) as *mut T
    }

    /// The offset of an address inside the region.
    #[inline(always)]
    pub(crate) fn offset_of<T>(self, p: *const T) -> u32 {
        (p as usize).wrapping_sub(self.0 as usize) as u32
    }

    /// Reads a field of an object.
    #[inline(always)]
    pub(crate) fn get<T: Copy>(self, offset: u32) -> T {
        // SAFETY: the callers pass offset + field offset of a live object (heap invariant),
        // and all fields are valid for any bits of their type.
        unsafe { *self.at::<T>(offset) }
    }

    /// Writes a field of an object.
    #[inline(always)]
    pub(crate) fn set<T: Copy>(self, offset: u32, x: T) {
        // SAFETY: as `get`.
        unsafe { *self.at::<T>(offset) = x }
    }

    /// Asks for the memory at an offset, whatever lies there.
    #[inline(always)]
    pub(crate) fn prefetch(self, offset: u32) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: needs nothing of the address.
        unsafe {
            use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T0>(self.at(offset));
        }
        let _ = offset;
    }

    /// The VM state.
    #[inline(always)]
    pub(crate) fn vm(self) -> *mut VmState {
        self.0
    }

    /// Header of an object.
    #[inline(always)]
    pub(crate) fn header(self, offset: u32) -> Header {
        self.get(offset)
    }
}
