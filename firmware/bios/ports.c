/*
 * Serial (16550 datasheet) and parallel ports (PC/AT Technical Reference).
 */
#include "ports.h"
#include "bda.h"
#include "interrupt.h"
#include "timer.h"
#include "x86.h"

#define UART_DATA    0
#define UART_IER     1
#define UART_LCR     3
#define UART_MCR     4
#define UART_LSR     5
#define UART_MSR     6
#define UART_SCRATCH 7
#define LCR_DLAB     0x80
#define MCR_DTR_RTS  0x03
#define LSR_DATA     0x01
#define LSR_EMPTY    0x20
#define TIMED_OUT    0x80

#define LPT_STATUS  1
#define LPT_CONTROL 2
#define LPT_STROBE  0x01
#define LPT_INIT    0x04
#define LPT_SELECT  0x08
#define LPT_READY   0x80 /* not busy */

static bool uart_at(uint16_t port)
{
    outb(port + UART_SCRATCH, 0x5A);
    if (inb(port + UART_SCRATCH) != 0x5A)
        return false;
    outb(port + UART_IER, 0);
    return inb(port + UART_IER) == 0;
}

static bool printer_at(uint16_t port)
{
    outb(port, 0xA5);
    return inb(port) == 0xA5;
}

void ports_init(void)
{
    static const uint16_t com[] = { 0x3F8, 0x2F8, 0x3E8, 0x2E8 };
    static const uint16_t lpt[] = { 0x378, 0x278, 0x3BC };
    unsigned coms = 0, lpts = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (uart_at(com[i]))
            BDA->com[coms++] = com[i];
    }
    for (unsigned i = 0; i < 3; i++) {
        if (printer_at(lpt[i]))
            BDA->lpt[lpts++] = lpt[i];
    }
    BDA->equipment |= (uint16_t)(coms << 9 | lpts << 14);
}

/* Waits for bits in a status register; seconds as the caller's table in the BDA says. */
static bool wait_bits(uint16_t port, uint8_t bits, uint8_t seconds)
{
    uint32_t deadline = timer_after((seconds ? seconds : 1) * 1000U);
    while ((inb(port) & bits) != bits) {
        if (timer_passed(deadline))
            return false;
        irq_window();
    }
    return true;
}

static void serial_init(struct regs *r, uint16_t port)
{
    static const uint16_t divisor[] = { 1047, 768, 384, 192, 96, 48, 24, 12 };
    uint16_t d = divisor[r->ax.l >> 5];
    outb(port + UART_LCR, LCR_DLAB);
    outb(port + UART_DATA, (uint8_t)d);
    outb(port + UART_IER, (uint8_t)(d >> 8));
    outb(port + UART_LCR, r->ax.l & 0x1F);
    outb(port + UART_IER, 0);
}

void serial_int14(struct regs *r)
{
    uint16_t port = r->dx.x < 4 ? BDA->com[r->dx.x] : 0;
    uint8_t seconds = r->dx.x < 4 ? BDA->com_timeout[r->dx.x] : 0;
    uint8_t flag = 0;
    if (!port)
        return;
    switch (r->ax.h) {
    case 0: serial_init(r, port); break;
    case 1:
        outb(port + UART_MCR, MCR_DTR_RTS);
        if (wait_bits(port + UART_LSR, LSR_EMPTY, seconds))
            outb(port + UART_DATA, r->ax.l);
        else
            flag = TIMED_OUT;
        r->ax.h = inb(port + UART_LSR) | flag;
        return;
    case 2:
        outb(port + UART_MCR, MCR_DTR_RTS);
        if (wait_bits(port + UART_LSR, LSR_DATA, seconds))
            r->ax.l = inb(port + UART_DATA);
        else
            flag = TIMED_OUT;
        r->ax.h = (inb(port + UART_LSR) & 0x1E) | flag;
        return;
    case 3: break;
    default: return;
    }
    r->ax.h = inb(port + UART_LSR);
    r->ax.l = inb(port + UART_MSR);
}

/* AH of every call: the status lines, two of them inverted by the adapter's wiring. */
static uint8_t printer_status(uint16_t port)
{
    return (inb(port + LPT_STATUS) ^ 0x48) & 0xF8;
}

/* Strobes a byte out and waits until the printer has taken it. */
static bool print_byte(uint16_t port, uint8_t byte, uint8_t seconds)
{
    outb(port, byte);
    outb(port + LPT_CONTROL, LPT_SELECT | LPT_INIT | LPT_STROBE);
    outb(port + LPT_CONTROL, LPT_SELECT | LPT_INIT);
    return wait_bits(port + LPT_STATUS, LPT_READY, seconds);
}

void printer_int17(struct regs *r)
{
    uint16_t port = r->dx.x < 3 ? BDA->lpt[r->dx.x] : 0;
    bool ready = true;
    if (!port || r->ax.h > 2)
        return;
    if (r->ax.h == 0) {
        ready = wait_bits(port + LPT_STATUS, LPT_READY, BDA->lpt_timeout[r->dx.x]);
        if (ready)
            ready = print_byte(port, r->ax.l, BDA->lpt_timeout[r->dx.x]);
    } else if (r->ax.h == 1) {
        outb(port + LPT_CONTROL, LPT_SELECT);
        timer_delay(50);
        outb(port + LPT_CONTROL, LPT_SELECT | LPT_INIT);
    }
    r->ax.h = printer_status(port) | !ready;
}
