//! The naming convention of stencil packages: what a symbol is, by its name.
//!
//! The one place that knows the prefixes. The table stands in the crate's
//! documentation. Called by the stages that look at functions and relocations.

use crate::error::{Reason, Refusals};
use crate::object_file::{Function, ObjectModel};
use crate::settings::Settings;

/// What a function of the package becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Copied and patched at run time.
    Stencil,
    /// Linked once, found by name.
    Aot,
    /// Not named by the package; goes with the AOT functions if one needs it.
    Private,
}

/// What an undefined symbol is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outside {
    /// An operand hole.
    Operand(String),
    /// A continuation.
    Continuation(String),
    /// A function that the embedder supplies.
    Import(String),
}

const STENCIL: &str = "stencil_";
const AOT: &str = "aot_";
const OPERAND: &str = "HOLE_";
const CONTINUATION: &str = "hole_";

/// The role of each function of the object, in its order; refuses exported
/// functions that no prefix explains, and names used twice.
pub fn roles(model: &ObjectModel, refusals: &mut Refusals) -> Vec<Role> {
    let mut seen = std::collections::HashSet::new();
    model
        .functions
        .iter()
        .map(|function| {
            let role = role_of(function);
            match role {
                None => refusals.add(&function.symbol, Reason::UnprefixedFunction),
                Some(Role::Private) => {}
                Some(role @ (Role::Stencil | Role::Aot)) => {
                    if !seen.insert((role == Role::Aot, bundle_name(&function.symbol))) {
                        refusals.add(&function.symbol, Reason::Duplicate);
                    }
                }
            }
            role.unwrap_or(Role::Private)
        })
        .collect()
}

fn role_of(function: &Function) -> Option<Role> {
    let symbol = function.symbol.as_str();
    if !function.exported || is_mangled(symbol) {
        Some(Role::Private)
    } else if symbol.starts_with(STENCIL) {
        Some(Role::Stencil)
    } else if symbol.starts_with(AOT) {
        Some(Role::Aot)
    } else {
        None
    }
}

/// The name in the bundle of a stencil or AOT function: without the prefix.
#[must_use]
pub fn bundle_name(symbol: &str) -> &str {
    symbol
        .strip_prefix(STENCIL)
        .or_else(|| symbol.strip_prefix(AOT))
        .unwrap_or(symbol)
}

/// What the undefined `symbol` is when it is used as a function (`called`) or
/// as data.
///
/// # Errors
/// The reason why it can't be any of the three.
pub fn outside(symbol: &str, called: bool, settings: &Settings) -> Result<Outside, Reason> {
    if symbol.starts_with(OPERAND) {
        return Ok(Outside::Operand(symbol.into()));
    }
    if symbol.starts_with(CONTINUATION) {
        return Ok(Outside::Continuation(symbol.into()));
    }
    if symbol.starts_with(STENCIL) || symbol.starts_with(AOT) {
        return Err(Reason::Undefined {
            symbol: symbol.into(),
        });
    }
    if !called {
        return Err(Reason::UndefinedData {
            symbol: crate::error::readable(symbol),
        });
    }
    if settings.imports.iter().any(|import| import == symbol) {
        return Ok(Outside::Import(symbol.into()));
    }
    if is_mangled(symbol) {
        return Err(Reason::NotInlined {
            callee: crate::error::readable(symbol),
        });
    }
    if is_builtin(symbol) {
        return Err(Reason::StrayCall {
            callee: symbol.into(),
        });
    }
    Ok(Outside::Import(symbol.into()))
}

fn is_mangled(symbol: &str) -> bool {
    rustc_demangle::try_demangle(symbol).is_ok()
}

/// Whether LLVM calls this on its own account: an embedder without a C library
/// hasn't got it, and those that take floats don't exist in soft-float builds.
fn is_builtin(symbol: &str) -> bool {
    const MEMORY: [&str; 8] = [
        "memcpy", "memmove", "memset", "memcmp", "bcmp", "strlen", "memchr", "strcmp",
    ];
    const MATH: [&str; 31] = [
        "acos",
        "asin",
        "atan",
        "atan2",
        "ceil",
        "copysign",
        "cos",
        "cosh",
        "exp",
        "exp2",
        "exp10",
        "fabs",
        "floor",
        "fma",
        "fmax",
        "fmin",
        "fmod",
        "ldexp",
        "frexp",
        "log",
        "log10",
        "log2",
        "nearbyint",
        "pow",
        "rint",
        "round",
        "roundeven",
        "sin",
        "sinh",
        "sqrt",
        "trunc",
    ];
    const MORE_MATH: [&str; 5] = ["tan", "tanh", "sincos", "cbrt", "expm1"];
    let math = |name: &str| MATH.contains(&name) || MORE_MATH.contains(&name);
    symbol.starts_with("__")
        || symbol.starts_with("_Unwind_")
        || MEMORY.contains(&symbol)
        || math(symbol)
        || symbol.strip_suffix('f').is_some_and(math)
        || symbol.strip_suffix('l').is_some_and(math)
}
