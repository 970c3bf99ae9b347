//! Reads a binary chunk: the frame of the format, then each function, which `verify`
//! checks before it becomes an object.
//!
//! Must never take a number of the chunk for granted: each is checked against what the
//! chunk has or may have. Memory is only asked for in proportion to the bytes given.
//! Called by `library::load` and `vm`.

use super::verify::{Function, verify};
use super::{ChunkError, MAX_DEPTH, MAX_UPVALUES, SIGNATURE, VERSION};
use crate::heap::{Buffer, ClosureRef, ProtoRef, Rt, ShapeRef, StrRef};
use crate::isa::{Extra, Insn, Op, Operand};
use crate::proto::{CLOSURE_UPVALUES, LocalDesc, ProtoParts, UpvalueDesc, UpvalueFrom};
use crate::shape::INLINE_MAX;
use crate::value::{Value, tag};

/// Largest sizes that a constructor announces; more is a wish that isn't heeded.
const MAX_ANNOUNCED: u64 = 1 << 20;

/// The chunk's main function in environment `env`; its upvalues are nil.
///
/// # Errors
/// [`ChunkError`]; what was made is garbage then. No collection happens.
pub(crate) fn load(rt: Rt, bytes: &[u8], env: u32) -> Result<ClosureRef, ChunkError> {
    let mut loader = Loader {
        rt,
        bytes,
        strings: Buffer::new(),
        shapes: Buffer::new(),
        done: Buffer::new(),
        parts: Parts::new(),
    };
    let result = loader.chunk(env);
    loader.free();
    result
}

/// A function that is an object already.
#[derive(Clone, Copy)]
struct Done {
    proto: ProtoRef,
    /// Functions inside one another, itself included.
    depth: u8,
    /// Stands in another one.
    is_inner: bool,
}

/// What a function is put together in.
struct Parts {
    code: Buffer<u64>,
    lines: Buffer<u32>,
    upvalues: Buffer<UpvalueDesc>,
    locals: Buffer<LocalDesc>,
    constants: Buffer<Value>,
    shapes: Buffer<ShapeRef>,
    protos: Buffer<ProtoRef>,
}

impl Parts {
    const fn new() -> Parts {
        Parts {
            code: Buffer::new(),
            lines: Buffer::new(),
            upvalues: Buffer::new(),
            locals: Buffer::new(),
            constants: Buffer::new(),
            shapes: Buffer::new(),
            protos: Buffer::new(),
        }
    }

    fn clear(&mut self) {
        self.code.truncate(0);
        self.lines.truncate(0);
        self.upvalues.truncate(0);
        self.locals.truncate(0);
        self.constants.truncate(0);
        self.shapes.truncate(0);
        self.protos.truncate(0);
    }

    fn free(&mut self, rt: Rt) {
        self.code.free(rt);
        self.lines.free(rt);
        self.upvalues.free(rt);
        self.locals.free(rt);
        self.constants.free(rt);
        self.shapes.free(rt);
        self.protos.free(rt);
    }
}

struct Loader<'a> {
    rt: Rt,
    /// What is left of the chunk.
    bytes: &'a [u8],
    strings: Buffer<StrRef>,
    shapes: Buffer<ShapeRef>,
    done: Buffer<Done>,
    parts: Parts,
}

impl<'a> Loader<'a> {
    fn free(&mut self) {
        self.strings.free(self.rt);
        self.shapes.free(self.rt);
        self.done.free(self.rt);
        self.parts.free(self.rt);
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], ChunkError> {
        let (taken, rest) = self.bytes.split_at_checked(n).ok_or(ChunkError::End)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], ChunkError> {
        let (taken, rest) = self.bytes.split_first_chunk().ok_or(ChunkError::End)?;
        self.bytes = rest;
        Ok(*taken)
    }

    fn number(&mut self) -> Result<u32, ChunkError> {
        self.array().map(u32::from_le_bytes)
    }

