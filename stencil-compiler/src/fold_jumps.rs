//! Stage 2½, AOT functions: `mov r, [table]` and `jmp r` become `jmp [table]`.
//!
//! A threaded interpreter's every handler ends this way, so it is worth one
//! instruction of each operation. LLVM doesn't do it where the address uses a
//! register that the C convention preserves, as the pinned ones here are.
//!
//! The register that held the address is not set any more. No convention passes
//! an argument in the register that a tail call jumps through, so nothing can
//! miss it. Instructions that stand between the two stay in their order, before
//! the jump, if moving the load behind them can't change what it reads: they
//! write neither memory nor registers of the address, don't read `r`, and are
//! nobody's target. Code keeps its size and everything else its place: the bytes
//! that become free trap and are never reached. Called by [`crate::build`].

use std::collections::HashSet;

use iced_x86::{
    Code, Encoder, FlowControl, Instruction, InstructionInfoFactory, InstructionInfoOptions,
    OpAccess, OpKind, Register,
};

use crate::decode::{self, Insn};
use crate::error::Reason;
use crate::object_file::Function;

/// At most so many instructions may stand between load and jump.
const WINDOW: usize = 6;
/// Traps.
const PADDING: u8 = 0xcc;

/// Folds every such pair in `function`. Gives their number.
///
/// # Errors
/// The [`Reason`] why the function can't be decoded.
pub fn fold(function: &mut Function) -> Result<usize, Reason> {
    let insns = decode::decode(function)?;
    let targets: HashSet<u64> = insns
        .iter()
        .filter(|insn| insn.branches_inside())
        .map(|insn| insn.instruction.near_branch_target())
        .collect();
    let mut folded = 0;
    for (at, jump) in insns.iter().enumerate() {
        if jump.instruction.code() != Code::Jmp_rm64
            || jump.instruction.op0_kind() != OpKind::Register
        {
            continue;
        }
        let Some(load) = find_load(&insns, at, &targets) else {
            continue;
        };
        if let Some(bytes) = folded_jump(&insns[load].instruction) {
            rewrite(function, &insns[load..=at], &bytes);
            folded += 1;
        }
    }
    Ok(folded)
}

/// The load whose result the jump at `at` uses, if it may move there.
fn find_load(insns: &[Insn], at: usize, targets: &HashSet<u64>) -> Option<usize> {
    let register = insns[at].instruction.op0_register();
    let mut info = InstructionInfoFactory::new();
    let mut written: Vec<Register> = Vec::new();
    let mut wrote_memory = false;
    for index in (at.saturating_sub(WINDOW)..at).rev() {
        // The instruction behind must be reached from this one only.
        if targets.contains(&u64::from(insns[index + 1].offset)) {
            return None;
        }
        let insn = &insns[index];
        let i = &insn.instruction;
        if i.code() == Code::Mov_r64_rm64 && i.op0_register() == register {
            let movable = i.op1_kind() == OpKind::Memory
                && insn.fixups.is_empty()
                && !i.is_ip_rel_memory_operand()
                && i.segment_prefix() == Register::None
                && !wrote_memory
                && ![i.memory_base(), i.memory_index()]
                    .iter()
                    .any(|used| written.contains(&used.full_register()));
            return movable.then_some(index);
        }
        if i.flow_control() != FlowControl::Next || !insn.fixups.is_empty() {
            return None;
        }
        let used = info.info_options(i, InstructionInfoOptions::NONE);
        for usage in used.used_registers() {
            if usage.register().full_register() == register {
                return None;
            }
            if usage.access() != OpAccess::Read {
                written.push(usage.register().full_register());
            }
        }
        wrote_memory |= used
            .used_memory()
            .iter()
            .any(|usage| usage.access() != OpAccess::Read);
    }
    None
}

/// `jmp` through the memory operand of a load, if it is no longer than that.
fn folded_jump(load: &Instruction) -> Option<Vec<u8>> {
    let mut jump = *load;
    jump.set_code(Code::Jmp_rm64);
    jump.set_op0_kind(OpKind::Memory);
    jump.set_op1_kind(OpKind::Register);
    jump.set_op1_register(Register::None);
    let mut encoder = Encoder::new(64);
    encoder.encode(&jump, 0).ok()?;
    let bytes = encoder.take_buffer();
    (bytes.len() <= load.len()).then_some(bytes)
}

/// Puts what lies between load and jump first, then `jump`, then traps. Nothing
/// there has a relocation.
fn rewrite(function: &mut Function, run: &[Insn], jump: &[u8]) {
    let (load, last) = (&run[0], &run[run.len() - 1]);
    let (start, end) = (load.offset as usize, last.end() as usize);
    let mut bytes = function.bytes[load.end() as usize..last.offset as usize].to_vec();
    bytes.extend_from_slice(jump);
    bytes.resize(end - start, PADDING);
    function.bytes[start..end].copy_from_slice(&bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(bytes: &[u8]) -> (usize, Vec<u8>) {
        let mut function = Function {
            symbol: "f".into(),
            exported: true,
            bytes: bytes.to_vec(),
            relocs: Vec::new(),
        };
        let n = fold(&mut function).unwrap();
        (n, function.bytes)
    }

    #[test]
    fn adjacent() {
        // mov rax, [r12+rax*8+0x180]; jmp rax
        let (n, bytes) = folded(&[0x49, 0x8b, 0x84, 0xc4, 0x80, 1, 0, 0, 0xff, 0xe0]);
        assert_eq!(n, 1);
        assert_eq!(bytes, [0x41, 0xff, 0xa4, 0xc4, 0x80, 1, 0, 0, 0xcc, 0xcc]);
    }

    #[test]
    fn a_move_in_between_goes_first() {
        // mov rcx, [r12+rcx*8]; mov r14, rax; jmp rcx
        let (n, bytes) = folded(&[0x49, 0x8b, 0x0c, 0xcc, 0x49, 0x89, 0xc6, 0xff, 0xe1]);
        assert_eq!(n, 1);
        assert_eq!(
            bytes,
            [0x49, 0x89, 0xc6, 0x41, 0xff, 0x24, 0xcc, 0xcc, 0xcc]
        );
    }

    #[test]
    fn refused_when_the_order_matters() {
        for code in [
            // mov rcx, [r12+rcx*8]; mov r12, rax; jmp rcx: a register of the address
            &[0x49, 0x8b, 0x0c, 0xcc, 0x49, 0x89, 0xc4, 0xff, 0xe1][..],
            // mov rcx, [r12+rcx*8]; mov [r13], rax; jmp rcx: memory
            &[0x49, 0x8b, 0x0c, 0xcc, 0x49, 0x89, 0x45, 0x00, 0xff, 0xe1],
            // mov rcx, [r12+rcx*8]; mov r14, rcx; jmp rcx: the value is used
            &[0x49, 0x8b, 0x0c, 0xcc, 0x49, 0x89, 0xce, 0xff, 0xe1],
            // mov rcx, [r12+rcx*8]; jmp rcx; jmp short to the first `jmp`: a target
            &[0x49, 0x8b, 0x0c, 0xcc, 0xff, 0xe1, 0xeb, 0xfc],
            // mov ecx, [r12+rcx*8]; jmp rcx: a load of half the width
            &[0x41, 0x8b, 0x0c, 0xcc, 0xff, 0xe1],
        ] {
            let (n, bytes) = folded(code);
            assert_eq!((n, &bytes[..]), (0, code));
        }
    }
}
