/*
 * The VGA's register files: sequencer, graphics controller, CRT controller, attribute controller,
 * DAC and the general registers (IBM VGA, "Video Subsystem", registers).
 */
#include "hw/display/vga_core.h"

#include "hw/core/clock.h"
#include "hw/core/device.h"

/* Ports */
enum {
    CRTC_INDEX_MONO = 0x3b4,
    STATUS1_MONO = 0x3ba,
    AR_INDEX = 0x3c0,
    AR_DATA = 0x3c1,
    STATUS0 = 0x3c2, /* and, written, the miscellaneous output register */
    SR_INDEX = 0x3c4,
    SR_DATA = 0x3c5,
    DAC_MASK = 0x3c6,
    DAC_READ_INDEX = 0x3c7, /* read: the DAC's state */
    DAC_WRITE_INDEX = 0x3c8,
    DAC_DATA = 0x3c9,
    FEATURE_READ = 0x3ca,
    MISC_READ = 0x3cc,
    GR_INDEX = 0x3ce,
    GR_DATA = 0x3cf,
    CRTC_INDEX_COLOR = 0x3d4,
    STATUS1_COLOR = 0x3da,
};

#define STATUS0_SENSE      0x10 /* the DAC sees a monitor */
#define STATUS1_NO_DISPLAY 0x01
#define STATUS1_V_RETRACE  0x08

/* Bits that exist; the others read as 0. */
static const uint8_t sr_mask[] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
static const uint8_t gr_mask[] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
static const uint8_t ar_mask[] = { 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
                                   0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f };
static const uint8_t cr_mask[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
                                   0xff, 0x3f, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                   0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff };

bool vga_crtc_port(const struct vga *v, uint16_t port)
{
    return (port & 0xfff0) == ((v->misc & MISC_COLOR_PORTS) != 0 ? 0x3d0 : 0x3b0);
}

/* ---- Files of indexed registers ---- */

static uint8_t read_file(const uint8_t *file, const uint8_t *mask, size_t n, uint8_t index)
{
    return index < n ? file[index] & mask[index] : 0;
}

static void write_file(struct vga *v, uint8_t *file, const uint8_t *mask, size_t n, uint8_t index,
                       uint8_t value)
{
    if (index >= n || file[index] == (value & mask[index]))
        return;
    file[index] = value & mask[index];
    vga_touch(v);
    vga_window_changed(v);
}

/* CR11 bit 7 protects CR0 to CR7, but not line compare's bit in CR7. */
static void write_crtc(struct vga *v, uint8_t value)
{
    uint8_t index = v->cr_index;

    if (index <= CR_OVERFLOW && (v->cr[CR_V_RETRACE_END] & CR_V_RETRACE_END_PROTECT) != 0) {
        if (index != CR_OVERFLOW)
            return;
        value = (uint8_t)((v->cr[index] & ~CR_OVERFLOW_LINE_COMPARE8) |
                          (value & CR_OVERFLOW_LINE_COMPARE8));
    }
    write_file(v, v->cr, cr_mask, sizeof(cr_mask), index, value);
}

/* Index and data take turns at one port; reading input status 1 starts with the index again. */
static void write_attribute(struct vga *v, uint8_t value)
{
    if (v->ar_data) {
        write_file(v, v->ar, ar_mask, sizeof(ar_mask), v->ar_index & 0x1f, value);
    } else if (v->ar_index != (value & 0x3f)) {
        v->ar_index = value & 0x3f;
        vga_touch(v);
    }
    v->ar_data = !v->ar_data;
}

/* ---- DAC: three bytes for each colour, the index counts on after the third ---- */

static uint8_t read_dac(struct vga *v)
{
    uint8_t value = v->dac[v->dac_read_index * 3 + v->dac_component];

    if (++v->dac_component == 3) {
        v->dac_component = 0;
        v->dac_read_index++;
    }
    return v->dac8 ? value : value & 0x3f;
}

