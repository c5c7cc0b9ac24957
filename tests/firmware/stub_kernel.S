/*
 * A kernel that only looks at how it was started, for tests of direct kernel boot.
 *
 * Its setup says on the debug console (port 0xe9), a line each, what the boot protocol promises:
 * registers, header fields, the command line and a checksum of kernel and initrd where they were
 * loaded. Then it resets the machine. The test appends the kernel proper, which is data.
 *
 * CPU state: real mode from the entry at 0x200 on, 32-bit protected mode without paging for the
 * checksums (segments of the setup's base for code, flat for data).
 */
#define SETUP_SECTS 4
#define DEBUG_PORT  0xe9
#define KERNEL_ADDR 0x100000

    .code16
    .text
    .globl _start
_start:
    .org 0x1f1
    .byte SETUP_SECTS
    .word 0
syssize:
    .long 0                     /* filled in by the test */
    .word 0, 0, 0
    .word 0xaa55
    jmp entry                   /* 0x200 */
    .org 0x202
    .ascii "HdrS"
    .word 0x020c
    .long 0
    .word 0, 0
type_of_loader:
    .byte 0
loadflags:
    .byte 1                     /* LOADED_HIGH */
    .word 0
    .long KERNEL_ADDR
ramdisk_image:
    .long 0
ramdisk_size:
    .long 0
    .long 0
heap_end_ptr:
    .word 0
    .word 0
cmd_line_ptr:
    .long 0
    .long 0x7fffffff            /* initrd_addr_max */
    .long 0x200000              /* kernel_alignment */
    .byte 0, 0
    .word 0
    .long 2047                  /* cmdline_size */
    .org 0x258
    .quad KERNEL_ADDR           /* pref_address */
init_size:
    .long 0                     /* filled in by the test */
    .org 0x268

/* Says a line "name=" and the value as eight hexadecimal digits. */
.macro SAY name, value
    movl \value, %eax
    movw $1f, %si
    call say
    .pushsection .text, 1
1:  .asciz "\name="
    .popsection
.endm

entry:
    cld
    movl %esp, %edi
    SAY sp, %edi
    movw %cs, %cx
    movw %ds, %bx
    subw $0x20, %cx
    xorl %edx, %edx
    subw %bx, %cx
    orw %cx, %dx                /* DX collects differences: CS - 0x20, SS, ES are DS */
    movw %ss, %cx
    subw %bx, %cx
    orw %cx, %dx
    movw %es, %cx
    subw %bx, %cx
    orw %cx, %dx
    SAY segments, %edx
    pushfl
    popl %edx
    andl $0x200, %edx
    SAY interrupts, %edx
    movzbl type_of_loader, %edx
    SAY loader, %edx
    movzbl loadflags, %edx
    SAY loadflags, %edx
    movzwl heap_end_ptr, %edx
    SAY heap, %edx
    SAY ramdisk_image, ramdisk_image
    SAY ramdisk_size, ramdisk_size

    movl cmd_line_ptr, %eax     /* a line with the command line */
    movl %eax, %ebx
    shrl $4, %eax
    andl $15, %ebx
    movw %ax, %fs
2:  movb %fs:(%bx), %al
    testb %al, %al
    jz 3f
    outb %al, $DEBUG_PORT
    incw %bx
    jmp 2b
3:  movb $'\n', %al
    outb %al, $DEBUG_PORT

    movl $KERNEL_ADDR, %esi
    movl syssize, %ecx
    shll $4, %ecx
    call checksum
    SAY kernel, %ebx
    movl ramdisk_image, %esi
    movl ramdisk_size, %ecx
    call checksum
    SAY initrd, %ebx
    movw $done, %si
    call say_text
    movb $6, %al
    movw $0xcf9, %dx
    outb %al, %dx
4:  hlt
    jmp 4b

say:
    call say_text
    movw $8, %cx
1:  roll $4, %eax
    pushl %eax
    andb $15, %al
    cmpb $10, %al
    sbbb $0x69, %al             /* the classic hexadecimal digit */
    das
    outb %al, $DEBUG_PORT
    popl %eax
    loop 1b
    movb $'\n', %al
    outb %al, $DEBUG_PORT
    ret

say_text:
    pushw %ax
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, $DEBUG_PORT
    jmp 1b
2:  popw %ax
    ret

/* EBX: for each of ECX bytes from linear address ESI, rotate left by one and add. */
checksum:
    xorl %eax, %eax             /* the descriptors' bases: the setup's linear address */
    movw %ds, %ax
    shll $4, %eax
    movw %ax, gdt_code32 + 2
    movw %ax, gdt_code16 + 2
    movl %eax, gdt_base
    addl $gdt, gdt_base
    shrl $16, %eax
    movb %al, gdt_code32 + 4
    movb %al, gdt_code16 + 4
    lgdtl gdt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpw $8, $in_protected_mode    /* offsets of labels are from the setup's base */
    .code32
in_protected_mode:
    movl $16, %eax
    movl %eax, %ds
    xorl %ebx, %ebx
    jecxz 2f
1:  roll $1, %ebx
    lodsb
    movzbl %al, %eax
    addl %eax, %ebx
    decl %ecx
    jnz 1b
2:  movl $32, %eax              /* limits of real mode again */
    movl %eax, %ds
    ljmpl $24, $in_16_bit_mode
    .code16
in_16_bit_mode:
    movl %cr0, %eax
    andb $0xfe, %al
    movl %eax, %cr0
    movw %ss, %ax
    movw %ax, %ds
    addw $0x20, %ax
    pushw %ax
    pushw $back - 0x200
    lretw
back:
    ret

    .balign 8
gdt:
    .quad 0
gdt_code32:
    .quad 0x00cf9a000000ffff    /* 8: 32-bit code */
    .quad 0x00cf92000000ffff    /* 16: flat data */
gdt_code16:
    .quad 0x00009a000000ffff    /* 24: 16-bit code */
    .quad 0x000092000000ffff    /* 32: 64 KiB of data */
gdt_pointer:
    .word . - gdt - 1
gdt_base:
    .long 0
done:
    .asciz "done\n"

    .section .note.GNU-stack, "", @progbits
