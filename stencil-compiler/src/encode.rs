//! Stage 8, encoding: the blocks of a stencil, in their order, as the bytes of
//! its hot and cold part, with holes.
//!
//! Branches inside a part are short where they reach; branches between parts
//! and out of the stencil are 32-bit holes, because the loader decides where
//! the parts lie. Instructions other than branches are copied byte for byte.
//! Called by [`crate::build`].

use iced_x86::ConditionCode;
use stencil_format::Part;

use crate::blocks::{End, Graph, Target};
use crate::error::Error;
use crate::fallthrough::Plan;
use crate::holes::{Entry, Reference};

/// A part's bytes; holes are zero in them.
#[derive(Debug, Clone, Default)]
pub struct Encoded {
    /// Machine code.
    pub bytes: Vec<u8>,
    /// Ascending by offset.
    pub holes: Vec<RawHole>,
}

/// A field that the loader will fill.
#[derive(Debug, Clone)]
pub struct RawHole {
    /// Of the field, in the part.
    pub offset: u32,
    /// Bytes from the field to the next instruction.
    pub tail: u8,
    /// What it refers to.
    pub value: RawValue,
}

/// What a field refers to.
#[derive(Debug, Clone)]
pub enum RawValue {
    /// Something outside of the stencil's own code.
    Reference(Reference),
    /// A place in one of the stencil's own parts.
    Own(Part, u32),
}

/// One stretch of a part.
enum Item {
    /// A block begins.
    Start(usize),
    /// Instruction `.1` of block `.0`.
    Piece(usize, usize),
    /// A branch, on a condition code or always.
    Branch {
        condition: Option<u8>,
        target: Target,
        long: bool,
    },
}

/// Encodes both parts of a stencil.
///
/// # Errors
/// [`Error::Internal`] if the plan doesn't cover the graph.
pub fn encode(graph: &Graph, plan: &Plan, fallthrough: &str) -> Result<[Encoded; 2], Error> {
    let next = plan
        .falls_through
        .then(|| Target::Out(Entry::Continuation(fallthrough.to_owned())));
    let mut parts = [
        items(graph, &plan.hot, next.as_ref())?,
        items(graph, &plan.cold, None)?,
    ];
    let mut places = vec![None; graph.blocks.len()];
    // Branches only ever grow, so this ends.
    while {
        for (part, items) in [Part::Hot, Part::Cold].into_iter().zip(&parts) {
            place(graph, part, items, &mut places);
        }
        let mut grown = false;
        for (part, items) in [Part::Hot, Part::Cold].into_iter().zip(&mut parts) {
            grown |= lengthen(graph, part, items, &places);
        }
        grown
    } {}
    let [hot, cold] = parts;
    Ok([
        emit(graph, Part::Hot, &hot, &places)?,
        emit(graph, Part::Cold, &cold, &places)?,
    ])
}

type Places = Vec<Option<(Part, u32)>>;

/// The part's blocks in order, with the branches that the order leaves
/// necessary. `next` is what comes after the part.
fn items(graph: &Graph, order: &[usize], next: Option<&Target>) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    for (at, &index) in order.iter().enumerate() {
        let block = &graph.blocks[index];
        items.push(Item::Start(index));
        items.extend((0..block.body.len()).map(|piece| Item::Piece(index, piece)));
        let follower = match order.get(at + 1) {
            Some(&block) => Some(Target::Block(block)),
            None => next.cloned(),
        };
        let mut branch = |condition: Option<u8>, target: &Target| {
            items.push(Item::Branch {
                condition,
                target: target.clone(),
                long: false,
            });
        };
        match &block.end {
            End::Jump(target) => {
                if follower.as_ref() != Some(target) {
                    branch(None, target);
                }
            }
            End::Branch {
                condition,
                taken,
                other,
            } => {
                let code = condition_code(*condition)?;
                if follower.as_ref() == Some(other) {
                    branch(Some(code), taken);
                } else if follower.as_ref() == Some(taken) {
                    // The opposite conditions are neighbours in the encoding.
                    branch(Some(code ^ 1), other);
                } else {
                    branch(Some(code), taken);
                    branch(None, other);
                }
            }
            End::Leave | End::Trap => {}
        }
    }
    Ok(items)
}

