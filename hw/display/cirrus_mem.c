/*
 * The CPU's ways to video memory (TRM, "Display Memory", "Extended Write Modes", "PCI Memory"):
 *
 *  - the VGA's window at 0xA0000, moved about in memory by one or two offset registers;
 *  - BAR0: 4 MiB as they are, 4 MiB with the bytes of words swapped, 4 MiB with those of
 *    doublewords swapped; from 16 MiB on an aperture only for what the BitBLT engine takes.
 *
 * Where neither the engine nor an addressing mode wants to see the access, BAR0's first aperture
 * is mapped memory.
 */
#include "hw/display/cirrus_core.h"

#include <string.h>

#define APERTURE_SHIFT    22 /* 4 MiB */
#define APERTURE_MASK     ((1u << APERTURE_SHIFT) - 1)
#define BLT_APERTURE      (16u << 20)
#define MMIO_SIZE         0x100u
#define WINDOW_MMIO       0x18000u /* 0xB8000 */
#define WRITE_MODE_COPY   1
#define WRITE_MODE_EXPAND 4 /* ones are written */
#define WRITE_MODE_OPAQUE 5 /* zeroes too */

static uint8_t extensions(const struct cirrus *c)
{
    return c->vga.gr[GR_EXTENSIONS];
}

/* SR17: where the engine's registers are, beside BAR1. */
static bool mmio_in_window(const struct cirrus *c)
{
    return (c->vga.sr[SR_CONFIGURATION] & (SR_CONFIGURATION_MMIO | SR_CONFIGURATION_MMIO_LFB)) ==
           SR_CONFIGURATION_MMIO;
}

static bool mmio_in_lfb(const struct cirrus *c)
{
    return (c->vga.sr[SR_CONFIGURATION] & (SR_CONFIGURATION_MMIO | SR_CONFIGURATION_MMIO_LFB)) ==
           (SR_CONFIGURATION_MMIO | SR_CONFIGURATION_MMIO_LFB);
}

/* ---- Packed pixels ---- */

/* With BY8 addressing an address is 8 pixels: 8 bytes, or 16 where they have 16 bits. */
static bool pixels_of_16(const struct cirrus *c)
{
    return (~extensions(c) & (GR_EXTENSIONS_16_BIT | GR_EXTENSIONS_WRITE_MODES)) == 0;
}

static unsigned address_shift(const struct cirrus *c)
{
    if (pixels_of_16(c))
        return 4;
    return (extensions(c) & GR_EXTENSIONS_BY8) != 0 ? 3 : 0;
}

static bool wide_latches(const struct cirrus *c)
{
    return (~extensions(c) & (GR_EXTENSIONS_BY8 | GR_EXTENSIONS_8_LATCHES)) == 0;
}

/* Write modes beyond the VGA's four. */
static unsigned write_mode(const struct cirrus *c)
{
    unsigned mode = c->vga.gr[GR_MODE] & 7;

    return mode < WRITE_MODE_EXPAND || (extensions(c) & GR_EXTENSIONS_WRITE_MODES) != 0 ? mode : 0;
}

/* Eight pixels in foreground and background colours; SR2 says which of them are written. */
static void write_pixels(struct cirrus *c, uint32_t at, uint8_t bits, bool opaque)
{
    const struct vga *v = &c->vga;
    unsigned size = pixels_of_16(c) ? 2 : 1;
    const uint8_t fg[2] = { v->gr[GR_ENABLE_SET_RESET], v->gr[GR_FOREGROUND_1] };
    const uint8_t bg[2] = { v->gr[GR_SET_RESET], v->gr[GR_BACKGROUND_1] };

    for (unsigned i = 0; i < 8; i++) {
        bool one = (bits & 0x80 >> i) != 0;
        if ((v->sr[SR_MAP_MASK] & 0x80 >> i) == 0 || !(one || opaque))
            continue;
        for (unsigned n = 0; n < size; n++)
            v->memory[(at + i * size + n) & (v->memory_size - 1)] = one ? fg[n] : bg[n];
    }
    vga_wrote(&c->vga, at, 8 * size);
}

