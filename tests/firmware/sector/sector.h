/*
 * What the conformance programs share. Each is a boot sector that calls the functions of one BIOS
 * service and compares results and side effects with the specification. It prints "ok NAME" or
 * "FAIL NAME: VALUE" to port E9h and ends through port 501h.
 */
#ifndef SECTOR_H
#define SECTOR_H

#include <stdbool.h>
#include <stdint.h>

struct registers {
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp; /* start.S knows the offsets */
    uint16_t flags, ds, es;
};

#define CARRY    0x0001
#define ZERO     0x0040
#define AH(r)    ((uint8_t)((r).eax >> 8))
#define AL(r)    ((uint8_t)(r).eax)
#define AX(r)    ((uint16_t)(r).eax)
#define FAILS(r) ((r).flags & CARRY)

/* The program: calls check for everything it tests. */
void test(void);

/* Executes INT number. */
void interrupt(uint8_t number, struct registers *r);

/* A far call of 32-bit code, in flat protected mode; eax to edi are passed, eax to edx come back.
 */
void flat_call(uint32_t entry, struct registers *r);

/* interrupt() with eax, ebx, ecx, edx and the rest zero. */
struct registers call(uint8_t number, uint32_t eax, uint32_t ebx, uint32_t ecx, uint32_t edx);

/* Notes one result; value is printed if it is not as it should be. */
void check(bool good, const char *name, uint32_t value);

/* Memory at a linear address below 1 MiB. */
uint8_t peek8(uint32_t at);
uint16_t peek16(uint32_t at);
uint32_t peek32(uint32_t at);
void poke8(uint32_t at, uint8_t v);
void poke16(uint32_t at, uint16_t v);
void poke32(uint32_t at, uint32_t v);

void outb(uint16_t port, uint8_t v);
uint8_t inb(uint16_t port);
void outl(uint16_t port, uint32_t v);
uint32_t inl(uint16_t port);

bool equal(const char *a, uint32_t at, uint32_t n);

/* Lets n timer ticks pass, by HLT. */
void wait_ticks(uint32_t n);

/* As the firmware left them for the boot sector. */
extern uint16_t boot_es, boot_di, boot_flags;
extern uint8_t boot_drive;

void sector_main(void);

#endif
