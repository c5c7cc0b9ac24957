/*
 * Keyboard: scan codes into the buffer of the BIOS data area, and out of it by INT 16h.
 */
#include "keyboard.h"
#include "bda.h"
#include "i8042.h"
#include "interrupt.h"
#include "runtime.h"
#include "x86.h"

/* shift_ext[0] (96h) and shift_ext[1] (97h), shift[1] (18h) */
#define EXT_E1        0x01
#define EXT_E0        0x02
#define EXT_RCTRL     0x04
#define EXT_RALT      0x08
#define LED_MASK      0x07
#define SHIFT2_LCTRL  0x01
#define SHIFT2_LALT   0x02
#define SHIFT2_SYSREQ 0x04

void kbd_init(void)
{
    i8042_flush();
    i8042_command(0xAD); /* both quiet while we talk to the controller */
    i8042_command(0xA7);
    i8042_flush();
    if (!i8042_command(0xAA) || i8042_read(50) != 0x55)
        return;
    i8042_set_mode(I8042_MODE_SYS | I8042_MODE_TRANSLATE | I8042_MODE_AUX_OFF);
    i8042_send(false, 0xF4);
    i8042_set_mode(I8042_MODE_SYS | I8042_MODE_TRANSLATE | I8042_MODE_AUX_OFF | I8042_MODE_KBD_IRQ);
}

static bool put_key(uint16_t code)
{
    uint16_t tail = BDA->key_tail, next = tail + 2;
    if (next >= BDA->key_end)
        next = BDA->key_start;
    if (next == BDA->key_head)
        return false;
    *(volatile uint16_t __seg_gs *)(0x400 + (uint32_t)tail) = code;
    BDA->key_tail = next;
    return true;
}

static uint16_t peek_key(void)
{
    uint16_t head = BDA->key_head;
    return head == BDA->key_tail ? 0 : *(volatile uint16_t __seg_gs *)(0x400 + (uint32_t)head);
}

static bool has_key(void)
{
    return BDA->key_head != BDA->key_tail;
}

static void drop_key(void)
{
    uint16_t next = BDA->key_head + 2;
    BDA->key_head = next >= BDA->key_end ? BDA->key_start : next;
}

uint16_t kbd_poll(void)
{
    uint16_t key = peek_key();
    if (has_key())
        drop_key();
    return key;
}

/* ---- INT 09h ---- */

/* Lamps follow the locks. The answers come by IRQ 1 and are ignored there. */
static void update_leds(void)
{
    uint8_t leds = BDA->shift[0] >> 4 & LED_MASK;
    if ((BDA->shift_ext[1] & LED_MASK) == leds)
        return;
    BDA->shift_ext[1] = (BDA->shift_ext[1] & ~LED_MASK) | leds;
    i8042_command(0xAD);
    i8042_send(false, 0xED);
    i8042_send(false, leds);
    i8042_command(0xAE);
}

static void set_bits(volatile uint8_t __seg_gs *flags, uint8_t bits, bool on)
{
    *flags = on ? *flags | bits : *flags & ~bits;
}

static void ctrl_or_alt(uint8_t bit, bool extended, bool make)
{
    uint8_t right = bit == SHIFT_CTRL ? EXT_RCTRL : EXT_RALT;
    uint8_t left = bit == SHIFT_CTRL ? SHIFT2_LCTRL : SHIFT2_LALT;
    if (extended)
        set_bits(&BDA->shift_ext[0], right, make);
    else
        set_bits(&BDA->shift[1], left, make);
    set_bits(&BDA->shift[0], bit, (BDA->shift_ext[0] & right) || (BDA->shift[1] & left));
    if (bit == SHIFT_ALT && !make && BDA->alt_digits) {
        put_key(BDA->alt_digits); /* a character typed by its number */
        BDA->alt_digits = 0;
    }
}

static void lock_key(uint8_t bit, bool make)
{
    uint8_t held = bit; /* shift[1] has the same bits for "is down" */
    if (make && !(BDA->shift[1] & held))
        BDA->shift[0] ^= bit;
    set_bits(&BDA->shift[1], held, make);
}

/* Shift, Ctrl, Alt and the locks; false if the key is none of these. */
static bool modifier(uint8_t scan, bool extended, bool make)
{
    switch (scan) {
    case 0x2A:
    case 0x36:
        if (!extended) /* E0 2A is only noise around the grey keys */
            set_bits(&BDA->shift[0], scan == 0x2A ? SHIFT_LEFT : SHIFT_RIGHT, make);
        return true;
    case 0x1D: ctrl_or_alt(SHIFT_CTRL, extended, make); return true;
    case 0x38: ctrl_or_alt(SHIFT_ALT, extended, make); return true;
    case 0x3A: lock_key(SHIFT_CAPS, make); return true;
    case 0x45:
        if (BDA->shift[0] & SHIFT_CTRL)
            return false;
        lock_key(SHIFT_NUM, make);
        return true;
    case 0x46:
        if (extended || (BDA->shift[0] & SHIFT_CTRL))
            return false;
        lock_key(SHIFT_SCROLL, make);
        return true;
    default: return false;
    }
}

/* INT 15h AH=85h is told once when the key goes down, however often it repeats, and once when up.
 */
static void system_request(bool make)
{
    struct regs r = { .flags = 0 };
    if (make == !!(BDA->shift[1] & SHIFT2_SYSREQ))
        return;
    set_bits(&BDA->shift[1], SHIFT2_SYSREQ, make);
    r.ax.x = make ? 0x8500 : 0x8501;
    call_interrupt(0x15, &r);
}

