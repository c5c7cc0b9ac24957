/*
 * El Torito: boot record (figure 7) and boot catalogue (figures 2 and 3).
 */
#include "eltorito.h"
#include <stddef.h>
#ifdef BIOS16
#include "x86.h"
#else
#include <string.h>
#endif

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t get32(const uint8_t *p)
{
    return get16(p) | (uint32_t)get16(p + 2) << 16;
}

uint32_t eltorito_catalog(const uint8_t record[ELTORITO_SECTOR])
{
    if (record[0] != 0 || memcmp(record + 1, "CD001\1", 6) != 0 ||
        memcmp(record + 7, "EL TORITO SPECIFICATION", 23) != 0)
        return 0;
    return get32(record + 0x47);
}

const char *eltorito_entry(const uint8_t *catalog, struct eltorito *e)
{
    uint16_t sum = 0;
    for (unsigned i = 0; i < 32; i += 2)
        sum += get16(catalog + i);
    if (catalog[0] != 1 || catalog[30] != 0x55 || catalog[31] != 0xAA || sum)
        return "damaged boot catalogue";
    if (catalog[1] != 0)
        return "boot image for another kind of machine";
    const uint8_t *p = catalog + 32;
    if (p[0] != 0x88)
        return "boot entry is not bootable";
    e->media = p[1] & 15;
    e->segment = get16(p + 2) ? get16(p + 2) : 0x07C0;
    e->count = get16(p + 6);
    e->lba = get32(p + 8);
    if (e->media > MEDIA_DISK)
        return "unknown kind of emulation";
    if (!e->count)
        e->count = e->media == MEDIA_NONE ? 4 : 1;
    /* From its segment up to the video memory; also what keeps a broken entry from our data. */
    if ((uint32_t)e->segment * 16 < 0x500 || (uint32_t)e->segment * 16 + e->count * 512U > 0x9F000)
        return "boot image does not fit in memory";
    return NULL;
}

struct chs eltorito_geometry(uint8_t media, const uint8_t boot_sector[512])
{
    switch (media) {
    case MEDIA_1200K: return (struct chs){ 80, 2, 15 };
    case MEDIA_1440K: return (struct chs){ 80, 2, 18 };
    case MEDIA_2880K: return (struct chs){ 80, 2, 36 };
    default: break;
    }
    const uint8_t *end = boot_sector + 0x1BE +
                         5; /* the first partition's last head, sector, cylinder */
    struct chs g = { (uint16_t)((end[2] | (end[1] & 0xC0) << 2) + 1), (uint16_t)(end[0] + 1),
                     end[1] & 0x3F };
    if (!g.sectors)
        g.sectors = 63;
    return g;
}
