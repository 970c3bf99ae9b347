//! Writes a function and all functions inside it as a binary chunk.
//!
//! Must never write what depends on where memory lies or on what ran before: the same
//! source gives the same bytes. Called by `string.dump`.

use super::{SIGNATURE, VERSION};
use crate::heap::{Buffer, NoMemory, ProtoRef, Rt, ShapeRef, StrRef};
use crate::isa::{Extra, Insn, OPS, Operand};
use crate::proto::{LocalDesc, Proto, UpvalueDesc};
use crate::value::{Value, tag};

/// Appends the chunk for `proto` to `out`.
pub(crate) fn dump(rt: Rt, proto: ProtoRef, out: &mut Buffer<u8>) -> Result<(), NoMemory> {
    let mut dumper = Dumper {
        rt,
        protos: Buffer::new(),
        strings: Numbers::new(),
        shapes: Numbers::new(),
        functions: Buffer::new(),
    };
    let result = dumper.write(proto, out);
    dumper.free();
    result
}

/// Numbers given to references in the order of their first use.
struct Numbers {
    /// The references in order.
    order: Buffer<u32>,
    /// Open addressing, numbers + 1; 0 is empty. A power of two long.
    places: Buffer<u32>,
}

impl Numbers {
    const fn new() -> Numbers {
        Numbers {
            order: Buffer::new(),
            places: Buffer::new(),
        }
    }

    fn free(&mut self, rt: Rt) {
        self.order.free(rt);
        self.places.free(rt);
    }

    /// Where `reference` is or may be put.
    fn place(&self, reference: u32) -> usize {
        let mask = self.places.len() - 1;
        let mut i = (reference.wrapping_mul(0x9E37_79B1) >> 7) as usize & mask;
        loop {
            match self.places.get(i) {
                Some(&n) if n != 0 && self.order.get(n as usize - 1) != Some(&reference) => {
                    i = (i + 1) & mask;
                }
                _ => return i,
            }
        }
    }

    fn number(&mut self, rt: Rt, reference: u32) -> Result<u32, NoMemory> {
        if (self.order.len() + 1) * 2 > self.places.len() {
            let size = (self.places.len() * 2).max(32);
            self.places.truncate(0);
            self.places.reserve(rt, size)?;
            for _ in 0..size {
                self.places.push(rt, 0)?;
            }
            for n in 0..self.order.len() {
                let at = self.place(self.order[n]);
                self.places[at] = n as u32 + 1;
            }
        }
        let at = self.place(reference);
        if self.places[at] == 0 {
            self.order.push(rt, reference)?;
            self.places[at] = self.order.len() as u32;
        }
        Ok(self.places[at] - 1)
    }
}

struct Dumper {
    rt: Rt,
    /// All functions, each after the one that it stands in.
    protos: Buffer<ProtoRef>,
    strings: Numbers,
    shapes: Numbers,
    /// The functions' bytes.
    functions: Buffer<u8>,
}

impl Dumper {
    fn free(&mut self) {
        self.protos.free(self.rt);
        self.strings.free(self.rt);
        self.shapes.free(self.rt);
        self.functions.free(self.rt);
    }

    fn write(&mut self, main: ProtoRef, out: &mut Buffer<u8>) -> Result<(), NoMemory> {
        let rt = self.rt;
        self.protos.push(rt, main)?;
        let mut i = 0;
        while let Some(&p) = self.protos.get(i) {
            let inner = rt.slice::<ProtoRef>(rt.proto(p).protos);
            self.protos.extend(rt, inner)?;
            i += 1;
        }
        // The inner functions of each are behind those of the functions before it.
        let count = self.protos.len();
        let mut behind = count;
        for i in (0..count).rev() {
            let proto = rt.proto(self.protos[i]);
            let inner = proto.protos.len as usize;
            behind -= inner;
            // In the chunk everything is the other way round.
            let number = |j| (count - 1 - behind - j) as u32;
            self.function(&proto, (0..inner).map(number))?;
        }
        out.extend(rt, &SIGNATURE)?;
        out.extend(rt, &VERSION.to_le_bytes())?;
        out.extend(rt, &crate::abi::FINGERPRINT)?;
        // Keys of shapes are strings as well.
        let mut shapes: Buffer<u8> = Buffer::new();
        let written = self.shapes(&mut shapes).and_then(|()| {
            self.write_strings(out)?;
            out.extend(rt, &shapes)?;
            out.extend(rt, &(count as u32).to_le_bytes())?;
            out.extend(rt, &self.functions)
        });
        shapes.free(rt);
        written
    }

