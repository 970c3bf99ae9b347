//! Calls of anything but plain Lua functions, open lists of values, closures.

use crate::calls::Step;
use crate::error::Raise;
use crate::frame::{FrameKind, distance, header_word, link, link_for_call};
use crate::heap::{ClosureRef, NativeRef, ProtoRef, Rt, TableRef};
use crate::isa::{CALL_BYTES, Insn, OPS, Op};
use crate::native::{Call, Results};
use crate::ops::insn;
use crate::proto::{
    CLOSURE_UPVALUES, FRAME_BYTES_BEFORE_ENTRY, SIGNATURE_BEFORE_ENTRY, UpvalueDesc, UpvalueFrom,
    params_of,
};
use crate::state::Event;
use crate::value::{Type, Value, tag};

impl Rt {
    pub(super) fn argument_count(self, first: *mut u64, b: u8) -> u32 {
        if b == 0 {
            // SAFETY: plain field.
            let top = unsafe { (*self.vm()).top };
            ((top as usize).saturating_sub(first as usize) / 8) as u32
        } else {
            b as u32 - 1
        }
    }

    /// The `Call` or `TailCall` at `pc` of a native function: the shortest way there and
    /// back. A tail call calls from this frame, and the `Return` that follows it gives all
    /// results (see [`Rt::slow_tail_call`]).
    #[inline(always)]
    pub(crate) fn native_call(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        let mut i = insn(pc);
        // SAFETY: registers of the frame; the function is native.
        unsafe {
            if i.op == Op::IterCall as u8 {
                match self.prepare_iteration(base, i) {
                    Some(call) => i = call,
                    None => return self.native_call_slowly(base, pc),
                }
            }
            let func = base.add(i.a as usize);
            let n = NativeRef(Value(*func).payload());
            let arguments = func.add(2);
            let count = self.argument_count(arguments, i.b);
            if self.header(n.0).b3 != 0 || arguments.add(count as usize) > (*self.vm()).stack_limit
            {
                // Frames change (`pcall`, coroutines), or the slack is used up.
                return self.native_call_slowly(base, pc);
            }
            let link = if i.d != 0 {
                i.d
            } else {
                link(i.a as u32 + 2, FrameKind::LuaMany)
            };
            let thread = self.current();
            (*thread).base = self.offset_of(arguments);
            (*thread).pc = self.offset_of(pc);
            (*self.vm()).top = arguments.add(count as usize);
            *func.add(1) = header_word(self.offset_of(pc) + CALL_BYTES, link);
            let mut call = Call {
                rt: self,
                base: arguments,
                count,
            };
            let results = match (self.native(n).function)(&mut call) {
                Ok(Results(results)) => results,
                Err(raise) => return self.native_failed(raise, call.base, count, pc, i.a),
            };
            // The stack may have moved.
            let func = call.base.sub(2);
            if i.c.wrapping_sub(1) <= 1 {
                if results == 0 {
                    *func = Value::NIL.0;
                }
            } else if i.c == 0 {
                (*self.vm()).top = func.add(results as usize);
            } else {
                for j in results..i.c as u32 - 1 {
                    *func.add(j as usize) = Value::NIL.0;
                }
            }
            Ok(Step::Run {
                base: func.sub(i.a as usize),
                pc: pc.byte_add(CALL_BYTES as usize),
            })
        }
    }

    /// Puts function and arguments of an `IterCall` in place; gives the `Call` that it
    /// amounts to. `None`: the loop goes over `next`, which is not called at all.
    #[inline]
    fn prepare_iteration(self, base: *mut u64, i: Insn) -> Option<Insn> {
        // SAFETY: registers of the frame; the call area lies within it.
        unsafe {
            let r = base.add(i.a as usize);
            if self.is_next(Value(*r).payload()) {
                return None;
            }
            *r.add(3) = *r;
            *r.add(5) = *r.add(1);
            *r.add(6) = *r.add(2);
            let (a, c) = (i.a + 3, i.b + 1);
            Some(Insn::new(Op::Call, a, 3, c, link_for_call(a, c)))
        }
    }

