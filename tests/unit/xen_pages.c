/*
 * What the Xen core does without a Xen: the ring of buffered writes, and which addresses are
 * claimed while regions come, overlap and go.
 */
#include <string.h>

#include "ioreq/xen_ranges.h"
#include "ioreq/xen_ring.h"

/* ---- The ring, with Xen's part played by the test ---- */

/* A slot as Xen fills it: a write of 1 << size_code bytes. */
static uint64_t slot(unsigned type, unsigned size_code, uint32_t addr, uint32_t data)
{
    return type | (uint64_t)size_code << 10 | (uint64_t)addr << 12 | (uint64_t)data << 32;
}

static void push(struct xen_ring *ring, uint64_t value)
{
    ring->slot[ring->write_pointer++ % XEN_RING_SLOTS] = value;
}

static void a_write_to_the_screen_comes_out_as_it_went_in(void)
{
    struct xen_ring *ring = g_new0(struct xen_ring, 1);
    struct ioreq req;

    g_assert_true(xen_ring_empty(ring));
    g_assert_false(xen_ring_take(ring, &req));
    push(ring, slot(IOREQ_TYPE_COPY, 1, 0xb8000, 0x0741));
    g_assert_false(xen_ring_empty(ring));
    g_assert_true(xen_ring_take(ring, &req));
    g_assert_cmphex(req.addr, ==, 0xb8000);
    g_assert_cmphex(req.data, ==, 0x0741);
    g_assert_cmpuint(req.size, ==, 2);
    g_assert_cmpuint(req.count, ==, 1);
    g_assert_cmpuint(req.type, ==, IOREQ_TYPE_COPY);
    g_assert_cmphex(req.flags, ==, 0);
    g_assert_true(xen_ring_empty(ring));
    g_free(ring);
}

static void eight_bytes_take_two_slots(void)
{
    struct xen_ring *ring = g_new0(struct xen_ring, 1);
    struct ioreq req;

    push(ring, slot(IOREQ_TYPE_TIMEOFFSET, 3, 0, 0xfffffff0));
    g_assert_false(xen_ring_take(ring, &req)); /* its second half is not there */
    push(ring, slot(IOREQ_TYPE_TIMEOFFSET, 3, 0, 0xffffffff));
    g_assert_true(xen_ring_take(ring, &req));
    g_assert_cmpint((int64_t)req.data, ==, -16);
    g_assert_cmpuint(req.size, ==, 8);
    g_assert_cmpuint(ring->read_pointer, ==, 2);
    g_free(ring);
}

static void pointers_run_on_round_after_round(void)
{
    struct xen_ring *ring = g_new0(struct xen_ring, 1);
    struct ioreq req;

    ring->read_pointer = ring->write_pointer = XEN_RING_SLOTS * 3 - 1;
    push(ring, slot(IOREQ_TYPE_COPY, 3, 0xa0000, 0x11111111)); /* the last slot, and the first */
    push(ring, slot(IOREQ_TYPE_COPY, 3, 0xa0000, 0x22222222));
    g_assert_true(xen_ring_take(ring, &req));
    g_assert_cmphex(req.data, ==, UINT64_C(0x2222222211111111));
    for (unsigned i = 0; i < XEN_RING_SLOTS; i++)
        push(ring, slot(IOREQ_TYPE_COPY, 0, 0xa0000 + i, i & 0xff));
    for (unsigned i = 0; i < XEN_RING_SLOTS; i++) {
        g_assert_true(xen_ring_take(ring, &req));
        g_assert_cmphex(req.addr, ==, 0xa0000 + i);
    }
    g_assert_true(xen_ring_empty(ring));
    g_free(ring);
}

static void more_than_a_ring_holds_is_nonsense(void)
{
    struct xen_ring *ring = g_new0(struct xen_ring, 1);
    struct ioreq req;

    ring->write_pointer = XEN_RING_SLOTS + 1;
    g_assert_false(xen_ring_take(ring, &req));
    g_assert_cmpuint(ring->read_pointer, ==, 0);
    g_free(ring);
}

/* ---- Ranges, against a hypervisor that takes each address once ---- */

static bool claimed[256];

static void hypervisor(void *opaque, enum bus_space space, uint64_t first, uint64_t last, bool on)
{
    g_assert_cmpint(space, ==, BUS_PIO);
    for (uint64_t port = first; port <= last; port++) {
        g_assert_cmpint(claimed[port], !=, on); /* EEXIST, or ENOENT */
        claimed[port] = on;
    }
}

static struct region ports(uint64_t base, uint64_t size)
{
    return (struct region){ .space = BUS_PIO, .base = base, .size = size, .mapped = true };
}

static void a_port_inside_another_chips_range_is_claimed_once(void)
{
    struct region host_bridge = ports(0xc8, 8), reset_control = ports(0xc9, 1);
    struct xen_ranges ranges;

    memset(claimed, 0, sizeof(claimed));
    xen_ranges_init(&ranges, hypervisor, NULL);
    xen_ranges_add(&ranges, &reset_control);
    xen_ranges_add(&ranges, &host_bridge);
    for (unsigned port = 0xc7; port <= 0xd0; port++)
        g_assert_cmpint(claimed[port], ==, port >= 0xc8 && port < 0xd0);
    xen_ranges_remove(&ranges, &host_bridge);
    for (unsigned port = 0xc7; port <= 0xd0; port++)
        g_assert_cmpint(claimed[port], ==, port == 0xc9);
    xen_ranges_remove(&ranges, &reset_control);
    g_assert_false(claimed[0xc9]);
    xen_ranges_remove(&ranges, &reset_control); /* it is not there: nothing happens */
    xen_ranges_clear(&ranges);
}

/* Whatever comes and goes, exactly what some region covers is claimed. */
static void any_regions(void)
{
    struct region r[12];
    bool there[12] = { false };
    struct xen_ranges ranges;

    memset(claimed, 0, sizeof(claimed));
    xen_ranges_init(&ranges, hypervisor, NULL);
    for (unsigned step = 0; step < 2000; step++) {
        unsigned n = (unsigned)g_test_rand_int_range(0, G_N_ELEMENTS(r));
        if (there[n]) {
            xen_ranges_remove(&ranges, &r[n]);
        } else {
            uint64_t base = (uint64_t)g_test_rand_int_range(0, 256);
            r[n] = ports(base, (uint64_t)g_test_rand_int_range(1, 257 - (int)base));
            xen_ranges_add(&ranges, &r[n]);
        }
        there[n] = !there[n];
        for (unsigned port = 0; port < 256; port++) {
            bool covered = false;
            for (unsigned i = 0; i < G_N_ELEMENTS(r); i++)
                covered |= there[i] && port >= r[i].base && port < r[i].base + r[i].size;
            g_assert_cmpint(claimed[port], ==, covered);
        }
    }
    xen_ranges_clear(&ranges);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/xen/ring/write", a_write_to_the_screen_comes_out_as_it_went_in);
    g_test_add_func("/xen/ring/eight-bytes", eight_bytes_take_two_slots);
    g_test_add_func("/xen/ring/round", pointers_run_on_round_after_round);
    g_test_add_func("/xen/ring/nonsense", more_than_a_ring_holds_is_nonsense);
    g_test_add_func("/xen/ranges/inside", a_port_inside_another_chips_range_is_claimed_once);
    g_test_add_func("/xen/ranges/any", any_regions);
    return g_test_run();
}
