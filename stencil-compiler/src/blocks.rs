//! Stage 5, blocks: a stencil's instructions as basic blocks whose ends are
//! symbolic, so that blocks can be moved and branches inverted.
//!
//! After this stage no branch inside the stencil has a distance any more, only
//! a target. Works on stencils only: AOT functions keep the compiler's layout.
//! Called by [`crate::build`], before the checks and the fallthrough pass.

use iced_x86::{Code, ConditionCode, FlowControl, Instruction};

use crate::decode::Insn;
use crate::error::Reason;
use crate::holes::{Entry, Package, Reference};
use crate::naming::Role;
use crate::object_file::Function;

/// A stencil as blocks; block 0 is the entry.
#[derive(Debug, Clone)]
pub struct Graph {
    /// In the order of the compiler's layout.
    pub blocks: Vec<Block>,
}

/// Straight-line code and where it goes.
#[derive(Debug, Clone)]
pub struct Block {
    /// The instructions, without a final branch that `end` stands for.
    pub body: Vec<Piece>,
    /// Where control goes.
    pub end: End,
    /// Offset in the function of the last instruction, for messages.
    pub last: u32,
}

/// One instruction that is copied as it is.
#[derive(Debug, Clone)]
pub struct Piece {
    /// As decoded.
    pub instruction: Instruction,
    /// Offset in the function.
    pub offset: u32,
    /// Encoding.
    pub bytes: Vec<u8>,
    /// Fields to be filled: offset in `bytes`, what for.
    pub fields: Vec<(u8, Reference)>,
}

/// Where a branch leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A block of the stencil.
    Block(usize),
    /// Out of the stencil.
    Out(Entry),
}

/// How a block ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// Goes on there.
    Jump(Target),
    /// Goes to `taken` if the condition holds, else to `other`.
    Branch {
        /// The condition.
        condition: ConditionCode,
        /// Where to if it holds.
        taken: Target,
        /// Where to if it doesn't.
        other: Target,
    },
    /// The last instruction of the body leaves the stencil: `jmp reg`, `ret`.
    Leave,
    /// The last instruction of the body traps.
    Trap,
}

impl End {
    /// The targets, the likelier last.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        let (first, second) = match self {
            Self::Jump(target) => (None, Some(target)),
            Self::Branch { taken, other, .. } => (Some(taken), Some(other)),
            Self::Leave | Self::Trap => (None, None),
        };
        first.into_iter().chain(second)
    }

    /// The same, to be changed.
    pub fn targets_mut(&mut self) -> impl Iterator<Item = &mut Target> {
        let (first, second) = match self {
            Self::Jump(target) => (None, Some(target)),
            Self::Branch { taken, other, .. } => (Some(taken), Some(other)),
            Self::Leave | Self::Trap => (None, None),
        };
        first.into_iter().chain(second)
    }
}

impl Graph {
    /// Blocks that can follow block `index`.
    pub fn successors(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        self.blocks[index]
            .end
            .targets()
            .filter_map(|target| match target {
                Target::Block(block) => Some(*block),
                Target::Out(_) => None,
            })
    }

    /// Drops blocks that no path from the entry reaches, as padding after a jump.
    pub fn drop_unreachable(&mut self) {
        let mut reached = vec![false; self.blocks.len()];
        let mut work = vec![0];
        while let Some(index) = work.pop() {
            if !std::mem::replace(&mut reached[index], true) {
                work.extend(self.successors(index));
            }
        }
        let mut next = 0;
        let renumbered: Vec<usize> = reached
            .iter()
            .map(|&kept| {
                next += usize::from(kept);
                next.wrapping_sub(1)
            })
            .collect();
        let mut kept = reached.iter();
        self.blocks
            .retain(|_| kept.next().copied().unwrap_or(false));
        for block in &mut self.blocks {
            for target in block.end.targets_mut() {
                if let Target::Block(index) = target {
                    *index = renumbered[*index];
                }
            }
        }
    }
}

