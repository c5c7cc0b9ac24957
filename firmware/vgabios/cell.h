/*
 * Character cells of the screen: two bytes of memory in text modes, a pattern of dots in graphics
 * modes. What lies outside of the screen is ignored.
 */
#ifndef VGABIOS_CELL_H
#define VGABIOS_CELL_H

#include <stdbool.h>
#include <stdint.h>

struct cell {
    uint8_t row, column, page;
};

/* Copies n cells of row `from`, same column and page, to `to` and those right of it. */
void cell_move(struct cell to, uint8_t from, uint8_t n);
/* Makes n cells blank: of that attribute, or of that colour. */
void cell_clear(struct cell at, uint8_t n, uint8_t attr);
/* In graphics modes attr is the colour, XORed with what is there if bit 7 is set. */
void cell_write(struct cell at, uint8_t c, uint8_t attr, bool with_attr);
/* Attribute and character; in graphics modes the character alone, 0 for dots of no character. */
uint16_t cell_read(struct cell at);

/* AH=0Ch and 0Dh. */
struct regs;
void dot_write_service(struct regs *r);
void dot_read_service(struct regs *r);

#endif
