/*
 * The whole machine as one stream of hw/core/state.h: a section of the machine itself, those of
 * the core, and one per device in the order of creation.
 */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "hw/acpi/piix4_pm.h"
#include "hw/core/state.h"
#include "hw/machine/board.h"

#define MACHINE_SECTION "machine"

/*
 * What belongs to no chip, in the shape of a device, so that it is saved and checked as they are.
 * Deadlines of timers are points of the machine's clock: it goes on where it was.
 */
struct machine_record {
    struct device dev;
    uint64_t clock; /* ns */
};

static const struct state_field record_state[] = {
    STATE_FIELD(struct machine_record, clock, .max = INT64_MAX / 4),
    {},
};

static const struct device_kind record_kind = {
    .name = MACHINE_SECTION,
    .desc = "Machine",
    .size = sizeof(struct machine_record),
    .state = record_state,
    .state_version = 1,
};

static void save_record(struct machine *m, GByteArray *out)
{
    struct device *dev = device_new(&record_kind, MACHINE_SECTION, &m->services);

    ((struct machine_record *)dev)->clock = (uint64_t)clock_now(m->services.clock);
    state_save_device(out, dev);
    device_destroy(dev);
}

/*
 * What ends may start something in a device that has been drained already: an IDE drive that waited
 * for the other one of its channel. That is the end of it: hence twice.
 */
static void drain_devices(struct machine *m)
{
    for (unsigned n = 0; n < 2 * m->devices->len; n++) {
        unsigned i = n % m->devices->len;
        struct device *dev = m->devices->pdata[i];
        if (dev->kind->drain != NULL)
            dev->kind->drain(dev);
    }
}

GByteArray *machine_save(struct machine *m, GError **err)
{
    g_autoptr(GByteArray) out = state_begin();

    bool told = journal_begin(&m->journal, JOURNAL_NUMBERS_OF(JOURNAL_SAVE, 0));
    drain_devices(m);
    if (told)
        journal_end(&m->journal);
    save_record(m, out);
    if (m->core->ops->save != NULL && m->core->ops->save(m->core, out, err) < 0)
        return NULL;
    for (unsigned i = 0; i < m->devices->len; i++)
        state_save_device(out, m->devices->pdata[i]);
    state_end(out);
    return g_steal_pointer(&out);
}

/* ---- Memory ---- */

static void clear_memory(gpointer data)
{
    g_free(((struct machine_memory *)data)->name);
}

static void add_memory(GArray *list, char *name, uint8_t *host, uint64_t size)
{
    const struct machine_memory memory = { name, host, size };

    g_array_append_val(list, memory);
}

/* What a device shows in its BARs: a frame buffer. */
static void add_device_memory(GArray *list, const struct device *dev)
{
    const struct pci_device *pci = (const struct pci_device *)dev;

    if (dev->kind->base != &pci_device_base)
        return;
    for (unsigned i = 0; i < PCI_N_BARS; i++) {
        const struct mem_block *block = pci->bar[i].block;
        if (block != NULL && (block->flags & MEM_READONLY) == 0)
            add_memory(list, g_strdup_printf("%s.bar%u", dev->id, i), block->host, block->size);
    }
}

GArray *machine_get_memory(const struct machine *m)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct machine_memory));

    g_array_set_clear_func(list, clear_memory);
    if (m->ram == NULL)
        return list;
    add_memory(list, g_strdup("ram"), m->ram, m->ram_size);
    for (unsigned i = 0; i < m->devices->len; i++)
        add_device_memory(list, m->devices->pdata[i]);
    return list;
}

/* ---- Loading ---- */

static int load_section(const GArray *sections, struct device *dev, GError **err)
{
    const struct state_section *s = state_find_section(sections, dev->id);

    if (s == NULL)
        return fail(err, EINVAL, "saved state: device %s is missing", dev->id);
    return state_load_device(dev, s, err);
}

static int load_record(struct machine *m, const GArray *sections, GError **err)
{
    struct device *dev = device_new(&record_kind, MACHINE_SECTION, &m->services);
    int rc = load_section(sections, dev, err);

    if (rc == 0)
        clock_set(m->services.clock, (int64_t)((struct machine_record *)dev)->clock);
    device_destroy(dev);
    return rc;
}

/* In the order of creation: an interrupt controller knows its levels before its sources drive. */
static int load_devices(struct machine *m, const GArray *sections, GError **err)
{
    for (unsigned i = 0; i < m->devices->len; i++) {
        int rc = load_section(sections, m->devices->pdata[i], err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int refuse_stranger(const struct machine *m, const struct state_section *s, GError **err)
{
    bool of_core = g_str_has_prefix(s->id, "core.") && m->core->ops->load != NULL;
    bool known = strcmp(s->id, MACHINE_SECTION) == 0 || of_core ||
                 machine_find_device(m, s->id) != NULL;

    return known ? 0
                 : fail(err, EINVAL, "saved state: this machine has no device %s (%s)", s->id,
                        s->kind);
}

/* Every section is of something that is here, and there once. */
static int check_sections(const struct machine *m, const GArray *sections, GError **err)
{
    for (unsigned i = 0; i < sections->len; i++) {
        const struct state_section *s = &g_array_index(sections, struct state_section, i);
        int rc = refuse_stranger(m, s, err);
        if (rc == 0 && state_find_section(sections, s->id) != s)
            rc = fail(err, EINVAL, "saved state: device %s is there twice", s->id);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int load(struct machine *m, const uint8_t *data, size_t size, GError **err)
{
    g_autoptr(GArray) sections = state_parse(data, size, err);

    if (sections == NULL)
        return -EINVAL;
    int rc = check_sections(m, sections, err);
    if (rc == 0)
        rc = load_record(m, sections, err);
    if (rc == 0)
        rc = load_devices(m, sections, err);
    if (rc == 0 && m->core->ops->load != NULL)
        rc = m->core->ops->load(m->core, sections, err);
    return rc;
}

/*
 * It was saved in S3: its CPUs must not go on where they stopped, but by way of the firmware. Xen
 * wakes its domains by itself.
 */
static bool sleeps(const struct machine *m)
{
    return m->core->ops->shutdown == NULL && m->pm != NULL && piix4_pm_asleep(m->pm);
}

int machine_load(struct machine *m, const uint8_t *data, size_t size, GError **err)
{
    const struct iovec iov = { (void *)(uintptr_t)data, size }; /* only read */
    const struct journal_entry entry = { .kind = JOURNAL_LOAD, .iov = &iov, .n_iov = 1 };

    if (!journal_begin(&m->journal, &entry))
        return fail(err, EINVAL, "saved state: not part of the recording");
    int rc = load(m, data, size, err);
    if (rc == 0 && sleeps(m))
        m->state = MACHINE_SUSPENDED;
    journal_end(&m->journal);
    return rc;
}