    fn write_strings(&self, out: &mut Buffer<u8>) -> Result<(), NoMemory> {
        let rt = self.rt;
        out.extend(rt, &(self.strings.order.len() as u32).to_le_bytes())?;
        for &s in self.strings.order.iter() {
            let bytes = rt.str_bytes(StrRef(s));
            out.extend(rt, &(bytes.len() as u32).to_le_bytes())?;
            out.extend(rt, bytes)?;
        }
        Ok(())
    }

    fn shapes(&mut self, out: &mut Buffer<u8>) -> Result<(), NoMemory> {
        let rt = self.rt;
        out.extend(rt, &(self.shapes.order.len() as u32).to_le_bytes())?;
        for i in 0..self.shapes.order.len() {
            let shape = ShapeRef(self.shapes.order[i]);
            let keys = rt.header(shape.0).aux;
            out.extend(rt, &keys.to_le_bytes())?;
            for key in 0..keys {
                let key = self.strings.number(rt, rt.property_key(shape, key).0)?;
                out.extend(rt, &key.to_le_bytes())?;
            }
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), NoMemory> {
        self.functions.extend(self.rt, bytes)
    }

    fn put_number(&mut self, n: u32) -> Result<(), NoMemory> {
        self.put(&n.to_le_bytes())
    }

    fn put_string(&mut self, s: StrRef) -> Result<(), NoMemory> {
        let n = self.strings.number(self.rt, s.0)?;
        self.put_number(n)
    }

    fn function(
        &mut self,
        proto: &Proto,
        inner: impl Iterator<Item = u32>,
    ) -> Result<(), NoMemory> {
        let rt = self.rt;
        self.put_string(StrRef(proto.source))?;
        self.put_number(proto.line_defined)?;
        self.put_number(proto.last_line)?;
        let header = proto.header;
        self.put(&[header.b2, header.b3, header.aux as u8, 0])?;
        self.put_number(proto.code_words)?;
        self.code(proto)?;
        for &line in rt.slice::<u32>(proto.lines) {
            self.put_number(line)?;
        }
        let upvalues = rt.slice::<UpvalueDesc>(proto.upvalues);
        self.put_number(upvalues.len() as u32)?;
        for upvalue in upvalues {
            self.put_string(upvalue.name)?;
            let is_cell = u8::from(upvalue.is_cell);
            self.put(&[upvalue.from as u8, upvalue.index, is_cell, 0])?;
        }
        let locals = rt.slice::<LocalDesc>(proto.locals);
        self.put_number(locals.len() as u32)?;
        for local in locals {
            self.put_string(local.name)?;
            self.put_number(local.start_pc)?;
            self.put_number(local.end_pc)?;
            self.put_number(local.register.into())?;
        }
        self.put_number(proto.protos.len)?;
        for number in inner {
            self.put_number(number)?;
        }
        Ok(())
    }

    fn code(&mut self, proto: &Proto) -> Result<(), NoMemory> {
        let rt = self.rt;
        let inner = rt.slice::<ProtoRef>(proto.protos);
        let mut pc = 0;
        while pc < proto.code_words {
            let at = proto.entry + pc * 8;
            let insn = Insn::from_word(rt.get(at));
            let info = &OPS[insn.op as usize];
            let d = match info.operands[3] {
                Operand::Str => self.strings.number(rt, insn.d)?,
                Operand::Shape => self.shapes.number(rt, insn.d)?,
                Operand::Proto => {
                    let number = inner.iter().position(|p| p.0 == insn.d);
                    number.map_or(u32::MAX, |n| n as u32)
                }
                _ => insn.d,
            };
            let op = info.base as u8;
            self.put(&Insn { op, d, ..insn }.to_word().to_le_bytes())?;
            let words = info.extra.words() as u32;
            for i in 1..words {
                let word: u64 = match info.extra {
                    Extra::K | Extra::Pair => rt.get(at + 8),
                    Extra::C => {
                        let v = Value(rt.get(at + 8));
                        match StrRef::from_value(v) {
                            Some(s) => Value::tagged(tag::STRING, self.strings.number(rt, s.0)?).0,
                            None => v.0,
                        }
                    }
                    Extra::None | Extra::Ic1 | Extra::Ic2 | Extra::Resume => 0,
                };
                debug_assert!(i == 1 || word == 0);
                self.put(&word.to_le_bytes())?;
            }
            pc += words;
        }
        Ok(())
    }
}
