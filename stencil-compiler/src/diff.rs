//! What differs between two bundles, by name.
//!
//! Code is compared as text with names, so that a function that only lies
//! elsewhere is the same; equal bundles and only those have no difference at
//! all. Called by the program and by tests that compare builds.

use std::collections::BTreeMap;
use std::fmt;

use stencil_format::Bundle;

use crate::disasm;

/// One difference; `A` and `B` are the two bundles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// A fact about the whole bundle.
    Fact {
        /// Which.
        name: &'static str,
        /// In A.
        a: String,
        /// In B.
        b: String,
    },
    /// Something is in A only.
    Removed {
        /// "stencil", "function", "import", ...
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Something is in B only.
    Added {
        /// As in `Removed`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Code or holes differ.
    Changed {
        /// "stencil" or "function".
        kind: &'static str,
        /// Its name.
        name: String,
        /// Sizes in bytes, in A and B.
        sizes: (usize, usize),
    },
    /// The bytes differ, but nothing that has a name.
    Layout,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fact { name, a, b } => write!(f, "{name}: {a} -> {b}"),
            Self::Removed { kind, name } => write!(f, "- {kind} {name}"),
            Self::Added { kind, name } => write!(f, "+ {kind} {name}"),
            Self::Changed {
                kind,
                name,
                sizes: (a, b),
            } => {
                write!(f, "~ {kind} {name}: {a} -> {b} bytes")
            }
            Self::Layout => write!(f, "the layout"),
        }
    }
}

/// All differences between `a` and `b`, none if their bytes are equal.
#[must_use]
pub fn differences(a: &Bundle<'_>, b: &Bundle<'_>) -> Vec<Difference> {
    if a.bytes() == b.bytes() {
        return Vec::new();
    }
    let mut out = Vec::new();
    for ((name, a), (_, b)) in facts(a).into_iter().zip(facts(b)) {
        if a != b {
            out.push(Difference::Fact { name, a, b });
        }
    }
    for (kind, list) in [
        ("import", imports as fn(&Bundle<'_>) -> Contents),
        ("function", functions),
        ("stencil", stencils),
    ] {
        let (a, b) = (list(a), list(b));
        for (name, (size, text)) in &a {
            match b.get(name) {
                None => out.push(Difference::Removed {
                    kind,
                    name: name.clone(),
                }),
                Some((other_size, other)) if other != text => out.push(Difference::Changed {
                    kind,
                    name: name.clone(),
                    sizes: (*size, *other_size),
                }),
                Some(_) => {}
            }
        }
        for name in b.keys().filter(|name| !a.contains_key(*name)) {
            out.push(Difference::Added {
                kind,
                name: name.clone(),
            });
        }
    }
    if out.is_empty() {
        out.push(Difference::Layout);
    }
    out
}

/// Name to size and what it is as text.
type Contents = BTreeMap<String, (usize, String)>;

fn facts(bundle: &Bundle<'_>) -> [(&'static str, String); 7] {
    [
        ("architecture", format!("{:?}", bundle.arch())),
        ("cpu features", bundle.cpu_features().to_string()),
        ("compiler", bundle.compiler().to_owned()),
        ("abi", format!("{:02x?}", bundle.abi_fingerprint())),
        ("sources", format!("{:02x?}", bundle.source_digest())),
        ("aot code", format!("{} bytes", bundle.code().len())),
        ("rodata", format!("{} bytes", bundle.rodata().len())),
    ]
}

fn imports(bundle: &Bundle<'_>) -> Contents {
    bundle
        .imports()
        .map(|name| (name.to_owned(), (0, String::new())))
        .collect()
}

fn functions(bundle: &Bundle<'_>) -> Contents {
    bundle
        .functions()
        .map(|function| {
            let text = disasm::function(bundle, &function);
            (
                function.name.to_owned(),
                (function.size as usize, without_fields(&text)),
            )
        })
        .collect()
}

fn stencils(bundle: &Bundle<'_>) -> Contents {
    bundle
        .stencils()
        .map(|stencil| {
            let size = stencil.hot().len() + stencil.cold().len();
            (
                stencil.name().to_owned(),
                (size, disasm::stencil(bundle, &stencil)),
            )
        })
        .collect()
}

/// Disassembly without the column of bytes: there, distances to other functions
/// and to constants show as numbers.
fn without_fields(text: &str) -> String {
    let column = |line: &str| line.get(9 + 33..).unwrap_or(line).to_owned();
    text.lines().map(column).collect::<Vec<_>>().join("\n")
}
