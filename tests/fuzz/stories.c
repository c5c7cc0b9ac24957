/*
 * Makes inputs for the device targets that no recording has: each mode of a VGA with something
 * drawn and looked at, each command of a disk with its data, each packet of a CD drive, interrupts
 * through both kinds of controller, copies by DMA, sleep, a mouse with a wheel.
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

/* What GRB adds to planar memory: eight latches, two more write modes, pixels of 16 bits. */
static void tell_cirrus_writes(struct story *s)
{
    static const uint8_t extensions[] = { 0x02, 0x04, 0x06, 0x0c, 0x14, 0x16, 0x1e };

    for (unsigned i = 0; i < G_N_ELEMENTS(extensions); i++) {
        out(s, 0x3c4, 1, 0x1206);
        out(s, 0x3c4, 1, 0x0107);
        out(s, 0x3c4, 1, 0xff02);
        out(s, 0x3ce, 1, 0x0506); /* 64 KiB at 0xA0000 */
        out(s, 0x3ce, 1, (uint64_t)extensions[i] << 8 | 0x0b);
        for (unsigned mode = 0; mode < 6; mode++) {
            out(s, 0x3ce, 1, mode << 8 | 0x05);
            access_at(s, FUZZ_READ, BUS_MMIO, 0xa0000, 0, 0);
            access_at(s, FUZZ_WRITE, BUS_MMIO, 0xa0010, 1, 0xa55a);
        }
        write_file(s, "write", extensions[i]);
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
    for (unsigned reg = 2; reg < 6; reg++) /* what 48-bit commands find behind the registers */
        out(s, base + reg, 0, 0);
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

/* The sub-commands of SMART and of SET FEATURES, TRIM of a range, sectors by cylinder and head. */
static void tell_disk_settings(struct story *s)
{
    static const uint8_t smart[] = { 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd8, 0xd9, 0xda };
    static const uint8_t features[][2] = { { 0x02, 0 },    { 0x03, 0x0c }, { 0x03, 0x22 },
                                           { 0x03, 0x45 }, { 0x55, 0 },    { 0x66, 0 },
                                           { 0x82, 0 },    { 0xaa, 0 },    { 0xcc, 0 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(smart); i++) {
        task_file(s, DISK, smart[i], 1, 6, 0xe0); /* 6: the log, or the test */
        out(s, DISK + 4, 0, 0x4f);
        out(s, DISK + 5, 0, 0xc2);
        out(s, DISK + 7, 0, 0xb0);
        move_data(s, DISK);
        write_file(s, "smart", smart[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(features); i++) {
        task_file(s, DISK, features[i][0], features[i][1], 0, 0xe0);
        out(s, DISK + 7, 0, 0xef);
        write_file(s, "feature", i);
    }
    task_file(s, DISK, 1, 1, 0, 0xe0);
    out(s, DISK + 7, 0, 0x06);
    add(s, FUZZ_MEMORY, 0, 0x2000, UINT64_C(0x0008000000000001));
    add(s, FUZZ_MEMORY, 0, 0x2008, UINT64_C(0x0100000000000040));
    start_dma(s, 0, 0);
    write_file(s, "trim", 0);
    task_file(s, DISK, 0, 1, 2, 0xa0);
    out(s, DISK + 7, 0, 0x20);
    move_data(s, DISK);
    write_file(s, "chs", 0);
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

static void packet(struct story *s, unsigned dma, const uint8_t *bytes)
{
    task_file(s, CD, dma, 0, 0, 0);
    out(s, CD + 5, 0, 8); /* at most 2 KiB in a block */
    out(s, CD + 7, 0, 0xa0);
    access_at(s, FUZZ_WRITE | FUZZ_STRING, BUS_PIO, CD, 1, get_le64(bytes));
    access_at(s, FUZZ_WRITE, BUS_PIO, CD, 2, get_le32(bytes + 8));
    time_passes(s);
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
        { 0xad, 0, 0, 0, 0, 0, 0, 0, 8 },
        { 0xbb, 0, 0xff, 0xff },
        { 0xbd, 0, 0, 0, 0, 0, 0, 0, 0, 64 },
        { 0xbe, 0, 0, 0, 0, 1, 0, 0, 1, 0xf8 },
    };

    for (unsigned dma = 0; dma < 2; dma++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(packets); i++) {
            packet(s, 0, packets[0]); /* "the medium may have changed" is said once */
            packet(s, dma, packets[i]);
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

/* ---- The chipset ---- */

static void host_does(struct story *s, unsigned event, uint64_t value)
{
    add(s, FUZZ_CLOCK | FUZZ_HOST, event, 0, value);
}

static void raise_and_lower(struct story *s, unsigned gsi)
{
    host_does(s, FUZZ_LINE, 0x100 | gsi);
    host_does(s, FUZZ_ACKNOWLEDGE, 0);
    host_does(s, FUZZ_EOI, 0x40 + gsi);
    host_does(s, FUZZ_LINE, gsi);
}

/* Each pin with another delivery mode, edges and levels in turn. */
static void tell_ioapic(struct story *s)
{
    const uint64_t base = 0xfec00000;

    for (unsigned pin = 0; pin < 24; pin++) {
        uint32_t low = (0x40 + pin) | (pin & 7) << 8 | (pin & 8) << 8 | (pin & 1) << 15;
        access_at(s, FUZZ_WRITE, BUS_MMIO, base, 2, 0x10 + 2 * pin);
        access_at(s, FUZZ_WRITE, BUS_MMIO, base + 0x10, 2, low);
        raise_and_lower(s, pin);
    }
    write_file(s, "pins", 0);
}

/* Vectors 0x40 to 0x4f; ICW4: normal, automatic, special fully nested. */
static void tell_pics(struct story *s)
{
    static const uint8_t icw4[] = { 0x01, 0x03, 0x11 };

    for (unsigned i = 0; i < G_N_ELEMENTS(icw4); i++) {
        for (unsigned chip = 0; chip < 2; chip++) {
            unsigned port = chip == 0 ? 0x20 : 0xa0;
            out(s, port, 0, 0x11);
            out(s, port + 1, 0, 0x40 + 8 * chip);
            out(s, port + 1, 0, chip == 0 ? 4 : 2);
            out(s, port + 1, 0, icw4[i]);
            out(s, port + 1, 0, 0);
        }
        for (unsigned irq = 0; irq < 16; irq++) {
            raise_and_lower(s, irq);
            out(s, 0xa0, 0, 0x20);
            out(s, 0x20, 0, irq % 3 == 0 ? 0xa0 : 0x20); /* rotating now and then */
        }
        write_file(s, "irqs", icw4[i]);
    }
}

/* From 0x2000 to 0x3000, once with the source held. */
static void tell_dma(struct story *s)
{
    out(s, 0xd6, 0, 0xc0); /* the cascade */
    out(s, 0xd4, 0, 0x00);
    for (unsigned hold = 0; hold < 4; hold += 2) {
        for (unsigned channel = 0; channel < 2; channel++) {
            out(s, 0x0c, 0, 0);
            out(s, 2 * channel, 0, 0);
            out(s, 2 * channel, 0, 0x20 + 0x10 * channel);
            out(s, 2 * channel + 1, 0, 16);
            out(s, 2 * channel + 1, 0, 0);
            out(s, 0x0b, 0, (channel == 0 ? 0x88 : 0x84) | channel);
            out(s, 0x0a, 0, channel);
        }
        out(s, 0x08, 0, 1 | hold);
        out(s, 0x09, 0, 4);
    }
    write_file(s, "copy", 0);
}

/* The timer rolls over, the button is pressed, the machine sleeps, a device is asked for. */
static void tell_pm(struct story *s)
{
    const unsigned base = 0x600, smbus = 0x700;

    out(s, base + 2, 1, 0x0521);
    for (unsigned i = 0; i < 3; i++)
        add(s, FUZZ_CLOCK, 0, 23, 0);
    access_at(s, FUZZ_READ, BUS_PIO, base + 8, 2, 0);
    host_does(s, FUZZ_POWER, 0);
    access_at(s, FUZZ_READ, BUS_PIO, base, 1, 0);
    out(s, base, 1, 0xffff);
    write_file(s, "events", 0);
    for (unsigned type = 0; type < 3; type++) {
        out(s, base + 4, 1, 0x2000 | type << 10);
        host_does(s, FUZZ_POWER, 1);
        write_file(s, "sleep", type);
    }
    for (unsigned i = 0; i < 40; i++)
        out(s, smbus + 7, 0, i);
    out(s, smbus + 4, 0, 0xa1);
    out(s, smbus + 2, 0, 0x41);
    access_at(s, FUZZ_READ, BUS_PIO, smbus, 0, 0);
    access_at(s, FUZZ_READ, BUS_PIO, smbus + 2, 0, 0);
    write_file(s, "smbus", 0);
}

static void type_key(struct story *s, unsigned code)
{
    host_does(s, FUZZ_KEY, code);
    host_does(s, FUZZ_KEY, 0x100 | code);
    add(s, FUZZ_CLOCK, 0, 23, 0);
    in_string(s, 0x60, 0, 3);
}

/* Keys in each of a keyboard's three sets: a letter, a grey one, Print Screen, Pause. */
static void tell_keyboard(struct story *s)
{
    static const uint8_t keys[] = { 0x1e, 0xc8, 0xb7, 0xc6, 0x54 };

    for (unsigned set = 1; set <= 3; set++) {
        out(s, 0x64, 0, 0x60);
        out(s, 0x60, 0, 0x01); /* not translated */
        out(s, 0x60, 0, 0xf0);
        out(s, 0x60, 0, set);
        out(s, 0x60, 0, 0xf4);
        in_string(s, 0x60, 0, 2);
        for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++)
            type_key(s, keys[i]);
        for (unsigned i = 0; i < 12; i++) { /* more than it can hold */
            host_does(s, FUZZ_KEY, 0xc8);
            host_does(s, FUZZ_KEY, 0x1c8);
        }
        in_string(s, 0x60, 0, 5);
        write_file(s, "set", set);
    }
}

/* The knocks that a mouse with a wheel, and one with five buttons, answers to. */
static void tell_mouse(struct story *s)
{
    static const uint8_t knocks[] = { 200, 100, 80, 0, 200, 200, 80, 0 };

    out(s, 0x64, 0, 0x60);
    out(s, 0x60, 0, 0x43);
    for (unsigned i = 0; i < G_N_ELEMENTS(knocks); i++) {
        out(s, 0x64, 0, 0xd4);
        out(s, 0x60, 0, knocks[i] == 0 ? 0xf2 : 0xf3); /* its kind; its rate */
        out(s, 0x64, 0, 0xd4);
        out(s, 0x60, 0, knocks[i] == 0 ? 0xf4 : knocks[i]);
        for (unsigned n = 0; n < 4; n++)
            access_at(s, FUZZ_READ, BUS_PIO, 0x60, 0, 0);
        if (knocks[i] == 0) {
            host_does(s, FUZZ_POINTER_MOVE, 0x1f01ff05);
            add(s, FUZZ_CLOCK, 0, 23, 0);
            in_string(s, 0x60, 0, 3);
        }
    }
    write_file(s, "wheel", 0);
}

static void tell_input(struct story *s)
{
    tell_keyboard(s);
    tell_mouse(s);
}

static void tell_chipset(const char *folder)
{
    static const struct {
        const char *kind;
        void (*tell)(struct story *s);
    } chips[] = { { "ioapic", tell_ioapic },
                  { "isa-i8259", tell_pics },
                  { "i8237", tell_dma },
                  { "PIIX4_PM", tell_pm },
                  { "i8042", tell_input } };

    for (unsigned i = 0; i < G_N_ELEMENTS(chips); i++) {
        struct story s;
        begin(&s, folder, chips[i].kind);
        chips[i].tell(&s);
        end(&s);
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
    tell_cirrus_writes(&s);
    end(&s);
    begin(&s, argv[1], "piix3-ide");
    tell_disk(&s);
    tell_disk_settings(&s);
    tell_cd(&s);
    end(&s);
    tell_chipset(argv[1]);
    return 0;
}
