/*
 * From the BIOS' call to a screen: vectors, BIOS data, the card, mode 3.
 */
#include "init.h"

#include "../bios/pci.h"
#include "chip.h"
#include "font.h"
#include "mode.h"
#include "vga.h"

#define EQUIPMENT_VIDEO    0x30
#define EQUIPMENT_COLOR_80 0x20
#define CONTROL_256K       0x60
#define SWITCHES_COLOR     0xF9
#define OPTIONS_VGA        0x11 /* VGA is active, text modes have 400 lines */
#define DCC_VGA_COLOR      0x0B /* in dcc_table */
#define CLASS_VGA          0x0300

/* Read whenever it is asked for, since systems move it. Nobody sees the address port change. */
uint32_t card_bar(uint8_t reg)
{
    uint16_t bdf = rom_state.bdf;
    uint32_t selected = inl(0xCF8), v = 0;
    if (bdf != NO_FUNCTION && pci_read16(bdf, PCI_COMMAND) & PCI_CMD_MEM)
        v = pci_read32(bdf, reg);
    outl(0xCF8, selected);
    return v & 1 ? 0 : v & ~15U;
}

static uint8_t state_sum(void)
{
    IN_ROM volatile uint8_t *p = (IN_ROM volatile uint8_t *)&rom_state;
    uint8_t sum = 0;
    for (unsigned i = 0; i < sizeof(rom_state); i++)
        sum += p[i];
    return sum;
}

static void read_edid(void)
{
    uint32_t from = chip_edid();
    uint8_t blocks = 0;
    if (from)
        flat_to_rom(from, ROM_OFF(rom_state.edid), sizeof(rom_state.edid) / 4);
    while (from && blocks < EDID_MAX_BLOCKS) {
        uint8_t sum = 0;
        for (unsigned i = 0; i < EDID_BLOCK; i++)
            sum += rom_state.edid[blocks][i];
        if (sum || rom_state.edid[0][1] != 0xFF || rom_state.edid[0][126] < blocks)
            break;
        blocks++;
    }
    far_put8(ROM_SEG, ROM_OFF(rom_state.edid_blocks), blocks);
}

/*
 * The ROM changes, and its checksum with it. Systems may start it again when it cannot be written,
 * and in an emulator that knows no protected mode: it keeps what it noted first.
 */
static void note_card(uint16_t bdf)
{
    uint8_t before = state_sum();
    if (rom_state.bdf != NO_FUNCTION)
        return;
    if (pci_read16(bdf, PCI_CLASS) != CLASS_VGA)
        bdf = NO_FUNCTION;
    far_put16(ROM_SEG, ROM_OFF(rom_state.bdf), bdf);
    if (bdf != NO_FUNCTION && !in_protected_mode())
        read_edid();
    far_put8(ROM_SEG, ROM_OFF(rom_checksum), (uint8_t)(rom_checksum + before - state_sum()));
}

static void fill_bda(void)
{
    BDA->equipment = (uint16_t)((BDA->equipment & ~EQUIPMENT_VIDEO) | EQUIPMENT_COLOR_80);
    BDA->video_crtc = VGA_CRTC_COLOR;
    BDA->video_control = CONTROL_256K;
    BDA->video_switches = SWITCHES_COLOR;
    BDA->video_options = OPTIONS_VGA;
    BDA->video_dcc = DCC_VGA_COLOR;
    BDA->video_save = ROM_FAR(save_pointers);
}

static void fill_vectors(void)
{
    VECTORS[0x42] = VECTORS[0x10];
    VECTORS[0x10] = (uint32_t)ROM_SEG << 16 | (uint16_t)(uint32_t)int10_entry;
    VECTORS[0x1D] = ROM_FAR(crtc_params);
    VECTORS[0x1F] = ROM_FAR(font8[128]);
    VECTORS[0x43] = ROM_FAR(font16);
}

void init_service(struct regs *r)
{
    note_card(r->ax.x);
    fill_vectors();
    fill_bda();
    chip_init();
    mode_set(3, false);
}