    /// A number of things that take at least `size` bytes each.
    fn count(&mut self, size: usize) -> Result<usize, ChunkError> {
        let n = self.number()? as usize;
        if n > self.bytes.len() / size {
            return Err(ChunkError::End);
        }
        Ok(n)
    }

    fn string(&mut self) -> Result<StrRef, ChunkError> {
        let n = self.number()? as usize;
        self.strings.get(n).copied().ok_or(ChunkError::Code)
    }

    fn chunk(&mut self, env: u32) -> Result<ClosureRef, ChunkError> {
        let rt = self.rt;
        if self.array()? != SIGNATURE
            || self.number()? != VERSION
            || self.array()? != crate::abi::FINGERPRINT
        {
            return Err(ChunkError::Header);
        }
        for _ in 0..self.count(4)? {
            let length = self.number()? as usize;
            let text = self.take(length)?;
            self.strings.push(rt, rt.intern(text)?)?;
        }
        for _ in 0..self.count(4)? {
            let shape = self.shape()?;
            self.shapes.push(rt, shape)?;
        }
        let functions = self.count(40)?;
        for _ in 0..functions {
            let done = self.function()?;
            self.done.push(rt, done)?;
        }
        let Some((main, inner)) = self.done.split_last() else {
            return Err(ChunkError::Code);
        };
        if !self.bytes.is_empty() || inner.iter().any(|f| !f.is_inner) {
            return Err(ChunkError::Code);
        }
        let closure = rt.new_closure(main.proto, env)?;
        let upvalues = rt.slice::<UpvalueDesc>(rt.proto(main.proto).upvalues);
        for (i, upvalue) in upvalues.iter().enumerate() {
            if upvalue.is_cell {
                let cell = rt.new_cell(Value::NIL)?;
                rt.set(closure.0 + CLOSURE_UPVALUES + i as u32 * 8, cell.value());
            }
        }
        Ok(closure)
    }

    fn shape(&mut self) -> Result<ShapeRef, ChunkError> {
        let rt = self.rt;
        let n = self.count(4)?;
        if n == 0 {
            return Ok(rt.empty_shape());
        }
        let mut keys = [StrRef(0); INLINE_MAX as usize];
        for i in 0..n {
            let key = self.string()?;
            let (before, rest) = keys.split_at_mut_checked(i).ok_or(ChunkError::Code)?;
            let place = rest.first_mut().ok_or(ChunkError::Code)?;
            if before.contains(&key) {
                return Err(ChunkError::Code);
            }
            *place = key;
        }
        Ok(rt.record_shape(keys.get(..n).ok_or(ChunkError::Code)?)?)
    }

    fn function(&mut self) -> Result<Done, ChunkError> {
        let rt = self.rt;
        self.parts.clear();
        let source = self.string()?;
        let line_defined = self.number()?;
        let last_line = self.number()?;
        let [params, variadic, frame_size, 0] = self.array()? else {
            return Err(ChunkError::Code);
        };
        for _ in 0..self.count(12)? {
            self.parts
                .code
                .push(rt, u64::from_le_bytes(split(&mut self.bytes)?))?;
        }
        for _ in 0..self.parts.code.len() {
            let line = self.number()?;
            self.parts.lines.push(rt, line)?;
        }
        self.upvalues()?;
        for _ in 0..self.count(16)? {
            let local = LocalDesc {
                name: self.string()?,
                start_pc: self.number()?,
                end_pc: self.number()?,
                register: u8::try_from(self.number()?).map_err(|_| ChunkError::Code)?,
            };
            self.parts.locals.push(rt, local)?;
        }
        let depth = self.inner()?;
        verify(
            rt,
            &Function {
                params,
                is_vararg: flag(variadic)?,
                frame_size,
                code: &self.parts.code,
                upvalues: &self.parts.upvalues,
                locals: &self.parts.locals,
                inner: &self.parts.protos,
                strings: self.strings.len(),
                shapes: &self.shapes,
            },
        )?;
        self.relocate()?;
        let proto = rt.new_proto(&ProtoParts {
            source,
            line_defined,
            last_line,
            params,
            is_vararg: flag(variadic)?,
            frame_size,
            code: &self.parts.code,
            lines: &self.parts.lines,
            upvalues: &self.parts.upvalues,
            locals: &self.parts.locals,
            constants: &self.parts.constants,
            shapes: &self.parts.shapes,
            protos: &self.parts.protos,
        })?;
        Ok(Done {
            proto,
            depth,
            is_inner: false,
        })
    }

