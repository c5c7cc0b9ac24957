/*
 * The Bochs VBE extension of our VGA, QEMU's and Bochs' (VBE Display API: registers behind ports
 * 1CEh and 1CFh; QEMU's docs/specs/standard-vga: what the PCI function's BARs are).
 */
#include "../bios/pci.h"
#include "chip.h"
#include "init.h"
#include "vga.h"

#define DISPI_INDEX 0x1CE
#define DISPI_DATA  0x1CF

enum {
    DISPI_ID,
    DISPI_XRES,
    DISPI_YRES,
    DISPI_BPP,
    DISPI_ENABLE,
    DISPI_BANK,
    DISPI_VIRT_WIDTH,
    DISPI_VIRT_HEIGHT,
    DISPI_X_OFFSET,
    DISPI_Y_OFFSET,
    DISPI_MEMORY,
    DISPI_REGS,
};

#define DISPI_ID_FIRST 0xB0C0
#define DISPI_ID_KNOWN 0xB0C5 /* the interface that has DISPI_MEMORY */

#define ENABLE_ON   0x01
#define ENABLE_DAC8 0x20
#define ENABLE_LFB  0x40
#define ENABLE_KEEP 0x80

#define PCI_BAR2   0x18
#define ISA_BUFFER 0xE0000000 /* where it is on a card without PCI */

ROM char chip_name[] = "hvm-dm VGA BIOS, Bochs VBE";
ROM uint8_t chip_dac_most = 8;

static uint16_t dispi_read(uint16_t index)
{
    outw(DISPI_INDEX, index);
    return inw(DISPI_DATA);
}

static void dispi_write(uint16_t index, uint16_t v)
{
    outw(DISPI_INDEX, index);
    outw(DISPI_DATA, v);
}

void chip_init(void)
{
    dispi_write(DISPI_ID, DISPI_ID_KNOWN);
    chip_leave();
}

uint16_t chip_memory(void)
{
    return (dispi_read(DISPI_ID) & 0xFFF0) == DISPI_ID_FIRST ? dispi_read(DISPI_MEMORY) : 0;
}

bool chip_can(const struct vbe_mode *m)
{
    return true;
}

uint32_t chip_frame_buffer(void)
{
    return rom_state.bdf == NO_FUNCTION ? ISA_BUFFER : card_bar(PCI_BAR0);
}

uint32_t chip_edid(void)
{
    return card_bar(PCI_BAR2);
}

void chip_leave(void)
{
    dispi_write(DISPI_ENABLE, 0);
}

void chip_set_mode(const struct vbe_mode *m, bool linear, bool keep)
{
    dispi_write(DISPI_ENABLE, 0);
    dispi_write(DISPI_XRES, m->width);
    dispi_write(DISPI_YRES, m->height);
    dispi_write(DISPI_BPP, m->bits);
    dispi_write(DISPI_ENABLE, ENABLE_ON | (linear ? ENABLE_LFB : 0) | (keep ? ENABLE_KEEP : 0));
    dispi_write(DISPI_BANK, 0);
}

void chip_set_bank(uint16_t bank)
{
    dispi_write(DISPI_BANK, bank);
}

uint16_t chip_bank(void)
{
    return dispi_read(DISPI_BANK);
}

bool chip_set_line(uint16_t pixels)
{
    pixels = (uint16_t)((pixels + 7) & ~7);
    dispi_write(DISPI_VIRT_WIDTH, pixels);
    return dispi_read(DISPI_VIRT_WIDTH) >= pixels;
}

uint16_t chip_line(void)
{
    return dispi_read(DISPI_VIRT_WIDTH);
}

bool chip_set_start(uint16_t x, uint16_t y)
{
    dispi_write(DISPI_X_OFFSET, x);
    dispi_write(DISPI_Y_OFFSET, y);
    return dispi_read(DISPI_X_OFFSET) == x && dispi_read(DISPI_Y_OFFSET) == y;
}

void chip_start(uint16_t *x, uint16_t *y)
{
    *x = dispi_read(DISPI_X_OFFSET);
    *y = dispi_read(DISPI_Y_OFFSET);
}

void chip_set_dac_bits(uint8_t bits)
{
    uint16_t enable = dispi_read(DISPI_ENABLE) & ~ENABLE_DAC8;
    dispi_write(DISPI_ENABLE, enable | ENABLE_KEEP | (bits == 8 ? ENABLE_DAC8 : 0));
}

uint8_t chip_dac_bits(void)
{
    return dispi_read(DISPI_ENABLE) & ENABLE_DAC8 ? 8 : 6;
}

void chip_save(uint16_t seg, uint32_t off)
{
    for (uint16_t i = DISPI_XRES; i < DISPI_REGS; i++)
        far_put16(seg, off + i * 2U, dispi_read(i));
}

/* What depends on the size comes after the mode is on. */
void chip_restore(uint16_t seg, uint32_t off)
{
    uint16_t enable = far_get16(seg, off + DISPI_ENABLE * 2);
    dispi_write(DISPI_ENABLE, 0);
    if (!(enable & ENABLE_ON))
        return;
    for (uint16_t i = DISPI_XRES; i <= DISPI_BPP; i++)
        dispi_write(i, far_get16(seg, off + i * 2U));
    dispi_write(DISPI_ENABLE, enable | ENABLE_KEEP);
    for (uint16_t i = DISPI_BANK; i <= DISPI_Y_OFFSET; i++) {
        if (i != DISPI_VIRT_HEIGHT)
            dispi_write(i, far_get16(seg, off + i * 2U));
    }
}
