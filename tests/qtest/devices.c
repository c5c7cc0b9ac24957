/*
 * Every kind of device there is, whatever it does: any access is survived, and what was saved comes
 * back. No line here names a chip, so a new one is tested from its first day.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/loop.h"
#include "hw/core/dma.h"
#include "hw/core/pci.h"
#include "hw/core/state.h"
#include "hw/machine/devices.h"
#include "ioreq/core.h"
#include "tests/fuzz/board.h"

#define STEPS 400

static uint32_t seed;

static struct ioreq request(uint8_t type, uint64_t addr, uint32_t size, uint32_t count,
                            uint8_t flags, uint64_t data)
{
    return (struct ioreq){
        .type = type, .addr = addr, .size = size, .count = count, .flags = flags, .data = data
    };
}

/* Every width at every address of a region, and around its ends; large ones at their corners. */
static void access_region(struct fuzz_board *b, const struct fuzz_region *r)
{
    struct dispatch *d = machine_dispatch(b->machine);
    uint8_t type = r->space == BUS_PIO ? IOREQ_TYPE_PIO : IOREQ_TYPE_COPY;
    uint64_t stride = r->size <= 0x1000 ? 1 : r->size / 0x1000 + 1;

    for (uint64_t at = r->base - 8; at != r->base + r->size + 8; at++) {
        for (uint32_t size = 1; size <= 8; size *= 2) {
            struct ioreq read = request(type, at, size, 1, IOREQ_READ, 0);
            struct ioreq write = request(type, at, size, 1, 0, at * UINT64_C(0x9e3779b97f4a7c15));
            ioreq_dispatch(d, &read);
            if (type == IOREQ_TYPE_COPY || (size <= 4 && at < BUS_PIO_SIZE))
                g_assert_cmphex(read.data & ~size_mask(size), ==, 0);
            ioreq_dispatch(d, &write);
        }
        if (at > r->base + 64 && at + stride + 64 < r->base + r->size)
            at += stride - 1;
    }
}

static void test_every_access(gconstpointer kind)
{
    struct fuzz_board *b = fuzz_board_create(kind);

    for (unsigned i = 0; i < b->regions->len; i++) {
        access_region(b, &g_array_index(b->regions, struct fuzz_region, i));
        fuzz_board_reset(b);
    }
    fuzz_board_destroy(b);
}

/* ---- Saved and loaded ---- */

static void random_guest(struct fuzz_board *b, GRand *rand)
{
    uint8_t steps[STEPS * FUZZ_RECORD];

    for (unsigned i = 0; i < sizeof(steps); i++)
        steps[i] = (uint8_t)g_rand_int(rand);
    for (unsigned i = 0; i < sizeof(steps); i += FUZZ_RECORD)
        if (steps[i] % FUZZ_OPS == FUZZ_CLOCK && steps[i + 1] % FUZZ_EVENTS == FUZZ_STATE)
            steps[i + 1] = FUZZ_LOOK;
    fuzz_board_run(b, steps, sizeof(steps), NULL);
}

/* In one line each, the fields in which two states differ. */
static void assert_same(const GByteArray *a, const GByteArray *b)
{
    g_autoptr(GString) x = g_string_new(NULL), y = g_string_new(NULL);

    if (a->len == b->len && memcmp(a->data, b->data, a->len) == 0)
        return;
    state_dump(a->data, a->len, x, NULL);
    state_dump(b->data, b->len, y, NULL);
    g_auto(GStrv) left = g_strsplit(x->str, "\n", 0), right = g_strsplit(y->str, "\n", 0);
    for (unsigned i = 0; left[i] != NULL && right[i] != NULL; i++)
        if (strcmp(left[i], right[i]) != 0)
            g_test_message("saved:\n%s\nloaded:\n%s", left[i], right[i]);
    g_test_message("seed %u", seed);
    g_test_fail();
}

static void save_and_load(struct fuzz_board *b)
{
    struct fuzz_board *fresh = fuzz_board_create(NULL);
    g_autoptr(GByteArray) first = machine_save(b->machine, NULL);
    g_autoptr(GError) err = NULL;

    machine_load(fresh->machine, first->data, first->len, &err);
    g_assert_no_error(err);
    g_autoptr(GByteArray) second = machine_save(fresh->machine, NULL);
    assert_same(first, second);
    fuzz_board_destroy(fresh);
}

