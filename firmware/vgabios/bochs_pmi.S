/*
 * The protected-mode interface of VBE (3.0, function 0Ah) for the Bochs VBE extension: 32-bit code
 * that a program copies to where it likes and calls near, with the registers of functions 05h, 07h
 * and 09h. It needs no memory, only the ports listed.
 */
#define DISPI_INDEX      0x1CE
#define DISPI_BPP        3
#define DISPI_BANK       5
#define DISPI_VIRT_WIDTH 6
#define DISPI_X_OFFSET   8
#define DISPI_Y_OFFSET   9
#define DAC_WRITE        0x3C8

    .macro select index
    movw $DISPI_INDEX, %dx
    movw $\index, %ax
    outw %ax, %dx
    incw %dx
    .endm

    .section .rom, "a"
    .code32
    .globl chip_pmi
chip_pmi:
    .word set_window - chip_pmi
    .word set_start - chip_pmi
    .word set_palette - chip_pmi
    .word ports - chip_pmi
ports:
    .word 0x1CE, 0x1CF, 0x1D0, 0x3C8, 0x3C9, 0x3DA, 0xFFFF
    .word 0xFFFF                /* no memory */

/* BH=0: to window number DX. BH=1: which it is. */
set_window:
    pushl %ecx
    movl %edx, %ecx
    select DISPI_BANK
    testb %bh, %bh
    jnz 1f
    movl %ecx, %eax
    outw %ax, %dx
    jmp 2f
1:  inw %dx, %ax
    movl %eax, %ecx
2:  movl %ecx, %edx
    popl %ecx
    movw $0x004F, %ax
    ret

/* DX:CX: the start in memory, in units of four bytes. */
set_start:
    pushl %eax
    pushl %ebx
    pushl %ecx
    pushl %edx
    pushl %esi
    shll $16, %edx
    movw %cx, %dx
    movl %edx, %esi
    shll $2, %esi               /* bytes */
    select DISPI_BPP
    xorl %eax, %eax
    inw %dx, %ax
    addl $7, %eax
    shrl $3, %eax
    movl %eax, %ecx             /* bytes of a pixel */
    select DISPI_VIRT_WIDTH
    xorl %eax, %eax
    inw %dx, %ax
    mull %ecx
    movl %eax, %ebx             /* bytes of a line */
    testl %ebx, %ebx
    jz 1f                       /* no VBE mode is on */
    movl %esi, %eax
    xorl %edx, %edx
    divl %ebx
    movl %eax, %esi             /* line */
    movl %edx, %eax
    xorl %edx, %edx
    divl %ecx
    movl %eax, %ebx             /* pixel */
    select DISPI_X_OFFSET
    movl %ebx, %eax
    outw %ax, %dx
    select DISPI_Y_OFFSET
    movl %esi, %eax
    outw %ax, %dx
1:  popl %esi
    popl %edx
    popl %ecx
    popl %ebx
    popl %eax
    movw $0x004F, %ax
    ret

/* CX colours from number DX on, at ES:EDI: blue, green, red and a byte to fill. */
set_palette:
    pushl %ecx
    pushl %edx
    pushl %edi
    movb %dl, %al
    movw $DAC_WRITE, %dx
    outb %al, %dx
    incw %dx
    movzwl %cx, %ecx
    jecxz 2f
1:  movb %es:2(%edi), %al
    outb %al, %dx
    movb %es:1(%edi), %al
    outb %al, %dx
    movb %es:(%edi), %al
    outb %al, %dx
    addl $4, %edi
    loop 1b
2:  popl %edi
    popl %edx
    popl %ecx
    movw $0x004F, %ax
    ret

    .balign 2
    .globl chip_pmi_size
chip_pmi_size:
    .word . - chip_pmi
    .section .note.GNU-stack, "", @progbits