static uint8_t read_packed(struct cirrus *c, uint32_t address)
{
    uint32_t at = address << address_shift(c);

    if (wide_latches(c))
        cirrus_gather(c, at, c->latch, sizeof(c->latch));
    return vga_mem_byte(&c->vga, at);
}

static void write_packed(struct cirrus *c, uint32_t address, uint8_t value)
{
    struct vga *v = &c->vga;
    uint32_t at = address << address_shift(c), mask = v->memory_size - 1;
    unsigned mode = write_mode(c);

    if (mode >= WRITE_MODE_EXPAND) {
        write_pixels(c, at, value, mode == WRITE_MODE_OPAQUE);
    } else if (mode == WRITE_MODE_COPY && wide_latches(c)) {
        for (unsigned i = 0; i < sizeof(c->latch); i++)
            v->memory[(at + i) & mask] = c->latch[i];
        vga_wrote(v, at, sizeof(c->latch));
    } else {
        v->memory[at & mask] = value;
        vga_wrote(v, at, 1);
    }
}

/* ---- The window at 0xA0000 ---- */

/* GR9 and GRA move the 64 KiB, or each its half of them. */
static uint32_t with_offset(const struct cirrus *c, uint32_t address)
{
    unsigned shift = (extensions(c) & GR_EXTENSIONS_16K) != 0 ? 14 : 12;
    bool two = (extensions(c) & GR_EXTENSIONS_TWO_OFFSETS) != 0;

    if (two && (address & 0x8000) != 0)
        return (address & 0x7fff) + ((uint32_t)c->vga.gr[GR_OFFSET_1] << shift);
    return address + ((uint32_t)c->vga.gr[GR_OFFSET_0] << shift);
}

static bool window_address(const struct cirrus *c, uint32_t offset, uint32_t *address)
{
    if (!vga_window_address(&c->vga, offset, address))
        return false;
    if (offset < 0x10000)
        *address = with_offset(c, *address);
    return true;
}

static bool is_packed(const struct cirrus *c)
{
    return (c->vga.sr[SR_EXTENDED_MODE] & SR_EXTENDED_MODE_PACKED) != 0;
}

static uint8_t window_read_byte(struct cirrus *c, uint32_t offset)
{
    uint32_t address;

    if (mmio_in_window(c) && offset - WINDOW_MMIO < MMIO_SIZE)
        return cirrus_blt_mmio_read(c, offset - WINDOW_MMIO);
    if (!window_address(c, offset, &address))
        return 0xff;
    return is_packed(c) ? read_packed(c, address) : vga_mem_read(&c->vga, address);
}

static void window_write_byte(struct cirrus *c, uint32_t offset, uint8_t value)
{
    uint32_t address;

    if (mmio_in_window(c) && offset - WINDOW_MMIO < MMIO_SIZE)
        cirrus_blt_mmio_write(c, offset - WINDOW_MMIO, value);
    else if (!window_address(c, offset, &address))
        return;
    else if (is_packed(c))
        write_packed(c, address, value);
    else
        vga_mem_write(&c->vga, address, value);
}

/* ---- Whole accesses: the engine takes or gives them as they are ---- */

static uint64_t fetch(struct cirrus *c, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)cirrus_blt_fetch(c) << (8 * i);
    return value;
}

static void send(struct cirrus *c, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        cirrus_blt_send(c, (uint8_t)(value >> (8 * i)));
}

/* Whether the engine's data may come through memory itself. */
static bool by_memory(const struct cirrus *c)
{
    return (c->vga.gr[GR_BLT_START] & BLT_START_APERTURE2) == 0;
}

static bool is_window_mmio(const struct cirrus *c, uint64_t offset)
{
    return mmio_in_window(c) && offset - WINDOW_MMIO < MMIO_SIZE;
}

static uint64_t window_read(void *opaque, uint64_t offset, unsigned size)
{
    struct cirrus *c = opaque;
    uint64_t value = 0;

    vga_window_used(&c->vga);
    if (cirrus_blt_gives(c) && by_memory(c) && !is_window_mmio(c, offset))
        return fetch(c, size);
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)window_read_byte(c, (uint32_t)offset + i) << (8 * i);
    return value;
}

