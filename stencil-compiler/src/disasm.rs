//! Disassembly of what is in a bundle, with names for holes, imports, constants
//! and other functions.
//!
//! Bytes that the loader will fill print as `__`. Offsets are from the start of
//! the part (stencils) or of the function (AOT). For people and for tests that
//! compare code by text; [`crate::diff`] uses it to see code apart from where it
//! lies. Never changes a bundle.

use std::fmt::Write as _;

use iced_x86::{
    Decoder, DecoderOptions, Formatter as _, Instruction, IntelFormatter, SymbolResolver,
    SymbolResult,
};

use crate::decode::is_near_branch;
use stencil_format::{AotFunction, Bundle, HoleKind, Part, RelTarget, Stencil};

/// Stands for the first hole of a piece of code while it is formatted. Large
/// enough for no distance or function offset to reach, small enough for `i32`.
const PLACEHOLDER: u64 = 0x6000_0000;
/// The same for holes of one byte, of which 64 in a row are told apart.
const SHORT_PLACEHOLDER: u64 = 0x40;

/// A field that is filled at load time.
struct Blank {
    offset: usize,
    width: usize,
    relative: bool,
    name: String,
}

impl Blank {
    /// What stands for it, as the blank with this index.
    fn placeholder(&self, index: usize) -> u64 {
        match self.width {
            1 => SHORT_PLACEHOLDER + index as u64 % 0x40,
            _ => PLACEHOLDER + index as u64,
        }
    }
}

/// A stencil: its hot part, then its cold part if it has one.
#[must_use]
pub fn stencil(bundle: &Bundle<'_>, stencil: &Stencil<'_>) -> String {
    let mut out = format!("stencil {}", stencil.name());
    let continuation = |index| bundle.continuation(index).unwrap_or_default();
    if let Some(index) = stencil.fallthrough() {
        let _ = write!(out, ", falls through to {}", continuation(index));
    }
    out.push('\n');
    for part in [Part::Hot, Part::Cold] {
        let code = stencil.part(part);
        if code.is_empty() {
            continue;
        }
        let holes = stencil.holes().filter(|hole| hole.part == part);
        let blanks: Vec<Blank> = holes
            .map(|hole| {
                let offset = hole.offset as usize;
                let width = hole.kind.width() as usize;
                // What the instruction refers to: the processor counts from its
                // end, the format from the field.
                let tail = tail_of(code, offset);
                let (name, relative) = match hole.kind {
                    HoleKind::Operand { ordinal, .. } => (
                        with_offset(bundle.operand(ordinal).unwrap_or_default(), hole.addend),
                        false,
                    ),
                    HoleKind::Rel32(RelTarget::Rodata) => {
                        let at = u32::try_from(hole.addend.wrapping_add(tail)).ok();
                        let name = at.and_then(|at| rodata(bundle, at));
                        (name.unwrap_or_else(|| "rodata".into()), true)
                    }
                    HoleKind::Rel32(target) => {
                        let name = match target {
                            RelTarget::Continuation(index) => continuation(index),
                            RelTarget::Import(index) => bundle.import(index).unwrap_or_default(),
                            RelTarget::Function(index) => {
                                bundle.function(index).map_or("", |function| function.name)
                            }
                            RelTarget::Rodata => "rodata",
                            RelTarget::OwnHot => "hot",
                            RelTarget::OwnCold => "cold",
                        };
                        (with_offset(name, hole.addend.wrapping_add(tail)), true)
                    }
                };
                Blank {
                    offset,
                    width,
                    relative,
                    name,
                }
            })
            .collect();
        out.push_str(if part == Part::Hot {
            "  hot\n"
        } else {
            "  cold\n"
        });
        lines(&mut out, code, &blanks, &|place| {
            (0..=code.len() as i64)
                .contains(&place)
                .then(|| format!(".{place:x}"))
        });
    }
    out
}

/// An AOT function.
#[must_use]
pub fn function(bundle: &Bundle<'_>, function: &AotFunction<'_>) -> String {
    let code = bundle.function_code(function);
    let blanks: Vec<Blank> = bundle
        .relocations()
        .filter(|relocation| {
            (function.offset..function.offset + function.size).contains(&relocation.offset)
        })
        .map(|relocation| {
            let offset = (relocation.offset - function.offset) as usize;
            let import = bundle.import(relocation.import).unwrap_or_default();
            let addend = i64::from(relocation.addend) + tail_of(code, offset);
            Blank {
                offset,
                width: 4,
                relative: true,
                name: with_offset(import, addend),
            }
        })
        .collect();
    let mut out = format!("function {}\n", function.name);
    lines(&mut out, code, &blanks, &|place| {
        if (0..=code.len() as i64).contains(&place) {
            return Some(format!(".{place:x}"));
        }
        let place = u32::try_from(i64::from(function.offset) + place).ok()?;
        if let Some(at) = place.checked_sub(bundle.rodata_offset()) {
            return rodata(bundle, at);
        }
        let holder = bundle
            .functions()
            .find(|other| (other.offset..other.offset + other.size).contains(&place))?;
        Some(with_offset(holder.name, (place - holder.offset).into()))
    });
    out
}

