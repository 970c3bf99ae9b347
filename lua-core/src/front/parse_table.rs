//! Grammar of table constructors.
//!
//! Fields with constant string keys become inline slots of the new table: their
//! number is fixed while reading, and the shape with all these keys is entered
//! into `NewTable` at the closing brace. Array items wait in registers and are
//! stored in batches.

use super::CompileError;
use super::compiler::Compiler;
use super::expression::{Expr, Kind};
use super::parse_expression::integer_key;
use super::token::Token;
use crate::heap::StrRef;
use crate::isa::{Insn, Op};

/// Array items stored by one `SetList`.
const ITEMS_PER_FLUSH: u32 = 50;
/// Most fields that become inline slots.
const MAX_INLINE: usize = 32;
/// Largest array size that is announced to `NewTable`.
const MAX_ANNOUNCED: u32 = 1 << 20;

/// A table under construction.
struct Table {
    /// Its register.
    register: u8,
    /// The array item read last, not yet in a register.
    item: Expr,
    /// Array items stored.
    stored: u32,
    /// Array items in registers.
    waiting: u32,
    /// Fields whose key isn't a constant string.
    computed: u32,
    /// Where its keys begin in `keys`.
    key_base: usize,
}

impl Compiler<'_> {
    /// `{ fields }`; the table ends up in the next free register.
    #[inline(never)]
    pub(super) fn table_constructor(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        let line = self.lexer.line;
        let pc = self.emit(Op::NewTable, 0, 0, 0, 0)?;
        *e = Expr::new(Kind::Relocatable(pc));
        let register = self.place_next(e)?;
        let mut table = Table {
            register,
            item: Expr::VOID,
            stored: 0,
            waiting: 0,
            computed: 0,
            key_base: self.keys.len(),
        };
        self.expect(Token::Byte(b'{'))?;
        while self.token() != Token::Byte(b'}') {
            self.place_item(&mut table)?;
            match self.token() {
                Token::Name(_) => {
                    if self.lexer.look_ahead()? == Token::Byte(b'=') {
                        self.record_field(&mut table)?;
                    } else {
                        self.list_item(&mut table)?;
                    }
                }
                Token::Byte(b'[') => self.record_field(&mut table)?,
                _ => self.list_item(&mut table)?,
            }
            if !self.accept(Token::Byte(b','))? && !self.accept(Token::Byte(b';'))? {
                break;
            }
        }
        self.expect_close(Token::Byte(b'}'), Token::Byte(b'{'), line)?;
        self.finish_table(&mut table, pc)
    }

    fn list_item(&mut self, table: &mut Table) -> Result<(), CompileError> {
        table.item = self.expression()?;
        if table.stored + table.waiting >= i32::MAX as u32 - 2 {
            let fun = self.fun;
            return Err(self.limit_error(&fun, i32::MAX as u32 - 2, b"items in a constructor"));
        }
        table.waiting += 1;
        Ok(())
    }

    /// Puts the last item into its register, and stores a full batch.
    fn place_item(&mut self, table: &mut Table) -> Result<(), CompileError> {
        if matches!(table.item.kind, Kind::Void) {
            return Ok(());
        }
        self.place_next(&mut table.item)?;
        table.item = Expr::VOID;
        if table.waiting == ITEMS_PER_FLUSH {
            self.flush(table, table.waiting + 1)?;
            table.stored += table.waiting;
            table.waiting = 0;
        }
        Ok(())
    }

    fn flush(&mut self, table: &Table, count: u32) -> Result<(), CompileError> {
        self.emit(
            Op::SetList,
            table.register,
            count as u8,
            0,
            table.stored + 1,
        )?;
        self.fun.free_reg = table.register as u32 + 1;
        Ok(())
    }

    /// `name = value` or `[key] = value`.
    fn record_field(&mut self, table: &mut Table) -> Result<(), CompileError> {
        let free_reg = self.fun.free_reg;
        let mut key = match self.token() {
            Token::Name(name) => {
                self.advance()?;
                Expr::new(Kind::Str(name))
            }
            _ => self.bracketed_key()?,
        };
        let name = match key.kind {
            Kind::Str(name) if !key.has_jumps() => Some(name),
            _ => None,
        };
        let index = integer_key(&key);
        let mut place = None;
        if name.is_none() && index.is_none() {
            place = Some(self.place_late(&mut key)?);
        }
        self.expect(Token::Byte(b'='))?;
        let mut value = Expr::VOID;
        self.expression_into(&mut value)?;
        let value = self.place_any(&mut value)?;
        match (name, index, place) {
            (Some(name), _, _) => self.store_named(table, name, value)?,
            (_, Some(index), _) => {
                table.computed += 1;
                self.emit(Op::SetIndexK, table.register, value, 0, index)?;
            }
            (_, _, Some(key)) => {
                table.computed += 1;
                let key = self.fetch(key)?;
                self.emit(Op::SetIndex, table.register, key, value, 0)?;
            }
            _ => {}
        }
        self.fun.free_reg = free_reg;
        Ok(())
    }

    fn expression_into(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        *e = self.expression()?;
        Ok(())
    }

    /// Stores a field with a constant key, in its slot if it gets one.
    fn store_named(&mut self, table: &Table, name: StrRef, value: u8) -> Result<(), CompileError> {
        self.keep_string(name)?;
        let known = &self.keys[table.key_base..];
        let count = known.len();
        let slot = match known.iter().position(|&key| key == name) {
            Some(slot) => Some(slot),
            None if count < MAX_INLINE => {
                self.keys.push(self.rt, name)?;
                Some(count)
            }
            None => None,
        };
        match slot {
            Some(slot) => self.emit(Op::InitField, table.register, value, 0, slot as u32)?,
            None => self.emit(Op::SetField, table.register, value, 0, name.0)?,
        };
        Ok(())
    }

    /// Stores what is left and completes the `NewTable` at `pc`.
    fn finish_table(&mut self, table: &mut Table, pc: u32) -> Result<(), CompileError> {
        if table.waiting > 0 {
            if table.item.is_open() {
                self.set_open(&table.item)?;
                self.flush(table, 0)?;
                table.waiting -= 1;
            } else {
                if !matches!(table.item.kind, Kind::Void) {
                    self.place_next(&mut table.item)?;
                }
                self.flush(table, table.waiting + 1)?;
            }
            table.stored += table.waiting;
        }
        let keys = &self.keys[table.key_base..];
        let shape = if keys.is_empty() || self.discard {
            self.rt.empty_shape()
        } else {
            let shape = self.rt.record_shape(keys)?;
            self.shapes.push(self.rt, shape)?;
            shape
        };
        self.keys.truncate(table.key_base);
        let insn = self.insn(pc);
        self.set_insn(pc, Insn { d: shape.0, ..insn });
        let at = (self.fun.code_base + pc) as usize + 1;
        self.code[at] = table.stored.min(MAX_ANNOUNCED) as u64 | (table.computed as u64) << 32;
        Ok(())
    }
}
