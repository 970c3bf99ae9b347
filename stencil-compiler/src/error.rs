//! Every way in which a build or a query can end without a bundle.
//!
//! A [`Refusal`] is about one function of the stencil package and carries its
//! name; a [`Error`] is about the run as a whole. Tests match on variants. This
//! file formats text and nothing else: it never decides what is refused.

use std::fmt;
use std::path::PathBuf;

/// A function (or static) of the stencil package that can't be honoured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The symbol, demangled where it was mangled.
    pub name: String,
    /// What is wrong with it.
    pub reason: Reason,
}

/// Why a function was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// A relocation type that no hole kind stands for (GOT loads, TLS, ...).
    UnknownRelocation {
        /// Offset in the function.
        offset: u64,
        /// ELF relocation type.
        r_type: u32,
        /// The symbol it refers to.
        symbol: String,
    },
    /// A relocation that doesn't cover exactly one field of an instruction.
    MisplacedRelocation {
        /// Offset in the function.
        offset: u64,
    },
    /// Bytes that don't decode as instructions.
    UndecodableCode {
        /// Offset in the function.
        offset: u64,
    },
    /// An instruction from an extension that a bundle can't ask for.
    UnsupportedInstruction {
        /// Offset in the function.
        offset: u64,
        /// The extensions it needs.
        extensions: String,
    },
    /// `loop`, `jrcxz`, a far branch: nothing that can be re-encoded.
    UnsupportedBranch {
        /// Offset in the function.
        offset: u64,
    },
    /// A branch into the middle of an instruction, or out of the function.
    WildBranch {
        /// Offset of the branch.
        offset: u64,
    },
    /// Control runs past the last instruction.
    RunsOffTheEnd,
    /// The native stack pointer differs from its value at entry where control leaves.
    FrameAliveAtExit {
        /// Offset of the exit.
        offset: u64,
        /// Bytes pushed and not popped.
        bytes: i64,
    },
    /// The stack pointer changes by an amount that isn't known, or differs by path.
    UntrackableStack {
        /// Offset of the instruction.
        offset: u64,
    },
    /// A stencil returns natively and isn't listed under `returns`.
    Return {
        /// Offset of the `ret`, or of the tail jump to an import.
        offset: u64,
    },
    /// A `call` whose target is a continuation: its frame would never end.
    CallsContinuation {
        /// Offset of the call.
        offset: u64,
        /// The continuation.
        continuation: String,
    },
    /// A call to a compiler builtin (`memcpy`, `fmod`, ...) that isn't listed under `imports`.
    StrayCall {
        /// The builtin.
        callee: String,
    },
    /// A call to a Rust function of another crate: it was not inlined.
    NotInlined {
        /// Demangled name.
        callee: String,
    },
    /// A reference to a stencil: stencils exist only as copies.
    RefersToStencil {
        /// The stencil.
        stencil: String,
    },
    /// An `aot_` or `stencil_` function that is declared but not defined.
    Undefined {
        /// The symbol.
        symbol: String,
    },
    /// An undefined static that isn't a hole.
    UndefinedData {
        /// The symbol.
        symbol: String,
    },
    /// A hole outside a stencil, where nothing would ever fill it.
    HoleInAot {
        /// The hole.
        hole: String,
    },
    /// A hole's symbol used in a way that its kind doesn't allow: an operand
    /// reached relative to the instruction, or the address of a function taken
    /// as a number.
    MisusedSymbol {
        /// Offset in the function.
        offset: u64,
        /// The symbol.
        symbol: String,
    },
    /// The absolute address of the bundle's own code or data: the bundle lies anywhere.
    AbsoluteAddress {
        /// Offset in the function.
        offset: u64,
        /// The section or symbol.
        symbol: String,
    },
    /// Data that refers to other symbols (a jump table, a table of pointers).
    RelocatedData {
        /// The section.
        section: String,
    },
    /// Writable or thread-local data, or an initializer.
    WritableData {
        /// The section.
        section: String,
    },
    /// A reference that lies outside of its data section.
    DataOutOfBounds {
        /// The section.
        section: String,
    },
    /// A function that shares its section, so its bounds aren't known.
    SharedSection {
        /// The section.
        section: String,
    },
    /// Two functions of the same bundle name.
    Duplicate,
    /// A global function without a prefix that says what it is.
    UnprefixedFunction,
    /// `STENCIL_ABI` is there but isn't 32 bytes of constant data.
    BadAbi,
    /// A hole's addend doesn't fit the bundle's field.
    AddendOutOfRange {
        /// Offset in the function.
        offset: u64,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.name, self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRelocation {
                offset,
                r_type,
                symbol,
            } => write!(
                f,
                "relocation type {r_type} against `{symbol}` at {offset:#x} has no hole kind"
            ),
            Self::MisplacedRelocation { offset } => {
                write!(
                    f,
                    "the relocation at {offset:#x} doesn't cover one field of an instruction"
                )
            }
            Self::UndecodableCode { offset } => write!(f, "no instruction at {offset:#x}"),
            Self::UnsupportedInstruction { offset, extensions } => {
                write!(f, "the instruction at {offset:#x} needs {extensions}")
            }
            Self::UnsupportedBranch { offset } => {
                write!(f, "the branch at {offset:#x} can't be re-encoded")
            }
            Self::WildBranch { offset } => {
                write!(
                    f,
                    "the branch at {offset:#x} doesn't lead to an instruction"
                )
            }
            Self::RunsOffTheEnd => write!(f, "control runs past the last instruction"),
            Self::FrameAliveAtExit { offset, bytes } => {
                write!(
                    f,
                    "{bytes} bytes of native frame are alive at the exit at {offset:#x}"
                )
            }
            Self::UntrackableStack { offset } => {
                write!(f, "the stack pointer isn't known after {offset:#x}")
            }
            Self::Return { offset } => write!(
                f,
                "returns natively at {offset:#x} and isn't listed under `returns`"
            ),
            Self::CallsContinuation {
                offset,
                continuation,
            } => {
                write!(
                    f,
                    "calls the continuation `{continuation}` at {offset:#x}; use `become`"
                )
            }
            Self::StrayCall { callee } => write!(
                f,
                "calls the compiler builtin `{callee}`, which isn't listed under `imports`"
            ),
            Self::NotInlined { callee } => {
                write!(
                    f,
                    "calls `{callee}` of another crate, which was not inlined"
                )
            }
            Self::RefersToStencil { stencil } => {
                write!(
                    f,
                    "refers to the stencil `{stencil}`, which exists only as copies"
                )
            }
            Self::Undefined { symbol } => write!(f, "refers to `{symbol}`, which isn't defined"),
            Self::UndefinedData { symbol } => {
                write!(
                    f,
                    "refers to the undefined static `{symbol}`, which isn't a hole"
                )
            }
            Self::HoleInAot { hole } => {
                write!(f, "has the hole `{hole}`, but isn't a stencil")
            }
            Self::MisusedSymbol { offset, symbol } => {
                write!(
                    f,
                    "uses `{symbol}` at {offset:#x} in a way its kind doesn't allow"
                )
            }
            Self::AbsoluteAddress { offset, symbol } => write!(
                f,
                "takes the absolute address of `{symbol}` at {offset:#x}; a bundle lies anywhere"
            ),
            Self::RelocatedData { section } => {
                write!(f, "needs the data in `{section}`, which contains addresses")
            }
            Self::WritableData { section } => {
                write!(
                    f,
                    "`{section}` is writable, thread-local or run at start-up"
                )
            }
            Self::DataOutOfBounds { section } => {
                write!(f, "refers to a place outside of `{section}`")
            }
            Self::SharedSection { section } => {
                write!(f, "doesn't fill its section `{section}` alone")
            }
            Self::Duplicate => write!(f, "the name is used twice"),
            Self::UnprefixedFunction => {
                write!(f, "is exported, but is neither `stencil_*` nor `aot_*`")
            }
            Self::BadAbi => write!(f, "must be 32 bytes of constant data"),
            Self::AddendOutOfRange { offset } => {
                write!(f, "the addend of the hole at {offset:#x} is out of range")
            }
        }
    }
}

