/*
 * The reset vector, the entry points at the addresses of the IBM PC/AT BIOS (PC/AT Technical
 * Reference, "compatibility segment"), and the start of secondary processors.
 */
#include "layout.h"

/* The section is linked at its offset in segment F000; 32-bit code adds this to its labels. */
#define FLAT(sym) ((sym) + 0xF0000)

    .macro at addr
    .org \addr - 0xE000
    .endm

    /* A vector in segment F000 for a service in the 16-bit segment. */
    .macro vector name
    .globl vec_\name
vec_\name:
    ljmpw $BIOS_SEG, $stub_\name
    .endm

    .macro vector_at addr, name
    at \addr
    vector \name
    .endm

    .section .fixed, "ax"
    .code16
signature:
    .ascii "hvm-dm BIOS\0"
    .balign 16
    .globl pnp_header /* PnP BIOS 1.0a 4.4: on a 16-byte boundary in F0000-FFFFF */
pnp_header:
    .ascii "$PnP"
    .byte 0x10, 0x21, 0, 0, 0   /* version, length, control: no events; checksum by POST */
    .long 0
    .word vec_pnp_real, 0xF000
    .word pnp_protected
    .long 0xF0000
    .long 0
    .word 0
    .long 0

    .balign 16
    .globl pmm_header           /* PMM 1.01, 3.1 */
pmm_header:
    .ascii "$PMM"
    .byte 0x01, 0x10, 0         /* revision, length; checksum by POST */
    .word vec_pmm, 0xF000
    .byte 0, 0, 0, 0, 0

    at 0xE05B
    ljmpw $0xF000, $start

/*
 * Every start comes here: power on, reset, INIT, or hvmloader's jump; without a stack, and either
 * from ROM (not writable) or from RAM that hvmloader filled. On a resume from S3 all RAM belongs
 * to the operating system except our writable block, so no other memory may be touched.
 */
start:
    cli
    cld
    lgdtl %cs:gdt_pointer
    movl %cr0, %eax
    andl $0x9FFFFFFF, %eax      /* CD and NW off: caches on */
    orb $1, %al
    movl %eax, %cr0
    ljmpl $SEL_CODE32, $FLAT(start32)

    .code32
start32:
    movw $SEL_DATA32, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw %ax, %fs
    movw %ax, %gs
    xorl %ebx, %ebx             /* EBX: 1 when this is a resume from S3 */
    movb $0x8F, %al
    outb %al, $0x70
    inb $0x71, %al
    cmpb $0xFE, %al             /* the machine's word for "woken up" in the shutdown byte */
    sete %bl

    /* Is this image in the ROM below 4 GiB too? If not, it is hvmloader's copy, in RAM already. */
    movl $FLAT(signature), %esi
    leal ROM_ALIAS(%esi), %edi
    movl $3, %ecx
    repe cmpsl
    jne check_resume
    movl $FLAT(from_rom) + ROM_ALIAS, %eax
    jmp *%eax                   /* the copy that the PAM registers do not touch */

from_rom:
    movl $0x80000000, %eax      /* host bridge: Intel 440FX? */
    movw $0xCF8, %dx
    outl %eax, %dx
    movw $0xCFC, %dx
    inl %dx, %eax
    cmpl $0x12378086, %eax
    jne 1f
    movl $0x80000058, %eax      /* 440FX datasheet 3.2.18: PAM0 to PAM6 at 59h-5Fh */
    movw $0xCF8, %dx
    outl %eax, %dx
    movw $0xCFC, %dx
    inl %dx, %eax
    movb %al, %cl
    movl $0x33333000, %eax      /* C0000-FFFFF: reads and writes go to RAM */
    movb %cl, %al
    outl %eax, %dx
    movl $0x8000005C, %eax
    movw $0xCF8, %dx
    outl %eax, %dx
    movl $0x33333333, %eax
    movw $0xCFC, %dx
    outl %eax, %dx
1:  movl $IMAGE_BASE, %edi
    leal ROM_ALIAS(%edi), %esi
    testl %ebx, %ebx
    jz 2f
    cmpl $0x74736F70, rt_linear
    je 3f
2:  movl $IMAGE_SIZE / 4, %ecx
    rep movsl
3:  movl $FLAT(check_resume), %eax
    jmp *%eax

check_resume:
    cmpl $0x74736F70, rt_linear /* "post": our data survived the sleep */
    je in_ram
    xorl %ebx, %ebx