void vga_dac_write(struct vga *v, uint8_t value)
{
    v->dac_latch[v->dac_component] = v->dac8 ? value : value & 0x3f;
    if (++v->dac_component < 3)
        return;
    for (unsigned i = 0; i < 3; i++)
        v->dac[v->dac_write_index * 3 + i] = v->dac_latch[i];
    v->dac_component = 0;
    v->dac_write_index++;
    vga_touch(v);
}

/* ---- Input status 1 ---- */

#define FRAME_NS   (NS_PER_S / 70)
#define LINE_NS    INT64_C(31778)
#define RETRACE_NS (INT64_C(49) * LINE_NS) /* of a frame of 449 lines 400 are seen */

static uint8_t read_status1(struct vga *v)
{
    int64_t in_frame = clock_now(v->dev->services->clock) % FRAME_NS;

    v->ar_data = false;
    if (in_frame < RETRACE_NS)
        return STATUS1_NO_DISPLAY | STATUS1_V_RETRACE;
    return in_frame % LINE_NS < LINE_NS / 5 ? STATUS1_NO_DISPLAY : 0;
}

/* ---- Ports ---- */

static uint8_t read_crtc_port(struct vga *v, uint16_t port)
{
    if (!vga_crtc_port(v, port))
        return 0xff;
    switch (port & 0xf) {
    case 0x4: return v->cr_index;
    case 0x5: return read_file(v->cr, cr_mask, sizeof(cr_mask), v->cr_index);
    case 0xa: return read_status1(v);
    default: return 0xff;
    }
}

uint8_t vga_port_read(struct vga *v, uint16_t port)
{
    switch (port) {
    case AR_INDEX: return v->ar_index;
    case AR_DATA: return read_file(v->ar, ar_mask, sizeof(ar_mask), v->ar_index & 0x1f);
    case STATUS0: return STATUS0_SENSE;
    case SR_INDEX: return v->sr_index;
    case SR_DATA: return read_file(v->sr, sr_mask, sizeof(sr_mask), v->sr_index);
    case DAC_MASK: return v->dac_mask;
    case DAC_READ_INDEX: return v->dac_reading ? 3 : 0;
    case DAC_WRITE_INDEX: return v->dac_write_index;
    case DAC_DATA: return read_dac(v);
    case FEATURE_READ: return v->feature;
    case MISC_READ: return v->misc;
    case GR_INDEX: return v->gr_index;
    case GR_DATA: return read_file(v->gr, gr_mask, sizeof(gr_mask), v->gr_index);
    default: return (port & 0xfff0) == 0x3c0 ? 0xff : read_crtc_port(v, port);
    }
}

static void write_crtc_port(struct vga *v, uint16_t port, uint8_t value)
{
    if (!vga_crtc_port(v, port))
        return;
    switch (port & 0xf) {
    case 0x4: v->cr_index = value; break;
    case 0x5: write_crtc(v, value); break;
    case 0xa: v->feature = value & 0x0b; break;
    default: break;
    }
}

static void set_dac_index(struct vga *v, uint8_t *index, uint8_t value, bool reading)
{
    *index = value;
    v->dac_component = 0;
    v->dac_reading = reading;
}

void vga_port_write(struct vga *v, uint16_t port, uint8_t value)
{
    switch (port) {
    case AR_INDEX: write_attribute(v, value); break;
    case STATUS0:
        v->misc = value & 0xef;
        vga_touch(v);
        vga_window_changed(v);
        break;
    case SR_INDEX: v->sr_index = value; break;
    case SR_DATA: write_file(v, v->sr, sr_mask, sizeof(sr_mask), v->sr_index, value); break;
    case DAC_MASK:
        v->dac_mask = value;
        vga_touch(v);
        break;
    case DAC_READ_INDEX: set_dac_index(v, &v->dac_read_index, value, true); break;
    case DAC_WRITE_INDEX: set_dac_index(v, &v->dac_write_index, value, false); break;
    case DAC_DATA: vga_dac_write(v, value); break;
    case GR_INDEX: v->gr_index = value; break;
    case GR_DATA: write_file(v, v->gr, gr_mask, sizeof(gr_mask), v->gr_index, value); break;
    default:
        if ((port & 0xfff0) != 0x3c0)
            write_crtc_port(v, port, value);
        break;
    }
}
