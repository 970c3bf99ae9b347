//! What an embedder may see of the compiler's work: a notice whenever code is linked, made,
//! refused or taken away, for listings, profilers and debuggers.
//!
//! Must cost nothing without an observer, and must never let one change anything: a notice
//! is a borrowed view. Called by the other files of this folder.

use super::Baseline;
use super::code::Compiled;
use super::compile::Refusal;
use super::stencils::Moves;
use super::steps::Step;
use crate::front::chunk_id;
use crate::heap::{ProtoRef, Rt, StrRef};
use crate::isa::{Insn, OPS, Op, Operand};
use crate::listing;
use crate::proto::{LocalDesc, Proto};
use core::ffi::c_void;
use core::fmt;
use core::ops::Range;
use rt_nostd::{CodeBlock, LinkedBundle};

/// Who is told.
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    /// Passed to `notify` as it is.
    pub context: *mut c_void,
    /// Told of each event, while the VM waits. It must not use the VM.
    pub notify: fn(*mut c_void, &Notice<'_>),
}

/// Why a function was to be compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Samples found calls of it.
    Called,
    /// Samples found it running: it is entered where it is.
    Running,
    /// All functions must be compiled.
    Forced,
    /// Its inline caches know more than when it was compiled.
    Improved,
    /// What was sure to be a number wasn't.
    Unsure,
}

/// Why code was taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Other code needed the room.
    Evicted,
    /// The function is garbage.
    Dead,
    /// Something that is baked into the code is garbage.
    Stale,
    /// A hook looks at each instruction.
    Hooks,
    /// It is about to be compiled again.
    Improved,
    /// The same, because what was sure to be a number wasn't.
    Unsure,
}

/// An event.
#[derive(Debug)]
pub enum Notice<'a> {
    /// One of the functions that all code shares was linked.
    Linked {
        /// Its name in the bundle.
        name: &'a str,
        /// Its code, where it is executed.
        code: &'a [u8],
    },
    /// A function was compiled.
    Compiled {
        /// The function.
        function: Function<'a>,
        /// Why.
        cause: Cause,
        /// Its code.
        code: Code<'a>,
        /// The pieces of its code.
        pieces: Pieces<'a>,
    },
    /// A function couldn't be compiled.
    Refused {
        /// The function.
        function: Function<'a>,
        /// Why it was to be.
        cause: Cause,
        /// Why it isn't.
        why: Refusal,
    },
    /// An inline cache of compiled code learnt an entry.
    Stub {
        /// The function.
        function: Function<'a>,
        /// The word of bytecode whose instruction has the cache.
        word: u32,
        /// The form that the operation takes in the stub, as listings name it.
        form: &'static str,
        /// The stub's code.
        code: Code<'a>,
        /// The function's code, to which it returns.
        main: Code<'a>,
    },
    /// A stub is about to be taken away.
    StubRemoved {
        /// Its code.
        code: Code<'a>,
    },
    /// Code of a function is about to be taken away.
    Removed {
        /// The function.
        function: Function<'a>,
        /// Why.
        why: Removal,
        /// Its code.
        code: Code<'a>,
    },
}

/// Machine code of a function, where it is executed.
#[derive(Clone, Copy, Debug)]
pub struct Code<'a> {
    /// Hot code; the first byte is the entry.
    pub hot: &'a [u8],
    /// Cold code.
    pub cold: &'a [u8],
}

impl Code<'_> {
    /// # Safety
    /// The block is in use for as long as the view.
    unsafe fn of(baseline: &Baseline, block: &CodeBlock) -> Self {
        let [hot, cold] = baseline.region.addresses(block);
        // SAFETY: code memory may be read where it is executed (contract of `CodeRegion`),
        // and nobody writes to a block in use.
        unsafe {
            let bytes = |at: Range<usize>| match at.len() {
                0 => &[][..],
                len => core::slice::from_raw_parts(at.start as *const u8, len),
            };
            Code {
                hot: bytes(hot),
                cold: bytes(cold),
            }
        }
    }
}

/// A function that a notice is about. Displayed as `chunk:line`, line 0 for a main chunk.
#[derive(Clone, Copy)]
pub struct Function<'a> {
    rt: Rt,
    proto: ProtoRef,
    _notice: core::marker::PhantomData<&'a ()>,
}

