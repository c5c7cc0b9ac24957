/*
 * Booting.
 */
#include "boot.h"
#include "ata.h"
#include "bda.h"
#include "cdrom.h"
#include "interrupt.h"
#include "keyboard.h"
#include "print.h"
#include "runtime.h"
#include "timer.h"
#include "x86.h"

#define KEY_F12      0x8600
#define KEY_ESC      0x011B
#define BOOT_SEGMENT 0x07C0
#define BOOT_MAGIC   0xAA55

extern uint8_t pnp_header[];

/* Jumps to a loaded boot sector; DL: drive, ES:DI: PnP installation structure (BBS 6.5). */
static void __attribute__((noreturn)) start(uint16_t cs, uint16_t ip, uint8_t drive)
{
    struct regs r = { .cs = cs, .ip = ip, .es = 0xF000 };
    r.dx.l = drive;
    r.ax.x = BOOT_MAGIC;
    r.di.x = (uint16_t)(uint32_t)pnp_header;
    debug("start %04x:%04x drive %02x\n", cs, ip, drive);
    jump_foreign(&r);
}

static const char *read_boot_sector(uint8_t drive)
{
    struct regs r = { .flags = FLAG_IF, .es = BOOT_SEGMENT };
    r.ax.x = 0x0201;
    r.cx.x = 1;
    r.dx.x = drive;
    call_interrupt(0x13, &r);
    return r.flags & FLAG_CF ? "cannot be read" : NULL;
}

static const char *boot_drive(uint8_t drive)
{
    const char *why = read_boot_sector(drive);
    if (why)
        return why;
    if (far_get16(BOOT_SEGMENT, 510) != BOOT_MAGIC)
        return "no boot sector";
    start(0, 0x7C00, drive);
}

/*
 * The disk that is booted becomes 80h: the order of the others stays. Disks of option ROMs keep
 * their numbers, we cannot move them.
 */
static uint8_t move_to_front(uint8_t number)
{
    unsigned i = number - 0x80U - rt.disk_shift;
    if (number < 0x80 + rt.disk_shift || i >= rt.disk_count || rt.disk_shift)
        return number;
    uint8_t d = rt.disk[i];
    for (; i; i--)
        rt.disk[i] = rt.disk[i - 1];
    rt.disk[0] = d;
    for (i = 0; i < rt.boot_count; i++) {
        struct boot_entry *e = &rt.boot[i];
        if (e->type == BOOT_DISK && e->drive < number)
            e->drive++;
        else if (e->type == BOOT_DISK && e->drive == number)
            e->drive = 0x80;
    }
    return 0x80;
}

static const char *boot_cd(uint8_t cd)
{
    uint8_t drive;
    uint16_t segment;
    const char *why = cdrom_boot(cd, &drive, &segment);
    if (why)
        return why;
    if (segment == BOOT_SEGMENT)
        start(0, 0x7C00, drive);
    start(segment, 0, drive);
}

static void __attribute__((noreturn)) give_up(const char *why)
{
    screen("%s\n", why);
    for (;;)
        irq_sleep();
}

static void attempt(const struct boot_entry *e)
{
    const char *why = "";
    screen("Booting from %s\n", e->name);
    cdrom_end_emulation(); /* of a CD that was tried before */
    switch (e->type) {
    case BOOT_FLOPPY: why = boot_drive(rt.drive[e->drive].unit); break;
    case BOOT_DISK: why = boot_drive(move_to_front(e->drive)); break;
    case BOOT_CD: why = boot_cd(e->drive); break;
    case BOOT_ROM: start(e->seg, e->off, 0); break;
    default: give_up("Halted, as the host asks."); break;
    }
    screen("  %s: %s\n", e->name, why);
}

/* Tries the entries that are left. A loader that gives up calls INT 18h and comes back here. */
static void __attribute__((noreturn)) boot_on(void)
{
    while (rt.boot_next < rt.boot_count)
        attempt(&rt.boot[rt.boot_next++]);
    give_up("Nothing to boot from. Check the boot order, or attach a bootable disk.");
}

/* ---- menu ---- */

/* True if the key that asks for the menu was pressed; waits only as long as the host says. */
static bool menu_wanted(void)
{
    if (!rt.menu_enabled)
        return false;
    if (rt.menu_wait_ms)
        screen("F12: boot menu\n");
    uint32_t deadline = timer_after(rt.menu_wait_ms);
    do {
        if (rt.menu_wait_ms && rt.pm_timer)
            irq_sleep(); /* the timer's tick ends it */
        else
            irq_window(); /* the 8254's count would be the same after each sleep */
        uint16_t key = kbd_poll();
        if (key == KEY_F12 || key == KEY_ESC)
            return true;
    } while (!timer_passed(deadline));
    return false;
}

static void menu(void)
{
    screen("\nBoot from:\n");
    for (unsigned i = 0; i < rt.boot_count; i++)
        screen("  %c  %s\n", (int)(i < 9 ? '1' + i : 'a' + i - 9), rt.boot[i].name);
    screen("Esc: as usual\n");
    for (;;) {
        irq_sleep();
        uint16_t key = kbd_poll();
        uint8_t c = (uint8_t)key;
        unsigned i = c >= '1' && c <= '9' ? c - '1' + 0U : c >= 'a' ? c - 'a' + 9U : MAX_BOOT;
        if (key == KEY_ESC)
            return;
        if (key && i < rt.boot_count) {
            struct boot_entry chosen = rt.boot[i];
            for (; i; i--)
                rt.boot[i] = rt.boot[i - 1];
            rt.boot[0] = chosen;
            return;
        }
    }
}

void boot_int19(struct regs *r)
{
    if (!rt.boot_started) {
        rt.boot_started = true;
        if (menu_wanted())
            menu();
    }
    rt.boot_next = 0;
    boot_on();
}

void boot_int18(struct regs *r)
{
    boot_on();
}