static void test_save_load(gconstpointer kind)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    struct fuzz_board *b = fuzz_board_create(kind);

    save_and_load(b);
    for (unsigned round = 0; round < 4; round++) {
        random_guest(b, rand);
        save_and_load(b);
    }
    fuzz_board_destroy(b);
}

/* Stopped right after its last access, the machine is what that access made of it: off. */
static void test_off_while_it_is_stopped(void)
{
    struct fuzz_board *b = fuzz_board_create(NULL);
    const struct services *s = machine_services(b->machine);

    s->power(s->opaque, POWER_OFF);
    g_assert_cmpint(machine_get_state(b->machine), ==, MACHINE_RUNNING);
    machine_pause(b->machine, MACHINE_PAUSED);
    g_assert_cmpint(machine_get_state(b->machine), ==, MACHINE_SHUTDOWN);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    fuzz_board_destroy(b);
}

/* ---- Saved states that are not ours ---- */

static bool loads(const uint8_t *data, size_t size, char **why)
{
    struct fuzz_board *fresh = fuzz_board_create(NULL);
    g_autoptr(GError) err = NULL;
    bool ok = machine_load(fresh->machine, data, size, &err) == 0;

    g_assert_true(ok == (err == NULL));
    if (!ok) {
        g_assert_null(strchr(err->message, '\n'));
        g_assert_true(g_str_has_prefix(err->message, "saved state: "));
    }
    if (why != NULL)
        *why = g_strdup(ok ? "" : err->message);
    fuzz_board_destroy(fresh);
    return ok;
}

static void test_damaged_states(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    struct fuzz_board *b = fuzz_board_create(NULL);
    g_autoptr(GByteArray) good = machine_save(b->machine, NULL);

    g_assert_true(loads(good->data, good->len, NULL));
    for (unsigned i = 0; i < 40; i++)
        g_assert_false(
            loads(good->data, (size_t)g_rand_int_range(rand, 0, (gint32)good->len), NULL));
    for (unsigned i = 0; i < 40; i++) {
        g_autofree uint8_t *flipped = g_memdup2(good->data, good->len);
        flipped[g_rand_int_range(rand, 0, (gint32)good->len)] ^=
            (uint8_t)(1 << g_rand_int_range(rand, 0, 8));
        g_assert_false(loads(flipped, good->len, NULL));
    }
    fuzz_board_destroy(b);
}

static void test_foreign_and_newer_states(void)
{
    static const uint8_t qemu[] = "QEVM\0\0\0\3", newer[] = "HVMDMST2\0\0\0\0\0";
    g_autofree char *foreign = NULL, *later = NULL, *none = NULL;

    g_assert_false(loads(qemu, sizeof(qemu), &foreign));
    g_assert_nonnull(strstr(foreign, "not a saved state"));
    g_assert_false(loads(newer, sizeof(newer), &later));
    g_assert_nonnull(strstr(later, "newer"));
    g_assert_false(loads(NULL, 0, &none));
}

/* ---- PCI ---- */

static bool is_memory(struct fuzz_board *b, uint64_t gpa)
{
    struct memmap *mem = machine_services(b->machine)->mem;
    uint8_t written[] = { 0x5c, 0xa1, 0xab, 0x1e }, read[4] = { 0 };

    return dma_write(mem, gpa, written, 4) == 0 && dma_read(mem, gpa, read, 4) == 0 &&
           memcmp(read, written, 4) == 0;
}

/* BARs over each other, over memory, over the chipset's own registers, and at the very top. */
static void test_bars_anywhere(void)
{
    static const uint32_t places[] = { 0,          0x1000,     0xa0000,    0x100000,
                                       0xfec00000, 0xfee00000, 0xfffff000, 0xe0000000 };
    struct fuzz_board *b = fuzz_board_create(NULL);
    struct pci_bus *bus = machine_services(b->machine)->pci;
    struct dispatch *d = machine_dispatch(b->machine);

    for (unsigned p = 0; p < G_N_ELEMENTS(places); p++) {
        for (unsigned devfn = 0; devfn < 256; devfn++)
            for (unsigned n = 0; n < 6; n++)
                pci_config_write(bus, (uint8_t)devfn, PCI_BAR0 + 4 * n, places[p], 4);
        for (unsigned i = 0; i < 64; i++) {
            struct ioreq read = request(IOREQ_TYPE_COPY, places[p] + i * 4, 4, 1, IOREQ_READ, 0);
            struct ioreq port = request(IOREQ_TYPE_PIO, (places[p] + i) & 0xffff, 4, 1, 0, i);
            ioreq_dispatch(d, &read);
            ioreq_dispatch(d, &port);
        }
        fuzz_board_reset(b);
        g_assert_true(is_memory(b, 0x1000)); /* nothing is left in its way */
        g_assert_true(is_memory(b, 0x100000));
    }
    fuzz_board_destroy(b);
}

