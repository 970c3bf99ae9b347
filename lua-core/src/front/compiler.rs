//! The compiler's state: one function under construction, the functions around
//! it, and the stacks that they share.
//!
//! Nested functions are compiled inside their enclosing one, so all growing
//! lists (code, variables, constants, ...) are *stacks*: each function owns the
//! part above its base, and closing a function copies that part into a
//! prototype and cuts it off. So there is one owner of memory, `Compiler`, and
//! one `free`, whatever way a compilation ends.
//!
//! Native stack: recursion happens only in the grammar files, each level
//! announced with `enter_level`. Everything bulky is here and not in their
//! frames.

use super::CompileError;
use super::lexer::Lexer;
use super::messages::{Near, Part};
use crate::heap::{Buffer, ProtoRef, Rt, ShapeRef, StrRef};
use crate::proto::{LocalDesc, ProtoParts, UpvalueDesc};
use crate::value::{Value, tag};

/// No jump: the end of a list of jumps.
pub(super) const NO_JUMP: u32 = u32::MAX;
/// Deepest nesting of blocks and expressions, as far as `lua` gets with it.
const MAX_LEVELS: u32 = 198;
/// Bytes of native stack kept for what runs below the grammar (interning,
/// creation of prototypes and shapes).
const NATIVE_STACK_RESERVE: usize = 4096;
/// Most local variables of a function.
const MAX_LOCALS: u32 = 200;

/// What is known about a local variable after the first pass.
pub(super) mod fact {
    /// An inner function uses it.
    pub const CAPTURED: u8 = 1;
    /// It is assigned after its initialisation.
    pub const ASSIGNED: u8 = 2;
}

/// The two passes over a chunk; see `mod.rs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pass {
    /// Collects facts about variables; its code is kept only if no fact makes
    /// a difference.
    Survey,
    /// Compiles with the facts known.
    Final,
}

/// A local variable in scope, or declared and soon in scope. The register of
/// the n-th variable of a function is n.
#[derive(Clone, Copy)]
pub(super) struct Var {
    pub name: StrRef,
    /// Number of the variable in the chunk, in order of declaration.
    pub number: u32,
    /// Does its register hold a cell with the value?
    pub is_cell: bool,
    /// Its entry in `locals`, counted from the function's base.
    pub desc: u32,
}

/// A block that is being compiled.
#[derive(Clone, Copy)]
pub(super) struct Block {
    /// Jumps of its `break` statements.
    pub breaks: u32,
    /// Variables in scope outside of it.
    pub active: u32,
    /// Is it a loop?
    pub is_loop: bool,
}

/// The function that is being compiled.
#[derive(Clone, Copy)]
pub(super) struct Function {
    // Where its parts of the shared stacks begin.
    pub code_base: u32,
    pub upvalue_base: u32,
    pub local_base: u32,
    pub constant_base: u32,
    pub shape_base: u32,
    pub proto_base: u32,
    pub var_base: u32,
    pub block_base: u32,
    /// Length of its part of `upvalues`.
    pub upvalue_count: u32,
    /// Variables in scope: they take the registers below this one.
    pub active: u32,
    /// The first free register.
    pub free_reg: u32,
    /// Registers in use at once, call areas included.
    pub frame_size: u32,
    /// Jumps that wait for the next instruction.
    pub pending: u32,
    /// Position that was last made a jump target.
    pub label: u32,
    /// Where the last instruction starts.
    pub last_pc: u32,
    pub line_defined: u32,
    /// Distinguishes functions in the constant cache.
    pub serial: u32,
    /// The `local function` variable this function initialises.
    pub itself: Option<u32>,
    /// Where the variable `arg` of a variadic function gets its table.
    pub arg_table: Option<u32>,
    pub params: u8,
    pub is_vararg: bool,
}

/// A cache line of recently added constants.
#[derive(Clone, Copy)]
pub(super) struct Recent {
    constant: u32,
    serial: u32,
}

/// Everything that a compilation holds.
pub(super) struct Compiler<'a> {
    pub lexer: Lexer<'a>,
    pub rt: Rt,
    pub pass: Pass,
    /// The function under construction.
    pub fun: Function,
    /// The functions around it, outermost first.
    pub outer: Buffer<Function>,
    /// Is the output of this pass going to be dropped?
    pub discard: bool,
    pub code: Buffer<u64>,
    pub lines: Buffer<u32>,
    pub upvalues: Buffer<UpvalueDesc>,
    /// For each of `upvalues` the number of its variable.
    pub upvalue_vars: Buffer<u32>,
    pub locals: Buffer<LocalDesc>,
    pub constants: Buffer<Value>,
    pub shapes: Buffer<ShapeRef>,
    pub protos: Buffer<ProtoRef>,
    pub vars: Buffer<Var>,
    pub blocks: Buffer<Block>,
    /// Left sides of assignments.
    pub targets: Buffer<super::expression::Expr>,
    /// Constant keys of table constructors.
    pub keys: Buffer<StrRef>,
    /// Facts by variable number.
    pub facts: Buffer<u8>,
    /// Number of the variable declared next.
    pub next_variable: u32,
    next_serial: u32,
    level: u32,
    native_stack_limit: usize,
    recent: [Recent; 64],
}