/// Splits the instructions of the stencil `function` into blocks.
///
/// # Errors
/// The [`Reason`] why its control flow or a reference can't be kept.
pub fn split(package: &Package<'_>, function: &Function, insns: &[Insn]) -> Result<Graph, Reason> {
    let starts = block_starts(insns)?;
    let block_at = |offset: u64| starts.binary_search(&offset).ok();
    let mut blocks = Vec::with_capacity(starts.len());
    let mut current = Vec::new();
    for (index, insn) in insns.iter().enumerate() {
        let at = u64::from(insn.offset);
        let end = u64::from(insn.end());
        let target = |package: &Package<'_>| -> Result<Target, Reason> {
            match insn.branch_fixup() {
                Some(fixup) => match package.reference(function, Role::Stencil, insn, fixup)? {
                    Reference::Entry(entry) => Ok(Target::Out(entry)),
                    Reference::Operand { .. } | Reference::Data { .. } => {
                        Err(Reason::MisplacedRelocation { offset: at })
                    }
                },
                None => block_at(insn.instruction.near_branch_target())
                    .map(Target::Block)
                    .ok_or(Reason::WildBranch { offset: at }),
            }
        };
        let following = || {
            block_at(end)
                .map(Target::Block)
                .ok_or(Reason::RunsOffTheEnd)
        };
        let finished = match insn.instruction.flow_control() {
            FlowControl::Next | FlowControl::Call | FlowControl::IndirectCall => {
                current.push(piece(package, function, insn)?);
                let leads = insns.get(index + 1).map(|next| u64::from(next.offset));
                match leads {
                    None => return Err(Reason::RunsOffTheEnd),
                    Some(next) if block_at(next).is_some() => Some(End::Jump(following()?)),
                    Some(_) => None,
                }
            }
            FlowControl::UnconditionalBranch if insn.instruction.is_jmp_short_or_near() => {
                Some(End::Jump(target(package)?))
            }
            FlowControl::ConditionalBranch if insn.instruction.is_jcc_short_or_near() => {
                Some(End::Branch {
                    condition: insn.instruction.condition_code(),
                    taken: target(package)?,
                    other: following()?,
                })
            }
            FlowControl::IndirectBranch | FlowControl::Return => {
                current.push(piece(package, function, insn)?);
                Some(End::Leave)
            }
            FlowControl::Exception | FlowControl::Interrupt => {
                current.push(piece(package, function, insn)?);
                Some(End::Trap)
            }
            FlowControl::UnconditionalBranch
            | FlowControl::ConditionalBranch
            | FlowControl::XbeginXabortXend => {
                return Err(Reason::UnsupportedBranch { offset: at });
            }
        };
        if let Some(end) = finished {
            blocks.push(Block {
                body: std::mem::take(&mut current),
                end,
                last: insn.offset,
            });
        }
    }
    if blocks.is_empty() {
        return Err(Reason::RunsOffTheEnd);
    }
    let mut graph = Graph { blocks };
    graph.drop_unreachable();
    Ok(graph)
}

/// Offsets at which blocks start, ascending: the entry, targets of branches,
/// and what follows an instruction that ends a block.
fn block_starts(insns: &[Insn]) -> Result<Vec<u64>, Reason> {
    let mut starts = vec![0];
    for (index, insn) in insns.iter().enumerate() {
        let flow = insn.instruction.flow_control();
        if insn.branches_inside() {
            let target = insn.instruction.near_branch_target();
            let known = insns
                .binary_search_by_key(&target, |insn| u64::from(insn.offset))
                .is_ok();
            // A call into the own code is a trick that position-independent
            // code plays to learn its address; nothing here needs it.
            if !known || flow == FlowControl::Call {
                return Err(Reason::WildBranch {
                    offset: insn.offset.into(),
                });
            }
            starts.push(target);
        }
        let ends = !matches!(
            flow,
            FlowControl::Next | FlowControl::Call | FlowControl::IndirectCall
        );
        if ends && index + 1 < insns.len() {
            starts.push(insn.end().into());
        }
    }
    starts.sort_unstable();
    starts.dedup();
    Ok(starts)
}

fn piece(package: &Package<'_>, function: &Function, insn: &Insn) -> Result<Piece, Reason> {
    let bytes = function.bytes[insn.offset as usize..insn.end() as usize].to_vec();
    let relative = insn.instruction.is_ip_rel_memory_operand();
    if relative
        && insn
            .fixups
            .iter()
            .all(|fixup| fixup.field != crate::decode::Field::RelativeMemory)
    {
        // Relative to the own code, which moves.
        return Err(Reason::MisplacedRelocation {
            offset: insn.offset.into(),
        });
    }
    let fields = insn
        .fixups
        .iter()
        .map(|fixup| {
            let reference = package.reference(function, Role::Stencil, insn, fixup)?;
            if let Reference::Entry(Entry::Continuation(continuation)) = &reference
                && is_call(&insn.instruction)
            {
                return Err(Reason::CallsContinuation {
                    offset: insn.offset.into(),
                    continuation: continuation.clone(),
                });
            }
            Ok((fixup.offset, reference))
        })
        .collect::<Result<_, _>>()?;
    Ok(Piece {
        instruction: insn.instruction,
        offset: insn.offset,
        bytes,
        fields,
    })
}

/// Whether the instruction is a near call to a symbol.
#[must_use]
pub fn is_call(instruction: &Instruction) -> bool {
    matches!(instruction.code(), Code::Call_rel32_64)
}