/// The four bits that stand for a condition in an opcode.
fn condition_code(condition: ConditionCode) -> Result<u8, Error> {
    // iced numbers them in the order of the encoding, from 1.
    (condition as u8)
        .checked_sub(1)
        .ok_or_else(|| Error::Internal("a branch without a condition".into()))
}

fn length(graph: &Graph, item: &Item) -> u32 {
    match item {
        Item::Start(_) => 0,
        // An instruction has at most 15 bytes.
        Item::Piece(block, piece) => graph.blocks[*block].body[*piece].bytes.len() as u32,
        Item::Branch {
            condition,
            target,
            long,
        } => match (*long || is_out(target), condition) {
            (false, _) => 2,
            (true, None) => 5,
            (true, Some(_)) => 6,
        },
    }
}

fn is_out(target: &Target) -> bool {
    matches!(target, Target::Out(_))
}

fn place(graph: &Graph, part: Part, items: &[Item], places: &mut Places) {
    let mut offset = 0;
    for item in items {
        if let Item::Start(block) = item {
            places[*block] = Some((part, offset));
        }
        offset += length(graph, item);
    }
}

/// Makes long the branches that don't reach their target; whether there were any.
fn lengthen(graph: &Graph, part: Part, items: &mut [Item], places: &Places) -> bool {
    let mut grown = false;
    let mut offset = 0;
    for item in items {
        offset += length(graph, item);
        if let Item::Branch {
            target: Target::Block(block),
            long,
            ..
        } = item
            && !*long
        {
            let reaches = matches!(
                places[*block],
                Some((at, to)) if at == part
                    && i8::try_from(i64::from(to) - i64::from(offset)).is_ok()
            );
            if !reaches {
                *long = true;
                grown = true;
            }
        }
    }
    grown
}

fn emit(graph: &Graph, part: Part, items: &[Item], places: &Places) -> Result<Encoded, Error> {
    let mut out = Encoded::default();
    let end = |out: &Encoded| {
        u32::try_from(out.bytes.len()).map_err(|_| Error::Internal("a stencil over 4 GiB".into()))
    };
    for item in items {
        match item {
            Item::Start(_) => {}
            Item::Piece(block, piece) => {
                let piece = &graph.blocks[*block].body[*piece];
                let start = end(&out)?;
                out.bytes.extend_from_slice(&piece.bytes);
                for (at, reference) in &piece.fields {
                    let from = start as usize + usize::from(*at);
                    out.bytes[from..from + reference.width()].fill(0);
                    out.holes.push(RawHole {
                        offset: start + u32::from(*at),
                        tail: piece.bytes.len() as u8 - at,
                        value: RawValue::Reference(reference.clone()),
                    });
                }
            }
            Item::Branch {
                condition, target, ..
            } => {
                let short = length(graph, item) == 2;
                match (condition, short) {
                    (Some(code), true) => out.bytes.push(0x70 | code),
                    (None, true) => out.bytes.push(0xeb),
                    (Some(code), false) => out.bytes.extend([0x0f, 0x80 | code]),
                    (None, false) => out.bytes.push(0xe9),
                }
                let field = end(&out)?;
                match target {
                    Target::Out(entry) => {
                        let value = RawValue::Reference(Reference::Entry(entry.clone()));
                        out.holes.push(RawHole {
                            offset: field,
                            tail: 4,
                            value,
                        });
                        out.bytes.extend([0; 4]);
                    }
                    Target::Block(block) => match places[*block] {
                        None => return Err(Error::Internal("a block was left out".into())),
                        Some((at, to)) if at == part => {
                            let width = if short { 1 } else { 4 };
                            let distance = i64::from(to) - i64::from(field) - width;
                            out.bytes.extend(&distance.to_le_bytes()[..width as usize]);
                        }
                        Some((at, to)) => {
                            out.holes.push(RawHole {
                                offset: field,
                                tail: 4,
                                value: RawValue::Own(at, to),
                            });
                            out.bytes.extend([0; 4]);
                        }
                    },
                }
            }
        }
    }
    out.holes.sort_by_key(|hole| hole.offset);
    Ok(out)
}
