/*
 * The firmware configuration device of QEMU-like machines (qemu docs/specs/fw_cfg): named files
 * from the host, by port 511h or, where its feature bit says so, by DMA.
 */
#ifndef BIOS_FWCFG_H
#define BIOS_FWCFG_H

#include <stdbool.h>
#include <stdint.h>

#define FWCFG_RAM_SIZE  0x03
#define FWCFG_NB_CPUS   0x05
#define FWCFG_BOOT_MENU 0x0E
#define FWCFG_MAX_CPUS  0x0F

struct fwcfg_file {
    uint32_t size;
    uint16_t key;
    char name[56];
};

/* Looks for the device and reads its directory (up to 64 files). */
void fwcfg_init(void);
bool fwcfg_present(void);

/* Item `key`: len bytes from `offset`; beyond the end the device gives zeros. */
void fwcfg_read(uint16_t key, uint32_t offset, void *buf, uint32_t len);

/* A little-endian 16-bit item, 0 without the device. */
uint16_t fwcfg_u16(uint16_t key);

/* The file called name, or NULL. */
const struct fwcfg_file *fwcfg_find(const char *name);

/* File i of the directory, NULL after the last: to look for a prefix. */
const struct fwcfg_file *fwcfg_file(unsigned i);

/* A file of at most 8 bytes as an integer; `missing` if there is none. */
uint64_t fwcfg_integer(const char *name, uint64_t missing);

/* Writes to a file; false if the device has no DMA or refuses. */
bool fwcfg_write(const struct fwcfg_file *file, uint32_t offset, const void *buf, uint32_t len);

#endif