/* What is not a character: Ctrl-Alt-Del, Break, Print Screen, Alt and digits. */
static bool special_key(uint8_t scan, bool extended)
{
    uint8_t shift = BDA->shift[0];
    if (scan == 0x53 && (shift & SHIFT_CTRL) && (shift & SHIFT_ALT)) {
        BDA->reset_flag = 0x1234;
        outb(0xCF9, 0x02);
        outb(0xCF9, 0x06);
        i8042_command(0xFE);
        return true;
    }
    if (scan == 0x46) { /* Ctrl-Break */
        BDA->key_head = BDA->key_tail = BDA->key_start;
        BDA->break_flag |= 0x80;
        call_hook(0x1B);
        put_key(0);
        return true;
    }
    if (scan == 0x37 && extended) {
        call_hook(0x05);
        return true;
    }
    if ((shift & SHIFT_ALT) && !extended && scan >= 0x47 && scan <= 0x52 && scan != 0x4A &&
        scan != 0x4E) {
        static const uint8_t digit[] = { 7, 8, 9, 0, 4, 5, 6, 0, 1, 2, 3, 0 };
        BDA->alt_digits = (uint8_t)(BDA->alt_digits * 10 + digit[scan - 0x47]);
        return true;
    }
    return false;
}

static void handle_scan(uint8_t byte)
{
    uint8_t ext = BDA->shift_ext[0];
    if (byte == 0xE0 || byte == 0xE1) {
        BDA->shift_ext[0] = (uint8_t)(ext | (byte == 0xE0 ? EXT_E0 : EXT_E1));
        return;
    }
    bool extended = ext & EXT_E0, make = !(byte & 0x80);
    uint8_t scan = byte & 0x7F;
    if (ext & EXT_E1) { /* Pause: E1 1D 45 E1 9D C5, nothing to do for it */
        if (scan == 0x45)
            BDA->shift_ext[0] = (uint8_t)(ext & ~EXT_E1);
        return;
    }
    BDA->shift_ext[0] = (uint8_t)(ext & ~EXT_E0);
    if (scan == 0x54 && !extended) {
        system_request(make);
        return;
    }
    if (modifier(scan, extended, make) || !make || special_key(scan, extended))
        return;
    if (scan == 0x52)
        BDA->shift[0] ^= SHIFT_INSERT;
    uint16_t code = keymap_lookup(scan, extended, BDA->shift[0]);
    if (code)
        put_key(code);
}

/* INT 15h AH=4Fh may change a scan code or swallow it; called only if somebody hooked INT 15h. */
static bool intercept(uint8_t *scan)
{
    struct regs r = { .flags = FLAG_CF };
    if (*(volatile uint16_t __seg_gs *)(4 * 0x15 + 2) == 0xF000)
        return true;
    r.ax.x = (uint16_t)(0x4F00 | *scan);
    call_interrupt(0x15, &r);
    *scan = r.ax.l;
    return r.flags & FLAG_CF;
}

void kbd_int09(struct regs *r)
{
    uint8_t status = inb(I8042_STATUS);
    if (status & I8042_OUT_FULL) {
        uint8_t scan = inb(I8042_DATA);
        if (!(status & I8042_AUX) && scan != 0xFA && scan != 0xFE && intercept(&scan)) {
            handle_scan(scan);
            update_leds();
        }
    }
    irq_end(1);
}

/* ---- INT 16h ---- */

/* The code as the 83-key calls (AH=00h, 01h) see it; 0: a key they do not know. */
static uint16_t old_style(uint16_t code)
{
    if (code >> 8 == 0xE0)
        return (uint16_t)((code & 0xFF) == 0x2F ? 0x352F : 0x1C00 | (code & 0xFF));
    if ((code & 0xFF) == 0xE0 && code >> 8)
        return code & 0xFF00;
    return code >> 8 > 0x84 && !(code & 0xFF) ? 0 : code;
}

/* Makes the head of the buffer a key that the call may see; false if there is none. */
static bool find_key(bool extended, uint16_t *code)
{
    while (has_key()) {
        *code = peek_key();
        if (extended)
            return true;
        uint16_t old = old_style(*code);
        if (old || !*code) {
            *code = old;
            return true;
        }
        drop_key();
    }
    return false;
}

static void read_key(struct regs *r, bool extended)
{
    uint16_t code;
    if (!find_key(extended, &code)) {
        r->wait = 1;
        return;
    }
    drop_key();
    r->ax.x = code;
}

static void check_key(struct regs *r, bool extended)
{
    uint16_t code;
    bool found = find_key(extended, &code);
    if (found)
        r->ax.x = code;
    set_flag(r, FLAG_ZF, !found);
}

void kbd_int16(struct regs *r)
{
    switch (r->ax.h) {
    case 0x00: read_key(r, false); break;
    case 0x01: check_key(r, false); break;
    case 0x02: r->ax.l = BDA->shift[0]; break;
    case 0x03: /* repeat rate: BH delay, BL rate */
        if (r->ax.l == 5) {
            i8042_command(0xAD);
            i8042_send(false, 0xF3);
            i8042_send(false, (uint8_t)((r->bx.h & 3) << 5 | (r->bx.l & 31)));
            i8042_command(0xAE);
        }
        break;
    case 0x05: r->ax.l = !put_key(r->cx.x); break;
    case 0x09: r->ax.l = 0x24; break; /* what there is: AX=0305h, AH=10h-12h */
    case 0x10: read_key(r, true); break;
    case 0x11: check_key(r, true); break;
    case 0x12:
        r->ax.l = BDA->shift[0];
        r->ax.h = (uint8_t)((BDA->shift[1] & 0x73) | (BDA->shift_ext[0] & (EXT_RCTRL | EXT_RALT)) |
                            (BDA->shift[1] & SHIFT2_SYSREQ ? 0x80 : 0));
        break;
    default: break;
    }
}
