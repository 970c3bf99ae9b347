# The entry points of the interrupt descriptor table.
#
# Rust's own interrupt calling convention is unstable, so the registers are
# saved here. Nothing saves xmm registers: the kernel is soft-float, no handler
# can touch them, and the self test `registers` proves it. The CPU has switched
# to the stack of the IST before it comes here, so neither the red zone nor the
# depth of whatever was interrupted matters.

    .section .text.traps, "ax"

# One stub per vector. A vector for which the CPU pushes no error code gets a
# zero, so that every frame is an `interrupts::TrapFrame`.
.macro trap_stub vector
trap_\vector:
    .if (\vector == 8) || ((\vector >= 10) && (\vector <= 14)) || (\vector == 17) || (\vector == 21) || (\vector == 29) || (\vector == 30)
    .else
    push 0
    .endif
    push \vector
    jmp trap_common
.endm

.altmacro
.macro trap_stub_number number
    trap_stub \number
.endm
.set vector, 0
.rept 48
    trap_stub_number %vector
    .set vector, vector + 1
.endr

trap_common:
    push rax
    push rcx
    push rdx
    push rbx
    push rbp
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    push r12
    push r13
    push r14
    push r15
    cld
    # 5 words by the CPU, 2 by the stub, 15 here: the stack is aligned to 16.
    mov rdi, rsp
    call {trap}
    pop r15
    pop r14
    pop r13
    pop r12
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rbp
    pop rbx
    pop rdx
    pop rcx
    pop rax
    add rsp, 16
    iretq

# The timer: only what the called convention may change.
    .global timer_stub
timer_stub:
    push rax
    push rcx
    push rdx
    push rsi
    push rdi
    push r8
    push r9
    push r10
    push r11
    cld
    # 5 words by the CPU and 9 here: aligned to 16.
    call {tick}
    pop r11
    pop r10
    pop r9
    pop r8
    pop rdi
    pop rsi
    pop rdx
    pop rcx
    pop rax
    iretq

# A spurious interrupt of the interrupt controller: must not be acknowledged.
    .global spurious_stub
spurious_stub:
    iretq

    .section .rodata.traps, "a"
    .balign 8
    .global trap_stubs
.macro trap_address number
    .quad trap_\number
.endm
trap_stubs:
.set vector, 0
.rept 48
    trap_address %vector
    .set vector, vector + 1
.endr
.noaltmacro
