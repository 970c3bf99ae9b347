//! Shortcuts that change frames: `pcall`, `coroutine.resume`, `yield` and what
//! `wrap` makes, and the end of a coroutine, where nothing has to grow, nobody has to be
//! told of an error, and both sides are Lua code. `calls/coroutines.rs` has their whole meaning, and what
//! is left in frames and threads here is what it would leave.
//!
//! As all bodies they change nothing before they return [`Flow::Native`] or [`Flow::Slow`].

use super::call::{deliver, fits, pad};
use super::shortcuts::{count, place};
use super::{Flow, Machine, Operands};
use crate::calls::MAX_THREAD_DEPTH;
use crate::frame::{FRAME_SLACK, FrameKind, KIND_MASK, header_word, link};
use crate::heap::Header;
use crate::heap::barrier::BARRIER_OFF;
use crate::isa::CALL_BYTES;
use crate::native::Special;
use crate::proto::{
    Closure, FRAME_BYTES_BEFORE_ENTRY, NATIVE_UPVALUES, SIGNATURE_BEFORE_ENTRY, SIGNATURE_VARIADIC,
    params_of,
};
use crate::thread::{Status, Thread};
use crate::value::{Value, tag};
use core::hint::cold_path;
use core::mem::offset_of;

/// The header of the native function's frame, as the call would write it.
#[inline(always)]
fn native_header<O: Operands>(m: Machine, o: O) -> u64 {
    let to = (o.pc() as usize).wrapping_sub(m.vm as usize) as u32 + CALL_BYTES;
    let link = if o.d() != 0 {
        o.d()
    } else {
        // A tail call: all results go to the `Return` that follows.
        link((o.a() / 8) as u32 + 2, FrameKind::LuaMany)
    };
    header_word(to, link)
}

/// Leaves the running thread inside the native function that it calls.
///
/// # Safety
/// The frame of the call fits.
#[inline(always)]
unsafe fn suspend<O: Operands>(m: Machine, o: O, thread: *mut Thread, values: u32) {
    // SAFETY: the contract; the thread is live.
    unsafe {
        let offset = |p: *const u64| (p as usize).wrapping_sub(m.vm as usize) as u32;
        let base = m.base.byte_add(o.a() + 16);
        *base.sub(1) = native_header(m, o);
        (*thread).base = offset(base);
        (*thread).pc = offset(o.pc());
        (*thread).top = offset(base.add(values as usize));
    }
}

/// Makes `t` the running thread.
///
/// # Safety
/// It is a live thread.
#[inline(always)]
unsafe fn adopt(m: Machine, t: u32, thread: *mut Thread) {
    // SAFETY: the contract.
    unsafe {
        (*m.vm).thread = t;
        (*m.vm).set_stack_limit(limit_of(m, thread));
        m.set(t, offset_of!(Header, b2), Status::Running as u8);
    }
}

#[inline(always)]
unsafe fn limit_of(m: Machine, thread: *mut Thread) -> *mut u64 {
    // SAFETY: the caller's thread is live, and its stack has more slots than the slack.
    unsafe {
        let first = m.address((*thread).stack + 8) as *mut u64;
        first.add((*thread).slots as usize - FRAME_SLACK)
    }
}

/// Does the collector have to learn that the thread runs from now on? That is so once in a
/// collection: while marking goes on it keeps a list of those that ran.
#[inline(always)]
unsafe fn must_be_noted(m: Machine, thread: *mut Thread) -> bool {
    // SAFETY: plain fields; the caller's thread is live.
    unsafe { (*thread).ran == 0 && (*m.vm).barrier != BARRIER_OFF }
}

/// May values be delivered to the frame of the native function at `base`?
#[inline(always)]
unsafe fn is_called_from_lua(base: *mut u64) -> bool {
    // SAFETY: the header of a complete frame.
    let link = unsafe { *(base.sub(1) as *const u32).add(1) };
    link & KIND_MASK <= FrameKind::LuaMany as u32
}

