//! The stencils of the expression language: one per operation, on doubles in a
//! value stack.
//!
//! `stencil-compiler build` turns this package into `../expr.stencils`. It is
//! compiled by the pinned toolchain with unstable features; the client that
//! uses the bundle (`../src`) is stable Rust and only shares names with it.
//!
//! Two registers are pinned by being every stencil's arguments: `stack`, where
//! values are, and `variables`. Which slot an operation uses is a hole: a byte
//! offset, so that it folds into the addressing mode.
#![no_std]
#![feature(explicit_tail_calls, rust_preserve_none_cc)]
#![allow(incomplete_features)]
// Code is entered through its address; nothing foreign calls it.
#![allow(improper_ctypes_definitions)]

use core::arch::asm;

type Code = unsafe extern "rust-preserve-none" fn(*mut f64, *const f64);

// Continuations: where control goes next is decided when code is emitted.
unsafe extern "rust-preserve-none" {
    fn hole_next(stack: *mut f64, variables: *const f64);
    fn hole_else(stack: *mut f64, variables: *const f64);
}

// Operands: the address of each symbol is the operand's value.
unsafe extern "C" {
    /// Byte offset in the value stack of the result.
    static HOLE_TO: u8;
    /// Byte offset in the value stack of the left (or only) operand.
    static HOLE_LEFT: u8;
    /// Byte offset in the value stack of the right operand.
    static HOLE_RIGHT: u8;
    /// Byte offset in the variables.
    static HOLE_VARIABLE: u8;
    /// A constant's bits.
    static HOLE_BITS: u8;
    /// A whole number below 2^32.
    static HOLE_WHOLE: u8;
}

/// What client and stencils must agree on, in a form that changes when it does.
#[unsafe(no_mangle)]
pub static STENCIL_ABI: [u8; 32] = *b"expr 1: stack, variables of f64\0";

macro_rules! offset {
    ($hole:ident) => {
        (&raw const $hole).addr()
    };
}

macro_rules! stencils {
    ($($(#[$doc:meta])* $name:ident($stack:ident, $variables:ident) $body:block)*) => {$(
        $(#[$doc])*
        ///
        /// # Safety
        /// Never called: copied, patched and reached by a jump.
        #[unsafe(no_mangle)]
        pub unsafe extern "rust-preserve-none" fn $name(
            $stack: *mut f64,
            $variables: *const f64,
        ) {
            // SAFETY: the client's code generator gives offsets inside of the two arrays.
            unsafe {
                $body
                become hole_next($stack, $variables)
            }
        }
    )*};
}

macro_rules! operations {
    ($($name:ident = |$left:ident, $right:ident| $result:expr;)*) => {
        stencils! {$(
            #[doc = concat!("`TO := ", stringify!($result), "`")]
            $name(stack, variables) {
                let $left = *stack.byte_add(offset!(HOLE_LEFT));
                let $right = *stack.byte_add(offset!(HOLE_RIGHT));
                *stack.byte_add(offset!(HOLE_TO)) = $result;
            }
        )*}
    };
}

operations! {
    stencil_add = |left, right| left + right;
    stencil_sub = |left, right| left - right;
    stencil_mul = |left, right| left * right;
    stencil_div = |left, right| left / right;
    stencil_lt = |left, right| f64::from(left < right);
    stencil_le = |left, right| f64::from(left <= right);
    stencil_eq = |left, right| f64::from(left == right);
    stencil_ne = |left, right| f64::from(left != right);
}

stencils! {
    /// `TO := variable`
    stencil_variable(stack, variables) {
        *stack.byte_add(offset!(HOLE_TO)) = *variables.byte_add(offset!(HOLE_VARIABLE));
    }

    /// `TO := any constant`, through a hole of 64 bits
    stencil_constant(stack, variables) {
        let bits: u64;
        asm!("movabs {0}, offset {1}", out(reg) bits, sym HOLE_BITS,
            options(pure, nomem, nostack, preserves_flags));
        *stack.byte_add(offset!(HOLE_TO)) = f64::from_bits(bits);
    }

    /// `TO := a whole number below 2^32`, through a hole of 32 bits
    stencil_whole(stack, variables) {
        // Cut to 32 bits, or the compiler would take it to be below 2^31.
        let whole = offset!(HOLE_WHOLE) as u32;
        *stack.byte_add(offset!(HOLE_TO)) = f64::from(whole);
    }

    /// `if LEFT == 0 goto else`
    stencil_branch(stack, variables) {
        if *stack.byte_add(offset!(HOLE_LEFT)) == 0.0 {
            become hole_else(stack, variables)
        }
    }
}

/// The end of the code: back to who called `enter`.
///
/// # Safety
/// As for all stencils.
#[unsafe(no_mangle)]
pub unsafe extern "rust-preserve-none" fn stencil_done(_stack: *mut f64, _variables: *const f64) {}

/// The way from the client into code: an ordinary function for it to call,
/// because the stencils' calling convention isn't stable Rust.
///
/// # Safety
/// `code` is emitted code that ends in `done`, the arrays are as large as it needs.
#[unsafe(no_mangle)]
pub unsafe extern "sysv64" fn aot_enter(code: Code, stack: *mut f64, variables: *const f64) {
    // SAFETY: the caller's promise.
    unsafe { code(stack, variables) }
}
