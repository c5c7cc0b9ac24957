#include "hw/machine/fw_cfg.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"
#include "hw/core/bus.h"
#include "hw/core/dma.h"
#include "hw/core/state.h"

#define SELECTOR_PORT 0x510 /* and the data port behind it */
#define DMA_PORT      0x514

/* FW_CFG_ID */
#define ID_TRADITIONAL (1u << 0)
#define ID_DMA         (1u << 1)

/* The DMA command in guest memory, big-endian. */
#define COMMAND_SIZE    16
#define COMMAND_CONTROL 0 /* bits 31:16: the key, for DMA_SELECT */
#define COMMAND_LENGTH  4
#define COMMAND_ADDRESS 8
#define DMA_ERROR       (1u << 0)
#define DMA_READ        (1u << 1)
#define DMA_SKIP        (1u << 2)
#define DMA_SELECT      (1u << 3)
#define DMA_WRITE       (1u << 4)

/*
 * What is read beyond an item's end is zero. A guest could ask for 4 GiB of it at once and hold up
 * the machine meanwhile; more than this is an error.
 */
#define MAX_FILL (1u << 20)

#define DIRECTORY_ENTRY_SIZE 64

struct item {
    char *name; /* of a file; else NULL */
    uint16_t key;
    GBytes *bytes;
    struct fw_cfg_writable writable; /* data set: in place of bytes */
};

struct fw_cfg {
    struct device dev;
    uint16_t selector;
    uint32_t offset;   /* of the next byte of the selected item */
    uint32_t dma_high; /* written to DMA_PORT */
    /* host */
    GPtrArray *items;     /* struct item; the files in the order of their names */
    struct item *current; /* the selected one; NULL: no item has the key */
    struct region ports, dma_ports;
    /* properties */
    bool dma;
};

static void item_free(gpointer opaque)
{
    struct item *item = opaque;
    if (item->bytes)
        g_bytes_unref(item->bytes);
    g_free(item->name);
    g_free(item);
}

/* ---- The items ---- */

static struct item *find_key(const struct fw_cfg *f, uint16_t key)
{
    for (guint i = 0; i < f->items->len; i++) {
        struct item *item = f->items->pdata[i];
        if (item->key == key)
            return item;
    }
    return NULL;
}

static void select_item(struct fw_cfg *f, uint16_t key)
{
    f->selector = key;
    f->offset = 0;
    f->current = find_key(f, key);
}

/* The selected item's bytes; *size 0 for a key that nothing has. */
static const uint8_t *selected(const struct fw_cfg *f, uint32_t *size)
{
    const struct item *item = f->current;
    size_t n = 0;
    const uint8_t *data = NULL;
    if (item && item->bytes) {
        data = g_bytes_get_data(item->bytes, &n);
    } else if (item) {
        data = item->writable.data;
        n = item->writable.size;
    }
    *size = (uint32_t)n;
    return data;
}

void fw_cfg_add(struct device *dev, uint16_t key, GBytes *data)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    struct item *item = find_key(f, key);
    if (item) {
        g_bytes_unref(item->bytes);
    } else {
        item = g_new0(struct item, 1);
        item->key = key;
        g_ptr_array_insert(f->items, 0, item); /* before the files */
    }
    item->bytes = g_bytes_ref(data);
}

static void add_number(struct device *dev, uint16_t key, uint64_t value, unsigned size)
{
    uint8_t data[8];
    put_le64(data, value);
    g_autoptr(GBytes) bytes = g_bytes_new(data, size);
    fw_cfg_add(dev, key, bytes);
}

void fw_cfg_add_u16(struct device *dev, uint16_t key, uint16_t value)
{
    add_number(dev, key, value, 2);
}

void fw_cfg_add_u32(struct device *dev, uint16_t key, uint32_t value)
{
    add_number(dev, key, value, 4);
}

void fw_cfg_add_u64(struct device *dev, uint16_t key, uint64_t value)
{
    add_number(dev, key, value, 8);
}

/* Numbers the files from FW_CFG_FILE_FIRST and writes the directory anew. */
static void rebuild_directory(struct fw_cfg *f)
{
    GByteArray *dir = g_byte_array_new();
    uint32_t count = 0;
    g_byte_array_set_size(dir, 4);
    for (guint i = 0; i < f->items->len; i++) {
        struct item *item = f->items->pdata[i];
        uint8_t entry[DIRECTORY_ENTRY_SIZE] = { 0 };
        if (!item->name)
            continue;
        item->key = (uint16_t)(FW_CFG_FILE_FIRST + count++);
        put_be32(entry,
                 (uint32_t)(item->bytes ? g_bytes_get_size(item->bytes) : item->writable.size));
        put_be16(entry + 4, item->key);
        g_strlcpy((char *)entry + 8, item->name, FW_CFG_NAME_SIZE);
        g_byte_array_append(dir, entry, sizeof(entry));
    }
    put_be32(dir->data, count);
    g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(dir);
    fw_cfg_add(&f->dev, FW_CFG_FILE_DIR, bytes);
    f->current = find_key(f, f->selector);
}

