/*
 * Interrupts of the 16-bit world.
 */
#include "interrupt.h"
#include "bda.h"
#include "x86.h"

#define VECTORS ((volatile uint32_t __seg_gs *)0)

extern uint8_t vec_iret[];

void call_interrupt(uint8_t number, struct regs *r)
{
    uint32_t vector = VECTORS[number];
    r->ip = (uint16_t)vector;
    r->cs = (uint16_t)(vector >> 16);
    call_foreign(r);
}

void call_hook(uint8_t number)
{
    struct regs r = { .flags = 0 };
    if (VECTORS[number] != (0xF0000000 | (uint16_t)(uint32_t)vec_iret))
        call_interrupt(number, &r);
}

void irq_end(uint8_t irq)
{
    if (irq >= 8)
        outb(0xA0, 0x20);
    outb(0x20, 0x20);
}

/* The highest interrupt in service at a controller (8259A, OCW3 read ISR); 0: spurious. */
static uint8_t in_service(uint16_t port)
{
    outb(port, 0x0B);
    return inb(port);
}

/* An interrupt that nobody took: acknowledged and masked, so that it does not come again. */
void irq_master(struct regs *r)
{
    uint8_t isr = in_service(0x20);
    if (isr) {
        BDA->spurious_irq = isr;
        outb(0x21, inb(0x21) | (isr & ~0x04));
        outb(0x20, 0x20);
    }
}

void irq_slave(struct regs *r)
{
    uint8_t isr = in_service(0xA0);
    if (isr) {
        BDA->spurious_irq = isr;
        outb(0xA1, inb(0xA1) | isr);
        outb(0xA0, 0x20);
    }
    outb(0x20, 0x20);
}

/* Coprocessor error: handed on as NMI, the way of the PC. */
void irq_int75(struct regs *r)
{
    outb(0xF0, 0);
    irq_end(13);
    call_hook(0x02);
}

void irq_int76(struct regs *r)
{
    BDA->disk_irq = 0xFF;
    irq_end(14);
}
