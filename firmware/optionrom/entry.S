/*
 * The ROM's headers and entry points, and what C cannot do in real mode.
 *
 * All of it runs in 16-bit real mode (CPU state: CR0.PE clear). C functions are called with calll
 * and return with retl; arguments are in EAX, EDX and ECX (-mregparm=3), EBX, ESI, EDI and EBP
 * belong to the caller.
 */
#include "linuxboot.h"

#define FWCFG_DATA_PORT 0x511

    .code16
    .section .header, "ax"

/* Option ROM header (Plug and Play BIOS Specification 3.2). Length and checksums: mkrom. */
    .globl _start
_start:
    .byte 0x55, 0xaa
    .byte 0
    jmp init
    .org 0x18
    .word 0                     /* no PCI data structure */
    .word pnp_header
    .org 0x20

/* Expansion header. */
pnp_header:
    .ascii "$PnP"
    .byte 1                     /* revision 1.0 */
    .byte (pnp_end - pnp_header) / 16
    .word 0                     /* no further header */
    .byte 0
    .byte 0                     /* checksum */
    .long 0                     /* device identifier */
    .word manufacturer
    .word product
    .byte 0x80, 0x00, 0x00      /* device type: other */
    .byte 0x64                  /* indicators: boot device, may be shadowed, cacheable */
    .word 0                     /* no boot connection vector */
    .word 0                     /* no disconnect vector */
    .word boot                  /* bootstrap entry vector */
    .word 0
    .word 0                     /* no static resources */
pnp_end:

manufacturer:
    .asciz "hvm-dm"
product:
    .asciz "Linux kernel"

    .text

/* The BIOS calls this while it looks for ROMs: a boot device is attached (AX bits 5:4 = 10b). */
init:
    movw $0x0020, %ax
    lretw

/* The BIOS calls this to boot. */
boot:
    cli
    cld
    movw $WORK_SEGMENT, %ax
    movw %ax, %es
    movw %ax, %ss
    movl $WORK_STACK, %esp
    pushw %cs
    popw %ds
    xorw %si, %si
    xorw %di, %di
    movw $image_size, %cx
    rep movsb
    movw $bss_size, %cx
    xorb %al, %al
    rep stosb                   /* .bss follows the image */
    ljmpw $WORK_SEGMENT, $relocated
relocated:
    movw %cs, %ax
    movw %ax, %ds
    sti
    calll linuxboot
    int $0x18                   /* the next boot device */
1:  hlt
    jmp 1b

    .globl bios_putc
bios_putc:
    pushal                      /* some BIOSes change BP when the screen scrolls */
    movb $0x0e, %ah
    movw $0x0007, %bx
    int $0x10
    popal
    retl

    .globl bios_low_memory
bios_low_memory:
    int $0x12
    movzwl %ax, %eax
    retl

    .globl bios_enable_a20
bios_enable_a20:
    pushal
    movw $0x2401, %ax
    int $0x15
    popal
    retl

/* Whether a word of ours and the word 1 MiB above it are two words: change one, compare. */
    .globl a20_enabled
a20_enabled:
    pushw %fs
    movw $0xffff, %ax
    movw %ax, %fs
    movl a20_probe, %edx
    movl %fs:(a20_probe + WORK_BASE + 0x10), %eax
    cmpl %edx, %eax
    jne 1f
    notl a20_probe
    movl a20_probe, %edx
    movl %fs:(a20_probe + WORK_BASE + 0x10), %eax
    cmpl %edx, %eax
1:  setne %al
    popw %fs
    retl

    .globl protected_mode
protected_mode:
    smsww %ax
    andb $1, %al
    retl

    .globl bios_e820
bios_e820:
    pushal
    movl %eax, %esi             /* next */
    movl %edx, %edi             /* entry */
    movl $0xe820, %eax
    movl $0x534d4150, %edx      /* "SMAP" */
    movl (%esi), %ebx
    movl $24, %ecx
    pushl %esi
    clc
    int $0x15
    popl %esi
    jc 1f
    cmpl $0x534d4150, %eax
    jne 1f
    movl %ebx, (%esi)
    popal
    movb $1, %al
    retl
1:  popal
    xorb %al, %al
    retl

/*
 * Real mode reaches 4 GiB when a segment's limit was widened in protected mode: a load in real mode
 * changes the base only. Interrupts stay off, so that no handler of the BIOS narrows it again.
 */
    .globl read_port_to
read_port_to:
    pushl %edi
    pushl %ebx
    pushw %es
    pushfw
    cli
    movl %eax, %edi
    movl %edx, %ecx
    lgdtl gdt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    movw $8, %bx
    movw %bx, %es
    andb $0xfe, %al
    movl %eax, %cr0
    xorw %bx, %bx
    movw %bx, %es
    movw $FWCFG_DATA_PORT, %dx
    rep insb (%dx), %es:(%edi)
    popfw
    popw %es
    popl %ebx
    popl %edi
    retl

    .globl enter_kernel
enter_kernel:
    cli
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl %edx, %esp
    addw $0x20, %ax             /* the setup's code begins at 512 */
    pushw %ax
    pushw $0
    lretw

    .data
    .balign 8
gdt:
    .quad 0
    .quad 0x008f92000000ffff    /* data, base 0, limit 4 GiB */
gdt_pointer:
    .word . - gdt - 1
    .long gdt + WORK_BASE
    .balign 4
a20_probe:
    .long 0x6b8b4567

    .section .note.GNU-stack, "", @progbits