/* Makes a file in its place among the names; it still needs its content. */
static int insert_file(struct fw_cfg *f, const char *name, struct item **file, GError **err)
{
    guint at = 0, files = 0;
    for (guint i = 0; i < f->items->len; i++) {
        const struct item *item = f->items->pdata[i];
        int order = item->name ? strcmp(item->name, name) : -1;
        if (order == 0)
            return fail(err, EEXIST, "fw_cfg file %s: there is one of this name already", name);
        if (order < 0)
            at = i + 1;
        files += item->name != NULL;
    }
    if (strlen(name) >= FW_CFG_NAME_SIZE)
        return fail(err, ENAMETOOLONG, "fw_cfg file %s: a name has at most %d characters", name,
                    FW_CFG_NAME_SIZE - 1);
    if (files == FW_CFG_MAX_FILES)
        return fail(err, ENOSPC, "fw_cfg file %s: there are %d files already", name,
                    FW_CFG_MAX_FILES);
    *file = g_new0(struct item, 1);
    (*file)->name = g_strdup(name);
    g_ptr_array_insert(f->items, (gint)at, *file);
    return 0;
}

int fw_cfg_add_file(struct device *dev, const char *name, GBytes *data, GError **err)
{
    struct item *file = NULL;
    int ret = insert_file((struct fw_cfg *)dev, name, &file, err);
    if (!file)
        return ret;
    file->bytes = g_bytes_ref(data);
    rebuild_directory((struct fw_cfg *)dev);
    return 0;
}

int fw_cfg_add_writable(struct device *dev, const char *name,
                        const struct fw_cfg_writable *writable, GError **err)
{
    struct item *file = NULL;
    int ret = insert_file((struct fw_cfg *)dev, name, &file, err);
    if (!file)
        return ret;
    file->writable = *writable;
    rebuild_directory((struct fw_cfg *)dev);
    return 0;
}

/* ---- The traditional interface ---- */

static uint64_t ports_read(void *opaque, uint64_t offset, unsigned size)
{
    struct fw_cfg *f = opaque;
    if (offset != 1) /* the selector cannot be read */
        return 0;
    uint32_t item_size;
    const uint8_t *data = selected(f, &item_size);
    return f->offset < item_size ? data[f->offset++] : 0;
}

static void ports_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    if (offset == 0 && size == 2)
        select_item(opaque, (uint16_t)value);
}

static const struct region_ops ports_ops = {
    .read = ports_read,
    .write = ports_write,
    .valid = 1 | 2,
    .impl = 1 | 2,
};

/* ---- The DMA interface ---- */

/* Copies the next length bytes of the selected item to the guest, with zeroes beyond its end. */
static int dma_read_item(struct fw_cfg *f, uint64_t address, uint32_t length)
{
    static const uint8_t zeroes[4096];
    uint32_t size;
    const uint8_t *data = selected(f, &size);
    uint32_t left = f->offset < size ? size - f->offset : 0, n = MIN(length, left);
    uint32_t fill = length - n;
    if (fill > MAX_FILL)
        return -EINVAL;

    int ret = n ? dma_write(f->dev.services->mem, address, data + f->offset, n) : 0;
    f->offset += n;
    address += n;
    while (ret == 0 && fill > 0) {
        n = MIN(fill, sizeof(zeroes));
        ret = dma_write(f->dev.services->mem, address, zeroes, n);
        address += n;
        fill -= n;
    }
    return ret;
}

/* Copies length bytes from the guest to the selected file; it must be writable and that long. */
static int dma_write_item(struct fw_cfg *f, uint64_t address, uint32_t length)
{
    const struct item *item = f->current;
    if (!item || !item->writable.data || f->offset > item->writable.size ||
        length > item->writable.size - f->offset)
        return -EINVAL;

    const struct fw_cfg_writable *w = &item->writable;
    g_autofree uint8_t *bytes = g_malloc(length);
    int ret = dma_read(f->dev.services->mem, address, bytes, length);
    if (ret < 0 || length == 0)
        return ret;
    memcpy(w->data + f->offset, bytes, length);
    if (w->written)
        w->written(w->opaque, f->offset, length);
    f->offset += length;
    return 0;
}

static int dma_skip(struct fw_cfg *f, uint32_t length)
{
    if (__builtin_add_overflow(f->offset, length, &f->offset))
        f->offset = UINT32_MAX;
    return 0;
}