/// A constant by what it is, so that the text doesn't depend on where it lies.
fn rodata(bundle: &Bundle<'_>, at: u32) -> Option<String> {
    let rest = bundle.rodata().get(at as usize..)?;
    Some(match rest.first_chunk::<8>() {
        Some(bytes) => {
            let bits = u64::from_le_bytes(*bytes);
            format!("const {bits:#018x} ({:?})", f64::from_bits(bits))
        }
        None => with_offset("rodata", at.into()),
    })
}

fn with_offset(name: &str, offset: i64) -> String {
    match offset {
        0 => name.to_owned(),
        1.. => format!("{name}+{offset:#x}"),
        _ => format!("{name}-{:#x}", offset.unsigned_abs()),
    }
}

/// Bytes from the field at `offset` to the end of the instruction around it.
fn tail_of(code: &[u8], offset: usize) -> i64 {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    while decoder.can_decode() {
        let _ = decoder.decode();
        if decoder.position() > offset {
            return (decoder.position() - offset) as i64;
        }
    }
    0
}

/// Names for the numbers of one instruction.
struct Names(Vec<(u64, String)>);

impl SymbolResolver for Names {
    fn symbol(
        &mut self,
        _instruction: &Instruction,
        _operand: u32,
        _instruction_operand: Option<u32>,
        address: u64,
        _address_size: u32,
    ) -> Option<SymbolResult<'_>> {
        let (_, name) = self.0.iter().find(|(number, _)| *number == address)?;
        Some(SymbolResult::with_str(address, name))
    }
}

/// Appends a line per instruction of `code`. `local` names what the code refers
/// to by itself, by distance from the start of `code`.
fn lines(out: &mut String, code: &[u8], blanks: &[Blank], local: &dyn Fn(i64) -> Option<String>) {
    let mut filled = code.to_vec();
    for (index, blank) in blanks.iter().enumerate() {
        let mut value = blank.placeholder(index).cast_signed();
        if blank.relative {
            value -= blank.offset as i64 + tail_of(code, blank.offset);
        }
        if let Some(field) = filled.get_mut(blank.offset..blank.offset + blank.width) {
            field.copy_from_slice(&value.to_le_bytes()[..blank.width]);
        }
    }
    let mut decoder = Decoder::new(64, &filled, DecoderOptions::NONE);
    while decoder.can_decode() {
        let from = decoder.position();
        let instruction = decoder.decode();
        let to = decoder.position();
        let mut bytes = String::new();
        for (at, byte) in code.iter().enumerate().take(to).skip(from) {
            let blank = blanks
                .iter()
                .any(|blank| (blank.offset..blank.offset + blank.width).contains(&at));
            let _ = if blank {
                write!(bytes, "__ ")
            } else {
                write!(bytes, "{byte:02x} ")
            };
        }
        let names = names_in(&instruction, blanks, local);
        let mut formatter = IntelFormatter::with_options(Some(Box::new(names)), None);
        let options = formatter.options_mut();
        options.set_hex_prefix("0x");
        options.set_hex_suffix("");
        options.set_uppercase_hex(false);
        options.set_space_after_operand_separator(true);
        options.set_branch_leading_zeros(false);
        options.set_show_branch_size(false);
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        let _ = writeln!(out, "  {from:5x}  {bytes:33} {text}");
    }
}

/// The names of all the numbers that `instruction` can show.
fn names_in(
    instruction: &Instruction,
    blanks: &[Blank],
    local: &dyn Fn(i64) -> Option<String>,
) -> Names {
    let from = instruction.ip() as usize;
    let near = instruction.near_branch_target();
    let refers = |number| {
        if is_near_branch(instruction) {
            near == number
        } else {
            instruction.is_ip_rel_memory_operand()
        }
    };
    let mut numbers = vec![near, instruction.memory_displacement64()];
    numbers.extend((0..instruction.op_count()).filter_map(|op| instruction.try_immediate(op).ok()));
    let mut names = Vec::new();
    for number in numbers {
        // A number in the code may look like a placeholder by chance.
        let inside = |blank: &Blank| (from..from + instruction.len()).contains(&blank.offset);
        let blank = blanks
            .iter()
            .enumerate()
            .find(|(index, blank)| inside(blank) && blank.placeholder(*index) == number)
            .map(|(_, blank)| blank);
        let name = match blank {
            Some(blank) => Some(blank.name.clone()),
            None if refers(number) => local(number.cast_signed()),
            None => None,
        };
        names.extend(name.map(|name| (number, name)));
    }
    Names(names)
}
