/*
 * A bench for the e1000: the chip on a testbench, a wire that the test holds the other end of, and
 * as much of a driver as it takes to give it rings.
 */
#ifndef TESTS_UNIT_E1000_BENCH_H
#define TESTS_UNIT_E1000_BENCH_H

#include "hw/net/e1000.h"
#include "hw/net/e1000_regs.h"
#include "net/backend.h"
#include "tests/unit/testbench.h"

#define BAR     0xf0000000u
#define IO_BAR  0xc000u
#define TX_RING 0x10000u
#define RX_RING 0x20000u
#define TX_DATA 0x100000u
#define RX_DATA 0x200000u /* buffer n is at RX_DATA + n * RX_STEP */
#define RX_STEP 0x4000u
#define RINGS   64 /* descriptors in each, unless the test says otherwise */

static const uint8_t own_mac[6] = { 0x52, 0x54, 0x00, 0xaa, 0xbb, 0xcc };

/* Registers that the stories name. */
enum {
    R_CTRL = 0x0000,
    R_STATUS = 0x0008,
    R_EECD = 0x0010,
    R_EERD = 0x0014,
    R_MDIC = 0x0020,
    R_ICR = 0x00c0,
    R_ITR = 0x00c4,
    R_ICS = 0x00c8,
    R_IMS = 0x00d0,
    R_IMC = 0x00d8,
    R_RCTL = 0x0100,
    R_TCTL = 0x0400,
    R_RDBAL = 0x2800,
    R_RDLEN = 0x2808,
    R_RDH = 0x2810,
    R_RDT = 0x2818,
    R_RDTR = 0x2820,
    R_RADV = 0x282c,
    R_RSRPD = 0x2c00,
    R_TDBAL = 0x3800,
    R_TDBAH = 0x3804,
    R_TDLEN = 0x3808,
    R_TDH = 0x3810,
    R_TDT = 0x3818,
    R_TIDV = 0x3820,
    R_TADV = 0x382c,
    R_RXCSUM = 0x5000,
    R_MTA = 0x5200,
    R_RA = 0x5400,
    R_VFTA = 0x5600,
};

struct e1000_bench {
    struct bench *b;
    struct device *dev;
    struct wire *wire;
    unsigned tx_next; /* where the driver writes the next transmit descriptor */
};

/* The chip with its link up, bus master, interrupts unmasked, and no rings. */
struct e1000_bench *e1000_bench_create(const struct device_kind *kind);
void e1000_bench_destroy(struct e1000_bench *t);

uint32_t reg_read(struct e1000_bench *t, unsigned offset);
void reg_write(struct e1000_bench *t, unsigned offset, uint32_t value);
uint16_t phy_read(struct e1000_bench *t, unsigned reg);
void phy_write(struct e1000_bench *t, unsigned reg, uint16_t value);
uint8_t *ram(struct e1000_bench *t, uint32_t gpa);

/* Rings of n descriptors; the receive ring gets n - 1 buffers. extra: bits for RCTL. */
void setup_tx(struct e1000_bench *t, unsigned n);
void setup_rx(struct e1000_bench *t, unsigned n, uint32_t extra);

/* Writes one descriptor; kick() hands all that were written to the chip. */
void put_desc(struct e1000_bench *t, uint64_t low, uint32_t command, uint32_t status);
void kick(struct e1000_bench *t);
/* The status byte of transmit descriptor n. */
uint8_t tx_status(struct e1000_bench *t, unsigned n);
/* Field of receive descriptor n. */
const uint8_t *rx_desc(struct e1000_bench *t, unsigned n);

/* ---- The wire ---- */

struct wire {
    struct net_backend backend;
    GPtrArray *frames;         /* GBytes: what the chip sent */
    struct net_offload undone; /* of the last one */
    unsigned room;             /* packets it still takes */
    unsigned resumed;
};

struct wire *wire_new(void);
const uint8_t *wire_frame(struct wire *wire, unsigned i, size_t *len);
/* Gives a frame to the chip: 1 if it was taken, else 0. */
unsigned wire_deliver(struct wire *wire, const void *bytes, size_t len);

/* An Ethernet frame to `to` (6 bytes) of len bytes, whose data counts up. */
void make_frame(uint8_t *frame, size_t len, const void *to);
/* A TCP/IPv4 frame with right checksums. */
void make_tcp4(uint8_t *frame, size_t len);

#endif
