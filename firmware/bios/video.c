/*
 * INT 10h until a VGA BIOS takes it over: there is no display to write on.
 */
#include "video.h"
#include "bda.h"
#include "interrupt.h"

static void putc(char c)
{
    struct regs r = { .flags = 0 };
    r.ax.x = (uint16_t)(0x0E00 | (uint8_t)c);
    r.bx.x = 7;
    call_interrupt(0x10, &r);
}

void video_puts(const char *s)
{
    for (; *s; s++) {
        if (*s == '\n')
            putc('\r');
        putc(*s);
    }
}

void video_text_mode(void)
{
    struct regs r = { .flags = 0 };
    r.ax.x = 0x0003;
    call_interrupt(0x10, &r);
}

void video_int10(struct regs *r)
{
    if (r->ax.h == 0x0F) {
        r->ax.x = (uint16_t)(BDA->video_columns << 8 | BDA->video_mode);
        r->bx.h = 0;
    }
}
