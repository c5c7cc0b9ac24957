/*
 * The serial port: National Semiconductor PC16550D, clocked by 1.8432 MHz as on a PC.
 *
 * The line has no speed of its own: what the guest sends leaves as soon as the host takes it, so
 * the transmitter is busy only while the host is slow; what the host sends is held back there
 * while the receiver is full, so nothing overruns. The baud rate matters for one thing, the
 * timeout that tells the guest of bytes below the FIFO's trigger level.
 *
 * The modem at the other end is always ready: CTS, DSR and DCD are on.
 */
#include "hw/char/uart16550.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "chardev/chardev.h"
#include "hw/core/bus.h"
#include "hw/core/clock.h"
#include "hw/core/state.h"

#define UART_CLOCK_HZ 1843200
#define FIFO_SIZE     16

/* Registers by offset; 0 and 1 are the divisor latch while LCR_DLAB is set. */
enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

#define IER_ERBFI 0x01 /* received data, and the timeout */
#define IER_ETBEI 0x02 /* transmitter holding register empty */
#define IER_ELSI  0x04 /* receiver line status */
#define IER_EDSSI 0x08 /* modem status */
#define IER_MASK  0x0f

#define IIR_MODEM   0x00
#define IIR_NONE    0x01
#define IIR_THRE    0x02
#define IIR_DATA    0x04
#define IIR_LINE    0x06
#define IIR_TIMEOUT 0x0c
#define IIR_FIFOS   0xc0

#define FCR_ENABLE   0x01
#define FCR_RX_RESET 0x02
#define FCR_TX_RESET 0x04
#define FCR_KEPT     0xc9 /* enable, DMA mode, trigger level; the resets clear themselves */

#define LCR_STB  0x04 /* two stop bits */
#define LCR_PEN  0x08 /* parity */
#define LCR_DLAB 0x80

#define MCR_DTR  0x01
#define MCR_RTS  0x02
#define MCR_OUT1 0x04
#define MCR_OUT2 0x08 /* on a PC: lets the interrupt through to the bus */
#define MCR_LOOP 0x10
#define MCR_MASK 0x1f

#define LSR_DR         0x01
#define LSR_OE         0x02
#define LSR_FE         0x08
#define LSR_BI         0x10
#define LSR_ERRORS     0x1e
#define LSR_THRE       0x20
#define LSR_TEMT       0x40
#define LSR_FIFO_ERROR 0x80

#define MSR_DELTAS 0x0f
#define MSR_TERI   0x04 /* RI went off; the other three: their line changed */
#define MSR_CTS    0x10
#define MSR_DSR    0x20
#define MSR_RI     0x40
#define MSR_DCD    0x80

struct uart16550 {
    struct device dev;
    /* registers */
    uint8_t ier, fcr, lcr, mcr;
    uint8_t lsr; /* the error bits; the others follow from the FIFOs */
    uint8_t msr, scr;
    uint16_t divisor;
    /* The FIFOs, oldest byte first. Without FIFOs they are one byte deep. */
    uint8_t rx[FIFO_SIZE], rx_errors[FIFO_SIZE]; /* LSR bits that come with the byte */
    uint8_t tx[FIFO_SIZE];
    uint8_t rx_count, tx_count;
    /* internal */
    bool thre_pending; /* the THRE interrupt is latched */
    bool timeout_pending;
    struct timer timeout;
    /* host */
    struct chardev *chardev;
    struct region region;
    /* properties */
    uint16_t iobase;
    uint8_t irq;
};

static unsigned depth(const struct uart16550 *u)
{
    return (u->fcr & FCR_ENABLE) != 0 ? FIFO_SIZE : 1;
}

static unsigned trigger_level(const struct uart16550 *u)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return (u->fcr & FCR_ENABLE) != 0 ? levels[u->fcr >> 6] : 1;
}

/* ---- Interrupts ---- */

