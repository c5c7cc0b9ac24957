/*
 * The tables of INT 13h AH=48h (EDD 3.0, tables 5 and 10). No hardware, host-tested.
 */
#include "edd.h"
#ifdef BIOS16
#include "x86.h"
#else
#include <string.h>
#endif

#define INFO_DMA_BOUNDARY 0x0001 /* 64 KiB boundaries are handled */
#define INFO_GEOMETRY     0x0002 /* valid */
#define INFO_REMOVABLE    0x0004
#define INFO_LOCKABLE     0x0020
#define DPTE_DMA          0x0002 /* word 10: by bus master */
#define DPTE_LBA          0x0010
#define DPTE_REMOVABLE    0x0020
#define DPTE_ATAPI        0x0040

static void put(uint8_t *p, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> 8 * i);
}

uint8_t edd_checksum(const uint8_t *p, uint16_t len)
{
    uint8_t sum = 0;
    for (uint16_t i = 0; i < len; i++)
        sum += p[i];
    return (uint8_t)-sum;
}

static void device_path(uint8_t *out, const struct drive *d)
{
    put(out + 30, 0xBEDD, 2);
    out[32] = 36; /* length of the path with its key */
    memcpy(out + 36, d->bdf ? "PCI " : "ISA ", 4);
    memcpy(out + 40, d->type == DRIVE_ATAPI ? "ATAPI   " : "ATA     ", 8);
    if (d->bdf) {
        out[48] = (uint8_t)(d->bdf >> 8);
        out[49] = d->bdf >> 3 & 31;
        out[50] = d->bdf & 7;
        out[51] = d->channel;
    } else {
        put(out + 48, d->io, 2);
    }
    out[56] = d->unit;
    out[65] = edd_checksum(out + 30, 35);
}

uint16_t edd_parameters(uint8_t *out, uint16_t size, const struct drive *d, uint32_t dpte)
{
    uint16_t used = size >= EDD_MAX ? EDD_MAX : size >= 0x1E ? 0x1E : 0x1A;
    bool cd = d->type == DRIVE_ATAPI;
    memset(out, 0, used);
    put(out, used, 2);
    put(out + 2,
        cd ? INFO_REMOVABLE | INFO_LOCKABLE | INFO_DMA_BOUNDARY : INFO_GEOMETRY | INFO_DMA_BOUNDARY,
        2);
    put(out + 4, cd ? 0xFFFFFFFF : d->physical.cylinders, 4);
    put(out + 8, cd ? 0xFFFFFFFF : d->physical.heads, 4);
    put(out + 12, cd ? 0xFFFFFFFF : d->physical.sectors, 4);
    put(out + 16, cd && !d->sectors ? UINT64_MAX : d->sectors, 8);
    put(out + 24, d->sector_size, 2);
    if (used >= 0x1E)
        put(out + 26, dpte, 4);
    if (used >= EDD_MAX)
        device_path(out, d);
    return used;
}

void edd_dpte(uint8_t out[16], const struct drive *d)
{
    memset(out, 0, 16);
    put(out, d->io, 2);
    put(out + 2, d->control, 2);
    out[4] = (uint8_t)(0xE0 | d->unit << 4);
    out[5] = 0xCB; /* Phoenix's vendor byte, which programs expect */
    out[6] = d->channel ? 15 : 14;
    out[7] = 1; /* sectors a block */
    put(out + 10,
        (d->dma ? DPTE_DMA : 0) | DPTE_LBA |
            (d->type == DRIVE_ATAPI ? DPTE_ATAPI | DPTE_REMOVABLE : 0),
        2);
    out[14] = 0x11; /* revision 1.1 */
    out[15] = edd_checksum(out, 15);
}
