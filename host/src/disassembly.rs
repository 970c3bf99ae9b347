//! Machine code of compiled functions as text: bytecode beside the stencils that it became,
//! and their instructions with names for what they refer to.
//!
//! The text doesn't depend on where code and objects lie, so that tests can compare it:
//! places in the function show as `->` and the instruction's number, places in the bytecode
//! as `code+`, shared functions by name. Must never change code. Called by the command's
//! `-jdump` and by tests.

use core::ops::Range;
use iced_x86::{
    Decoder, DecoderOptions, Formatter as _, Instruction, IntelFormatter, SymbolResolver,
    SymbolResult,
};
use lua_core::baseline::{Code, Function, Piece, Pieces};
use std::fmt::Write as _;

/// Names of the functions that all code shares, by address.
#[derive(Clone, Debug, Default)]
pub struct Symbols(Vec<(Range<u64>, String)>);

/// What multiples of 8 are taken for references of objects: below, they are fields of the VM
/// state or of objects, above, mostly bit masks.
const OBJECTS: Range<u64> = 0x4000..0x100_0000;

impl Symbols {
    /// Adds a function.
    pub fn add(&mut self, name: &str, code: &[u8]) {
        let start = code.as_ptr().addr() as u64;
        self.0
            .push((start..start + code.len() as u64, name.to_owned()));
    }

    fn name_of(&self, address: u64) -> Option<String> {
        let (at, name) = self.0.iter().find(|(at, _)| at.contains(&address))?;
        Some(match address - at.start {
            0 => name.clone(),
            more => format!("{name}+{more:#x}"),
        })
    }

    /// The listing of a function's code: for each instruction its line in the listing of
    /// bytecode, then stencils with their hot code; behind them all the cold code.
    pub fn listing(&self, function: &Function<'_>, code: Code<'_>, pieces: &Pieces<'_>) -> String {
        let mut all = Vec::new();
        pieces.each(&mut |piece| all.push(piece.clone()));
        let view = View {
            symbols: self,
            function,
            code,
            main: None,
            pieces: &all,
        };
        let mut out = String::new();
        let mut word = None;
        for piece in &all {
            if word.replace(piece.word) != Some(piece.word) {
                // A `String` takes everything.
                let _ = function.write_instruction(piece.word, &mut out);
            }
            let _ = writeln!(out, "      {}", piece.stencil);
            view.lines(&mut out, code.hot, &piece.hot);
        }
        for piece in &all {
            if !piece.cold.is_empty() {
                let _ = writeln!(out, "{:>5} cold {}", piece.word, piece.stencil);
                view.lines(&mut out, code.cold, &piece.cold);
            }
        }
        out
    }

    /// The listing of a stub's code, whose function has the code `main`.
    pub fn stub(&self, function: &Function<'_>, code: Code<'_>, main: Code<'_>) -> String {
        let view = View {
            symbols: self,
            function,
            code,
            main: Some(main),
            pieces: &[],
        };
        let mut out = String::new();
        for part in [code.hot, code.cold] {
            view.lines(&mut out, part, &(0..part.len() as u32));
        }
        out
    }
}

/// What the names of one function's listing are made from.
struct View<'v> {
    symbols: &'v Symbols,
    function: &'v Function<'v>,
    code: Code<'v>,
    /// The function's code, where that is other code.
    main: Option<Code<'v>>,
    pieces: &'v [Piece<'static>],
}

impl View<'_> {
    fn lines(&self, out: &mut String, code: &[u8], range: &Range<u32>) {
        let Some(bytes) = code.get(range.start as usize..range.end as usize) else {
            return;
        };
        let ip = bytes.as_ptr().addr() as u64;
        let mut decoder = Decoder::with_ip(64, bytes, ip, DecoderOptions::NONE);
        while decoder.can_decode() {
            let instruction = decoder.decode();
            let names = Names(self.names_in(&instruction));
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
            let at = instruction.ip() - ip + u64::from(range.start);
            let _ = writeln!(out, "        {at:5x}  {text}");
        }
    }

    /// Names for the numbers that an instruction can show.
    fn names_in(&self, instruction: &Instruction) -> Vec<(u64, String)> {
        let mut names = Vec::new();
        let near = instruction.near_branch_target();
        if near != 0 {
            names.push((near, self.place(near)));
        }
        if instruction.is_ip_rel_memory_operand() {
            let address = instruction.ip_rel_memory_address();
            names.push((address, self.place(address)));
        } else {
            let displacement = instruction.memory_displacement64();
            names.extend(self.object(displacement).map(|name| (displacement, name)));
        }
        for operand in 0..instruction.op_count() {
            if let Ok(number) = instruction.try_immediate(operand) {
                names.extend(self.object(number).map(|name| (number, name)));
            }
        }
        names
    }

    /// A place in code.
    fn place(&self, address: u64) -> String {
        let within = |code: &[u8]| {
            let at = address.wrapping_sub(code.as_ptr().addr() as u64);
            (at < code.len() as u64).then_some(at as u32)
        };
        if let Some(at) = within(self.code.hot) {
            let piece = self.pieces.iter().find(|p| p.hot.contains(&at));
            return match piece {
                Some(piece) if piece.hot.start == at => format!("->{}", piece.word),
                _ => format!(".{at:x}"),
            };
        }
        if let Some(at) = within(self.code.cold) {
            return format!("cold.{at:x}");
        }
        if let Some(at) = self.main.and_then(|main| within(main.hot)) {
            return format!("main.{at:x}");
        }
        let known = self.symbols.name_of(address);
        known.unwrap_or_else(|| "elsewhere".to_owned())
    }

    /// Something in the heap, which has no place that stays.
    fn object(&self, offset: u64) -> Option<String> {
        let code = self.function.bytecode();
        let at = offset.wrapping_sub(code.start.into());
        if at < (code.end - code.start).into() {
            return Some(match at % 8 {
                0 => format!("code+{}", at / 8),
                rest => format!("code+{}.{rest}", at / 8),
            });
        }
        (OBJECTS.contains(&offset) && offset.is_multiple_of(8)).then(|| "object".to_owned())
    }
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
