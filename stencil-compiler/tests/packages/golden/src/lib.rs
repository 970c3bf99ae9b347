//! One tiny stencil per hole kind and per shape that the passes must handle.
//! `tests/golden.rs` has the exact bytes.
#![no_std]
#![feature(explicit_tail_calls, rust_preserve_none_cc)]
#![allow(incomplete_features, improper_ctypes, improper_ctypes_definitions)]

use core::arch::asm;
use core::hint::cold_path;

unsafe extern "rust-preserve-none" {
    fn hole_next(vm: *mut u8, base: *mut u64, tag: u64);
    fn hole_other(vm: *mut u8, base: *mut u64, tag: u64);
}
unsafe extern "sysv64" {
    fn helper(vm: *mut u8, value: u64) -> u64;
}
unsafe extern "C" {
    static HOLE_A: u8;
    static HOLE_B: u8;
}

#[unsafe(no_mangle)]
pub static STENCIL_ABI: [u8; 32] = *b"golden stencils of the compiler!";

fn a() -> usize {
    (&raw const HOLE_A).addr()
}
fn b() -> usize {
    (&raw const HOLE_B).addr()
}

macro_rules! code {
    ($(#[$attribute:meta])* $name:ident, |$vm:ident, $base:ident, $tag:ident| $body:block) => {
        $(#[$attribute])*
        #[unsafe(no_mangle)]
        pub unsafe extern "rust-preserve-none" fn $name($vm: *mut u8, $base: *mut u64, $tag: u64) {
            unsafe { $body }
        }
    };
}

macro_rules! stencil_address_of {
    ($name:ident, $what:ident, $goes_on:ident) => {
        code!($name, |vm, base, tag| {
            let address: u64;
            asm!("lea {0}, [rip + {1}]", out(reg) address, sym $what,
                options(pure, nomem, nostack, preserves_flags));
            *base = address;
            become $goes_on(vm, base, tag)
        });
    };
}

code!(stencil_abs32s, |vm, base, tag| {
    *base.byte_add(a()) = tag;
    become hole_next(vm, base, tag)
});
code!(stencil_abs32s_addend, |vm, base, tag| {
    *base.byte_add(a() + 8) = tag;
    become hole_next(vm, base, tag)
});
code!(stencil_abs32, |vm, base, _tag| {
    become hole_next(vm, base, u64::from(a() as u32))
});
code!(stencil_abs64, |vm, base, _tag| {
    let value: u64;
    asm!("movabs {0}, offset {1}", out(reg) value, sym HOLE_A,
        options(pure, nomem, nostack, preserves_flags));
    become hole_next(vm, base, value)
});
// An immediate that the compiler must not do arithmetic on.
code!(stencil_opaque, |vm, base, _tag| {
    let value: u64;
    asm!("mov {0:e}, offset {1}", out(reg) value, sym HOLE_A,
        options(pure, nomem, nostack, preserves_flags));
    become hole_next(vm, base, value)
});
// Immediates into memory, with one hole as displacement and one as immediate.
code!(stencil_store_opaque, |vm, base, tag| {
    asm!("mov dword ptr [{0} + {1}], offset {2}", in(reg) vm, sym HOLE_A, sym HOLE_B,
        options(nostack, preserves_flags));
    asm!("mov qword ptr [{0} + {1}], offset {2}", in(reg) base, sym HOLE_A, sym HOLE_B,
        options(nostack, preserves_flags));
    become hole_next(vm, base, tag)
});
// A hole behind the pinned register that needs a SIB byte (r12).
code!(stencil_heap, |vm, base, tag| {
    *(vm.byte_add(a()) as *mut u64) = tag;
    let other = *(vm.byte_add(b()) as *const u32);
    if other != 7 {
        cold_path();
        become hole_other(vm, base, tag)
    }
    become hole_next(vm, base, tag)
});
// Where control will go, as an address: for a stencil that falls through too,
stencil_address_of!(stencil_next_address, hole_next, hole_next);
// and for one that leaves elsewhere, as a call does.
stencil_address_of!(stencil_return_address, hole_next, hole_other);

code!(stencil_two_operands, |vm, base, tag| {
    *base.byte_add(a()) = *base.byte_add(b());
    become hole_next(vm, base, tag)
});
code!(stencil_continuation, |vm, base, tag| { become hole_other(vm, base, tag) });
code!(stencil_nothing, |vm, base, tag| { become hole_next(vm, base, tag) });
code!(stencil_function, |vm, base, tag| { become aot_slow(vm, base, tag) });
code!(stencil_rodata, |vm, base, tag| {
    let x = f64::from_bits(*base) + 1.5;
    *base = x.to_bits();
    become hole_next(vm, base, tag)
});
// The likely way is the other one, so the compiler puts its jump first.
code!(stencil_branch, |vm, base, tag| {
    if *base < tag {
        become hole_next(vm, base, tag)
    }
    cold_path();
    become hole_other(vm, base, tag)
});
// `jb next; jmp other`: to be inverted.
code!(stencil_inverted, |vm, base, tag| {
    if *base < tag {
        cold_path();
        become hole_next(vm, base, tag)
    }
    become hole_other(vm, base, tag)
});
// A cold block with a call, which comes back into the hot part.
code!(stencil_cold_call, |vm, base, tag| {
    let mut value = *base;
    if value >= tag {
        cold_path();
        value = helper(vm, value);
    }
    *base.byte_add(a()) = value;
    become hole_next(vm, base, tag)
});
// A loop inside of a stencil keeps its short backward branch.
code!(stencil_loop, |vm, base, tag| {
    let mut at = base;
    while *at >= tag {
        at = at.add(1);
    }
    become hole_next(vm, at, tag)
});
// Too far for a short branch.
code!(stencil_long_loop, |vm, base, tag| {
    let mut at = base;
    while *at >= tag {
        at = at.add(1);
        asm!(".rept 130", "nop", ".endr", options(nomem, nostack, preserves_flags));
    }
    become hole_next(vm, at, tag)
});
// A forward conditional, both of whose ways go on to the next stencil.
code!(stencil_diamond, |vm, base, tag| {
    if *base < tag {
        asm!("nop", options(nomem, nostack, preserves_flags));
        become hole_next(vm, base, tag)
    }
    *base = tag;
    become hole_next(vm, base, tag)
});
code!(stencil_private_call, |vm, base, tag| {
    *base = outlined(*base);
    become hole_next(vm, base, tag)
});
code!(stencil_done, |_vm, _base, _tag| {});
code!(stencil_dynamic, |vm, base, tag| {
    let to: unsafe extern "rust-preserve-none" fn(*mut u8, *mut u64, u64) =
        core::mem::transmute(*base);
    become to(vm, base, tag)
});

code!(stencil_tail_import, |vm, _base, tag| {
    helper(vm, tag);
});

/// Callable from stable Rust.
#[unsafe(no_mangle)]
pub unsafe extern "sysv64" fn aot_scaled(vm: *mut u8, bits: u64) -> u64 {
    let value = f64::from_bits(unsafe { helper(vm, bits) });
    unsafe { outlined((value * 2.25 + 1.5).to_bits()) }
}

code!(#[inline(never)] aot_slow, |vm, base, tag| {
    *base = helper(vm, outlined(*base));
    become aot_last(vm, base, tag)
});
code!(#[inline(never)] aot_last, |vm, base, _tag| {
    *(vm as *mut f64) = f64::from_bits(*base) * 2.25 + 1.5;
});

#[inline(never)]
unsafe fn outlined(value: u64) -> u64 {
    value.rotate_left(5) ^ 0x1234_5678_9abc
}
