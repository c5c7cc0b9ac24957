/*
 * What Xen's hvmloader leaves for the BIOS at 1000h (hvmloader, seabios.c). No hardware,
 * host-tested.
 */
#ifndef BIOS_XENBLOCK_H
#define BIOS_XENBLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define XEN_BLOCK     0x1000
#define XEN_BLOCK_MAX 256

struct xen_block {
    uint32_t tables; /* address of table_count addresses */
    uint32_t table_count;
    uint32_t e820; /* address of e820_count entries */
    uint32_t e820_count;
};

/* Reads the block from XEN_BLOCK_MAX bytes; false: no block, or its checksum is wrong. */
bool xen_block_parse(const uint8_t *bytes, struct xen_block *block);

/*
 * Length of a table's entry structure by its signature (SMBIOS, MP, PIR, RSDP); 0: none of these.
 * 36 bytes at p must be readable.
 */
uint32_t xen_table_length(const uint8_t *p);

#endif
