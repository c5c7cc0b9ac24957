#include "tests/unit/cirrus_bench.h"

#include "hw/display/cirrus.h"

void cirrus_bench_create(struct vga_bench *s)
{
    vga_bench_create_card(s, &cirrus_kind, "vgamem_mb=1,console=VGA");
    cfg_write(s->b, 0, 0, PCI_BAR0, (uint32_t)CIRRUS_LFB, 4);
    cfg_write(s->b, 0, 0, PCI_BAR0 + 4, (uint32_t)CIRRUS_MMIO, 4);
    cfg_write(s->b, 0, 0, PCI_COMMAND, PCI_COMMAND_IO | PCI_COMMAND_MEMORY, 2);
    vga_set(s, &vga_mode_12);
    vga_sr(s, 6, 0x12);
}

uint8_t cirrus_sr(struct vga_bench *s, uint8_t index)
{
    outb(s->b, 0x3c4, index);
    return inb(s->b, 0x3c5);
}

uint8_t cirrus_gr(struct vga_bench *s, uint8_t index)
{
    outb(s->b, 0x3ce, index);
    return inb(s->b, 0x3cf);
}

uint8_t cirrus_cr(struct vga_bench *s, uint8_t index)
{
    outb(s->b, 0x3d4, index);
    return inb(s->b, 0x3d5);
}

void cirrus_hidden_dac(struct vga_bench *s, uint8_t value)
{
    inb(s->b, 0x3c8); /* forgets earlier reads */
    for (unsigned i = 0; i < 4; i++)
        inb(s->b, 0x3c6);
    outb(s->b, 0x3c6, value);
}

void cirrus_mode(struct vga_bench *s, uint8_t sr7, uint8_t hidden_dac)
{
    static const uint8_t pixel_bytes[] = { 1, 2, 3, 2, 4 };
    unsigned offset = 640u * pixel_bytes[sr7 >> 1] / 8;

    vga_sr(s, 7, sr7);
    cirrus_hidden_dac(s, hidden_dac);
    vga_cr(s, 0x13, (uint8_t)offset);
    vga_cr(s, 0x1b, (uint8_t)(offset >> 4 & 0x10));
}

void cirrus_peek(struct vga_bench *s, uint8_t *memory)
{
    g_assert_cmpint(dma_read(s->b->mem, CIRRUS_LFB, memory, CIRRUS_MEMORY), ==, 0);
}

static void color(struct vga_bench *s, const uint8_t *registers, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        vga_gr(s, registers[i], (uint8_t)(value >> (8 * i)));
}

static void word(struct vga_bench *s, uint8_t first, uint32_t value)
{
    vga_gr(s, first, (uint8_t)value);
    vga_gr(s, first + 1, (uint8_t)(value >> 8));
}

void cirrus_blt_set(struct vga_bench *s, const struct blt *b)
{
    static const uint8_t bg[] = { 0x00, 0x10, 0x12, 0x14 }, fg[] = { 0x01, 0x11, 0x13, 0x15 };

    color(s, fg, b->fg);
    color(s, bg, b->bg);
    word(s, 0x20, b->width - 1);
    word(s, 0x22, b->height - 1);
    word(s, 0x24, b->dst_pitch);
    word(s, 0x26, b->src_pitch);
    vga_gr(s, 0x30, b->mode);
    vga_gr(s, 0x32, b->rop);
    vga_gr(s, 0x33, b->mode_ext);
    word(s, 0x34, b->key);
    word(s, 0x2c, b->src);
    vga_gr(s, 0x2e, (uint8_t)(b->src >> 16));
    vga_gr(s, 0x2f, b->skip);
    word(s, 0x28, b->dst);
    vga_gr(s, 0x2a, (uint8_t)(b->dst >> 16));
}

void cirrus_blt_go(struct vga_bench *s, const struct blt *b)
{
    cirrus_blt_set(s, b);
    vga_gr(s, 0x31, START);
}

bool cirrus_blt_busy(struct vga_bench *s)
{
    return (cirrus_gr(s, 0x31) & 1) != 0;
}
