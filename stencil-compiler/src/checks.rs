//! Stage 6, checks: what a stencil must keep to so that control may pass
//! through it without a native frame, and what the code asks of the processor.
//!
//! The stack pointer is followed along every path: at each exit it must be what
//! it was at entry. Nothing here changes code. Called by [`crate::build`] for
//! stencils (`stack`) and for all code (`features`).

use iced_x86::{
    Code, CpuidFeature, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess,
    Register,
};
use stencil_format::CpuFeatures;

use crate::blocks::{Block, End, Graph, Target};
use crate::decode::Insn;
use crate::error::Reason;
use crate::holes::Entry;

/// Checks that the native stack is balanced wherever control leaves `graph`.
/// `may_return`: the package lists the stencil as one that returns natively.
///
/// # Errors
/// [`Reason::FrameAliveAtExit`], [`Reason::UntrackableStack`] or [`Reason::Return`].
pub fn stack(graph: &Graph, may_return: bool) -> Result<(), Reason> {
    let mut factory = InstructionInfoFactory::new();
    let mut at_entry: Vec<Option<i64>> = vec![None; graph.blocks.len()];
    at_entry[0] = Some(0);
    let mut work = vec![0];
    while let Some(index) = work.pop() {
        let block = &graph.blocks[index];
        let mut depth = at_entry[index].unwrap_or(0);
        for piece in &block.body {
            let untrackable = Reason::UntrackableStack {
                offset: piece.offset.into(),
            };
            let flow = piece.instruction.flow_control();
            if flow == FlowControl::Return {
                balanced(depth, piece.offset)?;
                if !may_return {
                    return Err(Reason::Return {
                        offset: piece.offset.into(),
                    });
                }
                continue;
            }
            depth += pushed(&mut factory, &piece.instruction).ok_or(untrackable)?;
            if depth < 0 {
                // It would eat into its caller's frame.
                return Err(Reason::UntrackableStack {
                    offset: piece.offset.into(),
                });
            }
        }
        leaves(block, depth, may_return)?;
        for next in graph.successors(index) {
            match at_entry[next] {
                None => {
                    at_entry[next] = Some(depth);
                    work.push(next);
                }
                Some(known) if known == depth => {}
                Some(_) => {
                    return Err(Reason::UntrackableStack {
                        offset: block.last.into(),
                    });
                }
            }
        }
    }
    Ok(())
}

fn balanced(depth: i64, offset: u32) -> Result<(), Reason> {
    if depth == 0 {
        Ok(())
    } else {
        Err(Reason::FrameAliveAtExit {
            offset: offset.into(),
            bytes: depth,
        })
    }
}

/// Checks the exits at the end of `block`, where `depth` bytes are pushed.
fn leaves(block: &Block, depth: i64, may_return: bool) -> Result<(), Reason> {
    match &block.end {
        End::Leave => balanced(depth, block.last),
        End::Trap => Ok(()),
        End::Jump(_) | End::Branch { .. } => {
            for target in block.end.targets() {
                let Target::Out(entry) = target else { continue };
                balanced(depth, block.last)?;
                // An import ends with `ret`: jumping to it returns.
                if matches!(entry, Entry::Import(_)) && !may_return {
                    return Err(Reason::Return {
                        offset: block.last.into(),
                    });
                }
            }
            Ok(())
        }
    }
}