    #[cold]
    #[inline(never)]
    fn native_call_slowly(self, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
        self.slow(base, pc)
    }

    /// The function with `count` arguments at `arguments`, called at `pc`, raised.
    #[cold]
    #[inline(never)]
    fn native_failed(
        self,
        raise: Raise,
        arguments: *mut u64,
        count: u32,
        pc: *const u64,
        a: u8,
    ) -> Result<Step, Raise> {
        // SAFETY: live thread; the frame of the call.
        unsafe {
            if raise != Raise::NoMemory {
                (*self.current()).base = self.offset_of(arguments);
                return self.unwind(raise);
            }
            // Nothing has changed: the slow path calls again, after a collection.
            let base = arguments.sub(2 + a as usize);
            self.save_frame(base, pc);
            (*self.vm()).top = arguments.add(count as usize);
            self.collect();
            self.with_retry(|| self.slow(base, pc))
        }
    }

    pub(super) fn slow_call(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        // SAFETY: registers of the frame.
        unsafe {
            let func = base.add(i.a as usize);
            let count = self.argument_count(func.add(2), i.b);
            let header = header_word(self.offset_of(pc) + CALL_BYTES, i.d);
            self.precall(func, count, header)
        }
    }

    pub(super) fn slow_tail_call(
        self,
        base: *mut u64,
        pc: *const u64,
        i: Insn,
    ) -> Result<Step, Raise> {
        // SAFETY: registers of the frame; the caller's frame header stays valid.
        unsafe {
            let mut func = base.add(i.a as usize);
            let mut count = self.argument_count(func.add(2), i.b);
            let mut f = Value(*func);
            let called = f;
            if !f.is_function() {
                f = self.event_handler(self.metatable_of(f), Event::Call);
                if !f.is_function() {
                    return Err(self.call_type_error(called));
                }
            }
            // The frame that a Lua function replaces: past the shift of a variadic one.
            let replaced = |base: *mut u64| {
                let mut target = base;
                let mut header = *target.sub(1);
                while FrameKind::of((header >> 32) as u32) == FrameKind::Variadic {
                    target = target.byte_sub(distance((header >> 32) as u32));
                    header = *target.sub(1);
                }
                (target, header)
            };
            // Memory may be short here: before anything changes.
            let link_then = if f.has_tag(tag::CLOSURE) {
                let (target, header) = replaced(base);
                self.count_tail(target, (header >> 32) as u32)?
            } else {
                0
            };
            if called != f {
                func = self.room(func.add(2), count + 4, count)?.sub(2);
                core::ptr::copy(func.add(2), func.add(3), count as usize);
                *func.add(2) = called.0;
                *func = f.0;
                count += 1;
            }
            let base: *mut u64 = self.at((*self.current()).base);
            if f.has_tag(tag::NATIVE) {
                // A native function is called from here, as in the reference: this frame
                // shows in positions of errors (`return error(...)`) and in tracebacks.
                // What returns later (`return pcall(f)`) goes on at the `Return` that follows.
                let header = header_word(
                    self.offset_of(pc) + CALL_BYTES,
                    link(i.a as u32 + 2, FrameKind::LuaMany),
                );
                if self.header(f.payload()).b3 != 0 || self.wants(!0) {
                    return self.precall(func, count, header);
                }
                *func.add(1) = header;
                let n = self.call_native(NativeRef(f.payload()), func.add(2), count)?;
                // The stack may have moved.
                let inner: *mut u64 = self.at((*self.current()).base);
                let base = inner.sub(i.a as usize + 2);
                let header = *base.sub(1);
                core::ptr::copy(inner.sub(2), base.sub(2), n.0 as usize);
                return self.return_from(base, header, n.0);
            }
            // Slide function and arguments down over this frame, and call from there.
            let (mut target, header) = replaced(base);
            // Nothing may fail once this frame is overwritten, so its successor gets room now.
            let entry = self.closure(ClosureRef(f.payload())).entry;
            let signature: u32 = self.get(entry - SIGNATURE_BEFORE_ENTRY);
            let registers = self.get::<u32>(entry - FRAME_BYTES_BEFORE_ENTRY) / 8;
            let arguments = func.add(2).offset_from_unsigned(target) as u32;
            let needed = count.max(params_of(signature)) + 2 + registers;
            let header = header_word(header as u32, link_then);
            target = self.room(target, needed, arguments + count)?;
            *target.sub(2) = f.0;
            core::ptr::copy(target.add(arguments as usize), target, count as usize);
            self.precall(target.sub(2), count, header)
        }
    }

