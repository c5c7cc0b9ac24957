/*
 * Makes inputs for the device targets of what a real guest did.
 * usage: trace-seeds RECORDING FOLDER
 *
 * FOLDER/KIND gets files of up to SEED_STEPS accesses to one kind of device, only such as have an
 * access that no file before had. A recorded machine's BARs are elsewhere than the board's: they
 * are followed by what the guest wrote to configuration space, and matched by the functions'
 * vendor and device.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/loop.h"
#include "hw/core/pci.h"
#include "hw/machine/devices.h"
#include "ioreq/ioreq.h"
#include "ioreq/trace.h"
#include "tests/fuzz/board.h"

#define SEED_STEPS     64
#define MAX_FILES      24 /* of one kind */
#define RAM_LIKE_START 0x10000u
#define RAM_LIKE_END   0xe0000000u
#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  0x80000000u

/* The recorded machine's functions of bus 0, as far as they showed themselves. */
struct function {
    uint32_t id; /* device << 16 | vendor; 0: not known */
    uint32_t bar[PCI_N_BARS];
};

struct kind_seeds {
    const char *name;
    struct fuzz_board *board;
    GByteArray *steps;
    GHashTable *seen; /* of operation, region and offset, packed */
    bool news;
    unsigned files;
};

struct seeds {
    const char *folder;
    GArray *kinds; /* struct kind_seeds */
    struct function function[256];
    uint32_t config_address;
    GByteArray *memory; /* steps: what the device read during the access */
};

/* ---- Files ---- */

static void write_file(const struct seeds *s, struct kind_seeds *k)
{
    g_autofree char *dir = g_build_filename(s->folder, k->name, NULL);
    g_autofree char *path = g_strdup_printf("%s/seed-%04u", dir, k->files);

    if (k->news && k->files < MAX_FILES) {
        g_mkdir_with_parents(dir, 0777);
        g_file_set_contents(path, (const char *)k->steps->data, k->steps->len, NULL);
        k->files++;
    }
    k->news = false;
    g_byte_array_set_size(k->steps, 0);
}

static void add_step(struct seeds *s, struct kind_seeds *k, uint8_t op, uint8_t region,
                     uint16_t offset, uint64_t value)
{
    uint8_t step[FUZZ_RECORD] = { op, region };
    guint what = (guint)op | (guint)region << 8 | (guint)offset << 16;

    put_le16(step + 2, offset);
    put_le64(step + 4, value);
    g_byte_array_append(k->steps, s->memory->data, s->memory->len);
    g_byte_array_append(k->steps, step, sizeof(step));
    k->news |= g_hash_table_add(k->seen, GUINT_TO_POINTER(what));
    if (k->steps->len >= SEED_STEPS * FUZZ_RECORD)
        write_file(s, k);
}

/* ---- Where an access goes ---- */

static uint32_t id_of(const struct pci_device *pci)
{
    return get_le32(pci->config + PCI_VENDOR_ID);
}

/* The address on the board; bars of functions that are on both. */
static uint64_t translate(const struct seeds *s, const struct kind_seeds *k, bool pio,
                          uint64_t addr)
{
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        for (unsigned n = 0; s->function[devfn].id != 0 && n < PCI_N_BARS; n++) {
            uint32_t bar = s->function[devfn].bar[n];
            if (bar == 0 || (bar & 1) != pio)
                continue;
            for (unsigned i = 0; i < k->board->configs->len; i++) {
                const struct pci_device *pci = k->board->configs->pdata[i];
                uint64_t base = bar & (pio ? ~3u : ~15u);
                if (id_of(pci) == s->function[devfn].id && addr - base < pci->bar[n].size)
                    return addr - base +
                           (get_le32(pci->config + PCI_BAR0 + 4 * n) & (pio ? ~3u : ~15u));
            }
        }
    }
    return addr;
}

static void add_access(struct seeds *s, struct kind_seeds *k, const uint64_t *n)
{
    bool pio = n[0] == IOREQ_TYPE_PIO, read = (n[1] & IOREQ_READ) != 0;
    uint64_t addr = translate(s, k, pio, n[2]);
    uint8_t width = (uint8_t)__builtin_ctzll(n[3]);
    bool pointer = !read && n[3] == 4 && k->board->configs->len > 0 && n[5] % 16 == 0 &&
                   n[5] >= RAM_LIKE_START && n[5] < RAM_LIKE_END;

    for (unsigned i = 0; i < k->board->regions->len && i < 256; i++) {
        const struct fuzz_region *r = &g_array_index(k->board->regions, struct fuzz_region, i);
        uint64_t offset = addr - r->base;
        if (r->space != (pio ? BUS_PIO : BUS_MMIO) || offset >= r->size || offset > UINT16_MAX)
            continue;
        uint8_t op = read ? FUZZ_READ : pointer ? FUZZ_POINTER : FUZZ_WRITE;
        add_step(s, k, (uint8_t)(op | width << 3), (uint8_t)i, (uint16_t)offset, n[5]);
        return;
    }
}

/* ---- Configuration space ---- */