impl<'a> Compiler<'a> {
    pub(super) fn new(rt: Rt, source: &'a [u8], chunk_name: StrRef, stack_limit: usize) -> Self {
        Compiler {
            lexer: Lexer::new(rt, source, chunk_name),
            rt,
            pass: Pass::Survey,
            fun: Function::empty(),
            outer: Buffer::new(),
            discard: false,
            code: Buffer::new(),
            lines: Buffer::new(),
            upvalues: Buffer::new(),
            upvalue_vars: Buffer::new(),
            locals: Buffer::new(),
            constants: Buffer::new(),
            shapes: Buffer::new(),
            protos: Buffer::new(),
            vars: Buffer::new(),
            blocks: Buffer::new(),
            targets: Buffer::new(),
            keys: Buffer::new(),
            facts: Buffer::new(),
            next_variable: 0,
            next_serial: 1,
            level: 0,
            native_stack_limit: stack_limit,
            recent: [Recent {
                constant: 0,
                serial: 0,
            }; 64],
        }
    }

    /// Gives all memory back.
    pub(super) fn free(&mut self) {
        let rt = self.rt;
        self.lexer.free();
        self.outer.free(rt);
        self.code.free(rt);
        self.lines.free(rt);
        self.upvalues.free(rt);
        self.upvalue_vars.free(rt);
        self.locals.free(rt);
        self.constants.free(rt);
        self.shapes.free(rt);
        self.protos.free(rt);
        self.vars.free(rt);
        self.blocks.free(rt);
        self.targets.free(rt);
        self.keys.free(rt);
        self.facts.free(rt);
    }

    /// Prepares for the second pass, after the first came to its end.
    pub(super) fn begin_final_pass(&mut self) {
        self.lexer.restart();
        self.pass = Pass::Final;
        self.discard = false;
        self.next_variable = 0;
        self.level = 0;
    }

    /// Begins a function inside the current one.
    pub(super) fn open_function(&mut self, line: u32) -> Result<(), CompileError> {
        self.outer.push(self.rt, self.fun)?;
        self.fun = Function {
            code_base: self.code.len() as u32,
            upvalue_base: self.upvalues.len() as u32,
            local_base: self.locals.len() as u32,
            constant_base: self.constants.len() as u32,
            shape_base: self.shapes.len() as u32,
            proto_base: self.protos.len() as u32,
            var_base: self.vars.len() as u32,
            block_base: self.blocks.len() as u32,
            line_defined: line,
            serial: self.next_serial,
            ..Function::empty()
        };
        self.next_serial += 1;
        Ok(())
    }

    /// Ends the current function, whose source ends on `last_line`, and makes
    /// its prototype. The code must be complete, its final return included, and
    /// all variables out of scope.
    pub(super) fn close_function(&mut self, last_line: u32) -> Result<ProtoRef, CompileError> {
        let fun = self.fun;
        let proto = if self.discard {
            ProtoRef(0)
        } else {
            self.rt.new_proto(&ProtoParts {
                source: self.lexer.chunk_name,
                line_defined: fun.line_defined,
                last_line,
                params: fun.params,
                is_vararg: fun.is_vararg,
                frame_size: fun.frame_size as u8,
                code: &self.code[fun.code_base as usize..],
                lines: &self.lines[fun.code_base as usize..],
                upvalues: &self.upvalues[fun.upvalue_base as usize..],
                locals: &self.locals[fun.local_base as usize..],
                constants: &self.constants[fun.constant_base as usize..],
                shapes: &self.shapes[fun.shape_base as usize..],
                protos: &self.protos[fun.proto_base as usize..],
            })?
        };
        self.code.truncate(fun.code_base as usize);
        self.lines.truncate(fun.code_base as usize);
        self.upvalues.truncate(fun.upvalue_base as usize);
        self.upvalue_vars.truncate(fun.upvalue_base as usize);
        self.locals.truncate(fun.local_base as usize);
        self.constants.truncate(fun.constant_base as usize);
        self.shapes.truncate(fun.shape_base as usize);
        self.protos.truncate(fun.proto_base as usize);
        self.vars.truncate(fun.var_base as usize);
        self.blocks.truncate(fun.block_base as usize);
        if let Some(enclosing) = self.outer.pop() {
            self.fun = enclosing;
        }
        Ok(proto)
    }

