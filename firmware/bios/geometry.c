/*
 * Disk arithmetic.
 */
#include "geometry.h"

#define CAP_DMA   0x0100 /* word 49 */
#define CAP_LBA   0x0200
#define SET_LBA48 0x0400 /* word 83 */

static void copy_model(char *model, const uint16_t *words)
{
    unsigned end = 0;
    for (unsigned i = 0; i < 40; i++) {
        uint8_t c = (uint8_t)(i & 1 ? words[i / 2] : words[i / 2] >> 8);
        model[i] = (char)(c >= 0x20 && c < 0x7F ? c : ' ');
        if (model[i] != ' ')
            end = i + 1;
    }
    model[end] = 0;
}

bool geometry_identify(struct drive *d, const uint16_t id[256])
{
    copy_model(d->model, id + 27);
    d->dma = id[49] & CAP_DMA;
    if (d->type == DRIVE_ATAPI) {
        d->sector_size = 2048;
        d->removable = true;
        return (id[0] & 0xC000) == 0x8000;
    }
    d->sector_size = 512;
    d->physical = (struct chs){ id[1], id[3], id[6] };
    d->lba48 = (id[83] & 0xC400) == (0x4000 | SET_LBA48);
    if (d->lba48)
        d->sectors = id[100] | (uint32_t)id[101] << 16 | (uint64_t)id[102] << 32;
    if (!d->sectors && (id[49] & CAP_LBA))
        d->sectors = id[60] | (uint32_t)id[61] << 16;
    if (!id[3] || !id[6] || id[3] > 16 || id[6] > 63 || !id[1])
        d->physical = (struct chs){ 16383, 16, 63 };
    d->logical = geometry_translate(d->physical, d->sectors);
    return d->sectors && (id[49] & CAP_LBA) && d->sectors >> 48 == 0;
}

struct chs geometry_translate(struct chs physical, uint64_t sectors)
{
    if (physical.cylinders <= 1024 &&
        (uint64_t)physical.cylinders * physical.heads * physical.sectors <= sectors)
        return physical;
    if (sectors > UINT64_C(1024) * 255 * 63)
        return (struct chs){ 1024, 255, 63 };
    uint32_t tracks = (uint32_t)sectors / 63;
    uint16_t heads = 16;
    while (heads < 128 && tracks / heads > 1024)
        heads *= 2;
    if (tracks / heads > 1024)
        heads = 255;
    uint32_t cylinders = tracks / heads;
    return (struct chs){ (uint16_t)(cylinders > 1024 ? 1024
                                    : cylinders      ? cylinders
                                                     : 1),
                         heads, 63 };
}

bool geometry_lba(const struct chs *g, uint16_t cx, uint8_t head, uint32_t *lba)
{
    uint32_t cylinder = cx >> 8 | (cx & 0xC0) << 2, sector = cx & 0x3F;
    if (cylinder >= g->cylinders || head >= g->heads || !sector || sector > g->sectors)
        return false;
    *lba = (cylinder * g->heads + head) * g->sectors + sector - 1;
    return true;
}
