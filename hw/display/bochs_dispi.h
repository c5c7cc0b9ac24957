/*
 * The Bochs VBE extension ("VBE Display API", vgabios' vbe_display_api.txt): an index and a data
 * port behind which the video BIOS and drivers set linear modes.
 *
 * The guest may write anything in any order. After each write all registers are brought into the
 * bounds of video memory together, so that what they say is always a picture inside it.
 */
#ifndef HW_DISPLAY_BOCHS_DISPI_H
#define HW_DISPLAY_BOCHS_DISPI_H

#include "hw/core/state.h"
#include "hw/display/vga_core.h"

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
    DISPI_VIDEO_MEMORY_64K,
    DISPI_N_REGS,
};

struct dispi {
    uint16_t index;
    uint16_t reg[DISPI_N_REGS];
    /* host */
    struct vga *vga;
};

extern const struct state_field dispi_state[];

void dispi_init(struct dispi *d, struct vga *vga);
void dispi_reset(struct dispi *d);
/* After loading: whatever was loaded is brought into bounds. */
void dispi_loaded(struct dispi *d);

uint16_t dispi_read(const struct dispi *d, unsigned index);
void dispi_write(struct dispi *d, unsigned index, uint16_t value);

bool dispi_enabled(const struct dispi *d);
/* The window at 0xA0000 shows a linear bank, not planes. */
bool dispi_linear(const struct dispi *d);
/* Where the bank begins: bytes of video memory, or addresses where it is planar. */
uint32_t dispi_bank_start(const struct dispi *d);
/* Fills in what is shown; only while enabled. */
void dispi_mode(const struct dispi *d, struct vga_mode *m);

#endif
