//! Listing of bytecode: one line per instruction, made from the op table alone.
//!
//! Reads, never changes, and knows no operation by name: a new row of the op
//! table needs nothing here. Operand kinds are written as `r3` (register), `#3`
//! (immediate), `n=3` (count, `n=*` if open), `u3` (upvalue), `->12` (target of
//! a jump, a position like those in the first column). Called by tests and by
//! the `--list` option of the host's program.

use crate::heap::{ProtoRef, Rt, StrRef};
use crate::isa::{Extra, Insn, Op, Operand};
use crate::numconv;
use crate::proto::{LocalDesc, UpvalueDesc, UpvalueFrom};
use crate::value::{Value, tag};
use core::fmt::{Result, Write};

/// Longest string constant shown in full.
const SHOWN_STRING: usize = 40;

/// Writes the bytecode of a function and of all functions inside it.
pub fn write_listing(rt: Rt, proto: ProtoRef, out: &mut dyn Write) -> Result {
    let listing = Listing::new(rt, proto);
    listing.write(out)?;
    // Depth: at most the number of syntax levels.
    for &inner in listing.protos {
        writeln!(out)?;
        write_listing(rt, inner, out)?;
    }
    Ok(())
}

/// Writes the line of one instruction, that at word `pc`.
#[cfg(all(feature = "interp", target_arch = "x86_64"))]
pub(crate) fn write_one(rt: Rt, proto: ProtoRef, pc: usize, out: &mut dyn Write) -> Result {
    let listing = Listing::new(rt, proto);
    let insn = Insn::from_word(listing.code.get(pc).copied().unwrap_or(0));
    match Op::from_u8(insn.op) {
        Some(op) => listing.write_insn(out, pc, op, insn),
        None => Ok(()),
    }
}

/// What a listing shows of one function.
struct Listing<'a> {
    /// The runtime that holds its strings.
    rt: Rt,
    line_defined: u32,
    params: u8,
    is_vararg: bool,
    frame_size: u32,
    code: &'a [u64],
    /// Source line of each word.
    lines: &'a [u32],
    upvalues: &'a [UpvalueDesc],
    locals: &'a [LocalDesc],
    protos: &'a [ProtoRef],
}

