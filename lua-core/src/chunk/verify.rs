//! The verifier: may these instructions run?
//!
//! Operations trust the front end, for speed: that registers exist, that a cell is where
//! one is expected, that jumps go to instructions. A function out of a chunk is checked
//! for all of it, in two steps: the form of every instruction, by the op table; then what
//! each register holds, by following the code from its start.
//!
//! # What registers hold
//! *nothing* (it may not be read), a *value*, a *cell*, the numbers of a `for` loop, the
//! control variable of an iterator (perhaps a cursor), or a *fresh table*, a value of
//! which the number of inline slots is known. Where ways meet, what they don't agree on
//! is nothing (a fresh table and a value: a value). Backward jumps may take something away
//! at the head of a loop; then the code is followed once more, until nothing changes.
//! Code that can't be reached is only checked for its form.
//!
//! Must never read memory of objects by what the code says. An operation that the table
//! gains is refused until [`Verifier::step`] says what it does, unless its operands say
//! it all. Called by `load`.

use super::ChunkError;
use crate::frame::link_for_call;
use crate::heap::{Buffer, ProtoRef, Rt, ShapeRef};
use crate::isa::{Control, Extra, Insn, Op, OpInfo, Operand};
use crate::ops::arith::is_whole_divisor;
use crate::proto::{LocalDesc, UpvalueDesc, UpvalueFrom};
use crate::value::{Value, tag};

/// Most registers of a function.
const MAX_REGISTERS: u8 = 250;
/// Times that the code is followed at most. Each nested loop may need one.
const MAX_PASSES: u32 = 250;
/// Largest number operand; the element that a constructor stores last fits, too.
const MAX_NUMBER: u32 = i32::MAX as u32 - 1024;
/// Slots behind a loop's first register that the call of an iterator uses.
const ITERATOR_SLOTS: u8 = 6;

/// A function to be checked: numbers stand where references will.
pub(super) struct Function<'a> {
    pub params: u8,
    pub is_vararg: bool,
    pub frame_size: u8,
    pub code: &'a [u64],
    pub upvalues: &'a [UpvalueDesc],
    pub locals: &'a [LocalDesc],
    pub inner: &'a [ProtoRef],
    /// Number of strings.
    pub strings: usize,
    pub shapes: &'a [ShapeRef],
}

// What a register holds.
const NOTHING: u8 = 0;
const VALUE: u8 = 1;
const CELL: u8 = 2;
const LOOP: u8 = 3;
const CONTROL: u8 = 4;
/// A fresh table with so many inline slots more than this.
const FRESH: u8 = 5;

// What is known of a word.
const START: u8 = 1;
const TARGET: u8 = 2;

/// What both ways can rely on.
fn meet(a: u8, b: u8) -> u8 {
    let is_value = |x| x == VALUE || x >= FRESH;
    match (a, b) {
        _ if a == b => a,
        _ if is_value(a) && is_value(b) => VALUE,
        // An iterator's first control variable is any value.
        (CONTROL, x) | (x, CONTROL) if is_value(x) => CONTROL,
        _ => NOTHING,
    }
}

/// Checks a function. Its inner functions were checked before.
pub(super) fn verify(rt: Rt, function: &Function<'_>) -> Result<(), ChunkError> {
    let mut verifier = Verifier {
        rt,
        f: function,
        words: Buffer::new(),
        places: Buffer::new(),
        states: Buffer::new(),
        starts: Buffer::new(),
        next_start: Buffer::new(),
        registers: [NOTHING; 256],
        named_until: [0; 256],
        changed: false,
    };
    let result = verifier.run();
    verifier.free();
    result
}

