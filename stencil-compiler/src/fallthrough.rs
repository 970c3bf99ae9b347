//! Stage 7, the fallthrough pass: which blocks are hot, in which order, and
//! which jump to the next stencil disappears.
//!
//! The compiler's layout puts the likeliest chain first, and it ends in a jump
//! to the fallthrough continuation. That block becomes the last of the hot
//! part, so that the jump isn't needed; what the layout has behind it is cold,
//! and so is what the layout has before it but doesn't lie on a path to a
//! continuation, or calls something when there is a path that doesn't. Where the
//! conditional branch goes to the continuation and the exit follows, the
//! branch is inverted: ends of blocks are symbolic here, so inverting is a
//! matter of order, done by the encoder. Called by [`crate::build`].

use iced_x86::FlowControl;

use crate::blocks::{Block, End, Graph, Target};
use crate::holes::Entry;
use crate::settings::Settings;

/// The order of a stencil's blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Blocks of the hot part; the entry first.
    pub hot: Vec<usize>,
    /// Blocks of the cold part.
    pub cold: Vec<usize>,
    /// The hot part's last block goes on to the fallthrough continuation.
    pub falls_through: bool,
}

/// Orders the blocks of `graph`, whose blocks stay where they are but for
/// branches to mere jumps, which are taken past them.
pub fn arrange(graph: &mut Graph, settings: &Settings) -> Plan {
    skip_jumps(graph);
    graph.drop_unreachable();
    let next = Target::Out(Entry::Continuation(settings.fallthrough.clone()));

    let mut hot = paths(graph, |block| {
        block.end.targets().any(|target| *target == next)
    });
    let last = last_hot(graph, &hot, &next);
    if last.is_none() {
        hot = paths(graph, leaves);
    }
    if let Some(last) = last {
        hot.retain(|&index| index <= last);
    }
    let mut cold: Vec<usize> = (0..graph.blocks.len())
        .filter(|index| !hot.contains(index))
        .collect();
    let mut falls_through = last.is_some() && settings.drop_jumps;
    if !settings.cold_parts {
        // In their place in one part; only what happens to be at its end falls through.
        falls_through &= cold.is_empty();
        hot.append(&mut cold);
    }
    Plan {
        hot,
        cold,
        falls_through,
    }
}

/// Lets branches to a block that only jumps go straight to where it jumps.
fn skip_jumps(graph: &mut Graph) {
    let jumps: Vec<Option<Target>> = graph
        .blocks
        .iter()
        .map(|block| match &block.end {
            End::Jump(target) if block.body.is_empty() => Some(target.clone()),
            _ => None,
        })
        .collect();
    for block in &mut graph.blocks {
        for target in block.end.targets_mut() {
            // An endless loop of mere jumps is legal, so the steps are counted.
            for _ in 0..jumps.len() {
                let Target::Block(index) = target else { break };
                let Some(further) = &jumps[*index] else { break };
                *target = further.clone();
            }
        }
        // Both ways lead to the same place: no need to choose.
        if let End::Branch { taken, other, .. } = &block.end
            && taken == other
        {
            block.end = End::Jump(taken.clone());
        }
    }
}

/// Blocks on the likely paths from the entry to a block that `is_end`, in
/// layout order: those without a call if there is such a path, else all paths;
/// all blocks if no path ends there.
fn paths(graph: &Graph, is_end: impl Fn(&Block) -> bool) -> Vec<usize> {
    for avoid_calls in [true, false] {
        let passable = |index: usize| !(avoid_calls && calls(&graph.blocks[index]));
        let count = graph.blocks.len();
        let mut forward = vec![false; count];
        let mut work = vec![0];
        while let Some(index) = work.pop() {
            if passable(index) && !std::mem::replace(&mut forward[index], true) {
                work.extend(graph.successors(index));
            }
        }
        let mut backward: Vec<bool> = (0..count)
            .map(|index| forward[index] && is_end(&graph.blocks[index]))
            .collect();
        loop {
            let found = (0..count).find(|&index| {
                forward[index]
                    && !backward[index]
                    && graph.successors(index).any(|next| backward[next])
            });
            match found {
                Some(index) => backward[index] = true,
                None => break,
            }
        }
        if backward[0] {
            return (0..count).filter(|&index| backward[index]).collect();
        }
    }
    (0..graph.blocks.len()).collect()
}

/// The block that the hot part shall end with: the first of the layout that
/// goes to `next` as its straight way; failing that, the first whose branch is
/// taken to `next`, which will be inverted.
fn last_hot(graph: &Graph, hot: &[usize], next: &Target) -> Option<usize> {
    let straight = |block: &Block| match &block.end {
        End::Jump(target) | End::Branch { other: target, .. } => target == next,
        End::Leave | End::Trap => false,
    };
    let inverted = |block: &Block| matches!(&block.end, End::Branch { taken, .. } if taken == next);
    let find = |test: &dyn Fn(&Block) -> bool| {
        hot.iter()
            .copied()
            .find(|&index| test(&graph.blocks[index]))
    };
    find(&straight).or_else(|| find(&inverted))
}

/// Whether control leaves for somewhere that isn't a shared slow path.
fn leaves(block: &Block) -> bool {
    matches!(block.end, End::Leave)
        || block
            .end
            .targets()
            .any(|t| matches!(t, Target::Out(Entry::Continuation(_))))
}

fn calls(block: &Block) -> bool {
    block.body.iter().any(|piece| {
        matches!(
            piece.instruction.flow_control(),
            FlowControl::Call | FlowControl::IndirectCall
        )
    })
}
