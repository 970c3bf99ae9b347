//! Step 2: from the tree to a sequence of stencils.
//!
//! Written once over [`Assembler`] and run twice: `rt-nostd` first measures and
//! then copies and patches. The value of an expression goes to a slot of the
//! value stack; its right operand to the next one.

use rt_nostd::{Assembler, Label, Target};
use stencil_format::Bundle;

use crate::Error;
use crate::syntax::Expr;

/// A pass over an expression.
pub struct Emission {
    bundle: Bundle<'static>,
    operands: Vec<i64>,
    /// Labels used so far.
    labels: u32,
    /// Slots of the value stack used.
    pub slots: usize,
}

impl Emission {
    /// Nothing emitted yet.
    pub fn new(bundle: &Bundle<'static>) -> Self {
        let operands = vec![0; bundle.operand_count() as usize];
        Self {
            bundle: *bundle,
            operands,
            labels: 0,
            slots: 0,
        }
    }

    /// Emits a whole program: the value goes to slot 0.
    ///
    /// # Errors
    /// [`Error::Emit`], or [`Error::Missing`] for a bundle without a stencil.
    pub fn program(&mut self, out: &mut impl Assembler<'static>, expr: &Expr) -> Result<(), Error> {
        self.value(out, expr, 0)?;
        self.stencil(out, "done", &[], &[])
    }

    fn value(
        &mut self,
        out: &mut impl Assembler<'static>,
        expr: &Expr,
        slot: usize,
    ) -> Result<(), Error> {
        self.slots = self.slots.max(slot + 1);
        let to = ("HOLE_TO", byte_offset(slot));
        match expr {
            Expr::Number(value) => match whole(*value) {
                Some(whole) => self.stencil(out, "whole", &[to, ("HOLE_WHOLE", whole.into())], &[]),
                None => {
                    let bits = value.to_bits().cast_signed();
                    self.stencil(out, "constant", &[to, ("HOLE_BITS", bits)], &[])
                }
            },
            Expr::Variable(index) => self.stencil(
                out,
                "variable",
                &[to, ("HOLE_VARIABLE", byte_offset(*index))],
                &[],
            ),
            Expr::Binary(stencil, sides) => {
                self.value(out, &sides[0], slot)?;
                self.value(out, &sides[1], slot + 1)?;
                let left = ("HOLE_LEFT", byte_offset(slot));
                let right = ("HOLE_RIGHT", byte_offset(slot + 1));
                self.stencil(out, stencil, &[to, left, right], &[])
            }
            Expr::Choice(parts) => {
                let [no, end] = [Label(self.labels), Label(self.labels + 1)];
                self.labels += 2;
                self.value(out, &parts[0], slot)?;
                let tested = ("HOLE_LEFT", byte_offset(slot));
                let targets = [
                    ("hole_next", Target::Next),
                    ("hole_else", Target::Label(no)),
                ];
                self.stencil(out, "branch", &[tested], &targets)?;
                self.value(out, &parts[1], slot)?;
                out.jump(Target::Label(end))?;
                out.bind(no)?;
                self.value(out, &parts[2], slot)?;
                Ok(out.bind(end)?)
            }
        }
    }

    /// Emits the stencil `name`. All is looked up by name here, to be read
    /// easily; a compiler in a hurry keeps the ordinals.
    fn stencil(
        &mut self,
        out: &mut impl Assembler<'static>,
        name: &'static str,
        operands: &[(&'static str, i64)],
        continuations: &[(&'static str, Target)],
    ) -> Result<(), Error> {
        let index = self
            .bundle
            .stencil_index(name)
            .ok_or(Error::Missing(name))?;
        for (operand, value) in operands {
            let at = self
                .bundle
                .operand_by_name(operand)
                .ok_or(Error::Missing(operand))?;
            self.operands[at as usize] = *value;
        }
        let targets: Vec<(u32, Target)> = continuations
            .iter()
            .map(|(continuation, target)| {
                let ordinal = self.bundle.continuation_by_name(continuation);
                Ok((ordinal.ok_or(Error::Missing(continuation))?, *target))
            })
            .collect::<Result<_, Error>>()?;
        Ok(out.stencil(index, &self.operands, &targets)?)
    }
}

/// Number of labels that the expression needs: two for each choice.
pub fn labels(expr: &Expr) -> usize {
    match expr {
        Expr::Number(_) | Expr::Variable(_) => 0,
        Expr::Binary(_, sides) => sides.iter().map(labels).sum(),
        Expr::Choice(parts) => 2 + parts.iter().map(labels).sum::<usize>(),
    }
}

/// Offset of a slot or variable. `rt-nostd` refuses what its hole can't hold.
fn byte_offset(index: usize) -> i64 {
    (index as i64).saturating_mul(size_of::<f64>() as i64)
}

/// The value as a whole number below 2^32, for the shorter stencil.
fn whole(value: f64) -> Option<u32> {
    // The cast saturates and drops the sign of zero; the comparison notices.
    let whole = value as u32;
    (f64::from(whole).to_bits() == value.to_bits()).then_some(whole)
}
