/*
 * What a monitor tells about itself: VESA E-EDID 1.4, with an extension block for the modes that
 * its base block has no room for (CTA-861).
 */
#ifndef HW_DISPLAY_EDID_H
#define HW_DISPLAY_EDID_H

#include <stdint.h>

#define EDID_SIZE 256

/*
 * A monitor that does 640x480 to 2560x1600, 60 Hz, and prefers this mode. Sizes are brought into
 * the format's limits: 320 to 4088 and 200 to 4088, and a dot clock of up to 655 MHz.
 */
void edid_build(uint8_t edid[EDID_SIZE], unsigned width, unsigned height);

#endif
