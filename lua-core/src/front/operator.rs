//! Unary and binary operators: constant folding, arithmetic with constant
//! operands, comparisons as fused jumps, `and`/`or`, concatenation.
//!
//! Called by the expression grammar: `prefix` for unary operators, `infix`
//! between the operands of a binary one, `postfix` after them.

use super::CompileError;
use super::compiler::{Compiler, NO_JUMP};
use super::expression::{Expr, Kind, number_bits};
use super::token::Token;
use crate::isa::{Insn, Op};
use crate::ops::arith::is_whole_divisor;
use crate::value::{Value, tag};

/// Binary operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Concat,
    Ne,
    Eq,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,
}

/// Unary operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unary {
    Neg,
    Not,
    Len,
}

impl Binary {
    /// The operator a token stands for, with its left and right priority.
    pub(super) fn of(token: Token) -> Option<(Binary, u8, u8)> {
        Some(match token {
            Token::Byte(b'+') => (Binary::Add, 6, 6),
            Token::Byte(b'-') => (Binary::Sub, 6, 6),
            Token::Byte(b'*') => (Binary::Mul, 7, 7),
            Token::Byte(b'/') => (Binary::Div, 7, 7),
            Token::Byte(b'%') => (Binary::Mod, 7, 7),
            Token::Byte(b'^') => (Binary::Pow, 10, 9),
            Token::Concat => (Binary::Concat, 5, 4),
            Token::Ne => (Binary::Ne, 3, 3),
            Token::Eq => (Binary::Eq, 3, 3),
            Token::Byte(b'<') => (Binary::Lt, 3, 3),
            Token::Le => (Binary::Le, 3, 3),
            Token::Byte(b'>') => (Binary::Gt, 3, 3),
            Token::Ge => (Binary::Ge, 3, 3),
            Token::And => (Binary::And, 2, 2),
            Token::Or => (Binary::Or, 1, 1),
            _ => return None,
        })
    }
}

impl Unary {
    /// Priority of all unary operators.
    pub(super) const PRIORITY: u8 = 8;

    /// The operator a token stands for.
    pub(super) fn of(token: Token) -> Option<Unary> {
        match token {
            Token::Byte(b'-') => Some(Unary::Neg),
            Token::Byte(b'#') => Some(Unary::Len),
            Token::Not => Some(Unary::Not),
            _ => None,
        }
    }
}

/// The forms of an arithmetic operation: registers, constant on the right,
/// constant on the left.
fn arithmetic(op: Binary) -> Option<[Op; 3]> {
    Some(match op {
        Binary::Add => [Op::Add, Op::AddVK, Op::AddKV],
        Binary::Sub => [Op::Sub, Op::SubVK, Op::SubKV],
        Binary::Mul => [Op::Mul, Op::MulVK, Op::MulKV],
        Binary::Div => [Op::Div, Op::DivVK, Op::DivKV],
        Binary::Mod => [Op::Mod, Op::ModVK, Op::ModKV],
        Binary::Pow => [Op::Pow, Op::PowVK, Op::PowKV],
        _ => return None,
    })
}

/// The result of an operation on constants, where it is certain to be what the
/// operation gives at run time.
fn fold(op: Binary, x: f64, y: f64) -> Option<f64> {
    let result = match op {
        Binary::Add => x + y,
        Binary::Sub => x - y,
        Binary::Mul => x * y,
        Binary::Div if y != 0.0 => x / y,
        Binary::Mod => small_remainder(x, y)?,
        Binary::Pow => exact_power(x, y)?,
        _ => return None,
    };
    if result.is_nan() { None } else { Some(result) }
}

/// `x % y` for small whole numbers, where no rounding occurs on any way to it.
fn small_remainder(x: f64, y: f64) -> Option<f64> {
    let limit = 2147483648.0;
    let (a, b) = (x as u32, y as u32);
    let whole = a as f64 == x && b as f64 == y && x < limit && y < limit;
    if !whole || b == 0 || x.is_sign_negative() {
        return None;
    }
    Some((a % b) as f64)
}

/// `x ^ y` for a small whole exponent, if every product on the way is exact.
fn exact_power(x: f64, y: f64) -> Option<f64> {
    let count = y as i32;
    if count as f64 != y || count.unsigned_abs() > 1100 || x == 0.0 || !x.is_finite() {
        return None;
    }
    let bits = x.to_bits();
    let is_power_of_two = bits & ((1 << 52) - 1) == 0 && (bits >> 52) & 0x7FF != 0;
    if count < 0 && !is_power_of_two {
        return None;
    }
    let factor = if count < 0 { 1.0 / x } else { x };
    let mut product = 1.0f64;
    for _ in 0..count.unsigned_abs() {
        product *= factor;
        let magnitude = product.abs();
        let exact = if is_power_of_two {
            (f64::MIN_POSITIVE..=f64::MAX).contains(&magnitude)
        } else {
            // Whole factors and a product below 2^53: no bit was lost.
            magnitude < 9007199254740992.0 && factor as i64 as f64 == factor
        };
        if !exact {
            return None;
        }
    }
    Some(product)
}

