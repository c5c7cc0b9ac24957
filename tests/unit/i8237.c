/*
 * DMA as a floppy driver and a sound card's driver use it, and as nobody should.
 */
#include <string.h>

#include "hw/dma/i8237.h"
#include "tests/unit/hostile.h"

/* What firmware does once: channel 4 passes on the first controller's requests. */
static void open_cascade(struct bench *b)
{
    outb(b, 0xd6, 0xc0);
    outb(b, 0xd4, 0x00);
}

/* A byte channel: masked, programmed, unmasked. */
static void program(struct bench *b, unsigned n, uint8_t mode, uint32_t address, uint16_t count)
{
    static const uint8_t page[] = { 0x87, 0x83, 0x81, 0x82 };

    outb(b, 0x0a, (uint8_t)(4 | n));
    outb(b, 0x0c, 0);
    outb(b, 0x0b, (uint8_t)(mode | n));
    outb(b, (uint16_t)(2 * n), (uint8_t)address);
    outb(b, (uint16_t)(2 * n), (uint8_t)(address >> 8));
    outb(b, page[n], (uint8_t)(address >> 16));
    outb(b, (uint16_t)(2 * n + 1), (uint8_t)count);
    outb(b, (uint16_t)(2 * n + 1), (uint8_t)(count >> 8));
    outb(b, 0x0a, (uint8_t)n);
}

static uint16_t current(struct bench *b, uint16_t port)
{
    outb(b, 0x0c, 0);
    uint8_t low = inb(b, port);
    return (uint16_t)(low | inb(b, port) << 8);
}

static struct device *plug(struct bench **b)
{
    *b = bench_create();
    struct device *dev = bench_plug(*b, &i8237_kind, NULL);
    open_cascade(*b);
    return dev;
}

static void registers_after_reset(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &i8237_kind, NULL);

    g_assert_cmphex(inb(b, 0x0f), ==, 0x0f);
    g_assert_cmphex(inb(b, 0xde), ==, 0x0f);
    g_assert_cmphex(inb(b, 0x08), ==, 0);
    /* Low byte, high byte; a write to 0x0C starts at the low one again. */
    outb(b, 0x04, 0x34);
    outb(b, 0x0c, 0);
    outb(b, 0x04, 0x78);
    outb(b, 0x04, 0x56);
    g_assert_cmphex(current(b, 0x04), ==, 0x5678);
    inb(b, 0x04);
    dev = bench_save_load(b, dev, NULL);
    g_assert_cmphex(inb(b, 0x04), ==, 0x56); /* the flip-flop was saved too */
    /* The second controller is at every other port. */
    outb(b, 0xd4, 0x01);
    g_assert_cmphex(inb(b, 0xde), ==, 0x0d);
    outb(b, 0xdc, 0);
    g_assert_cmphex(inb(b, 0xdf), ==, 0);
    outb(b, 0xda, 0);
    g_assert_cmphex(inb(b, 0xde), ==, 0x0f);
    outb(b, 0x0f, 0xf5);
    g_assert_cmphex(inb(b, 0x0f), ==, 0x05);
    /* Port 0x80 is firmware's. */
    outb(b, 0x80, 0xa5);
    outl(b, 0x84, 0x44332211);
    g_assert_cmphex(inb(b, 0x80), ==, 0xa5);
    g_assert_cmphex(inb(b, 0x87), ==, 0x44);
    device_reset(dev);
    g_assert_cmphex(inb(b, 0x80), ==, 0);
    bench_destroy(b);
}