struct Verifier<'a> {
    rt: Rt,
    f: &'a Function<'a>,
    /// `START` and `TARGET` of each word.
    words: Buffer<u8>,
    /// For each word the number + 1 of what registers hold there, if ways meet there.
    places: Buffer<u32>,
    /// What registers hold at each such place.
    states: Buffer<u8>,
    /// For each word the number + 1 of a local variable that starts there.
    starts: Buffer<u32>,
    /// For each local variable the number + 1 of another that starts at the same word.
    next_start: Buffer<u32>,
    /// What registers hold where the code is being followed.
    registers: [u8; 256],
    /// Up to where each register has the name of a variable.
    named_until: [u32; 256],
    /// A state was changed that had been used already.
    changed: bool,
}

fn ensure(condition: bool) -> Result<(), ChunkError> {
    if condition {
        Ok(())
    } else {
        Err(ChunkError::Code)
    }
}

/// Where a jump at `pc` goes.
fn target(pc: usize, insn: Insn) -> usize {
    pc.wrapping_add_signed(insn.d as i32 as isize)
}

impl Verifier<'_> {
    fn free(&mut self) {
        self.words.free(self.rt);
        self.places.free(self.rt);
        self.states.free(self.rt);
        self.starts.free(self.rt);
        self.next_start.free(self.rt);
    }

    fn run(&mut self) -> Result<(), ChunkError> {
        let f = self.f;
        ensure(f.frame_size <= MAX_REGISTERS && f.params <= f.frame_size)?;
        ensure(!f.code.is_empty())?;
        for _ in f.code {
            self.words.push(self.rt, 0)?;
            self.places.push(self.rt, 0)?;
            self.starts.push(self.rt, 0)?;
        }
        self.check_locals()?;
        self.check_forms()?;
        self.check_targets()?;
        for _ in 0..MAX_PASSES {
            self.changed = false;
            self.follow()?;
            self.rt.charge_work(f.code.len() as u64 / 16);
            if !self.changed {
                return Ok(());
            }
        }
        Err(ChunkError::Code)
    }

    fn check_locals(&mut self) -> Result<(), ChunkError> {
        let words = self.f.code.len() as u32;
        for (i, local) in self.f.locals.iter().enumerate() {
            ensure(local.register < self.f.frame_size)?;
            ensure(local.start_pc <= local.end_pc && local.end_pc <= words)?;
            let mut next = 0;
            if let Some(first) = self.starts.get_mut(local.start_pc as usize) {
                next = core::mem::replace(first, i as u32 + 1);
            }
            self.next_start.push(self.rt, next)?;
        }
        Ok(())
    }

    // ---- the form of instructions

    fn check_forms(&mut self) -> Result<(), ChunkError> {
        let mut pc = 0;
        // The instruction before, and whether it leaves an open list.
        let mut last: Option<Insn> = None;
        while let Some(&word) = self.f.code.get(pc) {
            let insn = Insn::from_word(word);
            let op = Op::from_u8(insn.op).ok_or(ChunkError::Code)?;
            let info = op.info();
            ensure(info.base == op)?;
            self.check_operands(insn, info)?;
            let words = info.extra.words();
            let extra = self.f.code.get(pc + 1..pc + words);
            self.check_extra(extra.ok_or(ChunkError::Code)?, info)?;
            if let Some(known) = self.words.get_mut(pc) {
                *known |= START;
            }
            if matches!(
                info.control,
                Control::Branch | Control::Jump | Control::Loop
            ) {
                let to = target(pc, insn);
                let is_back = info.control == Control::Loop;
                ensure(if is_back { to <= pc } else { to > pc })?;
                *self.words.get_mut(to).ok_or(ChunkError::Code)? |= TARGET;
            }
            check_neighbours(last, insn, op)?;
            last = Some(insn);
            pc += words;
        }
        // Nothing runs off the end, and no list stays open.
        let last = last.and_then(|insn| Op::from_u8(insn.op));
        let ends = |op: Op| {
            matches!(op.info().control, Control::Return | Control::Jump) || op == Op::JumpBack
        };
        ensure(last.is_some_and(ends))
    }

    fn check_operands(&self, insn: Insn, info: &OpInfo) -> Result<(), ChunkError> {
        let f = self.f;
        let [a, b, c, d] = info.operands;
        for (kind, field) in [(a, insn.a), (b, insn.b), (c, insn.c)] {
            let upvalue = f.upvalues.get(field as usize);
            ensure(match kind {
                Operand::No => field == 0,
                Operand::Dst | Operand::Src | Operand::Cell | Operand::Run => field < f.frame_size,
                Operand::Imm | Operand::Count => true,
                Operand::Up => upvalue.is_some_and(|u| !u.is_cell),
                Operand::UpCell => upvalue.is_some_and(|u| u.is_cell),
                // Those are wide.
                _ => false,
            })?;
        }
        let n = insn.d;
        ensure(match d {
            Operand::No => n == 0,
            Operand::Str => (n as usize) < f.strings,
            Operand::Shape => (n as usize) < f.shapes.len(),
            Operand::Proto => (n as usize) < f.inner.len(),
            Operand::Jump => true,
            Operand::Num => n <= MAX_NUMBER && (n > 0 || info.op == Op::InitField),
            Operand::Link => n == link_for_call(insn.a, insn.c),
            _ => false,
        })
    }

    fn check_extra(&self, extra: &[u64], info: &OpInfo) -> Result<(), ChunkError> {
        let v = Value(extra.first().copied().unwrap_or(0));
        ensure(match info.extra {
            Extra::None | Extra::Pair => true,
            Extra::K if info.op == Op::ModWK => is_whole_divisor(f64::from_bits(v.0)),
            Extra::K => v.is_ordinary_number(),
            Extra::C => match v.tag() {
                tag::STRING => (v.payload() as usize) < self.f.strings,
                _ => [Value::NIL, Value::FALSE, Value::TRUE].contains(&v),
            },
            Extra::Ic1 | Extra::Ic2 | Extra::Resume => extra.iter().all(|&word| word == 0),
        })
    }

    /// Jumps go to instructions, and never between two that belong together.
    fn check_targets(&mut self) -> Result<(), ChunkError> {
        let f = self.f;
        let known = self.words.iter().zip(f.code);
        for (&known, &word) in known.filter(|(known, _)| **known & TARGET != 0) {
            let insn = Insn::from_word(word);
            ensure(known & START != 0)?;
            ensure(!takes_open(insn) && insn.op != Op::IterLoop as u8)?;
        }
        Ok(())
    }

    // ---- what registers hold

    /// Follows the code once.
    fn follow(&mut self) -> Result<(), ChunkError> {
        let f = self.f;
        self.registers = [NOTHING; 256];
        self.registers
            .iter_mut()
            .take(f.params as usize)
            .for_each(|r| *r = VALUE);
        self.named_until = [0; 256];
        let mut is_reached = true;
        let mut pc = 0;
        while let Some(&word) = f.code.get(pc) {
            let insn = Insn::from_word(word);
            let info = Op::from_u8(insn.op).ok_or(ChunkError::Code)?.info();
            self.name(pc);
            if self.words.get(pc).is_some_and(|known| known & TARGET != 0) {
                if is_reached {
                    self.arrive(pc, pc)?;
                }
                is_reached = self.enter(pc);
            }
            if is_reached {
                is_reached = self.step(pc, insn, info)?;
            }
            for i in 1..info.extra.words() {
                self.name(pc + i);
            }
            pc += info.extra.words();
        }
        Ok(())
    }

    /// Notes the variables that start at word `pc`. The program may change them: they
    /// are no fresh tables.
    fn name(&mut self, pc: usize) {
        let mut local = self.starts.get(pc).copied().unwrap_or(0);
        while local != 0 {
            let i = local as usize - 1;
            if let Some(desc) = self.f.locals.get(i) {
                let r = desc.register as usize;
                self.named_until[r] = self.named_until[r].max(desc.end_pc);
                if self.registers[r] >= FRESH {
                    self.registers[r] = VALUE;
                }
            }
            local = self.next_start.get(i).copied().unwrap_or(0);
        }
    }

    fn is_named(&self, r: u8, pc: usize) -> bool {
        pc < self.named_until[r as usize] as usize
    }

    /// Lets what registers hold here meet what is known of the word `to`.
    fn arrive(&mut self, pc: usize, to: usize) -> Result<(), ChunkError> {
        let size = self.f.frame_size as usize;
        let here = self.registers.get(..size).unwrap_or(&[]);
        let place = self.places.get_mut(to).ok_or(ChunkError::Code)?;
        if *place == 0 {
            self.states.extend(self.rt, here)?;
            *place = (self.states.len() / size.max(1)) as u32;
            if size == 0 {
                *place = 1;
            }
            self.changed |= to < pc;
            return Ok(());
        }
        let first = (*place as usize - 1) * size;
        let known = self.states.get_mut(first..first + size);
        for (known, &here) in known.ok_or(ChunkError::Code)?.iter_mut().zip(here) {
            let both = meet(*known, here);
            self.changed |= both != *known && to <= pc;
            *known = both;
        }
        Ok(())
    }

    /// Goes on with what is known of word `pc`, if anything gets there.
    fn enter(&mut self, pc: usize) -> bool {
        let size = self.f.frame_size as usize;
        let place = self.places.get(pc).copied().unwrap_or(0) as usize;
        if place == 0 {
            return false;
        }
        for r in 0..size {
            let mut holds = self
                .states
                .get((place - 1) * size + r)
                .copied()
                .unwrap_or(NOTHING);
            if holds >= FRESH && self.is_named(r as u8, pc) {
                holds = VALUE;
            }
            self.registers[r] = holds;
        }
        true
    }

    fn put(&mut self, r: u8, holds: u8) {
        self.registers[r as usize] = holds;
    }

    /// Registers `first ..= last`, which must exist.
    fn put_all(&mut self, first: u8, count: u8, holds: u8) -> Result<(), ChunkError> {
        let end = first as usize + count as usize;
        ensure(end <= self.f.frame_size as usize)?;
        let registers = self.registers.get_mut(first as usize..end);
        registers.ok_or(ChunkError::Code)?.fill(holds);
        Ok(())
    }

    /// Everything from `first` on is overwritten by a call.
    fn drop_from(&mut self, first: u8) {
        if let Some(registers) = self.registers.get_mut(first as usize..) {
            registers.fill(NOTHING);
        }
    }

    fn value(&self, r: u8) -> Result<(), ChunkError> {
        self.values(r, 1)
    }

    /// `count` registers from `first` on exist and hold values.
    fn values(&self, first: u8, count: u8) -> Result<(), ChunkError> {
        let end = first as usize + count as usize;
        ensure(end <= self.f.frame_size as usize)?;
        let registers = self.registers.get(first as usize..end);
        let is_value = |&r: &u8| r == VALUE || r >= FRESH;
        ensure(registers.ok_or(ChunkError::Code)?.iter().all(is_value))
    }

    fn holds(&self, r: u8, what: u8) -> Result<(), ChunkError> {
        ensure(self.registers[r as usize] == what)
    }

    /// Follows one instruction; tells whether control can reach the next.
    fn step(&mut self, pc: usize, insn: Insn, info: &OpInfo) -> Result<bool, ChunkError> {
        let Insn { a, b, c, d, .. } = insn;
        match info.op {
            Op::LoadNil => self.put_all(a, b.checked_add(1).ok_or(ChunkError::Code)?, VALUE)?,
            Op::LoadBool => {
                // The value is computed from the operand.
                ensure(b <= 1)?;
                self.put(a, VALUE);
            }
            Op::NewCell => {
                self.value(a)?;
                self.put(a, CELL);
            }
            Op::Closure => {
                self.captures(d)?;
                self.put(a, VALUE);
            }
            Op::Method => {
                self.value(b)?;
                self.put_all(a, 3, NOTHING)?;
                self.put(a, VALUE);
                self.put(a + 2, VALUE);
            }
            Op::NewTable => {
                let shape = self.f.shapes.get(d as usize).ok_or(ChunkError::Code)?;
                let keys = self.rt.header(shape.0).aux as u8;
                let is_named = self.is_named(a, pc);
                self.put(a, if is_named { VALUE } else { FRESH + keys });
            }
            Op::InitField => {
                self.value(b)?;
                let holds = self.registers[a as usize];
                ensure(holds > FRESH && d < u32::from(holds - FRESH))?;
            }
            Op::SetList => {
                ensure(self.registers[a as usize] >= FRESH)?;
                if b > 0 {
                    self.values(a + 1, b - 1)?;
                }
            }
            Op::Concat => {
                ensure(b < c)?;
                self.values(b, c - b + 1)?;
                // It joins them in place.
                self.put_all(b, c - b + 1, NOTHING)?;
                self.put(a, VALUE);
            }
            Op::CopyJumpIf | Op::CopyJumpIfNot => {
                self.value(b)?;
                let before = self.registers[a as usize];
                self.put(a, VALUE);
                self.arrive(pc, target(pc, insn))?;
                self.put(a, before);
                return Ok(true);
            }
            Op::ForPrep => {
                self.values(a, 3)?;
                ensure(a as usize + 3 < self.f.frame_size as usize)?;
                self.put_all(a, 3, NOTHING)?;
                self.arrive(pc, target(pc, insn))?;
                self.put_all(a, 3, LOOP)?;
                self.put(a + 3, VALUE);
                return Ok(true);
            }
            Op::ForLoop | Op::ForLoopUp => {
                ensure(a as usize + 3 < self.f.frame_size as usize)?;
                for r in a..a + 3 {
                    self.holds(r, LOOP)?;
                }
                let before = self.registers[a as usize + 3];
                self.put(a + 3, VALUE);
                self.arrive(pc, target(pc, insn))?;
                self.put(a + 3, before);
                return Ok(true);
            }
            Op::IterCall => {
                self.values(a, 2)?;
                let control = self.registers[a as usize + 2];
                ensure(control == CONTROL || control == VALUE || control >= FRESH)?;
                self.put_all(a + 2, ITERATOR_SLOTS - 1, NOTHING)?;
                self.drop_from(a + 3);
                self.put(a + 2, CONTROL);
                ensure(b > 0)?;
                self.put_all(a + 3, b, VALUE)?;
            }
            Op::IterLoop => {
                self.arrive(pc, target(pc, insn))?;
                return Ok(true);
            }
            Op::Call => {
                self.arguments(a, b)?;
                self.drop_from(a);
                if c > 0 {
                    self.put_all(a, c - 1, VALUE)?;
                }
            }
            Op::TailCall => {
                self.arguments(a, b)?;
                // A native function comes back, to the `Return` that follows.
                self.drop_from(a);
            }
            Op::Return => {
                if b > 0 {
                    self.values(a, b - 1)?;
                }
                return Ok(false);
            }
            Op::VarArg => {
                ensure(self.f.is_vararg)?;
                if b > 0 {
                    self.put_all(a, b - 1, VALUE)?;
                } else {
                    self.drop_from(a);
                }
            }
            Op::ArgTable => {
                ensure(self.f.is_vararg)?;
                self.put(a, VALUE);
            }
            _ => return self.simple_step(pc, insn, info),
        }
        Ok(true)
    }

    /// An instruction whose operands say what it does.
    fn simple_step(&mut self, pc: usize, insn: Insn, info: &OpInfo) -> Result<bool, ChunkError> {
        let [a, b, c, d] = info.operands;
        let fields = [(a, insn.a), (b, insn.b), (c, insn.c)];
        for (kind, field) in fields {
            match kind {
                Operand::Src => self.value(field)?,
                Operand::Cell => self.holds(field, CELL)?,
                Operand::No | Operand::Dst | Operand::Up | Operand::UpCell => {}
                // Not simple.
                _ => return Err(ChunkError::Code),
            }
        }
        for (kind, field) in fields {
            if kind == Operand::Dst {
                self.put(field, VALUE);
            }
        }
        ensure(!matches!(
            d,
            Operand::Shape | Operand::Proto | Operand::Link
        ))?;
        match info.control {
            Control::Next => Ok(true),
            Control::Branch => {
                self.arrive(pc, target(pc, insn))?;
                Ok(true)
            }
            Control::Jump => {
                self.arrive(pc, target(pc, insn))?;
                Ok(false)
            }
            Control::Loop if info.op == Op::JumpBack => {
                self.arrive(pc, target(pc, insn))?;
                Ok(false)
            }
            // A loop that ends with its condition.
            Control::Loop if info.op.without_loop() != info.op => {
                self.arrive(pc, target(pc, insn))?;
                Ok(true)
            }
            Control::Return => Ok(false),
            Control::Loop | Control::Call => Err(ChunkError::Code),
        }
    }

    /// The function and the arguments of a call.
    fn arguments(&self, a: u8, b: u8) -> Result<(), ChunkError> {
        self.value(a)?;
        ensure(a as usize + 2 <= self.f.frame_size as usize)?;
        if b > 0 {
            self.values(a + 2, b - 1)?;
        }
        Ok(())
    }

    /// What the closure of an inner function captures is there, and of the right kind.
    fn captures(&self, number: u32) -> Result<(), ChunkError> {
        let inner = *self.f.inner.get(number as usize).ok_or(ChunkError::Code)?;
        let upvalues = self.rt.proto(inner).upvalues;
        for upvalue in self.rt.slice::<UpvalueDesc>(upvalues) {
            match upvalue.from {
                UpvalueFrom::Local => {
                    ensure(upvalue.index < self.f.frame_size)?;
                    if upvalue.is_cell {
                        self.holds(upvalue.index, CELL)?;
                    } else {
                        self.value(upvalue.index)?;
                    }
                }
                UpvalueFrom::Up => {
                    let outer = self.f.upvalues.get(upvalue.index as usize);
                    ensure(outer.is_some_and(|outer| outer.is_cell == upvalue.is_cell))?;
                }
                UpvalueFrom::Itself => ensure(!upvalue.is_cell)?,
            }
        }
        Ok(())
    }
}