impl Compiler<'_> {
    /// Applies a unary operator.
    pub(super) fn prefix(&mut self, op: Unary, e: &mut Expr) -> Result<(), CompileError> {
        match op {
            Unary::Not => self.not(e),
            Unary::Neg => {
                if let Some(x) = e.as_number() {
                    e.kind = Kind::Number(-x);
                    return Ok(());
                }
                self.unary(Op::Neg, e)
            }
            Unary::Len => self.unary(Op::Len, e),
        }
    }

    fn unary(&mut self, op: Op, e: &mut Expr) -> Result<(), CompileError> {
        let reg = self.place_any(e)?;
        self.free_expr(e);
        *e = Expr::new(Kind::Relocatable(self.emit(op, 0, reg, 0, 0)?));
        Ok(())
    }

    fn not(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        self.load_variable(e)?;
        match e.kind {
            Kind::Nil | Kind::False => e.kind = Kind::True,
            Kind::Number(_) | Kind::Str(_) | Kind::True => e.kind = Kind::False,
            Kind::Jump(pc) => self.invert(pc),
            _ => {
                let reg = match e.kind {
                    Kind::Register(reg) => reg,
                    // Only the value is placed: the jumps stay jumps.
                    _ => {
                        let mut value = Expr::new(e.kind);
                        self.place_next(&mut value)?
                    }
                };
                self.free_reg(reg);
                e.kind = Kind::Relocatable(self.emit(Op::Not, 0, reg, 0, 0)?);
            }
        }
        core::mem::swap(&mut e.if_true, &mut e.if_false);
        // The values that the jumps carried were those of the operand.
        self.drop_values(e.if_true);
        self.drop_values(e.if_false);
        Ok(())
    }

    /// Prepares the left operand, before the right one is read.
    pub(super) fn infix(&mut self, op: Binary, e: &mut Expr) -> Result<(), CompileError> {
        match op {
            Binary::And => self.go_if_true(e),
            Binary::Or => self.go_if_false(e),
            Binary::Concat => {
                self.place_next(e)?;
                Ok(())
            }
            Binary::Eq | Binary::Ne => {
                let constant = matches!(
                    e.kind,
                    Kind::Nil | Kind::True | Kind::False | Kind::Str(_) | Kind::Number(_)
                );
                if !constant || e.has_jumps() {
                    self.place_left(e)
                } else {
                    Ok(())
                }
            }
            _ => {
                if e.as_number().is_none() {
                    self.place_left(e)
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Places a left operand, but leaves a local variable where it is: as in
    /// the reference, `x + f()` sees what `f` did to the local `x`.
    fn place_left(&mut self, e: &mut Expr) -> Result<(), CompileError> {
        if !matches!(e.kind, Kind::Cell(_) | Kind::CellValue(_)) || e.has_jumps() {
            self.place_any(e)?;
        }
        Ok(())
    }

    /// Applies a binary operator; the result is in `left`.
    pub(super) fn postfix(
        &mut self,
        op: Binary,
        left: &mut Expr,
        right: &mut Expr,
    ) -> Result<(), CompileError> {
        match op {
            Binary::And => {
                self.load_variable(right)?;
                right.if_false = self.join(right.if_false, left.if_false);
                *left = *right;
                Ok(())
            }
            Binary::Or => {
                self.load_variable(right)?;
                right.if_true = self.join(right.if_true, left.if_true);
                *left = *right;
                Ok(())
            }
            Binary::Concat => self.concat(left, right),
            Binary::Eq => self.equality(Op::JumpEq, left, right),
            Binary::Ne => self.equality(Op::JumpNe, left, right),
            Binary::Lt => self.order([Op::JumpLt, Op::JumpLtVK, Op::JumpLtKV], left, right),
            Binary::Le => self.order([Op::JumpLe, Op::JumpLeVK, Op::JumpLeKV], left, right),
            Binary::Gt => self.order_swapped([Op::JumpLt, Op::JumpLtKV, Op::JumpLtVK], left, right),
            Binary::Ge => self.order_swapped([Op::JumpLe, Op::JumpLeKV, Op::JumpLeVK], left, right),
            _ => match arithmetic(op) {
                Some(forms) => self.binary(op, forms, left, right),
                None => Ok(()),
            },
        }
    }

    fn concat(&mut self, left: &mut Expr, right: &mut Expr) -> Result<(), CompileError> {
        self.settle_value(right)?;
        if let Kind::Relocatable(pc) = right.kind
            && self.op_at(pc) == Op::Concat
        {
            // `a .. (b .. c)`: the operands are neighbours, one more joins.
            let insn = self.insn(pc);
            if let Kind::Register(first) = left.kind
                && first + 1 == insn.b
            {
                self.free_expr(left);
                self.set_insn(pc, Insn { b: first, ..insn });
                *left = Expr::new(Kind::Relocatable(pc));
                return Ok(());
            }
        }
        let last = self.place_next(right)?;
        self.free_expr(right);
        let first = self.place_any(left)?;
        self.free_expr(left);
        *left = Expr::new(Kind::Relocatable(self.emit(
            Op::Concat,
            0,
            first,
            last,
            0,
        )?));
        Ok(())
    }

    fn binary(
        &mut self,
        op: Binary,
        [vv, vk, kv]: [Op; 3],
        left: &mut Expr,
        right: &mut Expr,
    ) -> Result<(), CompileError> {
        let vk = match right.as_number() {
            Some(y) if vk == Op::ModVK && is_whole_divisor(y) => Op::ModWK,
            _ => vk,
        };
        let pc = match (left.as_number(), right.as_number()) {
            (Some(x), Some(y)) => {
                if let Some(result) = fold(op, x, y) {
                    left.kind = Kind::Number(result);
                    return Ok(());
                }
                let b = self.place_any(left)?;
                self.free_expr(left);
                self.emit_k(Insn::new(vk, 0, b, 0, 0), number_bits(y))?
            }
            (None, Some(y)) => {
                let b = self.place_any(left)?;
                self.free_expr(left);
                self.emit_k(Insn::new(vk, 0, b, 0, 0), number_bits(y))?
            }
            (Some(x), None) => {
                let c = self.place_any(right)?;
                self.free_expr(right);
                self.emit_k(Insn::new(kv, 0, 0, c, 0), number_bits(x))?
            }
            (None, None) => {
                let (b, c) = self.both_regs(left, right)?;
                self.emit(vv, 0, b, c, 0)?
            }
        };
        *left = Expr::new(Kind::Relocatable(pc));
        Ok(())
    }

    /// Brings both operands into registers and gives the temporaries back.
    fn both_regs(&mut self, left: &mut Expr, right: &mut Expr) -> Result<(u8, u8), CompileError> {
        let c = self.place_any(right)?;
        let b = self.place_any(left)?;
        // Registers are a stack: the one taken last goes first.
        if b > c {
            self.free_expr(left);
            self.free_expr(right);
        } else {
            self.free_expr(right);
            self.free_expr(left);
        }
        Ok((b, c))
    }

    /// `op` is `JumpEq` or `JumpNe`.
    fn equality(&mut self, op: Op, left: &mut Expr, right: &mut Expr) -> Result<(), CompileError> {
        let equal = op == Op::JumpEq;
        if self.constant_bits(left).is_some() {
            core::mem::swap(left, right);
        }
        let pc = match self.constant_bits(right) {
            Some(bits) => {
                let a = self.place_any(left)?;
                self.free_expr(left);
                let op = match (Value(bits).is_number(), equal) {
                    (true, true) => Op::JumpEqN,
                    (true, false) => Op::JumpNeN,
                    (false, true) => Op::JumpEqC,
                    (false, false) => Op::JumpNeC,
                };
                if let Kind::Str(s) = right.kind {
                    self.keep_string(s)?;
                }
                self.emit_k(Insn::new(op, a, 0, 0, NO_JUMP), bits)?
            }
            None => {
                let (a, b) = self.both_regs(left, right)?;
                self.emit(op, a, b, 0, NO_JUMP)?
            }
        };
        *left = Expr::new(Kind::Jump(pc));
        Ok(())
    }

    /// The value of a constant that equality can have in the instruction.
    fn constant_bits(&self, e: &Expr) -> Option<u64> {
        if e.has_jumps() {
            return None;
        }
        match e.kind {
            Kind::Nil => Some(Value::NIL.0),
            Kind::True => Some(Value::TRUE.0),
            Kind::False => Some(Value::FALSE.0),
            Kind::Number(x) => Some(number_bits(x)),
            Kind::Str(s) => Some(Value::tagged(tag::STRING, s.0).0),
            _ => None,
        }
    }

    /// `left < right` or `left <= right`.
    fn order(
        &mut self,
        [vv, vk, kv]: [Op; 3],
        left: &mut Expr,
        right: &mut Expr,
    ) -> Result<(), CompileError> {
        let pc = if let Some(y) = right.as_number() {
            let a = self.place_any(left)?;
            self.free_expr(left);
            self.emit_k(Insn::new(vk, a, 0, 0, NO_JUMP), number_bits(y))?
        } else if let Some(x) = left.as_number() {
            let a = self.place_any(right)?;
            self.free_expr(right);
            self.emit_k(Insn::new(kv, a, 0, 0, NO_JUMP), number_bits(x))?
        } else {
            let (a, b) = self.both_regs(left, right)?;
            self.emit(vv, a, b, 0, NO_JUMP)?
        };
        *left = Expr::new(Kind::Jump(pc));
        Ok(())
    }

    /// `left > right` as `right < left`; `ops` are the forms for a constant
    /// nowhere, on the right, on the left *of the source*.
    fn order_swapped(
        &mut self,
        [vv, right_k, left_k]: [Op; 3],
        left: &mut Expr,
        right: &mut Expr,
    ) -> Result<(), CompileError> {
        if left.as_number().is_some() || right.as_number().is_some() {
            return self.order([vv, right_k, left_k], left, right);
        }
        let (a, b) = self.both_regs(left, right)?;
        *left = Expr::new(Kind::Jump(self.emit(vv, b, a, 0, NO_JUMP)?));
        Ok(())
    }
}
