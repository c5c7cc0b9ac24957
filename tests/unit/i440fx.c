/*
 * The 82441FX: configuration mechanism 1, and who answers between 0xA0000 and 0xFFFFF.
 */
#include <string.h>

#include "hw/pci/i440fx.h"
#include "tests/unit/testbench.h"

#define PAM0  0x59
#define SMRAM 0x72

struct board {
    struct bench *b;
    struct device *dev;
    uint8_t *ram, *bios;
};

/* RAM is full of 'r', the ROM of 'B'. */
static void set_up(struct board *s)
{
    g_autoptr(GError) err = NULL;

    s->b = bench_create();
    memmap_unmap(s->b->mem, &s->b->ram); /* the bench's RAM would lie under the segments */
    s->ram = mem_alloc("legacy", I440FX_LEGACY_SIZE, &err);
    s->bios = mem_alloc("bios", I440FX_BIOS_SIZE, &err);
    memset(s->ram, 'r', I440FX_LEGACY_SIZE);
    memset(s->bios, 'B', I440FX_BIOS_SIZE);
    s->dev = device_new(&i440fx_kind, "i440FX", &s->b->services);
    i440fx_set_memory(s->dev, s->ram, s->bios);
    device_set_property(s->dev, "addr", "0", &err);
    device_realize(s->dev, &err);
    g_assert_no_error(err);
}

static void tear_down(struct board *s)
{
    device_destroy(s->dev);
    bench_destroy(s->b);
    mem_free(s->ram, I440FX_LEGACY_SIZE);
    mem_free(s->bios, I440FX_BIOS_SIZE);
}

static void write_config(struct board *s, unsigned offset, uint8_t value)
{
    outl(s->b, 0xcf8, 0x80000000 | (offset & 0xfc));
    outb(s->b, (uint16_t)(0xcfc + (offset & 3)), value);
}

static uint8_t read_config(struct board *s, unsigned offset)
{
    outl(s->b, 0xcf8, 0x80000000 | (offset & 0xfc));
    return inb(s->b, (uint16_t)(0xcfc + (offset & 3)));
}

/* As a CPU would: memory where a block is, else the bus; a read-only block's writes reach the bus.
 */
static uint8_t peek(struct board *s, uint32_t gpa)
{
    uint8_t byte;

    if (dma_read(s->b->mem, gpa, &byte, 1) == 0)
        return byte;
    return (uint8_t)mmio_read(s->b, gpa, 1);
}

static void poke(struct board *s, uint32_t gpa, uint8_t byte)
{
    if (dma_write(s->b->mem, gpa, &byte, 1) < 0)
        mmio_write(s->b, gpa, byte, 1);
}

static void configuration_cycles_need_the_enable_bit(void)
{
    struct board s;

    set_up(&s);
    outl(s.b, 0xcf8, 0x80000000);
    g_assert_cmphex(inl(s.b, 0xcfc), ==, 0x12378086);
    g_assert_cmphex(inw(s.b, 0xcfe), ==, 0x1237);
    g_assert_cmphex(inl(s.b, 0xcf8), ==, 0x80000000);
    outl(s.b, 0xcf8, 0x00000000);
    g_assert_cmphex(inl(s.b, 0xcfc), ==, 0xffffffff);
    outl(s.b, 0xcf8, 0x80010000); /* bus 1: nobody */
    g_assert_cmphex(inl(s.b, 0xcfc), ==, 0xffffffff);
    outl(s.b, 0xcf8, 0xffffffff); /* reserved bits read zero */
    g_assert_cmphex(inl(s.b, 0xcf8), ==, 0x80fffffc);
    outb(s.b, 0xcf8, 0); /* byte cycles are not for CONFADD */
    g_assert_cmphex(inl(s.b, 0xcf8), ==, 0x80fffffc);
    tear_down(&s);
}

static void reset_values_are_the_datasheets(void)
{
    struct board s;

    set_up(&s);
    g_assert_cmphex(cfg_read(s.b, 0, 0, PCI_COMMAND, 2), ==, 0x0006);
    g_assert_cmphex(cfg_read(s.b, 0, 0, PCI_STATUS, 2), ==, 0x0280);
    g_assert_cmphex(read_config(&s, 0x53), ==, 0x83); /* DBC */
    g_assert_cmphex(read_config(&s, SMRAM), ==, 0x02);
    for (unsigned i = 0; i < 7; i++)
        g_assert_cmphex(read_config(&s, PAM0 + i), ==, 0);
    write_config(&s, 0x00, 0x55); /* the identity is not writable */
    g_assert_cmphex(read_config(&s, 0x00), ==, 0x86);
    tear_down(&s);
}

