/*
 * Text on the debug port and the screen.
 */
#include "print.h"
#include "runtime.h"
#include "video.h"
#include "x86.h"
#ifndef BIOS16
#include "post.h" // call16
#endif
#include <stdarg.h>

#define LINE 128

enum { DEBUG_NONE, DEBUG_402, DEBUG_E9 };

void print_init(void)
{
    if (rt.on_xen)
        rt.debug_port_kind = DEBUG_E9;
    else
        rt.debug_port_kind = inb(0x402) == 0xE9 ? DEBUG_402 : DEBUG_NONE;
}

struct out {
    char *at, *end;
};

static void put(struct out *o, char c)
{
    if (o->at < o->end)
        *o->at++ = c;
}

static void put_number(struct out *o, uint32_t v, unsigned base, unsigned width, char pad)
{
    char digits[12];
    unsigned n = 0;
    do {
        digits[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    for (; width > n; width--)
        put(o, pad);
    while (n)
        put(o, digits[--n]);
}

static void put_string(struct out *o, const char *s, unsigned width)
{
    for (; *s; s++, width -= width > 0)
        put(o, *s);
    for (; width; width--)
        put(o, ' ');
}

static size_t vformat(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = { buf, buf + size - 1 };
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(&o, *fmt);
            continue;
        }
        char pad = *++fmt == '0' ? '0' : ' ';
        unsigned width = 0;
        for (; *fmt >= '0' && *fmt <= '9'; fmt++)
            width = width * 10 + (unsigned)(*fmt - '0');
        if (*fmt == 's') {
            put_string(&o, va_arg(ap, const char *), width);
        } else if (*fmt == 'c') {
            put(&o, (char)va_arg(ap, int));
        } else if (*fmt == 'x') {
            put_number(&o, va_arg(ap, uint32_t), 16, width, pad);
        } else if (*fmt == 'd' || *fmt == 'u') {
            uint32_t v = va_arg(ap, uint32_t);
            if (*fmt == 'd' && (int32_t)v < 0) {
                put(&o, '-');
                v = -v;
            }
            put_number(&o, v, 10, width, pad);
        } else if (*fmt) {
            put(&o, *fmt);
        } else {
            break;
        }
    }
    *o.at = 0;
    return (size_t)(o.at - buf);
}

size_t format(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    size_t n = vformat(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

static void debug_line(const char *s, size_t n)
{
    if (rt.debug_port_kind == DEBUG_NONE)
        return;
    uint16_t port = rt.debug_port_kind == DEBUG_E9 ? 0xE9 : 0x402;
    __asm__ volatile("rep outsb" : "+S"(s), "+c"(n) : "d"(port) : "memory");
}

void debug(const char *fmt, ...)
{
    char line[LINE];
    va_list ap;
    va_start(ap, fmt);
    size_t n = vformat(line, sizeof(line), fmt, ap);
    va_end(ap);
    debug_line(line, n);
}

void screen(const char *fmt, ...)
{
    char line[LINE];
    va_list ap;
    va_start(ap, fmt);
    size_t n = vformat(line, sizeof(line), fmt, ap);
    va_end(ap);
    debug_line(line, n);
#ifdef BIOS16
    video_puts(line);
#else
    call16((uint32_t)video_puts, (uint32_t)line - BIOS_SEG_LIN);
#endif
}
