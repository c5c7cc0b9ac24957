/*
 * Equipment, memory size and the system services of INT 15h.
 */
#include "system.h"
#include "apm.h"
#include "bda.h"
#include "interrupt.h"
#include "mouse.h"
#include "runtime.h"
#include "time.h"
#include "x86.h"

#define SMAP     0x534D4150
#define A20_PORT 0x92
#define MIB      0x100000

extern uint8_t config_table[];

void system_int11(struct regs *r)
{
    r->ax.x = BDA->equipment;
}

void system_int12(struct regs *r)
{
    r->ax.x = BDA->memory_kib;
}

/* RAM from 1 MiB up to the first hole or 4 GiB, in KiB. */
static uint32_t extended_kib(void)
{
    for (uint32_t i = 0; i < rt.e820_count; i++) {
        const struct e820_entry *e = &rt.e820[i];
        uint64_t end = e->addr + e->size;
        if (e->type == E820_RAM && e->addr <= MIB && end > MIB && !(end >> 32))
            return (uint32_t)(end - MIB) >> 10;
    }
    return 0;
}

/* AX=E820h: EBX is the index of the next entry; ACPI 15.1. */
static void get_map(struct regs *r)
{
    if (r->dx.e != SMAP || r->cx.e < 20 || r->bx.e >= rt.e820_count) {
        set_unsupported(r);
        return;
    }
    far_write(r->es, r->di.x, &rt.e820[r->bx.e], sizeof(rt.e820[0]));
    r->ax.e = SMAP;
    r->cx.e = sizeof(rt.e820[0]);
    r->bx.e = r->bx.e + 1 == rt.e820_count ? 0 : r->bx.e + 1;
    set_flag(r, FLAG_CF, 0);
}

/* AX=E801h: KiB from 1 to 16 MiB, and 64 KiB units above. */
static void get_sizes(struct regs *r)
{
    uint32_t kib = extended_kib();
    r->ax.x = r->cx.x = (uint16_t)(kib > 15 * 1024 ? 15 * 1024 : kib);
    r->bx.x = r->dx.x = (uint16_t)(kib > 15 * 1024 ? (kib - 15 * 1024) >> 6 : 0);
    set_flag(r, FLAG_CF, 0);
}

/* Base of a descriptor in the caller's table. */
static uint32_t descriptor_base(const struct regs *r, uint32_t at)
{
    return (far_get32(r->es, r->si.x + at + 2U) & 0xFFFFFF) |
           (uint32_t)far_get8(r->es, r->si.x + at + 7U) << 24;
}

/* AH=87h: CX words between the bases of descriptors 2 (from) and 3 (to). */
static void move_block(struct regs *r)
{
    if (r->cx.x > 0x8000 || in_protected_mode()) {
        set_status(r, 0x02); /* the call is for real mode; memory managers answer it themselves */
        return;
    }
    uint8_t a20 = inb(A20_PORT);
    outb(A20_PORT, (a20 | 0x02) & 0xFE);
    move_flat(descriptor_base(r, 0x18), descriptor_base(r, 0x10), r->cx.x * 2U);
    outb(A20_PORT, a20 & 0xFE);
    set_status(r, 0);
}

/* AH=24h: A20 by port 92h. */
static void a20_gate(struct regs *r)
{
    uint8_t v = inb(A20_PORT) & 0xFE;
    switch (r->ax.l) {
    case 0: outb(A20_PORT, v & ~0x02); break;
    case 1: outb(A20_PORT, v | 0x02); break;
    case 2: r->ax.l = v >> 1 & 1; break;
    case 3: r->bx.x = 0x0003; break; /* keyboard controller and port 92h */
    default: set_unsupported(r); return;
    }
    set_status(r, 0);
}

static void get_config(struct regs *r)
{
    r->es = 0xF000;
    r->bx.x = (uint16_t)(uint32_t)config_table;
    set_status(r, 0);
}

static void get_ebda(struct regs *r)
{
    r->es = BDA->ebda;
    set_flag(r, FLAG_CF, !r->es);
}

static void memory_map(struct regs *r)
{
    if (r->ax.l == 0x20)
        get_map(r);
    else if (r->ax.l == 0x01)
        get_sizes(r);
    else
        set_unsupported(r);
}

static void extended_memory(struct regs *r)
{
    uint32_t kib = extended_kib();
    r->ax.x = (uint16_t)(kib > 0xFFFF ? 0xFFFF : kib);
    set_flag(r, FLAG_CF, 0);
}

void system_int15(struct regs *r)
{
    switch (r->ax.h) {
    case 0x24: a20_gate(r); break;
    case 0x4F: set_flag(r, FLAG_CF, 1); break; /* keyboard intercept: keep the code */
    case 0x52:
    case 0x80: /* device open, close, program end */
    case 0x81:
    case 0x82:
    case 0x85: /* system request key */
    case 0x90: /* device busy, ready */
    case 0x91: set_status(r, 0); break;
    case 0x53: apm_int15(r); break;
    case 0x83: time_event_wait(r); break;
    case 0x86: time_wait(r); break;
    case 0x87: move_block(r); break;
    case 0x88: extended_memory(r); break;
    case 0xC0: get_config(r); break;
    case 0xC1: get_ebda(r); break;
    case 0xC2: mouse_int15(r); break;
    case 0xE8: memory_map(r); break;
    default: set_unsupported(r); break;
    }
}
