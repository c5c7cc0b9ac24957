/*
 * A conformance program's boot sector: loads the rest of the program behind itself by INT 13h
 * AH=02h (a CD's boot image is loaded already), and calls sector_main in real mode with all
 * segments 0. Also the way from C to an interrupt and back.
 */
    .code16
    .section .start, "ax"
    .globl _start
_start:
    ljmpw $0, $1f
1:  movw %es, %cs:boot_es
    movw %di, %cs:boot_di
    pushfw
    popw %cs:boot_flags
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x7000, %esp
    movb %dl, boot_drive
    cmpb $0xE0, %dl
    jae 3f
    movw $1, %si                /* sector by sector: any floppy geometry will do */
2:  movw %si, %ax
    xorw %dx, %dx
    movw $18, %cx
    divw %cx                    /* AX: track, DX: sector - 1 */
    movw %dx, %cx
    incw %cx
    movb %al, %ch
    shrb $1, %ch
    andb $1, %al
    movb %al, %dh
    movb boot_drive, %dl
    cmpb $0x80, %dl
    jb 4f
    movw %si, %cx               /* fixed disk: the program is within the first track */
    incw %cx
    xorb %dh, %dh
4:  movw %si, %bx
    shlw $9, %bx
    addw $0x7C00, %bx
    movw $0x0201, %ax
    int $0x13
    jc 5f
    incw %si
    cmpw $sector_count, %si
    jb 2b
3:  calll sector_main
5:  movb $'!', %al              /* not even loaded */
    outb %al, $0xE9
    movb $7, %al
    movw $0x501, %dx
    outb %al, %dx
6:  hlt
    jmp 6b

    .globl boot_es, boot_di, boot_flags, boot_drive
boot_es:
    .word 0
boot_di:
    .word 0
boot_flags:
    .word 0
boot_drive:
    .byte 0
    .org 510
    .word 0xAA55

    .text
/* void interrupt(uint8_t number, struct registers *r) */
    .globl interrupt
interrupt:
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl %ebp
    movb %al, 1f + 1
    movl %edx, frame
    jmp 2f                      /* the instruction below is new */
2:  pushw 30(%edx)
    movw 32(%edx), %es
    movl 0(%edx), %eax
    movl 4(%edx), %ebx
    movl 8(%edx), %ecx
    movl 16(%edx), %esi
    movl 20(%edx), %edi
    movl 24(%edx), %ebp
    movl 12(%edx), %edx
    popw %ds
1:  int $0
    pushfw
    pushw %ds
    pushl %edx
    xorw %dx, %dx
    movw %dx, %ds
    movl frame, %edx
    movl %eax, 0(%edx)
    movl %ebx, 4(%edx)
    movl %ecx, 8(%edx)
    movl %esi, 16(%edx)
    movl %edi, 20(%edx)
    movl %ebp, 24(%edx)
    movw %es, 32(%edx)
    popl 12(%edx)
    popw 30(%edx)
    popw 28(%edx)
    xorw %dx, %dx
    movw %dx, %es
    popl %ebp
    popl %edi
    popl %esi
    popl %ebx
    retl
/* void flat_call(uint32_t entry, struct registers *r): a far call in 32-bit protected mode. */
    .globl flat_call
flat_call:
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl %ebp
    movl %eax, flat_entry
    movl %edx, frame
    cli
    lgdtl flat_gdt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $8, $1f
    .code32
1:  movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl frame, %ebp
    movl 0(%ebp), %eax
    movl 4(%ebp), %ebx
    movl 8(%ebp), %ecx
    movl 12(%ebp), %edx
    movl 16(%ebp), %esi
    movl 20(%ebp), %edi
    lcall *flat_entry
    pushfl
    movl frame, %ebp
    movl %eax, 0(%ebp)
    movl %ebx, 4(%ebp)
    movl %ecx, 8(%ebp)
    movl %edx, 12(%ebp)
    popl %eax
    movw %ax, 28(%ebp)
    ljmpl $24, $2f
    .code16
2:  movw $32, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl %cr0, %eax
    andb $0xFE, %al
    movl %eax, %cr0
    ljmpw $0, $3f
3:  xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    sti
    popl %ebp
    popl %edi
    popl %esi
    popl %ebx
    retl

    .data
    .balign 8
flat_gdt:
    .quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF, 0x00009B000000FFFF, 0x000093000000FFFF
flat_gdt_pointer:
    .word 39
    .long flat_gdt
flat_entry:
    .long 0
    .word 8
    .balign 4
frame:
    .long 0
    .section .note.GNU-stack, "", @progbits
