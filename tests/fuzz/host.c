#include "tests/fuzz/host.h"

#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "base/bytes.h"
#include "base/opts.h"
#include "block/drive.h"
#include "block/pool.h"
#include "chardev/chardev.h"
#include "hw/flash/cfi_flash.h"
#include "ui/console.h"
#include "ui/input.h"

#define DISK_SIZE   (64u << 10)
#define FLOPPY_SIZE (160u << 10) /* the smallest that there is */
#define FLASH_SIZE  (16u << 10)

struct disk {
    struct block_drive *drive;
    struct block_node *node; /* a reference, so that it can come back */
    int fd;
    uint32_t size;
    uint64_t writes; /* that were made before this input */
};

struct screen {
    struct console *console;
    struct console_viewer *viewer; /* with one, writes to video memory are followed */
};

struct fuzz_host {
    struct input *input;
    struct input_source *source;
    GArray *disks;    /* struct disk */
    GArray *screens;  /* struct screen */
    GPtrArray *lines; /* struct chardev */
};

/* ---- Life ---- */

struct fuzz_host *fuzz_host_create(void)
{
    struct fuzz_host *h = g_new0(struct fuzz_host, 1);

    h->input = input_create();
    h->source = input_source_create(h->input);
    h->disks = g_array_new(FALSE, FALSE, sizeof(struct disk));
    h->screens = g_array_new(FALSE, FALSE, sizeof(struct screen));
    h->lines = g_ptr_array_new_with_free_func((GDestroyNotify)chardev_destroy);
    return h;
}

void fuzz_host_destroy(struct fuzz_host *h)
{
    for (unsigned i = 0; i < h->disks->len; i++) {
        struct disk *disk = &g_array_index(h->disks, struct disk, i);
        block_drive_free(disk->drive);
        block_unref(disk->node);
        close(disk->fd);
    }
    for (unsigned i = 0; i < h->screens->len; i++) {
        struct screen *screen = &g_array_index(h->screens, struct screen, i);
        console_detach(screen->viewer);
        console_destroy(screen->console);
    }
    input_source_destroy(h->source);
    input_destroy(h->input);
    g_array_unref(h->disks);
    g_array_unref(h->screens);
    g_ptr_array_unref(h->lines);
    g_free(h);
}

/* ---- What a device asks for ---- */

static uint32_t disk_size(const char *kind)
{
    if (strcmp(kind, cfi_flash_kind.name) == 0)
        return FLASH_SIZE;
    return strcmp(kind, "floppy") == 0 ? FLOPPY_SIZE : DISK_SIZE;
}

static struct block_drive *add_disk(struct fuzz_host *h, const char *kind, GError **err)
{
    struct disk disk = { .fd = memfd_create(kind, MFD_CLOEXEC), .size = disk_size(kind) };
    const struct block_options o = { .id = kind,
                                     .fd = disk.fd,
                                     .format = "raw",
                                     .cache = BLOCK_CACHE_UNSAFE,
                                     .no_lock = true,
                                     .discard_unmap = true,
                                     .read_only = strcmp(kind, "ide-cd") == 0 };

    if (disk.fd < 0 || ftruncate(disk.fd, disk.size) < 0 || block_open(&o, &disk.node, err) < 0) {
        close(disk.fd);
        return NULL;
    }
    disk.drive = block_drive_new(kind, NULL, block_ref(disk.node));
    g_array_append_val(h->disks, disk);
    return disk.drive;
}

static struct console *add_screen(struct fuzz_host *h, const char *name)
{
    static const struct console_viewer_ops nobody_draws = { 0 };
    struct screen screen = { .console = console_create(name, h->input) };

    screen.viewer = console_attach(screen.console, &nobody_draws, NULL);
    g_array_append_val(h->screens, screen);
    return screen.console;
}

static struct chardev *add_line(struct fuzz_host *h, const char *name, GError **err)
{
    g_autofree char *text = g_strdup_printf("ringbuf,id=%s,size=4096", name);
    struct opts *opts = opts_parse("-chardev", text, "backend", err);
    struct chardev *line = opts != NULL ? chardev_create(opts, NULL, err) : NULL;

    opts_free(opts);
    if (line != NULL)
        g_ptr_array_add(h->lines, line);
    return line;
}

void *fuzz_host_resolve(void *opaque, struct device *dev, const char *kind, const char *name,
                        GError **err)
{
    struct fuzz_host *h = opaque;

    if (strcmp(kind, "input") == 0)
        return h->input;
    if (strcmp(kind, "drive") == 0)
        return add_disk(h, name, err);
    if (strcmp(kind, "console") == 0)
        return add_screen(h, name);
    if (strcmp(kind, "chardev") == 0)
        return add_line(h, name, err);
    return NULL;
}

