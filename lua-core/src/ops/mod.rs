//! What each operation means: one body per row of the op table, generic over how
//! operands arrive. Every engine instantiates these bodies; none restates them.
//!
//! A body does the common case and says where control goes ([`Flow`]). What it
//! doesn't handle (metamethods, conversions, calls of native functions, cache
//! misses, errors) it leaves to `slow/` by returning [`Flow::Slow`] *before*
//! it has changed anything: the slow path carries out the whole operation.
//!
//! Rules for the machine code that comes out: no panics (so no slice indexing and
//! no checked arithmetic), no calls, `cold_path()` in the arms that are rare.

pub mod access;
pub mod arith;
pub mod branch;
pub mod call;
pub mod construct;
pub mod data;
pub mod loops;
pub mod meta;
pub mod nodes;
pub mod shortcuts;
pub mod switches;

use crate::heap::Header;
use crate::isa::Insn;
use crate::proto::{CLOSURE_UPVALUES, Closure, FRAME_BYTES_BEFORE_ENTRY, INTERPRETED_BEFORE_ENTRY};
use crate::state::VmState;
use crate::value::{INFINITY_TWICE, tag};
use core::hint::cold_path;
use core::mem::offset_of;

/// Where control goes after a body.
#[derive(Clone, Copy)]
pub enum Flow {
    /// To the next instruction.
    Next,
    /// The same; besides, the number goes to register a.
    Number(f64),
    /// The same of any value.
    Value(u64),
    /// To the next instruction, into a loop; its variable has the number.
    Begun(f64),
    /// To the jump target, back to the beginning of a loop; its variable has the number.
    Again(f64),
    /// To the jump target.
    Taken,
    /// Over the next instruction (an `IterLoop`) to *its* jump target.
    TakenNext,
    /// To an instruction of another frame.
    Goto(*mut u64, *const u64),
    /// Into a function, whose frame is complete: its base and first instruction. By its
    /// signature, [`Operands::may_enter`] said so.
    Call(*mut u64, *const u64),
    /// Into any function.
    Enter(*mut u64, *const u64),
    /// Behind a call, with its results in place: the base of the frame that the call made,
    /// its distance from the caller's base, and the return address.
    Return(*mut u64, usize, *const u64),
    /// Out of the engine, to the Rust code that called: `left` results end at `top`.
    Exit,
    /// To the slow path of this operation.
    Slow,
    /// To the slow path, which fills the instruction's cache: what that holds isn't the
    /// case. So is what leads to the parts `GetField`, `Method` and `SetField`.
    Miss,
    /// To the native function that this `Call` or `TailCall` names, by way of its
    /// shortcut (`shortcuts.rs`) if it has one, or to that of this `IterCall`, which has none.
    Native,
    /// To the second part of the operation. It has changed nothing but the tick.
    Rest(Part),
    /// The ticks ran out: run the safepoint, then this instruction again.
    Trap,
}

/// The table of second parts: what is too rare or too long for the handler itself, and
/// too frequent for the slow path. Handlers stay short and free of stack frames; several
/// may share a part. Rows: name, words behind the instruction, body.
#[macro_export]
macro_rules! for_each_part {
    ($consumer:ident $(, $extra:tt)* $(,)?) => {
        $consumer! {
            $($extra)*
            GetField Ic2  access::get_missed     "a `GetField` whose cache missed";
            NilField Ic2  access::get_nil_field  "a `GetField` of a nil in a table with a metatable";
            Method   Ic2  access::method_missed  "a `Method` whose cache missed";
            SetField Ic2  access::set_missed     "a `SetField` for own properties whose cache missed";
            GetIndex None access::get_index_rest "a `GetIndex` outside the array part";
            SetIndex None access::set_index_rest "a `SetIndex` outside the array part";
            NewTable Pair construct::new_table_rest "a `NewTable` with an array part";
            GetIndexK None access::get_index_k_rest "a `GetIndexK` outside the array part";
            Arith    None meta::arith_rest       "arithmetic of which the result is no number";
            Equal    None meta::equal_rest       "equality of two tables or userdata that have metatables";
            Order    None meta::order_rest       "a comparison of what isn't numbers";
            Return1  None call::return_one_rest  "a `Return1` to anything but a simple call";
            Return0  None call::return_none_rest "a `Return0` to anything but a simple call";
            Return   None call::return_many_rest "a `Return` to anything but a call from Lua";
            ModVK    K    arith::modulo_vk       "a `ModWK` of what is negative, large or no number";
            Call     None call::enter            "a `Call` that moves arguments, or of a large frame";
            OtherCall None call::other_call      "a `Call` of another function than compiled code expects";
            TailResult Resume call::tail_result "the result of a `TailCall` of a library function, to anything but a simple call";
            TailCall None call::tail_call_rest   "a `TailCall` of a function that isn't of as many parameters";
            Closure  None data::closure_rest     "a `Closure`";
        }
    };
}

