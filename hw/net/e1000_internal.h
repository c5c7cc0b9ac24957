/*
 * The controller's struct, and what its parts (e1000_*.c) offer each other.
 */
#ifndef HW_NET_E1000_INTERNAL_H
#define HW_NET_E1000_INTERNAL_H

#include "hw/core/clock.h"
#include "hw/core/pci.h"
#include "hw/core/regs.h"
#include "hw/net/e1000_regs.h"
#include "net/backend.h"

#define E1000_EEPROM_WORDS 64

/* Offload parameters of a context descriptor (SDM 3.3.6). */
struct e1000_context {
    uint8_t ipcss, ipcso, tucss, tucso, hdrlen;
    uint16_t ipcse, tucse, mss;
    bool ip4, tcp;
};

/* The serial port of the 93C46 EEPROM: what was clocked in and what is to be clocked out. */
struct e1000_microwire {
    uint32_t in;      /* bits since the start bit, newest lowest */
    uint8_t in_count; /* of them; 0: no start bit yet */
    uint16_t out;     /* bits to come, next one highest */
    uint8_t out_count, address;
    bool reading, level; /* level: of the DO pin */
    bool write_enabled;
};

struct e1000 {
    struct pci_device pci;

    /* Registers, as chapter 13 lists them. Offsets and masks: the table in e1000.c. */
    uint32_t ctrl, eecd, eerd, ctrl_ext, mdic, fcal, fcah, fct, vet;
    uint32_t icr, itr, ims, rctl, fcttv, txcw, rxcw, tctl, tipg, ait, ledctl, pba;
    uint32_t fcrtl, fcrth, rdfh, rdft, rdfhs, rdfts, rdfpc;
    uint32_t rdbal, rdbah, rdlen, rdh, rdt, rdtr, rxdctl, radv, rsrpd;
    uint32_t tdfh, tdft, tdfhs, tdfts, tdfpc;
    uint32_t tdbal, tdbah, tdlen, tdh, tdt, tidv, txdctl, tadv, tspmt;
    uint32_t stats[64];
    uint32_t rxcsum, mta[128], ra[32], vfta[128];
    uint32_t wuc, wufc, wus, manc, ipav, ip4at[8], ip6at[4], wupl, wupm[32];
    uint32_t fflt[8], ffmt[256], ffvt[256];
    uint32_t ioaddr;
    uint16_t phy[PHY_REGISTERS], eeprom[E1000_EEPROM_WORDS];

    /* Internal state. */
    struct e1000_microwire microwire;
    struct e1000_context context[2]; /* [1]: for segmentation */
    bool link;                       /* the PHY has one */
    struct timer link_timer;         /* end of auto-negotiation */
    struct timer itr_timer;          /* end of the pause between interrupts */
    struct timer rx_timer, rx_absolute_timer, tx_timer, tx_absolute_timer;
    struct timer tx_resume;      /* a ring walk ran out of its budget */
    struct timer loopback_timer; /* frames wait in the loopback queue */

    /* Host. */
    GQueue loopback; /* GBytes: frames on their way back in; like those on a wire, never saved */
    size_t loopback_bytes;
    bool rx_stalled; /* a frame found no descriptors */
    bool tx_busy;    /* inside e1000_transmit() */
    struct region mmio, io;
    struct net_backend *net;

    /* Properties. */
    char *mac;
    uint32_t bootindex;
};

/* A ring of descriptors, as the guest set it up. */
struct e1000_ring {
    uint64_t base;
    uint32_t size, head, tail; /* in descriptors */
};

/* false: no ring, or an index outside of it; nothing may be done then. */
static inline bool e1000_ring(struct e1000_ring *ring, uint32_t bal, uint32_t bah, uint32_t len,
                              uint32_t head, uint32_t tail)
{
    *ring = (struct e1000_ring){ (uint64_t)bah << 32 | bal, (len & 0xfff80) / DESC_SIZE, head,
                                 tail };
    return head < ring->size && tail < ring->size;
}

static inline uint32_t e1000_ring_used(const struct e1000_ring *ring)
{
    return ring->tail >= ring->head ? ring->tail - ring->head
                                    : ring->size - ring->head + ring->tail;
}

/* e1000_ring.c: copies n descriptors from the head on (n <= used). false: not all is memory. */
bool e1000_ring_fetch(struct e1000 *d, const struct e1000_ring *ring, void *to, uint32_t n);
/* Writes back what `write` makes of the n descriptors from the head on, in place and in order. */
void e1000_ring_update(struct e1000 *d, const struct e1000_ring *ring, uint32_t n,
                       void (*write)(uint8_t *desc, const void *from, uint32_t i),
                       const void *from);

