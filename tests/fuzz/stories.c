/*
 * Makes inputs for the device targets that no recording has: each mode of a VGA with something
 * drawn and looked at, each command of a disk with its data, each packet of a CD drive.
 * usage: story-seeds FOLDER        files FOLDER/KIND/story-NAME
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/loop.h"
#include "tests/fuzz/board.h"
#include "tests/fuzz/host.h"
#include "tests/unit/vga_setup.h"

struct story {
    const char *folder, *kind;
    struct fuzz_board *board;
    GByteArray *steps;
};

/* ---- Steps ---- */

static void add(struct story *s, unsigned op, unsigned region, unsigned offset, uint64_t value)
{
    uint8_t step[FUZZ_RECORD] = { (uint8_t)op, (uint8_t)region };

    put_le16(step + 2, (uint16_t)offset);
    put_le64(step + 4, value);
    g_byte_array_append(s->steps, step, sizeof(step));
}

/* width: log2; flags: FUZZ_STRING or none. */
static void access_at(struct story *s, unsigned op, enum bus_space space, uint64_t addr,
                      unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < s->board->regions->len; i++) {
        const struct fuzz_region *r = &g_array_index(s->board->regions, struct fuzz_region, i);
        if (r->space == space && addr >= r->base && addr - r->base < r->size) {
            add(s, op | width << 3, i, (unsigned)(addr - r->base), value);
            return;
        }
    }
    g_error("%s: nobody is at 0x%x", s->kind, (unsigned)addr);
}

static void out(struct story *s, unsigned port, unsigned width, uint64_t value)
{
    access_at(s, FUZZ_WRITE, BUS_PIO, port, width, value);
}

static void in_string(struct story *s, unsigned port, unsigned width, unsigned log2)
{
    access_at(s, FUZZ_READ | FUZZ_STRING, BUS_PIO, port, width, log2);
}

static void time_passes(struct story *s)
{
    add(s, FUZZ_CLOCK, 0, 10, 0);
}

static void look(struct story *s)
{
    add(s, FUZZ_CLOCK | FUZZ_HOST, FUZZ_LOOK, 0, 0);
}

static void begin(struct story *s, const char *folder, const char *kind)
{
    *s = (struct story){ folder, kind, fuzz_board_create_small(kind), g_byte_array_new() };
}

static void write_file(struct story *s, const char *name, unsigned number)
{
    g_autofree char *dir = g_build_filename(s->folder, s->kind, NULL);
    g_autofree char *path = g_strdup_printf("%s/story-%s-%02x", dir, name, number);

    g_mkdir_with_parents(dir, 0777);
    g_file_set_contents(path, (const char *)s->steps->data, s->steps->len, NULL);
    g_byte_array_set_size(s->steps, 0);
}

static void end(struct story *s)
{
    fuzz_board_destroy(s->board);
    g_byte_array_unref(s->steps);
}

/* ---- Screens ---- */

static void set_mode(struct story *s, const struct vga_setup *setup)
{
    out(s, 0x3c2, 0, setup->misc);
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->sr); i++)
        out(s, 0x3c4, 1, (uint64_t)setup->sr[i] << 8 | i);
    out(s, 0x3d4, 1, 0x11);
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->cr); i++)
        out(s, 0x3d4, 1, (uint64_t)setup->cr[i] << 8 | i);
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->gr); i++)
        out(s, 0x3ce, 1, (uint64_t)setup->gr[i] << 8 | i);
    for (unsigned i = 0; i < G_N_ELEMENTS(setup->ar); i++) {
        out(s, 0x3c0, 0, i);
        out(s, 0x3c0, 0, setup->ar[i]);
    }
    out(s, 0x3c0, 0, 0x20);
    out(s, 0x3c8, 0, 0);
    access_at(s, FUZZ_WRITE | FUZZ_STRING, BUS_PIO, 0x3c9, 0, UINT64_C(0x2a15003f2a153f00));
}

static void draw(struct story *s, uint64_t window)
{
    for (unsigned i = 0; i < 4; i++)
        access_at(s, FUZZ_WRITE, BUS_MMIO, window + i * 8, 3,
                  UINT64_C(0x1f411e422d43ac44) * (i + 1));
    look(s);
    access_at(s, FUZZ_WRITE, BUS_MMIO, window + 999, 1, 0x5aa5);
    time_passes(s);
    look(s);
}

