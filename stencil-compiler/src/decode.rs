//! Stage 3, decoding: a function's bytes as instructions, each with the fields
//! that relocations will fill.
//!
//! Every byte must decode, and every relocation must cover exactly one field
//! (displacement, immediate or branch distance) of one instruction: a
//! relocation in the middle of something is never guessed at. Called by
//! [`crate::build`]; the decoded form is what all later stages work on.

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};

use crate::error::Reason;
use crate::object_file::{Function, RelocKind};

/// Which field of an instruction a relocation fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The displacement of a memory operand that is relative to the next instruction.
    RelativeMemory,
    /// The displacement of any other memory operand.
    Displacement,
    /// An immediate operand.
    Immediate,
    /// The distance of a near branch or call.
    Branch,
}

/// A field to be filled.
#[derive(Debug, Clone, Copy)]
pub struct Fixup {
    /// Which field.
    pub field: Field,
    /// Offset of the field in the instruction.
    pub offset: u8,
    /// Index in [`Function::relocs`].
    pub reloc: usize,
}

/// One instruction.
#[derive(Debug, Clone)]
pub struct Insn {
    /// Offset in the function.
    pub offset: u32,
    /// As decoded at that offset.
    pub instruction: Instruction,
    /// At most a displacement and an immediate.
    pub fixups: Vec<Fixup>,
}

impl Insn {
    /// Offset of the next instruction.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.offset + self.instruction.len() as u32
    }

    /// The fixup of a branch's distance, if the target is a symbol.
    #[must_use]
    pub fn branch_fixup(&self) -> Option<&Fixup> {
        self.fixups
            .iter()
            .find(|fixup| fixup.field == Field::Branch)
    }

    /// Whether it is a near branch or call whose target is inside the function.
    #[must_use]
    pub fn branches_inside(&self) -> bool {
        self.branch_fixup().is_none()
            && matches!(
                self.instruction.flow_control(),
                FlowControl::UnconditionalBranch
                    | FlowControl::ConditionalBranch
                    | FlowControl::Call
                    | FlowControl::XbeginXabortXend
            )
    }
}

/// Decodes a whole function.
///
/// # Errors
/// The first [`Reason`] that stops it: undecodable bytes or a relocation that
/// doesn't sit on a field of its size.
pub fn decode(function: &Function) -> Result<Vec<Insn>, Reason> {
    let mut decoder = Decoder::with_ip(64, &function.bytes, 0, DecoderOptions::NONE);
    let mut relocs = function.relocs.iter().enumerate().peekable();
    let mut insns = Vec::new();
    while decoder.can_decode() {
        let offset = decoder.position() as u64;
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return Err(Reason::UndecodableCode { offset });
        }
        let end = offset + instruction.len() as u64;
        let fields = decoder.get_constant_offsets(&instruction);
        let mut fixups = Vec::new();
        while let Some((index, reloc)) = relocs.next_if(|(_, reloc)| reloc.offset < end) {
            let misplaced = Reason::MisplacedRelocation {
                offset: reloc.offset,
            };
            let size = match reloc.kind {
                RelocKind::Abs64 => 8,
                RelocKind::Abs32 | RelocKind::Abs32S | RelocKind::Rel32 => 4,
                RelocKind::Unknown(r_type) => {
                    return Err(Reason::UnknownRelocation {
                        offset: reloc.offset,
                        r_type,
                        symbol: symbol_name(&reloc.symbol),
                    });
                }
            };
            let at = (reloc.offset - offset) as usize;
            let field = if fields.has_displacement()
                && (fields.displacement_offset(), fields.displacement_size()) == (at, size)
            {
                if instruction.is_ip_rel_memory_operand() {
                    Field::RelativeMemory
                } else {
                    Field::Displacement
                }
            } else if fields.has_immediate()
                && (fields.immediate_offset(), fields.immediate_size()) == (at, size)
            {
                if is_near_branch(&instruction) {
                    Field::Branch
                } else {
                    Field::Immediate
                }
            } else {
                return Err(misplaced);
            };
            if fixups
                .iter()
                .any(|fixup: &Fixup| usize::from(fixup.offset) == at)
            {
                return Err(misplaced);
            }
            // An instruction has at most 15 bytes.
            fixups.push(Fixup {
                field,
                offset: at as u8,
                reloc: index,
            });
        }
        let offset = u32::try_from(offset).map_err(|_| Reason::UndecodableCode { offset })?;
        insns.push(Insn {
            offset,
            instruction,
            fixups,
        });
    }
    if let Some((_, reloc)) = relocs.next() {
        return Err(Reason::MisplacedRelocation {
            offset: reloc.offset,
        });
    }
    Ok(insns)
}

/// Whether it is a near branch or call with a distance in it.
#[must_use]
pub fn is_near_branch(instruction: &Instruction) -> bool {
    instruction.is_jcc_short_or_near()
        || instruction.is_jmp_short_or_near()
        || instruction.is_call_near()
}

fn symbol_name(symbol: &crate::object_file::Symbol) -> String {
    use crate::object_file::Symbol;
    match symbol {
        Symbol::Undefined(name) | Symbol::Other(name) => name.clone(),
        Symbol::Function(_) => "a function".into(),
        Symbol::Data { .. } => "constant data".into(),
    }
}
