/*
 * VBE functions 00h and 01h: what there is.
 */
#include "vbe.h"

#include "chip.h"
#include "memory.h"

/* Information block (VBE 3.0, 4.3): offsets. */
#define INFO_SIGNATURE    0x00
#define INFO_VERSION      0x04
#define INFO_OEM          0x06
#define INFO_CAPABILITIES 0x0A
#define INFO_MODES        0x0E
#define INFO_MEMORY       0x12
#define INFO_REVISION     0x14
#define INFO_VENDOR       0x16
#define INFO_PRODUCT      0x1A
#define INFO_PRODUCT_REV  0x1E
#define INFO_RESERVED     0x22
#define INFO_SIZE         256
#define INFO2_SIZE        512
#define SIGNATURE_VESA    0x41534556
#define SIGNATURE_VBE2    0x32454256
#define CAPABILITY_DAC8   0x01

/* Mode information (VBE 3.0, 4.4): offsets. */
#define MODE_SIZE        256
#define MODE_ATTRIBUTES  0x00
#define MODE_WINDOW      0x02
#define MODE_GRANULARITY 0x04
#define MODE_WINDOW_SIZE 0x06
#define MODE_SEGMENT     0x08
#define MODE_FUNCTION    0x0C
#define MODE_LINE        0x10
#define MODE_WIDTH       0x12
#define MODE_HEIGHT      0x14
#define MODE_CHAR_WIDTH  0x16
#define MODE_CHAR_HEIGHT 0x17
#define MODE_PLANES      0x18
#define MODE_BITS        0x19
#define MODE_BANKS       0x1A
#define MODE_MODEL       0x1B
#define MODE_BANK_SIZE   0x1C
#define MODE_PAGES       0x1D
#define MODE_RESERVED    0x1E
#define MODE_MASKS       0x1F
#define MODE_DIRECT      0x27
#define MODE_BUFFER      0x28
#define MODE_LIN_LINE    0x32
#define MODE_BNK_PAGES   0x34
#define MODE_LIN_PAGES   0x35
#define MODE_LIN_MASKS   0x36
#define MODE_MAX_CLOCK   0x3E

#define ATTR_GRAPHICS     0x1B /* supported, complete, colour, graphics */
#define ATTR_TEXT         0x04
#define ATTR_LINEAR       0x80
#define WINDOW_READ_WRITE 0x07
#define MODEL_PLANES      3
#define MODEL_PACKED      4
#define MODEL_DIRECT      6
#define MAX_CLOCK         655350000 /* Hz: what EDID can ask for */

static ROM char vendor[] = "hvm-dm";
static ROM char revision[] = "1.0";

bool vbe_mode_fits(const struct vbe_mode *m)
{
    return vbe_mode_size(m) <= chip_memory() * 0x10000U && (m->bits == 4 || chip_can(m));
}

/* ---- AL=00h ---- */

/* The list of modes is in the block itself, so that the caller may move the block. */
static void put_modes(uint16_t seg, uint32_t to)
{
    struct vbe_mode m;
    for (unsigned place = 0; place < VBE_MODES_MAX && vbe_mode_at(place, &m); place++) {
        if (vbe_mode_fits(&m)) {
            far_put16(seg, to, m.number);
            to += 2;
        }
    }
    far_put16(seg, to, 0xFFFF);
}

uint16_t vbe_info(struct regs *r)
{
    uint16_t seg = r->es;
    uint32_t to = r->di.x;
    bool vbe2 = far_get32(seg, to) == SIGNATURE_VBE2;
    far_fill8(seg, to, 0, vbe2 ? INFO2_SIZE : INFO_SIZE);
    far_put32(seg, to + INFO_SIGNATURE, SIGNATURE_VESA);
    far_put16(seg, to + INFO_VERSION, 0x0300);
    far_put32(seg, to + INFO_OEM, ROM_FAR(chip_name));
    far_put32(seg, to + INFO_CAPABILITIES, chip_dac_most == 8 ? CAPABILITY_DAC8 : 0);
    far_put32(seg, to + INFO_MODES, (uint32_t)seg << 16 | (uint16_t)(to + INFO_RESERVED));
    far_put16(seg, to + INFO_MEMORY, chip_memory());
    if (vbe2) {
        far_put16(seg, to + INFO_REVISION, 0x0100);
        far_put32(seg, to + INFO_VENDOR, ROM_FAR(vendor));
        far_put32(seg, to + INFO_PRODUCT, ROM_FAR(chip_name));
        far_put32(seg, to + INFO_PRODUCT_REV, ROM_FAR(revision));
    }
    put_modes(seg, to + INFO_RESERVED);
    return VBE_OK;
}