    /// Announces a level of native recursion; `leave_level` ends it.
    #[inline(never)]
    pub(super) fn enter_level(&mut self) -> Result<(), CompileError> {
        self.level += 1;
        let here = 0u8;
        let address = (&raw const here).addr();
        let floor = self.native_stack_limit.saturating_add(NATIVE_STACK_RESERVE);
        let too_low = self.native_stack_limit != 0 && address < floor;
        if self.level > MAX_LEVELS || too_low {
            return Err(self.too_many_levels());
        }
        Ok(())
    }

    #[cold]
    pub(super) fn too_many_levels(&mut self) -> CompileError {
        let text = [Part::Text(b"chunk has too many syntax levels")];
        self.lexer.error(&text, Near::Nowhere)
    }

    /// Is nesting what takes up registers?
    pub(super) fn is_deeply_nested(&self) -> bool {
        self.level > MAX_LEVELS / 2
    }

    pub(super) fn leave_level(&mut self) {
        self.level -= 1;
    }

    /// Levels that may still be entered.
    pub(super) fn levels_left(&self) -> u32 {
        MAX_LEVELS - self.level
    }

    /// Keeps a string that code mentions alive as long as the code.
    pub(super) fn keep_string(&mut self, s: StrRef) -> Result<(), CompileError> {
        // Most repetitions are caught by this small cache; the others only
        // cost a word each.
        let line = &mut self.recent[(s.0 >> 4) as usize % 64];
        if line.constant != s.0 || line.serial != self.fun.serial {
            *line = Recent {
                constant: s.0,
                serial: self.fun.serial,
            };
            self.constants
                .push(self.rt, Value::tagged(tag::STRING, s.0))?;
        }
        Ok(())
    }

    /// The error for exceeding a limit of `fun`.
    #[cold]
    #[inline(never)]
    pub(super) fn limit_error(&mut self, fun: &Function, max: u32, what: &[u8]) -> CompileError {
        let tail = [
            Part::Text(b" has more than "),
            Part::Number(max),
            Part::Text(b" "),
        ];
        if fun.line_defined == 0 {
            self.lexer.error(
                &[
                    Part::Text(b"main function"),
                    tail[0],
                    tail[1],
                    tail[2],
                    Part::Text(what),
                ],
                Near::Nowhere,
            )
        } else {
            self.lexer.error(
                &[
                    Part::Text(b"function at line "),
                    Part::Number(fun.line_defined),
                    tail[0],
                    tail[1],
                    tail[2],
                    Part::Text(what),
                ],
                Near::Nowhere,
            )
        }
    }

    /// Declares a local variable; it comes into scope with `activate`.
    /// Returns its number.
    pub(super) fn declare(&mut self, name: StrRef) -> Result<u32, CompileError> {
        if self.vars.len() as u32 - self.fun.var_base >= MAX_LOCALS {
            let fun = self.fun;
            return Err(self.limit_error(&fun, MAX_LOCALS, b"local variables"));
        }
        let number = self.number_variable()?;
        let is_cell = self.fact(number, fact::CAPTURED) && self.fact(number, fact::ASSIGNED);
        self.vars.push(
            self.rt,
            Var {
                name,
                number,
                is_cell,
                desc: 0,
            },
        )?;
        Ok(number)
    }

    /// Takes the next variable number. Both passes must call this in the same
    /// order.
    pub(super) fn number_variable(&mut self) -> Result<u32, CompileError> {
        let number = self.next_variable;
        self.next_variable += 1;
        if self.pass == Pass::Survey {
            self.facts.push(self.rt, 0)?;
        }
        Ok(number)
    }

    /// Is this fact known from the first pass? Always `false` during it: the
    /// code of that pass is only kept if that was the truth.
    pub(super) fn fact(&self, number: u32, fact: u8) -> bool {
        self.pass == Pass::Final
            && self
                .facts
                .get(number as usize)
                .is_some_and(|bits| bits & fact != 0)
    }

    /// Notes a fact about a variable.
    pub(super) fn note(&mut self, number: u32, fact: u8) {
        if let Some(bits) = self.facts.get_mut(number as usize) {
            *bits |= fact;
        }
        if fact == fact::CAPTURED && self.pass == Pass::Survey {
            self.discard = true;
        }
    }
}

impl Function {
    /// A function without code whose parts begin at 0.
    const fn empty() -> Function {
        Function {
            code_base: 0,
            upvalue_base: 0,
            local_base: 0,
            constant_base: 0,
            shape_base: 0,
            proto_base: 0,
            var_base: 0,
            block_base: 0,
            upvalue_count: 0,
            active: 0,
            free_reg: 0,
            frame_size: 2,
            pending: NO_JUMP,
            label: NO_JUMP,
            last_pc: NO_JUMP,
            line_defined: 0,
            serial: 0,
            itself: None,
            arg_table: None,
            params: 0,
            is_vararg: false,
        }
    }
}