/* ---- Requests ---- */

static void test_absurd_requests(void)
{
    static const uint64_t numbers[] = { 0,
                                        1,
                                        3,
                                        8,
                                        0xffff,
                                        0x10000,
                                        0xffffffff,
                                        0xfffffffc,
                                        UINT64_MAX,
                                        UINT64_MAX - 3,
                                        UINT64_C(1) << 63 };
    struct fuzz_board *b = fuzz_board_create(NULL);
    struct dispatch *d = machine_dispatch(b->machine);
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    for (unsigned i = 0; i < 20000; i++) {
        uint64_t n[4];
        for (unsigned k = 0; k < G_N_ELEMENTS(n); k++)
            n[k] = numbers[g_rand_int_range(rand, 0, G_N_ELEMENTS(numbers))];
        struct ioreq req = request((uint8_t)g_rand_int_range(rand, 0, 10), n[0], (uint32_t)n[1],
                                   n[2] == 0x10000 ? 64 : (uint32_t)n[2], (uint8_t)g_rand_int(rand),
                                   n[3]);
        ioreq_dispatch(d, &req);
    }
    g_assert_cmpuint(d->refused, >, 0);
    fuzz_board_destroy(b);
}

/* ---- States of released versions ---- */

/*
 * Every image of the corpus still loads. STATE_CORPUS_WRITE=1 writes that of this version: once, at
 * its release.
 */
static void test_corpus(void)
{
    const char *dir = g_getenv("STATE_CORPUS"), *name;
    g_autoptr(GError) err = NULL;

    if (dir == NULL) {
        g_test_skip("STATE_CORPUS is not set");
        return;
    }
    if (g_getenv("STATE_CORPUS_WRITE") != NULL) {
        struct fuzz_board *b = fuzz_board_create(NULL);
        g_autoptr(GRand) rand = g_rand_new_with_seed(1);
        random_guest(b, rand);
        g_autoptr(GByteArray) state = machine_save(b->machine, NULL);
        g_autofree char *path = g_build_filename(dir, HVMDM_VERSION ".state", NULL);
        g_file_set_contents(path, (const char *)state->data, state->len, &err);
        g_assert_no_error(err);
        fuzz_board_destroy(b);
    }
    g_autoptr(GDir) list = g_dir_open(dir, 0, &err);
    g_assert_no_error(err);
    while ((name = g_dir_read_name(list)) != NULL) {
        g_autofree char *path = g_build_filename(dir, name, NULL), *data = NULL, *why = NULL;
        gsize size;
        if (!g_str_has_suffix(name, ".state"))
            continue;
        g_file_get_contents(path, &data, &size, &err);
        g_assert_no_error(err);
        loads((const uint8_t *)data, size, &why);
        g_test_message("%s: %s", name, why);
        g_assert_cmpstr(why, ==, "");
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    loop_init();
    log_set_level(LOG_ERROR);
    const char *given = g_getenv("TEST_SEED");
    seed = given != NULL ? (uint32_t)strtoul(given, NULL, 0) : g_random_int();
    printf("# seed: TEST_SEED=%u\n", seed);
    for (const struct device_kind *const *k = device_kinds(); *k != NULL; k++) {
        g_autofree char *access = g_strdup_printf("/devices/access/%s", (*k)->name);
        g_autofree char *state = g_strdup_printf("/devices/save-load/%s", (*k)->name);
        g_test_add_data_func(access, (*k)->name, test_every_access);
        g_test_add_data_func(state, (*k)->name, test_save_load);
    }
    g_test_add_func("/devices/off-while-it-is-stopped", test_off_while_it_is_stopped);
    g_test_add_func("/devices/damaged-states", test_damaged_states);
    g_test_add_func("/devices/foreign-and-newer-states", test_foreign_and_newer_states);
    g_test_add_func("/devices/bars-anywhere", test_bars_anywhere);
    g_test_add_func("/devices/absurd-requests", test_absurd_requests);
    g_test_add_func("/devices/corpus", test_corpus);
    return g_test_run();
}