/* A sector comes in, in pieces, to where the driver wants it; then one goes out. */
static void a_floppy_reads_and_writes_a_sector(void)
{
    struct bench *b;
    struct device *dev = plug(&b);
    uint8_t sector[512], back[512];
    bool tc;

    for (unsigned i = 0; i < sizeof(sector); i++)
        sector[i] = (uint8_t)(i * 7);
    program(b, 2, 0x44, 0x12000, 511); /* single, to memory */
    i8237_set_dreq(dev, 2, true);
    g_assert_cmphex(inb(b, 0x08), ==, 0x40);
    g_assert_cmpuint(i8237_transfer(dev, 2, I8237_TO_MEMORY, sector, 200, &tc), ==, 200);
    g_assert_false(tc);
    g_assert_cmphex(current(b, 0x04), ==, 0x2000 + 200);
    g_assert_cmphex(current(b, 0x05), ==, 511 - 200);
    dev = bench_save_load(b, dev, NULL);
    g_assert_cmpuint(i8237_transfer(dev, 2, I8237_TO_MEMORY, sector + 200, 400, &tc), ==, 312);
    g_assert_true(tc);
    g_assert_cmpmem(b->ram.host + 0x12000, 512, sector, 512);
    g_assert_cmphex(current(b, 0x05), ==, 0xffff);
    g_assert_cmphex(inb(b, 0x08), ==, 0x44);
    g_assert_cmphex(inb(b, 0x08), ==, 0x40); /* TC was read */
    /* Without auto-initialization the channel has masked itself. */
    g_assert_cmphex(inb(b, 0x0f) & 4, ==, 4);
    g_assert_cmpuint(i8237_transfer(dev, 2, I8237_TO_MEMORY, sector, 1, &tc), ==, 0);
    i8237_set_dreq(dev, 2, false);
    program(b, 2, 0x48, 0x12000, 511);
    g_assert_cmpuint(i8237_transfer(dev, 2, I8237_FROM_MEMORY, back, 512, &tc), ==, 512);
    g_assert_true(tc);
    g_assert_cmpmem(back, 512, sector, 512);
    bench_destroy(b);
}

static void a_ring_starts_again_by_itself(void)
{
    struct bench *b;
    struct device *dev = plug(&b);
    uint8_t sample[4];
    bool tc;

    memcpy(b->ram.host + 0x8000, "abc", 3);
    program(b, 1, 0x58, 0x8000, 2);
    for (unsigned round = 0; round < 3; round++) {
        g_assert_cmpuint(i8237_transfer(dev, 1, I8237_FROM_MEMORY, sample, 4, &tc), ==, 3);
        g_assert_true(tc);
        g_assert_cmpmem(sample, 3, "abc", 3);
    }
    g_assert_cmphex(inb(b, 0x0f) & 2, ==, 0);
    bench_destroy(b);
}

static void addresses_go_down_and_wrap_in_their_page(void)
{
    struct bench *b;
    struct device *dev = plug(&b);
    uint8_t bytes[] = "abcd";
    bool tc;

    program(b, 3, 0x64, 0x30001, 3);
    i8237_transfer(dev, 3, I8237_TO_MEMORY, bytes, 4, &tc);
    g_assert_cmpmem(b->ram.host + 0x30000, 2, "ba", 2);
    g_assert_cmpmem(b->ram.host + 0x3fffe, 2, "dc", 2);
    program(b, 3, 0x44, 0x3ffff, 1);
    i8237_transfer(dev, 3, I8237_TO_MEMORY, bytes, 4, &tc);
    g_assert_cmphex(b->ram.host[0x3ffff], ==, 'a');
    g_assert_cmphex(b->ram.host[0x30000], ==, 'b');
    g_assert_cmphex(b->ram.host[0x40000], ==, 0);
    bench_destroy(b);
}

/* Channel 5: addresses and counts are in words, and page bit 0 does not count. */
static void word_channels(void)
{
    struct bench *b;
    struct device *dev = plug(&b);
    uint8_t words[] = "abcdefg";
    bool tc;

    outb(b, 0xd8, 0);
    outb(b, 0xd6, 0x45);
    outb(b, 0xd8, 0);
    outb(b, 0xc4, 0x00);
    outb(b, 0xc4, 0x80);
    outb(b, 0x8b, 0x03);
    outb(b, 0xc6, 2);
    outb(b, 0xc6, 0);
    outb(b, 0xd4, 1);
    g_assert_cmpuint(i8237_transfer(dev, 5, I8237_TO_MEMORY, words, 3, &tc), ==, 2);
    g_assert_cmpuint(i8237_transfer(dev, 5, I8237_TO_MEMORY, words + 2, 6, &tc), ==, 4);
    g_assert_true(tc);
    g_assert_cmpmem(b->ram.host + 0x30000, 6, "abcdef", 6);
    bench_destroy(b);
}

