//! The portable engine: one loop, one `match` over the op table. It needs no
//! executable memory and runs under Miri, and is the oracle for the others.
//!
//! It must not give an operation a meaning of its own: arms are expanded from the
//! table and call the bodies in `ops/`.

use crate::calls::Step;
use crate::error::Raise;
use crate::heap::Rt;
use crate::isa::Op;
use crate::ops::{self, Fetch, Flow, Machine, Operands, jump_bytes};
use crate::shortcuts::Shortcut;
use crate::value::INFINITY_TWICE;

macro_rules! dispatch {
    ($op:ident $m:ident $pc:ident $($name:ident ($a:ident $b:ident $c:ident $d:ident) $extra:ident $control:ident $base:ident $module:ident::$body:ident $doc:literal;)*) => {
        match $op {
            $(x if x == Op::$name as u8 => (
                ops::$module::$body($m, Fetch::new($pc)),
                crate::isa::Extra::$extra.words(),
            ),)*
            // No prototype holds other numbers: the front end emits operations of the table.
            _ => (Flow::Slow, 1),
        }
    };
}

macro_rules! shortcut {
    ($number:ident $m:ident $pc:ident $($name:ident $library:literal $function:literal $body:ident $doc:literal;)*) => {
        match $number {
            $(x if x == Shortcut::$name as usize => ops::shortcuts::$body($m, Fetch::new($pc)),)*
            _ => Flow::Native,
        }
    };
}

macro_rules! dispatch_part {
    ($part:ident $m:ident $pc:ident $($name:ident $extra:ident $module:ident::$body:ident $doc:literal;)*) => {
        match $part {
            $(ops::Part::$name => (
                ops::$module::$body($m, Fetch::new($pc)),
                crate::isa::Extra::$extra.words(),
            ),)*
        }
    };
}

/// Runs until the innermost entry frame returns.
pub(crate) fn run(rt: Rt, base: *mut u64, pc: *const u64) -> Result<u32, Raise> {
    // SAFETY: plain field.
    unsafe { (*rt.vm()).stats.portable_entries += 1 };
    let (mut base, mut pc) = (base, pc);
    loop {
        let step = if rt.wants(!0) {
            execute::<true>(rt, base, pc)?
        } else {
            execute::<false>(rt, base, pc)?
        };
        match step {
            Step::Run { base: b, pc: p } => (base, pc) = (b, p),
            Step::Exit(n) => return Ok(n),
        }
    }
}

/// Runs until the innermost entry frame returns, or hooks come up or go away.
fn execute<const HOOKED: bool>(rt: Rt, base: *mut u64, pc: *const u64) -> Result<Step, Raise> {
    // SAFETY: the caller's frame and its instruction; what bodies and slow paths hand back
    // is again a frame and its instruction.
    let machine = |base| unsafe { Machine::new(rt.vm(), base, INFINITY_TWICE) };
    let mut m = machine(base);
    let mut pc = pc;
    loop {
        if HOOKED {
            match rt.hooked(m.base, pc)? {
                // It goes unreported to the other loop.
                step if !rt.wants(!0) => return Ok(step),
                Step::Run { base, pc: to } => {
                    m = machine(base);
                    pc = to;
                }
                exit => return Ok(exit),
            }
        }
        let op = ops::insn(pc).op;
        // SAFETY: `pc` is an instruction of the running prototype, and its number chooses the body.
        let (flow, words) = unsafe { crate::for_each_op!(dispatch, op, m, pc,) };
        let (flow, words) = match flow {
            // SAFETY: as above.
            Flow::Rest(part) => unsafe { crate::for_each_part!(dispatch_part, part, m, pc,) },
            flow => (flow, words),
        };
        let flow = match flow {
            Flow::Native => {
                // SAFETY: as above; the callee's number chooses the body.
                unsafe {
                    let number = ops::shortcuts::number(m, Fetch::new(pc));
                    crate::for_each_shortcut!(shortcut, number, m, pc,)
                }
            }
            other => other,
        };
        let step = match flow {
            Flow::Next | Flow::Begun(_) => {
                pc = pc.wrapping_add(words);
                continue;
            }
            Flow::Number(x) => {
                // SAFETY: as above.
                m.set_reg(unsafe { Fetch::new(pc) }.a(), x.to_bits());
                pc = pc.wrapping_add(words);
                continue;
            }
            Flow::Value(v) => {
                // SAFETY: as above.
                m.set_reg(unsafe { Fetch::new(pc) }.a(), v);
                pc = pc.wrapping_add(words);
                continue;
            }
            Flow::Taken | Flow::Again(_) => {
                // SAFETY: as above.
                pc = pc.wrapping_byte_offset(unsafe { jump_bytes(pc) });
                continue;
            }
            Flow::TakenNext => {
                let next = pc.wrapping_add(words);
                // SAFETY: as above; an `IterLoop` follows.
                pc = next.wrapping_byte_offset(unsafe { jump_bytes(next) });
                continue;
            }
            Flow::Goto(base, to) | Flow::Call(base, to) | Flow::Enter(base, to) => {
                m = machine(base);
                pc = to;
                continue;
            }
            Flow::Return(base, distance, to) => {
                m = machine(base.wrapping_byte_sub(distance));
                pc = to;
                continue;
            }
            // SAFETY: plain field.
            Flow::Exit => return Ok(Step::Exit(unsafe { (*rt.vm()).left })),
            // No part leads to another.
            Flow::Slow | Flow::Miss | Flow::Rest(_) => rt.slow(m.base, pc)?,
            Flow::Native => rt.native_call(m.base, pc)?,
            Flow::Trap => rt.safepoint(m.base, pc)?,
        };
        match step {
            // The other loop takes over.
            Step::Run { .. } if !HOOKED && rt.wants(!0) => return Ok(step),
            Step::Run { base, pc: to } => {
                m = machine(base);
                pc = to;
            }
            exit => return Ok(exit),
        }
    }
}
