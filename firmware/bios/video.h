/*
 * INT 10h until a VGA BIOS takes it over, and text by INT 10h.
 */
#ifndef BIOS_VIDEO_H
#define BIOS_VIDEO_H

#include "regs.h"

/* 16-bit code: writes a zero-terminated string by INT 10h AH=0Eh, "\n" as CR LF. */
void video_puts(const char *s);

/* 16-bit code: 80x25 text; also clears the screen. */
void video_text_mode(void);

void video_int10(struct regs *r);

#endif