/* e1000_irq.c */
void e1000_irq_init(struct e1000 *d);
void e1000_irq_reset(struct e1000 *d);               /* no timer runs, the pin is low */
void e1000_raise(struct e1000 *d, uint32_t causes);  /* ICR bits */
void e1000_update_irq(struct e1000 *d);              /* after ICR, IMS or ITR changed */
void e1000_received(struct e1000 *d);                /* a frame is in memory: RXT0, now or later */
void e1000_transmitted(struct e1000 *d, bool delay); /* status was reported: TXDW, now or later */
uint64_t e1000_read_icr(void *dev, unsigned index, uint64_t stored);
void e1000_write_icr(void *dev, unsigned index, uint64_t old, uint64_t value);
void e1000_write_itr(void *dev, unsigned index, uint64_t old, uint64_t value);
void e1000_write_ics(void *dev, unsigned index, uint64_t old, uint64_t value);
void e1000_write_ims(void *dev, unsigned index, uint64_t old, uint64_t value);
void e1000_write_imc(void *dev, unsigned index, uint64_t old, uint64_t value);
void e1000_write_rdtr(void *dev, unsigned index, uint64_t old, uint64_t value);

/* e1000_tx.c */
void e1000_tx_init(struct e1000 *d);
void e1000_tx_reset(struct e1000 *d);
void e1000_transmit(struct e1000 *d); /* there may be something to send, or room for it */
void e1000_write_tx(void *dev, unsigned index, uint64_t old, uint64_t value);

/* e1000_rx.c: as struct net_nic_ops' receive() and can_receive(). */
bool e1000_can_receive(void *dev);
unsigned e1000_receive(void *dev, const struct net_packet *packets, unsigned n);
void e1000_rx_refilled(struct e1000 *d); /* descriptors or permission to receive came */
void e1000_write_rdt(void *dev, unsigned index, uint64_t old, uint64_t value);
unsigned e1000_store(struct e1000 *d, const struct net_packet *packets, unsigned n);

/* e1000_checksum.c: status bits for a frame's checksums; *errors gets RDESC_IPE and RDESC_TCPE. */
uint8_t e1000_rx_checksum(const struct e1000 *d, const struct net_packet *packet, uint8_t *errors);

/* e1000_filter.c */
enum e1000_match { E1000_REJECT, E1000_EXACT, E1000_INEXACT };
enum e1000_match e1000_filter(const struct e1000 *d, const uint8_t *head);
bool e1000_is_vlan(const struct e1000 *d, const uint8_t *head);
void e1000_fill_rx_filter(void *dev, struct net_rx_filter *filter);
void e1000_write_filter(void *dev, unsigned index, uint64_t old, uint64_t value);
void e1000_write_ra(void *dev, unsigned index, uint64_t old, uint64_t value);
void e1000_write_rctl(void *dev, unsigned index, uint64_t old, uint64_t value);

/* e1000_loopback.c */
void e1000_loopback_init(struct e1000 *d);
void e1000_loopback_clear(struct e1000 *d);
bool e1000_loopback_on(const struct e1000 *d);
unsigned e1000_loopback_send(struct e1000 *d, const struct net_packet *packets, unsigned n);
void e1000_loopback_resume(struct e1000 *d);

/* e1000_eeprom.c */
void e1000_eeprom_init(struct e1000 *d, const uint8_t *mac);
void e1000_eeprom_load_address(struct e1000 *d); /* RAL0/RAH0 from words 0 to 2 */
uint64_t e1000_read_eecd(void *dev, unsigned index, uint64_t stored);
void e1000_write_eecd(void *dev, unsigned index, uint64_t old, uint64_t value);
void e1000_write_eerd(void *dev, unsigned index, uint64_t old, uint64_t value);

/* e1000_phy.c */
void e1000_phy_init(struct e1000 *d);
void e1000_phy_reset(struct e1000 *d);
void e1000_phy_cable(struct e1000 *d); /* the cable was plugged in or out */
void e1000_write_mdic(void *dev, unsigned index, uint64_t old, uint64_t value);

/* e1000_stats.c */
void e1000_count_rx(struct e1000 *d, const uint8_t *head, size_t len, enum e1000_match match);
void e1000_count_tx(struct e1000 *d, const uint8_t *head, size_t len, unsigned frames);
void e1000_count(struct e1000 *d, unsigned offset, uint32_t n); /* one counter, by its offset */
uint64_t e1000_read_stats(void *dev, unsigned index, uint64_t stored);

#endif