in_ram:
    movl $BIOS_SEG_LIN + STACK_TOP, %esp
    movl %ebx, %eax
    movl $post, %ecx
    call *%ecx
4:  hlt
    jmp 4b
    .globl pnp_protected
pnp_protected:                  /* PnP BIOS from protected mode: FUNCTION_NOT_SUPPORTED */
    movw $0x82, %ax
    lretw
    .code16

    .balign 8
    .globl gdt_linear
    .set gdt_linear, FLAT(gdt)
gdt:
    .quad 0
    .quad 0x00CF9B000000FFFF    /* SEL_CODE32 */
    .quad 0x00CF93000000FFFF    /* SEL_DATA32 */
    .word 0xFFFF, BIOS_SEG_LIN & 0xFFFF, 0x9B00 | BIOS_SEG_LIN >> 16, 0 /* SEL_CODE16 */
    .word 0xFFFF, BIOS_SEG_LIN & 0xFFFF, 0x9300 | BIOS_SEG_LIN >> 16, 0 /* SEL_DATA16 */
    .word 0xFFFF, BIOS_SEG_LIN & 0xFFFF, 0x9300 | BIOS_SEG_LIN >> 16, 0x8F /* SEL_BIG16 */
gdt_pointer:
    .word GDT_LIMIT
    .long FLAT(gdt)

    /* Vectors without a fixed address of their own. */
    vector int18
    vector irq_master
    vector irq_slave
    vector int70
    vector int74
    vector int75
    vector int76
    vector pmm
    vector pnp_real

    at 0xE2C3                   /* NMI */
    iretw
    vector_at 0xE3FE, int13
    at 0xE6F2
    .globl vec_int19
vec_int19:
    jmp far_int19               /* no room for a far jump here */
    at 0xE6F5                   /* INT 15h AH=C0h: system configuration */
    .globl config_table
config_table:
    .word 8
    .byte 0xFC, 0, 1            /* AT, submodel, revision */
    .byte 0x74                  /* second 8259, RTC, INT 15h AH=4Fh is called, EBDA */
    .byte 0x40, 0, 0, 0         /* INT 16h AH=09h is there */
far_int19:
    ljmpw $BIOS_SEG, $stub_int19
    at 0xE729                   /* divisors of INT 14h */
    .word 1047, 768, 384, 192, 96, 48, 24, 12
    vector_at 0xE739, int14
    vector_at 0xE82E, int16
    vector_at 0xE987, int09
    vector_at 0xEC59, int40
    vector_at 0xEF57, int0e
    at 0xEFC7                   /* INT 1Eh: diskette parameters, 1.44 MB */
    .globl diskette_parameters
diskette_parameters:
    .byte 0xAF, 0x02, 0x25, 2, 18, 0x1B, 0xFF, 0x6C, 0xF6, 0x0F, 0x08
    vector_at 0xEFD2, int17
    vector_at 0xF065, int10
    vector_at 0xF841, int12
    vector_at 0xF84D, int11
    vector_at 0xF859, int15
    vector_at 0xFE6E, int1a
    vector_at 0xFEA5, int08
    at 0xFF53
    .globl vec_iret
vec_iret:
    iretw
    .globl vec_int05
vec_int05:
    iretw                       /* print screen: nothing to print on */
    at 0xFFF0
    .globl reset_vector
reset_vector:
    ljmpw $0xF000, $0xE05B
    .ascii "01/01/26"
    .byte 0, 0xFC, 0

/*
 * Secondary processors start here by INIT-SIPI-SIPI with vector SIPI_VECTOR, all at once. Each
 * copies the first one's settings (smp.c), is counted and halts.
 */
    .section .trampoline, "ax"
    .code16
trampoline:
    cli
    lgdtl %cs:ap_gdt_pointer - trampoline
    movl %cr0, %eax
    andl $0x9FFFFFFF, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $SEL_CODE32, $ap32
ap_gdt_pointer:
    .word GDT_LIMIT
    .long FLAT(gdt)
    .code32
ap32:
    movw $SEL_DATA32, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
1:  lock btsl $0, ap_lock       /* one after the other: they share a stack */
    jnc 2f
    pause
    jmp 1b
2:  movl $ap_stack_end, %esp
    call smp_ap_main
    movl $0, ap_lock
3:  cli
    hlt
    jmp 3b

    .section .note.GNU-stack, "", @progbits