static void window_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct cirrus *c = opaque;

    vga_window_used(&c->vga);
    if (cirrus_blt_takes(c) && by_memory(c) && !is_window_mmio(c, offset)) {
        send(c, value, size);
        return;
    }
    for (unsigned i = 0; i < size; i++)
        window_write_byte(c, (uint32_t)offset + i, (uint8_t)(value >> (8 * i)));
}

const struct region_ops cirrus_window_ops = { .read = window_read,
                                              .write = window_write,
                                              .impl = 1 | 2 | 4 };

/* ---- BAR0 ---- */

/* Bits of the address that each aperture turns around; the fourth one is not there. */
static bool aperture_swap(uint64_t offset, uint32_t *swap)
{
    static const uint8_t bits[] = { 0, 1, 3 };
    unsigned n = (unsigned)(offset >> APERTURE_SHIFT);

    if (n >= G_N_ELEMENTS(bits))
        return false;
    *swap = bits[n];
    return true;
}

static bool is_linear_mmio(const struct cirrus *c, uint64_t offset)
{
    return mmio_in_lfb(c) && offset < c->vga.memory_size &&
           offset >= c->vga.memory_size - MMIO_SIZE;
}

static bool wanted_by_engine(const struct cirrus *c, uint64_t offset)
{
    return offset >= BLT_APERTURE || (by_memory(c) && !is_linear_mmio(c, offset));
}

static uint64_t linear_read(void *opaque, uint64_t offset, unsigned size)
{
    struct cirrus *c = opaque;
    uint64_t value = 0;
    uint32_t swap, at = (uint32_t)offset & APERTURE_MASK;

    if (cirrus_blt_gives(c) && wanted_by_engine(c, offset))
        return fetch(c, size);
    if (!aperture_swap(offset, &swap))
        return UINT64_MAX;
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = is_linear_mmio(c, offset) ? cirrus_blt_mmio_read(c, (at + i) % MMIO_SIZE)
                                                 : read_packed(c, (at + i) ^ swap);
        value |= (uint64_t)byte << (8 * i);
    }
    return value;
}

static void linear_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct cirrus *c = opaque;
    uint32_t swap, at = (uint32_t)offset & APERTURE_MASK;

    if (cirrus_blt_takes(c) && wanted_by_engine(c, offset)) {
        send(c, value, size);
        return;
    }
    if (!aperture_swap(offset, &swap))
        return;
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        if (is_linear_mmio(c, offset))
            cirrus_blt_mmio_write(c, (at + i) % MMIO_SIZE, byte);
        else
            write_packed(c, (at + i) ^ swap, byte);
    }
}

const struct region_ops cirrus_linear_ops = { .read = linear_read,
                                              .write = linear_write,
                                              .impl = 1 | 2 | 4 };

/* ---- Mapped memory ---- */

/* Neither the engine nor an addressing mode wants to see an access. */
static bool plain(const struct cirrus *c)
{
    bool cpu_data = cirrus_blt_takes(c) || cirrus_blt_gives(c);

    return !(cpu_data && by_memory(c)) && address_shift(c) == 0 &&
           write_mode(c) < WRITE_MODE_EXPAND;
}

/* The window as it is with one offset register; the engine's registers may be at its end. */
bool cirrus_plain_window(const void *chip, uint32_t *start)
{
    const struct cirrus *c = chip;
    uint32_t offset, size;

    vga_window_range(&c->vga, &offset, &size);
    *start = with_offset(c, 0);
    return plain(c) && size == 0x10000 && (extensions(c) & GR_EXTENSIONS_TWO_OFFSETS) == 0 &&
           (is_packed(c) || vga_chain4_is_plain(&c->vga));
}

void cirrus_update_mapping(struct cirrus *c)
{
    const struct pci_bar *bar = &c->pci.bar[0];
    struct memmap *mem = c->pci.dev.services->mem;
    struct mem_block *vram = &c->vga.vram;
    bool wanted = bar->at != PCI_UNMAPPED && plain(c) && !mmio_in_lfb(c);

    vga_window_changed(&c->vga);
    if (wanted == vram->mapped)
        return;
    if (!wanted)
        memmap_unmap(mem, vram);
    else if (memmap_map(mem, vram, bar->at) < 0)
        guest_fault(&c->pci.dev, "bar address 0x%" PRIx64 " is not free", bar->at);
}
