/*
 * The caller's registers as an interrupt service sees them, and calls the other way.
 */
#ifndef BIOS_REGS_H
#define BIOS_REGS_H

#include <stddef.h>
#include <stdint.h>
#include "layout.h"

union reg {
    uint32_t e;
    uint16_t x;
    struct {
        uint8_t l, h;
    };
};

struct regs {
    uint16_t gs, fs, es, ds;
    union reg di, si, bp, bx, dx, cx, ax;
    uint32_t handler; /* the C service, kept so that a waiting call can be started again */
    uint16_t ip, cs, flags, ss;
    uint32_t sp;
    uint32_t wait; /* set by a service: sleep on the caller's stack until an IRQ, call again */
};

_Static_assert(offsetof(struct regs, ax) == REGS_EAX, "layout.h");
_Static_assert(offsetof(struct regs, ip) == REGS_IP, "layout.h");
_Static_assert(offsetof(struct regs, wait) == REGS_WAIT, "layout.h");
_Static_assert(sizeof(struct regs) == REGS_SIZE, "layout.h");

#define FLAG_CF 0x0001
#define FLAG_ZF 0x0040
#define FLAG_IF 0x0200

static inline void set_flag(struct regs *r, uint16_t flag, int on)
{
    r->flags = on ? r->flags | flag : r->flags & ~flag;
}

/* Ends a service: carry clear and AH = 0 for status 0, else carry set and AH = status. */
static inline void set_status(struct regs *r, uint8_t status)
{
    r->ax.h = status;
    set_flag(r, FLAG_CF, status != 0);
}

/* Ends a service that is not there: carry set, AH = 86h (INT 15h's word for it). */
static inline void set_unsupported(struct regs *r)
{
    set_status(r, 0x86);
}

#endif
