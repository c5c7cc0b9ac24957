/*
 * The BIOS32 service directory (Phoenix, 1993) and the PCI BIOS behind it, for protected-mode
 * callers. The system may have mapped this code anywhere: no absolute addresses, no data.
 */
#include "layout.h"

#define BIOS32_FOUND    0x00
#define BIOS32_NO_SUCH  0x80
#define BIOS32_BAD_CALL 0x81

    .section .text
    .code32

/* EAX: four letters of the service. Returns EBX its base, ECX length, EDX entry from the base. */
    .globl bios32_entry
bios32_entry:
    testb %bl, %bl
    jnz 1f
    cmpl $0x49435024, %eax      /* "$PCI" */
    jne 2f
    movl $IMAGE_BASE, %ebx
    movl $BIOS_SEG_LIN - IMAGE_BASE, %ecx
    movl $pci32_entry - IMAGE_BASE, %edx
    movb $BIOS32_FOUND, %al
    lret
1:  movb $BIOS32_BAD_CALL, %al
    lret
2:  movb $BIOS32_NO_SUCH, %al
    lret

/* The registers of INT 1Ah AH=B1h. A struct regs is made on the caller's stack, DS = SS for C. */
pci32_entry:
    pushfl
    cld
    subl $REGS_SIZE, %esp
    movl %edi, REGS_EDI(%esp)
    movl %esi, REGS_ESI(%esp)
    movl %ebp, REGS_EBP(%esp)
    movl %ebx, REGS_EBX(%esp)
    movl %edx, REGS_EDX(%esp)
    movl %ecx, REGS_ECX(%esp)
    movl %eax, REGS_EAX(%esp)
    movw %ds, REGS_DS(%esp)
    movw %es, REGS_ES(%esp)
    movw %ss, %ax
    movw %ax, %ds
    movw %ax, %es
    movl %esp, %eax
    .globl pci32_last_bus
    .set pci32_last_bus, . + 1  /* POST writes the number of the last bus into the instruction */
    movl $0xFF, %edx
    call pcibios_call
    movl REGS_EDI(%esp), %edi
    movl REGS_ESI(%esp), %esi
    movl REGS_EBP(%esp), %ebp
    movl REGS_EBX(%esp), %ebx
    movl REGS_EDX(%esp), %edx
    movl REGS_ECX(%esp), %ecx
    movw REGS_ES(%esp), %es
    movl REGS_FLAGS(%esp), %eax
    andl $1, %eax               /* carry to the caller's flags */
    andl $~1, REGS_SIZE(%esp)
    orl %eax, REGS_SIZE(%esp)
    movl REGS_EAX(%esp), %eax
    movw REGS_DS(%esp), %ds
    leal REGS_SIZE(%esp), %esp
    popfl
    lret

    .section .tables, "a"
    .balign 16
    .globl bios32_header
bios32_header:
    .ascii "_32_"
    .long bios32_entry
    .byte 0, 1, 0               /* revision, length in paragraphs, checksum by POST */
    .byte 0, 0, 0, 0, 0

    .section .note.GNU-stack, "", @progbits