/* The highest of what is pending and enabled (table IV of the datasheet). */
static uint8_t interrupt_id(const struct uart16550 *u)
{
    if ((u->ier & IER_ELSI) != 0 && (u->lsr & LSR_ERRORS) != 0)
        return IIR_LINE;
    if ((u->ier & IER_ERBFI) != 0 && u->rx_count >= trigger_level(u))
        return IIR_DATA;
    if ((u->ier & IER_ERBFI) != 0 && u->timeout_pending)
        return IIR_TIMEOUT;
    if ((u->ier & IER_ETBEI) != 0 && u->thre_pending)
        return IIR_THRE;
    if ((u->ier & IER_EDSSI) != 0 && (u->msr & MSR_DELTAS) != 0)
        return IIR_MODEM;
    return IIR_NONE;
}

/* OUT2 drives the buffer of the interrupt line; in loopback mode the pin is off. */
static void update_irq(struct uart16550 *u)
{
    bool gate = (u->mcr & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2;

    irq_set(&u->dev.line[0], gate && interrupt_id(u) != IIR_NONE);
}

/* ---- Receiver ---- */

static int64_t character_time(const struct uart16550 *u)
{
    unsigned bits = 1 + 5 + (u->lcr & 3) + ((u->lcr & LCR_PEN) != 0) + 1 +
                    ((u->lcr & LCR_STB) != 0);
    unsigned divisor = u->divisor != 0 ? u->divisor : 1;

    return muldiv64((int64_t)bits * divisor * 16, NS_PER_S, UART_CLOCK_HZ);
}

/* Bytes below the trigger level that nothing happens to for four character times. */
static void restart_timeout(struct uart16550 *u)
{
    u->timeout_pending = false;
    if (u->rx_count > 0 && u->rx_count < trigger_level(u))
        timer_set(&u->timeout, clock_now(u->dev.services->clock) + 4 * character_time(u));
    else
        timer_cancel(&u->timeout);
}

static void timeout_expired(void *opaque)
{
    struct uart16550 *u = opaque;

    u->timeout_pending = true;
    update_irq(u);
}

/* A byte's errors show in LSR when it has come to the top of the FIFO. */
static void reveal_errors(struct uart16550 *u)
{
    if (u->rx_count > 0)
        u->lsr |= u->rx_errors[0] & LSR_ERRORS;
}

static void receive_byte(struct uart16550 *u, uint8_t byte, uint8_t errors)
{
    if (u->rx_count >= depth(u)) {
        u->lsr |= LSR_OE;
        if (depth(u) > 1)
            return; /* lost in the shift register; the FIFO stays as it is */
        u->rx_count = 0;
    }
    u->rx[u->rx_count] = byte;
    u->rx_errors[u->rx_count] = errors;
    if (u->rx_count++ == 0)
        reveal_errors(u);
    if (!u->timeout_pending)
        restart_timeout(u);
}

static void accept_input(struct uart16550 *u)
{
    if (u->chardev != NULL)
        chardev_accept_input(u->chardev);
}

static uint8_t read_rbr(struct uart16550 *u)
{
    uint8_t byte = u->rx[0];

    if (u->rx_count > 0) {
        u->rx_count--;
        memmove(u->rx, u->rx + 1, u->rx_count);
        memmove(u->rx_errors, u->rx_errors + 1, u->rx_count);
        reveal_errors(u);
    }
    restart_timeout(u);
    update_irq(u);
    accept_input(u);
    return byte;
}

static uint8_t read_lsr(struct uart16550 *u)
{
    uint8_t value = u->lsr;

    if (u->rx_count > 0)
        value |= LSR_DR;
    if (u->tx_count == 0)
        value |= LSR_THRE | LSR_TEMT;
    for (unsigned i = 0; depth(u) > 1 && i < u->rx_count; i++)
        if (u->rx_errors[i] != 0)
            value |= LSR_FIFO_ERROR;
    u->lsr = 0;
    if (u->rx_count > 0)
        u->rx_errors[0] = 0;
    update_irq(u);
    return value;
}

static void clear_rx(struct uart16550 *u)
{
    u->rx_count = 0;
    restart_timeout(u);
}

/* ---- Transmitter ---- */

static void loop_back(struct uart16550 *u)
{
    uint8_t mask = (uint8_t)(0xff >> (3 - (u->lcr & 3)));

    for (unsigned i = 0; i < u->tx_count; i++)
        receive_byte(u, u->tx[i] & mask, 0);
    u->tx_count = 0;
}

/* Hands on what the host takes; the holding register's interrupt comes when all has gone. */
static void transmit(struct uart16550 *u)
{
    size_t sent = u->tx_count;

    if (u->tx_count == 0)
        return;
    if ((u->mcr & MCR_LOOP) != 0) {
        loop_back(u);
    } else {
        if (u->chardev != NULL)
            sent = chardev_write(u->chardev, u->tx, u->tx_count);
        u->tx_count -= (uint8_t)sent;
        memmove(u->tx, u->tx + sent, u->tx_count);
    }
    u->thre_pending = u->tx_count == 0;
    update_irq(u);
}

static void write_thr(struct uart16550 *u, uint8_t byte)
{
    if (u->tx_count == depth(u))
        u->tx_count--; /* the guest did not wait: the last byte is overwritten */
    u->tx[u->tx_count++] = byte;
    u->thre_pending = false;
    update_irq(u); /* an edge for the 8259, even if the byte leaves at once */
    transmit(u);
}

static void clear_tx(struct uart16550 *u)
{
    if (u->tx_count > 0)
        u->thre_pending = true;
    u->tx_count = 0;
}

/* ---- Modem ---- */

/* The lines into MSR; in loopback mode they are the outputs of MCR. */
static uint8_t modem_inputs(const struct uart16550 *u)
{
    if ((u->mcr & MCR_LOOP) == 0)
        return MSR_CTS | MSR_DSR | MSR_DCD;
    return ((u->mcr & MCR_RTS) != 0 ? MSR_CTS : 0) | ((u->mcr & MCR_DTR) != 0 ? MSR_DSR : 0) |
           ((u->mcr & MCR_OUT1) != 0 ? MSR_RI : 0) | ((u->mcr & MCR_OUT2) != 0 ? MSR_DCD : 0);
}

static void update_msr(struct uart16550 *u)
{
    uint8_t inputs = modem_inputs(u);
    uint8_t changed = (u->msr ^ inputs) >> 4;

    if ((inputs & MSR_RI) != 0)
        changed &= (uint8_t)~MSR_TERI;
    u->msr = (u->msr & MSR_DELTAS) | changed | inputs;
}

/* ---- Registers ---- */

static void write_fcr(struct uart16550 *u, uint8_t value)
{
    bool toggled = ((value ^ u->fcr) & FCR_ENABLE) != 0;

    if ((value & FCR_ENABLE) == 0)
        value = 0; /* the other bits are not programmed then */
    if (toggled || (value & FCR_RX_RESET) != 0)
        clear_rx(u);
    if (toggled || (value & FCR_TX_RESET) != 0)
        clear_tx(u);
    u->fcr = value & FCR_KEPT;
    if (!u->timeout_pending)
        restart_timeout(u); /* the trigger level is another one */
}

static void write_ier(struct uart16550 *u, uint8_t value)
{
    /* Enabled while the register is empty: an interrupt at once. */
    if ((value & ~u->ier & IER_ETBEI) != 0 && u->tx_count == 0)
        u->thre_pending = true;
    u->ier = value & IER_MASK;
}

static void write_mcr(struct uart16550 *u, uint8_t value)
{
    u->mcr = value & MCR_MASK;
    update_msr(u);
    transmit(u); /* what waited for the host goes round the loop */
}

static void write_divisor(struct uart16550 *u, uint64_t offset, uint8_t value)
{
    if (offset == 0)
        u->divisor = (u->divisor & 0xff00) | value;
    else
        u->divisor = (uint16_t)((u->divisor & 0x00ff) | value << 8);
}

static void uart_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct uart16550 *u = opaque;
    uint8_t byte = (uint8_t)value;

    if (offset <= IER && (u->lcr & LCR_DLAB) != 0) {
        write_divisor(u, offset, byte);
        return;
    }
    switch (offset) {
    case RBR_THR: write_thr(u, byte); return;
    case IER: write_ier(u, byte); break;
    case IIR_FCR: write_fcr(u, byte); break;
    case LCR: u->lcr = byte; break;
    case MCR: write_mcr(u, byte); break;
    case SCR: u->scr = byte; break;
    default: break; /* LSR and MSR are for reading */
    }
    update_irq(u);
    if (offset == IIR_FCR || offset == MCR)
        accept_input(u); /* the receiver may have room now, or be back from the loop */
}

