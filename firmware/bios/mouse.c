/*
 * PS/2 mouse. Its packets are collected by INT 74h and handed to the program's handler.
 */
#include "mouse.h"
#include "bda.h"
#include "i8042.h"
#include "interrupt.h"
#include "runtime.h"
#include "x86.h"

#define FLAG1_INDEX   0x07
#define FLAG2_SIZE    0x07
#define FLAG2_HANDLER 0x80

enum {
    MOUSE_OK = 0,
    MOUSE_BAD_FUNCTION = 1,
    MOUSE_BAD_INPUT = 2,
    MOUSE_INTERFACE = 3,
    MOUSE_NO_HANDLER = 5
};

/* stubs.S: pushes AX, BX, CX and DX and calls mouse_handler, as INT 15h AX=C207h promises. */
extern uint8_t mouse_thunk[];
extern uint32_t mouse_handler;

static uint8_t ebda8(uint32_t off)
{
    return far_get8(BDA->ebda, off);
}

static void set_ebda8(uint32_t off, uint8_t v)
{
    far_put8(BDA->ebda, off, v);
}

/* Switches the keyboard and the mouse's interrupt off for a conversation, and on again. */
static int quiet(void)
{
    int mode = i8042_get_mode();
    if (mode < 0)
        return -1;
    i8042_set_mode((uint8_t)((mode | I8042_MODE_KBD_OFF) &
                             ~(I8042_MODE_AUX_OFF | I8042_MODE_AUX_IRQ | I8042_MODE_KBD_IRQ)));
    return mode & ~I8042_MODE_AUX_OFF;
}

/* Sends up to two bytes and reads up to `answers` after the acknowledgement. */
static uint8_t talk(const uint8_t *bytes, unsigned n, uint8_t *answer, unsigned answers)
{
    int mode = quiet();
    uint8_t status = MOUSE_OK;
    if (mode < 0)
        return MOUSE_INTERFACE;
    for (unsigned i = 0; i < n && !status; i++)
        status = i8042_send(true, bytes[i]) ? MOUSE_OK : MOUSE_INTERFACE;
    for (unsigned i = 0; i < answers && !status; i++) {
        int v = i8042_read(500);
        if (v < 0)
            status = MOUSE_INTERFACE;
        answer[i] = (uint8_t)v;
    }
    i8042_set_mode((uint8_t)mode);
    return status;
}

static uint8_t command(uint8_t byte)
{
    return talk(&byte, 1, NULL, 0);
}

static uint8_t command_with(uint8_t byte, uint8_t argument)
{
    uint8_t bytes[2] = { byte, argument };
    return talk(bytes, 2, NULL, 0);
}

void mouse_init(void)
{
    uint8_t byte = 0xF5; /* disable: any mouse acknowledges it at once */
    if (talk(&byte, 1, NULL, 0) != MOUSE_OK)
        return;
    rt.mouse_present = true;
    BDA->equipment |= 0x0004;
    int mode = i8042_get_mode();
    if (mode >= 0)
        i8042_set_mode((uint8_t)((mode & ~I8042_MODE_AUX_OFF) | I8042_MODE_AUX_IRQ));
}

static uint8_t reset(struct regs *r)
{
    uint8_t byte = 0xFF, answer[2];
    uint8_t status = talk(&byte, 1, answer, 2);
    if (!status) {
        r->bx.l = answer[0]; /* AAh: passed; BH: kind */
        r->bx.h = answer[1];
    }
    return status;
}

static uint8_t set_rate(uint8_t index)
{
    static const uint8_t rates[] = { 10, 20, 40, 60, 80, 100, 200 };
    return index < sizeof(rates) ? command_with(0xF3, rates[index]) : MOUSE_BAD_INPUT;
}

static uint8_t get_type(struct regs *r)
{
    uint8_t byte = 0xF2, answer;
    uint8_t status = talk(&byte, 1, &answer, 1);
    if (!status)
        r->bx.h = answer;
    return status;
}

