#include "tests/unit/e1000_bench.h"

#include "net/packet.h"

#include <string.h>

/* ---- The wire ---- */

static unsigned wire_send(struct net_backend *backend, const struct net_packet *packets, unsigned n)
{
    struct wire *wire = (struct wire *)backend;
    unsigned taken = MIN(n, wire->room);

    for (unsigned i = 0; i < taken; i++) {
        guint8 *copy = g_malloc(packets[i].len);
        g_assert_cmpuint(net_packet_read(&packets[i], 0, copy, packets[i].len), ==, packets[i].len);
        g_ptr_array_add(wire->frames, g_bytes_new_take(copy, packets[i].len));
        wire->undone = packets[i].offload;
    }
    wire->room -= taken;
    return taken;
}

static void wire_resume(struct net_backend *backend)
{
    ((struct wire *)backend)->resumed++;
}

static void wire_destroy(struct net_backend *backend)
{
    g_ptr_array_unref(((struct wire *)backend)->frames);
    g_free(backend);
}

static const struct net_backend_ops wire_ops = {
    .kind = "wire", .send = wire_send, .resume = wire_resume, .destroy = wire_destroy
};

struct wire *wire_new(void)
{
    struct wire *wire = g_new0(struct wire, 1);

    net_backend_init(&wire->backend, &wire_ops, "wire");
    wire->backend.connected = true;
    wire->frames = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    wire->room = UINT32_MAX;
    return wire;
}

const uint8_t *wire_frame(struct wire *wire, unsigned i, size_t *len)
{
    g_assert_cmpuint(i, <, wire->frames->len);
    return g_bytes_get_data(wire->frames->pdata[i], len);
}

unsigned wire_deliver(struct wire *wire, const void *bytes, size_t len)
{
    struct iovec slice = { (void *)(uintptr_t)bytes, len };
    struct net_packet packet = { &slice, 1, len, { 0 } };

    return net_deliver(&wire->backend, &packet, 1);
}

void make_frame(uint8_t *frame, size_t len, const void *to)
{
    for (size_t i = 0; i < len; i++)
        frame[i] = (uint8_t)i;
    memcpy(frame, to, 6);
    put_be16(frame + 12, 0x88b5); /* local experiments */
}

void make_tcp4(uint8_t *frame, size_t len)
{
    uint8_t *ip = frame + 14, *tcp = ip + 20;

    make_frame(frame, len, own_mac);
    put_be16(frame + 12, 0x0800);
    ip[0] = 0x45;
    put_be16(ip + 2, (uint16_t)(len - 14));
    put_be16(ip + 6, 0);
    ip[9] = 6;
    put_be16(ip + 10, 0);
    put_be16(ip + 10, (uint16_t)~net_sum_fold(net_sum(0, ip, 20, false)));
    tcp[12] = 0x50;
    put_be16(tcp + 16, 0);
    uint64_t sum = net_sum(0, ip + 12, 8, false) + 6 + (len - 34);
    put_be16(tcp + 16, (uint16_t)~net_sum_fold(net_sum(sum, tcp, len - 34, false)));
}

/* ---- The driver ---- */

uint32_t reg_read(struct e1000_bench *t, unsigned offset)
{
    return (uint32_t)mmio_read(t->b, BAR + offset, 4);
}

void reg_write(struct e1000_bench *t, unsigned offset, uint32_t value)
{
    mmio_write(t->b, BAR + offset, value, 4);
}

uint16_t phy_read(struct e1000_bench *t, unsigned reg)
{
    reg_write(t, R_MDIC, MDIC_OP_READ | 1u << MDIC_PHY_SHIFT | reg << MDIC_REG_SHIFT);
    g_assert_cmphex(reg_read(t, R_MDIC) & (MDIC_READY | MDIC_ERROR), ==, MDIC_READY);
    return (uint16_t)reg_read(t, R_MDIC);
}

void phy_write(struct e1000_bench *t, unsigned reg, uint16_t value)
{
    reg_write(t, R_MDIC, MDIC_OP_WRITE | 1u << MDIC_PHY_SHIFT | reg << MDIC_REG_SHIFT | value);
}

uint8_t *ram(struct e1000_bench *t, uint32_t gpa)
{
    return t->b->ram.host + gpa;
}

struct e1000_bench *e1000_bench_create(const struct device_kind *kind)
{
    struct e1000_bench *t = g_new0(struct e1000_bench, 1);

    t->b = bench_create();
    t->wire = wire_new();
    t->b->host_service = t->wire;
    t->dev = bench_plug(t->b, kind, "netdev=wire,mac=52:54:00:aa:bb:cc,addr=3");
    cfg_write(t->b, 3, 0, PCI_BAR0, BAR, 4);
    cfg_write(t->b, 3, 0, PCI_BAR0 + 4, IO_BAR, 4);
    cfg_write(t->b, 3, 0, PCI_COMMAND, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY | PCI_COMMAND_IO, 2);
    bench_step(t->b, 600 * NS_PER_MS); /* auto-negotiation */
    reg_read(t, R_ICR);
    reg_write(t, R_IMS, ICR_CAUSES);
    return t;
}

void e1000_bench_destroy(struct e1000_bench *t)
{
    bench_destroy(t->b);
    net_destroy(&t->wire->backend);
    g_free(t);
}

void setup_tx(struct e1000_bench *t, unsigned n)
{
    reg_write(t, R_TCTL, 0);
    reg_write(t, R_TDBAL, TX_RING);
    reg_write(t, R_TDLEN, n * DESC_SIZE);
    reg_write(t, R_TDH, 0);
    reg_write(t, R_TDT, 0);
    reg_write(t, R_TCTL, TCTL_EN);
    t->tx_next = 0;
}

void setup_rx(struct e1000_bench *t, unsigned n, uint32_t extra)
{
    for (unsigned i = 0; i < n; i++) {
        memset(ram(t, RX_RING + i * DESC_SIZE), 0, DESC_SIZE);
        put_le64(ram(t, RX_RING + i * DESC_SIZE), RX_DATA + i % 64 * RX_STEP);
    }
    reg_write(t, R_RCTL, 0);
    reg_write(t, R_RDBAL, RX_RING);
    reg_write(t, R_RDLEN, n * DESC_SIZE);
    reg_write(t, R_RDH, 0);
    reg_write(t, R_RDT, n - 1);
    reg_write(t, R_RCTL, RCTL_EN | RCTL_BAM | extra);
}

void put_desc(struct e1000_bench *t, uint64_t low, uint32_t command, uint32_t status)
{
    uint8_t *desc = ram(t, TX_RING + t->tx_next * DESC_SIZE);

    put_le64(desc, low);
    put_le32(desc + TDESC_COMMAND, command);
    put_le32(desc + TDESC_STATUS, status);
    t->tx_next = (t->tx_next + 1) % (reg_read(t, R_TDLEN) / DESC_SIZE);
}

void kick(struct e1000_bench *t)
{
    reg_write(t, R_TDT, t->tx_next);
}

uint8_t tx_status(struct e1000_bench *t, unsigned n)
{
    return *ram(t, TX_RING + n * DESC_SIZE + TDESC_STATUS);
}

const uint8_t *rx_desc(struct e1000_bench *t, unsigned n)
{
    return ram(t, RX_RING + n * DESC_SIZE);
}
