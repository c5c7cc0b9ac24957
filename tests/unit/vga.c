/*
 * What an IBM VGA shows: each mode is set as a video BIOS sets it, something is drawn through the
 * window at 0xA0000, and every dot of the screen is compared with what the manual says.
 */
#include "tests/unit/hostile.h"
#include "tests/unit/vga_bench.h"

static void put(struct vga_bench *s, uint32_t addr, uint8_t value)
{
    mmio_write(s->b, addr, value, 1);
}

/* ---- Text ---- */

static uint8_t font_row(uint8_t character, unsigned row)
{
    return (uint8_t)(character * 37 + row * 91);
}

/* As the BIOS loads a font: plane 2, addresses in sequence. */
static void load_font(struct vga_bench *s)
{
    vga_sr(s, 2, 0x04);
    vga_sr(s, 4, 0x06);
    vga_gr(s, 5, 0x00);
    vga_gr(s, 6, 0x04);
    for (unsigned c = 0; c < 256; c++)
        for (unsigned row = 0; row < 32; row++)
            put(s, 0xa0000 + c * 32 + row, font_row((uint8_t)c, row));
    vga_sr(s, 2, vga_text.sr[2]);
    vga_sr(s, 4, vga_text.sr[4]);
    vga_gr(s, 5, vga_text.gr[5]);
    vga_gr(s, 6, vga_text.gr[6]);
}

struct text {
    unsigned columns, height; /* of a character */
    unsigned cursor;          /* which character has it; else out of range */
    unsigned first, last;     /* its lines */
    bool dark;                /* blinking characters can't be seen now */
};

static uint8_t text_char(unsigned n)
{
    return (uint8_t)(n * 7 + 3);
}

static uint8_t text_attr(unsigned n)
{
    return (uint8_t)(n * 5);
}

static uint32_t text_dot(const void *opaque, unsigned x, unsigned y)
{
    const struct text *t = opaque;
    unsigned n = y / t->height * t->columns + x / 9, row = y % t->height, at = x % 9;
    uint8_t c = text_char(n), attr = text_attr(n), bits = font_row(c, row);
    bool box = c >= 0xc0 && c <= 0xdf;
    bool on = at < 8 ? (bits >> (7 - at) & 1) != 0 : box && (bits & 1) != 0;

    if ((attr & 0x80) != 0 && t->dark)
        on = false;
    if (n == t->cursor && row >= t->first && row <= t->last)
        on = true;
    return vga_color(&vga_text, on ? attr & 15u : attr >> 4 & 7u);
}

static void fill_text(struct vga_bench *s, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        mmio_write(s->b, 0xb8000 + 2 * i, (uint64_t)text_attr(i) << 8 | text_char(i), 2);
}

static void test_text(void)
{
    struct vga_bench s;
    struct text t = { 80, 16, 81, 13, 14, false };

    vga_bench_create(&s);
    vga_set(&s, &vga_text);
    load_font(&s);
    fill_text(&s, 80 * 25);
    vga_cr(&s, 0x0f, 81);
    vga_expect(&s, 720, 400, text_dot, &t);

    bench_step(s.b, 16 * NS_PER_S / 70); /* the cursor blinks twice as fast as characters */
    t.cursor = 80 * 25;
    vga_expect(&s, 720, 400, text_dot, &t);
    bench_step(s.b, 16 * NS_PER_S / 70 + NS_PER_MS);
    t.cursor = 81;
    t.dark = true;
    vga_expect(&s, 720, 400, text_dot, &t);

    vga_cr(&s, 0x0a, 0x20); /* off */
    t.cursor = 80 * 25;
    vga_expect(&s, 720, 400, text_dot, &t);
    vga_bench_destroy(&s);
}

static void test_text_50_lines(void)
{
    struct vga_bench s;
    struct text t = { 80, 8, 80 * 50, 0, 0, false };
    struct console_text read;

    vga_bench_create(&s);
    vga_set(&s, &vga_text);
    load_font(&s);
    vga_cr(&s, 0x09, 0x47);
    vga_cr(&s, 0x0a, 0x20);
    fill_text(&s, 80 * 50);
    vga_expect(&s, 720, 400, text_dot, &t);
    g_assert_true(console_get_text(s.con, &read));
    g_assert_cmpuint(read.columns, ==, 80);
    g_assert_cmpuint(read.rows, ==, 50);
    for (unsigned i = 0; i < 80 * 50; i++)
        g_assert_cmpuint(read.characters[i], ==, text_char(i));
    g_free(read.characters);
    vga_bench_destroy(&s);
}

/* ---- 640x480, 16 colours ---- */

struct planar {
    unsigned pan, split; /* dots to the left; first line that shows address 0 again */
    unsigned start;      /* address of the upper part */
};

