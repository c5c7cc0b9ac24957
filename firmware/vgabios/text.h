/*
 * INT 10h: cursor, characters and scrolling, in text and graphics modes.
 */
#ifndef VGABIOS_TEXT_H
#define VGABIOS_TEXT_H

#include "../bios/regs.h"

/* The cursor's first (high byte) and last line, as AH=01h has it. */
void text_set_shape(uint16_t shape);

void text_shape_service(struct regs *r);       /* AH=01h */
void text_set_cursor_service(struct regs *r);  /* AH=02h */
void text_get_cursor_service(struct regs *r);  /* AH=03h */
void text_page_service(struct regs *r);        /* AH=05h */
void text_scroll_up_service(struct regs *r);   /* AH=06h */
void text_scroll_down_service(struct regs *r); /* AH=07h */
void text_read_service(struct regs *r);        /* AH=08h */
void text_write_service(struct regs *r);       /* AH=09h: character and attribute */
void text_write_char_service(struct regs *r);  /* AH=0Ah: character alone */
void text_teletype_service(struct regs *r);    /* AH=0Eh */
void text_string_service(struct regs *r);      /* AH=13h */

#endif