macro_rules! define_parts {
    ($($name:ident $extra:ident $module:ident::$body:ident $doc:literal;)*) => {
        /// Second parts of operations. A part never leads to another part: where its body
        /// names one, the slow path goes on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Part {
            $(#[doc = $doc] $name,)*
        }
    };
}
for_each_part!(define_parts);

/// Methods of [`Operands`] that pass on to those of the operands in `self.0`.
#[macro_export]
macro_rules! pass_on_operands {
    (@ $name:ident($($argument:ident: $from:ty),*) $to:ty) => {
        #[inline(always)]
        fn $name(self $(, $argument: $from)*) -> $to {
            self.0.$name($($argument),*)
        }
    };
    (@ extra) => { $crate::pass_on_operands!(@ extra(i: usize) u32); };
    (@ k) => { $crate::pass_on_operands!(@ k() u64); };
    (@ pc) => { $crate::pass_on_operands!(@ pc() *const u64); };
    (@ d) => { $crate::pass_on_operands!(@ d() u32); };
    (@ frame_bytes) => { $crate::pass_on_operands!(@ frame_bytes(m: $crate::ops::Machine) u32); };
    (@ may_enter) => {
        $crate::pass_on_operands!(@ may_enter(m: $crate::ops::Machine, entry: u32) bool);
    };
    (@ shape) => { $crate::pass_on_operands!(@ shape() u32); };
    (@ epoch) => { $crate::pass_on_operands!(@ epoch() u32); };
    (@ new_shape) => { $crate::pass_on_operands!(@ new_shape() u32); };
    (@ $name:ident) => { $crate::pass_on_operands!(@ $name() usize); };
    ($($name:ident)*) => { $($crate::pass_on_operands!(@ $name);)* };
}

/// From register a of a call to its first argument, in bytes.
pub const ARGUMENT: usize = 16;

/// How a body gets at its operands. Registers come as byte offsets from the base.
pub trait Operands: Copy {
    /// May the instruction's own inline cache change with what comes by?
    const LEARNS: bool = true;

    /// Are numbers tested by their bits, in integer registers? There one test and the jump are
    /// two operations of the processor, floating point comparisons three and more, and some
    /// emulators call a function for each. Handlers are as fast or faster with the latter:
    /// their decoding and dispatch takes the integer units.
    const BY_BITS: bool = true;
    /// Are b and c, those of them that are registers, sure to be numbers? Then every result is.
    const ARE_NUMBERS: bool = false;

    /// Register a, in bytes.
    fn a(self) -> usize;
    /// Register b, in bytes.
    fn b(self) -> usize;
    /// Register c, in bytes.
    fn c(self) -> usize;
    /// Field b as a number.
    fn imm_b(self) -> usize;
    /// Field c as a number.
    fn imm_c(self) -> usize;
    /// Field d.
    fn d(self) -> u32;
    /// The constant behind the instruction.
    fn k(self) -> u64;
    /// The 32-bit number `i` of the words behind the instruction.
    fn extra(self, i: usize) -> u32;
    /// The instruction.
    fn pc(self) -> *const u64;