static unsigned planar_pixel(unsigned address, unsigned bit)
{
    return (address * 3 + address / 80 + bit) & 15;
}

static uint32_t planar_dot(const void *opaque, unsigned x, unsigned y)
{
    const struct planar *p = opaque;
    unsigned address = y < p->split ? p->start + y * 80 : (y - p->split) * 80;

    address += (x + p->pan) / 8;
    return vga_color(&vga_mode_12, planar_pixel(address & 0xffff, (x + p->pan) % 8));
}

/* A plane at a time, eight pixels in a byte. */
static void fill_planar(struct vga_bench *s)
{
    for (unsigned plane = 0; plane < 4; plane++) {
        vga_sr(s, 2, (uint8_t)(1u << plane));
        for (unsigned a = 0; a < 0x10000; a++) {
            uint8_t byte = 0;
            for (unsigned i = 0; i < 8; i++)
                byte |= (uint8_t)((planar_pixel(a, i) >> plane & 1) << (7 - i));
            put(s, 0xa0000 + a, byte);
        }
    }
    vga_sr(s, 2, 0xf);
}

static void test_planar(void)
{
    struct vga_bench s;
    struct planar p = { 0, 480, 0 };

    vga_bench_create(&s);
    vga_set(&s, &vga_mode_12);
    fill_planar(&s);
    vga_expect(&s, 640, 480, planar_dot, &p);

    vga_ar(&s, 0x13, 3); /* pans by 3 dots */
    p.pan = 3;
    vga_expect(&s, 640, 480, planar_dot, &p);

    vga_cr(&s, 0x0c, 0x12); /* scrolls; it wraps at 64 KiB a plane */
    vga_cr(&s, 0x0d, 0x34);
    vga_cr(&s, 0x18, 0x2b); /* and splits after line 299 */
    vga_cr(&s, 0x07, 0x3e);
    vga_cr(&s, 0x09, 0x00);
    p.start = 0x1234;
    p.split = 0x12b + 1;
    vga_expect(&s, 640, 480, planar_dot, &p);
    vga_bench_destroy(&s);
}

/* The four write modes and two read modes, one address. */
static void test_write_modes(void)
{
    struct vga_bench s;

    vga_bench_create(&s);
    vga_set(&s, &vga_mode_12);
    for (unsigned plane = 0; plane < 4; plane++) {
        vga_sr(&s, 2, (uint8_t)(1u << plane));
        put(&s, 0xa0000, (uint8_t)(0x11 << plane));
        vga_gr(&s, 4, (uint8_t)plane);
        g_assert_cmphex(mmio_read(s.b, 0xa0000, 1), ==, 0x11 << plane);
    }
    vga_sr(&s, 2, 0xf);

    vga_gr(&s, 5, 1); /* mode 1 copies all planes by the latches */
    mmio_read(s.b, 0xa0000, 1);
    put(&s, 0xa0001, 0);
    vga_gr(&s, 5, 0);
    vga_gr(&s, 4, 2);
    g_assert_cmphex(mmio_read(s.b, 0xa0001, 1), ==, 0x44);

    vga_gr(&s, 5, 2); /* mode 2: a colour into the pixels of the bit mask */
    vga_gr(&s, 8, 0x0f);
    put(&s, 0xa0001, 0x5);
    g_assert_cmphex(mmio_read(s.b, 0xa0001, 1), ==, 0x4f);
    vga_gr(&s, 4, 1);
    g_assert_cmphex(mmio_read(s.b, 0xa0001, 1), ==, 0x20);

    vga_gr(&s, 5, 3); /* mode 3: set/reset where rotated value and bit mask have ones */
    vga_gr(&s, 0, 0x2);
    vga_gr(&s, 3, 4); /* rotates by 4 */
    put(&s, 0xa0001, 0xc3);
    g_assert_cmphex(mmio_read(s.b, 0xa0001, 1), ==, 0x2c);

    vga_gr(&s, 5, 0); /* mode 0 with XOR: twice is nothing */
    vga_gr(&s, 8, 0xff);
    vga_gr(&s, 3, 0x18);
    put(&s, 0xa0001, 0xff);
    g_assert_cmphex(mmio_read(s.b, 0xa0001, 1), ==, 0xd3);
    put(&s, 0xa0001, 0xff);
    g_assert_cmphex(mmio_read(s.b, 0xa0001, 1), ==, 0x2c);

    vga_gr(&s, 3, 0); /* set/reset of plane 0 only; the others take the value */
    vga_gr(&s, 0, 0x1);
    vga_gr(&s, 1, 0x1);
    put(&s, 0xa0002, 0x3c);
    vga_gr(&s, 4, 0);
    g_assert_cmphex(mmio_read(s.b, 0xa0002, 1), ==, 0xff);
    vga_gr(&s, 5, 8); /* read mode 1: where is colour 1? and where 15, with only plane 3? */
    vga_gr(&s, 2, 0x1);
    g_assert_cmphex(mmio_read(s.b, 0xa0002, 1), ==, 0xc3);
    vga_gr(&s, 2, 0xf);
    vga_gr(&s, 7, 0x8);
    g_assert_cmphex(mmio_read(s.b, 0xa0002, 1), ==, 0x3c);
    vga_bench_destroy(&s);
}

