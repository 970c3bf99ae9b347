//! Calls of Lua functions and returns. See `frame.rs` for the layout.

use super::meta::complete;
use super::switches::end;
use super::{ARGUMENT, Flow, Machine, Operands, Part, insn};
use crate::frame::{FrameKind, KIND_MASK, TAIL, TAILS_COUNTED, distance, header_word, link};
use crate::heap::Header;
use crate::isa::{CALL_BYTES, Op};
use crate::proto::{
    Closure, FRAME_BYTES_BEFORE_ENTRY, SIGNATURE_BEFORE_ENTRY, SIGNATURE_VARIADIC, params_of,
};
use crate::shortcuts::Shortcut;
use crate::value::{Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

/// Where control goes on after a call: the instruction behind it.
#[inline(always)]
fn offset_behind<O: Operands>(m: Machine, o: O) -> u32 {
    (o.pc() as usize).wrapping_sub(m.vm as usize) as u32 + CALL_BYTES
}

/// Number of values from `first` up to the top.
#[inline(always)]
fn up_to_top(m: Machine, first: *mut u64) -> u32 {
    // SAFETY: plain field; the instruction before set it, not below `first`.
    unsafe { (((*m.vm).top as usize).wrapping_sub(first as usize) >> 3) as u32 }
}

/// Number of arguments of a call that takes them up to the top.
#[inline(always)]
pub fn open_arguments<O: Operands>(m: Machine, o: O) -> u32 {
    up_to_top(m, m.base.wrapping_byte_add(o.a() + ARGUMENT))
}

/// Number of arguments from `first` on: a count, or up to the top.
#[inline(always)]
fn given<O: Operands>(m: Machine, o: O, first: *mut u64) -> u32 {
    if o.imm_b() == 0 {
        up_to_top(m, first)
    } else {
        o.imm_b() as u32 - 1
    }
}

/// Do the registers of a frame at `base` fit?
#[inline(always)]
pub(super) fn fits(m: Machine, base: *mut u64, entry: u32) -> bool {
    let bytes: u32 = m.get_before(entry, FRAME_BYTES_BEFORE_ENTRY);
    // SAFETY: plain field.
    base as usize + bytes as usize <= unsafe { (*m.vm).stack_limit } as usize
}

/// Makes the parameters from `given` on nil.
#[inline(always)]
pub(super) fn pad(base: *mut u64, given: u32, params: u32) {
    let mut i = given;
    while i < params {
        // SAFETY: parameters are registers of a frame that fits.
        unsafe { *base.add(i as usize) = Value::NIL.0 };
        i += 1;
    }
}

/// R[a ..] = R[a](R[a+2 ..])
#[inline(always)]
pub fn call<O: Operands>(m: Machine, o: O) -> Flow {
    let a = o.a();
    if m.tick() {
        cold_path();
        return Flow::Trap;
    }
    // One load: see `Machine::reference`.
    let callee = m.reg(a);
    let kind = (callee >> 32) as u32;
    if kind != tag::CLOSURE {
        cold_path();
        return if kind == tag::NATIVE {
            Flow::Native
        } else {
            Flow::Slow
        };
    }
    // SAFETY: the call area lies inside the frame. A signature that isn't above the count is
    // that of a small frame, which fits by its base.
    unsafe {
        let base = m.base.byte_add(a + 16);
        let entry: u32 = m.get(callee as u32, offset_of!(Closure, entry));
        if !o.may_enter(m, entry) || base > (*m.vm).small_limit {
            cold_path();
            return Flow::Rest(Part::Call);
        }
        set_header(base, offset_behind(m, o), o.d());
        Flow::Call(base, m.address(entry))
    }
}

/// The head of a call that is expected to call a native function with this shortcut: where
/// control goes if it isn't that one; `other` calls any.
#[inline(always)]
fn unexpected<O: Operands>(m: Machine, o: O, shortcut: Shortcut, other: Part) -> Option<Flow> {
    if m.tick() {
        cold_path();
        return Some(Flow::Trap);
    }
    // The number says which function it is, whatever has become of the one that was expected.
    match m.reference(o.a(), tag::NATIVE) {
        Some(f) if m.get::<u32>(f, offset_of!(Header, aux)) == shortcut as u32 => None,
        _ => {
            cold_path();
            Some(Flow::Rest(other))
        }
    }
}

/// A `Call` that is expected to call a native function with this shortcut, whose body is
/// `body`.
#[inline(always)]
pub fn direct<O: Operands>(
    m: Machine,
    o: O,
    shortcut: Shortcut,
    body: impl FnOnce(Machine, O) -> Flow,
) -> Flow {
    unexpected(m, o, shortcut, Part::OtherCall).unwrap_or_else(|| body(m, o))
}

/// The same of a `TailCall`.
#[inline(always)]
pub fn direct_tail<O: Operands>(
    m: Machine,
    o: O,
    shortcut: Shortcut,
    body: impl FnOnce(Machine, O) -> Flow,
) -> Flow {
    if let Some(flow) = unexpected(m, o, shortcut, Part::TailCall) {
        return flow;
    }
    match body(m, o) {
        Flow::Next => return_simple(m, m.reg(o.a())).unwrap_or(Flow::Rest(Part::TailResult)),
        flow => flow,
    }
}

/// The rest of a `direct_tail` that was carried out: its result is R[a].
#[inline(always)]
pub fn tail_result<O: Operands>(m: Machine, o: O) -> Flow {
    // SAFETY: a register of the frame; plain field.
    unsafe {
        match return_values(m, m.base.byte_add(o.a()), 1) {
            Flow::Slow => {
                // Nothing has changed: the `Return` that follows gives the result.
                (*m.vm).top = m.base.byte_add(o.a() + 8);
                Flow::Next
            }
            flow => flow,
        }
    }
}

/// The rest of a `Call` that doesn't call the function that was expected.
#[inline(always)]
pub fn other_call<O: Operands>(m: Machine, o: O) -> Flow {
    match m.reg_tag(o.a()) {
        tag::CLOSURE => enter(m, o),
        tag::NATIVE => Flow::Native,
        _ => Flow::Slow,
    }
}

/// Writes a frame's header in halves, as it is read.
///
/// # Safety
/// The words below `base` are a frame header's.
#[inline(always)]
unsafe fn set_header(base: *mut u64, return_to: u32, link: u32) {
    // SAFETY: the contract.
    unsafe {
        let header = base.sub(1) as *mut u32;
        *header = return_to;
        *header.add(1) = link;
    }
}

/// Calls the Lua function in R[a], with any count of arguments, variadic or not. Also the
/// rest of `call`.
#[inline(always)]
pub fn enter<O: Operands>(m: Machine, o: O) -> Flow {
    let a = o.a();
    // SAFETY: the call area lies inside the frame; that the callee's frame fits is
    // checked before anything is written.
    unsafe {
        let base = m.base.byte_add(a + 16);
        let entry: u32 = m.get(m.reg_ref(a), offset_of!(Closure, entry));
        let signature: u32 = m.get_before(entry, SIGNATURE_BEFORE_ENTRY);
        if !fits(m, base, entry) {
            cold_path();
            return Flow::Slow;
        }
        let header = header_word(offset_behind(m, o), o.d());
        let given = given(m, o, base);
        if signature & SIGNATURE_VARIADIC != 0 {
            return call_variadic(m, base, entry, params_of(signature), given, header);
        }
        pad(base, given, params_of(signature));
        *base.sub(1) = header;
        Flow::Enter(base, m.address(entry))
    }
}

/// The rest of `call` for a variadic function: its frame lies above the arguments.
#[inline(always)]
fn call_variadic(
    m: Machine,
    base: *mut u64,
    entry: u32,
    params: u32,
    given: u32,
    header: u64,
) -> Flow {
    // SAFETY: as `call`; the second frame is checked likewise.
    unsafe {
        let count = if given < params { params } else { given };
        let inner = base.add(count as usize + 2);
        if !fits(m, inner, entry) {
            cold_path();
            return Flow::Slow;
        }
        pad(base, given, params);
        let mut i = 0;
        while i < params as usize {
            *inner.add(i) = *base.add(i);
            *base.add(i) = Value::NIL.0;
            i += 1;
        }
        *base.sub(1) = header;
        *inner.sub(2) = *base.sub(2);
        *inner.sub(1) = header_word(0, link(count + 2, FrameKind::Variadic));
        Flow::Enter(inner, m.address(entry))
    }
}

/// return R[a](R[a+2 ..])
#[inline(always)]
pub fn tail_call<O: Operands>(m: Machine, o: O) -> Flow {
    let a = o.a();
    if m.tick() {
        cold_path();
        return Flow::Trap;
    }
    // One load: see `Machine::reference`.
    let callee = m.reg(a);
    let kind = (callee >> 32) as u32;
    if kind != tag::CLOSURE {
        cold_path();
        return if kind == tag::NATIVE {
            // Called from this frame; the `Return` that follows gives the results.
            Flow::Native
        } else {
            Flow::Slow
        };
    }
    // SAFETY: as `call`; the frame is replaced by one at the same base.
    unsafe {
        let entry: u32 = m.get(callee as u32, offset_of!(Closure, entry));
        let link = *(m.base.sub(1) as *const u32).add(1);
        if !o.may_enter(m, entry) || m.base > (*m.vm).small_limit || !may_replace(link) {
            cold_path();
            return Flow::Rest(Part::TailCall);
        }
        *m.base.sub(2) = m.reg(a);
        *(m.base.sub(1) as *mut u32).add(1) = link + TAIL;
        let n = o.arguments(m);
        let mut i = 0;
        while i < n {
            *m.base.add(i) = m.reg(a + 16 + i * 8);
            i += 1;
        }
        Flow::Call(m.base, m.address(entry))
    }
}

/// May a tail call replace the frame with this link by counting one more? The frames of
/// variadic functions shift, and a full counter must be emptied.
#[inline(always)]
fn may_replace(link: u32) -> bool {
    link & KIND_MASK != FrameKind::Variadic as u32 && link & TAILS_COUNTED != TAILS_COUNTED
}

/// The rest of `tail_call`: any count of arguments. Also that of one that doesn't call the
/// native function that was expected.
#[inline(always)]
pub fn tail_call_rest<O: Operands>(m: Machine, o: O) -> Flow {
    let a = o.a();
    if m.reg_tag(a) != tag::CLOSURE {
        return if m.reg_tag(a) == tag::NATIVE {
            Flow::Native
        } else {
            Flow::Slow
        };
    }
    // SAFETY: as `call`; the frame is replaced by one at the same base.
    unsafe {
        let entry: u32 = m.get(m.reg_ref(a), offset_of!(Closure, entry));
        let signature: u32 = m.get_before(entry, SIGNATURE_BEFORE_ENTRY);
        let link = *(m.base.sub(1) as *const u32).add(1);
        if signature & SIGNATURE_VARIADIC != 0 || !may_replace(link) || !fits(m, m.base, entry) {
            cold_path();
            return Flow::Slow;
        }
        let from = m.base.byte_add(a + 16);
        let given = given(m, o, from);
        *m.base.sub(2) = m.reg(a);
        *(m.base.sub(1) as *mut u32).add(1) = link + TAIL;
        let mut i = 0;
        let params = params_of(signature);
        while i < params && i < given {
            *m.base.add(i as usize) = *from.add(i as usize);
            i += 1;
        }
        pad(m.base, given, params);
        Flow::Enter(m.base, m.address(entry))
    }
}

/// The distance in bytes from a frame's base to that of the frame which a call instruction in
/// it makes.
///
/// # Safety
/// `pc` is a call instruction of a live prototype.
#[inline(always)]
pub unsafe fn distance_of_call(pc: *const u64) -> usize {
    let i = insn(pc);
    // An `IterCall` calls above its control values.
    let skipped = if i.op == Op::IterCall as u8 { 3 } else { 0 };
    (i.a as usize + skipped + 2) * 8
}

/// Gives `n` values as the results of the frame at `base` to its caller, a Lua function:
/// its link is of kind `Lua` or `LuaMany`. Values may lie where results go, or above.
#[inline(always)]
pub(super) fn deliver(m: Machine, base: *mut u64, n: u32, value: impl Fn(usize) -> u64) -> Flow {
    // SAFETY: the frame's header lies below its base and names the caller's frame and
    // call; results go to where function and arguments were, and what is wanted beyond
    // the values is registers of the caller.
    unsafe {
        let link = *(base.sub(1) as *const u32).add(1);
        let to = *(base.sub(1) as *const u32);
        let results = base.sub(2);
        if link & KIND_MASK == FrameKind::Lua as u32 {
            *results = if n == 0 { Value::NIL.0 } else { value(0) };
            return Flow::Return(base, distance(link), m.address(to));
        }
        // The number of results wanted, from the instruction that called.
        let word: u64 = m.get(to - CALL_BYTES, 0);
        let mut wanted = (word >> 24) as u8 as u32;
        if word as u8 == Op::IterCall as u8 {
            wanted = (word >> 16) as u8 as u32 + 1;
        }
        let copied = if wanted == 0 || n < wanted {
            n
        } else {
            wanted - 1
        };
        let mut i = 0;
        while i < copied as usize {
            *results.add(i) = value(i);
            i += 1;
        }
        if wanted == 0 {
            (*m.vm).top = results.add(i);
        } else {
            pad(results, copied, wanted - 1);
        }
        Flow::Return(base, distance(link), m.address(to))
    }
}

/// The base and the link of the running function's frame, of a variadic one those of the frame
/// with its arguments: what returns lead back from.
///
/// # Safety
/// The frames' headers are complete.
#[inline(always)]
unsafe fn called(m: Machine) -> (*mut u64, u32) {
    // SAFETY: frame headers lie below the bases.
    unsafe {
        let mut base = m.base;
        let mut link = *(base.sub(1) as *const u32).add(1);
        if link & KIND_MASK == FrameKind::Variadic as u32 {
            base = base.byte_sub(distance(link));
            link = *(base.sub(1) as *const u32).add(1);
        }
        (base, link)
    }
}

/// Returns `n` values at `from` to a Lua caller, whatever it wants, or through `pcall`,
/// to the instruction that a metamethod was called for, or to Rust.
#[inline(always)]
fn return_values(m: Machine, from: *mut u64, n: u32) -> Flow {
    // SAFETY: frame headers lie below the bases and name the callers' frames; results
    // go below `from`.
    unsafe {
        let (base, mut link) = called(m);
        let kind = link & KIND_MASK;
        if kind <= FrameKind::LuaMany as u32 {
            return deliver(m, base, n, |i| *from.add(i));
        }
        if kind == FrameKind::Meta as u32 {
            return complete(m, base, if n == 0 { Value::NIL.0 } else { *from });
        }
        if kind == FrameKind::Entry as u32 {
            let results = base.sub(2);
            let mut i = 0;
            while i < n as usize {
                *results.add(i) = *from.add(i);
                i += 1;
            }
            (*m.vm).top = results.add(i);
            (*m.vm).left = n;
            return Flow::Exit;
        }
        if kind == FrameKind::Coroutine as u32 {
            return end(m, base, from, n);
        }
        if kind == FrameKind::Protected as u32 {
            // `true` goes in front. The frame of `pcall` is at least two slots below.
            let outer = base.byte_sub(distance(link));
            link = *(outer.sub(1) as *const u32).add(1);
            if link & KIND_MASK <= FrameKind::LuaMany as u32 {
                return deliver(m, outer, n + 1, |i| match i {
                    0 => Value::TRUE.0,
                    _ => *from.add(i - 1),
                });
            }
        }
        cold_path();
        Flow::Slow
    }
}

/// Back to a Lua caller that wants no or one result.
#[inline(always)]
fn return_simple(m: Machine, v: u64) -> Option<Flow> {
    // SAFETY: the frame's header is below its base, and names the caller's frame.
    unsafe {
        let header = m.base.sub(1) as *const u32;
        let link = *header.add(1);
        if link & KIND_MASK != 0 {
            cold_path();
            return None;
        }
        let to = *header;
        *m.base.sub(2) = v;
        Some(Flow::Return(m.base, distance(link), m.address(to)))
    }
}

/// return R[a]
#[inline(always)]
pub fn return_one<O: Operands>(m: Machine, o: O) -> Flow {
    return_simple(m, m.reg(o.a())).unwrap_or(Flow::Rest(Part::Return1))
}

/// The rest of `return_one`.
#[inline(always)]
pub fn return_one_rest<O: Operands>(m: Machine, o: O) -> Flow {
    // SAFETY: the frame's header is below its base, and names the caller's frame and call.
    unsafe {
        let header = m.base.sub(1) as *const u32;
        let (to, link) = (*header, *header.add(1));
        if link & KIND_MASK == FrameKind::Meta as u32 {
            return complete(m, m.base, m.reg(o.a()));
        }
        if link & KIND_MASK == FrameKind::LuaMany as u32 {
            let call: u32 = m.get(to - CALL_BYTES, 0);
            if call >> 24 == 0 && call as u8 != Op::IterCall as u8 {
                // It wants all results.
                let results = m.base.sub(2);
                *results = m.reg(o.a());
                (*m.vm).top = results.add(1);
                return Flow::Return(m.base, distance(link), m.address(to));
            }
        }
    }
    // SAFETY: a register of the frame.
    return_values(m, unsafe { m.base.byte_add(o.a()) }, 1)
}

/// return
#[inline(always)]
pub fn return_none<O: Operands>(m: Machine, _o: O) -> Flow {
    return_simple(m, Value::NIL.0).unwrap_or(Flow::Rest(Part::Return0))
}

/// The rest of `return_none`.
#[inline(always)]
pub fn return_none_rest<O: Operands>(m: Machine, _o: O) -> Flow {
    return_values(m, m.base, 0)
}

/// return R[a ..]
#[inline(always)]
pub fn return_many<O: Operands>(m: Machine, o: O) -> Flow {
    // SAFETY: the frame's header lies below its base, of a variadic function below those
    // of its arguments; a register of the frame.
    unsafe {
        let (base, link) = called(m);
        if link & KIND_MASK > FrameKind::LuaMany as u32 {
            cold_path();
            return Flow::Rest(Part::Return);
        }
        let from = m.base.byte_add(o.a());
        deliver(m, base, given(m, o, from), |i| *from.add(i))
    }
}

/// The rest of `return_many`.
#[inline(always)]
pub fn return_many_rest<O: Operands>(m: Machine, o: O) -> Flow {
    // SAFETY: a register of the frame.
    let from = unsafe { m.base.byte_add(o.a()) };
    return_values(m, from, given(m, o, from))
}

/// R[a] = {n = select('#', ...), ...}
#[inline(always)]
pub fn arg_table<O: Operands>(_m: Machine, _o: O) -> Flow {
    Flow::Slow
}

/// R[a ..] = ...
#[inline(always)]
pub fn var_arg<O: Operands>(m: Machine, o: O) -> Flow {
    // SAFETY: the frame of a variadic function lies above its arguments; registers
    // of the frame, and what lies above them up to the stack's limit, may be written.
    unsafe {
        let link = *(m.base.sub(1) as *const u32).add(1);
        let distance = distance(link);
        let entry: u32 = m.get(m.closure(), offset_of!(Closure, entry));
        let params = params_of(m.get_before(entry, SIGNATURE_BEFORE_ENTRY));
        let from = m.base.byte_sub(distance).add(params as usize);
        let n = (distance / 8) as u32 - 2 - params;
        let to = m.base.byte_add(o.a());
        let mut i = 0;
        if o.imm_b() == 0 {
            if to as usize + n as usize * 8 > (*m.vm).stack_limit as usize {
                cold_path();
                return Flow::Slow;
            }
            while i < n {
                *to.add(i as usize) = *from.add(i as usize);
                i += 1;
            }
            (*m.vm).top = to.add(n as usize);
            return Flow::Next;
        }
        let wanted = o.imm_b() as u32 - 1;
        while i < n && i < wanted {
            *to.add(i as usize) = *from.add(i as usize);
            i += 1;
        }
        pad(to, i, wanted);
        Flow::Next
    }
}