/* Reading it acknowledges the THRE interrupt, if that is what it says. */
static uint8_t read_iir(struct uart16550 *u)
{
    uint8_t id = interrupt_id(u);

    if (id == IIR_THRE)
        u->thre_pending = false;
    update_irq(u);
    return id | ((u->fcr & FCR_ENABLE) != 0 ? IIR_FIFOS : 0);
}

static uint8_t read_msr(struct uart16550 *u)
{
    uint8_t value = u->msr;

    u->msr &= (uint8_t)~MSR_DELTAS;
    update_irq(u);
    return value;
}

static uint64_t uart_read(void *opaque, uint64_t offset, unsigned size)
{
    struct uart16550 *u = opaque;

    if (offset <= IER && (u->lcr & LCR_DLAB) != 0)
        return offset == 0 ? u->divisor & 0xff : u->divisor >> 8;
    switch (offset) {
    case RBR_THR: return read_rbr(u);
    case IER: return u->ier;
    case IIR_FCR: return read_iir(u);
    case LCR: return u->lcr;
    case MCR: return u->mcr;
    case LSR: return read_lsr(u);
    case MSR: return read_msr(u);
    default: return u->scr;
    }
}

static const struct region_ops uart_ops = { .read = uart_read, .write = uart_write };

/* ---- The host's side ---- */