/* ---- AL=01h ---- */

/* Size and position of red, green, blue and the rest. */
struct masks {
    uint8_t bits;
    uint8_t field[8];
    uint8_t direct; /* the rest may be used */
};

static ROM struct masks masks[] = { { 15, { 5, 10, 5, 5, 5, 0, 1, 15 }, 2 },
                                    { 16, { 5, 11, 6, 5, 5, 0, 0, 0 }, 0 },
                                    { 24, { 8, 16, 8, 8, 8, 0, 0, 0 }, 0 },
                                    { 32, { 8, 16, 8, 8, 8, 0, 8, 24 }, 2 } };

static void put_masks(uint16_t seg, uint32_t to, uint8_t bits)
{
    for (unsigned i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        if (masks[i].bits != bits)
            continue;
        for (unsigned k = 0; k < 8; k++) {
            far_put8(seg, to + MODE_MASKS + k, masks[i].field[k]);
            far_put8(seg, to + MODE_LIN_MASKS + k, masks[i].field[k]);
        }
        far_put8(seg, to + MODE_DIRECT, masks[i].direct);
    }
}

static void put_window(uint16_t seg, uint32_t to)
{
    far_put8(seg, to + MODE_WINDOW, WINDOW_READ_WRITE);
    far_put16(seg, to + MODE_GRANULARITY, 64);
    far_put16(seg, to + MODE_WINDOW_SIZE, 64);
    far_put16(seg, to + MODE_SEGMENT, 0xA000);
    far_put32(seg, to + MODE_FUNCTION,
              (uint32_t)ROM_SEG << 16 | (uint16_t)(uint32_t)vbe_window_entry);
}

static void put_layout(uint16_t seg, uint32_t to, const struct vbe_mode *m, bool linear)
{
    uint16_t line = (uint16_t)vbe_bytes(m->bits, m->width);
    uint32_t pages = m->bits == 4 ? 0 : chip_memory() * 0x10000U / vbe_mode_size(m) - 1;
    uint8_t count = pages > 255 ? 255 : (uint8_t)pages;
    far_put16(seg, to + MODE_LINE, line);
    far_put16(seg, to + MODE_WIDTH, m->width);
    far_put16(seg, to + MODE_HEIGHT, m->height);
    far_put8(seg, to + MODE_CHAR_WIDTH, 8);
    far_put8(seg, to + MODE_CHAR_HEIGHT, m->height < 400 ? 8 : 16);
    far_put8(seg, to + MODE_PLANES, m->bits == 4 ? 4 : 1);
    far_put8(seg, to + MODE_BITS, m->bits);
    far_put8(seg, to + MODE_BANKS, 1);
    far_put8(seg, to + MODE_MODEL,
             m->bits == 4   ? MODEL_PLANES
             : m->bits == 8 ? MODEL_PACKED
                            : MODEL_DIRECT);
    far_put8(seg, to + MODE_PAGES, count);
    far_put8(seg, to + MODE_BNK_PAGES, count);
    far_put8(seg, to + MODE_RESERVED, 1);
    if (linear) {
        far_put32(seg, to + MODE_BUFFER, chip_frame_buffer());
        far_put16(seg, to + MODE_LIN_LINE, line);
        far_put8(seg, to + MODE_LIN_PAGES, count);
    }
    far_put32(seg, to + MODE_MAX_CLOCK, MAX_CLOCK);
}

uint16_t vbe_mode_info(struct regs *r)
{
    struct vbe_mode m;
    uint16_t seg = r->es, attributes = ATTR_GRAPHICS;
    uint32_t to = r->di.x;
    if (!vbe_mode_find(r->cx.x & 0x1FF, &m) || !vbe_mode_fits(&m))
        return VBE_FAILED;
    bool linear = m.bits > 4 && chip_frame_buffer();
    if (linear)
        attributes |= ATTR_LINEAR;
    if (m.bits == 4)
        attributes |= ATTR_TEXT;
    far_fill8(seg, to, 0, MODE_SIZE);
    far_put16(seg, to + MODE_ATTRIBUTES, attributes);
    put_window(seg, to);
    put_layout(seg, to, &m, linear);
    put_masks(seg, to, m.bits);
    return VBE_OK;
}
