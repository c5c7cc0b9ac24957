/*
 * The GD5446's registers beyond the VGA's (TRM, "Extension Registers"): clocks, memory, offsets,
 * cursor and BitBLT engine, in the VGA's own files. They are reached once SR6 was unlocked. The
 * VCLK and memory timing registers are kept, and change nothing.
 */
#include "hw/display/cirrus_core.h"

#include <string.h>

/* Ports */
enum {
    SR_INDEX = 0x3c4,
    SR_DATA = 0x3c5,
    DAC_MASK = 0x3c6,
    DAC_READ_INDEX = 0x3c7,
    DAC_DATA = 0x3c9,
    GR_INDEX = 0x3ce,
    GR_DATA = 0x3cf,
    CRTC_INDEX_MONO = 0x3b4,
    CRTC_DATA_MONO = 0x3b5,
    CRTC_INDEX_COLOR = 0x3d4,
    CRTC_DATA_COLOR = 0x3d5,
};

#define UNLOCK_BITS 0x17 /* of SR6 that count */
#define UNLOCKED    0x12
#define LOCKED      0x0f

#define DDC_CLOCK_OUT 0x01
#define DDC_DATA_OUT  0x02
#define DDC_CLOCK_IN  0x04
#define DDC_DATA_IN   0x80

#define HIDDEN_DAC_READS 4 /* of the pixel mask, and the next access is to the hidden register */

#define AR_TOGGLE_DATA 0x80
#define ID_GD5446      0xb8

/*
 * Bits that can be written of what is the Cirrus' own, or wider than the VGA's: 0, it is not. The
 * VGA answers for the others.
 */
static const uint8_t sr_mask[VGA_N_SR] = {
    [SR_MAP_MASK] = 0xff, /* eight pixels in the extended write modes */
    [SR_EXTENDED_MODE] = 0xff,
    [SR_DDC] = 0x43,
    [0x09] = 0xff, /* scratch pad */
    [0x0a] = 0xff,
    [SR_VCLK0_NUMERATOR] = 0x7f,
    [0x0c] = 0x7f,
    [0x0d] = 0x7f,
    [0x0e] = 0x7f,
    [SR_DRAM_CONTROL] = 0xff,
    [SR_CURSOR_X] = 0xff,
    [SR_CURSOR_Y] = 0xff,
    [SR_CURSOR_ATTRIBUTES] = 0x87,
    [SR_CURSOR_PATTERN] = 0x3f,
    [0x14] = 0xff, /* scratch pad */
    [0x15] = 0xff,
    [0x16] = 0xff, /* performance tuning */
    [SR_CONFIGURATION] = 0xff,
    [0x18] = 0xff,
    [SR_VCLK0_DENOMINATOR] = 0x3f,
    [0x1c] = 0x3f,
    [0x1d] = 0x3f,
    [0x1e] = 0x3f,
    [SR_MCLK] = 0x7f,
};

static const uint8_t gr_mask[VGA_N_GR] = {
    [GR_SET_RESET] = 0xff,
    [GR_ENABLE_SET_RESET] = 0xff, /* and colours of the engine */
    [GR_MODE] = 0x7f,
    [GR_OFFSET_0] = 0xff,
    [GR_OFFSET_1] = 0xff,
    [GR_EXTENSIONS] = 0x3f,
    [0x0c] = 0xff, /* colour key */
    [0x0d] = 0xff,
    [0x0e] = 0xff,
    [GR_BACKGROUND_1] = 0xff,
    [GR_FOREGROUND_1] = 0xff,
    [GR_BACKGROUND_2] = 0xff,
    [GR_FOREGROUND_2] = 0xff,
    [GR_BACKGROUND_3] = 0xff,
    [GR_FOREGROUND_3] = 0xff,
    [0x18] = 0xff, /* DRAM */
    [GR_BLT_WIDTH] = 0xff,
    [GR_BLT_WIDTH + 1] = 0x1f,
    [GR_BLT_HEIGHT] = 0xff,
    [GR_BLT_HEIGHT + 1] = 0x07,
    [GR_BLT_DST_PITCH] = 0xff,
    [GR_BLT_DST_PITCH + 1] = 0x1f,
    [GR_BLT_SRC_PITCH] = 0xff,
    [GR_BLT_SRC_PITCH + 1] = 0x1f,
    [GR_BLT_DST] = 0xff,
    [GR_BLT_DST + 1] = 0xff,
    [GR_BLT_DST + 2] = 0x3f,
    [GR_BLT_SRC] = 0xff,
    [GR_BLT_SRC + 1] = 0xff,
    [GR_BLT_SRC + 2] = 0x3f,
    [GR_BLT_SKIP] = 0x1f,
    [GR_BLT_MODE] = 0xff,
    [GR_BLT_START] = 0xff,
    [GR_BLT_ROP] = 0xff,
    [GR_BLT_MODE_EXT] = 0x1f,
    [GR_BLT_KEY] = 0xff,
    [GR_BLT_KEY + 1] = 0xff,
    [0x38] = 0xff,
    [0x39] = 0xff,
};

