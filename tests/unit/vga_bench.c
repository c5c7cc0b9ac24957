#include "tests/unit/vga_bench.h"

#include "hw/display/vga.h"

void vga_bench_create_card(struct vga_bench *s, const struct device_kind *kind,
                           const char *properties)
{
    s->b = bench_create();
    s->input = input_create();
    s->con = console_create("VGA", s->input);
    s->b->host_service = s->con;
    s->properties = properties;
    s->dev = bench_plug(s->b, kind, s->properties);
}

void vga_bench_create(struct vga_bench *s)
{
    vga_bench_create_card(s, &vga_kind, "vgamem_mb=1,console=VGA");
}

void vga_bench_destroy(struct vga_bench *s)
{
    bench_destroy(s->b);
    console_destroy(s->con);
    input_destroy(s->input);
}

void vga_bench_map(struct vga_bench *s)
{
    cfg_write(s->b, 0, 0, PCI_BAR0, (uint32_t)VGA_BENCH_LFB, 4);
    cfg_write(s->b, 0, 0, PCI_BAR0 + 8, (uint32_t)VGA_BENCH_MMIO, 4);
    cfg_write(s->b, 0, 0, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
}

/* ---- Registers ---- */

void vga_sr(struct vga_bench *s, uint8_t index, uint8_t value)
{
    outw(s->b, 0x3c4, (uint16_t)(value << 8 | index));
}

void vga_gr(struct vga_bench *s, uint8_t index, uint8_t value)
{
    outw(s->b, 0x3ce, (uint16_t)(value << 8 | index));
}

void vga_cr(struct vga_bench *s, uint8_t index, uint8_t value)
{
    outw(s->b, 0x3d4, (uint16_t)(value << 8 | index));
}

void vga_ar(struct vga_bench *s, uint8_t index, uint8_t value)
{
    inb(s->b, 0x3da);
    outb(s->b, 0x3c0, index);
    outb(s->b, 0x3c0, value);
    outb(s->b, 0x3c0, 0x20);
}

static void set_dac(struct vga_bench *s)
{
    outb(s->b, 0x3c6, 0xff);
    outb(s->b, 0x3c8, 0);
    for (unsigned i = 0; i < 256 * 3; i++)
        outb(s->b, 0x3c9, vga_dac_byte(i));
}

void vga_set(struct vga_bench *s, const struct vga_setup *setup)
{
    outb(s->b, 0x3c2, setup->misc);
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->sr); i++)
        vga_sr(s, (uint8_t)i, setup->sr[i]);
    vga_cr(s, 0x11, 0); /* unlocks CR0 to CR7 */
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->cr); i++)
        vga_cr(s, (uint8_t)i, setup->cr[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->gr); i++)
        vga_gr(s, (uint8_t)i, setup->gr[i]);
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->ar); i++)
        vga_ar(s, (uint8_t)i, setup->ar[i]);
    set_dac(s);
}

void vga_dispi(struct vga_bench *s, uint16_t index, uint16_t value)
{
    outw(s->b, 0x1ce, index);
    outw(s->b, 0x1cf, value);
}

uint16_t vga_dispi_read(struct vga_bench *s, uint16_t index)
{
    outw(s->b, 0x1ce, index);
    return inw(s->b, 0x1cf);
}

/* ---- The screen ---- */

uint32_t *vga_screen(struct vga_bench *s, unsigned *width, unsigned *height)
{
    console_update_now(s->con);
    *width = console_width(s->con);
    *height = console_height(s->con);
    uint32_t *pixels = g_new0(uint32_t, (size_t)*width * *height);
    pixman_image_t *copy = pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)*width, (int)*height,
                                                    pixels, (int)*width * 4);
    pixman_image_composite(PIXMAN_OP_SRC, console_surface(s->con), NULL, copy, 0, 0, 0, 0, 0, 0,
                           (uint16_t)*width, (uint16_t)*height);
    pixman_image_unref(copy);
    for (size_t i = 0; i < (size_t)*width * *height; i++)
        pixels[i] &= 0xffffff;
    return pixels;
}

void vga_expect(struct vga_bench *s, unsigned width, unsigned height,
                uint32_t (*expected)(const void *opaque, unsigned x, unsigned y),
                const void *opaque)
{
    unsigned w, h;
    g_autofree uint32_t *pixels = vga_screen(s, &w, &h);

    g_assert_cmpuint(w, ==, width);
    g_assert_cmpuint(h, ==, height);
    for (unsigned y = 0; y < h; y++)
        for (unsigned x = 0; x < w; x++)
            if (pixels[y * w + x] != expected(opaque, x, y)) {
                g_test_message("at %u,%u", x, y);
                g_assert_cmphex(pixels[y * w + x], ==, expected(opaque, x, y));
            }
}
