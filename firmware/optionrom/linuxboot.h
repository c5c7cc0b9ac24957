/*
 * The direct-kernel-boot ROM: what its parts share.
 *
 * The ROM is a plug-and-play boot device (BEV). When the BIOS boots from it, it copies itself to
 * WORK_BASE and runs there, in 16-bit real mode, as C with one segment for code, data and stack:
 * a pointer is an offset in that segment. Memory elsewhere is named by its linear address.
 *
 * Sources: BIOS Boot Specification 1.01; Plug and Play BIOS Specification 1.0a; the Linux/x86 boot
 * protocol; the fw_cfg interface specification.
 */
#ifndef OPTIONROM_LINUXBOOT_H
#define OPTIONROM_LINUXBOOT_H

/* Where the ROM runs: free for boot code, and below all that it loads. */
#define WORK_SEGMENT 0x07c0
#define WORK_BASE    0x7c00
#define WORK_STACK   0x8000 /* end of the stack, as an offset */

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A range that the BIOS reports by INT 15h E820h. */
struct e820_entry {
    uint64_t base, length;
    uint32_t type; /* 1: memory */
    uint32_t attributes;
};

/* ---- linuxboot.c ---- */

/* Loads and starts the kernel. Returns when it cannot, after saying why on the screen. */
void linuxboot(void);

/* ---- fwcfg.c ---- */

enum fwcfg_status { FWCFG_OK, FWCFG_ERROR, FWCFG_TIMEOUT };

/* Looks for the interface and for DMA. False: there is none. */
bool fwcfg_probe(void);
bool fwcfg_has_dma(void);

/* Reads the first size bytes of an item to linear memory. progress: called at each MiB, or NULL. */
enum fwcfg_status fwcfg_read(uint16_t key, uint32_t address, uint32_t size, void (*progress)(void));

/* An item that is a 32-bit number; 0 when there is none. */
uint32_t fwcfg_number(uint16_t key);

/* The linear address of an object of the ROM. */
static inline uint32_t linear(const void *p)
{
    return WORK_BASE + (uint32_t)p;
}

/* ---- entry.S: real mode ---- */

void bios_putc(char c);         /* INT 10h 0Eh */
uint32_t bios_low_memory(void); /* INT 12h: KiB */
void bios_enable_a20(void);     /* INT 15h 2401h */
bool a20_enabled(void);         /* by looking for the wrap-around at 1 MiB */
bool protected_mode(void);      /* CR0.PE: virtual-8086 mode, under some monitor */

/*
 * INT 15h E820h: the entry after *next (0: the first) into *entry; sets *next, 0 after the last.
 * False: there is none, or the BIOS does not know the call.
 */
bool bios_e820(uint32_t *next, struct e820_entry *entry);

/* rep insb from the fw_cfg data port to linear memory; at most 64 KiB, interrupts are off. */
void read_port_to(uint32_t address, uint32_t size);

/* Enters the kernel's setup in its segment (boot protocol, "Running the Kernel"). */
_Noreturn void enter_kernel(uint32_t segment, uint32_t stack);

#endif
#endif