/// Bytes that `instruction` adds to the native stack and leaves there; `None`
/// when that isn't a constant.
fn pushed(factory: &mut InstructionInfoFactory, instruction: &Instruction) -> Option<i64> {
    let writes = factory
        .info(instruction)
        .used_registers()
        .iter()
        .any(|used| {
            used.register().full_register() == Register::RSP
                && !matches!(used.access(), OpAccess::Read | OpAccess::CondRead)
        });
    if !writes {
        return Some(0);
    }
    match instruction.code() {
        // What a call pushes its callee pops.
        Code::Call_rel32_64 | Code::Call_rm64 => Some(0),
        Code::Sub_rm64_imm8 | Code::Sub_rm64_imm32 => Some(instruction.immediate(1).cast_signed()),
        Code::Add_rm64_imm8 | Code::Add_rm64_imm32 => {
            instruction.immediate(1).cast_signed().checked_neg()
        }
        Code::Lea_r64_m
            if instruction.memory_base() == Register::RSP
                && instruction.memory_index() == Register::None =>
        {
            instruction
                .memory_displacement64()
                .cast_signed()
                .checked_neg()
        }
        // `pop rsp` loads it, whatever the increment says.
        Code::Pop_r64 if instruction.op0_register() == Register::RSP => None,
        _ => match instruction.stack_pointer_increment() {
            0 => None,
            increment => Some(-i64::from(increment)),
        },
    }
}

/// The features beyond the baseline that the code needs.
///
/// # Errors
/// [`Reason::UnsupportedInstruction`] for an extension that a bundle has no bit for.
pub fn features(insns: &[Insn]) -> Result<CpuFeatures, Reason> {
    let mut needed = CpuFeatures::NONE;
    for insn in insns {
        // For the baseline LLVM writes `bsf` with a prefix that makes it a faster
        // `tzcnt` where there is one, and takes care that both do. Whether BMI1
        // was asked for can't be told from this instruction.
        if insn.instruction.mnemonic() == Mnemonic::Tzcnt {
            continue;
        }
        for feature in insn.instruction.cpuid_features() {
            match feature_of(*feature) {
                Some(feature) => needed = needed.union(feature),
                None => {
                    return Err(Reason::UnsupportedInstruction {
                        offset: insn.offset.into(),
                        extensions: format!("{feature:?}"),
                    });
                }
            }
        }
    }
    Ok(needed)
}

fn feature_of(feature: CpuidFeature) -> Option<CpuFeatures> {
    Some(match feature {
        // The x86-64 baseline, and what is a no-op where it isn't known.
        CpuidFeature::INTEL8086
        | CpuidFeature::INTEL186
        | CpuidFeature::INTEL286
        | CpuidFeature::INTEL386
        | CpuidFeature::INTEL486
        | CpuidFeature::X64
        | CpuidFeature::CMOV
        | CpuidFeature::CPUID
        | CpuidFeature::CX8
        | CpuidFeature::FXSR
        | CpuidFeature::MMX
        | CpuidFeature::SSE
        | CpuidFeature::SSE2
        | CpuidFeature::MULTIBYTENOP
        | CpuidFeature::PAUSE
        | CpuidFeature::CET_IBT
        | CpuidFeature::PREFETCHW
        | CpuidFeature::TSC
        | CpuidFeature::FPU
        | CpuidFeature::FPU287
        | CpuidFeature::FPU387
        | CpuidFeature::CLFSH => CpuFeatures::NONE,
        CpuidFeature::SSE3 => CpuFeatures::SSE3,
        CpuidFeature::SSSE3 => CpuFeatures::SSSE3,
        CpuidFeature::SSE4_1 => CpuFeatures::SSE4_1,
        CpuidFeature::SSE4_2 => CpuFeatures::SSE4_2,
        CpuidFeature::POPCNT => CpuFeatures::POPCNT,
        CpuidFeature::CMPXCHG16B => CpuFeatures::CMPXCHG16B,
        CpuidFeature::LZCNT => CpuFeatures::LZCNT,
        CpuidFeature::BMI1 => CpuFeatures::BMI1,
        CpuidFeature::BMI2 => CpuFeatures::BMI2,
        CpuidFeature::MOVBE => CpuFeatures::MOVBE,
        CpuidFeature::AVX => CpuFeatures::AVX,
        CpuidFeature::AVX2 => CpuFeatures::AVX2,
        CpuidFeature::FMA => CpuFeatures::FMA,
        CpuidFeature::F16C => CpuFeatures::F16C,
        _ => return None,
    })
}