    fn upvalues(&mut self) -> Result<(), ChunkError> {
        let n = self.count(8)?;
        if n > MAX_UPVALUES {
            return Err(ChunkError::Code);
        }
        for _ in 0..n {
            let name = self.string()?;
            let [from, index, is_cell, 0] = self.array()? else {
                return Err(ChunkError::Code);
            };
            let from = match from {
                0 => UpvalueFrom::Local,
                1 => UpvalueFrom::Up,
                2 => UpvalueFrom::Itself,
                _ => return Err(ChunkError::Code),
            };
            let upvalue = UpvalueDesc {
                name,
                from,
                index,
                is_cell: flag(is_cell)?,
            };
            self.parts.upvalues.push(self.rt, upvalue)?;
        }
        Ok(())
    }

    /// The functions inside this one, each of which stands in no other: they form a tree,
    /// of limited depth. Gives that.
    fn inner(&mut self) -> Result<u8, ChunkError> {
        let mut depth = 0;
        for _ in 0..self.count(4)? {
            let n = self.number()? as usize;
            let inner = self.done.get_mut(n).ok_or(ChunkError::Code)?;
            if core::mem::replace(&mut inner.is_inner, true) {
                return Err(ChunkError::Code);
            }
            depth = depth.max(inner.depth);
            let proto = inner.proto;
            self.parts.protos.push(self.rt, proto)?;
        }
        if depth >= MAX_DEPTH {
            return Err(ChunkError::Code);
        }
        Ok(depth + 1)
    }

    /// Puts references in the place of numbers; they were checked.
    fn relocate(&mut self) -> Result<(), ChunkError> {
        let rt = self.rt;
        let parts = &mut self.parts;
        let mut pc = 0;
        while let Some(&word) = parts.code.get(pc) {
            let mut insn = Insn::from_word(word);
            let op = Op::from_u8(insn.op).ok_or(ChunkError::Code)?;
            let info = op.info();
            let n = insn.d as usize;
            match info.operands[3] {
                Operand::Str => {
                    let s = *self.strings.get(n).ok_or(ChunkError::Code)?;
                    parts.constants.push(rt, s.value())?;
                    insn.d = s.0;
                }
                Operand::Shape => {
                    let shape = *self.shapes.get(n).ok_or(ChunkError::Code)?;
                    parts.shapes.push(rt, shape)?;
                    insn.d = shape.0;
                }
                Operand::Proto => insn.d = parts.protos.get(n).ok_or(ChunkError::Code)?.0,
                _ => {}
            }
            *parts.code.get_mut(pc).ok_or(ChunkError::Code)? = insn.to_word();
            if let Some(extra) = parts.code.get_mut(pc + 1) {
                match info.extra {
                    Extra::C if Value(*extra).has_tag(tag::STRING) => {
                        let n = Value(*extra).payload() as usize;
                        let s = *self.strings.get(n).ok_or(ChunkError::Code)?;
                        *extra = s.value().0;
                        parts.constants.push(rt, s.value())?;
                    }
                    Extra::Pair => {
                        let array = (*extra & 0xFFFF_FFFF).min(MAX_ANNOUNCED);
                        *extra = array | (*extra >> 32).min(MAX_ANNOUNCED) << 32;
                    }
                    _ => {}
                }
            }
            pc += info.extra.words();
        }
        Ok(())
    }
}

fn split<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], ChunkError> {
    let (taken, rest) = bytes.split_first_chunk().ok_or(ChunkError::End)?;
    *bytes = rest;
    Ok(*taken)
}

fn flag(byte: u8) -> Result<bool, ChunkError> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(ChunkError::Code),
    }
}