static const uint8_t cr_mask[VGA_N_CR] = {
    [CR_INTERLACE_END] = 0xff,    [CR_MISC_CONTROL] = 0xff,
    [CR_EXTENDED_DISPLAY] = 0xff, [0x1c] = 0xff,
    [CR_OVERLAY] = 0xff,          [0x1e] = 0xff,
};

/* ---- Sequencer ---- */

static bool unlocked(const struct cirrus *c)
{
    return c->vga.sr[SR_UNLOCK] == UNLOCKED;
}

/* Nobody holds the monitor's lines down: they are as we drive them. */
static uint8_t read_ddc(uint8_t sr8)
{
    return (uint8_t)(sr8 | ((sr8 & DDC_CLOCK_OUT) != 0 ? DDC_CLOCK_IN : 0) |
                     ((sr8 & DDC_DATA_OUT) != 0 ? DDC_DATA_IN : 0));
}

static uint8_t read_sr(struct cirrus *c)
{
    unsigned index = c->vga.sr_index & 0x1f;

    if (index == SR_UNLOCK)
        return c->vga.sr[index];
    if (!unlocked(c) || sr_mask[index] == 0)
        return vga_port_read(&c->vga, SR_DATA);
    return index == SR_DDC ? read_ddc(c->vga.sr[index]) : c->vga.sr[index];
}

static uint16_t cursor_position(const struct cirrus *c, uint8_t value)
{
    return (uint16_t)(value << 3 | c->vga.sr_index >> 5);
}

static void write_sr(struct cirrus *c, uint8_t value)
{
    unsigned index = c->vga.sr_index & 0x1f;

    if (index == SR_UNLOCK) {
        c->vga.sr[index] = (value & UNLOCK_BITS) == UNLOCKED ? UNLOCKED : LOCKED;
        return;
    }
    if (!unlocked(c) || sr_mask[index] == 0) {
        vga_port_write(&c->vga, SR_DATA, value);
        return;
    }
    c->vga.sr[index] = value & sr_mask[index];
    if (index == SR_CURSOR_X)
        c->cursor_x = cursor_position(c, value);
    if (index == SR_CURSOR_Y)
        c->cursor_y = cursor_position(c, value);
    vga_touch(&c->vga);
    cirrus_update_mapping(c);
}

/* ---- Graphics controller ---- */

static uint8_t read_gr(const struct cirrus *c, unsigned index)
{
    return index == GR_BLT_START ? cirrus_blt_status(c) : c->vga.gr[index];
}

static void write_gr(struct cirrus *c, unsigned index, uint8_t value)
{
    if (index == GR_BLT_START) {
        cirrus_blt_control(c, value);
        return;
    }
    c->vga.gr[index] = value & gr_mask[index];
    if (index == GR_BLT_DST + 2)
        cirrus_blt_autostart(c);
    if (index < GR_BLT_WIDTH) {
        vga_touch(&c->vga);
        cirrus_update_mapping(c);
    }
}

static bool own_gr(const struct cirrus *c)
{
    return unlocked(c) && c->vga.gr_index < VGA_N_GR && gr_mask[c->vga.gr_index] != 0;
}

