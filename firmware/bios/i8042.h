/*
 * Keyboard controller (8042): bytes to and from the keyboard and the mouse, each with a time-out.
 */
#ifndef BIOS_I8042_H
#define BIOS_I8042_H

#include <stdbool.h>
#include <stdint.h>

#define I8042_DATA     0x60
#define I8042_STATUS   0x64
#define I8042_OUT_FULL 0x01
#define I8042_AUX      0x20

/* False: the controller did not take the byte in time. */
bool i8042_command(uint8_t command);
bool i8042_data(uint8_t data);

/* The next byte that arrives within ms, or -1. */
int i8042_read(uint32_t ms);

/* Throws away what is in the output buffer. */
void i8042_flush(void);

/* Sends a byte to the keyboard or the mouse; true if it is acknowledged (FAh). */
bool i8042_send(bool aux, uint8_t byte);

/* Reads and writes the command byte. */
int i8042_get_mode(void);
bool i8042_set_mode(uint8_t mode);

#define I8042_MODE_KBD_IRQ   0x01
#define I8042_MODE_AUX_IRQ   0x02
#define I8042_MODE_SYS       0x04
#define I8042_MODE_KBD_OFF   0x10
#define I8042_MODE_AUX_OFF   0x20
#define I8042_MODE_TRANSLATE 0x40

#endif
