//! Bring your own language: arithmetic expressions, compiled to machine code
//! with the stencil toolchain, as a tutorial.
//!
//! 0. `stencils/` has a stencil per operation, in Rust. `stencil-compiler build
//!    tests/expr/stencils -o tests/expr/expr.stencils` makes the bundle that is
//!    committed here.
//! 1. [`syntax`] parses.
//! 2. [`emission`] chooses stencils and fills their holes.
//! 3. [`memory`] gets executable memory from the system.
//! 4. [`Engine`], below, puts it together: load, link, emit twice, call.
//!
//! Steps 2 to 4, which are what the toolchain asks of a language, are under 250
//! lines of code; the parser is as long as the language wants it.
//!
//! Knows no machine code. Used by its program and by its tests, which compare
//! it with evaluating the tree.
#![deny(unsafe_code)]

pub mod emission;
pub mod memory;
pub mod syntax;

use rt_nostd::{
    CodeBlock, CodeRegion, EmitError, Emitter, Expectations, LabelState, LinkError, LinkedBundle,
    Measure, RegionError,
};
use stencil_format::{Bundle, BundleError, CpuFeatures};

use crate::emission::Emission;

/// The bundle, as the stencil compiler has made it.
pub static BUNDLE: &[u8] = include_bytes!("../expr.stencils");
/// What this client and its stencils have agreed on; `stencils/` has the same.
pub const ABI: [u8; 32] = *b"expr 1: stack, variables of f64\0";

/// What can go wrong.
#[derive(Debug, PartialEq)]
pub enum Error {
    /// Something else was expected at this byte of the text.
    Syntax {
        /// Byte offset in the text.
        at: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// Too many numbers, names, signs and parentheses.
    TooLong,
    /// A variable without a value: its name.
    NoValue(String),
    /// The system has no memory to give: its error number.
    Memory(i32),
    /// The memory can't be a code region.
    Region(RegionError),
    /// The bundle is damaged.
    Bundle(BundleError),
    /// The bundle isn't this client's, or doesn't fit into the region.
    Link(LinkError<'static>),
    /// No code for this expression, for example because the region is full.
    Emit(EmitError<'static>),
    /// The bundle lacks something.
    Missing(&'static str),
}

impl From<EmitError<'static>> for Error {
    fn from(error: EmitError<'static>) -> Self {
        Self::Emit(error)
    }
}

/// A code region with the bundle linked into it.
pub struct Engine {
    region: CodeRegion<'static>,
    linked: LinkedBundle<'static>,
    enter: extern "sysv64" fn(usize, *mut f64, *const f64),
}

/// A compiled expression; belongs to the engine that made it.
pub struct Program {
    block: CodeBlock,
    slots: usize,
    /// Names of the variables, in the order of their values.
    pub variables: Vec<String>,
}

impl Engine {
    /// Links the bundle into `len` bytes of new code memory.
    ///
    /// # Errors
    /// Any [`Error`] but those about text.
    #[allow(unsafe_code)]
    pub fn new(len: usize) -> Result<Self, Error> {
        let bundle = Bundle::parse(BUNDLE).map_err(Error::Bundle)?;
        let mut region = memory::reserve(len)?;
        let expected = Expectations {
            abi_fingerprint: ABI,
            cpu_features: CpuFeatures::NONE,
        };
        let linked =
            rt_nostd::link(&bundle, &mut region, &expected, |_| None).map_err(Error::Link)?;
        let enter = linked
            .function_address("enter")
            .ok_or(Error::Missing("enter"))?;
        // SAFETY: the fingerprint says that it is the `aot_enter` of `stencils/`.
        let enter = unsafe {
            std::mem::transmute::<usize, extern "sysv64" fn(usize, *mut f64, *const f64)>(enter)
        };
        Ok(Self {
            region,
            linked,
            enter,
        })
    }

    /// Compiles `text`.
    ///
    /// # Errors
    /// [`Error::Syntax`], [`Error::TooLong`], [`Error::Emit`].
    pub fn compile(&mut self, text: &str) -> Result<Program, Error> {
        let (expr, variables) = syntax::parse(text)?;
        let bundle = self.linked.bundle();
        let mut labels = vec![LabelState::UNBOUND; emission::labels(&expr)];
        let mut measure = Measure::new(bundle, &mut labels);
        let mut emission = Emission::new(bundle);
        emission.program(&mut measure, &expr)?;
        let size = measure.finish()?;

        let region = &mut self.region;
        let mut emitter = Emitter::new(&self.linked, region, size, &mut labels)?;
        let mut emission = Emission::new(bundle);
        emission.program(&mut emitter, &expr)?;
        Ok(Program {
            block: emitter.finish()?,
            slots: emission.slots,
            variables,
        })
    }

    /// Runs `program`, with `values` for its variables.
    ///
    /// # Errors
    /// [`Error::NoValue`] if there are too few.
    pub fn run(&self, program: &Program, values: &[f64]) -> Result<f64, Error> {
        if let Some(name) = program.variables.get(values.len()) {
            return Err(Error::NoValue(name.clone()));
        }
        assert!(
            self.region.contains(program.block.entry()),
            "another engine's program"
        );
        let mut stack = vec![0.0; program.slots];
        (self.enter)(program.block.entry(), stack.as_mut_ptr(), values.as_ptr());
        Ok(stack[0])
    }

    /// Gives the code's memory back.
    #[allow(unsafe_code)]
    pub fn free(&mut self, program: Program) {
        assert!(
            self.region.contains(program.block.entry()),
            "another engine's program"
        );
        // SAFETY: it is from this region, nothing runs while `self` is borrowed
        // exclusively, and with the program its only address goes.
        unsafe { self.region.free(program.block) }
    }
}
