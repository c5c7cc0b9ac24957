/*
 * The 16-bit half of POST.
 */
#include "devices.h"
#include "ata.h"
#include "floppy.h"
#include "interrupt.h"
#include "keyboard.h"
#include "mouse.h"
#include "ports.h"

void devices_probe(void)
{
    kbd_init();
    mouse_init();
    ports_init();
    floppy_init();
    ata_init();
}

void devices_call_rom(struct regs *r)
{
    big_real_mode();
    call_foreign(r);
}

void devices_start_boot(void)
{
    struct regs r = { .flags = FLAG_IF };
    call_interrupt(0x19, &r);
}
