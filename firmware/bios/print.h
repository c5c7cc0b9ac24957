/*
 * Text for people: on the debug port, and on the screen by INT 10h. For both modes.
 * Formats: %s %c %d %u %x %%, with a width and a leading 0 ("%04x").
 */
#ifndef BIOS_PRINT_H
#define BIOS_PRINT_H

#include <stddef.h>

/* Finds out which debug port there is (QEMU's 402h; Xen's E9h if rt.on_xen). */
void print_init(void);

/* Formats into buf, always terminated; returns the length. */
size_t format(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

void debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void screen(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
