/* The e1000's registers: identity, EEPROM, PHY and link, interrupts, statistics, saved state. */
#include "tests/unit/e1000_bench.h"

#include <string.h>

static void a_driver_finds_the_chip(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    g_assert_cmphex(cfg_read(t->b, 3, 0, PCI_VENDOR_ID, 4), ==, 0x100e8086);
    g_assert_cmphex(cfg_read(t->b, 3, 0, PCI_CLASS_CODE - 1, 4) >> 8, ==, 0x020000);
    g_assert_cmphex(reg_read(t, R_RA), ==, get_le32(own_mac));
    g_assert_cmphex(reg_read(t, R_RA + 4), ==, RAH_AV | get_le16(own_mac + 4));
    g_assert_cmphex(reg_read(t, R_STATUS) & 0xc3, ==, 0x83); /* 1000 Mb/s, full duplex, link */
    e1000_bench_destroy(t);
    t = e1000_bench_create(&e1000_82545em_kind);
    g_assert_cmphex(cfg_read(t->b, 3, 0, PCI_VENDOR_ID, 4), ==, 0x100f8086);
    e1000_bench_destroy(t);
}

static void the_io_bar_is_a_window(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    outl(t->b, IO_BAR, R_VFTA + 8);
    outl(t->b, IO_BAR + 4, 0x12345678);
    g_assert_cmphex(reg_read(t, R_VFTA + 8), ==, 0x12345678);
    g_assert_cmphex(inl(t->b, IO_BAR + 4), ==, 0x12345678);
    outl(t->b, IO_BAR, 0xfffffffc); /* beyond the registers */
    g_assert_cmphex(inl(t->b, IO_BAR + 4), ==, 0);
    e1000_bench_destroy(t);
}

/* What the self-test of Linux' driver writes and wants to read back. */
static void registers_keep_the_bits_they_have(void)
{
    static const struct {
        uint32_t offset, mask, write;
    } reg[] = {
        { 0x0028, 0xffffffff, 0xffffffff }, { 0x002c, 0x0000ffff, 0xffffffff },
        { 0x0030, 0x0000ffff, 0xffffffff }, { 0x0038, 0x0000ffff, 0xffffffff },
        { 0x2820, 0x0000ffff, 0xffffffff }, { 0x2804, 0xffffffff, 0xffffffff },
        { 0x2808, 0x000fff80, 0x000fffff }, { 0x2810, 0x0000ffff, 0x0000ffff },
        { 0x2818, 0x0000ffff, 0x0000ffff }, { 0x2168, 0x0000fff8, 0x0000fff8 },
        { 0x0170, 0x0000ffff, 0x0000ffff }, { 0x0410, 0x3fffffff, 0x3fffffff },
        { 0x3804, 0xffffffff, 0xffffffff }, { 0x3808, 0x000fff80, 0x000fffff },
        { 0x2800, 0xfffffff0, 0xffffffff }, { 0x0178, 0xc000ffff, 0x0000ffff },
        { 0x3800, 0xfffffff0, 0xffffffff }, { 0x3820, 0x0000ffff, 0x0000ffff },
        { 0x540c, 0x8003ffff, 0xffffffff }, { 0x53fc, 0xffffffff, 0xffffffff },
    };
    static const uint32_t pattern[] = { 0x5a5a5a5a, 0xa5a5a5a5, 0, 0xffffffff };
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    for (size_t i = 0; i < G_N_ELEMENTS(reg); i++) {
        for (size_t k = 0; k < G_N_ELEMENTS(pattern); k++) {
            reg_write(t, reg[i].offset, reg[i].write & pattern[k]);
            g_assert_cmphex(reg_read(t, reg[i].offset), ==,
                            reg[i].write & pattern[k] & reg[i].mask);
        }
    }
    reg_write(t, R_RCTL, 0x06dfb3fe & 0x003ffffb);
    g_assert_cmphex(reg_read(t, R_RCTL), ==, 0x06dfb3fe & 0x003ffffb);
    e1000_bench_destroy(t);
}

/* ---- EEPROM ---- */

static uint16_t eerd(struct e1000_bench *t, unsigned word)
{
    reg_write(t, R_EERD, word << EERD_ADDR_SHIFT | EERD_START);
    g_assert_true((reg_read(t, R_EERD) & EERD_DONE) != 0);
    return (uint16_t)(reg_read(t, R_EERD) >> EERD_DATA_SHIFT);
}

static void clock_bit(struct e1000_bench *t, bool bit)
{
    uint32_t eecd = EECD_EE_REQ | EECD_CS | (bit ? EECD_DI : 0);

    reg_write(t, R_EECD, eecd);
    reg_write(t, R_EECD, eecd | EECD_SK);
    reg_write(t, R_EECD, eecd);
}

