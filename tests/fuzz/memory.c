/*
 * The guest's memory in a saved state (app/saved_memory.h), fed as a file comes: in pieces. The
 * first byte says how long they are, and whether there is memory to fill.
 */
#include <stddef.h>
#include <stdint.h>
#include <glib.h>
#include <sys/mman.h>

#include "app/saved_memory.h"
#include "hw/machine/machine.h"

#define SIZE 0x8000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static GArray *make_memory(void)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct machine_memory));
    uint8_t *host = mmap(NULL, 2 * SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                         0);

    g_assert(host != MAP_FAILED);
    const struct machine_memory stretch[] = { { g_strdup("ram"), host, SIZE },
                                              { g_strdup("vga.bar0"), host + SIZE, SIZE } };
    return g_array_append_vals(list, stretch, G_N_ELEMENTS(stretch));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static GArray *memory;
    size_t taken = 0;
    int rc = 0;

    if (memory == NULL)
        memory = make_memory();
    if (size == 0)
        return 0;
    size_t piece = (data[0] & 0x7f) + 1u;
    struct memory_loader *l = memory_loader_new(data[0] >> 7 ? memory : NULL);
    for (size_t at = 1; at < size && rc == 0; at += taken) {
        g_autoptr(GError) err = NULL;
        rc = memory_loader_feed(l, data + at, MIN(piece, size - at), &taken, &err);
        g_assert((rc < 0) == (err != NULL) && (rc != 0 || taken == MIN(piece, size - at)));
    }
    memory_loader_free(l);
    return 0;
}