    pub(super) fn slow_return(self, base: *mut u64, a: u8, b: u8) -> Result<Step, Raise> {
        // SAFETY: registers of the frame.
        unsafe {
            let first = base.add(a as usize);
            let n = self.argument_count(first, b);
            let header = *base.sub(1);
            core::ptr::copy(first, base.sub(2), n as usize);
            self.return_from(base, header, n)
        }
    }

    pub(super) fn var_arg(self, base: *mut u64, pc: *const u64, i: Insn) -> Result<Step, Raise> {
        // SAFETY: registers of the frame; open lists get room first.
        unsafe {
            let proto = self.header(Value(*base.sub(2)).payload()).aux;
            let params = self.header(proto).b2 as u32;
            let (_, n) = self.variadic_arguments(base, params);
            let mut base = base;
            let wanted = if i.b == 0 { n } else { i.b as u32 - 1 };
            if i.b == 0 {
                base = self.room(base, i.a as u32 + n + 4, i.a as u32)?;
            }
            let (from, n) = self.variadic_arguments(base, params);
            let to = base.add(i.a as usize);
            let given = n.min(wanted);
            core::ptr::copy(from, to, given as usize);
            for j in given..wanted {
                *to.add(j as usize) = Value::NIL.0;
            }
            if i.b == 0 {
                (*self.vm()).top = to.add(n as usize);
            }
            self.next(base, pc)
        }
    }

    /// What a variadic function calls `arg`.
    pub(super) fn arg_table(self, base: *mut u64) -> Result<TableRef, Raise> {
        // SAFETY: the frame header lies below the base.
        let proto = self.header(Value(unsafe { *base.sub(2) }).payload()).aux;
        let (from, n) = self.variadic_arguments(base, self.header(proto).b2 as u32);
        let t = self.new_table(self.empty_shape(), n)?;
        for j in 0..n {
            // SAFETY: the arguments lie below the frame.
            self.raw_set_int(t, j + 1, Value(unsafe { *from.add(j as usize) }))?;
        }
        self.raw_set_str(t, self.intern(b"n")?, Value::number(n as f64))?;
        Ok(t)
    }

    pub(super) fn make_closure(self, base: *mut u64, p: ProtoRef) -> Result<ClosureRef, Raise> {
        // SAFETY: the frame header lies below the base.
        let outer = ClosureRef(Value(unsafe { *base.sub(2) }).payload());
        let c = self.new_closure(p, self.closure(outer).env)?;
        for (j, d) in self
            .slice::<UpvalueDesc>(self.proto(p).upvalues)
            .iter()
            .enumerate()
        {
            let v = match d.from {
                UpvalueFrom::Local => self.reg(base, d.index),
                UpvalueFrom::Up => self.get(outer.0 + CLOSURE_UPVALUES + d.index as u32 * 8),
                UpvalueFrom::Itself => c.value(),
            };
            self.set(c.0 + CLOSURE_UPVALUES + j as u32 * 8, v);
        }
        Ok(c)
    }

    /// "attempt to call ..."
    #[cold]
    pub(crate) fn call_type_error(self, f: Value) -> Raise {
        let frame = self.top_frame();
        let register = if frame.pc != 0 {
            let i: Insn = Insn::from_word(self.get(frame.pc));
            match OPS[i.op as usize].base {
                // The function that a loop calls is a copy without a name.
                Op::Call | Op::TailCall => Some(i.a),
                _ => None,
            }
        } else {
            None
        };
        if f.type_of() == Type::Function {
            return self.raise_text(b"internal error: call");
        }
        self.type_error("call", f, register)
    }
}