impl<'a> Function<'a> {
    fn new(rt: Rt, proto: ProtoRef) -> Function<'a> {
        Function {
            rt,
            proto,
            _notice: core::marker::PhantomData,
        }
    }

    fn proto(&self) -> Proto {
        self.rt.proto(self.proto)
    }

    /// The chunk's name as it was given, with its `=` or `@`.
    pub fn source(&self) -> &'a [u8] {
        self.rt.str_bytes(StrRef(self.proto().source))
    }

    /// Line of `function`, 0 for a main chunk.
    pub fn line(&self) -> u32 {
        self.proto().line_defined
    }

    /// Line of `end`.
    pub fn last_line(&self) -> u32 {
        self.proto().last_line
    }

    /// Number of words of its bytecode.
    pub fn words(&self) -> u32 {
        self.proto().code_words
    }

    /// Where its bytecode lies, in bytes from the VM state.
    pub fn bytecode(&self) -> Range<u32> {
        let proto = self.proto();
        proto.entry..proto.entry + proto.code_words * 8
    }

    /// Line of the instruction at a word; 0 if debuggers don't see it.
    pub fn line_at(&self, word: u32) -> u32 {
        let lines = self.rt.slice::<u32>(self.proto().lines);
        lines.get(word as usize).copied().unwrap_or(0)
    }

    /// Writes the instruction at a word as the listing has it.
    ///
    /// # Errors
    /// Of `out`.
    pub fn write_instruction(&self, word: u32, out: &mut dyn fmt::Write) -> fmt::Result {
        listing::write_one(self.rt, self.proto, word as usize, out)
    }

    /// The name that it was given where it was made: of a local variable, a global or a
    /// field. Takes time linear in the number of functions.
    pub fn name(&self) -> Option<&'a [u8]> {
        // SAFETY: plain field.
        let mut next = unsafe { (*self.rt.vm()).protos };
        while next != 0 {
            let outer = self.rt.proto(ProtoRef(next));
            let inside = self.rt.slice::<ProtoRef>(outer.protos);
            if inside.iter().any(|p| p.0 == self.proto.0) {
                return self.name_in(&outer);
            }
            next = outer.next;
        }
        None
    }

    /// The same, when it is known which function makes it.
    fn name_in(&self, outer: &Proto) -> Option<&'a [u8]> {
        let insn = |at: u32| Insn::from_word(self.rt.get(outer.entry + at * 8));
        let mut at = 0;
        while at < outer.code_words {
            let made = insn(at);
            let info = &OPS[made.op as usize];
            at += info.extra.words() as u32;
            if info.operands[3] != Operand::Proto || made.d != self.proto.0 {
                continue;
            }
            let locals = self.rt.slice::<LocalDesc>(outer.locals);
            let local = locals
                .iter()
                .find(|l| l.register == made.a && l.start_pc <= at && at < l.end_pc);
            if let Some(local) = local {
                return Some(self.rt.str_bytes(local.name));
            }
            if at >= outer.code_words {
                return None;
            }
            let store = insn(at);
            let info = &OPS[store.op as usize];
            let named = info.operands[3] == Operand::Str
                && matches!(info.base, Op::SetGlobal | Op::SetField);
            return named.then(|| self.rt.str_bytes(StrRef(store.d)));
        }
        None
    }
}

impl fmt::Display for Function<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut id = [0; 60];
        let n = chunk_id(self.source(), &mut id);
        for chunk in id.get(..n).unwrap_or_default().utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("\u{FFFD}")?;
            }
        }
        write!(f, ":{}", self.line())
    }
}

impl fmt::Debug for Function<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What one stencil became.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The word of bytecode whose instruction it belongs to.
    pub word: u32,
    /// The stencil's name in the bundle.
    pub stencil: &'a str,
    /// Its bytes in [`Code::hot`], with the emitter's jumps and padding around it.
    pub hot: Range<u32>,
    /// Its bytes in [`Code::cold`].
    pub cold: Range<u32>,
}

/// The pieces of a function's code.
pub struct Pieces<'a> {
    steps: &'a [Step],
    linked: &'a LinkedBundle<'static>,
    moves: &'a Moves,
    /// Bytes of hot code.
    hot: u32,
    /// Number of instructions.
    pub instructions: u32,
}

impl Pieces<'_> {
    /// Calls `f` with each piece, in the order of the hot code.
    pub fn each(&self, f: &mut dyn FnMut(&Piece<'static>)) {
        let stencil = |index: u16| self.linked.bundle().stencil(index.into());
        let mut steps = self.steps.iter().filter(|step| step.index != Step::JUMP);
        let mut step = steps.next();
        while let Some(this) = step {
            step = steps.next();
            let [mut hot, cold] = this.place;
            let next = step.map_or(self.hot, |next| next.place[0]);
            let (before, behind) = self.moves.stencils(this.moves);
            let parts = before.into_iter().flatten().chain([this.index]);
            let mut parts = parts.chain(behind).filter_map(stencil).peekable();
            while let Some(part) = parts.next() {
                let start = hot;
                hot += part.hot().len() as u32;
                f(&Piece {
                    word: this.at,
                    stencil: part.name(),
                    hot: start..if parts.peek().is_some() { hot } else { next },
                    cold: cold..cold + part.cold().len() as u32,
                });
            }
        }
    }
}