/// Goes on in the suspended thread `t`, where `yield` gives the `n` values from
/// argument `skip` on, or begins there: they are the arguments of its function.
#[inline(always)]
pub(super) fn switch_to<O: Operands>(m: Machine, o: O, t: u32, skip: u32, n: u32) -> Flow {
    // SAFETY: `t` and the running thread are live; a suspended thread that has run waits
    // in the complete frame of `yield`, one that hasn't has its function on the stack; what
    // its frames need is checked first.
    unsafe {
        let from = (*m.vm).thread;
        let current = m.address(from) as *mut Thread;
        let thread = m.address(t) as *mut Thread;
        let inner = m.address((*thread).base) as *mut u64;
        if m.get::<u8>(t, offset_of!(Header, b2)) != Status::Suspended as u8
            // Hooks are told of calls, and each thread has its own.
            || (*thread).hook | (*current).hook != 0
            || must_be_noted(m, thread)
            || (*current).depth >= MAX_THREAD_DEPTH
            || (*thread).fresh == 0 && !is_called_from_lua(inner)
            || inner.add(n as usize + 4) > limit_of(m, thread)
        {
            cold_path();
            return Flow::Native;
        }
        let values = m.base.byte_add(place(o, skip as usize));
        let mut begins = 0;
        if (*thread).fresh != 0 {
            // Its function waits below the first frame's base.
            if *(inner.sub(2) as *const u32).add(1) != tag::CLOSURE {
                return Flow::Native;
            }
            begins = m.get(*(inner.sub(2) as *const u32), offset_of!(Closure, entry));
            let signature: u32 = m.get_before(begins, SIGNATURE_BEFORE_ENTRY);
            let bytes: u32 = m.get_before(begins, FRAME_BYTES_BEFORE_ENTRY);
            if signature & SIGNATURE_VARIADIC != 0
                || inner.byte_add(bytes as usize) > limit_of(m, thread)
            {
                cold_path();
                return Flow::Native;
            }
        }
        suspend(m, o, current, skip + n);
        m.set(from, offset_of!(Header, b2), Status::Normal as u8);
        m.set(t, offset_of!(Header, aux), from);
        (*thread).depth = (*current).depth + 1;
        adopt(m, t, thread);
        if begins == 0 {
            return deliver(m, inner, n, |i| *values.add(i));
        }
        (*thread).fresh = 0;
        *inner.sub(1) = header_word(0, link(0, FrameKind::Coroutine));
        let mut i = 0;
        while i < n as usize {
            *inner.add(i) = *values.add(i);
            i += 1;
        }
        let signature: u32 = m.get_before(begins, SIGNATURE_BEFORE_ENTRY);
        pad(inner, n, params_of(signature));
        Flow::Enter(inner, m.address(begins))
    }
}

/// The function of a coroutine, in the frame at `base`, returns the `n` values at `values`:
/// to the thread that resumed it. [`Flow::Slow`] has changed nothing.
///
/// # Safety
/// The frame's header is complete and of kind `Coroutine`.
#[inline(always)]
pub(super) unsafe fn end(m: Machine, base: *mut u64, values: *const u64, n: u32) -> Flow {
    // SAFETY: a frame of that kind is there only in a thread that was resumed, so there is
    // one that resumed it; both are live.
    unsafe {
        let t = (*m.vm).thread;
        let thread = m.address(t) as *mut Thread;
        let to: u32 = m.get(t, offset_of!(Header, aux));
        let resumer = m.address(to) as *mut Thread;
        let outer = m.address((*resumer).base) as *mut u64;
        if !may_go_back(m, thread, resumer, outer, n) {
            cold_path();
            return Flow::Slow;
        }
        (*thread).base = (base as usize).wrapping_sub(m.vm as usize) as u32;
        (*thread).top = (*thread).base;
        // It has no frames left to look at.
        (*thread).fresh = 1;
        m.set(t, offset_of!(Header, b2), Status::Dead as u8);
        adopt(m, to, resumer);
        hand_over(m, outer, n, values)
    }
}

/// May the running thread give `n` values to the one that resumed it, which waits in the
/// native frame at `outer`?
///
/// # Safety
/// Both are live.
#[inline(always)]
unsafe fn may_go_back(
    m: Machine,
    thread: *mut Thread,
    resumer: *mut Thread,
    outer: *mut u64,
    n: u32,
) -> bool {
    // SAFETY: the contract.
    unsafe {
        (*thread).hook | (*resumer).hook == 0
            && !must_be_noted(m, resumer)
            && is_called_from_lua(outer)
            && outer.add(n as usize + 2) <= limit_of(m, resumer)
    }
}