static void add_config(struct seeds *s, unsigned offset, const uint64_t *n)
{
    uint8_t devfn = (uint8_t)(s->config_address >> 8);
    struct function *f = &s->function[devfn];
    uint32_t value = (uint32_t)n[5];

    if (offset >= PCI_BAR0 && offset < PCI_BAR0 + 4 * PCI_N_BARS && offset % 4 == 0 && n[3] == 4 &&
        value != UINT32_MAX)
        f->bar[(offset - PCI_BAR0) / 4] = value;
    for (unsigned i = 0; i < s->kinds->len; i++) {
        struct kind_seeds *k = &g_array_index(s->kinds, struct kind_seeds, i);
        for (unsigned c = 0; c < k->board->configs->len; c++)
            if (f->id != 0 && id_of(k->board->configs->pdata[c]) == f->id)
                add_step(s, k, (uint8_t)(FUZZ_CONFIG | __builtin_ctzll(n[3]) << 3), (uint8_t)c,
                         (uint16_t)offset, value);
    }
}

/* The vendor and device of the function that the guest looks at; answer: of a read of 4 bytes. */
static void learn_function(struct seeds *s, uint32_t answer)
{
    if (answer != UINT32_MAX)
        s->function[(uint8_t)(s->config_address >> 8)].id = answer;
}

/* ---- The recording ---- */

static void add_memory(struct seeds *s, const struct trace_entry *e)
{
    for (size_t at = 0; at + 8 <= e->data_len && at < 64; at += 8) {
        uint8_t step[FUZZ_RECORD] = { FUZZ_MEMORY };
        put_le16(step + 2, (uint16_t)(e->n[0] + at));
        memcpy(step + 4, e->data + at, 8);
        g_byte_array_append(s->memory, step, sizeof(step));
    }
}

static void add_request(struct seeds *s, const uint64_t *n, uint64_t answer)
{
    bool read = (n[1] & IOREQ_READ) != 0, odd = (n[1] & IOREQ_DATA_IS_PTR) != 0 || n[4] != 1;
    bool config = n[0] == IOREQ_TYPE_PIO && n[2] - CONFIG_DATA < 4 &&
                  (s->config_address & CONFIG_ENABLE) != 0;
    unsigned offset = (s->config_address & 0xfc) + (unsigned)(n[2] & 3);

    if (odd || n[3] == 0 || n[3] > 8)
        return;
    if (n[0] == IOREQ_TYPE_PIO && n[2] == CONFIG_ADDRESS && n[3] == 4 && !read)
        s->config_address = (uint32_t)n[5];
    if (config && read && offset == 0 && n[3] == 4)
        learn_function(s, (uint32_t)answer);
    if (config && !read)
        add_config(s, offset, n);
    for (unsigned i = 0; n[0] <= IOREQ_TYPE_COPY && i < s->kinds->len; i++)
        add_access(s, &g_array_index(s->kinds, struct kind_seeds, i), n);
}

static int read_recording(struct seeds *s, struct trace_reader *r, GError **err)
{
    uint64_t request[JOURNAL_NUMBERS], answer = 0;
    struct trace_entry e;
    bool in_request = false;
    int rc;

    while ((rc = trace_next(r, &e, err)) > 0) {
        trace_forget(r);
        if (e.kind == JOURNAL_IOREQ) {
            memcpy(request, e.n, sizeof(request));
            g_byte_array_set_size(s->memory, 0);
            in_request = true;
        } else if (e.kind == JOURNAL_DMA_READ) {
            add_memory(s, &e);
        } else if (e.kind == JOURNAL_ANSWER) {
            answer = e.n[0];
        } else if (e.kind == TRACE_END && in_request) {
            add_request(s, request, answer);
            in_request = false;
        }
    }
    return rc;
}

static void add_kinds(struct seeds *s)
{
    for (const struct device_kind *const *kind = device_kinds(); *kind != NULL; kind++) {
        struct kind_seeds k = { .name = (*kind)->name,
                                .board = fuzz_board_create_small((*kind)->name),
                                .steps = g_byte_array_new(),
                                .seen = g_hash_table_new(NULL, NULL) };
        g_array_append_val(s->kinds, k);
    }
}

static void finish_kinds(struct seeds *s)
{
    for (unsigned i = 0; i < s->kinds->len; i++) {
        struct kind_seeds *k = &g_array_index(s->kinds, struct kind_seeds, i);
        write_file(s, k);
        if (k->files > 0)
            printf("%s: %u\n", k->name, k->files);
        fuzz_board_destroy(k->board);
        g_byte_array_unref(k->steps);
        g_hash_table_unref(k->seen);
    }
}

int main(int argc, char **argv)
{
    g_autoptr(GError) err = NULL;

    if (argc != 3) {
        fprintf(stderr, "usage: %s RECORDING FOLDER\n", argv[0]);
        return 2;
    }
    loop_init();
    log_set_level(LOG_ERROR);
    struct trace_reader *r = trace_open(argv[1], &err);
    struct seeds *s = g_new0(struct seeds, 1);
    *s = (struct seeds){ .folder = argv[2],
                         .kinds = g_array_new(FALSE, TRUE, sizeof(struct kind_seeds)),
                         .memory = g_byte_array_new() };
    if (r != NULL) {
        add_kinds(s);
        read_recording(s, r, &err);
        finish_kinds(s);
        trace_reader_free(r);
    }
    if (err != NULL)
        log_error("%s", err->message);
    g_array_unref(s->kinds);
    g_byte_array_unref(s->memory);
    g_free(s);
    return err != NULL;
}