char *fuzz_host_option(const char *host, const char *kind)
{
    if (strcmp(host, "drive") == 0)
        return g_strdup_printf("-drive if=none,id=%s,format=raw,file=%s.img,discard=unmap%s", kind,
                               kind, strcmp(kind, "ide-cd") == 0 ? ",media=cdrom" : "");
    if (strcmp(host, "chardev") == 0)
        return g_strdup_printf("-chardev ringbuf,id=%s,size=4096", kind);
    return NULL;
}

/* ---- Between inputs ---- */

static uint64_t writes_of(const struct disk *disk)
{
    struct block_stats stats;

    block_get_stats(disk->node, &stats);
    return stats.op[BLOCK_OP_WRITE].operations + stats.op[BLOCK_OP_DISCARD].operations;
}

/* Empty files of the same size, and only if need be: a disk of zeroes. */
static void reset_disk(struct disk *disk)
{
    uint64_t writes = writes_of(disk);

    if (writes == disk->writes)
        return;
    disk->writes = writes;
    if (ftruncate(disk->fd, 0) < 0 || ftruncate(disk->fd, disk->size) < 0)
        g_error("a disk in memory can't be emptied");
}

static void put_medium(struct disk *disk)
{
    if (disk->drive->node == NULL && disk->drive->tray != NULL)
        if (block_drive_insert_medium(disk->drive, block_ref(disk->node), NULL) < 0)
            block_unref(disk->node);
}

void fuzz_host_reset(struct fuzz_host *h)
{
    fuzz_host_settle(h);
    for (unsigned i = 0; i < h->disks->len; i++) {
        struct disk *disk = &g_array_index(h->disks, struct disk, i);
        reset_disk(disk);
        if (disk->drive->tray == NULL)
            continue;
        put_medium(disk);
        block_drive_close_tray(disk->drive, NULL);
    }
    input_release_keys(h->source);
}

void fuzz_host_settle(struct fuzz_host *h)
{
    if (h->disks->len > 0)
        while (pool_run_completions() || g_main_context_iteration(NULL, FALSE))
            ;
}

/* ---- While the guest runs ---- */

static void type(struct fuzz_host *h, uint64_t value)
{
    uint8_t bytes[8];

    put_le64(bytes, value);
    for (unsigned i = 0; i < h->lines->len; i++)
        chardev_ringbuf_send(h->lines->pdata[i], bytes, 1 + bytes[7] % 7);
}

static void move_pointer(struct fuzz_host *h, uint64_t value)
{
    const struct pointer_event event = { .x = (int8_t)value,
                                         .y = (int8_t)(value >> 8),
                                         .wheel = (int8_t)(value >> 16),
                                         .buttons = value >> 24 & 0x1f };

    input_pointer_relative(h->source, &event);
    input_pointer_absolute(h->source, &event);
}

static void move_tray(const struct disk *disk, uint64_t value)
{
    if ((value & 1) != 0)
        block_drive_open_tray(disk->drive, (value & 2) != 0, NULL);
    else
        block_drive_close_tray(disk->drive, NULL);
}

static void change_medium(struct disk *disk, uint64_t value)
{
    if ((value & 1) != 0)
        put_medium(disk);
    else
        block_drive_remove_medium(disk->drive, NULL);
}

static void disks_event(struct fuzz_host *h, enum fuzz_host_event event, uint64_t value)
{
    for (unsigned i = 0; i < h->disks->len; i++) {
        struct disk *disk = &g_array_index(h->disks, struct disk, i);
        if (disk->drive->tray == NULL)
            continue;
        if (event == FUZZ_TRAY)
            move_tray(disk, value);
        else
            change_medium(disk, value);
    }
}

void fuzz_host_event(struct fuzz_host *h, enum fuzz_host_event event, uint64_t value)
{
    switch (event) {
    case FUZZ_LOOK:
        for (unsigned i = 0; i < h->screens->len; i++)
            console_update_now(g_array_index(h->screens, struct screen, i).console);
        break;
    case FUZZ_TYPE: type(h, value); break;
    case FUZZ_KEY: input_key(h->source, value & 0xff, (value & 0x100) == 0); break;
    case FUZZ_POINTER_MOVE: move_pointer(h, value); break;
    default: disks_event(h, event, value); break;
    }
}