    /// The value of register a as a number; what isn't one reads as a NaN.
    #[inline(always)]
    fn number_a(self, m: Machine) -> f64 {
        m.number(self.a())
    }
    /// The same of register b.
    #[inline(always)]
    fn number_b(self, m: Machine) -> f64 {
        m.number(self.b())
    }
    /// The same of register c.
    #[inline(always)]
    fn number_c(self, m: Machine) -> f64 {
        m.number(self.c())
    }
    /// `y`, the second operand of a comparison.
    #[inline(always)]
    fn other(self, y: f64) -> f64 {
        y
    }
    /// The first argument of a call.
    #[inline(always)]
    fn argument(self, m: Machine) -> u64 {
        m.reg(self.a() + ARGUMENT)
    }
    /// The value of register b as array index, as [`Machine::index`].
    #[inline(always)]
    fn index_b(self, m: Machine) -> Option<u32> {
        m.index::<Self>(self.b())
    }
    /// The same of register c.
    #[inline(always)]
    fn index_c(self, m: Machine) -> Option<u32> {
        m.index::<Self>(self.c())
    }
    /// The number of arguments of a call that may enter what it calls at once.
    #[inline(always)]
    fn arguments(self, _m: Machine) -> usize {
        self.imm_b() - 1
    }
    /// May a call enter the function with this first instruction at once: is it one of no more
    /// parameters than there are arguments, in the form that its caller runs in? Never with an
    /// open count of them: each signature is at least 1.
    #[inline(always)]
    fn may_enter(self, m: Machine, entry: u32) -> bool {
        m.get_before::<u32>(entry, INTERPRETED_BEFORE_ENTRY) <= self.imm_b() as u32
    }
    /// Bytes that the registers of the running frame take. What is computed from them waits
    /// for three loads, one after the other, unless it is known otherwise.
    #[inline(always)]
    fn frame_bytes(self, m: Machine) -> u32 {
        let entry: u32 = m.get(m.closure(), offset_of!(Closure, entry));
        m.get_before(entry, FRAME_BYTES_BEFORE_ENTRY)
    }
    /// Upvalue b, in bytes from the start of the closure.
    #[inline(always)]
    fn up(self) -> usize {
        CLOSURE_UPVALUES as usize + self.imm_b() * 8
    }
    /// Item d of an array part, in bytes from its start.
    #[inline(always)]
    fn item(self) -> usize {
        self.d() as usize * 8
    }
    /// Of an inline cache: the shape.
    #[inline(always)]
    fn shape(self) -> u32 {
        self.extra(access::cache::SHAPE)
    }
    /// Of an inline cache: where the value is, in bytes.
    #[inline(always)]
    fn slot(self) -> usize {
        self.extra(access::cache::SLOT) as usize
    }
    /// Of an inline cache: when the lookup was made.
    #[inline(always)]
    fn epoch(self) -> u32 {
        self.extra(access::cache::EPOCH)
    }
    /// Of an inline cache: the shape afterwards.
    #[inline(always)]
    fn new_shape(self) -> u32 {
        self.extra(access::cache::NEW_SHAPE)
    }
}

/// Operands read from the bytecode.
#[derive(Clone, Copy)]
pub struct Fetch(*const u64);

impl Fetch {
    /// The operands of the instruction at `pc`.
    ///
    /// # Safety
    /// It is an instruction of a live prototype, and of the operation whose body
    /// gets these operands.
    #[inline(always)]
    pub unsafe fn new(pc: *const u64) -> Fetch {
        Fetch(pc)
    }

    #[inline(always)]
    fn byte(self, i: usize) -> usize {
        // SAFETY: `self.0` is the address of an instruction of a live prototype.
        unsafe { *(self.0 as *const u8).add(i) as usize }
    }
}

impl Operands for Fetch {
    const BY_BITS: bool = false;

    #[inline(always)]
    fn a(self) -> usize {
        self.byte(1) * 8
    }
    #[inline(always)]
    fn b(self) -> usize {
        self.byte(2) * 8
    }
    #[inline(always)]
    fn c(self) -> usize {
        self.byte(3) * 8
    }
    #[inline(always)]
    fn imm_b(self) -> usize {
        self.byte(2)
    }
    #[inline(always)]
    fn imm_c(self) -> usize {
        self.byte(3)
    }
    #[inline(always)]
    fn d(self) -> u32 {
        // SAFETY: as `byte`.
        unsafe { *(self.0 as *const u32).add(1) }
    }
    #[inline(always)]
    fn k(self) -> u64 {
        // SAFETY: as `byte`; the operation has a constant word.
        unsafe { *self.0.add(1) }
    }
    #[inline(always)]
    fn extra(self, i: usize) -> u32 {
        // SAFETY: as `byte`; the operation has this many words.
        unsafe { *(self.0 as *const u32).add(2 + i) }
    }
    #[inline(always)]
    fn pc(self) -> *const u64 {
        self.0
    }
}

/// The same for an instruction in compiled code: what its cache holds is baked in, so that
/// nothing would come of changing it.
#[derive(Clone, Copy)]
pub struct Settled(Fetch, u32);

impl Settled {
    /// The operands of the instruction at `pc`, in a function whose registers take so many
    /// bytes.
    ///
    /// # Safety
    /// As [`Fetch::new`]; it is that function's size.
    #[inline(always)]
    pub unsafe fn new(pc: *const u64, frame_bytes: u32) -> Settled {
        Settled(Fetch(pc), frame_bytes)
    }
}

impl Operands for Settled {
    const BY_BITS: bool = false;

    const LEARNS: bool = false;
    crate::pass_on_operands! { a b c imm_b imm_c d k extra pc }
    #[inline(always)]
    fn frame_bytes(self, _m: Machine) -> u32 {
        self.1
    }
}