impl Listing<'_> {
    fn new<'a>(rt: Rt, proto: ProtoRef) -> Listing<'a> {
        let p = rt.proto(proto);
        // SAFETY: `new_proto` placed `code_words` words at the entry; nothing here
        // allocates, so no collection can take them away, and no engine runs.
        let code =
            unsafe { core::slice::from_raw_parts(rt.at::<u64>(p.entry), p.code_words as usize) };
        Listing {
            rt,
            line_defined: p.line_defined,
            params: p.header.b2,
            is_vararg: p.header.b3 != 0,
            frame_size: p.header.aux,
            code,
            lines: rt.slice(p.lines),
            upvalues: rt.slice(p.upvalues),
            locals: rt.slice(p.locals),
            protos: rt.slice(p.protos),
        }
    }

    /// Writes a head line, the instructions, the upvalues and the locals.
    fn write(&self, out: &mut dyn Write) -> Result {
        self.write_head(out)?;
        let mut pc = 0;
        while let Some(&word) = self.code.get(pc) {
            let insn = Insn::from_word(word);
            let Some(op) = Op::from_u8(insn.op) else {
                writeln!(out, "{pc:>5}  ???  {word:#018x}")?;
                pc += 1;
                continue;
            };
            self.write_insn(out, pc, op, insn)?;
            pc += op.words();
        }
        for (i, upvalue) in self.upvalues.iter().enumerate() {
            write!(out, "   upvalue u{i} ")?;
            self.write_text(out, upvalue.name)?;
            match upvalue.from {
                UpvalueFrom::Local => write!(out, " = r{} outside", upvalue.index)?,
                UpvalueFrom::Up => write!(out, " = u{} outside", upvalue.index)?,
                UpvalueFrom::Itself => write!(out, " = this closure")?,
            }
            writeln!(out, "{}", if upvalue.is_cell { ", cell" } else { "" })?;
        }
        for local in self.locals {
            write!(out, "   local r{} ", local.register)?;
            self.write_text(out, local.name)?;
            writeln!(out, " [{}, {})", local.start_pc, local.end_pc)?;
        }
        Ok(())
    }

    fn write_head(&self, out: &mut dyn Write) -> Result {
        match self.line_defined {
            0 => write!(out, "main")?,
            line => write!(out, "function at line {line}")?,
        }
        let dots = if self.is_vararg { "+" } else { "" };
        writeln!(
            out,
            ": {}{dots} parameters, {} registers, {} words",
            self.params,
            self.frame_size,
            self.code.len()
        )
    }

    fn write_insn(&self, out: &mut dyn Write, pc: usize, op: Op, insn: Insn) -> Result {
        let info = op.info();
        match self.lines.get(pc).copied().unwrap_or(0) {
            // Debuggers don't see it.
            0 => write!(out, "{pc:>5} [-] {:<14}", info.name)?,
            line => write!(out, "{pc:>5} [{line}] {:<14}", info.name)?,
        }
        let [a, b, c, d] = info.operands;
        for (kind, field) in [(a, insn.a), (b, insn.b), (c, insn.c)] {
            match kind {
                Operand::No => {}
                Operand::Dst | Operand::Src | Operand::Cell | Operand::Run => {
                    write!(out, " r{field}")?
                }
                Operand::Count if field == 0 => write!(out, " n=*")?,
                Operand::Count => write!(out, " n={}", field - 1)?,
                Operand::Up | Operand::UpCell => self.write_upvalue(out, field)?,
                _ => write!(out, " #{field}")?,
            }
        }
        match d {
            Operand::No => {}
            Operand::Jump => write!(out, " ->{}", pc as i64 + insn.d as i32 as i64)?,
            Operand::Str => {
                write!(out, " ")?;
                self.write_string(out, StrRef(insn.d))?;
            }
            Operand::Shape => write!(out, " shape {:#x}", insn.d)?,
            Operand::Proto => {
                let number = self.protos.iter().position(|proto| proto.0 == insn.d);
                match number {
                    Some(i) => write!(out, " function {i}")?,
                    None => write!(out, " function at {:#x}", insn.d)?,
                }
            }
            _ => write!(out, " {}", insn.d)?,
        }
        if let Some(&word) = self.code.get(pc + 1) {
            match info.extra {
                Extra::K | Extra::C => self.write_constant(out, Value(word))?,
                Extra::Pair => write!(out, " {}, {}", word as u32, word >> 32)?,
                Extra::None | Extra::Ic1 | Extra::Ic2 | Extra::Resume => {}
            }
        }
        writeln!(out)
    }

    fn write_upvalue(&self, out: &mut dyn Write, n: u8) -> Result {
        write!(out, " u{n}")?;
        if let Some(upvalue) = self.upvalues.get(n as usize) {
            write!(out, "(")?;
            self.write_text(out, upvalue.name)?;
            write!(out, ")")?;
        }
        Ok(())
    }

    fn write_constant(&self, out: &mut dyn Write, value: Value) -> Result {
        write!(out, " ")?;
        if let Some(x) = value.to_number() {
            let mut text = [0u8; 32];
            let len = numconv::format_number(x, &mut text);
            return write_bytes(out, &text[..len]);
        }
        match value.tag() {
            tag::STRING => self.write_string(out, StrRef(value.payload())),
            tag::TRUE => out.write_str("true"),
            tag::FALSE => out.write_str("false"),
            tag::NIL => out.write_str("nil"),
            _ => write!(out, "{:#018x}", value.0),
        }
    }

    fn write_string(&self, out: &mut dyn Write, s: StrRef) -> Result {
        let bytes = self.rt.str_bytes(s);
        let shown = &bytes[..bytes.len().min(SHOWN_STRING)];
        out.write_char('"')?;
        write_bytes(out, shown)?;
        out.write_char('"')?;
        if shown.len() < bytes.len() {
            write!(out, "... ({} bytes)", bytes.len())?;
        }
        Ok(())
    }

    fn write_text(&self, out: &mut dyn Write, s: StrRef) -> Result {
        write_bytes(out, self.rt.str_bytes(s))
    }
}

/// Bytes as text; all but printable ASCII escaped.
fn write_bytes(out: &mut dyn Write, bytes: &[u8]) -> Result {
    for &b in bytes {
        write!(out, "{}", b.escape_ascii())?;
    }
    Ok(())
}