/* The four settings of the segment at 0xF0000, as a BIOS goes through them. */
static void a_bios_shadows_itself(void)
{
    struct board s;

    set_up(&s);
    g_assert_cmphex(peek(&s, 0xffff0), ==, 'B');
    poke(&s, 0xffff0, 'x');
    g_assert_cmphex(peek(&s, 0xffff0), ==, 'B'); /* ROM */
    write_config(&s, PAM0, 0x20);                /* read ROM, write RAM: copy in place */
    poke(&s, 0xf0000, 'c');
    g_assert_cmphex(peek(&s, 0xf0000), ==, 'B');
    g_assert_cmphex(s.ram[0xf0000 - I440FX_LEGACY_BASE], ==, 'c');
    write_config(&s, PAM0, 0x10); /* read RAM, writes go nowhere */
    g_assert_cmphex(peek(&s, 0xf0000), ==, 'c');
    poke(&s, 0xf0000, 'x');
    g_assert_cmphex(peek(&s, 0xf0000), ==, 'c');
    write_config(&s, PAM0, 0x30); /* RAM */
    poke(&s, 0xf0000, 'w');
    g_assert_cmphex(peek(&s, 0xf0000), ==, 'w');
    device_reset(s.dev); /* the ROM is back, for the reset vector */
    g_assert_cmphex(peek(&s, 0xf0000), ==, 'B');
    g_assert_cmphex(s.ram[0xf0000 - I440FX_LEGACY_BASE], ==, 'w');
    tear_down(&s);
}

static void each_nibble_has_its_own_16_kib(void)
{
    struct board s;

    set_up(&s);
    for (unsigned segment = 0; segment < 12; segment++) {
        uint32_t base = 0xc0000 + segment * 0x4000;
        unsigned reg = PAM0 + 1 + segment / 2, shift = segment % 2 * 4;
        uint8_t rom = base >= I440FX_BIOS_BASE ? 'B' : 0xff;
        g_assert_cmphex(peek(&s, base), ==, rom);
        write_config(&s, reg, (uint8_t)(3u << shift));
        g_assert_cmphex(peek(&s, base), ==, 'r');
        g_assert_cmphex(peek(&s, base + 0x3fff), ==, 'r');
        if (segment < 11)
            g_assert_cmphex(peek(&s, base + 0x4000), !=, 'r');
        write_config(&s, reg, 0);
        g_assert_cmphex(peek(&s, base), ==, rom);
    }
    tear_down(&s);
}

static void smram_opens_closes_and_locks(void)
{
    struct board s;

    set_up(&s);
    g_assert_cmphex(peek(&s, 0xa0000), ==, 0xff); /* the VGA's, and there is none */
    write_config(&s, SMRAM, 0x4a);                /* D_OPEN */
    g_assert_cmphex(peek(&s, 0xa0000), ==, 'r');
    write_config(&s, SMRAM, 0x6a); /* D_CLS wins */
    g_assert_cmphex(peek(&s, 0xa0000), ==, 0xff);
    write_config(&s, SMRAM, 0x5a); /* D_LCK closes it for good */
    g_assert_cmphex(read_config(&s, SMRAM), ==, 0x1a);
    write_config(&s, SMRAM, 0x4a);
    g_assert_cmphex(read_config(&s, SMRAM) & 0x50, ==, 0x10);
    g_assert_cmphex(peek(&s, 0xa0000), ==, 0xff);
    device_reset(s.dev);
    write_config(&s, SMRAM, 0x4a);
    g_assert_cmphex(peek(&s, 0xa0000), ==, 'r');
    tear_down(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i440fx/mechanism-1", configuration_cycles_need_the_enable_bit);
    g_test_add_func("/i440fx/reset", reset_values_are_the_datasheets);
    g_test_add_func("/i440fx/shadow", a_bios_shadows_itself);
    g_test_add_func("/i440fx/segments", each_nibble_has_its_own_16_kib);
    g_test_add_func("/i440fx/smram", smram_opens_closes_and_locks);
    return g_test_run();
}