/* ---- CRT controller ---- */

static uint8_t read_cr(struct cirrus *c, uint16_t port)
{
    struct vga *v = &c->vga;

    switch (v->cr_index) {
    case CR_LATCH_READBACK: return v->latch[v->gr[GR_READ_MAP] & 3];
    case CR_AR_TOGGLE: return v->ar_data ? AR_TOGGLE_DATA : 0;
    case CR_AR_READBACK: return v->ar_index;
    case CR_ID: return ID_GD5446;
    default:
        return v->cr_index < VGA_N_CR && cr_mask[v->cr_index] != 0 ? v->cr[v->cr_index]
                                                                   : vga_port_read(v, port);
    }
}

static void write_cr(struct cirrus *c, uint16_t port, uint8_t value)
{
    struct vga *v = &c->vga;

    if (v->cr_index >= VGA_N_CR || cr_mask[v->cr_index] == 0) {
        vga_port_write(v, port, value);
        return;
    }
    v->cr[v->cr_index] = value & cr_mask[v->cr_index];
    vga_touch(v);
}

static bool own_cr(const struct cirrus *c, uint16_t port)
{
    return unlocked(c) && vga_crtc_port(&c->vga, port);
}

/* ---- DAC ---- */

/* The hidden register is behind the pixel mask, for the access after four reads of it. */
static uint8_t read_dac_mask(struct cirrus *c)
{
    if (c->hidden_dac_reads++ == HIDDEN_DAC_READS) {
        c->hidden_dac_reads = 0;
        return c->hidden_dac;
    }
    return c->vga.dac_mask;
}

static void write_dac_mask(struct cirrus *c, uint8_t value)
{
    if (c->hidden_dac_reads == HIDDEN_DAC_READS)
        c->hidden_dac = value;
    else
        c->vga.dac_mask = value;
    c->hidden_dac_reads = 0;
    vga_touch(&c->vga);
}

static bool cursor_colors(const struct cirrus *c)
{
    return (c->vga.sr[SR_CURSOR_ATTRIBUTES] & SR_CURSOR_ATTRIBUTES_COLORS) != 0;
}

static uint8_t read_cursor_color(struct cirrus *c)
{
    struct vga *v = &c->vga;
    uint8_t value = c->cursor_color[(v->dac_read_index & 15) * 3 + v->dac_component];

    if (++v->dac_component == 3) {
        v->dac_component = 0;
        v->dac_read_index++;
    }
    return value;
}

static void write_cursor_color(struct cirrus *c, uint8_t value)
{
    struct vga *v = &c->vga;

    v->dac_latch[v->dac_component] = value & 0x3f;
    if (++v->dac_component < 3)
        return;
    memcpy(c->cursor_color + (v->dac_write_index & 15u) * 3u, v->dac_latch, 3);
    v->dac_component = 0;
    v->dac_write_index++;
    vga_touch(v);
}

/* ---- Ports ---- */

uint8_t cirrus_port_read(struct cirrus *c, uint16_t port)
{
    if (port >= DAC_READ_INDEX && port <= DAC_DATA)
        c->hidden_dac_reads = 0;
    switch (port) {
    case SR_DATA: return read_sr(c);
    case DAC_MASK: return read_dac_mask(c);
    case DAC_DATA: return cursor_colors(c) ? read_cursor_color(c) : vga_port_read(&c->vga, port);
    case GR_DATA: return own_gr(c) ? read_gr(c, c->vga.gr_index) : vga_port_read(&c->vga, port);
    case CRTC_DATA_MONO:
    case CRTC_DATA_COLOR: return own_cr(c, port) ? read_cr(c, port) : vga_port_read(&c->vga, port);
    default: return vga_port_read(&c->vga, port);
    }
}

static void write_gr_data(struct cirrus *c, uint8_t value)
{
    if (own_gr(c))
        write_gr(c, c->vga.gr_index, value);
    else
        vga_port_write(&c->vga, GR_DATA, value);
}

static void write_dac_data(struct cirrus *c, uint8_t value)
{
    if (cursor_colors(c))
        write_cursor_color(c, value);
    else
        vga_port_write(&c->vga, DAC_DATA, value);
}

