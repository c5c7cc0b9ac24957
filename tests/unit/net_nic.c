#include "tests/unit/net_nic.h"

#include "base/loop.h"

#define DEADLINE_S 10

static bool can_receive(void *opaque)
{
    return ((struct test_nic *)opaque)->room > 0;
}

static unsigned receive(void *opaque, const struct net_packet *packets, unsigned n)
{
    struct test_nic *nic = opaque;
    unsigned taken = MIN(n, nic->room);

    for (unsigned i = 0; i < taken; i++) {
        guint8 *copy = g_malloc(packets[i].len);
        net_packet_read(&packets[i], 0, copy, packets[i].len);
        g_ptr_array_add(nic->packets, g_bytes_new_take(copy, packets[i].len));
    }
    nic->room -= taken;
    return taken;
}

static void writable(void *opaque)
{
    ((struct test_nic *)opaque)->writable++;
}

static void link_changed(void *opaque)
{
    ((struct test_nic *)opaque)->link_changes++;
}

static void unplugged(void *opaque)
{
    struct test_nic *nic = opaque;

    nic->unplugged++;
    nic->net = NULL;
}

static const struct net_nic_ops ops = {
    .can_receive = can_receive,
    .receive = receive,
    .writable = writable,
    .link_changed = link_changed,
    .unplugged = unplugged,
};

void test_nic_attach(struct test_nic *nic, struct net_backend *net)
{
    *nic = (struct test_nic){ .net = net, .room = UINT32_MAX };
    nic->packets = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_assert_cmpint(net_attach(net, &ops, nic, "nic", NULL), ==, 0);
}

void test_nic_release(struct test_nic *nic)
{
    net_detach(nic->net);
    g_ptr_array_unref(nic->packets);
}

unsigned test_nic_send(struct test_nic *nic, const void *frame, size_t len)
{
    struct iovec slice = { (void *)(uintptr_t)frame, len };
    struct net_packet packet = { &slice, 1, len, { 0 } };

    return net_send(nic->net, &packet, 1);
}

const uint8_t *test_nic_packet(const struct test_nic *nic, unsigned i, size_t *len)
{
    g_assert_cmpuint(i, <, nic->packets->len);
    return g_bytes_get_data(nic->packets->pdata[i], len);
}

static gboolean too_late(gpointer unused)
{
    g_error("what the test waits for did not happen in %d s", DEADLINE_S);
    return G_SOURCE_REMOVE;
}

void test_wait(const unsigned *value, unsigned wanted)
{
    guint deadline = g_timeout_add_seconds(DEADLINE_S, too_late, NULL);

    while (*value < wanted)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(deadline);
}

void test_nic_wait(struct test_nic *nic, unsigned n)
{
    test_wait(&nic->packets->len, n);
}
