//! The front end: Lua 5.1 source to bytecode, without a syntax tree.
//!
//! A chunk is read twice by the same recursive-descent compiler. The first pass
//! (`Survey`) finds out, for each local variable, whether an inner function
//! uses it and whether it is assigned after its initialisation. The second
//! (`Final`) compiles with that knowledge: a captured variable that is never
//! assigned again is captured by value, other captured ones live in cells, all
//! the rest in registers. If the first pass saw no captured variable, its code
//! is right already and the second doesn't take place.
//!
//! On its way a chunk goes through these files:
//!
//! | file | |
//! |---|---|
//! | `lexer`, `token` | bytes to tokens |
//! | `parse_statement`, `parse_function`, `parse_expression`, `parse_table` | the grammar |
//! | `scope` | what a name means: register, cell, upvalue, global |
//! | `expression`, `operator` | values not yet placed, operators, conditions |
//! | `emit` | instructions, registers, lists of jumps |
//! | `compiler` | the state of it all; prototypes |
//! | `messages` | errors in the reference's words |
//!
//! All memory comes from the region; any allocation may fail. The source may be
//! any bytes. Native stack: bounded by the number of nesting levels (as in the
//! reference) and by the limit that the caller gives. The collector must not
//! run during a compilation: new strings and prototypes aren't rooted.

mod compiler;
mod emit;
mod expression;
mod lexer;
mod loops;
mod messages;
mod operator;
mod parse_expression;
mod parse_function;
mod parse_statement;
mod parse_table;
mod scope;
#[cfg(test)]
mod tests;
mod token;

pub use messages::chunk_id;

use crate::heap::{NoMemory, ProtoRef, Rt, StrRef};
use compiler::Compiler;

/// Why a chunk could not be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompileError {
    /// The region is full.
    NoMemory,
    /// The source is no Lua; the message is that of the reference, with chunk
    /// name and line.
    Syntax(StrRef),
}

impl From<NoMemory> for CompileError {
    fn from(_: NoMemory) -> CompileError {
        CompileError::NoMemory
    }
}

/// Compiles a chunk and returns the prototype of its main function, a variadic
/// function without upvalues. `chunk_name` is `=name`, `@file`, or the source
/// text itself. `native_stack_limit` is the lowest usable address of the native
/// stack, 0 for no limit; what would go below is a syntax error.
pub fn compile(
    rt: Rt,
    source: &[u8],
    chunk_name: &[u8],
    native_stack_limit: usize,
) -> Result<ProtoRef, CompileError> {
    let chunk_name = rt.intern(chunk_name)?;
    let mut compiler = Compiler::new(rt, source, chunk_name, native_stack_limit);
    let result = two_passes(&mut compiler);
    compiler.free();
    result
}

/// The error that any chunk has which begins with `source`, if that is certain already:
/// the reference finds it without having read what follows.
pub fn early_error(
    rt: Rt,
    source: &[u8],
    chunk_name: &[u8],
    native_stack_limit: usize,
) -> Result<Option<StrRef>, NoMemory> {
    if source.first() == Some(&BINARY) {
        return Ok(None);
    }
    let chunk_name = rt.intern(chunk_name)?;
    let mut compiler = Compiler::new(rt, source, chunk_name, native_stack_limit);
    let result = compiler.main_function();
    // The last token may go on in what follows.
    let is_certain = !compiler.lexer.is_at_end();
    compiler.free();
    match result {
        Err(CompileError::Syntax(message)) if is_certain => Ok(Some(message)),
        Err(CompileError::NoMemory) => Err(NoMemory),
        _ => Ok(None),
    }
}

fn two_passes(compiler: &mut Compiler<'_>) -> Result<ProtoRef, CompileError> {
    if compiler.lexer.source.first() == Some(&messages::PRECOMPILED) {
        return Err(compiler.lexer.precompiled());
    }
    let surveyed = compiler.main_function()?;
    if !compiler.discard {
        return Ok(surveyed);
    }
    compiler.begin_final_pass();
    compiler.main_function()
}

/// First byte of binary chunks.
pub(crate) const BINARY: u8 = 0x1B;

/// A first line that starts with '#' is for the shell; its line break stays, for the
/// numbers of the lines. A binary chunk starts right behind it.
pub fn without_first_comment(source: &[u8]) -> &[u8] {
    if source.first() != Some(&b'#') {
        return source;
    }
    let end = source.iter().position(|&b| b == b'\n');
    let rest = source.get(end.unwrap_or(source.len())..).unwrap_or(&[]);
    match rest {
        [b'\n', chunk @ ..] if chunk.first() == Some(&BINARY) => chunk,
        _ => rest,
    }
}