void cirrus_port_write(struct cirrus *c, uint16_t port, uint8_t value)
{
    if (port >= DAC_READ_INDEX && port <= DAC_DATA)
        c->hidden_dac_reads = 0;
    switch (port) {
    case SR_DATA: write_sr(c, value); break;
    case DAC_MASK: write_dac_mask(c, value); break;
    case DAC_DATA: write_dac_data(c, value); break;
    case GR_DATA: write_gr_data(c, value); break;
    case CRTC_DATA_MONO:
    case CRTC_DATA_COLOR:
        if (own_cr(c, port))
            write_cr(c, port, value);
        else
            vga_port_write(&c->vga, port, value);
        break;
    default: vga_port_write(&c->vga, port, value); break;
    }
}

/* ---- Registers of the engine in memory ---- */

#define NOT_THERE 0xff

static unsigned blt_register(unsigned offset)
{
    static const uint8_t colors[] = { GR_SET_RESET,    GR_BACKGROUND_1,     GR_BACKGROUND_2,
                                      GR_BACKGROUND_3, GR_ENABLE_SET_RESET, GR_FOREGROUND_1,
                                      GR_FOREGROUND_2, GR_FOREGROUND_3 };

    if (offset < 0x08)
        return colors[offset];
    if (offset < 0x18) /* sizes, pitches, addresses, left side clipping */
        return gr_mask[GR_BLT_WIDTH + offset - 0x08] != 0 ? GR_BLT_WIDTH + offset - 0x08
                                                          : NOT_THERE;
    switch (offset) {
    case 0x18: return GR_BLT_MODE;
    case 0x1a: return GR_BLT_ROP;
    case 0x1b: return GR_BLT_MODE_EXT;
    case 0x1c: return GR_BLT_KEY;
    case 0x1d: return GR_BLT_KEY + 1;
    case 0x20: return 0x38;
    case 0x21: return 0x39;
    case 0x40: return GR_BLT_START;
    default: return NOT_THERE;
    }
}

uint8_t cirrus_blt_mmio_read(struct cirrus *c, unsigned offset)
{
    unsigned index = blt_register(offset);

    return index != NOT_THERE ? read_gr(c, index) : 0xff;
}

void cirrus_blt_mmio_write(struct cirrus *c, unsigned offset, uint8_t value)
{
    unsigned index = blt_register(offset);

    if (index != NOT_THERE)
        write_gr(c, index, value);
}

/* ---- Reset ---- */

/* The DRAM that a BIOS would find by trying: 1 MiB is 32 bits wide, more is 64, 4 are two banks. */
static uint8_t dram_control(uint32_t size)
{
    return size >= 4u << 20 ? 0x98 : size >= 2u << 20 ? 0x18 : 0x10;
}

void cirrus_regs_reset(struct cirrus *c)
{
    static const uint8_t numerator[] = { 0x66, 0x5b, 0x45, 0x7e };
    static const uint8_t denominator[] = { 0x3b, 0x2f, 0x30, 0x33 };
    uint8_t *sr = c->vga.sr;

    sr[SR_UNLOCK] = LOCKED;
    memcpy(sr + SR_VCLK0_NUMERATOR, numerator, sizeof(numerator));
    memcpy(sr + SR_VCLK0_DENOMINATOR, denominator, sizeof(denominator));
    sr[SR_DRAM_CONTROL] = dram_control(c->vga.memory_size);
    sr[SR_CONFIGURATION] = 0x20; /* the bus is PCI */
    sr[SR_MCLK] = 0x22;
    c->cursor_x = c->cursor_y = 0;
    memset(c->cursor_color, 0, sizeof(c->cursor_color));
    memset(c->latch, 0, sizeof(c->latch));
    c->hidden_dac = c->hidden_dac_reads = 0;
}

/* What could not have been written is not there: the engine goes by the bits of its registers. */
void cirrus_regs_loaded(struct cirrus *c)
{
    for (unsigned i = 0; i < VGA_N_GR; i++)
        if (gr_mask[i] != 0)
            c->vga.gr[i] &= gr_mask[i];
}
