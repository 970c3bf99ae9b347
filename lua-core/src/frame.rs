//! Frames: how a call looks on the value stack. All engines share this.
//!
//! ```text
//!  base[-2]   the function called (a value; results arrive here)
//!  base[-1]   low half: where to go on in the caller, as offset of an instruction
//!             high half: the link
//!  base[0..]  registers, arguments first
//! ```
//! The link is the distance in bytes from the caller's base to this base, a
//! multiple of 8, with the kind of the frame in its low three bits. A call that
//! wants at most one result has kind 0: then the link is the distance, and a
//! return is one test, one subtraction and a jump.
//!
//! A variadic function runs on a second frame above its arguments:
//! `[function][header][arguments ...][function][header: Variadic][registers]`.
//!
//! # Invariants
//! - Every frame's header is complete before anything can look at it.
//! - The registers of every frame, and `FRAME_SLACK` slots behind them, lie inside
//!   the stack: a call makes sure of the callee's registers before it writes its header.

/// Slots that exist behind the registers of any Lua frame, and behind the
/// arguments of any native one: enough for the call of a metamethod, or for a
/// few results, without a check.
pub const FRAME_SLACK: usize = 48;

/// What kind of caller a frame returns to: low bits of the link.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// A Lua function's call that wants no or one result.
    Lua = 0,
    /// A Lua function's call; its `Call` instruction, before the return
    /// address, tells how many results it wants.
    LuaMany = 1,
    /// An instruction that called a metamethod; the return address is that
    /// instruction itself, which is completed with the first result.
    Meta = 2,
    /// Rust code (`Rt::call`): the engine is left.
    Entry = 3,
    /// `pcall` or `xpcall`: the caller is their frame.
    Protected = 4,
    /// The same function's argument frame.
    Variadic = 5,
    /// The first frame of a coroutine.
    Coroutine = 6,
}

/// Bits of the link that hold the kind.
pub const KIND_MASK: u32 = 7;

impl FrameKind {
    /// The kind in a link.
    #[inline(always)]
    pub fn of(link: u32) -> FrameKind {
        match link & KIND_MASK {
            0 => FrameKind::Lua,
            1 => FrameKind::LuaMany,
            2 => FrameKind::Meta,
            3 => FrameKind::Entry,
            4 => FrameKind::Protected,
            5 => FrameKind::Variadic,
            _ => FrameKind::Coroutine,
        }
    }
}

/// A link from a distance in slots and a kind.
#[inline(always)]
pub const fn link(slots: u32, kind: FrameKind) -> u32 {
    (slots * 8) | kind as u32
}

/// The link that a `Call` with function register `a` and result count field
/// `c` (count + 1, 0 open) stores; the front end precomputes it.
pub const fn link_for_call(a: u8, c: u8) -> u32 {
    link(
        a as u32 + 2,
        if c == 1 || c == 2 {
            FrameKind::Lua
        } else {
            FrameKind::LuaMany
        },
    )
}

/// The header word from its halves.
#[inline(always)]
pub const fn header_word(return_to: u32, link: u32) -> u64 {
    return_to as u64 | (link as u64) << 32
}