static int run_command(struct fw_cfg *f, const uint8_t *command)
{
    uint32_t control = get_be32(command + COMMAND_CONTROL);
    uint32_t length = get_be32(command + COMMAND_LENGTH);
    uint64_t address = get_be64(command + COMMAND_ADDRESS);
    if (control & DMA_SELECT)
        select_item(f, (uint16_t)(control >> 16));
    if (control & DMA_READ)
        return dma_read_item(f, address, length);
    if (control & DMA_WRITE)
        return dma_write_item(f, address, length);
    if (control & DMA_SKIP)
        return dma_skip(f, length);
    return 0;
}

/* Carries out the command at gpa, then tells the guest by clearing its control word. */
static void dma_start(struct fw_cfg *f, uint64_t gpa)
{
    struct memmap *mem = f->dev.services->mem;
    uint8_t command[COMMAND_SIZE], control[4];
    int ret = dma_read(mem, gpa, command, sizeof(command));
    if (ret == 0)
        ret = run_command(f, command);
    put_be32(control, ret < 0 ? DMA_ERROR : 0);
    /* Where the word itself is no memory, there is no way to tell. */
    if (dma_write(mem, gpa + COMMAND_CONTROL, control, sizeof(control)) < 0 || ret < 0)
        guest_fault(&f->dev, "DMA command at 0x%" PRIx64 " refused", gpa);
}

/* Reads as "QEMU CFG": that is how a guest without a working FW_CFG_ID sees the interface. */
static uint64_t dma_ports_read(void *opaque, uint64_t offset, unsigned size)
{
    static const uint8_t signature[] = { 'Q', 'E', 'M', 'U', ' ', 'C', 'F', 'G' };
    return get_le32(signature + offset);
}

static void dma_ports_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    struct fw_cfg *f = opaque;
    uint32_t half = __builtin_bswap32((uint32_t)value);
    if (offset == 0) {
        f->dma_high = half;
        return;
    }
    uint64_t gpa = (uint64_t)f->dma_high << 32 | half;
    f->dma_high = 0;
    dma_start(f, gpa);
}

static const struct region_ops dma_ports_ops = {
    .read = dma_ports_read,
    .write = dma_ports_write,
    .valid = 1 | 2 | 4,
    .impl = 4,
};

/* ---- The device ---- */

static void map_ports(struct fw_cfg *f, struct region *region, const char *name,
                      const struct region_ops *ops, uint16_t port, uint16_t size)
{
    *region = (struct region){
        .name = name, .ops = ops, .owner = &f->dev, .opaque = f, .priority = REGION_FIXED
    };
    bus_map(f->dev.services->bus, region, BUS_PIO, port, size);
}

static int fw_cfg_create(struct device *dev, GError **err)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    g_autoptr(GBytes) signature = g_bytes_new_static("QEMU", 4);
    f->items = g_ptr_array_new_with_free_func(item_free);
    fw_cfg_add(dev, FW_CFG_SIGNATURE, signature);
    fw_cfg_add_u32(dev, FW_CFG_ID, ID_TRADITIONAL | (f->dma ? ID_DMA : 0));
    rebuild_directory(f);

    map_ports(f, &f->ports, "fw_cfg", &ports_ops, SELECTOR_PORT, 2);
    if (f->dma)
        map_ports(f, &f->dma_ports, "fw_cfg-dma", &dma_ports_ops, DMA_PORT, 8);
    return 0;
}

static void fw_cfg_reset(struct device *dev)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    select_item(f, FW_CFG_SIGNATURE);
    f->dma_high = 0;
}

static int fw_cfg_post_load(struct device *dev, GError **err)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    f->current = find_key(f, f->selector);
    return 0;
}

static void fw_cfg_destroy(struct device *dev)
{
    struct fw_cfg *f = (struct fw_cfg *)dev;
    bus_unmap(dev->services->bus, &f->ports);
    bus_unmap(dev->services->bus, &f->dma_ports);
    if (f->items)
        g_ptr_array_unref(f->items);
}

static const struct property fw_cfg_properties[] = {
    PROPERTY("dma", PROP_BOOL, struct fw_cfg, dma, .initial = "on",
             .help = "offer the DMA interface; Xen's firmware goes by ports alone"),
    {}
};

/* The items are not saved: they are the configuration, which the destination has too. */
static const struct state_field fw_cfg_state[] = { STATE_FIELD(struct fw_cfg, selector),
                                                   STATE_FIELD(struct fw_cfg, offset),
                                                   STATE_FIELD(struct fw_cfg, dma_high),
                                                   {} };

const struct device_kind fw_cfg_kind = {
    .name = "fw_cfg",
    .desc = "configuration interface of firmware",
    .size = sizeof(struct fw_cfg),
    .properties = fw_cfg_properties,
    .state = fw_cfg_state,
    .state_version = 1,
    .create = fw_cfg_create,
    .reset = fw_cfg_reset,
    .post_load = fw_cfg_post_load,
    .destroy = fw_cfg_destroy,
};