static void clock_out(struct e1000_bench *t, unsigned value, unsigned bits)
{
    while (bits-- > 0)
        clock_bit(t, (value >> bits & 1) != 0);
}

static uint16_t clock_in(struct e1000_bench *t)
{
    uint16_t value = 0;

    for (unsigned i = 0; i < 16; i++) {
        clock_bit(t, false);
        value = (uint16_t)(value << 1 | ((reg_read(t, R_EECD) & EECD_DO) != 0));
    }
    return value;
}

static void deselect(struct e1000_bench *t)
{
    reg_write(t, R_EECD, EECD_EE_REQ);
}

static void the_eeprom_holds_address_and_checksum(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint16_t sum = 0;

    for (unsigned i = 0; i < 64; i++)
        sum = (uint16_t)(sum + eerd(t, i));
    g_assert_cmphex(sum, ==, 0xbaba);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmphex(eerd(t, i), ==, get_le16(own_mac + 2 * i));
    g_assert_cmphex(eerd(t, 200), ==, 0xffff);
    e1000_bench_destroy(t);
}

static void the_eeprom_is_read_and_written_bit_by_bit(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    reg_write(t, R_EECD, EECD_EE_REQ);
    g_assert_true((reg_read(t, R_EECD) & EECD_EE_GNT) != 0);
    clock_out(t, 0x6, 3); /* start, READ */
    clock_out(t, 1, 6);
    g_assert_cmphex(reg_read(t, R_EECD) & EECD_DO, ==, 0); /* the dummy bit */
    g_assert_cmphex(clock_in(t), ==, get_le16(own_mac + 2));
    g_assert_cmphex(clock_in(t), ==, get_le16(own_mac + 4)); /* the next word, by itself */
    deselect(t);
    clock_out(t, 0x5, 3); /* WRITE, which is not enabled */
    clock_out(t, 0x30, 6);
    clock_out(t, 0x1234, 16);
    deselect(t);
    g_assert_cmphex(eerd(t, 0x30), ==, 0xffff);
    clock_out(t, 0x4, 3); /* EWEN */
    clock_out(t, 0x30, 6);
    deselect(t);
    clock_out(t, 0x5, 3);
    clock_out(t, 0x30, 6);
    clock_out(t, 0x1234, 16);
    deselect(t);
    g_assert_cmphex(reg_read(t, R_EECD) & EECD_DO, ==, EECD_DO); /* ready */
    g_assert_cmphex(eerd(t, 0x30), ==, 0x1234);
    e1000_bench_destroy(t);
}

/* ---- PHY and link ---- */

static void the_link_comes_up_after_negotiation(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    g_assert_cmphex(phy_read(t, PHY_PID), ==, 0x0141);
    g_assert_cmphex(phy_read(t, PHY_EPID), ==, 0x0c20);
    phy_read(t, PHY_PSTATUS);
    g_assert_cmphex(phy_read(t, PHY_PSTATUS), ==, 0x7949 | PSTATUS_ANC | PSTATUS_LINK);

    phy_write(t, PHY_PCTRL, 0x1140 | PCTRL_RESTART);
    g_assert_cmphex(phy_read(t, PHY_PCTRL), ==, 0x1140);
    g_assert_cmphex(reg_read(t, R_STATUS) & STATUS_LU, ==, 0);
    g_assert_cmphex(reg_read(t, R_ICR), ==, ICR_LSC);
    bench_step(t->b, 400 * NS_PER_MS);
    g_assert_cmphex(phy_read(t, PHY_PSTATUS) & PSTATUS_ANC, ==, 0);
    g_assert_false(t->b->intx[0].level);
    bench_step(t->b, 200 * NS_PER_MS);
    g_assert_true(t->b->intx[0].level);
    g_assert_cmphex(reg_read(t, R_ICR), ==, ICR_LSC);
    g_assert_cmphex(reg_read(t, R_STATUS) & STATUS_LU, ==, STATUS_LU);
    g_assert_cmphex(phy_read(t, PHY_PSTATUS) & PSTATUS_LINK, ==, 0); /* it had been lost */
    g_assert_cmphex(phy_read(t, PHY_PSTATUS) & PSTATUS_LINK, ==, PSTATUS_LINK);
    g_assert_cmphex(phy_read(t, PHY_GSTATUS) & 0x0800, ==, 0x0800); /* partner: 1000 Mb/s */
    e1000_bench_destroy(t);
}

static void the_guest_sees_the_cable(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    net_set_link(&t->wire->backend, false);
    g_assert_cmphex(reg_read(t, R_ICR), ==, ICR_LSC);
    g_assert_cmphex(reg_read(t, R_STATUS) & STATUS_LU, ==, 0);
    bench_step(t->b, NS_PER_S);
    g_assert_cmphex(reg_read(t, R_STATUS) & STATUS_LU, ==, 0);
    net_set_link(&t->wire->backend, true);
    bench_step(t->b, NS_PER_S);
    g_assert_cmphex(reg_read(t, R_ICR), ==, ICR_LSC);
    g_assert_cmphex(reg_read(t, R_STATUS) & STATUS_LU, ==, STATUS_LU);
    e1000_bench_destroy(t);
}