/* Verify counts and moves nothing; so does a device that was programmed the wrong way round. */
static void verify_and_disagreement(void)
{
    struct bench *b;
    struct device *dev = plug(&b);
    uint8_t bytes[] = "xyz";
    bool tc;

    program(b, 2, 0x40, 0x5000, 2);
    g_assert_cmpuint(i8237_transfer(dev, 2, I8237_TO_MEMORY, bytes, 3, &tc), ==, 3);
    g_assert_true(tc);
    g_assert_cmphex(b->ram.host[0x5000], ==, 0);
    program(b, 2, 0x48, 0x5000, 2);
    i8237_transfer(dev, 2, I8237_TO_MEMORY, bytes, 3, &tc);
    g_assert_cmphex(b->ram.host[0x5000], ==, 0);
    program(b, 2, 0x44, 0x5000, 2);
    i8237_transfer(dev, 2, I8237_FROM_MEMORY, bytes, 3, &tc);
    g_assert_cmpmem(bytes, 3, "\xff\xff\xff", 3);
    bench_destroy(b);
}

static void dma_reaches_memory_only(void)
{
    struct bench *b;
    struct device *dev = plug(&b);
    uint8_t bytes[4] = "abcd";
    bool tc;

    program(b, 2, 0x44, 0xffff00, 3); /* above the bench's RAM */
    g_assert_cmpuint(i8237_transfer(dev, 2, I8237_TO_MEMORY, bytes, 4, &tc), ==, 4);
    g_assert_cmpuint(dev->guest_faults, ==, 4);
    program(b, 2, 0x48, 0xffff00, 3);
    i8237_transfer(dev, 2, I8237_FROM_MEMORY, bytes, 4, &tc);
    g_assert_cmpmem(bytes, 4, "\xff\xff\xff\xff", 4);
    bench_destroy(b);
}

struct waiting {
    struct device *dev;
    unsigned calls;
    size_t moved;
};

static void go_on(void *opaque)
{
    struct waiting *w = opaque;
    uint8_t byte = '!';
    bool tc;

    w->calls++;
    w->moved += i8237_transfer(w->dev, 2, I8237_TO_MEMORY, &byte, 1, &tc);
}

/* The device asked first; the driver opens the channel, or the cascade, afterwards. */
static void a_request_waits_until_the_way_is_open(void)
{
    struct bench *b = bench_create();
    struct device *dev = bench_plug(b, &i8237_kind, NULL);
    struct waiting w = { .dev = dev };

    i8237_attach(dev, 2, go_on, &w);
    i8237_set_dreq(dev, 2, true);
    program(b, 2, 0x44, 0x6000, 9);
    g_assert_cmpuint(w.calls, ==, 0);
    open_cascade(b);
    g_assert_cmpuint(w.calls, ==, 1);
    outb(b, 0x08, 0x04); /* controller disabled */
    g_assert_cmpuint(w.calls, ==, 1);
    outb(b, 0x08, 0x00);
    g_assert_cmpuint(w.calls, ==, 2);
    g_assert_cmpuint(w.moved, ==, 2);
    i8237_set_dreq(dev, 2, false);
    outb(b, 0x0e, 0);
    g_assert_cmpuint(w.calls, ==, 2);
    i8237_attach(dev, 2, NULL, NULL);
    bench_destroy(b);
}

