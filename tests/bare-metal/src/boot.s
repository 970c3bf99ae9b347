# From the PVH entry point to Rust: 32-bit protected mode to long mode.
#
# The machine comes here with paging off, flat segments, interrupts off, and
# the physical address of the PVH start info in ebx. These are the only page
# tables in which memory is both writable and executable; nothing but the code
# that builds the final tables (memory.rs) ever runs on them.
#
# Must never touch memory that the loader has not mapped from the ELF file, and
# needs no stack before it has the kernel's own. AT&T syntax, because LLVM has
# no other spelling of a 32-bit far jump.

    .section .boot.bss, "aw", @nobits
    .balign 4096
boot_pml4:
    .skip 4096
boot_pdpt_low:
    .skip 4096
boot_pdpt_high:
    .skip 4096
boot_pd:
    .skip 4096

    .section .boot.text, "ax"
    .code32
    .global pvh_start
pvh_start:
    cli
    cld

    # The first GiB, once as it is and once at KERNEL_BASE (entry 511, 510).
    # The tables' other entries are zero: .boot.bss is.
    movl $(boot_pdpt_low + 3), boot_pml4
    movl $(boot_pdpt_high + 3), boot_pml4 + 511 * 8
    movl $(boot_pd + 3), boot_pdpt_low
    movl $(boot_pd + 3), boot_pdpt_high + 510 * 8
    movl $boot_pd, %edi
    movl $0x83, %eax                # present, writable, 2 MiB
    movl $512, %ecx
1:  movl %eax, (%edi)
    movl $0, 4(%edi)
    addl $8, %edi
    addl $0x200000, %eax
    decl %ecx
    jnz 1b

    movl %cr4, %eax
    orl $((1 << 5) | (1 << 9) | (1 << 10)), %eax    # PAE, OSFXSR, OSXMMEXCPT
    movl %eax, %cr4
    movl $boot_pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx                          # EFER
    rdmsr
    orl $((1 << 8) | (1 << 11)), %eax               # LME, NXE
    wrmsr
    movl %cr0, %eax
    andl $~((1 << 2) | (1 << 3)), %eax              # not EM, not TS: SSE works
    # PE, MP, NE, WP (read-only binds the kernel too), PG
    orl $((1 << 0) | (1 << 1) | (1 << 5) | (1 << 16) | (1 << 31)), %eax
    movl %eax, %cr0

    lgdt boot_gdt_pointer
    ljmp $8, $boot_long

    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff        # 64-bit code
    .quad 0x00cf92000000ffff        # data
boot_gdt_pointer:
    .word . - boot_gdt - 1
    .long boot_gdt

    .code64
boot_long:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    xorl %eax, %eax
    movl %eax, %fs
    movl %eax, %gs
    movabsq $boot_high, %rax
    jmp *%rax

    .section .text.boot_high, "ax"
boot_high:
    movabsq $({stack} + {stack_bytes}), %rsp
    xorl %ebp, %ebp
    fninit
    pushq $0x1f80                   # every SSE exception masked, round to nearest
    ldmxcsr (%rsp)
    addq $8, %rsp
    movl %ebx, %edi
    call {main}
    ud2