/// Jump distance of an instruction word in bytes.
///
/// # Safety
/// `pc` is an instruction of a live prototype.
#[inline(always)]
pub unsafe fn jump_bytes(pc: *const u64) -> isize {
    // SAFETY: the contract.
    unsafe { (*(pc as *const i32).add(1)) as isize * 8 }
}

/// The state that stays in registers from body to body.
#[derive(Clone, Copy)]
pub struct Machine {
    /// VM state and start of the region.
    pub(crate) vm: *mut VmState,
    /// Base of the running frame.
    pub(crate) base: *mut u64,
    /// [`INFINITY_TWICE`].
    pub(crate) infinity: u64,
}

impl Machine {
    /// The state of a running engine.
    ///
    /// # Safety
    /// `vm` is a live VM state, `base` the base of its running frame, `infinity` is
    /// [`INFINITY_TWICE`]. Every body in this module relies on it.
    #[inline(always)]
    pub unsafe fn new(vm: *mut VmState, base: *mut u64, infinity: u64) -> Machine {
        Machine { vm, base, infinity }
    }

    /// Reads the register at a byte offset.
    #[inline(always)]
    pub fn reg(self, offset: usize) -> u64 {
        // SAFETY: registers lie inside the stack (invariant of `frame.rs`).
        unsafe { *self.base.byte_add(offset) }
    }

    /// Reads a register as a number; what isn't one reads as a NaN.
    #[inline(always)]
    pub fn number(self, offset: usize) -> f64 {
        f64::from_bits(self.reg(offset))
    }

    /// A register's number as array index, else `None`; the caller checks the range.
    /// What isn't a number reads as a NaN, which gives an index out of any range.
    #[inline(always)]
    pub fn index<O: Operands>(self, offset: usize) -> Option<u32> {
        // SAFETY: as `reg`. Two loads, which fold into the instructions that use them.
        unsafe {
            let address = self.base.byte_add(offset);
            let i = truncate((address as *const f64).read_volatile());
            let x = (address as *const f64).read_volatile();
            is_whole::<O>(i, x).then_some(i as u32)
        }
    }

    /// The reference in a register that holds a value with this tag. One load, of what was
    /// stored at once: a processor gives that without going through memory, but not its
    /// high half.
    #[inline(always)]
    pub fn reference(self, offset: usize, tag: u32) -> Option<u32> {
        let v = self.reg(offset);
        if (v >> 32) as u32 != tag {
            cold_path();
            return None;
        }
        Some(v as u32)
    }

    /// High half of a register.
    #[inline(always)]
    pub fn reg_tag(self, offset: usize) -> u32 {
        // SAFETY: as `reg`.
        unsafe { *(self.base.byte_add(offset) as *const u32).add(1) }
    }

    /// Low half of a register.
    #[inline(always)]
    pub fn reg_ref(self, offset: usize) -> u32 {
        // SAFETY: as `reg`.
        unsafe { *(self.base.byte_add(offset) as *const u32) }
    }

    /// Writes a register.
    #[inline(always)]
    pub fn set_reg(self, offset: usize, v: u64) {
        // SAFETY: as `reg`.
        unsafe { *self.base.byte_add(offset) = v }
    }

    /// Reads a field of an object: reference plus field offset.
    #[inline(always)]
    pub fn get<T: Copy>(self, reference: u32, field: usize) -> T {
        // SAFETY: the reference names a live object that has this field.
        unsafe { *((self.vm as *const u8).add(reference as usize).add(field) as *const T) }
    }

    /// Reads what lies at an offset in the region.
    #[inline(always)]
    pub fn get_at<T: Copy>(self, offset: usize) -> T {
        // SAFETY: the offset is that of a part of a live object.
        unsafe { *((self.vm as *const u8).add(offset) as *const T) }
    }

    /// Reads what lies `distance` bytes before an object's part.
    #[inline(always)]
    pub fn get_before<T: Copy>(self, reference: u32, distance: u32) -> T {
        // SAFETY: as `get`: the part belongs to an object that starts at least this far before.
        unsafe {
            *((self.vm as *const u8)
                .add(reference as usize)
                .sub(distance as usize) as *const T)
        }
    }

    /// Writes a field of an object.
    #[inline(always)]
    pub fn set<T: Copy>(self, reference: u32, field: usize, x: T) {
        // SAFETY: as `get`.
        unsafe { *((self.vm as *mut u8).add(reference as usize).add(field) as *mut T) = x }
    }

