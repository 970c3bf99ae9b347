//! The validator behind the fallthrough pass and the encoder: does the encoded
//! stencil do what the compiler's code did?
//!
//! Walks both along all paths at once, the blocks as they were split and the
//! bytes as they will be in the bundle, decoded anew: the same instructions with
//! the same holes, the same conditions, the same exits, in the same order.
//! Jumps count for nothing, an inverted condition with its ways exchanged counts
//! as the same. Shares no code with what it checks but the block structure.
//! Called by [`crate::build`] for every stencil; a difference is a defect of
//! this crate.

use std::collections::HashSet;

use iced_x86::{ConditionCode, Decoder, DecoderOptions, Instruction};
use stencil_format::Part;

use crate::blocks::{End, Graph, Target};
use crate::encode::{Encoded, RawHole, RawValue};
use crate::error::Error;
use crate::holes::{Entry, Reference};

/// A place in the blocks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Before {
    /// Instruction `.1` of block `.0`; its end if there are only so many.
    At(usize, usize),
    /// Out of the stencil.
    Out(Entry),
    /// Nowhere: an endless loop of jumps.
    Spin,
}

/// A place in the encoded parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum After {
    /// Offset in a part.
    At(Part, u32),
    /// Out of the stencil.
    Out(Entry),
    /// Nowhere: an endless loop of jumps.
    Spin,
}

/// Checks that `parts`, which end in a fallthrough to `fallthrough` if that is
/// given, do what `graph` does.
///
/// # Errors
/// [`Error::Internal`] with the first place where they differ.
pub fn check(graph: &Graph, parts: &[Encoded; 2], fallthrough: Option<&str>) -> Result<(), Error> {
    let encoded = Code { parts, fallthrough };
    let mut seen = HashSet::new();
    let mut work = vec![(
        skip(graph, Before::At(0, 0)),
        encoded.skip(After::At(Part::Hot, 0))?,
    )];
    while let Some(pair) = work.pop() {
        if !seen.insert(pair.clone()) {
            continue;
        }
        let differ = || Error::Internal(format!("{:?} was encoded as {:?}", pair.0, pair.1));
        let (block, index, part, offset) = match &pair {
            (Before::Out(a), After::Out(b)) if a == b => continue,
            (Before::Spin, After::Spin) => continue,
            // Both ways of a branch may end in one endless loop of jumps.
            (Before::Spin, After::At(part, offset)) => {
                let (instruction, holes) = encoded.at(*part, *offset)?;
                if !instruction.is_jcc_short_or_near() {
                    return Err(differ());
                }
                let next = After::At(*part, offset + instruction.len() as u32);
                for way in [encoded.target(&instruction, *part, &holes)?, next] {
                    work.push((Before::Spin, encoded.skip(way)?));
                }
                continue;
            }
            (Before::At(block, index), After::Spin) => {
                let block = &graph.blocks[*block];
                match &block.end {
                    End::Branch { taken, other, .. } if block.body.len() == *index => {
                        for way in [taken, other] {
                            work.push((skip(graph, begin(way)), After::Spin));
                        }
                        continue;
                    }
                    _ => return Err(differ()),
                }
            }
            (Before::At(block, index), After::At(part, offset)) => (*block, *index, *part, *offset),
            _ => return Err(differ()),
        };
        let (instruction, holes) = encoded.at(part, offset)?;
        let next = After::At(part, offset + instruction.len() as u32);
        let block_of = &graph.blocks[block];
        let Some(piece) = block_of.body.get(index) else {
            // `skip` stops at the end of a block only for a branch.
            let End::Branch {
                condition,
                taken,
                other,
            } = &block_of.end
            else {
                return Err(differ());
            };
            let ways = [encoded.target(&instruction, part, &holes)?, next];
            let found = instruction.condition_code();
            let [then, otherwise] = if found == *condition {
                ways
            } else if found != ConditionCode::None && inverse(found) == *condition {
                let [first, second] = ways;
                [second, first]
            } else {
                return Err(differ());
            };
            for (before, after) in [(taken, then), (other, otherwise)] {
                work.push((skip(graph, begin(before)), encoded.skip(after)?));
            }
            continue;
        };
        let mut bytes = piece.bytes.clone();
        for (at, reference) in &piece.fields {
            let (from, width) = (usize::from(*at), reference.width());
            bytes[from..from + width].fill(0);
            let same = |hole: &&RawHole| {
                hole.offset == offset + u32::from(*at)
                    && usize::from(hole.tail) == piece.bytes.len() - from
                    && matches!(&hole.value, RawValue::Reference(found) if found == reference)
            };
            if !holes.iter().copied().any(|hole| same(&hole)) {
                return Err(differ());
            }
        }
        let there = &encoded.part(part).bytes[offset as usize..];
        if !there.starts_with(&bytes) || holes.len() != piece.fields.len() {
            return Err(differ());
        }
        let last = index + 1 == block_of.body.len();
        if !(last && matches!(block_of.end, End::Leave | End::Trap)) {
            work.push((
                skip(graph, Before::At(block, index + 1)),
                encoded.skip(next)?,
            ));
        }
    }
    Ok(())
}