static void only_phy_1_answers(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    reg_write(t, R_MDIC, MDIC_OP_READ | MDIC_INT | 2u << MDIC_PHY_SHIFT);
    g_assert_cmphex(reg_read(t, R_MDIC) & (MDIC_READY | MDIC_ERROR), ==, MDIC_READY | MDIC_ERROR);
    g_assert_cmphex(reg_read(t, R_ICR), ==, ICR_MDAC);
    e1000_bench_destroy(t);
}

/* CTRL.RST keeps the link; what the driver had set up is gone. */
static void a_software_reset(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_rx(t, RINGS, 0);
    reg_write(t, R_RA, 0);
    reg_write(t, R_CTRL, CTRL_RST);
    g_assert_cmphex(reg_read(t, R_CTRL) & CTRL_RST, ==, 0);
    g_assert_cmphex(reg_read(t, R_RCTL), ==, 0);
    g_assert_cmphex(reg_read(t, R_RDLEN), ==, 0);
    g_assert_cmphex(reg_read(t, R_RA), ==, get_le32(own_mac));
    g_assert_cmphex(reg_read(t, R_STATUS) & STATUS_LU, ==, STATUS_LU);
    e1000_bench_destroy(t);
}

/* ---- Interrupts ---- */

static void cause_and_mask(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    reg_write(t, R_IMC, 0xffffffff);
    for (unsigned i = 0; i < 10; i++) {
        uint32_t bit = 1u << i;

        reg_write(t, R_ICS, bit);
        g_assert_false(t->b->intx[0].level);
        reg_write(t, R_IMS, bit);
        g_assert_true(t->b->intx[0].level);
        g_assert_cmphex(reg_read(t, R_ICR), ==, bit);
        g_assert_false(t->b->intx[0].level);
        reg_write(t, R_IMC, bit);
    }
    reg_write(t, R_IMS, 3);
    reg_write(t, R_ICS, 3);
    reg_write(t, R_ICR, 1); /* writing a one clears one */
    g_assert_true(t->b->intx[0].level);
    g_assert_cmphex(reg_read(t, R_ICR), ==, 2);
    e1000_bench_destroy(t);
}

static void interrupts_are_throttled(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    reg_write(t, R_ITR, 500); /* 128 us */
    reg_write(t, R_ICS, ICR_RXT0);
    g_assert_true(t->b->intx[0].level);
    reg_read(t, R_ICR);
    reg_write(t, R_ICS, ICR_RXT0);
    g_assert_false(t->b->intx[0].level);
    bench_step(t->b, 127 * NS_PER_US);
    g_assert_false(t->b->intx[0].level);
    bench_step(t->b, 2 * NS_PER_US);
    g_assert_true(t->b->intx[0].level);
    reg_read(t, R_ICR);
    reg_write(t, R_ICS, ICR_RXT0);
    g_assert_false(t->b->intx[0].level);
    reg_write(t, R_ITR, 0); /* off: what waited is due */
    g_assert_true(t->b->intx[0].level);
    e1000_bench_destroy(t);
}

static void receive_interrupts_are_delayed(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[60];

    setup_rx(t, RINGS, 0);
    make_frame(frame, sizeof(frame), own_mac);
    reg_write(t, R_RDTR, 10);
    reg_write(t, R_RADV, 25);
    for (unsigned i = 0; i < 3; i++) { /* each one starts the packet timer again */
        wire_deliver(t->wire, frame, sizeof(frame));
        bench_step(t->b, 8 * NS_PER_US);
        g_assert_false(t->b->intx[0].level);
    }
    bench_step(t->b, 2 * NS_PER_US); /* 26 us after the first: the absolute timer */
    g_assert_cmphex(reg_read(t, R_ICR), ==, ICR_RXT0);
    bench_step(t->b, 100 * NS_PER_US);
    g_assert_false(t->b->intx[0].level);
    wire_deliver(t->wire, frame, sizeof(frame));
    reg_write(t, R_RDTR, 10 | RDTR_FPD);
    g_assert_true(t->b->intx[0].level);
    reg_read(t, R_ICR);
    reg_write(t, R_RSRPD, 60);
    wire_deliver(t->wire, frame, sizeof(frame));
    g_assert_cmphex(reg_read(t, R_ICR), ==, ICR_SRPD); /* small: at once */
    e1000_bench_destroy(t);
}

/* ---- Statistics and state ---- */