/// Does the instruction take an open list, which the one before has left?
fn takes_open(insn: Insn) -> bool {
    let takers = [Op::Call, Op::TailCall, Op::Return, Op::SetList];
    insn.b == 0 && takers.iter().any(|&op| insn.op == op as u8)
}

/// The register that an open list starts at, if the instruction leaves one.
fn leaves_open(insn: Insn) -> Option<u8> {
    let leaves = (insn.op == Op::Call as u8 && insn.c == 0)
        || (insn.op == Op::VarArg as u8 && insn.b == 0)
        || insn.op == Op::TailCall as u8;
    leaves.then_some(insn.a)
}

/// Checks what an instruction needs of the one before it.
fn check_neighbours(last: Option<Insn>, insn: Insn, op: Op) -> Result<(), ChunkError> {
    let open = last.and_then(leaves_open);
    // An open list is taken at once.
    ensure(open.is_some() == takes_open(insn))?;
    if let Some(first) = open {
        let from = match op {
            Op::Call | Op::TailCall => insn.a as u32 + 2,
            Op::SetList => insn.a as u32 + 1,
            _ => insn.a as u32,
        };
        ensure(from <= first as u32)?;
    }
    let is = |insn: Insn, op: Op| insn.op == op as u8;
    // A tail call is followed by the return of what a native function gives.
    if let Some(last) = last.filter(|&last| is(last, Op::TailCall)) {
        ensure(op == Op::Return && insn.a == last.a)?;
    }
    // A call of an iterator and its loop stand together.
    let called = last
        .filter(|&last| is(last, Op::IterCall))
        .map(|last| last.a);
    let looped = (op == Op::IterLoop).then_some(insn.a);
    ensure(called == looped)
}
