//! Binary chunks: functions as bytes, for `string.dump` and back.
//!
//! # Format (version 1; all numbers little-endian)
//! ```text
//! chunk    = 1B 'M' 'P' 'C'  version: u32  fingerprint: 32 bytes
//!            strings shapes functions
//! strings  = n: u32  n * (length: u32  bytes)
//! shapes   = n: u32  n * (keys: u32  keys * string: u32)
//! functions = n: u32  n * function         n > 0; inner functions come before the
//!                                          one that they stand in, the main one last
//! function = source: u32                   number of a string
//!            line: u32  last line: u32
//!            parameters: u8  variadic: u8  registers: u8  0: u8
//!            words: u32  words * u64       instructions
//!            words * u32                   their lines
//!            upvalues: u32  upvalues * (name: u32  from: u8  index: u8  cell: u8  0: u8)
//!            locals: u32  locals * (name: u32  start: u32  end: u32  register: u32)
//!            inner: u32  inner * function: u32
//! ```
//! Instructions are those of `isa` in their generic forms, with empty caches. Where they
//! hold references in memory, the chunk has numbers: of strings and shapes of the chunk, of
//! the function's inner functions. A constant word is a number's bits, or a value whose
//! payload, for a string, is the string's number.
//!
//! The fingerprint is the bundle's ABI fingerprint: the op table among other things. A
//! chunk of another build is refused.
//!
//! # Trust
//! None. A chunk may come from anywhere: `load` checks the frame, `verify` every
//! function, so that what runs could have been written by the front end as far as memory
//! is concerned. Loading is off unless the embedder allows it (`Config::binary_chunks`).
//!
//! Called by `library::load`, and by `vm` for main chunks.

mod dump;
mod load;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use dump::dump;

use crate::front::{self, CompileError};
use crate::heap::{Buffer, ClosureRef, NoMemory, Rt};

/// The first bytes of a chunk.
pub const SIGNATURE: [u8; 4] = [crate::front::BINARY, b'M', b'P', b'C'];
/// Version of the format.
pub const VERSION: u32 = 1;
/// Most functions inside one another, as in source text.
const MAX_DEPTH: u8 = 200;
/// Most upvalues of a function.
const MAX_UPVALUES: usize = 255;

/// Why a chunk isn't loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkError {
    /// No memory for the functions, or to check them.
    NoMemory,
    /// It isn't of this version or build.
    Header,
    /// It ends too early.
    End,
    /// It breaks a rule of the format or of the instructions.
    Code,
}

impl ChunkError {
    /// The reference's words.
    pub fn words(self) -> &'static str {
        match self {
            ChunkError::NoMemory => "not enough memory",
            ChunkError::Header => "bad header",
            ChunkError::End => "unexpected end",
            ChunkError::Code => "bad code",
        }
    }
}

impl From<NoMemory> for ChunkError {
    fn from(_: NoMemory) -> ChunkError {
        ChunkError::NoMemory
    }
}

/// Makes a function of a chunk, source or binary, in environment `env`. `name` is as for
/// [`front::compile`].
pub(crate) fn make_function(
    rt: Rt,
    chunk: &[u8],
    name: &[u8],
    env: u32,
) -> Result<ClosureRef, CompileError> {
    // SAFETY: plain fields.
    let (limit, allowed) = unsafe {
        let vm = rt.vm();
        ((*vm).native_stack_limit, (*vm).binary_chunks)
    };
    if !allowed || chunk.first() != SIGNATURE.first() {
        let proto = front::compile(rt, chunk, name, limit)?;
        return Ok(rt.new_closure(proto, env)?);
    }
    load::load(rt, chunk, env).map_err(|error| match error {
        ChunkError::NoMemory => CompileError::NoMemory,
        error => message(rt, name, error),
    })
}

/// "name: bad code in precompiled chunk"
#[cold]
fn message(rt: Rt, name: &[u8], error: ChunkError) -> CompileError {
    let name = match name {
        [b'@' | b'=', name @ ..] => name,
        _ if name.first() == SIGNATURE.first() => b"binary string",
        name => name,
    };
    let mut text: Buffer<u8> = Buffer::new();
    let parts = [
        name,
        b": ",
        error.words().as_bytes(),
        b" in precompiled chunk",
    ];
    let written = parts.iter().try_for_each(|part| text.extend(rt, part));
    let message = written.and_then(|()| rt.intern(&text));
    text.free(rt);
    match message {
        Ok(message) => CompileError::Syntax(message),
        Err(NoMemory) => CompileError::NoMemory,
    }
}
