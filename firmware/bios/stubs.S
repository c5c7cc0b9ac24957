/*
 * From the caller's registers to a service in C and back (16-bit code, real or virtual-8086 mode),
 * calls to foreign code, and the switches between 16-bit and 32-bit mode that only POST and INT
 * 15h AH=87h use.
 *
 * Services run on our stack. The caller's stack may be tiny, and DS must equal SS in C. A call that
 * comes in while we are on that stack already continues on it. One that comes from a foreign stack
 * starts at stack_position, which is lowered whenever our code can be interrupted or calls out.
 */
#include "layout.h"

    .section .data
    .balign 4
stack_position:
    .long STACK_TOP

    .section .text
    .code16

    .macro service name, function
    .globl stub_\name
stub_\name:
    pushl $\function
    jmp enter
    .endm

    service int08, time_int08
    service int09, kbd_int09
    service int0e, floppy_int0e
    service int10, video_int10
    service int11, system_int11
    service int12, system_int12
    service int13, disk_int13
    service int14, serial_int14
    service int15, system_int15
    service int16, kbd_int16
    service int17, printer_int17
    service int40, disk_int13
    service int18, boot_int18
    service int19, boot_int19
    service int1a, time_int1a
    service int70, time_int70
    service int74, mouse_int74
    service int75, irq_int75
    service int76, irq_int76
    service irq_master, irq_master
    service irq_slave, irq_slave

/* Far calls instead of interrupts: PMM with its arguments on the stack, PnP that knows nothing. */
    .globl stub_pmm
stub_pmm:
    pushfw
    pushw %cs
    pushw $1f
    pushl $pmm_service
    jmp enter
1:  lretw

    .globl stub_pnp_real
stub_pnp_real:
    movw $0x82, %ax             /* FUNCTION_NOT_SUPPORTED */
    lretw

/* Caller's stack on entry: handler (4), IP, CS, FLAGS. */
enter:
    cli
    cld
    pushl %eax
    pushw %ds
    movw %ss, %ax
    cmpw $BIOS_SEG, %ax
    movw $BIOS_SEG, %ax
    movw %ax, %ds
    movl stack_position, %eax
    jne 1f
    movl %esp, %eax
1:  leal -REGS_SIZE(%eax), %eax
    movl %edi, REGS_EDI(%eax)
    movl %esi, REGS_ESI(%eax)
    movl %ebp, REGS_EBP(%eax)
    movl %ebx, REGS_EBX(%eax)
    movl %edx, REGS_EDX(%eax)
    movl %ecx, REGS_ECX(%eax)
    movw %gs, REGS_GS(%eax)
    movw %fs, REGS_FS(%eax)
    movw %es, REGS_ES(%eax)
    movw %ss, REGS_SS(%eax)
    popw REGS_DS(%eax)
    popl REGS_EAX(%eax)
    popl REGS_HANDLER(%eax)
    popw REGS_IP(%eax)
    popw REGS_CS(%eax)
    popw REGS_FLAGS(%eax)
    movl %esp, REGS_ESP(%eax)
    movl $0, REGS_WAIT(%eax)
    movw $BIOS_SEG, %dx
    movw %dx, %ss
    movl %eax, %esp
    movw %dx, %es
    xorw %dx, %dx
    movw %dx, %gs               /* GS = 0: interrupt vectors and BIOS data area */
    calll *REGS_HANDLER(%eax)

    movl %esp, %eax
    movw REGS_SS(%eax), %ss
    movl REGS_ESP(%eax), %esp
    pushw REGS_FLAGS(%eax)
    pushw REGS_CS(%eax)
    pushw REGS_IP(%eax)
    cmpl $0, REGS_WAIT(%eax)
    jne 2f
    calll restore
    iretw

/* The service waits: sleep on the caller's stack, where other tasks may run, and call it again. */
2:  pushl REGS_HANDLER(%eax)
    calll restore
    sti
    hlt
    jmp enter

/* Loads all registers but SS:ESP from the frame at EAX. */
restore:
    movl REGS_EDI(%eax), %edi
    movl REGS_ESI(%eax), %esi
    movl REGS_EBP(%eax), %ebp
    movl REGS_EBX(%eax), %ebx
    movl REGS_EDX(%eax), %edx
    movl REGS_ECX(%eax), %ecx
    movw REGS_GS(%eax), %gs
    movw REGS_FS(%eax), %fs
    movw REGS_ES(%eax), %es
    pushw REGS_DS(%eax)
    movl REGS_EAX(%eax), %eax
    popw %ds
    retl

/*
 * void irq_window(void): lets pending interrupts in. The port (the POST code's) is for hypervisors that
 * look for interrupts only where the guest exits.
 */
    .globl irq_window
irq_window:
    pushl stack_position
    movl %esp, %eax
    subl $STACK_MARGIN, %eax
    movl %eax, stack_position
    sti
    nop
    outb %al, $0x80
    cli
    popl stack_position
    retl

/* void irq_sleep(void): the same, and halts until one comes. */
    .globl irq_sleep
irq_sleep:
    pushl stack_position
    movl %esp, %eax
    subl $STACK_MARGIN, %eax
    movl %eax, stack_position
    sti
    hlt
    cli
    popl stack_position
    retl

/*
 * void call_foreign(struct regs *r): calls r->cs:r->ip with r's registers; flags are on the stack
 * so that both RETF and IRET come back. Results go to *r. The callee gets our stack, or r->ss:r->sp
 * if r->sp is not 0.
 */
    .globl call_foreign
