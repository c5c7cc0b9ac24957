/*
 * The ROM's headers (PCI Firmware Specification 3.0, 5.1), INT 10h from the caller's registers to C
 * and back, and the only switch of the CPU's mode, which is the start's.
 *
 * C runs on the caller's stack with DS = ES = SS, FS = CS and GS = 0 (memory.h). It takes ESP for a
 * pointer, so the upper half must be 0 meanwhile.
 */
#include "../bios/layout.h"

    .code16
    .section .header, "ax"
    .globl _start
_start:
    .byte 0x55, 0xAA
    .byte 0                     /* length: mkrom */
    jmp start
    .org 6
    .globl rom_checksum
rom_checksum:
    .byte 0
    .org 0x18
    .word pcir
    .word 0                     /* no plug-and-play header */
    .org 0x1E
    .asciz "IBM VGA compatible" /* some programs look for these three letters here */

    .balign 4
pcir:
    .ascii "PCIR"
    .word ROM_VENDOR, ROM_DEVICE
    .word 0                     /* no vital product data */
    .word 0x18                  /* length of this structure */
    .byte 0                     /* its revision */
    .byte 0x00, 0x00, 0x03      /* class: VGA */
    .word 0                     /* length: mkrom */
    .word 1                     /* revision of the code */
    .byte 0                     /* for a PC */
    .byte 0x80                  /* the last image */
    .word 0

    .text

/*
 * Calls a C function with the registers as struct regs (bios/regs.h), up to its flags: the stack
 * has IP, CS and FLAGS already. Interrupts are as the caller had them.
 */
    .macro call_c function
    cld
    pushl %esp
    pushl %eax
    pushl %ecx
    pushl %edx
    pushl %ebx
    pushl %ebp
    pushl %esi
    pushl %edi
    pushw %ds
    pushw %es
    pushw %fs
    pushw %gs
    movw %ss, %ax
    movw %ax, %ds
    movw %ax, %es
    pushw %cs
    popw %fs
    xorw %ax, %ax
    movw %ax, %gs
    movzwl %sp, %esp
    movl %esp, %eax
    testb $0x02, REGS_FLAGS + 1(%esp)
    jz 1f
    sti
1:  pushw %ax                  /* as compile.py has C functions called */
    callw \function
    popw %gs
    popw %fs
    popw %es
    popw %ds
    popl %edi
    popl %esi
    popl %ebp
    popl %ebx
    popl %edx
    popl %ecx
    popl %eax
    popl %esp
    .endm

    .globl int10_entry
int10_entry:
    call_c int10_service
    iretw

/* AX: bus, device and function of the card. */
start:
    pushfw
    cli
    pushw %cs
    pushw $started
    call_c init_service
    iretw
started:
    lretw

/* The window function of VBE's mode information: a far call with BX and DX as AX=4F05h has them. */
    .globl vbe_window_entry
vbe_window_entry:
    movw $0x4F05, %ax
    int $0x10
    lretw

/*
 * void flat_to_rom(uint32_t from, uint16_t to, uint32_t n): copies n doublewords of memory anywhere
 * below 4 GiB to an offset in the ROM, which is writable while it starts. Real mode reaches that
 * far after a segment was loaded in protected mode.
 */
    .globl flat_to_rom
flat_to_rom:
    pushl %edi
    pushl %esi
    pushw %es
    pushfw
    cli
    movl %eax, %esi
    movzwl %dx, %edi
    subw $8, %sp
    movl %esp, %edx
    sgdtl (%edx)
    lgdtl %cs:gdt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    pushw $8
    popw %gs
    andb $0xFE, %al
    movl %eax, %cr0
    xorw %ax, %ax
    movw %ax, %gs
    lgdtl (%edx)
    addw $8, %sp
    pushw %cs
    popw %es
1:  movl %gs:(%esi), %eax
    addl $4, %esi
    stosl %eax, %es:(%edi)
    decl %ecx
    jnz 1b
    popfw
    popw %es
    popl %esi
    popl %edi
    retw $2

    .section .rom, "a"
    .balign 8
gdt:
    .quad 0
    .quad 0x008F93000000FFFF    /* data, base 0, limit 4 GiB; accessed, else the CPU writes */
    .globl rom_state            /* struct rom_state, init.h */
rom_state:
    .word 0xFFFF
    .byte 0
    .fill 256, 1, 0
gdt_pointer:
    .word . - gdt - 1
    .long gdt + 0xC0000

    .section .note.GNU-stack, "", @progbits