impl fmt::Debug for Pieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        self.each(&mut |piece| {
            list.entry(piece);
        });
        list.finish()
    }
}

impl Baseline {
    /// Tells the observer what was linked.
    pub(super) fn tell_linked(&self) {
        let Some(observer) = self.config.observer else {
            return;
        };
        for function in self.linked.bundle().functions() {
            let Some(address) = self.linked.function_address(function.name) else {
                continue;
            };
            // SAFETY: linked code may be read where it is executed (contract of
            // `CodeRegion`), and is never changed.
            let code = unsafe {
                core::slice::from_raw_parts(address as *const u8, function.size as usize)
            };
            let name = function.name;
            (observer.notify)(observer.context, &Notice::Linked { name, code });
        }
    }
}

impl Rt {
    /// Tells the observer that a function was compiled.
    pub(super) fn tell_compiled(self, p: ProtoRef, cause: Cause, instructions: u32) {
        let Some(baseline) = self.baseline() else {
            return;
        };
        let Some(observer) = baseline.config.observer else {
            return;
        };
        let proto = self.proto(p);
        let record = self.compiled_of(proto.entry);
        if record == 0 {
            return;
        }
        // SAFETY: the record that was just made; its block is in use.
        let code = unsafe {
            match (*self.at::<Compiled>(record)).block() {
                Some(block) => Code::of(baseline, block),
                None => return,
            }
        };
        let pieces = Pieces {
            steps: &baseline.scratch.steps,
            linked: &baseline.linked,
            moves: &baseline.stencils.moves,
            hot: code.hot.len() as u32,
            instructions,
        };
        let notice = Notice::Compiled {
            function: Function::new(self, p),
            cause,
            code,
            pieces,
        };
        (observer.notify)(observer.context, &notice);
    }

    /// Tells the observer that a stub was made: for the instruction at a word of the function
    /// with this record, in the form `form`.
    pub(super) fn tell_stub(self, record: u32, word: u32, form: Op, block: &CodeBlock) {
        let Some(baseline) = self.baseline() else {
            return;
        };
        let Some(observer) = baseline.config.observer else {
            return;
        };
        // SAFETY: a live record; both blocks are in use until the observer has returned.
        unsafe {
            let compiled: *const Compiled = self.at(record);
            let Some(main) = (*compiled).block() else {
                return;
            };
            let notice = Notice::Stub {
                function: Function::new(self, (*compiled).proto()),
                word,
                form: OPS[form as usize].name,
                code: Code::of(baseline, block),
                main: Code::of(baseline, main),
            };
            (observer.notify)(observer.context, &notice);
        }
    }

    /// Tells the observer that a stub is about to be taken away.
    pub(super) fn tell_stub_removed(self, block: &CodeBlock) {
        let Some(baseline) = self.baseline() else {
            return;
        };
        if let Some(observer) = baseline.config.observer {
            // SAFETY: it is in use until the observer has returned.
            let code = unsafe { Code::of(baseline, block) };
            (observer.notify)(observer.context, &Notice::StubRemoved { code });
        }
    }

    /// Tells the observer that a function wasn't compiled.
    pub(super) fn tell_refused(self, p: ProtoRef, cause: Cause, why: Refusal) {
        if let Some(observer) = self.baseline().and_then(|b| b.config.observer) {
            let notice = Notice::Refused {
                function: Function::new(self, p),
                cause,
                why,
            };
            (observer.notify)(observer.context, &notice);
        }
    }

    /// Tells the observer that a function's code is about to be taken away.
    pub(super) fn tell_removed(self, p: ProtoRef, why: Removal, block: Option<&CodeBlock>) {
        let Some(baseline) = self.baseline() else {
            return;
        };
        if let (Some(observer), Some(block)) = (baseline.config.observer, block) {
            let notice = Notice::Removed {
                function: Function::new(self, p),
                why,
                // SAFETY: it is in use until the observer has returned.
                code: unsafe { Code::of(baseline, block) },
            };
            (observer.notify)(observer.context, &notice);
        }
    }
}
