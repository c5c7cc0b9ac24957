/*
 * The CPU's way to the planes: the window at 0xA0000 (IBM VGA, "Video Memory Organization" and
 * "Graphics Controller").
 *
 * Four planes lie behind each address. A write goes to several of them at once, mixed with what
 * the latches hold from the last read; SR4, GR5 and GR6 decide which planes an address means.
 */
#include "hw/display/vga_core.h"

#include "base/journal.h"

void vga_window_range(const struct vga *v, uint32_t *start, uint32_t *size)
{
    static const struct {
        uint32_t start, size;
    } maps[4] = { { 0, 0x20000 }, { 0, 0x10000 }, { 0x10000, 0x8000 }, { 0x18000, 0x8000 } };
    unsigned map = v->gr[GR_MISC] >> 2 & 3;

    *start = maps[map].start;
    *size = maps[map].size;
}

bool vga_window_address(const struct vga *v, uint32_t offset, uint32_t *address)
{
    uint32_t start, size;

    vga_window_range(v, &start, &size);
    *address = offset - start;
    return (v->misc & MISC_ENABLE_RAM) != 0 && *address < size;
}

/* Which address of the planes the CPU means, in bytes of video memory. */
static uint32_t plane_offset(const struct vga *v, uint32_t address)
{
    if ((v->sr[SR_MEMORY_MODE] & SR_MEMORY_CHAIN4) != 0)
        address &= ~3u; /* the low bits choose the plane */
    else if ((v->gr[GR_MISC] & GR_MISC_CHAIN_ODDEVEN) != 0)
        address = (address & ~1u) * 4;
    else
        address *= 4;
    return address & (v->memory_size - 1) & ~3u;
}

/* ---- Reading ---- */

static unsigned read_plane(const struct vga *v, uint32_t address)
{
    if ((v->sr[SR_MEMORY_MODE] & SR_MEMORY_CHAIN4) != 0)
        return address & 3;
    if ((v->gr[GR_MODE] & GR_MODE_ODD_EVEN) != 0)
        return (v->gr[GR_READ_MAP] & 2) | (address & 1);
    return v->gr[GR_READ_MAP] & 3;
}

/* Read mode 1: a one for each pixel whose colour is the one looked for, in the planes that count.
 */
static uint8_t compare_color(const struct vga *v)
{
    uint8_t differs = 0;

    for (unsigned p = 0; p < 4; p++) {
        uint8_t wanted = (v->gr[GR_COLOR_COMPARE] >> p & 1) != 0 ? 0xff : 0;
        if ((v->gr[GR_COLOR_DONT_CARE] >> p & 1) != 0)
            differs |= v->latch[p] ^ wanted;
    }
    return (uint8_t)~differs;
}

static void journal_video_memory(struct vga *v, uint32_t offset)
{
    struct journal_entry entry = { .kind = JOURNAL_VIDEO_MEMORY,
                                   .n = { offset },
                                   .iov = &(struct iovec){ v->memory + offset, 4 },
                                   .n_iov = 1 };

    journal_input(&v->journal, &entry);
}

uint8_t vga_mem_byte(struct vga *v, uint32_t offset)
{
    offset &= v->memory_size - 1;
    if (G_UNLIKELY(journal_on()))
        journal_video_memory(v, offset & ~3u);
    return v->memory[offset];
}

uint8_t vga_mem_read(struct vga *v, uint32_t address)
{
    uint32_t offset = plane_offset(v, address);

    /* What the guest wrote through its own mapping, nobody was told. */
    if (G_UNLIKELY(journal_on()) && v->vram.mapped)
        journal_video_memory(v, offset);
    memcpy(v->latch, v->memory + offset, 4);
    if ((v->gr[GR_MODE] & GR_MODE_READ_COMPARE) != 0)
        return compare_color(v);
    return v->latch[read_plane(v, address)];
}

/* ---- Writing ---- */

static unsigned write_planes(const struct vga *v, uint32_t address)
{
    unsigned planes = v->sr[SR_MAP_MASK] & 0xf;

    if ((v->sr[SR_MEMORY_MODE] & SR_MEMORY_CHAIN4) != 0)
        return planes & 1u << (address & 3);
    if ((v->sr[SR_MEMORY_MODE] & SR_MEMORY_SEQUENTIAL) == 0)
        return planes & ((address & 1) != 0 ? 0xa : 0x5);
    return planes;
}

static uint8_t rotate_right(uint8_t value, unsigned n)
{
    return (uint8_t)(value >> n | value << (8 - n));
}

/* GR3 bits 4:3. */
static uint8_t combine(unsigned function, uint8_t data, uint8_t latch)
{
    switch (function) {
    case 1: return data & latch;
    case 2: return data | latch;
    case 3: return data ^ latch;
    default: return data;
    }
}

/* What reaches plane p of a value that the CPU wrote. */
static uint8_t plane_data(const struct vga *v, unsigned p, uint8_t value)
{
    unsigned mode = v->gr[GR_MODE] & GR_MODE_WRITE;
    uint8_t rotated = rotate_right(value, v->gr[GR_DATA_ROTATE] & 7);
    uint8_t set = (v->gr[GR_SET_RESET] >> p & 1) != 0 ? 0xff : 0;
    uint8_t mask = v->gr[GR_BIT_MASK], data = rotated;

    if (mode == 1)
        return v->latch[p];
    if (mode == 2)
        data = (value >> p & 1) != 0 ? 0xff : 0;
    else if (mode == 3 || (v->gr[GR_ENABLE_SET_RESET] >> p & 1) != 0)
        data = set;
    if (mode == 3)
        mask &= rotated;
    data = combine(v->gr[GR_DATA_ROTATE] >> 3 & 3, data, v->latch[p]);
    return (uint8_t)((data & mask) | (v->latch[p] & ~mask));
}

void vga_mem_write(struct vga *v, uint32_t address, uint8_t value)
{
    uint32_t offset = plane_offset(v, address);
    unsigned planes = write_planes(v, address);

    for (unsigned p = 0; p < 4; p++)
        if ((planes >> p & 1) != 0)
            v->memory[offset + p] = plane_data(v, p, value);
    if ((planes & 0x4) != 0) /* plane 2 holds the fonts in text modes */
        vga_font_changed(v);
    vga_wrote(v, offset, 4);
}
