/*
 * The 16-bit half of POST, by call16.
 */
#ifndef BIOS_DEVICES_H
#define BIOS_DEVICES_H

/* Finds keyboard, mouse, ports, floppies and IDE drives, fills rt and the BIOS data area. */
void devices_probe(void);

struct regs;

/* Calls r->cs:r->ip in big real mode. */
void devices_call_rom(struct regs *r);

/* INT 19h; does not return. */
void devices_start_boot(void);

#endif