static void memory_to_memory_and_fill(void)
{
    struct bench *b;

    plug(&b);
    memcpy(b->ram.host + 0x2000, "hello", 5);
    program(b, 0, 0x88, 0x2000, 0);
    program(b, 1, 0x84, 0x3000, 4);
    outb(b, 0x08, 0x01);
    outb(b, 0x09, 0x04);
    g_assert_cmpmem(b->ram.host + 0x3000, 6, "hello", 6);
    g_assert_cmphex(inb(b, 0x0d), ==, 'o');
    g_assert_cmphex(inb(b, 0x08), ==, 0x02);
    /* The source stays: memory is filled. */
    program(b, 1, 0x84, 0x4000, 0xffff);
    program(b, 0, 0x88, 0x2000, 0);
    outb(b, 0x08, 0x03);
    outb(b, 0x09, 0x04);
    g_assert_cmphex(b->ram.host[0x4000], ==, 'h');
    g_assert_cmphex(b->ram.host[0x0001], ==, 'h'); /* it wrapped in its page */
    bench_destroy(b);
}

static void a_software_request_counts_to_the_end(void)
{
    struct bench *b;

    plug(&b);
    outb(b, 0x0a, 7);
    outb(b, 0x09, 7);
    g_assert_cmphex(inb(b, 0x08), ==, 0x80); /* masked: it waits */
    program(b, 3, 0x84, 0x7000, 99);
    g_assert_cmphex(inb(b, 0x08), ==, 0x08);
    g_assert_cmphex(b->ram.host[0x7000], ==, 0);
    bench_destroy(b);
}

static void any_access_at_any_time(void)
{
    struct bench *b;
    struct device *dev = plug(&b);
    g_autoptr(GRand) rand = g_rand_new_with_seed(8237);
    uint8_t bytes[64];
    bool tc;

    for (unsigned i = 0; i < 3000; i++) {
        uint32_t value = g_rand_int(rand);
        uint16_t port = (uint16_t)(value >> 8 & 0xff);
        switch (value % 4) {
        case 0: inl(b, port); break;
        case 1: outw(b, port, (uint16_t)(value >> 16)); break;
        case 2:
            i8237_set_dreq(dev, port % 9, (value & 0x10000) != 0);
            i8237_transfer(dev, port % 9, (value & 0x20000) != 0, bytes, sizeof(bytes), &tc);
            break;
        default: outb(b, port, (uint8_t)(value >> 16)); break;
        }
    }
    bench_save_load(b, dev, NULL);
    bench_destroy(b);
}

static void a_state_written_by_hand(void)
{
    struct bench *b;
    struct device *dev = plug(&b);
    uint8_t bytes[64];
    bool tc;

    for (uint32_t seed = 0; seed < 200; seed++) {
        dev = hostile_state(b, dev, NULL, seed);
        i8237_transfer(dev, seed % 8, seed / 8 % 2, bytes, sizeof(bytes), &tc);
        hostile_ports(b, seed % 2 != 0 ? 0x00 : 0xc0, 0x20, seed);
    }
    bench_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8237/reset", registers_after_reset);
    g_test_add_func("/i8237/floppy", a_floppy_reads_and_writes_a_sector);
    g_test_add_func("/i8237/auto-init", a_ring_starts_again_by_itself);
    g_test_add_func("/i8237/wrap", addresses_go_down_and_wrap_in_their_page);
    g_test_add_func("/i8237/words", word_channels);
    g_test_add_func("/i8237/verify", verify_and_disagreement);
    g_test_add_func("/i8237/memory-only", dma_reaches_memory_only);
    g_test_add_func("/i8237/ready", a_request_waits_until_the_way_is_open);
    g_test_add_func("/i8237/memory-to-memory", memory_to_memory_and_fill);
    g_test_add_func("/i8237/software", a_software_request_counts_to_the_end);
    g_test_add_func("/i8237/hostile", any_access_at_any_time);
    g_test_add_func("/i8237/hostile-state", a_state_written_by_hand);
    return g_test_run();
}
