/*
 * What the parts of POST (32-bit code) share. Each function is a step of post.c or a helper.
 */
#ifndef BIOS_POST_H
#define BIOS_POST_H

#include <stdbool.h>
#include <stdint.h>
#include "regs.h"
#include "runtime.h"

/* mode.S: runs a 16-bit C function in real mode. Pointers it gets must be into BIOS_SEG. */
uint32_t call16(uint32_t function, uint32_t argument);

/* Calls r->cs:r->ip in real mode, r on the stack (which 16-bit code sees too). */
void call_rom(struct regs *r);

/* util.c */
bool string_equal(const char *a, const char *b);
uint8_t byte_sum(const void *p, uint32_t len);
/* Sets *checksum, inside [p, p + len), so that all bytes add up to zero. */
void fix_checksum(const void *p, uint32_t len, uint8_t *checksum);

/* memory.c: allocation that stays reserved; zeroed; NULL when there is no more. align is a power
 * of two. High memory is below 4 GiB; table memory is in the F segment. */
void memory_init(void);
void memory_add(uint64_t addr, uint64_t size, uint32_t type);
void *memory_high(uint32_t size, uint32_t align);
void *memory_table(uint32_t size, uint32_t align);
void memory_open_pmm(void);
void memory_finish(void);

/* Scratch memory of POST, overwritten by the next step. */
#define SCRATCH      ((uint8_t *)0x20000)
#define SCRATCH_SIZE 0x10000

/* chipset.c */
void chipset_init(void);
void chipset_resume(void);
void chipset_lock(void); /* write-protects the shadow memory except our data */
void ivt_init(void);

/* pciinit.c */
void pci_list(void); /* finds out what there is, buses being numbered */
void pci_setup(void);
void pci_resume(void); /* what the system does not restore: the power-management block */
/* IRQ of an interrupt pin (1-4) of a device on bus 0, by the PIIX router's registers. */
uint8_t pci_irq(uint8_t device, uint8_t pin);

void smp_setup(void);
bool smp_has_apic(uint8_t id); /* a processor with this local APIC answered */
void mtrr_setup(void);
void acpi_setup(void);
void acpi_wake(void); /* to the system's waking vector; returns if there is none */
void smbios_setup(void);
void mptable_setup(void);
void pirtable_setup(void);
void xen_setup(void);
bool xen_detect(void);

/* optionrom.c */
void optionrom_video(void);
void optionrom_others(void);
void optionrom_connect(void);

/* bootorder.c */
void bootorder_init(void);
/* Place in the host's list of a device path; a star stands for one name; NO_PRIORITY if absent. */
int16_t bootorder_find(const char *pattern);
void bootorder_build(void);
void bootorder_add_rom(uint16_t seg, uint16_t off, const char *name, int16_t priority);

#endif