static size_t uart_can_receive(void *opaque)
{
    const struct uart16550 *u = opaque;

    return (u->mcr & MCR_LOOP) != 0 ? 0 : depth(u) - u->rx_count;
}

static void uart_receive(void *opaque, const uint8_t *data, size_t len)
{
    struct uart16550 *u = opaque;

    for (size_t i = 0; i < len; i++)
        receive_byte(u, data[i], 0);
    update_irq(u);
}

/* A break is received as a zero byte whose stop bit is missing. */
static void uart_event(void *opaque, enum chardev_event event)
{
    struct uart16550 *u = opaque;

    if (event != CHARDEV_BREAK)
        return;
    receive_byte(u, 0, LSR_BI | LSR_FE);
    update_irq(u);
}

static void uart_writable(void *opaque)
{
    transmit(opaque);
}

static const struct chardev_frontend uart_frontend = { .can_receive = uart_can_receive,
                                                       .receive = uart_receive,
                                                       .event = uart_event,
                                                       .writable = uart_writable };

/* ---- Life ---- */

static int uart_create(struct device *dev, GError **err)
{
    struct uart16550 *u = (struct uart16550 *)dev;

    u->divisor = 12; /* 9600 baud: the chip's reset leaves it undefined */
    timer_init(&u->timeout, dev->services->clock, timeout_expired, u);
    u->region = (struct region){
        .name = "uart16550", .ops = &uart_ops, .owner = dev, .opaque = u, .priority = REGION_FIXED
    };
    bus_map(dev->services->bus, &u->region, BUS_PIO, u->iobase, 8);
    if (u->chardev != NULL)
        chardev_attach(u->chardev, &uart_frontend, u);
    return 0;
}