/// Gives `n` values as the results of `resume` or of a wrapped function, whose frame is at
/// `outer`.
///
/// # Safety
/// That frame is complete, and called from Lua.
#[inline(always)]
unsafe fn hand_over(m: Machine, outer: *mut u64, n: u32, values: *const u64) -> Flow {
    // SAFETY: the contract.
    unsafe {
        let special: u8 = m.get(*(outer.sub(2) as *const u32), offset_of!(Header, b3));
        if special == Special::Wrapped as u8 {
            deliver(m, outer, n, |i| *values.add(i))
        } else {
            deliver(m, outer, n + 1, |i| match i {
                0 => Value::TRUE.0,
                _ => *values.add(i - 1),
            })
        }
    }
}

/// `coroutine.resume`
#[inline(always)]
pub fn resume<O: Operands>(m: Machine, o: O) -> Flow {
    let n = count(m, o);
    if n == 0 || m.reg_tag(place(o, 0)) != tag::THREAD {
        cold_path();
        return Flow::Native;
    }
    switch_to(m, o, m.reg_ref(place(o, 0)), 1, n - 1)
}

/// What `coroutine.wrap` made.
#[inline(always)]
pub fn wrapped<O: Operands>(m: Machine, o: O) -> Flow {
    let t: u32 = m.get(m.reg_ref(o.a()), NATIVE_UPVALUES as usize);
    switch_to(m, o, t, 0, count(m, o))
}

/// `coroutine.yield`
#[inline(always)]
pub fn yield_<O: Operands>(m: Machine, o: O) -> Flow {
    let n = count(m, o);
    // SAFETY: the running thread is live, and so is the one that resumed it, which waits
    // in the complete frame of `resume` or of a wrapped function; as `switch_to`.
    unsafe {
        let t = (*m.vm).thread;
        let thread = m.address(t) as *mut Thread;
        let to: u32 = m.get(t, offset_of!(Header, aux));
        if to == 0 || (*thread).entries != 0 {
            cold_path();
            return Flow::Native;
        }
        let resumer = m.address(to) as *mut Thread;
        let outer = m.address((*resumer).base) as *mut u64;
        if !may_go_back(m, thread, resumer, outer, n) {
            cold_path();
            return Flow::Native;
        }
        suspend(m, o, thread, 0);
        m.set(t, offset_of!(Header, b2), Status::Suspended as u8);
        adopt(m, to, resumer);
        hand_over(m, outer, n, m.base.byte_add(place(o, 0)))
    }
}

/// `pcall`
#[inline(always)]
pub fn pcall<O: Operands>(m: Machine, o: O) -> Flow {
    let n = count(m, o);
    if n == 0 || m.reg_tag(place(o, 0)) != tag::CLOSURE {
        cold_path();
        return Flow::Native;
    }
    // SAFETY: the frame of `pcall` and that of the function lie inside the stack: the
    // function's is checked, and `pcall`'s is followed by slack for what moves up.
    unsafe {
        // [f][args ...] becomes [f][header][args ...].
        let outer = m.base.byte_add(place(o, 0));
        let base = outer.add(2);
        let entry: u32 = m.get(*(outer as *const u32), offset_of!(Closure, entry));
        let signature: u32 = m.get_before(entry, SIGNATURE_BEFORE_ENTRY);
        if signature & SIGNATURE_VARIADIC != 0
            || !fits(m, base, entry)
            || base.add(n as usize) > (*m.vm).stack_limit
        {
            cold_path();
            return Flow::Native;
        }
        *outer.sub(1) = native_header(m, o);
        let mut i = n as usize - 1;
        while i > 0 {
            i -= 1;
            *base.add(i) = *outer.add(1 + i);
        }
        *outer.add(1) = header_word(0, link(2, FrameKind::Protected));
        pad(base, n - 1, params_of(signature));
        Flow::Enter(base, m.address(entry))
    }
}
