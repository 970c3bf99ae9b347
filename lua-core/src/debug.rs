//! Names for error messages and tracebacks: which variable an instruction's
//! operand is, and under which name a function was called.
//!
//! Works as the reference does: a register that a local variable lives in has
//! its name; for any other the instruction that filled it is looked for, going
//! through the code from the start and along forward jumps. So for a value that
//! came by one of several ways there may be no name, as in the reference.
//!
//! Only reads. Called when messages are made, so nothing here need be fast.

use crate::error::FrameInfo;
use crate::heap::{ClosureRef, ProtoRef, Rt, StrRef};
use crate::isa::{Control, Insn, OPS, Op, Operand};
use crate::proto::{LocalDesc, Proto, UpvalueDesc};
use crate::value::tag;

/// Kind ("local", "global", "field", "upvalue", "method") and name of a variable.
type Name = (&'static str, StrRef);

impl Rt {
    /// Kind and name of what register `r` of a Lua frame holds at its current
    /// instruction.
    pub(crate) fn variable_name(self, f: &FrameInfo, r: u8) -> Option<Name> {
        let closure = ClosureRef::from_value(f.function)?;
        let proto = self.proto(ProtoRef(self.header(closure.0).aux));
        let pc = f.pc.checked_sub(proto.entry)? / 8;
        if pc >= proto.code_words {
            // A function that got no frame, seen with its caller's instruction.
            return None;
        }
        // A move from a lower register is looked through, so this ends.
        let mut r = r;
        loop {
            if let Some(name) = self.local_name(&proto, r, pc) {
                return Some(("local", name));
            }
            let insn = self.last_writer(&proto, r, pc)?;
            match OPS.get(insn.op as usize)?.base {
                Op::Move if insn.b < r => r = insn.b,
                Op::GetCell => return Some(("local", self.local_name(&proto, insn.b, pc)?)),
                Op::GetGlobal => return Some(("global", StrRef(insn.d))),
                Op::GetField => return Some(("field", StrRef(insn.d))),
                // The key isn't a constant, or a number.
                Op::GetIndex | Op::GetIndexK => return Some(("field", self.unknown_name())),
                Op::Method => return Some(("method", StrRef(insn.d))),
                Op::GetUp | Op::GetUpCell => {
                    let upvalues = self.slice::<UpvalueDesc>(proto.upvalues);
                    return Some(("upvalue", upvalues.get(insn.b as usize)?.name));
                }
                _ => return None,
            }
        }
    }

    /// Kind and name under which the function of frame `f` was called.
    pub(crate) fn call_name(self, f: &FrameInfo) -> Option<Name> {
        // What a tail call replaced had the name.
        // SAFETY: a complete frame.
        if f.function.has_tag(tag::CLOSURE) && unsafe { self.has_tails(f.base) } {
            return None;
        }
        let caller = self.caller_of(f)?;
        if !caller.function.has_tag(tag::CLOSURE) || caller.pc == 0 {
            return None;
        }
        let insn = Insn::from_word(self.get(caller.pc));
        match OPS.get(insn.op as usize)?.base {
            Op::Call | Op::TailCall | Op::IterCall => self.variable_name(&caller, insn.a),
            _ => None,
        }
    }

    /// "?"
    fn unknown_name(self) -> StrRef {
        // SAFETY: plain field, filled when the VM is made.
        StrRef(unsafe { (*self.vm()).library.byte_strings[b'?' as usize] })
    }

    /// Name of the local variable in register `r` at word `pc`.
    fn local_name(self, proto: &Proto, r: u8, pc: u32) -> Option<StrRef> {
        self.slice::<LocalDesc>(proto.locals)
            .iter()
            .rfind(|local| local.register == r && local.start_pc <= pc && pc < local.end_pc)
            .map(|local| local.name)
    }

    /// The instruction before word `end` that gave register `r` its value.
    fn last_writer(self, proto: &Proto, r: u8, end: u32) -> Option<Insn> {
        let mut last = None;
        let mut pc = 0;
        while pc < end {
            let insn = Insn::from_word(self.get(proto.entry + pc * 8));
            let info = OPS.get(insn.op as usize)?;
            if touches(insn, r) {
                last = Some(insn);
            }
            let next = pc + info.op.words() as u32;
            let is_jump = matches!(info.control, Control::Branch | Control::Jump);
            let target = pc.wrapping_add(insn.d);
            // A forward jump within what is looked at is taken.
            pc = if is_jump && target > pc && target <= end {
                target
            } else {
                next
            };
        }
        last
    }
}

/// Does the instruction write register `r`, or test it (so that what it holds
/// afterwards came by more than one way)?
fn touches(insn: Insn, r: u8) -> bool {
    let Some(info) = OPS.get(insn.op as usize) else {
        return false;
    };
    match info.base.without_loop() {
        // What a call leaves, and everything above: dead or results.
        Op::Call | Op::TailCall | Op::VarArg => r >= insn.a,
        Op::IterCall => r >= insn.a.saturating_add(2),
        Op::LoadNil => r >= insn.a && r - insn.a <= insn.b,
        Op::Method => r == insn.a || r == insn.a.saturating_add(2),
        Op::ForPrep | Op::ForLoop | Op::ForLoopUp => r == insn.a || r == insn.a.saturating_add(3),
        Op::JumpIf | Op::JumpIfNot => r == insn.a,
        _ => info.operands[0] == Operand::Dst && r == insn.a,
    }
}
