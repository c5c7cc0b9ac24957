/*
 * 32-bit side of the calls from POST to 16-bit code.
 */
#include "layout.h"

    .section .text
    .code32

/* uint32_t call16(uint32_t function, uint32_t argument): a 16-bit C function, in real mode. */
    .globl call16
call16:
    pushl %ebp
    pushl %edi
    pushl %esi
    pushl %ebx
    movl %eax, %ecx
    ljmpl $SEL_CODE16, $call16_down

    .globl call16_up
call16_up:
    movw $SEL_DATA32, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    addl $BIOS_SEG_LIN, %esp
    movl %edx, %eax
    popl %ebx
    popl %esi
    popl %edi
    popl %ebp
    ret

    .section .note.GNU-stack, "", @progbits
