/*
 * Interrupts of the 16-bit world: calling them, letting them in, ending them.
 */
#ifndef BIOS_INTERRUPT_H
#define BIOS_INTERRUPT_H

#include "regs.h"

/* stubs.S */
void irq_window(void); /* lets pending interrupts in */
void irq_sleep(void);  /* halts until one comes */
void big_real_mode(void);
void call_foreign(struct regs *r);
void jump_foreign(const struct regs *r) __attribute__((noreturn));
void move_flat(uint32_t dst, uint32_t src, uint32_t bytes);

/* Executes INT number with and into *r. */
void call_interrupt(uint8_t number, struct regs *r);

/* The same without registers, and only if somebody hooked the vector. */
void call_hook(uint8_t number);

void irq_end(uint8_t irq);

/* Services. */
void irq_master(struct regs *r);
void irq_slave(struct regs *r);
void irq_int75(struct regs *r);
void irq_int76(struct regs *r);

#endif