    /// Would storing `v` in `owner` hide a white object behind a marked one? Then the
    /// slow path stores it, and tells the collector (`heap/barrier.rs`). While no marking
    /// goes on this is one compare with a byte that no object has.
    #[inline(always)]
    pub fn hides(self, owner: u32, v: u64) -> bool {
        if self.barrier_applies(owner) {
            cold_path();
            let kind = ((v >> 32) as u32).wrapping_sub(tag::STRING);
            return kind <= tag::CELL - tag::STRING && !self.is_marked(v as u32);
        }
        false
    }

    /// The same for a reference to an object.
    #[inline(always)]
    pub fn hides_object(self, owner: u32, object: u32) -> bool {
        if self.barrier_applies(owner) {
            cold_path();
            return !self.is_marked(object);
        }
        false
    }

    #[inline(always)]
    pub(super) fn barrier_applies(self, owner: u32) -> bool {
        // SAFETY: plain field.
        self.get::<u8>(owner, offset_of!(Header, mark)) == unsafe { (*self.vm).barrier }
    }

    #[inline(always)]
    fn is_marked(self, object: u32) -> bool {
        // SAFETY: plain field.
        self.get::<u8>(object, offset_of!(Header, mark)) == unsafe { (*self.vm).live }
    }

    /// The address of an offset in the region.
    #[inline(always)]
    pub fn address(self, offset: u32) -> *const u64 {
        // SAFETY: offsets of live objects lie inside the region.
        unsafe { (self.vm as *const u8).add(offset as usize) as *const u64 }
    }

    /// Is this value a number?
    #[inline(always)]
    pub fn is_number(self, v: u64) -> bool {
        (v >> 32) < crate::value::TAG >> 32
    }

    /// Is this a NaN, or what isn't a number read as one?
    #[inline(always)]
    pub fn is_nan<O: Operands>(self, x: f64) -> bool {
        if !O::BY_BITS {
            return x.is_nan();
        }
        let infinity = if cfg!(feature = "constant-infinity") {
            INFINITY_TWICE
        } else {
            self.infinity
        };
        x.to_bits() << 1 > infinity
    }

    /// Counts one tick; true when the safepoint must run first.
    #[inline(always)]
    pub fn tick(self) -> bool {
        // SAFETY: plain field.
        unsafe {
            let t = (*self.vm).tick.wrapping_sub(1);
            (*self.vm).tick = t;
            t < 0
        }
    }

    /// The running closure.
    #[inline(always)]
    pub fn closure(self) -> u32 {
        // SAFETY: the frame header lies below the base.
        unsafe { *(self.base.sub(2) as *const u32) }
    }
}

/// A value as array index, else `None`, as [`Machine::index`].
#[inline(always)]
pub fn index_of<O: Operands>(x: u64) -> Option<u32> {
    let x = f64::from_bits(x);
    let i = truncate(x);
    is_whole::<O>(i, x).then_some(i as u32)
}

/// Is `i`, which is `x` truncated, all of `x`? It takes one jump. By the numbers true for a
/// NaN, of which `i` is in no range; by their bits false for -0, which no array part holds.
#[inline(always)]
#[expect(clippy::double_comparisons, reason = "not the same: true for a NaN")]
fn is_whole<O: Operands>(i: i32, x: f64) -> bool {
    let y = widen(i);
    if O::BY_BITS {
        return y.to_bits() == x.to_bits();
    }
    !(y < x || y > x)
}

/// A 32-bit integer as a number. `cvtsi2sd` keeps the upper half of its target: without
/// the `xorps`, it would wait for whatever last used that register, in any handler.
#[inline(always)]
pub fn widen(i: i32) -> f64 {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri)))]
    // SAFETY: SSE2 is there; only the output register is written.
    unsafe {
        let x: f64;
        core::arch::asm!(
            "xorps {x}, {x}",
            "cvtsi2sd {x}, {i:e}",
            x = out(xmm_reg) x,
            i = in(reg) i,
            options(pure, nomem, nostack, preserves_flags)
        );
        x
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(miri))))]
    {
        i as f64
    }
}

/// Truncation to 32 bits; numbers out of range give `i32::MIN` or a bound.
#[inline(always)]
pub fn truncate(x: f64) -> i32 {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2", not(miri)))]
    // SAFETY: SSE2 is there; out of range the result is i32::MIN. `as` would add
    // three instructions to saturate.
    unsafe {
        use core::arch::x86_64::{_mm_cvttsd_si32, _mm_set_sd};
        _mm_cvttsd_si32(_mm_set_sd(x))
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2", not(miri))))]
    {
        x as i32
    }
}

/// The first word of the instruction at `pc`.
#[inline(always)]
pub(crate) fn insn(pc: *const u64) -> Insn {
    // SAFETY: an instruction of a live prototype.
    Insn::from_word(unsafe { *pc })
}