static void tell_modes(struct story *s)
{
    static const struct {
        const struct vga_setup *setup;
        uint32_t window;
    } modes[] = { { &vga_text, 0xb8000 },
                  { &vga_mode_4, 0xb8000 },
                  { &vga_mode_12, 0xa0000 },
                  { &vga_mode_13, 0xa0000 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
        set_mode(s, modes[i].setup);
        draw(s, modes[i].window);
        write_file(s, "mode", i);
    }
}

/* Bochs' VBE registers; an index, then its value. */
static void dispi(struct story *s, unsigned index, unsigned value)
{
    out(s, 0x1ce, 1, index);
    out(s, 0x1cf, 1, value);
}

static void tell_vbe(struct story *s)
{
    static const unsigned bits[] = { 4, 8, 15, 16, 24, 32 };

    for (unsigned i = 0; i < G_N_ELEMENTS(bits); i++) {
        dispi(s, 1, 64);
        dispi(s, 2, 48);
        dispi(s, 3, bits[i]);
        dispi(s, 4, 0x41);
        dispi(s, 6, 100);
        dispi(s, 9, 3);
        dispi(s, 5, 1);
        draw(s, 0xa0000);
        write_file(s, "vbe", bits[i]);
    }
}

/* Extended modes by SR7 and BLTs by GR20 to GR33 (GD5446 manual). */
static void tell_cirrus(struct story *s)
{
    static const uint8_t depths[] = { 0x01, 0x03, 0x05, 0x07, 0x09 };
    static const uint8_t blts[] = { 0x00, 0x01, 0x04, 0x08, 0x40, 0x80, 0x88, 0x90, 0xc0, 0xc4 };

    for (unsigned i = 0; i < G_N_ELEMENTS(depths); i++) {
        set_mode(s, &vga_mode_13);
        out(s, 0x3c4, 1, 0x1206);
        out(s, 0x3c4, 1, (uint64_t)depths[i] << 8 | 0x07);
        out(s, 0x3c4, 1, 0x0712); /* the cursor */
        draw(s, 0xa0000);
        write_file(s, "depth", depths[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(blts); i++) {
        static const uint8_t size[][2] = { { 0x20, 15 }, { 0x21, 0 },    { 0x22, 7 },   { 0x23, 0 },
                                           { 0x24, 64 }, { 0x26, 64 },   { 0x28, 32 },  { 0x29, 1 },
                                           { 0x2c, 0 },  { 0x2d, 0x10 }, { 0x32, 0x0d } };
        out(s, 0x3c4, 1, 0x1206);
        for (unsigned n = 0; n < G_N_ELEMENTS(size); n++)
            out(s, 0x3ce, 1, (uint64_t)size[n][1] << 8 | size[n][0]);
        out(s, 0x3ce, 1, (uint64_t)blts[i] << 8 | 0x30);
        out(s, 0x3ce, 1, 0x0231);
        access_at(s, FUZZ_WRITE | FUZZ_STRING, BUS_MMIO, 0xa0000, 2, UINT64_C(0x123456789abcdef0));
        out(s, 0x3ce, 1, 0x0031);
        look(s);
        write_file(s, "blt", blts[i]);
    }
}

/* ---- Disks ---- */

#define DISK 0x1f0 /* the primary master */
#define CD   0x170
#define BUS_MASTER                                                                \
    0xc000 /* the board's first BAR of ports, and its only one with these devices \
            */

static void task_file(struct story *s, unsigned base, unsigned features, unsigned count,
                      unsigned lba, unsigned device)
{
    out(s, base + 1, 0, features);
    out(s, base + 2, 0, count);
    out(s, base + 3, 0, lba);
    out(s, base + 4, 0, 0);
    out(s, base + 5, 0, 0);
    out(s, base + 6, 0, device);
}

/* Four descriptors at 0x1000 (one is odd, one ends the table), and the engine starts. */
static void start_dma(struct story *s, unsigned channel, unsigned direction)
{
    unsigned base = BUS_MASTER + 8 * channel;

    add(s, FUZZ_MEMORY, 0, 0x1000, UINT64_C(0x0000020000002000));
    add(s, FUZZ_MEMORY, 0, 0x1008, UINT64_C(0x0000010000003001));
    add(s, FUZZ_MEMORY, 0, 0x1010, UINT64_C(0x8000020000004000));
    out(s, base + 4, 2, 0x1000);
    out(s, base, 0, direction);
    out(s, base, 0, direction | 1);
    time_passes(s);
    time_passes(s);
    access_at(s, FUZZ_READ, BUS_PIO, base + 2, 0, 0);
    out(s, base, 0, 0);
}

static void move_data(struct story *s, unsigned base)
{
    in_string(s, base, 2, 7);
    for (unsigned i = 0; i < 64; i++)
        access_at(s, FUZZ_WRITE | FUZZ_STRING, BUS_PIO, base, 2, i);
    time_passes(s);
    access_at(s, FUZZ_READ, BUS_PIO, base + 7, 0, 0);
}

static void tell_disk(struct story *s)
{
    static const uint8_t commands[] = { 0x00, 0x06, 0x10, 0x20, 0x24, 0x25, 0x27, 0x29,
                                        0x30, 0x34, 0x35, 0x39, 0x40, 0x42, 0x70, 0x90,
                                        0x91, 0xb0, 0xc4, 0xc5, 0xc6, 0xc8, 0xca, 0xe0,
                                        0xe5, 0xe7, 0xea, 0xec, 0xef, 0xf5, 0xf8 };

    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        uint8_t c = commands[i];
        task_file(s, DISK, c == 0xb0 ? 0xd0 : c == 0xef || c == 0x06 ? 1 : 0, 1, 1, 0xe0);
        if (c == 0xb0) { /* SMART has a signature in the address */
            out(s, DISK + 4, 0, 0x4f);
            out(s, DISK + 5, 0, 0xc2);
        }
        out(s, DISK + 7, 0, c);
        if (c == 0x06 || c == 0x25 || c == 0x35 || c == 0xc8 || c == 0xca)
            start_dma(s, 0, c == 0x25 || c == 0xc8 ? 8 : 0);
        else
            move_data(s, DISK);
        write_file(s, "ata", c);
    }
}

static void tell_cd(struct story *s)
{
    static const uint8_t packets[][12] = {
        { 0x00 },
        { 0x03, 0, 0, 0, 18 },
        { 0x12, 0, 0, 0, 96 },
        { 0x1a, 0, 0x2a, 0, 64 },
        { 0x1b, 0, 0, 0, 2 },
        { 0x1e, 0, 0, 0, 1 },
        { 0x25 },
        { 0x28, 0, 0, 0, 0, 1, 0, 0, 2 },
        { 0x2b, 0, 0, 0, 0, 4 },
        { 0x42, 0, 0x40, 1, 0, 0, 0, 0, 64 },
        { 0x43, 2, 0, 0, 0, 0, 0, 0, 64 },
        { 0x46, 0, 0, 0, 0, 0, 0, 0, 128 },
        { 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8 },
        { 0x51, 0, 0, 0, 0, 0, 0, 0, 34 },
        { 0x5a, 0, 0x2a, 0, 0, 0, 0, 0, 64 },
        { 0xa8, 0, 0, 0, 0, 1, 0, 0, 0, 2 },
        { 0xad, 0, 0, 0, 0, 0, 0, 0, 0, 64 },
        { 0xbb, 0, 0xff, 0xff },
        { 0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 64 },
        { 0xbe, 0, 0, 0, 0, 1, 0, 0, 1, 0xf8 },
    };

    for (unsigned dma = 0; dma < 2; dma++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++) {
            task_file(s, CD, dma, 0, 0, 0);
            out(s, CD + 5, 0, 8); /* at most 2 KiB in a block */
            out(s, CD + 7, 0, 0xa0);
            access_at(s, FUZZ_WRITE | FUZZ_STRING, BUS_PIO, CD, 1, get_le64(packets[i]));
            access_at(s, FUZZ_WRITE, BUS_PIO, CD, 2, get_le32(packets[i] + 8));
            time_passes(s);
            if (dma)
                start_dma(s, 1, 8);
            for (unsigned n = 0; n < 4; n++)
                in_string(s, CD, 2, 7);
            time_passes(s);
            add(s, FUZZ_CLOCK | FUZZ_HOST, FUZZ_TRAY, 0, 3);
            write_file(s, dma ? "packet-dma" : "packet", packets[i][0]);
        }
    }
}

int main(int argc, char **argv)
{
    struct story s;

    if (argc != 2) {
        fprintf(stderr, "usage: story-seeds FOLDER\n");
        return 2;
    }
    loop_init();
    log_set_level(LOG_ERROR);
    begin(&s, argv[1], "VGA");
    tell_modes(&s);
    tell_vbe(&s);
    end(&s);
    begin(&s, argv[1], "cirrus-vga");
    tell_modes(&s);
    tell_cirrus(&s);
    end(&s);
    begin(&s, argv[1], "piix3-ide");
    tell_disk(&s);
    tell_cd(&s);
    end(&s);
    return 0;
}