/* ---- 256 colours ---- */

static uint8_t pixel_256(unsigned x, unsigned y)
{
    return (uint8_t)(x * 5 + y * 3 + x / 16);
}

static uint32_t dot_256(const void *opaque, unsigned x, unsigned y)
{
    return vga_dac_color(pixel_256(x / 2, y / 2));
}

static void test_mode_13(void)
{
    struct vga_bench s;

    vga_bench_create(&s);
    vga_set(&s, &vga_mode_13);
    for (unsigned i = 0; i < 320 * 200; i++)
        put(&s, 0xa0000 + i, pixel_256(i % 320, i / 320));
    vga_expect(&s, 640, 400, dot_256, NULL);
    g_assert_cmphex(mmio_read(s.b, 0xa0000 + 321, 1), ==, pixel_256(1, 1));
    vga_bench_destroy(&s);
}

/* The same without chain 4: a plane for each fourth pixel (Abrash's mode X, of 200 lines). */
static void test_mode_x(void)
{
    struct vga_bench s;

    vga_bench_create(&s);
    vga_set(&s, &vga_mode_13);
    vga_sr(&s, 4, 0x06);
    vga_cr(&s, 0x14, 0x00);
    vga_cr(&s, 0x17, 0xe3);
    for (unsigned i = 0; i < 320 * 200; i++) {
        vga_sr(&s, 2, (uint8_t)(1u << (i & 3)));
        put(&s, 0xa4000 + i / 4, pixel_256(i % 320, i / 320));
    }
    vga_cr(&s, 0x0c, 0x40); /* the page at 0x4000 */
    vga_expect(&s, 640, 400, dot_256, NULL);
    vga_bench_destroy(&s);
}

/* ---- CGA: 320x200, 4 colours, odd lines 8 KiB further ---- */

static unsigned pixel_cga(unsigned x, unsigned y)
{
    return (x + y * 3 + x / 7) & 3;
}

static uint32_t dot_cga(const void *opaque, unsigned x, unsigned y)
{
    return vga_color(&vga_mode_4, pixel_cga(x / 2, y / 2));
}

static void test_cga(void)
{
    struct vga_bench s;

    vga_bench_create(&s);
    vga_set(&s, &vga_mode_4);
    for (unsigned y = 0; y < 200; y++)
        for (unsigned x = 0; x < 320; x += 4) {
            unsigned byte = 0;
            for (unsigned i = 0; i < 4; i++)
                byte |= pixel_cga(x + i, y) << (6 - 2 * i);
            put(&s, 0xb8000 + (y & 1) * 0x2000 + y / 2 * 80 + x / 4, (uint8_t)byte);
        }
    vga_expect(&s, 640, 400, dot_cga, NULL);
    vga_bench_destroy(&s);
}

/* ---- Registers ---- */

static void test_registers(void)
{
    struct vga_bench s;

    vga_bench_create(&s);
    vga_set(&s, &vga_mode_12);
    vga_cr(&s, 0x11, 0x80); /* protects CR0 to CR7, but for line compare's bit */
    vga_cr(&s, 0x01, 0x10);
    g_assert_cmphex(inb(s.b, 0x3d5), ==, 0x4f);
    vga_cr(&s, 0x07, 0x00);
    g_assert_cmphex(inb(s.b, 0x3d5), ==, 0x2e);
    g_assert_cmphex(inb(s.b, 0x3b5), ==, 0xff); /* the monochrome address is off */
    vga_sr(&s, 1, 0xff);
    g_assert_cmphex(inb(s.b, 0x3c5), ==, 0x3d);
    vga_sr(&s, 0x50, 0xff); /* none of this number */
    g_assert_cmphex(inb(s.b, 0x3c5), ==, 0);

    inb(s.b, 0x3da); /* the next write is an index */
    outb(s.b, 0x3c0, 0x06);
    g_assert_cmphex(inb(s.b, 0x3c1), ==, 0x14);
    outb(s.b, 0x3c7, 0x80); /* DAC entry 0x80, red */
    g_assert_cmphex(inb(s.b, 0x3c7), ==, 3);
    g_assert_cmphex(inb(s.b, 0x3c9), ==, 0x20);
    vga_bench_destroy(&s);
}