fn inverse(condition: ConditionCode) -> ConditionCode {
    use ConditionCode as C;
    match condition {
        C::None => C::None,
        C::o => C::no,
        C::no => C::o,
        C::b => C::ae,
        C::ae => C::b,
        C::e => C::ne,
        C::ne => C::e,
        C::be => C::a,
        C::a => C::be,
        C::s => C::ns,
        C::ns => C::s,
        C::p => C::np,
        C::np => C::p,
        C::l => C::ge,
        C::ge => C::l,
        C::le => C::g,
        C::g => C::le,
    }
}

fn begin(target: &Target) -> Before {
    match target {
        Target::Block(block) => Before::At(*block, 0),
        Target::Out(entry) => Before::Out(entry.clone()),
    }
}

/// Follows jumps, and branches both of whose ways are the same, to where
/// something happens.
fn skip(graph: &Graph, mut place: Before) -> Before {
    for _ in 0..=graph.blocks.len() {
        let Before::At(block, index) = place else {
            return place;
        };
        if index < graph.blocks[block].body.len() {
            return place;
        }
        place = match &graph.blocks[block].end {
            End::Jump(target) => begin(target),
            End::Branch { taken, other, .. } => {
                let same = jumps_to(graph, taken) == jumps_to(graph, other);
                if !same {
                    return place;
                }
                begin(taken)
            }
            End::Leave | End::Trap => return place,
        };
    }
    Before::Spin
}

/// Where a target leads over mere jumps.
fn jumps_to(graph: &Graph, target: &Target) -> Before {
    let mut place = begin(target);
    for _ in 0..=graph.blocks.len() {
        let Before::At(block, _) = place else {
            return place;
        };
        match &graph.blocks[block].end {
            End::Jump(target) if graph.blocks[block].body.is_empty() => place = begin(target),
            _ => return place,
        }
    }
    Before::Spin
}

/// The encoded parts.
struct Code<'a> {
    parts: &'a [Encoded; 2],
    fallthrough: Option<&'a str>,
}

impl Code<'_> {
    fn part(&self, part: Part) -> &Encoded {
        &self.parts[part as usize]
    }

    /// The instruction at a place, and its holes.
    fn at(&self, part: Part, offset: u32) -> Result<(Instruction, Vec<&RawHole>), Error> {
        let encoded = self.part(part);
        let code = encoded.bytes.get(offset as usize..).unwrap_or(&[]);
        let mut decoder = Decoder::with_ip(64, code, offset.into(), DecoderOptions::NONE);
        let instruction = decoder.decode();
        if instruction.is_invalid() {
            return Err(Error::Internal(format!(
                "no instruction at {part:?} {offset:#x}"
            )));
        }
        let end = offset + instruction.len() as u32;
        let inside = |hole: &&RawHole| (offset..end).contains(&hole.offset);
        Ok((instruction, encoded.holes.iter().filter(inside).collect()))
    }

    /// Where the branch `instruction` goes to.
    fn target(
        &self,
        instruction: &Instruction,
        part: Part,
        holes: &[&RawHole],
    ) -> Result<After, Error> {
        match holes {
            [] => {
                let target = u32::try_from(instruction.near_branch_target())
                    .map_err(|_| Error::Internal("a branch out of its part".into()))?;
                Ok(After::At(part, target))
            }
            [
                RawHole {
                    value: RawValue::Own(part, offset),
                    tail: 4,
                    ..
                },
            ] => Ok(After::At(*part, *offset)),
            [
                RawHole {
                    value: RawValue::Reference(Reference::Entry(entry)),
                    tail: 4,
                    ..
                },
            ] => Ok(After::Out(entry.clone())),
            _ => Err(Error::Internal(
                "a branch to something that isn't code".into(),
            )),
        }
    }

    /// Follows jumps, and the end of the hot part, to where something happens.
    fn skip(&self, mut place: After) -> Result<After, Error> {
        let steps: usize = self.parts.iter().map(|part| part.bytes.len()).sum();
        for _ in 0..=steps {
            let After::At(part, offset) = place else {
                return Ok(place);
            };
            if let Some(fallthrough) = self.fallthrough
                && part == Part::Hot
                && offset as usize == self.part(Part::Hot).bytes.len()
            {
                return Ok(After::Out(Entry::Continuation(fallthrough.to_owned())));
            }
            let (instruction, holes) = self.at(part, offset)?;
            if !instruction.is_jmp_short_or_near() {
                return Ok(After::At(part, offset));
            }
            place = self.target(&instruction, part, &holes)?;
        }
        Ok(After::Spin)
    }
}
