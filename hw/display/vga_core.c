#include "hw/display/vga_core.h"

#include <string.h>

#include "hw/core/device.h"
#include "hw/display/vga_screen.h"

int vga_create(struct vga *v, struct device *dev, const struct vga_chip_ops *ops,
               const struct region_ops *ports, const struct region_ops *window, uint32_t size,
               GError **err)
{
    struct bus *bus = dev->services->bus;

    v->dev = dev;
    v->ops = ops;
    v->chip = dev;
    v->memory = mem_alloc("vram", size, err);
    if (v->memory == NULL)
        return -ENOMEM;
    v->memory_size = size;
    v->vram = (struct mem_block){
        .name = "vram", .host = v->memory, .size = size, .flags = MEM_LOG_DIRTY, .saved = size
    };
    journal_join(&v->journal, "video", dev->id, vga_screen_play, v);
    /* As large as the window can be, so that the bitmap of written pages fits for good. */
    v->mapped_window = (struct mem_block){ .name = "vga-window",
                                           .size = VGA_WINDOW_SIZE,
                                           .flags = MEM_LOG_DIRTY | MEM_YIELDS,
                                           .dirty = g_malloc0(VGA_WINDOW_SIZE / MEM_PAGE / 8) };
    vga_screen_create(v);
    /* In the background: other cards have ports in between (LPT at 0x3BC). */
    v->ports = (struct region){
        .name = "vga", .ops = ports, .owner = dev, .opaque = dev, .priority = REGION_BACKGROUND
    };
    v->window = (struct region){
        .name = "vga-memory", .ops = window, .owner = dev, .opaque = dev, .priority = REGION_FIXED
    };
    bus_map(bus, &v->ports, BUS_PIO, VGA_PORTS_BASE, VGA_PORTS_SIZE);
    bus_map(bus, &v->window, BUS_MMIO, VGA_WINDOW_BASE, VGA_WINDOW_SIZE);
    return 0;
}

void vga_destroy(struct vga *v)
{
    if (v->memory == NULL)
        return;
    bus_unmap(v->dev->services->bus, &v->ports);
    bus_unmap(v->dev->services->bus, &v->window);
    memmap_unmap(v->dev->services->mem, &v->vram);
    memmap_unmap(v->dev->services->mem, &v->mapped_window);
    vga_screen_destroy(v);
    journal_leave(&v->journal);
    g_free(v->vram.dirty);
    g_free(v->mapped_window.dirty);
    mem_free(v->memory, v->memory_size);
}

void vga_reset(struct vga *v)
{
    v->misc = v->feature = 0;
    v->sr_index = v->gr_index = v->cr_index = v->ar_index = 0;
    memset(v->sr, 0, sizeof(v->sr));
    memset(v->gr, 0, sizeof(v->gr));
    memset(v->cr, 0, sizeof(v->cr));
    memset(v->ar, 0, sizeof(v->ar));
    v->ar_data = v->dac_reading = v->dac8 = false;
    v->dac_mask = 0xff;
    v->dac_read_index = v->dac_write_index = v->dac_component = 0;
    memset(v->dac, 0, sizeof(v->dac));
    memset(v->dac_latch, 0, sizeof(v->dac_latch));
    memset(v->latch, 0, sizeof(v->latch));
    vga_window_changed(v);
    vga_touch(v);
}

void vga_loaded(struct vga *v)
{
    vga_window_changed(v);
    vga_wrote(v, 0, v->memory_size);
    vga_font_changed(v);
}

const struct state_field vga_state[] = { STATE_FIELD(struct vga, misc),
                                         STATE_FIELD(struct vga, feature),
                                         STATE_FIELD(struct vga, sr_index),
                                         STATE_ARRAY(struct vga, sr),
                                         STATE_FIELD(struct vga, gr_index),
                                         STATE_ARRAY(struct vga, gr),
                                         STATE_FIELD(struct vga, cr_index),
                                         STATE_ARRAY(struct vga, cr),
                                         STATE_FIELD(struct vga, ar_index, .max = 0x3f),
                                         STATE_ARRAY(struct vga, ar),
                                         STATE_FIELD(struct vga, ar_data),
                                         STATE_FIELD(struct vga, dac_mask),
                                         STATE_FIELD(struct vga, dac_read_index),
                                         STATE_FIELD(struct vga, dac_write_index),
                                         STATE_FIELD(struct vga, dac_component, .max = 2),
                                         STATE_FIELD(struct vga, dac_reading),
                                         STATE_ARRAY(struct vga, dac_latch),
                                         STATE_ARRAY(struct vga, dac),
                                         STATE_ARRAY(struct vga, latch),
                                         STATE_FIELD(struct vga, dac8),
                                         STATE_BUFFER_FIELD(struct vga, memory, vram.saved),
                                         {} };