static void uart_destroy(struct device *dev)
{
    struct uart16550 *u = (struct uart16550 *)dev;

    if (u->chardev != NULL)
        chardev_attach(u->chardev, NULL, NULL);
    bus_unmap(dev->services->bus, &u->region);
    timer_cancel(&u->timeout);
}

/* Table III of the datasheet: the scratch register and the divisor keep their values. */
static void uart_reset(struct device *dev)
{
    struct uart16550 *u = (struct uart16550 *)dev;

    u->ier = u->fcr = u->lcr = u->mcr = u->lsr = 0;
    u->rx_count = u->tx_count = 0;
    u->thre_pending = false;
    restart_timeout(u);
    u->msr = modem_inputs(u);
    update_irq(u);
    accept_input(u);
}

static int uart_post_load(struct device *dev, GError **err)
{
    struct uart16550 *u = (struct uart16550 *)dev;

    if (u->rx_count > depth(u) || u->tx_count > depth(u))
        return fail(err, EINVAL, "saved state: device %s: more bytes than the FIFOs hold", dev->id);
    update_irq(u);
    transmit(u); /* nobody else asks the host again */
    accept_input(u);
    return 0;
}

static const struct state_field uart_state[] = {
    STATE_FIELD(struct uart16550, ier, .max = IER_MASK),
    STATE_FIELD(struct uart16550, fcr),
    STATE_FIELD(struct uart16550, lcr),
    STATE_FIELD(struct uart16550, mcr, .max = MCR_MASK),
    STATE_FIELD(struct uart16550, lsr, .max = LSR_ERRORS),
    STATE_FIELD(struct uart16550, msr),
    STATE_FIELD(struct uart16550, scr),
    STATE_FIELD(struct uart16550, divisor),
    STATE_ARRAY(struct uart16550, rx),
    STATE_ARRAY(struct uart16550, rx_errors, .max = LSR_ERRORS),
    STATE_ARRAY(struct uart16550, tx),
    STATE_FIELD(struct uart16550, rx_count, .max = FIFO_SIZE),
    STATE_FIELD(struct uart16550, tx_count, .max = FIFO_SIZE),
    STATE_FIELD(struct uart16550, thre_pending),
    STATE_FIELD(struct uart16550, timeout_pending),
    STATE_TIMER_FIELD(struct uart16550, timeout),
    {}
};

static const struct property uart_properties[] = {
    PROPERTY("iobase", PROP_UINT, struct uart16550, iobase, .initial = "0x3f8", .max = 0xfff8,
             .help = "first I/O port"),
    PROPERTY("irq", PROP_UINT, struct uart16550, irq, .max = 15,
             .help = "interrupt; 0: as is the custom for iobase"),
    PROPERTY("chardev", PROP_HOST, struct uart16550, chardev, .host = "chardev",
             .help = "what the port is connected to"),
    {}
};

/* COM1 and COM3 share IRQ4, COM2 and COM4 share IRQ3. */
static unsigned uart_isa_irq(const struct device *dev, unsigned output)
{
    const struct uart16550 *u = (const struct uart16550 *)dev;

    if (u->irq != 0)
        return u->irq;
    return u->iobase == 0x2f8 || u->iobase == 0x2e8 ? 3 : 4;
}

const struct device_kind uart16550_kind = {
    .name = "isa-serial",
    .desc = "serial port (16550A)",
    .size = sizeof(struct uart16550),
    .user = true,
    .properties = uart_properties,
    .state = uart_state,
    .state_version = 1,
    .n_lines = 1,
    .isa_irq = uart_isa_irq,
    .create = uart_create,
    .reset = uart_reset,
    .post_load = uart_post_load,
    .destroy = uart_destroy,
};
