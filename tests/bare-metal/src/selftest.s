# Code for selftest.rs that must use registers which the soft-float kernel's own
# code never does. Functions of the System V convention.

    .section .text.selftest, "ax"

# sse_hypotenuse(a, b): sqrt(a * a + b * b), on the bits of doubles.
sse_hypotenuse:
    movq xmm0, rdi
    movq xmm1, rsi
    mulsd xmm0, xmm0
    mulsd xmm1, xmm1
    addsd xmm0, xmm1
    sqrtsd xmm0, xmm0
    movq rax, xmm0
    ret

# sse_divide(a, b): a / b, on the bits of doubles.
sse_divide:
    movq xmm0, rdi
    movq xmm1, rsi
    divsd xmm0, xmm1
    movq rax, xmm0
    ret

# spin_with_full_registers(ticks, until): fills every register with a value of
# its own, waits until the word at `ticks` reaches `until`, and returns how many
# registers lost their value.
.macro expect register, value
    cmp \register, \value
    je 1f
    inc r15
1:
.endm

spin_with_full_registers:
    push rbp
    push rbx
    push r12
    push r13
    push r14
    push r15
    push rsi
    mov r15, rsi
    mov rbx, 0x1001
    mov rcx, 0x1002
    mov rdx, 0x1003
    mov rsi, 0x1004
    mov rbp, 0x1005
    mov r8, 0x1006
    mov r9, 0x1007
    mov r10, 0x1008
    mov r11, 0x1009
    mov r12, 0x100a
    mov r13, 0x100b
    mov r14, 0x100c
    movabs rax, 0x0123456789abcdef
.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    inc rax
    movq xmm\n, rax
.endr

2:  cmp [rdi], r15
    jb 2b

    # From here on r15 counts the registers that lost their value; it has lost
    # its own if it isn't `until` any more. rdi must still point at the ticks,
    # or the loop would have read elsewhere.
    sub r15, [rsp]
    movabs rdi, 0x0123456789abcdff
    expect rax, rdi
.irp n, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0
    movq rax, xmm\n
    expect rax, rdi
    dec rdi
.endr
    expect rbx, 0x1001
    expect rcx, 0x1002
    expect rdx, 0x1003
    expect rsi, 0x1004
    expect rbp, 0x1005
    expect r8, 0x1006
    expect r9, 0x1007
    expect r10, 0x1008
    expect r11, 0x1009
    expect r12, 0x100a
    expect r13, 0x100b
    expect r14, 0x100c
    mov rax, r15
    add rsp, 8
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbx
    pop rbp
    ret
