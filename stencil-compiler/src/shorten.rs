//! Stage 7½, short variants: the same blocks with displacements of one byte
//! where an operand that the settings list is the displacement.
//!
//! Instructions are re-encoded here and checked at once: decoded, the short one
//! must be the long one but for the size of its displacement. Branches become
//! shorter by themselves, since the encoder lays them out anew. Called by
//! [`crate::build`] for stencils; the validator sees the result like any other.

use iced_x86::{Decoder, DecoderOptions, Instruction};
use stencil_format::OperandForm;

use crate::blocks::{Graph, Piece};
use crate::error::Error;
use crate::holes::Reference;

/// The short variant of `graph`, or `None` if none of its instructions gets shorter.
///
/// # Errors
/// [`Error::Internal`] if an instruction came out as another one.
pub fn shorten(graph: &Graph, operands: &[String]) -> Result<Option<Graph>, Error> {
    let mut short = graph.clone();
    let mut changed = false;
    for piece in short.blocks.iter_mut().flat_map(|block| &mut block.body) {
        if let Some(shorter) = shorten_piece(piece, operands) {
            same(piece, &shorter)?;
            *piece = shorter;
            changed = true;
        }
    }
    Ok(changed.then_some(short))
}

/// Bytes that a displacement gets shorter by.
const SAVED: u8 = 3;

fn shorten_piece(piece: &Piece, operands: &[String]) -> Option<Piece> {
    let mut piece = piece.clone();
    let found = piece.fields.iter().position(|(_, reference)| {
        matches!(reference, Reference::Operand { name, form: OperandForm::Abs32S, .. }
            if operands.contains(name))
    })?;
    let at = piece.fields[found].0;
    let modrm = modrm_before(&piece, at)?;
    // 10: a displacement of four bytes. 01: of one.
    piece.bytes[modrm] = piece.bytes[modrm] & 0x3f | 0x40;
    let at = usize::from(at);
    piece.bytes.drain(at + 1..at + 1 + usize::from(SAVED));
    piece.bytes[at] = 0;
    if let Reference::Operand { form, .. } = &mut piece.fields[found].1 {
        *form = OperandForm::Abs8S;
    }
    // An immediate stands behind the displacement.
    for (field, _) in &mut piece.fields {
        if usize::from(*field) > at {
            *field -= SAVED;
        }
    }
    piece.instruction = decode(&piece.bytes);
    Some(piece)
}

/// Where the ModRM byte is of an instruction whose field at `at` is a displacement of four
/// bytes behind a register. `None` if the field is anything else.
fn modrm_before(piece: &Piece, at: u8) -> Option<usize> {
    let mut decoder = Decoder::new(64, &piece.bytes, DecoderOptions::NONE);
    let instruction = decoder.decode();
    let offsets = decoder.get_constant_offsets(&instruction);
    let displacement = offsets.has_displacement()
        && (offsets.displacement_offset(), offsets.displacement_size()) == (at.into(), 4);
    // Compressed displacements count in units of the operand's size.
    if !displacement || instruction.encoding() == iced_x86::EncodingKind::EVEX {
        return None;
    }
    // The byte before is ModRM, or SIB behind a ModRM that says so.
    let behind_register = |modrm: u8| modrm >> 6 == 0b10;
    let has_sib = |modrm: u8| modrm & 7 == 0b100;
    let at = usize::from(at);
    let (last, before) = (
        piece.bytes[at.checked_sub(1)?],
        piece.bytes.get(at.wrapping_sub(2)).copied(),
    );
    let needs_sib = instruction.memory_index() != iced_x86::Register::None
        || matches!(
            instruction.memory_base(),
            iced_x86::Register::RSP | iced_x86::Register::R12
        );
    match before {
        Some(modrm) if needs_sib && behind_register(modrm) && has_sib(modrm) => Some(at - 2),
        _ if !needs_sib && behind_register(last) && !has_sib(last) => Some(at - 1),
        _ => None,
    }
}

fn decode(bytes: &[u8]) -> Instruction {
    Decoder::new(64, bytes, DecoderOptions::NONE).decode()
}

/// Whether the short instruction does what the long one does, with the fields of both at 1.
fn same(long: &Piece, short: &Piece) -> Result<(), Error> {
    let filled = |piece: &Piece| {
        let mut bytes = piece.bytes.clone();
        for (at, reference) in &piece.fields {
            let at = usize::from(*at);
            bytes[at..at + reference.width()].fill(0);
            bytes[at] = 1;
        }
        let mut instruction = decode(&bytes);
        instruction.set_memory_displ_size(0);
        (instruction, bytes.len() == instruction.len())
    };
    let ((a, whole_a), (b, whole_b)) = (filled(long), filled(short));
    let fields = |piece: &Piece| piece.fields.len();
    if a == b && whole_a && whole_b && fields(long) == fields(short) && !b.is_invalid() {
        Ok(())
    } else {
        Err(Error::Internal(format!("{a:?} was shortened to {b:?}")))
    }
}
