#include "ioreq/dispatch.h"

#include <glib.h>

#include "base/bytes.h"
#include "hw/core/bus.h"
#include "hw/core/dma.h"
#include "hw/core/pci.h"

static bool is_read(const struct ioreq *req)
{
    return (req->flags & IOREQ_READ) != 0;
}

static bool valid(const struct ioreq *req)
{
    bool size_ok = req->size == 1 || req->size == 2 || req->size == 4 ||
                   (req->size == 8 && req->type == IOREQ_TYPE_COPY);

    if (!size_ok || req->count > IOREQ_MAX_COUNT)
        return false;
    switch (req->type) {
    case IOREQ_TYPE_PIO: return req->addr < BUS_PIO_SIZE;
    case IOREQ_TYPE_COPY: return true;
    case IOREQ_TYPE_PCI_CONFIG: return req->count == 1 && (req->flags & IOREQ_DATA_IS_PTR) == 0;
    default: return false;
    }
}

static void pci_config(struct dispatch *d, struct ioreq *req)
{
    uint8_t devfn = IOREQ_PCI_DEVFN(req->addr);
    unsigned offset = IOREQ_PCI_OFFSET(req->addr);
    bool here = d->pci != NULL && IOREQ_PCI_SEGMENT(req->addr) == 0 &&
                IOREQ_PCI_BUS(req->addr) == 0;

    if (!is_read(req)) {
        if (here)
            pci_config_write(d->pci, devfn, offset, (uint32_t)req->data, req->size);
        return;
    }
    req->data = here ? pci_config_read(d->pci, devfn, offset, req->size) : size_mask(req->size);
}

/* Values in guest memory: one at a time, since a device's handler may move the memory map. */
static void access_by_pointer(struct dispatch *d, const struct ioreq *req, enum bus_space space,
                              uint64_t addr, uint64_t ptr)
{
    uint8_t bytes[8];

    if (is_read(req)) {
        put_le(bytes, bus_read(d->bus, space, addr, req->size), req->size);
        dma_write(d->mem, ptr, bytes, req->size);
    } else {
        dma_read(d->mem, ptr, bytes, req->size);
        bus_write(d->bus, space, addr, get_le(bytes, req->size), req->size);
    }
}

static void repeat(struct dispatch *d, struct ioreq *req, enum bus_space space)
{
    uint64_t step = (req->flags & IOREQ_DF) != 0 ? -(uint64_t)req->size : req->size;
    uint64_t addr_step = space == BUS_PIO ? 0 : step;
    uint64_t addr = req->addr, ptr = req->data, value = req->data;

    for (uint32_t i = 0; i < req->count; i++, addr += addr_step, ptr += step) {
        if ((req->flags & IOREQ_DATA_IS_PTR) != 0)
            access_by_pointer(d, req, space, addr, ptr);
        else if (is_read(req))
            value = bus_read(d->bus, space, addr, req->size);
        else
            bus_write(d->bus, space, addr, value, req->size);
    }
    if (is_read(req) && (req->flags & IOREQ_DATA_IS_PTR) == 0)
        req->data = value;
}

static void dispatch(struct dispatch *d, struct ioreq *req)
{
    enum bus_space space = req->type == IOREQ_TYPE_PIO ? BUS_PIO : BUS_MMIO;

    if (G_UNLIKELY(!valid(req))) {
        d->refused++;
        if (is_read(req) && (req->flags & IOREQ_DATA_IS_PTR) == 0)
            req->data = UINT64_MAX;
    } else if (req->type == IOREQ_TYPE_PCI_CONFIG) {
        pci_config(d, req);
    } else if (G_LIKELY(req->count == 1 && (req->flags & IOREQ_DATA_IS_PTR) == 0)) {
        if (is_read(req))
            req->data = bus_read(d->bus, space, req->addr, req->size);
        else
            bus_write(d->bus, space, req->addr, req->data, req->size);
    } else {
        repeat(d, req, space);
    }
}

/* ---- Recording ---- */

/* Of a read only where it goes; its answer is an effect. */
static void dispatch_journaled(struct dispatch *d, struct ioreq *req)
{
    bool answers = is_read(req) && (req->flags & IOREQ_DATA_IS_PTR) == 0;

    if (!journal_begin(&d->journal,
                       JOURNAL_NUMBERS_OF(JOURNAL_IOREQ, req->type, req->flags, req->addr,
                                          req->size, req->count, answers ? 0 : req->data)))
        return;
    dispatch(d, req);
    if (answers)
        journal_effect(&d->journal, JOURNAL_NUMBERS_OF(JOURNAL_ANSWER, req->data));
    journal_end(&d->journal);
}

static void play(void *opaque, const struct journal_entry *entry, const uint8_t *data, size_t len)
{
    struct ioreq req = { .type = (uint8_t)entry->n[0],
                         .flags = (uint8_t)entry->n[1],
                         .addr = entry->n[2],
                         .size = (uint32_t)entry->n[3],
                         .count = (uint32_t)entry->n[4],
                         .data = entry->n[5] };

    dispatch_journaled(opaque, &req);
}

void dispatch_join(struct dispatch *d)
{
    journal_join(&d->journal, "cpu", NULL, play, d);
}

void dispatch_leave(struct dispatch *d)
{
    journal_leave(&d->journal);
}

void ioreq_dispatch(struct dispatch *d, struct ioreq *req)
{
    if (G_LIKELY(!journal_on()))
        dispatch(d, req);
    else
        dispatch_journaled(d, req);
}