/// Why a command of the stencil compiler failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Functions that can't be honoured; never empty.
    Refused(Vec<Refusal>),
    /// A file couldn't be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// `cargo` or `rustc` couldn't be started, or failed.
    Tool {
        /// The command, without its arguments.
        command: String,
        /// Its exit status and the end of what it wrote.
        detail: String,
    },
    /// The toolchain isn't the pinned one.
    WrongToolchain {
        /// The pinned release.
        expected: &'static str,
        /// What `rustc -vV` says.
        found: String,
    },
    /// `[package.metadata.stencil-compiler]` isn't understood.
    Metadata(String),
    /// `STENCIL_ABI` is missing from the package.
    MissingAbi,
    /// The compiler's object file isn't what it should be.
    Object(String),
    /// The file holds no bundle.
    NoBundle {
        /// The file.
        path: PathBuf,
    },
    /// The bundle is damaged, or of another version.
    Bundle(String),
    /// A name given on the command line isn't in the bundle.
    NoSuchName(String),
    /// The compiler broke a rule of its own; a defect, please report it.
    Internal(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(list) => {
                write!(f, "{} refused", list.len())?;
                for refusal in list {
                    write!(f, "\n  {refusal}")?;
                }
                Ok(())
            }
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Tool { command, detail } => write!(f, "{command}: {detail}"),
            Self::WrongToolchain { expected, found } => {
                write!(f, "needs rustc {expected}, found {found}")
            }
            Self::Metadata(what) => write!(f, "[package.metadata.stencil-compiler]: {what}"),
            Self::MissingAbi => {
                write!(
                    f,
                    "the package has no `#[no_mangle] static STENCIL_ABI: [u8; 32]`"
                )
            }
            Self::Object(what) => write!(f, "object file: {what}"),
            Self::NoBundle { path } => write!(f, "{}: no bundle inside", path.display()),
            Self::Bundle(what) => write!(f, "bundle: {what}"),
            Self::NoSuchName(name) => write!(f, "the bundle has no `{name}`"),
            Self::Internal(what) => write!(f, "internal error: {what}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Collects the refusals of many functions, so that one run shows them all.
#[derive(Debug, Default)]
pub struct Refusals(Vec<Refusal>);

impl Refusals {
    /// Adds one.
    pub fn add(&mut self, name: &str, reason: Reason) {
        let refusal = Refusal {
            name: readable(name),
            reason,
        };
        if !self.0.contains(&refusal) {
            self.0.push(refusal);
        }
    }

    /// `Err` when there is any.
    ///
    /// # Errors
    /// [`Error::Refused`] with all of them.
    pub fn finish(self) -> Result<(), Error> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Refused(self.0))
        }
    }
}

/// A symbol as a person would write it: demangled, without the crate's hash.
#[must_use]
pub fn readable(symbol: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(symbol))
}