static uint8_t initialise(struct regs *r)
{
    if (r->bx.h < 1 || r->bx.h > 8)
        return MOUSE_BAD_INPUT;
    set_ebda8(EBDA_MOUSE_FLAG1, 0);
    set_ebda8(EBDA_MOUSE_FLAG2, (ebda8(EBDA_MOUSE_FLAG2) & ~FLAG2_SIZE) | (uint8_t)(r->bx.h - 1));
    return reset(r);
}

static uint8_t extended(struct regs *r)
{
    uint8_t byte = 0xE9, answer[3];
    uint8_t status;
    switch (r->bx.h) {
    case 0:
        status = talk(&byte, 1, answer, 3);
        if (!status) {
            r->bx.l = answer[0];
            r->cx.l = answer[1];
            r->dx.l = answer[2];
        }
        return status;
    case 1: return command(0xE6);
    case 2: return command(0xE7);
    default: return MOUSE_BAD_FUNCTION;
    }
}

static uint8_t set_handler(struct regs *r)
{
    bool some = r->es || r->bx.x;
    far_put16(BDA->ebda, EBDA_MOUSE_IP, r->bx.x);
    far_put16(BDA->ebda, EBDA_MOUSE_CS, r->es);
    set_ebda8(EBDA_MOUSE_FLAG2,
              (uint8_t)((ebda8(EBDA_MOUSE_FLAG2) & ~FLAG2_HANDLER) | (some ? FLAG2_HANDLER : 0)));
    return MOUSE_OK;
}

static uint8_t enable(bool on)
{
    if (on && !(ebda8(EBDA_MOUSE_FLAG2) & FLAG2_HANDLER))
        return MOUSE_NO_HANDLER;
    if (on)
        outb(0xA1, inb(0xA1) & ~0x10);
    set_ebda8(EBDA_MOUSE_FLAG1, 0);
    return command(on ? 0xF4 : 0xF5);
}

static uint8_t dispatch(struct regs *r)
{
    switch (r->ax.l) {
    case 0: return r->bx.h > 1 ? MOUSE_BAD_INPUT : enable(r->bx.h);
    case 1: return reset(r);
    case 2: return set_rate(r->bx.h);
    case 3: return r->bx.h > 3 ? MOUSE_BAD_INPUT : command_with(0xE8, r->bx.h);
    case 4: return get_type(r);
    case 5: return initialise(r);
    case 6: return extended(r);
    case 7: return set_handler(r);
    default: return MOUSE_BAD_FUNCTION;
    }
}

void mouse_int15(struct regs *r)
{
    set_status(r, rt.mouse_present ? dispatch(r) : MOUSE_INTERFACE);
}

static void call_handler(uint8_t size)
{
    uint16_t seg = BDA->ebda;
    struct regs r = { .cs = BIOS_SEG, .ip = (uint16_t)(uint32_t)mouse_thunk };
    r.ax.x = far_get8(seg, EBDA_MOUSE_DATA);
    r.bx.x = far_get8(seg, EBDA_MOUSE_DATA + 1);
    r.cx.x = far_get8(seg, EBDA_MOUSE_DATA + 2);
    if (size > 3)
        r.dx.x = far_get8(seg, EBDA_MOUSE_DATA + 3);
    mouse_handler = far_get32(seg, EBDA_MOUSE_IP);
    irq_end(12);
    call_foreign(&r);
}

void mouse_int74(struct regs *r)
{
    uint8_t status = inb(I8042_STATUS);
    if ((status & (I8042_OUT_FULL | I8042_AUX)) == (I8042_OUT_FULL | I8042_AUX)) {
        uint8_t data = inb(I8042_DATA);
        uint8_t flag2 = ebda8(EBDA_MOUSE_FLAG2), size = (flag2 & FLAG2_SIZE) + 1;
        uint8_t index = ebda8(EBDA_MOUSE_FLAG1) & FLAG1_INDEX;
        set_ebda8(EBDA_MOUSE_DATA + index, data);
        set_ebda8(EBDA_MOUSE_FLAG1, ++index >= size ? 0 : index);
        if (index >= size && (flag2 & FLAG2_HANDLER)) {
            call_handler(size);
            return;
        }
    }
    irq_end(12);
}