/* Software waits for the start of a retrace, and for its end. */
static void test_retrace(void)
{
    struct vga_bench s;
    unsigned changes = 0;
    uint8_t before = 0;

    vga_bench_create(&s);
    vga_set(&s, &vga_text);
    for (unsigned i = 0; i < 1000; i++) { /* a tenth of a second: 7 frames */
        bench_step(s.b, 100 * NS_PER_US);
        uint8_t now = inb(s.b, 0x3da) & 8;
        changes += now != before;
        before = now;
    }
    g_assert_cmpuint(changes, >=, 13);
    g_assert_cmpuint(changes, <=, 15);
    vga_bench_destroy(&s);
}

/* ---- Only what changed ---- */

struct viewer {
    unsigned n;
    int x, y, w, h;
};

static void on_damage(void *opaque, int x, int y, int w, int h)
{
    *(struct viewer *)opaque = (struct viewer){ ((struct viewer *)opaque)->n + 1, x, y, w, h };
}

static void test_damage(void)
{
    static const struct console_viewer_ops ops = { .damage = on_damage };
    struct viewer seen = { 0 };
    struct vga_bench s;

    vga_bench_create(&s);
    vga_set(&s, &vga_text);
    load_font(&s);
    fill_text(&s, 80 * 25);
    struct console_viewer *viewer = console_attach(s.con, &ops, &seen);
    console_update_now(s.con);
    seen.n = 0;
    console_update_now(s.con);
    g_assert_cmpuint(seen.n, ==, 0);
    mmio_write(s.b, 0xb8000 + 2 * (80 * 3 + 5), 0x0fdb, 2); /* a character changes */
    console_update_now(s.con);
    g_assert_cmpuint(seen.n, ==, 1);
    g_assert_cmpint(seen.x, >=, 5 * 9);
    g_assert_cmpint(seen.x + seen.w, <=, 6 * 9);
    g_assert_cmpint(seen.y, >=, 3 * 16);
    g_assert_cmpint(seen.y + seen.h, <=, 4 * 16);
    console_detach(viewer);
    vga_bench_destroy(&s);
}

/* ---- Blank, reset, state ---- */

static uint32_t black(const void *opaque, unsigned x, unsigned y)
{
    return 0;
}

static void test_blank(void)
{
    struct vga_bench s;

    vga_bench_create(&s);
    vga_expect(&s, 640, 480, black, NULL); /* nobody has set a mode */
    vga_set(&s, &vga_mode_13);
    vga_sr(&s, 1, 0x21); /* screen off */
    vga_expect(&s, 640, 400, black, NULL);
    device_reset(s.dev);
    vga_expect(&s, 640, 480, black, NULL);
    vga_bench_destroy(&s);
}

static void test_state(void)
{
    struct vga_bench s;
    struct planar p = { 0, 480, 0 };

    vga_bench_create(&s);
    vga_set(&s, &vga_mode_12);
    fill_planar(&s);
    outb(s.b, 0x3c8, 7); /* in the middle of a DAC entry */
    outb(s.b, 0x3c9, 1);
    s.dev = bench_save_load(s.b, s.dev, s.properties);
    vga_expect(&s, 640, 480, planar_dot, &p);
    vga_bench_destroy(&s);
}

/* ---- A guest that does anything ---- */

static void test_hostile(void)
{
    struct vga_bench s;

    vga_bench_create(&s);
    for (uint32_t seed = 0; seed < 400; seed++) {
        if (seed % 50 == 0)
            vga_set(&s, seed % 100 == 0 ? &vga_text : &vga_mode_4);
        hostile_ports(s.b, 0x3b0, 0x30, seed);
        hostile_mmio(s.b, 0xa0000, 0x20000, seed);
        outb(s.b, 0x3c2, 0x63);
        inb(s.b, 0x3da);
        outb(s.b, 0x3c0, 0x20);
        console_update_now(s.con);
    }
    for (uint32_t seed = 0; seed < 10; seed++) {
        s.dev = hostile_state(s.b, s.dev, s.properties, seed);
        console_update_now(s.con);
    }
    vga_bench_destroy(&s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vga/text", test_text);
    g_test_add_func("/vga/text-50-lines", test_text_50_lines);
    g_test_add_func("/vga/planar", test_planar);
    g_test_add_func("/vga/write-modes", test_write_modes);
    g_test_add_func("/vga/mode-13", test_mode_13);
    g_test_add_func("/vga/mode-x", test_mode_x);
    g_test_add_func("/vga/cga", test_cga);
    g_test_add_func("/vga/registers", test_registers);
    g_test_add_func("/vga/retrace", test_retrace);
    g_test_add_func("/vga/damage", test_damage);
    g_test_add_func("/vga/blank", test_blank);
    g_test_add_func("/vga/state", test_state);
    g_test_add_func("/vga/hostile", test_hostile);
    return g_test_run();
}
