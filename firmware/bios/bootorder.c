/*
 * What to boot, in which order: the host's file "bootorder" (device paths, one a line), else the
 * sequence in CMOS 3Dh and 38h.
 */
#include "bootorder.h"
#include "bda.h"
#include "fwcfg.h"
#include "post.h"
#include "print.h"
#include "x86.h"

#define MAX_ORDER 4096

enum { CMOS_FLOPPY = 1, CMOS_DISK, CMOS_CD, CMOS_ROM };

#define MENU_WAIT_MS 2500

static char order[MAX_ORDER];
static bool halt_at_end;

void bootorder_init(void)
{
    const struct fwcfg_file *file = fwcfg_find("bootorder");
    if (file) {
        uint32_t size = file->size < MAX_ORDER - 1 ? file->size : MAX_ORDER - 1;
        fwcfg_read(file->key, 0, order, size);
    }
    halt_at_end = path_find(order, "HALT") != NO_PRIORITY;
    rt.menu_enabled = !fwcfg_present() || fwcfg_u16(FWCFG_BOOT_MENU);
    rt.menu_wait_ms = 0;
    if (fwcfg_present() && rt.menu_enabled) /* somebody asked for it: time to press the key */
        rt.menu_wait_ms = (uint16_t)fwcfg_integer("etc/boot-menu-wait", MENU_WAIT_MS);
}

int16_t bootorder_find(const char *pattern)
{
    return path_find(order, pattern);
}

/* Place of a kind of device in the CMOS sequence; kinds that are not named come last. */
static int16_t cmos_priority(uint8_t kind)
{
    uint16_t sequence = (uint16_t)(cmos_read(0x3D) | (cmos_read(0x38) & 0xF0) << 4);
    if (!sequence)
        sequence = CMOS_DISK | CMOS_CD << 4 | CMOS_FLOPPY << 8 | CMOS_ROM << 12;
    for (int16_t i = 0; i < 4; i++) {
        if ((sequence >> 4 * i & 15) == kind)
            return 1000 + i;
    }
    return 1010 + kind;
}

static void add(struct boot_entry e)
{
    if (rt.boot_count == MAX_BOOT)
        return;
    unsigned i = rt.boot_count++;
    for (; i && rt.boot[i - 1].priority > e.priority; i--)
        rt.boot[i] = rt.boot[i - 1];
    rt.boot[i] = e;
}

static int16_t drive_priority(const struct drive *d, uint8_t kind)
{
    char path[64];
    if (d->type == DRIVE_FLOPPY)
        format(path, sizeof(path), "/pci@i0cf8/isa@*/fdc@03f0/floppy@%x", d->unit);
    else
        format(path, sizeof(path), "/pci@i0cf8/*@%x,%x/drive@%x/disk@%x", d->bdf >> 3 & 31,
               d->bdf & 7, d->channel, d->unit);
    int16_t priority = bootorder_find(path);
    return priority != NO_PRIORITY ? priority : cmos_priority(kind);
}

void bootorder_add_rom(uint16_t seg, uint16_t off, const char *name, int16_t priority)
{
    struct boot_entry e = { .type = BOOT_ROM, .seg = seg, .off = off, .priority = priority };
    if (priority == NO_PRIORITY)
        e.priority = cmos_priority(CMOS_ROM);
    format(e.name, sizeof(e.name), "%s", name);
    add(e);
}

/* INT 13h numbers follow the boot order, so that the first disk to boot is 80h. */
static void number_disks(void)
{
    for (unsigned i = 0; i < rt.drive_count; i++) {
        struct drive *d = &rt.drive[i];
        if (d->type != DRIVE_ATA)
            continue;
        d->priority = drive_priority(d, CMOS_DISK);
        unsigned at = rt.disk_count++;
        for (; at && rt.drive[rt.disk[at - 1]].priority > d->priority; at--)
            rt.disk[at] = rt.disk[at - 1];
        rt.disk[at] = (uint8_t)i;
    }
    BDA->disk_count += rt.disk_count;
}

void bootorder_build(void)
{
    uint8_t foreign = BDA->disk_count; /* disks of option ROMs come first, from 80h */
    rt.disk_shift = foreign;
    number_disks();
    for (unsigned i = 0; i < foreign; i++) {
        struct boot_entry e = { .type = BOOT_DISK, .drive = 0x80 + i, .name = "Option ROM's disk" };
        e.priority = cmos_priority(CMOS_DISK);
        add(e);
    }
    for (unsigned i = 0; i < rt.disk_count; i++) {
        const struct drive *d = &rt.drive[rt.disk[i]];
        struct boot_entry e = { .type = BOOT_DISK,
                                .drive = 0x80 + foreign + i,
                                .priority = d->priority };
        format(e.name, sizeof(e.name), "Disk %s", d->model);
        add(e);
    }
    for (unsigned i = 0; i < rt.drive_count; i++) {
        const struct drive *d = &rt.drive[i];
        struct boot_entry e = { .drive = (uint8_t)i };
        if (d->type == DRIVE_ATAPI) {
            e.type = BOOT_CD;
            e.priority = drive_priority(d, CMOS_CD);
        } else if (d->type == DRIVE_FLOPPY && d->unit == 0) {
            e.type = BOOT_FLOPPY;
            e.priority = drive_priority(d, CMOS_FLOPPY);
        } else {
            continue;
        }
        format(e.name, sizeof(e.name), "%s %s", e.type == BOOT_CD ? "CD" : "Floppy", d->model);
        add(e);
    }
    if (halt_at_end)
        add((struct boot_entry){ .type = BOOT_HALT, .priority = 999, .name = "Halt" });
}
