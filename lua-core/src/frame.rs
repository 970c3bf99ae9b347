//! Frames: how a call looks on the value stack. All engines share this.
//!
//! ```text
//!  base[-2]   the function called (a value; results arrive here)
//!  base[-1]   low half: where to go on in the caller, as offset of an instruction
//!             high half: the link
//!  base[0..]  registers, arguments first
//! ```
//! The link is the distance in bytes from the caller's base to this base, a
//! multiple of 8, with the kind of the frame in its low three bits and the number
//! of calls that tail calls replaced in its high bits ([`TAILS_MASK`]). A call that
//! wants at most one result has kind 0: then, without tail calls, the link is the
//! distance, and a return is one test, one subtraction and a jump.
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
    /// A function that runs between two steps of its caller, which goes on as if
    /// nothing had been (`calls/interrupt.rs`).
    Interrupt = 7,
}

/// Bits of the link that hold the kind.
pub const KIND_MASK: u32 = 7;
/// Bits of the link that hold the distance: enough for the largest stack.
pub const DISTANCE_MASK: u32 = (1 << 23) - 8;
/// Bits of the link that count tail calls: the functions whose frames this one
/// replaced. A counter, and above it [`TAILS_SPILLED`].
/// The highest bit stays clear, so that a header never looks like a tagged value.
pub const TAILS_MASK: u32 = 0x7FFF_FFFF & !(DISTANCE_MASK | KIND_MASK);
/// One tail call.
pub const TAIL: u32 = 1 << 23;
/// Tail calls that the counter holds.
pub const TAILS_COUNTED: u32 = TAILS_MASK & !TAILS_SPILLED;
/// The counter was full before: the thread has the rest (`Thread::tails`).
pub const TAILS_SPILLED: u32 = 1 << 30;

const _: () = assert!((crate::thread::MOST_SLOTS * 8) & !DISTANCE_MASK == 0);

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
            6 => FrameKind::Coroutine,
            _ => FrameKind::Interrupt,
        }
    }
}

/// Distance in bytes that a link tells.
#[inline(always)]
pub const fn distance(link: u32) -> usize {
    (link & DISTANCE_MASK) as usize
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