call_foreign:
    pushl %ebp
    pushl %edi
    pushl %esi
    pushl %ebx
    pushl stack_position
    pushl %eax
    movl %esp, %edx
    subl $STACK_MARGIN, %edx
    movl %edx, stack_position
    cmpl $0, REGS_ESP(%eax)
    je 2f
    movw REGS_SS(%eax), %ss
    movl REGS_ESP(%eax), %esp
2:  pushfw
    pushw %cs
    pushw $1f
    pushw REGS_CS(%eax)
    pushw REGS_IP(%eax)
    testw $0x200, REGS_FLAGS(%eax)
    pushfl
    calll restore
    popfl
    jz 3f
    sti
3:  lretw
1:  pushl %eax
    pushw %ds
    pushfw
    cli
    cld
    movw %cs, %ax
    movw %ax, %ds
    movl stack_position, %eax
    movl STACK_MARGIN(%eax), %eax
    movl %edi, REGS_EDI(%eax)
    movl %esi, REGS_ESI(%eax)
    movl %ebp, REGS_EBP(%eax)
    movl %ebx, REGS_EBX(%eax)
    movl %edx, REGS_EDX(%eax)
    movl %ecx, REGS_ECX(%eax)
    movw %gs, REGS_GS(%eax)
    movw %fs, REGS_FS(%eax)
    movw %es, REGS_ES(%eax)
    popw REGS_FLAGS(%eax)
    popw REGS_DS(%eax)
    popl REGS_EAX(%eax)
    movl stack_position, %edx
    addl $STACK_MARGIN, %edx
    movw %ds, %ax
    movw %ax, %ss
    movl %edx, %esp
    movw %ax, %es
    popl %eax
    popl stack_position
    xorw %ax, %ax
    movw %ax, %gs
    popl %ebx
    popl %esi
    popl %edi
    popl %ebp
    retl

/*
 * void jump_foreign(const struct regs *r): leaves for a boot sector or a ROM's bootstrap entry, on a
 * stack at 0000:7C00 (some ROMs count on SS = 0). A far return from there is an INT 18h.
 */
    .globl jump_foreign
jump_foreign:
    movl $STACK_TOP, stack_position
    xorw %dx, %dx
    movw %dx, %ss
    movl $0x7C00, %esp
    pushw $0xF000
    pushw $vec_int18
    pushw REGS_CS(%eax)
    pushw REGS_IP(%eax)
    calll restore
    sti
    lretw

/* The mouse handler gets status, X, Y and Z as words on the stack. */
    .globl mouse_thunk
mouse_thunk:
    pushw %ax
    pushw %bx
    pushw %cx
    pushw %dx
    lcallw *%cs:mouse_handler
    addw $8, %sp
    lretw

    .section .data
    .balign 4
    .globl mouse_handler
mouse_handler:
    .long 0
    .section .text

/* ---- mode switches ---- */

/* void move_flat(uint32_t dst, uint32_t src, uint32_t bytes): copies anywhere below 4 GiB. */
    .globl move_flat
move_flat:
    pushl %edi
    pushl %esi
    pushl %ebx
    movl %eax, %edi
    movl %edx, %esi
    lgdtl gdt_pointer16
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpw $SEL_CODE16, $1f
1:  movw $SEL_DATA32, %dx
    movw %dx, %ds
    movw %dx, %es
    movl %ecx, %edx
    shrl $2, %ecx
    rep movsl (%esi), %es:(%edi)
    movl %edx, %ecx
    andl $3, %ecx
    rep movsb (%esi), %es:(%edi)
    movw $SEL_DATA16, %dx       /* 64 KiB limits again, for real mode */
    movw %dx, %ds
    movw %dx, %es
    andb $0xFE, %al
    movl %eax, %cr0
    ljmpw $BIOS_SEG, $2f
2:  movw $BIOS_SEG, %dx
    movw %dx, %ds
    movw %dx, %es
    popl %ebx
    popl %esi
    popl %edi
    retl

/* void big_real_mode(void): until the next switch, segments reach up to 4 GiB. */
    .globl big_real_mode
big_real_mode:
    lgdtl gdt_pointer16
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpw $SEL_CODE16, $1f
1:  movw $SEL_BIG16, %dx
    movw %dx, %ds
    movw %dx, %es
    movw %dx, %fs
    movw %dx, %gs
    movw %dx, %ss
    andb $0xFE, %al
    movl %eax, %cr0
    ljmpw $BIOS_SEG, $2f
2:  movw $BIOS_SEG, %dx
    movw %dx, %ds
    movw %dx, %es
    movw %dx, %ss
    xorw %dx, %dx
    movw %dx, %fs
    movw %dx, %gs
    retl

    .balign 4
gdt_pointer16:
    .word GDT_LIMIT
    .long gdt_linear
real_idt:
    .word 0x3FF
    .long 0

/* The 16-bit half of call16 below: ECX function, EDX argument. */
    .globl call16_down
call16_down:
    movw $SEL_DATA16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    subl $BIOS_SEG_LIN, %esp
    movl %cr0, %eax
    andb $0xFE, %al
    movl %eax, %cr0
    ljmpw $BIOS_SEG, $1f
1:  movw $BIOS_SEG, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    xorw %ax, %ax
    movw %ax, %fs
    movw %ax, %gs
    lidtl real_idt
    movl %edx, %eax
    calll *%ecx
    cli
    movl %eax, %edx
    lgdtl gdt_pointer16
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $SEL_CODE32, $call16_up

    .section .note.GNU-stack, "", @progbits