static void statistics_are_cleared_by_reading(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[1000];

    setup_rx(t, RINGS, 0);
    make_frame(frame, sizeof(frame), own_mac);
    wire_deliver(t->wire, frame, 60);
    wire_deliver(t->wire, frame, sizeof(frame));
    make_frame(frame, 60, "\xff\xff\xff\xff\xff\xff");
    wire_deliver(t->wire, frame, 60);
    make_frame(frame, 60, "\x52\x54\x00\x00\x00\x01"); /* somebody else's */
    wire_deliver(t->wire, frame, 60);
    g_assert_cmpuint(reg_read(t, 0x40d0), ==, 4);    /* TPR */
    g_assert_cmpuint(reg_read(t, 0x4074), ==, 3);    /* GPRC */
    g_assert_cmpuint(reg_read(t, 0x4074), ==, 0);    /* again */
    g_assert_cmpuint(reg_read(t, 0x4078), ==, 1);    /* BPRC */
    g_assert_cmpuint(reg_read(t, 0x405c), ==, 2);    /* PRC64 */
    g_assert_cmpuint(reg_read(t, 0x406c), ==, 1);    /* PRC1023 */
    g_assert_cmpuint(reg_read(t, 0x4088), ==, 1132); /* GORCL */
    g_assert_cmpuint(reg_read(t, 0x4088), ==, 1132); /* until GORCH is read */
    g_assert_cmpuint(reg_read(t, 0x408c), ==, 0);
    g_assert_cmpuint(reg_read(t, 0x4088), ==, 0);
    e1000_bench_destroy(t);
}

static void state_survives_in_the_middle_of_things(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);
    uint8_t frame[60];

    setup_rx(t, RINGS, RCTL_UPE);
    reg_write(t, R_ITR, 500);
    reg_write(t, R_ICS, ICR_LSC);
    reg_read(t, R_ICR);
    clock_out(t, 0x6, 3); /* half of an EEPROM command */
    phy_write(t, PHY_PCTRL, 0x1140 | PCTRL_RESTART);
    t->dev = bench_save_load(t->b, t->dev, "netdev=wire,mac=52:54:00:aa:bb:cc,addr=3");
    clock_out(t, 0, 6);
    g_assert_cmphex(clock_in(t), ==, get_le16(own_mac));
    bench_step(t->b, NS_PER_S);
    g_assert_true(t->b->intx[0].level);
    g_assert_cmphex(reg_read(t, R_ICR), ==, ICR_LSC);
    make_frame(frame, sizeof(frame), "\x52\x54\x00\x00\x00\x01");
    g_assert_cmpuint(wire_deliver(t->wire, frame, sizeof(frame)), ==, 1);
    g_assert_cmphex(rx_desc(t, 0)[RDESC_STATUS] & RDESC_DD, ==, RDESC_DD);
    e1000_bench_destroy(t);
}

/* netdev_del: the chip lives on with no cable. */
static void the_back_end_goes_away(void)
{
    struct e1000_bench *t = e1000_bench_create(&e1000_kind);

    setup_tx(t, RINGS);
    net_destroy(&t->wire->backend);
    g_assert_cmphex(reg_read(t, R_STATUS) & STATUS_LU, ==, 0);
    put_desc(t, TX_DATA, TDESC_EOP | TDESC_RS | 60, 0);
    kick(t);
    g_assert_cmphex(tx_status(t, 0), ==, TDESC_DD);
    t->wire = wire_new(); /* for the teardown */
    e1000_bench_destroy(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/e1000/a-driver-finds-the-chip", a_driver_finds_the_chip);
    g_test_add_func("/e1000/the-io-bar-is-a-window", the_io_bar_is_a_window);
    g_test_add_func("/e1000/registers-keep-the-bits-they-have", registers_keep_the_bits_they_have);
    g_test_add_func("/e1000/eeprom/address-and-checksum", the_eeprom_holds_address_and_checksum);
    g_test_add_func("/e1000/eeprom/bit-by-bit", the_eeprom_is_read_and_written_bit_by_bit);
    g_test_add_func("/e1000/phy/negotiation", the_link_comes_up_after_negotiation);
    g_test_add_func("/e1000/phy/cable", the_guest_sees_the_cable);
    g_test_add_func("/e1000/phy/only-phy-1-answers", only_phy_1_answers);
    g_test_add_func("/e1000/software-reset", a_software_reset);
    g_test_add_func("/e1000/irq/cause-and-mask", cause_and_mask);
    g_test_add_func("/e1000/irq/throttling", interrupts_are_throttled);
    g_test_add_func("/e1000/irq/receive-delay", receive_interrupts_are_delayed);
    g_test_add_func("/e1000/statistics", statistics_are_cleared_by_reading);
    g_test_add_func("/e1000/state", state_survives_in_the_middle_of_things);
    g_test_add_func("/e1000/the-back-end-goes-away", the_back_end_goes_away);
    return g_test_run();
}
