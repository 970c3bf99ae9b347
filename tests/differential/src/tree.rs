//! A generated program as a tree of statements, one line each, so that the reducer can
//! take statements out without knowing Lua.
//!
//! Nodes are numbered in the order in which they are written, from 0. An [`Edit`] per
//! node says what becomes of it. Made by `generate`, cut down by `reduce`, written out
//! by `engines`.

/// A statement.
#[derive(Clone, Debug)]
pub enum Node {
    /// A statement on one line.
    Line(String),
    /// A statement with statements inside: each part is a line (`if x then`, `else`)
    /// and what follows it; `end` is the last line.
    Block {
        /// Heads and their statements.
        parts: Vec<(String, Vec<Node>)>,
        /// The line that closes it.
        end: String,
    },
}

/// What the reducer does with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Written as it is.
    Keep,
    /// Left out with all that is inside.
    Remove,
    /// Replaced by the statements inside.
    Unwrap,
}

impl Node {
    /// A statement on one line.
    pub fn line(text: impl Into<String>) -> Node {
        Node::Line(text.into())
    }

    /// A block with one part.
    pub fn block(head: impl Into<String>, body: Vec<Node>, end: &str) -> Node {
        Node::Block {
            parts: vec![(head.into(), body)],
            end: end.to_string(),
        }
    }
}

/// The number of nodes in `nodes`.
pub fn size(nodes: &[Node]) -> usize {
    nodes
        .iter()
        .map(|node| match node {
            Node::Line(_) => 1,
            Node::Block { parts, .. } => 1 + parts.iter().map(|p| size(&p.1)).sum::<usize>(),
        })
        .sum()
}

/// The program's text. `edits` has one entry per node, or is empty for all `Keep`.
pub fn text(nodes: &[Node], edits: &[Edit]) -> String {
    let mut out = String::new();
    write(nodes, edits, &mut 0, 1, true, &mut out);
    out
}

fn write(
    nodes: &[Node],
    edits: &[Edit],
    number: &mut usize,
    depth: usize,
    live: bool,
    out: &mut String,
) {
    let put = |text: &str, out: &mut String| {
        for _ in 0..depth {
            out.push(' ');
        }
        out.push_str(text);
        out.push('\n');
    };
    for node in nodes {
        let edit = edits.get(*number).copied().unwrap_or(Edit::Keep);
        *number += 1;
        let here = live && edit == Edit::Keep;
        match node {
            Node::Line(line) => {
                if here {
                    put(line, out);
                }
            }
            Node::Block { parts, end } => {
                for (head, body) in parts {
                    if here {
                        put(head, out);
                    }
                    let inside = live && edit != Edit::Remove;
                    write(body, edits, number, depth + 1, inside, out);
                }
                if here {
                    put(end, out);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_address_nodes_in_writing_order() {
        let program = [
            Node::line("a()"),
            Node::block("do", vec![Node::line("b()"), Node::line("c()")], "end"),
            Node::line("d()"),
        ];
        assert_eq!(size(&program), 5);
        assert_eq!(text(&program, &[]), " a()\n do\n  b()\n  c()\n end\n d()\n");
        let mut edits = [Edit::Keep; 5];
        edits[1] = Edit::Unwrap;
        edits[2] = Edit::Remove;
        assert_eq!(text(&program, &edits), " a()\n  c()\n d()\n");
        edits[1] = Edit::Remove;
        assert_eq!(text(&program, &edits), " a()\n d()\n");
    }
}
