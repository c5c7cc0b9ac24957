/*
 * Modes: VESA's numbers 100h to 11Bh; above, the numbers that the Bochs VBE extension's BIOSes made
 * known, as people have them in their boot loaders' configurations.
 */
#include "vbemodes.h"

#define DEPTHS   5
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct size {
    uint16_t width, height;
    uint16_t number[DEPTHS]; /* of 8, 15, 16, 24 and 32 bits, 0: none */
};

static ROM struct size sizes[] = {
    { 320, 200, { 0x146, 0x10D, 0x10E, 0x10F, 0x140 } },
    { 640, 400, { 0x100, 0, 0, 0, 0x141 } },
    { 640, 480, { 0x101, 0x110, 0x111, 0x112, 0x142 } },
    { 800, 600, { 0x103, 0x113, 0x114, 0x115, 0x143 } },
    { 1024, 768, { 0x105, 0x116, 0x117, 0x118, 0x144 } },
    { 1152, 864, { 0x148, 0x149, 0x14A, 0x14B, 0x14C } },
    { 1280, 1024, { 0x107, 0x119, 0x11A, 0x11B, 0x145 } },
    { 1600, 1200, { 0x11C, 0x11D, 0x11E, 0x11F, 0x147 } },
    { 1280, 768, { 0, 0, 0x175, 0x176, 0x177 } },
    { 1280, 800, { 0, 0, 0x178, 0x179, 0x17A } },
    { 1280, 960, { 0, 0, 0x17B, 0x17C, 0x17D } },
    { 1440, 900, { 0, 0, 0x17E, 0x17F, 0x180 } },
    { 1400, 1050, { 0, 0, 0x181, 0x182, 0x183 } },
    { 1680, 1050, { 0, 0, 0x184, 0x185, 0x186 } },
    { 1920, 1200, { 0, 0, 0x187, 0x188, 0x189 } },
    { 2560, 1600, { 0, 0, 0x18A, 0x18B, 0x18C } },
    { 1280, 720, { 0, 0, 0x18D, 0x18E, 0x18F } },
    { 1920, 1080, { 0, 0, 0x190, 0x191, 0x192 } },
    { 1600, 900, { 0, 0, 0x193, 0x194, 0x195 } },
    { 2560, 1440, { 0, 0, 0x196, 0x197, 0x198 } },
};

static ROM uint8_t depths[DEPTHS] = { 8, 15, 16, 24, 32 };

bool vbe_mode_at(unsigned place, struct vbe_mode *m)
{
    if (place-- == 0) {
        *m = (struct vbe_mode){ VBE_PLANAR, 800, 600, 4 };
        return true;
    }
    for (unsigned i = 0; i < COUNT(sizes) * DEPTHS; i++) {
        IN_ROM struct size *s = &sizes[i / DEPTHS];
        uint16_t number = s->number[i % DEPTHS];
        if (number && !place--) {
            *m = (struct vbe_mode){ number, s->width, s->height, depths[i % DEPTHS] };
            return true;
        }
    }
    return false;
}

bool vbe_mode_find(uint16_t number, struct vbe_mode *m)
{
    for (unsigned place = 0; vbe_mode_at(place, m); place++) {
        if (m->number == number)
            return true;
    }
    return false;
}

uint32_t vbe_bytes(uint8_t bits, uint32_t n)
{
    return bits == 4 ? n / 8 : n * ((bits + 7U) / 8);
}

uint32_t vbe_mode_size(const struct vbe_mode *m)
{
    return vbe_bytes(m->bits, m->width) * m->height * (m->bits == 4 ? 4U : 1U);
}
